-- Hands the outcome of an approval to the step of the job that asked for it. The worker calls it with the lease of the
-- job, after a decision and before it acts. After a crash, the same step can take the outcome again. Any other step or
-- job is refused. A pending approval expires here if its time is over, and otherwise stays pending. Locks the job, then
-- the approval.

create function mayfly_private.use_approval(lease text, id uuid, step text)
returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  job constant mayfly.jobs := mayfly_private.fence_job(lease);
  approval mayfly.approvals;
begin
  select * into approval from mayfly.approvals a where a.tenant_id = job.tenant_id and a.id = use_approval.id for no key update;
  if approval.id is null or approval.job_id is distinct from job.id or approval.step is distinct from use_approval.step then
    perform mayfly_private.fail(404, 'approval_unknown', 'This step did not ask for this approval.', null,
      jsonb_build_object('field', case when approval.job_id = job.id then 'step' else 'id' end));
  end if;
  if approval.status = 'pending' and approval.expires_at <= mayfly_private.now() then
    perform mayfly_private.end_approval(approval, 'expired');
    delete from mayfly.job_signals s where s.tenant_id = job.tenant_id and s.job_id = job.id and s.name = 'approval:' || approval.id;
    select * into approval from mayfly.approvals a where a.tenant_id = job.tenant_id and a.id = use_approval.id;
  elsif approval.status = 'approved' and approval.used_at is null then
    update mayfly.approvals a set used_at = mayfly_private.now() where a.tenant_id = job.tenant_id and a.id = use_approval.id;
  end if;
  return mayfly_private.show_approval(approval) || jsonb_build_object('reasons', (
    select coalesce(jsonb_agg(d.reason order by d.at), '[]') from mayfly.approval_decisions d
    where d.tenant_id = job.tenant_id and d.approval_id = approval.id and d.reason is not null and d.verdict <> 'delegate'));
end
$$;

comment on function mayfly_private.use_approval is 'Returns a decision to the job that asked.';
grant execute on function mayfly_private.use_approval to authenticated, service_role;

-- Returns the approval with the input to act on, for the job and the step that asked. If the status is anything other
-- than `approved`, the caller has no approval and must not act.

create function mayfly.use_approval(lease text, id uuid, step text)
returns jsonb
language sql
set search_path = ''
return mayfly_private.use_approval(lease, id, step);

comment on function mayfly.use_approval is 'Returns a decision to the job and the step that asked: the approval, its input and the reasons.';
grant execute on function mayfly.use_approval to authenticated, service_role;
