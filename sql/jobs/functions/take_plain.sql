-- Takes ready jobs of the tenants that have a single lane, without a target, a limit or a mark. Most tenants are like
-- this most of the time, so one statement serves them all. Returns the tenants at which take_jobs has to look more
-- closely (`rest`), the tenants that got their share and may have more jobs (`busy`), and the tenant after which the
-- next claim continues. Called by take_jobs, whose settings apply here too, except for the hash join. Locks the jobs
-- that it takes, and never waits.

create type mayfly_private.plain_taken as (
  jobs json,
  taken integer,
  rest uuid[],
  rest_quotas integer[],
  busy uuid[],
  last_tenant uuid
);

create function mayfly_private.take_plain(
  worker mayfly_private.claiming_worker, walk mayfly_private.tenant_walk, wanted integer, queues text[], names text[], held_until timestamptz
)
returns mayfly_private.plain_taken
language plpgsql security definer
set search_path = ''
set enable_hashjoin = on
as $$
declare
  ts constant timestamptz := mayfly_private.now();
  any_tenant constant boolean := worker.tenant_id is null;
  got mayfly_private.plain_taken;
begin
  with found as materialized (
    select w.n, w.tenant, l.lane, greatest(w.weight, (wanted * w.weight + walk.all_weights - 1) / walk.all_weights) as share,
      l.lane >= '0' and split_part(split_part(l.lane, '#', 1), '/', 2) = any (coalesce(names, array[split_part(split_part(l.lane, '#', 1), '/', 2)]))
        and split_part(l.lane, '/', 1) = any (coalesce(queues, array[split_part(l.lane, '/', 1)]))
        and not exists (
          select from mayfly.jobs o where o.status = 'ready' and o.tenant_id = w.tenant and o.lane > l.lane)
        and not exists (select from mayfly.job_queues q where q.tenant_id = w.tenant)
        and not (any_tenant and exists (select from mayfly_private.job_tenants t where t.tenant_id = w.tenant and t.max_running is not null)) as plain
    from unnest(walk.tenants, walk.weights) with ordinality as w (tenant, weight, n)
    cross join lateral (
      select f.lane from mayfly.jobs f
      where f.status = 'ready' and f.tenant_id = w.tenant
      order by f.tenant_id, f.lane limit 1) l
  ), seen as materialized (
    -- Shares are rounded up. The last tenants get what is left, and the next claim begins with them.
    select f.n, f.tenant, f.lane, f.plain, least(f.share, greatest(0, wanted - sum(f.share) over (order by f.n) + f.share))::integer as quota
    from found f
  ), taken as (
    update mayfly.jobs j
    set status = 'running', attempt = j.attempt + 1, holder = worker.id, started_at = ts, lease_end = least(held_until, j.deadline, ts + j.timeout)
    where j.ctid = any (array(
      select h.ctid from (select * from seen where seen.plain and seen.quota > 0 order by seen.n) s
      cross join lateral (
        select r.ctid from mayfly.jobs r
        where r.status = 'ready' and r.tenant_id = s.tenant and r.lane = s.lane
        order by r.lane, r.priority, r.seq limit s.quota for update skip locked) h))
    returning j.tenant_id, j.priority, j.seq, case
      -- Most jobs have none of these fields.
      when j.attempt > 1 or j.deadline is not null or j.timeout is not null or j.parent_id is not null or j.key is not null
        or j.answers is not null or j.trace is not null then mayfly_private.show_claimed(j)::json
      else json_build_object(
        'lease', j.attempt || '.' || j.id || '.' || j.tenant_id, 'id', j.id, 'tenant_id', j.tenant_id, 'queue', j.queue,
        'name', j.name, 'priority', j.priority, 'attempt', j.attempt, 'max_attempts', j.max_attempts, 'run_at', j.run_at,
        'created_at', j.created_at, 'lease_end', j.lease_end, 'input', j.input) end as shown
  ), shown as (
    select count(*)::integer as taken, json_agg(t.shown order by t.tenant_id, t.priority, t.seq) as jobs
    from taken t
  ), asked as (
    select array_agg(s.tenant order by s.n) filter (where not s.plain and s.quota > 0) as rest,
      array_agg(s.quota order by s.n) filter (where not s.plain and s.quota > 0) as rest_quotas,
      array_agg(s.tenant order by s.n) filter (where s.plain and c.taken >= s.quota) as busy,
      (array_agg(s.tenant order by s.n desc) filter (where s.quota > 0))[1] as last_tenant
    from seen s
    left join (select t.tenant_id, count(*) as taken from taken t group by 1) c on c.tenant_id = s.tenant
  )
  select s.jobs, s.taken, coalesce(a.rest, '{}'), a.rest_quotas, coalesce(a.busy, '{}'), a.last_tenant into got from shown s, asked a;
  return got;
end
$$;

comment on function mayfly_private.take_plain is 'Takes ready jobs of tenants that have one plain lane.';
