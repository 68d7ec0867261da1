-- Reads a run. It is a definer, because the status of a run depends on the run's job, which the caller may not see.
-- Locks nothing.

create function mayfly_private.get_run(id uuid, with_parts boolean)
returns jsonb
language plpgsql stable security definer
set search_path = ''
as $$
declare
  tenant constant uuid := mayfly_private.require_tenant('run:read');
  run mayfly.runs;
begin
  select * into run from mayfly.runs r where r.tenant_id = tenant and r.id = get_run.id;
  if not found then
    perform mayfly_private.fail(404, 'run_unknown', 'There is no such run.', null, '{"field": "id"}');
  end if;
  return mayfly_private.show_run(run) || mayfly_private.run_attributes(tenant, run.id) || mayfly_private.run_log(tenant, run.id, with_parts) || jsonb_build_object('output', run.output::text);
end
$$;

comment on function mayfly_private.get_run is 'A run with everything that it has recorded.';
grant execute on function mayfly_private.get_run to authenticated, service_role;

-- A run with everything that it has recorded (scope run:read): its steps, tool calls, input and output.

create function mayfly.get_run(id uuid, with_parts boolean default false)
returns jsonb
language plpgsql
set search_path = ''
as $$
begin
  return mayfly_private.get_run(id, with_parts);
end
$$;

comment on function mayfly.get_run is 'A run with everything that it has recorded.';
grant execute on function mayfly.get_run to authenticated, service_role;
