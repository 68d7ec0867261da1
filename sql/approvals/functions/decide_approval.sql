-- Records a decision. No other function records one. Who decides is read from the verified token. The decider passes
-- the digest of the input that it has seen. If the input has changed since, the decision is refused. Locks the job,
-- then the approval, so concurrent deciders wait for each other and the quorum is exact.

create function mayfly_private.decide_approval(id uuid, verdict text, digest text, reason text, input jsonb)
returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  tenant constant uuid := mayfly_private.require_tenant('approval:decide');
  caller constant mayfly_private.caller := mayfly_private.caller();
  author constant uuid := coalesce(caller.id, '00000000-0000-0000-0000-000000000000');
  approval mayfly.approvals;
  refused text;
  fault text;
begin
  if verdict is null or verdict not in ('approve', 'reject') then
    perform mayfly_private.fail(400, 'invalid_request', 'verdict must be approve or reject.', null, '{"field": "verdict"}');
  elsif char_length(reason) > 2000 then
    perform mayfly_private.fail(400, 'invalid_request', 'reason must have at most 2000 characters.', null, '{"field": "reason"}');
  elsif input is not null and verdict = 'reject' then
    perform mayfly_private.fail(400, 'invalid_request', 'A rejection cannot have a changed input.', null, '{"field": "input"}');
  end if;
  approval := mayfly_private.open_approval(tenant, decide_approval.id);

  refused := mayfly_private.may_decide(caller, approval);
  if refused is not null then
    perform mayfly_private.fail(403, refused, case refused
        when 'approval_own' then 'The requester cannot decide.'
        else 'Others have to decide this approval.' end,
      case refused when 'approval_own' then 'Have somebody else decide it, or let a policy say that requesters decide.'
        else 'Have the approval delegated to you, or let somebody with its roles decide.' end, '{"field": "id"}');
  elsif encode(approval.digest, 'hex') is distinct from lower(digest) then
    perform mayfly_private.fail(409, 'approval_changed', 'The approval has changed since you read it.',
      'Read it again, and decide with its digest.', '{"field": "digest"}');
  elsif exists (
    select from mayfly.approval_decisions d
    where d.tenant_id = tenant and d.approval_id = approval.id and d.decided_by = author and d.digest = approval.digest and d.verdict <> 'delegate') then
    perform mayfly_private.fail(409, 'approval_decided', 'You have already decided this approval.', 'It waits for the other deciders of its quorum.', '{"field": "id"}');
  end if;
  if input is not null then
    fault := case
      when approval.input_schema is null then 'cannot be changed, because the approval has no schema'
      when not mayfly_private.json_within(input, 262144, 32) then 'must be at most 256 KB of JSON with at most 32 levels'
      else 'must match the schema of the approval: ' || mayfly_private.json_fault(approval.input_schema, input) end;
    if fault is not null then
      perform mayfly_private.fail(400, 'invalid_request', format('input %s.', fault), 'Nothing was decided.', '{"field": "input"}');
    end if;
    perform mayfly_private.check_numbers(input, 'input');
    -- Earlier decisions were about other arguments, so they no longer count.
    approval.digest := mayfly_private.approval_digest(input);
    perform mayfly_private.charge(tenant, 0, octet_length(input::text) - octet_length(approval.input::text), 1);
    update mayfly.approvals a
    set input = decide_approval.input, digest = approval.digest, bytes = a.bytes + octet_length(decide_approval.input::text) - octet_length(a.input::text)
    where a.tenant_id = tenant and a.id = approval.id;
  end if;

  insert into mayfly.approval_decisions as d (tenant_id, approval_id, decided_by, decided_kind, verdict, digest, reason)
  values (tenant, approval.id, author, caller.kind, decide_approval.verdict, approval.digest, decide_approval.reason)
  on conflict on constraint approval_decisions_pkey do update
  set verdict = excluded.verdict, digest = excluded.digest, reason = excluded.reason, delegated_to = null, at = mayfly_private.now();
  if verdict = 'reject' then
    perform mayfly_private.end_approval(approval, 'rejected');
  elsif approval.quorum <= (
    select count(*) from mayfly.approval_decisions d
    where d.tenant_id = tenant and d.approval_id = approval.id and d.verdict = 'approve' and d.digest = approval.digest) then
    perform mayfly_private.end_approval(approval, 'approved');
  end if;
  select * into approval from mayfly.approvals a where a.tenant_id = tenant and a.id = decide_approval.id;
  return mayfly_private.show_approval(approval);
end
$$;

comment on function mayfly_private.decide_approval is 'Decides an approval.';
grant execute on function mayfly_private.decide_approval to authenticated, service_role;

-- Approves or rejects (scope approval:decide). `digest` is the digest of the input that the caller has seen. With
-- `input`, the caller approves changed arguments, which must match the schema of the approval. Earlier decisions about
-- the old arguments then no longer count. A null changes nothing here. To approve null, use decide_approvals.

create function mayfly.decide_approval(id uuid, verdict text, digest text, reason text default null, input jsonb default null)
returns jsonb
language sql
set search_path = ''
return mayfly_private.decide_approval(id, verdict, digest, reason, input);

comment on function mayfly.decide_approval is 'Approves, rejects, or approves with a changed input. Returns the approval, which stays pending until it has its quorum.';
grant execute on function mayfly.decide_approval to authenticated, service_role;
