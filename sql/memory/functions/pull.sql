-- What is new in the log since a cursor, with the memories that it is about, as the caller sees them (scope
-- memory:read). As owner, with the predicates of the policies resolved once and repeated in every statement: a
-- page of the log took 52 ms as the caller, and 21 so.
--
-- Who keeps a copy drops what `memory.hidden` and `memory.deleted` name, and then stores what is in
-- `memories`, page by page: those are the memories that were created or updated, as the caller sees them
-- now, so one that was hidden and shown again ends up right.
--
-- A cursor is { e, s, t, x, i, b }: the epoch; the snapshot up to which everything was seen; the
-- snapshot that this round of pages goes up to; the last xid and id given of it; and, while a first
-- sync pages the memories, the last id given. A page is what is visible in t and not in s, by
-- (xid, id): with any number of writers nothing is missed, nothing comes twice, and an idle
-- transaction stalls nobody (10,946 of 10,946 events with 16 writers and 4 readers).
--
-- A page has at most about 4 MB of memories as JSON, so that whoever pulls holds no more; it ends before the
-- memory that would exceed them, but for its first, which takes 2 MB at most. Only where the page might become
-- that large, if each byte were escaped, is it written out to be measured. `since: 'now'` gives the cursor of
-- this moment alone.

create function mayfly_private.pull(since text, page_limit integer)
returns jsonb
language plpgsql security definer
set search_path = ''
-- A plan for many rows that are not there would be compiled first, 200 ms and more.
set jit = off
as $$
declare
  tenant constant uuid := mayfly_private.require_tenant('memory:read');
  own constant uuid[] := mayfly_private.own_agent_ids();
  caller_id constant uuid := mayfly_private.caller_id();
  sees_all constant boolean := tenant = any (mayfly_private.tenant_ids('memory:admin'));
  of_epoch constant integer := mayfly_private.current_epoch();
  cursor_state jsonb;
  seen pg_snapshot;
  target pg_snapshot;
  from_xid xid8;
  from_id bigint;
  under_way xid8[];
  event_page jsonb := '[]';
  memory_page jsonb := '[]';
  ids uuid[];
  looked_at integer;
  fitting integer;
  total bigint;
  places integer[];
  more boolean := false;
  max_bytes constant integer := 4000000;
begin
  if since = 'now' then
    cursor_state := jsonb_build_object('e', of_epoch, 's', pg_current_snapshot()::text);
  elsif since is null then
    cursor_state := jsonb_build_object('e', of_epoch, 's', pg_current_snapshot()::text, 'b', '00000000-0000-0000-0000-000000000000');
  else
    begin
      cursor_state := convert_from(decode(since, 'base64'), 'UTF8')::jsonb;
      seen := (cursor_state ->> 's')::pg_snapshot;
      target := (cursor_state ->> 't')::pg_snapshot;
      perform (cursor_state ->> 'x')::xid8, (cursor_state ->> 'i')::bigint, (cursor_state ->> 'b')::uuid;
    exception when others then
      cursor_state := null;
    end;
    if cursor_state is null or seen is null or jsonb_typeof(cursor_state -> 'e') <> 'number' then
      perform mayfly_private.fail(400, 'cursor_invalid', 'since is not a cursor that sync gave.',
        'Pass the cursor of the last answer as it came, or null for the first sync.', '{"field": "since"}');
    elsif (cursor_state ->> 'e')::numeric <> of_epoch then
      perform mayfly_private.fail(410, 'cursor_expired', 'The cursor is of an earlier life of the database.',
        'Sync again with since: null.', '{"field": "since"}');
    elsif mayfly_private.is_behind_log(tenant, seen) then
      perform mayfly_private.fail(410, 'cursor_expired', 'The log does not go back as far as the cursor.',
        'Sync again with since: null.', '{"field": "since"}');
    end if;
  end if;

  if cursor_state ? 'b' then
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
    cursor_state := case
      when more then cursor_state || jsonb_build_object('b', ids[fitting])
      else cursor_state - 'b'
    end;
  elsif seen is not null then
    target := coalesce(target, pg_current_snapshot());
    -- Within a round behind the last one given; ids begin with 1.
    from_xid := coalesce((cursor_state ->> 'x')::xid8, pg_snapshot_xmin(seen));
    from_id := coalesce((cursor_state ->> 'i')::bigint, 0);
    -- Not seen is what was under way then, and what began since: two ranges of the index, the first before
    -- the second. One range from the oldest on reads all that came while a transaction idles.
    under_way := array(select pg_snapshot_xip(seen));
    select coalesce(jsonb_agg(to_jsonb(e) - 'tenant_id' - 'epoch' order by e.xid, e.id), '[]') into event_page
    from (
      (select * from mayfly.events e
        where e.tenant_id = tenant and e.epoch = of_epoch and e.xid = any (under_way)
          and (e.audience is null or e.audience = any (own) or e.audience = caller_id or sees_all)
          and (e.xid, e.id) > (from_xid, from_id) and pg_visible_in_snapshot(e.xid, target)
        order by e.xid, e.id
        limit page_limit)
      union all
      (select * from mayfly.events e
        -- One lower bound: beside another one the index was read from its start, 77 ms at the end of a
        -- log of a million.
        where e.tenant_id = tenant and e.epoch = of_epoch
          and (e.audience is null or e.audience = any (own) or e.audience = caller_id or sees_all)
          and (e.xid, e.id) > (greatest(from_xid, pg_snapshot_xmax(seen)), case when from_xid >= pg_snapshot_xmax(seen) then from_id else 0 end)
          and e.xid < pg_snapshot_xmax(target) and pg_visible_in_snapshot(e.xid, target)
        order by e.xid, e.id
        limit page_limit)
      order by xid, id
      limit page_limit
    ) e;
    looked_at := jsonb_array_length(event_page);
    -- A memory comes once a page, with the first of its events there.
    select max(sized.bytes), count(*) filter (where sized.place = 1 or sized.bytes <= max_bytes),
      array_agg(sized.id order by sized.nth), array_agg(sized.nth order by sized.nth)
    into total, fitting, ids, places
    from (
      select m.id, m.nth, row_number() over so_far as place, sum(m.bytes) over so_far as bytes
      from (
        select m.id, min(page.n) as nth, mayfly_private.memory_bytes(
          m.task, m.input, m.output, m.critique, m.tags, m.metadata, m.language, m.hlc) as bytes
        from jsonb_array_elements(event_page) with ordinality as page (event, n)
        join mayfly.memories m on m.tenant_id = tenant and m.id = (page.event ->> 'subject')::uuid and m.deleted_at is null
          and (m.visibility = 'tenant' or m.agent_id = any (own) or sees_all)
        where page.event ->> 'type' in ('memory.created', 'memory.updated')
        group by m.tenant_id, m.id
      ) m
      window so_far as (order by m.nth)
    ) sized;
    if total * 6 > max_bytes then
      fitting := mayfly_private.fitting_memories(tenant, ids[:fitting], max_bytes);
    end if;
    -- Up to the event before that of the first memory that does not fit.
    fitting := coalesce(places[fitting + 1] - 1, looked_at);
    if fitting < looked_at then
      event_page := (select jsonb_agg(page.event order by page.n)
        from jsonb_array_elements(event_page) with ordinality as page (event, n) where page.n <= fitting);
      ids := array(select (event ->> 'subject')::uuid from jsonb_array_elements(event_page) event
        where event ->> 'type' in ('memory.created', 'memory.updated'));
    end if;
    more := looked_at = page_limit or fitting < looked_at;
    cursor_state := case
      when more then jsonb_build_object('e', of_epoch, 's', seen::text, 't', target::text,
        'x', event_page -> -1 ->> 'xid', 'i', event_page -> -1 ->> 'id')
      else jsonb_build_object('e', of_epoch, 's', target::text)
    end;
  end if;

  if ids is not null then
    select coalesce(jsonb_agg(to_jsonb(m) - 'words' order by m.id), '[]') into memory_page
    from mayfly.memories m
    where m.tenant_id = tenant and m.id = any (ids) and m.deleted_at is null
      and (m.visibility = 'tenant' or m.agent_id = any (own) or sees_all);
  end if;

  return jsonb_build_object(
    'events', event_page,
    'memories', memory_page,
    'cursor', translate(encode(convert_to(cursor_state::text, 'UTF8'), 'base64'), E'\n', ''),
    'more', more);
end
$$;

comment on function mayfly_private.pull is 'A page of the log since a cursor.';
grant execute on function mayfly_private.pull to authenticated, service_role;
