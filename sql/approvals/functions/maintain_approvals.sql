-- Maintains the approvals of a tenant. Expires and escalates approvals that are due, withdraws those whose job has
-- ended, and deletes ended ones after the time for which events are kept (mayfly_private.kept). Takes at most max_rows
-- of each, and returns { more }. It is a chore, which maintain_tenant calls as owner. Locks the jobs by id, then the
-- approvals.

create function mayfly_private.maintain_approvals(tenant uuid, max_rows integer)
returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  ts constant timestamptz := mayfly_private.now();
  due uuid[];
  approval mayfly.approvals;
  freed bigint;
  deleted integer;
  over text;
begin
  due := array(
    select a.id from mayfly.approvals a
    where a.tenant_id = tenant and a.status = 'pending'
      and (least(a.expires_at, case when a.escalated_at is null then a.escalates_at end) <= ts
        or (a.job_id is not null and not exists (select from mayfly.jobs j where j.tenant_id = tenant and j.id = a.job_id)))
    limit max_rows);
  perform from mayfly.jobs j
  where j.tenant_id = tenant and j.id in (select a.job_id from mayfly.approvals a where a.tenant_id = tenant and a.id = any (due))
  order by j.id for no key update;
  for approval in
    select * from mayfly.approvals a where a.tenant_id = tenant and a.id = any (due) and a.status = 'pending' order by a.id for no key update
  loop
    over := case
      when approval.expires_at <= ts then 'expired'
      when approval.job_id is not null and not exists (select from mayfly.jobs j where j.tenant_id = tenant and j.id = approval.job_id) then 'cancelled' end;
    if over is not null then
      perform mayfly_private.end_approval(approval, over);
    elsif approval.escalates_at <= ts and approval.escalated_at is null then
      update mayfly.approvals a set escalated_at = ts where a.tenant_id = tenant and a.id = approval.id;
      perform mayfly_private.append_events(tenant, 'approval.escalated', array[approval.id]);
      perform mayfly_private.notify_approvers(approval, 'escalated');
    end if;
  end loop;

  with gone as (
    delete from mayfly.approvals a
    where a.tenant_id = tenant and a.id = any (array(
      select o.id from mayfly.approvals o
      where o.tenant_id = tenant and o.status <> 'pending' and o.decided_at < ts - mayfly_private.kept()
        and (o.job_id is null or not exists (select from mayfly.jobs j where j.tenant_id = tenant and j.id = o.job_id))
      order by o.decided_at limit max_rows for update skip locked))
    returning a.bytes
  )
  select coalesce(sum(g.bytes), 0), count(*) into freed, deleted from gone g;
  if freed > 0 then
    perform mayfly_private.count_usage(tenant, 0, -freed, 0);
  end if;
  return jsonb_build_object('more', cardinality(due) = max_rows or deleted = max_rows);
end
$$;

comment on function mayfly_private.maintain_approvals is 'One batch of maintenance of approvals.';
