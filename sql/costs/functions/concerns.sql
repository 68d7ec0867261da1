-- Whether a call counts against a budget. `groups` are the teams for which the call is made, and the jobs above its job
-- (cost_groups_of, jobs_above). Their budgets count the call too.

create function mayfly_private.concerns(budget mayfly.budgets, tenant uuid, agent text, run uuid, groups text[])
returns boolean
language plpgsql immutable
set search_path = ''
as $$
begin
  return budget.tenant_id = tenant and case budget.level
    when 'tenant' then true
    when 'team' then budget.subject = any (groups)
    when 'agent' then budget.subject = agent
    else budget.subject = run::text or budget.subject = any (groups) end;
end
$$;

comment on function mayfly_private.concerns is 'Whether a call counts in a budget.';
