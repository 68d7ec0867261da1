-- Records steps. Fails with lease_lost unless the lease is the caller's and current. A step that is already recorded
-- keeps its first result, which the answer returns. Recording does not extend the lease. Only heartbeats do. Locks the
-- job.

create function mayfly_private.record_steps(lease text, steps jsonb)
returns jsonb
language plpgsql security definer
set search_path = ''
set plan_cache_mode = force_generic_plan
set enable_seqscan = off
as $$
declare
  job mayfly.jobs;
  fault record;
  inserted integer;
  bytes bigint;
  wanted constant integer := case when jsonb_typeof(steps) = 'array' then jsonb_array_length(steps) else 0 end;
begin
  if wanted not between 1 and 1000 then
    perform mayfly_private.fail(400, 'invalid_request', 'steps must be an array of 1 to 1000 { name, result?, ms? }.', null, '{"field": "steps"}');
  end if;
  select o.n - 1 as index, case
      when jsonb_typeof(o.s -> 'name') is distinct from 'string' or char_length(o.s ->> 'name') not between 1 and 200 then 'name'
      when not mayfly_private.number_within(o.s -> 'ms', 0, 2147483647) then 'ms'
      else 'result' end as field
  into fault
  from jsonb_array_elements(steps) with ordinality as o (s, n)
  where jsonb_typeof(o.s -> 'name') is distinct from 'string' or char_length(o.s ->> 'name') not between 1 and 200
    or not mayfly_private.number_within(o.s -> 'ms', 0, 2147483647)
    or not (coalesce(mayfly_private.json_within(o.s -> 'result', 262144, 32), true) and coalesce(mayfly_private.numbers_kept(o.s -> 'result'), true)) -- bounds: 262144 job.resultBytes
  order by o.n limit 1;
  if found then
    perform mayfly_private.fail(400, 'invalid_request', format('steps[%s].%s must be %s.', fault.index, fault.field, case fault.field
        when 'name' then 'a text of 1 to 200 characters' when 'ms' then 'milliseconds'
        else 'at most 256 KB of JSON with at most 32 levels and no number that JavaScript cannot hold' end),
      'Nothing was recorded.', jsonb_build_object('index', fault.index, 'field', fault.field));
  end if;

  job := mayfly_private.fence_job(lease);
  with written as (
    insert into mayfly.job_steps (tenant_id, job_id, name, attempt, result, ms, bytes)
    select job.tenant_id, job.id, o.s ->> 'name', job.attempt, o.s -> 'result', (o.s ->> 'ms')::numeric::integer,
      128 + coalesce(octet_length((o.s -> 'result')::text), 0)
    from jsonb_array_elements(steps) o (s)
    on conflict on constraint job_steps_pkey do nothing
    returning mayfly.job_steps.bytes
  )
  select count(*), sum(w.bytes) into inserted, bytes from written w;
  if inserted > 0 then
    perform mayfly_private.charge(job.tenant_id, 0, bytes, inserted);
  end if;
  if inserted = wanted then
    return '{"known": {}}';
  end if;
  return jsonb_build_object('known', (
    select coalesce(jsonb_object_agg(s.name, s.result), '{}') from mayfly.job_steps s
    where s.tenant_id = job.tenant_id and s.job_id = job.id and s.name in (select e ->> 'name' from jsonb_array_elements(steps) e)));
end
$$;

comment on function mayfly_private.record_steps is 'Records results of a job''s steps.';
grant execute on function mayfly_private.record_steps to authenticated, service_role;

-- Records the results of a job's steps, each once: [{ name, result?, ms? }]. Returns { known }: the results of steps
-- that were recorded before, by name.

create function mayfly.record_steps(lease text, steps jsonb)
returns jsonb
language plpgsql
set search_path = ''
as $$
begin
  return mayfly_private.record_steps(lease, steps);
end
$$;

comment on function mayfly.record_steps is
  'Records results of a job''s steps, each once: [{ name, result?, ms? }]. Returns { known: {name: result} } for those that were recorded before.';
grant execute on function mayfly.record_steps to authenticated, service_role;
