-- Withdraws an approval. Locks the job, then the approval.

create function mayfly_private.cancel_approval(id uuid)
returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  tenant constant uuid := mayfly_private.require_tenant('approval:request');
  caller constant mayfly_private.caller := mayfly_private.caller();
  approval mayfly.approvals;
begin
  approval := mayfly_private.open_approval(tenant, cancel_approval.id);
  if approval.requested_by is distinct from caller.id and not tenant = any (mayfly_private.tenant_ids('approval:admin')) then
    perform mayfly_private.fail(403, 'scope_missing', 'The caller does not have the scope approval:admin.',
      'Without it, you can withdraw only what you requested.', '{"scope": "approval:admin"}');
  end if;
  perform mayfly_private.end_approval(approval, 'cancelled');
  select * into approval from mayfly.approvals a where a.tenant_id = tenant and a.id = cancel_approval.id;
  return mayfly_private.show_approval(approval);
end
$$;

comment on function mayfly_private.cancel_approval is 'Withdraws an approval.';
grant execute on function mayfly_private.cancel_approval to authenticated, service_role;

-- Withdraws an approval that the caller has requested (scope approval:request) or, with approval:admin, any approval. A
-- job that waits for the approval gets the outcome `cancelled`.

create function mayfly.cancel_approval(id uuid)
returns jsonb
language sql
set search_path = ''
return mayfly_private.cancel_approval(id);

comment on function mayfly.cancel_approval is 'Withdraws a pending approval. Returns it.';
grant execute on function mayfly.cancel_approval to authenticated, service_role;
