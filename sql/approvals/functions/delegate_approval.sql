-- Delegates an approval. Whoever delegates an approval can no longer decide it, so delegating does not add a decider.
-- The recipient also needs the scope approval:decide. Locks the job, then the approval.

create function mayfly_private.delegate_approval(id uuid, to_id uuid, reason text)
returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  tenant constant uuid := mayfly_private.require_tenant('approval:decide');
  caller constant mayfly_private.caller := mayfly_private.caller();
  author constant uuid := coalesce(caller.id, '00000000-0000-0000-0000-000000000000');
  approval mayfly.approvals;
begin
  if char_length(reason) > 2000 then
    perform mayfly_private.fail(400, 'invalid_request', 'reason must have at most 2000 characters.', null, '{"field": "reason"}');
  elsif to_id is null or to_id = author or not (
    exists (
      select from mayfly.members m join mayfly.scopes s on s.name = 'approval:decide'
      where m.tenant_id = tenant and m.user_id = to_id and m.role = any (s.roles))
    or exists (
      select from mayfly.agents a
      where a.tenant_id = tenant and a.id = to_id and 'approval:decide' = any (a.scopes) and mayfly_private.effective_status(a) = 'running')) then
    perform mayfly_private.fail(400, 'invalid_request', 'to_id must be another person or living agent of the tenant who may decide.',
      'Nothing was delegated.', '{"field": "to_id"}');
  end if;
  approval := mayfly_private.open_approval(tenant, delegate_approval.id);
  if mayfly_private.may_decide(caller, approval) is not null then
    perform mayfly_private.fail(403, 'approval_not_yours', 'Only those who may decide an approval can delegate it.', 'Ask somebody with its roles to delegate it.', '{"field": "id"}');
  elsif approval.requested_by = to_id and not approval.requester_decides then
    perform mayfly_private.fail(403, 'approval_own', 'The requester cannot decide.', 'Delegate it to somebody else.', '{"field": "to_id"}');
  end if;
  perform mayfly_private.charge(tenant, 0, 0, 1);
  insert into mayfly.approval_decisions as d (tenant_id, approval_id, decided_by, decided_kind, verdict, digest, delegated_to, reason)
  values (tenant, approval.id, author, caller.kind, 'delegate', approval.digest, to_id, delegate_approval.reason)
  on conflict on constraint approval_decisions_pkey do update
  set verdict = excluded.verdict, digest = excluded.digest, delegated_to = excluded.delegated_to, reason = excluded.reason, at = mayfly_private.now();
  -- If the recipient has delegated the approval before, the recipient can now decide it again.
  delete from mayfly.approval_decisions d
  where d.tenant_id = tenant and d.approval_id = approval.id and d.decided_by = to_id and d.verdict = 'delegate';
  update mayfly.approvals a set delegates = array_remove(a.delegates, to_id) || to_id
  where a.tenant_id = tenant and a.id = approval.id
  returning * into approval;
  perform mayfly_private.append_events(tenant, 'approval.delegated', array[approval.id]);
  perform mayfly_private.notify_approvers(approval, 'delegated');
  return mayfly_private.show_approval(approval);
end
$$;

comment on function mayfly_private.delegate_approval is 'Delegates an approval.';
grant execute on function mayfly_private.delegate_approval to authenticated, service_role;

-- Delegates an approval to another person or agent. The caller must be able to decide it (scope approval:decide).

create function mayfly.delegate_approval(id uuid, to_id uuid, reason text default null)
returns jsonb
language sql
set search_path = ''
return mayfly_private.delegate_approval(id, to_id, reason);

comment on function mayfly.delegate_approval is 'Delegates an approval to another person or agent, if the caller may decide it. Returns the approval.';
grant execute on function mayfly.delegate_approval to authenticated, service_role;
