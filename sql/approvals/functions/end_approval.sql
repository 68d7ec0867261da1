-- Ends a pending approval whose job and row the caller has locked, writes to the log, and signals the waiting job.

create function mayfly_private.end_approval(approval mayfly.approvals, ended text)
returns void
language plpgsql security definer
set search_path = ''
as $$
declare
  job mayfly.jobs;
begin
  update mayfly.approvals a set status = ended, decided_at = mayfly_private.now()
  where a.tenant_id = approval.tenant_id and a.id = approval.id;
  perform mayfly_private.append_events(approval.tenant_id, 'approval.' || ended, array[approval.id]);
  select * into job from mayfly.jobs j where j.tenant_id = approval.tenant_id and j.id = approval.job_id;
  if found then
    perform mayfly_private.put_signal(job, 'approval:' || approval.id, jsonb_build_object('status', ended), 300);
    perform mayfly_private.count_usage(approval.tenant_id, 0, 300, 0);
  end if;
end
$$;

comment on function mayfly_private.end_approval is 'Ends a pending approval and signals its job.';
