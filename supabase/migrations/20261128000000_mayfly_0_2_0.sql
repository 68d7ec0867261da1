set local lock_timeout = '5s';

drop function if exists mayfly_private.maintain_debug;

drop function if exists mayfly_private.maintain_states;

drop function if exists mayfly_private.maintain_messages;

drop function if exists mayfly_private.row_bytes;

alter table mayfly.scopes add column by_default boolean not null default false;

comment on column mayfly.scopes.by_default is 'Whether an agent has it that was not given scopes, where its spawner has it.';

-- Refuses edge functions of a release that this database does not serve: it serves those of its own release and
-- of the one before. Functions send their version in the header x-mayfly-functions. Callers that are no
-- functions send none, nor do the functions of 0.1.0. Patch releases count as equal.
-- Called by caller and renew_agent. Locks nothing.

create function mayfly_private.check_version(functions text)
returns void
language plpgsql stable
set search_path = ''
as $$
declare
  form constant text := '^(\d{1,6})\.(\d{1,6})\.\d';
  release constant jsonb := mayfly_private.release();
  deployed constant integer[] := regexp_match(functions, form)::integer[];
  installed constant integer[] := regexp_match(release ->> 'installed', form)::integer[];
begin
  if deployed <= installed and deployed >= regexp_match(release ->> 'serves', form)::integer[] then
    return;
  end if;
  perform mayfly_private.fail(503, 'version_unsupported',
    format('The edge functions are of release %s, and the database serves those of %s to %s.',
      coalesce((regexp_match(functions, '^\d{1,6}\.\d{1,6}\.\d{1,6}'))[1], 'an unknown version'), release ->> 'serves', release ->> 'installed'),
    case when deployed > installed then 'Push the migrations of this release: npx supabase db push. The database is upgraded before the functions.'
      else 'Deploy the functions of the release that the database has: npx supabase functions deploy spawn sync query.' end,
    release);
end
$$;

comment on function mayfly_private.check_version is 'Refuses edge functions of a release that this database does not serve.';

-- The release of Mayfly whose migrations this database has, and the oldest one whose edge functions and SDK it
-- serves. Written by npm run build:migrations from sql/releases.json. Called by check_version and installation.

create function mayfly_private.release()
returns jsonb
language sql immutable parallel safe
set search_path = ''
return '{"installed": "0.2.0", "serves": "0.1.0"}'::jsonb;

comment on function mayfly_private.release is 'Which release this database has, and the oldest one that it serves.';

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

create or replace function mayfly_private.caller()
returns mayfly_private.caller
language plpgsql stable security definer
set search_path = ''
as $$
declare
  claims constant jsonb := nullif(current_setting('request.jwt.claims', true), '');
  headers constant jsonb := nullif(current_setting('request.headers', true), '');
  chosen constant text := lower(headers ->> 'x-mayfly-tenant');
  found_caller mayfly_private.caller;
begin
  if headers ? 'x-mayfly-functions' then
    perform mayfly_private.check_version(headers ->> 'x-mayfly-functions');
  end if;
  if claims ->> 'role' = 'service_role' then
    select 'secret', null, t.id, known.names, chosen, known.for_agents
    into found_caller
    from mayfly.tenants t,
      (select array_agg(s.name) as names, array_agg(s.name) filter (where s.agents) as for_agents from mayfly.scopes s) known
    where t.id = mayfly_private.to_uuid(chosen);
    return case when found then found_caller else row('secret', null, null, '{}', chosen, '{}')::mayfly_private.caller end;
  end if;

  if claims ->> 'role' is distinct from 'authenticated' or not mayfly_private.is_timely(claims) then
    return null;
  end if;

  if claims ->> 'iss' = 'mayfly' and claims -> 'mayfly' ? 'enrolment' then
    select 'machine', k.id, k.tenant_id, '{agent:spawn}', chosen, k.scopes
    into found_caller
    from mayfly_private.enrolment_secrets s
    join mayfly.enrolment_keys k on k.tenant_id = s.tenant_id and k.id = s.key_id
    where s.hash = mayfly_private.bytes_of_hex(claims -> 'mayfly' ->> 'enrolment')
      and k.revoked_at is null and k.expires_at > clock_timestamp()
      and k.tenant_id::text = coalesce(chosen, k.tenant_id::text);
    return case when found then found_caller end;
  end if;

  if claims ->> 'iss' = 'mayfly' then
    select 'agent', a.id, a.tenant_id, a.scopes, chosen, a.scopes
    into found_caller
    from mayfly.agents a
    where a.tenant_id = mayfly_private.to_uuid(claims -> 'mayfly' ->> 'tenant')
      and a.id = mayfly_private.to_uuid(claims ->> 'sub')
      and a.tenant_id::text = coalesce(chosen, a.tenant_id::text)
      and not exists (
        select from mayfly.agents line
        where line.tenant_id = a.tenant_id
          and line.id = any (a.ancestors || a.id)
          and (line.status <> 'running' or line.expires_at <= clock_timestamp()));
    return case when found then found_caller end;
  end if;

  if claims ? 'mayfly' or mayfly_private.to_uuid(claims ->> 'sub') is null
    or not exists (select from mayfly_private.settings s where claims ->> 'iss' like any (s.person_issuers)) then
    return null;
  end if;
  return row('person', mayfly_private.to_uuid(claims ->> 'sub'), null, null, chosen, null)::mayfly_private.caller;
end
$$;

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

-- The definer half of mayfly.renew_agent. The secret's hash comes in a token of 30 s that the spawn
-- function signs (claim mayfly.renewal): the secret suffices alone, so nothing else is asked. Locks the
-- agent's row, as resuming does, before it looks at the secrets: uses at once are judged one by one.
--
-- Each use gives a secret of the next round. For 30 s after its first use a secret works again, since
-- its answer may have been lost, up to 20 times in all. Whatever else comes of the round before the newest means that two hold
-- the agent: one used before, or one that was given beside the one that was used. The agent is then
-- suspended. A secret of an older round is unknown: an old copy harms nobody.

create or replace function mayfly_private.renew_agent()
returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  claims constant jsonb := nullif(current_setting('request.jwt.claims', true), '');
  headers constant jsonb := nullif(current_setting('request.headers', true), '');
  given bytea;
  secret mayfly_private.renewal_secrets;
  newest integer;
  agent mayfly.agents;
begin
  if headers ? 'x-mayfly-functions' then
    perform mayfly_private.check_version(headers ->> 'x-mayfly-functions');
  end if;
  if claims ->> 'iss' = 'mayfly' and claims ->> 'role' = 'authenticated' and mayfly_private.is_timely(claims) then
    given := mayfly_private.bytes_of_hex(claims -> 'mayfly' ->> 'renewal');
    perform from mayfly.agents a
    where (a.tenant_id, a.id) in (select s.tenant_id, s.agent_id from mayfly_private.renewal_secrets s where s.hash = given)
    for no key update;
    -- Read under the lock: another use, or a resume, may have made it old or unknown.
    select * into secret from mayfly_private.renewal_secrets s where s.hash = given;
  end if;
  if secret.hash is null then
    perform mayfly_private.fail(401, 'renewal_refused', 'The renewal secret is not known.',
      'It never was one, or a later one has replaced it. Spawn another agent.');
  end if;

  newest := (select max(s.round) from mayfly_private.renewal_secrets s
    where s.tenant_id = secret.tenant_id and s.agent_id = secret.agent_id);
  if secret.round < newest and coalesce(secret.used_at < clock_timestamp() - interval '30 seconds', true) then
    update mayfly.agents a
    set status = 'suspended', suspended_at = clock_timestamp(), suspend_reason = 'renewal secret used twice'
    where a.tenant_id = secret.tenant_id and a.id = secret.agent_id and a.status = 'running';
    -- Returned, not raised: raising would undo the suspension.
    return jsonb_build_object('refused', 'renewal_reused');
  end if;

  -- Each use leaves a row, which no quota counts.
  if (select count(*) from mayfly_private.renewal_secrets s
      where s.tenant_id = secret.tenant_id and s.agent_id = secret.agent_id and s.round > secret.round) >= 20 then
    perform mayfly_private.fail(429, 'rate_limited', 'This renewal secret was used 20 times.',
      'Renew with the secret that one of the answers gave.', '{"quota": "renewals", "limit": 20}', 30);
  end if;

  update mayfly_private.renewal_secrets s
  set used_at = coalesce(s.used_at, clock_timestamp())
  where s.hash = secret.hash;
  delete from mayfly_private.renewal_secrets s
  where s.tenant_id = secret.tenant_id and s.agent_id = secret.agent_id and s.round < secret.round;

  agent := mayfly_private.extend_life(secret.tenant_id, secret.agent_id);
  if agent.id is null then
    perform mayfly_private.fail(401, 'agent_not_alive', 'The agent, or an ancestor of it, has stopped, expired or been suspended.',
      'Spawn another agent.');
  end if;
  return mayfly_private.issue_token(agent.tenant_id, agent.id, secret.round + 1);
end
$$;

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

-- For `mayfly doctor`, with the secret key alone: what of Mayfly is in this database, and whether other
-- tables are open to every signed-in caller, which agents are.
--
--   { release: { installed, serves }, postgres, at, extensions: {name: version}, migrations: [{ version, name, md5 }] | null,
--     jobs: [name] | null, unprotected: [table], policies: ["policy on schema.table"],
--     open_policies: [{ schema, table, policy, command }],
--     pre_request: { function, callable, next, database } | null, timeouts: {role: statement_timeout},
--     statistics: ["mayfly.table.column"],
--     maintenance: { oldest, failing: [{ tenant_id, failures, since, error }] },
--     broadcasts: { flushed, due, lost: { tenants, at } } }
--
-- migrations is null where no tool has recorded any, jobs where there is no pg_cron. maintenance.oldest is when
-- the tenant that has waited longest was last looked at (or made), failing has up to 20, by their first failure.
-- pre_request is the function that the Data API calls before every request, as it is set for the role
-- authenticator: `callable` is its quoted name, null where it does not exist; `next` what a wrapper of
-- ours calls after check_request; `database` the database's name where it is set for this one alone.
-- statistics are the columns of what tenants write that the planner has statistics of all the same.
-- broadcasts.flushed says whether somebody tells what is due, due how many broadcasts wait, lost which tenants'
-- readers noticed lost ones in the last ten minutes, and when last.
-- The definer half is there since the CLI's record and pg_cron's jobs are not for the secret key to read.
-- Locks nothing.

create or replace function mayfly_private.installation()
returns jsonb
language plpgsql stable security definer
set search_path = ''
as $$
declare
  migrations jsonb;
  jobs jsonb;
  pre_request jsonb;
begin
  -- Neither need be there: migrations may have been run by hand, and pg_cron is optional. The blanks
  -- are left out, since each tool cuts a file into statements in its own way.
  if to_regclass('supabase_migrations.schema_migrations') is not null then
    execute $sql$
      select coalesce(jsonb_agg(jsonb_build_object('version', m.version, 'name', m.name,
        'md5', md5(translate(array_to_string(m.statements, ''), E' \t\r\n;', ''))) order by m.version), '[]')
      from supabase_migrations.schema_migrations m where m.name like 'mayfly%'
    $sql$ into migrations;
  end if;
  if to_regclass('cron.job') is not null then
    execute $sql$
      select coalesce(jsonb_agg(j.jobname order by j.jobname), '[]') from cron.job j where j.jobname like 'mayfly-%' and j.active
    $sql$ into jobs;
  end if;
  -- As the Data API reads it: what is set for this database comes first, and the first dot ends the schema.
  select jsonb_build_object(
    'function', s.name,
    'database', case when d.setdatabase <> 0 then current_database() end,
    'callable', case when p.oid is not null then format('%I.%I', n.nspname, p.proname) end,
    'next', (
      select format('%s.%s', nn.nspname, np.proname)
      from pg_catalog.pg_depend dep
      join pg_catalog.pg_proc np on np.oid = dep.refobjid
      join pg_catalog.pg_namespace nn on nn.oid = np.pronamespace
      where n.nspname = 'mayfly_gate' and dep.classid = 'pg_catalog.pg_proc'::regclass and dep.objid = p.oid
        and dep.refclassid = 'pg_catalog.pg_proc'::regclass and nn.nspname <> 'mayfly_gate'
      limit 1))
  into pre_request
  from pg_catalog.pg_db_role_setting d
  cross join lateral unnest(d.setconfig) c (setting)
  cross join lateral (select substr(c.setting, length('pgrst.db_pre_request=') + 1) as name) s
  left join (pg_catalog.pg_proc p join pg_catalog.pg_namespace n on n.oid = p.pronamespace)
    on p.pronargs = p.pronargdefaults and p.proname = substr(s.name, strpos(s.name, '.') + 1)
    and n.nspname = coalesce(nullif(split_part(s.name, '.', 1), s.name), 'public')
  where d.setrole = to_regrole('authenticator') and c.setting like 'pgrst.db\_pre\_request=_%'
    and d.setdatabase in (0, (select oid from pg_catalog.pg_database where datname = current_database()))
  order by d.setdatabase desc limit 1;
  return jsonb_build_object(
    'pre_request', pre_request,
    'statistics', (
      select coalesce(jsonb_agg(format('%s.%s.%s', st.schemaname, st.tablename, st.attname) order by 1), '[]')
      from pg_catalog.pg_stats st
      join pg_catalog.pg_namespace n on n.nspname = st.schemaname
      join pg_catalog.pg_class c on c.relnamespace = n.oid and c.relname = st.tablename
      join pg_catalog.pg_attribute a on a.attrelid = c.oid and a.attname = st.attname
      where n.nspname = 'mayfly' and a.attstattarget = 0),
    'timeouts', (
      select jsonb_object_agg(r.rolname, (
        select substr(c.setting, length('statement_timeout=') + 1)
        from pg_catalog.pg_db_role_setting d, unnest(d.setconfig) c (setting)
        where d.setrole = r.oid and d.setdatabase = 0 and c.setting like 'statement\_timeout=%'))
      from pg_catalog.pg_roles r where r.rolname in ('anon', 'authenticated', 'service_role', 'authenticator')),
    'release', mayfly_private.release(),
    'postgres', current_setting('server_version'),
    'at', clock_timestamp(),
    'migrations', migrations,
    'jobs', jobs,
    'extensions', (
      select coalesce(jsonb_object_agg(e.extname, e.extversion), '{}') from pg_catalog.pg_extension e
      where e.extname in ('vector', 'pg_trgm', 'pg_cron', 'pg_net')),
    'unprotected', (
      select coalesce(jsonb_agg(format('%s.%s', n.nspname, c.relname) order by 1), '[]')
      from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
      where n.nspname in ('mayfly', 'mayfly_private') and c.relkind in ('r', 'p') and not c.relrowsecurity),
    'policies', (
      select coalesce(jsonb_agg(format('%s on %s.%s', p.policyname, p.schemaname, p.tablename) order by 1), '[]')
      from pg_catalog.pg_policies p
      where p.schemaname in ('mayfly', 'mayfly_private')
        or (p.schemaname = 'realtime' and p.tablename = 'messages' and p.policyname like 'mayfly%')),
    'open_policies', (
      select coalesce(jsonb_agg(jsonb_build_object('schema', p.schemaname, 'table', p.tablename, 'policy', p.policyname,
        'command', lower(p.cmd)) order by p.schemaname, p.tablename, p.policyname), '[]')
      from pg_catalog.pg_policies p
      where p.schemaname not in ('mayfly', 'mayfly_private') and p.permissive = 'PERMISSIVE'
        and p.roles && array['public', 'authenticated']::name[]
        and 'true' in (p.qual, p.with_check)),
    'maintenance', jsonb_build_object(
      'oldest', (
        select min(greatest(m.at, t.created_at))
        from mayfly.tenants t left join mayfly_private.maintenance m on m.tenant_id = t.id),
      'failing', (
        select coalesce(jsonb_agg(jsonb_build_object('tenant_id', f.tenant_id, 'failures', f.failures, 'since', f.failed_since,
          'error', f.error) order by f.failed_since), '[]')
        from (
          select * from mayfly_private.maintenance m where m.failures > 0 order by m.failed_since limit 20) f)),
    'broadcasts', jsonb_build_object(
      'flushed', coalesce(mayfly_private.is_flushed(), false),
      'due', (select count(*) from (select from mayfly_private.nudges_due d limit 100000) d),
      'lost', (
        select jsonb_build_object('tenants', count(*), 'at', max(b.at))
        from mayfly_private.broadcast_losses b where b.at > clock_timestamp() - interval '10 minutes')));
end
$$;

comment on function mayfly.installation is
  'What of Mayfly is in this database: { release, postgres, at, extensions, migrations, jobs, unprotected, policies, open_policies, maintenance, pre_request, timeouts, statistics, broadcasts }.';

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
