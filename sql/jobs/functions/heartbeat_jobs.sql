-- Extends leases. A lease never lasts longer than the agent and its ancestors, the deadline or the timeout of the
-- attempt. Locks the jobs by tenant and id. Updates stay within their pages (HOT), because lease_end is in no index.
-- Agents are read by ranges of ids for the reason in living_agent_of_token.

create function mayfly_private.heartbeat_jobs(leases text[], lease double precision)
returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  holder constant mayfly_private.job_holder := mayfly_private.job_holder();
  ts constant timestamptz := mayfly_private.now();
  until timestamptz := ts + make_interval(secs => lease);
  kept integer[];
  dropped integer[];
begin
  if lease is null or lease not between 1 and 3600 then -- bounds: 3600 work.lease.most
    perform mayfly_private.fail(400, 'invalid_request', 'lease must be 1 to 3600 seconds.', null, '{"field": "lease"}'); -- bounds: 3600 work.lease.most
  elsif leases is null or cardinality(leases) > 1000 then
    perform mayfly_private.fail(400, 'invalid_request', 'leases must be at most 1000.', null, '{"field": "leases"}');
  end if;
  if holder.kind = 'agent' then
    until := (
      select least(until, min(line.expires_at))
      from (
        select a.ancestors || a.id as ids from mayfly.agents a
        where a.tenant_id = holder.tenant_id and a.id between holder.id and holder.id
        order by a.id limit 1) own
      cross join unnest(own.ids) i
      cross join lateral (
        select a.expires_at from mayfly.agents a
        where a.tenant_id = holder.tenant_id and a.id between i and i
        order by a.id limit 1) line);
  end if;
  with held as materialized (
    select h.tenant_id, h.id, h.cancelled, g.n
    from (
      select t.n - 1 as n, l.tenant_id, l.job_id, l.attempt
      from unnest(leases) with ordinality as t (token, n), mayfly_private.lease_of(holder, t.token) l
      order by l.tenant_id, l.job_id) g
    cross join lateral (
      select * from mayfly.jobs j where j.tenant_id = g.tenant_id and j.id = g.job_id limit 1 for no key update) h
    -- The fence: see fence_job.
    where h.status = 'running' and h.attempt = g.attempt and h.holder = holder.id and h.lease_end > ts
  ), extended as (
    update mayfly.jobs j set lease_end = greatest(j.lease_end, least(until, j.deadline, j.started_at + j.timeout))
    from held h where j.tenant_id = h.tenant_id and j.id = h.id
  )
  select coalesce(array_agg(h.n), '{}'), coalesce(array_agg(h.n order by h.n) filter (where h.cancelled), '{}') into kept, dropped from held h;
  if holder.kind = 'agent' and cardinality(kept) = 0 then
    -- If the caller holds none of these leases, it may no longer be alive.
    perform mayfly_private.require_tenant('job:work');
  end if;
  return jsonb_build_object('lost', to_jsonb(array(select n from generate_series(0, cardinality(leases) - 1) n where n <> all (kept))), 'cancelled', to_jsonb(dropped),
    'lease_end', until);
end
$$;

comment on function mayfly_private.heartbeat_jobs is 'Extends leases.';
grant execute on function mayfly_private.heartbeat_jobs to authenticated, service_role;

-- Extends leases to `lease` seconds from now. Returns { lost, cancelled, lease_end }. `lost` are the leases that the
-- caller no longer holds, and `cancelled` are the leases of cancelled jobs. Both are positions in the list of leases,
-- counted from 0.

create function mayfly.heartbeat_jobs(leases text[], lease double precision default 30)
returns jsonb
language plpgsql
set search_path = ''
as $$
begin
  return mayfly_private.heartbeat_jobs(leases, lease);
end
$$;

comment on function mayfly.heartbeat_jobs is
  'Extends leases to this many seconds from now: { lost: [place], cancelled: [place], lease_end }, counted from 0.';
grant execute on function mayfly.heartbeat_jobs to authenticated, service_role;
