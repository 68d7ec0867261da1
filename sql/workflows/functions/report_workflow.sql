-- Stores a report. The lease must be the caller's. The report is stored as the step `report` of the job, the only step
-- that can change. Locks the job.

create function mayfly_private.report_workflow(lease text, value jsonb)
returns boolean
language plpgsql security definer
set search_path = ''
as $$
declare
  job mayfly.jobs;
  size constant integer := 128 + coalesce(octet_length(value::text), 0);
  former integer;
begin
  if not coalesce(mayfly_private.json_within(value, 262144, 32), true) then
    perform mayfly_private.fail(400, 'invalid_request', 'value must be at most 256 KB of JSON with at most 32 levels.', null, '{"field": "value"}');
  end if;
  perform mayfly_private.check_numbers(value, 'value');
  job := mayfly_private.fence_job(lease);
  select s.bytes into former from mayfly.job_steps s where s.tenant_id = job.tenant_id and s.job_id = job.id and s.name = 'report';
  perform mayfly_private.charge(job.tenant_id, 0, size - coalesce(former, 0), 1);
  insert into mayfly.job_steps as s (tenant_id, job_id, name, attempt, result, bytes)
  values (job.tenant_id, job.id, 'report', job.attempt, coalesce(value, 'null'), size)
  on conflict on constraint job_steps_pkey do update
  set result = excluded.result, attempt = excluded.attempt, bytes = excluded.bytes, at = excluded.at;
  return true;
end
$$;

comment on function mayfly_private.report_workflow is 'Reports the progress of a workflow.';
grant execute on function mayfly_private.report_workflow to authenticated, service_role;

-- Reports the progress of a held workflow, for query_workflow. The report can be any JSON value, and replaces the
-- previous report.

create function mayfly.report_workflow(lease text, value jsonb)
returns boolean
language plpgsql
set search_path = ''
as $$
begin
  return mayfly_private.report_workflow(lease, value);
end
$$;

comment on function mayfly.report_workflow is 'Reports the progress of a held workflow, replacing the last report.';
grant execute on function mayfly.report_workflow to authenticated, service_role;
