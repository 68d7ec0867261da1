-- Whether a call counts against a budget.

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
    else budget.subject = run::text end;
end
$$;

comment on function mayfly_private.concerns is 'Whether a call counts in a budget.';
