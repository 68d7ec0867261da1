-- Returns jobs to their queues. The attempt does not count. Locks the jobs by tenant and id.

create function mayfly_private.release_jobs(leases text[])
returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  holder constant mayfly_private.job_holder := mayfly_private.job_holder();
  given record;
  released integer := 0;
begin
  if leases is null or cardinality(leases) > 1000 then
    perform mayfly_private.fail(400, 'invalid_request', 'leases must be at most 1000.', null, '{"field": "leases"}');
  end if;
  for given in
    with held as materialized (
      select h.tenant_id, h.id, h.cancelled
      from (
        select l.tenant_id, l.job_id, l.attempt
        from unnest(leases) t (token), mayfly_private.lease_of(holder, t.token) l
        order by l.tenant_id, l.job_id) g
      cross join lateral (
        select * from mayfly.jobs j where j.tenant_id = g.tenant_id and j.id = g.job_id limit 1 for update) h
      -- The fence: see fence_job.
      where h.status = 'running' and h.attempt = g.attempt and h.holder = holder.id and h.lease_end > mayfly_private.now()
    )
    select h.tenant_id, h.cancelled, array_agg(h.id order by h.id) as ids from held h group by 1, 2
  loop
    if given.cancelled then
      perform mayfly_private.end_jobs(given.tenant_id, given.ids, 'cancelled', null, null);
    else
      perform mayfly_private.ready_jobs(given.tenant_id, given.ids, 1);
    end if;
    released := released + cardinality(given.ids);
  end loop;
  if holder.kind = 'agent' and released = 0 then
    -- If the caller holds none of these leases, it may no longer be alive.
    perform mayfly_private.require_tenant('job:work');
  end if;
  return jsonb_build_object('released', released);
end
$$;

comment on function mayfly_private.release_jobs is 'Returns jobs that were not begun or not finished.';
grant execute on function mayfly_private.release_jobs to authenticated, service_role;

-- Returns jobs for a worker that has to end. The jobs are ready for another worker at once, and no attempt is used.

create function mayfly.release_jobs(leases text[])
returns jsonb
language plpgsql
set search_path = ''
as $$
begin
  return mayfly_private.release_jobs(leases);
end
$$;

comment on function mayfly.release_jobs is 'Returns jobs, ready for another worker: { released }.';
grant execute on function mayfly.release_jobs to authenticated, service_role;
