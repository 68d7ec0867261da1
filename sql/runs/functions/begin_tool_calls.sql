-- Whether a JSON value is a list of 1 to 100 tool calls of a model.

create function mayfly_private.are_tool_calls(calls jsonb)
returns boolean
language plpgsql immutable
set search_path = ''
as $$
begin
  return coalesce(jsonb_typeof(calls) = 'array' and jsonb_array_length(calls) between 1 and 100, false) and not exists (
    select from jsonb_array_elements(calls) c
    where coalesce(char_length(c ->> 'call_id') not between 1 and 200, true) or coalesce(char_length(c ->> 'tool') not between 1 and 100, true)
      or not coalesce(pg_input_is_valid(c ->> 'input', 'json') and octet_length(c ->> 'input') <= 262144, false));
end
$$;

comment on function mayfly_private.are_tool_calls is 'Whether a JSON value is a list of tool calls.';

-- Writes audit rows for tool calls that have been checked. The caller has locked the run. Locks the tools' rate limits.

create function mayfly_private.begin_tools(run mayfly.runs, this_attempt integer, whose uuid, step integer, calls jsonb)
returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  one record;
  known mayfly.run_tool_calls;
  wait double precision;
  size bigint := 0;
  started integer := 0;
  answers jsonb := '[]';
begin
  for one in select o.c, o.n from jsonb_array_elements(calls) with ordinality as o (c, n) loop
    select * into known from mayfly.run_tool_calls t
    where t.tenant_id = run.tenant_id and t.run_id = run.id and t.step = begin_tools.step and t.call_id = one.c ->> 'call_id';
    if known.status <> 'started' then
      answers := answers || jsonb_strip_nulls(jsonb_build_object('call_id', known.call_id, 'status', known.status, 'result', known.result::text, 'error', known.error));
      continue;
    end if;
    wait := mayfly_private.take_rate(run.tenant_id, '{tool}', array[one.c ->> 'tool']);
    if wait is not null then
      answers := answers || jsonb_build_object('call_id', one.c ->> 'call_id', 'status', 'limited', 'retry_after', ceil(wait));
      continue;
    end if;
    if known.call_id is not null then
      update mayfly.run_tool_calls t set attempts = t.attempts + 1, attempt = this_attempt, holder = whose
      where t.tenant_id = run.tenant_id and t.run_id = run.id and t.step = begin_tools.step and t.call_id = known.call_id;
    else
      insert into mayfly.run_tool_calls (tenant_id, run_id, step, call_id, nth, tool, risk, input, status, approval_id, attempt, holder, started_at, bytes)
      values (run.tenant_id, run.id, begin_tools.step, one.c ->> 'call_id', coalesce((one.c ->> 'nth')::integer, one.n::integer), one.c ->> 'tool',
        left(one.c ->> 'risk', 50), (one.c ->> 'input')::json, 'started', mayfly_private.to_uuid(one.c ->> 'approval_id'), this_attempt, whose, mayfly_private.now(),
        512 + octet_length(one.c ->> 'input'));
      size := size + 512 + octet_length(one.c ->> 'input');
      started := started + 1;
    end if;
    answers := answers || jsonb_build_object('call_id', one.c ->> 'call_id', 'status', 'started', 'attempts', coalesce(known.attempts, 0) + 1);
  end loop;
  if started > 0 then
    perform mayfly_private.charge(run.tenant_id, 0, size, started);
  end if;
  return answers;
end
$$;

comment on function mayfly_private.begin_tools is 'Writes the audit of tools before they run.';

-- Records tool calls for the holder of the lease. Locks the job, the run and the tools' rate limits.

create function mayfly_private.begin_tool_calls(lease text, step integer, calls jsonb)
returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  run mayfly.runs;
begin
  if not mayfly_private.are_tool_calls(calls) then
    perform mayfly_private.fail(400, 'invalid_request', 'calls must be an array of 1 to 100 { call_id, tool, input, risk?, nth?, approval_id? }.', null, '{"field": "calls"}');
  end if;
  run := mayfly_private.held_run(lease);
  -- The lease is valid, so the text before its first dot is the number of the attempt.
  return mayfly_private.begin_tools(run, split_part(lease, '.', 1)::integer, (mayfly_private.job_holder()).id, step, calls);
end
$$;

comment on function mayfly_private.begin_tool_calls is 'Writes the audit of tools before they run.';
grant execute on function mayfly_private.begin_tool_calls to authenticated, service_role;

-- Writes an audit row for each tool before it runs, under the lease: [{ call_id, tool, input, risk?, approval_id? }],
-- with `input` as a text of JSON. For each, returns { call_id, status }. The status is `started`, with the number of
-- attempts, or `limited`, with retry_after, or the outcome of an earlier call, with its result.

create function mayfly.begin_tool_calls(lease text, step integer, calls jsonb)
returns jsonb
language plpgsql
set search_path = ''
as $$
begin
  return mayfly_private.begin_tool_calls(lease, step, calls);
end
$$;

comment on function mayfly.begin_tool_calls is 'Writes the audit of tools before they run: [{ call_id, status, attempts?, result? }].';
grant execute on function mayfly.begin_tool_calls to authenticated, service_role;
