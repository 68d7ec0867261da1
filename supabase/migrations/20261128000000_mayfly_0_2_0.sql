set local lock_timeout = '5s';

drop function if exists mayfly_private.maintain_debug;

drop function if exists mayfly_private.maintain_states;

drop function if exists mayfly_private.maintain_messages;

drop function if exists mayfly.recall;

drop function if exists mayfly_private.recall;

drop function if exists mayfly_private.row_bytes;

alter table mayfly.scopes add column by_default boolean not null default false;

-- The words of a memory are written by what writes the memory, not generated: so they can be improved, and rows with older
-- words stay as they are until maintenance comes to them. The column keeps its data.
alter table mayfly.memories alter column words drop expression;
alter table mayfly.memories alter column words set default '';
alter table mayfly.memories add column words_version smallint not null default 0;

comment on column mayfly.scopes.by_default is 'Whether an agent has it that was not given scopes, where its spawner has it.';

create extension if not exists unaccent with schema extensions;

do $$
declare
  vector record;
  elsewhere text;
begin
  select e.extversion, n.nspname into vector
  from pg_extension e join pg_namespace n on n.oid = e.extnamespace
  where e.extname = 'vector';

  if vector.nspname <> 'extensions' then
    raise exception 'Mayfly needs pgvector in the schema extensions, but it lies in %.', vector.nspname
      using hint = 'Run: alter extension vector set schema extensions';
  end if;
  if string_to_array(vector.extversion, '.')::int[] < array[0, 8] then
    raise exception 'Mayfly needs pgvector 0.8 or later, but this is %.', vector.extversion
      using hint = 'Run: alter extension vector update';
  end if;
  select e.extname into elsewhere
  from pg_extension e join pg_namespace n on n.oid = e.extnamespace
  where e.extname in ('pg_trgm', 'btree_gin', 'unaccent') and n.nspname <> 'extensions' order by 1 limit 1;
  if elsewhere is not null then
    raise exception 'Mayfly needs % in the schema extensions, but it lies elsewhere.', elsewhere
      using hint = format('Run: alter extension %s set schema extensions', elsewhere);
  end if;
  -- Realtime's own migrations make these, and may run after ours.
  if to_regprocedure('realtime.send(jsonb,text,text,boolean)') is null
    or to_regprocedure('realtime.topic()') is null or to_regclass('realtime.messages') is null then
    raise exception 'Mayfly needs Supabase Realtime''s realtime.send, realtime.topic and realtime.messages, which this database does not have.'
      using hint = 'Wait until the project''s Realtime has started once, which makes them, and run the migrations again.';
  end if;
  -- The definer functions read tables whose policies call them: their owner must pass by the policies.
  if not exists (select from pg_roles where rolname = current_user and (rolbypassrls or rolsuper)) then
    raise exception 'Mayfly''s migrations must run as a role that bypasses row-level security, but % does not.', current_user
      using hint = 'Run them as postgres, as `supabase db push` does.';
  end if;
end
$$;

-- What the rows of a table are charged of its tenant's max_bytes. A room registers each of its tables in its
-- charges.sql, in one of three ways. Every row has `flat` bytes and the lengths of the columns in `written`, and triggers
-- of mayfly_private.meter_rows charge them. Or `bytes` says how a row is counted, and the room charges it itself
-- (mayfly_private.charge). Or nothing is charged, and `bounded_by` says what bounds the rows. recount_usage counts
-- the first two.

create table mayfly_private.charges (
  relation text constraint charges_pkey primary key,
  flat integer constraint charges_flat_range check (flat >= 0),
  written text[],
  -- Up to 1,000 bytes a row are counted and never refused, and a row is no write.
  lenient boolean not null default false,
  bytes text,
  bounded_by text,
  constraint charges_one_way check (num_nonnulls(flat, bytes, bounded_by) = 1 and (flat is null) = (written is null))
);

comment on table mayfly_private.charges is 'What the rows of each table are charged of the bytes of their tenant.';

comment on column mayfly_private.charges.written is 'The columns that callers write; their lengths as JSON text are charged.';

comment on column mayfly_private.charges.bytes is 'An SQL expression over a row r of the table.';

comment on column mayfly_private.charges.bounded_by is 'What bounds the rows of a table that is not charged.';

alter table mayfly_private.charges enable row level security;

-- What maintenance does for each tenant. A room registers its chores in its chores.sql.

create table mayfly_private.chores (
  name text constraint chores_pkey primary key constraint chores_name_form check (name ~ '^[a-z][a-z_]{0,62}$'),
  -- Text, and resolved when it is used: a regprocedure would block pg_upgrade.
  work text not null
);

comment on table mayfly_private.chores is 'What maintenance does for each tenant.';

comment on column mayfly_private.chores.work is
  'The signature of a function of (tenant uuid, max_rows integer) that does one batch and returns jsonb: what it counted, and `more`: true while there may be more.';

alter table mayfly_private.chores enable row level security;

-- The private Realtime topics, tenant:{t}:{name} or tenant:{t}:{name}:{part}, and who may use each. A room registers
-- its topics in its topics.sql.

create table mayfly_private.topics (
  name text constraint topics_pkey primary key constraint topics_name_form check (name ~ '^[a-z][a-z_]{0,62}$'),
  -- Of the whole topic, so that one with more or fewer is none of ours.
  parts integer not null constraint topics_parts_known check (parts in (3, 4)),
  rule text not null
);

comment on table mayfly_private.topics is 'The private Realtime topics, and who may use each.';

comment on column mayfly_private.topics.rule is
  'The signature of a stable function of (tenant uuid, part text, extension text, sending boolean) that returns whether the caller may.';

alter table mayfly_private.topics enable row level security;

-- What mayfly.usage shows beside memories, bytes and writes. A room registers what it bounds in its usage.sql.

create table mayfly_private.usage_counts (
  name text constraint usage_counts_pkey primary key constraint usage_counts_name_form check (name ~ '^[a-z][a-z_]{0,62}$'),
  work text not null
);

comment on table mayfly_private.usage_counts is 'What mayfly.usage shows of each room.';

comment on column mayfly_private.usage_counts.work is
  'The signature of a stable function of (tenant uuid) that returns jsonb: what the tenant uses, by name.';

alter table mayfly_private.usage_counts enable row level security;

-- Whether the caller may receive from, or send to, a private Realtime topic, tenant:{t}:{name} or
-- tenant:{t}:{name}:{part}: what the topic's own rule says (mayfly_private.topics). Every other topic is nobody's.
--
-- Parts are compared as text, with an exact count. Realtime asks at join and at each new token, as the caller.

create or replace function mayfly_private.may_use_topic(topic text, extension text, sending boolean)
returns boolean
language plpgsql stable security definer
set search_path = ''
as $$
declare
  part constant text[] := string_to_array(topic, ':');
  tenant constant uuid := mayfly_private.to_uuid(part[2]);
  rule regprocedure;
  allowed boolean;
begin
  if part[1] is distinct from 'tenant' or tenant is null or part[2] <> tenant::text then
    return false;
  end if;
  select to_regprocedure(t.rule) into rule from mayfly_private.topics t where t.name = part[3] and t.parts = cardinality(part);
  if rule is null then
    return false;
  end if;
  execute format('select %s($1, $2, $3, $4)', rule::regproc) into allowed using tenant, part[4], extension, sending;
  return coalesce(allowed, false);
end
$$;

-- The scopes of this room.

insert into mayfly.scopes (name, description, roles, agents, by_default) values
  ('tenant:write', 'Rename the tenant and set what its agents may.', '{admin,owner}', false, false)
on conflict (name) do update
set description = excluded.description, roles = excluded.roles, agents = excluded.agents, by_default = excluded.by_default;

-- What the rows of this room's tables are charged, in bytes.

insert into mayfly_private.charges (relation, bounded_by) values
  ('mayfly_private.maintenance', 'one row a tenant'),
  ('mayfly_private.tenant_usage', '16 rows a tenant')
on conflict (relation) do update set bounded_by = excluded.bounded_by;

-- Charges what a statement wrote into small tables that callers fill, as mayfly_private.charges says: bytes, and a
-- write for each row inserted, so that inserting and deleting in a loop is bounded too. Changes are charged by their
-- bytes alone, and only a change of `task` can be refused: an agent says what it is doing many times. Of other tables,
-- functions charge what they change.
--
-- Of a lenient table up to 1,000 bytes a row are counted and never refused, and neither is the end of a row: in a
-- tenant that is full, agents can still be spawned to empty it, and dead ones are marked.

create or replace function mayfly_private.meter_rows()
returns trigger
language plpgsql security definer
set search_path = ''
as $$
declare
  charged mayfly_private.charges;
  change record;
begin
  select * into strict charged from mayfly_private.charges c where c.relation = tg_table_schema || '.' || tg_table_name;
  if tg_op = 'INSERT' then
    for change in
      select t.id, count(*) as writes, sum(mayfly_private.row_bytes(charged.flat, charged.written, to_jsonb(n))) as bytes
      from new_rows n join mayfly.tenants t on t.id = n.tenant_id group by t.id
    loop
      if charged.lenient and change.bytes <= 1000 * change.writes then
        perform mayfly_private.count_usage(change.id, 0, change.bytes, 0);
      else
        perform mayfly_private.charge(change.id, 0, change.bytes, case when charged.lenient then 0 else change.writes end::integer);
      end if;
    end loop;
  elsif tg_op = 'UPDATE' then
    for change in
      select t.id, bool_or((to_jsonb(n) ->> 'task') is distinct from (to_jsonb(o) ->> 'task')) as working,
        sum(mayfly_private.row_bytes(charged.flat, charged.written, to_jsonb(n))
          - mayfly_private.row_bytes(charged.flat, charged.written, to_jsonb(o))) as bytes
      from new_rows n
      join old_rows o on o.tenant_id = n.tenant_id and o.id = n.id
      join mayfly.tenants t on t.id = n.tenant_id group by t.id
    loop
      if change.bytes <> 0 and change.working then
        perform mayfly_private.charge(change.id, 0, change.bytes, 0);
      elsif change.bytes <> 0 then
        perform mayfly_private.count_usage(change.id, 0, change.bytes, 0);
      end if;
    end loop;
  else
    for change in
      select t.id, sum(mayfly_private.row_bytes(charged.flat, charged.written, to_jsonb(o))) as bytes
      from old_rows o join mayfly.tenants t on t.id = o.tenant_id group by t.id
    loop
      perform mayfly_private.count_usage(change.id, 0, -change.bytes, 0);
    end loop;
  end if;
  return null;
end
$$;

-- What a row of a small table is charged, in bytes, from its JSON: `flat` for the row itself, and what callers write
-- into it (mayfly_private.charges). The lengths are those of JSON's texts, so that how a row is stored makes no
-- difference.

create function mayfly_private.row_bytes(flat integer, written text[], content jsonb)
returns integer
language sql immutable parallel safe
set search_path = ''
return flat + (select coalesce(sum(octet_length(content ->> w)), 0) from unnest(written) w)::integer;

comment on function mayfly_private.row_bytes is 'What a row of a small table is charged, in bytes.';

-- The definer half of mayfly.usage: what this room counts, and what other rooms have registered
-- (mayfly_private.usage_counts).

create or replace function mayfly_private.usage()
returns jsonb
language plpgsql stable security definer
set search_path = ''
as $$
declare
  of_tenant constant uuid := mayfly_private.require_tenant(null);
  used jsonb;
  work regprocedure;
  counted jsonb;
begin
  select jsonb_build_object('memories', u.memories, 'bytes', u.bytes, 'writes_this_minute', u.writes,
    'limits', jsonb_build_object(
      'max_memories', t.max_memories, 'max_bytes', t.max_bytes, 'writes_per_minute', t.writes_per_minute,
      'max_living_agents', t.max_living_agents, 'spawns_per_minute', t.spawns_per_minute,
      'max_lifetime', extract(epoch from t.max_lifetime), 'token_lifetime', extract(epoch from t.token_lifetime),
      'max_depth', t.max_depth))
  into used
  from mayfly.tenants t, (
    select coalesce(sum(s.memories), 0) as memories, coalesce(sum(s.bytes), 0) as bytes,
      coalesce(sum(s.writes) filter (where s.minute = date_trunc('minute', clock_timestamp())), 0) as writes
    from mayfly_private.tenant_usage s where s.tenant_id = of_tenant) u
  where t.id = of_tenant;
  for work in select to_regprocedure(c.work) from mayfly_private.usage_counts c order by c.name loop
    continue when work is null;
    execute format('select %s($1)', work::regproc) into counted using of_tenant;
    used := used || counted;
  end loop;
  return used;
end
$$;

-- The scopes of this room.

insert into mayfly.scopes (name, description, roles, agents, by_default) values
  ('member:read', 'See the people of the tenant.', '{viewer,member,admin,owner}', true, false),
  ('member:write', 'Invite people, change their roles, remove them.', '{admin,owner}', false, false)
on conflict (name) do update
set description = excluded.description, roles = excluded.roles, agents = excluded.agents, by_default = excluded.by_default;

-- What the rows of this room's tables are charged, in bytes.

insert into mayfly_private.charges (relation, flat, written, lenient) values
  ('mayfly.invitations', 256, '{email}', false)
on conflict (relation) do update set flat = excluded.flat, written = excluded.written, lenient = excluded.lenient;

insert into mayfly_private.charges (relation, bounded_by) values
  ('mayfly.members', 'one row a person'),
  ('mayfly_private.invitation_secrets', 'one row an invitation')
on conflict (relation) do update set bounded_by = excluded.bounded_by;

-- The scopes of this room.

-- By default an agent may not: to spawn, to stop and to administer must be asked for. presence:read too: an agent that
-- tracks and may see who is present is told of every change by Realtime, wanted or not, and each counts for each
-- receiver.

insert into mayfly.scopes (name, description, roles, agents, by_default) values
  ('agent:read', 'See the agents of the tenant and their types.', '{viewer,member,admin,owner}', true, true),
  ('agent:spawn', 'Spawn agents.', '{member,admin,owner}', true, false),
  ('agent:stop', 'Stop, suspend and resume agents that one did not spawn.', '{member,admin,owner}', true, false),
  ('type:write', 'Define agent types.', '{admin,owner}', true, false),
  ('presence:read', 'See who is present.', '{viewer,member,admin,owner}', true, false),
  ('presence:write', 'Be present.', '{member,admin,owner}', true, true),
  ('key:write', 'See, create and revoke enrolment keys.', '{admin,owner}', false, false)
on conflict (name) do update
set description = excluded.description, roles = excluded.roles, agents = excluded.agents, by_default = excluded.by_default;

-- What the rows of this room's tables are charged, in bytes. Agents and their registrations are bounded by
-- the rate of spawns, so what is written alone counts: they stay with the tenant, and 172,800 a day are possible by
-- default. They are lenient, so that a tenant that is full can still spawn agents to empty it.

insert into mayfly_private.charges (relation, flat, written, lenient) values
  ('mayfly.agents', 0, '{name,task,capabilities,metadata,suspend_reason,stop_reason}', true),
  ('mayfly.agent_types', 256, '{name,role,description,prompt,capabilities,scopes,metadata}', false),
  ('mayfly.enrolment_keys', 256, '{name,scopes}', false),
  ('mayfly_private.registrations', 0, '{key}', true)
on conflict (relation) do update set flat = excluded.flat, written = excluded.written, lenient = excluded.lenient;

insert into mayfly_private.charges (relation, bounded_by) values
  ('mayfly.agent_liveness', 'one row an agent'),
  ('mayfly_private.enrolment_secrets', 'one row an enrolment key'),
  ('mayfly_private.renewal_secrets', 'two rows an agent'),
  ('mayfly_private.spawn_buckets', 'one row a tenant')
on conflict (relation) do update set bounded_by = excluded.bounded_by;

-- Marks up to 50 of a tenant's dead agents as such: a chore, called by maintain_tenant. Locks what it marks, passing by
-- the agents that others hold.

create function mayfly_private.maintain_agents(tenant uuid, max_rows integer)
returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  marked constant integer := mayfly_private.reap(tenant);
begin
  return jsonb_build_object('agents', marked, 'more', marked = 50);
end
$$;

comment on function mayfly_private.maintain_agents is 'One batch of marking a tenant''s dead agents.';

-- What maintenance does in this room.

insert into mayfly_private.chores (name, work) values
  ('agents', 'mayfly_private.maintain_agents(uuid, integer)')
on conflict (name) do update set work = excluded.work;

-- tenant:{t}:agents, the presence of every agent: read with presence:read, tracked with presence:write.

create function mayfly_private.may_use_agents_topic(tenant uuid, part text, extension text, sending boolean)
returns boolean
language plpgsql stable security definer
set search_path = ''
as $$
begin
  return case
    -- To track, the server also asks for the right to receive; an agent that only tracks joins
    -- without receiving presence (config.presence.enabled tells the server, not a policy).
    when extension = 'presence' and sending then tenant = any (mayfly_private.tenant_ids('presence:write'))
    when extension = 'presence' then tenant = any (mayfly_private.tenant_ids('presence:read'))
    when not sending then tenant = any (mayfly_private.tenant_ids('presence:read') || mayfly_private.tenant_ids('presence:write'))
    else false
  end;
end
$$;

comment on function mayfly_private.may_use_agents_topic is 'Whether the caller may use the topic "agents" of a tenant.';

-- tenant:{t}:agent:{a}, the inbox of one agent or person, and what ends it: read by itself and with message:admin,
-- sent by the database alone.

create function mayfly_private.may_use_agent_topic(tenant uuid, part text, extension text, sending boolean)
returns boolean
language plpgsql stable security definer
set search_path = ''
as $$
begin
  if sending or extension <> 'broadcast' then
    return false;
  end if;
  return (tenant = any (mayfly_private.tenant_ids(null)) and part = mayfly_private.caller_id()::text)
    or (tenant = any (mayfly_private.tenant_ids('message:admin')) and exists (
      select from mayfly.agents a where a.tenant_id = tenant and a.id::text = part));
end
$$;

comment on function mayfly_private.may_use_agent_topic is 'Whether the caller may use the topic "agent" of a tenant.';

-- The Realtime topics of this room.

insert into mayfly_private.topics (name, parts, rule) values
  ('agents', 3, 'mayfly_private.may_use_agents_topic(uuid, text, text, boolean)'),
  ('agent', 4, 'mayfly_private.may_use_agent_topic(uuid, text, text, boolean)')
on conflict (name) do update set parts = excluded.parts, rule = excluded.rule;

-- What a tenant uses of its quotas of agents: for mayfly.usage. Locks nothing.

create function mayfly_private.agent_usage(tenant uuid)
returns jsonb
language sql stable security definer
set search_path = ''
return (
  select jsonb_build_object(
    'living_agents', (
      select count(*) from mayfly.agents a
      where a.tenant_id = t.id and a.status in ('running', 'suspended') and a.expires_at > clock_timestamp()),
    'spawns_left', floor(coalesce((
      select least(t.spawns_per_minute, b.tokens + extract(epoch from clock_timestamp() - b.filled_at) * t.spawns_per_minute / 60)
      from mayfly_private.spawn_buckets b where b.tenant_id = t.id), t.spawns_per_minute)))
  from mayfly.tenants t where t.id = tenant
);

comment on function mayfly_private.agent_usage is 'What a tenant uses of its quotas of agents.';

-- What mayfly.usage shows of this room.

insert into mayfly_private.usage_counts (name, work) values ('agents', 'mayfly_private.agent_usage(uuid)')
on conflict (name) do update set work = excluded.work;

-- What most agents need, of what their spawner may give: the scopes that are given by default (mayfly.scopes).

create or replace function mayfly_private.common_scopes(allowed text[])
returns text[]
language sql stable
set search_path = ''
return (
  select coalesce(array_agg(s.name order by s.name), '{}') from mayfly.scopes s where s.by_default and s.name = any (allowed)
);

-- What the rows of this room's tables are charged, in bytes.

insert into mayfly_private.charges (relation, bounded_by) values
  ('mayfly.events', 'the writes of a minute, and how long events are kept'),
  ('mayfly_private.broadcast_losses', 'one row a tenant'),
  ('mayfly_private.listeners', 'leases of a minute'),
  ('mayfly_private.nudges', 'one row a topic that somebody listens to'),
  ('mayfly_private.nudges_due', 'the writes of a second')
on conflict (relation) do update set bounded_by = excluded.bounded_by;

-- Deletes up to max_rows of a tenant's events that have been kept for as long as the settings say, and notes how far the
-- log goes back, so that older cursors are refused: a chore, called by maintain_tenant under its lock. Locks what it
-- deletes.

create function mayfly_private.maintain_log(tenant uuid, max_rows integer)
returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  long_ago constant timestamptz := clock_timestamp() - mayfly_private.kept();
  of_epoch constant integer := mayfly_private.current_epoch();
  events bigint;
  newest xid8;
begin
  -- The oldest first, by (xid, id); those of another life of the database can stand anywhere.
  with old as (
    select e.xid, e.id, e.at from mayfly.events e where e.tenant_id = tenant order by e.xid, e.id limit max_rows
  ), deleted as (
    delete from mayfly.events e using old
    where e.tenant_id = tenant and e.xid = old.xid and e.id = old.id and old.at < long_ago
    returning e.xid, e.epoch
  )
  select count(*), max(d.xid) filter (where d.epoch = of_epoch) into events, newest from deleted d;
  if events = 0 and exists (select from mayfly_private.epochs e where e.epoch <> of_epoch) then
    delete from mayfly.events e where (e.tenant_id, e.xid, e.id) in (
      select o.tenant_id, o.xid, o.id from mayfly.events o
      where o.tenant_id = tenant and o.epoch <> of_epoch and o.at < long_ago limit max_rows);
    get diagnostics events = row_count;
  end if;

  if newest is not null then
    update mayfly_private.maintenance m
    set deleted_to = case when m.epoch = of_epoch then greatest(m.deleted_to, newest) else newest end, epoch = of_epoch
    where m.tenant_id = tenant;
  end if;
  return jsonb_build_object('events', events, 'more', events = max_rows);
end
$$;

comment on function mayfly_private.maintain_log is 'One batch of forgetting a tenant''s events.';

-- What maintenance does in this room.

insert into mayfly_private.chores (name, work) values
  ('log', 'mayfly_private.maintain_log(uuid, integer)')
on conflict (name) do update set work = excluded.work;

-- tenant:{t}:log, the nudges: read with memory:read, sent by the database alone.

create function mayfly_private.may_use_log_topic(tenant uuid, part text, extension text, sending boolean)
returns boolean
language plpgsql stable security definer
set search_path = ''
as $$
begin
  return not sending and extension = 'broadcast' and tenant = any (mayfly_private.tenant_ids('memory:read'));
end
$$;

comment on function mayfly_private.may_use_log_topic is 'Whether the caller may use the topic "log" of a tenant.';

-- The Realtime topics of this room.

insert into mayfly_private.topics (name, parts, rule) values
  ('log', 3, 'mayfly_private.may_use_log_topic(uuid, text, text, boolean)')
on conflict (name) do update set parts = excluded.parts, rule = excluded.rule;

-- The scopes of this room.

insert into mayfly.scopes (name, description, roles, agents, by_default) values
  ('memory:read', 'Read and recall the memories of the tenant.', '{viewer,member,admin,owner}', true, true),
  ('memory:write', 'Remember and forget.', '{member,admin,owner}', true, true),
  ('memory:admin', 'Read memories that are visible to their agent alone.', '{admin,owner}', true, false)
on conflict (name) do update
set description = excluded.description, roles = excluded.roles, agents = excluded.agents, by_default = excluded.by_default;

-- For what was remembered before and after a memory: see mayfly_private.neighbours_of.
create index memories_thread_idx on mayfly.memories (tenant_id, coalesce(conversation_id, session_id), created_at, id)
  where coalesce(conversation_id, session_id) is not null;

comment on column mayfly.memories.words_version is
  'Which version of mayfly_private.words wrote its words; 0 is that of 0.1.0.';

alter index mayfly.memories_thread_idx alter column 2 set statistics 0;

-- What the rows of this room's tables are charged, in bytes. As its meters count them.

insert into mayfly_private.charges (relation, bytes) values
  ('mayfly.memories', '512 + octet_length(r.task) + octet_length(r.input) + octet_length(r.output) + octet_length(r.critique)
    + pg_column_size(r.tags || ''{}'') + pg_column_size(r.metadata || ''{}'') + pg_column_size(r.hlc || ''{}'')'),
  ('mayfly.memory_vectors', '800'),
  ('mayfly.memory_conflicts', 'mayfly_private.conflict_bytes(r.base, r.wanted)')
on conflict (relation) do update set bytes = excluded.bytes;

insert into mayfly_private.charges (relation, bounded_by) values
  ('mayfly_private.embedding_queue', 'one row a memory'),
  ('mayfly_private.ops', 'the writes of a minute, and how long operations are kept'),
  ('mayfly_private.settlements', 'one row a model')
on conflict (relation) do update set bounded_by = excluded.bounded_by;

-- Forgets the memories of a tenant that its retention or their expires_at has come for, and deletes tombstones that have
-- been kept for as long as the settings say: a chore, called by maintain_tenant under its lock. At most max_rows
-- memories are looked at, in the order of the primary key, on from where the last batch stopped, so that no index is
-- needed and any number of batches may be broken off. `more` is true until the walk has come to its end. Locks what it
-- changes and deletes.
--
-- Memories whose search words are of an older version get those of today (mayfly_private.words).
--
-- What is forgotten leaves a tombstone and a memory.deleted, as any delete: caches hear of it. A tombstone goes when
-- the log that told of it has gone: older cursors are refused.

create function mayfly_private.maintain_memories(tenant uuid, max_rows integer)
returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  long_ago constant timestamptz := clock_timestamp() - mayfly_private.kept();
  walked uuid[];
  gone uuid[];
  erased integer;
begin
  select array_agg(w.id order by w.id) into walked
  from (
    select m.id from mayfly.memories m
    where m.tenant_id = tenant
      and m.id > (select s.walked_to from mayfly_private.maintenance s where s.tenant_id = tenant)
    order by m.id limit max_rows
  ) w;

  with spent as (
    select m.id from mayfly.memories m
    where m.tenant_id = tenant and m.id = any (walked) and m.deleted_at is null
      and (m.expires_at <= clock_timestamp() or exists (
        select from mayfly.tenants t,
          jsonb_to_recordset(t.retention) as rule (older_than double precision, kind text, below_reward real)
        where t.id = tenant and m.created_at < clock_timestamp() - make_interval(secs => rule.older_than)
          and (rule.kind is null or rule.kind = m.kind)
          and (rule.below_reward is null or m.reward < rule.below_reward)))
    order by m.id
    for update skip locked
  ), forgotten as (
    update mayfly.memories m
    set deleted_at = now(), updated_at = now(), version = m.version + 1,
      task = '', input = '', output = '', critique = '', tags = '{}', metadata = '{}', hlc = '{}'
    from spent where m.tenant_id = tenant and m.id = spent.id
    returning m.id
  )
  select coalesce(array_agg(f.id), '{}') into gone from forgotten f;
  delete from mayfly.memory_vectors v where v.tenant_id = tenant and v.memory_id = any (gone);
  delete from mayfly.memory_conflicts c where c.tenant_id = tenant and c.memory_id = any (gone);

  -- Rows with the words of an older version.
  update mayfly.memories m
  set words = mayfly_private.words(m.language, m.task, m.tags, m.input, m.output, m.critique), words_version = mayfly_private.words_version()
  where m.tenant_id = tenant and m.id in (
    select o.id from mayfly.memories o
    where o.tenant_id = tenant and o.id = any (walked) and o.words_version <> mayfly_private.words_version()
    order by o.id
    for no key update skip locked);

  if coalesce(cardinality(walked), 0) < max_rows then
    -- At the end of a walk, what was erased of those that were settled no longer counts. A large tenant stays one.
    update mayfly_private.settlements s
    set counted_at = clock_timestamp(), vectors = greatest(1, (
      select count(*) from mayfly.memory_vectors v where v.tenant_id = tenant and v.model = s.model and v.settled))
    where s.tenant_id = tenant and s.counted_at < clock_timestamp() - interval '1 hour';
  end if;

  delete from mayfly.memories m
  where m.tenant_id = tenant and m.id = any (walked) and m.deleted_at < long_ago;
  get diagnostics erased = row_count;
  delete from mayfly_private.embedding_queue q
  where q.tenant_id = tenant and q.memory_id = any (walked) and not exists (
    select from mayfly.memories m where m.tenant_id = tenant and m.id = q.memory_id and m.deleted_at is null);

  update mayfly_private.maintenance s
  set walked_to = case when cardinality(walked) = max_rows then walked[max_rows] else '00000000-0000-0000-0000-000000000000' end
  where s.tenant_id = tenant;
  return jsonb_build_object('forgotten', cardinality(gone), 'tombstones', erased,
    'more', coalesce(cardinality(walked), 0) = max_rows);
end
$$;

comment on function mayfly_private.maintain_memories is 'One batch of forgetting a tenant''s memories.';

-- Deletes up to max_rows of a tenant's operations that have been kept for as long as the settings say: a chore, called
-- by maintain_tenant under its lock. Locks what it deletes.

create function mayfly_private.maintain_ops(tenant uuid, max_rows integer)
returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  long_ago constant timestamptz := clock_timestamp() - mayfly_private.kept();
  deleted integer;
begin
  -- One whose id says that it was made later (by a clock ahead) is kept until then: its age is what
  -- has it refused once it is forgotten.
  delete from mayfly_private.ops o where (o.tenant_id, o.id) in (
    select b.tenant_id, b.id from mayfly_private.ops b
    where b.tenant_id = tenant and b.at < long_ago and coalesce(mayfly_private.time_of_id(b.id), '-infinity') < long_ago
    limit max_rows);
  get diagnostics deleted = row_count;
  return jsonb_build_object('ops', deleted, 'more', deleted = max_rows);
end
$$;

comment on function mayfly_private.maintain_ops is 'One batch of forgetting a tenant''s operations.';

-- The sample that a tenant's word frequencies were counted in. A tenant without a row is small: recall counts while it
-- searches.

create table mayfly_private.word_samples (
  tenant_id uuid not null,
  memories bigint not null,
  sampled integer not null,
  stored bigint not null,
  at timestamptz not null default now(),
  constraint word_samples_pkey primary key (tenant_id),
  constraint word_samples_tenant_fkey foreign key (tenant_id) references mayfly.tenants (id) on delete cascade
);

comment on table mayfly_private.word_samples is 'How many memories a tenant''s word frequencies were counted in.';

comment on column mayfly_private.word_samples.memories is 'About how many memories the whole tenant could read.';

comment on column mayfly_private.word_samples.stored is 'How many memories the tenant had stored, the private and the forgotten included: by how these grow, the next sample is due.';

alter table mayfly_private.word_samples enable row level security;

-- Counts in how many of a tenant's memories each word stands, in a sample of 1,000, where that is due: after a
-- fifth more or fewer memories, and each day: a chore, called by maintain_tenant under its lock. 1,000 take 15 ms. Locks
-- the rows that it writes.
--
-- nDCG@10 on Cranfield by the size of the sample: 100 .521, 200 .524, 500 .527, 1,000 .529, all .529. By the hash of the id,
-- since a sample of the newest alone is skewed.

create function mayfly_private.sample_words(tenant uuid, max_rows integer)
returns jsonb
language plpgsql
set search_path = ''
set jit = off
as $$
declare
  stored constant bigint := (select coalesce(sum(u.memories), 0) from mayfly_private.tenant_usage u where u.tenant_id = tenant);
  last mayfly_private.word_samples;
  chosen uuid[];
  readable uuid[];
begin
  select * into last from mayfly_private.word_samples s where s.tenant_id = tenant;
  if found and abs(stored - last.stored) <= last.stored / 5
      and (stored = last.stored or last.at > clock_timestamp() - interval '1 day') then
    return '{"more": false}';
  elsif stored < 300 then
    -- So few are counted while recall searches.
    delete from mayfly_private.word_samples s where s.tenant_id = tenant;
    delete from mayfly_private.word_frequencies f where f.tenant_id = tenant;
    return '{"more": false}';
  end if;

  select array_agg(m.id) into chosen
  from (
    select m.id from mayfly.memories m where m.tenant_id = tenant
    order by hashtextextended(m.id::text, 0)
    limit 1000) m;
  select array_agg(m.id) into readable
  from mayfly.memories m
  where m.tenant_id = tenant and m.id = any (chosen) and m.deleted_at is null and m.visibility = 'tenant'
    and (m.expires_at is null or m.expires_at > clock_timestamp());

  insert into mayfly_private.word_samples as s (tenant_id, memories, sampled, stored, at)
  values (tenant, stored * coalesce(cardinality(readable), 0) / cardinality(chosen), coalesce(cardinality(readable), 0), stored, clock_timestamp())
  on conflict on constraint word_samples_pkey do update
  set memories = excluded.memories, sampled = excluded.sampled, stored = excluded.stored, at = excluded.at;
  delete from mayfly_private.word_frequencies f where f.tenant_id = tenant;
  insert into mayfly_private.word_frequencies (tenant_id, word, memories)
  select tenant, w.word, w.ndoc
  from ts_stat(format('select m.words from mayfly.memories m where m.tenant_id = %L and m.id = any (%L::uuid[])', tenant, readable)) w
  where w.ndoc > 1;
  return '{"more": false}';
end
$$;

comment on function mayfly_private.sample_words is 'Counts how common the words of a tenant are, where that is due.';

-- What maintenance does in this room.

insert into mayfly_private.chores (name, work) values
  ('memories', 'mayfly_private.maintain_memories(uuid, integer)'),
  ('ops', 'mayfly_private.maintain_ops(uuid, integer)'),
  ('words', 'mayfly_private.sample_words(uuid, integer)')
on conflict (name) do update set work = excluded.work;

-- How words are found again: as the configurations of Postgres, but accents are optional. A mapping costs almost
-- nothing; to take accents away by normalising took 170 µs a KB. Dumps carry these with the schema.

create text search configuration mayfly_private.simple (copy = pg_catalog.simple);

create text search configuration mayfly_private.arabic (copy = pg_catalog.arabic);

create text search configuration mayfly_private.danish (copy = pg_catalog.danish);

create text search configuration mayfly_private.dutch (copy = pg_catalog.dutch);

create text search configuration mayfly_private.english (copy = pg_catalog.english);

create text search configuration mayfly_private.finnish (copy = pg_catalog.finnish);

create text search configuration mayfly_private.french (copy = pg_catalog.french);

create text search configuration mayfly_private.german (copy = pg_catalog.german);

create text search configuration mayfly_private.hungarian (copy = pg_catalog.hungarian);

create text search configuration mayfly_private.indonesian (copy = pg_catalog.indonesian);

create text search configuration mayfly_private.italian (copy = pg_catalog.italian);

create text search configuration mayfly_private.norwegian (copy = pg_catalog.norwegian);

create text search configuration mayfly_private.portuguese (copy = pg_catalog.portuguese);

create text search configuration mayfly_private.romanian (copy = pg_catalog.romanian);

create text search configuration mayfly_private.russian (copy = pg_catalog.russian);

create text search configuration mayfly_private.spanish (copy = pg_catalog.spanish);

create text search configuration mayfly_private.swedish (copy = pg_catalog.swedish);

create text search configuration mayfly_private.turkish (copy = pg_catalog.turkish);

alter text search configuration mayfly_private.simple
  alter mapping for hword, hword_part, word with extensions.unaccent, pg_catalog.simple;

alter text search configuration mayfly_private.arabic
  alter mapping for hword, hword_part, word with extensions.unaccent, pg_catalog.arabic_stem;

alter text search configuration mayfly_private.danish
  alter mapping for hword, hword_part, word with extensions.unaccent, pg_catalog.danish_stem;

alter text search configuration mayfly_private.dutch
  alter mapping for hword, hword_part, word with extensions.unaccent, pg_catalog.dutch_stem;

alter text search configuration mayfly_private.english
  alter mapping for hword, hword_part, word with extensions.unaccent, pg_catalog.english_stem;

alter text search configuration mayfly_private.finnish
  alter mapping for hword, hword_part, word with extensions.unaccent, pg_catalog.finnish_stem;

alter text search configuration mayfly_private.french
  alter mapping for hword, hword_part, word with extensions.unaccent, pg_catalog.french_stem;

alter text search configuration mayfly_private.german
  alter mapping for hword, hword_part, word with extensions.unaccent, pg_catalog.german_stem;

alter text search configuration mayfly_private.hungarian
  alter mapping for hword, hword_part, word with extensions.unaccent, pg_catalog.hungarian_stem;

alter text search configuration mayfly_private.indonesian
  alter mapping for hword, hword_part, word with extensions.unaccent, pg_catalog.indonesian_stem;

alter text search configuration mayfly_private.italian
  alter mapping for hword, hword_part, word with extensions.unaccent, pg_catalog.italian_stem;

alter text search configuration mayfly_private.norwegian
  alter mapping for hword, hword_part, word with extensions.unaccent, pg_catalog.norwegian_stem;

alter text search configuration mayfly_private.portuguese
  alter mapping for hword, hword_part, word with extensions.unaccent, pg_catalog.portuguese_stem;

alter text search configuration mayfly_private.romanian
  alter mapping for hword, hword_part, word with extensions.unaccent, pg_catalog.romanian_stem;

alter text search configuration mayfly_private.russian
  alter mapping for hword, hword_part, word with extensions.unaccent, pg_catalog.russian_stem;

alter text search configuration mayfly_private.spanish
  alter mapping for hword, hword_part, word with extensions.unaccent, pg_catalog.spanish_stem;

alter text search configuration mayfly_private.swedish
  alter mapping for hword, hword_part, word with extensions.unaccent, pg_catalog.swedish_stem;

alter text search configuration mayfly_private.turkish
  alter mapping for hword, hword_part, word with extensions.unaccent, pg_catalog.turkish_stem;

-- Applies the updates of a push: settles each, keeps what is to be outcomes by hand, and completes the
-- results of the operations. Called by mayfly_private.push, which has locked the targets. Gives how many
-- memories it wrote.
--
-- A memory that is not there (any more), or not for the caller to change, is no target and `gone`: a delete
-- wins over an update, and a late update never blocks an outbox.

create or replace function mayfly_private.apply_updates(tenant uuid, push jsonb, claimed uuid[], targets uuid[], pusher uuid)
returns integer
language plpgsql
set search_path = ''
as $$
declare
  outcomes jsonb;
  fault record;
  bare uuid[];
  written integer;
begin
  select coalesce(jsonb_agg(to_jsonb(s) || mayfly_private.settle(to_jsonb(m) - '{words,words_version}'::text[], s.change)), '[]') into outcomes
  from (
    select o.n - 1 as index, (o.op ->> 'id')::uuid as op, (o.op -> 'memory' ->> 'id')::uuid as id, o.op -> 'memory' as change
    from jsonb_array_elements(push) with ordinality as o (op, n)
    where o.op ->> 'type' = 'memory.update' and (o.op ->> 'id')::uuid = any (claimed)
  ) s
  join mayfly.memories m on m.tenant_id = tenant and m.id = s.id
  where m.id = any (targets);

  select s.index, c.field, c.rule into fault
  from jsonb_to_recordset(outcomes) as s (index integer, id uuid, set jsonb)
  join mayfly.memories m on m.tenant_id = tenant and m.id = s.id,
    lateral (values
      ('memory.id', m.version < 2000000000, 'names a memory that has changed 2000000000 times: put another'),
      ('memory.set', coalesce(s.set ->> 'task', m.task) || coalesce(s.set ->> 'input', m.input)
          || coalesce(s.set ->> 'output', m.output) <> '', 'must leave a task, an input or an output'),
      ('memory.set.tags', jsonb_array_length(coalesce(s.set -> 'tags', '[]')) <= 50, 'would make more than 50 tags'),
      ('memory.set.metadata', pg_column_size(coalesce(s.set -> 'metadata', '{}')) <= 65536, 'would make metadata of more than 64 KB'),
      ('memory.set.visibility', s.set ->> 'visibility' is distinct from 'agent'
          or m.agent_id = any ((select mayfly_private.own_agent_ids())::uuid[])
          or tenant = any ((select mayfly_private.tenant_ids('memory:admin'))::uuid[]),
        'may be narrowed by its agent, the ancestors of that and admins alone')
    ) as c (field, holds, rule)
  where c.holds is not true
  order by s.index
  limit 1;
  if found then
    perform mayfly_private.fail(400, 'invalid_operation', format('push[%s].%s %s.', fault.index, fault.field, fault.rule),
      'Nothing of this push was applied. Correct it, or leave the operation out.',
      jsonb_build_object('index', fault.index, 'field', fault.field));
  end if;

  update mayfly.memories m
  set version = m.version + (s.set <> '{}')::integer, updated_at = case when s.set <> '{}' then now() else m.updated_at end, hlc = s.hlc,
    session_id = n.session_id, conversation_id = n.conversation_id, kind = n.kind, task = n.task, input = n.input,
    output = n.output, critique = n.critique, reward = n.reward, success = n.success, importance = n.importance,
    tags = n.tags, metadata = n.metadata, tokens = n.tokens, latency_ms = n.latency_ms, visibility = n.visibility,
    expires_at = n.expires_at
  from jsonb_to_recordset(outcomes) as s (id uuid, set jsonb, hlc jsonb)
  join mayfly.memories o on o.tenant_id = tenant and o.id = s.id,
    lateral jsonb_populate_record(o, s.set) n
  where m.tenant_id = tenant and m.id = s.id and (s.set <> '{}' or s.hlc <> m.hlc);
  get diagnostics written = row_count;

  -- A vector of other words would be found for what is not there any more.
  delete from mayfly.memory_vectors v
  where v.tenant_id = tenant and v.memory_id in (
    select s.id from jsonb_to_recordset(outcomes) as s (id uuid, set jsonb) where s.set ?| '{task,tags,input,output}');
  insert into mayfly.memory_vectors (tenant_id, model, memory_id, embedding)
  select tenant, o.op ->> 'model', s.id, (o.op ->> 'embedding')::extensions.halfvec(384)
  from jsonb_array_elements(push) as o (op)
  join jsonb_to_recordset(outcomes) as s (op uuid, id uuid, set jsonb) on s.op = (o.op ->> 'id')::uuid
  where jsonb_typeof(o.op -> 'embedding') = 'array' and s.set ?| '{task,tags,input,output}';

  bare := (select array_agg(s.id) from jsonb_to_recordset(outcomes) as s (id uuid, op uuid, set jsonb)
    where s.set ?| '{task,tags,input,output}' and not exists (
      select from jsonb_array_elements(push) o (op)
      where (o.op ->> 'id')::uuid = s.op and jsonb_typeof(o.op -> 'embedding') = 'array'));
  if bare is not null then
    perform mayfly_private.enqueue_embeddings(tenant, bare);
  end if;

  delete from mayfly.memory_conflicts c
  using jsonb_to_recordset(outcomes) as s (id uuid, change jsonb)
  where c.tenant_id = tenant and c.memory_id = s.id and s.change -> 'settles' @> to_jsonb(c.id);
  with kept as (
    insert into mayfly.memory_conflicts (tenant_id, memory_id, field, base, wanted, hlc, op_id, pushed_by)
    select tenant, s.id, c.field, c.base, c.wanted, c.hlc, s.op, pusher
    from jsonb_to_recordset(outcomes) as s (id uuid, op uuid, conflicts jsonb),
      jsonb_to_recordset(s.conflicts) as c (field text, base jsonb, wanted jsonb, hlc text)
    returning op_id, field, id
  )
  update mayfly_private.ops o
  set result = o.result || coalesce((
    select jsonb_build_object('version', m.version, 'fields', s.fields,
        'status', case when s.conflicts = '[]' then 'applied' else 'conflict' end)
      || case when s.conflicts = '[]' then '{}' else jsonb_build_object('conflicts', (
        select jsonb_object_agg(k.field, k.id) from kept k where k.op_id = o.id)) end
    from jsonb_to_recordset(outcomes) as s (op uuid, id uuid, fields jsonb, conflicts jsonb)
    join mayfly.memories m on m.tenant_id = tenant and m.id = s.id
    where s.op = o.id), '{"status": "gone"}')
  where o.tenant_id = tenant and o.id in (
    select (op ->> 'id')::uuid from jsonb_array_elements(push) op
    where op ->> 'type' = 'memory.update' and (op ->> 'id')::uuid = any (claimed));
  return written;
end
$$;

-- Refuses weights and half-lives that mayfly.recall cannot take. Locks nothing.

create or replace function mayfly_private.check_weights(weights jsonb, half_lives jsonb)
returns void
language plpgsql immutable
set search_path = ''
as $$
declare
  known constant text[] := '{words,meaning,neighbours,reward,importance,recency}';
  kinds constant text[] := '{episode,task_result,conversation,learning,fact,working,general}';
  wrong text;
begin
  if coalesce(jsonb_typeof(weights), 'object') <> 'object' then
    perform mayfly_private.fail(400, 'invalid_request', 'weights must be an object.', null, '{"field": "weights"}');
  elsif coalesce(jsonb_typeof(half_lives), 'object') <> 'object' then
    perform mayfly_private.fail(400, 'invalid_request', 'half_lives must be an object.', null, '{"field": "half_lives"}');
  end if;

  select w.key into wrong from jsonb_each(weights) w
  where w.key <> all (known)
    or not mayfly_private.number_within(w.value, 0, case when w.key in ('words', 'meaning') then 100 else 1 end) limit 1;
  if found then
    perform mayfly_private.fail(400, 'invalid_request',
      format('weights.%s must be a number from 0 to %s.', wrong, case when wrong in ('words', 'meaning') then 100 else 1 end),
      'The weights are words, meaning, neighbours, reward, importance and recency.', jsonb_build_object('field', 'weights.' || wrong));
  end if;
  if coalesce((weights ->> 'words')::numeric, 1) + coalesce((weights ->> 'meaning')::numeric, 1) = 0 then
    perform mayfly_private.fail(400, 'invalid_request', 'One of the weights words and meaning must be above 0.', null,
      '{"field": "weights"}');
  elsif coalesce((weights ->> 'reward')::numeric, 0.1) + coalesce((weights ->> 'importance')::numeric, 0.1)
      + coalesce((weights ->> 'recency')::numeric, 0.1) > 1 then
    perform mayfly_private.fail(400, 'invalid_request', 'The weights reward, importance and recency must be at most 1 together.',
      'Each is 0.1 unless you set it.', '{"field": "weights"}');
  end if;

  select h.key into wrong from jsonb_each(half_lives) h
  where h.key <> all (kinds) or not mayfly_private.number_within(h.value, 0.001, 36500) limit 1;
  if found then
    perform mayfly_private.fail(400, 'invalid_request', format('half_lives.%s must be a number of days from 0.001 to 36500.', wrong),
      'Its keys are kinds of memories.', jsonb_build_object('field', 'half_lives.' || wrong));
  end if;
end
$$;

-- Which of some memories say the same as one before them: the same words, or nearly (nine tenths of the different words of
-- both, in texts that begin or end alike). Gives for each the place of the first that says it, its own where none does.
-- Called by mayfly_private.recall, in the order of the answer. Locks nothing.
--
-- Beginnings and ends choose what is compared: comparing all pairs took 4 ms for 30 memories.

create function mayfly_private.duplicates_among(tenant uuid, memories uuid[])
returns integer[]
language plpgsql stable
set search_path = ''
set plan_cache_mode = force_generic_plan
set jit = off
as $$
declare
  -- Of each its place, and of those that say the same the least.
  first integer[];
begin
  with looked_at as materialized (
    select o.n, m.kind, length(m.words) as length, m.words,
      lower(left(m.task || m.input || m.output, 40)) as beginning, lower(right(m.task || m.input || m.output, 40)) as ending
    from unnest(memories) with ordinality as o (id, n)
    join mayfly.memories m on m.tenant_id = tenant and m.id = o.id
  )
  select array_agg(l.first order by l.n) into first
  from (
    select b.n, coalesce(min(a.n), b.n)::integer as first
    from looked_at b
    left join looked_at a on a.n < b.n and a.kind = b.kind and (a.beginning = b.beginning or a.ending = b.ending)
      and a.length between b.length * 0.89 and b.length * 1.13
      and (a.words = b.words
        or a.length + b.length - length(a.words || b.words) >= 0.9 * length(a.words || b.words))
    group by b.n
  ) l;
  return first;
end
$$;

comment on function mayfly_private.duplicates_among is 'Which of some memories say the same as one before them.';

-- The memories whose vectors point nearest to one, and their similarity: 1 at best, and above 0. Where too few of the nearest
-- pass the filters, those that pass are compared one by one: a filter never hides a match. Called by
-- mayfly_private.recall. Locks nothing.

create function mayfly_private.find_by_meaning(
  tenant uuid, model text, asked extensions.halfvec, reach integer, depth integer, wanted integer, kinds text[], having_tags text[], agent uuid, min_reward real, since timestamptz,
  until timestamptz, for_task text, session uuid, conversation uuid, without uuid,
  out ids uuid[], out similarities double precision[]
)
language plpgsql stable
set search_path = ''
set plan_cache_mode = force_generic_plan
set enable_seqscan = off
set jit = off
as $$
#variable_conflict use_variable
declare
  near uuid[];
  alike double precision[];
begin
  select array_agg(n.memory_id), array_agg(n.similarity) into near, alike
  from mayfly_private.nearest(tenant, model, asked, reach) n;

  select array_agg(f.id order by f.similarity desc, f.id), array_agg(f.similarity order by f.similarity desc, f.id)
  into ids, similarities
  from (
    select m.id, n.similarity
    from unnest(near, alike) n (id, similarity)
    join mayfly.memories m on m.id = n.id
    where m.tenant_id = tenant and m.deleted_at is null
      and (m.visibility = 'tenant' or m.agent_id = any ((select mayfly_private.own_agent_ids())::uuid[])
        or (select tenant = any (mayfly_private.tenant_ids('memory:admin'))))
      and (m.expires_at is null or m.expires_at > statement_timestamp())
      and (without is null or m.id <> without)
      and (kinds is null or m.kind = any (kinds)) and (having_tags is null or m.tags @> having_tags)
      and (agent is null or m.agent_id = agent) and (min_reward is null or m.reward >= min_reward)
      and (since is null or m.created_at >= since) and (until is null or m.created_at < until)
      and (for_task is null or m.task = for_task) and (session is null or m.session_id = session)
      and (conversation is null or m.conversation_id = conversation)
    order by n.similarity desc, m.id
    limit depth) f
  -- A vector that points elsewhere is no match, however few there are.
  where f.similarity > 0;

  if coalesce(cardinality(ids), 0) < wanted and cardinality(near) = reach then
    select array_agg(f.id order by f.similarity desc, f.id), array_agg(f.similarity order by f.similarity desc, f.id)
    into ids, similarities
    from (
      select m.id, 1 - (v.embedding operator(extensions.<=>) asked) as similarity
      from mayfly.memories m
      join mayfly.memory_vectors v on v.tenant_id = tenant and v.model = find_by_meaning.model and v.memory_id = m.id
      where m.tenant_id = tenant and m.deleted_at is null
        and (m.visibility = 'tenant' or m.agent_id = any ((select mayfly_private.own_agent_ids())::uuid[])
          or (select tenant = any (mayfly_private.tenant_ids('memory:admin'))))
        and (m.expires_at is null or m.expires_at > statement_timestamp())
        and (without is null or m.id <> without)
        and (kinds is null or m.kind = any (kinds)) and (having_tags is null or m.tags @> having_tags)
        and (agent is null or m.agent_id = agent) and (min_reward is null or m.reward >= min_reward)
        and (since is null or m.created_at >= since) and (until is null or m.created_at < until)
        and (for_task is null or m.task = for_task) and (session is null or m.session_id = session)
        and (conversation is null or m.conversation_id = conversation)
      order by v.embedding operator(extensions.<=>) asked, m.id
      limit depth) f
    where f.similarity > 0;
  end if;
end
$$;

comment on function mayfly_private.find_by_meaning is
  'The memories whose vectors point nearest to one.';

-- The memories that fit the words of a question best, best first, and how well they do.
--
--   score = sum over the asked words of rarity * rank ^ 2 / ln(different words of the memory + 24)
--   rarity = ln(1 + (memories - those that have it + 0.5) / (those that have it + 0.5))
--   rank   = ts_rank of the one word: 0.61 where task or tags have it once, 0.49 in the text, 0.12 in the critique, more
--            where it stands more often
--   fit    = sum of rarity * rank ^ 2 / (0.37 * sum of rarity of all asked words), at most 1: the same for every question
--
-- The square makes of ts_rank's flat frequency about what BM25 with k1 = 2 has; the logarithm keeps stubs and long texts
-- from winning. By words alone nDCG@10 on Cranfield is 0.526, BM25's 0.520, plain ts_rank's 0.470 (npm run bench -- quality).
-- A quoted phrase counts as a word of the task.
--
-- In a large tenant common words choose no candidates: only as many of the rarest as are expected to bring a twentieth of the
-- memories, or 1,000. All words rank. 100,000 memories take 18 ms so, and 60 to 76 otherwise; of the best ten, 9.4 are the same.
-- Where the filters leave fewer than are wanted, all words are asked for.
--
-- A word of the question that no memory has is taken for a typo: memories whose task or tags have one like it (pg_trgm's
-- word_similarity, at least 0.5) count as having it, by half of that likeness. Called by mayfly_private.recall.
-- Locks nothing.

create function mayfly_private.find_by_words(
  tenant uuid, question text, depth integer, wanted integer, kinds text[], having_tags text[], agent uuid, min_reward real, since timestamptz,
  until timestamptz, for_task text, session uuid, conversation uuid, without uuid,
  out ids uuid[], out scores double precision[], out fits double precision[], out likenesses double precision[],
  out report jsonb
)
language plpgsql stable
set search_path = ''
-- Planning anew took longer than the search. The words are found by their index or not at all.
set plan_cache_mode = force_generic_plan
set enable_seqscan = off
set jit = off
as $$
#variable_conflict use_variable
declare
  language text;
  known bigint;
  sampled integer;
  asked record;
  words text[];
  terms tsquery[];
  counts real[];
  phrase tsquery;
  most integer;
  expected double precision;
  picked tsquery;
  picked_of integer := 1;
  rarities double precision[];
  found_in bigint[];
  of_weight constant real[] := '{0.1,0.2,0.8,1}';
  of_all double precision;
  doubtful text[];
begin
  select t.language, s.memories, s.sampled into language, known, sampled
  from mayfly.tenants t left join mayfly_private.word_samples s on s.tenant_id = t.id
  where t.id = tenant;
  select * into asked from mayfly_private.words_of_question(tenant, language, question);
  words := asked.words;
  terms := asked.terms;
  counts := asked.counts;
  phrase := asked.phrase;
  if words is null then
    return;
  end if;

  if sampled is null then
    -- Only what the caller may see is counted.
    known := (
      select count(*) from (
        select from mayfly.memories m
        where m.tenant_id = tenant and m.deleted_at is null and (m.expires_at is null or m.expires_at > statement_timestamp())
          and (m.visibility = 'tenant' or m.agent_id = any ((select mayfly_private.own_agent_ids())::uuid[])
            or (select tenant = any (mayfly_private.tenant_ids('memory:admin'))))
        limit 5000) visible);
    most := 5000;
  else
    -- As of all of its memories.
    counts := array(select c * greatest(known, 1) / greatest(sampled, 1) from unnest(counts) c);
    most := greatest(1000, known / 20);
  end if;
  picked := terms[1];
  expected := coalesce(counts[1], 0);
  while picked_of < cardinality(terms) and (sampled is null or expected + counts[picked_of + 1] <= most) loop
    picked_of := picked_of + 1;
    picked := picked || terms[picked_of];
    expected := expected + counts[picked_of];
  end loop;
  if phrase is not null then
    picked := picked || phrase;
  end if;

  loop
    with c as materialized (
      select x.id, length(x.words) as length,
        ts_rank(of_weight, x.words, terms[1]) ^ 2 as r1, ts_rank(of_weight, x.words, terms[2]) ^ 2 as r2,
        ts_rank(of_weight, x.words, terms[3]) ^ 2 as r3, ts_rank(of_weight, x.words, terms[4]) ^ 2 as r4,
        ts_rank(of_weight, x.words, terms[5]) ^ 2 as r5, ts_rank(of_weight, x.words, terms[6]) ^ 2 as r6,
        ts_rank(of_weight, x.words, terms[7]) ^ 2 as r7, ts_rank(of_weight, x.words, terms[8]) ^ 2 as r8,
        ts_rank(of_weight, x.words, terms[9]) ^ 2 as r9, ts_rank(of_weight, x.words, terms[10]) ^ 2 as r10,
        ts_rank(of_weight, x.words, terms[11]) ^ 2 as r11, ts_rank(of_weight, x.words, terms[12]) ^ 2 as r12,
        x.words @@ phrase as has_phrase
      from (
        -- Read and unpacked once, not once a word.
        select m.id, m.words || ''::tsvector as words
        from mayfly.memories m
        where m.tenant_id = tenant and m.words @@ picked and m.deleted_at is null
          and (m.visibility = 'tenant' or m.agent_id = any ((select mayfly_private.own_agent_ids())::uuid[])
            or (select tenant = any (mayfly_private.tenant_ids('memory:admin'))))
          and (m.expires_at is null or m.expires_at > statement_timestamp())
          and (without is null or m.id <> without)
          and (kinds is null or m.kind = any (kinds)) and (having_tags is null or m.tags @> having_tags)
          and (agent is null or m.agent_id = agent) and (min_reward is null or m.reward >= min_reward)
          and (since is null or m.created_at >= since) and (until is null or m.created_at < until)
          and (for_task is null or m.task = for_task) and (session is null or m.session_id = session)
          and (conversation is null or m.conversation_id = conversation)
        limit 5 * most) x
    ), n as (
      select count(*) filter (where c.has_phrase) as phrases, array[
          count(*) filter (where c.r1 > 0), count(*) filter (where c.r2 > 0), count(*) filter (where c.r3 > 0),
          count(*) filter (where c.r4 > 0), count(*) filter (where c.r5 > 0), count(*) filter (where c.r6 > 0),
          count(*) filter (where c.r7 > 0), count(*) filter (where c.r8 > 0), count(*) filter (where c.r9 > 0),
          count(*) filter (where c.r10 > 0), count(*) filter (where c.r11 > 0), count(*) filter (where c.r12 > 0)] as found_in
      from c
    ), w as (
      select n.found_in, array(
          select ln(1 + (greatest(known - h.has, 0) + 0.5) / (h.has + 0.5))
          from (select k, coalesce(counts[k], n.found_in[k]) as has from generate_subscripts(terms, 1) k) h order by h.k) as of,
        case when phrase is not null then ln(1 + (greatest(known - n.phrases, 0) + 0.5) / (n.phrases + 0.5)) end as of_phrase
      from n
    ), s as (
      select c.id, c.length, coalesce(w.of[1] * c.r1, 0) + coalesce(w.of[2] * c.r2, 0) + coalesce(w.of[3] * c.r3, 0)
          + coalesce(w.of[4] * c.r4, 0) + coalesce(w.of[5] * c.r5, 0) + coalesce(w.of[6] * c.r6, 0)
          + coalesce(w.of[7] * c.r7, 0) + coalesce(w.of[8] * c.r8, 0) + coalesce(w.of[9] * c.r9, 0)
          + coalesce(w.of[10] * c.r10, 0) + coalesce(w.of[11] * c.r11, 0) + coalesce(w.of[12] * c.r12, 0)
          + case when c.has_phrase then 0.37 * w.of_phrase else 0 end as sum
      from c, w
    ), best as (
      select s.id, s.sum, s.sum / ln(s.length + 24) as score from s
      where s.sum > 0
      order by score desc, s.id limit depth
    )
    select b.ids, b.scores, b.sums, w.found_in, w.of, coalesce(w.of_phrase, 0) + (select sum(r) from unnest(w.of) r)
    into ids, scores, fits, found_in, rarities, of_all
    from w, (
      select array_agg(best.id order by best.score desc, best.id) as ids, array_agg(best.score order by best.score desc, best.id) as scores,
        array_agg(best.sum order by best.score desc, best.id) as sums
      from best) b;
    exit when picked_of = cardinality(terms) or coalesce(cardinality(ids), 0) >= wanted;
    -- The filters left too few.
    picked := (select string_agg(t::text, ' | ') from unnest(terms) t)::tsquery;
    picked_of := cardinality(terms);
    most := 2000000;
  end loop;

  -- What the sample has is a word, and so is what anything visible has.
  doubtful := array(
    select words[k] from generate_subscripts(words, 1) k
    where found_in[k] = 0 and (sampled is null or counts[k] < known::double precision / sampled)
      and char_length(words[k]) >= 3 and not exists (
        select from mayfly.memories m
        where m.tenant_id = tenant and m.words @@ terms[k] and m.deleted_at is null
          and (m.visibility = 'tenant' or m.agent_id = any ((select mayfly_private.own_agent_ids())::uuid[])
            or (select tenant = any (mayfly_private.tenant_ids('memory:admin'))))));
  if doubtful <> '{}' then
    select t.ids, t.scores, t.sums, t.likenesses into ids, scores, fits, likenesses
    from mayfly_private.find_typos(tenant, language, question, doubtful, words, rarities, ids, scores, fits, depth,
      kinds, having_tags, agent, min_reward, since, until, for_task, session, conversation, without) t;
  end if;
  fits := array(select least(1, f / (0.37 * greatest(of_all, 1e-9))) from unnest(fits) f);
  report := jsonb_build_object('memories', known, 'counted_in', sampled,
    'words', (
      select jsonb_agg(jsonb_build_object('word', words[k], 'rarity', round(rarities[k]::numeric, 3),
        'memories', coalesce(round(counts[k]::numeric, 1), found_in[k]), 'chooses', k <= picked_of) order by k)
      from generate_subscripts(words, 1) k));
end
$$;

comment on function mayfly_private.find_by_words is
  'The memories that fit the words of a question best.';

-- Adds what has nearly the words that nothing has: memories whose task or tags have one like a doubtful word of the
-- question. Called by mayfly_private.find_by_words where a word is found nowhere, so that what has no typo never pays.
-- Locks nothing.

create function mayfly_private.find_typos(
  tenant uuid, language text, question text, doubtful text[], words text[], rarities double precision[],
  found_ids uuid[], found_scores double precision[], found_sums double precision[], depth integer,
  kinds text[], having_tags text[], agent uuid, min_reward real, since timestamptz,
  until timestamptz, for_task text, session uuid, conversation uuid, without uuid,
  out ids uuid[], out scores double precision[], out sums double precision[], out likenesses double precision[]
)
language plpgsql stable
set search_path = ''
set jit = off
as $$
#variable_conflict use_variable
declare
  threshold constant text := coalesce(current_setting('pg_trgm.word_similarity_threshold', true), '0.6');
  rarest constant double precision := (select max(r) from unnest(rarities) r);
begin
  -- Not by a set clause: a session that has not loaded pg_trgm yet is refused that.
  perform set_config('pg_trgm.word_similarity_threshold', '0.5', true);
  with asked as materialized (
    select distinct w.word
    from regexp_split_to_table(lower(mayfly_private.searched(left(question, 1000))), '[^[:alnum:]]+') w (word)
    where char_length(w.word) between 4 and 40
      and tsvector_to_array(to_tsvector(mayfly_private.text_search_config(language), w.word)) && doubtful
    limit 5
  ), like_it as materialized (
    select m.id, sum(extensions.word_similarity(a.word, mayfly_private.labels(m.task, m.tags))) as likeness,
      sum(0.185 * rarest * extensions.word_similarity(a.word, mayfly_private.labels(m.task, m.tags))) as sum, ln(length(m.words) + 24) as damping
    from asked a
    join mayfly.memories m on mayfly_private.labels(m.task, m.tags) operator(extensions.%>) a.word
    where m.tenant_id = tenant and m.deleted_at is null
      and (m.visibility = 'tenant' or m.agent_id = any ((select mayfly_private.own_agent_ids())::uuid[])
        or (select tenant = any (mayfly_private.tenant_ids('memory:admin'))))
      and (m.expires_at is null or m.expires_at > statement_timestamp())
      and (without is null or m.id <> without)
      and (kinds is null or m.kind = any (kinds)) and (having_tags is null or m.tags @> having_tags)
      and (agent is null or m.agent_id = agent) and (min_reward is null or m.reward >= min_reward)
      and (since is null or m.created_at >= since) and (until is null or m.created_at < until)
      and (for_task is null or m.task = for_task) and (session is null or m.session_id = session)
      and (conversation is null or m.conversation_id = conversation)
    group by m.tenant_id, m.id
    order by likeness desc, m.id
    limit depth
  ), either as (
    select coalesce(f.id, l.id) as id, coalesce(f.score, 0) + coalesce(l.sum / l.damping, 0) as score,
      coalesce(f.sum, 0) + coalesce(l.sum, 0) as sum, l.likeness
    from unnest(found_ids, found_scores, found_sums) f (id, score, sum)
    full join like_it l on l.id = f.id
    order by score desc, id
    limit depth
  )
  select array_agg(e.id order by e.score desc, e.id), array_agg(e.score order by e.score desc, e.id),
    array_agg(e.sum order by e.score desc, e.id), array_agg(e.likeness order by e.score desc, e.id)
  into ids, scores, sums, likenesses
  from either e;
  perform set_config('pg_trgm.word_similarity_threshold', threshold, true);
end
$$;

comment on function mayfly_private.find_typos is
  'Adds the memories whose task or tags have nearly the words that nothing has.';

-- What an embedding model is worth unless the caller says otherwise: the weight of its meaning beside the words', and the
-- similarity that two texts have which have nothing to do with each other. Called by mayfly_private.recall.
--
-- The development embedder knows words and their forms, no meaning: on Cranfield, weights of 0.1, 0.25, 0.5 and 1 give nDCG@10 of .530,
-- .529, .523 and .512, and the words alone .529. So it weighs little: it finds what is spelled another way.

create function mayfly_private.model_worth(model text, out meaning real, out unrelated real)
language sql immutable parallel safe
set search_path = ''
return case
  when model like 'mayfly-dev-%' then row(0.1::real, 0.1::real)
  when model like '%gte-small%' then row(1::real, 0.7::real)
  when model like 'text-embedding-3-%' then row(1::real, 0.15::real)
  else row(1::real, 0.3::real)
end;

comment on function mayfly_private.model_worth is 'What an embedding model is worth unless the caller says otherwise.';

-- What memories lend to those that were remembered right before and after them, in the same conversation, or else in the same
-- session: `share` of their relevance to the next, half of that to the one behind it. Gives who gains and how much. Called
-- by mayfly_private.recall with the best 20. Locks nothing.
--
-- On conversations that nothing was tuned on, recall@10 rose from .624 to .688 by it. It takes 0.3 ms.

create function mayfly_private.neighbours_of(
  tenant uuid, threads uuid[], times timestamptz[], lenders uuid[], relevances double precision[], share double precision,
  kinds text[], having_tags text[], agent uuid, min_reward real, since timestamptz,
  until timestamptz, for_task text, session uuid, conversation uuid, without uuid,
  out ids uuid[], out gains double precision[]
)
language plpgsql stable
set search_path = ''
set plan_cache_mode = force_generic_plan
set enable_seqscan = off
set jit = off
as $$
#variable_conflict use_variable
begin
  select array_agg(g.id), array_agg(g.gain) into ids, gains
  from (
    select n.id, sum(share * l.relevance / n.distance) as gain
    from unnest(threads, times, lenders, relevances) l (thread, at, id, relevance)
    cross join lateral (
      (select m.id, row_number() over (order by m.created_at, m.id) as distance
      from mayfly.memories m
      where coalesce(m.conversation_id, m.session_id) = l.thread and (m.created_at, m.id) > (l.at, l.id)
        and m.tenant_id = tenant and m.deleted_at is null
        and (m.visibility = 'tenant' or m.agent_id = any ((select mayfly_private.own_agent_ids())::uuid[])
          or (select tenant = any (mayfly_private.tenant_ids('memory:admin'))))
        and (m.expires_at is null or m.expires_at > statement_timestamp())
        and (without is null or m.id <> without)
        and (kinds is null or m.kind = any (kinds)) and (having_tags is null or m.tags @> having_tags)
        and (agent is null or m.agent_id = agent) and (min_reward is null or m.reward >= min_reward)
        and (since is null or m.created_at >= since) and (until is null or m.created_at < until)
        and (for_task is null or m.task = for_task) and (session is null or m.session_id = session)
        and (conversation is null or m.conversation_id = conversation)
      order by m.created_at, m.id
      limit 2)
      union all
      (select m.id, row_number() over (order by m.created_at desc, m.id desc)
      from mayfly.memories m
      where coalesce(m.conversation_id, m.session_id) = l.thread and (m.created_at, m.id) < (l.at, l.id)
        and m.tenant_id = tenant and m.deleted_at is null
        and (m.visibility = 'tenant' or m.agent_id = any ((select mayfly_private.own_agent_ids())::uuid[])
          or (select tenant = any (mayfly_private.tenant_ids('memory:admin'))))
        and (m.expires_at is null or m.expires_at > statement_timestamp())
        and (without is null or m.id <> without)
        and (kinds is null or m.kind = any (kinds)) and (having_tags is null or m.tags @> having_tags)
        and (agent is null or m.agent_id = agent) and (min_reward is null or m.reward >= min_reward)
        and (since is null or m.created_at >= since) and (until is null or m.created_at < until)
        and (for_task is null or m.task = for_task) and (session is null or m.session_id = session)
        and (conversation is null or m.conversation_id = conversation)
      order by m.created_at desc, m.id desc
      limit 2)
    ) n
    where l.thread is not null
    group by n.id) g;
end
$$;

comment on function mayfly_private.neighbours_of is
  'What memories lend to those that were remembered right before and after them.';

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

create or replace function mayfly_private.pull(since text, page_limit integer)
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
    select coalesce(jsonb_agg(to_jsonb(m) - '{words,words_version}'::text[] order by m.id), '[]') into memory_page
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

-- Applies a push in one transaction, each operation at most once: what was applied before is not
-- applied again and gives its first result. The one door to memories, their vectors and conflicts: as owner,
-- since nobody else may write them. Each statement names the tenant of the caller, and what it changes are
-- memories that the caller sees (mayfly_private.lock_memories). An update among 100,000 memories took 71 ms as
-- the caller, under the policies, and 4.4 ms so. The helpers that it calls are nobody's to call.
--
-- Operation ids are claimed in their own order: in the order of the pushes, two that overlap
-- deadlocked 19 times in 100.

create or replace function mayfly_private.push(push jsonb)
returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  tenant constant uuid := mayfly_private.require_tenant('memory:write');
  caller_id constant uuid := mayfly_private.caller_id();
  by_agent constant boolean := nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'iss' = 'mayfly';
  language constant text := mayfly_private.hold_tenant(tenant);
  long_ago constant timestamptz := now() - mayfly_private.kept();
  -- The least UUIDv7 of that time.
  least_id constant uuid := lpad(to_hex(floor(extract(epoch from long_ago) * 1000)::bigint), 12, '0') || repeat('0', 20);
  embeddings constant extensions.halfvec[] := mayfly_private.check_push(push);
  given record;
  unknown uuid[];
  claimed uuid[];
  written integer;
  changed integer := 0;
  targets uuid[];
  expired integer;
  fresh record;
begin
  select array_agg((o.op ->> 'id')::uuid order by o.n) as ids,
    count(*) filter (where o.op ->> 'type' = 'memory.update') as updates, count(*) filter (where o.op ->> 'type' = 'memory.delete') as deletes,
    array_agg(distinct (o.op -> 'memory' ->> 'agent_id')::uuid) filter (where o.op -> 'memory' ->> 'agent_id' is not null) as agents
  into given
  from jsonb_array_elements(push) with ordinality as o (op, n);

  if given.agents is not null then
    unknown := mayfly_private.unknown_agents(tenant, given.agents);
    if unknown is not null then
      perform mayfly_private.fail(400, 'agent_unknown', format('There is no agent %s.', unknown[1]),
        'Nothing of this push was applied. Leave agent_id out, or name an agent of the tenant.', '{"field": "memory.agent_id"}');
    end if;
  end if;

  with new_ops as (
    insert into mayfly_private.ops (tenant_id, id, result)
    select tenant, (op ->> 'id')::uuid,
      jsonb_build_object('id', op ->> 'id', 'status', 'applied', 'memory', op -> 'memory' ->> 'id')
    from jsonb_array_elements(push) op
    order by 2
    on conflict do nothing
    returning id
  )
  select coalesce(array_agg(id), '{}') into claimed from new_ops;

  -- An operation is known for as long as operations are kept; one that was made before might have been
  -- applied and forgotten. A UUIDv7 says when it was made.
  expired := (select o.n - 1 from jsonb_array_elements(push) with ordinality as o (op, n)
    where (o.op ->> 'id')::uuid < least_id and o.op ->> 'id' like '______________7%' and (o.op ->> 'id')::uuid = any (claimed)
    order by o.n limit 1);
  if expired is not null then
    perform mayfly_private.fail(410, 'op_expired', format('push[%s] was made so long ago that it may have been applied already.', expired),
      'Nothing of this push was applied. Leave the operation out, or make it anew after a look at what is there.',
      jsonb_build_object('index', expired, 'field', 'id'));
  end if;

  select count(*) as puts, array_agg((op -> 'memory' ->> 'id')::uuid) filter (where jsonb_typeof(op -> 'embedding') is distinct from 'array') as bare
  into fresh
  from jsonb_array_elements(push) op
  where op ->> 'type' = 'memory.put' and (op ->> 'id')::uuid = any (claimed);

  with puts as (
    select memory.*
    from jsonb_array_elements(push) op,
      jsonb_to_record(op -> 'memory') as memory (
        id uuid, agent_id uuid, session_id uuid, conversation_id uuid, kind text, task text, input text,
        output text, critique text, reward numeric, success boolean, importance numeric, tags text[],
        metadata jsonb, tokens numeric, latency_ms numeric, visibility text, created_at timestamptz, expires_at timestamptz)
    where op ->> 'type' = 'memory.put' and (op ->> 'id')::uuid = any (claimed)
  )
  insert into mayfly.memories (
    tenant_id, id, agent_id, pushed_by, session_id, conversation_id, kind, task, input, output, critique,
    reward, success, importance, tags, metadata, tokens, latency_ms, visibility, language, created_at, expires_at, words, words_version)
  select tenant, p.id, coalesce(p.agent_id, case when by_agent then caller_id end), caller_id,
    p.session_id, p.conversation_id, coalesce(p.kind, 'episode'), coalesce(p.task, ''), coalesce(p.input, ''),
    coalesce(p.output, ''), coalesce(p.critique, ''), round(p.reward, 6)::real, p.success, coalesce(p.importance, 5),
    coalesce(p.tags, '{}'), case when jsonb_typeof(p.metadata) = 'object' then p.metadata else '{}' end, p.tokens, p.latency_ms, coalesce(p.visibility, 'tenant'),
    language, least(coalesce(p.created_at, now()), now()), p.expires_at,
    mayfly_private.words(language, coalesce(p.task, ''), coalesce(p.tags, '{}'), coalesce(p.input, ''), coalesce(p.output, ''),
      coalesce(p.critique, '')), mayfly_private.words_version()
  from puts p
  order by p.id
  on conflict do nothing;
  get diagnostics written = row_count;

  if written < fresh.puts then
    perform mayfly_private.fail(409, 'memory_exists', 'Another operation has put a memory of one of these ids before.',
      'Nothing of this push was applied. Give each memory an id of its own (UUIDv7).', '{"field": "memory.id"}');
  end if;

  if embeddings is not null then
    insert into mayfly.memory_vectors (tenant_id, model, memory_id, embedding)
    select tenant, o.op ->> 'model', (o.op -> 'memory' ->> 'id')::uuid, o.embedding
    from rows from (jsonb_array_elements(push), unnest(embeddings)) as o (op, embedding)
    where o.op ->> 'type' = 'memory.put' and o.embedding is not null and (o.op ->> 'id')::uuid = any (claimed);
  end if;

  if fresh.bare is not null then
    perform mayfly_private.enqueue_embeddings(tenant, fresh.bare);
  end if;

  if given.updates > 0 or given.deletes > 0 then
    targets := mayfly_private.lock_memories(tenant, array(
      select (op -> 'memory' ->> 'id')::uuid from jsonb_array_elements(push) op
      where op ->> 'type' in ('memory.update', 'memory.delete') and (op ->> 'id')::uuid = any (claimed)));
  end if;
  if given.updates > 0 then
    changed := changed + mayfly_private.apply_updates(tenant, push, claimed, targets, caller_id);
  end if;
  if given.deletes > 0 then
    changed := changed + mayfly_private.apply_deletes(tenant, push, claimed, targets);
  end if;
  -- Those that wrote no memory are kept by their ids all the same; for the others, the meters charge.
  if cardinality(claimed) > fresh.puts + changed then
    perform mayfly_private.charge(tenant, 0, 0, cardinality(claimed) - fresh.puts::integer - changed);
  end if;

  return (
    select coalesce(jsonb_agg(o.result order by pushed.n), '[]')
    from unnest(given.ids) with ordinality as pushed (id, n)
    join mayfly_private.ops o on o.id = pushed.id
    where o.tenant_id = tenant and o.id = any (given.ids));
end
$$;

-- The definer half of mayfly.recall. It resolves tenant and visibility from the token, and the statements that it is made
-- of repeat the policies of mayfly.memories: the operators @@ and && are not leakproof, so under the policies they would
-- never be index conditions (full text on 100,000 rows: 370 ms under the policy, 0.32 ms without). Locks nothing.
--
--   relevance = fused * level                                                                               0 to 1
--   fused     = (words * words' score / the best one's + meaning * likeness / the best one's) / (words + meaning),
--               plus what its neighbours lend it, divided by the best one's
--   level     = how well the best do: (words * fit + meaning * likeness) / (words + meaning)
--   score     = relevance * (1 - reward - importance - recency                                              0 to 1
--                 + reward * its reward + importance * its importance / 10 + recency * its freshness)
--   freshness = 0.5 ^ (age / half-life of its kind);  an unknown reward counts as 0.5
--
-- The words' score and fit: mayfly_private.find_by_words. likeness = 0.99 * (similarity - unrelated) / (1 - unrelated), plus
-- up to 0.01 for what is below: unrelated is what two texts of the model have that have nothing to do with each other. The weights are the caller's: words weigh 1, meaning what
-- mayfly_private.model_worth says, neighbours 0.3, the others 0.1 unless set. Half-lives: mayfly_private.half_life.
-- Fused by scores, not by ranks (reciprocal ranks were .005 to .015 of nDCG@10 behind at every weight): Bruch, Gai and Ingber,
-- "An Analysis of Fusion Functions for Hybrid Retrieval", TOIS 2023.
--
-- One statement each for words, vectors and rows, with plans that are made once a session: to plan one statement for all
-- anew took 2 ms a recall.

create function mayfly_private.recall(
  query text, embedding real[], model text, kinds text[], having_tags text[], agent uuid, min_reward real,
  since timestamptz, result_limit integer, until timestamptz, for_task text, session uuid, conversation uuid,
  similar_to uuid, weights jsonb, half_lives jsonb, surrounding integer, grouped boolean, explain boolean
)
returns table (
  id uuid, agent_id uuid, agent_name text, agent_ended_at timestamptz, kind text, task text, input text, output text,
  critique text, reward real, importance smallint, tags text[], metadata jsonb, created_at timestamptz,
  score real, parts jsonb, duplicates uuid[], surroundings jsonb
)
language plpgsql stable security definer
set search_path = ''
set plan_cache_mode = force_generic_plan
set jit = off
as $$
#variable_conflict use_column
declare
  tenant constant uuid := mayfly_private.require_tenant('memory:read');
  is_filtered constant boolean := num_nonnulls(kinds, having_tags, agent, min_reward, since, until, for_task, session, conversation) > 0;
  depth integer := greatest(50, 2 * result_limit);
  asked_vector extensions.halfvec;
  worth record;
  of_words double precision := coalesce((weights ->> 'words')::double precision, 1);
  of_meaning double precision;
  of_neighbours constant double precision := coalesce((weights ->> 'neighbours')::double precision, 0.3);
  of_reward constant double precision := coalesce((weights ->> 'reward')::double precision, 0.1);
  of_importance constant double precision := coalesce((weights ->> 'importance')::double precision, 0.1);
  of_recency constant double precision := coalesce((weights ->> 'recency')::double precision, 0.1);
  by_words record;
  by_meaning record;
  fused record;
  lent record;
  ranked record;
  places integer[];
  best_likeness double precision;
  level double precision;
begin
  if char_length(query) > 10000 then
    perform mayfly_private.fail(400, 'invalid_request', 'query must have at most 10000 characters.', null, '{"field": "query"}');
  elsif coalesce(query, '') = '' and embedding is null and similar_to is null then
    perform mayfly_private.fail(400, 'invalid_request', 'A recall needs a query, an embedding or similar_to.', null, '{"field": "query"}');
  elsif cardinality(embedding) <> 384 then
    perform mayfly_private.fail(400, 'invalid_request', 'embedding must have 384 numbers.', null, '{"field": "embedding"}');
  elsif embedding is not null and coalesce(model, '') = '' then
    perform mayfly_private.fail(400, 'invalid_request', 'An embedding needs the name of its model.', null, '{"field": "model"}');
  elsif result_limit is null or result_limit not between 1 and 100 then
    perform mayfly_private.fail(400, 'invalid_request', 'limit must be 1 to 100.', null, '{"field": "limit"}');
  elsif surrounding is null or surrounding not between 0 and 5 then
    perform mayfly_private.fail(400, 'invalid_request', 'surrounding must be 0 to 5.', null, '{"field": "surrounding"}');
  end if;
  if weights is not null or half_lives is not null then
    perform mayfly_private.check_weights(weights, half_lives);
  end if;

  if embedding is not null then
    asked_vector := embedding::extensions.halfvec;
    if extensions.l2_norm(asked_vector) = 0 then
      perform mayfly_private.fail(400, 'invalid_request', 'embedding must have a number other than 0.',
        'Without one it points nowhere, and is like nothing.', '{"field": "embedding"}');
    end if;
  end if;
  if similar_to is not null then
    -- By its vector (of the model that is named, if one is) and by its labels, unless something else is asked.
    select coalesce(nullif(query, ''), left(mayfly_private.labels(m.task, m.tags), 10000)),
      coalesce(asked_vector, v.embedding), case when asked_vector is null then v.model else recall.model end
    into query, asked_vector, model
    from mayfly.memories m
    left join mayfly.memory_vectors v on v.tenant_id = m.tenant_id and v.memory_id = m.id
      and (recall.model is null or v.model = recall.model)
    where m.tenant_id = tenant and m.id = similar_to and m.deleted_at is null
      and (m.visibility = 'tenant' or m.agent_id = any ((select mayfly_private.own_agent_ids())::uuid[])
        or (select tenant = any (mayfly_private.tenant_ids('memory:admin'))))
    order by v.model
    limit 1;
    if not found then
      perform mayfly_private.fail(404, 'memory_unknown', 'There is no memory of this id, or not for this caller.', null,
        '{"field": "similar_to"}');
    end if;
  end if;
  if coalesce(query, '') = '' then
    of_words := 0;
  end if;
  select * into worth from mayfly_private.model_worth(model);
  of_meaning := case when asked_vector is null then 0 else coalesce((weights ->> 'meaning')::double precision, worth.meaning) end;

  select null::uuid[] as ids into ranked;
  loop
    -- Unassigned, a record has no fields.
    select null::uuid[] as ids, null::double precision[] as scores, null::double precision[] as fits,
      null::double precision[] as likenesses, null::jsonb as report into by_words;
    select null::uuid[] as ids, null::double precision[] as similarities into by_meaning;
    if of_words > 0 then
      select * into by_words from mayfly_private.find_by_words(tenant, query, depth, result_limit,
        kinds, having_tags, agent, min_reward, since, until, for_task, session, conversation, similar_to);
    end if;
    if of_meaning > 0 then
      -- Of the nearest fewer, where none is filtered out: 50 of 10,000 vectors among 110,000 took HNSW three times
      -- as long as 20. Some of them will not pass a filter.
      select * into by_meaning from mayfly_private.find_by_meaning(tenant, model, asked_vector,
        case when is_filtered then greatest(1000, depth) when depth > 200 then depth else greatest(20, 2 * result_limit) end, depth, result_limit,
        kinds, having_tags, agent, min_reward, since, until, for_task, session, conversation, similar_to);
      best_likeness := 0.01 * least(1, by_meaning.similarities[1] / worth.unrelated) + 0.99 * greatest(0, by_meaning.similarities[1] - worth.unrelated) / (1 - worth.unrelated);
    end if;
    exit when by_words.ids is null and by_meaning.ids is null;
    level := (of_words * coalesce((select max(f) from unnest(by_words.fits) f), 0) + of_meaning * coalesce(best_likeness, 0)) / (of_words + of_meaning);

    select array_agg(f.id) as ids, array_agg(f.relevance) as relevances, array_agg(f.thread) as threads, array_agg(f.created_at) as times
    into fused
    from (
      select f.id, f.relevance, coalesce(m.conversation_id, m.session_id) as thread, m.created_at
      from (
        select either.id, sum(either.share) as relevance
        from (
          select w.id, of_words / (of_words + of_meaning) * w.score / by_words.scores[1] as share
          from unnest(by_words.ids, by_words.scores) w (id, score)
          union all
          select v.id, of_meaning / (of_words + of_meaning) * (0.01 * least(1, v.similarity / worth.unrelated)
            + 0.99 * greatest(0, v.similarity - worth.unrelated) / (1 - worth.unrelated)) / best_likeness
          from unnest(by_meaning.ids, by_meaning.similarities) v (id, similarity)
        ) either
        group by either.id
        order by relevance desc, either.id
        limit depth
      ) f
      cross join lateral (select * from mayfly.memories m where m.tenant_id = tenant and m.id = f.id offset 0) m
      order by f.relevance desc, f.id
    ) f;
    if of_neighbours > 0 and num_nonnulls(variadic fused.threads[1:20]) > 0 then
      select * into lent from mayfly_private.neighbours_of(tenant, fused.threads[1:20], fused.times[1:20], fused.ids[1:20],
        fused.relevances[1:20], of_neighbours,
        kinds, having_tags, agent, min_reward, since, until, for_task, session, conversation, similar_to);
    else
      select null::uuid[] as ids, null::double precision[] as gains into lent;
    end if;

    select array_agg(s.id) as ids, array_agg(s.score) as scores, array_agg(s.relevance) as relevances, array_agg(s.gain) as gains,
      array_agg(s.recency) as recencies
    into ranked
    from (
      select r.id, r.relevance, r.gain, f.recency,
        r.relevance * (1 - of_reward - of_importance - of_recency
          + of_reward * coalesce(m.reward, 0.5) + of_importance * m.importance / 10 + of_recency * f.recency) as score
      from (
        select g.id, level * sum(g.relevance) / max(sum(g.relevance)) over () as relevance,
          level * sum(g.gain) / max(sum(g.relevance)) over () as gain
        from (
          select b.id, b.relevance, null::double precision as gain from unnest(fused.ids, fused.relevances) b (id, relevance)
          union all
          select n.id, n.gain, n.gain from unnest(lent.ids, lent.gains) n (id, gain)
        ) g
        group by g.id
      ) r
      cross join lateral (select * from mayfly.memories m where m.tenant_id = tenant and m.id = r.id offset 0) m
      -- A hundred half-lives are as good as forever; a thousand, half of them squared, underflow, which is an error.
      cross join lateral (select 0.5 ^ least(100, greatest(extract(epoch from statement_timestamp() - m.created_at), 0)::double precision
        / 86400 / mayfly_private.half_life(m.kind, half_lives)) as recency offset 0) f
      order by score desc, r.id
      limit 3 * result_limit
    ) s;
    places := case when grouped then mayfly_private.duplicates_among(tenant, ranked.ids) end;
    -- What says the same filled the list: look further, once.
    exit when not grouped or depth > 200 or cardinality(ranked.ids) < result_limit
      or (select count(distinct p) from unnest(places) p) >= result_limit;
    depth := 1000;
  end loop;
  if ranked.ids is null then
    return;
  end if;

  return query
  select m.id, m.agent_id, a.name, coalesce(a.stopped_at, case when a.expires_at <= statement_timestamp() then a.expires_at end),
    m.kind, m.task, m.input, m.output, m.critique, m.reward, m.importance, m.tags, m.metadata, m.created_at, s.score::real,
    jsonb_build_object(
      'words_rank', w.n, 'words', w.score::real, 'fit', w.fit::real, 'typos', w.likeness::real,
      'vector_rank', v.n, 'similarity', v.similarity::real, 'neighbours', s.gain::real, 'relevance', s.relevance::real,
      'reward', coalesce(m.reward, 0.5), 'importance', m.importance, 'recency', s.recency::real)
      || case when explain then jsonb_build_object('weights', jsonb_build_object('words', of_words, 'meaning', of_meaning,
          'neighbours', of_neighbours, 'reward', of_reward, 'importance', of_importance, 'recency', of_recency), 'level', level::real)
        || coalesce(jsonb_build_object('asked', by_words.report), '{}') else '{}' end,
    coalesce(s.others, '{}'), case when surrounding > 0 then mayfly_private.surroundings_of(tenant, m.id, surrounding) end
  from (
    select r.n, r.id, r.score, r.relevance, r.gain, r.recency,
      case when grouped then array(
        select o.id from unnest(ranked.ids, places) with ordinality as o (id, place, n) where o.place = r.n and o.n <> r.n order by o.n) end as others
    from unnest(ranked.ids, ranked.scores, ranked.relevances, ranked.gains, ranked.recencies, places)
      with ordinality as r (id, score, relevance, gain, recency, place, n)
    where not grouped or r.place = r.n
    order by r.n
    limit result_limit
  ) s
  cross join lateral (select * from mayfly.memories m where m.tenant_id = tenant and m.id = s.id offset 0) m
  left join mayfly.agents a on a.tenant_id = tenant and a.id = m.agent_id
  left join unnest(by_words.ids, by_words.scores, by_words.fits, by_words.likenesses) with ordinality as w (id, score, fit, likeness, n) on w.id = s.id
  left join unnest(by_meaning.ids, by_meaning.similarities) with ordinality as v (id, similarity, n) on v.id = s.id
  order by s.n;
end
$$;

comment on function mayfly_private.recall
  is 'The best memories for a question.';

grant execute on function mayfly_private.recall
  to authenticated, service_role;

-- The memories that answer a question best, by words and by meaning, or those that are like one of them
-- (similar_to). Called by the query function as whoever calls it. Every row comes with its score taken
-- apart; mayfly_private.recall has the formula.
--
--   kinds, having_tags (all of them), agent, min_reward, since, until (excluded), for_task (the same
--   text), session and conversation narrow it.
--   weights      {"words": 1, "meaning": 1, "neighbours": 0.3, "reward": 0.1, "importance": 0.1, "recency": 0.1}: the first two
--                0 to 100, the others 0 to 1, the last three at most 1 together; meaning is what its model is worth unless set
--   half_lives   days by kind, such as {"fact": 365}; mayfly_private.half_life has the defaults
--   surrounding  how many memories before and after each hit come with it, 0 to 5, from its conversation or session
--   grouped      near duplicates are one result, with the others' ids; false gives each of them
--   explain      parts also hold the weights, and the words that were asked for with their rarity

create function mayfly.recall(
  query text default null,
  embedding real[] default null,
  model text default null,
  kinds text[] default null,
  having_tags text[] default null,
  agent uuid default null,
  min_reward real default null,
  since timestamptz default null,
  result_limit integer default 10,
  until timestamptz default null,
  for_task text default null,
  session uuid default null,
  conversation uuid default null,
  similar_to uuid default null,
  weights jsonb default null,
  half_lives jsonb default null,
  surrounding integer default 0,
  grouped boolean default true,
  explain boolean default false
)
returns table (
  id uuid, agent_id uuid, agent_name text, agent_ended_at timestamptz, kind text, task text, input text, output text,
  critique text, reward real, importance smallint, tags text[], metadata jsonb, created_at timestamptz,
  score real, parts jsonb, duplicates uuid[], surroundings jsonb
)
language sql stable
set search_path = ''
begin atomic
  select * from mayfly_private.recall(query, embedding, model, kinds, having_tags, agent, min_reward, since, result_limit,
    until, for_task, session, conversation, similar_to, weights, half_lives, surrounding, grouped, explain);
end;

comment on function mayfly.recall is
  'The best memories for a question, by words and, with an embedding, by meaning; or those that are like one of them.';

grant execute on function mayfly.recall
  to authenticated, service_role;

-- What a recall of the caller looks through: how many memories it may see, and how many of them have a vector of a model.
-- Counted one by one in a tenant of up to 2,000; beyond that about, by the tenant's sample and the settled vectors, since a
-- count would take longer than the recall. Called by the query function beside mayfly.recall. Locks nothing.

create function mayfly_private.recall_scope(model text)
returns jsonb
language plpgsql stable security definer
set search_path = ''
set plan_cache_mode = force_generic_plan
set jit = off
as $$
#variable_conflict use_column
declare
  tenant constant uuid := mayfly_private.require_tenant('memory:read');
  stored constant bigint := (select coalesce(sum(u.memories), 0) from mayfly_private.tenant_usage u where u.tenant_id = tenant);
  memories bigint;
  vectors bigint;
begin
  if stored <= 2000 then
    select count(*), count(v.memory_id) into memories, vectors
    from mayfly.memories m
    left join mayfly.memory_vectors v on v.tenant_id = tenant and v.model = recall_scope.model and v.memory_id = m.id
    where m.tenant_id = tenant and m.deleted_at is null and (m.expires_at is null or m.expires_at > statement_timestamp())
      and (m.visibility = 'tenant' or m.agent_id = any ((select mayfly_private.own_agent_ids())::uuid[])
        or (select tenant = any (mayfly_private.tenant_ids('memory:admin'))));
  else
    memories := coalesce((select s.memories from mayfly_private.word_samples s where s.tenant_id = tenant), stored);
    select s.vectors + (
      select count(*) from mayfly.memory_vectors v
      where not v.settled and case when not v.settled then v.tenant_id end = tenant and v.model = recall_scope.model)
    into vectors
    from mayfly_private.settlements s
    where s.tenant_id = tenant and s.model = recall_scope.model;
    if vectors is null then
      vectors := (select count(*) from mayfly.memory_vectors v where v.tenant_id = tenant and v.model = recall_scope.model);
    end if;
    vectors := least(vectors, memories);
  end if;
  return jsonb_build_object('memories', memories, 'with_vector', vectors, 'exact', stored <= 2000);
end
$$;

comment on function mayfly_private.recall_scope is 'What a recall of the caller looks through.';

grant execute on function mayfly_private.recall_scope to authenticated, service_role;

create function mayfly.recall_scope(model text default null)
returns jsonb
language sql stable
set search_path = ''
return mayfly_private.recall_scope(model);

comment on function mayfly.recall_scope is
  'What a recall looks through: { memories, with_vector, exact }. Beyond 2,000 memories both are about, and exact is false.';

grant execute on function mayfly.recall_scope to authenticated, service_role;

-- A text as it is parsed into words, of a memory and of a question alike, so that what only looks different is
-- the same: full width and ligatures (NFKC), marks apart from their letters, vowel marks of Arabic and Hebrew,
-- soft hyphens, and characters without width. Scripts without blanks between words (Chinese, Japanese, Thai and their
-- like) and Korean, whose endings stick to its words, become overlapping pairs of letters. Identifiers stay, and
-- their parts come behind the text: camelCase, HTTPServer, node.js, paths. C++ is cplusplus, C# is csharp.
-- Locks nothing.
--
-- < and > become blanks, or the parser drops <staging> and Promise<RecallAnswer> as tags. The parser takes
-- 5e8f1c for a number and a word; a hash that begins so is also there with an x before it.
-- What asks for none of this passes with 30 µs a KB. sdk/src/memory/searched.ts does the same for the local search.

create function mayfly_private.searched(content text)
returns text
language plpgsql immutable parallel safe
set search_path = ''
as $$
declare
  searched text := replace(replace(content, '<', ' '), '>', ' ');
  parts text;
begin
  if octet_length(searched) > char_length(searched) then
    -- To ask whether a text is normalised took ten times as long as to look for what is not.
    if searched ~ U&'[\00A0\00AA\00AD\00B2\00B3\00B5\00B9-\00BE\0300-\036F\0591-\05C7\0610-\061A\0622-\0625\0640\064B-\065F\0670\0671\093C\1100-\11FF\1D2C-\1D7F\2000-\200F\2028-\202F\205F-\208E\2100-\2149\2160-\217F\2460-\24FF\3000\3099\309A\3131-\318E\3200-\33FF\F900-\FAFF\FB00-\FBFF\FD3E-\FEFF\FF00-\FFEF\+01D400-\+01D7FF]' then
      searched := translate(normalize(translate(searched, U&'\00AD\200B\200C\200D\200E\200F\2060\FEFF\0640', ''), NFKC), U&'\0622\0623\0625\0671', U&'\0627\0627\0627\0627');
      searched := regexp_replace(searched, U&'[\0300-\036F\0591-\05BD\05BF\05C1\05C2\05C4\05C5\05C7\0610-\061A\064B-\065F\0670\FE00-\FE0F]+', '', 'g');
    end if;
    if searched ~ U&'[\0E01-\0E30\0E32\0E33\0E40-\0E46\0E81-\0EB0\0EB2\0EB3\0EBD-\0EC6\0EDC-\0EDF\1000-\102A\103F\1050-\1055\1780-\17B3\3005-\3007\3041-\3096\309D-\30FF\3400-\4DBF\4E00-\9FFF\AC00-\D7AF\F900-\FAFF\+020000-\+03FFFF]' then
      searched := regexp_replace(searched, U&'((?:[\0E01-\0E30\0E32\0E33\0E40-\0E46\0E81-\0EB0\0EB2\0EB3\0EBD-\0EC6\0EDC-\0EDF\1000-\102A\103F\1050-\1055\1780-\17B3\3005-\3007\3041-\3096\309D-\30FF\3400-\4DBF\4E00-\9FFF\AC00-\D7AF\F900-\FAFF\+020000-\+03FFFF][\0E31\0E34-\0E3A\0E47-\0E4E\0EB1\0EB4-\0EBC\0EC8-\0ECE\102B-\103E\17B4-\17D3]*){1,2})', ' \1 ', 'g')
        -- The other pairs: without the first letter of each run.
        || regexp_replace(regexp_replace(searched, U&'(?:^|[^\0E01-\0E30\0E32\0E33\0E40-\0E46\0E81-\0EB0\0EB2\0EB3\0EBD-\0EC6\0EDC-\0EDF\1000-\102A\103F\1050-\1055\1780-\17B3\3005-\3007\3041-\3096\309D-\30FF\3400-\4DBF\4E00-\9FFF\AC00-\D7AF\F900-\FAFF\+020000-\+03FFFF\0E31\0E34-\0E3A\0E47-\0E4E\0EB1\0EB4-\0EBC\0EC8-\0ECE\102B-\103E\17B4-\17D3]+)(?:[\0E01-\0E30\0E32\0E33\0E40-\0E46\0E81-\0EB0\0EB2\0EB3\0EBD-\0EC6\0EDC-\0EDF\1000-\102A\103F\1050-\1055\1780-\17B3\3005-\3007\3041-\3096\309D-\30FF\3400-\4DBF\4E00-\9FFF\AC00-\D7AF\F900-\FAFF\+020000-\+03FFFF][\0E31\0E34-\0E3A\0E47-\0E4E\0EB1\0EB4-\0EBC\0EC8-\0ECE\102B-\103E\17B4-\17D3]*)?', ' ', 'g'),
          U&'((?:[\0E01-\0E30\0E32\0E33\0E40-\0E46\0E81-\0EB0\0EB2\0EB3\0EBD-\0EC6\0EDC-\0EDF\1000-\102A\103F\1050-\1055\1780-\17B3\3005-\3007\3041-\3096\309D-\30FF\3400-\4DBF\4E00-\9FFF\AC00-\D7AF\F900-\FAFF\+020000-\+03FFFF][\0E31\0E34-\0E3A\0E47-\0E4E\0EB1\0EB4-\0EBC\0EC8-\0ECE\102B-\103E\17B4-\17D3]*){1,2})', '\1 ', 'g');
    end if;
  end if;
  if strpos(searched, '++') > 0 then
    searched := regexp_replace(searched, '([A-Za-z])\+\+', '\1plusplus ', 'g');
  end if;
  if strpos(searched, '#') > 0 then
    searched := regexp_replace(searched, '\m([CcFf])#', '\1sharp ', 'g');
  end if;
  parts := (
    select string_agg(found.it[1], ' ')
    from regexp_matches(searched,
      '([A-Za-z0-9_]*(?:[a-z0-9][A-Z]|[A-Z]{2}[a-z])[A-Za-z0-9_./\\:@]*|[A-Za-z0-9_]+(?:[./\\:@][A-Za-z0-9_]+)+|[0-9]+e[0-9]+[a-z][a-z0-9]*)', 'g') found (it));
  if parts is null then
    return searched;
  end if;
  return searched || ' ' || regexp_replace(regexp_replace(regexp_replace(regexp_replace(parts,
    '([a-z0-9])([A-Z])', '\1 \2', 'g'), '([A-Z])([A-Z][a-z]{2})', '\1 \2', 'g'), '[./\\:@]+', ' ', 'g'),
    '\m([0-9]+e[0-9]+[a-z])', 'x\1', 'g');
end
$$;

comment on function mayfly_private.searched is 'A text as it is parsed into words.';

-- What was remembered right before and after a memory, in the same conversation, or else in the same session, in that order,
-- with `place` from -1 backwards and from 1 on; of each text the first 2,000 characters. Called by
-- mayfly_private.recall. Locks nothing.

create function mayfly_private.surroundings_of(tenant uuid, memory uuid, reach integer)
returns jsonb
language plpgsql stable
set search_path = ''
set plan_cache_mode = force_generic_plan
set jit = off
as $$
begin
  return (
    with hit as materialized (
      select coalesce(m.conversation_id, m.session_id) as thread, m.created_at, m.id
      from mayfly.memories m where m.tenant_id = tenant and m.id = memory
    )
    select coalesce(jsonb_agg(jsonb_build_object('place', n.place, 'id', n.id, 'kind', n.kind, 'task', n.task,
      'input', left(n.input, 2000), 'output', left(n.output, 2000), 'agent_id', n.agent_id, 'created_at', n.created_at) order by n.place), '[]')
    from (
      (select m.*, row_number() over (order by m.created_at, m.id) as place
      from hit h
      join mayfly.memories m on m.tenant_id = tenant and coalesce(m.conversation_id, m.session_id) = h.thread
        and (m.created_at, m.id) > (h.created_at, h.id)
      where m.deleted_at is null and (m.expires_at is null or m.expires_at > statement_timestamp())
        and (m.visibility = 'tenant' or m.agent_id = any ((select mayfly_private.own_agent_ids())::uuid[])
          or (select tenant = any (mayfly_private.tenant_ids('memory:admin'))))
      order by m.created_at, m.id
      limit reach)
      union all
      (select m.*, -row_number() over (order by m.created_at desc, m.id desc)
      from hit h
      join mayfly.memories m on m.tenant_id = tenant and coalesce(m.conversation_id, m.session_id) = h.thread
        and (m.created_at, m.id) < (h.created_at, h.id)
      where m.deleted_at is null and (m.expires_at is null or m.expires_at > statement_timestamp())
        and (m.visibility = 'tenant' or m.agent_id = any ((select mayfly_private.own_agent_ids())::uuid[])
          or (select tenant = any (mayfly_private.tenant_ids('memory:admin'))))
      order by m.created_at desc, m.id desc
      limit reach)
    ) n);
end
$$;

comment on function mayfly_private.surroundings_of is 'What was remembered right before and after a memory.';

-- An immutable choice over listed languages, so that the search words of a memory depend on nothing but the memory.

create or replace function mayfly_private.text_search_config(language text)
returns regconfig
language sql immutable parallel safe
set search_path = ''
return case language
  when 'simple' then 'mayfly_private.simple'::regconfig
  when 'arabic' then 'mayfly_private.arabic'::regconfig
  when 'danish' then 'mayfly_private.danish'::regconfig
  when 'dutch' then 'mayfly_private.dutch'::regconfig
  when 'finnish' then 'mayfly_private.finnish'::regconfig
  when 'french' then 'mayfly_private.french'::regconfig
  when 'german' then 'mayfly_private.german'::regconfig
  when 'hungarian' then 'mayfly_private.hungarian'::regconfig
  when 'indonesian' then 'mayfly_private.indonesian'::regconfig
  when 'italian' then 'mayfly_private.italian'::regconfig
  when 'norwegian' then 'mayfly_private.norwegian'::regconfig
  when 'portuguese' then 'mayfly_private.portuguese'::regconfig
  when 'romanian' then 'mayfly_private.romanian'::regconfig
  when 'russian' then 'mayfly_private.russian'::regconfig
  when 'spanish' then 'mayfly_private.spanish'::regconfig
  when 'swedish' then 'mayfly_private.swedish'::regconfig
  when 'turkish' then 'mayfly_private.turkish'::regconfig
  else 'mayfly_private.english'::regconfig
end;

-- The search words of a memory: task and tags weigh A, input and output B, the critique C. Each weight is parsed
-- once, and only where it has a text: for 1 KB of prose 180 µs, where one to_tsvector takes 130. Called by what
-- writes memories and by maintenance, which brings older rows up to mayfly_private.words_version().
-- Locks nothing.
--
-- A tsvector holds 1 MB. Hardly a text comes near; one that does is cut in half until it fits, so that it is found
-- by its beginning.

create or replace function mayfly_private.words(
  language text, task text, tags text[], input text, output text, critique text
)
returns tsvector
language plpgsql immutable parallel safe
set search_path = ''
as $$
declare
  config constant regconfig := mayfly_private.text_search_config(language);
  body text := case when output = '' then input when input = '' then output else input || E'\n' || output end;
  found tsvector;
begin
  -- Of what is shorter, all words and their places take less than that; an exception block costs a subtransaction.
  if octet_length(body) < 100000 then
    found := setweight(to_tsvector(config, mayfly_private.searched(body)), 'B');
  else
    loop
      begin
        found := setweight(to_tsvector(config, mayfly_private.searched(body)), 'B');
        exit;
      exception when program_limit_exceeded then
        body := left(body, char_length(body) / 2);
      end;
    end loop;
  end if;
  if task <> '' or tags <> '{}' then
    found := setweight(to_tsvector(config, mayfly_private.searched(mayfly_private.labels(task, tags))), 'A') || found;
  end if;
  if critique <> '' then
    found := found || setweight(to_tsvector(config, mayfly_private.searched(critique)), 'C');
  end if;
  return found;
end
$$;

-- The words of a question as searches, the rarest first: at most 12, with in how many of the sampled memories each
-- stands (0.5 for one that the sample does not have; null in a small tenant, whose words are counted while it is searched).
-- What looks like the beginning of a hash, and a letter of a script of pairs that stands alone, are found as prefixes.
-- Called by mayfly_private.find_by_words. Locks nothing.
--
-- Rows that maintenance has not come to yet have their accents: words with an accent are asked for in both forms.
-- Prefixes of every word lost .025 of nDCG@10 on Cranfield.

create function mayfly_private.words_of_question(
  tenant uuid, language text, question text, out words text[], out terms tsquery[], out counts real[], out phrase tsquery
)
language plpgsql stable
set search_path = ''
set plan_cache_mode = force_generic_plan
as $$
#variable_conflict use_variable
declare
  config constant regconfig := mayfly_private.text_search_config(language);
  asked constant tsvector := to_tsvector(config, mayfly_private.searched(question));
  plain tsvector := '';
  is_sampled constant boolean := exists (select from mayfly_private.word_samples s where s.tenant_id = tenant);
  quoted text;
  of_quoted tsquery;
begin
  if octet_length(question) > char_length(question) then
    plain := to_tsvector(('pg_catalog.' || split_part(config::text, '.', 2))::regconfig, question);
  end if;
  select array_agg(a.word), array_agg(a.term), array_agg(a.count) into words, terms, counts
  from (
    select w.word,
      ('''' || replace(replace(w.word, '\', '\\'), '''', '''''') || ''''
        || case when (w.word ~ '^(?=.*[0-9])(?=.*[a-f])[0-9a-f]{4,}$' or w.word ~ '^[0-9]{6,}$' or w.word ~ '^x[0-9]+e[0-9a-f]+$'
            or octet_length(w.word) > 1 and char_length(w.word) = 1) then ':*' else '' end)::tsquery as term,
      case when is_sampled then coalesce((
        select f.memories from mayfly_private.word_frequencies f where f.tenant_id = tenant and f.word = w.word), 0.5)
      end::real as count
    from unnest(tsvector_to_array(case when plain = '' then asked else asked || plain end)) w (word)
    -- A letter at the end of a run of pairs says nothing that its pair does not say.
    where not (octet_length(w.word) > 1 and char_length(w.word) = 1 and length(asked) > 1)
    order by count, char_length(w.word) desc, w.word collate "C"
    limit 12) a;
  for quoted in select q[1] from regexp_matches(question, U&'["\201C\201E\00AB]([^"\201C-\201F\00AB\00BB]+)["\201C\201D\00BB]', 'g') q limit 3 loop
    of_quoted := phraseto_tsquery(config, translate(normalize(quoted, NFKC), '<>', '  '));
    -- Of a script of pairs, the pairs.
    if numnode(of_quoted) > 0 and mayfly_private.searched(quoted) ~ '^ ' then
      of_quoted := plainto_tsquery(config, mayfly_private.searched(quoted));
    end if;
    if numnode(of_quoted) > 1 then
      phrase := case when phrase is null then of_quoted else phrase && of_quoted end;
    end if;
  end loop;
end
$$;

comment on function mayfly_private.words_of_question is 'The words of a question as searches, the rarest first.';

-- Which version of mayfly_private.words the memories of today are written with. Rows with another are written again by
-- maintenance, in batches, and found by their old words until then. Raise it with every change of words, searched or
-- a text search configuration.

create function mayfly_private.words_version()
returns smallint
language sql immutable parallel safe
set search_path = ''
return 2::smallint;

comment on function mayfly_private.words_version is 'The version of the search words that are written today.';

-- In how many of a tenant's sampled memories a word stands: what recall weighs the words of a question by. Only
-- of memories that the whole tenant may read, and of no other tenant, so that neither a score nor an order tells of what the
-- caller may not see. Written by mayfly_private.sample_words. About 2,300 rows of 100 bytes for a tenant.

create table mayfly_private.word_frequencies (
  tenant_id uuid not null,
  word text collate "C" not null,
  memories integer not null,
  constraint word_frequencies_pkey primary key (tenant_id, word),
  constraint word_frequencies_sample_fkey foreign key (tenant_id)
    references mayfly_private.word_samples (tenant_id) on delete cascade
);

comment on table mayfly_private.word_frequencies is 'In how many of a tenant''s sampled memories a word stands; those that stand in one alone are left out.';

alter table mayfly_private.word_frequencies enable row level security;

-- The search words of a row whose content somebody writes without them: an update, a delete, a restore, a hand in the SQL
-- editor. A push writes them itself, which costs a row 10 µs less. Runs inside the statement that writes.

create function mayfly_private.write_words()
returns trigger
language plpgsql
set search_path = ''
as $$
begin
  new.words := mayfly_private.words(new.language, new.task, new.tags, new.input, new.output, new.critique);
  new.words_version := mayfly_private.words_version();
  return new;
end
$$;

comment on function mayfly_private.write_words is 'Trigger: writes the search words of a memory.';

create trigger memories_words_insert before insert on mayfly.memories
  for each row when (new.words_version = 0) execute function mayfly_private.write_words();

create trigger memories_words_update before update on mayfly.memories
  for each row when ((old.task, old.tags, old.input, old.output, old.critique, old.language)
    is distinct from (new.task, new.tags, new.input, new.output, new.critique, new.language))
  execute function mayfly_private.write_words();

-- The scopes of this room.

insert into mayfly.scopes (name, description, roles, agents, by_default) values
  ('message:read', 'Have an inbox, read channels, and the messages that one sent or received.', '{viewer,member,admin,owner}', true, true),
  ('message:send', 'Send messages, publish in channels.', '{member,admin,owner}', true, true),
  ('message:admin', 'Read every message, and listen to every inbox.', '{admin,owner}', true, false)
on conflict (name) do update
set description = excluded.description, roles = excluded.roles, agents = excluded.agents, by_default = excluded.by_default;

-- What the rows of this room's tables are charged, in bytes.

insert into mayfly_private.charges (relation, bytes) values
  ('mayfly.messages', 'r.bytes'),
  ('mayfly.deliveries', '160')
on conflict (relation) do update set bytes = excluded.bytes;

insert into mayfly_private.charges (relation, bounded_by) values
  ('mayfly.inboxes', 'one row an agent or person')
on conflict (relation) do update set bounded_by = excluded.bounded_by;

-- One batch of a tenant's old messages: those that every recipient has acknowledged, or whose deadline has
-- passed, after the tenant's messages_kept; all others, and those in channels, after the project's kept.
-- Their deliveries go with them. Looks at max_rows, on from where the last batch stopped. `more` is
-- true until the walk has come to its end. A chore, called by maintain_tenant under its lock.

create function mayfly_private.maintain_messages(tenant uuid, max_rows integer)
returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  long_ago constant timestamptz := clock_timestamp() - mayfly_private.kept();
  handled_before constant timestamptz := clock_timestamp() - (select t.messages_kept from mayfly.tenants t where t.id = tenant);
  walked uuid[];
  last_sent timestamptz;
  last_id uuid;
  spent uuid[];
begin
  select array_agg(w.id order by w.sent_at, w.id), max(w.sent_at) into walked, last_sent
  from (
    select m.id, m.sent_at
    from mayfly_private.maintenance s, mayfly.messages m
    where s.tenant_id = tenant and m.tenant_id = tenant
      and (m.sent_at, m.id) > (s.messages_to, s.messages_to_id) and m.sent_at < greatest(handled_before, long_ago)
    order by m.sent_at, m.id
    limit max_rows
  ) w;
  last_id := walked[cardinality(walked)];

  spent := array(
    select m.id from mayfly.messages m
    where m.tenant_id = tenant and m.id = any (walked)
      and (m.sent_at < long_ago
        or (m.channel_id is null and m.sent_at < handled_before
          and (m.deadline < clock_timestamp() or not exists (select from mayfly.deliveries d
            where d.tenant_id = m.tenant_id and d.message_id = m.id and d.acknowledged_at is null)))));
  -- All at once: with each message by itself, each would be given back by itself.
  delete from mayfly.deliveries d where d.tenant_id = tenant and d.message_id = any (spent);
  delete from mayfly.messages m where m.tenant_id = tenant and m.id = any (spent);

  update mayfly_private.maintenance s
  set messages_to = case when cardinality(walked) = max_rows then last_sent else '-infinity' end,
    messages_to_id = coalesce(last_id, s.messages_to_id)
  where s.tenant_id = tenant;
  return jsonb_build_object('more', coalesce(cardinality(walked), 0) = max_rows);
end
$$;

comment on function mayfly_private.maintain_messages is 'One batch of a tenants old messages.';

-- What maintenance does in this room.

insert into mayfly_private.chores (name, work) values
  ('messages', 'mayfly_private.maintain_messages(uuid, integer)')
on conflict (name) do update set work = excluded.work;

-- The scopes of this room.

-- Broadcasts of clients count against the project's rate, past every quota: an agent must ask for channel:broadcast.

insert into mayfly.scopes (name, description, roles, agents, by_default) values
  ('channel:write', 'Create channels, change and delete one''s own.', '{member,admin,owner}', true, false),
  ('channel:broadcast', 'Broadcast in channels what is kept nowhere, past every quota. Not among an agent''s default scopes.', '{member,admin,owner}', true, false)
on conflict (name) do update
set description = excluded.description, roles = excluded.roles, agents = excluded.agents, by_default = excluded.by_default;

-- What the rows of this room's tables are charged, in bytes.

insert into mayfly_private.charges (relation, flat, written, lenient) values
  ('mayfly.channels', 256, '{name,description,publishers}', false),
  ('mayfly.channel_subscriptions', 256, '{}', false)
on conflict (relation) do update set flat = excluded.flat, written = excluded.written, lenient = excluded.lenient;

-- tenant:{t}:channel:{c}, the messages of a channel, by its name: read by anyone who may read the channel, sent by the
-- database alone.

create function mayfly_private.may_use_channel_topic(tenant uuid, part text, extension text, sending boolean)
returns boolean
language plpgsql stable security definer
set search_path = ''
as $$
begin
  return not sending and extension = 'broadcast' and exists (
    select from mayfly.channels c
    where c.tenant_id = tenant and c.name = part and c.id = any (mayfly_private.readable_channel_ids()));
end
$$;

comment on function mayfly_private.may_use_channel_topic is 'Whether the caller may use the topic "channel" of a tenant.';

-- tenant:{t}:broadcast:{c}, what is broadcast in a channel and kept nowhere: read by anyone who may read the channel,
-- sent by those who may publish in it and have channel:broadcast. It is apart from the channel's messages, so that
-- nobody can pass a broadcast off as one.

create function mayfly_private.may_use_broadcast_topic(tenant uuid, part text, extension text, sending boolean)
returns boolean
language plpgsql stable security definer
set search_path = ''
as $$
begin
  return extension = 'broadcast' and exists (
    select from mayfly.channels c
    where c.tenant_id = tenant and c.name = part
      -- Realtime counts what a client sends against the whole project, and no quota of ours sees it.
      and case when sending
        then tenant = any (mayfly_private.tenant_ids('channel:broadcast')) and mayfly_private.may_publish(c)
        -- Who sends must also join, and for that receive.
        else mayfly_private.may_publish(c) or c.id = any (mayfly_private.readable_channel_ids())
      end);
end
$$;

comment on function mayfly_private.may_use_broadcast_topic is 'Whether the caller may use the topic "broadcast" of a tenant.';

-- The Realtime topics of this room.

insert into mayfly_private.topics (name, parts, rule) values
  ('channel', 4, 'mayfly_private.may_use_channel_topic(uuid, text, text, boolean)'),
  ('broadcast', 4, 'mayfly_private.may_use_broadcast_topic(uuid, text, text, boolean)')
on conflict (name) do update set parts = excluded.parts, rule = excluded.rule;

-- Changes a channel's description or who publishes in it; null leaves as it is. For its creator
-- (channel:write), and with message:admin. Locks the channel.

create or replace function mayfly_private.update_channel(name text, description text, publishers uuid[])
returns mayfly.channels
language plpgsql security definer
set search_path = ''
as $$
declare
  channel mayfly.channels := mayfly_private.own_channel(name);
  charged constant mayfly_private.charges := (select c from mayfly_private.charges c where c.relation = 'mayfly.channels');
  before constant integer := mayfly_private.row_bytes(charged.flat, charged.written, to_jsonb(channel));
begin
  perform mayfly_private.check_channel(channel.tenant_id, description, publishers);
  update mayfly.channels c
  set description = coalesce(update_channel.description, c.description), publishers = coalesce(update_channel.publishers, c.publishers)
  where c.tenant_id = channel.tenant_id and c.id = channel.id
  returning c.* into channel;
  perform mayfly_private.charge(channel.tenant_id, 0, mayfly_private.row_bytes(charged.flat, charged.written, to_jsonb(channel)) - before, 1);
  return channel;
end
$$;

-- The scopes of this room.

insert into mayfly.scopes (name, description, roles, agents, by_default) values
  ('state:read', 'Read the states of the tenant, its agents'' and the shared ones.', '{viewer,member,admin,owner}', true, true),
  ('state:write', 'Write the shared states; an agent also its own and its descendants''.', '{member,admin,owner}', true, true)
on conflict (name) do update
set description = excluded.description, roles = excluded.roles, agents = excluded.agents, by_default = excluded.by_default;

-- What the rows of this room's tables are charged, in bytes.

insert into mayfly_private.charges (relation, bytes) values
  ('mayfly.state_versions', 'r.bytes')
on conflict (relation) do update set bytes = excluded.bytes;

insert into mayfly_private.charges (relation, bounded_by) values
  ('mayfly.states', 'its versions, which are charged')
on conflict (relation) do update set bounded_by = excluded.bounded_by;

-- What time does to the states of a tenant: deletes those that have expired, and removes tombstones with
-- their versions when the log that told of them has gone. At most max_rows of each. A chore,
-- called by maintain_tenant under its lock, as owner.

create function mayfly_private.maintain_states(tenant uuid, max_rows integer)
returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  long_ago constant timestamptz := clock_timestamp() - mayfly_private.kept();
  expired integer;
  gone uuid[];
  freed bigint;
begin
  with spent as (
    select s.id from mayfly.states s
    where s.tenant_id = tenant and s.deleted_at is null and least(s.expires_at, s.deleted_at) <= clock_timestamp()
    order by s.id limit max_rows
    for update skip locked
  ), deleted as (
    update mayfly.states s
    set version = s.version + 1, value = null, updated_by = null, updated_at = clock_timestamp(), expires_at = null,
      deleted_at = clock_timestamp()
    from spent where s.tenant_id = tenant and s.id = spent.id
    returning s.id, s.version
  )
  insert into mayfly.state_versions (tenant_id, state_id, version, action)
  select tenant, d.id, d.version, 'expire' from deleted d;
  get diagnostics expired = row_count;

  select array_agg(t.id) into gone
  from (
    select s.id from mayfly.states s
    where s.tenant_id = tenant and s.deleted_at < long_ago and least(s.expires_at, s.deleted_at) < long_ago
    order by s.id limit max_rows
    for update skip locked
  ) t;
  if gone is not null then
    freed := (select coalesce(sum(v.bytes), 0) from mayfly.state_versions v where v.tenant_id = tenant and v.state_id = any (gone));
    delete from mayfly.states s where s.tenant_id = tenant and s.id = any (gone);
    perform mayfly_private.charge(tenant, 0, -freed, 0);
  end if;
  return jsonb_build_object('more', expired = max_rows or coalesce(cardinality(gone), 0) = max_rows);
end
$$;

comment on function mayfly_private.maintain_states is 'One batch of what time does to states.';

-- What maintenance does in this room.

insert into mayfly_private.chores (name, work) values
  ('states', 'mayfly_private.maintain_states(uuid, integer)')
on conflict (name) do update set work = excluded.work;

-- The scopes of this room.

insert into mayfly.scopes (name, description, roles, agents, by_default) values
  ('debug:read', 'Watch the debug streams of the tenant''s agents.', '{member,admin,owner}', true, false),
  ('debug:write', 'Send a debug stream of one''s own.', '{member,admin,owner}', true, true)
on conflict (name) do update
set description = excluded.description, roles = excluded.roles, agents = excluded.agents, by_default = excluded.by_default;

-- What the rows of this room's tables are charged, in bytes.

insert into mayfly_private.charges (relation, bytes) values
  ('mayfly.debug_records', 'r.bytes')
on conflict (relation) do update set bytes = excluded.bytes;

insert into mayfly_private.charges (relation, bounded_by) values
  ('mayfly_private.debug_leases', 'leases of a minute'),
  ('mayfly_private.debug_streams', 'one row an agent')
on conflict (relation) do update set bounded_by = excluded.bounded_by;

-- What time does to debug records of a tenant: deletes at most max_rows of those that have been kept for
-- as long as the tenant says, and leases that have ended. A chore, called by maintain_tenant under its
-- lock, as owner.

create function mayfly_private.maintain_debug(tenant uuid, max_rows integer)
returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  deleted integer;
  freed bigint;
begin
  with old as (
    select r.id from mayfly.debug_records r
    where r.tenant_id = tenant and r.stored_at < clock_timestamp() - make_interval(secs => (
      select (t.debug ->> 'keep')::double precision from mayfly.tenants t where t.id = tenant))
    order by r.stored_at limit max_rows
  ), gone as (
    delete from mayfly.debug_records r using old where r.tenant_id = tenant and r.id = old.id
    returning r.bytes
  )
  select count(*), coalesce(sum(g.bytes), 0) into deleted, freed from gone g;
  if deleted > 0 then
    perform mayfly_private.charge(tenant, 0, -freed, 0);
  end if;
  delete from mayfly_private.debug_leases l where l.tenant_id = tenant and l.expires_at <= clock_timestamp();
  return jsonb_build_object('more', deleted = max_rows);
end
$$;

comment on function mayfly_private.maintain_debug is 'One batch of what time does to debug records.';

-- What maintenance does in this room.

insert into mayfly_private.chores (name, work) values
  ('debug', 'mayfly_private.maintain_debug(uuid, integer)')
on conflict (name) do update set work = excluded.work;

-- tenant:{t}:debug:{a}, the debug stream of one agent: read with debug:read, sent by itself with debug:write.

create function mayfly_private.may_use_debug_topic(tenant uuid, part text, extension text, sending boolean)
returns boolean
language plpgsql stable security definer
set search_path = ''
as $$
begin
  -- Who sends must also join, and for that receive.
  return extension = 'broadcast' and ((not sending and tenant = any (mayfly_private.tenant_ids('debug:read')))
    or (part = mayfly_private.caller_id()::text and (mayfly_private.caller()).kind = 'agent'
      and tenant = any (mayfly_private.tenant_ids('debug:write'))));
end
$$;

comment on function mayfly_private.may_use_debug_topic is 'Whether the caller may use the topic "debug" of a tenant.';

-- The Realtime topics of this room.

insert into mayfly_private.topics (name, parts, rule) values
  ('debug', 4, 'mayfly_private.may_use_debug_topic(uuid, text, text, boolean)')
on conflict (name) do update set parts = excluded.parts, rule = excluded.rule;

-- Everything that a tenant has, page by page, for JSON Lines: { lines: [{ table, row }], after, more }.
-- The tables come in this order, so that a row comes after the tables that it refers to, and each in the order
-- of its primary key: tenants, members, invitations, agent_types, enrolment_keys, agents (a
-- parent may come after its child), agent_liveness, memories,
-- memory_conflicts, memory_vectors, states, state_versions, debug_records, channels, channel_subscriptions, messages, inboxes, deliveries, events. Left out is what is secret or only keeps the books: hashes,
-- usage, known operations. Scope tenant:write. Each page sees what has committed by then: what changes
-- meanwhile may come as it was or as it is. A page ends when it has 4 MB, whatever page_limit is. Locks nothing.

create or replace function mayfly_private.export_tenant(after jsonb, page_limit integer)
returns jsonb
language plpgsql stable security definer
set search_path = ''
as $$
declare
  tenant constant uuid := mayfly_private.require_tenant('tenant:write');
  tables constant text[] := '{tenants,members,invitations,agent_types,enrolment_keys,agents,agent_liveness,memories,memory_conflicts,memory_vectors,states,state_versions,debug_records,channels,channel_subscriptions,messages,inboxes,deliveries,events}';
  place integer := 1;
  last_key jsonb;
  keys record;
  line record;
  lines jsonb[] := '{}';
  bytes bigint := 0;
  max_bytes constant integer := 4000000;
begin
  if page_limit is null or page_limit not between 1 and 1000 then
    perform mayfly_private.fail(400, 'invalid_request', 'page_limit must be 1 to 1000.', null, '{"field": "page_limit"}');
  end if;
  if after is not null then
    place := array_position(tables, after ->> 'table');
    last_key := after -> 'key';
    if place is null or jsonb_typeof(last_key) is distinct from 'array' then
      perform mayfly_private.fail(400, 'invalid_request', 'after is not what the last page gave.',
        'Pass it as it came, or null for the first page.', '{"field": "after"}');
    end if;
  end if;

  loop
    select string_agg(format('t.%I', a.attname), ', ' order by k.n) as columns,
      string_agg(format('($1 ->> %s)::%s', k.n - 1, format_type(a.atttypid, a.atttypmod)), ', ' order by k.n) as after_values
    into keys
    from pg_index i,
      unnest(i.indkey::smallint[]) with ordinality as k (attnum, n)
      join pg_attribute a on a.attrelid = format('mayfly.%I', tables[place])::regclass and a.attnum = k.attnum
    where i.indrelid = format('mayfly.%I', tables[place])::regclass and i.indisprimary;

    begin
      for line in execute format(
        'select to_jsonb(t) %s as row, jsonb_build_array(%s) as key
         from mayfly.%I t
         where t.%I = $2 and ($1 is null or (%s) > (%s))
         order by %s limit $3',
        case when tables[place] = 'memories' then '- ''{words,words_version}''::text[]' else '' end, keys.columns, tables[place],
        case when tables[place] = 'tenants' then 'id' else 'tenant_id' end,
        keys.columns, keys.after_values, keys.columns)
        using last_key, tenant, page_limit - cardinality(lines)
      loop
        lines := lines || jsonb_build_object('table', tables[place], 'row', line.row);
        bytes := bytes + octet_length(line.row::text);
        if cardinality(lines) >= page_limit or bytes >= max_bytes then
          return jsonb_build_object('lines', to_jsonb(lines), 'more', true,
            'after', jsonb_build_object('table', tables[place], 'key', line.key));
        end if;
      end loop;
    exception when data_exception then
      perform mayfly_private.fail(400, 'invalid_request', 'after is not what the last page gave.',
        'Pass it as it came, or null for the first page.', '{"field": "after"}');
    end;
    place := place + 1;
    last_key := null;
    exit when place > cardinality(tables);
  end loop;
  return jsonb_build_object('lines', to_jsonb(lines), 'more', false, 'after', null);
end
$$;

-- One batch of what time does to a tenant: every chore that a room has registered (mayfly_private.chores), in the order
-- of their names, each on at most max_rows rows. Gives what they counted, and `more`: true while one of them may have
-- left something. Called by mayfly.maintain and pg_cron, as owner. Locks the tenant's maintenance, and whoever finds
-- that locked leaves it to the one that holds it; then what each chore locks.

create or replace function mayfly_private.maintain_tenant(tenant uuid, max_rows integer)
returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  chore record;
  done jsonb;
  counted jsonb := '{}';
  more boolean := false;
begin
  insert into mayfly_private.maintenance (tenant_id) values (tenant) on conflict do nothing;
  perform from mayfly_private.maintenance m where m.tenant_id = tenant for update skip locked;
  if not found then
    return null;
  end if;
  perform set_config('mayfly.maintaining', 'on', true);
  for chore in select c.name, to_regprocedure(c.work) as work from mayfly_private.chores c order by c.name loop
    if chore.work is null then
      raise warning 'mayfly: the chore % names a function that does not exist.', chore.name;
      continue;
    end if;
    execute format('select %s($1, $2)', chore.work::regproc) into done using tenant, max_rows;
    counted := counted || (done - 'more');
    more := more or coalesce((done ->> 'more')::boolean, false);
  end loop;
  update mayfly_private.maintenance m set at = clock_timestamp() where m.tenant_id = tenant;
  perform set_config('mayfly.maintaining', 'off', true);
  return counted || jsonb_build_object('more', more);
end
$$;

-- Counts a tenant's usage again from its tables, as the meters count it: for the SQL editor, when the numbers are in
-- doubt. Reads every table that mayfly_private.charges charges. Locks the tenant's shards.

create or replace function mayfly_private.recount_usage(tenant uuid)
returns void
language plpgsql security definer
set search_path = ''
as $$
declare
  charged record;
  stored bigint;
  total bigint := 0;
  kept constant bigint := (select count(*) from mayfly.memories m where m.tenant_id = tenant);
begin
  perform mayfly_private.charge(tenant, 0, 0, 0);
  perform from mayfly_private.tenant_usage u where u.tenant_id = tenant order by u.shard for update;
  for charged in
    select c.relation, coalesce(c.bytes, format('mayfly_private.row_bytes(%s, %L, to_jsonb(r))', c.flat, c.written)) as bytes
    from mayfly_private.charges c
    where c.bounded_by is null and to_regclass(c.relation) is not null
  loop
    execute format('select sum(%s) from %s r where r.tenant_id = $1', charged.bytes, charged.relation::regclass) into stored using tenant;
    total := total + coalesce(stored, 0);
  end loop;
  update mayfly_private.tenant_usage u
  set memories = case when u.shard = 0 then kept else 0 end,
    bytes = case when u.shard = 0 then total else 0 end
  where u.tenant_id = tenant;
end
$$;

comment on function mayfly_private.recount_usage is 'Counts what a tenant stores again.';

drop function if exists mayfly_private.any_word;

drop function if exists mayfly_private.split_identifiers;

revoke execute on all functions in schema mayfly, mayfly_private from public;
