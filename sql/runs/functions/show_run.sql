-- The attributes of a run, for show_run's callers that list or read runs: { attributes }, or {} if it has none. The
-- functions of workers do not call it, because they read a run at each step.

create function mayfly_private.run_attributes(tenant uuid, run uuid)
returns jsonb
language plpgsql stable security definer
set search_path = ''
as $$
begin
  return coalesce((select jsonb_build_object('attributes', a.attributes) from mayfly.job_attributes a where a.tenant_id = tenant and a.job_id = run), '{}');
end
$$;

comment on function mayfly_private.run_attributes is 'The attributes of a run, to be added to what show_run returns.';

-- A run in the form that readers get. Its job says whether it waits or is paused.

create function mayfly_private.show_run(run mayfly.runs)
returns jsonb
language plpgsql stable security definer
set search_path = ''
as $$
declare
  job_status constant text := case when run.status in ('queued', 'running') then (
    select j.status from mayfly.jobs j where j.tenant_id = run.tenant_id and j.id = run.id) end;
begin
  return jsonb_strip_nulls(jsonb_build_object('id', run.id, 'agent', run.agent, 'status', case
      when run.status in ('queued', 'running') and run.paused and job_status is distinct from 'running' then 'paused'
      when run.status = 'running' and job_status in ('waiting', 'scheduled') then 'waiting'
      else run.status end,
    'steps', run.steps, 'repairs', run.repairs, 'input_tokens', run.input_tokens, 'output_tokens', run.output_tokens, 'usd', run.usd,
    'unpriced', run.unpriced, 'active_ms', run.active_ms, 'limits', run.limits, 'error', run.error, 'parent_id', run.parent_id,
    'forked_from', run.forked_from, 'forked_at', run.forked_at, 'created_by', run.created_by, 'created_at', run.created_at,
    'started_at', run.started_at, 'ended_at', run.ended_at, 'last_chunk', run.last_chunk, 'paused', run.paused));
end
$$;

comment on function mayfly_private.show_run is 'A run in the form that readers get.';
