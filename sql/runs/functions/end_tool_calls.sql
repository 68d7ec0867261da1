-- The definer half of mayfly.end_tool_calls. Locks the job and the run.

create function mayfly_private.end_tool_calls(lease text, step integer, ends jsonb)
returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  run mayfly.runs;
  bytes bigint;
  ms bigint;
begin
  if jsonb_typeof(ends) is distinct from 'array' or jsonb_array_length(ends) not between 1 and 100 or exists (
    select from jsonb_array_elements(ends) e
    where coalesce(e ->> 'status' not in ('succeeded', 'failed', 'denied'), true) or e ->> 'call_id' is null
      or (e ->> 'result' is not null and not coalesce(pg_input_is_valid(e ->> 'result', 'json') and octet_length(e ->> 'result') <= 1000000, false))
      or octet_length((e -> 'error')::text) > 10000) then
    perform mayfly_private.fail(400, 'invalid_request', 'ends must be an array of 1 to 100 { call_id, status, result?, error?, ms? }, with at most 1 MB of result.', null, '{"field": "ends"}');
  end if;
  run := mayfly_private.held_run(lease);
  with ended as (
    update mayfly.run_tool_calls t
    set status = e.e ->> 'status', result = (e.e ->> 'result')::json, error = e.e -> 'error', ended_at = mayfly_private.now(),
      bytes = t.bytes + coalesce(octet_length(e.e ->> 'result'), 0) + coalesce(octet_length((e.e -> 'error')::text), 0)
    from jsonb_array_elements(ends) e (e)
    where t.tenant_id = run.tenant_id and t.run_id = run.id and t.step = end_tool_calls.step and t.call_id = e.e ->> 'call_id' and t.status = 'started'
    returning coalesce(octet_length(e.e ->> 'result'), 0) + coalesce(octet_length((e.e -> 'error')::text), 0) as more, (e.e ->> 'ms')::numeric as ms
  )
  select sum(d.more), max(d.ms) into bytes, ms from ended d;
  perform mayfly_private.count_usage(run.tenant_id, 0, coalesce(bytes, 0), 1);
  update mayfly.runs r set active_ms = r.active_ms + coalesce(ms, 0) where r.tenant_id = run.tenant_id and r.id = run.id returning * into run;
  return mayfly_private.show_run(run);
end
$$;

comment on function mayfly_private.end_tool_calls is 'Records how tool calls ended.';
grant execute on function mayfly_private.end_tool_calls to authenticated, service_role;

-- Records how tool calls ended, each once: [{ call_id, status: succeeded | failed | denied, result?, error?, ms? }],
-- with `result` as a text of JSON. Returns the run.

create function mayfly.end_tool_calls(lease text, step integer, ends jsonb)
returns jsonb
language plpgsql
set search_path = ''
as $$
begin
  return mayfly_private.end_tool_calls(lease, step, ends);
end
$$;

comment on function mayfly.end_tool_calls is 'Records how tool calls ended, each once. Returns the run.';
grant execute on function mayfly.end_tool_calls to authenticated, service_role;
