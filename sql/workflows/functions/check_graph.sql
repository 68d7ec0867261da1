-- The names in a list of a graph, or an empty array if the list is absent. The function is in PL/pgSQL, so that it is
-- planned once per session. Locks nothing.

create function mayfly_private.step_names(value jsonb)
returns text[]
language plpgsql immutable parallel safe
set search_path = ''
as $$
begin
  return case when jsonb_typeof(value) = 'array' then array(select jsonb_array_elements_text(value)) else '{}' end;
end
$$;

comment on function mayfly_private.step_names is 'The names in a list of a graph.';

-- The job that does a step of a graph: another workflow or job, or code of the graph's own workers. Locks nothing.

create function mayfly_private.step_job(name text, version text, step text, def jsonb)
returns text
language sql immutable parallel safe
set search_path = ''
return coalesce(def ->> 'job', 'step:' || name || ':' || version || ':' || step);

comment on function mayfly_private.step_job is 'The name of the job that does a step of a graph.';

-- The first fault in a step of a graph, as { field, rule }, or null. `known` has the names of all steps. Locks nothing.

create function mayfly_private.graph_step_fault(known text[], step text, def jsonb)
returns jsonb
language plpgsql stable
set search_path = ''
as $$
declare
  needs constant text[] := mayfly_private.step_names(def -> 'needs');
  waits constant text[] := needs || mayfly_private.step_names(def -> 'optional');
  given constant text[] := waits || '{input}'::text[];
  reference constant text := '^[A-Za-z][A-Za-z0-9_]*(\.[A-Za-z0-9_-]+)*$';
  asked text[];
  other text;
begin
  if step !~ '^[A-Za-z][A-Za-z0-9_]{0,49}$' or step in ('input', 'item', 'index', 'report') then
    return jsonb_build_object('field', 'name', 'rule', 'must be 1 to 50 letters, digits and underscores, and not input, item, index or report');
  elsif jsonb_typeof(def) <> 'object' then
    return jsonb_build_object('field', 'name', 'rule', 'must be an object');
  end if;
  select k into other from jsonb_object_keys(def) k where k <> all ('{needs,optional,map,when,input,job,on_failure,options}') limit 1;
  if found then
    return jsonb_build_object('field', other, 'rule', 'is not a field of a step');
  end if;
  foreach other in array '{needs,optional}'::text[] loop
    if not mayfly_private.texts_or_absent(def -> other, 200) then
      return jsonb_build_object('field', other, 'rule', 'must be names of steps');
    end if;
  end loop;
  select w into other from unnest(waits) w where w <> all (known) limit 1;
  if found then
    return jsonb_build_object('field', 'needs', 'rule', format('names "%s", which is not a step of the graph', left(other, 60)));
  end if;
  foreach other in array '{map,input}'::text[] loop
    if def -> other is not null and (jsonb_typeof(def -> other) <> 'string' or def ->> other !~ reference
      or (split_part(def ->> other, '.', 1) <> all (given) and not (other = 'input' and def ? 'map' and split_part(def ->> other, '.', 1) = 'item'))) then
      return jsonb_build_object('field', other, 'rule', format('must be "input" or a step that it needs, with a path, such as "input.urls", not "%s"',
        left(def ->> other, 60)));
    end if;
  end loop;
  if def -> 'when' is not null then
    if jsonb_typeof(def -> 'when') <> 'string' or not pg_input_is_valid(def ->> 'when', 'jsonpath') or def ->> 'when' ~ '^\s*(strict|lax)\M|like_regex|datetime' then
      return jsonb_build_object('field', 'when', 'rule', 'must be an SQL/JSON path that is true or false, such as "$.check.score > 5", without like_regex and datetime');
    end if;
    asked := array(select distinct m[1] from regexp_matches(def ->> 'when', '\$\s*\.\s*"?([A-Za-z0-9_-]*)', 'g') m);
    if cardinality(asked) = 0 or not asked <@ given then
      return jsonb_build_object('field', 'when', 'rule', 'must refer to $.input or to steps that it needs, not to $.'
        || coalesce((select a from unnest(asked) a where a <> all (given) limit 1), ''));
    end if;
  end if;
  if def -> 'job' is not null and (jsonb_typeof(def -> 'job') <> 'string' or def ->> 'job' !~ '^[A-Za-z0-9][A-Za-z0-9_.:-]{0,99}$') then
    return jsonb_build_object('field', 'job', 'rule', 'must be the name of a job');
  elsif def -> 'input' is not null and def -> 'job' is null then
    return jsonb_build_object('field', 'input', 'rule', 'needs job, because a step with code gets everything that it needs');
  elsif def -> 'on_failure' is not null and def -> 'on_failure' <> '"skip"' and def -> 'on_failure' <> '"fail"' then
    return jsonb_build_object('field', 'on_failure', 'rule', 'must be fail or skip');
  elsif def -> 'options' is not null and (jsonb_typeof(def -> 'options') <> 'object' or def -> 'options' ?| '{name,input,key,answers}') then
    return jsonb_build_object('field', 'options', 'rule', 'must be options of a job, without key and answers');
  end if;
  return null;
end
$$;

comment on function mayfly_private.graph_step_fault is 'The first fault of one step of a graph.';

-- Refuses an invalid graph, and names the field of the first fault. Faults are invalid names, unknown references,
-- options that jobs do not have, and steps that need each other in a cycle. Locks nothing.

create function mayfly_private.check_graph(name text, version text, graph jsonb)
returns void
language plpgsql
set search_path = ''
as $$
declare
  steps constant jsonb := graph -> 'steps';
  known text[];
  waiting text[];
  free text[];
  one record;
  fault jsonb;
  said text;
begin
  if coalesce(name !~ '^[A-Za-z0-9][A-Za-z0-9_.-]{0,49}$', true) then -- bounds: 49 workflow.name - 1
    perform mayfly_private.fail(400, 'invalid_request', 'name must be 1 to 50 letters, digits, dots, dashes or underscores.', null, '{"field": "name"}'); -- bounds: 50 workflow.name
  elsif coalesce(version !~ '^[A-Za-z0-9][A-Za-z0-9_.-]{0,31}$', true) then -- bounds: 31 workflow.version - 1
    perform mayfly_private.fail(400, 'invalid_request', 'version must be 1 to 32 letters, digits, dots, dashes or underscores.', null, '{"field": "version"}'); -- bounds: 32 workflow.version
  elsif not coalesce(mayfly_private.json_within(graph, 65536, 12), false) or jsonb_typeof(graph) <> 'object' or graph - '{steps,result}'::text[] <> '{}' then
    perform mayfly_private.fail(400, 'invalid_request', 'graph must be { steps, result? }, of 64 KB at most.', null, '{"field": "graph"}');
  elsif jsonb_typeof(steps) is distinct from 'object' or (select count(*) from jsonb_object_keys(steps)) not between 1 and 200 then -- bounds: 200 workflow.steps
    perform mayfly_private.fail(400, 'invalid_request', 'graph.steps must be an object of 1 to 200 steps.', null, '{"field": "graph.steps"}'); -- bounds: 200 workflow.steps
  end if;
  known := array(select jsonb_object_keys(steps));
  if graph -> 'result' is not null and (jsonb_typeof(graph -> 'result') <> 'string' or graph ->> 'result' !~ '^[A-Za-z][A-Za-z0-9_]*(\.[A-Za-z0-9_-]+)*$'
    or split_part(graph ->> 'result', '.', 1) <> all (known)) then
    perform mayfly_private.fail(400, 'invalid_request', 'graph.result must be a step, with a path, such as "post.url".', null, '{"field": "graph.result"}');
  end if;
  for one in select e.key as step, e.value as def from jsonb_each(steps) e order by e.key loop
    fault := mayfly_private.graph_step_fault(known, one.step, one.def);
    if fault is null and length(mayfly_private.step_job(name, version, one.step, one.def)) > 100 then
      fault := jsonb_build_object('field', 'name', 'rule', 'and the name and version of the graph must have at most 92 characters together');
    end if;
    if fault is null then
      begin
        perform mayfly_private.check_jobs(jsonb_build_array(coalesce(one.def -> 'options', '{}') || '{"name": "a"}'));
      exception when sqlstate 'PGRST' then
        get stacked diagnostics said = message_text;
        fault := jsonb_build_object('field', 'options.' || coalesce((said::jsonb ->> 'details')::jsonb ->> 'field', ''),
          'rule', regexp_replace(said::jsonb ->> 'message', '^jobs\[0\]\.\w+ |\.$', '', 'g'));
      end;
    end if;
    if fault is not null then
      perform mayfly_private.fail(400, 'invalid_request', format('steps.%s.%s %s.', left(one.step, 60), fault ->> 'field', fault ->> 'rule'),
        'Nothing was defined.', jsonb_build_object('field', format('graph.steps.%s.%s', left(one.step, 60), fault ->> 'field'), 'step', left(one.step, 60)));
    end if;
  end loop;

  -- Removes steps that need no remaining step, until nothing is left, or only a cycle and the steps after it.
  waiting := known;
  loop
    free := array(
      select w from unnest(waiting) w
      where not (mayfly_private.step_names(steps -> w -> 'needs') || mayfly_private.step_names(steps -> w -> 'optional')) && waiting);
    exit when cardinality(free) = 0;
    waiting := array(select w from unnest(waiting) w where w <> all (free));
  end loop;
  -- A remaining step that no other step needs comes after the cycle, and is not part of it.
  loop
    free := array(
      select w from unnest(waiting) w
      where not exists (
        select from unnest(waiting) o
        where w = any (mayfly_private.step_names(steps -> o -> 'needs') || mayfly_private.step_names(steps -> o -> 'optional'))));
    exit when cardinality(free) = 0;
    waiting := array(select w from unnest(waiting) w where w <> all (free));
  end loop;
  if cardinality(waiting) > 0 then
    perform mayfly_private.fail(400, 'invalid_request', format('The steps %s need each other in a cycle.', array_to_string(waiting, ', ')),
      'Nothing was defined. Remove one of their needs.', jsonb_build_object('field', 'graph.steps', 'steps', waiting));
  end if;
end
$$;

comment on function mayfly_private.check_graph is 'Refuses an invalid graph, with the step and the field.';
