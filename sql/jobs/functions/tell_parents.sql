-- Signals `job:<id>` to the parents of jobs that have just ended, and wakes the parents that wait for this signal.
-- Locks the parents by id before it writes. A parent that is going to sleep holds its row while it checks for signals,
-- so none is missed in between.

create function mayfly_private.tell_parents(tenant uuid, ids uuid[])
returns void
language plpgsql security definer
set search_path = ''
as $$
declare
  parents uuid[];
  woken uuid[];
  bytes bigint;
begin
  parents := array(
    select j.id from mayfly.jobs j
    where j.tenant_id = tenant and j.id in (select f.parent_id from mayfly.finished_jobs f where f.tenant_id = tenant and f.id = any (ids))
    order by j.id
    for no key update);
  with told as (
    insert into mayfly.job_signals (tenant_id, job_id, name, payload, bytes)
    select tenant, f.parent_id, 'job:' || f.id, jsonb_build_object('id', f.id, 'status', f.status), 300
    from mayfly.finished_jobs f
    where f.tenant_id = tenant and f.id = any (ids) and f.parent_id = any (parents)
    order by f.id
    returning job_id, name, mayfly.job_signals.bytes
  )
  select array_agg(distinct t.job_id) filter (where j.status = 'waiting' and t.name = any (j.wait_for)), sum(t.bytes)
  into woken, bytes
  from told t join mayfly.jobs j on j.tenant_id = tenant and j.id = t.job_id;
  if bytes > 0 then
    perform mayfly_private.count_usage(tenant, 0, bytes, 0);
  end if;
  perform mayfly_private.ready_jobs(tenant, woken);
end
$$;

comment on function mayfly_private.tell_parents is 'Tells the parents of jobs that have ended.';
