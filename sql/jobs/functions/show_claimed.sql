-- A claimed job in the form that its worker gets, with its lease. From the second attempt on, it comes with the steps
-- that earlier attempts recorded (`steps`), if they have 16 KB at most, so that most jobs continue without read_steps.
-- Each step counts as at least 128 bytes, so a job with more than 130 steps exceeds 16 KB.
--
-- It is volatile, so that it sees everything that was committed before the claim locked the job, and not only what is
-- in the claim's snapshot. Otherwise a step that another worker has just recorded would run again.

create function mayfly_private.show_claimed(job mayfly.jobs)
returns jsonb
language plpgsql security definer
set search_path = ''
set plan_cache_mode = force_generic_plan
set enable_seqscan = off
set enable_bitmapscan = off
as $$
declare
  shown constant jsonb := jsonb_build_object(
    'lease', job.attempt || '.' || job.id || '.' || job.tenant_id, 'id', job.id, 'tenant_id', job.tenant_id, 'queue', job.queue,
    'name', job.name, 'priority', job.priority, 'attempt', job.attempt, 'max_attempts', job.max_attempts, 'run_at', job.run_at,
    'created_at', job.created_at, 'lease_end', job.lease_end, 'input', job.input)
    || jsonb_strip_nulls(jsonb_build_object('deadline', job.deadline, 'timeout', extract(epoch from job.timeout),
      'parent_id', job.parent_id, 'key', job.key, 'answers', job.answers, 'trace', job.trace));
  steps jsonb;
begin
  if job.attempt > 1 then
    select case when count(*) = 0 then '{}' else jsonb_object_agg(s.name, s.result) filter (where s.size <= 16384) end into steps
    from (
      select r.name, r.result, sum(r.bytes) over () as size
      from (
        select a.name, a.result, a.bytes from mayfly.job_steps a
        where a.tenant_id = job.tenant_id and a.job_id = job.id
        order by a.name limit 130) r) s;
  end if;
  return case when steps is null then shown else shown || jsonb_build_object('steps', steps) end;
end
$$;

comment on function mayfly_private.show_claimed is 'A job in the form that its worker gets.';
