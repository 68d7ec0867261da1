-- Marks a run as running. Locks the job and the run.

create function mayfly_private.begin_run(lease text)
returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  run mayfly.runs := mayfly_private.held_run(lease);
  is_new constant boolean := run.started_at is null and run.forked_from is null;
begin
  if run.status <> 'running' then
    perform mayfly_private.move_run(run, 'running', null, null);
    select * into run from mayfly.runs r where r.tenant_id = run.tenant_id and r.id = run.id;
  end if;
  -- A run that begins has recorded only its input.
  if is_new then
    return jsonb_build_object('inputs', jsonb_build_array(jsonb_build_object('step', 1, 'input', run.input::text)), 'context', run.context::text,
      'calls', '[]'::jsonb, 'tools', '[]'::jsonb, 'run', mayfly_private.show_run(run));
  end if;
  return mayfly_private.run_log(run.tenant_id, run.id, false) || jsonb_build_object('run', mayfly_private.show_run(run));
end
$$;

comment on function mayfly_private.begin_run is 'Begins or resumes a run.';
grant execute on function mayfly_private.begin_run to authenticated, service_role;

-- Begins or resumes a run under the lease of its job. Returns everything that the run has recorded: { run, inputs,
-- context, calls, tools }.

create function mayfly.begin_run(lease text)
returns jsonb
language plpgsql
set search_path = ''
as $$
begin
  return mayfly_private.begin_run(lease);
end
$$;

comment on function mayfly.begin_run is 'Begins or resumes a run under its lease, and returns everything that it has recorded.';
grant execute on function mayfly.begin_run to authenticated, service_role;
