-- The part of a Supabase project for Realtime: `realtime.messages` with its partitions, the
-- functions that send from SQL, and in `_realtime` the functions that the embedded server calls.
-- Run as supabase_admin after the roles. Running it again changes nothing.

create schema if not exists realtime authorization supabase_admin;
create schema if not exists _realtime authorization supabase_admin;
grant usage on schema realtime to postgres, anon, authenticated, service_role, supabase_realtime_admin;

do $$
begin
  if not exists (select from pg_publication where pubname = 'supabase_realtime') then
    create publication supabase_realtime;
    alter publication supabase_realtime owner to postgres;
  end if;
end
$$;

-- Timestamps are UTC whatever the session's time zone is, because partitions and replay depend on
-- it.
create table if not exists realtime.messages (
  topic text not null,
  extension text not null,
  payload jsonb,
  event text,
  private boolean default false,
  updated_at timestamp not null default timezone('utc', now()),
  inserted_at timestamp not null default timezone('utc', now()),
  id uuid not null default gen_random_uuid(),
  binary_payload bytea,
  primary key (id, inserted_at)
) partition by range (inserted_at);

-- As on hosted projects, there is no default partition. Without a partition for the day,
-- realtime.send only warns. Earlier versions of this file created a default partition.
drop table if exists realtime.messages_default;

create index if not exists messages_inserted_at_topic_index
  on realtime.messages (inserted_at desc, topic)
  where extension = 'broadcast' and private is true;

alter table realtime.messages enable row level security;
alter table realtime.messages owner to supabase_realtime_admin;
grant all on realtime.messages to postgres, dashboard_user;
grant select, insert, update on realtime.messages to anon, authenticated, service_role;

-- CREATE POLICY requires the table's owner. On hosted projects, supautils lets postgres use it
-- anyway. Here postgres inherits the ownership, and the event triggers of 0045_guards.sql refuse
-- everything except policies.
grant supabase_realtime_admin to postgres with inherit true, set false;

-- The topic about which a policy on realtime.messages decides.
create or replace function realtime.topic() returns text
language sql stable
as $$ select nullif(current_setting('realtime.topic', true), '') $$;

-- Sends a message to a topic's subscribers. Anyone who may insert the message can call this. A
-- failure is only a warning.
create or replace function realtime.send(
  payload jsonb, event text, topic text, private boolean default true
) returns void
language plpgsql
as $$
declare
  message_id uuid := gen_random_uuid();
begin
  if not payload ? 'id' then
    payload := jsonb_set(payload, '{id}', to_jsonb(message_id));
  end if;
  perform set_config('realtime.topic', topic, true);
  insert into realtime.messages (id, payload, event, topic, private, extension)
  values (message_id, payload, event, topic, private, 'broadcast');
exception when others then
  raise warning 'WarnSendingBroadcastMessage: %', sqlerrm;
end
$$;

-- Like realtime.send, for bytes.
create or replace function realtime.send_binary(
  payload bytea, event text, topic text, private boolean default true
) returns void
language plpgsql
as $$
begin
  perform set_config('realtime.topic', topic, true);
  insert into realtime.messages (binary_payload, event, topic, private, extension)
  values (payload, event, topic, private, 'broadcast');
exception when others then
  raise warning 'WarnSendingBroadcastMessage: %', sqlerrm;
end
$$;

-- Sends a row's change from a trigger of its table.
create or replace function realtime.broadcast_changes(
  topic_name text, event_name text, operation text, table_name text, table_schema text,
  new record, old record, level text default 'ROW'
) returns void
language plpgsql
as $$
begin
  if level = 'STATEMENT' then
    raise exception 'function can only be triggered for each row, not for each statement';
  end if;
  if operation not in ('INSERT', 'UPDATE', 'DELETE') then
    raise exception 'Unexpected operation type: %', operation;
  end if;
  perform realtime.send(
    jsonb_build_object(
      'old_record', old, 'record', new,
      'operation', operation, 'table', table_name, 'schema', table_schema
    ),
    event_name, topic_name
  );
exception when others then
  raise exception 'Failed to process the row: %', sqlerrm;
end
$$;

-- Tells the server which rows were inserted. The server reads them, because a notification holds
-- only 8,000 bytes (150 ids are 5,900). This never fails the insert. A transaction of the Data API
-- can ask to keep the ids instead, and then sends the rows before it commits.
create or replace function _realtime.notify_messages() returns trigger
language plpgsql
set search_path = ''
as $$
declare
  batch text;
begin
  if session_user = 'authenticator' and current_setting('_realtime.early', true) = 'on' then
    perform set_config('_realtime.inserted', concat_ws(
      ',', nullif(current_setting('_realtime.inserted', true), ''),
      (select string_agg(id::text, ',' order by n)
       from (select id, row_number() over () as n from inserted) as numbered)
    ), true);
    return null;
  end if;
  for batch in
    select json_build_object(
      'ids', json_agg(id order by n), 'from', min(inserted_at), 'to', max(inserted_at)
    )
    from (select id, inserted_at, row_number() over () as n from inserted) as numbered
    group by (n - 1) / 150
    order by (n - 1) / 150
  loop
    perform pg_notify('realtime_messages', batch);
  end loop;
  return null;
exception when others then
  raise warning 'Realtime was not told of a message: %', sqlerrm;
  return null;
end
$$;

create or replace trigger _realtime_notify
  after insert on realtime.messages
  referencing new table as inserted
  for each statement execute function _realtime.notify_messages();

-- The messages that this transaction of the Data API has inserted, as a JSON array, without inserts
-- that a savepoint has undone. Called before the commit, by whatever role the transaction has.
create or replace function _realtime.early_messages() returns text
language sql stable security definer
set search_path = ''
as $$
  select coalesce(json_agg(json_build_object(
    'id', m.id, 'topic', m.topic, 'event', coalesce(m.event, ''),
    'private', coalesce(m.private, false),
    'payload', m.payload::text, 'binary', encode(m.binary_payload, 'hex')
  ) order by i.n), '[]')::text
  from unnest(string_to_array(nullif(current_setting('_realtime.inserted', true), ''), ',')::uuid[])
    with ordinality as i (id, n)
  join realtime.messages m on m.id = i.id
  where session_user = 'authenticator'
    and (jsonb_typeof(m.payload) = 'object' or m.binary_payload is not null)
    -- Only the transaction's own rows, including those of its savepoints, so that nobody can read
    -- other rows by an id.
    and m.xmin::text::bigint >= (pg_current_xact_id()::text::bigint & 4294967295)
$$;

-- Returns what the policies on realtime.messages let a role with these claims do on a topic. It
-- tests reading with probe rows and writing by inserting such rows, and then undoes everything. A
-- policy that raises permits nothing. Presence policies are only tested if presence is wanted. The
-- server calls it as supabase_admin, in one round trip.
create or replace function _realtime.authorize(
  wanted text, wanted_topic text, wanted_role text, claims text, headers text, with_presence boolean,
  out broadcast boolean, out presence boolean, out problem text
)
language plpgsql
set search_path = ''
as $$
declare
  broadcast_id uuid := gen_random_uuid();
  presence_id uuid := gen_random_uuid();
begin
  broadcast := false;
  presence := false;
  begin
    if wanted = 'read' then
      insert into realtime.messages (id, topic, extension) values (broadcast_id, wanted_topic, 'broadcast');
      if with_presence then
        insert into realtime.messages (id, topic, extension) values (presence_id, wanted_topic, 'presence');
      end if;
    end if;
    perform
      set_config('search_path', 'public, extensions, realtime', true),
      set_config('realtime.topic', wanted_topic, true),
      set_config('request.jwt.claims', claims, true),
      set_config('request.jwt.claim.sub', coalesce(claims::jsonb ->> 'sub', ''), true),
      set_config('request.jwt.claim.role', wanted_role, true),
      set_config('request.headers', headers, true),
      set_config('role', wanted_role, true);
    if wanted = 'read' then
      select coalesce(bool_or(m.id = broadcast_id), false), coalesce(bool_or(m.id = presence_id), false)
      into broadcast, presence
      from realtime.messages m
      where m.topic = wanted_topic and m.id in (broadcast_id, presence_id);
    else
      begin
        insert into realtime.messages (topic, extension) values (wanted_topic, 'broadcast');
        broadcast := true;
      exception
        when insufficient_privilege then null;
        when others then problem := sqlerrm;
      end;
      if with_presence then
        begin
          insert into realtime.messages (topic, extension) values (wanted_topic, 'presence');
          presence := true;
        exception
          when insufficient_privilege then null;
          when others then problem := sqlerrm;
        end;
      end if;
    end if;
    raise exception using errcode = 'RTUND';
  exception
    when sqlstate 'RTUND' then null;
    when others then
      broadcast := false;
      presence := false;
      problem := sqlerrm;
  end;
end
$$;

-- Creates the partitions from yesterday to three days ahead, and drops those in which every row is
-- older than 72 hours. The server calls it at the start and every hour.
create or replace function _realtime.maintain_partitions() returns void
language plpgsql
set search_path = ''
as $$
declare
  today date := timezone('utc', now())::date;
  day date;
  partition text;
begin
  for day in select generate_series(today - 1, today + 3, interval '1 day')::date loop
    partition := 'messages_' || to_char(day, 'YYYY_MM_DD');
    if to_regclass('realtime.' || partition) is null then
      execute format(
        'create table realtime.%I partition of realtime.messages for values from (%L) to (%L)',
        partition, day, day + 1
      );
      execute format('alter table realtime.%I owner to supabase_realtime_admin', partition);
    end if;
  end loop;
  for partition in
    select c.relname
    from pg_inherits i join pg_class c on c.oid = i.inhrelid
    where i.inhparent = 'realtime.messages'::regclass
      and c.relname ~ '^messages_\d{4}_\d{2}_\d{2}$'
      and to_date(substr(c.relname, 10), 'YYYY_MM_DD') + 1 <= timezone('utc', now()) - interval '72 hours'
  loop
    execute format('drop table realtime.%I', partition);
  end loop;
end
$$;

do $$ begin perform _realtime.maintain_partitions(); end $$;

-- Event triggers run with the rights of the user that changes the schema.
grant usage on schema _realtime to public;
revoke execute on function _realtime.authorize(text, text, text, text, text, boolean) from public;
revoke execute on function _realtime.maintain_partitions() from public;
