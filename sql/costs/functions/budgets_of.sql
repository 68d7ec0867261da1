-- Returns the budgets that the three parallel lists name by tenant, level and subject. First locks these budgets until
-- commit, always in the same order. If the period of a budget is over, a new period starts. Called wherever costs are
-- reserved, settled or released.

create function mayfly_private.budgets_of(tenants uuid[], levels text[], subjects text[])
returns mayfly.budgets[]
language plpgsql security definer
set search_path = ''
set plan_cache_mode = force_generic_plan
as $$
declare
  ts constant timestamptz := mayfly_private.now();
  rows mayfly.budgets[];
begin
  select coalesce(array_agg(l order by l.tenant_id, l.level = 'run', l.level = 'agent', l.subject), '{}') into rows
  from (
    select b.* from mayfly.budgets b
    join (select distinct t.tenant_id, t.level, t.subject from unnest(tenants, levels, subjects) as t (tenant_id, level, subject)) a
      on a.tenant_id = b.tenant_id and a.level = b.level and a.subject = b.subject
    order by b.tenant_id, b.level = 'run', b.level = 'agent', b.subject
    for no key update of b) l;
  for i in 1..cardinality(rows) loop
    if rows[i].period <> 'total' and rows[i].period_start < date_trunc(rows[i].period, ts at time zone 'UTC') at time zone 'UTC' then
      rows[i].period_start := date_trunc(rows[i].period, ts at time zone 'UTC') at time zone 'UTC';
      rows[i].spent_usd := 0;
      rows[i].spent_tokens := 0;
      rows[i].unpriced := 0;
      rows[i].reached_at := null;
      rows[i].refused_at := null;
    end if;
  end loop;
  return rows;
end
$$;

comment on function mayfly_private.budgets_of is 'Locks and returns the budgets that calls affect.';
