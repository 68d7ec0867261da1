-- Returns a pending approval. First locks its job, then the approval, until commit. Fails if there is no such approval,
-- or if it has ended. Also fails if its time is over or its job has ended, even if maintenance has not recorded this
-- yet.

create function mayfly_private.open_approval(tenant uuid, id uuid)
returns mayfly.approvals
language plpgsql security definer
set search_path = ''
as $$
declare
  approval mayfly.approvals;
  over text;
begin
  if not exists (select from mayfly.approvals a where a.tenant_id = tenant and a.id = open_approval.id) then
    perform mayfly_private.await_deliveries(tenant);
  end if;
  perform from mayfly.jobs j
  where j.tenant_id = tenant and j.id = (select a.job_id from mayfly.approvals a where a.tenant_id = tenant and a.id = open_approval.id)
  for no key update;
  select * into approval from mayfly.approvals a where a.tenant_id = tenant and a.id = open_approval.id for no key update;
  if approval.id is null then
    perform mayfly_private.fail(404, 'approval_unknown', 'There is no such approval.', null, '{"field": "id"}');
  end if;
  over := case
    when approval.status <> 'pending' then approval.status
    when approval.expires_at <= mayfly_private.now() then 'expired'
    when approval.job_id is not null and not exists (select from mayfly.jobs j where j.tenant_id = tenant and j.id = approval.job_id and not j.cancelled) then 'cancelled'
  end;
  if over is not null then
    perform mayfly_private.fail(409, 'approval_decided', format('This approval has ended: %s.', over), 'It cannot be decided any more.',
      jsonb_build_object('field', 'id', 'status', over));
  end if;
  return approval;
end
$$;

comment on function mayfly_private.open_approval is 'Locks and returns a pending approval.';
