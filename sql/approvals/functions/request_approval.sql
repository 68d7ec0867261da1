-- Stores an approval. With a lease, the approval belongs to the job and the step, so a step that asks again after a
-- crash finds it. Only the holder of the lease can ask. The request and the tenant's policy each have a quorum and an
-- expiry, and the stricter of the two applies. If the policy names roles, they replace those of the request. Locks the
-- job and what charge locks.

create function mayfly_private.request_approval(
  title text, input jsonb, lease text, step text, category text, confidence double precision, milestone boolean, required boolean,
  quorum integer, roles text[], deciders uuid[], expires_in double precision, input_schema jsonb
)
returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  ts constant timestamptz := mayfly_private.now();
  caller mayfly_private.caller;
  job mayfly.jobs;
  tenant uuid;
  rule mayfly.approval_policies;
  approval mayfly.approvals;
  confident boolean;
  asked bytea;
begin
  input := coalesce(input, '{}');
  category := coalesce(category, 'general');
  if (lease is null) <> (step is null) then
    perform mayfly_private.fail(400, 'invalid_request', 'lease and step must be passed together.', 'An approval of a job needs its step.', '{"field": "step"}');
  end if;
  perform mayfly_private.check_approval(title, input, category, confidence, quorum, roles, deciders, expires_in, input_schema, step);
  if lease is null then
    tenant := mayfly_private.require_tenant('approval:request');
  else
    job := mayfly_private.fence_job(lease);
    tenant := job.tenant_id;
  end if;
  caller := mayfly_private.caller();
  asked := mayfly_private.approval_digest(input);
  if job.id is not null then
    select * into approval from mayfly.approvals a
    where a.tenant_id = tenant and a.job_id = job.id and a.step = request_approval.step and a.digest = asked;
    if found then
      return mayfly_private.show_approval(approval);
    end if;
  end if;

  rule := mayfly_private.approval_rule(tenant, case when caller.kind = 'agent' then (
    select a.type from mayfly.agents a where a.tenant_id = tenant and a.id = caller.id) else '' end, category);
  confident := coalesce(confidence >= rule.min_confidence, false);
  approval.tenant_id := tenant;
  approval.id := gen_random_uuid();
  approval.title := title;
  approval.category := category;
  approval.input := input;
  approval.digest := asked;
  approval.input_schema := input_schema;
  approval.confidence := confidence;
  approval.milestone := coalesce(milestone, false);
  approval.job_id := job.id;
  approval.attempt := job.attempt;
  approval.step := step;
  approval.requested_by := caller.id;
  approval.requested_kind := case caller.kind when 'client' then 'person' else caller.kind end;
  approval.quorum := greatest(quorum, rule.quorum, 1);
  approval.roles := coalesce(rule.roles, roles);
  approval.deciders := deciders;
  approval.delegates := '{}';
  approval.requester_decides := rule.requester_decides;
  approval.notify := rule.notify;
  approval.expires_at := ts + least(make_interval(secs => expires_in), rule.expires_in);
  approval.escalates_at := ts + rule.escalate_after;
  approval.escalation_roles := rule.escalation_roles;
  approval.created_at := ts;
  approval.bytes := 1024 + octet_length(input::text) + coalesce(octet_length(input_schema::text), 0);
  approval.waived := case
    when coalesce(required, false) then null
    when rule.autonomy = 'none' then 'autonomy'
    when confident then 'confidence'
    when rule.autonomy = 'milestones' and not approval.milestone then 'no milestone'
  end;
  approval.status := case when approval.waived is null then 'pending' else 'approved' end;
  approval.decided_at := case when approval.waived is not null then ts end;

  perform mayfly_private.charge(tenant, 0, approval.bytes, 1);
  insert into mayfly.approvals select approval.*;
  if approval.waived is null then
    perform mayfly_private.append_events(tenant, 'approval.requested', array[approval.id]);
    perform mayfly_private.notify_approvers(approval, 'requested');
  else
    perform mayfly_private.append_events(tenant, 'approval.approved', array[approval.id]);
  end if;
  return mayfly_private.show_approval(approval);
end
$$;

comment on function mayfly_private.request_approval is 'Asks for an approval.';
grant execute on function mayfly_private.request_approval to authenticated, service_role;

-- Asks for an approval, with the lease of a job or without one (scope approval:request). A job then waits for the
-- signal `approval:<id>`. The tenant's policies decide whether anybody has to be asked. If nobody has to be asked, the
-- returned approval has the status `approved`, and `waived` says why. With `required`, somebody is always asked. An
-- approval without an input_schema can be approved or rejected, but not changed.

create function mayfly.request_approval(
  title text, input jsonb default '{}', lease text default null, step text default null, category text default 'general',
  confidence double precision default null, milestone boolean default false, required boolean default false, quorum integer default null,
  roles text[] default null, deciders uuid[] default null, expires_in double precision default null, input_schema jsonb default null
)
returns jsonb
language sql
set search_path = ''
return mayfly_private.request_approval(title, input, lease, step, category, confidence, milestone, required, quorum, roles, deciders, expires_in, input_schema);

comment on function mayfly.request_approval is 'Asks for an approval, for a job or without one. Returns it: pending, or approved if the tenant''s policies ask nobody.';
grant execute on function mayfly.request_approval to authenticated, service_role;
