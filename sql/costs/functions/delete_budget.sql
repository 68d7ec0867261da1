-- Deletes a budget. Locks the budget.

create function mayfly_private.delete_budget(level text, subject text)
returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  tenant constant uuid := mayfly_private.require_tenant('cost:admin');
begin
  delete from mayfly.budgets b
  where b.tenant_id = tenant and b.level = delete_budget.level and b.subject = coalesce(delete_budget.subject, '');
  return jsonb_build_object('deleted', found);
end
$$;

comment on function mayfly_private.delete_budget is 'Deletes a budget.';
grant execute on function mayfly_private.delete_budget to authenticated, service_role;

-- Deletes a budget (scope cost:admin). Returns { deleted }, which is false if there was none. The ledger stays.

create function mayfly.delete_budget(level text, subject text default '')
returns jsonb
language sql
set search_path = ''
return mayfly_private.delete_budget(level, subject);

comment on function mayfly.delete_budget is 'Deletes a budget: { deleted }.';
grant execute on function mayfly.delete_budget to authenticated, service_role;
