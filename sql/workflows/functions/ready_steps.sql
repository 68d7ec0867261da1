-- The input of a step of a graph: the input of the run, and the results of the given steps by name. The result of a map
-- is a list, and that of a skipped step is null. Locks nothing.

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

comment on function mayfly_private.graph_given is 'The input of a step of a graph.';

-- Records the ended children of a run of a graph. Each child is recorded as the step or item that it did, and a map is
-- recorded when all its items have ended. Returns how many bytes it wrote. Locks nothing, because the caller holds the
-- run.

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

comment on function mayfly_private.record_graph is 'Records ended children of a run of a graph.';

-- A step of a graph that can begin or must be skipped, with its input and the items of a map.
create type mayfly_private.ready_step as (
  step text,
  def jsonb,
  skipped boolean,
  given jsonb,
  items jsonb
);

-- Finds, in one statement, all steps that have not begun and whose `needs` and `optional` steps have all ended. A step
-- is skipped if another step that it needs was skipped, or if its own condition is not true. Locks nothing.

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

comment on function mayfly_private.ready_steps is 'The steps of a graph that can begin or must be skipped.';

-- Adds the jobs of a step that begins: one job, or in a map one job for each item, a thousand at a time. A small input
-- is stored in the job. The worker reads a larger one with read_graph_input. Returns the name of an invalid field, or
-- null.

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
