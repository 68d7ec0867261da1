-- Records a call of a model. Writes the answer, its cost and the totals of the run in one transaction, once for each
-- step. If this function is called again for the step, it finds the answer recorded. Locks the job, the run, then
-- budgets and holds, then the rate limits of tools.

create function mayfly_private.record_model_call(lease text, call jsonb, tools jsonb, chunks jsonb)
returns jsonb
language plpgsql security definer
set search_path = ''
set plan_cache_mode = force_generic_plan
as $$
declare
  run mayfly.runs;
  holder constant mayfly_private.job_holder := mayfly_private.job_holder();
  is_known boolean;
  begun jsonb;
  more integer := 0;
  of_step constant integer := (call ->> 'step')::integer;
  parts constant text := call ->> 'parts';
  size constant integer := 512 + coalesce(octet_length(parts), 0) + coalesce(octet_length(call ->> 'messages'), 0);
  fault text;
  held record;
  settled record;
  cost jsonb;
  attempt integer;
begin
  fault := case
    when jsonb_typeof(call) is distinct from 'object' then 'call'
    when not coalesce((call ->> 'step')::numeric between 1 and 10000, false) then 'step'
    when not coalesce((call ->> 'try')::numeric between 1 and 1000, false) then 'try'
    when coalesce(char_length(call ->> 'agent') not between 1 and 100, true) then 'agent'
    when coalesce(char_length(call ->> 'provider') not between 1 and 100, true) then 'provider'
    when coalesce(char_length(call ->> 'model') not between 1 and 200, true) then 'model'
    when coalesce(call ->> 'digest' !~ '^[0-9a-f]{64}$', true) then 'digest'
    when parts is not null and not (pg_input_is_valid(parts, 'json') and octet_length(parts) <= 4000000) then 'parts'
    when parts is not null and not mayfly_private.is_usage(call -> 'usage') then 'usage'
    when parts is null and jsonb_typeof(call -> 'error') is distinct from 'object' then 'error'
    when not mayfly_private.number_within(call -> 'ms', 0, 2147483647) then 'ms'
    when octet_length((call - 'parts' - 'messages')::text) > 20000 then 'call'
    when call ? 'messages' and not coalesce(pg_input_is_valid(call ->> 'messages', 'json') and octet_length(call ->> 'messages') <= 4000000, false) then 'messages'
  end;
  if fault is not null then
    perform mayfly_private.fail(400, 'invalid_request', format('call.%s is not valid.', fault), 'Nothing was recorded.', jsonb_build_object('field', 'call.' || fault));
  end if;
  if tools is not null and not mayfly_private.are_tool_calls(tools) then
    perform mayfly_private.fail(400, 'invalid_request', 'tools must be an array of 1 to 100 { call_id, tool, input, risk?, nth? }.', 'Nothing was recorded.', '{"field": "tools"}');
  end if;
  run := mayfly_private.held_run(lease);
  -- The lease is valid, so the text before its first dot is the number of the attempt.
  attempt := split_part(lease, '.', 1)::integer;

  is_known := exists (select from mayfly.run_model_calls c where c.tenant_id = run.tenant_id and c.run_id = run.id and c.step = of_step and c.parts is not null);
  if chunks is not null then
    more := mayfly_private.put_run_chunks(run, chunks);
  end if;

  if call ->> 'hold' is not null and parts is not null and not is_known then
    select * into held from mayfly_private.holds_of(holder, array[(call ->> 'hold')::uuid]);
    if cardinality(held.holds) = 1 then
      select * into settled from mayfly_private.settle_cost(held.holds[1], call -> 'usage', held.budgets);
      perform mayfly_private.write_budgets(settled.budgets);
      cost := settled.cost;
    end if;
  end if;
  if not is_known then
    insert into mayfly.run_model_calls (tenant_id, run_id, step, try, agent, provider, model, digest, parts, messages, finish, usage, usd, priced, ms, error, attempt, at, bytes)
    values (run.tenant_id, run.id, of_step, (call ->> 'try')::integer, call ->> 'agent', call ->> 'provider', call ->> 'model', decode(call ->> 'digest', 'hex'),
      parts::json, (call ->> 'messages')::json, call ->> 'finish', call -> 'usage', (cost ->> 'usd')::numeric, cost ->> 'priced', coalesce((call ->> 'ms')::numeric::integer, 0),
      case when parts is null then call -> 'error' end, attempt, mayfly_private.now(), size)
    on conflict on constraint run_model_calls_pkey do nothing;
  end if;
  -- The answer has been paid for, so it is counted and never refused.
  perform mayfly_private.count_usage(run.tenant_id, 0,
    case when is_known then 0 else size end + case when more > 0 then 128 + octet_length(chunks ->> 'chunks') else 0 end, 1);
  if is_known then
    if more > 0 then
      update mayfly.runs r set last_chunk = r.last_chunk + more where r.tenant_id = run.tenant_id and r.id = run.id returning * into run;
    end if;
  else
    update mayfly.runs r
    set steps = greatest(r.steps, case when parts is null then r.steps else of_step end), repairs = r.repairs + coalesce((call ->> 'repair')::boolean, false)::integer,
      input_tokens = r.input_tokens + coalesce((call -> 'usage' ->> 'input')::numeric, 0), output_tokens = r.output_tokens + coalesce((call -> 'usage' ->> 'output')::numeric, 0),
      usd = r.usd + coalesce((cost ->> 'usd')::numeric, 0), unpriced = r.unpriced + (parts is not null and cost ->> 'usd' is null)::integer,
      active_ms = r.active_ms + coalesce((call ->> 'ms')::numeric, 0)::bigint, last_chunk = r.last_chunk + more
    where r.tenant_id = run.tenant_id and r.id = run.id
    returning * into run;
  end if;
  if more > 0 then
    perform mayfly_private.tell_run(run, false);
  end if;
  -- A paused run stops before its tools. If a tool call is refused here, the answer stays recorded, and the worker
  -- begins the tools itself.
  if tools is not null and not run.paused then
    begin
      begun := mayfly_private.begin_tools(run, attempt, holder.id, of_step, tools);
    exception when sqlstate 'PGRST' then
      begun := null;
    end;
  end if;
  return mayfly_private.show_run(run) || jsonb_strip_nulls(jsonb_build_object('cost', cost, 'known', nullif(is_known, false), 'tools', begun));
end
$$;

comment on function mayfly_private.record_model_call is 'Records the answer of a model and its cost.';
grant execute on function mayfly_private.record_model_call to authenticated, service_role;

-- Records the answer of a model before anything acts on it, or the error of a call: { step, try, agent, provider,
-- model, digest, parts, messages, finish, usage, ms, hold } or { …, error }. `parts` and `messages` are texts of JSON.
-- Settles the hold. In the same transaction, `tools` begins tool calls of the answer (see begin_tool_calls), and
-- `chunks` { after, chunks, size } are appended to the stream. Returns the run with its totals, { known } if the step
-- was recorded before, and the `tools` that began. If `tools` is missing, call begin_tool_calls.

create function mayfly.record_model_call(lease text, call jsonb, tools jsonb default null, chunks jsonb default null)
returns jsonb
language plpgsql
set search_path = ''
as $$
begin
  return mayfly_private.record_model_call(lease, call, tools, chunks);
end
$$;

comment on function mayfly.record_model_call is 'Records the answer of a model and its cost before anything acts on it, and begins its tool calls. Returns the run.';
grant execute on function mayfly.record_model_call to authenticated, service_role;
