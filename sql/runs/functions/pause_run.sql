-- Pauses or resumes a run. If the run changes, this is written to the log. Locks the job and the run.

create function mayfly_private.pause_run(id uuid, paused boolean)
returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  tenant constant uuid := mayfly_private.require_tenant('run:write');
  job mayfly.jobs;
  run mayfly.runs;
begin
  select * into job from mayfly.jobs j where j.tenant_id = tenant and j.id = pause_run.id for no key update;
  select * into run from mayfly.runs r where r.tenant_id = tenant and r.id = pause_run.id for no key update;
  if run.id is null then
    perform mayfly_private.fail(404, 'run_unknown', 'There is no such run.', null, '{"field": "id"}');
  elsif run.ended_at is not null or job.id is null then
    perform mayfly_private.fail(409, 'run_finished', 'The run has ended.', null, '{"field": "id"}');
  end if;
  perform mayfly_private.charge(tenant, 0, 0, 1);
  if run.paused is distinct from coalesce(pause_run.paused, true) then
    update mayfly.runs r set paused = not run.paused where r.tenant_id = tenant and r.id = run.id returning * into run;
    perform mayfly_private.append_events(tenant, case when run.paused then 'run.paused' else 'run.resumed' end, array[run.id]);
  end if;
  if not run.paused and job.status = 'waiting' and 'resume' = any (job.wait_for) then
    perform mayfly_private.put_signal(job, 'resume', 'null', 0);
  end if;
  return mayfly_private.show_run(run) || mayfly_private.run_attributes(tenant, run.id);
end
$$;

comment on function mayfly_private.pause_run is 'Pauses or resumes a run.';
grant execute on function mayfly_private.pause_run to authenticated, service_role;

-- Pauses a run (scope run:write). Its worker stops before the next step, and a paused run costs nothing. If `paused`
-- is false, the run continues. Returns the run.

create function mayfly.pause_run(id uuid, paused boolean default true)
returns jsonb
language plpgsql
set search_path = ''
as $$
begin
  return mayfly_private.pause_run(id, paused);
end
$$;

comment on function mayfly.pause_run is 'Pauses a run before its next step, or resumes it. Returns it.';
grant execute on function mayfly.pause_run to authenticated, service_role;
