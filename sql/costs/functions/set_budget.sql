-- Stores a budget. Locks the budget.

create function mayfly_private.set_budget(level text, subject text, hard_usd numeric, soft_usd numeric, hard_tokens bigint, period text)
returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  tenant constant uuid := mayfly_private.require_tenant('cost:admin');
  of_subject constant text := coalesce(set_budget.subject, '');
  fault record;
  budget mayfly.budgets;
begin
  select q.field, q.rule into fault
  from (values
    ('level', level is null or level not in ('tenant', 'team', 'agent', 'run'), 'tenant, team, agent or run'),
    ('subject', case level when 'tenant' then of_subject <> '' when 'run' then mayfly_private.to_uuid(of_subject) is null
      when 'team' then mayfly_private.to_uuid(of_subject) is null
      else char_length(of_subject) not between 1 and 100 end, 'the name of the agents, the id of the team or the run, or empty for the tenant'),
    ('hard_usd', not (hard_usd between 0 and 1e9), 'US dollars from 0 to 1e9'),
    ('soft_usd', not (soft_usd between 0 and 1e9), 'US dollars from 0 to 1e9'),
    ('hard_tokens', not (hard_tokens between 0 and 1000000000000), 'a whole number from 0 to 1e12'),
    ('hard_usd', num_nonnulls(hard_usd, soft_usd, hard_tokens) = 0, 'set, unless soft_usd or hard_tokens is'),
    ('period', period is null or period not in ('total', 'day', 'month'), 'total, day or month')
  ) as q (field, refused, rule)
  where q.refused limit 1;
  if found then
    perform mayfly_private.fail(400, 'invalid_request', format('%s must be %s.', fault.field, fault.rule), null, jsonb_build_object('field', fault.field));
  end if;
  if (select count(*) from mayfly.budgets b where b.tenant_id = tenant and b.level <> 'run') >= 1000 and not exists (
    select from mayfly.budgets b where b.tenant_id = tenant and b.level = set_budget.level and b.subject = of_subject) then
    perform mayfly_private.fail(403, 'quota_exceeded', 'A tenant has at most 1000 budgets.', null, '{"quota": "budgets", "limit": 1000}');
  end if;
  perform mayfly_private.charge(tenant, 0, 0, 1);
  insert into mayfly.budgets as b (tenant_id, level, subject, hard_usd, soft_usd, hard_tokens, period, period_start)
  values (tenant, level, of_subject, hard_usd, soft_usd, hard_tokens, period,
    case when period = 'total' then mayfly_private.now() else date_trunc(period, mayfly_private.now() at time zone 'UTC') at time zone 'UTC' end)
  on conflict on constraint budgets_pkey do update
  set hard_usd = excluded.hard_usd, soft_usd = excluded.soft_usd, hard_tokens = excluded.hard_tokens, period = excluded.period,
    period_start = case when b.period = excluded.period then b.period_start else excluded.period_start end,
    reached_at = null, refused_at = null
  returning * into budget;
  return mayfly_private.show_budget(budget);
end
$$;

comment on function mayfly_private.set_budget is 'Sets a budget.';
grant execute on function mayfly_private.set_budget to authenticated, service_role;

-- Sets the budget of the tenant, a team, a run, or all agents with the same name. The new budget replaces the old one
-- (scope cost:admin). Amounts that were already spent still count. At least one of the limits has to be set.

create function mayfly.set_budget(
  level text, subject text default '', hard_usd numeric default null, soft_usd numeric default null, hard_tokens bigint default null,
  period text default 'total'
)
returns jsonb
language sql
set search_path = ''
return mayfly_private.set_budget(level, subject, hard_usd, soft_usd, hard_tokens, period);

comment on function mayfly.set_budget is 'Sets the budget of the tenant, a team, a run, or all agents with the same name. Returns it.';
grant execute on function mayfly.set_budget to authenticated, service_role;
