-- Deletes failures of steps. The lease must be the caller's. In place of each failure, it leaves a row `retry: <name>`,
-- which shows that the step ran at this point. Locks the job.

create function mayfly_private.retry_steps(lease text, names text[])
returns integer
language plpgsql security definer
set search_path = ''
as $$
declare
  job constant mayfly.jobs := mayfly_private.fence_job(lease);
  forgotten text[];
  freed bigint;
  used bigint;
begin
  if names is null or cardinality(names) not between 1 and 1000 then
    perform mayfly_private.fail(400, 'invalid_request', 'names must be 1 to 1000 names.', null, '{"field": "names"}');
  end if;
  with gone as (
    delete from mayfly.job_steps s
    where s.tenant_id = job.tenant_id and s.job_id = job.id and s.name = any (names) and s.result ? '$threw'
    returning s.name, s.bytes
  )
  select coalesce(array_agg(g.name), '{}'), coalesce(sum(g.bytes), 0) into forgotten, freed from gone g;
  with marked as (
    insert into mayfly.job_steps (tenant_id, job_id, name, attempt, bytes)
    select job.tenant_id, job.id, 'retry: ' || n, job.attempt, 128 from unnest(forgotten) n
    on conflict on constraint job_steps_pkey do nothing
    returning mayfly.job_steps.bytes
  )
  select coalesce(sum(m.bytes), 0) into used from marked m;
  if used <> freed then
    perform mayfly_private.count_usage(job.tenant_id, 0, used - freed, 0);
  end if;
  return cardinality(forgotten);
end
$$;

comment on function mayfly_private.retry_steps is 'Deletes failures of steps, so that they are retried.';
grant execute on function mayfly_private.retry_steps to authenticated, service_role;

-- Deletes recorded failures of a held job's steps after they have made the attempt fail, so that the next attempt
-- retries these steps. Returns how many it deleted.

create function mayfly.retry_steps(lease text, names text[])
returns integer
language plpgsql
set search_path = ''
as $$
begin
  return mayfly_private.retry_steps(lease, names);
end
$$;

comment on function mayfly.retry_steps is 'Deletes recorded failures of a held job''s steps, so that the next attempt retries them.';
grant execute on function mayfly.retry_steps to authenticated, service_role;
