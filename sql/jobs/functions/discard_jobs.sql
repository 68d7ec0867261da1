-- Deletes failed jobs. Locks the jobs.

create function mayfly_private.discard_jobs(ids uuid[], of_queue text, max_rows integer)
returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  tenant constant uuid := mayfly_private.require_tenant('job:admin');
  dead uuid[];
begin
  if max_rows is null or max_rows not between 1 and 10000 then
    perform mayfly_private.fail(400, 'invalid_request', 'max_rows must be 1 to 10000.', null, '{"field": "max_rows"}');
  elsif cardinality(ids) > 1000 then
    perform mayfly_private.fail(400, 'invalid_request', 'ids must be at most 1000 ids.', null, '{"field": "ids"}');
  end if;
  dead := array(
    select f.id from mayfly.finished_jobs f
    where f.tenant_id = tenant and f.status = 'failed'
      and (discard_jobs.ids is null or f.id = any (discard_jobs.ids)) and (of_queue is null or f.queue = of_queue)
    order by f.id
    limit max_rows
    for update skip locked);
  perform mayfly_private.delete_finished(tenant, dead);
  return jsonb_build_object('discarded', cardinality(dead));
end
$$;

comment on function mayfly_private.discard_jobs is 'Deletes failed jobs.';
grant execute on function mayfly_private.discard_jobs to authenticated, service_role;

-- Deletes dead letters for good: those with these ids, those of one queue, or all. Deletes at most max_rows at once.
-- Scope job:admin.

create function mayfly.discard_jobs(ids uuid[] default null, of_queue text default null, max_rows integer default 1000)
returns jsonb
language plpgsql
set search_path = ''
as $$
begin
  return mayfly_private.discard_jobs(ids, of_queue, max_rows);
end
$$;

comment on function mayfly.discard_jobs is 'Deletes failed jobs for good: { discarded }.';
grant execute on function mayfly.discard_jobs to authenticated, service_role;
