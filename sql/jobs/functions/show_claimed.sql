-- A claimed job in the form that its worker gets, with its lease.

create function mayfly_private.show_claimed(job mayfly.jobs)
returns jsonb
language plpgsql immutable
set search_path = ''
as $$
declare
  shown constant jsonb := jsonb_build_object(
    'lease', job.attempt || '.' || job.id || '.' || job.tenant_id, 'id', job.id, 'tenant_id', job.tenant_id, 'queue', job.queue,
    'name', job.name, 'priority', job.priority, 'attempt', job.attempt, 'max_attempts', job.max_attempts, 'run_at', job.run_at,
    'created_at', job.created_at, 'lease_end', job.lease_end, 'input', job.input);
begin
  if job.deadline is null and job.timeout is null and job.parent_id is null and job.key is null and job.answers is null and job.trace is null then
    return shown;
  end if;
  return shown || jsonb_strip_nulls(jsonb_build_object('deadline', job.deadline, 'timeout', extract(epoch from job.timeout),
    'parent_id', job.parent_id, 'key', job.key, 'answers', job.answers, 'trace', job.trace));
end
$$;

comment on function mayfly_private.show_claimed is 'A job in the form that its worker gets.';
