set local lock_timeout = '5s';

drop policy if exists events_select on mayfly.events;

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

-- The kinds of events that this room appends to the log.

insert into mayfly.event_kinds (kind, scope, admin_scope, description) values
  ('member.joined', 'member:read', null, 'A person became a member of the tenant.'),
  ('member.updated', 'member:read', null, 'The role of a member changed.'),
  ('member.left', 'member:read', null, 'A person is no longer a member.')
on conflict (kind) do update
set scope = excluded.scope, admin_scope = excluded.admin_scope, description = excluded.description;

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

-- The kinds of events that this room appends to the log.

insert into mayfly.event_kinds (kind, scope, admin_scope, description) values
  ('agent.spawned', 'agent:read', null, 'An agent was spawned.'),
  ('agent.suspended', 'agent:read', null, 'An agent was suspended.'),
  ('agent.resumed', 'agent:read', null, 'A suspended agent was resumed.'),
  ('agent.stopped', 'agent:read', null, 'An agent was stopped.'),
  ('agent.expired', 'agent:read', null, 'The lifetime of an agent is over, and it was marked so.')
on conflict (kind) do update
set scope = excluded.scope, admin_scope = excluded.admin_scope, description = excluded.description;

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
  ('mayfly_private.nudges_due', 'the writes of a second'),
  ('mayfly_private.ops', 'the writes of a minute, and how long operations are kept')
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
  ('log', 'mayfly_private.maintain_log(uuid, integer)'),
  ('ops', 'mayfly_private.maintain_ops(uuid, integer)')
on conflict (name) do update set work = excluded.work;

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

grant execute on function mayfly_private.readable_kinds to authenticated, service_role;

create policy events_select on mayfly.events for select to authenticated
  using (tenant_id = any ((select mayfly.tenant_ids())::uuid[])
    and (tenant_id, type) in (select k.tenant_id, k.kind from mayfly_private.readable_kinds() k)
    and (audience is null
      or audience = any ((select mayfly_private.own_agent_ids())::uuid[])
      or audience = (select mayfly_private.caller_id())
      or (tenant_id, type) in (select k.tenant_id, k.kind from mayfly_private.readable_kinds() k where k.sees_all)));

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

-- The types of operations that a push may have. A room registers its types in its operation_types.sql.

create table mayfly_private.operation_types (
  type text constraint operation_types_pkey primary key
    constraint operation_types_type_form check (type ~ '^[a-z][a-z_]*\.[a-z][a-z_]*$'),
  scope text not null,
  -- Text, and resolved when it is used: a regprocedure would block pg_upgrade.
  work text not null
);

comment on table mayfly_private.operation_types is 'The types of operations that a push may have.';

comment on column mayfly_private.operation_types.scope is 'The scope without which an operation of this type is refused.';

comment on column mayfly_private.operation_types.work is
  'The signature of a function of (tenant uuid, push jsonb, claimed uuid[]): the whole push, of which it applies the operations of its types whose ids are claimed, and checks all of its types. It may change their results in mayfly_private.ops. It returns how many it has charged a write for.';

alter table mayfly_private.operation_types enable row level security;

-- Refuses a push whose operations are none, with the index and the field of the first fault: too many, too large, or
-- with an id, a type, a subject or a body that cannot be. What is in a body is asked by its room. Called by
-- mayfly_private.push. Locks nothing. One pass sees what is surely right; only what is left is asked everything.

create function mayfly_private.check_operations(push jsonb)
returns void
language plpgsql stable
set search_path = ''
as $$
declare
  known constant text[] := array(select t.type from mayfly_private.operation_types t order by 1);
  fault record;
begin
  if jsonb_typeof(push) is distinct from 'array' then
    perform mayfly_private.fail(400, 'invalid_request', 'push must be an array of operations.', null, '{"field": "push"}');
  elsif jsonb_array_length(push) > 1000 then
    perform mayfly_private.fail(413, 'push_too_large', 'A push has at most 1000 operations.', 'Split it.', '{"field": "push"}');
  elsif pg_column_size(push) > 4194304 then
    perform mayfly_private.fail(413, 'push_too_large', 'A push has at most 4 MB.', 'Split it.', '{"field": "push"}');
  end if;

  if exists (
    select from jsonb_array_elements(push) op
    where (op ->> 'id' like '________-____-____-____-____________' and pg_input_is_valid(op ->> 'id', 'uuid')
      and op ->> 'subject' like '________-____-____-____-____________' and pg_input_is_valid(op ->> 'subject', 'uuid')
      and op ->> 'type' = any (known)
      and coalesce(jsonb_typeof(op -> 'body'), 'object') = 'object') is not true
  ) then
    select o.n - 1 as index, mayfly_private.given_field(o.op, c.field) as field, c.rule into fault
    from jsonb_array_elements(push) with ordinality as o (op, n),
      lateral (values
        ('id', jsonb_typeof(o.op) = 'object' and mayfly_private.to_uuid(o.op ->> 'id') is not null, 'must be a uuid'),
        ('type', o.op ->> 'type' = any (known), format('must be %s or %s',
          array_to_string(known[:cardinality(known) - 1], ', '), known[cardinality(known)])),
        ('body', coalesce(jsonb_typeof(o.op -> 'body'), 'object') = 'object', 'must be an object'),
        ('subject', mayfly_private.to_uuid(o.op ->> 'subject') is not null, 'must be a uuid')
      ) as c (field, holds, rule)
    where c.holds is not true
    order by o.n
    limit 1;
    if found then
      perform mayfly_private.fail(400, 'invalid_operation', format('push[%s].%s %s.', fault.index, fault.field, fault.rule),
        'Nothing of this push was applied. Correct it, or leave the operation out.',
        jsonb_build_object('index', fault.index, 'field', fault.field));
    end if;
  end if;

  select o.n - 1 as index into fault
  from (
    select e.n, row_number() over (partition by (e.op ->> 'id')::uuid order by e.n) as nth
    from jsonb_array_elements(push) with ordinality as e (op, n)
  ) o
  where o.nth > 1
  order by o.n limit 1;
  if found then
    perform mayfly_private.fail(400, 'invalid_operation', format('push[%s].id stands in this push twice.', fault.index),
      'Nothing of this push was applied. Give each operation an id of its own.',
      jsonb_build_object('index', fault.index, 'field', 'id'));
  end if;
end
$$;

comment on function mayfly_private.check_operations is 'Refuses a push whose operations are none, naming index and field.';

-- A cursor of the log as text, which callers keep and give back. What is in it is nobody's to read or make.

create function mayfly_private.close_cursor(cursor_state jsonb)
returns text
language sql immutable
set search_path = ''
return translate(encode(convert_to(cursor_state::text, 'UTF8'), 'base64'), E'\n', '');

comment on function mayfly_private.close_cursor is 'A cursor of the log as text.';

-- What the field of an operation is called in the form in which it was given. An operation of before 0.2 has one part
-- instead of subject and body, whose name stands in `old`: there `subject` is `memory.id`, and `body.task` is `memory.task`.

create function mayfly_private.given_field(op jsonb, field text)
returns text
language sql immutable
set search_path = ''
return case
  when jsonb_typeof(op) is distinct from 'object' or not op ? 'old' then field
  when field = 'subject' then op ->> 'old' || '.id'
  else regexp_replace(field, '^body', op ->> 'old')
end;

comment on function mayfly_private.given_field is 'What the field of an operation is called in the form in which it was given.';

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

-- Applies a push in one transaction, all or nothing, each operation at most once: what was applied before is not
-- applied again and gives its first result. An operation is { id, type, subject, body }; this function claims the ids
-- and hands each type to the function of its room (mayfly_private.operation_types), which checks what is in it and
-- writes. The one door for what clients queue. As owner, since nobody else may write; each room's function
-- names the caller's tenant in its statements, and repeats the predicates of its policies.
--
-- Operation ids are claimed in their own order: in the order of the pushes, two that overlap deadlocked 19 times
-- in 100. Locks the tenant as a foreign key does, and what the rooms lock.

create or replace function mayfly_private.push(push jsonb)
returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  tenant constant uuid := mayfly_private.require_tenant(null);
  long_ago constant timestamptz := now() - mayfly_private.kept();
  -- The least UUIDv7 of that time.
  least_id constant uuid := lpad(to_hex(floor(extract(epoch from long_ago) * 1000)::bigint), 12, '0') || repeat('0', 20);
  ids uuid[];
  claimed uuid[];
  expired integer;
  room record;
  written integer;
  charged integer := 0;
begin
  perform mayfly_private.check_operations(push);
  for room in
    select distinct t.scope from mayfly_private.operation_types t
    where t.type in (select op ->> 'type' from jsonb_array_elements(push) op) order by t.scope
  loop
    perform mayfly_private.require_tenant(room.scope);
  end loop;
  perform mayfly_private.hold_tenant(tenant);

  with new_ops as (
    insert into mayfly_private.ops (tenant_id, id, result)
    select tenant, (op ->> 'id')::uuid, jsonb_build_object('id', op ->> 'id', 'status', 'applied',
      coalesce(op ->> 'old', 'subject'), op ->> 'subject')
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
      'Nothing of this push was applied. Leave the operation out, or make it again after a look at what is there.',
      jsonb_build_object('index', expired, 'field', 'id'));
  end if;

  for room in
    select to_regprocedure(t.work)::regproc as work from mayfly_private.operation_types t
    where t.type in (select op ->> 'type' from jsonb_array_elements(push) op)
    group by t.work order by t.work
  loop
    execute format('select %s($1, $2, $3)', room.work) into written using tenant, push, claimed;
    charged := charged + written;
  end loop;
  -- Those that wrote nothing are kept by their ids all the same; for the others, the rooms charge.
  if cardinality(claimed) > charged then
    perform mayfly_private.charge(tenant, 0, 0, cardinality(claimed) - charged);
  end if;

  ids := array(select (op ->> 'id')::uuid from jsonb_array_elements(push) with ordinality as o (op, n) order by n);
  return (
    select coalesce(jsonb_agg(o.result order by pushed.n), '[]')
    from unnest(ids) with ordinality as pushed (id, n)
    join mayfly_private.ops o on o.id = pushed.id
    where o.tenant_id = tenant and o.id = any (ids));
end
$$;

-- Pushes operations { id, type, subject, body }, up to 1,000 and 4 MB, and gives their results in their order, each
-- { id, status, subject, … }.

create function mayfly.push(push jsonb)
returns jsonb
language plpgsql
set search_path = ''
as $$
begin
  -- Set by mayfly.sync alone, for operations in the form that they had before 0.2.
  if push @? '$[*].old' then
    perform mayfly_private.fail(400, 'invalid_operation', 'An operation has no part that is called old.',
      'An operation is { id, type, subject, body }.', '{"field": "old"}');
  end if;
  return mayfly_private.push(push);
end
$$;

comment on function mayfly.push is
  'Applies operations { id, type, subject, body } in one transaction, each at most once: [{ id, status, subject, … }].';

grant execute on function mayfly.push to authenticated, service_role;

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

-- The rows that events are about: how they travel with a page of the log. A room registers it in its event_rows.sql, for
-- the first part of its kinds' names.

create table mayfly_private.event_rows (
  entity text constraint event_rows_pkey primary key constraint event_rows_entity_form check (entity ~ '^[a-z][a-z_]{0,62}$'),
  -- Text, and resolved when it is used: a regprocedure would block pg_upgrade.
  work text not null
);

comment on table mayfly_private.event_rows is 'The functions that give the rows that events are about.';

comment on column mayfly_private.event_rows.work is
  'The signature of a function of (tenant uuid, page jsonb, selection jsonb, max_bytes bigint): the events of a page in their order, and what the caller selected, true or what the room allows. It refuses a caller without the scope, and returns { rows, fitting }: the rows as the caller sees them, each with its id, and how many events of the front of the page they are of, one at least.';

alter table mayfly_private.event_rows enable row level security;

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

-- What maintenance does in this room.

insert into mayfly_private.chores (name, work) values
  ('memories', 'mayfly_private.maintain_memories(uuid, integer)')
on conflict (name) do update set work = excluded.work;

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

-- Memories travel with the events that created and updated them.

insert into mayfly_private.event_rows (entity, work) values
  ('memory', 'mayfly_private.memory_rows(uuid, jsonb, jsonb, bigint)')
on conflict (entity) do update set work = excluded.work;

-- Applies the memory operations of a push: the one door to memories, their vectors and conflicts. Called by
-- mayfly_private.push, which has claimed the ids, as owner: each statement names the tenant of the caller, and what it
-- changes are memories that the caller sees (mayfly_private.lock_memories). An update among 100,000 memories took
-- 71 ms as the caller, under the policies, and 4.4 ms so. Gives how many memories it wrote, which the meters charge.
--
--   memory.put     subject: the id of the memory; body: its fields, and embedding and model
--   memory.update  body: { set, base, resolve, hlc, settles, embedding, model }
--   memory.delete  no body

create function mayfly_private.apply_memories(tenant uuid, push jsonb, claimed uuid[])
returns integer
language plpgsql
set search_path = ''
as $$
declare
  caller_id constant uuid := mayfly_private.caller_id();
  by_agent constant boolean := nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'iss' = 'mayfly';
  language constant text := mayfly_private.hold_tenant(tenant);
  embeddings constant extensions.halfvec[] := mayfly_private.check_push(push);
  given record;
  unknown uuid[];
  written integer;
  changed integer := 0;
  targets uuid[];
  fresh record;
begin
  select count(*) filter (where o.op ->> 'type' = 'memory.update') as updates, count(*) filter (where o.op ->> 'type' = 'memory.delete') as deletes,
    array_agg(distinct (o.op #>> '{body,agent_id}')::uuid) filter (where o.op #>> '{body,agent_id}' is not null) as agents
  into given
  from jsonb_array_elements(push) o (op)
  where o.op ->> 'type' like 'memory.%';

  if given.agents is not null then
    unknown := mayfly_private.unknown_agents(tenant, given.agents);
    if unknown is not null then
      perform mayfly_private.fail(400, 'agent_unknown', format('There is no agent %s.', unknown[1]),
        'Nothing of this push was applied. Leave agent_id out, or name an agent of the tenant.', jsonb_build_object('field', mayfly_private.given_field(push -> 0, 'body.agent_id')));
    end if;
  end if;

  select count(*) as puts, array_agg((op ->> 'subject')::uuid) filter (where jsonb_typeof(op #> '{body,embedding}') is distinct from 'array') as bare
  into fresh
  from jsonb_array_elements(push) op
  where op ->> 'type' = 'memory.put' and (op ->> 'id')::uuid = any (claimed);

  with puts as (
    select (op ->> 'subject')::uuid as id, memory.*
    from jsonb_array_elements(push) op,
      jsonb_to_record(op -> 'body') as memory (
        agent_id uuid, session_id uuid, conversation_id uuid, kind text, task text, input text,
        output text, critique text, reward numeric, success boolean, importance numeric, tags text[],
        metadata jsonb, tokens numeric, latency_ms numeric, visibility text, created_at timestamptz, expires_at timestamptz)
    where op ->> 'type' = 'memory.put' and (op ->> 'id')::uuid = any (claimed)
  )
  insert into mayfly.memories (
    tenant_id, id, agent_id, pushed_by, session_id, conversation_id, kind, task, input, output, critique,
    reward, success, importance, tags, metadata, tokens, latency_ms, visibility, language, created_at, expires_at)
  select tenant, p.id, coalesce(p.agent_id, case when by_agent then caller_id end), caller_id,
    p.session_id, p.conversation_id, coalesce(p.kind, 'episode'), coalesce(p.task, ''), coalesce(p.input, ''),
    coalesce(p.output, ''), coalesce(p.critique, ''), round(p.reward, 6)::real, p.success, coalesce(p.importance, 5),
    coalesce(p.tags, '{}'), case when jsonb_typeof(p.metadata) = 'object' then p.metadata else '{}' end, p.tokens, p.latency_ms, coalesce(p.visibility, 'tenant'),
    language, least(coalesce(p.created_at, now()), now()), p.expires_at
  from puts p
  order by p.id
  on conflict do nothing;
  get diagnostics written = row_count;

  if written < fresh.puts then
    perform mayfly_private.fail(409, 'memory_exists', 'Another operation has put a memory of one of these ids before.',
      'Nothing of this push was applied. Give each memory an id of its own (UUIDv7).', jsonb_build_object('field', mayfly_private.given_field(push -> 0, 'subject')));
  end if;

  if embeddings is not null then
    insert into mayfly.memory_vectors (tenant_id, model, memory_id, embedding)
    select tenant, o.op #>> '{body,model}', (o.op ->> 'subject')::uuid, o.embedding
    from rows from (jsonb_array_elements(push), unnest(embeddings)) as o (op, embedding)
    where o.op ->> 'type' = 'memory.put' and o.embedding is not null and (o.op ->> 'id')::uuid = any (claimed);
  end if;

  if fresh.bare is not null then
    perform mayfly_private.enqueue_embeddings(tenant, fresh.bare);
  end if;

  if given.updates > 0 or given.deletes > 0 then
    targets := mayfly_private.lock_memories(tenant, array(
      select (op ->> 'subject')::uuid from jsonb_array_elements(push) op
      where op ->> 'type' in ('memory.update', 'memory.delete') and (op ->> 'id')::uuid = any (claimed)));
  end if;
  if given.updates > 0 then
    changed := changed + mayfly_private.apply_updates(tenant, push, claimed, targets, caller_id);
  end if;
  if given.deletes > 0 then
    changed := changed + mayfly_private.apply_deletes(tenant, push, claimed, targets);
  end if;
  return fresh.puts + changed;
end
$$;

comment on function mayfly_private.apply_memories is 'Applies the memory operations of a push.';

-- The operations of this room.

insert into mayfly_private.operation_types (type, scope, work) values
  ('memory.put', 'memory:write', 'mayfly_private.apply_memories(uuid, jsonb, uuid[])'),
  ('memory.update', 'memory:write', 'mayfly_private.apply_memories(uuid, jsonb, uuid[])'),
  ('memory.delete', 'memory:write', 'mayfly_private.apply_memories(uuid, jsonb, uuid[])')
on conflict (type) do update set scope = excluded.scope, work = excluded.work;

-- Applies the deletes of a push: leaves tombstones, with neither vectors nor conflicts. Called by
-- mayfly_private.push, which has locked the targets. Gives how many memories it wrote.
--
-- A memory that is not there (any more), or not for the caller to forget, is no target and `gone`, as it is for
-- an update: another's private memory in a drained outbox is left to that one, its ancestors and admins.

create or replace function mayfly_private.apply_deletes(tenant uuid, push jsonb, claimed uuid[], targets uuid[])
returns integer
language plpgsql
set search_path = ''
as $$
declare
  gone integer;
begin
  with deletes as (
    select (op ->> 'id')::uuid as op, (op ->> 'subject')::uuid as memory
    from jsonb_array_elements(push) op
    where op ->> 'type' = 'memory.delete' and (op ->> 'id')::uuid = any (claimed)
  ), forgotten as (
    update mayfly.memories m
    set deleted_at = now(), updated_at = now(), version = m.version + 1,
      task = '', input = '', output = '', critique = '', tags = '{}', metadata = '{}', hlc = '{}'
    from deletes d
    where m.tenant_id = tenant and m.id = d.memory and d.memory = any (targets)
    returning m.id
  ), conflicts as (
    delete from mayfly.memory_conflicts c using forgotten f
    where c.tenant_id = tenant and c.memory_id = f.id
  ), vectors as (
    delete from mayfly.memory_vectors v using forgotten f
    where v.tenant_id = tenant and v.memory_id = f.id
  )
  update mayfly_private.ops o
  set result = o.result || '{"status": "gone"}'
  from deletes d
  where o.tenant_id = tenant and o.id = d.op and d.memory not in (select f.id from forgotten f);
  get diagnostics gone = row_count;
  return (
    select count(*) - gone from jsonb_array_elements(push) op
    where op ->> 'type' = 'memory.delete' and (op ->> 'id')::uuid = any (claimed));
end
$$;

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
  select coalesce(jsonb_agg(to_jsonb(s) || mayfly_private.settle(to_jsonb(m) - 'words', s.change)), '[]') into outcomes
  from (
    select o.n - 1 as index, (o.op ->> 'id')::uuid as op, (o.op ->> 'subject')::uuid as id, o.op -> 'body' as change
    from jsonb_array_elements(push) with ordinality as o (op, n)
    where o.op ->> 'type' = 'memory.update' and (o.op ->> 'id')::uuid = any (claimed)
  ) s
  join mayfly.memories m on m.tenant_id = tenant and m.id = s.id
  where m.id = any (targets);

  select s.index, mayfly_private.given_field(push -> s.index, c.field) as field, c.rule into fault
  from jsonb_to_recordset(outcomes) as s (index integer, id uuid, set jsonb)
  join mayfly.memories m on m.tenant_id = tenant and m.id = s.id,
    lateral (values
      ('subject', m.version < 2000000000, 'names a memory that has changed 2000000000 times: put another'),
      ('body.set', coalesce(s.set ->> 'task', m.task) || coalesce(s.set ->> 'input', m.input)
          || coalesce(s.set ->> 'output', m.output) <> '', 'must leave a task, an input or an output'),
      ('body.set.tags', jsonb_array_length(coalesce(s.set -> 'tags', '[]')) <= 50, 'would make more than 50 tags'),
      ('body.set.metadata', pg_column_size(coalesce(s.set -> 'metadata', '{}')) <= 65536, 'would make metadata of more than 64 KB'),
      ('body.set.visibility', s.set ->> 'visibility' is distinct from 'agent'
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
  select tenant, o.op #>> '{body,model}', s.id, (o.op #>> '{body,embedding}')::extensions.halfvec(384)
  from jsonb_array_elements(push) as o (op)
  join jsonb_to_recordset(outcomes) as s (op uuid, id uuid, set jsonb) on s.op = (o.op ->> 'id')::uuid
  where jsonb_typeof(o.op #> '{body,embedding}') = 'array' and s.set ?| '{task,tags,input,output}';

  bare := (select array_agg(s.id) from jsonb_to_recordset(outcomes) as s (id uuid, op uuid, set jsonb)
    where s.set ?| '{task,tags,input,output}' and not exists (
      select from jsonb_array_elements(push) o (op)
      where (o.op ->> 'id')::uuid = s.op and jsonb_typeof(o.op #> '{body,embedding}') = 'array'));
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

-- Refuses a push with the index and the field of the first fault of its memory operations, before anything of them is
-- applied, and gives its embeddings, one for each operation; null where it has none. Called by apply_memories.
-- Locks nothing.
--
-- One pass sees what is surely right: absent, or of its type and well within its bounds. Only the rest is
-- asked everything (refuse_faults), as every update is: 20 µs an operation instead of 200. What is compared as jsonb is of
-- its type: numbers sort among themselves, and texts equal texts alone.

create or replace function mayfly_private.check_push(push jsonb)
returns extensions.halfvec[]
language plpgsql
set search_path = ''
as $$
declare
  fault record;
  doubted bigint[];
  with_embedding integer;
  embeddings extensions.halfvec[];
  now_ms constant bigint := floor(extract(epoch from clock_timestamp()) * 1000);
begin
  with_embedding := (select count(*) from jsonb_array_elements(push) op where op ->> 'type' like 'memory.%' and op -> 'body' ? 'embedding');
  if with_embedding > 100 then
    perform mayfly_private.fail(413, 'push_too_large', 'A push has at most 100 operations with an embedding.', 'Split it.', '{"field": "push"}');
  elsif with_embedding > 0 then
    embeddings := mayfly_private.embeddings_of(push);
  end if;

  select array_agg(o.n) into doubted
  from jsonb_array_elements(push) with ordinality as o (op, n),
    lateral jsonb_to_record(case when jsonb_typeof(o.op -> 'body') = 'object' then o.op -> 'body' else '{}' end) as m (
      agent_id text, session_id text, conversation_id text, kind jsonb, task jsonb, input jsonb, output jsonb,
      critique jsonb, reward jsonb, success jsonb, importance jsonb, tags jsonb, metadata jsonb, tokens jsonb,
      latency_ms jsonb, visibility jsonb, created_at text, expires_at text)
  where o.op ->> 'type' like 'memory.%' and (
    (o.op ->> 'type' = 'memory.delete' or (o.op ->> 'type' = 'memory.put'
      and (coalesce(m.task, '""') <> '""' or coalesce(m.input, '""') <> '""' or coalesce(m.output, '""') <> '""')))
    and (m.agent_id is null or (m.agent_id like '________-____-____-____-____________' and pg_input_is_valid(m.agent_id, 'uuid')))
    and (m.session_id is null or (m.session_id like '________-____-____-____-____________' and pg_input_is_valid(m.session_id, 'uuid')))
    and (m.conversation_id is null
      or (m.conversation_id like '________-____-____-____-____________' and pg_input_is_valid(m.conversation_id, 'uuid')))
    and (m.kind is null or m.kind in ('"episode"', '"task_result"', '"conversation"', '"learning"', '"fact"', '"working"', '"general"'))
    and (m.task is null or (jsonb_typeof(m.task) = 'string' and char_length(m.task #>> '{}') <= 2000))
    and (m.input is null or (jsonb_typeof(m.input) = 'string' and char_length(m.input #>> '{}') <= 100000))
    and (m.output is null or (jsonb_typeof(m.output) = 'string' and char_length(m.output #>> '{}') <= 100000))
    and (m.critique is null or (jsonb_typeof(m.critique) = 'string' and char_length(m.critique #>> '{}') <= 20000))
    and (m.reward is null or m.reward between '0' and '1')
    and (m.success is null or m.success in ('true', 'false'))
    and (m.importance is null or m.importance in ('1', '2', '3', '4', '5', '6', '7', '8', '9', '10'))
    and (m.tokens is null or (m.tokens between '0' and '2147483647' and m.tokens::numeric % 1 = 0))
    and (m.latency_ms is null or (m.latency_ms between '0' and '2147483647' and m.latency_ms::numeric % 1 = 0))
    -- In 108 bytes no tag is too long.
    and (m.tags is null or case when jsonb_typeof(m.tags) <> 'array' or jsonb_array_length(m.tags) > 50 then false
      when pg_column_size(m.tags) <= 108 then not jsonb_path_exists(m.tags, 'strict $[*] ? (@.type() != "string" || @ == "")')
      else not exists (select from jsonb_array_elements(m.tags) tag
        where jsonb_typeof(tag) <> 'string' or char_length(tag #>> '{}') not between 1 and 100) end)
    -- An object within another takes at least 8 bytes: 256 hold no 33 levels.
    and (m.metadata is null or (jsonb_typeof(m.metadata) = 'object' and (pg_column_size(m.metadata) <= 256
      or (pg_column_size(m.metadata) <= 65536 and not jsonb_path_exists(m.metadata, '$.**{33 to last}')))
      and mayfly_private.numbers_kept(m.metadata)))
    and (m.visibility is null or m.visibility in ('"tenant"', '"agent"'))
    and (m.created_at is null or (m.created_at ~ '^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:?\d{2})$'
      and pg_input_is_valid(m.created_at, 'timestamptz')))
    and (m.expires_at is null or (m.expires_at ~ '^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:?\d{2})$'
      and pg_input_is_valid(m.expires_at, 'timestamptz')))
    and (o.op #> '{body,model}' is null or (jsonb_typeof(o.op #> '{body,model}') = 'string' and char_length(o.op #>> '{body,model}') <= 100))
    and (not coalesce(o.op -> 'body' ? 'embedding', false) or (embeddings is not null and jsonb_typeof(o.op #> '{body,embedding}') = 'array' and o.op #>> '{body,model}' <> ''))
  ) is not true;
  if doubted is not null then
    perform mayfly_private.refuse_faults(push, doubted);

    select o.n - 1 as index, mayfly_private.given_field(o.op, 'body.hlc') as field into fault
    from jsonb_array_elements(push) with ordinality as o (op, n)
    where o.op ->> 'type' = 'memory.update' and split_part(o.op #>> '{body,hlc}', '-', 1)::bigint > now_ms + 60000
    order by o.n limit 1;
    if fault.index is not null then
      perform mayfly_private.fail(400, 'clock_ahead', format('push[%s].%s is more than 60 s ahead of the server.', fault.index, fault.field),
        'Nothing of this push was applied. Take the offset of your clock from details.server_ms, and make the clock anew.',
        jsonb_build_object('index', fault.index, 'field', fault.field, 'server_ms', now_ms));
    end if;
  end if;

  if (select count(distinct (op ->> 'subject')::uuid) < count(*) from jsonb_array_elements(push) op where op ->> 'type' like 'memory.%') then
    select twice.n as index, mayfly_private.given_field(twice.op, 'subject') as field into fault
    from (
      select o.n - 1 as n, o.op, row_number() over (partition by (o.op ->> 'subject')::uuid order by o.n) as nth
      from jsonb_array_elements(push) with ordinality as o (op, n)
      where o.op ->> 'type' like 'memory.%'
    ) twice
    where twice.nth > 1
    order by twice.n
    limit 1;
    perform mayfly_private.fail(400, 'invalid_operation', format('push[%s].%s stands in this push twice.', fault.index, fault.field),
      'Nothing of this push was applied. One push says one thing about one memory.',
      jsonb_build_object('index', fault.index, 'field', fault.field));
  end if;

  if with_embedding > 0 and embeddings is null then
    embeddings := (
      select array_agg(case when o.op ->> 'type' like 'memory.%' and jsonb_typeof(o.op #> '{body,embedding}') = 'array' then (o.op #>> '{body,embedding}')::extensions.halfvec(384) end order by o.n)
      from jsonb_array_elements(push) with ordinality as o (op, n));
  end if;
  return embeddings;
end
$$;

-- Brings the operations of a push into the form { id, type, subject, body }. Until 0.2 an operation was { id, type, memory,
-- embedding, model }, and outboxes hold such for as long as their processes were away: until 0.3 both are taken. Of
-- one that was converted, `old` is the name of its one part, so that its result and its faults are said in the
-- form in which it came. Called by sync. Locks nothing.

create function mayfly_private.convert_operations(push jsonb)
returns jsonb
language plpgsql immutable
set search_path = ''
as $$
begin
  if jsonb_typeof(push) is distinct from 'array' or not exists (
    select from jsonb_array_elements(push) op where op ? 'memory' or op ? 'old' or not (op ? 'subject' or op ? 'body')) then
    return push;
  end if;
  return (
    select jsonb_agg(case
        when jsonb_typeof(o.op) <> 'object' then o.op
        when o.op ? 'subject' or o.op ? 'body' then o.op - 'old'
        else (o.op - '{memory,embedding,model}'::text[]) || jsonb_build_object('old', 'memory', 'subject', o.op #> '{memory,id}',
          'body', case when jsonb_typeof(o.op -> 'memory') = 'object'
            then (o.op -> 'memory') - '{id,embedding,model}'::text[]
              || case when o.op ? 'embedding' then jsonb_build_object('embedding', o.op -> 'embedding') else '{}' end
              || case when o.op ? 'model' then jsonb_build_object('model', o.op -> 'model') else '{}' end
            else 'null' end)
      end order by o.n)
    from jsonb_array_elements(push) with ordinality as o (op, n));
end
$$;

comment on function mayfly_private.convert_operations is 'Brings the operations of a push into their present form.';

grant execute on function mayfly_private.convert_operations to authenticated, service_role;

-- The embeddings of a push, one for each operation, null where it has none; null at all where one of
-- them might be out of its bounds. Called by check_push. The cast to halfvec is what takes 384 numbers and
-- nothing else, and it is needed anyway: 0.15 ms an operation; asking each number with a JSON path took
-- 0.6 ms. A norm below 999 keeps all numbers within 1000, and what is nearer to 0 than 1e-30 has at
-- least 30 zeros behind its point.

create or replace function mayfly_private.embeddings_of(push jsonb)
returns extensions.halfvec[]
language plpgsql
set search_path = ''
as $$
declare
  embeddings extensions.halfvec[];
  sure boolean;
begin
  select array_agg(cast_one.embedding order by cast_one.n),
    coalesce(bool_and(extensions.l2_norm(cast_one.embedding) < 999 and extensions.l2_norm(cast_one.embedding) > 0
      and strpos(cast_one.content, '0.000000000000000000000000000000') = 0), true)
  into embeddings, sure
  from (
    select written.n, written.content, written.content::extensions.halfvec(384) as embedding
    from (
      select o.n, case when o.op ->> 'type' like 'memory.%' and jsonb_typeof(o.op #> '{body,embedding}') = 'array' then o.op #>> '{body,embedding}' end as content
      from jsonb_array_elements(push) with ordinality as o (op, n)
      offset 0
    ) written
    offset 0
  ) cast_one;
  return case when sure then embeddings end;
exception when data_exception then
  return null;
end
$$;

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

-- Refuses a push with the index and the field of its first fault, among those operations that are in
-- doubt. Dear, 0.2 ms an operation, since it asks everything one by one: check_push, which calls it, doubts what it has not seen to be right by itself. Locks nothing. What an update sets, and
-- the base that it starts from, have the bounds of what is put.

create or replace function mayfly_private.refuse_faults(push jsonb, doubted bigint[])
returns void
language plpgsql
set search_path = ''
as $$
declare
  fault record;
  updatable constant text[] := '{session_id,conversation_id,kind,task,input,output,critique,reward,success,importance,tags,metadata,tokens,latency_ms,visibility,expires_at}';
begin
  select o.n - 1 as index, mayfly_private.given_field(o.op, c.field) as field, c.rule into fault
  from jsonb_array_elements(push) with ordinality as o (op, n),
    lateral (
      select o.op -> 'body' as memory, o.op ->> 'type' = 'memory.put' as put, o.op ->> 'type' = 'memory.update' as update
    ) as part,
    lateral (
      select 'body.' as prefix, part.memory as content where part.update is not true
      union all select 'body.set.', part.memory -> 'set' where part.update
      union all select 'body.base.', part.memory -> 'base' where part.update and jsonb_typeof(part.memory -> 'base') = 'object'
    ) as fields,
    lateral (values
      ('body.agent_id', (part.memory -> 'agent_id' is null or mayfly_private.uuid_or_absent(part.memory -> 'agent_id')), 'must be a uuid'),
      (prefix || 'session_id', (content -> 'session_id' is null or mayfly_private.uuid_or_absent(content -> 'session_id')), 'must be a uuid'),
      (prefix || 'conversation_id', (content -> 'conversation_id' is null or mayfly_private.uuid_or_absent(content -> 'conversation_id')), 'must be a uuid'),
      (prefix || 'kind', coalesce(content ->> 'kind', 'episode') in (
          'episode', 'task_result', 'conversation', 'learning', 'fact', 'working', 'general'),
        'must be episode, task_result, conversation, learning, fact, working or general'),
      (prefix || 'task', case jsonb_typeof(content -> 'task') when 'string' then char_length(content -> 'task' #>> '{}') <= 2000 else coalesce(content -> 'task', 'null') = 'null' end, 'must be a text of at most 2000 characters'),
      (prefix || 'input', case jsonb_typeof(content -> 'input') when 'string' then char_length(content -> 'input' #>> '{}') <= 100000 else coalesce(content -> 'input', 'null') = 'null' end, 'must be a text of at most 100000 characters'),
      (prefix || 'output', case jsonb_typeof(content -> 'output') when 'string' then char_length(content -> 'output' #>> '{}') <= 100000 else coalesce(content -> 'output', 'null') = 'null' end, 'must be a text of at most 100000 characters'),
      (prefix || 'critique', case jsonb_typeof(content -> 'critique') when 'string' then char_length(content -> 'critique' #>> '{}') <= 20000 else coalesce(content -> 'critique', 'null') = 'null' end, 'must be a text of at most 20000 characters'),
      ('body', not part.put or coalesce(content ->> 'task', '') || coalesce(content ->> 'input', '')
          || coalesce(content ->> 'output', '') <> '', 'must have a task, an input or an output'),
      (prefix || 'reward', case jsonb_typeof(content -> 'reward') when 'number' then content -> 'reward' between '0' and '1' else coalesce(content -> 'reward', 'null') = 'null' end, 'must be a number from 0 to 1'),
      (prefix || 'success', coalesce(jsonb_typeof(content -> 'success'), 'null') in ('boolean', 'null'), 'must be true or false'),
      (prefix || 'importance', case jsonb_typeof(content -> 'importance') when 'number' then content -> 'importance' between '1' and '10' and (content -> 'importance')::numeric % 1 = 0 else coalesce(content -> 'importance', 'null') = 'null' end, 'must be a whole number from 1 to 10'),
      (prefix || 'tokens', case jsonb_typeof(content -> 'tokens') when 'number' then content -> 'tokens' between '0' and '2147483647' and (content -> 'tokens')::numeric % 1 = 0 else coalesce(content -> 'tokens', 'null') = 'null' end, 'must be a whole number from 0 to 2147483647'),
      (prefix || 'latency_ms', case jsonb_typeof(content -> 'latency_ms') when 'number' then content -> 'latency_ms' between '0' and '2147483647' and (content -> 'latency_ms')::numeric % 1 = 0 else coalesce(content -> 'latency_ms', 'null') = 'null' end, 'must be a whole number from 0 to 2147483647'),
      (prefix || 'tags', case coalesce(jsonb_typeof(content -> 'tags'), 'null')
          when 'null' then true
          when 'array' then jsonb_array_length(content -> 'tags') <= 50
            and not exists (select from jsonb_array_elements(content -> 'tags') tag
              where jsonb_typeof(tag) <> 'string' or char_length(tag #>> '{}') not between 1 and 100)
          else false end, 'must be at most 50 texts of 1 to 100 characters'),
      (prefix || 'metadata', coalesce(jsonb_typeof(content -> 'metadata'), 'null') in ('object', 'null')
          and coalesce(pg_column_size(content -> 'metadata'), 0) <= 65536
          and not coalesce(jsonb_path_exists(content -> 'metadata', '$.**{33 to last}'), false),
        'must be an object of at most 64 KB, at most 32 levels deep'),
      (prefix || 'metadata', coalesce(mayfly_private.numbers_kept(content -> 'metadata'), true),
        'must have no number that JavaScript cannot hold: none beyond 1.8e308, and no integer beyond 2^53'),
      (prefix || 'visibility', coalesce(content ->> 'visibility', 'tenant') in ('tenant', 'agent'), 'must be tenant or agent'),
      ('body.created_at', (part.memory -> 'created_at' is null or mayfly_private.instant_or_absent(part.memory -> 'created_at')), 'must be an ISO 8601 instant'),
      (prefix || 'expires_at', (content -> 'expires_at' is null or mayfly_private.instant_or_absent(content -> 'expires_at')), 'must be an ISO 8601 instant'),
      (case when o.op ? 'old' then 'embedding' else 'body.embedding' end, case coalesce(jsonb_typeof(o.op #> '{body,embedding}'), 'null')
          when 'null' then true
          when 'array' then jsonb_array_length(o.op #> '{body,embedding}') = 384
            and not jsonb_path_exists(o.op #> '{body,embedding}', '$[*] ? (@.type() != "number" || @ > 1000 || @ < -1000 || (@ != 0 && @ < 1e-30 && @ > -1e-30))')
          else false end, 'must be 384 numbers from -1000 to 1000, none but 0 nearer to 0 than 1e-30'),
      (case when o.op ? 'old' then 'embedding' else 'body.embedding' end, case when jsonb_typeof(o.op #> '{body,embedding}') = 'array' and pg_input_is_valid(o.op #>> '{body,embedding}', 'extensions.halfvec')
          then extensions.l2_norm((o.op #>> '{body,embedding}')::extensions.halfvec) > 0 else true end,
        'must have a number other than 0: without one it points nowhere, and is like nothing'),
      (case when o.op ? 'old' then 'model' else 'body.model' end, case jsonb_typeof(o.op #> '{body,model}') when 'string' then char_length(o.op #> '{body,model}' #>> '{}') <= 100 else coalesce(o.op #> '{body,model}', 'null') = 'null' end and (not coalesce(o.op -> 'body' ? 'embedding', false) or o.op #>> '{body,model}' <> ''),
        'must be a text of 1 to 100 characters beside an embedding'),
      ('body.set', part.update is not true or (jsonb_typeof(part.memory -> 'set') = 'object'
          and ((part.memory -> 'set') <> '{}' or part.memory ? 'settles')
          and (part.memory -> 'set') - updatable = '{}'), 'must be an object with at least one field that can be updated, and no other'),
      ('body.base', part.update is not true or part.memory -> 'base' is null or (jsonb_typeof(part.memory -> 'base') = 'object'
          and (part.memory -> 'base') - updatable = '{}'), 'must be an object of fields that can be updated'),
      ('body.base', part.update is not true or part.memory ->> 'resolve' is distinct from 'manual'
          or (part.memory -> 'set') - array(select jsonb_object_keys(case when jsonb_typeof(part.memory -> 'base') = 'object'
            then part.memory -> 'base' else '{}' end)) = '{}', 'must have every field of set where resolve is manual'),
      ('body.resolve', part.update is not true or part.memory -> 'resolve' is null
          or part.memory ->> 'resolve' in ('latest_wins', 'merge', 'manual'), 'must be latest_wins, merge or manual'),
      ('body.settles', part.update is not true or case coalesce(jsonb_typeof(part.memory -> 'settles'), 'null')
          when 'null' then not part.memory ? 'settles'
          when 'array' then jsonb_array_length(part.memory -> 'settles') between 1 and 50
            and not exists (select from jsonb_array_elements(part.memory -> 'settles') conflict
              where jsonb_typeof(conflict) <> 'string' or mayfly_private.to_uuid(conflict #>> '{}') is null)
          else false end, 'must be 1 to 50 ids of conflicts'),
      ('body.hlc', part.update is not true or part.memory -> 'hlc' is null or coalesce(
          jsonb_typeof(part.memory -> 'hlc') = 'string' and part.memory ->> 'hlc' ~ '^\d{13}-[0-9a-f]{4}-[0-9A-Za-z_-]{1,36}$', false),
        'must be milliseconds in 13 digits, a counter in 4 hexadecimal digits and a node of 1 to 36 letters, with dashes between')
    ) as c (field, holds, rule)
  where o.n = any (doubted) and c.holds is not true
  order by o.n
  limit 1;
  if found then
    perform mayfly_private.fail(400, 'invalid_operation', format('push[%s].%s %s.', fault.index, fault.field, fault.rule),
      'Nothing of this push was applied. Correct it, or leave the operation out.',
      jsonb_build_object('index', fault.index, 'field', fault.field));
  end if;
end
$$;

-- Push what was learned, pull what is new, in one round trip. Called by the sync function as whoever
-- calls it. The push is one transaction with the pull behind it; the own events come with the next.
-- Operations may have the form that they had before 0.2 (convert_operations). In passing it marks agents that are dead but do not say so. since: null begins with all memories, 'now'
-- with what comes from now on.

create or replace function mayfly.sync(push jsonb default '[]', since text default null, page_limit integer default 500)
returns jsonb
language plpgsql
set search_path = ''
as $$
declare
  results jsonb := '[]';
begin
  if page_limit is null or page_limit not between 0 and 1000 then
    perform mayfly_private.fail(400, 'invalid_request', 'limit must be 0 to 1000.', 'Use 0 to push only.', '{"field": "limit"}');
  end if;
  if push is not null and push <> '[]' then
    results := mayfly_private.push(mayfly_private.convert_operations(push));
  end if;
  perform mayfly_private.reap_in_passing();
  if page_limit = 0 and since is distinct from 'now' then
    return jsonb_build_object('results', results, 'events', '[]'::jsonb, 'memories', '[]'::jsonb, 'cursor', since, 'more', false);
  end if;
  return jsonb_build_object('results', results)
    || mayfly_private.pull(since, page_limit);
end
$$;

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

-- The kinds of events that this room appends to the log.

insert into mayfly.event_kinds (kind, scope, admin_scope, description) values
  ('message.sent', 'message:read', 'message:admin', 'A message was sent.'),
  ('message.acknowledged', 'message:read', 'message:admin', 'A message was acknowledged.')
on conflict (kind) do update
set scope = excluded.scope, admin_scope = excluded.admin_scope, description = excluded.description;

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

-- The kinds of events that this room appends to the log.

insert into mayfly.event_kinds (kind, scope, admin_scope, description) values
  ('channel.created', 'message:read', null, 'A channel was created.'),
  ('channel.updated', 'message:read', null, 'The description or the publishers of a channel changed.'),
  ('channel.deleted', 'message:read', null, 'A channel was deleted.'),
  ('channel.subscribed', 'message:read', null, 'An agent or person subscribed to a channel.'),
  ('channel.unsubscribed', 'message:read', null, 'An agent or person unsubscribed from a channel.')
on conflict (kind) do update
set scope = excluded.scope, admin_scope = excluded.admin_scope, description = excluded.description;

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

-- Versions of states travel with the events of their change.

insert into mayfly_private.event_rows (entity, work) values
  ('state', 'mayfly_private.state_rows(uuid, jsonb, jsonb, bigint)')
on conflict (entity) do update set work = excluded.work;

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
