-- Takes back expired leases, and fails jobs whose deadline has passed, in every tenant. Handles at most max_rows jobs
-- of each kind, and only jobs that nobody else has locked. Claims call it at most once a second, and maintenance calls
-- it too. The ends of leases have no index: few jobs run at a time, and each heartbeat would have to change the index.
--
-- What happens to a job whose lease ends is in release_leases, its place in the queue is in ready_jobs, and which job a
-- worker gets next is in take_jobs.

create function mayfly_private.reap_jobs(max_rows integer default 1000)
returns integer
language plpgsql security definer
set search_path = ''
as $$
declare
  ts constant timestamptz := mayfly_private.now();
  late record;
  reaped integer := 0;
begin
  for late in
    with ended as (
      select j.tenant_id, j.id, j.timeout is not null and j.started_at + j.timeout <= ts as over
      from mayfly.jobs j
      where j.status = 'running' and j.lease_end <= ts
      order by j.tenant_id, j.id
      limit max_rows
      for update skip locked
    )
    select e.tenant_id, e.over, array_agg(e.id order by e.id) as ids from ended e group by e.tenant_id, e.over
  loop
    if late.over then
      perform mayfly_private.release_leases(late.tenant_id, late.ids, 'job_timeout', 'The attempt took longer than its timeout.');
    else
      perform mayfly_private.release_leases(late.tenant_id, late.ids, 'lease_ended', 'Its worker did not send a heartbeat before the lease ended.');
    end if;
    reaped := reaped + cardinality(late.ids);
  end loop;
  for late in
    with missed as (
      select j.tenant_id, j.id from mayfly.jobs j
      where j.deadline <= ts and j.status <> 'running'
      order by j.tenant_id, j.id
      limit max_rows
      for update skip locked
    )
    select m.tenant_id, array_agg(m.id order by m.id) as ids from missed m group by m.tenant_id
  loop
    perform mayfly_private.end_jobs(late.tenant_id, late.ids, 'failed', array_fill(
      '{"code": "deadline_passed", "message": "Its deadline passed before it was done."}'::jsonb, array[cardinality(late.ids)]), null);
    reaped := reaped + cardinality(late.ids);
  end loop;
  return reaped;
end
$$;

comment on function mayfly_private.reap_jobs is 'Takes back leases that have ended, and fails jobs whose deadline has passed.';
