-- Lists runs. It is a definer, because the status of a run depends on the run's job, which the caller may not see.
-- Locks nothing.

create function mayfly_private.list_runs(of_agent text, of_status text[], before uuid, page_limit integer, since timestamptz, until timestamptz, containing text)
returns jsonb
language plpgsql stable security definer
set search_path = ''
as $$
declare
  tenant constant uuid := mayfly_private.require_tenant('run:read');
  oldest constant uuid := mayfly_private.job_id_at(since);
  past constant uuid := mayfly_private.job_id_at(until);
  wanted constant text := lower(containing);
begin
  if page_limit is null or page_limit not between 1 and 1000 then
    perform mayfly_private.fail(400, 'invalid_request', 'page_limit must be 1 to 1000.', null, '{"field": "page_limit"}');
  elsif length(containing) > 200 then -- bounds: 200 work.containing
    perform mayfly_private.fail(400, 'invalid_request', 'containing must have 200 characters at most.', null, '{"field": "containing"}'); -- bounds: 200 work.containing
  end if;
  return (
    select coalesce(jsonb_agg(s.shown order by s.id desc), '[]')
    from (
      select r.id, mayfly_private.show_run(r) || jsonb_strip_nulls(jsonb_build_object('about', left(r.input #>> '{}', 200))) as shown from mayfly.runs r
      where r.tenant_id = tenant and (of_agent is null or r.agent = of_agent) and (before is null or r.id < before)
        and (oldest is null or r.id >= oldest) and (past is null or r.id < past)
        and (wanted is null or strpos(lower(concat_ws(' ', r.id, r.agent, r.input #>> '{}')), wanted) > 0)
        and (of_status is null or mayfly_private.show_run(r) ->> 'status' = any (of_status))
      order by r.id desc limit page_limit) s);
end
$$;

comment on function mayfly_private.list_runs is 'Runs, the newest first.';
grant execute on function mayfly_private.list_runs to authenticated, service_role;

-- Runs (scope run:read), newest first. `before` is the last id of the previous page. Runs can be filtered by agent, by
-- status, by when they were added, and by a text in their id, agent or input, in upper or lower case. `about` is the
-- beginning of a run's input.

create function mayfly.list_runs(of_agent text default null, of_status text[] default null, before uuid default null, page_limit integer default 100,
  since timestamptz default null, until timestamptz default null, containing text default null)
returns jsonb
language plpgsql
set search_path = ''
as $$
begin
  return mayfly_private.list_runs(of_agent, of_status, before, page_limit, since, until, containing);
end
$$;

comment on function mayfly.list_runs is 'Runs, the newest first, a page at a time.';
grant execute on function mayfly.list_runs to authenticated, service_role;
