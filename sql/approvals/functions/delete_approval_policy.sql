-- Deletes a policy. Locks the policy's row.

create function mayfly_private.delete_approval_policy(agent_type text, category text)
returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  tenant constant uuid := mayfly_private.require_tenant('approval:admin');
begin
  delete from mayfly.approval_policies p
  where p.tenant_id = tenant and p.agent_type = delete_approval_policy.agent_type and p.category = delete_approval_policy.category;
  return jsonb_build_object('deleted', found);
end
$$;

comment on function mayfly_private.delete_approval_policy is 'Deletes a policy.';
grant execute on function mayfly_private.delete_approval_policy to authenticated, service_role;

-- Deletes the policy of an agent type and a category (scope approval:admin). Returns { deleted }. From then on, the
-- most specific of the other policies applies, or the default.

create function mayfly.delete_approval_policy(agent_type text default '*', category text default '*')
returns jsonb
language sql
set search_path = ''
return mayfly_private.delete_approval_policy(agent_type, category);

comment on function mayfly.delete_approval_policy is 'Deletes the policy of an agent type and a category: { deleted }.';
grant execute on function mayfly.delete_approval_policy to authenticated, service_role;
