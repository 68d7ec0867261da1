-- An id for a job: a UUIDv7 (RFC 9562). Postgres has its own function from version 18 on.

create function mayfly_private.new_job_id(ts timestamptz)
returns uuid
language plpgsql
set search_path = ''
as $$
begin
  return encode(set_bit(set_bit(overlay(uuid_send(gen_random_uuid())
    placing substring(int8send((extract(epoch from ts) * 1000)::bigint) from 3) from 1 for 6), 52, 1), 53, 1), 'hex')::uuid;
end
$$;

comment on function mayfly_private.new_job_id is 'A new id for a job, which contains the time.';

-- Inserts jobs into a tenant, after check_jobs has accepted them. Called by add_jobs and by schedules. Locks the keys
-- in order, so that two calls with the same keys cannot wait for each other, then a shard of the tenant's usage.

create function mayfly_private.insert_jobs(tenant uuid, jobs jsonb, author uuid, parent uuid, root uuid)
returns jsonb
language plpgsql security definer
set search_path = ''
set plan_cache_mode = force_generic_plan
as $$
declare
  ts constant timestamptz := mayfly_private.now();
  keyed constant boolean := jsonb_path_exists(jobs, '$[*] ? (@.key != null)');
  attributed constant boolean := jsonb_path_exists(jobs, '$[*] ? (@.attributes != null)');
  ids uuid[];
  known integer[] := '{}';
  answer jsonb;
  new_id uuid;
  label text;
  content jsonb;
  added uuid[];
  bytes bigint;
  due boolean;
  sent mayfly_private.delivery;
begin
  if keyed or attributed then
    ids := array(select mayfly_private.new_job_id(ts) from generate_series(1, jsonb_array_length(jobs)));
  end if;
  if keyed then
    with claimed as (
      insert into mayfly_private.job_keys (tenant_id, key, job_id)
      select tenant, e.j ->> 'key', ids[e.n] from jsonb_array_elements(jobs) with ordinality as e (j, n)
      where e.j ->> 'key' is not null
      order by e.j ->> 'key' collate "C", e.n
      on conflict on constraint job_keys_pkey do nothing
      returning job_id
    )
    select coalesce(array_agg(e.n::integer), '{}') into known
    from jsonb_array_elements(jobs) with ordinality as e (j, n)
    where e.j ->> 'key' is not null and ids[e.n] not in (select c.job_id from claimed c);
  end if;

  -- A single job that has only a name and an input takes half of the time in this way.
  if jsonb_array_length(jobs) = 1 and (jobs -> 0) - '{name,input}'::text[] = '{}' then
    new_id := mayfly_private.new_job_id(ts);
    label := jobs -> 0 ->> 'name';
    content := coalesce(nullif(jobs -> 0 -> 'input', 'null'), '{}');
    bytes := 768 + octet_length(content::text);
    perform mayfly_private.charge(tenant, 0, bytes, 1), mayfly_private.append_events(tenant, 'job.added', array[new_id]);
    sent := mayfly_private.deliver_job(tenant, label, content);
    insert into mayfly.jobs (tenant_id, id, queue, name, lane, status, run_at, attempt, holder, started_at, lease_end,
      parent_id, root_id, created_by, created_at, bytes, input)
    values (tenant, new_id, label, label, mayfly_private.lane_of(label, label, null, null),
      case when sent.worker is null then 'ready' else 'running' end, ts, (sent.worker is not null)::integer,
      sent.holder, case when sent.worker is not null then ts end, sent.lease_end, parent, root, author, ts, bytes, content);
    if sent.worker is null then
      perform mayfly_private.wake_workers(tenant);
    else
      perform mayfly_private.notify(format('tenant:%s:jobs', tenant), 'job_sent', jsonb_build_object('worker', sent.worker,
        'job', mayfly_private.show_claimed(j)))
      from mayfly.jobs j where j.tenant_id = tenant and j.id = new_id;
    end if;
    return jsonb_build_array(jsonb_build_object('id', new_id, 'existing', false));
  end if;

  with inserted as (
    insert into mayfly.jobs (tenant_id, id, queue, name, lane, status, priority, run_at, max_attempts, deadline, timeout, backoff, target,
      parent_id, root_id, key, answers, trace, created_by, created_at, bytes, input)
    select tenant, coalesce(ids[f.n], mayfly_private.new_job_id(ts)), coalesce(f.queue, f.name), f.name,
      mayfly_private.lane_of(coalesce(f.queue, f.name), f.name, f."group", f.aim),
      case when f.due_at > ts then 'scheduled' else 'ready' end,
      coalesce(f.priority, 0), f.due_at, coalesce(f.max_attempts, 5), f.deadline, make_interval(secs => f.timeout), f.backoff, f.aim,
      parent, root, f.key, f.answers, f.trace, author, ts, 768 + octet_length(f.content::text), f.content
    from (
      select x.*, case when x.delay is not null then ts + make_interval(secs => x.delay) else coalesce(x.run_at, ts) end as due_at,
        case when x.target is null then null else jsonb_strip_nulls(case when x.target ? 'capabilities'
          then jsonb_build_object('capabilities', (select jsonb_agg(distinct c order by c) from jsonb_array_elements_text(x.target -> 'capabilities') c))
          else x.target end) end as aim,
        -- Like a missing input, a JSON null becomes {}, so that handlers get an object unless the caller gives another
        -- value.
        coalesce(x.input, '{}') as content
      from rows from (jsonb_to_recordset(insert_jobs.jobs) as (
        name text, queue text, "group" text, input jsonb, priority smallint, run_at timestamptz, delay double precision, key text,
        target jsonb, max_attempts integer, backoff jsonb, timeout double precision, deadline timestamptz, trace text, answers uuid
      )) with ordinality as x (
        name, queue, "group", input, priority, run_at, delay, key, target, max_attempts, backoff, timeout, deadline, trace, answers, n)
      where x.n <> all (known)
      order by x.n) f
    returning id, status, mayfly.jobs.bytes
  )
  -- The ids are in the order in which the jobs were inserted.
  select array_agg(i.id), sum(i.bytes), bool_or(i.status = 'ready'), jsonb_agg(jsonb_build_object('id', i.id, 'existing', false))
  into added, bytes, due, answer
  from inserted i;

  if attributed then
    bytes := bytes + mayfly_private.insert_attributes(tenant, jobs, ids, known);
  end if;
  if cardinality(known) > 0 then
    -- This is a separate statement, so that it sees keys that another transaction has committed meanwhile.
    answer := (
      select jsonb_agg(case when e.n = any (known) then jsonb_build_object('existing', true, 'id', (
          select k.job_id from mayfly_private.job_keys k where k.tenant_id = tenant and k.key = e.j ->> 'key'))
        else jsonb_build_object('id', ids[e.n], 'existing', false) end order by e.n)
      from jsonb_array_elements(jobs) with ordinality as e (j, n));
  end if;
  if due then
    perform mayfly_private.charge(tenant, 0, bytes, cardinality(added)), mayfly_private.append_events(tenant, 'job.added', added),
      mayfly_private.wake_workers(tenant);
  elsif added is not null then
    perform mayfly_private.charge(tenant, 0, bytes, cardinality(added)), mayfly_private.append_events(tenant, 'job.added', added);
  end if;
  return answer;
end
$$;

comment on function mayfly_private.insert_jobs is 'Inserts valid jobs into a tenant.';
