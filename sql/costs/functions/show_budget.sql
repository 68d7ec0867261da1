-- A budget in the form that readers get.

create function mayfly_private.show_budget(budget mayfly.budgets)
returns jsonb
language plpgsql stable
set search_path = ''
as $$
begin
  return to_jsonb(budget) - '{tenant_id}'::text[];
end
$$;

comment on function mayfly_private.show_budget is 'A budget in the form that readers get.';
grant execute on function mayfly_private.show_budget to authenticated, service_role;
