-- Records outcomes of tool calls. Locks the job and the run, then what reserve_costs locks.

create function mayfly_private.end_tool_calls(lease text, step integer, ends jsonb, ask jsonb, chunks jsonb)
returns jsonb
language plpgsql security definer
set search_path = ''
set plan_cache_mode = force_generic_plan
as $$
declare
  run mayfly.runs;
  bytes bigint;
  ms bigint;
  more integer := 0;
  reserved jsonb;
begin
  if jsonb_typeof(ends) is distinct from 'array' or jsonb_array_length(ends) not between 1 and 100 or exists (
    select from jsonb_array_elements(ends) e
    where coalesce(e ->> 'status' not in ('succeeded', 'failed', 'denied'), true) or e ->> 'call_id' is null
      or (e ->> 'result' is not null and not coalesce(pg_input_is_valid(e ->> 'result', 'json') and octet_length(e ->> 'result') <= 1000000, false))
      or octet_length((e -> 'error')::text) > 10000) then
    perform mayfly_private.fail(400, 'invalid_request', 'ends must be an array of 1 to 100 { call_id, status, result?, error?, ms? }, with at most 1 MB of result.', null, '{"field": "ends"}');
  end if;
  if jsonb_typeof(ask) <> 'object' then
    perform mayfly_private.fail(400, 'invalid_request', 'ask must be an ask of reserve_costs.', null, '{"field": "ask"}');
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
  if chunks is not null then
    more := mayfly_private.put_run_chunks(run, chunks);
    bytes := coalesce(bytes, 0) + case when more > 0 then 128 + octet_length(chunks ->> 'chunks') else 0 end;
  end if;
  perform mayfly_private.count_usage(run.tenant_id, 0, coalesce(bytes, 0), 1);
  update mayfly.runs r set active_ms = r.active_ms + coalesce(ms, 0), last_chunk = r.last_chunk + more
  where r.tenant_id = run.tenant_id and r.id = run.id returning * into run;
  if more > 0 then
    perform mayfly_private.tell_run(run, false);
  end if;
  if ask is not null then
    -- The outcomes are recorded even if the cost of the next call cannot be reserved. In that case, the worker reserves
    -- the cost with a call of its own.
    begin
      reserved := mayfly_private.reserve_costs(jsonb_build_array(ask || jsonb_build_object('lease', lease))) -> 0;
    exception when sqlstate 'PGRST' then
      reserved := null;
    end;
  end if;
  return mayfly_private.show_run(run) || jsonb_strip_nulls(jsonb_build_object('reserved', reserved));
end
$$;

comment on function mayfly_private.end_tool_calls is 'Records how tool calls ended.';
grant execute on function mayfly_private.end_tool_calls to authenticated, service_role;

-- Records how tool calls ended, each once: [{ call_id, status: succeeded | failed | denied, result?, error?, ms? }],
-- with `result` as a text of JSON. In the same transaction, `ask` (as in reserve_costs) reserves the cost of the next
-- call of a model, and `chunks` { after, chunks, size } are appended to the stream. So a worker makes one call instead
-- of three. Returns the run, and the answer to the ask as `reserved`. If `reserved` is missing, call reserve_costs.

create function mayfly.end_tool_calls(lease text, step integer, ends jsonb, ask jsonb default null, chunks jsonb default null)
returns jsonb
language plpgsql
set search_path = ''
as $$
begin
  return mayfly_private.end_tool_calls(lease, step, ends, ask, chunks);
end
$$;

comment on function mayfly.end_tool_calls is 'Records how tool calls ended, each once, and reserves the next call of a model. Returns the run.';
grant execute on function mayfly.end_tool_calls to authenticated, service_role;
