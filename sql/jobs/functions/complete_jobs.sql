-- The definer half of mayfly.complete_jobs. One fence for all of the batch: running, this attempt, this holder, not
-- over, and locked. What was cancelled meanwhile ends as cancelled. A call that comes again, since its answer was lost,
-- changes nothing and finds its jobs recorded. Locks the jobs by tenant and id.

create function mayfly_private.complete_jobs(done jsonb)
returns jsonb
language plpgsql security definer
set search_path = ''
set plan_cache_mode = force_generic_plan
set enable_seqscan = off
set enable_bitmapscan = off
set enable_hashjoin = off
set enable_mergejoin = off
set jit = off
as $$
declare
  holder constant mayfly_private.job_holder := mayfly_private.job_holder();
  ts constant timestamptz := mayfly_private.now();
  fault integer;
  t_ids uuid[];
  j_ids uuid[];
  cancels integer[];
  results jsonb[];
  of record;
  dropped integer[];
  lost integer[];
begin
  if jsonb_typeof(done) is distinct from 'array' or jsonb_array_length(done) not between 1 and 1000 then
    perform mayfly_private.fail(400, 'invalid_request', 'done must be an array of 1 to 1000 { lease, result? }.', null, '{"field": "done"}');
  end if;
  select o.n - 1 into fault from jsonb_array_elements(done) with ordinality as o (d, n)
  where jsonb_typeof(o.d) <> 'object' or octet_length((o.d -> 'result')::text) > 262144
    or (o.d ? 'result' and not (mayfly_private.json_within(o.d -> 'result', 262144, 32) and mayfly_private.numbers_kept(o.d -> 'result')))
  order by o.n limit 1;
  if found then
    perform mayfly_private.fail(400, 'invalid_request',
      format('done[%s].result must be at most 256 KB of JSON, at most 32 deep, with no number that JavaScript cannot hold.', fault),
      'Nothing was completed. Keep what is large elsewhere, and give a reference to it.', jsonb_build_object('index', fault, 'field', 'result'));
  end if;

  with given as materialized (
    select o.n - 1 as n, o.d -> 'result' as result, l.tenant_id, l.job_id, l.attempt
    from jsonb_array_elements(done) with ordinality as o (d, n), mayfly_private.lease_of(holder, o.d ->> 'lease') l
  ), held as materialized (
    select g.n, h.tenant_id, h.id, h.cancelled, g.result
    from (select * from given order by given.tenant_id, given.job_id) g
    cross join lateral (
      select j.tenant_id, j.id, j.status, j.attempt, j.holder, j.lease_end, j.cancelled from mayfly.jobs j
      where j.tenant_id = g.tenant_id and j.id = g.job_id limit 1 for update) h
    where h.status = 'running' and h.attempt = g.attempt and h.holder = holder.id and h.lease_end > ts
  )
  select
    (select array_agg(h.tenant_id order by h.tenant_id, h.id) from held h),
    (select array_agg(h.id order by h.tenant_id, h.id) from held h),
    (select array_agg(h.cancelled::integer order by h.tenant_id, h.id) from held h),
    (select array_agg(h.result order by h.tenant_id, h.id) from held h),
    (select coalesce(array_agg(h.n order by h.n), '{}') from held h where h.cancelled),
    (select coalesce(array_agg(g.n order by g.n), '{}') from given g where not exists (select from held h where h.n = g.n))
  into t_ids, j_ids, cancels, results, dropped, lost;

  -- Mostly of one tenant.
  for of in
    select t.tenant_id, t.cancelled, array_agg(t.id) as ids, array_agg(t.result) as results
    from unnest(t_ids, j_ids, cancels, results) as t (tenant_id, id, cancelled, result)
    group by t.tenant_id, t.cancelled order by t.tenant_id
  loop
    if of.cancelled = 1 then
      perform mayfly_private.end_jobs(of.tenant_id, of.ids, 'cancelled', null, null);
    else
      perform mayfly_private.end_jobs(of.tenant_id, of.ids, 'succeeded', null, of.results);
    end if;
  end loop;

  if cardinality(lost) > 0 then
    -- Whoever holds nothing may not even live.
    if holder.kind = 'agent' and j_ids is null then
      perform mayfly_private.require_tenant('job:work');
    end if;
    lost := array(
      select t.n from unnest(lost) as t (n), mayfly_private.lease_of(holder, done -> t.n ->> 'lease') l
      where not exists (
        select from mayfly.finished_jobs f
        where f.tenant_id = l.tenant_id and f.id = l.job_id and f.attempt = l.attempt and f.holder = holder.id
          and f.status in ('succeeded', 'cancelled'))
      order by t.n);
  end if;
  return jsonb_build_object('lost', to_jsonb(lost), 'cancelled', to_jsonb(dropped));
end
$$;

comment on function mayfly_private.complete_jobs is 'Completes jobs under their leases.';
grant execute on function mayfly_private.complete_jobs to authenticated, service_role;

-- Completes 1 to 1,000 jobs: [{ lease, result? }]. Gives { lost, cancelled }, by their places in the call from 0 on:
-- those whose lease was not the caller's any more, of which nothing was recorded, and those that had been cancelled.

create function mayfly.complete_jobs(done jsonb)
returns jsonb
language sql
set search_path = ''
return mayfly_private.complete_jobs(done);

comment on function mayfly.complete_jobs is
  'Completes jobs: [{ lease, result? }] gives { lost: [place], cancelled: [place] }, from 0 on. What is lost was not recorded.';
grant execute on function mayfly.complete_jobs to authenticated, service_role;
