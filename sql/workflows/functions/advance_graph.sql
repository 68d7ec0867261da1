-- Continues a run of a graph. The lease must be the caller's. Because of the row lock of the run, a child that ends
-- during this call waits until the call is over. Only then does the child look whether the run sleeps, and wakes it.
-- Locks the run and the keys of the children that it adds.

create function mayfly_private.advance_graph(lease text, graph jsonb)
returns jsonb
language plpgsql security definer
set search_path = ''
set plan_cache_mode = force_generic_plan
set enable_seqscan = off
as $$
declare
  run constant mayfly.jobs := mayfly_private.fence_job(lease);
  name constant text := split_part(run.name, ':', 2);
  version constant text := substr(run.name, length(split_part(run.name, ':', 2)) + 11);
  steps constant jsonb := graph -> 'steps';
  ready mayfly_private.ready_step[];
  one mayfly_private.ready_step;
  used bigint := 0;
  freed bigint;
  other text;
  answer jsonb;
  waits text[];
  again boolean := true;
begin
  if run.name not like 'workflow:%' then
    perform mayfly_private.fail(400, 'invalid_request', 'The lease is not for a workflow.', null, '{"field": "lease"}');
  elsif (mayfly_private.keep_graph(run.tenant_id, name, version, graph)).graph <> advance_graph.graph then
    perform mayfly_private.fail(409, 'workflow_changed', format('Version %s of the workflow %s is not the graph that this worker has.', version, name),
      'Nothing was done. Serve the code that the run began with, or give the new graph another version and move the run to it.', '{"field": "graph"}');
  end if;
  select split_part(regexp_replace(s.name, ': begun$', ''), '[', 1) into other from mayfly.job_steps s
  where s.tenant_id = run.tenant_id and s.job_id = run.id and s.name <> 'report'
    and not steps ? split_part(regexp_replace(s.name, ': begun$', ''), '[', 1)
  limit 1;
  if found then
    perform mayfly_private.fail(409, 'workflow_changed', format('The run has recorded the step "%s", which this graph does not have.', other),
      'Nothing was done. Move the run again, and pass the renamed and forgotten steps.', jsonb_build_object('step', other, 'asked', null));
  end if;

  used := mayfly_private.record_graph(run, graph);
  with spent as (
    delete from mayfly.job_signals s where s.tenant_id = run.tenant_id and s.job_id = run.id and s.name like 'job:%' returning s.bytes
  )
  select coalesce(sum(s.bytes), 0) into freed from spent s;

  select jsonb_build_object('step', o.step, 'id', o.id, 'status', o.status, 'error', o.error) into answer
  from (
    select left(b.name, -7) as step, f.id, f.status, f.error from mayfly.job_steps b
    join mayfly.finished_jobs f on f.tenant_id = run.tenant_id and f.parent_id = run.id and split_part(substr(f.key, 38), '[', 1) = b.result ->> 'key'
    where b.tenant_id = run.tenant_id and b.job_id = run.id and b.name like '%: begun'
      and f.status <> 'succeeded' and steps -> left(b.name, -7) ->> 'on_failure' is distinct from 'skip'
    order by f.finished_at limit 1) o;

  while answer is null and again loop
    again := false;
    ready := mayfly_private.ready_steps(run, graph);
    foreach one in array ready loop
      if one.skipped then
        insert into mayfly.job_steps (tenant_id, job_id, name, attempt, result, bytes)
        values (run.tenant_id, run.id, one.step, run.attempt, '{"status": "skipped"}', 150);
        used := used + 150;
        again := true;
      elsif one.def ? 'map' and (jsonb_typeof(one.items) is distinct from 'array' or jsonb_array_length(one.items) > 10000) then
        answer := jsonb_build_object('step', one.step, 'status', 'unfit', 'error', jsonb_build_object('code', 'invalid_request',
          'message', format('map: "%s" is not a list of at most 10000 items', one.def ->> 'map')));
      else
        insert into mayfly.job_steps (tenant_id, job_id, name, attempt, result, bytes)
        values (run.tenant_id, run.id, one.step || ': begun', run.attempt, jsonb_build_object('key', one.step)
          || case when one.def ? 'map' then jsonb_build_object('count', jsonb_array_length(one.items)) else '{}' end, 200);
        used := used + 200;
        if one.def ? 'map' and jsonb_array_length(one.items) = 0 then
          again := true;
          used := used + mayfly_private.record_graph(run, graph);
        elsif mayfly_private.begin_step(run, one) is not null then
          answer := jsonb_build_object('step', one.step, 'status', 'unfit', 'error', jsonb_build_object('code', 'invalid_request',
            'message', format('input: the result of "%s" has more than 256 KB', one.def ->> 'input')));
        end if;
      end if;
      exit when answer is not null;
    end loop;
  end loop;
  -- The recorded steps have already ended, so recording them is never refused.
  if used <> freed then
    perform mayfly_private.count_usage(run.tenant_id, 0, used - freed, 0);
  end if;
  if answer is not null then
    return jsonb_build_object('failed', answer);
  end if;

  if not exists (
    select from jsonb_object_keys(steps) k
    where not exists (select from mayfly.job_steps s where s.tenant_id = run.tenant_id and s.job_id = run.id and s.name = k)) then
    return jsonb_build_object('done', true, 'result', case when graph ? 'result'
      then mayfly_private.graph_given(run.tenant_id, run.id, run.input, array[split_part(graph ->> 'result', '.', 1)]) #> string_to_array(graph ->> 'result', '.')
      else mayfly_private.graph_given(run.tenant_id, run.id, run.input, array(
        select k from jsonb_object_keys(steps) k
        where not exists (
          select from jsonb_each(steps) o
          where k = any (mayfly_private.step_names(o.value -> 'needs') || mayfly_private.step_names(o.value -> 'optional'))))) - 'input' end);
  end if;

  -- Of the items of a map, only the last one that ends wakes the run.
  waits := array(
    select distinct on (split_part(j.key, '[', 1)) 'job:' || j.id from mayfly.jobs j
    where j.tenant_id = run.tenant_id and j.parent_id = run.id and j.key is not null
    order by split_part(j.key, '[', 1), j.seq desc);
  if cardinality(waits) = 0 then
    return jsonb_build_object('failed', (
      select jsonb_build_object('step', left(b.name, -7), 'status', 'discarded', 'error', null) from mayfly.job_steps b
      where b.tenant_id = run.tenant_id and b.job_id = run.id and b.name like '%: begun'
        and not exists (select from mayfly.job_steps s where s.tenant_id = run.tenant_id and s.job_id = run.id and s.name = left(b.name, -7))
      limit 1));
  end if;
  update mayfly.jobs j
  set status = 'waiting', holder = null, lease_end = null, max_attempts = j.max_attempts + 1, run_at = 'infinity', wait_for = waits
  where j.tenant_id = run.tenant_id and j.id = run.id;
  return '{"waiting": true}';
end
$$;

comment on function mayfly_private.advance_graph is 'Continues a run of a graph.';
grant execute on function mayfly_private.advance_graph to authenticated, service_role;

-- Continues a held run of a graph: records what has ended, and begins or skips the steps that are ready. If steps are
-- still open, it puts the run to sleep and returns { waiting }. Otherwise it returns { done, result } or { failed: {
-- step, id, status, error } }. `graph` is the graph that the worker has. The first graph of a version is kept. If the
-- worker's graph differs from the kept one, the call is refused (workflow_changed).

create function mayfly.advance_graph(lease text, graph jsonb)
returns jsonb
language plpgsql
set search_path = ''
as $$
begin
  return mayfly_private.advance_graph(lease, graph);
end
$$;

comment on function mayfly.advance_graph is
  'Continues a held run of a graph: { waiting }, { done, result } or { failed: { step, id, status, error } }. After { waiting }, the lease is over.';
grant execute on function mayfly.advance_graph to authenticated, service_role;
