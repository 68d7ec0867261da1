-- Runs of workflows, newest first, one page at a time. For callers with job:read. Each call is planned for its
-- arguments, so that since and until read a range of ids, and of_attributes uses an index. Locks nothing.

create function mayfly.list_workflows(
  of_name text default null, of_version text default null, of_status text[] default null, before uuid default null, page_limit integer default 100,
  since timestamptz default null, until timestamptz default null, of_attributes jsonb default null
)
returns jsonb
language plpgsql stable
set search_path = ''
set plan_cache_mode = force_custom_plan
as $$
declare
  tenant constant uuid := mayfly_private.require_tenant('job:read');
  oldest constant uuid := mayfly_private.job_id_at(since);
  past constant uuid := mayfly_private.job_id_at(until);
  ids uuid[];
  part uuid[];
  found jsonb := '[]';
  low constant text := 'workflow:' || coalesce(of_name || ':', '') || coalesce(of_version, '');
begin
  if page_limit is null or page_limit not between 1 and 1000 then
    perform mayfly_private.fail(400, 'invalid_request', 'page_limit must be 1 to 1000.', null, '{"field": "page_limit"}');
  elsif not of_status <@ '{scheduled,ready,running,waiting,succeeded,failed,cancelled}'::text[] then
    perform mayfly_private.fail(400, 'invalid_request',
      'of_status must be one or more of scheduled, ready, running, waiting, succeeded, failed, cancelled.', null, '{"field": "of_status"}');
  elsif of_version is not null and of_name is null then
    perform mayfly_private.fail(400, 'invalid_request', 'of_version needs of_name.', null, '{"field": "of_version"}');
  end if;
  if of_attributes <> '{}' then
    ids := mayfly_private.attributed_jobs(of_attributes, oldest, past, before);
  end if;
  for part in select mayfly_private.newest_first(ids) loop
    found := found || (
      select coalesce(jsonb_agg(mayfly_private.workflow_row(p.job || jsonb_build_object('attributes', (
        select a.attributes from mayfly.job_attributes a where a.tenant_id = tenant and a.job_id = p.id))) order by p.id desc), '[]')
      from (
        select * from (
          (select j.id, to_jsonb(j) - 'input' as job from mayfly.jobs j
            where j.tenant_id = tenant and (before is null or j.id < before) and (of_status is null or j.status = any (of_status))
              and (part is null or j.id = any (part)) and (oldest is null or j.id >= oldest) and (past is null or j.id < past)
              and starts_with(j.name, low) and (of_version is null or j.name = low)
            order by j.id desc limit page_limit)
          union all
          (select f.id, to_jsonb(f) - '{input,result}'::text[] from mayfly.finished_jobs f
            where f.tenant_id = tenant and (before is null or f.id < before) and (of_status is null or f.status = any (of_status))
              and (part is null or f.id = any (part)) and (oldest is null or f.id >= oldest) and (past is null or f.id < past)
              and starts_with(f.name, low) and (of_version is null or f.name = low)
            order by f.id desc limit page_limit)) b
        order by b.id desc limit page_limit - jsonb_array_length(found)) p);
    exit when jsonb_array_length(found) >= page_limit;
  end loop;
  return found;
end
$$;

comment on function mayfly.list_workflows is 'Runs of workflows, newest first. Pass the last id as before for the next page.';
grant execute on function mayfly.list_workflows to authenticated, service_role;
