-- Null if the caller may decide an approval, or else a code that says why it may not. The scope has already been
-- checked. The requester, its ancestors and its descendants may decide only if the policy allowed this when the
-- approval was requested. Without this rule, an agent could have its child or its parent approve. Locks nothing.

create function mayfly_private.may_decide(caller mayfly_private.caller, approval mayfly.approvals)
returns text
language plpgsql stable security definer
set search_path = ''
as $$
declare
  role constant text := case caller.kind
    when 'secret' then 'owner'
    when 'person' then (select m.role from mayfly.members m where m.tenant_id = approval.tenant_id and m.user_id = caller.id)
    else 'agent' end;
  has_escalated constant boolean := approval.escalated_at is not null or approval.escalates_at <= mayfly_private.now();
begin
  -- An OAuth client cannot decide for a person.
  if caller.kind = 'client' then
    return 'approval_not_yours';
  elsif not approval.requester_decides and (
    caller.id = approval.requested_by
    or (caller.kind = 'secret' and approval.requested_kind = 'secret')
    or (caller.kind = 'agent' and exists (
      select from mayfly.agents a
      where a.tenant_id = approval.tenant_id
        and ((a.id = caller.id and approval.requested_by = any (a.ancestors))
          or (a.id = approval.requested_by and caller.id = any (a.ancestors)))))) then
    return 'approval_own';
  elsif exists (
    select from mayfly.approval_decisions d
    where d.tenant_id = approval.tenant_id and d.approval_id = approval.id and d.verdict = 'delegate'
      and d.decided_by = coalesce(caller.id, '00000000-0000-0000-0000-000000000000')) then
    return 'approval_not_yours';
  elsif caller.id = any (approval.delegates) then
    return null;
  elsif (approval.roles is null or role = any (approval.roles)) and (approval.deciders is null or caller.id = any (approval.deciders)) then
    return null;
  elsif has_escalated and role = any (coalesce(approval.escalation_roles, '{admin,owner}')) then
    return null;
  end if;
  return 'approval_not_yours';
end
$$;

comment on function mayfly_private.may_decide is 'Why the caller may not decide an approval; null if it may.';
