-- Refuses waits if one is invalid. The error has the index and the field of the first fault. Locks nothing.

create function mayfly_private.check_waits(waits jsonb)
returns void
language plpgsql
set search_path = ''
as $$
declare
  fault record;
begin
  if jsonb_typeof(waits) is distinct from 'array' or jsonb_array_length(waits) not between 1 and 10000 or pg_column_size(waits) > 4194304 then
    perform mayfly_private.fail(400, 'invalid_request', 'waits must be an array of 1 to 10000 waits, with at most 4 MB.', null, '{"field": "waits"}');
  end if;
  select o.n - 1 as index, o.field into fault
  from (
    select e.n, case
      when jsonb_typeof(e.w) <> 'object' or jsonb_typeof(e.w -> 'step') is distinct from 'string' or char_length(e.w ->> 'step') not between 1 and 200 then 'step'
      when e.w - '{step,of,key,together,signal,child,approval,after,until}'::text[] <> '{}' then 'step'
      when (e.w ? 'of') <> (e.w ? 'key') or not mayfly_private.text_within(e.w -> 'of', 200) or not mayfly_private.text_within(e.w -> 'key', 100) then 'of'
      when not mayfly_private.text_within(e.w -> 'together', 200) then 'together'
      when num_nonnulls(e.w -> 'signal', e.w -> 'child', e.w -> 'approval', e.w -> 'after', e.w -> 'until') <> 1 then 'signal'
      when e.w ? 'signal' and (jsonb_typeof(e.w -> 'signal') <> 'string' or char_length(e.w ->> 'signal') not between 1 and 100) then 'signal'
      when e.w ? 'child' and e.w -> 'child' <> 'true' then 'child'
      when not mayfly_private.uuid_or_absent(e.w -> 'approval') then 'approval'
      when not mayfly_private.number_within(e.w -> 'after', 0, 3155760000) then 'after'
      when not mayfly_private.instant_or_absent(e.w -> 'until') then 'until'
    end as field
    from jsonb_array_elements(waits) with ordinality as e (w, n)
  ) o
  where o.field is not null
  order by o.n
  limit 1;
  if found then
    perform mayfly_private.fail(400, 'invalid_request', format('waits[%s].%s %s.', fault.index, fault.field, case fault.field
        when 'step' then 'must be a text of 1 to 200 characters, and its wait must have no unknown fields'
        when 'of' then 'must be a text of 1 to 200 characters, together with key'
        when 'together' then 'must be a text of 1 to 200 characters'
        when 'signal' then 'must be a text of 1 to 100 characters, or be replaced by child, approval, after or until'
        when 'child' then 'must be true'
        when 'approval' then 'must be the id of an approval'
        when 'after' then 'must be seconds from 0 to 3155760000'
        else 'must be an ISO 8601 instant' end),
      'Nothing was waited for.', jsonb_build_object('index', fault.index, 'field', fault.field));
  end if;
end
$$;

comment on function mayfly_private.check_waits is 'Refuses invalid waits, with index and field.';

-- The outcome of one wait: when it came, what it is, and whether it was recorded before.
create type mayfly_private.found_wait as (
  n integer,
  step text,
  of text,
  key text,
  together text,
  signal text,
  child boolean,
  child_id uuid,
  approval uuid,
  until timestamptz,
  at timestamptz,
  outcome jsonb,
  signal_id bigint,
  known boolean
);

-- The outcomes of a job's waits, in order. If several waits together form one wait (`of`), the earliest outcome counts.
-- A signal goes to the first wait that asks for it. Locks nothing, because the caller holds the job.

create function mayfly_private.find_waits(job mayfly.jobs, waits jsonb, ts timestamptz)
returns mayfly_private.found_wait[]
language plpgsql stable security definer
set search_path = ''
set plan_cache_mode = force_generic_plan
set enable_seqscan = off
set enable_hashjoin = off
set enable_mergejoin = off
set jit = off
as $$
begin
  return array(
    with wait as materialized (
      select w.*,
        coalesce(w.until, case when w.after is not null then (
          select (u.result #>> '{}')::timestamptz from mayfly.job_steps u
          where u.tenant_id = job.tenant_id and u.job_id = job.id and u.name = w.step || ': until') end) as ends,
        case when w.child then (
          select k.job_id from mayfly_private.job_keys k where k.tenant_id = job.tenant_id and k.key = job.id || '/' || w.step) end as child_id
      from rows from (jsonb_to_recordset(waits) as (
        step text, "of" text, key text, together text, signal text, child boolean, approval uuid, after double precision, until timestamptz
      )) with ordinality as w (step, "of", key, together, signal, child, approval, after, until, n)
    ), come as materialized (
      select w.*, c.at, c.outcome, c.signal_id, c.known
      from wait w
      left join lateral (
        select e.*
        from (
          select s.at, s.result as outcome, null::bigint as signal_id, true as known from mayfly.job_steps s
          where s.tenant_id = job.tenant_id and s.job_id = job.id and s.name = w.step
          union all
          (select g.at, jsonb_build_object('payload', g.payload), g.id, false from mayfly.job_signals g
            where g.tenant_id = job.tenant_id and g.job_id = job.id and g.name = w.signal order by g.id limit 1)
          union all
          select f.finished_at, jsonb_build_object('id', f.id, 'status', f.status, 'result', f.result, 'error', f.error), null, false
          from mayfly.finished_jobs f
          where f.tenant_id = job.tenant_id and f.id = w.child_id and f.parent_id = job.id
          union all
          select w.ends, jsonb_build_object('at', w.ends), null, false where w.ends <= ts
          union all
          select coalesce(p.decided_at, p.expires_at), '{}', null, false from mayfly.approvals p
          where p.tenant_id = job.tenant_id and p.id = w.approval and p.job_id = job.id and (p.status <> 'pending' or p.expires_at <= ts)
        ) e
        order by e.known desc, e.at
        limit 1) c on true
    ), first as (
      select c.*, c.at is not null
          and row_number() over (partition by coalesce('=' || c.of, '#' || c.n) order by c.at, c.n) = 1
          and (c.signal_id is null or row_number() over (partition by c.signal_id order by c.n) = 1) as taken
      from come c
    )
    select row(f.n, f.step, f.of, f.key, f.together, f.signal, f.child, f.child_id, f.approval, f.ends,
      case when f.taken then f.at end, case when f.taken then f.outcome end, f.signal_id, f.known)::mayfly_private.found_wait
    from first f
    order by f.n);
end
$$;

comment on function mayfly_private.find_waits is 'The outcomes of a job''s waits.';

-- Records outcomes or puts a job to sleep. The lease must be the caller's. The row lock lets this call and writers that
-- signal the job run one after the other. So this call sees every earlier signal, and every later writer sees that the
-- job waits. Locks the job, the keys of children that it adds, and approvals that it uses.

create function mayfly_private.wait_any(lease text, waits jsonb, jobs jsonb, may_sleep boolean)
returns jsonb
language plpgsql security definer
set search_path = ''
set plan_cache_mode = force_generic_plan
set enable_seqscan = off
as $$
declare
  ts constant timestamptz := mayfly_private.now();
  job mayfly.jobs;
  found mayfly_private.found_wait[];
  open_joins text[];
  missing text[];
  done jsonb;
  size bigint;
  used bigint;
  freed bigint;
begin
  perform mayfly_private.check_waits(waits);
  if jobs is not null then
    perform mayfly_private.add_jobs(jobs, lease);
  end if;
  job := mayfly_private.fence_job(lease);

  -- A duration starts at the first call, so every later call computes the same end.
  with begun as (
    insert into mayfly.job_steps (tenant_id, job_id, name, attempt, result, bytes)
    select job.tenant_id, job.id, w.step || ': until', job.attempt, to_jsonb(ts + make_interval(secs => w.after)), 200
    from jsonb_to_recordset(waits) as w (step text, after double precision)
    where w.after is not null
    on conflict on constraint job_steps_pkey do nothing
    returning mayfly.job_steps.bytes
  )
  select coalesce(sum(b.bytes), 0) into used from begun b;

  found := mayfly_private.find_waits(job, waits, ts);
  for i in 1..cardinality(found) loop
    if found[i].at is not null and found[i].approval is not null and not found[i].known then
      found[i].outcome := mayfly_private.use_approval(lease, found[i].approval, found[i].step);
    end if;
  end loop;

  -- Results that are waited for together are returned when all have arrived. Until then, each is recorded as it
  -- arrives.
  open_joins := array(select distinct f.together from unnest(found) f where f.together is not null and f.at is null);
  select sum(octet_length(f.outcome::text)) into size from unnest(found) f
  where f.at is not null and f.together is not null and f.together <> all (open_joins);
  with told as (
    select f.step, f.outcome as result, f.known, size > 2000000 and f.together is not null as is_large from unnest(found) f
    where f.at is not null and (f.together is null or f.together <> all (open_joins))
    union all
    select f.of, jsonb_build_object('key', f.key), false, false from unnest(found) f where f.at is not null and f.of is not null
  )
  select coalesce(jsonb_object_agg(t.step, t.result) filter (where not t.is_large), '{}'), case when bool_or(t.is_large) then 1 else 0 end
  into done, size from told t;

  with kept as (
    insert into mayfly.job_steps (tenant_id, job_id, name, attempt, result, bytes)
    select job.tenant_id, job.id, o.step, job.attempt, o.result, 128 + octet_length(o.result::text)
    from (
      select f.n, f.step, f.outcome as result from unnest(found) f where f.at is not null and not f.known
      union all
      select f.n, f.of, jsonb_build_object('key', f.key) from unnest(found) f where f.at is not null and f.of is not null
    ) o
    order by o.n
    on conflict on constraint job_steps_pkey do nothing
    returning mayfly.job_steps.bytes
  )
  select used + coalesce(sum(k.bytes), 0) into used from kept k;

  with spent as (
    delete from mayfly.job_signals s using unnest(found) f
    where f.at is not null and not f.known and s.tenant_id = job.tenant_id and s.job_id = job.id and s.name = coalesce(f.signal, 'job:' || f.child_id, 'approval:' || f.approval)
      and (f.signal_id is null or s.id = f.signal_id)
    returning s.bytes
  )
  select coalesce(sum(s.bytes), 0) into freed from spent s;
  -- The recorded outcomes have already happened, so recording them is never refused.
  if used <> freed then
    perform mayfly_private.count_usage(job.tenant_id, 0, used - freed, 0);
  end if;

  missing := array(select f.step from unnest(found) f where f.child and f.child_id is null and f.at is null);
  if done <> '{}' or size > 0 or cardinality(missing) > 0 or not may_sleep then
    return jsonb_build_object('done', done, 'missing', missing, 'reread', size > 0, 'waiting', false);
  end if;

  -- If children are waited for together, only the last one that ends wakes the run.
  update mayfly.jobs j
  set status = 'waiting', holder = null, lease_end = null, max_attempts = j.max_attempts + 1,
    run_at = coalesce(
      (select min(least(f.until, p.expires_at)) from unnest(found) f
        left join mayfly.approvals p on p.tenant_id = job.tenant_id and p.id = f.approval), 'infinity'),
    wait_for = array(
      select distinct coalesce(f.signal, 'job:' || f.child_id, 'approval:' || f.approval)
      from unnest(found) f
      where f.until is null and f.at is null
        and (f.together is null or f.n = (select max(l.n) from unnest(found) l where l.together = f.together and l.at is null)))
  where j.tenant_id = job.tenant_id and j.id = job.id;
  return '{"done": {}, "missing": [], "reread": false, "waiting": true}';
end
$$;

comment on function mayfly_private.wait_any is 'Waits for the first of several things.';
grant execute on function mayfly_private.wait_any to authenticated, service_role;

-- Checks several waits of a held job and records each outcome as its step. If there is no outcome yet, puts the job to
-- sleep. Returns { done: {step: outcome}, missing, reread, waiting }. A wait is { step } with one of `signal`, `child:
-- true`, `approval`, `after` (seconds) or `until`. With { of, key }, several waits form one wait: the first outcome
-- counts, and its key is recorded as the step `of`. With { together }, children are returned when all have ended.
-- `jobs` are children to add first, each with the key `<job>/<step>`. `missing` lists children that nobody has added.
-- `reread` means that the results exceed 2 MB and must be read from the steps.

create function mayfly.wait_any(lease text, waits jsonb, jobs jsonb default null, may_sleep boolean default true)
returns jsonb
language plpgsql
set search_path = ''
as $$
begin
  return mayfly_private.wait_any(lease, waits, jobs, may_sleep);
end
$$;

comment on function mayfly.wait_any is
  'Waits for the first of several signals, children, approvals and times: { done: {step: outcome}, missing, reread, waiting }. If it waits, the lease is over.';
grant execute on function mayfly.wait_any to authenticated, service_role;
