-- Starts a fork, with the attributes of the original run. It copies no step: the fork reads earlier steps from the
-- original run. Locks what start_run locks.

create function mayfly_private.fork_run(id uuid, at_step integer, input text, edits jsonb, trace text)
returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  tenant constant uuid := mayfly_private.require_tenant('run:write');
  of_run mayfly.runs;
  line jsonb;
  added jsonb;
  unknown text;
  size bigint;
begin
  select * into of_run from mayfly.runs r where r.tenant_id = tenant and r.id = fork_run.id;
  if not found then
    perform mayfly_private.fail(404, 'run_unknown', 'There is no such run.', null, '{"field": "id"}');
  elsif at_step is null or at_step not between 1 and of_run.steps + 1 then
    perform mayfly_private.fail(400, 'invalid_request', format('at_step must be 1 to %s.', of_run.steps + 1), 'A fork starts at an existing step, or at the one after the last.', '{"field": "at_step"}');
  elsif edits is not null and (jsonb_typeof(edits) <> 'object' or octet_length(edits::text) > 262144) then
    perform mayfly_private.fail(400, 'invalid_request', 'edits must be { <call id>: <result as a text of JSON> }.', null, '{"field": "edits"}');
  end if;
  added := mayfly_private.start_run(of_run.agent, coalesce(input, case when at_step = 1 then of_run.input::text end), of_run.limits, null, null, 0, of_run.id, at_step, trace,
    (select a.attributes from mayfly.job_attributes a where a.tenant_id = tenant and a.job_id = of_run.id));
  if edits is not null then
    line := mayfly_private.run_log(tenant, of_run.id, false) -> 'tools';
    select e.key into unknown from jsonb_each(edits) e
    where jsonb_typeof(e.value) <> 'string' or not pg_input_is_valid(e.value #>> '{}', 'json') or not exists (
      select from jsonb_array_elements(line) t where t ->> 'call_id' = e.key and (t ->> 'step')::integer = at_step - 1) limit 1;
    if found then
      perform mayfly_private.fail(400, 'invalid_request', format('edits has no call %s of step %s, or no JSON for it.', left(unknown, 100), at_step - 1), 'Nothing was forked.', '{"field": "edits"}');
    end if;
    with edited as (
      insert into mayfly.run_tool_calls (tenant_id, run_id, step, call_id, nth, tool, risk, input, status, result, attempt, started_at, ended_at, bytes)
      select tenant, (added ->> 'id')::uuid, at_step - 1, t ->> 'call_id', n, t ->> 'tool', t ->> 'risk', (t ->> 'input')::json, 'edited', (edits ->> (t ->> 'call_id'))::json,
        0, mayfly_private.now(), mayfly_private.now(), 512 + octet_length(t ->> 'input') + octet_length(edits ->> (t ->> 'call_id'))
      from jsonb_array_elements(line) with ordinality as o (t, n)
      where (t ->> 'step')::integer = at_step - 1 and edits ? (t ->> 'call_id')
      returning bytes
    )
    select sum(e.bytes) into size from edited e;
    perform mayfly_private.charge(tenant, 0, coalesce(size, 0), 1);
  end if;
  return added;
end
$$;

comment on function mayfly_private.fork_run is 'Forks a run.';
grant execute on function mayfly_private.fork_run to authenticated, service_role;

-- Starts a run that shares the steps of another run before `at_step`, without copying them (scope run:write). Returns {
-- id }. `input`, a text of JSON, is added at that step. If `at_step` is the first step, `input` replaces the input of
-- the run. `edits` changes results of tools in the step before: { <call id>: <text of JSON> }. The original run does
-- not change.

create function mayfly.fork_run(id uuid, at_step integer, input text default null, edits jsonb default null, trace text default null)
returns jsonb
language plpgsql
set search_path = ''
as $$
begin
  return mayfly_private.fork_run(id, at_step, input, edits, trace);
end
$$;

comment on function mayfly.fork_run is 'Starts a run that shares the steps of another run before at_step: { id }.';
grant execute on function mayfly.fork_run to authenticated, service_role;
