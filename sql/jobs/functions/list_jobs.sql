-- The ids of the tenant's jobs whose key begins with this prefix. It runs as owner, because callers cannot read
-- job_keys. With `collate "C"`, keys with the same prefix are next to each other in the index.

create function mayfly_private.keyed_jobs(prefix text)
returns setof uuid
language sql stable security definer
set search_path = ''
as $$
  select k.job_id from mayfly_private.job_keys k
  where k.tenant_id = mayfly_private.require_tenant('job:read')
    and k.key >= prefix collate "C" and k.key < (prefix || chr(1114111)) collate "C";
$$;

comment on function mayfly_private.keyed_jobs is 'The jobs of the caller''s tenant whose key begins with this prefix.';
grant execute on function mayfly_private.keyed_jobs to authenticated, service_role;

-- The lowest id that a job can have if it was added at this time or later, because ids begin with the time
-- (new_job_id). Returns null if the time is null. Locks nothing.

create function mayfly_private.job_id_at(ts timestamptz)
returns uuid
language sql immutable strict parallel safe
set search_path = ''
return rpad(lpad(to_hex((extract(epoch from least(greatest(ts, 'epoch'::timestamptz), '9999-01-01Z'::timestamptz)) * 1000)::bigint), 12, '0'), 32, '0')::uuid;

comment on function mayfly_private.job_id_at is 'The lowest id of a job that was added at this time or later.';
grant execute on function mayfly_private.job_id_at to authenticated, service_role;

-- Jobs without their inputs and results, newest first, one page at a time. For callers with job:read. Each call is
-- planned for its arguments. So of_ids, of_holder, of_key_prefix and of_attributes use their indexes, and since and
-- until read a range of ids. The other filters have no index: a call with them reads the newest jobs until it has a
-- page. The text `containing` is looked for in ids, names, keys, errors and inputs, in upper or lower case.
-- `of_attributes` is { name: value }, where a list of values finds any of them. Locks nothing.

create function mayfly.list_jobs(
  of_status text[] default null, of_queue text default null, of_name text default null, before uuid default null, page_limit integer default 100,
  of_holder uuid default null, of_ids uuid[] default null, of_key_prefix text default null,
  since timestamptz default null, until timestamptz default null, containing text default null, of_attributes jsonb default null
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
  wanted constant text := lower(containing);
  found jsonb := '[]';
  part uuid[];
  attributed uuid[];
  ids uuid[] := case
    when of_key_prefix is null then of_ids
    else array(select k from mayfly_private.keyed_jobs(of_key_prefix) k where of_ids is null or k = any (of_ids)) end;
begin
  if page_limit is null or page_limit not between 1 and 1000 then
    perform mayfly_private.fail(400, 'invalid_request', 'page_limit must be 1 to 1000.', null, '{"field": "page_limit"}');
  elsif not of_status <@ '{scheduled,ready,running,waiting,succeeded,failed,cancelled}'::text[] then
    perform mayfly_private.fail(400, 'invalid_request',
      'of_status must be one or more of scheduled, ready, running, waiting, succeeded, failed, cancelled.', null, '{"field": "of_status"}');
  elsif length(containing) > 200 then -- bounds: 200 work.containing
    perform mayfly_private.fail(400, 'invalid_request', 'containing must have 200 characters at most.', null, '{"field": "containing"}'); -- bounds: 200 work.containing
  end if;
  if of_attributes <> '{}' then
    attributed := mayfly_private.attributed_jobs(of_attributes, oldest, past, before);
    ids := case when ids is null then attributed else array(select i from unnest(ids) i where i = any (attributed)) end;
  end if;
  for part in select mayfly_private.newest_first(ids) loop
    found := found || (
      select coalesce(jsonb_agg(jsonb_strip_nulls(to_jsonb(p)) order by p.id desc), '[]')
      from (
        select b.*, (select a.attributes from mayfly.job_attributes a where a.tenant_id = tenant and a.job_id = b.id) as attributes from (
          (select j.id, j.name, j.queue, j.status, j.priority, j.attempt, j.max_attempts, j.run_at, j.created_at, j.started_at,
              null::timestamptz as finished_at, j.holder, j.parent_id, j.key, j.error, j.wait_for, nullif(j.cancelled, false) as cancelled
            from mayfly.jobs j
            where j.tenant_id = tenant and (before is null or j.id < before) and (of_status is null or j.status = any (of_status))
              and (of_queue is null or j.queue = of_queue) and (of_name is null or j.name = of_name)
              and (of_holder is null or j.holder = of_holder and j.status = 'running') and (part is null or j.id = any (part))
              and (oldest is null or j.id >= oldest) and (past is null or j.id < past)
              and (wanted is null or strpos(lower(concat_ws(' ', j.id, j.name, j.key, j.error ->> 'message', j.input)), wanted) > 0)
            order by j.id desc limit page_limit)
          union all
          (select f.id, f.name, f.queue, f.status, f.priority, f.attempt, f.max_attempts, f.run_at, f.created_at, f.started_at,
              f.finished_at, f.holder, f.parent_id, f.key, f.error, null, null
            from mayfly.finished_jobs f
            where f.tenant_id = tenant and (before is null or f.id < before) and (of_status is null or f.status = any (of_status))
              and (of_queue is null or f.queue = of_queue) and (of_name is null or f.name = of_name)
              and (of_holder is null or f.holder = of_holder) and (part is null or f.id = any (part))
              and (oldest is null or f.id >= oldest) and (past is null or f.id < past)
              and (wanted is null or strpos(lower(concat_ws(' ', f.id, f.name, f.key, f.error ->> 'message', f.input)), wanted) > 0)
            order by f.id desc limit page_limit)) b
        order by b.id desc limit page_limit - jsonb_array_length(found)) p);
    exit when jsonb_array_length(found) >= page_limit;
  end loop;
  return found;
end
$$;

comment on function mayfly.list_jobs is
  'Jobs without inputs and results, the newest first. To get the next page, pass the last id as before.';
grant execute on function mayfly.list_jobs to authenticated, service_role;
