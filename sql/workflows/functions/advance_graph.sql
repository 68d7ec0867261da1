-- What a step of a graph is given: the input of the run and what these steps gave, by their names: a list of what each gave
-- for a map, null for a step that was skipped. Locks nothing.

create function mayfly_private.graph_given(tenant uuid, run uuid, input jsonb, names text[])
returns jsonb
language plpgsql stable security definer
set search_path = ''
set plan_cache_mode = force_generic_plan
set enable_seqscan = off
as $$
begin
  return jsonb_build_object('input', input) || coalesce((
    select jsonb_object_agg(n.name, case when s.result ? 'count' then (
        select coalesce(jsonb_agg(i.result -> 'result' order by substr(i.name, length(n.name) + 2, length(i.name) - length(n.name) - 2)::integer), '[]')
        from mayfly.job_steps i
        where i.tenant_id = tenant and i.job_id = run and i.name >= n.name || '[' and i.name < n.name || '\')
      else s.result -> 'result' end)
    from unnest(names) n (name)
    left join lateral (
      select o.result from mayfly.job_steps o where o.tenant_id = tenant and o.job_id = run and o.name = n.name limit 1) s on true), '{}');
end
$$;

comment on function mayfly_private.graph_given is 'What a step of a graph is given.';

-- Records what has ended of the children of a run of a graph: each child as the step or the item that it is, a map when all
-- its items are there. Gives the bytes that it wrote. Locks nothing: the caller holds the run.

create function mayfly_private.record_graph(run mayfly.jobs, graph jsonb)
returns bigint
language plpgsql security definer
set search_path = ''
set plan_cache_mode = force_generic_plan
set enable_seqscan = off
as $$
declare
  used bigint;
  more bigint;
begin
  with begun as materialized (
    select left(s.name, -7) as step, s.result ->> 'key' as key from mayfly.job_steps s
    where s.tenant_id = run.tenant_id and s.job_id = run.id and s.name like '%: begun'
  ), kept as (
    insert into mayfly.job_steps (tenant_id, job_id, name, attempt, result, bytes)
    select run.tenant_id, run.id, e.name, run.attempt, e.result, 128 + octet_length(e.result::text)
    from (
      select b.step || substr(f.key, 38 + length(b.key)) as name, jsonb_build_object('id', f.id, 'status', f.status, 'result',
          case when f.status = 'succeeded' then f.result end, 'error', f.error) as result
      from mayfly.finished_jobs f
      join begun b on b.key = split_part(substr(f.key, 38), '[', 1)
      where f.tenant_id = run.tenant_id and f.parent_id = run.id
        and (f.status = 'succeeded' or graph -> 'steps' -> b.step ->> 'on_failure' = 'skip')
      order by f.finished_at, f.id) e
    on conflict on constraint job_steps_pkey do nothing
    returning mayfly.job_steps.bytes
  )
  select coalesce(sum(k.bytes), 0) into used from kept k;

  with kept as (
    insert into mayfly.job_steps (tenant_id, job_id, name, attempt, result, bytes)
    select run.tenant_id, run.id, left(b.name, -7), run.attempt, jsonb_build_object('status', 'succeeded', 'count', b.result -> 'count'), 200
    from mayfly.job_steps b
    where b.tenant_id = run.tenant_id and b.job_id = run.id and b.name like '%: begun' and b.result ? 'count'
      and (b.result ->> 'count')::integer = (
        select count(*) from mayfly.job_steps i
        where i.tenant_id = run.tenant_id and i.job_id = run.id and i.name >= left(b.name, -7) || '[' and i.name < left(b.name, -7) || '\')
    on conflict on constraint job_steps_pkey do nothing
    returning mayfly.job_steps.bytes
  )
  select coalesce(sum(k.bytes), 0) into more from kept k;
  return used + more;
end
$$;

comment on function mayfly_private.record_graph is 'Records what has ended of a run of a graph.';

-- A step of a graph that can begin, or has to be skipped: what it is given, and the items of a map.
create type mayfly_private.ready_step as (
  step text,
  def jsonb,
  skipped boolean,
  given jsonb,
  items jsonb
);

-- Readiness, in one statement: every step that has not begun, and of which all that it needs or may use has ended. It is
-- skipped where something that it needs was skipped, or where its condition is not true. Locks nothing.

create function mayfly_private.ready_steps(run mayfly.jobs, graph jsonb)
returns mayfly_private.ready_step[]
language plpgsql stable security definer
set search_path = ''
set plan_cache_mode = force_generic_plan
set enable_seqscan = off
as $$
begin
  return array(
    with node as materialized (
      select n.step, n.def, mayfly_private.step_names(n.def -> 'needs') as needs, mayfly_private.step_names(n.def -> 'optional') as optional,
        own.result as own, begun.name as begun
      from jsonb_each(graph -> 'steps') n (step, def)
      left join lateral (
        select s.result from mayfly.job_steps s where s.tenant_id = run.tenant_id and s.job_id = run.id and s.name = n.step limit 1) own on true
      left join lateral (
        select s.name from mayfly.job_steps s where s.tenant_id = run.tenant_id and s.job_id = run.id and s.name = n.step || ': begun' limit 1) begun on true
    ), ended as materialized (
      select coalesce(array_agg(n.step), '{}') as steps, coalesce(array_agg(n.step) filter (where n.own ->> 'status' <> 'succeeded'), '{}') as skipped
      from node n where n.own is not null
    ), due as materialized (
      select n.step, n.def, n.needs && e.skipped as cut,
        case when not n.needs && e.skipped then mayfly_private.graph_given(run.tenant_id, run.id, run.input, n.needs || n.optional) end as given
      from node n, ended e
      where n.own is null and n.begun is null and n.needs || n.optional <@ e.steps
    )
    select row(d.step, d.def, d.cut or (d.def ? 'when' and jsonb_path_match(d.given, (d.def ->> 'when')::jsonpath, '{}', true) is not true), d.given,
      case when d.def ? 'map' then d.given #> string_to_array(d.def ->> 'map', '.') end)::mayfly_private.ready_step
    from due d
    order by d.step);
end
$$;

comment on function mayfly_private.ready_steps is 'The steps of a graph that can begin, or have to be skipped.';

-- Adds the jobs of a step that begins: one, or one for each item of a map, a thousand at a time. Small enough, what it is
-- given stands in the job; else read_graph_input reads it. Gives the name of a field that does not fit, or null.

create function mayfly_private.begin_step(run mayfly.jobs, one mayfly_private.ready_step)
returns text
language plpgsql security definer
set search_path = ''
as $$
declare
  mapped constant boolean := one.def ? 'map';
  many constant integer := case when mapped then jsonb_array_length(one.items) else 1 end;
  base constant jsonb := coalesce(one.def -> 'options', '{}') || jsonb_build_object('name', mayfly_private.step_job(
    split_part(run.name, ':', 2), substr(run.name, length(split_part(run.name, ':', 2)) + 11), one.step, one.def));
  path constant text[] := string_to_array(coalesce(one.def ->> 'input', case when mapped then 'item' end), '.');
  inline constant boolean := octet_length(one.given::text) <= least(16384, 1000000 / greatest(1, many));
  shared jsonb;
  jobs jsonb;
begin
  if one.def ? 'job' then
    shared := case when path[1] = 'item' then null when path is null then '{}' else coalesce(one.given #> path, 'null') end;
    if octet_length(shared::text) > 262144 then
      return 'input';
    end if;
  else
    shared := case when inline then jsonb_build_object('given', one.given) else '{}' end;
  end if;
  for part in 0..(many - 1) / 1000 loop
    jobs := (
      select jsonb_agg(base || jsonb_build_object('key', run.id || '/' || one.step || case when mapped then '[' || i || ']' else '' end, 'input',
        case
          when not one.def ? 'job' then shared || case when mapped then jsonb_build_object('item', one.items -> i, 'index', i) else '{}' end
          when path[1] = 'item' then coalesce(jsonb_build_object('item', one.items -> i) #> path, 'null')
          else shared end) order by i)
      from generate_series(part * 1000, least(many, part * 1000 + 1000) - 1) i);
    perform mayfly_private.insert_jobs(run.tenant_id, jobs, mayfly_private.caller_id(), run.id, coalesce(run.root_id, run.id));
  end loop;
  return null;
end
$$;

comment on function mayfly_private.begin_step is 'Adds the jobs of a step of a graph.';

-- The definer half of mayfly.advance_graph. Fenced: the row lock of the run orders it against children that end, so that
-- one that ends while it looks finds it asleep, and wakes it. Locks the run; the keys of the children that it adds.

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
    perform mayfly_private.fail(400, 'invalid_request', 'The lease is of no workflow.', null, '{"field": "lease"}');
  elsif (mayfly_private.keep_graph(run.tenant_id, name, version, graph)).graph <> advance_graph.graph then
    perform mayfly_private.fail(409, 'workflow_changed', format('Version %s of the workflow %s is another graph than the one that this worker has.', version, name),
      'Nothing was done. Serve the code that the run began with, or give the new graph another version and move the run to it.', '{"field": "graph"}');
  end if;
  select split_part(regexp_replace(s.name, ': begun$', ''), '[', 1) into other from mayfly.job_steps s
  where s.tenant_id = run.tenant_id and s.job_id = run.id and s.name <> 'report'
    and not steps ? split_part(regexp_replace(s.name, ': begun$', ''), '[', 1)
  limit 1;
  if found then
    perform mayfly_private.fail(409, 'workflow_changed', format('The run has recorded the step "%s", which this graph does not have.', other),
      'Nothing was done. Move the run again, and name what was renamed or forgotten.', jsonb_build_object('step', other, 'asked', null));
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
          'message', format('map: "%s" is no list of at most 10000 items', one.def ->> 'map')));
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
            'message', format('input: what "%s" gave has more than 256 KB', one.def ->> 'input')));
        end if;
      end if;
      exit when answer is not null;
    end loop;
  end loop;
  -- What has happened is recorded: nothing is refused.
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

  -- Of the items of a map one wakes it, the last one: it looks then what is left.
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

comment on function mayfly_private.advance_graph is 'Goes on with a run of a graph.';
grant execute on function mayfly_private.advance_graph to authenticated, service_role;

-- Goes on with a held run of a graph: records what has ended, skips and begins what is ready by then, and puts the run to
-- sleep: { waiting }; or { done, result }, or { failed: { step, id, status, error } }. `graph` is the one that the worker
-- has: another one than the run's version is refused (workflow_changed); the first of a version is kept.

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
  'Goes on with a held run of a graph: { waiting }, { done, result } or { failed: { step, id, status, error } }. After waiting the lease is over.';
grant execute on function mayfly.advance_graph to authenticated, service_role;
