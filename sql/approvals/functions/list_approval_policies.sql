-- The policies, by agent type and category. For callers with approval:read. Locks nothing.

create function mayfly.list_approval_policies()
returns jsonb
language plpgsql stable
set search_path = ''
as $$
declare
  tenant constant uuid := mayfly_private.require_tenant('approval:read');
begin
  return (
    select coalesce(jsonb_agg(mayfly_private.show_approval_policy(p) order by p.agent_type, p.category), '[]')
    from mayfly.approval_policies p where p.tenant_id = tenant);
end
$$;

comment on function mayfly.list_approval_policies is 'What needs an approval, by agent type and category.';
grant execute on function mayfly.list_approval_policies to authenticated, service_role;
