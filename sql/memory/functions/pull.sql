-- The page of the log that sync returns. It has the events of every kind that the caller may read, together with the
-- memories that they are about, as the caller sees them (mayfly_private.read_log). With `since: null`, sync first gets
-- every memory, by id and page by page. The pages after that have the events of the log since the first of these pages.
-- Without memory:read, it returns no memories and begins with the log from now on.
--
-- While a first sync pages through the memories, `b` in its cursor is the last id returned. A page has at most about 4
-- MB as JSON, so that a client never holds more. The page ends before the memory that would exceed this, unless that is
-- the first memory of the page, which can have up to 2 MB. In JSON, any byte may have to be escaped. The exact size is
-- measured only if the escapes could make the page too large. Runs as owner and repeats the conditions of the policies.
-- Locks nothing.

create function mayfly_private.pull(since text, page_limit integer)
returns jsonb
language plpgsql security definer
set search_path = ''
-- Without this, the planner expects many rows and compiles the plan first, which takes 200 ms and more.
set jit = off
as $$
declare
  tenant constant uuid := mayfly_private.require_tenant(null);
  reads_memories constant boolean := tenant = any (mayfly_private.tenant_ids('memory:read'));
  own constant uuid[] := mayfly_private.own_agent_ids();
  sees_all constant boolean := tenant = any (mayfly_private.tenant_ids('memory:admin'));
  cursor_state jsonb;
  page jsonb;
  memory_page jsonb;
  ids uuid[];
  looked_at integer;
  fitting integer;
  total bigint;
  more boolean;
  max_bytes constant integer := 4000000;
begin
  if since is null and reads_memories then
    cursor_state := jsonb_build_object('e', mayfly_private.current_epoch(), 's', pg_current_snapshot()::text,
      'b', '00000000-0000-0000-0000-000000000000');
  elsif since <> 'now' then
    cursor_state := mayfly_private.open_cursor(tenant, since);
  end if;

  if cursor_state ? 'b' then
    if not reads_memories then
      perform mayfly_private.require_tenant('memory:read');
    end if;
    select count(*), max(sized.bytes), array_agg(sized.id order by sized.id) filter (where sized.nth = 1 or sized.bytes <= max_bytes)
    into looked_at, total, ids
    from (
      select m.id, row_number() over so_far as nth, sum(m.bytes) over so_far as bytes
      from (
        select m.id, mayfly_private.memory_bytes(
          m.task, m.input, m.output, m.critique, m.tags, m.metadata, m.language, m.hlc) as bytes
        from mayfly.memories m
        where m.tenant_id = tenant and m.id > (cursor_state ->> 'b')::uuid and m.deleted_at is null
          and (m.visibility = 'tenant' or m.agent_id = any (own) or sees_all)
        order by m.id
        limit page_limit
      ) m
      window so_far as (order by m.id)
    ) sized;
    if total * 6 > max_bytes then
      ids := ids[:mayfly_private.fitting_memories(tenant, ids, max_bytes)];
    end if;
    fitting := coalesce(cardinality(ids), 0);
    more := looked_at = page_limit or fitting < looked_at;
    select coalesce(jsonb_agg(to_jsonb(m) - '{words,words_version,content_hash}'::text[] order by m.id), '[]') into memory_page
    from mayfly.memories m
    where m.tenant_id = tenant and m.id = any (ids) and m.deleted_at is null
      and (m.visibility = 'tenant' or m.agent_id = any (own) or sees_all);
    return jsonb_build_object('events', '[]'::jsonb, 'memories', memory_page, 'more', more, 'cursor', mayfly_private.close_cursor(
      case when more then cursor_state || jsonb_build_object('b', ids[fitting]) else cursor_state - 'b' end));
  end if;

  page := mayfly_private.read_log(since, null, case when reads_memories then '{"memory": true}' else '{}' end::jsonb, page_limit);
  return page - 'rows' || jsonb_build_object('memories', coalesce(page -> 'rows' -> 'memory', '[]'));
end
$$;

comment on function mayfly_private.pull is 'A page of the log since a cursor.';
grant execute on function mayfly_private.pull to authenticated, service_role;
