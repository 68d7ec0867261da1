-- The events that are new in the log since a cursor, of the kinds that the caller asks for and may see. If asked for,
-- the rows that the events are about come with them. Runs as the owner, evaluates the conditions of the policies once,
-- and repeats them in every statement. A page of the log takes 21 ms this way, and took 52 ms when this ran as the
-- caller. Locks nothing.
--
-- A page has the events that are visible in the snapshot `target` and not in `seen`, in the order (xid, id). However
-- many writers there are, nothing is missed or repeated (with 16 writers, 4 readers got 10,946 of 10,946 events), and
-- an idle transaction delays nobody. A reader that keeps copies first drops what `memory.hidden` and `memory.deleted`
-- name, and then stores the rows, page by page. The rows are as the caller sees them now, so a row that was hidden and
-- shown again ends up right.
--
-- A page has at most about 4 MB of events and rows as JSON, so that a reader never holds more. The page ends before the
-- row that would exceed this, unless that is the first row of the page.

create function mayfly_private.read_log(since text, types text[], with_rows jsonb, page_limit integer)
returns jsonb
language plpgsql security definer
set search_path = ''
-- Without this, the planner expects many rows and compiles the plan first, which takes 200 ms and more.
set jit = off
as $$
declare
  max_bytes constant integer := 4000000;
  tenant constant uuid := mayfly_private.require_tenant(null);
  own constant uuid[] := mayfly_private.own_agent_ids();
  caller_id constant uuid := mayfly_private.caller_id();
  of_epoch constant integer := mayfly_private.current_epoch();
  readable record;
  kinds text[];
  cursor_state jsonb;
  seen pg_snapshot;
  target pg_snapshot;
  from_xid xid8;
  from_id bigint;
  part jsonb;
  page jsonb := '[]';
  more boolean := false;
  fitting integer;
  room record;
  given jsonb;
  rows jsonb := '{}';
  bytes bigint;
begin
  select coalesce(array_agg(k.kind), '{}') as kinds, coalesce(array_agg(k.kind) filter (where k.sees_all), '{}') as open_kinds into readable
  from mayfly_private.readable_kinds() k where k.tenant_id = tenant;
  kinds := mayfly_private.wanted_kinds(readable.kinds, types);
  if jsonb_typeof(with_rows) is distinct from 'object' or exists (
    select from jsonb_object_keys(with_rows) asked where asked not in (select r.entity from mayfly_private.event_rows r)) then
    perform mayfly_private.fail(400, 'invalid_request', format('with_rows must be an object with one or more of %s.',
      (select string_agg(r.entity, ', ' order by r.entity) from mayfly_private.event_rows r)),
      'For example {"memory": true}. Other rows are not sent with the log.', '{"field": "with_rows"}');
  end if;

  if since is null or since = 'now' then
    cursor_state := jsonb_build_object('e', of_epoch, 's', pg_current_snapshot()::text);
  else
    cursor_state := mayfly_private.open_cursor(tenant, since);
    if cursor_state ? 'b' then
      perform mayfly_private.fail(400, 'cursor_invalid', 'since is the cursor of an unfinished first sync.',
        'Call sync with it until more is false, then continue with read_log.', '{"field": "since"}');
    end if;
    seen := (cursor_state ->> 's')::pg_snapshot;
    target := coalesce((cursor_state ->> 't')::pg_snapshot, pg_current_snapshot());
    -- Within a round, reading continues after the last event that was looked at. Ids begin with 1.
    from_xid := coalesce((cursor_state ->> 'x')::xid8, pg_snapshot_xmin(seen));
    from_id := coalesce((cursor_state ->> 'i')::bigint, 0);

    -- The unseen transactions are those that were open when the cursor was made, and those that began later. These are
    -- two ranges of the index, and the first ends before the second begins. A single range from the oldest transaction
    -- on would read everything that was written while a transaction stayed open.
    part := '{"whole": true}';
    if from_xid < pg_snapshot_xmax(seen) and pg_snapshot_xmin(seen) < pg_snapshot_xmax(seen) then
      part := mayfly_private.scan_log(tenant, of_epoch, kinds, readable.open_kinds, own, caller_id, from_xid, from_id, null,
        array(select pg_snapshot_xip(seen)), target, page_limit);
      page := part -> 'events';
    end if;
    if (part -> 'whole')::boolean then
      part := mayfly_private.scan_log(tenant, of_epoch, kinds, readable.open_kinds, own, caller_id,
        greatest(from_xid, pg_snapshot_xmax(seen)), case when from_xid >= pg_snapshot_xmax(seen) then from_id else 0 end,
        pg_snapshot_xmax(target), null, target, page_limit - jsonb_array_length(page));
      page := page || (part -> 'events');
    end if;
    more := not (part -> 'whole')::boolean;
    fitting := jsonb_array_length(page);

    -- The changed fields of a state are keys of its value, which can be long.
    if pg_column_size(page) > max_bytes then
      fitting := (select greatest(1, count(*) filter (where e.bytes <= max_bytes)) from (
        select sum(octet_length(p.event::text)) over (order by p.n) as bytes
        from jsonb_array_elements(page) with ordinality as p (event, n)) e);
    end if;
    bytes := max_bytes;
    for room in select r.entity, to_regprocedure(r.work)::regproc as work from mayfly_private.event_rows r where with_rows ? r.entity order by r.entity loop
      execute format('select %s($1, $2, $3, $4)', room.work) into given using tenant,
        (select coalesce(jsonb_agg(p.event order by p.n), '[]') from jsonb_array_elements(page) with ordinality as p (event, n) where p.n <= fitting),
        with_rows -> room.entity, bytes;
      rows := rows || jsonb_build_object(room.entity, given -> 'rows');
      fitting := least(fitting, (given ->> 'fitting')::integer);
      bytes := greatest(0, bytes - pg_column_size(given));
    end loop;
    if fitting < jsonb_array_length(page) then
      page := (select jsonb_agg(p.event order by p.n) from jsonb_array_elements(page) with ordinality as p (event, n) where p.n <= fitting);
      -- A room that was asked earlier may have returned rows for events that are left for the next page.
      rows := (select jsonb_object_agg(r.entity, (
          select coalesce(jsonb_agg(r.row order by r.n), '[]') from jsonb_array_elements(r.given) with ordinality as r (row, n)
          where exists (select from jsonb_array_elements(page) e where e -> 'subject' = r.row -> 'id')))
        from jsonb_each(rows) as r (entity, given));
      more := true;
      part := jsonb_build_object('xid', page -> -1 -> 'xid', 'id', page -> -1 -> 'id');
    end if;
    cursor_state := case
      when more then jsonb_build_object('e', of_epoch, 's', seen::text, 't', target::text, 'x', part -> 'xid', 'i', part -> 'id')
      else jsonb_build_object('e', of_epoch, 's', target::text)
    end;
  end if;

  return jsonb_build_object('events', page, 'rows', rows, 'cursor', mayfly_private.close_cursor(cursor_state), 'more', more);
end
$$;

comment on function mayfly_private.read_log is 'A page of the log since a cursor.';
grant execute on function mayfly_private.read_log to authenticated, service_role;

-- Reads the log since a cursor. Without a cursor (null, or 'now'), it returns the cursor of this moment. `types` are
-- kinds of events, or prefixes ('memory.*'). Null means all kinds that the caller may see. Rows are included only if
-- with_rows asks for them: {"memory": true, "state": true}, or {"state": ["progress"]} for states by key.

create function mayfly.read_log(
  since text default null, types text[] default null, with_rows jsonb default '{}', page_limit integer default 500
)
returns jsonb
language plpgsql
set search_path = ''
as $$
begin
  if page_limit is null or page_limit not between 1 and 1000 then
    perform mayfly_private.fail(400, 'invalid_request', 'page_limit must be 1 to 1000.', null, '{"field": "page_limit"}');
  end if;
  return mayfly_private.read_log(since, types, coalesce(with_rows, '{}'), page_limit);
end
$$;

comment on function mayfly.read_log is
  'Reads the log since a cursor: { events, rows, cursor, more }. It includes memories and states only if with_rows asks for them.';
grant execute on function mayfly.read_log to authenticated, service_role;
