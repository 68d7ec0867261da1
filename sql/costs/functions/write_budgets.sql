-- Writes back locked budgets, and logs those that have reached their soft limit.

create function mayfly_private.write_budgets(rows mayfly.budgets[])
returns void
language plpgsql security definer
set search_path = ''
as $$
declare
  ts constant timestamptz := mayfly_private.now();
  b mayfly.budgets;
begin
  for i in 1..coalesce(cardinality(rows), 0) loop
    if rows[i].spent_usd >= rows[i].soft_usd and rows[i].reached_at is null then
      rows[i].reached_at := ts;
      perform mayfly_private.append_events(rows[i].tenant_id, 'budget.reached', array[rows[i].id]);
    end if;
    b := rows[i];
    update mayfly.budgets u
    set spent_usd = b.spent_usd, held_usd = b.held_usd, spent_tokens = b.spent_tokens, held_tokens = b.held_tokens, unpriced = b.unpriced,
      period_start = b.period_start, reached_at = b.reached_at, refused_at = b.refused_at
    where u.tenant_id = b.tenant_id and u.level = b.level and u.subject = b.subject;
  end loop;
end
$$;

comment on function mayfly_private.write_budgets is 'Writes back locked budgets.';
