-- Inserts jobs that check_jobs passed, into a tenant: for add_jobs and schedules. Locks the keys, in their order, so
-- that two calls with the same keys wait for each other in one direction; then a shard of the tenant's usage.

create function mayfly_private.insert_jobs(tenant uuid, jobs jsonb, author uuid, parent uuid, root uuid)
returns jsonb
language plpgsql security definer
set search_path = ''
set plan_cache_mode = force_generic_plan
as $$
declare
  ts constant timestamptz := mayfly_private.now();
  answer jsonb;
  added uuid[];
  bytes bigint;
  due boolean;
begin
  with given as materialized (
    -- A UUIDv7 (RFC 9562): Postgres makes them from 18 on.
    select x.*, encode(set_bit(set_bit(overlay(uuid_send(gen_random_uuid())
        placing substring(int8send((extract(epoch from ts) * 1000)::bigint) from 3) from 1 for 6), 52, 1), 53, 1), 'hex')::uuid as id,
      case when x.delay is not null then ts + make_interval(secs => x.delay) else coalesce(x.run_at, ts) end as due_at,
      jsonb_strip_nulls(case when x.target ? 'capabilities'
        then jsonb_build_object('capabilities', (select jsonb_agg(distinct c order by c) from jsonb_array_elements_text(x.target -> 'capabilities') c))
        else x.target end) as aim,
      -- A JSON null becomes {} as nothing does: handlers are given an object unless the caller says another value.
      coalesce(x.input, '{}') as content
    from rows from (jsonb_to_recordset(insert_jobs.jobs) as (
      name text, queue text, "group" text, input jsonb, priority smallint, run_at timestamptz, delay double precision, key text,
      target jsonb, max_attempts integer, backoff jsonb, timeout double precision, deadline timestamptz, trace text, answers uuid
    )) with ordinality as x (
      name, queue, "group", input, priority, run_at, delay, key, target, max_attempts, backoff, timeout, deadline, trace, answers, n)
  ), keyed as (
    insert into mayfly_private.job_keys (tenant_id, key, job_id)
    select tenant, g.key, g.id from given g where g.key is not null
    order by g.key, g.n
    on conflict on constraint job_keys_pkey do nothing
    returning job_id
  ), fresh as materialized (
    select g.* from given g where g.key is null or g.id in (select k.job_id from keyed k)
  ), inserted as (
    insert into mayfly.jobs (tenant_id, id, queue, name, lane, status, priority, run_at, max_attempts, deadline, timeout, backoff, target,
      parent_id, root_id, key, answers, trace, created_by, created_at, bytes, input)
    select tenant, f.id, coalesce(f.queue, f.name), f.name,
      mayfly_private.lane_of(coalesce(f.queue, f.name), f.name, f."group", f.aim),
      case when f.due_at > ts then 'scheduled' else 'ready' end,
      coalesce(f.priority, 0), f.due_at, coalesce(f.max_attempts, 5), f.deadline, make_interval(secs => f.timeout), f.backoff, f.aim,
      parent, root, f.key, f.answers, f.trace, author, ts, 768 + octet_length(f.content::text), f.content
    from fresh f
    order by f.n
    returning id, status, mayfly.jobs.bytes
  )
  select
    (select array_agg(f.id order by f.n) from fresh f),
    (select sum(i.bytes) from inserted i),
    (select bool_or(i.status = 'ready') from inserted i),
    (select jsonb_agg(case
        when g.key is null or g.id in (select k.job_id from keyed k) then jsonb_build_object('id', g.id, 'existing', false)
        else jsonb_build_object('key', g.key, 'existing', true) end order by g.n) from given g)
  into added, bytes, due, answer;

  -- In the next statement, which sees what another transaction has committed meanwhile.
  if coalesce(cardinality(added), 0) < jsonb_array_length(jobs) then
    answer := (
      select jsonb_agg(case when a ? 'key' then jsonb_build_object('existing', true, 'id', (
        select k.job_id from mayfly_private.job_keys k where k.tenant_id = tenant and k.key = a ->> 'key')) else a end order by n)
      from jsonb_array_elements(answer) with ordinality as e (a, n));
  end if;
  if added is not null then
    perform mayfly_private.charge(tenant, 0, bytes, cardinality(added));
    perform mayfly_private.append_events(tenant, 'job.added', added);
    if due then
      perform mayfly_private.wake_workers(tenant);
    end if;
  end if;
  return answer;
end
$$;

comment on function mayfly_private.insert_jobs is 'Inserts checked jobs into a tenant.';
