-- Lists runs. It is a definer, because the status of a run depends on the run's job, which the caller may not see.
-- Each call is planned for its arguments, as in list_jobs. Locks nothing.

create function mayfly_private.list_runs(of_agent text, of_status text[], before uuid, page_limit integer, since timestamptz, until timestamptz, containing text,
  of_attributes jsonb)
returns jsonb
language plpgsql stable security definer
set search_path = ''
set plan_cache_mode = force_custom_plan
as $$
declare
  tenant constant uuid := mayfly_private.require_tenant('run:read');
  oldest constant uuid := mayfly_private.job_id_at(since);
  past constant uuid := mayfly_private.job_id_at(until);
  wanted constant text := lower(containing);
  ids uuid[];
  part uuid[];
  found jsonb := '[]';
begin
  if page_limit is null or page_limit not between 1 and 1000 then
    perform mayfly_private.fail(400, 'invalid_request', 'page_limit must be 1 to 1000.', null, '{"field": "page_limit"}');
  elsif not of_status <@ '{queued,running,waiting,paused,succeeded,failed,cancelled,max_steps,max_time,max_tokens,max_cost}'::text[] then
    perform mayfly_private.fail(400, 'invalid_request',
      'of_status must be one or more of queued, running, waiting, paused, succeeded, failed, cancelled, max_steps, max_time, max_tokens, max_cost.', null,
      '{"field": "of_status"}');
  elsif length(containing) > 200 then -- bounds: 200 work.containing
    perform mayfly_private.fail(400, 'invalid_request', 'containing must have 200 characters at most.', null, '{"field": "containing"}'); -- bounds: 200 work.containing
  end if;
  if of_attributes <> '{}' then
    ids := mayfly_private.jobs_with(tenant, of_attributes, oldest, past, before);
  end if;
  for part in select mayfly_private.newest_first(ids) loop
    found := found || (
      select coalesce(jsonb_agg(s.shown || mayfly_private.run_attributes(tenant, s.id) order by s.id desc), '[]')
      from (
        select r.id, mayfly_private.show_run(r) || jsonb_strip_nulls(jsonb_build_object('about', left(r.input #>> '{}', 200))) as shown from mayfly.runs r
        where r.tenant_id = tenant and (of_agent is null or r.agent = of_agent) and (before is null or r.id < before)
          and (part is null or r.id = any (part)) and (oldest is null or r.id >= oldest) and (past is null or r.id < past)
          and (wanted is null or strpos(lower(concat_ws(' ', r.id, r.agent, r.input #>> '{}')), wanted) > 0)
          and (of_status is null or mayfly_private.show_run(r) ->> 'status' = any (of_status))
        order by r.id desc limit page_limit - jsonb_array_length(found)) s);
    exit when jsonb_array_length(found) >= page_limit;
  end loop;
  return found;
end
$$;

comment on function mayfly_private.list_runs is 'Runs, the newest first.';
grant execute on function mayfly_private.list_runs to authenticated, service_role;

-- Runs (scope run:read), newest first. `before` is the last id of the previous page. Runs can be filtered by agent, by
-- status, by attributes ({ name: value }, or a list of values), by when they were added, and by a text in their id,
-- agent or input, in upper or lower case. `about` is the beginning of a run's input.

create function mayfly.list_runs(of_agent text default null, of_status text[] default null, before uuid default null, page_limit integer default 100,
  since timestamptz default null, until timestamptz default null, containing text default null, of_attributes jsonb default null)
returns jsonb
language plpgsql
set search_path = ''
as $$
begin
  return mayfly_private.list_runs(of_agent, of_status, before, page_limit, since, until, containing, of_attributes);
end
$$;

comment on function mayfly.list_runs is 'Runs, the newest first, a page at a time.';
grant execute on function mayfly.list_runs to authenticated, service_role;
