set local lock_timeout = '5s';

drop function if exists mayfly_private.maintain_debug;

drop function if exists mayfly_private.maintain_states;

drop function if exists mayfly_private.maintain_messages;

drop function if exists mayfly_private.row_bytes;

alter table mayfly.scopes add column by_default boolean not null default false;

comment on column mayfly.scopes.by_default is 'Whether an agent has it that was not given scopes, where its spawner has it.';

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

-- What maintenance does in this room.

insert into mayfly_private.chores (name, work) values
  ('memories', 'mayfly_private.maintain_memories(uuid, integer)'),
  ('ops', 'mayfly_private.maintain_ops(uuid, integer)')
on conflict (name) do update set work = excluded.work;

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

-- The scopes of this room.

insert into mayfly.scopes (name, description, roles, agents, by_default) values
  ('job:read', 'See jobs, what they were given and what they gave.', '{viewer,member,admin,owner}', true, true),
  ('job:add', 'Add jobs, signal them, and cancel those that one added.', '{member,admin,owner}', true, true),
  ('job:work', 'Claim jobs and do them.', '{member,admin,owner}', true, true),
  ('job:admin', 'Cancel, redrive and discard any job; set schedules and the limits of queues.', '{admin,owner}', true, false)
on conflict (name) do update
set description = excluded.description, roles = excluded.roles, agents = excluded.agents, by_default = excluded.by_default;

-- What can still run: scheduled, ready, running and waiting jobs. What has ended is moved to finished_jobs, so that
-- this table stays small. Written by the functions of jobs alone, under the fence of a lease or the lock of a row.
--
-- `lane` is what a worker looks through: queue, name and group, behind its target where it has one
-- (mayfly_private.lane_of). Jobs of one lane are alike to every worker, so claiming is one index range a lane.
-- No foreign keys: the tenant and the agent come from the verified caller, and looking them up cost 8 µs a job
-- (forget_jobs deletes what a tenant leaves).
--
-- No index on lease_end: a lease that has ended is found by walking the running jobs, every five seconds at most.

create table mayfly.jobs (
  tenant_id uuid not null,
  id uuid not null,
  queue text not null,
  name text not null,
  lane text collate "C" not null,
  status text not null
    constraint jobs_status_known check (status in ('scheduled', 'ready', 'running', 'waiting')),
  priority smallint not null default 0,
  seq bigint not null generated by default as identity,
  run_at timestamptz not null,
  attempt integer not null default 0,
  max_attempts integer not null default 5,
  holder uuid,
  lease_end timestamptz,
  started_at timestamptz,
  wait_for text[],
  cancelled boolean not null default false,
  deadline timestamptz,
  timeout interval,
  backoff jsonb,
  target jsonb,
  parent_id uuid,
  root_id uuid,
  key text,
  answers uuid,
  trace text,
  error jsonb,
  created_by uuid,
  created_at timestamptz not null default clock_timestamp(),
  bytes integer not null default 0,
  input jsonb not null default '{}',
  constraint jobs_pkey primary key (tenant_id, id),
  constraint jobs_held_while_running check ((status = 'running') = (holder is not null and lease_end is not null))
)
with (fillfactor = 50, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000, autovacuum_vacuum_insert_threshold = -1);

create index jobs_ready_idx on mayfly.jobs (tenant_id, lane, priority, seq) where status = 'ready';

create index jobs_due_idx on mayfly.jobs (run_at) where status in ('scheduled', 'waiting');

create index jobs_held_idx on mayfly.jobs (tenant_id, holder) where status = 'running';

create index jobs_parent_idx on mayfly.jobs (tenant_id, parent_id) where parent_id is not null;

create index jobs_deadline_idx on mayfly.jobs (deadline) where deadline is not null;

-- The planner's statistics are everybody's: none of what a tenant writes (tests/db/estimates.test.ts).
alter table mayfly.jobs
  alter column queue set statistics 0,
  alter column name set statistics 0,
  alter column lane set statistics 0,
  alter column holder set statistics 0,
  alter column wait_for set statistics 0,
  alter column backoff set statistics 0,
  alter column target set statistics 0,
  alter column parent_id set statistics 0,
  alter column root_id set statistics 0,
  alter column key set statistics 0,
  alter column answers set statistics 0,
  alter column trace set statistics 0,
  alter column error set statistics 0,
  alter column created_by set statistics 0,
  alter column input set statistics 0;

comment on table mayfly.jobs is 'Jobs that can still run. Those that have ended are in finished_jobs.';

comment on column mayfly.jobs.lane is 'What workers look through: the target where there is one, then queue, name and group.';

comment on column mayfly.jobs.seq is 'Its place in its lane; a new one each time it becomes ready.';

comment on column mayfly.jobs.run_at is 'When it is, or was, due. While it waits: when waiting ends by itself.';

comment on column mayfly.jobs.attempt is 'Rises with every claim and never falls: with the holder it is the lease token.';

comment on column mayfly.jobs.max_attempts is 'After that many attempts it fails. A wait and a polite return give theirs back.';

comment on column mayfly.jobs.holder is 'The agent or person that has it; all zeros for the secret key.';

comment on column mayfly.jobs.lease_end is 'Until when it has it: never later than the first end in the agent''s line.';

comment on column mayfly.jobs.cancelled is 'Somebody has cancelled it: its worker sees that at its next write or heartbeat.';

comment on column mayfly.jobs.backoff is '{ base, factor, cap } in seconds; null for 1, 2, 300.';

comment on column mayfly.jobs.answers is 'The message that the end of the job answers.';

comment on column mayfly.jobs.bytes is 'What the tenant''s max_bytes counts for it: 768, and the length of its input and its result as text.';

-- Jobs that have ended: succeeded, failed (the dead letters) or cancelled. Kept for as long as the settings say.

create table mayfly.finished_jobs (
  tenant_id uuid not null,
  id uuid not null,
  queue text not null,
  name text not null,
  lane text collate "C" not null,
  status text not null
    constraint finished_jobs_status_known check (status in ('succeeded', 'failed', 'cancelled')),
  priority smallint not null,
  run_at timestamptz not null,
  attempt integer not null,
  max_attempts integer not null,
  holder uuid,
  started_at timestamptz,
  timeout interval,
  backoff jsonb,
  target jsonb,
  parent_id uuid,
  root_id uuid,
  key text,
  answers uuid,
  trace text,
  error jsonb,
  created_by uuid,
  created_at timestamptz not null,
  finished_at timestamptz not null default clock_timestamp(),
  bytes integer not null,
  input jsonb not null,
  result jsonb,
  constraint finished_jobs_pkey primary key (tenant_id, id)
);

-- For retention and lists.
create index finished_jobs_finished_idx on mayfly.finished_jobs (tenant_id, finished_at);

create index finished_jobs_failed_idx on mayfly.finished_jobs (tenant_id, id) where status = 'failed';

create index finished_jobs_parent_idx on mayfly.finished_jobs (tenant_id, parent_id) where parent_id is not null;

-- The planner's statistics are everybody's: none of what a tenant writes (tests/db/estimates.test.ts).
alter table mayfly.finished_jobs
  alter column queue set statistics 0,
  alter column name set statistics 0,
  alter column lane set statistics 0,
  alter column holder set statistics 0,
  alter column backoff set statistics 0,
  alter column target set statistics 0,
  alter column parent_id set statistics 0,
  alter column root_id set statistics 0,
  alter column key set statistics 0,
  alter column answers set statistics 0,
  alter column trace set statistics 0,
  alter column error set statistics 0,
  alter column created_by set statistics 0,
  alter column input set statistics 0,
  alter column result set statistics 0;

comment on table mayfly.finished_jobs is 'Jobs that have succeeded, failed or been cancelled.';

comment on column mayfly.finished_jobs.run_at is 'When it was due for its last attempt.';

comment on column mayfly.finished_jobs.started_at is 'When its last attempt began.';

comment on column mayfly.finished_jobs.error is '{ code, message }: why it failed, or what the attempt before the last said.';

-- What the steps of jobs gave: recorded once, read ever after. Of running and of finished jobs alike.

create table mayfly.job_steps (
  tenant_id uuid not null,
  job_id uuid not null,
  name text collate "C" not null,
  attempt integer not null,
  result jsonb,
  ms integer,
  bytes integer not null,
  at timestamptz not null default clock_timestamp(),
  constraint job_steps_pkey primary key (tenant_id, job_id, name)
);

-- The planner's statistics are everybody's: none of what a tenant writes (tests/db/estimates.test.ts).
alter table mayfly.job_steps
  alter column job_id set statistics 0,
  alter column name set statistics 0,
  alter column result set statistics 0;

comment on table mayfly.job_steps is 'What the steps of jobs gave.';

comment on column mayfly.job_steps.attempt is 'Of the job, when it was recorded.';

comment on column mayfly.job_steps.ms is 'How long it took, as its worker says.';

-- Signals that nobody has taken yet. One that comes before its job waits for it is kept.

create table mayfly.job_signals (
  tenant_id uuid not null,
  job_id uuid not null,
  name text collate "C" not null,
  id bigint generated always as identity,
  payload jsonb not null default 'null',
  bytes integer not null,
  at timestamptz not null default clock_timestamp(),
  constraint job_signals_pkey primary key (tenant_id, job_id, name, id)
);

-- The planner's statistics are everybody's: none of what a tenant writes (tests/db/estimates.test.ts).
alter table mayfly.job_signals
  alter column job_id set statistics 0,
  alter column name set statistics 0,
  alter column payload set statistics 0;

comment on table mayfly.job_signals is 'Signals that no job has taken yet.';

-- Jobs that are added again and again: by a cron line in a time zone. Fired in SQL, by whoever claims or maintains.

create table mayfly.job_schedules (
  tenant_id uuid not null,
  name text collate "C" not null,
  cron text not null,
  time_zone text not null default 'UTC',
  job text not null,
  input jsonb not null default '{}',
  options jsonb not null default '{}',
  catch_up text not null default 'one'
    constraint job_schedules_catch_up_known check (catch_up in ('one', 'all', 'none')),
  overlap text not null default 'skip'
    constraint job_schedules_overlap_known check (overlap in ('allow', 'skip')),
  paused boolean not null default false,
  next_at timestamptz,
  last_at timestamptz,
  last_job uuid,
  skipped integer not null default 0,
  error text,
  created_by uuid,
  created_at timestamptz not null default clock_timestamp(),
  updated_at timestamptz not null default clock_timestamp(),
  bytes integer not null default 0,
  constraint job_schedules_pkey primary key (tenant_id, name),
  constraint job_schedules_tenant_fkey foreign key (tenant_id) references mayfly.tenants (id) on delete cascade
);

create index job_schedules_next_idx on mayfly.job_schedules (next_at) where next_at is not null;

-- The planner's statistics are everybody's: none of what a tenant writes (tests/db/estimates.test.ts).
alter table mayfly.job_schedules
  alter column name set statistics 0,
  alter column cron set statistics 0,
  alter column time_zone set statistics 0,
  alter column job set statistics 0,
  alter column input set statistics 0,
  alter column options set statistics 0,
  alter column last_job set statistics 0,
  alter column error set statistics 0,
  alter column created_by set statistics 0;

comment on table mayfly.job_schedules is 'Jobs that are added by a cron line in a time zone.';

comment on column mayfly.job_schedules.catch_up is 'What was missed while nothing ran: one job for all of it, one for each (100 at most), or none.';

comment on column mayfly.job_schedules.overlap is 'While its last job has not ended: skip this time, or allow another.';

comment on column mayfly.job_schedules.next_at is 'When it fires next; null while it is paused.';

comment on column mayfly.job_schedules.skipped is 'How many times were skipped, since the job before ran or the time was missed.';

-- Attempts that did not end their job well: failed, lost with their lease, or over their time.

create table mayfly.job_attempts (
  tenant_id uuid not null,
  job_id uuid not null,
  attempt integer not null,
  holder uuid,
  started_at timestamptz,
  ended_at timestamptz not null default clock_timestamp(),
  error jsonb not null,
  constraint job_attempts_pkey primary key (tenant_id, job_id, attempt)
);

-- The planner's statistics are everybody's: none of what a tenant writes (tests/db/estimates.test.ts).
alter table mayfly.job_attempts
  alter column job_id set statistics 0,
  alter column holder set statistics 0,
  alter column error set statistics 0;

comment on table mayfly.job_attempts is 'Attempts of jobs that failed or were lost, and why.';

-- What holds for a queue, where somebody has said so. A queue without a row has no limits.

create table mayfly.job_queues (
  tenant_id uuid not null,
  name text collate "C" not null,
  paused boolean not null default false,
  max_running integer constraint job_queues_max_running_range check (max_running between 1 and 100000),
  max_running_per_group integer
    constraint job_queues_max_running_per_group_range check (max_running_per_group between 1 and 100000),
  rate double precision constraint job_queues_rate_range check (rate > 0 and rate <= 1000000),
  weight smallint not null default 1 constraint job_queues_weight_range check (weight between 1 and 100),
  tokens double precision not null default 0,
  filled_at timestamptz not null default clock_timestamp(),
  updated_at timestamptz not null default clock_timestamp(),
  constraint job_queues_pkey primary key (tenant_id, name),
  constraint job_queues_tenant_fkey foreign key (tenant_id) references mayfly.tenants (id) on delete cascade
)
with (fillfactor = 50);

alter table mayfly.job_queues
  alter column name set statistics 0;

comment on table mayfly.job_queues is 'Limits and weights of queues.';

comment on column mayfly.job_queues.rate is 'How many may begin in a second, on average; as many at once as in one second, one at least.';

comment on column mayfly.job_queues.weight is 'Its share beside the other queues of the tenant.';

comment on column mayfly.job_queues.tokens is 'What the token bucket of `rate` had at filled_at.';

-- Which job stands for a key: adding it again gives that one, until the job is no longer kept. Apart from the jobs,
-- since it has to hold while a job moves to finished_jobs.

create table mayfly_private.job_keys (
  tenant_id uuid not null,
  key text collate "C" not null,
  job_id uuid not null,
  constraint job_keys_pkey primary key (tenant_id, key)
);

comment on table mayfly_private.job_keys is 'Which job stands for a key.';

alter table mayfly_private.job_keys enable row level security;

-- Workers that found nothing and sleep. Adding a job, a signal and whatever else makes one ready deletes the rows of
-- the tenant and broadcasts once; where no row is, nothing is broadcast. All zeros stand for no tenant: the workers
-- of the secret key, for every tenant.

create table mayfly_private.job_workers (
  tenant_id uuid not null,
  id uuid not null,
  until timestamptz not null,
  constraint job_workers_pkey primary key (tenant_id, id)
);

comment on table mayfly_private.job_workers is 'Workers that found nothing and sleep until they are woken, or until then.';

alter table mayfly_private.job_workers enable row level security;

-- What the project gives a tenant of a fleet that works for all (claim_any_jobs), where it has said so.

create table mayfly_private.job_tenants (
  tenant_id uuid not null constraint job_tenants_pkey primary key,
  weight smallint not null default 1 constraint job_tenants_weight_range check (weight between 1 and 100),
  max_running integer constraint job_tenants_max_running_range check (max_running between 1 and 1000000),
  constraint job_tenants_tenant_fkey foreign key (tenant_id) references mayfly.tenants (id) on delete cascade
);

comment on table mayfly_private.job_tenants is 'Weights and limits of tenants beside each other.';

comment on column mayfly_private.job_tenants.max_running is 'How many of its jobs may run at once: bounds what long jobs can occupy.';

alter table mayfly_private.job_tenants enable row level security;

-- What the rows of this room's tables are charged, in bytes.

insert into mayfly_private.charges (relation, bytes) values
  ('mayfly.jobs', 'r.bytes'),
  ('mayfly.finished_jobs', 'r.bytes'),
  ('mayfly.job_steps', 'r.bytes'),
  ('mayfly.job_signals', 'r.bytes'),
  ('mayfly.job_schedules', 'r.bytes')
on conflict (relation) do update set bytes = excluded.bytes;

insert into mayfly_private.charges (relation, bounded_by) values
  ('mayfly.job_attempts', 'the attempts of jobs, 1000 each, whose jobs are charged'),
  ('mayfly.job_queues', '1000 rows a tenant'),
  ('mayfly_private.job_keys', 'the jobs, which are charged'),
  ('mayfly_private.job_workers', 'the workers that sleep: rows end within a minute'),
  ('mayfly_private.job_tenants', 'one row a tenant')
on conflict (relation) do update set bounded_by = excluded.bounded_by;

-- What time does to the jobs of a tenant: takes ended leases (for a project in which nobody claims), and deletes ended
-- jobs that have been kept for as long as the settings say, at most max_rows: { more }. A chore
-- of maintain_tenant, as owner.

create function mayfly_private.maintain_jobs(tenant uuid, max_rows integer)
returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  old uuid[];
begin
  perform mayfly_private.tick_jobs();
  old := array(
    select f.id from mayfly.finished_jobs f
    where f.tenant_id = tenant and f.finished_at < clock_timestamp() - mayfly_private.kept()
    order by f.finished_at
    limit max_rows
    for update skip locked);
  perform mayfly_private.delete_finished(tenant, old);
  delete from mayfly_private.job_workers w where w.tenant_id = tenant and w.until < clock_timestamp();
  return jsonb_build_object('more', cardinality(old) = max_rows);
end
$$;

comment on function mayfly_private.maintain_jobs is 'One batch of what time does to jobs.';

-- What maintenance does in this room.

insert into mayfly_private.chores (name, work) values
  ('jobs', 'mayfly_private.maintain_jobs(uuid, integer)')
on conflict (name) do update set work = excluded.work;

-- Who may see jobs, what they gave, and what was said about them.

alter table mayfly.jobs enable row level security;

alter table mayfly.finished_jobs enable row level security;

alter table mayfly.job_steps enable row level security;

alter table mayfly.job_attempts enable row level security;

alter table mayfly.job_signals enable row level security;

alter table mayfly.job_queues enable row level security;

alter table mayfly.job_schedules enable row level security;

grant select on mayfly.jobs to authenticated, service_role;

create policy jobs_select on mayfly.jobs for select to authenticated
  using (tenant_id = any ((select mayfly.tenant_ids('job:read'))::uuid[]));

grant select on mayfly.finished_jobs to authenticated, service_role;

create policy finished_jobs_select on mayfly.finished_jobs for select to authenticated
  using (tenant_id = any ((select mayfly.tenant_ids('job:read'))::uuid[]));

grant select on mayfly.job_steps to authenticated, service_role;

create policy job_steps_select on mayfly.job_steps for select to authenticated
  using (tenant_id = any ((select mayfly.tenant_ids('job:read'))::uuid[]));

grant select on mayfly.job_attempts to authenticated, service_role;

create policy job_attempts_select on mayfly.job_attempts for select to authenticated
  using (tenant_id = any ((select mayfly.tenant_ids('job:read'))::uuid[]));

grant select on mayfly.job_signals to authenticated, service_role;

create policy job_signals_select on mayfly.job_signals for select to authenticated
  using (tenant_id = any ((select mayfly.tenant_ids('job:read'))::uuid[]));

grant select on mayfly.job_queues to authenticated, service_role;

create policy job_queues_select on mayfly.job_queues for select to authenticated
  using (tenant_id = any ((select mayfly.tenant_ids('job:read'))::uuid[]));

grant select on mayfly.job_schedules to authenticated, service_role;

create policy job_schedules_select on mayfly.job_schedules for select to authenticated
  using (tenant_id = any ((select mayfly.tenant_ids('job:read'))::uuid[]));

-- tenant:{t}:jobs, what wakes workers that sleep: read with job:work, sent by the database alone.

create function mayfly_private.may_use_jobs_topic(tenant uuid, part text, extension text, sending boolean)
returns boolean
language plpgsql stable security definer
set search_path = ''
as $$
begin
  return not sending and extension = 'broadcast' and tenant = any (mayfly_private.tenant_ids('job:work'));
end
$$;

comment on function mayfly_private.may_use_jobs_topic is 'Whether the caller may use the topic "jobs" of a tenant.';

-- The Realtime topics of this room.

insert into mayfly_private.topics (name, parts, rule) values
  ('jobs', 3, 'mayfly_private.may_use_jobs_topic(uuid, text, text, boolean)')
on conflict (name) do update set parts = excluded.parts, rule = excluded.rule;

-- The definer half of mayfly.add_jobs. Without a lease the tenant is the caller's (scope job:add); with one, the jobs
-- are children of its job, which is fenced. Adds all or none. Locks the keys, sorted; what charge locks; the parent.

create function mayfly_private.add_jobs(jobs jsonb, lease text)
returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  parent mayfly.jobs;
  tenant uuid;
  author uuid;
  fault integer;
begin
  if lease is null then
    tenant := mayfly_private.require_tenant('job:add');
  else
    parent := mayfly_private.fence_job(lease);
    tenant := parent.tenant_id;
  end if;
  author := mayfly_private.caller_id();
  perform mayfly_private.check_jobs(jobs);
  -- Who answers a message has received it.
  select o.n - 1 into fault from jsonb_array_elements(jobs) with ordinality as o (j, n)
  where o.j ->> 'answers' is not null and not exists (
    select from mayfly.deliveries d
    where d.tenant_id = tenant and d.message_id = (o.j ->> 'answers')::uuid and d.recipient_id = author)
  order by o.n limit 1;
  if found then
    perform mayfly_private.fail(404, 'message_unknown', format('jobs[%s].answers is no message that the caller has received.', fault),
      'Nothing was added. Give the id of a message in your inbox.', jsonb_build_object('index', fault, 'field', 'answers'));
  end if;
  return mayfly_private.insert_jobs(tenant, jobs, author, parent.id, coalesce(parent.root_id, parent.id));
end
$$;

comment on function mayfly_private.add_jobs is 'Adds jobs, all or none.';

grant execute on function mayfly_private.add_jobs to authenticated, service_role;

-- Adds 1 to 1,000 jobs, all or none, and gives { id, existing } for each, in their order. One with a key that is known
-- is not added again: its id is that of the job there is. With the lease of a job they are its children.

create function mayfly.add_jobs(jobs jsonb, lease text default null)
returns jsonb
language sql
set search_path = ''
return mayfly_private.add_jobs(jobs, lease);

comment on function mayfly.add_jobs is
  'Adds 1 to 1000 jobs, all or none: [{ name, input?, queue?, group?, priority?, run_at? | delay?, key?, target?, max_attempts?, backoff?, timeout?, deadline? }] gives [{ id, existing }].';

grant execute on function mayfly.add_jobs to authenticated, service_role;

-- Answers the messages that jobs were made of, now that these have ended: a message task_result to the sender, in the
-- name of the agent that the job was done by, else of the one that added it. Written here, not by a worker: a job that
-- ends without one (its attempts are used up, it was cancelled) answers too. What cannot be sent (the sender is dead,
-- the tenant is full) does not keep the job from ending: it is a warning.

create function mayfly_private.answer_messages(tenant uuid, ids uuid[])
returns void
language plpgsql security definer
set search_path = ''
as $$
declare
  answer record;
begin
  for answer in
    select f.id as job, f.status, f.result, f.error, m.id as message, m.sender_id as recipient, m.conversation_id, m.correlation_id,
      coalesce(nullif(f.holder, '00000000-0000-0000-0000-000000000000'), f.created_by) as sender
    from mayfly.finished_jobs f
    join mayfly.messages m on m.tenant_id = f.tenant_id and m.id = f.answers
    where f.tenant_id = tenant and f.id = any (ids) and m.sender_id is not null
    order by f.id
  loop
    begin
      perform mayfly_private.deliver_answer(tenant, answer.job, answer.sender, answer.recipient, answer.message,
        answer.conversation_id, answer.correlation_id,
        jsonb_strip_nulls(jsonb_build_object('job', answer.job, 'status', answer.status, 'error', answer.error))
          || jsonb_build_object('result', answer.result));
    exception when others then
      raise warning 'mayfly: the message % could not be answered: %', answer.message, sqlerrm;
    end;
  end loop;
end
$$;

comment on function mayfly_private.answer_messages is 'Answers the messages that ended jobs were made of.';

-- The definer half of mayfly.cancel_jobs. What does not run ends at once; what runs is marked, and its worker sees it
-- at its next write or heartbeat. Children too, and theirs. Locks them by depth, the deepest first, and by id: whoever
-- completes a child locks the child, then its parent.

create function mayfly_private.cancel_jobs(ids uuid[])
returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  tenant constant uuid := mayfly_private.require_tenant('job:add');
  caller constant mayfly_private.caller := mayfly_private.caller();
  admin constant boolean := tenant = any (mayfly_private.tenant_ids('job:admin'));
  foreign_job uuid;
  line uuid[];
  depths integer[];
  ended uuid[];
  marked uuid[];
begin
  if ids is null or cardinality(ids) not between 1 and 1000 then
    perform mayfly_private.fail(400, 'invalid_request', 'ids must be 1 to 1000 ids.', null, '{"field": "ids"}');
  end if;
  if not admin then
    select j.id into foreign_job from mayfly.jobs j
    where j.tenant_id = tenant and j.id = any (ids) and j.created_by is distinct from caller.id limit 1;
    if found then
      perform mayfly_private.fail(403, 'scope_missing', 'The caller does not have the scope job:admin.',
        'Without it, one cancels the jobs alone that one added.', jsonb_build_object('scope', 'job:admin', 'id', foreign_job));
    end if;
  end if;
  -- Twice: whoever adds a child holds the parent, so that none is added once the parent is locked.
  for turn in 1..2 loop
    with recursive family as (
      select j.id, 0 as depth from mayfly.jobs j where j.tenant_id = tenant and j.id = any (ids)
      union
      select c.id, f.depth + 1 from family f
      join mayfly.jobs c on c.tenant_id = tenant and c.parent_id = f.id
      where f.depth < 100
    )
    select array_agg(f.id), array_agg(f.depth) into line, depths
    from (select f.id, max(f.depth) as depth from family f group by f.id) f;
    perform from mayfly.jobs j
    join unnest(line, depths) as l (id, depth) on l.id = j.id
    where j.tenant_id = tenant
    order by l.depth desc, j.id
    for update of j;
  end loop;
  update mayfly.jobs j set cancelled = true where j.tenant_id = tenant and j.id = any (line) and j.status = 'running' and not j.cancelled;
  marked := array(select j.id from mayfly.jobs j where j.tenant_id = tenant and j.id = any (line) and j.status = 'running');
  ended := array(select j.id from mayfly.jobs j where j.tenant_id = tenant and j.id = any (line) and j.status <> 'running' order by j.id);
  perform mayfly_private.end_jobs(tenant, ended, 'cancelled', null, null);
  return jsonb_build_object('cancelled', cardinality(ended), 'cancelling', cardinality(marked));
end
$$;

comment on function mayfly_private.cancel_jobs is 'Cancels jobs with their children.';

grant execute on function mayfly_private.cancel_jobs to authenticated, service_role;

-- Cancels jobs that one added (scope job:add), or any (job:admin), with all their children: { cancelled, cancelling }.
-- Those that run are told, and end as cancelled by whatever their worker does next. Ended ones stay as they are.

create function mayfly.cancel_jobs(ids uuid[])
returns jsonb
language sql
set search_path = ''
return mayfly_private.cancel_jobs(ids);

comment on function mayfly.cancel_jobs is 'Cancels jobs with their children: { cancelled, cancelling }, the latter told and still running.';

grant execute on function mayfly.cancel_jobs to authenticated, service_role;

-- Refuses what a claim cannot mean. Locks nothing.

create function mayfly_private.check_claim(wanted integer, queues text[], names text[], lease double precision)
returns void
language plpgsql immutable
set search_path = ''
as $$
begin
  if wanted is null or wanted not between 0 and 1000 then
    perform mayfly_private.fail(400, 'invalid_request', 'wanted must be 0 to 1000.', null, '{"field": "wanted"}');
  elsif lease is null or lease not between 1 and 3600 then
    perform mayfly_private.fail(400, 'invalid_request', 'lease must be 1 to 3600 seconds.', null, '{"field": "lease"}');
  elsif cardinality(queues) > 100 or exists (select from unnest(queues) q where q !~ '^[A-Za-z0-9][A-Za-z0-9_.:-]{0,99}$' or q is null) then
    perform mayfly_private.fail(400, 'invalid_request', 'queues must be at most 100 names.', null, '{"field": "queues"}');
  elsif cardinality(names) > 500 or exists (select from unnest(names) n where n !~ '^[A-Za-z0-9][A-Za-z0-9_.:-]{0,99}$' or n is null) then
    perform mayfly_private.fail(400, 'invalid_request', 'names must be at most 500 names of jobs.', null, '{"field": "names"}');
  end if;
end
$$;

comment on function mayfly_private.check_claim is 'Refuses what a claim cannot mean.';

-- Refuses jobs with the index and the field of their first fault, before any is added. Locks nothing.

create function mayfly_private.check_jobs(jobs jsonb)
returns void
language plpgsql
set search_path = ''
as $$
declare
  fault record;
  known constant text[] := '{name,queue,group,input,priority,run_at,delay,key,target,max_attempts,backoff,timeout,deadline,trace,answers}';
begin
  if jsonb_typeof(jobs) is distinct from 'array' or jsonb_array_length(jobs) not between 1 and 1000 then
    perform mayfly_private.fail(400, 'invalid_request', 'jobs must be an array of 1 to 1000 jobs.', null, '{"field": "jobs"}');
  elsif pg_column_size(jobs) > 8388608 then
    perform mayfly_private.fail(413, 'push_too_large', 'One call adds at most 8 MB of jobs.', 'Add fewer at once.', '{"field": "jobs"}');
  end if;

  select o.n - 1 as index, o.field into fault
  from (
    select e.n, case
      when jsonb_typeof(e.j) <> 'object' then 'name'
      when not coalesce(e.j ->> 'name' ~ '^[A-Za-z0-9][A-Za-z0-9_.:-]{0,99}$', false) or jsonb_typeof(e.j -> 'name') <> 'string' then 'name'
      when e.j - known <> '{}' then (select k from jsonb_object_keys(e.j) k where k <> all (known) order by k limit 1)
      -- Most jobs have no more than these two.
      when not coalesce(mayfly_private.json_within(e.j -> 'input', 262144, 32), true) or not coalesce(mayfly_private.numbers_kept(e.j -> 'input'), true) then 'input'
      when e.j - '{name,input}'::text[] = '{}' then null
      when coalesce(jsonb_typeof(e.j -> 'queue'), 'null') <> 'null'
        and (jsonb_typeof(e.j -> 'queue') <> 'string' or e.j ->> 'queue' !~ '^[A-Za-z0-9][A-Za-z0-9_.:-]{0,99}$') then 'queue'
      when not mayfly_private.text_within(e.j -> 'group', 200) or e.j ->> 'group' = '' then 'group'
      when not mayfly_private.number_within(e.j -> 'priority', -32000, 32000, true) then 'priority'
      when not mayfly_private.instant_or_absent(e.j -> 'run_at') then 'run_at'
      when not mayfly_private.number_within(e.j -> 'delay', 0, 315360000) or (e.j ->> 'delay' is not null and e.j ->> 'run_at' is not null) then 'delay'
      when not mayfly_private.text_within(e.j -> 'key', 500) or e.j ->> 'key' = '' then 'key'
      when not mayfly_private.number_within(e.j -> 'max_attempts', 1, 1000, true) then 'max_attempts'
      when not mayfly_private.number_within(e.j -> 'timeout', 1, 2592000) then 'timeout'
      when not mayfly_private.instant_or_absent(e.j -> 'deadline') then 'deadline'
      when not mayfly_private.text_within(e.j -> 'trace', 500) then 'trace'
      when not mayfly_private.uuid_or_absent(e.j -> 'answers') then 'answers'
      when coalesce(jsonb_typeof(e.j -> 'backoff'), 'null') <> 'null' and (jsonb_typeof(e.j -> 'backoff') <> 'object'
        or case when jsonb_typeof(e.j -> 'backoff') = 'object' then (e.j -> 'backoff') - '{base,factor,cap}'::text[] <> '{}' end
        or not mayfly_private.number_within(e.j -> 'backoff' -> 'base', 0, 86400)
        or not mayfly_private.number_within(e.j -> 'backoff' -> 'factor', 1, 10)
        or not mayfly_private.number_within(e.j -> 'backoff' -> 'cap', 0, 604800)) then 'backoff'
      when coalesce(jsonb_typeof(e.j -> 'target'), 'null') <> 'null' and not coalesce(case
        when jsonb_typeof(e.j -> 'target') <> 'object' or (select count(*) from jsonb_object_keys(
          case when jsonb_typeof(e.j -> 'target') = 'object' then e.j -> 'target' else '{}' end)) <> 1 then false
        when e.j -> 'target' ? 'agent' then jsonb_typeof(e.j -> 'target' -> 'agent') = 'string' and mayfly_private.to_uuid(e.j -> 'target' ->> 'agent') is not null
        when e.j -> 'target' ? 'type' then jsonb_typeof(e.j -> 'target' -> 'type') = 'string' and e.j -> 'target' ->> 'type' ~ '^[a-z0-9][a-z0-9_.-]{0,62}$'
        when e.j -> 'target' ? 'capabilities' then mayfly_private.texts_or_absent(e.j -> 'target' -> 'capabilities', 20)
          and jsonb_typeof(e.j -> 'target' -> 'capabilities') = 'array' and jsonb_array_length(e.j -> 'target' -> 'capabilities') > 0
        else false end, false) then 'target'
    end as field
    from jsonb_array_elements(jobs) with ordinality as e (j, n)
  ) o
  where o.field is not null
  order by o.n
  limit 1;
  if found then
    perform mayfly_private.fail(400, 'invalid_request', format('jobs[%s].%s %s.', fault.index, fault.field, case fault.field
        when 'name' then 'must be 1 to 100 letters, digits, dots, colons, dashes or underscores'
        when 'queue' then 'must be 1 to 100 letters, digits, dots, colons, dashes or underscores'
        when 'group' then 'must be a text of 1 to 200 characters'
        when 'input' then 'must be at most 256 KB of JSON, at most 32 deep, with no number that JavaScript cannot hold'
        when 'priority' then 'must be a whole number from -32000 to 32000; the lowest is first'
        when 'run_at' then 'must be an ISO 8601 instant'
        when 'delay' then 'must be seconds from 0 to 315360000, and not beside run_at'
        when 'key' then 'must be a text of 1 to 500 characters'
        when 'max_attempts' then 'must be a whole number from 1 to 1000'
        when 'timeout' then 'must be seconds from 1 to 2592000'
        when 'deadline' then 'must be an ISO 8601 instant'
        when 'trace' then 'must be a text of at most 500 characters'
        when 'answers' then 'must be the id of a message'
        when 'backoff' then 'must be { base, factor, cap }: seconds up to a day, 1 to 10, seconds up to a week'
        when 'target' then 'must be one of { agent: uuid }, { type }, { capabilities: [text] }'
        else 'is no field of a job' end),
      'Nothing was added. Correct it, or leave the job out.', jsonb_build_object('index', fault.index, 'field', fault.field));
  end if;
end
$$;

comment on function mayfly_private.check_jobs is 'Refuses jobs that have a fault, naming index and field.';

-- Who claims, with scope job:work, after it has been locked against its end: a shared lock on the tenant, the agent and
-- every ancestor, held until commit, and only then the look whether they live. So a lease is proof of life: whoever
-- ends an agent waits for claims under way, and takes their leases (end_leases). `expires_at` is the first end in the
-- agent's line: no lease is longer. A person has no end of its own; the secret key without a tenant works for all.

create type mayfly_private.claiming_worker as (
  kind text,
  tenant_id uuid,
  id uuid,
  expires_at timestamptz,
  type text,
  capabilities text[]
);

create function mayfly_private.claiming_worker(any_tenant boolean)
returns mayfly_private.claiming_worker
language plpgsql security definer
set search_path = ''
as $$
declare
  claims constant jsonb := nullif(current_setting('request.jwt.claims', true), '');
  named constant uuid := case when claims ->> 'iss' = 'mayfly' then mayfly_private.to_uuid(claims -> 'mayfly' ->> 'tenant') end;
  caller mayfly_private.caller;
  worker mayfly_private.claiming_worker;
begin
  if named is not null then
    perform pg_advisory_xact_lock_shared(hashtextextended('mayfly.jobs ' || l.id, 0))
    from (
      select named as id, 0 as nth
      union all
      select unnest(a.ancestors || a.id), 1 from mayfly.agents a
      where a.tenant_id = named and a.id = mayfly_private.to_uuid(claims ->> 'sub')
      order by nth, id) l;
  end if;
  caller := mayfly_private.caller();
  if caller.kind = 'agent' and not any_tenant and 'job:work' = any (caller.scopes) then
    select 'agent', a.tenant_id, a.id, (
        select min(l.expires_at) from mayfly.agents l where l.tenant_id = a.tenant_id and l.id = any (a.ancestors || a.id)),
      a.type, a.capabilities
    into worker
    from mayfly.agents a where a.tenant_id = caller.tenant_id and a.id = caller.id;
    return worker;
  elsif any_tenant then
    if caller.kind is distinct from 'secret' then
      perform mayfly_private.fail(403, 'not_authorized', 'Only the secret key works for every tenant.',
        'Claim in your own tenant: claim_jobs.');
    end if;
    return row('secret', null, '00000000-0000-0000-0000-000000000000', 'infinity', null, '{}')::mayfly_private.claiming_worker;
  end if;
  worker := row(caller.kind, mayfly_private.require_tenant('job:work'), coalesce(caller.id, '00000000-0000-0000-0000-000000000000'),
    'infinity', null, '{}')::mayfly_private.claiming_worker;
  return worker;
end
$$;

comment on function mayfly_private.claiming_worker is 'Who claims, locked against its end.';

-- The definer half of mayfly.claim_jobs. Scope job:work. Locks the tenant, the agent and its line (shared, advisory),
-- then the jobs that it takes; waits for none.

create function mayfly_private.claim_jobs(
  wanted integer, queues text[], names text[], lease double precision, place jsonb, park uuid, any_tenant boolean
)
returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  worker constant mayfly_private.claiming_worker := mayfly_private.claiming_worker(any_tenant);
  answer jsonb;
begin
  perform mayfly_private.check_claim(wanted, queues, names, lease);
  perform mayfly_private.tick_jobs();
  answer := mayfly_private.take_jobs(worker, wanted, queues, names, lease, place);
  if park is not null and answer -> 'jobs' = '[]' then
    perform mayfly_private.park_worker(worker.tenant_id, park);
  end if;
  return answer;
end
$$;

comment on function mayfly_private.claim_jobs is 'Claims jobs that are ready.';

grant execute on function mayfly_private.claim_jobs to authenticated, service_role;

-- Claims up to `wanted` jobs of the tenant for `lease` seconds, of these queues and these names alone where they are
-- given; never one whose target the caller is not. Each comes with its lease, which every later write names. Pass the
-- `place` of the last answer. With `park`, an id of the worker's own, it is woken when there is something again.

create function mayfly.claim_jobs(
  wanted integer default 1, queues text[] default null, names text[] default null, lease double precision default 30,
  place jsonb default null, park uuid default null
)
returns jsonb
language sql
set search_path = ''
return mayfly_private.claim_jobs(wanted, queues, names, lease, place, park, false);

comment on function mayfly.claim_jobs is
  'Claims jobs that are ready: { jobs: [{ lease, id, name, input, attempt, … }], place, took }.';

grant execute on function mayfly.claim_jobs to authenticated, service_role;

-- Claims jobs of any tenant, for the secret key alone: for a fleet of one's own that works for all. Fair among the
-- tenants by their weights; pass the `place` of the last answer, so that the next claim goes on after the last tenant.
-- The lease of each job says its tenant, and every later write takes it from there.

create function mayfly.claim_any_jobs(
  wanted integer default 1, queues text[] default null, names text[] default null, lease double precision default 30,
  place jsonb default null, park uuid default null
)
returns jsonb
language sql
set search_path = ''
return mayfly_private.claim_jobs(wanted, queues, names, lease, place, park, true);

comment on function mayfly.claim_any_jobs is
  'Claims jobs of any tenant, for the secret key: { jobs: [{ lease, id, tenant_id, name, input, attempt, … }], place, took }.';

grant execute on function mayfly.claim_any_jobs to service_role;

-- Who writes under a lease: what fences ask. An agent's is not asked whether it lives: its lease is proof of that
-- (until never exceeds the end of its line, and whoever ends an agent takes its leases in the same transaction),
-- which saves the walk up its ancestors at each write. Of an agent `tenant_id` is its own; of a person, that of the
-- request; of the secret key none: it takes the tenant from the lease. Locks nothing.

create type mayfly_private.job_holder as (
  kind text,
  tenant_id uuid,
  id uuid
);

create function mayfly_private.job_holder()
returns mayfly_private.job_holder
language plpgsql stable security definer
set search_path = ''
as $$
declare
  claims constant jsonb := nullif(current_setting('request.jwt.claims', true), '');
begin
  if claims ->> 'role' = 'service_role' then
    return row('secret', (mayfly_private.caller()).tenant_id, '00000000-0000-0000-0000-000000000000')::mayfly_private.job_holder;
  elsif claims ->> 'role' = 'authenticated' and claims ->> 'iss' = 'mayfly' and mayfly_private.is_timely(claims)
    and not claims -> 'mayfly' ?| '{enrolment,renewal}'
    and mayfly_private.to_uuid(claims ->> 'sub') is not null then
    return row('agent', mayfly_private.to_uuid(claims -> 'mayfly' ->> 'tenant'), (claims ->> 'sub')::uuid)::mayfly_private.job_holder;
  end if;
  return row('person', mayfly_private.require_tenant('job:work'), mayfly_private.caller_id())::mayfly_private.job_holder;
end
$$;

comment on function mayfly_private.job_holder is 'Who writes under a lease.';

-- The definer half of mayfly.complete_jobs. One fence for all of the batch: running, this attempt, this holder, not
-- over, and locked. What was cancelled meanwhile ends as cancelled. A call that comes again, since its answer was lost,
-- changes nothing and finds its jobs recorded. Locks the jobs by tenant and id.

create function mayfly_private.complete_jobs(done jsonb)
returns jsonb
language plpgsql security definer
set search_path = ''
set plan_cache_mode = force_generic_plan
set enable_seqscan = off
set enable_bitmapscan = off
set enable_hashjoin = off
set enable_mergejoin = off
set jit = off
as $$
declare
  holder constant mayfly_private.job_holder := mayfly_private.job_holder();
  ts constant timestamptz := clock_timestamp();
  fault integer;
  t_ids uuid[];
  j_ids uuid[];
  cancels integer[];
  results jsonb[];
  of record;
  dropped integer[];
  lost integer[];
begin
  if jsonb_typeof(done) is distinct from 'array' or jsonb_array_length(done) not between 1 and 1000 then
    perform mayfly_private.fail(400, 'invalid_request', 'done must be an array of 1 to 1000 { lease, result? }.', null, '{"field": "done"}');
  end if;
  select o.n - 1 into fault from jsonb_array_elements(done) with ordinality as o (d, n)
  where jsonb_typeof(o.d) <> 'object' or octet_length((o.d -> 'result')::text) > 262144
    or (o.d ? 'result' and not (mayfly_private.json_within(o.d -> 'result', 262144, 32) and mayfly_private.numbers_kept(o.d -> 'result')))
  order by o.n limit 1;
  if found then
    perform mayfly_private.fail(400, 'invalid_request',
      format('done[%s].result must be at most 256 KB of JSON, at most 32 deep, with no number that JavaScript cannot hold.', fault),
      'Nothing was completed. Keep what is large elsewhere, and give a reference to it.', jsonb_build_object('index', fault, 'field', 'result'));
  end if;

  with given as materialized (
    select o.n - 1 as n, o.d -> 'result' as result, l.tenant_id, l.job_id, l.attempt
    from jsonb_array_elements(done) with ordinality as o (d, n), mayfly_private.lease_of(holder, o.d ->> 'lease') l
  ), held as materialized (
    select g.n, h.tenant_id, h.id, h.cancelled, g.result
    from (select * from given order by given.tenant_id, given.job_id) g
    cross join lateral (
      select j.tenant_id, j.id, j.status, j.attempt, j.holder, j.lease_end, j.cancelled from mayfly.jobs j
      where j.tenant_id = g.tenant_id and j.id = g.job_id limit 1 for update) h
    where h.status = 'running' and h.attempt = g.attempt and h.holder = holder.id and h.lease_end > ts
  )
  select
    (select array_agg(h.tenant_id order by h.tenant_id, h.id) from held h),
    (select array_agg(h.id order by h.tenant_id, h.id) from held h),
    (select array_agg(h.cancelled::integer order by h.tenant_id, h.id) from held h),
    (select array_agg(h.result order by h.tenant_id, h.id) from held h),
    (select coalesce(array_agg(h.n order by h.n), '{}') from held h where h.cancelled),
    (select coalesce(array_agg(g.n order by g.n), '{}') from given g where not exists (select from held h where h.n = g.n))
  into t_ids, j_ids, cancels, results, dropped, lost;

  -- Mostly of one tenant.
  for of in
    select t.tenant_id, t.cancelled, array_agg(t.id) as ids, array_agg(t.result) as results
    from unnest(t_ids, j_ids, cancels, results) as t (tenant_id, id, cancelled, result)
    group by t.tenant_id, t.cancelled order by t.tenant_id
  loop
    if of.cancelled = 1 then
      perform mayfly_private.end_jobs(of.tenant_id, of.ids, 'cancelled', null, null);
    else
      perform mayfly_private.end_jobs(of.tenant_id, of.ids, 'succeeded', null, of.results);
    end if;
  end loop;

  if cardinality(lost) > 0 then
    -- Whoever holds nothing may not even live.
    if holder.kind = 'agent' and j_ids is null then
      perform mayfly_private.require_tenant('job:work');
    end if;
    lost := array(
      select t.n from unnest(lost) as t (n), mayfly_private.lease_of(holder, done -> t.n ->> 'lease') l
      where not exists (
        select from mayfly.finished_jobs f
        where f.tenant_id = l.tenant_id and f.id = l.job_id and f.attempt = l.attempt and f.holder = holder.id
          and f.status in ('succeeded', 'cancelled'))
      order by t.n);
  end if;
  return jsonb_build_object('lost', to_jsonb(lost), 'cancelled', to_jsonb(dropped));
end
$$;

comment on function mayfly_private.complete_jobs is 'Completes jobs under their leases.';

grant execute on function mayfly_private.complete_jobs to authenticated, service_role;

-- Completes 1 to 1,000 jobs: [{ lease, result? }]. Gives { lost, cancelled }, by their places in the call from 0 on:
-- those whose lease was not the caller's any more, of which nothing was recorded, and those that had been cancelled.

create function mayfly.complete_jobs(done jsonb)
returns jsonb
language sql
set search_path = ''
return mayfly_private.complete_jobs(done);

comment on function mayfly.complete_jobs is
  'Completes jobs: [{ lease, result? }] gives { lost: [place], cancelled: [place] }, from 0 on. What is lost was not recorded.';

grant execute on function mayfly.complete_jobs to authenticated, service_role;

-- The numbers that a field of a cron line means, in their order; null where it means none: `*`, `5`, `1-5`, `*/15`,
-- `10-40/10`, `mon-fri`, and lists of them with commas.

create function mayfly_private.cron_field(field text, low integer, high integer, names text[])
returns integer[]
language plpgsql immutable
set search_path = ''
as $$
declare
  part text;
  bounds text[];
  bound text;
  ends integer[];
  step integer;
  found_numbers integer[] := '{}';
begin
  foreach part in array string_to_array(lower(field), ',') loop
    if part !~ '^(\*|\?|[a-z0-9]{1,3}(-[a-z0-9]{1,3})?)(/[0-9]{1,2})?$' then
      return null;
    end if;
    step := coalesce(nullif(split_part(part, '/', 2), '')::integer, 1);
    part := split_part(part, '/', 1);
    if step = 0 then
      return null;
    elsif part in ('*', '?') then
      ends := array[low, high];
    else
      bounds := string_to_array(part, '-');
      ends := '{}';
      foreach bound in array bounds loop
        if bound ~ '^[0-9]+$' then
          ends := ends || bound::integer;
        elsif array_position(names, bound) is not null then
          ends := ends || (array_position(names, bound) - 1 + case when low = 1 then 1 else 0 end);
        else
          return null;
        end if;
      end loop;
      -- `5/15` begins at 5 and goes on to the end.
      if cardinality(ends) = 1 then
        ends := ends || case when step > 1 then high else ends[1] end;
      end if;
    end if;
    if ends[1] < low or ends[2] > high or ends[1] > ends[2] then
      return null;
    end if;
    found_numbers := found_numbers || array(select generate_series(ends[1], ends[2], step));
  end loop;
  return array(select distinct n from unnest(found_numbers) n order by n);
end
$$;

comment on function mayfly_private.cron_field is 'The numbers that a field of a cron line means.';

-- Deletes ended jobs with their steps, attempts, signals and keys, and gives their bytes back. For retention and
-- discard_jobs, as owner. Locks what it deletes.

create function mayfly_private.delete_finished(tenant uuid, ids uuid[])
returns void
language plpgsql security definer
set search_path = ''
as $$
declare
  freed bigint := 0;
  more bigint;
begin
  if coalesce(cardinality(ids), 0) = 0 then
    return;
  end if;
  with gone as (delete from mayfly.job_steps s where s.tenant_id = tenant and s.job_id = any (ids) returning s.bytes)
  select coalesce(sum(g.bytes), 0) into more from gone g;
  freed := freed + more;
  with gone as (delete from mayfly.job_signals s where s.tenant_id = tenant and s.job_id = any (ids) returning s.bytes)
  select coalesce(sum(g.bytes), 0) into more from gone g;
  freed := freed + more;
  delete from mayfly.job_attempts a where a.tenant_id = tenant and a.job_id = any (ids);
  delete from mayfly_private.job_keys k where k.tenant_id = tenant and k.job_id = any (ids) and k.key in (
    select f.key from mayfly.finished_jobs f where f.tenant_id = tenant and f.id = any (ids));
  with gone as (delete from mayfly.finished_jobs f where f.tenant_id = tenant and f.id = any (ids) returning f.bytes)
  select coalesce(sum(g.bytes), 0) into more from gone g;
  perform mayfly_private.count_usage(tenant, 0, -(freed + more), 0);
end
$$;

comment on function mayfly_private.delete_finished is 'Deletes ended jobs with what belongs to them.';

-- The definer half of mayfly.delete_schedule. Jobs that it has added stay. Locks the schedule.

create function mayfly_private.delete_schedule(name text)
returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  tenant constant uuid := mayfly_private.require_tenant('job:admin');
  freed integer;
begin
  delete from mayfly.job_schedules s where s.tenant_id = tenant and s.name = delete_schedule.name returning s.bytes into freed;
  if freed is not null then
    perform mayfly_private.count_usage(tenant, 0, -freed, 0);
  end if;
  return jsonb_build_object('deleted', freed is not null);
end
$$;

comment on function mayfly_private.delete_schedule is 'Deletes a schedule.';

grant execute on function mayfly_private.delete_schedule to authenticated, service_role;

-- Deletes a schedule; jobs that it has added stay. Scope job:admin.

create function mayfly.delete_schedule(name text)
returns jsonb
language sql
set search_path = ''
return mayfly_private.delete_schedule(name);

comment on function mayfly.delete_schedule is 'Deletes a schedule: { deleted }. Jobs that it has added stay.';

grant execute on function mayfly.delete_schedule to authenticated, service_role;

-- Puts one message into the inbox of its recipient, as send_messages does for its caller: here the sender is the one
-- that did the job. The id of the message is that of the job, so that it is sent once. Locks the inbox.

create function mayfly_private.deliver_answer(
  tenant uuid, job uuid, sender uuid, recipient uuid, message uuid, conversation uuid, correlation text, content jsonb
)
returns void
language plpgsql security definer
set search_path = ''
as $$
declare
  bytes integer;
  box mayfly.inboxes;
begin
  insert into mayfly.messages (tenant_id, id, type, sender_id, sender_kind, target, conversation_id, correlation_id, reply_to, payload)
  values (tenant, job, 'task_result', sender,
    case when sender is null then 'service'
      when exists (select from mayfly.agents a where a.tenant_id = tenant and a.id = sender) then 'agent' else 'person' end,
    jsonb_build_object('agent', recipient), conversation, correlation, message,
    case when octet_length(content::text) <= 262144 then content else content - 'result' end)
  on conflict do nothing
  returning mayfly.messages.bytes into bytes;
  if not found then
    return;
  end if;
  perform mayfly_private.charge(tenant, 0, 160 + bytes, 1);
  insert into mayfly.inboxes as b (tenant_id, recipient_id, last_seq) values (tenant, recipient, 1)
  on conflict (tenant_id, recipient_id) do update set last_seq = b.last_seq + 1
  returning * into box;
  insert into mayfly.deliveries (tenant_id, recipient_id, seq, message_id, sender_id, session, attempts)
  values (tenant, recipient, box.last_seq, job, sender, box.session, case when box.session is null then 0 else 1 end);
  perform mayfly_private.announce(tenant, array[job], false);
end
$$;

comment on function mayfly_private.deliver_answer is 'Puts the answer of a job into an inbox.';

-- The definer half of mayfly.discard_jobs. Locks the jobs.

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

-- Deletes dead letters for good: those of these ids, of this queue, or all, at most max_rows at once. Scope job:admin.

create function mayfly.discard_jobs(ids uuid[] default null, of_queue text default null, max_rows integer default 1000)
returns jsonb
language sql
set search_path = ''
return mayfly_private.discard_jobs(ids, of_queue, max_rows);

comment on function mayfly.discard_jobs is 'Deletes failed jobs for good: { discarded }.';

grant execute on function mayfly.discard_jobs to authenticated, service_role;

-- Ends jobs that are locked by the caller: moves them to finished_jobs, logs it, tells their parents, and answers the
-- messages that they were made of. Errors and results go with the ids; either list may be null. The bytes of a result
-- over 256 are counted, never refused: what is done is recorded.

create function mayfly_private.end_jobs(tenant uuid, ids uuid[], ended text, errors jsonb[], results jsonb[])
returns void
language plpgsql security definer
set search_path = ''
set plan_cache_mode = force_generic_plan
as $$
declare
  more bigint;
  related boolean;
  answering boolean;
begin
  if coalesce(cardinality(ids), 0) = 0 then
    return;
  end if;
  with gone as (
    delete from mayfly.jobs j where j.tenant_id = tenant and j.id = any (ids)
    returning j.*
  ), kept as (
    insert into mayfly.finished_jobs (tenant_id, id, queue, name, lane, status, priority, run_at, attempt, max_attempts, holder,
      started_at, timeout, backoff, target, parent_id, root_id, key, answers, trace, error, created_by, created_at, bytes, input, result)
    select g.tenant_id, g.id, g.queue, g.name, g.lane, ended, g.priority, g.run_at, g.attempt, g.max_attempts, g.holder,
      g.started_at, g.timeout, g.backoff, g.target, g.parent_id, g.root_id, g.key, g.answers, g.trace,
      coalesce(x.error, g.error), g.created_by, g.created_at, g.bytes + greatest(0, coalesce(octet_length(x.result::text), 0) - 256),
      g.input, x.result
    from unnest(ids, errors, results) as x (id, error, result)
    join gone g on g.id = x.id
    returning parent_id, answers, result
  )
  select coalesce(sum(greatest(0, coalesce(octet_length(k.result::text), 0) - 256)), 0), bool_or(k.parent_id is not null), bool_or(k.answers is not null)
  into more, related, answering
  from kept k;
  if more > 0 then
    perform mayfly_private.count_usage(tenant, 0, more, 0);
  end if;
  perform mayfly_private.log_jobs(tenant, 'job.' || ended, ids);
  if related then
    perform mayfly_private.tell_parents(tenant, ids);
  end if;
  if answering then
    perform mayfly_private.answer_messages(tenant, ids);
  end if;
end
$$;

comment on function mayfly_private.end_jobs is 'Ends locked jobs.';

-- The definer half of mayfly.fail_jobs. A job that may be tried again, and has an attempt left, is scheduled after its
-- backoff with full jitter (Brooker, "Exponential Backoff And Jitter", AWS 2015): a random part of base * factor^n, n
-- being the failures before, cap at most. Waits and polite returns are no failures. Locks the jobs by tenant and id.

create function mayfly_private.fail_jobs(failures jsonb)
returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  holder constant mayfly_private.job_holder := mayfly_private.job_holder();
  ts constant timestamptz := clock_timestamp();
  fault record;
  failure record;
  job mayfly.jobs;
  failed_with jsonb;
  pause double precision;
  outcomes jsonb := '{}';
  held integer := 0;
begin
  if jsonb_typeof(failures) is distinct from 'array' or jsonb_array_length(failures) not between 1 and 1000 then
    perform mayfly_private.fail(400, 'invalid_request', 'failures must be an array of 1 to 1000 { lease, error, retryable?, retry_in? }.',
      null, '{"field": "failures"}');
  end if;
  select o.n - 1 as index, case
      when jsonb_typeof(o.f -> 'error') is distinct from 'object' or jsonb_typeof(o.f -> 'error' -> 'message') is distinct from 'string' then 'error'
      when coalesce(jsonb_typeof(o.f -> 'retryable'), 'null') not in ('boolean', 'null') then 'retryable'
      when not mayfly_private.number_within(o.f -> 'retry_in', 0, 31536000) then 'retry_in' end as field
  into fault
  from jsonb_array_elements(failures) with ordinality as o (f, n)
  where jsonb_typeof(o.f -> 'error') is distinct from 'object' or jsonb_typeof(o.f -> 'error' -> 'message') is distinct from 'string'
    or coalesce(jsonb_typeof(o.f -> 'retryable'), 'null') not in ('boolean', 'null') or not mayfly_private.number_within(o.f -> 'retry_in', 0, 31536000)
  order by o.n limit 1;
  if found then
    perform mayfly_private.fail(400, 'invalid_request', format('failures[%s].%s must be %s.', fault.index, fault.field, case fault.field
        when 'error' then '{ code?, message }' when 'retryable' then 'true or false' else 'seconds from 0 to 31536000' end),
      'Nothing was recorded.', jsonb_build_object('index', fault.index, 'field', fault.field));
  end if;

  for failure in
    select o.n, o.f, o.f ->> 'lease' as token, l.tenant_id, l.job_id, l.attempt
    from jsonb_array_elements(failures) with ordinality as o (f, n), mayfly_private.lease_of(holder, o.f ->> 'lease') l
    order by l.tenant_id, l.job_id
  loop
    select * into job from mayfly.jobs j where j.tenant_id = failure.tenant_id and j.id = failure.job_id for update;
    if job.id is null or job.status <> 'running' or job.attempt <> failure.attempt or job.holder <> holder.id or job.lease_end <= ts then
      outcomes := outcomes || jsonb_build_object(failure.n - 1, case
        -- The same call again.
        when exists (select from mayfly.job_attempts a where a.tenant_id = failure.tenant_id and a.job_id = failure.job_id
          and a.attempt = failure.attempt and a.holder = holder.id and a.error ->> 'code' not in ('lease_ended', 'worker_ended', 'job_timeout')) then 'recorded'
        else 'lost' end);
      continue;
    end if;
    held := held + 1;
    failed_with := jsonb_build_object('code', left(coalesce(failure.f -> 'error' ->> 'code', 'failed'), 100),
      'message', left(failure.f -> 'error' ->> 'message', 2000));
    insert into mayfly.job_attempts (tenant_id, job_id, attempt, holder, started_at, error)
    values (job.tenant_id, job.id, job.attempt, job.holder, job.started_at, failed_with)
    on conflict do nothing;
    if job.cancelled then
      perform mayfly_private.end_jobs(job.tenant_id, array[job.id], 'cancelled', null, null);
      outcomes := outcomes || jsonb_build_object(failure.n - 1, 'cancelled');
    elsif coalesce((failure.f ->> 'retryable')::boolean, true) and job.attempt < job.max_attempts then
      pause := coalesce((failure.f ->> 'retry_in')::double precision, random() * least(
        coalesce((job.backoff ->> 'cap')::double precision, 300),
        coalesce((job.backoff ->> 'base')::double precision, 1) * power(coalesce((job.backoff ->> 'factor')::double precision, 2), least(30, (
          select count(*) - 1 from mayfly.job_attempts a where a.tenant_id = job.tenant_id and a.job_id = job.id)))));
      if pause > 0 then
        update mayfly.jobs j
        set status = 'scheduled', run_at = ts + make_interval(secs => pause), holder = null, lease_end = null, error = failed_with
        where j.tenant_id = job.tenant_id and j.id = job.id;
      else
        update mayfly.jobs j set error = failed_with where j.tenant_id = job.tenant_id and j.id = job.id;
        perform mayfly_private.ready_jobs(job.tenant_id, array[job.id]);
      end if;
      perform mayfly_private.log_jobs(job.tenant_id, 'job.retrying', array[job.id]);
      outcomes := outcomes || jsonb_build_object(failure.n - 1, 'retrying');
    else
      perform mayfly_private.end_jobs(job.tenant_id, array[job.id], 'failed', array[failed_with], null);
      outcomes := outcomes || jsonb_build_object(failure.n - 1, 'failed');
    end if;
  end loop;
  if holder.kind = 'agent' and held = 0 then
    -- Whoever holds nothing may not even live.
    perform mayfly_private.require_tenant('job:work');
  end if;
  return (select jsonb_agg(outcomes -> (n - 1)::text order by n) from generate_series(1, jsonb_array_length(failures)) n);
end
$$;

comment on function mayfly_private.fail_jobs is 'Records that attempts of jobs failed.';

grant execute on function mayfly_private.fail_jobs to authenticated, service_role;

-- Records that attempts failed: [{ lease, error: { code?, message }, retryable?, retry_in? }]. Gives for each, in their
-- order: retrying, failed (a dead letter), cancelled, recorded (by an earlier call) or lost.

create function mayfly.fail_jobs(failures jsonb)
returns jsonb
language sql
set search_path = ''
return mayfly_private.fail_jobs(failures);

comment on function mayfly.fail_jobs is
  'Records that attempts failed: [{ lease, error: { code?, message }, retryable?, retry_in? }] gives [retrying | failed | cancelled | recorded | lost].';

grant execute on function mayfly.fail_jobs to authenticated, service_role;

-- A lease token is `attempt.job.tenant`. It is no secret: what fences is that the job is running, at this attempt,
-- held by the caller, and that its lease has not ended. One that has not this form is no lease: null.

create type mayfly_private.lease as (
  tenant_id uuid,
  job_id uuid,
  attempt integer
);

create function mayfly_private.lease_of(holder mayfly_private.job_holder, token text)
returns mayfly_private.lease
language plpgsql immutable
set search_path = ''
as $$
begin
  if token ~ '^[0-9]{1,9}\.[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\.[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$'
    and split_part(token, '.', 3)::uuid = coalesce(holder.tenant_id, split_part(token, '.', 3)::uuid) then
    return row(split_part(token, '.', 3)::uuid, split_part(token, '.', 2)::uuid, split_part(token, '.', 1)::integer)::mayfly_private.lease;
  end if;
  return null;
end
$$;

comment on function mayfly_private.lease_of is 'What a lease token says, for this holder.';

-- The one fence: the job of a lease, locked until commit, if the lease is the caller's and has not ended; else
-- lease_lost, or job_cancelled where somebody has cancelled it. Called first by every write under a lease that is not
-- a batch; the batches ask the same. FOR NO KEY UPDATE: a weaker lock would not keep a stop from releasing the job.

create function mayfly_private.fence_job(token text)
returns mayfly.jobs
language plpgsql security definer
set search_path = ''
as $$
declare
  holder constant mayfly_private.job_holder := mayfly_private.job_holder();
  lease constant mayfly_private.lease := mayfly_private.lease_of(holder, token);
  job mayfly.jobs;
begin
  select * into job from mayfly.jobs j
  where j.tenant_id = lease.tenant_id and j.id = lease.job_id
  for no key update;
  if job.id is null or job.status <> 'running' or job.attempt <> lease.attempt or job.holder <> holder.id
    or job.lease_end <= clock_timestamp() then
    perform mayfly_private.fail(409, 'lease_lost', 'The lease of this job is over: it has ended, or somebody else has the job.',
      'Stop working on it. What was recorded is kept; the job runs again, or has ended.', '{"field": "lease"}');
  elsif job.cancelled then
    perform mayfly_private.fail(409, 'job_cancelled', 'The job was cancelled.', 'Stop working on it, and fail or complete it.',
      jsonb_build_object('id', job.id));
  end if;
  return job;
end
$$;

comment on function mayfly_private.fence_job is 'The job of a lease, locked; fails unless the lease is the caller''s.';

-- Adds the jobs of schedules that are due, of every tenant, at most max_rows of them, and sets when each is due next.
-- Called in passing by claims and by maintenance. A schedule that another transaction fires is passed by; one that
-- fails (its tenant is full) is noted and tried at its next time. Each firing has a key, so that it adds one job.

create function mayfly_private.fire_schedules(max_rows integer)
returns integer
language plpgsql security definer
set search_path = ''
as $$
declare
  ts constant timestamptz := clock_timestamp();
  schedule mayfly.job_schedules;
  due timestamptz;
  dues timestamptz[];
  answer jsonb;
  missed integer;
  why text;
  fired integer := 0;
begin
  for schedule in
    select * from mayfly.job_schedules s where s.next_at <= ts order by s.next_at limit max_rows for update skip locked
  loop
    dues := '{}';
    missed := 0;
    due := schedule.next_at;
    while due <= ts loop
      dues := dues || due;
      due := mayfly_private.next_cron(schedule.cron, schedule.time_zone, due);
      -- However long nothing ran: of more than 100 the rest is one.
      if cardinality(dues) >= 100 then
        due := mayfly_private.next_cron(schedule.cron, schedule.time_zone, ts);
        exit;
      end if;
    end loop;
    if schedule.catch_up = 'none' then
      missed := cardinality(dues);
      dues := array(select d from unnest(dues) d where d > ts - interval '1 minute' order by d desc limit 1);
      missed := missed - cardinality(dues);
    elsif schedule.catch_up = 'one' then
      missed := cardinality(dues) - 1;
      dues := dues[cardinality(dues):];
    end if;
    if schedule.overlap = 'skip' and exists (
      select from mayfly.jobs j where j.tenant_id = schedule.tenant_id and j.id = schedule.last_job) then
      missed := missed + cardinality(dues);
      dues := '{}';
    elsif schedule.overlap = 'skip' and cardinality(dues) > 1 then
      missed := missed + cardinality(dues) - 1;
      dues := dues[1:1];
    end if;

    why := null;
    answer := null;
    begin
      if cardinality(dues) > 0 then
        answer := mayfly_private.insert_jobs(schedule.tenant_id, (
          select jsonb_agg(schedule.options || jsonb_build_object('name', schedule.job, 'input', schedule.input,
            'key', format('schedule:%s:%s', schedule.name, to_char(d at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'))) order by d)
          from unnest(dues) d), schedule.created_by, null, null);
        fired := fired + cardinality(dues);
      end if;
    exception when others then
      why := left(case when sqlstate = 'PGRST' and pg_input_is_valid(sqlerrm, 'jsonb') then sqlerrm::jsonb ->> 'message' else sqlerrm end, 300);
    end;
    update mayfly.job_schedules s
    set next_at = due, last_at = case when answer is not null then ts else s.last_at end,
      last_job = coalesce((answer -> -1 ->> 'id')::uuid, s.last_job), skipped = s.skipped + missed, error = why
    where s.tenant_id = schedule.tenant_id and s.name = schedule.name;
  end loop;
  return fired;
end
$$;

comment on function mayfly_private.fire_schedules is 'Adds the jobs of schedules that are due.';

-- A job with its steps, its failed attempts, the signals that wait for it and its children.
-- Of more than 1,000 steps or children the first are given. Callers with job:read. Locks nothing.

create function mayfly.get_job(id uuid)
returns jsonb
language plpgsql stable
set search_path = ''
as $$
declare
  tenant constant uuid := mayfly_private.require_tenant('job:read');
  job jsonb;
begin
  select to_jsonb(j) - '{tenant_id,lane,seq,bytes,holder,lease_end}'::text[] || jsonb_build_object('holder', j.holder, 'lease_end', j.lease_end) into job
  from mayfly.jobs j where j.tenant_id = tenant and j.id = get_job.id;
  if not found then
    select to_jsonb(f) - '{tenant_id,lane,bytes}'::text[] into job from mayfly.finished_jobs f where f.tenant_id = tenant and f.id = get_job.id;
  end if;
  if job is null then
    perform mayfly_private.fail(404, 'job_unknown', 'There is no such job.', null, '{"field": "id"}');
  end if;
  return jsonb_strip_nulls(job - '{input,result}'::text[])
    || jsonb_build_object('input', job -> 'input', 'result', job -> 'result',
      'timeout', (select extract(epoch from (job ->> 'timeout')::interval)),
      'steps', (
        select coalesce(jsonb_agg(jsonb_build_object('name', s.name, 'result', s.result, 'attempt', s.attempt, 'ms', s.ms, 'at', s.at) order by s.at, s.name), '[]')
        from (
          select * from mayfly.job_steps s where s.tenant_id = tenant and s.job_id = get_job.id order by s.at limit 1000) s),
      'attempts', (
        select coalesce(jsonb_agg(jsonb_build_object('attempt', a.attempt, 'holder', a.holder, 'started_at', a.started_at,
          'ended_at', a.ended_at, 'error', a.error) order by a.attempt), '[]')
        from mayfly.job_attempts a where a.tenant_id = tenant and a.job_id = get_job.id),
      'signals', (
        select coalesce(jsonb_agg(jsonb_build_object('name', s.name, 'at', s.at) order by s.id), '[]')
        from mayfly.job_signals s where s.tenant_id = tenant and s.job_id = get_job.id),
      'children', (
        select coalesce(jsonb_agg(jsonb_build_object('id', c.id, 'name', c.name, 'status', c.status) order by c.id), '[]')
        from (
          select j.id, j.name, j.status from mayfly.jobs j where j.tenant_id = tenant and j.parent_id = get_job.id
          union all
          select f.id, f.name, f.status from mayfly.finished_jobs f where f.tenant_id = tenant and f.parent_id = get_job.id
          order by id limit 1000) c));
end
$$;

comment on function mayfly.get_job is 'A job with its steps, failed attempts, signals and children.';

grant execute on function mayfly.get_job to authenticated, service_role;

-- The definer half of mayfly.heartbeat_jobs. The lease never goes past the end of the agent's line, the deadline, or
-- the timeout of the attempt. Locks the jobs by tenant and id; updates in their pages (HOT): no index has lease_end.

create function mayfly_private.heartbeat_jobs(leases text[], lease double precision)
returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  holder constant mayfly_private.job_holder := mayfly_private.job_holder();
  ts constant timestamptz := clock_timestamp();
  until timestamptz := ts + make_interval(secs => lease);
  kept integer[];
  dropped integer[];
begin
  if lease is null or lease not between 1 and 3600 then
    perform mayfly_private.fail(400, 'invalid_request', 'lease must be 1 to 3600 seconds.', null, '{"field": "lease"}');
  elsif leases is null or cardinality(leases) > 1000 then
    perform mayfly_private.fail(400, 'invalid_request', 'leases must be at most 1000.', null, '{"field": "leases"}');
  end if;
  if holder.kind = 'agent' then
    until := (
      select least(until, min(l.expires_at)) from mayfly.agents a
      join mayfly.agents l on l.tenant_id = a.tenant_id and l.id = any (a.ancestors || a.id)
      where a.tenant_id = holder.tenant_id and a.id = holder.id);
  end if;
  with held as materialized (
    select h.tenant_id, h.id, h.cancelled, g.n
    from (
      select t.n - 1 as n, l.tenant_id, l.job_id, l.attempt
      from unnest(leases) with ordinality as t (token, n), mayfly_private.lease_of(holder, t.token) l
      order by l.tenant_id, l.job_id) g
    cross join lateral (
      select * from mayfly.jobs j where j.tenant_id = g.tenant_id and j.id = g.job_id limit 1 for no key update) h
    where h.status = 'running' and h.attempt = g.attempt and h.holder = holder.id and h.lease_end > ts
  ), extended as (
    update mayfly.jobs j set lease_end = greatest(j.lease_end, least(until, j.deadline, j.started_at + j.timeout))
    from held h where j.tenant_id = h.tenant_id and j.id = h.id
  )
  select coalesce(array_agg(h.n), '{}'), coalesce(array_agg(h.n order by h.n) filter (where h.cancelled), '{}') into kept, dropped from held h;
  if holder.kind = 'agent' and cardinality(kept) = 0 then
    -- Whoever holds nothing may not even live.
    perform mayfly_private.require_tenant('job:work');
  end if;
  return jsonb_build_object('lost', to_jsonb(array(select n from generate_series(0, cardinality(leases) - 1) n where n <> all (kept))), 'cancelled', to_jsonb(dropped),
    'lease_end', until);
end
$$;

comment on function mayfly_private.heartbeat_jobs is 'Extends leases.';

grant execute on function mayfly_private.heartbeat_jobs to authenticated, service_role;

-- Extends leases to `lease` seconds from now. Gives { lost, cancelled, lease_end }, by their places from 0 on:
-- those that are not the caller's any more, and those of jobs that somebody has cancelled.

create function mayfly.heartbeat_jobs(leases text[], lease double precision default 30)
returns jsonb
language sql
set search_path = ''
return mayfly_private.heartbeat_jobs(leases, lease);

comment on function mayfly.heartbeat_jobs is
  'Extends leases to so many seconds from now: { lost: [place], cancelled: [place], lease_end }, from 0 on.';

grant execute on function mayfly.heartbeat_jobs to authenticated, service_role;

-- Inserts jobs that check_jobs passed, into a tenant: for add_jobs and schedules. Locks the keys, in their order, so
-- that two calls with the same keys wait for each other in one direction; then a shard of the tenant's usage.

create function mayfly_private.insert_jobs(tenant uuid, jobs jsonb, author uuid, parent uuid, root uuid)
returns jsonb
language plpgsql security definer
set search_path = ''
set plan_cache_mode = force_generic_plan
as $$
declare
  ts constant timestamptz := clock_timestamp();
  answer jsonb;
  added uuid[];
  bytes bigint;
  due boolean;
begin
  with given as materialized (
    -- A UUIDv7 (RFC 9562): Postgres makes them from 18 on.
    select x.*, encode(set_bit(set_bit(overlay(uuid_send(gen_random_uuid())
        placing substring(int8send((extract(epoch from ts) * 1000)::bigint) from 3) from 1 for 6), 52, 1), 53, 1), 'hex')::uuid as id,
      case when x.delay is not null then ts + make_interval(secs => x.delay) else coalesce(x.run_at, ts) end as due_at,
      jsonb_strip_nulls(case when x.target ? 'capabilities'
        then jsonb_build_object('capabilities', (select jsonb_agg(distinct c order by c) from jsonb_array_elements_text(x.target -> 'capabilities') c))
        else x.target end) as aim,
      -- A JSON null becomes {} as nothing does: handlers are given an object unless the caller says another value.
      coalesce(x.input, '{}') as content
    from rows from (jsonb_to_recordset(insert_jobs.jobs) as (
      name text, queue text, "group" text, input jsonb, priority smallint, run_at timestamptz, delay double precision, key text,
      target jsonb, max_attempts integer, backoff jsonb, timeout double precision, deadline timestamptz, trace text, answers uuid
    )) with ordinality as x (
      name, queue, "group", input, priority, run_at, delay, key, target, max_attempts, backoff, timeout, deadline, trace, answers, n)
  ), keyed as (
    insert into mayfly_private.job_keys (tenant_id, key, job_id)
    select tenant, g.key, g.id from given g where g.key is not null
    order by g.key, g.n
    on conflict on constraint job_keys_pkey do nothing
    returning job_id
  ), fresh as materialized (
    select g.* from given g where g.key is null or g.id in (select k.job_id from keyed k)
  ), inserted as (
    insert into mayfly.jobs (tenant_id, id, queue, name, lane, status, priority, run_at, max_attempts, deadline, timeout, backoff, target,
      parent_id, root_id, key, answers, trace, created_by, created_at, bytes, input)
    select tenant, f.id, coalesce(f.queue, f.name), f.name,
      mayfly_private.lane_of(coalesce(f.queue, f.name), f.name, f."group", f.aim),
      case when f.due_at > ts then 'scheduled' else 'ready' end,
      coalesce(f.priority, 0), f.due_at, coalesce(f.max_attempts, 5), f.deadline, make_interval(secs => f.timeout), f.backoff, f.aim,
      parent, root, f.key, f.answers, f.trace, author, ts, 768 + octet_length(f.content::text), f.content
    from fresh f
    order by f.n
    returning id, status, mayfly.jobs.bytes
  )
  select
    (select array_agg(f.id order by f.n) from fresh f),
    (select sum(i.bytes) from inserted i),
    (select bool_or(i.status = 'ready') from inserted i),
    (select jsonb_agg(case
        when g.key is null or g.id in (select k.job_id from keyed k) then jsonb_build_object('id', g.id, 'existing', false)
        else jsonb_build_object('key', g.key, 'existing', true) end order by g.n) from given g)
  into added, bytes, due, answer;

  -- In the next statement, which sees what another transaction has committed meanwhile.
  if coalesce(cardinality(added), 0) < jsonb_array_length(jobs) then
    answer := (
      select jsonb_agg(case when a ? 'key' then jsonb_build_object('existing', true, 'id', (
        select k.job_id from mayfly_private.job_keys k where k.tenant_id = tenant and k.key = a ->> 'key')) else a end order by n)
      from jsonb_array_elements(answer) with ordinality as e (a, n));
  end if;
  if added is not null then
    perform mayfly_private.charge(tenant, 0, bytes, cardinality(added));
    perform mayfly_private.log_jobs(tenant, 'job.added', added);
    if due then
      perform mayfly_private.wake_workers(tenant);
    end if;
  end if;
  return answer;
end
$$;

comment on function mayfly_private.insert_jobs is 'Inserts checked jobs into a tenant.';

-- Whether a text is a cron line that next_cron understands; one that never fires is one too.

create function mayfly_private.is_cron(line text)
returns boolean
language plpgsql immutable
set search_path = ''
as $$
declare
  fields constant text[] := regexp_split_to_array(trim(line), '\s+');
begin
  return lower(trim(line)) in ('@hourly', '@daily', '@midnight', '@weekly', '@monthly', '@yearly', '@annually')
    or coalesce(cardinality(fields) = 5
      and mayfly_private.cron_field(fields[1], 0, 59, '{}') is not null
      and mayfly_private.cron_field(fields[2], 0, 23, '{}') is not null
      and mayfly_private.cron_field(fields[3], 1, 31, '{}') is not null
      and mayfly_private.cron_field(fields[4], 1, 12, '{jan,feb,mar,apr,may,jun,jul,aug,sep,oct,nov,dec}') is not null
      and mayfly_private.cron_field(fields[5], 0, 7, '{sun,mon,tue,wed,thu,fri,sat}') is not null, false);
end
$$;

comment on function mayfly_private.is_cron is 'Whether a text is a cron line.';

-- The queues of the tenant: how much of each stands where, since when the oldest is ready, and how long the newest
-- 10,000 that ended in the last `seconds` waited and ran: 50, 95 and 99 of 100, in milliseconds. Callers with
-- job:read. Locks nothing.

create function mayfly.job_statistics(seconds double precision default 3600)
returns jsonb
language plpgsql stable
set search_path = ''
as $$
declare
  tenant constant uuid := mayfly_private.require_tenant('job:read');
begin
  if seconds is null or seconds not between 1 and 31536000 then
    perform mayfly_private.fail(400, 'invalid_request', 'seconds must be 1 to 31536000.', null, '{"field": "seconds"}');
  end if;
  return (
    with standing as (
      select j.queue, count(*) filter (where j.status = 'ready') as ready, count(*) filter (where j.status = 'running') as running,
        count(*) filter (where j.status = 'scheduled') as scheduled, count(*) filter (where j.status = 'waiting') as waiting,
        min(j.run_at) filter (where j.status = 'ready') as oldest_ready
      from mayfly.jobs j where j.tenant_id = tenant group by j.queue
    ), ended as (
      select f.queue, f.status, extract(epoch from f.started_at - f.run_at) * 1000 as waited, extract(epoch from f.finished_at - f.started_at) * 1000 as ran
      from mayfly.finished_jobs f
      where f.tenant_id = tenant and f.finished_at > clock_timestamp() - make_interval(secs => seconds)
      order by f.finished_at desc limit 10000
    ), summed as (
      select e.queue, count(*) filter (where e.status = 'succeeded') as succeeded, count(*) filter (where e.status = 'failed') as failed,
        count(*) filter (where e.status = 'cancelled') as cancelled,
        percentile_cont('{0.5,0.95,0.99}'::double precision[]) within group (order by greatest(e.waited, 0)) as waited,
        percentile_cont('{0.5,0.95,0.99}'::double precision[]) within group (order by e.ran) as ran
      from ended e group by e.queue
    )
    select coalesce(jsonb_agg(jsonb_build_object(
      'queue', coalesce(s.queue, e.queue), 'ready', coalesce(s.ready, 0), 'running', coalesce(s.running, 0),
      'scheduled', coalesce(s.scheduled, 0), 'waiting', coalesce(s.waiting, 0), 'oldest_ready', s.oldest_ready,
      'succeeded', coalesce(e.succeeded, 0), 'failed', coalesce(e.failed, 0), 'cancelled', coalesce(e.cancelled, 0),
      'wait', jsonb_build_object('p50', round(e.waited[1]::numeric, 1), 'p95', round(e.waited[2]::numeric, 1), 'p99', round(e.waited[3]::numeric, 1)),
      'run', jsonb_build_object('p50', round(e.ran[1]::numeric, 1), 'p95', round(e.ran[2]::numeric, 1), 'p99', round(e.ran[3]::numeric, 1)))
      order by coalesce(s.queue, e.queue)), '[]')
    from standing s full join summed e on e.queue = s.queue);
end
$$;

comment on function mayfly.job_statistics is
  'The queues: how much stands where, and p50, p95, p99 of how long jobs waited and ran in the last so many seconds.';

grant execute on function mayfly.job_statistics to authenticated, service_role;

-- The lane of a job: `queue/name`, with a group `queue/name#group`, and behind a target where it has one:
-- `!a<agent>/…`, `!t<type>/…`, `!c<hash of the capabilities>/…`. Queues and names contain neither / nor # nor !, and
-- begin with a letter or digit, so that lanes of one queue, and those of one target, stand together in the index.
-- A worker finds the lanes it may take from without reading a job of the others.

create function mayfly_private.lane_of(queue text, name text, of_group text, target jsonb)
returns text
language sql immutable parallel safe
set search_path = ''
return case
    when target ? 'agent' then '!a' || lower(target ->> 'agent') || '/'
    when target ? 'capabilities' then '!c' || md5((target -> 'capabilities')::text) || '/'
    when target ? 'type' then '!t' || (target ->> 'type') || '/'
    else ''
  end || queue || '/' || name || coalesce('#' || of_group, '');

comment on function mayfly_private.lane_of is 'The lane of a job.';

-- Jobs without their inputs and results, the newest first, a page at a time. Callers with job:read. Locks nothing.

create function mayfly.list_jobs(
  of_status text[] default null, of_queue text default null, of_name text default null, before uuid default null, page_limit integer default 100
)
returns jsonb
language plpgsql stable
set search_path = ''
as $$
declare
  tenant constant uuid := mayfly_private.require_tenant('job:read');
begin
  if page_limit is null or page_limit not between 1 and 1000 then
    perform mayfly_private.fail(400, 'invalid_request', 'page_limit must be 1 to 1000.', null, '{"field": "page_limit"}');
  elsif not of_status <@ '{scheduled,ready,running,waiting,succeeded,failed,cancelled}'::text[] then
    perform mayfly_private.fail(400, 'invalid_request',
      'of_status must be some of scheduled, ready, running, waiting, succeeded, failed, cancelled.', null, '{"field": "of_status"}');
  end if;
  return (
    select coalesce(jsonb_agg(jsonb_strip_nulls(to_jsonb(p)) order by p.id desc), '[]')
    from (
      select * from (
        (select j.id, j.name, j.queue, j.status, j.priority, j.attempt, j.max_attempts, j.run_at, j.created_at, j.started_at,
            null::timestamptz as finished_at, j.holder, j.parent_id, j.key, j.error, j.wait_for, nullif(j.cancelled, false) as cancelled
          from mayfly.jobs j
          where j.tenant_id = tenant and (before is null or j.id < before) and (of_status is null or j.status = any (of_status))
            and (of_queue is null or j.queue = of_queue) and (of_name is null or j.name = of_name)
          order by j.id desc limit page_limit)
        union all
        (select f.id, f.name, f.queue, f.status, f.priority, f.attempt, f.max_attempts, f.run_at, f.created_at, f.started_at,
            f.finished_at, f.holder, f.parent_id, f.key, f.error, null, null
          from mayfly.finished_jobs f
          where f.tenant_id = tenant and (before is null or f.id < before) and (of_status is null or f.status = any (of_status))
            and (of_queue is null or f.queue = of_queue) and (of_name is null or f.name = of_name)
          order by f.id desc limit page_limit)) b
      order by b.id desc limit page_limit) p);
end
$$;

comment on function mayfly.list_jobs is
  'Jobs without inputs and results, the newest first. Pass the last id as before for the next page.';

grant execute on function mayfly.list_jobs to authenticated, service_role;

-- The schedules of the tenant, by name. Callers with job:read. Locks nothing.

create function mayfly.list_schedules()
returns jsonb
language plpgsql stable
set search_path = ''
as $$
declare
  tenant constant uuid := mayfly_private.require_tenant('job:read');
begin
  return (
    select coalesce(jsonb_agg(mayfly_private.show_schedule(s) order by s.name), '[]')
    from mayfly.job_schedules s where s.tenant_id = tenant);
end
$$;

comment on function mayfly.list_schedules is 'The schedules of the tenant, by name.';

grant execute on function mayfly.list_schedules to authenticated, service_role;

-- Appends what happened to jobs of one tenant to the log, ids alone, and tells its readers. Called by the functions of
-- jobs, in the statement's order: a trigger would fire at every claim, which is no event.

create function mayfly_private.log_jobs(tenant uuid, happened text, ids uuid[])
returns void
language plpgsql security definer
set search_path = ''
as $$
begin
  if cardinality(ids) > 0 then
    insert into mayfly.events (tenant_id, epoch, type, agent_id, subject)
    select tenant, mayfly_private.current_epoch(), happened, c.agent, i.id
    from unnest(ids) with ordinality as i (id, n), (
      -- Without asking the tables: who writes under a lease has been asked. One of another tenant, which fired a
      -- schedule or took a lease in passing, is named to nobody.
      select case when claims ->> 'iss' = 'mayfly' and claims -> 'mayfly' ->> 'tenant' = tenant::text then mayfly_private.to_uuid(claims ->> 'sub') end as agent
      from (select nullif(current_setting('request.jwt.claims', true), '')::jsonb as claims) t) c
    order by i.n;
    perform mayfly_private.nudge(tenant, null);
  end if;
end
$$;

comment on function mayfly_private.log_jobs is 'Appends what happened to jobs to the log.';

-- When a cron line of five fields fires next after an instant, in a time zone; null where it means nothing, or never
-- fires in the next 9 years (the 30th of February). In SQL, so that a schedule goes on whatever runs; tests compare it
-- with a library. Day of month and day of week are alternatives where both are given, as in cron.
--
-- A local time that the change to summer time leaves out is taken an hour later, once. One that the change back repeats is
-- the first of the two; a line whose hour is `*` fires in both.

create function mayfly_private.next_cron(line text, zone text, after timestamptz)
returns timestamptz
language plpgsql stable
set search_path = ''
as $$
declare
  fields constant text[] := regexp_split_to_array(trim(case lower(trim(line))
    when '@hourly' then '0 * * * *' when '@daily' then '0 0 * * *' when '@midnight' then '0 0 * * *' when '@weekly' then '0 0 * * 0'
    when '@monthly' then '0 0 1 * *' when '@yearly' then '0 0 1 1 *' when '@annually' then '0 0 1 1 *' else line end), '\s+');
  minutes integer[];
  hours integer[];
  days integer[];
  months integer[];
  weekdays integer[];
  any_hour boolean;
  today date;
  day date;
  fires timestamptz;
begin
  if cardinality(fields) <> 5 then
    return null;
  end if;
  minutes := mayfly_private.cron_field(fields[1], 0, 59, '{}');
  hours := mayfly_private.cron_field(fields[2], 0, 23, '{}');
  days := mayfly_private.cron_field(fields[3], 1, 31, '{}');
  months := mayfly_private.cron_field(fields[4], 1, 12, '{jan,feb,mar,apr,may,jun,jul,aug,sep,oct,nov,dec}');
  weekdays := mayfly_private.cron_field(fields[5], 0, 7, '{sun,mon,tue,wed,thu,fri,sat}');
  if minutes is null or hours is null or days is null or months is null or weekdays is null then
    return null;
  end if;
  any_hour := cardinality(hours) = 24;
  today := (after at time zone zone)::date;
  for day in
    select d.day from (
      select today + n as day, extract(month from today + n)::integer as month, extract(day from today + n)::integer as in_month,
        extract(dow from today + n)::integer as in_week
      from generate_series(0, 3300) n) d
    where d.month = any (months) and case
      when left(fields[3], 1) in ('*', '?') or left(fields[5], 1) in ('*', '?')
        then d.in_month = any (days) and (d.in_week = any (weekdays) or (d.in_week = 0 and 7 = any (weekdays)))
      else d.in_month = any (days) or d.in_week = any (weekdays) or (d.in_week = 0 and 7 = any (weekdays)) end
    order by d.day
  loop
    select min(i.at) into fires
    from unnest(hours) h, unnest(minutes) m,
      lateral (select day + make_time(h, m, 0) as wall) w,
      lateral (select w.wall at time zone zone as second, (w.wall at time zone zone) - interval '1 hour' as first) t,
      lateral (
        -- Of a local time that comes twice Postgres takes the second.
        select case when t.first at time zone zone = w.wall then t.first else t.second end as at
        union all
        select t.second where any_hour) i
    where i.at > after;
    exit when fires is not null;
  end loop;
  return fires;
end
$$;

comment on function mayfly_private.next_cron is 'When a cron line fires next.';

-- Notes that a worker found nothing and sleeps: whoever makes a job ready then wakes it. For a minute at most; it
-- looks by itself long before. One row a worker; of those whose time is over, some are deleted in passing.

create function mayfly_private.park_worker(tenant uuid, worker uuid)
returns void
language plpgsql security definer
set search_path = ''
as $$
begin
  insert into mayfly_private.job_workers as w (tenant_id, id, until)
  values (coalesce(tenant, '00000000-0000-0000-0000-000000000000'), worker, clock_timestamp() + interval '1 minute')
  on conflict on constraint job_workers_pkey do update set until = excluded.until;
  delete from mayfly_private.job_workers w where (w.tenant_id, w.id) in (
    select o.tenant_id, o.id from mayfly_private.job_workers o
    where o.tenant_id = coalesce(tenant, '00000000-0000-0000-0000-000000000000') and o.until < clock_timestamp()
    limit 20 for update skip locked);
end
$$;

comment on function mayfly_private.park_worker is 'Notes that a worker sleeps.';

-- Makes ready what is due: scheduled jobs, retries, and waits whose time is over. Of every tenant, at most max_rows,
-- from `since` on. Says how many. In PL/pgSQL: a definer function of SQL is planned at each call (0.28 ms to 0.012).
-- Waits for nobody.

create function mayfly_private.promote_jobs(since timestamptz, max_rows integer)
returns integer
language plpgsql security definer
set search_path = ''
set plan_cache_mode = force_generic_plan
set enable_seqscan = off
set enable_bitmapscan = off
set enable_sort = off
set jit = off
as $$
declare
  ts constant timestamptz := clock_timestamp();
  promoted integer;
begin
  update mayfly.jobs j
  set status = 'ready', seq = nextval('mayfly.jobs_seq_seq'), wait_for = null
  where j.ctid = any (array(
    select d.ctid from mayfly.jobs d
    where d.status in ('scheduled', 'waiting') and d.run_at between since and ts
    order by d.run_at
    limit max_rows
    for update skip locked));
  get diagnostics promoted = row_count;
  return promoted;
end
$$;

comment on function mayfly_private.promote_jobs is 'Makes ready what is due.';

-- How many jobs of a lane may begin by now, of `wanted`, where its queue has limits: paused, running at once, in a
-- group, begun in a second. The queue's row is locked until commit and passed by where another claim has it, so that
-- no two claims count the same room, and none waits. Called by take_jobs.

create function mayfly_private.queue_room(tenant uuid, of_lane text, wanted integer)
returns integer
language plpgsql security definer
set search_path = ''
as $$
declare
  label constant text := split_part(case when left(of_lane, 1) = '!' then substr(of_lane, strpos(of_lane, '/') + 1) else of_lane end, '#', 1);
  of_queue constant text := split_part(label, '/', 1);
  queue mayfly.job_queues;
  available double precision;
begin
  select * into queue from mayfly.job_queues q where q.tenant_id = tenant and q.name = of_queue;
  if not found or (not queue.paused and coalesce(queue.max_running, queue.max_running_per_group) is null and queue.rate is null) then
    return wanted;
  elsif queue.paused then
    return 0;
  end if;
  select * into queue from mayfly.job_queues q where q.tenant_id = tenant and q.name = of_queue for no key update skip locked;
  if not found then
    return 0;
  end if;
  if queue.max_running is not null then
    wanted := least(wanted, queue.max_running - (
      select count(*) from mayfly.jobs j where j.tenant_id = tenant and j.status = 'running' and j.queue = of_queue)::integer);
  end if;
  if queue.max_running_per_group is not null and strpos(of_lane, '#') > 0 then
    wanted := least(wanted, queue.max_running_per_group - (
      select count(*) from mayfly.jobs j where j.tenant_id = tenant and j.status = 'running' and j.lane = of_lane)::integer);
  end if;
  if queue.rate is not null then
    available := least(greatest(queue.rate, 1), queue.tokens + greatest(0, extract(epoch from clock_timestamp() - queue.filled_at)) * queue.rate);
    wanted := greatest(0, least(wanted, floor(available)::integer));
    -- What is not there after all was taken from the bucket all the same: a rate is a bound.
    update mayfly.job_queues q set tokens = available - wanted, filled_at = clock_timestamp()
    where q.tenant_id = tenant and q.name = of_queue;
  end if;
  return greatest(wanted, 0);
end
$$;

comment on function mayfly_private.queue_room is 'How many jobs of a lane may begin by now.';

-- The definer half of mayfly.read_steps: for the worker that holds the job, which need not have job:read. Locks nothing
-- for long: the fence.

create function mayfly_private.read_steps(lease text, after text, page_limit integer)
returns jsonb
language plpgsql security definer
set search_path = ''
set enable_seqscan = off
as $$
declare
  job constant mayfly.jobs := mayfly_private.fence_job(lease);
  answer jsonb;
begin
  if page_limit is null or page_limit not between 1 and 10000 then
    perform mayfly_private.fail(400, 'invalid_request', 'page_limit must be 1 to 10000.', null, '{"field": "page_limit"}');
  end if;
  -- A page ends when it has 4 MB: by the sum of what came before.
  select jsonb_build_object('steps', coalesce(jsonb_object_agg(p.name, p.result), '{}'), 'last', max(p.name))
  into answer
  from (
    select s.name, s.result, sum(s.bytes) over (order by s.name) - s.bytes as before
    from (
      select a.name, a.result, a.bytes from mayfly.job_steps a
      where a.tenant_id = job.tenant_id and a.job_id = job.id and a.name > coalesce(after, '')
      order by a.name limit page_limit) s) p
  where p.before < 4000000;
  return answer || jsonb_build_object('more', exists (
    select from mayfly.job_steps a where a.tenant_id = job.tenant_id and a.job_id = job.id and a.name > (answer ->> 'last')));
end
$$;

comment on function mayfly_private.read_steps is 'What the steps of a held job gave.';

grant execute on function mayfly_private.read_steps to authenticated, service_role;

-- What the steps of a job gave, by their names, for the worker that holds it: { steps: {name: result}, last, more }.
-- Pass the last name as after while more is true. Reading 5,000 at once instead of one by one: 6 to 14 ms for 600.

create function mayfly.read_steps(lease text, after text default null, page_limit integer default 5000)
returns jsonb
language sql
set search_path = ''
return mayfly_private.read_steps(lease, after, page_limit);

comment on function mayfly.read_steps is
  'What the steps of a held job gave: { steps: {name: result}, last, more }. Pass last as after while more is true.';

grant execute on function mayfly.read_steps to authenticated, service_role;

-- Makes jobs ready that are locked by the caller: with a new place at the end of their lanes, held by nobody, and
-- wakes who sleeps. Their run_at is now where they were due before. Called by whatever ends a lease or a wait.

create function mayfly_private.ready_jobs(tenant uuid, ids uuid[], more_attempts integer default 0)
returns void
language plpgsql security definer
set search_path = ''
as $$
begin
  if coalesce(cardinality(ids), 0) = 0 then
    return;
  end if;
  update mayfly.jobs j
  set status = 'ready', seq = nextval('mayfly.jobs_seq_seq'), run_at = clock_timestamp(), holder = null, lease_end = null,
    wait_for = null, max_attempts = j.max_attempts + more_attempts
  where j.tenant_id = tenant and j.id = any (ids);
  perform mayfly_private.wake_workers(tenant);
end
$$;

comment on function mayfly_private.ready_jobs is 'Makes locked jobs ready.';

-- Takes the leases that have ended, and fails the jobs whose deadline has passed: of every tenant, at most max_rows of
-- each, those alone that nobody else has locked. Called in passing by claims, every five seconds at most, and by
-- maintenance. What runs is few, so leases need no index of their ends: one that changes with each heartbeat.

create function mayfly_private.reap_jobs(max_rows integer default 1000)
returns integer
language plpgsql security definer
set search_path = ''
as $$
declare
  ts constant timestamptz := clock_timestamp();
  late record;
  reaped integer := 0;
begin
  for late in
    with ended as (
      select j.tenant_id, j.id, j.timeout is not null and j.started_at + j.timeout <= ts as over
      from mayfly.jobs j
      where j.status = 'running' and j.lease_end <= ts
      order by j.tenant_id, j.id
      limit max_rows
      for update skip locked
    )
    select e.tenant_id, e.over, array_agg(e.id order by e.id) as ids from ended e group by e.tenant_id, e.over
  loop
    if late.over then
      perform mayfly_private.release_leases(late.tenant_id, late.ids, 'job_timeout', 'The attempt took longer than its timeout.');
    else
      perform mayfly_private.release_leases(late.tenant_id, late.ids, 'lease_ended', 'Its worker was not heard of until the lease ended.');
    end if;
    reaped := reaped + cardinality(late.ids);
  end loop;
  for late in
    with missed as (
      select j.tenant_id, j.id from mayfly.jobs j
      where j.deadline <= ts and j.status <> 'running'
      order by j.tenant_id, j.id
      limit max_rows
      for update skip locked
    )
    select m.tenant_id, array_agg(m.id order by m.id) as ids from missed m group by m.tenant_id
  loop
    perform mayfly_private.end_jobs(late.tenant_id, late.ids, 'failed', array_fill(
      '{"code": "deadline_passed", "message": "Its deadline passed before it was done."}'::jsonb, array[cardinality(late.ids)]), null);
    reaped := reaped + cardinality(late.ids);
  end loop;
  return reaped;
end
$$;

comment on function mayfly_private.reap_jobs is 'Takes leases that have ended, and fails jobs whose deadline has passed.';

-- The definer half of mayfly.record_steps. Fenced; a step that is recorded already keeps its first result, which the
-- answer gives. Does not extend the lease: heartbeats do. Locks the job.

create function mayfly_private.record_steps(lease text, steps jsonb)
returns jsonb
language plpgsql security definer
set search_path = ''
set plan_cache_mode = force_generic_plan
set enable_seqscan = off
as $$
declare
  job mayfly.jobs;
  fault record;
  inserted integer;
  bytes bigint;
  wanted constant integer := case when jsonb_typeof(steps) = 'array' then jsonb_array_length(steps) else 0 end;
begin
  if wanted not between 1 and 1000 then
    perform mayfly_private.fail(400, 'invalid_request', 'steps must be an array of 1 to 1000 { name, result?, ms? }.', null, '{"field": "steps"}');
  end if;
  select o.n - 1 as index, case
      when jsonb_typeof(o.s -> 'name') is distinct from 'string' or char_length(o.s ->> 'name') not between 1 and 200 then 'name'
      when not mayfly_private.number_within(o.s -> 'ms', 0, 2147483647) then 'ms'
      else 'result' end as field
  into fault
  from jsonb_array_elements(steps) with ordinality as o (s, n)
  where jsonb_typeof(o.s -> 'name') is distinct from 'string' or char_length(o.s ->> 'name') not between 1 and 200
    or not mayfly_private.number_within(o.s -> 'ms', 0, 2147483647)
    or not (coalesce(mayfly_private.json_within(o.s -> 'result', 262144, 32), true) and coalesce(mayfly_private.numbers_kept(o.s -> 'result'), true))
  order by o.n limit 1;
  if found then
    perform mayfly_private.fail(400, 'invalid_request', format('steps[%s].%s must be %s.', fault.index, fault.field, case fault.field
        when 'name' then 'a text of 1 to 200 characters' when 'ms' then 'milliseconds'
        else 'at most 256 KB of JSON, at most 32 deep, with no number that JavaScript cannot hold' end),
      'Nothing was recorded.', jsonb_build_object('index', fault.index, 'field', fault.field));
  end if;

  job := mayfly_private.fence_job(lease);
  with written as (
    insert into mayfly.job_steps (tenant_id, job_id, name, attempt, result, ms, bytes)
    select job.tenant_id, job.id, o.s ->> 'name', job.attempt, o.s -> 'result', (o.s ->> 'ms')::numeric::integer,
      128 + coalesce(octet_length((o.s -> 'result')::text), 0)
    from jsonb_array_elements(steps) o (s)
    on conflict on constraint job_steps_pkey do nothing
    returning mayfly.job_steps.bytes
  )
  select count(*), sum(w.bytes) into inserted, bytes from written w;
  if inserted > 0 then
    perform mayfly_private.charge(job.tenant_id, 0, bytes, inserted);
  end if;
  if inserted = wanted then
    return '{"known": {}}';
  end if;
  return jsonb_build_object('known', (
    select coalesce(jsonb_object_agg(s.name, s.result), '{}') from mayfly.job_steps s
    where s.tenant_id = job.tenant_id and s.job_id = job.id and s.name in (select e ->> 'name' from jsonb_array_elements(steps) e)));
end
$$;

comment on function mayfly_private.record_steps is 'Records what steps of a job gave.';

grant execute on function mayfly_private.record_steps to authenticated, service_role;

-- Records what steps of a job gave: [{ name, result?, ms? }], each once. Gives { known }: where any was recorded
-- before, the results that are kept, by name.

create function mayfly.record_steps(lease text, steps jsonb)
returns jsonb
language sql
set search_path = ''
return mayfly_private.record_steps(lease, steps);

comment on function mayfly.record_steps is
  'Records what steps of a job gave, each once: [{ name, result?, ms? }] gives { known: {name: result} } for those that were recorded before.';

grant execute on function mayfly.record_steps to authenticated, service_role;

-- The definer half of mayfly.redrive_jobs. The attempt goes on from where it was, so that no old lease fits again; the
-- job gets as many more as it was given at first. Its steps are kept: it goes on after the last one. Locks the jobs.

create function mayfly_private.redrive_jobs(ids uuid[], of_queue text, max_rows integer)
returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  tenant constant uuid := mayfly_private.require_tenant('job:admin');
  again uuid[];
begin
  if max_rows is null or max_rows not between 1 and 10000 then
    perform mayfly_private.fail(400, 'invalid_request', 'max_rows must be 1 to 10000.', null, '{"field": "max_rows"}');
  elsif cardinality(ids) > 1000 then
    perform mayfly_private.fail(400, 'invalid_request', 'ids must be at most 1000 ids.', null, '{"field": "ids"}');
  end if;
  with dead as (
    select f.id from mayfly.finished_jobs f
    where f.tenant_id = tenant and f.status = 'failed'
      and (redrive_jobs.ids is null or f.id = any (redrive_jobs.ids)) and (of_queue is null or f.queue = of_queue)
    order by f.id
    limit max_rows
    for update skip locked
  ), gone as (
    delete from mayfly.finished_jobs f using dead d where f.tenant_id = tenant and f.id = d.id
    returning f.*
  ), back as (
    insert into mayfly.jobs (tenant_id, id, queue, name, lane, status, priority, run_at, attempt, max_attempts, timeout, backoff, target,
      parent_id, root_id, key, answers, trace, error, created_by, created_at, bytes, input)
    select g.tenant_id, g.id, g.queue, g.name, g.lane, 'ready', g.priority, clock_timestamp(), g.attempt,
      g.attempt + greatest(1, g.max_attempts - coalesce((
        select min(a.attempt) - 1 from mayfly.job_attempts a where a.tenant_id = g.tenant_id and a.job_id = g.id), 0)),
      g.timeout, g.backoff, g.target, g.parent_id, g.root_id, g.key, g.answers, g.trace, g.error, g.created_by, g.created_at, g.bytes, g.input
    from gone g
    returning id
  )
  select array_agg(b.id order by b.id) into again from back b;
  if again is not null then
    perform mayfly_private.charge(tenant, 0, 0, cardinality(again));
    perform mayfly_private.log_jobs(tenant, 'job.redriven', again);
    perform mayfly_private.wake_workers(tenant);
  end if;
  return jsonb_build_object('redriven', coalesce(cardinality(again), 0));
end
$$;

comment on function mayfly_private.redrive_jobs is 'Makes failed jobs ready again.';

grant execute on function mayfly_private.redrive_jobs to authenticated, service_role;

-- Makes dead letters ready again: those of these ids, of this queue, or all, at most max_rows at once. Scope job:admin.

create function mayfly.redrive_jobs(ids uuid[] default null, of_queue text default null, max_rows integer default 1000)
returns jsonb
language sql
set search_path = ''
return mayfly_private.redrive_jobs(ids, of_queue, max_rows);

comment on function mayfly.redrive_jobs is 'Makes failed jobs ready again, with their steps: { redriven }.';

grant execute on function mayfly.redrive_jobs to authenticated, service_role;

-- The definer half of mayfly.release_jobs. The attempt is given back. Locks the jobs by tenant and id.

create function mayfly_private.release_jobs(leases text[])
returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  holder constant mayfly_private.job_holder := mayfly_private.job_holder();
  given record;
  released integer := 0;
begin
  if leases is null or cardinality(leases) > 1000 then
    perform mayfly_private.fail(400, 'invalid_request', 'leases must be at most 1000.', null, '{"field": "leases"}');
  end if;
  for given in
    with held as materialized (
      select h.tenant_id, h.id, h.cancelled
      from (
        select l.tenant_id, l.job_id, l.attempt
        from unnest(leases) t (token), mayfly_private.lease_of(holder, t.token) l
        order by l.tenant_id, l.job_id) g
      cross join lateral (
        select * from mayfly.jobs j where j.tenant_id = g.tenant_id and j.id = g.job_id limit 1 for update) h
      where h.status = 'running' and h.attempt = g.attempt and h.holder = holder.id and h.lease_end > clock_timestamp()
    )
    select h.tenant_id, h.cancelled, array_agg(h.id order by h.id) as ids from held h group by 1, 2
  loop
    if given.cancelled then
      perform mayfly_private.end_jobs(given.tenant_id, given.ids, 'cancelled', null, null);
    else
      perform mayfly_private.ready_jobs(given.tenant_id, given.ids, 1);
    end if;
    released := released + cardinality(given.ids);
  end loop;
  if holder.kind = 'agent' and released = 0 then
    -- Whoever holds nothing may not even live.
    perform mayfly_private.require_tenant('job:work');
  end if;
  return jsonb_build_object('released', released);
end
$$;

comment on function mayfly_private.release_jobs is 'Gives jobs back that were not begun or not finished.';

grant execute on function mayfly_private.release_jobs to authenticated, service_role;

-- Gives jobs back, ready at once for another worker and with their attempt unused: for a worker that is told to end.

create function mayfly.release_jobs(leases text[])
returns jsonb
language sql
set search_path = ''
return mayfly_private.release_jobs(leases);

comment on function mayfly.release_jobs is 'Gives jobs back, ready for another worker: { released }.';

grant execute on function mayfly.release_jobs to authenticated, service_role;

-- Takes the leases of jobs that are running and locked by the caller, since they have ended or their holder has: what
-- was cancelled ends, what has no attempt left fails (a job that kills its worker each time is a dead letter in the
-- end), and everything else is ready again at once.

create function mayfly_private.release_leases(tenant uuid, ids uuid[], code text, message text)
returns void
language plpgsql security definer
set search_path = ''
as $$
declare
  why constant jsonb := jsonb_build_object('code', code, 'message', message);
  dropped uuid[];
  spent uuid[];
  again uuid[];
begin
  select array_agg(j.id order by j.id) filter (where j.cancelled),
    array_agg(j.id order by j.id) filter (where not j.cancelled and j.attempt >= j.max_attempts),
    array_agg(j.id order by j.id) filter (where not j.cancelled and j.attempt < j.max_attempts)
  into dropped, spent, again
  from mayfly.jobs j where j.tenant_id = tenant and j.id = any (ids);
  insert into mayfly.job_attempts (tenant_id, job_id, attempt, holder, started_at, error)
  select j.tenant_id, j.id, j.attempt, j.holder, j.started_at, why
  from mayfly.jobs j where j.tenant_id = tenant and j.id = any (spent || again)
  on conflict do nothing;
  perform mayfly_private.end_jobs(tenant, dropped, 'cancelled', null, null);
  perform mayfly_private.end_jobs(tenant, spent, 'failed', array_fill(why, array[coalesce(cardinality(spent), 0)]), null);
  perform mayfly_private.ready_jobs(tenant, again);
end
$$;

comment on function mayfly_private.release_leases is 'Takes the leases of locked running jobs.';

-- The definer half of mayfly.set_job_share. Locks the tenant's row of it.

create function mayfly_private.set_job_share(weight integer, max_running integer)
returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  tenant constant uuid := mayfly_private.require_tenant('tenant:write');
begin
  if weight is null or weight not between 1 and 100 then
    perform mayfly_private.fail(400, 'invalid_request', 'weight must be a whole number from 1 to 100.', null, '{"field": "weight"}');
  elsif max_running not between 1 and 1000000 then
    perform mayfly_private.fail(400, 'invalid_request', 'max_running must be a whole number from 1 to 1000000.', null, '{"field": "max_running"}');
  end if;
  insert into mayfly_private.job_tenants as t (tenant_id, weight, max_running) values (tenant, set_job_share.weight, set_job_share.max_running)
  on conflict on constraint job_tenants_pkey do update set weight = excluded.weight, max_running = excluded.max_running;
  return jsonb_build_object('weight', weight, 'max_running', max_running);
end
$$;

comment on function mayfly_private.set_job_share is 'Sets what a tenant gets of a fleet that works for all.';

grant execute on function mayfly_private.set_job_share to service_role;

-- Sets what the tenant gets of a fleet that works for all (claim_any_jobs): its weight beside the others, and how many
-- of its jobs may run at once, so that long ones leave room. For the secret key, which names the tenant.

create function mayfly.set_job_share(weight integer default 1, max_running integer default null)
returns jsonb
language sql
set search_path = ''
return mayfly_private.set_job_share(weight, max_running);

comment on function mayfly.set_job_share is 'Sets what the tenant gets of a fleet that works for all: { weight, max_running }.';

grant execute on function mayfly.set_job_share to service_role;

-- The definer half of mayfly.set_queue. Locks the queue's row.

create function mayfly_private.set_queue(
  name text, paused boolean, max_running integer, max_running_per_group integer, rate double precision, weight integer
)
returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  tenant constant uuid := mayfly_private.require_tenant('job:admin');
  fault record;
  queue mayfly.job_queues;
begin
  select q.field, q.rule into fault
  from (values
    ('name', coalesce(name !~ '^[A-Za-z0-9][A-Za-z0-9_.:-]{0,99}$', true), '1 to 100 letters, digits, dots, colons, dashes or underscores'),
    ('max_running', max_running not between 1 and 100000, 'a whole number from 1 to 100000'),
    ('max_running_per_group', max_running_per_group not between 1 and 100000, 'a whole number from 1 to 100000'),
    ('rate', rate is not null and not (rate > 0 and rate <= 1000000), 'jobs a second, up to 1000000'),
    ('weight', weight not between 1 and 100, 'a whole number from 1 to 100')
  ) as q (field, refused, rule)
  where q.refused limit 1;
  if found then
    perform mayfly_private.fail(400, 'invalid_request', format('%s must be %s.', fault.field, fault.rule), null, jsonb_build_object('field', fault.field));
  end if;
  if (select count(*) from mayfly.job_queues q where q.tenant_id = tenant and q.name <> set_queue.name) >= 1000 then
    perform mayfly_private.fail(403, 'quota_exceeded', 'A tenant sets limits for at most 1000 queues.', null, '{"quota": "queues", "limit": 1000}');
  end if;
  perform mayfly_private.charge(tenant, 0, 0, 1);
  insert into mayfly.job_queues as q (tenant_id, name, paused, max_running, max_running_per_group, rate, weight, tokens)
  values (tenant, set_queue.name, coalesce(set_queue.paused, false), set_queue.max_running, set_queue.max_running_per_group, set_queue.rate,
    coalesce(set_queue.weight, 1), greatest(coalesce(set_queue.rate, 0), 1))
  on conflict on constraint job_queues_pkey do update
  set paused = excluded.paused, max_running = excluded.max_running, max_running_per_group = excluded.max_running_per_group,
    rate = excluded.rate, weight = excluded.weight, tokens = least(q.tokens, excluded.tokens), updated_at = clock_timestamp()
  returning * into queue;
  if not queue.paused then
    perform mayfly_private.wake_workers(tenant);
  end if;
  return to_jsonb(queue) - '{tenant_id,tokens,filled_at}'::text[];
end
$$;

comment on function mayfly_private.set_queue is 'Sets what holds for a queue.';

grant execute on function mayfly_private.set_queue to authenticated, service_role;

-- Sets what holds for a queue, whole: what is not given has no limit. Scope job:admin.

create function mayfly.set_queue(
  name text, paused boolean default false, max_running integer default null, max_running_per_group integer default null,
  rate double precision default null, weight integer default 1
)
returns jsonb
language sql
set search_path = ''
return mayfly_private.set_queue(name, paused, max_running, max_running_per_group, rate, weight);

comment on function mayfly.set_queue is
  'Sets what holds for a queue: paused, how many may run at once, in one group, begin in a second; its weight. Returns it.';

grant execute on function mayfly.set_queue to authenticated, service_role;

-- The definer half of mayfly.set_schedule. Locks the schedule.

create function mayfly_private.set_schedule(
  name text, cron text, job text, input jsonb, time_zone text, options jsonb, catch_up text, overlap text, paused boolean
)
returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  tenant constant uuid := mayfly_private.require_tenant('job:admin');
  extra text;
  fires_at timestamptz;
  size integer;
  before integer;
  schedule mayfly.job_schedules;
begin
  if name is null or char_length(name) not between 1 and 100 then
    perform mayfly_private.fail(400, 'invalid_request', 'name must have 1 to 100 characters.', null, '{"field": "name"}');
  elsif time_zone is null or not exists (select from pg_catalog.pg_timezone_names z where z.name = set_schedule.time_zone) then
    perform mayfly_private.fail(400, 'invalid_request', 'time_zone must be the name of a time zone, such as Europe/Berlin.', null, '{"field": "time_zone"}');
  elsif cron is null or char_length(cron) > 200 or not mayfly_private.is_cron(cron) then
    perform mayfly_private.fail(400, 'invalid_request', 'cron must be five fields: minute, hour, day of month, month, day of week.',
      'For example 0 3 * * * is every day at three, and */15 9-17 * * mon-fri every quarter of an hour at work.', '{"field": "cron"}');
  elsif catch_up is null or catch_up not in ('one', 'all', 'none') then
    perform mayfly_private.fail(400, 'invalid_request', 'catch_up must be one, all or none.', null, '{"field": "catch_up"}');
  elsif overlap is null or overlap not in ('allow', 'skip') then
    perform mayfly_private.fail(400, 'invalid_request', 'overlap must be allow or skip.', null, '{"field": "overlap"}');
  elsif jsonb_typeof(options) is distinct from 'object' then
    perform mayfly_private.fail(400, 'invalid_request', 'options must be an object.', null, '{"field": "options"}');
  end if;
  extra := (select k from jsonb_object_keys(options) k where k not in ('queue', 'group', 'priority', 'max_attempts', 'backoff', 'timeout', 'target', 'trace') limit 1);
  if extra is not null then
    perform mayfly_private.fail(400, 'invalid_request', format('options.%s is no option of a scheduled job.', extra), null,
      jsonb_build_object('field', 'options.' || extra));
  end if;
  perform mayfly_private.check_jobs(jsonb_build_array(options || jsonb_build_object('name', job, 'input', coalesce(input, '{}'))));
  fires_at := mayfly_private.next_cron(cron, time_zone, clock_timestamp());
  if fires_at is null then
    perform mayfly_private.fail(400, 'invalid_request', 'cron names a time that never comes.', 'No year has such a day.', '{"field": "cron"}');
  elsif (select count(*) from mayfly.job_schedules s where s.tenant_id = tenant and s.name <> set_schedule.name) >= 1000 then
    perform mayfly_private.fail(403, 'quota_exceeded', 'A tenant has at most 1000 schedules.', null, '{"quota": "schedules", "limit": 1000}');
  end if;

  size := 512 + octet_length(coalesce(input, '{}')::text) + octet_length(options::text);
  before := coalesce((select s.bytes from mayfly.job_schedules s where s.tenant_id = tenant and s.name = set_schedule.name for update), 0);
  perform mayfly_private.charge(tenant, 0, size - before, 1);
  insert into mayfly.job_schedules as s (tenant_id, name, cron, time_zone, job, input, options, catch_up, overlap, paused, next_at, created_by, bytes)
  values (tenant, set_schedule.name, trim(set_schedule.cron), set_schedule.time_zone, set_schedule.job, coalesce(set_schedule.input, '{}'),
    set_schedule.options, set_schedule.catch_up, set_schedule.overlap, coalesce(set_schedule.paused, false),
    case when coalesce(set_schedule.paused, false) then null else fires_at end, mayfly_private.caller_id(), size)
  on conflict on constraint job_schedules_pkey do update
  set cron = excluded.cron, time_zone = excluded.time_zone, job = excluded.job, input = excluded.input, options = excluded.options,
    catch_up = excluded.catch_up, overlap = excluded.overlap, paused = excluded.paused, next_at = excluded.next_at,
    error = null, updated_at = clock_timestamp(), bytes = excluded.bytes
  returning * into schedule;
  return mayfly_private.show_schedule(schedule);
end
$$;

comment on function mayfly_private.set_schedule is 'Sets a schedule.';

grant execute on function mayfly_private.set_schedule to authenticated, service_role;

-- Sets a schedule, whole: from now on the job is added whenever the cron line says in the time zone. Scope job:admin.

create function mayfly.set_schedule(
  name text, cron text, job text, input jsonb default '{}', time_zone text default 'UTC', options jsonb default '{}',
  catch_up text default 'one', overlap text default 'skip', paused boolean default false
)
returns jsonb
language sql
set search_path = ''
return mayfly_private.set_schedule(name, cron, job, input, time_zone, options, catch_up, overlap, paused);

comment on function mayfly.set_schedule is
  'Sets a schedule: the job is added whenever the cron line says in the time zone. Returns it with next_at.';

grant execute on function mayfly.set_schedule to authenticated, service_role;

-- A schedule as its readers get it.

create function mayfly_private.show_schedule(schedule mayfly.job_schedules)
returns jsonb
language sql stable
set search_path = ''
return to_jsonb(schedule) - '{tenant_id,bytes}'::text[];

comment on function mayfly_private.show_schedule is 'A schedule as its readers get it.';

grant execute on function mayfly_private.show_schedule to authenticated, service_role;

-- The definer half of mayfly.signal_job. Locks the job, so that a worker that is putting it to sleep is waited for;
-- then what charge locks.

create function mayfly_private.signal_job(id uuid, name text, payload jsonb)
returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  tenant constant uuid := mayfly_private.require_tenant('job:add');
  job mayfly.jobs;
  bytes constant integer := 200 + coalesce(octet_length(payload::text), 0);
begin
  if name is null or char_length(name) not between 1 and 100 then
    perform mayfly_private.fail(400, 'invalid_request', 'name must have 1 to 100 characters.', null, '{"field": "name"}');
  elsif not mayfly_private.json_within(payload, 262144, 32) then
    perform mayfly_private.fail(400, 'invalid_request', 'payload must be at most 256 KB of JSON, at most 32 deep.', null, '{"field": "payload"}');
  end if;
  perform mayfly_private.check_numbers(payload, 'payload');
  select * into job from mayfly.jobs j where j.tenant_id = tenant and j.id = signal_job.id for no key update;
  if job.id is null then
    if exists (select from mayfly.finished_jobs f where f.tenant_id = tenant and f.id = signal_job.id) then
      perform mayfly_private.fail(409, 'job_finished', 'The job has ended.', 'Nobody waits for this signal any more.', '{"field": "id"}');
    end if;
    perform mayfly_private.fail(404, 'job_unknown', 'There is no such job.', null, '{"field": "id"}');
  end if;
  perform mayfly_private.charge(tenant, 0, bytes, 1);
  insert into mayfly.job_signals (tenant_id, job_id, name, payload, bytes)
  values (tenant, job.id, signal_job.name, coalesce(signal_job.payload, 'null'), bytes);
  if job.status = 'waiting' and signal_job.name = any (job.wait_for) then
    perform mayfly_private.ready_jobs(tenant, array[job.id]);
    return '{"woken": true}';
  end if;
  return '{"woken": false}';
end
$$;

comment on function mayfly_private.signal_job is 'Signals a job.';

grant execute on function mayfly_private.signal_job to authenticated, service_role;

-- Signals a job that has not ended (scope job:add). A signal that comes before the job waits for it is kept.

create function mayfly.signal_job(id uuid, name text, payload jsonb default null)
returns jsonb
language sql
set search_path = ''
return mayfly_private.signal_job(id, name, payload);

comment on function mayfly.signal_job is 'Signals a job that has not ended: { woken }. One that comes early is kept.';

grant execute on function mayfly.signal_job to authenticated, service_role;

-- Takes up to `wanted` ready jobs for a worker: the heart of claim_jobs and claim_any_jobs. Gives { jobs, place, took }.
--
-- Fair in three rounds: over the tenants (of claim_any_jobs; by weight, from the place of the last claim on), over the
-- queues of each by weight, and over the lanes of a queue. Lanes are found by a loose scan of jobs_ready_idx, two index
-- probes each, whatever stands in them; of one lane the jobs are taken by priority and age. What others have locked is
-- passed by. At most 16 lanes of a queue are looked at in one claim, 128 in all; `place` says where the next goes on.
--
-- `marks` are for a time in which the dead entries at the head of the index cannot be removed, since something holds
-- the oldest snapshot back (a backup, a long query, a replica): without them a claim walks all of them each time, and
-- 11 % of the throughput was left. A mark (tenant, lane, priority, seq) says that this worker need not look before seq.
-- It asks for them when a full claim took long, and makes a full one every second: a job that committed late, with a
-- number before the mark, is found then. Lanes and priorities without a mark are always looked at from their beginning.
--
-- `ctid = any (array(…))`: joining back by id became a hash join over the whole table; the settings keep generic plans
-- on the index while the table is small, since plans outlive its growth (57 µs to 700 later).

create function mayfly_private.take_jobs(
  worker mayfly_private.claiming_worker, wanted integer, queues text[], names text[], lease_seconds double precision, place jsonb
)
returns jsonb
language plpgsql security definer
set search_path = ''
set plan_cache_mode = force_generic_plan
set enable_seqscan = off
set enable_bitmapscan = off
set enable_hashjoin = off
set enable_mergejoin = off
set jit = off
as $$
declare
  ts constant timestamptz := clock_timestamp();
  nobody constant uuid := '00000000-0000-0000-0000-000000000000';
  end_of_lane constant bigint := 9223372036854775807;
  marked constant boolean := coalesce(jsonb_typeof(place -> 'marks'), 'null') = 'array';
  held_until constant timestamptz := least(ts + make_interval(secs => lease_seconds), worker.expires_at);
  -- The marks, in the order of the index.
  m_tenant uuid[] := '{}';
  m_lane text[] := '{}';
  m_priority integer[] := '{}';
  m_seq bigint[] := '{}';
  m_new jsonb := '[]';
  m integer;
  newest bigint;
  since timestamptz := '-infinity';
  -- Where a scan stands, and where it ends.
  c_tenant uuid;
  c_lane text collate "C";
  c_priority integer;
  c_seq bigint;
  u_lane text collate "C";
  u_priority integer;
  next_mark integer;
  wrapped boolean := false;
  -- Where the look for tenants goes on.
  n_tenant uuid := coalesce(mayfly_private.to_uuid(place ->> 'tenant'), nobody);
  n_lane text := '~';
  n_priority integer := 32767;
  n_seq bigint := end_of_lane;
  first_tenant constant uuid := n_tenant;
  last_tenant uuid;
  all_seen boolean := false;
  seen_tenants integer := 0;
  share integer;
  busy uuid[] := '{}';
  tenants uuid[] := '{}';
  weights integer[] := '{}';
  all_weights integer := 0;
  tenant uuid;
  limits record;
  room integer;
  quota integer;
  -- The lanes of one tenant, each with its queue's head.
  lows text[];
  highs text[];
  lanes text[];
  heads text[];
  head_weights integer[];
  order_of integer[];
  head text collate "C";
  last_head text collate "C";
  in_head integer;
  label text;
  found_lane text collate "C";
  found_target jsonb;
  seen_heads jsonb := case when jsonb_typeof(place -> 'heads') = 'object' then place -> 'heads' else '{}' end;
  next_heads jsonb := '{}';
  has_limits boolean;
  i integer;
  n integer;
  asked integer;
  part jsonb;
  taken_rows tid[];
  more_rows tid[];
  low bigint;
  jobs jsonb := '[]';
  left_over integer := wanted;
  progress integer;
  weight_left integer;
begin
  if marked then
    select coalesce(array_agg(x.t order by x.t, x.l collate "C", x.p), '{}'), coalesce(array_agg(x.l order by x.t, x.l collate "C", x.p), '{}'),
      coalesce(array_agg(x.p order by x.t, x.l collate "C", x.p), '{}'), coalesce(array_agg(x.s order by x.t, x.l collate "C", x.p), '{}')
    into m_tenant, m_lane, m_priority, m_seq
    from (
      select mayfly_private.to_uuid(e ->> 0) as t, e ->> 1 as l, (e ->> 2)::integer as p, (e ->> 3)::bigint as s
      from jsonb_array_elements(place -> 'marks') e) x
    where x.t is not null and (worker.tenant_id is null or x.t = worker.tenant_id);
    since := coalesce((place ->> 'due')::timestamptz, '-infinity');
    newest := (select coalesce(pg_sequence_last_value('mayfly.jobs_seq_seq'), 0));
  end if;

  perform from mayfly.jobs j where j.status in ('scheduled', 'waiting') and j.run_at between since and ts limit 1;
  if found then
    n := mayfly_private.promote_jobs(since, 200);
  else
    n := 0;
  end if;
  if n < 200 then
    since := ts;
  end if;

  -- Of tenants that turn out to have nothing for this worker the next are looked at, 1,000 at most.
  for turn in 1..1000 loop
    -- Whose jobs.
    if worker.tenant_id is not null then
      tenants := array[worker.tenant_id];
      weights := '{1}';
      all_weights := 1;
      all_seen := true;
    elsif all_seen then
      -- What is left, for those that had more than their share.
      tenants := busy;
      weights := array_fill(1, array[cardinality(busy)]);
      all_weights := cardinality(busy);
    else
      tenants := '{}';
      weights := '{}';
      all_weights := 0;
      c_tenant := n_tenant;
      c_lane := n_lane;
      c_priority := n_priority;
      c_seq := n_seq;
      loop
        next_mark := null;
        for m in 1..cardinality(m_tenant) loop
          if (m_tenant[m], m_lane[m] collate "C", m_priority[m], 0) > (c_tenant, c_lane, c_priority, c_seq) then
            next_mark := m;
            exit;
          end if;
        end loop;
        tenant := null;
        if next_mark is null then
          select j.tenant_id into tenant from mayfly.jobs j
          where j.status = 'ready' and (j.tenant_id, j.lane, j.priority, j.seq) > (c_tenant, c_lane, c_priority::smallint, c_seq)
          order by j.tenant_id, j.lane, j.priority, j.seq limit 1;
        else
          u_lane := m_lane[next_mark];
          u_priority := m_priority[next_mark];
          select j.tenant_id into tenant from mayfly.jobs j
          where j.status = 'ready' and (j.tenant_id, j.lane, j.priority, j.seq) > (c_tenant, c_lane, c_priority::smallint, c_seq)
            and (j.tenant_id, j.lane, j.priority, j.seq) < (m_tenant[next_mark], u_lane, u_priority::smallint, 0::bigint)
          order by j.tenant_id, j.lane, j.priority, j.seq limit 1;
        end if;
        if tenant is not null then
          if wrapped and tenant > first_tenant then
            all_seen := true;
            exit;
          end if;
          n := coalesce((select t.weight from mayfly_private.job_tenants t where t.tenant_id = tenant), 1);
          tenants := tenants || tenant;
          weights := weights || n;
          all_weights := all_weights + n;
          c_tenant := tenant;
          c_lane := '~';
          c_priority := 32767;
          c_seq := end_of_lane;
          all_seen := wrapped and tenant = first_tenant;
          exit when all_weights >= left_over or all_seen;
        elsif next_mark is not null then
          c_tenant := m_tenant[next_mark];
          c_lane := m_lane[next_mark];
          c_priority := m_priority[next_mark];
          c_seq := m_seq[next_mark] - 1;
        else
          all_seen := wrapped;
          exit when all_seen;
          wrapped := true;
          c_tenant := nobody;
          c_lane := '';
        end if;
      end loop;
      n_tenant := c_tenant;
      n_lane := c_lane;
      n_priority := c_priority;
      n_seq := c_seq;
    end if;

    share := left_over;
    busy := '{}';
    for at_tenant in 1..cardinality(tenants) loop
      exit when left_over <= 0;
      tenant := tenants[at_tenant];
      last_tenant := tenant;
      quota := least(left_over, greatest(weights[at_tenant], (share * weights[at_tenant] + all_weights - 1) / all_weights));
      has_limits := exists (select from mayfly.job_queues q where q.tenant_id = tenant);
      if worker.tenant_id is null then
        -- One claim at a time where a tenant has a limit: the others pass it by.
        select t.max_running into limits from mayfly_private.job_tenants t where t.tenant_id = tenant and t.max_running is not null;
        if found then
          perform from mayfly_private.job_tenants t where t.tenant_id = tenant for no key update skip locked;
          continue when not found;
          quota := least(quota, limits.max_running - (select count(*) from mayfly.jobs j where j.tenant_id = tenant and j.status = 'running')::integer);
          continue when quota <= 0;
        end if;
      end if;

      -- What of the index may be this worker's.
      lows := case when queues is null then '{0}' else array(select q || '/' from unnest(queues) q order by q) end;
      highs := case when queues is null then '{~}' else array(select q || '0' from unnest(queues) q order by q) end;
      if worker.kind = 'agent' and exists (select from mayfly.jobs j where j.tenant_id = tenant and j.status = 'ready' and j.lane < '0') then
        lows := array['!a' || worker.id || '/', '!t' || worker.type || '/'] || case when cardinality(worker.capabilities) > 0 then '{!c}'::text[] else '{}' end || lows;
        highs := array['!a' || worker.id || '0', '!t' || worker.type || '0'] || case when cardinality(worker.capabilities) > 0 then '{!d}'::text[] else '{}' end || highs;
      end if;

      lanes := '{}';
      heads := '{}';
      head_weights := '{}';
      last_head := null;
      in_head := 0;
      for i in 1..cardinality(lows) loop
        c_lane := lows[i];
        c_priority := -32768;
        c_seq := 0;
        loop
          next_mark := null;
          for m in 1..cardinality(m_tenant) loop
            if m_tenant[m] = tenant and m_lane[m] collate "C" < highs[i] collate "C"
              and (m_lane[m] collate "C", m_priority[m], 0) > (c_lane, c_priority, c_seq) then
              next_mark := m;
              exit;
            end if;
          end loop;
          u_lane := coalesce(m_lane[next_mark], highs[i]);
          u_priority := coalesce(m_priority[next_mark], -32768);
          found_lane := null;
          select j.lane, j.target into found_lane, found_target from mayfly.jobs j
          where j.tenant_id = tenant and j.status = 'ready'
            and (j.lane, j.priority, j.seq) > (c_lane, c_priority::smallint, c_seq)
            and (j.lane, j.priority, j.seq) < (u_lane, u_priority::smallint, 0::bigint)
          order by j.lane, j.priority, j.seq limit 1;
          if found_lane is null then
            exit when next_mark is null;
            c_lane := m_lane[next_mark];
            c_priority := m_priority[next_mark];
            c_seq := m_seq[next_mark] - 1;
            continue;
          end if;
          c_lane := found_lane;
          c_priority := 32767;
          c_seq := end_of_lane;
          head := split_part(found_lane, '/', 1);
          if left(head, 2) = '!c' and not (found_target -> 'capabilities') <@ to_jsonb(worker.capabilities) then
            c_lane := head || '0';
            c_priority := -32768;
            c_seq := 0;
            continue;
          end if;
          label := split_part(case when left(head, 1) = '!' then substr(found_lane, length(head) + 2) else found_lane end, '#', 1);
          continue when names is not null and split_part(label, '/', 2) <> all (names);
          continue when queues is not null and left(head, 1) = '!' and split_part(label, '/', 1) <> all (queues);
          if head is distinct from last_head then
            last_head := head;
            in_head := 0;
            if seen_heads ? head and found_lane < (seen_heads ->> head) collate "C" then
              c_lane := seen_heads ->> head;
              continue;
            end if;
          end if;
          if in_head >= 16 then
            next_heads := next_heads || jsonb_build_object(head, lanes[cardinality(lanes)]);
            c_lane := head || '0';
            c_priority := -32768;
            c_seq := 0;
            continue;
          end if;
          in_head := in_head + 1;
          lanes := lanes || found_lane::text;
          heads := heads || head::text;
          head_weights := head_weights || case when has_limits
            then coalesce((select q.weight from mayfly.job_queues q where q.tenant_id = tenant and q.name = split_part(label, '/', 1)), 1)::integer
            else 1 end;
          exit when cardinality(lanes) >= 128;
        end loop;
        exit when cardinality(lanes) >= 128;
      end loop;
      continue when cardinality(lanes) = 0;

      -- Each lane its share of its queue's, and once more what the others left.
      for pass in 1..3 loop
        progress := 0;
        if cardinality(lanes) = 1 then
          order_of := '{1}';
          weight_left := 1;
        else
          -- At random, the queues first: over many claims of few jobs each has its share.
          order_of := array(
            select l.n from unnest(heads, head_weights) with ordinality as l (head, weight, n)
            join (
              select h.head, power(random(), 1.0 / max(h.weight)) as luck
              from unnest(heads, head_weights) as h (head, weight) group by h.head) q on q.head = l.head
            order by q.luck desc, l.head, random());
          weight_left := (select sum(q.w) from (
            select max(h.weight) as w from unnest(heads, head_weights) as h (head, weight) group by h.head) q);
        end if;
        last_head := null;
        foreach i in array order_of loop
          exit when quota <= 0;
          if heads[i] is distinct from last_head then
            if last_head is not null then
              weight_left := weight_left - n;
            end if;
            last_head := heads[i];
            n := head_weights[i];
            room := least(quota, (quota * n + weight_left - 1) / greatest(weight_left, 1));
            in_head := (select count(*) from unnest(heads) h where h = last_head);
          end if;
          asked := least(quota, (room + in_head - 1) / greatest(in_head, 1));
          in_head := in_head - 1;
          continue when asked <= 0;
          if has_limits then
            asked := mayfly_private.queue_room(tenant, lanes[i], asked);
            continue when asked <= 0;
          end if;

          next_mark := null;
          for m in 1..cardinality(m_tenant) loop
            if m_tenant[m] = tenant and m_lane[m] = lanes[i] then
              next_mark := m;
              exit;
            end if;
          end loop;
          if next_mark is null then
            taken_rows := array(
              select h.ctid from mayfly.jobs h
              where h.status = 'ready' and h.tenant_id = tenant and h.lane = lanes[i]
              order by h.lane, h.priority, h.seq limit asked for update skip locked);
          else
            taken_rows := '{}';
            c_priority := -32768;
            c_seq := 0;
            m := null;
            loop
              u_priority := case when m_tenant[next_mark] = tenant and m_lane[next_mark] = lanes[i] then m_priority[next_mark] end;
              more_rows := array(
                select h.ctid from mayfly.jobs h
                where h.status = 'ready' and h.tenant_id = tenant and h.lane = lanes[i]
                  and (h.priority, h.seq) > (c_priority::smallint, c_seq)
                  and (h.priority, h.seq) < (coalesce(u_priority, 32767)::smallint, case when u_priority is null then end_of_lane else 0 end)
                order by h.lane, h.priority, h.seq limit asked - cardinality(taken_rows) for update skip locked);
              taken_rows := taken_rows || more_rows;
              exit when cardinality(taken_rows) >= asked;
              -- All that was there is taken, or in other hands.
              if m is not null then
                m_seq[m] := greatest(m_seq[m], newest);
              end if;
              exit when u_priority is null;
              m := next_mark;
              c_priority := m_priority[m];
              c_seq := m_seq[m] - 1;
              next_mark := next_mark + 1;
            end loop;
          end if;
          continue when cardinality(taken_rows) = 0;

          with taken as (
            update mayfly.jobs j
            set status = 'running', attempt = j.attempt + 1, holder = worker.id, started_at = ts,
              lease_end = least(held_until, j.deadline, ts + j.timeout)
            where j.ctid = any (taken_rows)
            returning j.tenant_id, j.id, j.queue, j.name, j.lane, j.priority, j.seq, j.attempt, j.max_attempts, j.run_at, j.created_at,
              j.deadline, j.timeout, j.parent_id, j.key, j.answers, j.trace, j.lease_end, j.input
          )
          select jsonb_agg(jsonb_build_object(
              'lease', t.attempt || '.' || t.id || '.' || t.tenant_id, 'id', t.id, 'tenant_id', t.tenant_id, 'queue', t.queue, 'name', t.name,
              'priority', t.priority, 'attempt', t.attempt, 'max_attempts', t.max_attempts, 'run_at', t.run_at, 'created_at', t.created_at,
              'lease_end', t.lease_end, 'input', t.input)
              || case when t.deadline is null and t.timeout is null and t.parent_id is null and t.key is null and t.answers is null and t.trace is null
                then '{}'
                else jsonb_strip_nulls(jsonb_build_object('deadline', t.deadline, 'timeout', extract(epoch from t.timeout),
                  'parent_id', t.parent_id, 'key', t.key, 'answers', t.answers, 'trace', t.trace)) end
              order by t.priority, t.seq),
            count(*)::integer,
            case when marked then (select jsonb_agg(jsonb_build_array(p.tenant_id, p.lane, p.priority, p.last))
              from (select x.tenant_id, x.lane, x.priority, max(x.seq) as last from taken x group by 1, 2, 3) p) end
          into part, asked, found_target
          from taken t;
          jobs := jobs || part;
          m_new := m_new || coalesce(found_target, '[]');
          progress := progress + asked;
          left_over := left_over - asked;
          quota := quota - asked;
          room := room - asked;
        end loop;
        exit when quota <= 0 or progress = 0 or cardinality(lanes) = 1;
      end loop;
      if worker.tenant_id is null and quota <= 0 then
        busy := busy || tenant;
      end if;
    end loop;
    seen_tenants := seen_tenants + cardinality(tenants);
    exit when left_over <= 0 or (all_seen and cardinality(busy) = 0) or seen_tenants >= 1000;
  end loop;

  return jsonb_build_object('jobs', jobs, 'took', round(extract(epoch from clock_timestamp() - ts)::numeric * 1000, 3),
    'place', jsonb_strip_nulls(jsonb_build_object(
      'tenant', case when worker.tenant_id is null then last_tenant end,
      'heads', case when next_heads <> '{}' then next_heads end,
      'due', case when marked then since end,
      'marks', case when marked then (
        select coalesce(jsonb_agg(jsonb_build_array(k.t, k.l, k.p, k.s)), '[]')
        from (
          select x.t, x.l, x.p, max(x.s) as s
          from (
            select * from unnest(m_tenant, m_lane, m_priority, m_seq) as o (t, l, p, s)
            union all
            select (e ->> 0)::uuid, e ->> 1, (e ->> 2)::integer, (e ->> 3)::bigint from jsonb_array_elements(m_new) e
          ) x group by 1, 2, 3
          order by max(x.s) desc limit 500) k) end)));
end
$$;

comment on function mayfly_private.take_jobs is
  'Takes ready jobs for a worker.';

-- Tells the parents of jobs that have just ended, by a signal `job:<id>`, and wakes those that wait for it. Locks the
-- parents by id before it writes: a parent that goes to sleep holds its row while it looks, so that no signal is
-- missed between the two.

create function mayfly_private.tell_parents(tenant uuid, ids uuid[])
returns void
language plpgsql security definer
set search_path = ''
as $$
declare
  parents uuid[];
  woken uuid[];
  bytes bigint;
begin
  parents := array(
    select j.id from mayfly.jobs j
    where j.tenant_id = tenant and j.id in (select f.parent_id from mayfly.finished_jobs f where f.tenant_id = tenant and f.id = any (ids))
    order by j.id
    for no key update);
  with told as (
    insert into mayfly.job_signals (tenant_id, job_id, name, payload, bytes)
    select tenant, f.parent_id, 'job:' || f.id, jsonb_build_object('id', f.id, 'status', f.status), 300
    from mayfly.finished_jobs f
    where f.tenant_id = tenant and f.id = any (ids) and f.parent_id = any (parents)
    order by f.id
    returning job_id, name, mayfly.job_signals.bytes
  )
  select array_agg(distinct t.job_id) filter (where j.status = 'waiting' and t.name = any (j.wait_for)), sum(t.bytes)
  into woken, bytes
  from told t join mayfly.jobs j on j.tenant_id = tenant and j.id = t.job_id;
  if bytes > 0 then
    perform mayfly_private.count_usage(tenant, 0, bytes, 0);
  end if;
  perform mayfly_private.ready_jobs(tenant, woken);
end
$$;

comment on function mayfly_private.tell_parents is 'Tells the parents of jobs that have ended.';

-- When what time does to jobs was last looked at: due schedules every second, ended leases and deadlines every five.
-- One row, which the first claim after that takes; the others pass it by.

create table mayfly_private.job_ticks (
  only_row boolean not null default true constraint job_ticks_pkey primary key constraint job_ticks_only_row check (only_row),
  fired_at timestamptz not null default '-infinity',
  reaped_at timestamptz not null default '-infinity'
)
with (fillfactor = 50);

comment on table mayfly_private.job_ticks is 'When due schedules and ended leases were last looked for.';

insert into mayfly_private.job_ticks default values;

alter table mayfly_private.job_ticks enable row level security;

-- What time does to jobs, in passing: fires schedules every second, takes ended leases and passed deadlines every
-- five. Called by every claim; the first one after that does it, the others pass it by. Reading the row costs 5 µs.

create function mayfly_private.tick_jobs()
returns void
language plpgsql security definer
set search_path = ''
as $$
declare
  ts constant timestamptz := clock_timestamp();
  tick mayfly_private.job_ticks;
begin
  select * into tick from mayfly_private.job_ticks;
  -- A time ahead is of a clock that was set back since.
  if tick.reaped_at not between ts - interval '5 seconds' and ts then
    update mayfly_private.job_ticks t set reaped_at = ts, fired_at = ts
    where t.ctid in (select w.ctid from mayfly_private.job_ticks w where w.reaped_at = tick.reaped_at for update skip locked);
    if found then
      perform mayfly_private.reap_jobs();
      perform mayfly_private.fire_schedules(100);
    end if;
  elsif tick.fired_at not between ts - interval '1 second' and ts then
    update mayfly_private.job_ticks t set fired_at = ts
    where t.ctid in (select w.ctid from mayfly_private.job_ticks w where w.fired_at = tick.fired_at for update skip locked);
    if found then
      perform mayfly_private.fire_schedules(100);
    end if;
  end if;
end
$$;

comment on function mayfly_private.tick_jobs is 'What time does to jobs, in passing.';

-- The definer half of mayfly.turn_jobs. The claim's locks on the agent's line come first, before any job is locked:
-- whoever stops the agent holds them while it waits for the jobs.

create function mayfly_private.turn_jobs(
  done jsonb, failures jsonb, wanted integer, queues text[], names text[], lease double precision, place jsonb, park uuid
)
returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  worker constant mayfly_private.claiming_worker := mayfly_private.claiming_worker(false);
  answer jsonb := '{}';
  taken jsonb;
begin
  perform mayfly_private.check_claim(wanted, queues, names, lease);
  if done <> '[]' then
    answer := mayfly_private.complete_jobs(done);
  end if;
  if failures <> '[]' then
    answer := answer || jsonb_build_object('failed', mayfly_private.fail_jobs(failures));
  end if;
  perform mayfly_private.tick_jobs();
  taken := mayfly_private.take_jobs(worker, wanted, queues, names, lease, place);
  if park is not null and taken -> 'jobs' = '[]' then
    perform mayfly_private.park_worker(worker.tenant_id, park);
  end if;
  return answer || taken;
end
$$;

comment on function mayfly_private.turn_jobs is 'Completes and fails jobs, and claims more.';

grant execute on function mayfly_private.turn_jobs to authenticated, service_role;

-- A worker's turn in one call: complete_jobs, fail_jobs and claim_jobs, in one transaction. Gives the answers of all:
-- { lost, cancelled, failed, jobs, place, took }.

create function mayfly.turn_jobs(
  done jsonb default '[]', failures jsonb default '[]', wanted integer default 1, queues text[] default null, names text[] default null,
  lease double precision default 30, place jsonb default null, park uuid default null
)
returns jsonb
language sql
set search_path = ''
return mayfly_private.turn_jobs(done, failures, wanted, queues, names, lease, place, park);

comment on function mayfly.turn_jobs is
  'A worker''s turn: completes and fails jobs, and claims more: { lost, cancelled, failed, jobs, place, took }.';

grant execute on function mayfly.turn_jobs to authenticated, service_role;

-- The definer half of mayfly.wait_job. Fenced. The row lock orders it against signal_job and tell_parents: a signal
-- that is being written holds the job, so that either this sees it or the writer sees that the job waits.
--
-- What ends the wait is recorded as the step `step`, and read from there when the job runs again, so that a signal is
-- taken once. The attempt of a wait is given back. Locks the job.

create function mayfly_private.wait_job(lease text, step text, signals text[], until timestamptz)
returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  job mayfly.jobs;
  taken record;
  outcome jsonb;
begin
  if step is null or char_length(step) not between 1 and 200 then
    perform mayfly_private.fail(400, 'invalid_request', 'step must be a text of 1 to 200 characters.', null, '{"field": "step"}');
  elsif signals is null or not mayfly_private.labels_within(signals, 100) then
    perform mayfly_private.fail(400, 'invalid_request', 'signals must be at most 100 names of 1 to 100 characters.', null, '{"field": "signals"}');
  elsif cardinality(signals) = 0 and until is null then
    perform mayfly_private.fail(400, 'invalid_request', 'A wait without signals needs an end.', null, '{"field": "until"}');
  end if;
  job := mayfly_private.fence_job(lease);
  outcome := (select s.result from mayfly.job_steps s where s.tenant_id = job.tenant_id and s.job_id = job.id and s.name = step);
  if outcome is not null then
    return outcome;
  end if;

  with first as (
    select s.name, s.id from mayfly.job_signals s
    where s.tenant_id = job.tenant_id and s.job_id = job.id and s.name = any (signals)
    order by s.id limit 1
  )
  delete from mayfly.job_signals s using first f
  where s.tenant_id = job.tenant_id and s.job_id = job.id and s.name = f.name and s.id = f.id
  returning s.name, s.payload, s.bytes into taken;
  if found then
    outcome := jsonb_build_object('signal', taken.name, 'payload', taken.payload);
  elsif until <= clock_timestamp() then
    outcome := '{"timeout": true}';
  else
    update mayfly.jobs j
    set status = 'waiting', wait_for = signals, run_at = coalesce(until, 'infinity'), holder = null, lease_end = null,
      max_attempts = j.max_attempts + 1
    where j.tenant_id = job.tenant_id and j.id = job.id;
    return '{"waiting": true}';
  end if;
  insert into mayfly.job_steps (tenant_id, job_id, name, attempt, result, bytes)
  values (job.tenant_id, job.id, step, job.attempt, outcome, 128 + octet_length(outcome::text));
  -- Of a signal, its bytes move: nothing is refused.
  perform mayfly_private.count_usage(job.tenant_id, 0, 128 + octet_length(outcome::text) - coalesce(taken.bytes, 0), 0);
  return outcome;
end
$$;

comment on function mayfly_private.wait_job is 'Waits for the first of several signals, or a time.';

grant execute on function mayfly_private.wait_job to authenticated, service_role;

-- Takes the first signal that is there of several; or says { timeout } where `until` has passed; else puts the job to
-- sleep, { waiting }: its lease is over, and it runs again when a signal comes or the time is there. What ended the wait
-- is recorded as the step. A timer is a wait for no signal.

create function mayfly.wait_job(lease text, step text, signals text[] default '{}', until timestamptz default null)
returns jsonb
language sql
set search_path = ''
return mayfly_private.wait_job(lease, step, signals, until);

comment on function mayfly.wait_job is
  'Waits for the first of several signals, or a time: { signal, payload }, { timeout } or { waiting }. After waiting the lease is over.';

grant execute on function mayfly.wait_job to authenticated, service_role;

-- Wakes the workers of a tenant that sleep, and those of the secret key, which work for all: deletes their rows and
-- broadcasts once on the tenant's private topic. Where nobody sleeps nothing is broadcast. A hint, as every broadcast:
-- a worker looks by itself at least every few seconds. Called by all that makes a job ready. Waits for nobody.
--
-- A worker parks in one transaction and looks again in the next: what committed before it parked it finds then.
-- Counted in what the tenant may tell by now (announce_rate); beyond that, a worker's own look finds the job.

create function mayfly_private.wake_workers(tenant uuid)
returns void
language plpgsql security definer
set search_path = ''
as $$
begin
  if not exists (select from mayfly_private.job_workers w
    where w.tenant_id in (tenant, '00000000-0000-0000-0000-000000000000') and w.until > clock_timestamp()) then
    return;
  end if;
  delete from mayfly_private.job_workers w where (w.tenant_id, w.id) in (
    select s.tenant_id, s.id from mayfly_private.job_workers s
    where s.tenant_id in (tenant, '00000000-0000-0000-0000-000000000000')
    for update skip locked);
  if not found then
    return;
  end if;
  -- For workers with a connection of their own to the database.
  perform pg_notify('mayfly_jobs', tenant::text);
  if mayfly_private.may_tell(tenant, 1) > 0 then
    perform realtime.send('{}'::jsonb, 'job_ready', format('tenant:%s:jobs', tenant), true);
  end if;
end
$$;

comment on function mayfly_private.wake_workers is 'Wakes the workers of a tenant that sleep.';

-- Takes the leases of agents that are stopped, suspended or expire sooner than they did, and those of their
-- descendants, in the transaction that ends them: no dead agent holds a job.
--
-- A claim holds a shared lock on its agent and every ancestor, then looks whether they live (claiming_worker). Here
-- the lock is exclusive: claims that were under way have committed and are seen below, and later ones find the agent
-- dead. Without it 55 leases were held by dead agents in a stress of 25 s. Locks in this order: the agents (by the
-- statement), this lock, by id, then the jobs, by id. A statement that ends more than 50 takes one lock for the whole
-- tenant instead, since each lock takes a place in shared memory.

create function mayfly_private.end_leases()
returns trigger
language plpgsql security definer
set search_path = ''
as $$
declare
  ended record;
  held uuid[];
begin
  for ended in
    select n.tenant_id as tenant, array_agg(n.id order by n.id) as ids
    from new_rows n
    join old_rows o on o.tenant_id = n.tenant_id and o.id = n.id
    where (n.status <> 'running' and o.status = 'running') or n.expires_at < o.expires_at
    group by n.tenant_id
    order by n.tenant_id
  loop
    if cardinality(ended.ids) > 50 then
      perform pg_advisory_xact_lock(hashtextextended('mayfly.jobs ' || ended.tenant, 0));
    else
      perform pg_advisory_xact_lock(hashtextextended('mayfly.jobs ' || i, 0)) from (select unnest(ended.ids) as i order by 1) o;
    end if;
    continue when not exists (select from mayfly.jobs j where j.tenant_id = ended.tenant and j.status = 'running');
    held := array(
      select j.id from mayfly.jobs j
      where j.tenant_id = ended.tenant and j.status = 'running' and j.holder in (
        select a.id from mayfly.agents a
        where a.tenant_id = ended.tenant and (a.id = any (ended.ids) or a.ancestors && ended.ids))
        and exists (
          select from mayfly.agents a
          join mayfly.agents line on line.tenant_id = a.tenant_id and line.id = any (a.ancestors || a.id)
          where a.tenant_id = ended.tenant and a.id = j.holder and (line.status <> 'running' or line.expires_at < j.lease_end))
      order by j.id
      for update of j);
    perform mayfly_private.release_leases(ended.tenant, held, 'worker_ended', 'The agent that had it was stopped, suspended or ended sooner.');
  end loop;
  return null;
end
$$;

comment on function mayfly_private.end_leases is 'Trigger: takes the leases of agents that have ended.';

create trigger agents_end_leases after update on mayfly.agents
  referencing old table as old_rows new table as new_rows
  for each statement execute function mayfly_private.end_leases();

-- Deletes the jobs of tenants that are deleted, in place of foreign keys, which would look the tenant up for each
-- row that is written.

create function mayfly_private.forget_jobs()
returns trigger
language plpgsql security definer
set search_path = ''
as $$
begin
  delete from mayfly.jobs j using old_rows o where j.tenant_id = o.id;
  delete from mayfly.finished_jobs f using old_rows o where f.tenant_id = o.id;
  delete from mayfly.job_steps s using old_rows o where s.tenant_id = o.id;
  delete from mayfly.job_attempts a using old_rows o where a.tenant_id = o.id;
  delete from mayfly.job_signals s using old_rows o where s.tenant_id = o.id;
  delete from mayfly_private.job_keys k using old_rows o where k.tenant_id = o.id;
  delete from mayfly_private.job_workers w using old_rows o where w.tenant_id = o.id;
  return null;
end
$$;

comment on function mayfly_private.forget_jobs is 'Trigger: deletes the jobs of deleted tenants.';

create trigger tenants_forget_jobs after delete on mayfly.tenants
  referencing old table as old_rows
  for each statement execute function mayfly_private.forget_jobs();

-- Everything that a tenant has, page by page, for JSON Lines: { lines: [{ table, row }], after, more }.
-- The tables come in this order, so that a row comes after the tables that it refers to, and each in the order
-- of its primary key: tenants, members, invitations, agent_types, enrolment_keys, agents (a
-- parent may come after its child), agent_liveness, memories,
-- memory_conflicts, memory_vectors, states, state_versions, debug_records, channels, channel_subscriptions, messages, inboxes, deliveries, jobs, finished_jobs, job_steps, job_attempts, job_signals, job_queues, job_schedules, events. Left out is what is secret or only keeps the books: hashes,
-- usage, known operations. Scope tenant:write. Each page sees what has committed by then: what changes
-- meanwhile may come as it was or as it is. A page ends when it has 4 MB, whatever page_limit is. Locks nothing.

create or replace function mayfly_private.export_tenant(after jsonb, page_limit integer)
returns jsonb
language plpgsql stable security definer
set search_path = ''
as $$
declare
  tenant constant uuid := mayfly_private.require_tenant('tenant:write');
  tables constant text[] := '{tenants,members,invitations,agent_types,enrolment_keys,agents,agent_liveness,memories,memory_conflicts,memory_vectors,states,state_versions,debug_records,channels,channel_subscriptions,messages,inboxes,deliveries,jobs,finished_jobs,job_steps,job_attempts,job_signals,job_queues,job_schedules,events}';
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
        case when tables[place] = 'memories' then '- ''words''' else '' end, keys.columns, tables[place],
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

revoke execute on all functions in schema mayfly, mayfly_private from public;
