-- The definer half of mayfly.heartbeat_jobs. The lease never goes past the end of the agent's line, the deadline, or
-- the timeout of the attempt. Locks the jobs by tenant and id; updates in their pages (HOT): no index has lease_end.

create function mayfly_private.heartbeat_jobs(leases text[], lease double precision)
returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  holder constant mayfly_private.job_holder := mayfly_private.job_holder();
  ts constant timestamptz := clock_timestamp();
  until timestamptz := ts + make_interval(secs => lease);
  kept text[];
  dropped text[];
begin
  if lease is null or lease not between 1 and 3600 then
    perform mayfly_private.fail(400, 'invalid_request', 'lease must be 1 to 3600 seconds.', null, '{"field": "lease"}');
  elsif leases is null or cardinality(leases) > 1000 then
    perform mayfly_private.fail(400, 'invalid_request', 'leases must be at most 1000.', null, '{"field": "leases"}');
  end if;
  if holder.kind = 'agent' then
    until := (
      select least(until, min(l.expires_at)) from mayfly.agents a
      join mayfly.agents l on l.tenant_id = a.tenant_id and l.id = any (a.ancestors || a.id)
      where a.tenant_id = holder.tenant_id and a.id = holder.id);
  end if;
  with held as materialized (
    select h.tenant_id, h.id, h.cancelled, g.token
    from (
      select t.token, l.tenant_id, l.job_id, l.attempt
      from unnest(leases) t (token), mayfly_private.lease_of(holder, t.token) l
      order by l.tenant_id, l.job_id) g
    cross join lateral (
      select * from mayfly.jobs j where j.tenant_id = g.tenant_id and j.id = g.job_id limit 1 for no key update) h
    where h.status = 'running' and h.attempt = g.attempt and h.holder = holder.id and h.lease_end > ts
  ), extended as (
    update mayfly.jobs j set lease_end = greatest(j.lease_end, least(until, j.deadline, j.started_at + j.timeout))
    from held h where j.tenant_id = h.tenant_id and j.id = h.id
  )
  select coalesce(array_agg(h.token), '{}'), coalesce(array_agg(h.token) filter (where h.cancelled), '{}') into kept, dropped from held h;
  return jsonb_build_object('lost', to_jsonb(array(select t from unnest(leases) t where t <> all (kept))), 'cancelled', to_jsonb(dropped),
    'lease_end', until);
end
$$;

comment on function mayfly_private.heartbeat_jobs is 'Extends leases.';
grant execute on function mayfly_private.heartbeat_jobs to authenticated, service_role;

-- Extends leases to `lease` seconds from now. Gives { lost, cancelled, lease_end }: the leases that are not the
-- caller's any more, and those of jobs that somebody has cancelled.

create function mayfly.heartbeat_jobs(leases text[], lease double precision default 30)
returns jsonb
language sql
set search_path = ''
return mayfly_private.heartbeat_jobs(leases, lease);

comment on function mayfly.heartbeat_jobs is
  'Extends leases to so many seconds from now: { lost: [lease], cancelled: [lease], lease_end }.';
grant execute on function mayfly.heartbeat_jobs to authenticated, service_role;
