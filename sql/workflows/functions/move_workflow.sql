-- The recorded rows of a run that belong to the given steps. For a step of a graph, this includes its beginning and its
-- items. Locks nothing.

create function mayfly_private.rows_of_steps(tenant uuid, run uuid, steps text[])
returns table (name text, step text)
language plpgsql stable security definer
set search_path = ''
as $$
begin
  return query
    select s.name, o.step from unnest(steps) o (step)
    join mayfly.job_steps s on s.tenant_id = tenant and s.job_id = run and (s.name = o.step or s.name = o.step || ': begun'
      or (s.name >= o.step || '[' and s.name < o.step || '\' and exists (
        select from mayfly.job_steps b where b.tenant_id = tenant and b.job_id = run and b.name = o.step || ': begun')));
end
$$;

comment on function mayfly_private.rows_of_steps is 'The rows of a run that belong to the given steps.';

-- Lets a run of a graph repeat the given steps by detaching the jobs that did them. It refuses steps whose jobs are
-- still open, because they would be done twice. Locks the keys of their jobs.

create function mayfly_private.forget_steps(tenant uuid, run uuid, steps text[])
returns void
language plpgsql security definer
set search_path = ''
as $$
declare
  keys constant text[] := array(
    select s.result ->> 'key' from mayfly.job_steps s
    where s.tenant_id = tenant and s.job_id = run and s.name = any (array(select o || ': begun' from unnest(steps) o)));
  busy text;
begin
  select split_part(substr(j.key, 38), '[', 1) into busy from mayfly.jobs j
  where j.tenant_id = tenant and j.parent_id = run and split_part(substr(j.key, 38), '[', 1) = any (keys) limit 1;
  if found then
    perform mayfly_private.fail(409, 'invalid_request', format('The step "%s" is still running.', busy),
      'Nothing was changed. Wait until it has ended, or cancel its job.', '{"field": "forgotten"}');
  end if;
  with gone as (
    update mayfly.finished_jobs f set key = null
    from mayfly.finished_jobs o
    where f.tenant_id = tenant and f.parent_id = run and o.tenant_id = f.tenant_id and o.id = f.id
      and split_part(substr(o.key, 38), '[', 1) = any (keys)
    returning o.key
  )
  delete from mayfly_private.job_keys k using gone g where k.tenant_id = tenant and k.key = g.key;
end
$$;

comment on function mayfly_private.forget_steps is 'Lets a run of a graph repeat steps.';

-- Moves a run to another version. If a worker holds the run, it loses the run, and its next write is refused
-- (lease_lost). A failed run runs again. Locks the job.

create function mayfly_private.move_workflow(id uuid, to_version text, renamed jsonb, forgotten text[])
returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  tenant constant uuid := mayfly_private.require_tenant('job:add');
  admin constant boolean := tenant = any (mayfly_private.tenant_ids('job:admin'));
  job mayfly.jobs;
  new_name text;
  dead mayfly.finished_jobs;
  unknown text;
  freed bigint;
begin
  if to_version is null or to_version !~ '^[A-Za-z0-9][A-Za-z0-9_.-]{0,31}$' then -- bounds: 31 workflow.version - 1
    perform mayfly_private.fail(400, 'invalid_request', 'to_version must be 1 to 32 letters, digits, dots, dashes or underscores.', null, '{"field": "to_version"}'); -- bounds: 32 workflow.version
  elsif coalesce(jsonb_typeof(renamed), 'null') not in ('object', 'null') or pg_column_size(renamed) > 65536
    or exists (select from jsonb_each(case when jsonb_typeof(renamed) = 'object' then renamed else '{}' end) r
      where jsonb_typeof(r.value) <> 'string' or char_length(r.value #>> '{}') not between 1 and 200) then
    perform mayfly_private.fail(400, 'invalid_request', 'renamed must be { "former name": "new name" }, with names of 1 to 200 characters.', null, '{"field": "renamed"}');
  elsif cardinality(forgotten) > 1000 then
    perform mayfly_private.fail(400, 'invalid_request', 'forgotten must be at most 1000 names.', null, '{"field": "forgotten"}');
  end if;
  select * into job from mayfly.jobs j where j.tenant_id = tenant and j.id = move_workflow.id for no key update;
  if job.id is null then
    select * into dead from mayfly.finished_jobs f where f.tenant_id = tenant and f.id = move_workflow.id for no key update;
    job := jsonb_populate_record(null::mayfly.jobs, to_jsonb(dead));
  end if;
  if job.name is null or job.name not like 'workflow:%' then
    perform mayfly_private.fail(404, 'workflow_unknown', 'There is no such workflow.', 'List the existing ones.', '{"field": "id"}');
  elsif not admin and (dead.id is not null or job.created_by is distinct from mayfly_private.caller_id()) then
    perform mayfly_private.fail(403, 'scope_missing', 'The caller does not have the scope job:admin.',
      'Without it, you can move only runs that you started and that have not failed.', '{"scope": "job:admin"}');
  elsif dead.status in ('succeeded', 'cancelled') then
    perform mayfly_private.fail(409, 'job_finished', 'The workflow has ended.', 'Start another.', '{"field": "id"}');
  end if;

  select n into unknown from (
    select jsonb_object_keys(coalesce(nullif(renamed, 'null'), '{}')) as n union all select unnest(forgotten)) o
  where not exists (select from mayfly_private.rows_of_steps(tenant, job.id, array[o.n]))
  limit 1;
  if found then
    perform mayfly_private.fail(400, 'invalid_request', format('The workflow has recorded no step "%s".', unknown),
      'Read its history.', '{"field": "renamed"}');
  end if;
  perform mayfly_private.forget_steps(tenant, job.id, forgotten);
  with gone as (
    delete from mayfly.job_steps s where s.tenant_id = tenant and s.job_id = job.id
      and s.name in (select r.name from mayfly_private.rows_of_steps(tenant, job.id, forgotten) r) returning s.bytes
  )
  select coalesce(sum(g.bytes), 0) into freed from gone g;
  if freed > 0 then
    perform mayfly_private.count_usage(tenant, 0, -freed, 0);
  end if;
  begin
    update mayfly.job_steps s set name = (renamed ->> r.step) || substr(s.name, length(r.step) + 1)
    from mayfly_private.rows_of_steps(tenant, job.id, array(select jsonb_object_keys(coalesce(nullif(renamed, 'null'), '{}')))) r
    where s.tenant_id = tenant and s.job_id = job.id and s.name = r.name;
  exception when unique_violation then
    perform mayfly_private.fail(409, 'invalid_request', 'Another step has one of these names.', 'Nothing was changed.', '{"field": "renamed"}');
  end;

  new_name := 'workflow:' || split_part(job.name, ':', 2) || ':' || to_version;
  if dead.id is not null then
    update mayfly.finished_jobs f
    set name = new_name, queue = case when f.queue = f.name then new_name else f.queue end, lane = mayfly_private.lane_of(
      case when f.queue = f.name then new_name else f.queue end, new_name, case when strpos(f.lane, '#') > 0 then substr(f.lane, strpos(f.lane, '#') + 1) end, f.target)
    where f.tenant_id = tenant and f.id = dead.id;
    perform mayfly_private.redrive_jobs(array[dead.id], null, 1);
  else
    update mayfly.jobs j
    set name = new_name, queue = case when j.queue = j.name then new_name else j.queue end, lane = mayfly_private.lane_of(
      case when j.queue = j.name then new_name else j.queue end, new_name, case when strpos(j.lane, '#') > 0 then substr(j.lane, strpos(j.lane, '#') + 1) end, j.target)
    where j.tenant_id = tenant and j.id = job.id;
    if job.status in ('ready', 'running') then
      perform mayfly_private.ready_jobs(tenant, array[job.id], case when job.status = 'running' then 1 else 0 end);
    end if;
  end if;
  perform mayfly_private.append_events(tenant, 'workflow.moved', array[job.id]);
  return jsonb_build_object('id', job.id, 'name', split_part(job.name, ':', 2), 'version', to_version,
    'from', substr(job.name, length(split_part(job.name, ':', 2)) + 11));
end
$$;

comment on function mayfly_private.move_workflow is 'Moves a run to another version of its workflow.';
grant execute on function mayfly_private.move_workflow to authenticated, service_role;

-- Moves a run to another version of its workflow. With the scope job:add, the caller can move an open run that it
-- added. With job:admin, it can move any run that is open or has failed. `renamed` maps recorded steps to the names in
-- the new version. `forgotten` steps are deleted, and done again if the new version needs them.

create function mayfly.move_workflow(id uuid, to_version text, renamed jsonb default null, forgotten text[] default null)
returns jsonb
language plpgsql
set search_path = ''
as $$
begin
  return mayfly_private.move_workflow(id, to_version, renamed, forgotten);
end
$$;

comment on function mayfly.move_workflow is 'Moves a run to another version of its workflow: { id, name, version, from }. A failed run runs again.';
grant execute on function mayfly.move_workflow to authenticated, service_role;
