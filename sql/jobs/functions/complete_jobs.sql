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
  cancels boolean[];
  results jsonb[];
  of record;
  dropped integer[];
  lost integer[];
begin
  if jsonb_typeof(done) is distinct from 'array' or jsonb_array_length(done) not between 1 and 1000 then
    perform mayfly_private.fail(400, 'invalid_request', 'done must be an array of 1 to 1000 { lease, result? }.', null, '{"field": "done"}');
  end if;
  select o.n - 1 into fault from jsonb_array_elements(done) with ordinality as o (d, n)
  where jsonb_typeof(o.d) <> 'object' or case
    when coalesce(jsonb_typeof(o.d -> 'result'), 'null') in ('null', 'boolean') then false
    else not (mayfly_private.json_within(o.d -> 'result', 262144, 32) and mayfly_private.numbers_kept(o.d -> 'result')) end
  order by o.n limit 1;
  if found then
    perform mayfly_private.fail(400, 'invalid_request',
      format('done[%s].result must be at most 256 KB of JSON, at most 32 deep, with no number that JavaScript cannot hold.', fault),
      'Nothing was completed. Keep what is large elsewhere, and give a reference to it.', jsonb_build_object('index', fault, 'field', 'result'));
  end if;

  select
    array_agg(h.tenant_id) filter (where h.held), array_agg(h.job_id) filter (where h.held),
    array_agg(h.cancelled) filter (where h.held), array_agg(h.result) filter (where h.held),
    array_agg(h.n) filter (where h.held and h.cancelled), array_agg(h.n) filter (where not h.held)
  into t_ids, j_ids, cancels, results, dropped, lost
  from (
    select g.n, g.tenant_id, g.job_id, g.result, j.cancelled,
      not g.again and coalesce(j.status = 'running' and j.attempt = g.attempt and j.holder = holder.id and j.lease_end > ts, false) as held
    from (
      -- One that is named twice is completed once, with what was said first; then it is found recorded.
      select o.n - 1 as n, o.d -> 'result' as result, l.tenant_id, l.job_id, l.attempt,
        row_number() over (partition by l.tenant_id, l.job_id, l.attempt order by o.n) > 1 as again
      from jsonb_array_elements(done) with ordinality as o (d, n), mayfly_private.lease_of(holder, o.d ->> 'lease') l
      order by l.tenant_id, l.job_id) g
    left join lateral (
      select l.status, l.attempt, l.holder, l.lease_end, l.cancelled from mayfly.jobs l
      where l.tenant_id = g.tenant_id and l.id = g.job_id limit 1 for update) j on true) h;

  if dropped is null and t_ids[1] = t_ids[cardinality(t_ids)] then
    perform mayfly_private.end_jobs(t_ids[1], j_ids, 'succeeded', null, results);
  elsif j_ids is not null then
    for of in
      select t.tenant_id, t.cancelled, array_agg(t.id) as ids, array_agg(t.result) as results
      from unnest(t_ids, j_ids, cancels, results) as t (tenant_id, id, cancelled, result)
      group by t.tenant_id, t.cancelled order by t.tenant_id
    loop
      if of.cancelled then
        perform mayfly_private.end_jobs(of.tenant_id, of.ids, 'cancelled', null, null);
      else
        perform mayfly_private.end_jobs(of.tenant_id, of.ids, 'succeeded', null, of.results);
      end if;
    end loop;
  end if;

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
  if dropped is not null then
    dropped := array(select n from unnest(dropped) n order by n);
  end if;
  return jsonb_build_object('lost', coalesce(lost, '{}'), 'cancelled', coalesce(dropped, '{}'));
end
$$;

comment on function mayfly_private.complete_jobs is 'Completes jobs under their leases.';
grant execute on function mayfly_private.complete_jobs to authenticated, service_role;

-- Completes 1 to 1,000 jobs: [{ lease, result? }]. Gives { lost, cancelled }, by their places in the call from 0 on:
-- those whose lease was not the caller's any more, of which nothing was recorded, and those that had been cancelled.

create function mayfly.complete_jobs(done jsonb)
returns jsonb
language plpgsql
set search_path = ''
as $$
begin
  return mayfly_private.complete_jobs(done);
end
$$;

comment on function mayfly.complete_jobs is
  'Completes jobs: [{ lease, result? }] gives { lost: [place], cancelled: [place] }, from 0 on. What is lost was not recorded.';
grant execute on function mayfly.complete_jobs to authenticated, service_role;
