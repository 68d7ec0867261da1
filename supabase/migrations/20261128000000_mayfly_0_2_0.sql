set local lock_timeout = '5s';

drop policy if exists events_select on mayfly.events;

-- Every kind of event there is, and the scope that shows it: the log belongs to no one room. Each room registers
-- its own kinds in its event_kinds.sql. A reader of the log hears of the kinds whose scope it has, and of no other:
-- of a kind that no room has registered nobody hears. Scopes are kept by name, since rooms register theirs in files
-- of their own; tests/log/event-kinds.test.ts finds a name that is none, and a kind that is appended and not here.

create table mayfly.event_kinds (
  kind text constraint event_kinds_pkey primary key
    constraint event_kinds_kind_form check (kind ~ '^[a-z][a-z_]*\.[a-z][a-z_]*$'),
  scope text not null,
  admin_scope text,
  description text not null
);

comment on table mayfly.event_kinds is 'The kinds of events in the log, and the scope that shows each.';

comment on column mayfly.event_kinds.admin_scope is
  'The scope that also shows those of its events that are for one agent or person; null: nobody else sees them.';

alter table mayfly.event_kinds enable row level security;

grant select on mayfly.event_kinds to authenticated, service_role;

create policy event_kinds_select on mayfly.event_kinds for select to authenticated
  using (true);

-- The kinds of events that this room appends to the log.

insert into mayfly.event_kinds (kind, scope, admin_scope, description) values
  ('member.joined', 'member:read', null, 'A person became a member of the tenant.'),
  ('member.updated', 'member:read', null, 'The role of a member changed.'),
  ('member.left', 'member:read', null, 'A person is no longer a member.')
on conflict (kind) do update
set scope = excluded.scope, admin_scope = excluded.admin_scope, description = excluded.description;

-- The kinds of events that this room appends to the log.

insert into mayfly.event_kinds (kind, scope, admin_scope, description) values
  ('agent.spawned', 'agent:read', null, 'An agent was spawned.'),
  ('agent.suspended', 'agent:read', null, 'An agent was suspended.'),
  ('agent.resumed', 'agent:read', null, 'A suspended agent was resumed.'),
  ('agent.stopped', 'agent:read', null, 'An agent was stopped.'),
  ('agent.expired', 'agent:read', null, 'The lifetime of an agent is over, and it was marked so.')
on conflict (kind) do update
set scope = excluded.scope, admin_scope = excluded.admin_scope, description = excluded.description;

-- The kinds of events that the caller may hear of, in each of its tenants, and whether it also sees those that are
-- for somebody else. One query for all kinds: to ask tenant_ids for the scope of each took five times as long.
-- Called by the policy of mayfly.events, once a statement, and by the functions that read the log; as owner. Locks
-- nothing.

create function mayfly_private.readable_kinds()
returns table (tenant_id uuid, kind text, sees_all boolean)
language plpgsql stable security definer rows 20
set search_path = ''
as $$
declare
  caller constant mayfly_private.caller := mayfly_private.caller();
begin
  if caller.kind = 'person' then
    return query
      select m.tenant_id, k.kind,
        coalesce(m.role = any ((select a.roles from mayfly.scopes a where a.name = k.admin_scope)::text[]), false)
      from mayfly.members m
      join mayfly.scopes s on m.role = any (s.roles)
      join mayfly.event_kinds k on k.scope = s.name
      where m.user_id = caller.id and m.tenant_id::text = coalesce(caller.chosen, m.tenant_id::text);
  elsif caller.kind in ('agent', 'secret') and caller.tenant_id is not null then
    return query
      select caller.tenant_id, k.kind, coalesce(k.admin_scope = any (caller.scopes), false)
      from mayfly.event_kinds k where k.scope = any (caller.scopes);
  end if;
end
$$;

comment on function mayfly_private.readable_kinds is 'The kinds of events that the caller may hear of.';

revoke execute on function mayfly_private.readable_kinds from public;

grant execute on function mayfly_private.readable_kinds to authenticated, service_role;

create policy events_select on mayfly.events for select to authenticated
  using (tenant_id = any ((select mayfly.tenant_ids())::uuid[])
    and (tenant_id, type) in (select k.tenant_id, k.kind from mayfly_private.readable_kinds() k)
    and (audience is null
      or audience = any ((select mayfly_private.own_agent_ids())::uuid[])
      or audience = (select mayfly_private.caller_id())
      or (tenant_id, type) in (select k.tenant_id, k.kind from mayfly_private.readable_kinds() k where k.sees_all)));

-- A cursor of the log as text, which callers keep and give back. What is in it is nobody's to read or make.

create function mayfly_private.close_cursor(cursor_state jsonb)
returns text
language sql immutable
set search_path = ''
return translate(encode(convert_to(cursor_state::text, 'UTF8'), 'base64'), E'\n', '');

comment on function mayfly_private.close_cursor is 'A cursor of the log as text.';

revoke execute on function mayfly_private.close_cursor from public;

-- Leases the tenant's log, with the nudges of what is for the calling agent alone, and up to 100 channels for
-- 60 s: nudges come only while somebody leases. Says the newest numbers of what the caller may read, by which
-- it notices lost broadcasts; `lost` says how many it has noticed since the last call. What the caller may not
-- read is left out, of the lease and of the answer. An inbox is leased by opening it.
--
--   { seconds, log, inbox, channels: {name: number} }
--
-- log is the greatest id among those of the newest 200 events that the caller is told of, as one of the tenant or alone.
-- Where nobody flushes what is due, it is told in passing. Locks the topics' leases while it writes them,
-- every 10 s at most, however many listen.

create or replace function mayfly_private.listen(log boolean, channels text[], lost integer)
returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  tenant constant uuid := mayfly_private.require_tenant(null);
  caller constant mayfly_private.caller := mayfly_private.caller();
  lease_end constant timestamptz := clock_timestamp() + interval '60 seconds';
  own constant uuid := case when caller.kind = 'agent' then caller.id end;
  kinds constant text[] := array(select k.kind from mayfly_private.readable_kinds() k where k.tenant_id = tenant);
  of_log constant boolean := coalesce(log, false) and cardinality(kinds) > 0;
  of_messages constant boolean := tenant = any (mayfly_private.tenant_ids('message:read'));
  readable jsonb := '{}';
  topics text[];
begin
  if channels is null or cardinality(channels) > 100 then
    perform mayfly_private.fail(400, 'invalid_request', 'channels must be at most 100 names.', null, '{"field": "channels"}');
  elsif lost is null or lost < 0 then
    perform mayfly_private.fail(400, 'invalid_request', 'lost must be at least 0.', null, '{"field": "lost"}');
  end if;
  if cardinality(channels) > 0 and of_messages then
    select coalesce(jsonb_object_agg(c.name, c.last_seq), '{}') into readable
    from mayfly.channels c
    where c.tenant_id = tenant and c.name = any (channels) and c.id = any (mayfly_private.readable_channel_ids());
  end if;
  topics := array(
    select format('tenant:%s:log', tenant) where of_log
    union all
    select format('tenant:%s:agent:%s', tenant, own) where of_log and own is not null
    union all
    select format('tenant:%s:channel:%s', tenant, name) from jsonb_object_keys(readable) name);

  -- A lease that has most of its time left is left alone.
  topics := array(
    select t from unnest(topics) t
    where not exists (select from mayfly_private.listeners l
      where l.tenant_id = tenant and l.topic = t and l.until > lease_end - interval '10 seconds')
    order by t);
  if cardinality(topics) > 0 then
    insert into mayfly_private.nudges (tenant_id, topic)
    select tenant, t from unnest(topics) t
    where not exists (select from mayfly_private.nudges n where n.tenant_id = tenant and n.topic = t)
    on conflict do nothing;
    insert into mayfly_private.listeners as l (tenant_id, topic, until)
    select tenant, t, lease_end from unnest(topics) t
    on conflict (tenant_id, topic) do update set until = greatest(l.until, excluded.until);
  end if;

  if lost > 0 then
    insert into mayfly_private.broadcast_losses as b (tenant_id, noticed, at) values (tenant, lost, clock_timestamp())
    on conflict (tenant_id) do update set noticed = b.noticed + excluded.noticed, at = excluded.at;
  end if;
  -- What nobody leases any more, last of all: of two calls that each hold what they deleted, one would
  -- insert what the other has deleted, and each wait for the other.
  if cardinality(topics) > 0 then
    delete from mayfly_private.listeners l where (l.tenant_id, l.topic) in (
      select o.tenant_id, o.topic from mayfly_private.listeners o
      where o.tenant_id = tenant and o.until < clock_timestamp() - interval '1 minute' and not o.topic = any (topics)
      limit 100 for update skip locked);
    delete from mayfly_private.nudges n where (n.tenant_id, n.topic) in (
      select o.tenant_id, o.topic from mayfly_private.nudges o
      where o.tenant_id = tenant and not o.topic = any (topics) and not exists (
        select from mayfly_private.listeners l where l.tenant_id = o.tenant_id and l.topic = o.topic)
      limit 100 for update skip locked);
  end if;
  if not mayfly_private.is_flushed() and exists (select from mayfly_private.nudges_due d where d.tenant_id = tenant) then
    perform mayfly_private.flush_nudges(tenant);
  end if;

  return jsonb_build_object(
    'seconds', 60,
    'log', case when of_log then coalesce((
      select max(e.id)
      from (select n.id, n.audience, n.type from mayfly.events n where n.tenant_id = tenant order by n.xid desc, n.id desc limit 200) e
      where e.type = any (kinds) and (e.audience is null or e.audience = own)), 0) end,
    'inbox', case when of_messages then coalesce((
      select b.last_seq from mayfly.inboxes b where b.tenant_id = tenant and b.recipient_id = caller.id), 0) end,
    'channels', readable);
end
$$;

-- What a cursor of the log says, as jsonb; refuses one that is none, and one that the log does not reach any more.
-- Called by read_log and pull. Locks nothing.
--
-- A cursor is { e, s, t, x, i, b }: the epoch; the snapshot up to which everything was seen; the snapshot that this
-- round of pages goes up to; the last xid and id looked at in it; and, while a first sync pages the memories, the
-- last id given.

create function mayfly_private.open_cursor(tenant uuid, since text)
returns jsonb
language plpgsql
set search_path = ''
as $$
declare
  of_epoch constant integer := mayfly_private.current_epoch();
  cursor_state jsonb;
  seen pg_snapshot;
begin
  begin
    cursor_state := convert_from(decode(since, 'base64'), 'UTF8')::jsonb;
    seen := (cursor_state ->> 's')::pg_snapshot;
    perform (cursor_state ->> 't')::pg_snapshot, (cursor_state ->> 'x')::xid8, (cursor_state ->> 'i')::bigint,
      (cursor_state ->> 'b')::uuid;
  exception when others then
    cursor_state := null;
  end;
  if cursor_state is null or seen is null or jsonb_typeof(cursor_state -> 'e') <> 'number' then
    perform mayfly_private.fail(400, 'cursor_invalid', 'since is not a cursor that sync or read_log gave.',
      'Pass the cursor of the last answer as it came, or null for the first time.', '{"field": "since"}');
  elsif (cursor_state ->> 'e')::numeric <> of_epoch then
    perform mayfly_private.fail(410, 'cursor_expired', 'The cursor is of an earlier life of the database.',
      'Sync again with since: null.', '{"field": "since"}');
  elsif mayfly_private.is_behind_log(tenant, seen) then
    perform mayfly_private.fail(410, 'cursor_expired', 'The log does not go back as far as the cursor.',
      'Sync again with since: null.', '{"field": "since"}');
  end if;
  return cursor_state;
end
$$;

comment on function mayfly_private.open_cursor is 'What a cursor of the log says.';

revoke execute on function mayfly_private.open_cursor from public;

-- What is new in the log since a cursor, of the kinds that the caller asks for and may hear of, and the rows that
-- the events are about where it asks for them. As owner, with the predicates of the policies resolved once and repeated in
-- every statement: a page of the log took 52 ms as the caller, and 21 so. Locks nothing.
--
-- A page is what is visible in the snapshot `target` and not in `seen`, by (xid, id): with any number of writers
-- nothing is missed, nothing comes twice, and an idle transaction stalls nobody (10,946 of 10,946 events with 16
-- writers and 4 readers). Who keeps copies drops what `memory.hidden` and `memory.deleted` name, and then stores the
-- rows, page by page: they are as the caller sees them now, so one that was hidden and shown again ends up right.
--
-- A page has at most about 4 MB of events and rows as JSON, so that whoever pulls holds no more: it ends before
-- the row that would exceed them, but for its first.

create function mayfly_private.read_log(since text, types text[], with_rows jsonb, page_limit integer)
returns jsonb
language plpgsql security definer
set search_path = ''
-- A plan for many rows that are not there would be compiled first, 200 ms and more.
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
    perform mayfly_private.fail(400, 'invalid_request', format('with_rows must be an object with some of %s.',
      (select string_agg(r.entity, ', ' order by r.entity) from mayfly_private.event_rows r)),
      'As {"memory": true}. Rows of other kinds do not travel with the log.', '{"field": "with_rows"}');
  end if;

  if since is null or since = 'now' then
    cursor_state := jsonb_build_object('e', of_epoch, 's', pg_current_snapshot()::text);
  else
    cursor_state := mayfly_private.open_cursor(tenant, since);
    if cursor_state ? 'b' then
      perform mayfly_private.fail(400, 'cursor_invalid', 'since is the cursor of a first sync that has not ended.',
        'Call sync with it until it has no more, then go on with read_log.', '{"field": "since"}');
    end if;
    seen := (cursor_state ->> 's')::pg_snapshot;
    target := coalesce((cursor_state ->> 't')::pg_snapshot, pg_current_snapshot());
    -- Within a round behind the last one looked at; ids begin with 1.
    from_xid := coalesce((cursor_state ->> 'x')::xid8, pg_snapshot_xmin(seen));
    from_id := coalesce((cursor_state ->> 'i')::bigint, 0);

    -- Not seen is what was under way then, and what began since: two ranges of the index, the first before
    -- the second. One range from the oldest on reads all that came while a transaction idles.
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

    -- The names of changed fields are a state's own, and can be long.
    if pg_column_size(page) > max_bytes then
      fitting := (select greatest(1, count(*) filter (where e.bytes <= max_bytes)) from (
        select sum(octet_length(p.event::text)) over (order by p.n) as bytes
        from jsonb_array_elements(page) with ordinality as p (event, n)) e);
    end if;
    bytes := max_bytes;
    for room in select r.entity, r.rows_function from mayfly_private.event_rows r where with_rows ? r.entity order by r.entity loop
      execute format('select %s($1, $2, $3, $4)', room.rows_function) into given using tenant,
        (select coalesce(jsonb_agg(p.event order by p.n), '[]') from jsonb_array_elements(page) with ordinality as p (event, n) where p.n <= fitting),
        with_rows -> room.entity, bytes;
      rows := rows || jsonb_build_object(room.entity, given -> 'rows');
      fitting := least(fitting, (given ->> 'fitting')::integer);
      bytes := greatest(0, bytes - pg_column_size(given));
    end loop;
    if fitting < jsonb_array_length(page) then
      page := (select jsonb_agg(p.event order by p.n) from jsonb_array_elements(page) with ordinality as p (event, n) where p.n <= fitting);
      -- A room that came before may have given rows of events that are left to the next page.
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

revoke execute on function mayfly_private.read_log from public;

grant execute on function mayfly_private.read_log to authenticated, service_role;

-- Reads the log since a cursor: without one (null, or 'now') it gives that of this moment. types are kinds of events,
-- or beginnings of some ('memory.*'); null: all that the caller may hear of. Rows travel only where with_rows asks:
-- {"memory": true, "state": true}, or of states some by their keys, {"state": ["progress"]}.

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
  'Reads the log since a cursor: { events, rows, cursor, more }. Rows of memories and states travel only where with_rows asks for them.';

revoke execute on function mayfly.read_log from public;

grant execute on function mayfly.read_log to authenticated, service_role;

-- Events of a tenant that a reader is told of, in the order (xid, id): those that are visible in `target`, behind
-- (after_xid, after_id), and, where `among` is given, of these transactions, else of such as began before
-- before_xid. Called by read_log, as owner, with the predicates of the policy resolved once. Locks nothing.
--
--   { events, xid, id, whole }
--
-- xid and id are of the last event of the page; whole is whether nothing is left behind it. It looks at 20,000 events at most, so that one who waits for a
-- rare kind reads no log of a million at once: the page then ends before it is full. It streams off the primary key, and stops
-- as soon as the page is full. Filtering in an index of its own by kind would cost every writer an entry more for each
-- event, and helps only a reader that was away for long.

create function mayfly_private.scan_log(
  tenant uuid, of_epoch integer, kinds text[], open_kinds text[], own uuid[], caller_id uuid,
  after_xid xid8, after_id bigint, before_xid xid8, among xid8[], target pg_snapshot, page_limit integer
)
returns jsonb
language plpgsql stable
set search_path = ''
-- Either would read and sort all that is behind the cursor for a page of it.
set enable_bitmapscan = off
set enable_seqscan = off
as $$
declare
  scan_limit constant integer := 20000;
  page record;
begin
  if among is not null then
    select coalesce(jsonb_agg(to_jsonb(p) - '{tenant_id,epoch,nth,told}'::text[] order by p.nth) filter (where p.told), '[]') as events,
      count(*) as given, max(p.nth) as last, (array_agg(p.xid order by p.nth desc))[1] as xid, (array_agg(p.id order by p.nth desc))[1] as id
    into page
    from (
      select s.* from (
        select e.*, row_number() over (order by e.xid, e.id) as nth,
          e.type = any (kinds) and (e.audience is null or e.audience = any (own) or e.audience = caller_id or e.type = any (open_kinds)) as told
        from (
          select * from mayfly.events w
          where w.tenant_id = tenant and w.epoch = of_epoch and w.xid = any (among) and (w.xid, w.id) > (after_xid, after_id)
            and pg_visible_in_snapshot(w.xid, target)
          order by w.xid, w.id limit scan_limit) e
      ) s
      where s.told or s.nth = scan_limit
      order by s.xid, s.id limit page_limit
    ) p;
  else
    select coalesce(jsonb_agg(to_jsonb(p) - '{tenant_id,epoch,nth,told}'::text[] order by p.nth) filter (where p.told), '[]') as events,
      count(*) as given, max(p.nth) as last, (array_agg(p.xid order by p.nth desc))[1] as xid, (array_agg(p.id order by p.nth desc))[1] as id
    into page
    from (
      select s.* from (
        select e.*, row_number() over (order by e.xid, e.id) as nth,
          e.type = any (kinds) and (e.audience is null or e.audience = any (own) or e.audience = caller_id or e.type = any (open_kinds)) as told
        from (
          -- One lower bound: beside another one the index was read from its start, 77 ms at the end of a
          -- log of a million.
          select * from mayfly.events w
          where w.tenant_id = tenant and w.epoch = of_epoch and (w.xid, w.id) > (after_xid, after_id)
            and w.xid < before_xid and pg_visible_in_snapshot(w.xid, target)
          order by w.xid, w.id limit scan_limit) e
      ) s
      where s.told or s.nth = scan_limit
      order by s.xid, s.id limit page_limit
    ) p;
  end if;
  return jsonb_build_object('events', page.events, 'xid', page.xid::text, 'id', page.id, 'whole', page.given < page_limit and page.last is distinct from scan_limit);
end
$$;

comment on function mayfly_private.scan_log is 'Events of a tenant that a reader is told of.';

revoke execute on function mayfly_private.scan_log from public;

-- Which kinds of events a caller is told of that asks for some, by their names or the beginnings of them
-- (`memory.*`): those that it may hear of. Without types, all of these. Refuses a name that is none, and what the
-- caller has no scope for: it would wait for something that never comes. Called by read_log. Locks nothing.

create function mayfly_private.wanted_kinds(readable text[], types text[])
returns text[]
language plpgsql stable
set search_path = ''
as $$
declare
  asked record;
  wanted text[] := '{}';
  matching text[];
  scope text;
begin
  if types is null then
    if cardinality(readable) = 0 then
      perform mayfly_private.fail(403, 'scope_missing', 'The caller has no scope whose events the log tells of.',
        'Spawn the agent with the scope of what it is to hear of, such as memory:read or state:read.',
        '{"scope": "memory:read"}');
    end if;
    return readable;
  elsif cardinality(types) not between 1 and 100 then
    perform mayfly_private.fail(400, 'invalid_request', 'types must be 1 to 100 kinds of events, or null for all.', null, '{"field": "types"}');
  end if;
  for asked in select t.type, t.n - 1 as index from unnest(types) with ordinality as t (type, n) loop
    select array_agg(k.kind order by k.kind), min(k.scope) into matching, scope
    from mayfly.event_kinds k
    where k.kind = asked.type or (right(asked.type, 1) = '*' and starts_with(k.kind, left(asked.type, -1)));
    if matching is null then
      perform mayfly_private.fail(400, 'invalid_request', format('types[%s] is not a kind of event.', asked.index),
        'Give a kind such as agent.stopped, or the beginning of some: memory.* stands for all that begin so. mayfly.event_kinds has them.',
        jsonb_build_object('field', 'types', 'index', asked.index));
    elsif not matching && readable then
      perform mayfly_private.fail(403, 'scope_missing', format('The caller does not have the scope %s, which shows %s.', scope, matching[1]),
        'Spawn the agent with this scope, or ask an admin of the tenant for another role.',
        jsonb_build_object('scope', scope, 'field', 'types', 'index', asked.index));
    end if;
    wanted := wanted || matching;
  end loop;
  return array(select distinct w from unnest(wanted) w where w = any (readable) order by w);
end
$$;

comment on function mayfly_private.wanted_kinds is 'The kinds of events that a caller is told of.';

revoke execute on function mayfly_private.wanted_kinds from public;

-- How the rows that events are about travel with a page of the log: for the first part of the kinds' names, a
-- function of its room, by name as text, which is looked up when it is called:
--
--   (tenant uuid, page jsonb, selection jsonb, max_bytes bigint) returns jsonb { rows, fitting }
--
-- It gets the events of the page in their order and what the caller selected (true, or what the room allows), and
-- refuses a caller without the scope. It gives the rows as the caller sees them, each with its id, and how many
-- events of the front of the page it has room for: one at least.

create table mayfly_private.event_rows (
  entity text constraint event_rows_pkey primary key,
  rows_function text not null
);

comment on table mayfly_private.event_rows is 'The functions that give the rows that events are about.';

alter table mayfly_private.event_rows enable row level security;

-- The kinds of events that this room appends to the log.

insert into mayfly.event_kinds (kind, scope, admin_scope, description) values
  ('memory.created', 'memory:read', 'memory:admin', 'A memory was stored.'),
  ('memory.updated', 'memory:read', 'memory:admin', 'Fields of a memory changed.'),
  ('memory.hidden', 'memory:read', 'memory:admin', 'A memory became private to its agent.'),
  ('memory.deleted', 'memory:read', 'memory:admin', 'A memory was forgotten.')
on conflict (kind) do update
set scope = excluded.scope, admin_scope = excluded.admin_scope, description = excluded.description;

-- The memories that a page of the log is about, as the caller sees them now: { rows, fitting }. A memory comes once a
-- page, with the first of its events there. Called by read_log for {"memory": true}; see mayfly_private.event_rows. As
-- owner, with the predicates of the policy. Locks nothing.

create function mayfly_private.memory_rows(tenant uuid, page jsonb, selection jsonb, max_bytes bigint)
returns jsonb
language plpgsql stable
set search_path = ''
as $$
declare
  own constant uuid[] := mayfly_private.own_agent_ids();
  sees_all constant boolean := tenant = any (mayfly_private.tenant_ids('memory:admin'));
  total bigint;
  fitting integer;
  ids uuid[];
  places integer[];
begin
  perform mayfly_private.require_tenant('memory:read');
  if selection <> 'true' then
    perform mayfly_private.fail(400, 'invalid_request', 'with_rows.memory must be true.', 'Leave it out for none.', '{"field": "with_rows.memory"}');
  end if;
  select max(sized.bytes), count(*) filter (where sized.place = 1 or sized.bytes <= max_bytes),
    array_agg(sized.id order by sized.nth), array_agg(sized.nth order by sized.nth)
  into total, fitting, ids, places
  from (
    select m.id, m.nth, row_number() over so_far as place, sum(m.bytes) over so_far as bytes
    from (
      select m.id, min(p.n) as nth, mayfly_private.memory_bytes(
        m.task, m.input, m.output, m.critique, m.tags, m.metadata, m.language, m.hlc) as bytes
      from jsonb_array_elements(page) with ordinality as p (event, n)
      join mayfly.memories m on m.tenant_id = tenant and m.id = (p.event ->> 'subject')::uuid and m.deleted_at is null
        and (m.visibility = 'tenant' or m.agent_id = any (own) or sees_all)
      where p.event ->> 'type' in ('memory.created', 'memory.updated')
      group by m.tenant_id, m.id
    ) m
    window so_far as (order by m.nth)
  ) sized;
  if total * 6 > max_bytes then
    fitting := mayfly_private.fitting_memories(tenant, ids[:fitting], max_bytes);
  end if;
  return jsonb_build_object(
    -- Up to the event before that of the first memory that does not fit.
    'fitting', coalesce(places[fitting + 1] - 1, jsonb_array_length(page)),
    'rows', (
      select coalesce(jsonb_agg(to_jsonb(m) - 'words' order by m.id), '[]')
      from mayfly.memories m
      where m.tenant_id = tenant and m.id = any (ids[:fitting]) and m.deleted_at is null
        and (m.visibility = 'tenant' or m.agent_id = any (own) or sees_all)));
end
$$;

comment on function mayfly_private.memory_rows is 'The memories that a page of the log is about.';

revoke execute on function mayfly_private.memory_rows from public;

-- Memories travel with the events that created and updated them.

insert into mayfly_private.event_rows (entity, rows_function) values
  ('memory', 'mayfly_private.memory_rows')
on conflict (entity) do update set rows_function = excluded.rows_function;

-- What sync gives of the log: a page of it with the memories that it is about, as the caller sees them
-- (mayfly_private.read_log), of all the kinds that the caller may hear of. With `since: null` it begins with every
-- memory there is, by id, a page at a time, and goes on with the log since the first of these pages; without
-- memory:read there are none, and it begins with the log from now on.
--
-- While a first sync pages the memories, `b` in its cursor is the last id given. A page has at most about 4 MB as
-- JSON, so that whoever pulls holds no more; it ends before the memory that would exceed them, but for its first,
-- which takes 2 MB at most. Only where the page might become that large, if each byte were escaped, is it written
-- out to be measured. As owner, with the predicates of the policies repeated. Locks nothing.

create or replace function mayfly_private.pull(since text, page_limit integer)
returns jsonb
language plpgsql security definer
set search_path = ''
-- A plan for many rows that are not there would be compiled first, 200 ms and more.
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
    select coalesce(jsonb_agg(to_jsonb(m) - 'words' order by m.id), '[]') into memory_page
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

-- The kinds of events that this room appends to the log.

insert into mayfly.event_kinds (kind, scope, admin_scope, description) values
  ('message.sent', 'message:read', 'message:admin', 'A message was sent.'),
  ('message.acknowledged', 'message:read', 'message:admin', 'A message was acknowledged.')
on conflict (kind) do update
set scope = excluded.scope, admin_scope = excluded.admin_scope, description = excluded.description;

-- The kinds of events that this room appends to the log.

insert into mayfly.event_kinds (kind, scope, admin_scope, description) values
  ('channel.created', 'message:read', null, 'A channel was created.'),
  ('channel.updated', 'message:read', null, 'The description or the publishers of a channel changed.'),
  ('channel.deleted', 'message:read', null, 'A channel was deleted.'),
  ('channel.subscribed', 'message:read', null, 'An agent or person subscribed to a channel.'),
  ('channel.unsubscribed', 'message:read', null, 'An agent or person unsubscribed from a channel.')
on conflict (kind) do update
set scope = excluded.scope, admin_scope = excluded.admin_scope, description = excluded.description;

-- The kinds of events that this room appends to the log.

insert into mayfly.event_kinds (kind, scope, admin_scope, description) values
  ('state.changed', 'state:read', null, 'A state has a new version.')
on conflict (kind) do update
set scope = excluded.scope, admin_scope = excluded.admin_scope, description = excluded.description;

-- The versions of states that a page of the log is about, as state_changes gives them: { rows, fitting }. With
-- {"state": true} of all, with {"state": ["progress"]} of those with these keys, of whichever owner: the values of others
-- do not travel. What is kept no longer is left out. Called by read_log; see mayfly_private.event_rows. As owner. Locks nothing.

create function mayfly_private.state_rows(tenant uuid, page jsonb, selection jsonb, max_bytes bigint)
returns jsonb
language plpgsql stable
set search_path = ''
as $$
declare
  keys constant text[] := case when jsonb_typeof(selection) = 'array' then array(select jsonb_array_elements_text(selection)) end;
  given jsonb;
  too_far integer;
begin
  perform mayfly_private.require_tenant('state:read');
  if selection <> 'true' and (keys is null or cardinality(keys) not between 1 and 100
    or exists (select from jsonb_array_elements(selection) k where jsonb_typeof(k) <> 'string')) then
    perform mayfly_private.fail(400, 'invalid_request', 'with_rows.state must be true, or a list of 1 to 100 keys.',
      'Leave it out for none.', '{"field": "with_rows.state"}');
  end if;
  select jsonb_agg(jsonb_build_object('id', c.id, 'key', c.key, 'agent_id', c.agent_id, 'version', c.version,
      'value', c.value, 'action', c.action, 'by', c.by, 'at', c.at) order by c.n) filter (where c.n = 1 or c.so_far <= max_bytes),
    min(c.n) filter (where c.n > 1 and c.so_far > max_bytes)
  into given, too_far
  from (
    select p.n, s.id, s.key, s.agent_id, v.version, v.value, v.action, v.by, v.at, sum(v.bytes + 300) over (order by p.n) as so_far
    from jsonb_array_elements(page) with ordinality as p (event, n)
    join mayfly.states s on s.tenant_id = tenant and s.id = (p.event ->> 'subject')::uuid and (keys is null or s.key = any (keys))
    join mayfly.state_versions v on v.tenant_id = tenant and v.state_id = s.id and v.version = (p.event ->> 'version')::integer
    where p.event ->> 'type' = 'state.changed'
  ) c;
  return jsonb_build_object('rows', coalesce(given, '[]'), 'fitting', coalesce(too_far - 1, jsonb_array_length(page)));
end
$$;

comment on function mayfly_private.state_rows is 'The versions of states that a page of the log is about.';

revoke execute on function mayfly_private.state_rows from public;

-- Versions of states travel with the events of their change.

insert into mayfly_private.event_rows (entity, rows_function) values
  ('state', 'mayfly_private.state_rows')
on conflict (entity) do update set rows_function = excluded.rows_function;
