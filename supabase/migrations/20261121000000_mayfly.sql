-- sql/schemas/0010_requirements.sql

-- What the rest relies on; stops with a clear sentence where it is missing.

create extension if not exists vector with schema extensions;
create extension if not exists pg_trgm with schema extensions;
create extension if not exists btree_gin with schema extensions;

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
  where e.extname in ('pg_trgm', 'btree_gin') and n.nspname <> 'extensions' order by 1 limit 1;
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

-- sql/schemas/0020_schemas.sql

-- mayfly is what the Data API exposes; mayfly_private holds what only the database calls.

create schema mayfly;
comment on schema mayfly is 'Mayfly: tenants, their agents, what these learned, and the log of what happened.';
grant usage on schema mayfly to authenticated, service_role;

create schema mayfly_private;
comment on schema mayfly_private is 'Mayfly''s definer functions and bookkeeping. Never expose it through the Data API.';
grant usage on schema mayfly_private to authenticated, service_role;

-- sql/schemas/0021_schema_gate.sql

-- Apart from mayfly, for what the Data API may call as any role of the project: usage is everybody's, and
-- there is neither a table in it nor a definer function. It stays when the other two schemas are dropped:
-- while pgrst.db_pre_request names a function of it, dropping it takes the whole project's API down.

create schema if not exists mayfly_gate;
comment on schema mayfly_gate is 'Mayfly''s pre-request function for the Data API. Reset pgrst.db_pre_request before you drop it.';
grant usage on schema mayfly_gate to public;

-- sql/schemas/0022_function_check_request.sql

-- Refuses row estimates and plans of the schema mayfly. The planner's statistics are everybody's, and
-- `Prefer: count=planned` and `count=estimated` would hand its estimate out: whether another tenant is
-- there and how large it is. Every other request passes.
--
-- No migration switches it on: `mayfly doctor` prints the statement (pgrst.db_pre_request of the role
-- authenticator). The Data API then calls it before every request of every schema, as the caller's role,
-- anon and your own roles included. So it reads settings alone, and locks nothing.
--
-- The Data API puts the schema of the request first in search_path. A default is evaluated where the
-- function is called, so it sees that one. Headers do not tell the schema: the default one needs none, and
-- of a header that is there twice only one is seen.

create or replace function mayfly_gate.check_request(path text default current_setting('search_path'))
returns void
language plpgsql stable
set search_path = ''
as $$
declare
  headers constant jsonb := nullif(current_setting('request.headers', true), '')::jsonb;
begin
  if split_part(path, ',', 1) in ('mayfly', '"mayfly"') and (
    headers ->> 'prefer' ~* 'count\s*=\s*"?\s*(planned|estimated)' or headers ->> 'accept' ~* 'vnd\.pgrst\.plan')
  then
    raise sqlstate 'PGRST' using
      message = jsonb_build_object('code', 'estimates_refused',
        'message', 'The schema mayfly gives no row estimates and no plans: they are made of every tenant''s rows.',
        'hint', 'Ask for count=exact, or for no count.')::text,
      detail = '{"status": 400, "headers": {}}';
  end if;
end
$$;

comment on function mayfly_gate.check_request(text) is
  'Refuses count=planned, count=estimated and plans of the schema mayfly. For pgrst.db_pre_request.';

-- sql/schemas/0100_table_scopes.sql

-- Every scope there is, which member roles have it, and whether an agent can be given it. An agent's
-- scopes are a subset of these.

create table mayfly.scopes (
  name text constraint scopes_pkey primary key,
  description text not null,
  roles text[] not null,
  agents boolean not null default true
);

comment on table mayfly.scopes is 'The scopes: what each allows, which member roles have it, and whether agents can.';
comment on column mayfly.scopes.agents is 'Whether an agent can be given it. What outlives an agent, or reaches people, it cannot.';

insert into mayfly.scopes (name, description, roles, agents) values
  ('memory:read', 'Read and recall the memories of the tenant.', '{viewer,member,admin,owner}', true),
  ('memory:write', 'Remember and forget.', '{member,admin,owner}', true),
  ('memory:admin', 'Read memories that are visible to their agent alone.', '{admin,owner}', true),
  ('agent:read', 'See the agents of the tenant and their types.', '{viewer,member,admin,owner}', true),
  ('agent:spawn', 'Spawn agents.', '{member,admin,owner}', true),
  ('agent:stop', 'Stop, suspend and resume agents that one did not spawn.', '{member,admin,owner}', true),
  ('type:write', 'Define agent types.', '{admin,owner}', true),
  ('presence:read', 'See who is present.', '{viewer,member,admin,owner}', true),
  ('presence:write', 'Be present.', '{member,admin,owner}', true),
  ('message:read', 'Have an inbox, read channels, and the messages that one sent or received.', '{viewer,member,admin,owner}', true),
  ('message:send', 'Send messages, publish in channels.', '{member,admin,owner}', true),
  ('message:admin', 'Read every message, and listen to every inbox.', '{admin,owner}', true),
  ('channel:write', 'Create channels, change and delete one''s own.', '{member,admin,owner}', true),
  ('channel:broadcast', 'Broadcast in channels what is kept nowhere, past every quota. Not among an agent''s default scopes.', '{member,admin,owner}', true),
  ('state:read', 'Read the states of the tenant, its agents'' and the shared ones.', '{viewer,member,admin,owner}', true),
  ('state:write', 'Write the shared states; an agent also its own and its descendants''.', '{member,admin,owner}', true),
  ('debug:read', 'Watch the debug streams of the tenant''s agents.', '{member,admin,owner}', true),
  ('debug:write', 'Send a debug stream of one''s own.', '{member,admin,owner}', true),
  ('member:read', 'See the people of the tenant.', '{viewer,member,admin,owner}', true),
  ('member:write', 'Invite people, change their roles, remove them.', '{admin,owner}', false),
  ('key:write', 'See, create and revoke enrolment keys.', '{admin,owner}', false),
  ('tenant:write', 'Rename the tenant and set what its agents may.', '{admin,owner}', false);

-- sql/schemas/0105_table_settings.sql

-- The settings of the whole project: one row, changed in the SQL editor.

create table mayfly_private.settings (
  only_row boolean not null default true constraint settings_pkey primary key constraint settings_only_row check (only_row),
  tenants_created_by text not null default 'secret_key'
    constraint settings_tenants_created_by_known check (tenants_created_by in ('secret_key', 'signed_in')),
  max_tenants_per_person integer not null default 10
    constraint settings_max_tenants_per_person_range check (max_tenants_per_person >= 0),
  person_issuers text[] not null default '{%/auth/v1}',
  debug_rate integer not null default 50
    constraint settings_debug_rate_range check (debug_rate between 1 and 10000),
  announce_rate integer not null default 50
    constraint settings_announce_rate_range check (announce_rate between 1 and 10000),
  kept interval not null default '30 days'
    constraint settings_kept_range check (kept between '1 hour' and '100 years')
);

comment on table mayfly_private.settings is 'The settings of the project.';
comment on column mayfly_private.settings.tenants_created_by is
  'Who may create tenants: the secret key alone, or also anyone who is signed in (not anonymously).';
comment on column mayfly_private.settings.max_tenants_per_person is 'Of how many tenants a person who creates one may be owner.';
comment on column mayfly_private.settings.person_issuers is
  'Patterns (like) of the issuers whose tokens are a person''s. By default any Supabase Auth; narrow it to your own URL.';
comment on column mayfly_private.settings.debug_rate is
  'Realtime messages a second, each receiver counted, that the debug streams of a tenant may make together: half of what the Free plan allows.';
comment on column mayfly_private.settings.announce_rate is
  'Broadcasts a second that the database makes for a tenant at once, and as many again that were due: half of what the Free plan allows. Realtime counts each receiver beside.';
comment on column mayfly_private.settings.kept is
  'How long events, applied operations and tombstones are kept. Who has not synced for longer begins anew.';

insert into mayfly_private.settings default values;

alter table mayfly_private.settings enable row level security;

-- sql/schemas/0107_function_debug_categories.sql

-- What a debug record can be about.

create function mayfly_private.debug_categories()
returns text[]
language sql immutable parallel safe
set search_path = ''
return '{lifecycle,task,step,decision,thought,memory,message,tool,error}'::text[];

comment on function mayfly_private.debug_categories() is 'What a debug record can be about.';
revoke execute on function mayfly_private.debug_categories() from public;

-- sql/schemas/0108_function_is_debug_setting.sql

-- Whether a JSON value is a tenant's setting for debug records: { persist, level 1–4,
-- max_records_per_minute 1–100000 (of one agent), keep (seconds, 60 at least) }.

create function mayfly_private.is_debug_setting(setting jsonb)
returns boolean
language sql immutable parallel safe
set search_path = ''
return case when jsonb_typeof(setting) <> 'object' or (setting - '{persist,level,max_records_per_minute,keep}'::text[]) <> '{}' then false
  else jsonb_typeof(setting -> 'persist') is not distinct from 'boolean'
    and case when jsonb_typeof(setting -> 'level') = 'number' then (setting ->> 'level')::numeric in (1, 2, 3, 4) else false end
    and case when jsonb_typeof(setting -> 'max_records_per_minute') = 'number'
      then (setting ->> 'max_records_per_minute')::numeric between 1 and 100000
        and (setting ->> 'max_records_per_minute')::numeric % 1 = 0 else false end
    and case when jsonb_typeof(setting -> 'keep') = 'number' then (setting ->> 'keep')::numeric between 60 and 3e9 else false end
end;

comment on function mayfly_private.is_debug_setting(jsonb) is 'Whether a JSON value is a tenant''s setting for debug records.';
revoke execute on function mayfly_private.is_debug_setting(jsonb) from public;

-- sql/schemas/0109_function_is_retention.sql

-- Whether a JSON value is a tenant's retention: at most 50 rules { older_than, kind?, below_reward? }.
-- A memory is spent when one rule holds for it in all that the rule says: it was made more than
-- older_than seconds ago (60 at least), is of this kind, has a reward and it is below this one.

create function mayfly_private.is_retention(rules jsonb)
returns boolean
language sql immutable parallel safe
set search_path = ''
return case when jsonb_typeof(rules) <> 'array' or jsonb_array_length(rules) > 50 then false
  else not exists (
    select from jsonb_array_elements(rules) rule
    where case when jsonb_typeof(rule) <> 'object' then true
      else (rule - '{older_than,kind,below_reward}'::text[]) <> '{}'
        or case when jsonb_typeof(rule -> 'older_than') = 'number' then (rule ->> 'older_than')::numeric not between 60 and 3e9 else true end
        or coalesce(rule ->> 'kind', 'episode') not in (
          'episode', 'task_result', 'conversation', 'learning', 'fact', 'working', 'general')
        or case coalesce(jsonb_typeof(rule -> 'below_reward'), 'null') when 'null' then false
          when 'number' then (rule ->> 'below_reward')::numeric not between 0 and 1 else true end
    end)
end;

comment on function mayfly_private.is_retention(jsonb) is 'Whether a JSON value is a tenant''s retention.';
revoke execute on function mayfly_private.is_retention(jsonb) from public;

-- sql/schemas/0110_table_tenants.sql

-- A tenant and its limits.

create table mayfly.tenants (
  id uuid not null default gen_random_uuid() constraint tenants_pkey primary key,
  name text not null
    constraint tenants_name_length check (char_length(name) between 1 and 200),
  max_lifetime interval not null default '15 minutes'
    constraint tenants_max_lifetime_range check (max_lifetime between '5 seconds' and '30 days'),
  token_lifetime interval not null default '2 minutes'
    constraint tenants_token_lifetime_range check (token_lifetime between '10 seconds' and '1 hour'),
  max_living_agents integer not null default 100
    constraint tenants_max_living_agents_range check (max_living_agents between 0 and 100000),
  max_depth integer not null default 5
    constraint tenants_max_depth_range check (max_depth between 0 and 20),
  spawns_per_minute integer not null default 120
    constraint tenants_spawns_per_minute_range check (spawns_per_minute between 1 and 100000),
  max_memories bigint not null default 1000000
    constraint tenants_max_memories_range check (max_memories >= 0),
  max_bytes bigint not null default 1073741824
    constraint tenants_max_bytes_range check (max_bytes >= 0),
  -- A push has up to 1000 operations: with less it could never pass.
  writes_per_minute integer not null default 60000
    constraint tenants_writes_per_minute_range check (writes_per_minute >= 1000),
  language text not null default 'english'
    constraint tenants_language_known check (language in (
      'simple', 'arabic', 'danish', 'dutch', 'english', 'finnish', 'french', 'german', 'hungarian',
      'indonesian', 'italian', 'norwegian', 'portuguese', 'romanian', 'russian', 'spanish', 'swedish', 'turkish')),
  retention jsonb not null default '[]'
    constraint tenants_retention_form check (mayfly_private.is_retention(retention)),
  messages_kept interval not null default '7 days'
    constraint tenants_messages_kept_range check (messages_kept between '1 hour' and '10 years'),
  debug jsonb not null default '{"persist": false, "level": 1, "max_records_per_minute": 600, "keep": 604800}'
    constraint tenants_debug_form check (mayfly_private.is_debug_setting(debug)),
  created_at timestamptz not null default now()
);

-- The planner's statistics are everybody's: none of what a tenant writes (tests/db/estimates.test.ts).
alter table mayfly.tenants
  alter column name set statistics 0,
  alter column language set statistics 0,
  alter column retention set statistics 0,
  alter column debug set statistics 0;

comment on table mayfly.tenants is 'A tenant: the border that nothing crosses, and its limits.';
comment on column mayfly.tenants.max_lifetime is 'The longest an agent may live, renewals included.';
comment on column mayfly.tenants.token_lifetime is 'How long an agent''s token is valid; its SDK renews it before.';
comment on column mayfly.tenants.spawns_per_minute is 'A token bucket: so many at once, and so many more a minute.';
comment on column mayfly.tenants.max_memories is 'How many memories it may keep, tombstones included. Exceeded at most by what is being written at once.';
comment on column mayfly.tenants.max_bytes is
  'How much it may store: the text of memories, 512 bytes a memory, 800 a vector; conflicts, messages, states, debug records, types, channels, and what agents say of themselves. Indexes come on top.';
comment on column mayfly.tenants.writes_per_minute is
  'How many memories may be put, changed or forgotten, messages delivered, states, channels, types, keys and invitations written, in one minute of the clock.';
comment on column mayfly.tenants.language is 'The text search configuration of its memories.';
comment on column mayfly.tenants.retention is
  'Which memories are forgotten by age: [{ older_than (seconds), kind?, below_reward? }]; one rule that holds is enough. None by default.';
comment on column mayfly.tenants.messages_kept is
  'How long messages are kept that everyone has acknowledged. Others, and those in channels, as long as the log.';
comment on column mayfly.tenants.debug is
  'Whether debug records up to a level are kept, how many a minute of each agent, and for how many seconds (7 days). Set by set_debug.';

-- sql/schemas/0115_table_tenant_usage.sql

-- What each tenant has stored and written, in 16 shards: a push takes one that nobody holds, so that
-- pushes of one tenant do not wait for each other's commit. The sum is exact for what has committed.
-- Fillfactor and no index beside the key keep every update in its page (HOT).

create table mayfly_private.tenant_usage (
  tenant_id uuid not null,
  shard smallint not null constraint tenant_usage_shard_range check (shard between 0 and 15),
  memories bigint not null default 0,
  bytes bigint not null default 0,
  minute timestamptz not null default '-infinity',
  writes integer not null default 0,
  told_at timestamptz not null default '-infinity',
  told integer not null default 0,
  constraint tenant_usage_pkey primary key (tenant_id, shard),
  constraint tenant_usage_tenant_fkey foreign key (tenant_id) references mayfly.tenants (id) on delete cascade
)
with (fillfactor = 50);

comment on table mayfly_private.tenant_usage is 'What a tenant has stored, and written in the current minute; sum its shards.';
comment on column mayfly_private.tenant_usage.told is 'How many broadcasts it made in the second of told_at.';

alter table mayfly_private.tenant_usage enable row level security;

-- sql/schemas/0116_table_spawn_buckets.sql

-- The token bucket of each tenant's spawns. Changed under the lock on the tenant's row.

create table mayfly_private.spawn_buckets (
  tenant_id uuid not null,
  tokens double precision not null,
  filled_at timestamptz not null,
  constraint spawn_buckets_pkey primary key (tenant_id),
  constraint spawn_buckets_tenant_fkey foreign key (tenant_id) references mayfly.tenants (id) on delete cascade
)
with (fillfactor = 50);

comment on table mayfly_private.spawn_buckets is 'How many agents each tenant may spawn now.';

alter table mayfly_private.spawn_buckets enable row level security;

-- sql/schemas/0118_function_start_usage.sql

-- Gives a new tenant its shards of usage, so that no push has to make them, and make others wait; and its place
-- in the turn of maintenance.

create function mayfly_private.start_usage()
returns trigger
language plpgsql security definer
set search_path = ''
as $$
begin
  insert into mayfly_private.tenant_usage (tenant_id, shard)
  select new.id, s from generate_series(0, 15) s;
  insert into mayfly_private.maintenance (tenant_id) values (new.id);
  return null;
end
$$;

comment on function mayfly_private.start_usage() is 'Trigger: gives a new tenant its shards of usage and its row of maintenance.';
revoke execute on function mayfly_private.start_usage() from public;

create trigger tenants_start_usage after insert on mayfly.tenants
  for each row execute function mayfly_private.start_usage();

-- sql/schemas/0120_table_members.sql

-- The people of a tenant.

create table mayfly.members (
  tenant_id uuid not null,
  user_id uuid not null,
  role text not null
    constraint members_role_known check (role in ('owner', 'admin', 'member', 'viewer')),
  created_at timestamptz not null default now(),
  constraint members_pkey primary key (tenant_id, user_id),
  constraint members_tenant_fkey foreign key (tenant_id) references mayfly.tenants (id) on delete cascade,
  constraint members_user_fkey foreign key (user_id) references auth.users (id) on delete cascade
);

create index members_user_id_idx on mayfly.members (user_id);

comment on table mayfly.members is 'Which people belong to a tenant, and as what: owner, admin, member or viewer.';

-- sql/schemas/0121_table_invitations.sql

-- Invitations into a tenant. The token that accepts one is kept hashed in invitation_secrets.

create table mayfly.invitations (
  tenant_id uuid not null,
  id uuid not null default gen_random_uuid(),
  email text constraint invitations_email_form check (email = lower(email) and email like '%_@_%' and char_length(email) <= 320),
  role text not null
    constraint invitations_role_known check (role in ('owner', 'admin', 'member', 'viewer')),
  invited_by uuid,
  created_at timestamptz not null default now(),
  expires_at timestamptz not null,
  accepted_at timestamptz,
  accepted_by uuid,
  revoked_at timestamptz,
  constraint invitations_pkey primary key (tenant_id, id),
  constraint invitations_tenant_fkey foreign key (tenant_id) references mayfly.tenants (id) on delete cascade
);

create index invitations_email_idx on mayfly.invitations (email);

-- The planner's statistics are everybody's: none of what a tenant writes (tests/db/estimates.test.ts).
alter table mayfly.invitations
  alter column email set statistics 0,
  alter column invited_by set statistics 0,
  alter column accepted_by set statistics 0;

comment on table mayfly.invitations is 'Invitations of people into a tenant.';
comment on column mayfly.invitations.email is 'Only who signs in with this address may accept it; null for whoever has its token.';
comment on column mayfly.invitations.invited_by is 'The person who invited; null for the secret key.';

-- sql/schemas/0122_table_invitation_secrets.sql

-- SHA-256 of the tokens of invitations, apart from what admins may read.

create table mayfly_private.invitation_secrets (
  hash bytea constraint invitation_secrets_pkey primary key,
  tenant_id uuid not null,
  invitation_id uuid not null,
  constraint invitation_secrets_invitation_fkey foreign key (tenant_id, invitation_id)
    references mayfly.invitations (tenant_id, id) on delete cascade
);

create index invitation_secrets_invitation_idx on mayfly_private.invitation_secrets (tenant_id, invitation_id);

comment on table mayfly_private.invitation_secrets is 'SHA-256 of the tokens that accept invitations.';

alter table mayfly_private.invitation_secrets enable row level security;

-- sql/schemas/0125_table_agent_types.sql

-- What kinds of agents a tenant has. Rows never change: a change is a new version, and agents keep
-- the one they were spawned with.

create table mayfly.agent_types (
  tenant_id uuid not null,
  name text not null constraint agent_types_name_form check (name ~ '^[a-z0-9][a-z0-9_.-]{0,62}$'),
  version integer not null constraint agent_types_version_positive check (version > 0),
  role text not null default '' constraint agent_types_role_length check (char_length(role) <= 200),
  description text not null default '' constraint agent_types_description_length check (char_length(description) <= 2000),
  prompt text not null default '' constraint agent_types_prompt_length check (char_length(prompt) <= 100000),
  capabilities text[] not null default '{}'
    constraint agent_types_capabilities_count check (cardinality(capabilities) <= 50),
  scopes text[],
  lifetime interval constraint agent_types_lifetime_minimum check (lifetime >= '5 seconds'),
  max_lifetime interval constraint agent_types_max_lifetime_minimum check (max_lifetime >= '5 seconds'),
  max_living integer constraint agent_types_max_living_range check (max_living >= 0),
  metadata jsonb not null default '{}'
    constraint agent_types_metadata_object check (jsonb_typeof(metadata) = 'object' and pg_column_size(metadata) <= 16384),
  created_by uuid,
  created_at timestamptz not null default now(),
  constraint agent_types_pkey primary key (tenant_id, name, version),
  constraint agent_types_tenant_fkey foreign key (tenant_id) references mayfly.tenants (id) on delete cascade,
  constraint agent_types_lifetime_within check (lifetime <= max_lifetime)
);

-- The planner's statistics are everybody's: none of what a tenant writes (tests/db/estimates.test.ts).
alter table mayfly.agent_types
  alter column name set statistics 0,
  alter column role set statistics 0,
  alter column description set statistics 0,
  alter column prompt set statistics 0,
  alter column capabilities set statistics 0,
  alter column scopes set statistics 0,
  alter column metadata set statistics 0,
  alter column created_by set statistics 0;

comment on table mayfly.agent_types is 'Types of agents, every version; an agent is spawned by the newest.';
comment on column mayfly.agent_types.role is 'What such an agent is, in a few words.';
comment on column mayfly.agent_types.prompt is 'Its system prompt; spawn returns it.';
comment on column mayfly.agent_types.scopes is 'What an agent gets when its spawner asks for none; null for what most agents need.';
comment on column mayfly.agent_types.lifetime is 'What an agent gets when its spawner asks for none.';
comment on column mayfly.agent_types.max_lifetime is 'The longest one may live, renewals included, within the tenant''s maximum.';
comment on column mayfly.agent_types.max_living is 'How many may live at once.';

-- sql/schemas/0130_table_agents.sql

-- Every agent that ever lived. Rows are never deleted but with their tenant.

create table mayfly.agents (
  tenant_id uuid not null,
  id uuid not null default gen_random_uuid(),
  name text not null constraint agents_name_length check (char_length(name) between 1 and 100),
  type text not null default 'agent'
    constraint agents_type_form check (type ~ '^[a-z0-9][a-z0-9_.-]{0,62}$'),
  type_version integer,
  parent_id uuid,
  ancestors uuid[] not null default '{}',
  depth integer not null default 0,
  capabilities text[] not null default '{}'
    constraint agents_capabilities_count check (cardinality(capabilities) <= 50),
  scopes text[] not null default '{}',
  status text not null default 'running'
    constraint agents_status_known check (status in ('running', 'suspended', 'stopped', 'expired')),
  activity text not null default 'idle'
    constraint agents_activity_known check (activity in (
      'idle', 'thinking', 'executing', 'waiting_input', 'waiting_approval', 'waiting_review', 'blocked')),
  task text constraint agents_task_length check (char_length(task) <= 2000),
  lifetime interval not null
    constraint agents_lifetime_minimum check (lifetime >= '5 seconds'),
  spawned_at timestamptz not null default now(),
  spawned_by uuid,
  expires_at timestamptz not null,
  suspended_at timestamptz,
  suspend_reason text constraint agents_suspend_reason_length check (char_length(suspend_reason) <= 500),
  stopped_at timestamptz,
  stop_reason text constraint agents_stop_reason_length check (char_length(stop_reason) <= 500),
  metadata jsonb not null default '{}'
    constraint agents_metadata_object check (jsonb_typeof(metadata) = 'object' and pg_column_size(metadata) <= 16384),
  constraint agents_pkey primary key (tenant_id, id),
  constraint agents_tenant_fkey foreign key (tenant_id) references mayfly.tenants (id) on delete cascade,
  constraint agents_parent_fkey foreign key (tenant_id, parent_id) references mayfly.agents (tenant_id, id),
  constraint agents_type_fkey foreign key (tenant_id, type, type_version)
    references mayfly.agent_types (tenant_id, name, version),
  constraint agents_depth_matches check (depth = cardinality(ancestors))
)
-- Room for the activity to change in place.
with (fillfactor = 80);

create index agents_parent_idx on mayfly.agents (tenant_id, parent_id);
-- The quota counts the living of a tenant at each spawn.
create index agents_living_idx on mayfly.agents (tenant_id, expires_at) where status in ('running', 'suspended');
-- No two living agents of a tenant have one name. A dead one keeps its name until it is reaped.
create unique index agents_name_key on mayfly.agents (tenant_id, name) where status in ('running', 'suspended');
create index agents_type_idx on mayfly.agents (tenant_id, type, type_version);
create index agents_ancestors_idx on mayfly.agents using gin (ancestors);

-- The planner's statistics are everybody's: none of what a tenant writes (tests/db/estimates.test.ts).
alter table mayfly.agents
  alter column name set statistics 0,
  alter column type set statistics 0,
  alter column ancestors set statistics 0,
  alter column capabilities set statistics 0,
  alter column scopes set statistics 0,
  alter column task set statistics 0,
  alter column spawned_by set statistics 0,
  alter column suspend_reason set statistics 0,
  alter column stop_reason set statistics 0,
  alter column metadata set statistics 0;

comment on table mayfly.agents is 'Agents, living and dead. Alive is one that is running and unexpired, as is every ancestor.';
comment on column mayfly.agents.type is 'Any name; one that mayfly.agent_types defines gives it defaults and limits.';
comment on column mayfly.agents.type_version is 'The version of its type when it was spawned; null where the type was not defined.';
comment on column mayfly.agents.ancestors is 'From the first of the line to the parent.';
comment on column mayfly.agents.lifetime is 'From spawn, or the last renewal, to expires_at.';
comment on column mayfly.agents.spawned_by is 'The person, agent or enrolment key that spawned it; null for the secret key.';

-- sql/schemas/0131_table_agent_liveness.sql

-- When each agent was last heard of. Apart from agents, and with neither index nor log, so that a
-- heartbeat is one update in its page (HOT).

create table mayfly.agent_liveness (
  tenant_id uuid not null,
  agent_id uuid not null,
  last_seen_at timestamptz not null,
  constraint agent_liveness_pkey primary key (tenant_id, agent_id),
  constraint agent_liveness_agent_fkey foreign key (tenant_id, agent_id)
    references mayfly.agents (tenant_id, id) on delete cascade
)
with (fillfactor = 50);

comment on table mayfly.agent_liveness is 'When each agent last sent a heartbeat.';

-- sql/schemas/0140_table_renewal_secrets.sql

-- The secrets that renew an agent's token, hashed: those of its two newest rounds. Spawning and resuming
-- give one of round 1, each use gives one of the next round. Older ones are deleted, so nobody can do
-- anything with them.

create table mayfly_private.renewal_secrets (
  hash bytea constraint renewal_secrets_pkey primary key,
  tenant_id uuid not null,
  agent_id uuid not null,
  made_at timestamptz not null default clock_timestamp(),
  -- When it was first used.
  used_at timestamptz,
  round integer not null,
  constraint renewal_secrets_agent_fkey foreign key (tenant_id, agent_id)
    references mayfly.agents (tenant_id, id) on delete cascade
);

create index renewal_secrets_agent_idx on mayfly_private.renewal_secrets (tenant_id, agent_id);

comment on table mayfly_private.renewal_secrets is 'SHA-256 of the secrets that renew the tokens of agents.';

alter table mayfly_private.renewal_secrets enable row level security;

-- sql/schemas/0141_table_registrations.sql

-- Which agent each registration key of a spawner stands for: what makes spawning idempotent.

create table mayfly_private.registrations (
  tenant_id uuid not null,
  -- The person, agent or enrolment key that spawned; all zeros for the secret key.
  spawner uuid not null,
  key text not null constraint registrations_key_length check (char_length(key) between 1 and 200),
  agent_id uuid not null,
  constraint registrations_pkey primary key (tenant_id, spawner, key),
  constraint registrations_agent_fkey foreign key (tenant_id, agent_id)
    references mayfly.agents (tenant_id, id) on delete cascade
);

create index registrations_agent_idx on mayfly_private.registrations (tenant_id, agent_id);

comment on table mayfly_private.registrations is 'The newest agent of each registration key.';

alter table mayfly_private.registrations enable row level security;

-- sql/schemas/0142_table_enrolment_keys.sql

-- Keys by which machines spawn agents. The key itself is kept hashed in enrolment_secrets.

create table mayfly.enrolment_keys (
  tenant_id uuid not null,
  id uuid not null default gen_random_uuid(),
  name text not null constraint enrolment_keys_name_length check (char_length(name) between 1 and 100),
  scopes text[] not null,
  created_by uuid,
  created_at timestamptz not null default now(),
  expires_at timestamptz not null,
  last_used_at timestamptz,
  revoked_at timestamptz,
  constraint enrolment_keys_pkey primary key (tenant_id, id),
  constraint enrolment_keys_tenant_fkey foreign key (tenant_id) references mayfly.tenants (id) on delete cascade
)
with (fillfactor = 80);

-- The planner's statistics are everybody's: none of what a tenant writes (tests/db/estimates.test.ts).
alter table mayfly.enrolment_keys
  alter column name set statistics 0,
  alter column scopes set statistics 0,
  alter column created_by set statistics 0;

comment on table mayfly.enrolment_keys is 'Keys by which machines spawn agents, and do nothing else.';
comment on column mayfly.enrolment_keys.scopes is 'What an agent spawned by it can have at most.';
comment on column mayfly.enrolment_keys.last_used_at is 'When it last spawned, to the minute.';
comment on column mayfly.enrolment_keys.created_by is 'The person who created it; null for the secret key.';

-- sql/schemas/0143_table_enrolment_secrets.sql

-- SHA-256 of the enrolment keys, apart from what admins may read.

create table mayfly_private.enrolment_secrets (
  hash bytea constraint enrolment_secrets_pkey primary key,
  tenant_id uuid not null,
  key_id uuid not null,
  constraint enrolment_secrets_key_fkey foreign key (tenant_id, key_id)
    references mayfly.enrolment_keys (tenant_id, id) on delete cascade
);

create index enrolment_secrets_key_idx on mayfly_private.enrolment_secrets (tenant_id, key_id);

comment on table mayfly_private.enrolment_secrets is 'SHA-256 of the keys by which machines spawn agents.';

alter table mayfly_private.enrolment_secrets enable row level security;

-- sql/schemas/0145_function_split_identifiers.sql

-- Takes identifiers apart, so that camelCase, snake_case and paths are found by their parts, HTTPServer too.

create function mayfly_private.split_identifiers(content text)
returns text
language sql immutable parallel safe
set search_path = ''
return regexp_replace(
  regexp_replace(regexp_replace(content, '([a-z0-9])([A-Z])', '\1 \2', 'g'), '([A-Z])([A-Z][a-z]{2})', '\1 \2', 'g'),
  '[_./\\:#@-]+', ' ', 'g');

comment on function mayfly_private.split_identifiers(text) is 'The text with camelCase, snake_case and paths taken apart.';
revoke execute on function mayfly_private.split_identifiers(text) from public;

-- sql/schemas/0146_function_text_search_config.sql

-- An immutable choice over listed languages: a generated column allows no lookup by name.

create function mayfly_private.text_search_config(language text)
returns regconfig
language sql immutable parallel safe
set search_path = ''
return case language
  when 'simple' then 'pg_catalog.simple'::regconfig
  when 'arabic' then 'pg_catalog.arabic'::regconfig
  when 'danish' then 'pg_catalog.danish'::regconfig
  when 'dutch' then 'pg_catalog.dutch'::regconfig
  when 'finnish' then 'pg_catalog.finnish'::regconfig
  when 'french' then 'pg_catalog.french'::regconfig
  when 'german' then 'pg_catalog.german'::regconfig
  when 'hungarian' then 'pg_catalog.hungarian'::regconfig
  when 'indonesian' then 'pg_catalog.indonesian'::regconfig
  when 'italian' then 'pg_catalog.italian'::regconfig
  when 'norwegian' then 'pg_catalog.norwegian'::regconfig
  when 'portuguese' then 'pg_catalog.portuguese'::regconfig
  when 'romanian' then 'pg_catalog.romanian'::regconfig
  when 'russian' then 'pg_catalog.russian'::regconfig
  when 'spanish' then 'pg_catalog.spanish'::regconfig
  when 'swedish' then 'pg_catalog.swedish'::regconfig
  when 'turkish' then 'pg_catalog.turkish'::regconfig
  else 'pg_catalog.english'::regconfig
end;

comment on function mayfly_private.text_search_config(text) is 'The text search configuration of a language setting.';
revoke execute on function mayfly_private.text_search_config(text) from public;

-- sql/schemas/0147_function_words.sql

-- The search words of a memory, for its generated column. Text is cut, since a tsvector over
-- 1 MB raises. Called by whoever writes a memory.

create function mayfly_private.words(
  language text, task text, tags text[], input text, output text, critique text
)
returns tsvector
language plpgsql immutable parallel safe
set search_path = ''
as $$
declare
  config constant regconfig := mayfly_private.text_search_config(language);
  labels constant text := concat_ws(' ', task, array_to_string(tags, ' '));
  body constant text := left(concat_ws(E'\n', input, output), 100000);
  split_body constant text := mayfly_private.split_identifiers(body);
begin
  return setweight(to_tsvector(config, labels), 'A')
    || setweight(to_tsvector(config, mayfly_private.split_identifiers(labels)), 'A')
    || setweight(to_tsvector(config, body), 'B')
    -- Most prose has nothing to take apart: half the work saved.
    || case when split_body = body then ''::tsvector else setweight(to_tsvector(config, split_body), 'B') end
    || setweight(to_tsvector(config, left(critique, 20000)), 'C');
end
$$;

comment on function mayfly_private.words(text, text, text[], text, text, text) is 'The search words of a memory.';
revoke execute on function mayfly_private.words(text, text, text[], text, text, text) from public;

-- sql/schemas/0148_function_labels.sql

-- What is searched with tolerance for typos: task and tags, the short texts that people and agents ask
-- for by name. For an index; called by whoever writes a memory.

create function mayfly_private.labels(task text, tags text[])
returns text
language plpgsql immutable parallel safe
set search_path = ''
as $$
begin
  return task || ' ' || array_to_string(tags, ' ');
end
$$;

comment on function mayfly_private.labels(text, text[]) is 'Task and tags of a memory as one text.';
revoke execute on function mayfly_private.labels(text, text[]) from public;

-- sql/schemas/0150_table_memories.sql

-- What agents learned. A deleted memory stays as a tombstone without content. Its bounds are those of
-- check_push, which names field and operation: here they hold whatever writes it, so that nothing in a row is
-- without a bound.

create table mayfly.memories (
  tenant_id uuid not null,
  id uuid not null,
  agent_id uuid,
  pushed_by uuid,
  session_id uuid,
  conversation_id uuid,
  kind text not null default 'episode'
    constraint memories_kind_known check (kind in (
      'episode', 'task_result', 'conversation', 'learning', 'fact', 'working', 'general')),
  task text not null default '' constraint memories_task_length check (char_length(task) <= 2000),
  input text not null default '' constraint memories_input_length check (char_length(input) <= 100000),
  output text not null default '' constraint memories_output_length check (char_length(output) <= 100000),
  critique text not null default '' constraint memories_critique_length check (char_length(critique) <= 20000),
  reward real constraint memories_reward_range check (reward between 0 and 1),
  success boolean,
  importance smallint not null default 5 constraint memories_importance_range check (importance between 1 and 10),
  tags text[] not null default '{}'
    constraint memories_tags_count check (cardinality(tags) <= 50)
    -- Each has at most 100 characters. To ask one by one would be a query a row.
    constraint memories_tags_length check (
      array_position(tags, null) is null and array_position(tags, '') is null
      and char_length(array_to_string(tags, '')) <= 100 * cardinality(tags)),
  metadata jsonb not null default '{}'
    constraint memories_metadata_object check (jsonb_typeof(metadata) = 'object' and pg_column_size(metadata) <= 65536)
    -- An object within another takes at least 8 bytes: 256 hold no 33 levels.
    constraint memories_metadata_depth check (
      pg_column_size(metadata) <= 256 or not jsonb_path_exists(metadata, '$.**{33 to last}')),
  tokens integer constraint memories_tokens_range check (tokens >= 0),
  latency_ms integer constraint memories_latency_ms_range check (latency_ms >= 0),
  visibility text not null default 'tenant'
    constraint memories_visibility_known check (visibility in ('tenant', 'agent')),
  language text not null default 'english' constraint memories_language_length check (char_length(language) <= 20),
  -- One more than an update takes (mayfly_private.apply_updates): what has changed that often can still be forgotten.
  version integer not null default 1 constraint memories_version_range check (version between 1 and 2000000001),
  -- A clock of at most 55 characters for each of 16 fields.
  hlc jsonb not null default '{}'
    constraint memories_hlc_object check (jsonb_typeof(hlc) = 'object' and pg_column_size(hlc) <= 2048),
  created_at timestamptz not null default now() constraint memories_created_at_finite check (isfinite(created_at)),
  updated_at timestamptz not null default now(),
  expires_at timestamptz constraint memories_expires_at_finite check (isfinite(expires_at)),
  deleted_at timestamptz,
  words tsvector not null generated always as (
    mayfly_private.words(language, task, tags, input, output, critique)) stored,
  constraint memories_text_present check (deleted_at is not null or task <> '' or input <> '' or output <> ''),
  constraint memories_tombstone_empty check (deleted_at is null or (task = '' and input = '' and output = '' and critique = ''
    and tags = '{}' and metadata = '{}')),
  constraint memories_pkey primary key (tenant_id, id),
  constraint memories_tenant_fkey foreign key (tenant_id) references mayfly.tenants (id) on delete cascade,
  constraint memories_agent_fkey foreign key (tenant_id, agent_id) references mayfly.agents (tenant_id, id)
);

create index memories_agent_idx on mayfly.memories (tenant_id, agent_id);
-- With the tenant in it, so that words which are common in the project cost a small tenant nothing, and the
-- planner needs no statistics of them: it would read the words of 100,000 rows for a tenant of 1,000 (32 ms
-- in place of 3), and the tags of all. Two thirds of the size of an index of words and one of tags.
create index memories_search_idx on mayfly.memories using gin (tenant_id, words, tags);

-- The planner's statistics are everybody's: none of what a tenant writes (tests/db/estimates.test.ts).
alter table mayfly.memories
  alter column agent_id set statistics 0,
  alter column pushed_by set statistics 0,
  alter column session_id set statistics 0,
  alter column conversation_id set statistics 0,
  alter column task set statistics 0,
  alter column input set statistics 0,
  alter column output set statistics 0,
  alter column critique set statistics 0,
  alter column tags set statistics 0,
  alter column metadata set statistics 0,
  alter column language set statistics 0,
  alter column hlc set statistics 0,
  alter column words set statistics 0;

comment on table mayfly.memories is 'What agents learned, one row a memory; it outlives the agent that learned it.';
comment on column mayfly.memories.id is 'Made by the client: a UUIDv7.';
comment on column mayfly.memories.agent_id is 'The agent that learned it, as the pusher claims; null for a person or the secret key.';
comment on column mayfly.memories.pushed_by is 'The agent or person whose token pushed it; null for the secret key.';
comment on column mayfly.memories.reward is 'How well it went, from 0 to 1.';
comment on column mayfly.memories.visibility is '''tenant'', or ''agent'': only that agent, its ancestors and the tenant''s admins.';
-- A clock a field, not one a row: with one, an update of the reward would make an older update of the
-- critique that arrives later look outdated, and what arrives first would decide what stays.
comment on column mayfly.memories.hlc is
  'The hybrid logical clock of each field that was updated, {field: clock}; what is not in it is as it was put.';
comment on column mayfly.memories.deleted_at is 'Set on a tombstone: its content is gone.';

-- sql/schemas/0151_table_memory_conflicts.sql

-- What updates with resolve: 'manual' wanted of fields that had changed meanwhile. A row stays until an
-- update names it in `settles`, or its memory is forgotten.

create table mayfly.memory_conflicts (
  tenant_id uuid not null,
  id uuid not null default gen_random_uuid(),
  memory_id uuid not null,
  field text not null constraint memory_conflicts_field_known check (field in (
    'session_id', 'conversation_id', 'kind', 'task', 'input', 'output', 'critique', 'reward', 'success', 'importance',
    'tags', 'metadata', 'tokens', 'latency_ms', 'visibility', 'expires_at')),
  base jsonb,
  wanted jsonb,
  hlc text not null constraint memory_conflicts_hlc_length check (char_length(hlc) <= 60),
  op_id uuid not null,
  pushed_by uuid,
  created_at timestamptz not null default now(),
  constraint memory_conflicts_pkey primary key (tenant_id, id),
  constraint memory_conflicts_memory_fkey foreign key (tenant_id, memory_id)
    references mayfly.memories (tenant_id, id) on delete cascade
);

create index memory_conflicts_memory_idx on mayfly.memory_conflicts (tenant_id, memory_id);

-- The planner's statistics are everybody's: none of what a tenant writes (tests/db/estimates.test.ts).
alter table mayfly.memory_conflicts
  alter column base set statistics 0,
  alter column wanted set statistics 0,
  alter column hlc set statistics 0,
  alter column op_id set statistics 0,
  alter column pushed_by set statistics 0;

comment on table mayfly.memory_conflicts is 'Updates that wait to be settled by hand: what was wanted of a field, and what it was taken for.';
comment on column mayfly.memory_conflicts.base is 'The value that the update took the field to have.';
comment on column mayfly.memory_conflicts.wanted is 'The value that it wanted the field to have. The memory has what it has now.';

-- sql/schemas/0152_table_embedding_queue.sql

-- Memories that wait for a vector: put without one, or changed since. A claim leases a row; who does
-- not complete it in time has tried, and it is claimed again. After 5 attempts it is dead (dead_at) and
-- stays with its last error: `update mayfly_private.embedding_queue set dead_at = null, attempts = 0`
-- gives the dead another chance. No foreign key: it looked each memory up that a push had just written.
-- Whose memory has gone is dropped by claims and maintenance.

create table mayfly_private.embedding_queue (
  tenant_id uuid not null,
  memory_id uuid not null,
  attempts smallint not null default 0,
  due_at timestamptz not null default now(),
  lease uuid,
  error text constraint embedding_queue_error_length check (char_length(error) <= 500),
  dead_at timestamptz,
  constraint embedding_queue_pkey primary key (tenant_id, memory_id)
);

create index embedding_queue_due_idx on mayfly_private.embedding_queue (tenant_id, due_at) where dead_at is null;

comment on table mayfly_private.embedding_queue is 'Memories that wait for a vector, with their leases and attempts.';
comment on column mayfly_private.embedding_queue.due_at is 'When it may be claimed: now, after the lease, or after a pause that grows with the attempts.';

alter table mayfly_private.embedding_queue enable row level security;

-- sql/schemas/0153_function_plain_fields.sql

-- Fields of a memory as they came in JSON, in the form in which they are stored and compared: null is
-- the field's default, numbers and instants as Postgres writes them. Called for what check_push passed.

create function mayfly_private.plain_fields(fields jsonb)
returns jsonb
language sql stable
set search_path = ''
return (
  select coalesce(jsonb_object_agg(f.key, f.value) filter (where fields ? f.key), '{}')
  from jsonb_to_record(fields) as r (
      session_id uuid, conversation_id uuid, kind text, task text, input text, output text, critique text, reward numeric,
      success boolean, importance numeric, tags text[], metadata jsonb, tokens numeric, latency_ms numeric,
      visibility text, expires_at timestamptz),
    jsonb_each(jsonb_build_object(
      'session_id', r.session_id, 'conversation_id', r.conversation_id, 'kind', coalesce(r.kind, 'episode'),
      'task', coalesce(r.task, ''), 'input', coalesce(r.input, ''), 'output', coalesce(r.output, ''),
      'critique', coalesce(r.critique, ''), 'reward', round(r.reward, 6)::real, 'success', r.success,
      'importance', coalesce(r.importance, 5)::smallint, 'tags', coalesce(r.tags, '{}'),
      'metadata', case when jsonb_typeof(r.metadata) = 'object' then r.metadata else '{}' end,
      'tokens', r.tokens::integer, 'latency_ms', r.latency_ms::integer,
      'visibility', coalesce(r.visibility, 'tenant'), 'expires_at', r.expires_at)) f
);

comment on function mayfly_private.plain_fields(jsonb) is 'Fields of a memory in the form in which they are stored.';
revoke execute on function mayfly_private.plain_fields(jsonb) from public;

-- sql/schemas/0154_function_merge_values.sql

-- A three-way merge: what only one side changed is as that side has it; objects that both changed are
-- merged key by key; else the newer side has its way. A SQL null stands for a key that is not there.

create function mayfly_private.merge_values(base jsonb, present jsonb, wanted jsonb, wanted_is_newer boolean)
returns jsonb
language plpgsql immutable parallel safe
set search_path = ''
as $$
begin
  if wanted is not distinct from present or wanted is not distinct from base then
    return present;
  elsif present is not distinct from base then
    return wanted;
  elsif jsonb_typeof(present) = 'object' and jsonb_typeof(wanted) = 'object' then
    return (
      select coalesce(jsonb_object_agg(merged.key, merged.value) filter (where merged.value is not null), '{}')
      from (
        select k.key, mayfly_private.merge_values(
          case when jsonb_typeof(base) = 'object' then base -> k.key end, present -> k.key, wanted -> k.key, wanted_is_newer) as value
        from (select jsonb_object_keys(present) as key union select jsonb_object_keys(wanted)) k
      ) merged);
  end if;
  return case when wanted_is_newer then wanted else present end;
end
$$;

comment on function mayfly_private.merge_values(jsonb, jsonb, jsonb, boolean) is 'A three-way merge of two JSON values.';
revoke execute on function mayfly_private.merge_values(jsonb, jsonb, jsonb, boolean) from public;

-- sql/schemas/0155_function_next_clock.sql

-- The server's hybrid logical clock after one that it has seen: `milliseconds-counter-node`, 13 digits
-- of Unix time, 4 hexadecimal digits, then the name of who made it, so that clocks compare as text
-- ("C"). For updates that bring no clock of their own: they are as new as their arrival.
--
-- Kulkarni, Demirbas, Madappa, Avva and Leone, "Logical Physical Clocks", OPODIS 2014.

create function mayfly_private.next_clock(seen text)
returns text
language sql volatile
set search_path = ''
return (
  select case
    when t.now > t.seen_ms then lpad(t.now::text, 13, '0') || '-0000-server'
    when t.counter = 65535 then lpad((t.seen_ms + 1)::text, 13, '0') || '-0000-server'
    else lpad(t.seen_ms::text, 13, '0') || '-' || lpad(to_hex(t.counter + 1), 4, '0') || '-server'
  end
  from (
    select floor(extract(epoch from clock_timestamp()) * 1000)::bigint as now,
      coalesce(split_part(seen, '-', 1)::bigint, 0) as seen_ms,
      coalesce(('x' || split_part(seen, '-', 2))::bit(16)::integer, 0) as counter) t
);

comment on function mayfly_private.next_clock(text) is 'The server''s hybrid logical clock after one that it has seen.';
revoke execute on function mayfly_private.next_clock(text) from public;

-- sql/schemas/0156_function_settle.sql

-- Settles what an update wants of a memory, field by field:
--
--   latest_wins  the newer hybrid logical clock has its way; a field that no update touched is oldest
--   merge        three-way with `base`: what only one side changed stays changed; metadata deep; tags
--                by union and removal; where both changed one value, the newer. Without a base of the
--                field, tags and metadata only gain, the rest is as with latest_wins
--   manual       applied where the field still is as `base` has it; else the memory stays as it is, and
--                what was wanted is kept as a conflict
--
-- Gives { set, hlc, fields: {field: applied | merged | kept | unchanged | conflict}, conflicts: [field] }.
-- However updates are ordered on their way, latest_wins ends in the same values. Locks nothing.

create function mayfly_private.settle(memory jsonb, change jsonb)
returns jsonb
language plpgsql
set search_path = ''
as $$
declare
  mode constant text := coalesce(change ->> 'resolve', 'latest_wins');
  wanted_fields constant jsonb := mayfly_private.plain_fields(change -> 'set');
  base_fields constant jsonb := mayfly_private.plain_fields(coalesce(change -> 'base', '{}'));
  clocks jsonb := memory -> 'hlc';
  changed jsonb := '{}';
  outcomes jsonb := '{}';
  conflicts jsonb := '[]';
  field text;
  wanted jsonb;
  present jsonb;
  base jsonb;
  clock text;
  stamp text;
  newer boolean;
  settled jsonb;
begin
  for field, wanted in select f.key, f.value from jsonb_each(wanted_fields) f loop
    present := memory -> field;
    base := base_fields -> field;
    clock := clocks ->> field;
    stamp := coalesce(change ->> 'hlc', mayfly_private.next_clock(clock));
    newer := clock is null or stamp collate "C" > clock;
    if wanted = present then
      settled := present;
    elsif mode = 'manual' and base is distinct from present then
      outcomes := outcomes || jsonb_build_object(field, 'conflict');
      conflicts := conflicts || jsonb_build_object('field', field, 'base', base, 'wanted', wanted, 'hlc', stamp);
      continue;
    elsif mode = 'manual' then
      settled := wanted;
    elsif mode = 'merge' and field = 'tags' then
      settled := (
        select coalesce(jsonb_agg(kept.tag order by kept.n), '[]')
        from (
          select tag, min(n) as n
          from (
            select t.tag, t.n from jsonb_array_elements(present) with ordinality as t (tag, n)
            where not (coalesce(base, '[]') @> jsonb_build_array(t.tag) and not wanted @> jsonb_build_array(t.tag))
            union all
            select t.tag, 100 + t.n from jsonb_array_elements(wanted) with ordinality as t (tag, n)
            where not coalesce(base, '[]') @> jsonb_build_array(t.tag)
          ) either
          group by tag
        ) kept);
    elsif mode = 'merge' and field = 'metadata' then
      settled := mayfly_private.merge_values(coalesce(base, '{}'), present, wanted, newer);
    elsif mode = 'merge' and base is not null then
      settled := mayfly_private.merge_values(base, present, wanted, newer);
    else
      settled := case when newer then wanted else present end;
    end if;

    outcomes := outcomes || jsonb_build_object(field, case
      when wanted = present then 'unchanged'
      when settled = wanted then 'applied'
      when settled = present then 'kept'
      else 'merged' end);
    if settled <> present then
      changed := changed || jsonb_build_object(field, settled);
    end if;
    if newer then
      clocks := clocks || jsonb_build_object(field, stamp);
    end if;
  end loop;
  return jsonb_build_object('set', changed, 'hlc', clocks, 'fields', outcomes, 'conflicts', conflicts);
end
$$;

comment on function mayfly_private.settle(jsonb, jsonb) is 'Settles what an update wants of a memory, field by field.';
revoke execute on function mayfly_private.settle(jsonb, jsonb) from public;

-- sql/schemas/0157_function_time_of_id.sql

-- When a UUIDv7 was made, by itself; null for another uuid. (uuid_extract_timestamp reads v7 from
-- Postgres 18 on.) RFC 9562, section 5.7.

create function mayfly_private.time_of_id(id uuid)
returns timestamptz
language sql immutable parallel safe
set search_path = ''
return case when substr(id::text, 15, 1) = '7' then
  to_timestamp(('x' || translate(left(id::text, 13), '-', ''))::bit(48)::bigint / 1000.0)
end;

comment on function mayfly_private.time_of_id(uuid) is 'When a UUIDv7 was made.';
revoke execute on function mayfly_private.time_of_id(uuid) from public;

-- sql/schemas/0158_function_kept.sql

-- How long events, applied operations and tombstones are kept. As owner: the settings are nobody's to read.

create function mayfly_private.kept()
returns interval
language sql stable security definer
set search_path = ''
return (select s.kept from mayfly_private.settings s);

comment on function mayfly_private.kept() is 'How long events, operations and tombstones are kept.';
revoke execute on function mayfly_private.kept() from public;

-- sql/schemas/0159_function_memory_bytes.sql

-- About how many bytes a memory takes in an answer, before JSON's escapes. The length of a stored text is
-- read without reading the text; metadata is written out only where it is stored compressed. Called by
-- mayfly_private.pull. Locks nothing.

create function mayfly_private.memory_bytes(
  task text, input text, output text, critique text, tags text[], metadata jsonb, language text, hlc jsonb
)
returns bigint
language plpgsql stable
set search_path = ''
as $$
begin
  return 700 + octet_length(task) + octet_length(input) + octet_length(output) + octet_length(critique)
    + octet_length(tags::text) + octet_length(language) + octet_length(hlc::text)
    + case when pg_column_compression(metadata) is null then pg_column_size(metadata) else octet_length(metadata::text) end;
end
$$;

comment on function mayfly_private.memory_bytes(text, text, text, text, text[], jsonb, text, jsonb) is
  'About how many bytes a memory takes in an answer.';
revoke execute on function mayfly_private.memory_bytes(text, text, text, text, text[], jsonb, text, jsonb) from public;

-- sql/schemas/0160_table_memory_vectors.sql

-- The meaning of memories, apart from them: updating a reward on 1,000 rows took 3.73 s with the
-- vector inline and 0.026 s without.
--
-- A new vector belongs to the fresh tail, which is read exactly; those of large tenants are settled into
-- the HNSW index in the background (mayfly_private.settle_vectors). So a writer never pays for that index:
-- batches of 100 went in at 911 a second without it and 8.5 with it.

create table mayfly.memory_vectors (
  tenant_id uuid not null,
  model text not null constraint memory_vectors_model_length check (char_length(model) between 1 and 100),
  memory_id uuid not null,
  -- A vector of zeros is NaN from everything, which sorts as more alike than what is the same.
  embedding extensions.halfvec(384) not null
    constraint memory_vectors_embedding_points check (extensions.l2_norm(embedding) > 0),
  settled boolean not null default false,
  constraint memory_vectors_pkey primary key (tenant_id, model, memory_id),
  constraint memory_vectors_memory_fkey foreign key (tenant_id, memory_id)
    references mayfly.memories (tenant_id, id) on delete cascade
);

create index memory_vectors_memory_idx on mayfly.memory_vectors (tenant_id, memory_id);
-- By an expression that no other index has, so that a query by it has no other plan, whatever the
-- statistics: the planner takes the same part of every tenant for unsettled, and read all of a large one by
-- another index (8 to 20 ms in place of 1) where the order of the table made that look cheaper.
create index memory_vectors_tail_idx on mayfly.memory_vectors
  ((case when not settled then tenant_id end), model, memory_id) where not settled;
-- With ef_construction 64, the default, a search by 300 found 0.990 of the best ten among 110,000; with 128 one
-- by 60 finds 0.998. Where vectors lie loosely, with m 16, the default, searches
-- among 100,000 found 0.986, however wide; with 24, 0.987 to 0.992.
create index memory_vectors_settled_idx on mayfly.memory_vectors
  using hnsw (embedding extensions.halfvec_cosine_ops) with (m = 24, ef_construction = 128) where settled;

-- The planner's statistics are everybody's: none of what a tenant writes (tests/db/estimates.test.ts).
alter table mayfly.memory_vectors
  alter column model set statistics 0,
  alter column embedding set statistics 0;

comment on table mayfly.memory_vectors is 'Embeddings of memories by model. Vectors of different models are never compared.';
comment on column mayfly.memory_vectors.settled is 'Whether a background job has moved it from the fresh tail to the index.';

-- sql/schemas/0161_index_memories_labels.sql

-- For the words of a question that nothing is found for: see mayfly_private.recall.

create index memories_labels_idx on mayfly.memories
  using gin (mayfly_private.labels(task, tags) extensions.gin_trgm_ops);
-- An expression has statistics of its own.
alter index mayfly.memories_labels_idx alter column 1 set statistics 0;

-- sql/schemas/0162_table_settlements.sql

-- How many vectors of a tenant and a model were settled into the HNSW index, and how far it must be
-- searched for theirs: what recall decides by, without counting. A row a large tenant, so it is small.
-- What is erased still counts, until maintenance counts anew (mayfly_private.maintain_tenant).

create table mayfly_private.settlements (
  tenant_id uuid not null,
  model text not null,
  vectors bigint not null constraint settlements_vectors_range check (vectors > 0),
  settled_at timestamptz not null default now(),
  ef_search integer not null default 200 constraint settlements_ef_search_range check (ef_search between 40 and 1000),
  tuned_to bigint not null default 0,
  counted_at timestamptz not null default now(),
  constraint settlements_pkey primary key (tenant_id, model),
  constraint settlements_tenant_fkey foreign key (tenant_id) references mayfly.tenants (id) on delete cascade
);

comment on table mayfly_private.settlements is 'How many vectors of a tenant and a model were settled into the HNSW index.';
comment on column mayfly_private.settlements.ef_search is 'How many candidates a search keeps, as mayfly_private.tune_search found it.';
comment on column mayfly_private.settlements.tuned_to is 'How many vectors it was found for.';

alter table mayfly_private.settlements enable row level security;

-- sql/schemas/0163_function_conflict_bytes.sql

-- What a conflict is charged: 256 bytes, and what was wanted and taken for granted, which may be as long as
-- a memory.

create function mayfly_private.conflict_bytes(base jsonb, wanted jsonb)
returns integer
language plpgsql immutable parallel safe
set search_path = ''
as $$
begin
  return 256 + coalesce(octet_length(base::text), 0) + coalesce(octet_length(wanted::text), 0);
end
$$;

comment on function mayfly_private.conflict_bytes(jsonb, jsonb) is 'What a conflict is charged, in bytes.';
revoke execute on function mayfly_private.conflict_bytes(jsonb, jsonb) from public;

-- sql/schemas/0164_function_fitting_memories.sql

-- How many of some memories of a tenant, in their order, fit into a page of so many bytes as JSON, its escapes
-- included, which make six of a byte; one at least. Reads and writes out every one, so mayfly_private.pull asks
-- it only of a page that might become too large. Locks nothing.

create function mayfly_private.fitting_memories(tenant uuid, memories uuid[], max_bytes bigint)
returns integer
language plpgsql stable
set search_path = ''
as $$
begin
  return (
    -- One also where they have all just been forgotten: a page goes on behind its last.
    select greatest(1, count(*))
    from (
      select w.n, sum(700 + octet_length(to_json(m.task)::text) + octet_length(to_json(m.input)::text)
        + octet_length(to_json(m.output)::text) + octet_length(to_json(m.critique)::text) + octet_length(to_json(m.tags)::text)
        + octet_length(m.metadata::text) + octet_length(to_json(m.language)::text) + octet_length(m.hlc::text)) over (order by w.n) as bytes
      from unnest(memories) with ordinality as w (id, n)
      join mayfly.memories m on m.tenant_id = tenant and m.id = w.id
    ) sized
    where sized.n = 1 or sized.bytes <= max_bytes);
end
$$;

comment on function mayfly_private.fitting_memories(uuid, uuid[], bigint) is 'How many memories fit into a page of so many bytes.';
revoke execute on function mayfly_private.fitting_memories(uuid, uuid[], bigint) from public;

-- sql/schemas/0170_table_events.sql

-- The log: what happened to whom, ids and field names only, never content. Written by triggers alone, about
-- rows that have the tenant: there is no foreign key to ask it again for each event, 8 µs each. With the
-- tenant go its events all the same: see mayfly_private.forget_log.

create table mayfly.events (
  tenant_id uuid not null,
  xid xid8 not null default pg_current_xact_id(),
  id bigint generated always as identity,
  epoch integer not null,
  audience uuid,
  type text not null,
  agent_id uuid,
  subject uuid,
  version integer,
  fields text[],
  at timestamptz not null default clock_timestamp(),
  constraint events_pkey primary key (tenant_id, xid, id)
);

-- The planner's statistics are everybody's: none of what a tenant writes (tests/db/estimates.test.ts).
alter table mayfly.events
  alter column audience set statistics 0,
  alter column agent_id set statistics 0,
  alter column subject set statistics 0,
  alter column fields set statistics 0;

comment on table mayfly.events is 'The log of a tenant. Readers follow it with the cursor that mayfly.sync gives.';
comment on column mayfly.events.xid is 'The transaction that wrote it: with pg_snapshot, what makes a cursor miss nothing.';
comment on column mayfly.events.audience is 'Null for the whole tenant, else the one agent or person that may see it.';
comment on column mayfly.events.subject is 'The id of what it happened to.';

-- sql/schemas/0171_table_channels.sql

-- Named channels, in which those who may publish and those who may read read, in one order.

create table mayfly.channels (
  tenant_id uuid not null,
  id uuid not null default gen_random_uuid(),
  name text not null constraint channels_name_form check (name ~ '^[a-z0-9][a-z0-9_.-]{0,62}$'),
  kind text not null constraint channels_kind_known check (kind in ('one_way', 'two_way', 'broadcast')),
  description text not null default '' constraint channels_description_length check (char_length(description) <= 2000),
  created_by uuid,
  publishers uuid[] not null default '{}'
    constraint channels_publishers_count check (cardinality(publishers) <= 1000),
  last_seq bigint not null default 0,
  created_at timestamptz not null default now(),
  constraint channels_pkey primary key (tenant_id, id),
  constraint channels_name_key unique (tenant_id, name),
  constraint channels_tenant_fkey foreign key (tenant_id) references mayfly.tenants (id) on delete cascade
)
-- Room for the sequence to change in place.
with (fillfactor = 50);

-- The planner's statistics are everybody's: none of what a tenant writes (tests/db/estimates.test.ts).
alter table mayfly.channels
  alter column name set statistics 0,
  alter column description set statistics 0,
  alter column created_by set statistics 0,
  alter column publishers set statistics 0;

comment on table mayfly.channels is 'Named channels and who publishes in them.';
comment on column mayfly.channels.kind is
  'one_way: its creator and publishers publish, its subscribers read. two_way: its subscribers do both. broadcast: as one_way, but the whole tenant reads.';
comment on column mayfly.channels.created_by is 'The agent or person that made it; null for the secret key.';
comment on column mayfly.channels.last_seq is 'The number of its newest message. A publisher holds the row until its commit, so that there is no gap.';

-- sql/schemas/0172_table_channel_subscriptions.sql

-- Who subscribed to a channel, and up to where each has handled it.

create table mayfly.channel_subscriptions (
  tenant_id uuid not null,
  channel_id uuid not null,
  subscriber_id uuid not null,
  acknowledged bigint not null default 0
    constraint channel_subscriptions_acknowledged_range check (acknowledged >= 0),
  subscribed_at timestamptz not null default now(),
  constraint channel_subscriptions_pkey primary key (tenant_id, channel_id, subscriber_id),
  constraint channel_subscriptions_channel_fkey foreign key (tenant_id, channel_id)
    references mayfly.channels (tenant_id, id) on delete cascade
)
with (fillfactor = 80);

create index channel_subscriptions_subscriber_idx on mayfly.channel_subscriptions (tenant_id, subscriber_id);

comment on table mayfly.channel_subscriptions is 'Who subscribed to a channel.';
comment on column mayfly.channel_subscriptions.acknowledged is 'It has handled every message up to this number.';

-- sql/schemas/0173_table_messages.sql

-- Messages, once each; who received one is in mayfly.deliveries. Never changed.

create table mayfly.messages (
  tenant_id uuid not null,
  id uuid not null,
  type text not null constraint messages_type_form check (type ~ '^[a-z][a-z0-9_]{0,62}$'),
  sender_id uuid,
  sender_kind text not null
    constraint messages_sender_kind_known check (sender_kind in ('agent', 'person', 'service')),
  target jsonb not null,
  channel_id uuid,
  channel_seq bigint,
  conversation_id uuid,
  correlation_id text constraint messages_correlation_id_length check (char_length(correlation_id) between 1 and 200),
  reply_to uuid,
  priority text not null default 'normal'
    constraint messages_priority_known check (priority in ('low', 'normal', 'high', 'urgent')),
  reply_required boolean not null default false,
  deadline timestamptz,
  payload jsonb not null default '{}'
    constraint messages_payload_object check (jsonb_typeof(payload) = 'object'),
  attachments jsonb not null default '[]'
    constraint messages_attachments_list check (jsonb_typeof(attachments) = 'array'),
  sent_at timestamptz not null default clock_timestamp(),
  bytes integer not null generated always as (512 + octet_length(payload::text) + octet_length(attachments::text)
    + octet_length(target::text) + coalesce(octet_length(correlation_id), 0)) stored,
  constraint messages_pkey primary key (tenant_id, id),
  constraint messages_tenant_fkey foreign key (tenant_id) references mayfly.tenants (id) on delete cascade,
  constraint messages_channel_fkey foreign key (tenant_id, channel_id)
    references mayfly.channels (tenant_id, id) on delete cascade,
  constraint messages_channel_seq_key unique (tenant_id, channel_id, channel_seq),
  constraint messages_channel_whole check ((channel_id is null) = (channel_seq is null))
);

-- For maintenance, and to look back.
create index messages_sent_idx on mayfly.messages (tenant_id, sent_at, id);

-- The planner's statistics are everybody's: none of what a tenant writes (tests/db/estimates.test.ts).
alter table mayfly.messages
  alter column type set statistics 0,
  alter column sender_id set statistics 0,
  alter column target set statistics 0,
  alter column conversation_id set statistics 0,
  alter column correlation_id set statistics 0,
  alter column reply_to set statistics 0,
  alter column payload set statistics 0,
  alter column attachments set statistics 0;

comment on table mayfly.messages is 'Messages between agents and people, and in channels.';
comment on column mayfly.messages.id is 'A UUIDv7 of its sender''s: sending it again changes nothing.';
comment on column mayfly.messages.target is 'What it was addressed to: {agent}, {all}, {type}, {role}, {capability} or {channel}.';
comment on column mayfly.messages.deadline is 'After it nobody is given the message any more.';
comment on column mayfly.messages.bytes is 'What the tenant''s max_bytes counts for it, without its deliveries: 160 each.';
comment on column mayfly.messages.attachments is 'References: [{ name, uri, mime_type?, bytes?, sha256? }].';

-- sql/schemas/0174_table_inboxes.sql

-- The inbox of an agent or a person: the number of its newest message, and who reads it. A sender holds
-- the row until its commit, so that the numbers have no gap and come in the order of the commits.

create table mayfly.inboxes (
  tenant_id uuid not null,
  recipient_id uuid not null,
  last_seq bigint not null default 0,
  session uuid,
  opened_at timestamptz,
  constraint inboxes_pkey primary key (tenant_id, recipient_id),
  constraint inboxes_tenant_fkey foreign key (tenant_id) references mayfly.tenants (id) on delete cascade
)
with (fillfactor = 50);

-- The planner's statistics are everybody's: none of what a tenant writes (tests/db/estimates.test.ts).
alter table mayfly.inboxes
  alter column session set statistics 0;

comment on table mayfly.inboxes is 'Inboxes of agents and people.';
comment on column mayfly.inboxes.session is 'The one reader: opening the inbox anew ends the one before. Without it nothing is broadcast.';

-- sql/schemas/0175_table_deliveries.sql

-- A message in an inbox, and what became of it.

create table mayfly.deliveries (
  tenant_id uuid not null,
  recipient_id uuid not null,
  seq bigint not null,
  message_id uuid not null,
  sender_id uuid,
  session uuid,
  attempts integer not null default 0,
  acknowledged_at timestamptz,
  constraint deliveries_pkey primary key (tenant_id, recipient_id, seq),
  constraint deliveries_message_key unique (tenant_id, message_id, recipient_id),
  constraint deliveries_message_fkey foreign key (tenant_id, message_id)
    references mayfly.messages (tenant_id, id) on delete cascade
)
with (fillfactor = 80);

-- What waits in an inbox, however much was handled.
create index deliveries_waiting_idx on mayfly.deliveries (tenant_id, recipient_id, seq) where acknowledged_at is null;

-- The planner's statistics are everybody's: none of what a tenant writes (tests/db/estimates.test.ts).
alter table mayfly.deliveries
  alter column sender_id set statistics 0,
  alter column session set statistics 0;

comment on table mayfly.deliveries is 'Messages in inboxes, each with its own acknowledgement.';
comment on column mayfly.deliveries.sender_id is 'As in its message: policies ask it here.';
comment on column mayfly.deliveries.session is 'The reader that it was handed to last.';
comment on column mayfly.deliveries.attempts is 'To how many readers it was handed. Above 1 it may have been handled before.';

-- sql/schemas/0177_table_states.sql

-- Documents that agents keep beside their memories: one row a key, of one agent or shared by the tenant.
-- Written by the functions of state alone. A deleted state stays as a tombstone without value, so that
-- its versions go on and a reader of the log finds it.

create table mayfly.states (
  tenant_id uuid not null,
  id uuid not null default gen_random_uuid(),
  agent_id uuid,
  key text not null constraint states_key_length check (char_length(key) between 1 and 200),
  version integer not null constraint states_version_range check (version >= 0),
  value jsonb,
  updated_by uuid,
  created_at timestamptz not null default clock_timestamp(),
  updated_at timestamptz not null default clock_timestamp(),
  expires_at timestamptz,
  deleted_at timestamptz,
  constraint states_pkey primary key (tenant_id, id),
  constraint states_tenant_fkey foreign key (tenant_id) references mayfly.tenants (id) on delete cascade,
  constraint states_agent_fkey foreign key (tenant_id, agent_id) references mayfly.agents (tenant_id, id),
  constraint states_key_key unique nulls not distinct (tenant_id, agent_id, key),
  constraint states_value_unless_deleted check ((value is null) = (deleted_at is not null))
);

-- What maintenance looks for.
create index states_over_idx on mayfly.states (tenant_id, least(expires_at, deleted_at));

-- The planner's statistics are everybody's: none of what a tenant writes (tests/db/estimates.test.ts).
alter table mayfly.states
  alter column key set statistics 0,
  alter column value set statistics 0,
  alter column updated_by set statistics 0;

comment on table mayfly.states is 'Versioned documents by key, of an agent or shared by the tenant.';
comment on column mayfly.states.agent_id is 'The agent whose state it is; null for the tenant''s own.';
comment on column mayfly.states.version is 'Rises by one with every change, a deletion too, and never falls.';
comment on column mayfly.states.value is 'Any JSON, at most 256 KB and 32 deep; null (no JSON at all) in a tombstone.';
comment on column mayfly.states.updated_by is 'The agent or person that changed it last; null for the secret key and for time.';
comment on column mayfly.states.expires_at is 'From then on it is as if deleted; the versions stay until maintenance comes.';

-- sql/schemas/0178_table_state_versions.sql

-- Every version of every state, the newest hundred of each: what it was, who made it so, and how.

create table mayfly.state_versions (
  tenant_id uuid not null,
  state_id uuid not null,
  version integer not null,
  value jsonb,
  bytes integer not null default 0,
  action text not null
    constraint state_versions_action_known check (action in ('set', 'patch', 'rollback', 'reconcile', 'delete', 'expire')),
  by uuid,
  at timestamptz not null default clock_timestamp(),
  constraint state_versions_pkey primary key (tenant_id, state_id, version),
  constraint state_versions_state_fkey foreign key (tenant_id, state_id)
    references mayfly.states (tenant_id, id) on delete cascade
);

-- The planner's statistics are everybody's: none of what a tenant writes (tests/db/estimates.test.ts).
alter table mayfly.state_versions
  alter column value set statistics 0,
  alter column by set statistics 0;

comment on table mayfly.state_versions is 'The versions of states: values, who made them and how.';
comment on column mayfly.state_versions.value is 'As it was; null (no JSON at all) where it was deleted or had expired.';
comment on column mayfly.state_versions.bytes is 'What the tenant''s max_bytes counts for it: the length of the value as text, and 256 for its row; 0 where time deleted it.';

-- sql/schemas/0180_table_ops.sql

-- Which pushed operations were applied, with their results: what makes a push idempotent. No foreign key:
-- a push holds its tenant once (mayfly_private.hold_tenant), not once an operation, and with the tenant
-- go its operations (mayfly_private.forget_log).

create table mayfly_private.ops (
  tenant_id uuid not null,
  id uuid not null,
  result jsonb not null,
  at timestamptz not null default now(),
  constraint ops_pkey primary key (tenant_id, id)
);

-- For maintenance. Operations come in the order of their time: a block range index costs a push nothing.
create index ops_at_idx on mayfly_private.ops using brin (at);

comment on table mayfly_private.ops is 'Applied operations by the id that the client gave them.';

alter table mayfly_private.ops enable row level security;

-- sql/schemas/0181_table_debug_leases.sql

-- Who watches whose debug stream, at which level, until when: a lease ends by itself, so that a watcher
-- that has gone leaves no stream running. Written by lease_debug and release_debug.

create table mayfly_private.debug_leases (
  tenant_id uuid not null,
  id uuid not null,
  watcher_id uuid,
  agent_id uuid,
  level smallint not null constraint debug_leases_level_range check (level between 1 and 4),
  categories text[],
  expires_at timestamptz not null,
  constraint debug_leases_pkey primary key (tenant_id, id),
  constraint debug_leases_tenant_fkey foreign key (tenant_id) references mayfly.tenants (id) on delete cascade,
  constraint debug_leases_agent_fkey foreign key (tenant_id, agent_id)
    references mayfly.agents (tenant_id, id) on delete cascade
);

create index debug_leases_agent_idx on mayfly_private.debug_leases (tenant_id, agent_id);

comment on table mayfly_private.debug_leases is 'Who watches whose debug stream, and until when.';
comment on column mayfly_private.debug_leases.id is 'Made by the watcher, one for each of its watches: two of one person are two leases.';
comment on column mayfly_private.debug_leases.agent_id is 'Null for every agent of the tenant.';
comment on column mayfly_private.debug_leases.categories is 'Null for all.';

alter table mayfly_private.debug_leases enable row level security;

-- sql/schemas/0182_table_debug_records.sql

-- What agents said of themselves in detail, where the tenant keeps it. Written by append_debug alone.

create table mayfly.debug_records (
  tenant_id uuid not null,
  id uuid not null,
  agent_id uuid not null,
  level smallint not null constraint debug_records_level_range check (level between 1 and 4),
  category text not null
    constraint debug_records_category_known check (category = any (mayfly_private.debug_categories())),
  name text not null constraint debug_records_name_length check (char_length(name) between 1 and 200),
  data jsonb,
  duration_ms real constraint debug_records_duration_ms_range check (duration_ms >= 0),
  dropped integer not null default 0 constraint debug_records_dropped_range check (dropped >= 0),
  bytes integer not null,
  at timestamptz not null,
  stored_at timestamptz not null default clock_timestamp(),
  constraint debug_records_pkey primary key (tenant_id, id),
  constraint debug_records_tenant_fkey foreign key (tenant_id) references mayfly.tenants (id) on delete cascade,
  constraint debug_records_agent_fkey foreign key (tenant_id, agent_id) references mayfly.agents (tenant_id, id)
);

create index debug_records_agent_idx on mayfly.debug_records (tenant_id, agent_id, at, id);
-- What retention takes first.
create index debug_records_stored_idx on mayfly.debug_records (tenant_id, stored_at);

-- The planner's statistics are everybody's: none of what a tenant writes (tests/db/estimates.test.ts).
alter table mayfly.debug_records
  alter column name set statistics 0,
  alter column data set statistics 0;

comment on table mayfly.debug_records is 'Debug records of agents, where the tenant keeps them.';
comment on column mayfly.debug_records.id is 'Made by the client: a UUIDv7, in the order of the stream.';
comment on column mayfly.debug_records.level is '1 basic, 2 detailed, 3 verbose, 4 trace.';
comment on column mayfly.debug_records.dropped is 'How many records of the stream were dropped before this one.';
comment on column mayfly.debug_records.at is 'When it was recorded, by the agent''s clock.';
comment on column mayfly.debug_records.bytes is 'What the tenant''s max_bytes counts for it.';

-- sql/schemas/0183_table_debug_streams.sql

-- The agents that listen for levels of debug, and what each has stored in the current minute. Fillfactor
-- and no index beside the key keep every update in its page (HOT).

create table mayfly_private.debug_streams (
  tenant_id uuid not null,
  agent_id uuid not null,
  minute timestamptz not null default '-infinity',
  records integer not null default 0,
  constraint debug_streams_pkey primary key (tenant_id, agent_id),
  constraint debug_streams_agent_fkey foreign key (tenant_id, agent_id)
    references mayfly.agents (tenant_id, id) on delete cascade
)
with (fillfactor = 50);

comment on table mayfly_private.debug_streams is 'The agents that listen for levels of debug.';

alter table mayfly_private.debug_streams enable row level security;

-- sql/schemas/0190_table_epochs.sql

-- The clusters this database has lived in. A transaction id means something in its own cluster only:
-- after a restore or a promotion the epoch rises, and older cursors are refused.

create table mayfly_private.epochs (
  epoch integer generated always as identity constraint epochs_pkey primary key,
  system_identifier bigint not null,
  timeline integer not null,
  since timestamptz not null default now(),
  constraint epochs_cluster_key unique (system_identifier, timeline)
);

comment on table mayfly_private.epochs is 'One row for each cluster and timeline that this database has lived in.';

alter table mayfly_private.epochs enable row level security;

-- sql/schemas/0191_table_maintenance.sql

-- How far maintenance has come with each tenant: where its walk over the memories and the messages stands, and up to
-- which transaction events were deleted, in which epoch; and since when it fails. Each tenant has its row from
-- the beginning (mayfly_private.start_usage).

create table mayfly_private.maintenance (
  tenant_id uuid not null constraint maintenance_pkey primary key,
  walked_to uuid not null default '00000000-0000-0000-0000-000000000000',
  deleted_to xid8,
  epoch integer,
  messages_to timestamptz not null default '-infinity',
  messages_to_id uuid not null default '00000000-0000-0000-0000-000000000000',
  at timestamptz not null default '-infinity',
  failures integer not null default 0,
  failed_since timestamptz,
  error text constraint maintenance_error_length check (char_length(error) <= 300),
  constraint maintenance_tenant_fkey foreign key (tenant_id) references mayfly.tenants (id) on delete cascade
);

comment on table mayfly_private.maintenance is 'How far maintenance has come with each tenant.';
comment on column mayfly_private.maintenance.at is 'When it was last tried.';
comment on column mayfly_private.maintenance.failures is 'How often it has failed since it last succeeded; error is the newest.';
comment on column mayfly_private.maintenance.deleted_to is 'The greatest xid of an event that was deleted: a cursor that has not seen it is too old.';

alter table mayfly_private.maintenance enable row level security;

-- sql/schemas/0192_function_forget_log.sql

-- Deletes the events, the operations, the embedding queue and due nudges of tenants that are deleted, in place of
-- foreign keys, which would look each row up that is written. It comes after the cascades: who was still writing held
-- the tenant, or a row that they delete, and is done by then.

create function mayfly_private.forget_log()
returns trigger
language plpgsql security definer
set search_path = ''
as $$
begin
  delete from mayfly.events e using old_rows o where e.tenant_id = o.id;
  delete from mayfly_private.ops p using old_rows o where p.tenant_id = o.id;
  delete from mayfly_private.embedding_queue q using old_rows o where q.tenant_id = o.id;
  delete from mayfly_private.nudges_due d using old_rows o where d.tenant_id = o.id;
  return null;
end
$$;

comment on function mayfly_private.forget_log() is 'Trigger: deletes the events and operations of deleted tenants.';
revoke execute on function mayfly_private.forget_log() from public;

create trigger tenants_forget_log after delete on mayfly.tenants
  referencing old table as old_rows
  for each statement execute function mayfly_private.forget_log();

-- sql/schemas/0193_table_listeners.sql

-- Which topics somebody listens to, and until when: a lease ends by itself, so that for a reader that has gone
-- nothing is broadcast. One row for all who listen to a topic. Inboxes are not here but for the nudges of
-- their owner's log: who reads an inbox stands in mayfly.inboxes. Written by listen.

create table mayfly_private.listeners (
  tenant_id uuid not null,
  topic text not null,
  until timestamptz not null,
  constraint listeners_pkey primary key (tenant_id, topic),
  constraint listeners_tenant_fkey foreign key (tenant_id) references mayfly.tenants (id) on delete cascade
)
with (fillfactor = 50);

comment on table mayfly_private.listeners is 'Which topics somebody listens to, and until when.';

alter table mayfly_private.listeners enable row level security;

-- sql/schemas/0194_table_nudges.sql

-- When a topic was nudged last. The first transaction of a window claims the row and tells; every other leaves a
-- row in nudges_due. Apart from the listeners, so that no renewal of a lease waits for a writer's commit.

create table mayfly_private.nudges (
  tenant_id uuid not null,
  topic text not null,
  sent_at timestamptz not null default '-infinity',
  constraint nudges_pkey primary key (tenant_id, topic),
  constraint nudges_tenant_fkey foreign key (tenant_id) references mayfly.tenants (id) on delete cascade
)
with (fillfactor = 50);

comment on table mayfly_private.nudges is 'When a topic was nudged last.';

alter table mayfly_private.nudges enable row level security;

-- sql/schemas/0195_table_nudges_due.sql

-- What is still to be broadcast, written by the transaction that it tells of: it is visible exactly when
-- its data is, so the last one cannot be lost. flush_nudges deletes it, and broadcasts once for each topic and event.
-- No foreign key, which would look the tenant up for each row: forget_log deletes what a tenant leaves.

create table mayfly_private.nudges_due (
  tenant_id uuid not null,
  id bigint generated always as identity,
  topic text not null,
  event text not null
    constraint nudges_due_event_known check (event in ('log_appended', 'message', 'debug_level', 'control')),
  seq bigint,
  constraint nudges_due_pkey primary key (tenant_id, id)
);

comment on table mayfly_private.nudges_due is 'What is still to be broadcast.';
comment on column mayfly_private.nudges_due.seq is 'Of a message: its number in the inbox or the channel.';

alter table mayfly_private.nudges_due enable row level security;

-- sql/schemas/0196_table_flusher.sql

-- When flush_nudges ran last: one row. Nothing is left to it unless it ran within the last 5 s.

create table mayfly_private.flusher (
  only_row boolean not null default true constraint flusher_pkey primary key constraint flusher_only_row check (only_row),
  at timestamptz not null default '-infinity'
);

comment on table mayfly_private.flusher is 'When due nudges were told last.';

insert into mayfly_private.flusher default values;

alter table mayfly_private.flusher enable row level security;

-- sql/schemas/0197_table_broadcast_losses.sql

-- Which tenants' readers have noticed that broadcasts were lost, as they say it to listen: for doctor and
-- status. Realtime drops the database's broadcasts in silence when the project is over its rate.

create table mayfly_private.broadcast_losses (
  tenant_id uuid not null constraint broadcast_losses_pkey primary key,
  noticed bigint not null default 0,
  at timestamptz not null,
  constraint broadcast_losses_tenant_fkey foreign key (tenant_id) references mayfly.tenants (id) on delete cascade
);

comment on table mayfly_private.broadcast_losses is 'Which tenants have noticed lost broadcasts.';

alter table mayfly_private.broadcast_losses enable row level security;

-- sql/schemas/0200_function_fail.sql

-- Raises an error that the Data API answers with this HTTP status and these fields, as they are.
-- Called by every function that refuses something. Locks nothing. With retry_after, in seconds, the
-- answer has the header Retry-After and details.retry_after.
-- https://docs.postgrest.org/en/v13/references/errors.html#raise-errors-with-http-status-codes

create function mayfly_private.fail(
  status integer, code text, message text, hint text default null, details jsonb default null, retry_after integer default null
)
returns void
language plpgsql
set search_path = ''
as $$
declare
  all_details constant jsonb := case
    when retry_after is null then details
    else coalesce(details, '{}') || jsonb_build_object('retry_after', retry_after)
  end;
begin
  raise sqlstate 'PGRST' using
    message = jsonb_build_object('code', code, 'message', message, 'hint', hint, 'details', all_details::text)::text,
    detail = jsonb_build_object('status', status, 'headers', case
      when retry_after is null then '{}'::jsonb
      else jsonb_build_object('Retry-After', retry_after::text)
    end)::text;
end
$$;

comment on function mayfly_private.fail(integer, text, text, text, jsonb, integer) is 'Raises an error with a stable code, for the Data API.';
revoke execute on function mayfly_private.fail(integer, text, text, text, jsonb, integer) from public;
grant execute on function mayfly_private.fail(integer, text, text, text, jsonb, integer) to authenticated, service_role;

-- sql/schemas/0201_function_to_uuid.sql

-- The uuid that a text is, or null: claims and headers are text that anyone may have written. Of 36
-- characters with these four dashes the cast takes 32 hexadecimal digits alone. 5 µs; as a regular
-- expression in a function of SQL, which an empty search_path keeps from being inlined, it took 15 to 40.

create function mayfly_private.to_uuid(value text)
returns uuid
language plpgsql immutable parallel safe
set search_path = ''
as $$
begin
  if value like '________-____-____-____-____________' and pg_input_is_valid(value, 'uuid') then
    return value::uuid;
  end if;
  return null;
end
$$;

comment on function mayfly_private.to_uuid(text) is 'The uuid that a text is, or null.';
revoke execute on function mayfly_private.to_uuid(text) from public;
grant execute on function mayfly_private.to_uuid(text) to authenticated, service_role;

-- sql/schemas/0202_function_new_secret.sql

-- A new secret with its prefix: two random uuids, 244 bits. Called by those who return it once and
-- keep its hash.

create function mayfly_private.new_secret(prefix text)
returns text
language sql volatile
set search_path = ''
return prefix || replace(gen_random_uuid()::text || gen_random_uuid()::text, '-', '');

comment on function mayfly_private.new_secret(text) is 'A new secret of 244 random bits.';
revoke execute on function mayfly_private.new_secret(text) from public;

-- sql/schemas/0203_function_hash_secret.sql

-- How secrets are kept: SHA-256 alone, since 244 random bits need no salt and no slowness.

create function mayfly_private.hash_secret(secret text)
returns bytea
language sql immutable parallel safe
set search_path = ''
return sha256(convert_to(secret, 'UTF8'));

comment on function mayfly_private.hash_secret(text) is 'SHA-256 of a secret.';
revoke execute on function mayfly_private.hash_secret(text) from public;

-- sql/schemas/0204_function_bytes_of_hex.sql

-- The 32 bytes that a text says in hexadecimal, or null: hashes come in claims, as text.

create function mayfly_private.bytes_of_hex(value text)
returns bytea
language sql immutable parallel safe
set search_path = ''
return case when value ~ '^[0-9a-f]{64}$' then decode(value, 'hex') end;

comment on function mayfly_private.bytes_of_hex(text) is 'The 32 bytes of a hexadecimal text, or null.';
revoke execute on function mayfly_private.bytes_of_hex(text) from public;

-- sql/schemas/0205_function_is_timely.sql

-- Whether a token's time has come, and is not over with the 30 s of skew that the Data API allows.
-- One without exp never is. Nobody whose tokens we know sets nbf, so it gets no skew.

create function mayfly_private.is_timely(claims jsonb)
returns boolean
language plpgsql stable
set search_path = ''
as $$
begin
  return case
    when jsonb_typeof(claims -> 'exp') is distinct from 'number' then false
    when jsonb_typeof(coalesce(claims -> 'nbf', '0')) <> 'number' then false
    else (claims ->> 'exp')::numeric > extract(epoch from clock_timestamp()) - 30
      and coalesce((claims ->> 'nbf')::numeric, 0) <= extract(epoch from clock_timestamp())
  end;
end
$$;

comment on function mayfly_private.is_timely(jsonb) is 'Whether a token is within its time.';
revoke execute on function mayfly_private.is_timely(jsonb) from public;

-- sql/schemas/0206_function_numbers_kept.sql

-- Whether JavaScript reads every number of a JSON value as it was written. Postgres keeps any; a double,
-- which is what every client reads it into, has none beyond 1.8e308 or nearer to 0 than 5e-324, and not
-- every integer beyond 2^53: those would change without a word on their way out. An integer that a double
-- does hold, such as 1e300, is kept. Called by all that take JSON. Locks nothing.

create function mayfly_private.numbers_kept(value jsonb)
returns boolean
language sql immutable parallel safe
set search_path = ''
return not coalesce(jsonb_path_exists(value, 'strict $.** ? (@.type() == "number" && (@ > 9007199254740991 || @ < -9007199254740991
    || (@ != 0 && @ < 5e-324 && @ > -5e-324)))'), false)
  or not exists (
    select from jsonb_path_query(value, 'strict $.** ? (@.type() == "number" && (@ > 9007199254740991 || @ < -9007199254740991
      || (@ != 0 && @ < 5e-324 && @ > -5e-324)))') as found (number)
    where case when pg_input_is_valid(found.number #>> '{}', 'double precision')
      then (found.number #>> '{}')::double precision::text::numeric <> found.number::numeric else true end);

comment on function mayfly_private.numbers_kept(jsonb) is 'Whether JavaScript reads every number of a JSON value as it was written.';
revoke execute on function mayfly_private.numbers_kept(jsonb) from public;

-- sql/schemas/0207_function_check_numbers.sql

-- Refuses a JSON value that has a number which JavaScript would change, by the name of its field. Called
-- by all that take JSON of their callers' own, except where another function names the field. Locks nothing.

create function mayfly_private.check_numbers(value jsonb, field text)
returns void
language plpgsql stable
set search_path = ''
as $$
begin
  if not mayfly_private.numbers_kept(value) then
    perform mayfly_private.fail(400, 'invalid_request',
      format('%s must have no number that JavaScript cannot hold: none beyond 1.8e308, and no integer beyond 2^53.', field),
      'Send such a number as a text.', jsonb_build_object('field', field));
  end if;
end
$$;

comment on function mayfly_private.check_numbers(jsonb, text) is 'Refuses a JSON value that has a number which JavaScript would change.';
revoke execute on function mayfly_private.check_numbers(jsonb, text) from public;

-- sql/schemas/0210_function_caller.sql

-- Who is calling: an agent that is alive, a person, a machine with an enrolment key, or the secret
-- key; null for everyone else. The one place that reads the token, and refuses what the Data API and
-- Realtime let through: a wrong issuer, a token without exp, or not yet valid. Called by the policies,
-- once a statement, through mayfly.tenant_ids; as owner, since the policies of mayfly.agents call it.
-- Locks nothing.

create type mayfly_private.caller as (
  kind text,
  id uuid,
  -- For all but a person, whose tenants are in mayfly.members.
  tenant_id uuid,
  scopes text[],
  -- The x-mayfly-tenant header as it came. It narrows, never widens.
  chosen text,
  -- What an agent that it spawns can have at most; null for a person, whose role says it by tenant.
  grantable text[]
);

create function mayfly_private.caller()
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

comment on function mayfly_private.caller() is 'Who is calling, by the verified token and the tables.';
revoke execute on function mayfly_private.caller() from public;

-- sql/schemas/0211_function_private_tenant_ids.sql

-- The definer half of mayfly.tenant_ids.

create function mayfly_private.tenant_ids(scope text)
returns uuid[]
language plpgsql stable security definer
set search_path = ''
as $$
declare
  caller constant mayfly_private.caller := mayfly_private.caller();
begin
  if caller.kind = 'person' then
    return coalesce((
      select array_agg(m.tenant_id)
      from mayfly.members m
      where m.user_id = caller.id
        and m.tenant_id::text = coalesce(caller.chosen, m.tenant_id::text)
        and (tenant_ids.scope is null
          or exists (select from mayfly.scopes s where s.name = tenant_ids.scope and m.role = any (s.roles)))), '{}');
  end if;
  -- A machine belongs to no tenant: it may spawn, and that is all.
  if caller.tenant_id is null or (scope is null and caller.kind = 'machine') or not (scope is null or scope = any (caller.scopes)) then
    return '{}';
  end if;
  return array[caller.tenant_id];
end
$$;

comment on function mayfly_private.tenant_ids(text) is 'The tenants in which the caller has a scope.';
revoke execute on function mayfly_private.tenant_ids(text) from public;
grant execute on function mayfly_private.tenant_ids(text) to authenticated, service_role;

-- sql/schemas/0212_function_tenant_ids.sql

-- The tenants in which the caller has a scope (any, without one): what every policy asks, as
--   tenant_id = any ((select mayfly.tenant_ids('memory:read'))::uuid[])
-- so that it is evaluated once a statement. One answer for tenant and scope together: a person may
-- be owner of one tenant and viewer of another.

create function mayfly.tenant_ids(scope text default null)
returns uuid[]
language sql stable
set search_path = ''
return mayfly_private.tenant_ids(scope);

comment on function mayfly.tenant_ids(text) is 'The tenants in which the caller has the scope; without one, those it belongs to.';
revoke execute on function mayfly.tenant_ids(text) from public;
grant execute on function mayfly.tenant_ids(text) to authenticated, service_role;

-- sql/schemas/0213_function_own_agent_ids.sql

-- The agents whose private memories the caller sees by kinship: itself and its descendants, the
-- dead included. For policies, once a statement; as owner, since it reads mayfly.agents for them.

create function mayfly_private.own_agent_ids()
returns uuid[]
language sql stable security definer
set search_path = ''
return (
  select coalesce(array_agg(a.id), '{}')
  from mayfly_private.caller() c
  join mayfly.agents a on a.tenant_id = c.tenant_id and (a.id = c.id or a.ancestors @> array[c.id])
  where c.kind = 'agent'
);

comment on function mayfly_private.own_agent_ids() is 'The calling agent and its descendants.';
revoke execute on function mayfly_private.own_agent_ids() from public;
grant execute on function mayfly_private.own_agent_ids() to authenticated;

-- sql/schemas/0214_function_caller_id.sql

-- The id of the calling agent or person; null for the secret key.

create function mayfly_private.caller_id()
returns uuid
language plpgsql stable security definer
set search_path = ''
as $$
begin
  return (mayfly_private.caller()).id;
end
$$;

comment on function mayfly_private.caller_id() is 'The id of the calling agent or person.';
revoke execute on function mayfly_private.caller_id() from public;
grant execute on function mayfly_private.caller_id() to authenticated;

-- sql/schemas/0215_function_require_tenant.sql

-- The one tenant of this request, in which the caller must have the scope. Called first by every
-- function that writes. Locks nothing.

create function mayfly_private.require_tenant(scope text)
returns uuid
language plpgsql stable security definer
set search_path = ''
as $$
declare
  caller constant mayfly_private.caller := mayfly_private.caller();
  tenants constant uuid[] := case
    when caller.kind = 'machine' then array[caller.tenant_id]
    else mayfly_private.tenant_ids(null)
  end;
begin
  if caller is null or caller.kind is null then
    perform mayfly_private.fail(401, 'not_authorized', 'The caller is not a living agent, a person, a valid enrolment key or the secret key.',
      'Spawn an agent, or sign in. An agent that has stopped or expired can do nothing more.');
  elsif cardinality(tenants) = 0 then
    perform mayfly_private.fail(403, 'tenant_unknown', 'The request names no tenant that the caller belongs to.',
      'Give the id of one of your tenants: new Mayfly({ tenant }), or the header x-mayfly-tenant.');
  elsif cardinality(tenants) > 1 then
    perform mayfly_private.fail(400, 'tenant_ambiguous', 'The caller belongs to several tenants.',
      'Choose one by its id: new Mayfly({ tenant }), or the header x-mayfly-tenant.');
  elsif cardinality(mayfly_private.tenant_ids(scope)) = 0 then
    perform mayfly_private.fail(403, 'scope_missing',
      case when scope is null then 'An enrolment key may only spawn.' else format('The caller does not have the scope %s.', scope) end,
      'Spawn the agent with this scope, or ask an admin of the tenant for another role.',
      jsonb_build_object('scope', scope));
  end if;
  return tenants[1];
end
$$;

comment on function mayfly_private.require_tenant(text) is 'The tenant of this request; fails unless the caller has the scope in it.';
revoke execute on function mayfly_private.require_tenant(text) from public;
grant execute on function mayfly_private.require_tenant(text) to authenticated, service_role;

-- sql/schemas/0216_function_acting_role.sql

-- As what the caller acts on the people of a tenant: a person's role there, 'owner' for the secret
-- key, null for everyone else. Called by the functions for people. Locks nothing.

create function mayfly_private.acting_role(tenant uuid)
returns text
language sql stable security definer
set search_path = ''
return (
  select case c.kind
    when 'secret' then case when c.tenant_id = tenant then 'owner' end
    when 'person' then (select m.role from mayfly.members m where m.tenant_id = tenant and m.user_id = c.id)
  end
  from mayfly_private.caller() c
);

comment on function mayfly_private.acting_role(uuid) is 'The role by which the caller acts on people of a tenant.';
revoke execute on function mayfly_private.acting_role(uuid) from public;

-- sql/schemas/0217_function_require_role.sql

-- Fails unless the caller may act on someone who has, or is to have, this role: an owner on all, an
-- admin on all but owners. Called by the functions for people.

create function mayfly_private.require_role(tenant uuid, over text)
returns void
language plpgsql stable
set search_path = ''
as $$
begin
  if over is null or over not in ('owner', 'admin', 'member', 'viewer') then
    perform mayfly_private.fail(400, 'invalid_request', 'role must be owner, admin, member or viewer.', null, '{"field": "role"}');
  elsif over = 'owner' and mayfly_private.acting_role(tenant) is distinct from 'owner' then
    perform mayfly_private.fail(403, 'role_missing', 'Only an owner makes, changes or removes owners.',
      'Ask an owner of the tenant.', '{"role": "owner"}');
  end if;
end
$$;

comment on function mayfly_private.require_role(uuid, text) is 'Fails unless the caller may act on this role.';
revoke execute on function mayfly_private.require_role(uuid, text) from public;

-- sql/schemas/0218_function_may_tell.sql

-- How many of `wanted` broadcasts a tenant may make by now, of the project's announce_rate a second; what is
-- more is due. Without it one tenant that messages itself would spend what Realtime allows the whole project.
-- Called by those who broadcast.
--
-- Counted in the tenant's shards of usage: locks one that nobody else holds until commit, as charge does
-- (mostly the same), and waits for none. Others' open transactions are not seen: so the further shards may
-- tell half, a quarter, … each, and all together at most twice the rate.

create function mayfly_private.may_tell(tenant uuid, wanted integer)
returns integer
language plpgsql security definer
set search_path = ''
as $$
declare
  this_second constant timestamptz := date_trunc('second', clock_timestamp());
  rate constant integer := (select s.announce_rate from mayfly_private.settings s);
  free_shard smallint;
  used record;
  granted integer;
begin
  if coalesce(wanted, 0) <= 0 then
    return 0;
  end if;
  select u.shard into free_shard
  from mayfly_private.tenant_usage u
  where u.tenant_id = tenant
  order by u.shard
  limit 1
  for update skip locked;
  if not found then
    return 0;
  end if;
  select coalesce(sum(u.told), 0) as by_all, coalesce(sum(u.told) filter (where u.shard = free_shard), 0) as here into strict used
  from mayfly_private.tenant_usage u where u.tenant_id = tenant and u.told_at = this_second;
  granted := greatest(0, least(wanted, rate - used.by_all, (rate >> free_shard) - used.here));
  if granted > 0 then
    update mayfly_private.tenant_usage u set told = used.here + granted, told_at = this_second
    where u.tenant_id = tenant and u.shard = free_shard;
  end if;
  return granted;
end
$$;

comment on function mayfly_private.may_tell(uuid, integer) is 'How many broadcasts a tenant may make by now.';
revoke execute on function mayfly_private.may_tell(uuid, integer) from public;

-- sql/schemas/0219_function_is_flushed.sql

-- Whether somebody tells what is due: pg_cron's job, or the embedded stack. Where nobody does, as in a
-- project without pg_cron, each transaction tells by itself. A time ahead is of a clock that was set back since.

create function mayfly_private.is_flushed()
returns boolean
language sql stable security definer
set search_path = ''
return (select f.at between clock_timestamp() - interval '5 seconds' and clock_timestamp() + interval '5 seconds' from mayfly_private.flusher f);

comment on function mayfly_private.is_flushed() is 'Whether somebody tells what is due.';
revoke execute on function mayfly_private.is_flushed() from public;

-- sql/schemas/0220_function_current_epoch.sql

-- The epoch of the log: rises when the cluster is another one, or on another timeline, than before.
-- Called by the log's triggers and by sync. Locks nothing once the epoch's row is there.

create function mayfly_private.current_epoch()
returns integer
language plpgsql security definer
set search_path = ''
as $$
declare
  found_epoch integer;
  cluster record;
begin
  select s.system_identifier, c.timeline_id as timeline into cluster
  from pg_control_system() s, pg_control_checkpoint() c;

  select e.epoch into found_epoch from mayfly_private.epochs e
  where e.system_identifier = cluster.system_identifier and e.timeline = cluster.timeline;
  if found then return found_epoch; end if;

  insert into mayfly_private.epochs (system_identifier, timeline)
  values (cluster.system_identifier, cluster.timeline)
  on conflict do nothing;
  return (select e.epoch from mayfly_private.epochs e
    where e.system_identifier = cluster.system_identifier and e.timeline = cluster.timeline);
end
$$;

comment on function mayfly_private.current_epoch() is 'The number of the cluster and timeline that the database runs on.';
revoke execute on function mayfly_private.current_epoch() from public;

-- sql/schemas/0221_function_nudge.sql

-- Tells the readers of a tenant's log, or one agent, that there is something to pull: once a window (1 s) and
-- audience. The first transaction of a window claims the topic's row and broadcasts; every other leaves a due
-- row, which is visible exactly when its data is, and flush_nudges tells it within a second: 1,000 writes in
-- 10 s made 14 to 17 broadcasts, none lost, also with aborts and transactions held open. Called by the log's triggers.
--
-- Where nobody listens nothing is broadcast. A lease may begin while this transaction is open, which does not
-- see it: so it leaves a due row all the same, and whether somebody listens is looked at again when that is told.
--
-- Where nobody flushes, each transaction with a listener tells by itself, once a transaction and audience. A
-- savepoint that is rolled back takes its nudge with it, and that it was sent. A broadcast that fails is
-- only a warning of realtime.send: the log is the truth.

create function mayfly_private.nudge(tenant uuid, audience uuid)
returns void
language plpgsql security definer
set search_path = ''
as $$
declare
  about constant text := case
    when audience is null then format('tenant:%s:log', tenant)
    else format('tenant:%s:agent:%s', tenant, audience)
  end;
  sent constant text := coalesce(current_setting('mayfly.nudged', true), '');
  flushed constant boolean := mayfly_private.is_flushed();
  listened boolean;
begin
  if strpos(sent, about) > 0 then
    return;
  end if;
  -- To one that does not live nothing is said but its end: whoever still listens with its token hears no more.
  if audience is not null and exists (
    select from mayfly.agents a
    where a.tenant_id = tenant and a.id = audience and mayfly_private.effective_status(a) <> 'running'
  ) then
    return;
  end if;
  -- A list that grew too long begins anew: a nudge too many does no harm.
  perform set_config('mayfly.nudged', case when length(sent) < 5000 then sent else '' end || about || ' ', true);

  listened := exists (
    select from mayfly_private.listeners l where l.tenant_id = tenant and l.topic = about and l.until > clock_timestamp());
  if listened and flushed then
    -- Waits for nobody: a row that another transaction holds is as good as one that was told just now.
    update mayfly_private.nudges n set sent_at = clock_timestamp()
    where (n.tenant_id, n.topic) in (
      select w.tenant_id, w.topic from mayfly_private.nudges w
      where w.tenant_id = tenant and w.topic = about and w.sent_at not between clock_timestamp() - interval '1 second' and clock_timestamp()
      for update skip locked);
    listened := found and mayfly_private.may_tell(tenant, 1) > 0;
  end if;
  if listened then
    perform realtime.send('{}'::jsonb, 'log_appended', about, true);
  elsif flushed then
    insert into mayfly_private.nudges_due (tenant_id, topic, event) values (tenant, about, 'log_appended');
  end if;
end
$$;

comment on function mayfly_private.nudge(uuid, uuid) is 'Tells that the log has something new, once a window and audience.';
revoke execute on function mayfly_private.nudge(uuid, uuid) from public;

-- sql/schemas/0222_function_log_agents.sql

-- Appends what happened to agents, once a statement. As owner: clients have no INSERT on the log.

create function mayfly_private.log_agents()
returns trigger
language plpgsql security definer
set search_path = ''
as $$
declare
  of_epoch constant integer := mayfly_private.current_epoch();
  appended integer;
begin
  if tg_op = 'INSERT' then
    insert into mayfly.events (tenant_id, epoch, type, agent_id, subject)
    select n.tenant_id, of_epoch, 'agent.spawned', n.parent_id, n.id
    from new_rows n;
  else
    insert into mayfly.events (tenant_id, epoch, type, agent_id, subject, fields)
    select n.tenant_id, of_epoch,
      case n.status when 'running' then 'agent.resumed' else 'agent.' || n.status end,
      mayfly_private.caller_id(), n.id, '{status}'
    from new_rows n
    join old_rows o on o.tenant_id = n.tenant_id and o.id = n.id
    where n.status <> o.status;
  end if;
  -- A change of activity alone is no event.
  get diagnostics appended = row_count;
  if appended > 0 then
    perform mayfly_private.nudge(t.tenant_id, null) from (select distinct n.tenant_id from new_rows n) t;
  end if;
  return null;
end
$$;

comment on function mayfly_private.log_agents() is 'Trigger: appends what happened to agents to the log.';
revoke execute on function mayfly_private.log_agents() from public;

create trigger agents_log_insert after insert on mayfly.agents
  referencing new table as new_rows
  for each statement execute function mayfly_private.log_agents();

create trigger agents_log_update after update on mayfly.agents
  referencing old table as old_rows new table as new_rows
  for each statement execute function mayfly_private.log_agents();

-- sql/schemas/0223_function_log_memories.sql

-- Appends what happened to memories, once a statement, to those who may see it. As owner: clients
-- have no INSERT on the log.
--
-- The events of a private memory have its agent as audience; its ancestors and the tenant's admins see
-- them too (the policy of mayfly.events, as that of mayfly.memories). One without an agent has the
-- tenant's id, which is nobody's: its events are for admins. A memory that becomes private leaves the
-- caches of the tenant by `memory.hidden`, and stays with those who still see it by the
-- `memory.updated` behind it; one that becomes the tenant's is `memory.updated` to all.

create function mayfly_private.log_memories()
returns trigger
language plpgsql security definer
set search_path = ''
as $$
declare
  -- Once a statement: asked for each row it took 60 µs each.
  of_epoch constant integer := mayfly_private.current_epoch();
  nudges jsonb;
begin
  if tg_op = 'INSERT' then
    insert into mayfly.events (tenant_id, epoch, audience, type, agent_id, subject, version)
    select n.tenant_id, of_epoch,
      case n.visibility when 'agent' then coalesce(n.agent_id, n.tenant_id) end,
      'memory.created', n.agent_id, n.id, n.version
    from new_rows n
    order by n.id;
    perform mayfly_private.nudge(t.tenant_id, t.audience)
    from (select distinct n.tenant_id, case n.visibility when 'agent' then coalesce(n.agent_id, n.tenant_id) end as audience from new_rows n) t;
    return null;
  end if;

  with changed as (
    select n.*, o.visibility = 'tenant' and n.visibility = 'agent' as narrowed,
      case n.visibility when 'agent' then coalesce(n.agent_id, n.tenant_id) end as audience,
      case when n.deleted_at is null then array_remove(array[
        case when n.session_id is distinct from o.session_id then 'session_id' end,
        case when n.conversation_id is distinct from o.conversation_id then 'conversation_id' end,
        case when n.kind <> o.kind then 'kind' end,
        case when n.task <> o.task then 'task' end,
        case when n.input <> o.input then 'input' end,
        case when n.output <> o.output then 'output' end,
        case when n.critique <> o.critique then 'critique' end,
        case when n.reward is distinct from o.reward then 'reward' end,
        case when n.success is distinct from o.success then 'success' end,
        case when n.importance <> o.importance then 'importance' end,
        case when n.tags <> o.tags then 'tags' end,
        case when n.metadata <> o.metadata then 'metadata' end,
        case when n.tokens is distinct from o.tokens then 'tokens' end,
        case when n.latency_ms is distinct from o.latency_ms then 'latency_ms' end,
        case when n.visibility <> o.visibility then 'visibility' end,
        case when n.expires_at is distinct from o.expires_at then 'expires_at' end], null) end as fields
    from new_rows n
    join old_rows o on o.tenant_id = n.tenant_id and o.id = n.id
    -- The clocks of fields that stay as they are go on without an event.
    where n.version <> o.version or n.deleted_at is distinct from o.deleted_at
  ), appended as (
    insert into mayfly.events (tenant_id, epoch, audience, type, agent_id, subject, version, fields)
    select c.tenant_id, of_epoch, e.audience, e.type, c.agent_id, c.id, c.version, e.fields
    from changed c, lateral (
      select 1 as n, null::uuid as audience, 'memory.hidden' as type, null::text[] as fields where c.narrowed
      union all
      select 2, c.audience, case when c.deleted_at is not null then 'memory.deleted' else 'memory.updated' end, c.fields) e
    order by c.id, e.n
    returning tenant_id, audience
  )
  select jsonb_agg(distinct jsonb_build_object('tenant', a.tenant_id, 'audience', a.audience)) into nudges from appended a;
  perform mayfly_private.nudge(t.tenant, t.audience) from jsonb_to_recordset(nudges) as t (tenant uuid, audience uuid);
  return null;
end
$$;

comment on function mayfly_private.log_memories() is 'Trigger: appends what happened to memories to the log.';
revoke execute on function mayfly_private.log_memories() from public;

create trigger memories_log_insert after insert on mayfly.memories
  referencing new table as new_rows
  for each statement execute function mayfly_private.log_memories();

create trigger memories_log_update after update on mayfly.memories
  referencing old table as old_rows new table as new_rows
  for each statement execute function mayfly_private.log_memories();

-- sql/schemas/0224_function_check_transition.sql

-- The transition table of an agent's status: running <-> suspended -> stopped | expired.

create function mayfly_private.check_transition()
returns trigger
language plpgsql security definer
set search_path = ''
as $$
begin
  if not (old.status in ('running', 'suspended') and new.status in ('running', 'suspended', 'stopped', 'expired')) then
    perform mayfly_private.refuse_transition(old.status, new.status);
  end if;
  return new;
end
$$;

comment on function mayfly_private.check_transition() is 'Trigger: refuses an illegal change of an agent''s status.';
revoke execute on function mayfly_private.check_transition() from public;

create trigger agents_check_transition before update of status on mayfly.agents
  for each row when (old.status is distinct from new.status)
  execute function mayfly_private.check_transition();

-- sql/schemas/0225_function_reap.sql

-- Marks agents of a tenant that are dead but do not say so: expired, or with a dead ancestor. At most 50 at a
-- time, skipping locked rows, so that it can run in passing. Called by every spawn; with a name, for
-- the agent that still holds it.

create function mayfly_private.reap(tenant uuid, only_name text default null)
returns integer
language plpgsql security definer
set search_path = ''
as $$
declare
  marked integer;
begin
  with dead as (
    select a.id, a.expires_at <= clock_timestamp() as expired
    from mayfly.agents a
    where a.tenant_id = tenant and a.status in ('running', 'suspended')
      and (only_name is null or a.name = only_name)
      and (a.expires_at <= clock_timestamp() or exists (
        select from mayfly.agents line
        where line.tenant_id = a.tenant_id and line.id = any (a.ancestors)
          and (line.status in ('stopped', 'expired') or line.expires_at <= clock_timestamp())))
    order by a.expires_at
    limit 50
    for no key update of a skip locked
  )
  update mayfly.agents a
  set status = case when dead.expired then 'expired' else 'stopped' end,
    stopped_at = clock_timestamp(),
    stop_reason = case when dead.expired then 'lifetime ended' else 'ancestor ended' end
  from dead
  where a.tenant_id = tenant and a.id = dead.id;
  get diagnostics marked = row_count;
  return marked;
end
$$;

comment on function mayfly_private.reap(uuid, text) is 'Marks up to 50 dead agents of a tenant as such.';
revoke execute on function mayfly_private.reap(uuid, text) from public;

-- sql/schemas/0226_function_log_members.sql

-- Appends who came, changed role and left, once a statement. As owner: clients have no INSERT on the
-- log. When the tenant itself goes, there is no log to append to.

create function mayfly_private.log_members()
returns trigger
language plpgsql security definer
set search_path = ''
as $$
declare
  of_epoch constant integer := mayfly_private.current_epoch();
begin
  if tg_op = 'INSERT' then
    insert into mayfly.events (tenant_id, epoch, type, subject)
    select n.tenant_id, of_epoch, 'member.joined', n.user_id from new_rows n;
    perform mayfly_private.nudge(t.tenant_id, null) from (select distinct n.tenant_id from new_rows n) t;
  elsif tg_op = 'UPDATE' then
    insert into mayfly.events (tenant_id, epoch, type, subject, fields)
    select n.tenant_id, of_epoch, 'member.updated', n.user_id, '{role}' from new_rows n;
    perform mayfly_private.nudge(t.tenant_id, null) from (select distinct n.tenant_id from new_rows n) t;
  else
    insert into mayfly.events (tenant_id, epoch, type, subject)
    select o.tenant_id, of_epoch, 'member.left', o.user_id
    from old_rows o join mayfly.tenants t on t.id = o.tenant_id;
    perform mayfly_private.nudge(t.id, null) from mayfly.tenants t where t.id in (select o.tenant_id from old_rows o);
  end if;
  return null;
end
$$;

comment on function mayfly_private.log_members() is 'Trigger: appends who came, changed role and left to the log.';
revoke execute on function mayfly_private.log_members() from public;

create trigger members_log_insert after insert on mayfly.members
  referencing new table as new_rows
  for each statement execute function mayfly_private.log_members();

create trigger members_log_update after update on mayfly.members
  referencing new table as new_rows
  for each statement execute function mayfly_private.log_members();

create trigger members_log_delete after delete on mayfly.members
  referencing old table as old_rows
  for each statement execute function mayfly_private.log_members();

-- sql/schemas/0227_function_charge.sql

-- Counts what a tenant has stored and written, and refuses what would exceed its quotas. Called by the
-- meters, at the end of each statement that writes what they measure, and by functions that know what they write:
-- send_messages, write_state, append_debug. What frees is never refused. A sum sees what has committed, so a
-- quota is exceeded at most by what the pushes beside this one hold, 15 of 4 MB. Locks what count_usage locks.

create function mayfly_private.charge(tenant uuid, more_memories bigint, more_bytes bigint, more_writes integer)
returns void
language plpgsql security definer
set search_path = ''
as $$
declare
  this_minute constant timestamptz := date_trunc('minute', clock_timestamp());
  limits record;
  used record;
begin
  perform mayfly_private.count_usage(tenant, more_memories, more_bytes, more_writes);
  select t.max_memories, t.max_bytes, t.writes_per_minute into strict limits from mayfly.tenants t where t.id = tenant;
  select sum(u.memories) as memories, sum(u.bytes) as bytes,
    coalesce(sum(u.writes) filter (where u.minute = this_minute), 0) as writes
  into strict used
  from mayfly_private.tenant_usage u where u.tenant_id = tenant;

  if more_memories > 0 and used.memories > limits.max_memories then
    perform mayfly_private.fail(403, 'quota_exceeded',
      format('The tenant may keep %s memories.', limits.max_memories),
      'Nothing was written. Erase memories, or have the tenant''s max_memories raised.',
      jsonb_build_object('quota', 'memories', 'limit', limits.max_memories));
  elsif more_bytes > 0 and used.bytes > limits.max_bytes then
    perform mayfly_private.fail(403, 'quota_exceeded',
      format('What the tenant stores may have %s bytes.', limits.max_bytes),
      'Nothing was written. Forget memories, or have the tenant''s max_bytes raised.',
      jsonb_build_object('quota', 'bytes', 'limit', limits.max_bytes));
  elsif more_writes > 0 and used.writes > limits.writes_per_minute then
    perform mayfly_private.fail(429, 'rate_limited',
      format('The tenant may write %s memories and messages a minute.', limits.writes_per_minute),
      'Nothing was written. Try again after retry_after seconds.',
      jsonb_build_object('quota', 'writes_per_minute', 'limit', limits.writes_per_minute),
      greatest(1, ceil(extract(epoch from this_minute + interval '1 minute' - clock_timestamp()))::integer));
  end if;
end
$$;

comment on function mayfly_private.charge(uuid, bigint, bigint, integer) is 'Counts what a tenant stores and writes, within its quotas.';
revoke execute on function mayfly_private.charge(uuid, bigint, bigint, integer) from public;

-- sql/schemas/0228_function_meter_memories.sql

-- Charges what a statement wrote into memories. A trigger, so that nothing that writes them can forget it.
-- octet_length reads the length of a stored text without reading the text. Tags, metadata and clocks are counted as they are uncompressed, which `|| '{}'` makes them: stored they may be a
-- fortieth, and what is forgotten would give back less than it was charged. 512 bytes stand for the row
-- itself, its operation and its event; a tombstone keeps them.

create function mayfly_private.meter_memories()
returns trigger
language plpgsql security definer
set search_path = ''
as $$
declare
  change record;
begin
  if tg_op = 'INSERT' then
    for change in
      select t.id, count(*) as memories, count(*) as writes,
        sum(512 + octet_length(n.task) + octet_length(n.input) + octet_length(n.output) + octet_length(n.critique)
          + pg_column_size(n.tags || '{}') + pg_column_size(n.metadata || '{}') + pg_column_size(n.hlc || '{}')) as bytes
      from new_rows n join mayfly.tenants t on t.id = n.tenant_id group by t.id
    loop
      perform mayfly_private.charge(change.id, change.memories, change.bytes, change.writes::integer);
    end loop;
  elsif tg_op = 'UPDATE' then
    for change in
      -- What maintenance forgets is nobody's write.
      select t.id, case when current_setting('mayfly.maintaining', true) = 'on' then 0 else count(*) end as writes,
        sum(octet_length(n.task) + octet_length(n.input) + octet_length(n.output) + octet_length(n.critique)
          + pg_column_size(n.tags || '{}') + pg_column_size(n.metadata || '{}') + pg_column_size(n.hlc || '{}')
          - octet_length(o.task) - octet_length(o.input) - octet_length(o.output) - octet_length(o.critique)
          - pg_column_size(o.tags || '{}') - pg_column_size(o.metadata || '{}') - pg_column_size(o.hlc || '{}')) as bytes
      from new_rows n
      join old_rows o on o.tenant_id = n.tenant_id and o.id = n.id
      join mayfly.tenants t on t.id = n.tenant_id group by t.id
    loop
      perform mayfly_private.charge(change.id, 0, change.bytes, change.writes::integer);
    end loop;
  else
    for change in
      select t.id, count(*) as memories,
        sum(512 + octet_length(o.task) + octet_length(o.input) + octet_length(o.output) + octet_length(o.critique)
          + pg_column_size(o.tags || '{}') + pg_column_size(o.metadata || '{}') + pg_column_size(o.hlc || '{}')) as bytes
      from old_rows o join mayfly.tenants t on t.id = o.tenant_id group by t.id
    loop
      perform mayfly_private.charge(change.id, -change.memories, -change.bytes, 0);
    end loop;
  end if;
  return null;
end
$$;

comment on function mayfly_private.meter_memories() is 'Trigger: charges what was written into memories.';
revoke execute on function mayfly_private.meter_memories() from public;

create trigger memories_meter_insert after insert on mayfly.memories
  referencing new table as new_rows
  for each statement execute function mayfly_private.meter_memories();

create trigger memories_meter_update after update on mayfly.memories
  referencing old table as old_rows new table as new_rows
  for each statement execute function mayfly_private.meter_memories();

create trigger memories_meter_delete after delete on mayfly.memories
  referencing old table as old_rows
  for each statement execute function mayfly_private.meter_memories();

-- sql/schemas/0229_function_meter_vectors.sql

-- Charges the vectors that a statement wrote: 800 bytes each, 384 half floats and their row.

create function mayfly_private.meter_vectors()
returns trigger
language plpgsql security definer
set search_path = ''
as $$
declare
  change record;
begin
  if tg_op = 'INSERT' then
    for change in select t.id, count(*) as vectors from new_rows n join mayfly.tenants t on t.id = n.tenant_id group by t.id loop
      perform mayfly_private.charge(change.id, 0, change.vectors * 800, 0);
    end loop;
  else
    for change in select t.id, count(*) as vectors from old_rows o join mayfly.tenants t on t.id = o.tenant_id group by t.id loop
      perform mayfly_private.charge(change.id, 0, change.vectors * -800, 0);
    end loop;
  end if;
  return null;
end
$$;

comment on function mayfly_private.meter_vectors() is 'Trigger: charges what was written into memory_vectors.';
revoke execute on function mayfly_private.meter_vectors() from public;

create trigger memory_vectors_meter_insert after insert on mayfly.memory_vectors
  referencing new table as new_rows
  for each statement execute function mayfly_private.meter_vectors();

create trigger memory_vectors_meter_delete after delete on mayfly.memory_vectors
  referencing old table as old_rows
  for each statement execute function mayfly_private.meter_vectors();

-- sql/schemas/0230_function_text_within.sql

-- Whether a JSON value is a text of at most so many characters, or absent.

create function mayfly_private.text_within(value jsonb, max_length integer)
returns boolean
language sql immutable parallel safe
set search_path = ''
return case coalesce(jsonb_typeof(value), 'null')
  when 'null' then true
  when 'string' then char_length(value #>> '{}') <= max_length
  else false
end;

comment on function mayfly_private.text_within(jsonb, integer) is 'Whether a JSON value is a text within a length, or absent.';
revoke execute on function mayfly_private.text_within(jsonb, integer) from public;

-- sql/schemas/0231_function_number_within.sql

-- Whether a JSON value is a number within bounds (a whole one, if asked), or absent.

create function mayfly_private.number_within(value jsonb, low numeric, high numeric, whole boolean default false)
returns boolean
language sql immutable parallel safe
set search_path = ''
return case coalesce(jsonb_typeof(value), 'null')
  when 'null' then true
  when 'number' then (value #>> '{}')::numeric between low and high
    and (not whole or (value #>> '{}')::numeric = trunc((value #>> '{}')::numeric))
  else false
end;

comment on function mayfly_private.number_within(jsonb, numeric, numeric, boolean) is 'Whether a JSON value is a number within bounds, or absent.';
revoke execute on function mayfly_private.number_within(jsonb, numeric, numeric, boolean) from public;

-- sql/schemas/0232_function_uuid_or_absent.sql

-- Whether a JSON value is a uuid, or absent.

create function mayfly_private.uuid_or_absent(value jsonb)
returns boolean
language sql immutable parallel safe
set search_path = ''
return coalesce(jsonb_typeof(value), 'null') = 'null'
  or (jsonb_typeof(value) = 'string' and mayfly_private.to_uuid(value #>> '{}') is not null);

comment on function mayfly_private.uuid_or_absent(jsonb) is 'Whether a JSON value is a uuid, or absent.';
revoke execute on function mayfly_private.uuid_or_absent(jsonb) from public;

-- sql/schemas/0233_function_instant_or_absent.sql

-- Whether a JSON value is an ISO 8601 instant, or absent. A pattern first: casts raise, and
-- pg_input_is_valid alone would take 'tomorrow'.

create function mayfly_private.instant_or_absent(value jsonb)
returns boolean
language sql stable parallel safe
set search_path = ''
return coalesce(jsonb_typeof(value), 'null') = 'null'
  or (jsonb_typeof(value) = 'string'
    and value #>> '{}' ~ '^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:?\d{2})$'
    and pg_input_is_valid(value #>> '{}', 'timestamptz'));

comment on function mayfly_private.instant_or_absent(jsonb) is 'Whether a JSON value is an ISO 8601 instant, or absent.';
revoke execute on function mayfly_private.instant_or_absent(jsonb) from public;

-- sql/schemas/0234_function_unknown_agents.sql

-- Those of the claimed agents that the tenant does not have. Called by mayfly_private.push: anyone who pushes
-- for a dead agent need not have agent:read.

create function mayfly_private.unknown_agents(tenant uuid, agents uuid[])
returns uuid[]
language sql stable
set search_path = ''
return (
  select array_agg(claimed)
  from unnest(agents) claimed
  where not exists (select from mayfly.agents a where a.tenant_id = tenant and a.id = claimed)
);

comment on function mayfly_private.unknown_agents(uuid, uuid[]) is 'Those agents that the tenant does not have.';
revoke execute on function mayfly_private.unknown_agents(uuid, uuid[]) from public;

-- sql/schemas/0235_function_labels_within.sql

-- Whether a list has at most so many texts, each of 1 to 100 characters.

create function mayfly_private.labels_within(labels text[], max_count integer)
returns boolean
language sql immutable parallel safe
set search_path = ''
return cardinality(labels) <= max_count
  and not exists (select from unnest(labels) label where label is null or char_length(label) not between 1 and 100);

comment on function mayfly_private.labels_within(text[], integer) is 'Whether a list of short texts is within its bounds.';
revoke execute on function mayfly_private.labels_within(text[], integer) from public;

-- sql/schemas/0236_function_texts_or_absent.sql

-- Whether a JSON value is a list of at most so many texts, each of 1 to 100 characters, or absent.

create function mayfly_private.texts_or_absent(value jsonb, max_count integer)
returns boolean
language sql immutable parallel safe
set search_path = ''
return case coalesce(jsonb_typeof(value), 'null')
  when 'null' then true
  when 'array' then jsonb_array_length(value) <= max_count
    and not exists (select from jsonb_array_elements(value) item
      where jsonb_typeof(item) <> 'string' or char_length(item #>> '{}') not between 1 and 100)
  else false
end;

comment on function mayfly_private.texts_or_absent(jsonb, integer) is 'Whether a JSON value is a list of short texts, or absent.';
revoke execute on function mayfly_private.texts_or_absent(jsonb, integer) from public;

-- sql/schemas/0237_function_texts_of.sql

-- The texts of a JSON list, or null where it is absent.

create function mayfly_private.texts_of(value jsonb)
returns text[]
language sql immutable parallel safe
set search_path = ''
return case when jsonb_typeof(value) = 'array' then array(select jsonb_array_elements_text(value)) end;

comment on function mayfly_private.texts_of(jsonb) is 'The texts of a JSON list, or null.';
revoke execute on function mayfly_private.texts_of(jsonb) from public;

-- sql/schemas/0238_function_json_within.sql

-- Whether a JSON value is at most so many bytes as text, and nested at most so deep: {"a": [1]} is 2.

create function mayfly_private.json_within(value jsonb, max_bytes integer, max_depth integer)
returns boolean
language sql immutable parallel safe
set search_path = ''
return octet_length(value::text) <= max_bytes
  -- Strict: lax unwraps arrays, and then finds each level twice.
  and not jsonb_path_exists(value, format('strict $.**{%s}', max_depth + 1)::jsonpath);

comment on function mayfly_private.json_within(jsonb, integer, integer) is 'Whether a JSON value is within a size and a depth.';
revoke execute on function mayfly_private.json_within(jsonb, integer, integer) from public;

-- sql/schemas/0239_function_readable_channel_ids.sql

-- The channels that the caller may read: with message:read those of kind broadcast, its own, those that it
-- publishes in or has subscribed to; with message:admin, too, all. For policies, once a statement; as
-- owner, since it reads the tables for them. Locks nothing.

create function mayfly_private.readable_channel_ids()
returns uuid[]
language sql stable security definer
set search_path = ''
return (
  select coalesce(array_agg(c.id), '{}')
  from (select mayfly_private.caller_id() as id, mayfly_private.tenant_ids('message:read') as reads,
    mayfly_private.tenant_ids('message:admin') as administers) who
  join mayfly.channels c on c.tenant_id = any (who.reads)
  where c.kind = 'broadcast' or c.tenant_id = any (who.administers)
    or c.created_by = who.id or who.id = any (c.publishers)
    or exists (select from mayfly.channel_subscriptions s
      where s.tenant_id = c.tenant_id and s.channel_id = c.id and s.subscriber_id = who.id)
);

comment on function mayfly_private.readable_channel_ids() is 'The channels that the caller may read.';
revoke execute on function mayfly_private.readable_channel_ids() from public;
grant execute on function mayfly_private.readable_channel_ids() to authenticated;

-- sql/schemas/0240_function_effective_status.sql

-- What an agent's status is by now: its row may still say running when its time is over or an
-- ancestor has ended, and it is suspended while an ancestor is. Called by those who show agents, and
-- before a change of status. Locks nothing.

create function mayfly_private.effective_status(agent mayfly.agents)
returns text
language sql stable security definer
set search_path = ''
return (
  select case
    when agent.status in ('stopped', 'expired') then agent.status
    when agent.expires_at <= clock_timestamp() then 'expired'
    when count(*) filter (where line.status in ('stopped', 'expired') or line.expires_at <= clock_timestamp()) > 0 then 'stopped'
    when agent.status = 'suspended' or count(*) filter (where line.status = 'suspended') > 0 then 'suspended'
    else 'running'
  end
  from mayfly.agents line
  where line.tenant_id = agent.tenant_id and line.id = any (agent.ancestors)
);

comment on function mayfly_private.effective_status(mayfly.agents) is 'The status of an agent by now, its ancestors considered.';
revoke execute on function mayfly_private.effective_status(mayfly.agents) from public;

-- sql/schemas/0241_function_lock_agent.sql

-- An agent of the caller's tenant (the caller itself, without an id) that the caller may stop, suspend
-- or resume: itself, its descendants, and with agent:stop any. Another tenant's is as unknown as one
-- that does not exist. Locks its row.

create function mayfly_private.lock_agent(agent_id uuid)
returns mayfly.agents
language plpgsql security definer
set search_path = ''
as $$
declare
  of_tenant constant uuid := mayfly_private.require_tenant(null);
  caller constant mayfly_private.caller := mayfly_private.caller();
  agent mayfly.agents;
begin
  select * into agent from mayfly.agents a
  where a.tenant_id = of_tenant and a.id = coalesce(lock_agent.agent_id, caller.id)
  for no key update;
  if agent.id is null then
    perform mayfly_private.fail(404, 'agent_unknown', 'There is no such agent.', null, '{"field": "id"}');
  elsif not (coalesce(agent.id = caller.id or caller.id = any (agent.ancestors), false)
    or of_tenant = any (mayfly_private.tenant_ids('agent:stop'))) then
    perform mayfly_private.fail(403, 'scope_missing', 'The caller does not have the scope agent:stop.',
      'An agent needs it for all but itself and its descendants.', '{"scope": "agent:stop"}');
  end if;
  return agent;
end
$$;

comment on function mayfly_private.lock_agent(uuid) is 'Locks an agent that the caller may stop, suspend or resume.';
revoke execute on function mayfly_private.lock_agent(uuid) from public;

-- sql/schemas/0242_function_check_reason.sql

-- Refuses a reason that is too long. Called by stop and suspend.

create function mayfly_private.check_reason(reason text)
returns void
language plpgsql immutable
set search_path = ''
as $$
begin
  if char_length(reason) > 500 then
    perform mayfly_private.fail(400, 'invalid_request', 'reason must have at most 500 characters.', null, '{"field": "reason"}');
  end if;
end
$$;

comment on function mayfly_private.check_reason(text) is 'Refuses a reason that is too long.';
revoke execute on function mayfly_private.check_reason(text) from public;

-- sql/schemas/0243_function_refuse_transition.sql

-- Refuses a change of an agent's status that the transition table does not have, naming both. Called
-- by the table's trigger, and by those who know that an agent has ended before its row says so.

create function mayfly_private.refuse_transition(from_status text, to_status text)
returns void
language plpgsql
set search_path = ''
as $$
begin
  perform mayfly_private.fail(409, 'transition_not_allowed',
    format('An agent that is %s cannot become %s.', from_status, to_status),
    'An agent that has stopped or expired stays so: spawn another.',
    jsonb_build_object('from', from_status, 'to', to_status));
end
$$;

comment on function mayfly_private.refuse_transition(text, text) is 'Refuses a change of status, naming both.';
revoke execute on function mayfly_private.refuse_transition(text, text) from public;

-- sql/schemas/0244_function_seconds_left.sql

-- How long an agent may still live, in seconds to the millisecond: until its own end or that of the
-- first ancestor to go; 0 once it has ended. Renewal can add to it.

create function mayfly_private.seconds_left(agent mayfly.agents)
returns numeric
language sql stable security definer
set search_path = ''
return (
  select case
    when mayfly_private.effective_status(agent) in ('stopped', 'expired') then 0
    else round(greatest(extract(epoch from least(agent.expires_at, min(line.expires_at)) - clock_timestamp()), 0), 3)
  end
  from mayfly.agents line
  where line.tenant_id = agent.tenant_id and line.id = any (agent.ancestors)
);

comment on function mayfly_private.seconds_left(mayfly.agents) is 'How many seconds an agent may still live.';
revoke execute on function mayfly_private.seconds_left(mayfly.agents) from public;

-- sql/schemas/0245_function_is_behind_log.sql

-- Whether events were deleted that a cursor has not seen. Called by mayfly_private.pull. Cheap: one
-- row. A transaction that was open when the cursor was made may have written before the mark; while it is
-- still open it has written nothing that could have been deleted.

create function mayfly_private.is_behind_log(tenant uuid, seen pg_snapshot)
returns boolean
language sql stable
set search_path = ''
return exists (
  select from mayfly_private.maintenance m
  where m.tenant_id = tenant
    and m.epoch = mayfly_private.current_epoch()
    and m.deleted_to >= pg_snapshot_xmin(seen)
    and (not pg_visible_in_snapshot(m.deleted_to, seen) or exists (
      select from pg_snapshot_xip(seen) open (xid)
      where open.xid < m.deleted_to and pg_visible_in_snapshot(open.xid, pg_current_snapshot())))
);

comment on function mayfly_private.is_behind_log(uuid, pg_snapshot) is 'Whether events were deleted that a cursor has not seen.';
revoke execute on function mayfly_private.is_behind_log(uuid, pg_snapshot) from public;

-- sql/schemas/0246_function_reap_in_passing.sql

-- Reaps in the caller's tenant where somebody's time is over: called by every sync. One look at an index
-- where nobody's is. Locks what reap locks.

create function mayfly_private.reap_in_passing()
returns void
language plpgsql security definer
set search_path = ''
as $$
declare
  tenant uuid;
begin
  foreach tenant in array mayfly_private.tenant_ids(null) loop
    if exists (select from mayfly.agents a
        where a.tenant_id = tenant and a.status in ('running', 'suspended') and a.expires_at <= clock_timestamp()) then
      perform mayfly_private.reap(tenant);
    end if;
  end loop;
end
$$;

comment on function mayfly_private.reap_in_passing() is 'Marks dead agents of the callers tenant where there are any.';
revoke execute on function mayfly_private.reap_in_passing() from public;
grant execute on function mayfly_private.reap_in_passing() to authenticated, service_role;

-- sql/schemas/0247_function_maintain_tenant.sql

-- One batch of what time does to a tenant: marks the dead among its agents, forgets the memories that
-- its retention or their expires_at has come for, and deletes tombstones, events and operations that
-- have been kept for as long as the settings say. At most max_rows rows of each are looked at, in the
-- order of the primary keys, on from where the last batch stopped, so that no index is needed and any
-- number of batches may be broken off. `more` is true until the walk over the memories has come to
-- its end and nothing old was left behind. Called by mayfly.maintain and pg_cron, as owner. Locks what
-- it deletes, and the tenant's maintenance: who finds that locked leaves it to the one that holds it.
--
-- What is forgotten leaves a tombstone and a memory.deleted, as any delete: caches hear of it. A
-- tombstone goes when the log that told of it has gone: older cursors are refused.

create function mayfly_private.maintain_tenant(tenant uuid, max_rows integer)
returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  long_ago constant timestamptz := clock_timestamp() - mayfly_private.kept();
  of_epoch constant integer := mayfly_private.current_epoch();
  state mayfly_private.maintenance;
  walked uuid[];
  gone uuid[];
  marked integer;
  erased integer;
  events bigint;
  newest xid8;
  ops integer;
  more_messages boolean;
  more_states boolean;
  more_debug boolean;
begin
  insert into mayfly_private.maintenance (tenant_id) values (tenant) on conflict do nothing;
  select * into state from mayfly_private.maintenance m where m.tenant_id = tenant for update skip locked;
  if not found then
    return null;
  end if;
  perform set_config('mayfly.maintaining', 'on', true);
  marked := mayfly_private.reap(tenant);

  select array_agg(w.id order by w.id) into walked
  from (select m.id from mayfly.memories m where m.tenant_id = tenant and m.id > state.walked_to order by m.id limit max_rows) w;

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

  -- One whose id says that it was made later (by a clock ahead) is kept until then: its age is what
  -- has it refused once it is forgotten.
  delete from mayfly_private.ops o where (o.tenant_id, o.id) in (
    select b.tenant_id, b.id from mayfly_private.ops b
    where b.tenant_id = tenant and b.at < long_ago and coalesce(mayfly_private.time_of_id(b.id), '-infinity') < long_ago
    limit max_rows);
  get diagnostics ops = row_count;

  more_messages := mayfly_private.maintain_messages(tenant, max_rows);
  more_states := mayfly_private.maintain_states(tenant, max_rows);
  more_debug := mayfly_private.maintain_debug(tenant, max_rows);

  update mayfly_private.maintenance m
  set at = clock_timestamp(),
    walked_to = case when cardinality(walked) = max_rows then walked[max_rows] else '00000000-0000-0000-0000-000000000000' end,
    deleted_to = case when newest is null then m.deleted_to
      when m.epoch = of_epoch then greatest(m.deleted_to, newest) else newest end,
    epoch = case when newest is null then m.epoch else of_epoch end
  where m.tenant_id = tenant;
  perform set_config('mayfly.maintaining', 'off', true);
  return jsonb_build_object('agents', marked, 'forgotten', cardinality(gone), 'tombstones', erased, 'events', events, 'ops', ops,
    'more', coalesce(cardinality(walked), 0) = max_rows or events = max_rows or ops = max_rows or marked = 50 or more_states or more_debug or more_messages);
end
$$;

comment on function mayfly_private.maintain_tenant(uuid, integer) is 'One batch of retention and cleaning for a tenant.';
revoke execute on function mayfly_private.maintain_tenant(uuid, integer) from public;

-- sql/schemas/0248_function_maintain_some.sql

-- A batch of maintenance for up to 50 tenants that have not had one since `begun`, those that have waited
-- longest first; gives how many it came to, and 0 when none is left. It stops after 2 s, so that what it locks is
-- free soon. pg_cron calls it again and again, each time in a transaction of its own (0329_schedules.sql): for
-- 1,000 tenants that took 1.5 times as long as one transaction for all, and 2.9 times with a transaction for
-- each. Locks their rows of maintenance, passing by those that others hold.
--
-- What fails for one tenant ends nothing for the others: it is undone and noted with its time and its error, and
-- the tenant's turn moves on. `when others` does not catch a statement_timeout, so the work is bound by rows.

create function mayfly_private.maintain_some(begun timestamptz, max_rows integer default 1000)
returns integer
language plpgsql security definer
set search_path = ''
set lock_timeout = '2s'
as $$
declare
  started constant timestamptz := clock_timestamp();
  tenants uuid[];
  tenant uuid;
  reason text;
  state text;
  maintained integer := 0;
begin
  tenants := array(
    select m.tenant_id from mayfly_private.maintenance m
    where m.at < begun
    order by m.at
    limit 50
    for update skip locked);
  foreach tenant in array tenants loop
    begin
      perform mayfly_private.maintain_tenant(tenant, max_rows);
      update mayfly_private.maintenance m set failures = 0, failed_since = null, error = null
      where m.tenant_id = tenant and m.failures > 0;
    exception when others then
      get stacked diagnostics reason = message_text, state = returned_sqlstate;
      update mayfly_private.maintenance m
      set at = clock_timestamp(), failures = m.failures + 1, failed_since = coalesce(m.failed_since, clock_timestamp()),
        error = left(state || ' ' || reason, 300)
      where m.tenant_id = tenant;
      raise warning 'mayfly: maintenance of the tenant % failed: % %', tenant, state, reason;
    end;
    maintained := maintained + 1;
    exit when clock_timestamp() > started + interval '2 seconds';
  end loop;
  return maintained;
end
$$;

comment on function mayfly_private.maintain_some(timestamptz, integer) is 'A batch of maintenance for up to 50 tenants.';
revoke execute on function mayfly_private.maintain_some(timestamptz, integer) from public;

-- sql/schemas/0249_function_enqueue_embeddings.sql

-- Queues memories of a tenant for a vector, from the beginning: what was claimed of them before is of words
-- that are gone. Called by pushes, for memories that they have just written.

create function mayfly_private.enqueue_embeddings(tenant uuid, memories uuid[])
returns void
language plpgsql
set search_path = ''
as $$
begin
  insert into mayfly_private.embedding_queue as q (tenant_id, memory_id)
  select tenant, memory from unnest(memories) memory
  order by memory
  on conflict on constraint embedding_queue_pkey do update
  set attempts = 0, due_at = now(), lease = null, error = null, dead_at = null;
end
$$;

comment on function mayfly_private.enqueue_embeddings(uuid, uuid[]) is 'Queues memories for a vector.';
revoke execute on function mayfly_private.enqueue_embeddings(uuid, uuid[]) from public;

-- sql/schemas/0250_function_meter_conflicts.sql

-- Charges what a statement wrote into memory_conflicts.

create function mayfly_private.meter_conflicts()
returns trigger
language plpgsql security definer
set search_path = ''
as $$
declare
  change record;
begin
  if tg_op = 'INSERT' then
    for change in
      select t.id, sum(mayfly_private.conflict_bytes(n.base, n.wanted)) as bytes
      from new_rows n join mayfly.tenants t on t.id = n.tenant_id group by t.id
    loop
      perform mayfly_private.charge(change.id, 0, change.bytes, 0);
    end loop;
  else
    for change in
      select t.id, sum(mayfly_private.conflict_bytes(o.base, o.wanted)) as bytes
      from old_rows o join mayfly.tenants t on t.id = o.tenant_id group by t.id
    loop
      perform mayfly_private.charge(change.id, 0, -change.bytes, 0);
    end loop;
  end if;
  return null;
end
$$;

comment on function mayfly_private.meter_conflicts() is 'Trigger: charges what was written into memory_conflicts.';
revoke execute on function mayfly_private.meter_conflicts() from public;

create trigger memory_conflicts_meter_insert after insert on mayfly.memory_conflicts
  referencing new table as new_rows
  for each statement execute function mayfly_private.meter_conflicts();

create trigger memory_conflicts_meter_delete after delete on mayfly.memory_conflicts
  referencing old table as old_rows
  for each statement execute function mayfly_private.meter_conflicts();

-- sql/schemas/0251_function_maintain_all.sql

-- A batch of maintenance for every tenant, in one transaction, for 50 s at most: for the SQL editor.

create function mayfly_private.maintain_all(max_rows integer default 1000)
returns integer
language plpgsql security definer
set search_path = ''
as $$
declare
  begun constant timestamptz := clock_timestamp();
  maintained integer := 0;
  more integer;
begin
  loop
    more := mayfly_private.maintain_some(begun, max_rows);
    maintained := maintained + more;
    exit when more = 0 or clock_timestamp() > begun + interval '50 seconds';
  end loop;
  return maintained;
end
$$;

comment on function mayfly_private.maintain_all(integer) is 'A batch of maintenance for every tenant.';
revoke execute on function mayfly_private.maintain_all(integer) from public;

-- sql/schemas/0252_function_row_bytes.sql

-- What a row of a small table is charged, in bytes, from its JSON: what callers write into it, and for those
-- that no other quota bounds the row itself. Of agents and their registrations, which the rate of spawns bounds,
-- what is written alone: they stay for as long as the tenant, and 172,800 a day are possible by default.
-- The lengths are those of JSON's texts, so that how a row is stored makes no difference.

create function mayfly_private.row_bytes(of_table text, content jsonb)
returns integer
language plpgsql immutable parallel safe
set search_path = ''
as $$
declare
  flat constant integer := case when of_table in ('agents', 'registrations') then 0 else 256 end;
  written constant text[] := case of_table
    when 'agents' then '{name,task,capabilities,metadata,suspend_reason,stop_reason}'
    when 'agent_types' then '{name,role,description,prompt,capabilities,scopes,metadata}'
    when 'channels' then '{name,description,publishers}'
    when 'channel_subscriptions' then '{}'
    when 'enrolment_keys' then '{name,scopes}'
    when 'invitations' then '{email}'
    when 'registrations' then '{key}'
  end;
begin
  return flat + (select coalesce(sum(octet_length(content ->> w)), 0) from unnest(written) w)::integer;
end
$$;

comment on function mayfly_private.row_bytes(text, jsonb) is 'What a row of a small table is charged, in bytes.';
revoke execute on function mayfly_private.row_bytes(text, jsonb) from public;

-- sql/schemas/0253_function_flush_nudges.sql

-- Tells what is due, of every tenant or of one: a broadcast for each topic and event where somebody listens,
-- at most announce_rate of each tenant, those first that have waited longest. Says how many. A tenant with one due
-- row is told at once, whatever another has left. Each second by pg_cron or the embedded stack; in passing, for
-- one tenant, by listen where neither is there. One at a time: a second one leaves it to the first.
--
-- It looks at 20,000 rows at most, shared among the tenants, the oldest of each: beside 300,000 due rows of one
-- tenant a flush took 0.2 s, and 1.0 to 1.7 s when it looked at all. Of what it leaves, it merges each topic's rows.

create function mayfly_private.flush_nudges(only_tenant uuid default null)
returns integer
language plpgsql security definer
set search_path = ''
as $$
declare
  rate constant integer := (select s.announce_rate from mayfly_private.settings s);
  told record;
  one uuid;
  more integer;
  total integer := 0;
begin
  if not pg_try_advisory_xact_lock(hashtextextended('mayfly.flush_nudges', 0)) then
    return 0;
  end if;
  if only_tenant is null then
    update mayfly_private.flusher f set at = clock_timestamp();
  end if;

  with recursive tenants as (
    (select d.tenant_id from mayfly_private.nudges_due d
      where only_tenant is null or d.tenant_id = only_tenant order by d.tenant_id limit 1)
    union all
    select (select d.tenant_id from mayfly_private.nudges_due d
      where only_tenant is null and d.tenant_id > t.tenant_id order by d.tenant_id limit 1)
    from tenants t where t.tenant_id is not null
  ), batch as (
    select b.* from tenants t, lateral (
      select d.tenant_id, d.id, d.topic, d.event, d.seq from mayfly_private.nudges_due d
      where d.tenant_id = t.tenant_id
      order by d.id
      limit greatest(50, 20000 / (select count(*) from tenants))) b
  ), heard as (
    select d.*, d.event in ('control', 'debug_level') or exists (
        select from mayfly_private.listeners l where l.tenant_id = d.tenant_id and l.topic = d.topic and l.until > clock_timestamp())
      or (d.event = 'message' and exists (
        select from mayfly.inboxes b
        where b.tenant_id = d.tenant_id and b.session is not null and d.topic = format('tenant:%s:agent:%s', b.tenant_id, b.recipient_id)
          and b.recipient_id = mayfly_private.to_uuid(split_part(d.topic, ':', 4)))) as listened
    from batch d
  ), grouped as (
    select h.*, min(h.id) over same as first, max(h.seq) over same as newest
    from heard h window same as (partition by h.tenant_id, h.topic, h.event)
  ), ranked as (
    select g.*, case when g.listened then dense_rank() over (partition by g.tenant_id, g.listened order by g.first) else 0 end as nth
    from grouped g
  ), gone as (
    delete from mayfly_private.nudges_due d using ranked r
    where d.tenant_id = r.tenant_id and d.id = r.id and (r.nth <= rate or r.id <> r.first)
  ), merged as (
    update mayfly_private.nudges_due d set seq = r.newest
    from ranked r
    where d.tenant_id = r.tenant_id and d.id = r.id and r.nth > rate and r.id = r.first and d.seq < r.newest
  )
  select array_agg(t.tenant_id order by t.nth) as tenants, array_agg(t.topic order by t.nth) as topics,
    array_agg(t.event order by t.nth) as events, array_agg(t.newest order by t.nth) as seqs into told
  from ranked t where t.listened and t.nth <= rate and t.id = t.first;
  if told.topics is null then
    return 0;
  end if;

  update mayfly_private.nudges n set sent_at = clock_timestamp()
  where (n.tenant_id, n.topic) in (
    select w.tenant_id, w.topic
    from mayfly_private.nudges w
    join unnest(told.tenants, told.topics, told.events) t (tenant_id, topic, event)
      on t.tenant_id = w.tenant_id and t.topic = w.topic and t.event = 'log_appended'
    for update of w skip locked);
  -- All at once; where that fails, each tenant by itself, so that one whose broadcast fails silences no other.
  foreach one in array array[null::uuid] || array(select distinct t from unnest(told.tenants) t) loop
    begin
      insert into realtime.messages (payload, event, topic, private, extension)
      select p.payload, t.event, t.topic, true, 'broadcast'
      from unnest(told.tenants, told.topics, told.events, told.seqs) with ordinality as t (tenant_id, topic, event, seq, n),
        lateral (
          select case t.event
            when 'log_appended' then '{}'::jsonb
            when 'message' then jsonb_build_object('seq', t.seq)
            when 'debug_level' then mayfly_private.debug_levels(t.tenant_id, mayfly_private.to_uuid(split_part(t.topic, ':', 4)),
              mayfly_private.debug_rate(t.tenant_id))
            else (
              select jsonb_build_object('status', a.status, 'reason', a.reason)
              from (
                select mayfly_private.effective_status(e) as status,
                  coalesce(e.stop_reason, e.suspend_reason, 'ancestor ' || mayfly_private.effective_status(e)) as reason
                from mayfly.agents e
                where e.tenant_id = t.tenant_id and e.id = mayfly_private.to_uuid(split_part(t.topic, ':', 4))
              ) a
              -- One that was resumed meanwhile is told nothing.
              where a.status <> 'running')
          end as payload
        ) p
      where p.payload is not null and (one is null or t.tenant_id = one)
      order by t.n;
      get diagnostics more = row_count;
      total := total + more;
      exit when one is null;
    exception when others then
      -- As realtime.send has it: nothing depends on a broadcast.
      raise warning 'Due nudges of % could not be told: %', coalesce(one::text, 'some tenant'), sqlerrm;
    end;
  end loop;
  return total;
end
$$;

comment on function mayfly_private.flush_nudges(uuid) is 'Tells what is due.';
revoke execute on function mayfly_private.flush_nudges(uuid) from public;

-- sql/schemas/0254_function_meter_messages.sql

-- Gives back what deleted messages and deliveries were charged (mayfly_private.send_messages): the bytes of
-- each message, and 160 for each delivery.

create function mayfly_private.meter_messages()
returns trigger
language plpgsql security definer
set search_path = ''
as $$
declare
  change record;
begin
  for change in select t.id, sum(o.bytes) as bytes from old_rows o join mayfly.tenants t on t.id = o.tenant_id group by t.id loop
    perform mayfly_private.count_usage(change.id, 0, -change.bytes, 0);
  end loop;
  return null;
end
$$;

comment on function mayfly_private.meter_messages() is 'Trigger: gives back what deleted messages were charged.';
revoke execute on function mayfly_private.meter_messages() from public;

create trigger messages_meter_delete after delete on mayfly.messages
  referencing old table as old_rows
  for each statement execute function mayfly_private.meter_messages();

-- sql/schemas/0255_function_meter_deliveries.sql

-- Gives back what deleted deliveries were charged: 160 bytes each, their row and its index. Fires for each
-- message that is deleted with its deliveries, so whatever deletes many messages deletes their deliveries first.

create function mayfly_private.meter_deliveries()
returns trigger
language plpgsql security definer
set search_path = ''
as $$
declare
  change record;
begin
  for change in select t.id, count(*) as deliveries from old_rows o join mayfly.tenants t on t.id = o.tenant_id group by t.id loop
    perform mayfly_private.count_usage(change.id, 0, change.deliveries * -160, 0);
  end loop;
  return null;
end
$$;

comment on function mayfly_private.meter_deliveries() is 'Trigger: gives back what deleted deliveries were charged.';
revoke execute on function mayfly_private.meter_deliveries() from public;

create trigger deliveries_meter_delete after delete on mayfly.deliveries
  referencing old table as old_rows
  for each statement execute function mayfly_private.meter_deliveries();

-- sql/schemas/0256_function_count_usage.sql

-- Counts what a tenant has stored and written. Called by charge, and by itself for what must not be refused.
--
-- Locks one of the tenant's 16 shards until commit: the first that nobody holds, so that up to 16
-- pushes of a tenant at once do not wait. A push of one memory took 0.5 ms more, one of 1,000 took 4 ms more
-- in 400 (2 busy cores); one counter instead of 16 made 8 writers 10 % slower, and any writer's open
-- transaction would have stopped the others.

create function mayfly_private.count_usage(tenant uuid, more_memories bigint, more_bytes bigint, more_writes integer)
returns void
language plpgsql security definer
set search_path = ''
as $$
declare
  this_minute constant timestamptz := date_trunc('minute', clock_timestamp());
  free_shard smallint;
begin
  select u.shard into free_shard
  from mayfly_private.tenant_usage u
  where u.tenant_id = tenant
  order by u.shard
  limit 1
  for update skip locked;
  free_shard := coalesce(free_shard, pg_backend_pid() % 16);

  update mayfly_private.tenant_usage u
  set memories = u.memories + more_memories, bytes = u.bytes + more_bytes, minute = this_minute,
    writes = case when u.minute = this_minute then u.writes else 0 end + more_writes
  where u.tenant_id = tenant and u.shard = free_shard;
end
$$;

comment on function mayfly_private.count_usage(uuid, bigint, bigint, integer) is 'Counts what a tenant stores and writes.';
revoke execute on function mayfly_private.count_usage(uuid, bigint, bigint, integer) from public;

-- sql/schemas/0257_function_meter_rows.sql

-- Charges what a statement wrote into small tables that callers fill: bytes, and a write for each row inserted,
-- so that inserting and deleting in a loop is bounded too. Changes of agents are charged by their bytes alone: an
-- agent says what it is doing many times. Of other tables, functions charge what they change.
--
-- Up to 1,000 bytes an agent are counted and never refused, and neither is the end of one: in a tenant that is
-- full, agents can still be spawned to empty it, and dead ones are marked.

create function mayfly_private.meter_rows()
returns trigger
language plpgsql security definer
set search_path = ''
as $$
declare
  spawned constant boolean := tg_table_name in ('agents', 'registrations');
  change record;
begin
  if tg_op = 'INSERT' then
    for change in
      select t.id, count(*) as writes, sum(mayfly_private.row_bytes(tg_table_name, to_jsonb(n))) as bytes
      from new_rows n join mayfly.tenants t on t.id = n.tenant_id group by t.id
    loop
      if spawned and change.bytes <= 1000 * change.writes then
        perform mayfly_private.count_usage(change.id, 0, change.bytes, 0);
      else
        perform mayfly_private.charge(change.id, 0, change.bytes, case when spawned then 0 else change.writes end::integer);
      end if;
    end loop;
  elsif tg_op = 'UPDATE' then
    for change in
      select t.id, bool_or((to_jsonb(n) ->> 'task') is distinct from (to_jsonb(o) ->> 'task')) as working,
        sum(mayfly_private.row_bytes(tg_table_name, to_jsonb(n)) - mayfly_private.row_bytes(tg_table_name, to_jsonb(o))) as bytes
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
      select t.id, sum(mayfly_private.row_bytes(tg_table_name, to_jsonb(o))) as bytes
      from old_rows o join mayfly.tenants t on t.id = o.tenant_id group by t.id
    loop
      perform mayfly_private.count_usage(change.id, 0, -change.bytes, 0);
    end loop;
  end if;
  return null;
end
$$;

comment on function mayfly_private.meter_rows() is 'Trigger: charges what was written into a small table.';
revoke execute on function mayfly_private.meter_rows() from public;

create trigger agent_types_meter_insert after insert on mayfly.agent_types
  referencing new table as new_rows
  for each statement execute function mayfly_private.meter_rows();

create trigger agents_meter_insert after insert on mayfly.agents
  referencing new table as new_rows
  for each statement execute function mayfly_private.meter_rows();

create trigger agents_meter_update after update on mayfly.agents
  referencing old table as old_rows new table as new_rows
  for each statement execute function mayfly_private.meter_rows();

create trigger registrations_meter_insert after insert on mayfly_private.registrations
  referencing new table as new_rows
  for each statement execute function mayfly_private.meter_rows();

create trigger channels_meter_insert after insert on mayfly.channels
  referencing new table as new_rows
  for each statement execute function mayfly_private.meter_rows();

create trigger channels_meter_delete after delete on mayfly.channels
  referencing old table as old_rows
  for each statement execute function mayfly_private.meter_rows();

create trigger channel_subscriptions_meter_insert after insert on mayfly.channel_subscriptions
  referencing new table as new_rows
  for each statement execute function mayfly_private.meter_rows();

create trigger channel_subscriptions_meter_delete after delete on mayfly.channel_subscriptions
  referencing old table as old_rows
  for each statement execute function mayfly_private.meter_rows();

create trigger enrolment_keys_meter_insert after insert on mayfly.enrolment_keys
  referencing new table as new_rows
  for each statement execute function mayfly_private.meter_rows();

create trigger invitations_meter_insert after insert on mayfly.invitations
  referencing new table as new_rows
  for each statement execute function mayfly_private.meter_rows();

-- sql/schemas/0289_function_insert_agents.sql

-- Inserts drafted agents in one statement: one entry of the log each, one nudge for all. Called by
-- spawn_agent and spawn_team.

create function mayfly_private.insert_agents(drafted mayfly.agents[])
returns void
language plpgsql security definer
set search_path = ''
as $$
declare
  inserted integer;
begin
  insert into mayfly.agents
  select d.* from unnest(drafted) d
  on conflict (tenant_id, name) where status in ('running', 'suspended') do nothing;
  get diagnostics inserted = row_count;
  -- A dead agent that another transaction held, so that it could not be reaped, still has the name.
  if inserted < cardinality(drafted) then
    perform mayfly_private.fail(409, 'name_taken', 'The name is still held by an agent that is just ending.',
      'Try again, or choose another name.', '{"field": "name"}');
  end if;
end
$$;

comment on function mayfly_private.insert_agents(mayfly.agents[]) is 'Inserts drafted agents in one statement.';
revoke execute on function mayfly_private.insert_agents(mayfly.agents[]) from public;

-- sql/schemas/0290_function_name_pool.sql

-- The names that agents get when nobody names them.

create function mayfly_private.name_pool()
returns text[]
language sql immutable parallel safe
set search_path = ''
return '{ada,agnes,alan,alma,amos,anya,aria,arlo,asta,axel,bela,bodil,boris,bruno,cara,cato,cleo,clio,cora,dag,dalia,dara,
  dora,edda,edgar,eero,eira,elio,elsa,emil,enzo,erik,esme,ester,ezra,faye,felix,finn,flora,freya,frida,gala,gina,greta,
  gus,hal,hana,hedy,hugo,ida,igor,ines,ingo,ira,iris,isak,ivan,ivo,jana,joan,jonas,juno,kai,kaja,kira,kurt,lara,leif,lena,
  leo,liam,lina,livia,lola,luca,luna,lydia,mael,magda,maia,malik,mara,marta,max,mila,milo,mina,moses,nadia,naomi,nico,nils,
  nina,noa,nora,odin,olga,olive,omar,oona,oscar,otto,pablo,paula,pia,piet,quinn,rafa,raya,remi,rhea,rita,rosa,ruben,runa,
  ruth,sami,saul,selma,signe,silas,sofia,sol,stella,sven,tara,tess,theo,thor,tilda,toma,tove,ugo,ulla,uma,una,vera,vesna,
  vigo,viola,wanda,willa,xenia,yara,yuri,zara,zeno,zita,zoe}'::text[];

comment on function mayfly_private.name_pool() is 'The names that agents get when nobody names them.';
revoke execute on function mayfly_private.name_pool() from public;

-- sql/schemas/0291_function_pick_name.sql

-- A name of a pool, at random, that no living agent of the tenant has; where all are taken, one with a
-- number behind it: 2 to 5, else any of a range that widens, so that few looks are enough among however many.
-- Called under the lock on the tenant's row, so that no other spawn takes it meanwhile.

create function mayfly_private.pick_name(tenant uuid, pool text[], taken text[])
returns text
language plpgsql stable
set search_path = ''
as $$
declare
  attempt integer := 1;
  number integer;
  candidates text[];
  picked text;
begin
  loop
    number := case when attempt <= 5 then attempt else 6 + floor(random() * 10 ^ (attempt - 5))::integer end;
    candidates := array(select case when number = 1 then p else left(p, 90) || '-' || number end from unnest(pool) p);
    -- The names as an array: as a join, without statistics, each was compared with every living agent.
    select c into picked
    from unnest(candidates) c
    where c <> all (taken)
      and c <> all (array(select a.name from mayfly.agents a
        where a.tenant_id = tenant and a.name = any (candidates) and a.status in ('running', 'suspended')))
    order by random()
    limit 1;
    if picked is not null then
      return picked;
    end if;
    attempt := attempt + 1;
  end loop;
end
$$;

comment on function mayfly_private.pick_name(uuid, text[], text[]) is 'A name that no living agent of the tenant has.';
revoke execute on function mayfly_private.pick_name(uuid, text[], text[]) from public;

-- sql/schemas/0292_function_take_spawns.sql

-- Takes from the tenant's token bucket: max(tokens) = spawns_per_minute, filled evenly. Called under
-- the lock on the tenant's row; what a refused spawn took comes back with its transaction.

create function mayfly_private.take_spawns(tenant mayfly.tenants, wanted integer)
returns void
language plpgsql security definer
set search_path = ''
as $$
declare
  instant constant timestamptz := clock_timestamp();
  available double precision;
begin
  select least(tenant.spawns_per_minute,
      b.tokens + extract(epoch from instant - b.filled_at) * tenant.spawns_per_minute / 60)
  into available
  from mayfly_private.spawn_buckets b where b.tenant_id = tenant.id;
  available := coalesce(available, tenant.spawns_per_minute);

  if wanted > available then
    perform mayfly_private.fail(429, 'rate_limited',
      format('The tenant may spawn %s agents a minute.', tenant.spawns_per_minute),
      'Spawn again after retry_after seconds, or have the tenant''s spawns_per_minute raised.',
      jsonb_build_object('quota', 'spawns_per_minute', 'limit', tenant.spawns_per_minute),
      greatest(1, ceil((wanted - available) * 60 / tenant.spawns_per_minute)::integer));
  end if;
  insert into mayfly_private.spawn_buckets as b (tenant_id, tokens, filled_at)
  values (tenant.id, available - wanted, instant)
  on conflict (tenant_id) do update set tokens = excluded.tokens, filled_at = excluded.filled_at;
end
$$;

comment on function mayfly_private.take_spawns(mayfly.tenants, integer) is 'Takes spawns from a tenant''s token bucket.';
revoke execute on function mayfly_private.take_spawns(mayfly.tenants, integer) from public;

-- sql/schemas/0293_function_open_spawn.sql

-- Begins a spawn of so many agents: who asks, in which tenant, what it may give. Locks the tenant's
-- row (for no key update) until commit, so that parallel spawns pass no quota together and take no
-- name twice. The last use of an enrolment key is written at most once a minute, and by nobody who
-- would have to wait for it.

create type mayfly_private.spawner as (
  tenant mayfly.tenants,
  parent mayfly.agents,
  -- The person, agent or enrolment key; null for the secret key.
  id uuid,
  allowed text[]
);

create function mayfly_private.open_spawn(wanted integer)
returns mayfly_private.spawner
language plpgsql security definer
set search_path = ''
as $$
declare
  of_tenant constant uuid := mayfly_private.require_tenant('agent:spawn');
  caller mayfly_private.caller;
  tenant mayfly.tenants;
  parent mayfly.agents;
  allowed text[];
begin
  select * into strict tenant from mayfly.tenants t where t.id = of_tenant for no key update;
  -- Asked again under the lock, which may have been waited for: a key that was revoked, or a person who
  -- was removed meanwhile, spawns nothing, and what nobody spawns would have no parent to die with.
  perform mayfly_private.require_tenant('agent:spawn');
  caller := mayfly_private.caller();
  if caller.kind is null then
    perform mayfly_private.fail(401, 'not_authorized', 'The caller has just ended.', 'Spawn an agent, or sign in.');
  end if;
  allowed := caller.grantable;

  if caller.kind = 'agent' then
    select * into strict parent from mayfly.agents a where a.tenant_id = tenant.id and a.id = caller.id;
    if parent.depth + 1 > tenant.max_depth then
      perform mayfly_private.fail(403, 'depth_exceeded',
        format('Agents of this tenant may be at most %s deep.', tenant.max_depth),
        'Let an ancestor spawn it, or raise the tenant''s max_depth.');
    end if;
  elsif caller.kind = 'person' then
    allowed := (select coalesce(array_agg(s.name), '{}') from mayfly.scopes s
      where s.agents and tenant.id = any (mayfly_private.tenant_ids(s.name)));
  elsif caller.kind = 'machine' then
    update mayfly.enrolment_keys k set last_used_at = clock_timestamp()
    where k.tenant_id = tenant.id and k.id = (
      select due.id from mayfly.enrolment_keys due
      where due.tenant_id = tenant.id and due.id = caller.id
        and coalesce(due.last_used_at, '-infinity') < clock_timestamp() - interval '1 minute'
      for no key update skip locked);
  end if;

  perform mayfly_private.take_spawns(tenant, wanted);
  return row(tenant, parent, caller.id, allowed)::mayfly_private.spawner;
end
$$;

comment on function mayfly_private.open_spawn(integer) is 'Begins a spawn: locks the tenant, takes from its bucket, says what the caller may give.';
revoke execute on function mayfly_private.open_spawn(integer) from public;

-- sql/schemas/0294_function_check_living.sql

-- Refuses so many more agents than the tenant's quota of the living allows. Called under the lock on
-- the tenant's row. The dead that still say they live are reaped before they count against it.

create function mayfly_private.check_living(tenant mayfly.tenants, wanted integer)
returns void
language plpgsql security definer
set search_path = ''
as $$
declare
  living integer;
begin
  loop
    living := (select count(*) from mayfly.agents a
      where a.tenant_id = tenant.id and a.status in ('running', 'suspended') and a.expires_at > clock_timestamp());
    exit when living + wanted <= tenant.max_living_agents or mayfly_private.reap(tenant.id) = 0;
  end loop;
  if living + wanted > tenant.max_living_agents then
    perform mayfly_private.fail(429, 'agent_quota_exceeded',
      format('The tenant has %s living agents and may have %s.', living, tenant.max_living_agents),
      'Stop agents, wait until some expire, or raise the tenant''s max_living_agents.',
      jsonb_build_object('quota', 'max_living_agents', 'limit', tenant.max_living_agents, 'living', living));
  end if;
end
$$;

comment on function mayfly_private.check_living(mayfly.tenants, integer) is 'Refuses more living agents than the tenant may have.';
revoke execute on function mayfly_private.check_living(mayfly.tenants, integer) from public;

-- sql/schemas/0295_function_check_scopes.sql

-- Refuses scopes that do not exist, that no agent can have, or that the caller may not give. Called
-- by all who give scopes to an agent, a type or an enrolment key. Locks nothing.

create function mayfly_private.check_scopes(scopes text[], allowed text[])
returns void
language plpgsql stable
set search_path = ''
as $$
declare
  excess text[];
begin
  excess := (select array_agg(s order by s) from unnest(scopes) s
    where s is null or not exists (select from mayfly.scopes known where known.name = s));
  if excess is not null then
    perform mayfly_private.fail(400, 'scope_unknown', format('Unknown scopes: %s.', array_to_string(excess, ', ', 'null')),
      'The table mayfly.scopes lists them.', jsonb_build_object('field', 'scopes', 'scopes', excess));
  end if;
  excess := (select array_agg(s order by s) from unnest(scopes) s join mayfly.scopes known on known.name = s where not known.agents);
  if excess is not null then
    perform mayfly_private.fail(400, 'scope_not_for_agents', format('No agent can have these scopes: %s.', array_to_string(excess, ', ')),
      'They are for people and the secret key.', jsonb_build_object('field', 'scopes', 'scopes', excess));
  end if;
  excess := (select array_agg(s order by s) from unnest(scopes) s where not s = any (allowed));
  if excess is not null then
    perform mayfly_private.fail(403, 'scope_exceeds_parent',
      format('The caller cannot give scopes that it does not have: %s.', array_to_string(excess, ', ')),
      'Ask for a subset of the caller''s scopes.', jsonb_build_object('scopes', excess));
  end if;
end
$$;

comment on function mayfly_private.check_scopes(text[], text[]) is 'Refuses scopes that the caller may not give.';
revoke execute on function mayfly_private.check_scopes(text[], text[]) from public;

-- sql/schemas/0296_function_common_scopes.sql

-- What most agents need, of what their spawner may give; to spawn, to stop, to administer, to watch and to
-- broadcast must be asked for. Broadcasts of clients count against the project's rate, past every quota. presence:read among them: who tracks and may see who is present is told of every
-- change by Realtime, whether it wants to or not, and each counts for each receiver.

create function mayfly_private.common_scopes(allowed text[])
returns text[]
language sql immutable parallel safe
set search_path = ''
return (
  select coalesce(array_agg(s order by s), '{}') from unnest(allowed) s
  where s in ('memory:read', 'memory:write', 'agent:read', 'presence:write', 'message:send', 'message:read',
    'state:read', 'state:write', 'debug:write')
);

comment on function mayfly_private.common_scopes(text[]) is 'What most agents need of these scopes.';
revoke execute on function mayfly_private.common_scopes(text[]) from public;

-- sql/schemas/0297_function_draft_agent.sql

-- An agent as it is to be inserted: what was asked, completed by its type's newest version, within
-- what the tenant, the type and the spawner allow. Called by spawn_agent and spawn_team under the
-- lock on the tenant's row; `drafted` are the agents of the same call before this one.

create function mayfly_private.draft_agent(
  spawner mayfly_private.spawner, drafted mayfly.agents[], name text, pool text[], type text, lifetime interval,
  capabilities text[], scopes text[], task text, metadata jsonb
)
returns mayfly.agents
language plpgsql security definer
set search_path = ''
as $$
declare
  tenant constant mayfly.tenants := spawner.tenant;
  parent constant mayfly.agents := spawner.parent;
  definition mayfly.agent_types;
  longest interval;
  living integer;
  agent mayfly.agents;
begin
  select * into definition from mayfly.agent_types d
  where d.tenant_id = tenant.id and d.name = draft_agent.type
  order by d.version desc limit 1;
  longest := least(tenant.max_lifetime, definition.max_lifetime);
  lifetime := coalesce(lifetime, least(coalesce(definition.lifetime, '300 seconds'), longest));
  capabilities := coalesce(capabilities, definition.capabilities, '{}');
  scopes := coalesce(scopes, definition.scopes, mayfly_private.common_scopes(spawner.allowed));

  if char_length(name) not between 1 and 100 then
    perform mayfly_private.fail(400, 'invalid_request', 'name must have 1 to 100 characters.', null, '{"field": "name"}');
  elsif type !~ '^[a-z0-9][a-z0-9_.-]{0,62}$' then
    perform mayfly_private.fail(400, 'invalid_request', 'type must be lower case letters, digits, dots, dashes or underscores, 63 at most.', null, '{"field": "type"}');
  elsif lifetime < '5 seconds' or lifetime > longest then
    perform mayfly_private.fail(400, 'lifetime_out_of_range',
      format('lifetime must be 5 seconds to %s seconds.', extract(epoch from longest)::bigint),
      'Ask for less, or raise the max_lifetime of the tenant or the type.', '{"field": "lifetime"}');
  elsif not mayfly_private.labels_within(capabilities, 50) then
    perform mayfly_private.fail(400, 'invalid_request', 'capabilities must be at most 50 texts of 1 to 100 characters.', null, '{"field": "capabilities"}');
  elsif char_length(task) > 2000 then
    perform mayfly_private.fail(400, 'invalid_request', 'task must have at most 2000 characters.', null, '{"field": "task"}');
  elsif jsonb_typeof(metadata) <> 'object' or pg_column_size(metadata) > 16384 then
    perform mayfly_private.fail(400, 'invalid_request', 'metadata must be an object of at most 16 KB.', null, '{"field": "metadata"}');
  end if;
  perform mayfly_private.check_numbers(metadata, 'metadata');
  perform mayfly_private.check_scopes(scopes, spawner.allowed);

  if definition.max_living is not null then
    living := (select count(*) from mayfly.agents a
        where a.tenant_id = tenant.id and a.type = draft_agent.type
          and a.status in ('running', 'suspended') and mayfly_private.effective_status(a) in ('running', 'suspended'))
      + (select count(*) from unnest(drafted) d where d.type = draft_agent.type);
    if living >= definition.max_living then
      perform mayfly_private.fail(429, 'type_quota_exceeded',
        format('The tenant may have %s living agents of the type %s.', definition.max_living, type),
        'Stop some, wait until some expire, or define the type with a higher max_living.',
        jsonb_build_object('quota', 'max_living', 'limit', definition.max_living, 'type', type));
    end if;
  end if;

  if name is null then
    name := mayfly_private.pick_name(tenant.id, coalesce(pool, mayfly_private.name_pool()), array(select d.name from unnest(drafted) d));
  else
    perform mayfly_private.reap(tenant.id, name);
    if exists (select from mayfly.agents a
        where a.tenant_id = tenant.id and a.name = draft_agent.name and a.status in ('running', 'suspended')) then
      perform mayfly_private.fail(409, 'name_taken', format('A living agent of the tenant is called %s.', name),
        'Choose another name, or none to get one.', '{"field": "name"}');
    end if;
  end if;

  agent.tenant_id := tenant.id;
  agent.id := gen_random_uuid();
  agent.name := name;
  agent.type := type;
  agent.type_version := definition.version;
  agent.parent_id := parent.id;
  agent.ancestors := case when parent.id is null then '{}' else parent.ancestors || parent.id end;
  agent.depth := cardinality(agent.ancestors);
  agent.capabilities := capabilities;
  agent.scopes := array(select distinct s from unnest(scopes) s order by s);
  agent.status := 'running';
  agent.activity := 'idle';
  agent.task := task;
  agent.metadata := metadata;
  agent.lifetime := lifetime;
  agent.spawned_at := clock_timestamp();
  agent.spawned_by := spawner.id;
  agent.expires_at := least(agent.spawned_at + lifetime, parent.expires_at);
  return agent;
end
$$;

comment on function mayfly_private.draft_agent(mayfly_private.spawner, mayfly.agents[], text, text[], text, interval, text[], text[], text, jsonb) is
  'An agent as it is to be inserted.';
revoke execute on function mayfly_private.draft_agent(mayfly_private.spawner, mayfly.agents[], text, text[], text, interval, text[], text[], text, jsonb) from public;

-- sql/schemas/0298_function_extend_life.sql

-- Gives a living agent its lifetime again, within the tenant's and its type's maximum and its
-- parent's end. Null where it, or an ancestor, is not alive. Called by renewal, resuming and
-- registration. Locks the agent's row.

create function mayfly_private.extend_life(tenant uuid, agent uuid)
returns mayfly.agents
language sql security definer
set search_path = ''
begin atomic
  update mayfly.agents a
  set expires_at = greatest(a.expires_at, least(
    clock_timestamp() + a.lifetime,
    a.spawned_at + t.max_lifetime,
    a.spawned_at + (select d.max_lifetime from mayfly.agent_types d
      where d.tenant_id = a.tenant_id and d.name = a.type and d.version = a.type_version),
    (select p.expires_at from mayfly.agents p where p.tenant_id = a.tenant_id and p.id = a.parent_id)))
  from mayfly.tenants t
  where t.id = a.tenant_id and a.tenant_id = extend_life.tenant and a.id = extend_life.agent
    and not exists (
      select from mayfly.agents line
      where line.tenant_id = a.tenant_id and line.id = any (a.ancestors || a.id)
        and (line.status <> 'running' or line.expires_at <= clock_timestamp()))
  returning a.*;
end;

comment on function mayfly_private.extend_life(uuid, uuid) is 'Gives a living agent its lifetime again.';
revoke execute on function mayfly_private.extend_life(uuid, uuid) from public;

-- sql/schemas/0299_function_void_secrets.sql

-- Makes every renewal secret of an agent unknown, so that whoever held one can neither renew nor
-- suspend it. Called before a new one is given to another holder: by resuming and registration.

create function mayfly_private.void_secrets(tenant uuid, agent uuid)
returns void
language sql security definer
set search_path = ''
begin atomic
  delete from mayfly_private.renewal_secrets s where s.tenant_id = tenant and s.agent_id = agent;
end;

comment on function mayfly_private.void_secrets(uuid, uuid) is 'Makes every renewal secret of an agent unknown.';
revoke execute on function mayfly_private.void_secrets(uuid, uuid) from public;

-- sql/schemas/0300_function_issue_token.sql

-- What the spawn function signs for an agent, with a new renewal secret (returned once, kept hashed)
-- and its type as it was defined when it was spawned. Called by spawn, renewal and resuming, as owner.

create function mayfly_private.issue_token(tenant uuid, agent uuid, round integer default 1)
returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  secret constant text := mayfly_private.new_secret('mfr_');
  issued_at constant bigint := floor(extract(epoch from clock_timestamp()));
  found_agent mayfly.agents;
  token_lifetime interval;
begin
  select * into strict found_agent from mayfly.agents a where a.tenant_id = tenant and a.id = agent;
  select t.token_lifetime into strict token_lifetime from mayfly.tenants t where t.id = tenant;

  insert into mayfly_private.renewal_secrets (hash, tenant_id, agent_id, round)
  values (mayfly_private.hash_secret(secret), tenant, agent, issue_token.round);

  return jsonb_build_object(
    'agent', to_jsonb(found_agent),
    'type', (
      select to_jsonb(d) - 'tenant_id' - 'created_by' from mayfly.agent_types d
      where d.tenant_id = tenant and d.name = found_agent.type and d.version = found_agent.type_version),
    'renewal_secret', secret,
    'watched', mayfly_private.is_watched(tenant, agent),
    'claims', jsonb_build_object(
      'iss', 'mayfly',
      'aud', 'authenticated',
      'role', 'authenticated',
      'sub', agent,
      'jti', gen_random_uuid(),
      'iat', issued_at,
      -- Never past the agent; whole seconds, cut.
      'exp', least(
        issued_at + extract(epoch from token_lifetime)::bigint,
        floor(extract(epoch from found_agent.expires_at))::bigint),
      'mayfly', jsonb_build_object(
        'v', 1,
        'tenant', tenant,
        'scopes', to_jsonb(found_agent.scopes),
        'parent', found_agent.parent_id)));
end
$$;

comment on function mayfly_private.issue_token(uuid, uuid, integer) is 'The claims of an agent''s next token, and the secret that renews it.';
revoke execute on function mayfly_private.issue_token(uuid, uuid, integer) from public;

-- sql/schemas/0301_function_private_spawn_agent.sql

-- The definer half of mayfly.spawn_agent. One transaction: scope, rate, quota, depth, insert, log.
-- Locks the tenant's row (see open_spawn).
--
-- A registration key stands for one agent of its spawner at a time. While that lives the answer is
-- the same agent, with its lifetime, a token and a renewal secret anew; the secrets before are void.

create function mayfly_private.spawn_agent(
  name text, type text, lifetime interval, capabilities text[], scopes text[], task text, metadata jsonb, registration_key text
)
returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  spawner constant mayfly_private.spawner := mayfly_private.open_spawn(1);
  of_tenant constant uuid := (spawner.tenant).id;
  spawner_id constant uuid := coalesce(spawner.id, '00000000-0000-0000-0000-000000000000');
  agent mayfly.agents;
begin
  if registration_key is not null then
    if char_length(registration_key) not between 1 and 200 then
      perform mayfly_private.fail(400, 'invalid_request', 'registration_key must have 1 to 200 characters.', null, '{"field": "registration_key"}');
    end if;
    select a.* into agent
    from mayfly_private.registrations r
    join mayfly.agents a on a.tenant_id = r.tenant_id and a.id = r.agent_id
    where r.tenant_id = of_tenant and r.spawner = spawner_id and r.key = registration_key
      and mayfly_private.effective_status(a) in ('running', 'suspended')
    for no key update of a;
    if agent.id is not null then
      if agent.status = 'suspended' then
        perform mayfly_private.fail(409, 'agent_suspended', 'The agent of this registration key is suspended.',
          'Resume it, or stop it and register again.', jsonb_build_object('agent', agent.id));
      end if;
      -- Who registered it may have lost scopes since, and would get them back by its token.
      perform mayfly_private.check_scopes(agent.scopes, spawner.allowed);
      perform mayfly_private.extend_life(of_tenant, agent.id);
      perform mayfly_private.void_secrets(of_tenant, agent.id);
      return mayfly_private.issue_token(of_tenant, agent.id) || '{"existing": true}';
    end if;
  end if;

  agent := mayfly_private.draft_agent(spawner, '{}', name, null, type, lifetime, capabilities, scopes, task, metadata);
  perform mayfly_private.check_living(spawner.tenant, 1);
  perform mayfly_private.insert_agents(array[agent]);
  if registration_key is not null then
    insert into mayfly_private.registrations as r (tenant_id, spawner, key, agent_id)
    values (of_tenant, spawner_id, registration_key, agent.id)
    on conflict on constraint registrations_pkey do update set agent_id = excluded.agent_id;
  end if;

  perform mayfly_private.reap(of_tenant);
  return mayfly_private.issue_token(of_tenant, agent.id) || '{"existing": false}';
end
$$;

comment on function mayfly_private.spawn_agent(text, text, interval, text[], text[], text, jsonb, text) is 'Spawns an agent in the tenant of the caller.';
revoke execute on function mayfly_private.spawn_agent(text, text, interval, text[], text[], text, jsonb, text) from public;
grant execute on function mayfly_private.spawn_agent(text, text, interval, text[], text[], text, jsonb, text) to authenticated, service_role;

-- sql/schemas/0302_function_spawn_agent.sql

-- Spawns an agent: called by the spawn function as whoever calls it (scope agent:spawn). A child
-- never is more than its parent. What is not given comes from its type, where that is defined, and
-- its name from a pool. Returns the agent, its type, the claims to sign and the renewal secret.

create function mayfly.spawn_agent(
  name text default null,
  type text default null,
  lifetime double precision default null,
  capabilities text[] default null,
  scopes text[] default null,
  task text default null,
  metadata jsonb default null,
  registration_key text default null
)
returns jsonb
language sql
set search_path = ''
return mayfly_private.spawn_agent(
  name, coalesce(type, 'agent'), make_interval(secs => lifetime), capabilities,
  scopes, task, coalesce(metadata, '{}'), registration_key);

comment on function mayfly.spawn_agent(text, text, double precision, text[], text[], text, jsonb, text) is
  'Spawns an agent that lives for so many seconds (300). Returns { agent, type, claims, renewal_secret, existing }.';
revoke execute on function mayfly.spawn_agent(text, text, double precision, text[], text[], text, jsonb, text) from public;
grant execute on function mayfly.spawn_agent(text, text, double precision, text[], text[], text, jsonb, text) to authenticated, service_role;

-- sql/schemas/0303_function_private_renew_agent.sql

-- The definer half of mayfly.renew_agent. The secret's hash comes in a token of 30 s that the spawn
-- function signs (claim mayfly.renewal): the secret suffices alone, so nothing else is asked. Locks the
-- agent's row, as resuming does, before it looks at the secrets: uses at once are judged one by one.
--
-- Each use gives a secret of the next round. For 30 s after its first use a secret works again, since
-- its answer may have been lost, up to 20 times in all. Whatever else comes of the round before the newest means that two hold
-- the agent: one used before, or one that was given beside the one that was used. The agent is then
-- suspended. A secret of an older round is unknown: an old copy harms nobody.

create function mayfly_private.renew_agent()
returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  claims constant jsonb := nullif(current_setting('request.jwt.claims', true), '');
  given bytea;
  secret mayfly_private.renewal_secrets;
  newest integer;
  agent mayfly.agents;
begin
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

comment on function mayfly_private.renew_agent() is 'Renews the agent whose renewal secret the token names.';
revoke execute on function mayfly_private.renew_agent() from public;
grant execute on function mayfly_private.renew_agent() to authenticated;

-- sql/schemas/0304_function_renew_agent.sql

-- Renews an agent: called by the spawn function with a token that names the hash of the renewal
-- secret. Returns what spawn_agent returns, or { refused } where the secret was used before.

create function mayfly.renew_agent()
returns jsonb
language sql
set search_path = ''
return mayfly_private.renew_agent();

comment on function mayfly.renew_agent() is 'Renews the agent whose renewal secret the token names.';
revoke execute on function mayfly.renew_agent() from public;
grant execute on function mayfly.renew_agent() to authenticated;

-- sql/schemas/0305_function_private_stop_agent.sql

-- The definer half of mayfly.stop_agent. Descendants are dead by the definition of alive; their rows
-- are left to reap, so that nothing races. Locks the agent's row.

create function mayfly_private.stop_agent(agent_id uuid, reason text)
returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  agent mayfly.agents := mayfly_private.lock_agent(agent_id);
begin
  perform mayfly_private.check_reason(reason);
  if agent.status in ('running', 'suspended') then
    update mayfly.agents a
    set status = 'stopped', stopped_at = clock_timestamp(), stop_reason = reason
    where a.tenant_id = agent.tenant_id and a.id = agent.id
    returning * into agent;
  end if;
  return to_jsonb(agent);
end
$$;

comment on function mayfly_private.stop_agent(uuid, text) is 'Stops an agent of the caller''s tenant.';
revoke execute on function mayfly_private.stop_agent(uuid, text) from public;
grant execute on function mayfly_private.stop_agent(uuid, text) to authenticated, service_role;

-- sql/schemas/0306_function_stop_agent.sql

-- Stops an agent (the caller, without an id) and with it, from that instant, its descendants. For itself, its ancestors and
-- callers with agent:stop. Stopping a stopped agent changes nothing and returns it.

create function mayfly.stop_agent(id uuid default null, reason text default null)
returns jsonb
language sql
set search_path = ''
return mayfly_private.stop_agent(id, reason);

comment on function mayfly.stop_agent(uuid, text) is 'Stops an agent; its descendants die with it. Returns the agent.';
revoke execute on function mayfly.stop_agent(uuid, text) from public;
grant execute on function mayfly.stop_agent(uuid, text) to authenticated, service_role;

-- sql/schemas/0310_function_private_create_tenant.sql

-- The definer half of mayfly.create_tenant. Of one person's calls at once, one waits for the other, so
-- that they do not pass the limit together.

create function mayfly_private.create_tenant(name text, owner uuid)
returns mayfly.tenants
language plpgsql security definer
set search_path = ''
as $$
declare
  caller constant mayfly_private.caller := mayfly_private.caller();
  claims constant jsonb := nullif(current_setting('request.jwt.claims', true), '');
  settings mayfly_private.settings;
  tenant mayfly.tenants;
begin
  select * into strict settings from mayfly_private.settings;
  if name is null or char_length(name) not between 1 and 200 then
    perform mayfly_private.fail(400, 'invalid_request', 'name must have 1 to 200 characters.', null, '{"field": "name"}');
  elsif caller.kind = 'person' then
    if settings.tenants_created_by <> 'signed_in' or claims -> 'is_anonymous' = 'true'
      or not exists (select from auth.users u where u.id = caller.id) then
      perform mayfly_private.fail(403, 'tenant_creation_not_allowed', 'This project does not let this person create tenants.',
        'Have one created with the secret key, or set mayfly_private.settings.tenants_created_by to signed_in.');
    elsif owner is not null and owner <> caller.id then
      perform mayfly_private.fail(400, 'invalid_request', 'owner is for the secret key; who creates a tenant owns it.', null, '{"field": "owner"}');
    end if;
    owner := caller.id;
    perform pg_advisory_xact_lock(hashtextextended('mayfly.create_tenant ' || owner, 0));
    if (select count(*) from mayfly.members m where m.user_id = owner and m.role = 'owner') >= settings.max_tenants_per_person then
      perform mayfly_private.fail(403, 'tenant_quota_exceeded',
        format('A person may own %s tenants here.', settings.max_tenants_per_person),
        'Erase one, hand one over, or have max_tenants_per_person raised.',
        jsonb_build_object('quota', 'max_tenants_per_person', 'limit', settings.max_tenants_per_person));
    end if;
  elsif caller.kind is distinct from 'secret' and claims is not null then
    -- Without claims it is the SQL editor: nobody else may execute this without them.
    perform mayfly_private.fail(401, 'not_authorized', 'Only a person or the secret key creates tenants.', 'Sign in, or use the secret key.');
  elsif owner is not null and not exists (select from auth.users u where u.id = owner) then
    perform mayfly_private.fail(404, 'user_unknown', 'There is no such user.', null, '{"field": "owner"}');
  end if;

  insert into mayfly.tenants (name) values (create_tenant.name) returning * into tenant;
  insert into mayfly.members (tenant_id, user_id, role) select tenant.id, owner, 'owner' where owner is not null;
  return tenant;
end
$$;

comment on function mayfly_private.create_tenant(text, uuid) is 'Creates a tenant.';
revoke execute on function mayfly_private.create_tenant(text, uuid) from public;
grant execute on function mayfly_private.create_tenant(text, uuid) to authenticated, service_role;

-- sql/schemas/0311_function_create_tenant.sql

-- Creates a tenant: for the secret key, which may name its owner, and where the project's settings say
-- so for whoever is signed in, who then owns it.

create function mayfly.create_tenant(name text, owner uuid default null)
returns mayfly.tenants
language sql
set search_path = ''
return mayfly_private.create_tenant(name, owner);

comment on function mayfly.create_tenant(text, uuid) is 'Creates a tenant and returns it. For the secret key, and if the project allows it for people.';
revoke execute on function mayfly.create_tenant(text, uuid) from public;
grant execute on function mayfly.create_tenant(text, uuid) to authenticated, service_role;

-- sql/schemas/0315_function_lock_memories.sql

-- Locks those of some memories of a tenant that are there and that the caller sees, and gives their ids. What
-- it does not give, a push changes and forgets not: a memory that is not there (any more) and another agent's
-- private one are `gone` alike, and for a caller without memory:read every memory is. Called by
-- mayfly_private.push for what it updates and deletes.
--
-- As owner there are no policies, so their predicates stand here, resolved once: without them a sibling's
-- delete of a private memory would be applied. Locks the memories, by id.

create function mayfly_private.lock_memories(tenant uuid, memories uuid[])
returns uuid[]
language plpgsql
set search_path = ''
as $$
declare
  may_read constant boolean := tenant = any (mayfly_private.tenant_ids('memory:read'));
  sees_all constant boolean := tenant = any (mayfly_private.tenant_ids('memory:admin'));
  own constant uuid[] := mayfly_private.own_agent_ids();
begin
  if not may_read then
    return '{}';
  end if;
  return array(
    select m.id from mayfly.memories m
    where m.tenant_id = tenant and m.id = any (memories) and m.deleted_at is null
      and (m.visibility = 'tenant' or m.agent_id = any (own) or sees_all)
    order by m.id
    for update);
end
$$;

comment on function mayfly_private.lock_memories(uuid, uuid[]) is 'Locks memories that the caller may change; gives their ids.';
revoke execute on function mayfly_private.lock_memories(uuid, uuid[]) from public;

-- sql/schemas/0316_function_hold_tenant.sql

-- Keeps a tenant from being erased until the transaction ends, and gives its language. Called by
-- mayfly_private.push, for the tenant of its caller. Locks the tenant's row as a foreign key does; who writes
-- memories shares that lock.

create function mayfly_private.hold_tenant(tenant uuid)
returns text
language plpgsql
set search_path = ''
as $$
declare
  found_language text;
begin
  select t.language into found_language
  from mayfly.tenants t
  where t.id = tenant
  for key share;
  if not found then
    perform mayfly_private.fail(403, 'tenant_unknown', 'The request names no tenant that the caller belongs to.',
      'Give the id of one of your tenants: new Mayfly({ tenant }), or the header x-mayfly-tenant.');
  end if;
  return found_language;
end
$$;

comment on function mayfly_private.hold_tenant(uuid) is 'Keeps a tenant from being erased meanwhile; gives its language.';
revoke execute on function mayfly_private.hold_tenant(uuid) from public;

-- sql/schemas/0317_function_apply_deletes.sql

-- Applies the deletes of a push: leaves tombstones, with neither vectors nor conflicts. Called by
-- mayfly_private.push, which has locked the targets. Gives how many memories it wrote.
--
-- A memory that is not there (any more), or not for the caller to forget, is no target and `gone`, as it is for
-- an update: another's private memory in a drained outbox is left to that one, its ancestors and admins.

create function mayfly_private.apply_deletes(tenant uuid, push jsonb, claimed uuid[], targets uuid[])
returns integer
language plpgsql
set search_path = ''
as $$
declare
  gone integer;
begin
  with deletes as (
    select (op ->> 'id')::uuid as op, (op -> 'memory' ->> 'id')::uuid as memory
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

comment on function mayfly_private.apply_deletes(uuid, jsonb, uuid[], uuid[]) is 'Applies the deletes of a push.';
revoke execute on function mayfly_private.apply_deletes(uuid, jsonb, uuid[], uuid[]) from public;

-- sql/schemas/0318_function_embeddings_of.sql

-- The embeddings of a push, one for each operation, null where it has none; null at all where one of
-- them might be out of its bounds. Called by check_push. The cast to halfvec is what takes 384 numbers and
-- nothing else, and it is needed anyway: 0.15 ms an operation; asking each number with a JSON path took
-- 0.6 ms. A norm below 999 keeps all numbers within 1000, and what is nearer to 0 than 1e-30 has at
-- least 30 zeros behind its point.

create function mayfly_private.embeddings_of(push jsonb)
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
      select o.n, case when jsonb_typeof(o.op -> 'embedding') = 'array' then o.op ->> 'embedding' end as content
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

comment on function mayfly_private.embeddings_of(jsonb) is 'The embeddings of a push by its operations, where they are surely within their bounds.';
revoke execute on function mayfly_private.embeddings_of(jsonb) from public;

-- sql/schemas/0319_function_refuse_faults.sql

-- Refuses a push with the index and the field of its first fault, among those operations that are in
-- doubt. Dear, 0.2 ms an operation, since it asks everything one by one: check_push, which calls it, doubts what it has not seen to be right by itself. Locks nothing. What an update sets, and
-- the base that it starts from, have the bounds of what is put.

create function mayfly_private.refuse_faults(push jsonb, doubted bigint[])
returns void
language plpgsql
set search_path = ''
as $$
declare
  fault record;
  updatable constant text[] := '{session_id,conversation_id,kind,task,input,output,critique,reward,success,importance,tags,metadata,tokens,latency_ms,visibility,expires_at}';
begin
  select o.n - 1 as index, c.field, c.rule into fault
  from jsonb_array_elements(push) with ordinality as o (op, n),
    lateral (
      select o.op -> 'memory' as memory, o.op ->> 'type' = 'memory.put' as put, o.op ->> 'type' = 'memory.update' as update
    ) as part,
    lateral (
      select 'memory.' as prefix, part.memory as content where part.update is not true
      union all select 'memory.set.', part.memory -> 'set' where part.update
      union all select 'memory.base.', part.memory -> 'base' where part.update and jsonb_typeof(part.memory -> 'base') = 'object'
    ) as fields,
    lateral (values
      ('id', jsonb_typeof(o.op) = 'object' and mayfly_private.to_uuid(o.op ->> 'id') is not null, 'must be a uuid'),
      ('type', o.op ->> 'type' in ('memory.put', 'memory.update', 'memory.delete'), 'must be memory.put, memory.update or memory.delete'),
      ('memory', jsonb_typeof(part.memory) = 'object', 'must be an object'),
      ('memory.id', mayfly_private.to_uuid(part.memory ->> 'id') is not null, 'must be a uuid'),
      ('memory.agent_id', (part.memory -> 'agent_id' is null or mayfly_private.uuid_or_absent(part.memory -> 'agent_id')), 'must be a uuid'),
      (prefix || 'session_id', (content -> 'session_id' is null or mayfly_private.uuid_or_absent(content -> 'session_id')), 'must be a uuid'),
      (prefix || 'conversation_id', (content -> 'conversation_id' is null or mayfly_private.uuid_or_absent(content -> 'conversation_id')), 'must be a uuid'),
      (prefix || 'kind', coalesce(content ->> 'kind', 'episode') in (
          'episode', 'task_result', 'conversation', 'learning', 'fact', 'working', 'general'),
        'must be episode, task_result, conversation, learning, fact, working or general'),
      (prefix || 'task', case jsonb_typeof(content -> 'task') when 'string' then char_length(content -> 'task' #>> '{}') <= 2000 else coalesce(content -> 'task', 'null') = 'null' end, 'must be a text of at most 2000 characters'),
      (prefix || 'input', case jsonb_typeof(content -> 'input') when 'string' then char_length(content -> 'input' #>> '{}') <= 100000 else coalesce(content -> 'input', 'null') = 'null' end, 'must be a text of at most 100000 characters'),
      (prefix || 'output', case jsonb_typeof(content -> 'output') when 'string' then char_length(content -> 'output' #>> '{}') <= 100000 else coalesce(content -> 'output', 'null') = 'null' end, 'must be a text of at most 100000 characters'),
      (prefix || 'critique', case jsonb_typeof(content -> 'critique') when 'string' then char_length(content -> 'critique' #>> '{}') <= 20000 else coalesce(content -> 'critique', 'null') = 'null' end, 'must be a text of at most 20000 characters'),
      ('memory', not part.put or coalesce(content ->> 'task', '') || coalesce(content ->> 'input', '')
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
      ('memory.created_at', (part.memory -> 'created_at' is null or mayfly_private.instant_or_absent(part.memory -> 'created_at')), 'must be an ISO 8601 instant'),
      (prefix || 'expires_at', (content -> 'expires_at' is null or mayfly_private.instant_or_absent(content -> 'expires_at')), 'must be an ISO 8601 instant'),
      ('embedding', case coalesce(jsonb_typeof(o.op -> 'embedding'), 'null')
          when 'null' then true
          when 'array' then jsonb_array_length(o.op -> 'embedding') = 384
            and not jsonb_path_exists(o.op -> 'embedding', '$[*] ? (@.type() != "number" || @ > 1000 || @ < -1000 || (@ != 0 && @ < 1e-30 && @ > -1e-30))')
          else false end, 'must be 384 numbers from -1000 to 1000, none but 0 nearer to 0 than 1e-30'),
      ('embedding', case when jsonb_typeof(o.op -> 'embedding') = 'array' and pg_input_is_valid(o.op ->> 'embedding', 'extensions.halfvec')
          then extensions.l2_norm((o.op ->> 'embedding')::extensions.halfvec) > 0 else true end,
        'must have a number other than 0: without one it points nowhere, and is like nothing'),
      ('model', case jsonb_typeof(o.op -> 'model') when 'string' then char_length(o.op -> 'model' #>> '{}') <= 100 else coalesce(o.op -> 'model', 'null') = 'null' end and (not o.op ? 'embedding' or o.op ->> 'model' <> ''),
        'must be a text of 1 to 100 characters beside an embedding'),
      ('memory.set', part.update is not true or (jsonb_typeof(part.memory -> 'set') = 'object'
          and ((part.memory -> 'set') <> '{}' or part.memory ? 'settles')
          and (part.memory -> 'set') - updatable = '{}'), 'must be an object with at least one field that can be updated, and no other'),
      ('memory.base', part.update is not true or part.memory -> 'base' is null or (jsonb_typeof(part.memory -> 'base') = 'object'
          and (part.memory -> 'base') - updatable = '{}'), 'must be an object of fields that can be updated'),
      ('memory.base', part.update is not true or part.memory ->> 'resolve' is distinct from 'manual'
          or (part.memory -> 'set') - array(select jsonb_object_keys(case when jsonb_typeof(part.memory -> 'base') = 'object'
            then part.memory -> 'base' else '{}' end)) = '{}', 'must have every field of set where resolve is manual'),
      ('memory.resolve', part.update is not true or part.memory -> 'resolve' is null
          or part.memory ->> 'resolve' in ('latest_wins', 'merge', 'manual'), 'must be latest_wins, merge or manual'),
      ('memory.settles', part.update is not true or case coalesce(jsonb_typeof(part.memory -> 'settles'), 'null')
          when 'null' then not part.memory ? 'settles'
          when 'array' then jsonb_array_length(part.memory -> 'settles') between 1 and 50
            and not exists (select from jsonb_array_elements(part.memory -> 'settles') conflict
              where jsonb_typeof(conflict) <> 'string' or mayfly_private.to_uuid(conflict #>> '{}') is null)
          else false end, 'must be 1 to 50 ids of conflicts'),
      ('memory.hlc', part.update is not true or part.memory -> 'hlc' is null or coalesce(
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

comment on function mayfly_private.refuse_faults(jsonb, bigint[]) is 'Refuses a push that has a fault, naming its index and field.';
revoke execute on function mayfly_private.refuse_faults(jsonb, bigint[]) from public;

-- sql/schemas/0320_function_check_push.sql

-- Refuses a push with the index and the field of its first fault, before anything of it is applied, and
-- gives its embeddings, one for each operation; null where it has none. Called by mayfly_private.push.
-- Locks nothing.
--
-- One pass sees what is surely right: absent, or of its type and well within its bounds. Only the rest is
-- asked everything (refuse_faults), as every update is: 20 µs an operation instead of 200. What is compared as jsonb is of
-- its type: numbers sort among themselves, and texts equal texts alone.

create function mayfly_private.check_push(push jsonb)
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
  if jsonb_typeof(push) <> 'array' then
    perform mayfly_private.fail(400, 'invalid_request', 'push must be an array of operations.', null, '{"field": "push"}');
  elsif jsonb_array_length(push) > 1000 then
    perform mayfly_private.fail(413, 'push_too_large', 'A push has at most 1000 operations.', 'Split it.', '{"field": "push"}');
  elsif pg_column_size(push) > 4194304 then
    perform mayfly_private.fail(413, 'push_too_large', 'A push has at most 4 MB.', 'Split it.', '{"field": "push"}');
  end if;
  with_embedding := (select count(*) from jsonb_array_elements(push) op where op ? 'embedding');
  if with_embedding > 100 then
    perform mayfly_private.fail(413, 'push_too_large', 'A push has at most 100 operations with an embedding.', 'Split it.', '{"field": "push"}');
  elsif with_embedding > 0 then
    embeddings := mayfly_private.embeddings_of(push);
  end if;

  select array_agg(o.n) into doubted
  from jsonb_array_elements(push) with ordinality as o (op, n),
    lateral jsonb_to_record(case when jsonb_typeof(o.op -> 'memory') = 'object' then o.op -> 'memory' else '{}' end) as m (
      id text, agent_id text, session_id text, conversation_id text, kind jsonb, task jsonb, input jsonb, output jsonb,
      critique jsonb, reward jsonb, success jsonb, importance jsonb, tags jsonb, metadata jsonb, tokens jsonb,
      latency_ms jsonb, visibility jsonb, created_at text, expires_at text)
  where (
    o.op ->> 'id' like '________-____-____-____-____________' and pg_input_is_valid(o.op ->> 'id', 'uuid')
    and m.id like '________-____-____-____-____________' and pg_input_is_valid(m.id, 'uuid')
    and (o.op ->> 'type' = 'memory.delete' or (o.op ->> 'type' = 'memory.put'
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
    and (o.op -> 'model' is null or (jsonb_typeof(o.op -> 'model') = 'string' and char_length(o.op ->> 'model') <= 100))
    and (not o.op ? 'embedding' or (embeddings is not null and jsonb_typeof(o.op -> 'embedding') = 'array' and o.op ->> 'model' <> ''))
  ) is not true;
  if doubted is not null then
    perform mayfly_private.refuse_faults(push, doubted);

    select min(o.n) - 1 as index into fault
    from jsonb_array_elements(push) with ordinality as o (op, n)
    where o.op ->> 'type' = 'memory.update' and split_part(o.op -> 'memory' ->> 'hlc', '-', 1)::bigint > now_ms + 60000;
    if fault.index is not null then
      perform mayfly_private.fail(400, 'clock_ahead', format('push[%s].memory.hlc is more than 60 s ahead of the server.', fault.index),
        'Nothing of this push was applied. Take the offset of your clock from details.server_ms, and make the clock anew.',
        jsonb_build_object('index', fault.index, 'field', 'memory.hlc', 'server_ms', now_ms));
    end if;
  end if;

  if (select count(distinct (op ->> 'id')::uuid) < count(*) or count(distinct (op -> 'memory' ->> 'id')::uuid) < count(*)
      from jsonb_array_elements(push) op) then
    select min(twice.n) as index, twice.field into fault
    from (
      select o.n - 1 as n, key.field, row_number() over (partition by key.field, key.value order by o.n) as nth
      from jsonb_array_elements(push) with ordinality as o (op, n),
        lateral (values ('id', (o.op ->> 'id')::uuid), ('memory.id', (o.op -> 'memory' ->> 'id')::uuid)) as key (field, value)
    ) twice
    where twice.nth > 1
    group by twice.field
    limit 1;
    perform mayfly_private.fail(400, 'invalid_operation', format('push[%s].%s stands in this push twice.', fault.index, fault.field),
      'Nothing of this push was applied. One push says one thing about one memory.',
      jsonb_build_object('index', fault.index, 'field', fault.field));
  end if;

  if with_embedding > 0 and embeddings is null then
    embeddings := (
      select array_agg(case when jsonb_typeof(o.op -> 'embedding') = 'array' then (o.op ->> 'embedding')::extensions.halfvec(384) end order by o.n)
      from jsonb_array_elements(push) with ordinality as o (op, n));
  end if;
  return embeddings;
end
$$;

comment on function mayfly_private.check_push(jsonb) is 'Refuses a push that has a fault, naming its index and field; gives its embeddings.';
revoke execute on function mayfly_private.check_push(jsonb) from public;

-- sql/schemas/0321_function_push.sql

-- Applies a push in one transaction, each operation at most once: what was applied before is not
-- applied again and gives its first result. The one door to memories, their vectors and conflicts: as owner,
-- since nobody else may write them. Each statement names the tenant of the caller, and what it changes are
-- memories that the caller sees (mayfly_private.lock_memories). An update among 100,000 memories took 71 ms as
-- the caller, under the policies, and 4.4 ms so. The helpers that it calls are nobody's to call.
--
-- Operation ids are claimed in their own order: in the order of the pushes, two that overlap
-- deadlocked 19 times in 100.

create function mayfly_private.push(push jsonb)
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

comment on function mayfly_private.push(jsonb) is 'Applies operations, each at most once, all or none.';
revoke execute on function mayfly_private.push(jsonb) from public;
grant execute on function mayfly_private.push(jsonb) to authenticated, service_role;

-- sql/schemas/0322_function_pull.sql

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

comment on function mayfly_private.pull(text, integer) is 'A page of the log since a cursor.';
revoke execute on function mayfly_private.pull(text, integer) from public;
grant execute on function mayfly_private.pull(text, integer) to authenticated, service_role;

-- sql/schemas/0323_function_sync.sql

-- Push what was learned, pull what is new, in one round trip. Called by the sync function as whoever
-- calls it. The push is one transaction with the pull behind it; the own events come with the next.
-- In passing it marks agents that are dead but do not say so. since: null begins with all memories, 'now'
-- with what comes from now on.

create function mayfly.sync(push jsonb default '[]', since text default null, page_limit integer default 500)
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
    results := mayfly_private.push(push);
  end if;
  perform mayfly_private.reap_in_passing();
  if page_limit = 0 and since is distinct from 'now' then
    return jsonb_build_object('results', results, 'events', '[]'::jsonb, 'memories', '[]'::jsonb, 'cursor', since, 'more', false);
  end if;
  return jsonb_build_object('results', results)
    || mayfly_private.pull(since, page_limit);
end
$$;

comment on function mayfly.sync(jsonb, text, integer) is
  'Pushes operations and pulls the log since a cursor, null (all memories first) or ''now'': { results, events, memories, cursor, more }.';
revoke execute on function mayfly.sync(jsonb, text, integer) from public;
grant execute on function mayfly.sync(jsonb, text, integer) to authenticated, service_role;

-- sql/schemas/0324_function_apply_updates.sql

-- Applies the updates of a push: settles each, keeps what is to be outcomes by hand, and completes the
-- results of the operations. Called by mayfly_private.push, which has locked the targets. Gives how many
-- memories it wrote.
--
-- A memory that is not there (any more), or not for the caller to change, is no target and `gone`: a delete
-- wins over an update, and a late update never blocks an outbox.

create function mayfly_private.apply_updates(tenant uuid, push jsonb, claimed uuid[], targets uuid[], pusher uuid)
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

comment on function mayfly_private.apply_updates(uuid, jsonb, uuid[], uuid[], uuid) is 'Applies the updates of a push.';
revoke execute on function mayfly_private.apply_updates(uuid, jsonb, uuid[], uuid[], uuid) from public;

-- sql/schemas/0325_function_maintain.sql

-- Retention and cleaning, for projects without pg_cron, or at once: one batch of the caller's tenant
-- (scope memory:write; the secret key names it), and one of moving its vectors into the HNSW index, where
-- it is large. Call it again while `more` is true.

create function mayfly_private.maintain(max_rows integer)
returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  tenant constant uuid := mayfly_private.require_tenant('memory:write');
  answer jsonb;
  settled integer;
  unsettled bigint;
begin
  if max_rows is null or max_rows not between 1 and 10000 then
    perform mayfly_private.fail(400, 'invalid_request', 'max_rows must be 1 to 10000.', null, '{"field": "max_rows"}');
  end if;
  -- Another one is at it: there may be more.
  answer := coalesce(mayfly_private.maintain_tenant(tenant, max_rows),
    '{"agents": 0, "forgotten": 0, "tombstones": 0, "events": 0, "ops": 0, "more": true}');
  -- 200 take 1 to 2 s; a hosted project breaks a call off after 8.
  settled := mayfly_private.settle_vectors(least(max_rows, 200), only_tenant => tenant);
  select count(*) into unsettled
  from mayfly_private.settlements s
  join mayfly.memory_vectors v on not v.settled and case when not v.settled then v.tenant_id end = tenant and v.model = s.model
  where s.tenant_id = tenant;
  return answer || jsonb_build_object('settled', settled, 'unsettled', unsettled,
    'more', (answer ->> 'more')::boolean or unsettled > 0);
end
$$;

comment on function mayfly_private.maintain(integer) is 'One batch of retention and cleaning for the callers tenant.';
revoke execute on function mayfly_private.maintain(integer) from public;
grant execute on function mayfly_private.maintain(integer) to authenticated, service_role;

create function mayfly.maintain(max_rows integer default 1000)
returns jsonb
language sql
set search_path = ''
return mayfly_private.maintain(max_rows);

comment on function mayfly.maintain(integer) is
  'One batch of retention and cleaning: { agents, forgotten, tombstones, events, ops, settled, unsettled, more }. While more is true, call it again.';
revoke execute on function mayfly.maintain(integer) from public;
grant execute on function mayfly.maintain(integer) to authenticated, service_role;

-- sql/schemas/0326_function_memory_statistics.sql

-- What the tenant remembers, in numbers, of the memories that the caller sees: without tombstones and
-- what has expired. Reads them all. Runs as the caller (scope memory:read). Locks nothing.
--
--   { memories, bytes, last_hour, last_day, private, by_kind: {kind: n}, by_agent: [{ agent_id, memories }],
--     with_vector: {model: n}, without_vector, conflicts }      by_agent: the 100 with the most

create function mayfly.memory_statistics()
returns jsonb
language plpgsql stable
set search_path = ''
as $$
declare
  tenant constant uuid := mayfly_private.require_tenant('memory:read');
begin
  return (
    with seen as materialized (
      select m.id, m.agent_id, m.kind, m.visibility, m.created_at,
        octet_length(m.task) + octet_length(m.input) + octet_length(m.output) + octet_length(m.critique)
          + pg_column_size(m.tags) + pg_column_size(m.metadata) as bytes
      from mayfly.memories m
      where m.tenant_id = tenant and m.deleted_at is null and (m.expires_at is null or m.expires_at > statement_timestamp())
    ), vectors as materialized (
      select v.memory_id, v.model from mayfly.memory_vectors v
      where v.tenant_id = tenant and v.memory_id in (select s.id from seen s)
    )
    select jsonb_build_object(
      'memories', count(*), 'bytes', coalesce(sum(s.bytes), 0),
      'last_hour', count(*) filter (where s.created_at > statement_timestamp() - interval '1 hour'),
      'last_day', count(*) filter (where s.created_at > statement_timestamp() - interval '1 day'),
      'private', count(*) filter (where s.visibility = 'agent'),
      'by_kind', (select coalesce(jsonb_object_agg(k.kind, k.n), '{}') from (select x.kind, count(*) as n from seen x group by 1) k),
      'by_agent', (
        select coalesce(jsonb_agg(jsonb_build_object('agent_id', a.agent_id, 'memories', a.n) order by a.n desc, a.agent_id), '[]')
        from (select x.agent_id, count(*) as n from seen x group by 1 order by 2 desc, 1 limit 100) a),
      'with_vector', (select coalesce(jsonb_object_agg(v.model, v.n), '{}') from (select x.model, count(*) as n from vectors x group by 1) v),
      'without_vector', count(*) filter (where not exists (select from vectors v where v.memory_id = s.id)),
      'conflicts', (select count(*) from mayfly.memory_conflicts c where c.tenant_id = tenant))
    from seen s);
end
$$;

comment on function mayfly.memory_statistics() is
  'What the tenant remembers: { memories, bytes, last_hour, last_day, private, by_kind, by_agent, with_vector, without_vector, conflicts }.';
revoke execute on function mayfly.memory_statistics() from public;
grant execute on function mayfly.memory_statistics() to authenticated, service_role;

-- sql/schemas/0327_function_export_tenant.sql

-- Everything that a tenant has, page by page, for JSON Lines: { lines: [{ table, row }], after, more }.
-- The tables come in this order, so that a row comes after the tables that it refers to, and each in the order
-- of its primary key: tenants, members, invitations, agent_types, enrolment_keys, agents (a
-- parent may come after its child), agent_liveness, memories,
-- memory_conflicts, memory_vectors, states, state_versions, debug_records, channels, channel_subscriptions, messages, inboxes, deliveries, events. Left out is what is secret or only keeps the books: hashes,
-- usage, known operations. Scope tenant:write. Each page sees what has committed by then: what changes
-- meanwhile may come as it was or as it is. A page ends when it has 4 MB, whatever page_limit is. Locks nothing.

create function mayfly_private.export_tenant(after jsonb, page_limit integer)
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

comment on function mayfly_private.export_tenant(jsonb, integer) is 'A page of everything that the callers tenant has.';
revoke execute on function mayfly_private.export_tenant(jsonb, integer) from public;
grant execute on function mayfly_private.export_tenant(jsonb, integer) to authenticated, service_role;

create function mayfly.export_tenant(after jsonb default null, page_limit integer default 500)
returns jsonb
language sql stable
set search_path = ''
return mayfly_private.export_tenant(after, page_limit);

comment on function mayfly.export_tenant(jsonb, integer) is
  'A page of everything that the tenant has: { lines: [{ table, row }], after, more }. Pass after until more is false.';
revoke execute on function mayfly.export_tenant(jsonb, integer) from public;
grant execute on function mayfly.export_tenant(jsonb, integer) to authenticated, service_role;

-- sql/schemas/0329_schedules.sql

-- What pg_cron does where it is there (Database -> Extensions): a minute's maintenance; its own history,
-- which nobody else deletes, after 7 days; moving the vectors of large tenants into the HNSW index. Maintenance
-- and moving take 50 s of each minute at most, each batch in a transaction of its own: a do block may commit, a
-- function may not, nor a procedure that is a definer or sets its search_path. Telling what is due each second: one
-- job that goes on for a little over a minute, since one each second would leave 86,400 rows a day in cron's
-- history; it begins anew as soon as it has ended. With pg_net, the embedding of what waits for it. Without it, call mayfly.maintain().
-- If pg_cron comes later, run this file again in the SQL editor: a job of the same name is replaced.

do $$
begin
  if exists (select from pg_extension where extname = 'pg_cron') then
    execute $cron$select cron.schedule('mayfly-maintain', '* * * * *', $job$
      do $maintain$
      declare
        begun constant timestamptz := clock_timestamp();
      begin
        while clock_timestamp() < begun + interval '50 seconds' and mayfly_private.maintain_some(begun) > 0 loop
          commit;
        end loop;
      end
      $maintain$
    $job$)$cron$;
    execute $cron$select cron.schedule('mayfly-flush', '* * * * *', $job$
      do $flush$
      declare
        until constant timestamptz := clock_timestamp() + interval '62 seconds';
      begin
        while clock_timestamp() < until loop
          perform mayfly_private.flush_nudges();
          commit;
          perform pg_sleep(1);
        end loop;
      end
      $flush$
    $job$)$cron$;
    execute $cron$select cron.schedule('mayfly-cron-history', '7 3 * * *',
      'delete from cron.job_run_details where end_time < now() - interval ''7 days''')$cron$;
    execute $cron$select cron.schedule('mayfly-settle', '* * * * *', $job$
      do $settle$
      declare
        until constant timestamptz := clock_timestamp() + interval '50 seconds';
      begin
        while clock_timestamp() < until and mayfly_private.settle_vectors() > 0 loop
          commit;
        end loop;
      end
      $settle$
    $job$)$cron$;
    if exists (select from pg_extension where extname = 'pg_net') then
      execute $cron$select cron.schedule('mayfly-embed', '* * * * *', 'select mayfly_private.request_drains()')$cron$;
    end if;
  end if;
end
$$;

-- sql/schemas/0330_function_any_word.sql

-- A question as a search for any of its words, by prefix from four letters on, identifiers also taken apart.
-- Ranking puts what has more of them first; demanding all of them would find nothing for most questions.

create function mayfly_private.any_word(language text, question text)
returns tsquery
language sql immutable parallel safe
set search_path = ''
return (
  select string_agg(
    '''' || replace(replace(lexeme, '\', '\\'), '''', '''''') || case when char_length(lexeme) >= 4 then ''':*' else '''' end,
    ' | ')::tsquery
  from unnest(tsvector_to_array(
    to_tsvector(mayfly_private.text_search_config(language), left(question, 10000))
    || to_tsvector(mayfly_private.text_search_config(language), mayfly_private.split_identifiers(left(question, 10000))))) lexeme
);

comment on function mayfly_private.any_word(text, text) is 'A question as a search for any of its words.';
revoke execute on function mayfly_private.any_word(text, text) from public;

-- sql/schemas/0331_function_private_recall.sql

-- The definer half of mayfly.recall. It resolves tenant and visibility once, from the token, and repeats
-- the policies of mayfly.memories in its where: the operators @@ and && are not leakproof, so under
-- the policies they would never be index conditions (full text on 100,000 rows: 370 ms under the policy, 0.32 ms without).
-- Locks nothing.
--
--   relevance = 61 * (words / (60 + rank by words) + meaning / (60 + rank by vector)) / (words + meaning)   0 to 1
--   score     = relevance * (1 - reward - importance - recency                                              0 to 1
--                 + reward * its reward + importance * its importance / 10 + recency * its freshness)
--   freshness = 0.5 ^ (age / half-life of its kind);  an unknown reward counts as 0.5
--
-- The weights are the caller's: words and meaning are 1, the others 0.1 unless set. Half-lives:
-- mayfly_private.half_life. Reciprocal rank fusion with k = 60: Cormack, Clarke and Büttcher,
-- "Reciprocal Rank Fusion outperforms Condorcet and individual Rank Learning Methods", SIGIR 2009.
--
-- Rank by words is by ts_rank; a word of the question that none of the best rows has is taken for a
-- typo, and rows whose task or tags have one like it (pg_trgm's word_similarity, at least 0.5) gain 0.3
-- of that likeness. What has no typo never pays for this.
--
-- Rank by vector is among the nearest that the caller may see. Where too few of these pass the filters,
-- those that pass are compared one by one: a filter never hides a match.

create function mayfly_private.recall(
  query text, embedding real[], model text, kinds text[], having_tags text[], agent uuid, min_reward real,
  since timestamptz, result_limit integer, until timestamptz, for_task text, session uuid, conversation uuid,
  similar_to uuid, weights jsonb, half_lives jsonb
)
returns table (
  id uuid, agent_id uuid, agent_name text, agent_ended_at timestamptz, kind text, task text, input text, output text,
  critique text, reward real, importance smallint, tags text[], metadata jsonb, created_at timestamptz,
  score real, parts jsonb
)
language plpgsql stable security definer
set search_path = ''
-- The best plan depends on the filters that are given and on the size of the tenant.
set plan_cache_mode = force_custom_plan
set jit = off
as $$
#variable_conflict use_column
declare
  -- So many from each side; of the nearest fewer, where none is filtered out: 50 of 10,000 vectors among
  -- 110,000 took HNSW three times as long as 20.
  depth constant integer := greatest(50, 2 * result_limit);
  reach integer := greatest(20, 2 * result_limit);
  tenant constant uuid := mayfly_private.require_tenant('memory:read');
  own constant uuid[] := mayfly_private.own_agent_ids();
  sees_all constant boolean := tenant = any (mayfly_private.tenant_ids('memory:admin'));
  language constant text := (select t.language from mayfly.tenants t where t.id = tenant);
  typo_threshold constant text := coalesce(current_setting('pg_trgm.word_similarity_threshold', true), '0.6');
  asked_words tsquery;
  asked_vector extensions.halfvec(384);
  of_words real;
  of_meaning real;
  of_reward real;
  of_importance real;
  of_recency real;
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
  end if;
  perform mayfly_private.check_weights(weights, half_lives);
  of_words := coalesce((weights ->> 'words')::real, 1);
  of_meaning := coalesce((weights ->> 'meaning')::real, 1);
  of_reward := coalesce((weights ->> 'reward')::real, 0.1);
  of_importance := coalesce((weights ->> 'importance')::real, 0.1);
  of_recency := coalesce((weights ->> 'recency')::real, 0.1);

  asked_vector := embedding::extensions.halfvec(384);
  if extensions.l2_norm(asked_vector) = 0 then
    perform mayfly_private.fail(400, 'invalid_request', 'embedding must have a number other than 0.',
      'Without one it points nowhere, and is like nothing.', '{"field": "embedding"}');
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
      and (m.visibility = 'tenant' or m.agent_id = any (own) or sees_all)
    order by v.model
    limit 1;
    if not found then
      perform mayfly_private.fail(404, 'memory_unknown', 'There is no memory of this id, or not for this caller.', null,
        '{"field": "similar_to"}');
    end if;
  end if;
  if of_words > 0 then
    asked_words := mayfly_private.any_word(language, query);
  end if;
  if of_meaning = 0 then
    asked_vector := null;
  end if;
  -- Some of the nearest will not pass.
  if num_nonnulls(kinds, having_tags, agent, min_reward, since, until, for_task, session, conversation) > 0 then
    reach := greatest(1000, depth);
  end if;
  -- Not by a set clause: a session that has not loaded pg_trgm yet is refused that.
  perform set_config('pg_trgm.word_similarity_threshold', '0.5', true);

  return query
  with visible as not materialized (
    select m.*
    from mayfly.memories m
    where m.tenant_id = tenant
      and (m.visibility = 'tenant' or m.agent_id = any (own) or sees_all)
      and m.deleted_at is null
      and (m.expires_at is null or m.expires_at > statement_timestamp())
      and (similar_to is null or m.id <> similar_to)
      and (recall.kinds is null or m.kind = any (recall.kinds))
      and (recall.having_tags is null or m.tags @> recall.having_tags)
      and (recall.agent is null or m.agent_id = recall.agent)
      and (recall.min_reward is null or m.reward >= recall.min_reward)
      and (recall.since is null or m.created_at >= recall.since)
      and (recall.until is null or m.created_at < recall.until)
      and (recall.for_task is null or m.task = recall.for_task)
      and (recall.session is null or m.session_id = recall.session)
      and (recall.conversation is null or m.conversation_id = recall.conversation)
  ), with_words as materialized (
    -- 1: divided by the logarithm of the length, so that long texts do not win by length alone.
    select v.id, v.words, ts_rank(v.words, asked_words, 1) as rank
    from visible v
    where v.words @@ asked_words
    order by rank desc, v.id
    limit depth
  ), doubtful as materialized (
    select asked.word
    from (
      select distinct w.word, mayfly_private.any_word(language, w.word) as search
      from regexp_split_to_table(lower(mayfly_private.split_identifiers(left(query, 1000))), '[^[:alnum:]]+') w (word)
      where of_words > 0 and char_length(w.word) between 4 and 40
    ) asked
    where asked.search is not null and not exists (select from with_words f where f.words @@ asked.search)
    limit 5
  ), with_typos as (
    select v.id, sum(extensions.word_similarity(d.word, mayfly_private.labels(v.task, v.tags))) as likeness
    from doubtful d
    join visible v on mayfly_private.labels(v.task, v.tags) operator(extensions.%>) d.word
    group by v.id
    order by likeness desc, v.id
    limit depth
  ), by_words as (
    select id, found.rank, found.likeness, row_number() over (order by found.rank desc, id) as place
    from (
      select id, coalesce(w.rank, 0) + 0.3 * coalesce(t.likeness, 0) as rank, t.likeness
      from with_words w full join with_typos t using (id)
      order by rank desc, id
      limit depth
    ) found
  ), near as materialized (
    select n.memory_id, n.similarity from mayfly_private.nearest(tenant, recall.model, asked_vector, reach) n
  ), near_and_visible as materialized (
    select v.id, n.similarity from near n join visible v on v.id = n.memory_id
  ), visible_and_near as materialized (
    select v.id, 1 - (mv.embedding operator(extensions.<=>) asked_vector) as similarity
    from mayfly.memory_vectors mv
    join visible v on v.id = mv.memory_id
    where mv.tenant_id = tenant and mv.model = recall.model
      and (select count(*) from near_and_visible) < result_limit and (select count(*) from near) = reach
    order by mv.embedding operator(extensions.<=>) asked_vector, v.id
    limit depth
  ), by_vector as (
    select found.id, found.similarity, row_number() over (order by found.similarity desc, found.id) as place
    from (
      select id, similarity from visible_and_near
      union all
      select id, similarity from near_and_visible where not exists (select from visible_and_near)
      order by similarity desc, id
      limit depth
    ) found
    -- A vector that points elsewhere is no match, however few there are.
    where found.similarity > 0
  ), fused as (
    select id, w.place as words_place, w.rank as words_rank, w.likeness, v.place as vector_place, v.similarity,
      61 * (coalesce(of_words / (60 + w.place), 0) + coalesce(of_meaning / (60 + v.place), 0)) / (of_words + of_meaning) as relevance
    from by_words w full join by_vector v using (id)
  ), scored as (
    select m.*, f.words_place, f.words_rank, f.likeness, f.vector_place, f.similarity, f.relevance,
      -- A hundred half-lives are as good as forever; a thousand, half of them squared, underflow, which is an error.
      0.5 ^ least(100, greatest(extract(epoch from statement_timestamp() - m.created_at), 0)::double precision
        / 86400 / mayfly_private.half_life(m.kind, half_lives)) as recency
    from fused f
    join mayfly.memories m on m.tenant_id = tenant and m.id = f.id
  )
  select s.id, s.agent_id, a.name, coalesce(a.stopped_at, case when a.expires_at <= statement_timestamp() then a.expires_at end),
    s.kind, s.task, s.input, s.output, s.critique, s.reward, s.importance, s.tags, s.metadata, s.created_at,
    (s.relevance * (1 - of_reward - of_importance - of_recency
      + of_reward * coalesce(s.reward, 0.5) + of_importance * s.importance / 10 + of_recency * s.recency))::real as score,
    jsonb_build_object(
      'words_rank', s.words_place, 'words', s.words_rank::real, 'typos', s.likeness::real,
      'vector_rank', s.vector_place, 'similarity', s.similarity::real, 'relevance', s.relevance::real,
      'reward', coalesce(s.reward, 0.5), 'importance', s.importance, 'recency', s.recency::real)
  from scored s
  left join mayfly.agents a on a.tenant_id = tenant and a.id = s.agent_id
  order by score desc, s.id
  limit result_limit;

  perform set_config('pg_trgm.word_similarity_threshold', typo_threshold, true);
end
$$;

comment on function mayfly_private.recall(text, real[], text, text[], text[], uuid, real, timestamptz, integer, timestamptz, text, uuid, uuid, uuid, jsonb, jsonb)
  is 'The best memories for a question.';
revoke execute on function mayfly_private.recall(text, real[], text, text[], text[], uuid, real, timestamptz, integer, timestamptz, text, uuid, uuid, uuid, jsonb, jsonb)
  from public;
grant execute on function mayfly_private.recall(text, real[], text, text[], text[], uuid, real, timestamptz, integer, timestamptz, text, uuid, uuid, uuid, jsonb, jsonb)
  to authenticated, service_role;

-- sql/schemas/0332_function_recall.sql

-- The memories that answer a question best, by words and by meaning, or those that are like one of them
-- (similar_to). Called by the query function as whoever calls it. Every row comes with its score taken
-- apart; mayfly_private.recall has the formula.
--
--   kinds, having_tags (all of them), agent, min_reward, since, until (excluded), for_task (the same
--   text), session and conversation narrow it.
--   weights     {"words": 1, "meaning": 1, "reward": 0.1, "importance": 0.1, "recency": 0.1}, each 0 to 1,
--               the last three at most 1 together
--   half_lives  days by kind, such as {"fact": 365}; mayfly_private.half_life has the defaults

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
  half_lives jsonb default null
)
returns table (
  id uuid, agent_id uuid, agent_name text, agent_ended_at timestamptz, kind text, task text, input text, output text,
  critique text, reward real, importance smallint, tags text[], metadata jsonb, created_at timestamptz,
  score real, parts jsonb
)
language sql stable
set search_path = ''
begin atomic
  select * from mayfly_private.recall(query, embedding, model, kinds, having_tags, agent, min_reward, since, result_limit,
    until, for_task, session, conversation, similar_to, weights, half_lives);
end;

comment on function mayfly.recall(text, real[], text, text[], text[], uuid, real, timestamptz, integer, timestamptz, text, uuid, uuid, uuid, jsonb, jsonb) is
  'The best memories for a question, by words and, with an embedding, by meaning; or those that are like one of them.';
revoke execute on function mayfly.recall(text, real[], text, text[], text[], uuid, real, timestamptz, integer, timestamptz, text, uuid, uuid, uuid, jsonb, jsonb)
  from public;
grant execute on function mayfly.recall(text, real[], text, text[], text[], uuid, real, timestamptz, integer, timestamptz, text, uuid, uuid, uuid, jsonb, jsonb)
  to authenticated, service_role;

-- sql/schemas/0333_function_check_weights.sql

-- Refuses weights and half-lives that mayfly.recall cannot take. Locks nothing.

create function mayfly_private.check_weights(weights jsonb, half_lives jsonb)
returns void
language plpgsql immutable
set search_path = ''
as $$
declare
  known constant text[] := '{words,meaning,reward,importance,recency}';
  kinds constant text[] := '{episode,task_result,conversation,learning,fact,working,general}';
  wrong text;
begin
  if coalesce(jsonb_typeof(weights), 'object') <> 'object' then
    perform mayfly_private.fail(400, 'invalid_request', 'weights must be an object.', null, '{"field": "weights"}');
  elsif coalesce(jsonb_typeof(half_lives), 'object') <> 'object' then
    perform mayfly_private.fail(400, 'invalid_request', 'half_lives must be an object.', null, '{"field": "half_lives"}');
  end if;

  select w.key into wrong from jsonb_each(weights) w
  where w.key <> all (known) or not mayfly_private.number_within(w.value, 0, 1) limit 1;
  if found then
    perform mayfly_private.fail(400, 'invalid_request', format('weights.%s must be a number from 0 to 1.', wrong),
      'The weights are words, meaning, reward, importance and recency.', jsonb_build_object('field', 'weights.' || wrong));
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

comment on function mayfly_private.check_weights(jsonb, jsonb) is 'Refuses weights and half-lives that a recall cannot take.';
revoke execute on function mayfly_private.check_weights(jsonb, jsonb) from public;

-- sql/schemas/0334_function_half_life.sql

-- After how many days a memory of a kind counts half as fresh: what a caller asks for, else a default.
-- Working notes age in a day, talk in a week, experience in a month, lessons in half a year, facts in a year.

create function mayfly_private.half_life(kind text, half_lives jsonb)
returns double precision
language plpgsql immutable parallel safe
set search_path = ''
as $$
begin
  return coalesce((half_lives ->> kind)::double precision, case kind
    when 'working' then 1
    when 'conversation' then 7
    when 'learning' then 180
    when 'fact' then 365
    else 30
  end);
end
$$;

comment on function mayfly_private.half_life(text, jsonb) is 'After how many days a memory of a kind counts half as fresh.';
revoke execute on function mayfly_private.half_life(text, jsonb) from public;

-- sql/schemas/0336_function_nearest.sql

-- The vectors of a tenant and a model that are nearest to one, by cosine distance, and how alike they
-- are (1 at best). Visibility and filters are the caller's to add. Nothing for a vector that is null.
-- Called by mayfly_private.recall. Locks nothing.
--
-- A small tenant is read exactly, by B-tree. A large one has settled vectors: then the best of its fresh
-- tail, read exactly, and of the HNSW index. That holds every large tenant, so among the vectors of
-- others it meets one of this tenant's every (whole / body) steps; it pays while that costs less than
-- reading the body.

create function mayfly_private.nearest(tenant uuid, model text, asked extensions.halfvec, reach integer)
returns table (memory_id uuid, similarity double precision)
language plpgsql stable strict
set search_path = ''
-- Left alone, the planner never picked HNSW: it can do without a sort, and nothing else can. Each
-- statement has one plan then, whatever the statistics and the tenant: it is made once a session.
set enable_seqscan = off
set enable_sort = off
set plan_cache_mode = force_generic_plan
set jit = off
rows 20
as $$
#variable_conflict use_column
declare
  -- Compared with itself, because a session has these settings only once it has used pgvector.
  is_loaded constant boolean := asked operator(extensions.<=>) asked is not null;
  iterative_scan constant text := current_setting('hnsw.iterative_scan');
  ef_search constant text := current_setting('hnsw.ef_search');
  max_scan_tuples constant text := current_setting('hnsw.max_scan_tuples');
  body bigint;
  whole bigint;
  ef integer;
  -- Of how many, of all tenants, these are expected to be the best.
  spread double precision;
  steps integer;
  setting text;
  ids uuid[];
  distances double precision[];
  of_index bigint;
begin
  select s.vectors, s.ef_search, (select sum(w.vectors) from mayfly_private.settlements w) into body, ef, whole
  from mayfly_private.settlements s
  where s.tenant_id = tenant and s.model = nearest.model;
  spread := reach::double precision * whole / body;

  -- A step costs as much as reading some 12 vectors. At 20, HNSW is taken for 10,000 vectors among
  -- 110,000 (a quarter of the time of reading them), not for many more to find.
  if body > 20.0 * greatest(ef, spread) then
    ef := least(greatest(ef, reach), 1000);
    -- 0, where the first batch (ef) should hold twice as many. 1, where it should hold half of them, and so
    -- the best ten of twenty: what it met besides fills up the rest (a fifth less time than 3,000 steps,
    -- for 10,000 among 110,000). Further where that fell short.
    foreach steps in array case when spread * 2 <= ef then '{0,20000}'::integer[] when spread <= 2 * ef then '{1,20000}' else '{20000}' end loop
      -- Not by set clauses: a session that has not loaded pgvector yet is refused these (as one that
      -- restores a dump). Assigned, since each perform is a statement to run.
      setting := set_config('hnsw.iterative_scan', case steps when 0 then 'off' else 'relaxed_order' end, true);
      setting := set_config('hnsw.ef_search', ef::text, true);
      setting := set_config('hnsw.max_scan_tuples', greatest(steps, 1)::text, true);
      select array_agg(best.memory_id), array_agg(best.distance), count(*) filter (where best.settled)
      into ids, distances, of_index
      from (
        select * from (
          (select v.memory_id, v.embedding operator(extensions.<=>) asked as distance, v.settled
          from mayfly.memory_vectors v
          where v.settled and v.tenant_id = tenant and v.model = nearest.model
          order by v.embedding operator(extensions.<=>) asked
          limit reach)
          union all
          (select v.memory_id, v.embedding operator(extensions.<=>) asked, v.settled
          from mayfly.memory_vectors v
          where not v.settled and case when not v.settled then v.tenant_id end = tenant and v.model = nearest.model
          order by v.embedding operator(extensions.<=>) asked
          limit reach)
        ) either
        order by either.distance, either.memory_id
      ) best;
      exit when of_index = reach;
    end loop;
    setting := set_config('hnsw.iterative_scan', iterative_scan, true);
    setting := set_config('hnsw.ef_search', ef_search, true);
    setting := set_config('hnsw.max_scan_tuples', max_scan_tuples, true);
    if of_index = reach then
      return query select best.id, 1 - best.distance from unnest(ids, distances) best (id, distance) limit reach;
      return;
    end if;
  end if;

  return query
  select best.memory_id, 1 - best.distance
  from (
    -- Each distance once: in the outer list it would be computed again.
    select v.memory_id, v.embedding operator(extensions.<=>) asked as distance
    from mayfly.memory_vectors v
    where v.tenant_id = tenant and v.model = nearest.model
    order by distance
    limit reach
  ) best;
end
$$;

comment on function mayfly_private.nearest(uuid, text, extensions.halfvec, integer) is 'The vectors that are nearest to one.';
revoke execute on function mayfly_private.nearest(uuid, text, extensions.halfvec, integer) from public;

-- sql/schemas/0337_function_settle_vectors.sql

-- Moves up to `batch` vectors of one large tenant from the fresh tail into the HNSW index, oldest first;
-- gives how many: 0 when nothing is left to settle. Large is a tenant with `large` vectors of a model,
-- and it stays so. To run in the background, again and again, each time in a transaction of its own:
-- what it has done stays done, wherever it is stopped. As the tenant grows it also measures how far the
-- index must be searched (mayfly_private.tune_search). Called by pg_cron (0329), and by mayfly.maintain
-- for the one tenant of its caller.
--
-- Locks the vectors that it moves, passing by those that others hold, and the tenant's settlement.

create function mayfly_private.settle_vectors(batch integer default 500, large integer default 10000, only_tenant uuid default null)
returns integer
language plpgsql security definer
set search_path = ''
-- After a bulk load, without statistics yet, the planner read the whole table for each tenant: 45 s.
set enable_seqscan = off
set enable_bitmapscan = off
set jit = off
as $$
declare
  chosen record;
  moved integer;
begin
  with recursive tails as (
    -- From one tail to the next by the index, without counting any.
    (select v.tenant_id, v.model from mayfly.memory_vectors v
    where not v.settled and case when not v.settled then v.tenant_id end >= coalesce(only_tenant, '00000000-0000-0000-0000-000000000000')
    order by case when not v.settled then v.tenant_id end, v.model limit 1)
    union all
    select following.* from tails t cross join lateral (
      select v.tenant_id, v.model from mayfly.memory_vectors v
      where not v.settled and (case when not v.settled then v.tenant_id end, v.model) > (t.tenant_id, t.model)
      order by case when not v.settled then v.tenant_id end, v.model limit 1) following
    where only_tenant is null or t.tenant_id = only_tenant
  )
  select t.tenant_id, t.model into chosen
  from tails t
  where (only_tenant is null or t.tenant_id = only_tenant)
    and (exists (select from mayfly_private.settlements s where s.tenant_id = t.tenant_id and s.model = t.model)
      -- A vector has its memory: most tenants need no counting of vectors.
      or ((select sum(u.memories) from mayfly_private.tenant_usage u where u.tenant_id = t.tenant_id) >= large
        and exists (
          select from mayfly.memory_vectors v where v.tenant_id = t.tenant_id and v.model = t.model
          offset large - 1)))
  limit 1;
  if not found then
    return 0;
  end if;

  -- Before these are in the index: what it does not hold is the harder question.
  if exists (
    select from mayfly_private.settlements s
    where s.tenant_id = chosen.tenant_id and s.model = chosen.model
      and s.vectors >= 4000 and s.vectors not between s.tuned_to / 2 and s.tuned_to * 1.25)
  then
    perform mayfly_private.tune_search(chosen.tenant_id, chosen.model);
  end if;

  -- By where they lie: without statistics a join by their key compared each with all of the tenant's.
  update mayfly.memory_vectors
  set settled = true
  where ctid = any (array(
    select v.ctid
    from mayfly.memory_vectors v
    where not v.settled and case when not v.settled then v.tenant_id end = chosen.tenant_id and v.model = chosen.model
    order by v.memory_id
    limit batch
    for no key update skip locked));
  get diagnostics moved = row_count;

  if moved > 0 then
    insert into mayfly_private.settlements as s (tenant_id, model, vectors)
    values (chosen.tenant_id, chosen.model, moved)
    on conflict (tenant_id, model) do update set vectors = s.vectors + excluded.vectors, settled_at = now();
  end if;
  return moved;
end
$$;

comment on function mayfly_private.settle_vectors(integer, integer, uuid) is 'Settles a batch of a large tenant''s vectors into the HNSW index.';
revoke execute on function mayfly_private.settle_vectors(integer, integer, uuid) from public;

-- sql/schemas/0338_function_tune_search.sql

-- Finds how many candidates a search of the HNSW index must keep (ef_search) for a tenant and a model, and
-- notes it in its settlement; gives it. One figure for all was either too slow or too few, so it is
-- measured: the newest vectors are asked for, those of the fresh tail first, which the index does not
-- know, with more and more candidates, until 0.995 of what 1,000 find, the most there may be, is found. To
-- compare with all instead took 100 ms a question, at 100,000 vectors. (Up to 20,000, recall compares with all
-- before it searches by 1,000.) Called by mayfly_private.settle_vectors now and then as the tenant grows;
-- takes a second or two.
--
-- Locks the settlement.

create function mayfly_private.tune_search(tenant uuid, model text, questions integer default 50)
returns integer
language plpgsql security definer
set search_path = ''
set enable_seqscan = off
set jit = off
as $$
#variable_conflict use_column
declare
  asked uuid[];
  -- What the most candidates found, in pairs.
  askers uuid[];
  best uuid[];
  found_again bigint;
  ef integer;
  wider integer;
begin
  select array_agg(q.memory_id) into asked
  from (
    select v.memory_id from mayfly.memory_vectors v
    where v.tenant_id = tenant and v.model = tune_search.model
    order by v.memory_id desc
    limit questions) q;

  foreach ef in array '{1000,60,80,100,130,170,220,300,400,550,750,1000}'::integer[] loop
    update mayfly_private.settlements s
    set ef_search = ef, tuned_to = s.vectors
    where s.tenant_id = tenant and s.model = tune_search.model;

    with found as (
      select q.memory_id as asker, n.memory_id
      from mayfly.memory_vectors q
      cross join lateral (
        select n.memory_id from mayfly_private.nearest(tenant, q.model, q.embedding, 20) n
        where n.memory_id <> q.memory_id
        order by n.similarity desc
        limit 10) n
      where q.tenant_id = tenant and q.model = tune_search.model and q.memory_id = any (asked)
    )
    select count(*) filter (where (f.asker, f.memory_id) in (select * from unnest(askers, best))),
      coalesce(askers, array_agg(f.asker)), coalesce(best, array_agg(f.memory_id))
    into found_again, askers, best
    from found f;
    exit when found_again >= 0.995 * cardinality(best);
  end loop;

  -- Of many, 1,000 do not find all either: where vectors lie loosely, 100 found 0.995 of what these did, and
  -- 0.989 of the best ten; so half as wide again, though the index itself holds no more than 0.992 of them.
  update mayfly_private.settlements s
  set ef_search = least(ef * 3 / 2, 1000)
  where s.tenant_id = tenant and s.model = tune_search.model and s.vectors > 20000
  returning s.ef_search into wider;
  return coalesce(wider, ef);
end
$$;

comment on function mayfly_private.tune_search(uuid, text, integer) is 'Measures how far the HNSW index must be searched for a tenant.';
revoke execute on function mayfly_private.tune_search(uuid, text, integer) from public;

-- sql/schemas/0340_function_check_team.sql

-- Refuses a team with the index and the field of its first fault. Called by spawn_team before it
-- locks anything; what an agent's values may be is checked as it is drafted.

create function mayfly_private.check_team(team jsonb)
returns void
language plpgsql stable
set search_path = ''
as $$
declare
  fault record;
begin
  if jsonb_typeof(team) is distinct from 'array' or jsonb_array_length(team) not between 1 and 100 then
    perform mayfly_private.fail(400, 'invalid_request', 'team must be an array of 1 to 100 groups.', null, '{"field": "team"}');
  end if;
  select g.n - 1 as index, c.field, c.rule into fault
  from jsonb_array_elements(team) with ordinality as g (item, n),
    lateral (values
      ('type', jsonb_typeof(g.item) = 'object' and mayfly_private.text_within(g.item -> 'type', 63), 'must be a text'),
      ('count', mayfly_private.number_within(g.item -> 'count', 1, 100, whole => true), 'must be a whole number from 1 to 100'),
      ('names', mayfly_private.texts_or_absent(g.item -> 'names', 100), 'must be 1 to 100 texts of 1 to 100 characters'),
      ('lifetime', mayfly_private.number_within(g.item -> 'lifetime', 5, 2592000), 'must be a number of seconds, at least 5'),
      ('capabilities', mayfly_private.texts_or_absent(g.item -> 'capabilities', 50), 'must be at most 50 texts of 1 to 100 characters'),
      ('scopes', mayfly_private.texts_or_absent(g.item -> 'scopes', 50), 'must be a list of scopes'),
      ('task', mayfly_private.text_within(g.item -> 'task', 2000), 'must be a text of at most 2000 characters'),
      ('metadata', coalesce(jsonb_typeof(g.item -> 'metadata'), 'null') in ('object', 'null'), 'must be an object'),
      ('metadata', coalesce(mayfly_private.numbers_kept(g.item -> 'metadata'), true),
        'must have no number that JavaScript cannot hold: none beyond 1.8e308, and no integer beyond 2^53')
    ) as c (field, holds, rule)
  where c.holds is not true
  order by g.n
  limit 1;
  if found then
    perform mayfly_private.fail(400, 'invalid_request', format('team[%s].%s %s.', fault.index, fault.field, fault.rule), null,
      jsonb_build_object('index', fault.index, 'field', fault.field));
  end if;
  if (select sum(coalesce((item ->> 'count')::integer, 1)) > 100 from jsonb_array_elements(team) item) then
    perform mayfly_private.fail(413, 'team_too_large', 'A team has at most 100 agents.', 'Spawn it in several calls.', '{"field": "team"}');
  end if;
end
$$;

comment on function mayfly_private.check_team(jsonb) is 'Refuses a team that has a fault, naming its index and field.';
revoke execute on function mayfly_private.check_team(jsonb) from public;

-- sql/schemas/0341_function_private_spawn_team.sql

-- The definer half of mayfly.spawn_team: all or none. Rate and quota are asked once, for all. Locks
-- the tenant's row (see open_spawn).

create function mayfly_private.spawn_team(team jsonb)
returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  spawner mayfly_private.spawner;
  wanted integer;
  item jsonb;
  agent mayfly.agents;
  drafted mayfly.agents[] := '{}';
  issued jsonb := '[]';
begin
  perform mayfly_private.check_team(team);
  wanted := (select sum(coalesce((g ->> 'count')::integer, 1)) from jsonb_array_elements(team) g);
  spawner := mayfly_private.open_spawn(wanted);

  for item in
    select g.value from jsonb_array_elements(team) with ordinality as g (value, n),
      generate_series(1, coalesce((g.value ->> 'count')::integer, 1)) nth
    order by g.n, nth
  loop
    drafted := drafted || mayfly_private.draft_agent(
      spawner, drafted, null, nullif(mayfly_private.texts_of(item -> 'names'), '{}'), coalesce(item ->> 'type', 'agent'),
      make_interval(secs => (item ->> 'lifetime')::double precision), mayfly_private.texts_of(item -> 'capabilities'),
      mayfly_private.texts_of(item -> 'scopes'), item ->> 'task', coalesce(nullif(item -> 'metadata', 'null'), '{}'));
  end loop;
  perform mayfly_private.check_living(spawner.tenant, wanted);
  perform mayfly_private.insert_agents(drafted);
  perform mayfly_private.reap((spawner.tenant).id);

  for agent in select * from unnest(drafted) loop
    issued := issued || (mayfly_private.issue_token(agent.tenant_id, agent.id) || '{"existing": false}');
  end loop;
  return issued;
end
$$;

comment on function mayfly_private.spawn_team(jsonb) is 'Spawns several agents in the tenant of the caller, all or none.';
revoke execute on function mayfly_private.spawn_team(jsonb) from public;
grant execute on function mayfly_private.spawn_team(jsonb) to authenticated, service_role;

-- sql/schemas/0342_function_spawn_team.sql

-- Spawns a team in one transaction, all or none: called by the spawn function as whoever calls it
-- (scope agent:spawn). A group is { type, count, names, lifetime, capabilities, scopes, task, metadata };
-- names are a pool of its own. Returns what spawn_agent returns for each agent, in the order asked.

create function mayfly.spawn_team(team jsonb)
returns jsonb
language sql
set search_path = ''
return mayfly_private.spawn_team(team);

comment on function mayfly.spawn_team(jsonb) is
  'Spawns groups of agents, all or none. Returns an array of { agent, type, claims, renewal_secret, existing }.';
revoke execute on function mayfly.spawn_team(jsonb) from public;
grant execute on function mayfly.spawn_team(jsonb) to authenticated, service_role;

-- sql/schemas/0343_function_private_suspend_agent.sql

-- The definer half of mayfly.suspend_agent. Descendants are suspended by the definition of alive;
-- their rows are not touched. Locks the agent's row.

create function mayfly_private.suspend_agent(agent_id uuid, reason text)
returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  agent mayfly.agents := mayfly_private.lock_agent(agent_id);
  current_status constant text := mayfly_private.effective_status(agent);
begin
  perform mayfly_private.check_reason(reason);
  if current_status in ('stopped', 'expired') then
    perform mayfly_private.refuse_transition(current_status, 'suspended');
  elsif agent.status = 'running' then
    update mayfly.agents a
    set status = 'suspended', suspended_at = clock_timestamp(), suspend_reason = reason
    where a.tenant_id = agent.tenant_id and a.id = agent.id
    returning * into agent;
  end if;
  return to_jsonb(agent);
end
$$;

comment on function mayfly_private.suspend_agent(uuid, text) is 'Suspends an agent of the caller''s tenant.';
revoke execute on function mayfly_private.suspend_agent(uuid, text) from public;
grant execute on function mayfly_private.suspend_agent(uuid, text) to authenticated, service_role;

-- sql/schemas/0344_function_suspend_agent.sql

-- Suspends an agent (the caller, without an id) and with it, from that instant, its descendants: they
-- can read and write nothing until it is resumed. For itself, its ancestors and callers with
-- agent:stop. Its time runs on. Suspending a suspended agent changes nothing and returns it.

create function mayfly.suspend_agent(id uuid default null, reason text default null)
returns jsonb
language sql
set search_path = ''
return mayfly_private.suspend_agent(id, reason);

comment on function mayfly.suspend_agent(uuid, text) is 'Suspends an agent and its descendants until it is resumed. Returns the agent.';
revoke execute on function mayfly.suspend_agent(uuid, text) from public;
grant execute on function mayfly.suspend_agent(uuid, text) to authenticated, service_role;

-- sql/schemas/0345_function_private_resume_agent.sql

-- The definer half of mayfly.resume_agent. Who resumes an agent gets its token, so it must have every
-- scope of it. Locks the agent's row, and what charge locks.

create function mayfly_private.resume_agent(agent_id uuid)
returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  agent mayfly.agents := mayfly_private.lock_agent(agent_id);
  current_status constant text := mayfly_private.effective_status(agent);
begin
  if current_status in ('stopped', 'expired') then
    perform mayfly_private.refuse_transition(current_status, 'running');
  elsif agent.status = 'running' then
    perform mayfly_private.fail(409, 'transition_not_allowed',
      case current_status when 'running' then 'An agent that is running cannot become running.'
        else 'The agent itself is running; an ancestor of it is suspended.' end,
      'Only a suspended agent is resumed, and with it its descendants.',
      jsonb_build_object('from', 'running', 'to', 'running'));
  end if;
  perform mayfly_private.check_scopes(agent.scopes, array(
    select s.name from mayfly.scopes s where agent.tenant_id = any (mayfly_private.tenant_ids(s.name))));

  -- For the suspension too, which nothing refuses: in a loop they would fill the log.
  perform mayfly_private.charge(agent.tenant_id, 0, 0, 2);
  update mayfly.agents a
  set status = 'running', suspended_at = null, suspend_reason = null
  where a.tenant_id = agent.tenant_id and a.id = agent.id;
  agent := mayfly_private.extend_life(agent.tenant_id, agent.id);
  if agent.id is null then
    perform mayfly_private.fail(409, 'agent_suspended', 'An ancestor of the agent is suspended.',
      'Resume the ancestor first.');
  end if;
  perform mayfly_private.void_secrets(agent.tenant_id, agent.id);
  return mayfly_private.issue_token(agent.tenant_id, agent.id);
end
$$;

comment on function mayfly_private.resume_agent(uuid) is 'Resumes a suspended agent of the caller''s tenant.';
revoke execute on function mayfly_private.resume_agent(uuid) from public;
grant execute on function mayfly_private.resume_agent(uuid) to authenticated, service_role;

-- sql/schemas/0346_function_resume_agent.sql

-- Resumes a suspended agent, and with it, at once, its descendants that are not suspended themselves:
-- called by the spawn function as whoever calls it. For its ancestors and callers with agent:stop.
-- The secrets before are void: the new one goes to who resumes it, with the claims to sign.

create function mayfly.resume_agent(id uuid)
returns jsonb
language sql
set search_path = ''
return mayfly_private.resume_agent(id);

comment on function mayfly.resume_agent(uuid) is
  'Resumes a suspended agent with its descendants. Returns { agent, type, claims, renewal_secret }.';
revoke execute on function mayfly.resume_agent(uuid) from public;
grant execute on function mayfly.resume_agent(uuid) to authenticated, service_role;

-- sql/schemas/0347_function_private_heartbeat.sql

-- The definer half of mayfly.heartbeat. Writes the liveness at most once a second, and the agent's row
-- only where something changes. Leases what the agent listens to, and says the newest numbers of it, as
-- listen does. Locks the caller's own rows, and what listen locks.

create function mayfly_private.heartbeat(activity text, task text, log boolean, channels text[], lost integer)
returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  of_tenant constant uuid := mayfly_private.require_tenant(null);
  caller constant mayfly_private.caller := mayfly_private.caller();
  agent mayfly.agents;
begin
  if caller.kind is distinct from 'agent' then
    perform mayfly_private.fail(403, 'not_authorized', 'Only an agent has a heartbeat.', 'Call it with the token of an agent.');
  elsif activity not in ('idle', 'thinking', 'executing', 'waiting_input', 'waiting_approval', 'waiting_review', 'blocked') then
    perform mayfly_private.fail(400, 'invalid_request',
      'activity must be idle, thinking, executing, waiting_input, waiting_approval, waiting_review or blocked.', null, '{"field": "activity"}');
  elsif char_length(task) > 2000 then
    perform mayfly_private.fail(400, 'invalid_request', 'task must have at most 2000 characters.', null, '{"field": "task"}');
  end if;

  insert into mayfly.agent_liveness as l (tenant_id, agent_id, last_seen_at)
  values (of_tenant, caller.id, clock_timestamp())
  on conflict (tenant_id, agent_id) do update set last_seen_at = excluded.last_seen_at
  where l.last_seen_at < excluded.last_seen_at - interval '1 second';

  update mayfly.agents a
  set activity = coalesce(heartbeat.activity, a.activity),
    task = case when heartbeat.task is null then a.task else nullif(heartbeat.task, '') end
  where a.tenant_id = of_tenant and a.id = caller.id
    and (a.activity, a.task) is distinct from (
      coalesce(heartbeat.activity, a.activity),
      case when heartbeat.task is null then a.task else nullif(heartbeat.task, '') end);

  select * into strict agent from mayfly.agents a where a.tenant_id = of_tenant and a.id = caller.id;
  return jsonb_build_object('activity', agent.activity, 'task', agent.task, 'expires_at', agent.expires_at,
    'seconds_left', mayfly_private.seconds_left(agent), 'watched', mayfly_private.is_watched(of_tenant, caller.id),
    'newest', mayfly_private.listen(heartbeat.log, heartbeat.channels, heartbeat.lost) - 'seconds');
end
$$;

comment on function mayfly_private.heartbeat(text, text, boolean, text[], integer) is 'Says that the calling agent lives, and what it does.';
revoke execute on function mayfly_private.heartbeat(text, text, boolean, text[], integer) from public;
grant execute on function mayfly_private.heartbeat(text, text, boolean, text[], integer) to authenticated;

-- sql/schemas/0348_function_heartbeat.sql

-- Says that the calling agent lives and, where given, what it is doing and at which task; an empty
-- task ends the one before. Leases what it listens to for 60 s: the log, and channels by their names; `lost`
-- says how many lost broadcasts it has noticed (see listen). For agents.

create function mayfly.heartbeat(
  activity text default null, task text default null, log boolean default false, channels text[] default '{}', lost integer default 0
)
returns jsonb
language sql
set search_path = ''
return mayfly_private.heartbeat(activity, task, log, channels, lost);

comment on function mayfly.heartbeat(text, text, boolean, text[], integer) is
  'Says that the calling agent lives, what it does and listens to. Returns { activity, task, expires_at, seconds_left, watched, newest }.';
revoke execute on function mayfly.heartbeat(text, text, boolean, text[], integer) from public;
grant execute on function mayfly.heartbeat(text, text, boolean, text[], integer) to authenticated;

-- sql/schemas/0350_function_card.sql

-- An agent as others see it. Called by get_agent, find_agents and agent_tree, as owner, for agents
-- that the caller may see. Locks nothing.

create function mayfly_private.card(agent mayfly.agents)
returns jsonb
language sql stable security definer
set search_path = ''
return (
  select jsonb_build_object(
    'id', agent.id,
    'name', agent.name,
    'type', agent.type,
    'type_version', agent.type_version,
    'role', (select d.role from mayfly.agent_types d
      where d.tenant_id = agent.tenant_id and d.name = agent.type and d.version = agent.type_version),
    'capabilities', to_jsonb(agent.capabilities),
    'scopes', to_jsonb(agent.scopes),
    'status', now.status,
    'activity', agent.activity,
    'task', agent.task,
    'parent', agent.parent_id,
    'depth', agent.depth,
    'children', case when now.status in ('stopped', 'expired') then 0 else (
      select count(*) from mayfly.agents c
      where c.tenant_id = agent.tenant_id and c.parent_id = agent.id
        and c.status in ('running', 'suspended') and c.expires_at > clock_timestamp()) end,
    'seconds_left', mayfly_private.seconds_left(agent),
    'spawned_at', agent.spawned_at,
    'expires_at', agent.expires_at,
    'last_seen_at', (select l.last_seen_at from mayfly.agent_liveness l
      where l.tenant_id = agent.tenant_id and l.agent_id = agent.id),
    'stopped_at', agent.stopped_at,
    'stop_reason', agent.stop_reason,
    'suspend_reason', agent.suspend_reason,
    'metadata', agent.metadata)
  from (select mayfly_private.effective_status(agent) as status) now
);

comment on function mayfly_private.card(mayfly.agents) is 'An agent as others see it.';
revoke execute on function mayfly_private.card(mayfly.agents) from public;

-- sql/schemas/0351_function_sees_agent.sql

-- Whether the caller may see an agent of its tenant: what the policy of mayfly.agents says, for
-- functions that read as owner.

create function mayfly_private.sees_agent(agent mayfly.agents)
returns boolean
language sql stable security definer
set search_path = ''
return agent.tenant_id = any (mayfly_private.tenant_ids('agent:read'))
  or agent.id = any (mayfly_private.own_agent_ids());

comment on function mayfly_private.sees_agent(mayfly.agents) is 'Whether the caller may see an agent.';
revoke execute on function mayfly_private.sees_agent(mayfly.agents) from public;

-- sql/schemas/0352_function_private_get_agent.sql

-- The definer half of mayfly.get_agent.

create function mayfly_private.get_agent(agent_id uuid)
returns jsonb
language plpgsql stable security definer
set search_path = ''
as $$
declare
  of_tenant constant uuid := mayfly_private.require_tenant(null);
  agent mayfly.agents;
begin
  select * into agent from mayfly.agents a
  where a.tenant_id = of_tenant and a.id = coalesce(get_agent.agent_id, mayfly_private.caller_id());
  if agent.id is null or not mayfly_private.sees_agent(agent) then
    perform mayfly_private.fail(404, 'agent_unknown', 'There is no such agent.', null, '{"field": "id"}');
  end if;
  return mayfly_private.card(agent);
end
$$;

comment on function mayfly_private.get_agent(uuid) is 'The card of an agent of the caller''s tenant.';
revoke execute on function mayfly_private.get_agent(uuid) from public;
grant execute on function mayfly_private.get_agent(uuid) to authenticated, service_role;

-- sql/schemas/0353_function_get_agent.sql

-- The card of an agent (the caller, without an id): for callers with agent:read, for itself and its
-- ancestors.

create function mayfly.get_agent(id uuid default null)
returns jsonb
language sql stable
set search_path = ''
return mayfly_private.get_agent(id);

comment on function mayfly.get_agent(uuid) is
  'The card of an agent: who it is, what it can and does, how long it may still live, how many children it has.';
revoke execute on function mayfly.get_agent(uuid) from public;
grant execute on function mayfly.get_agent(uuid) to authenticated, service_role;

-- sql/schemas/0354_function_private_find_agents.sql

-- The definer half of mayfly.find_agents: `@>` is not leakproof, and no index serves it under the
-- policy. Planned for its arguments each time, so that a search among the living reads the index of
-- the living, however many have died. Locks nothing.

create function mayfly_private.find_agents(
  having_capabilities text[], of_type text, with_status text, of_parent uuid, after uuid, page_limit integer
)
returns jsonb
language plpgsql stable security definer
set search_path = ''
set plan_cache_mode = force_custom_plan
as $$
declare
  tenant constant uuid := mayfly_private.require_tenant(null);
  sees_all constant boolean := tenant = any (mayfly_private.tenant_ids('agent:read'));
  own constant uuid[] := case when not sees_all then mayfly_private.own_agent_ids() end;
  any_status constant boolean := with_status is null or with_status in ('stopped', 'expired');
  cards jsonb;
begin
  if with_status not in ('running', 'suspended', 'stopped', 'expired') then
    perform mayfly_private.fail(400, 'invalid_request', 'status must be running, suspended, stopped or expired.', null, '{"field": "status"}');
  elsif page_limit is null or page_limit not between 1 and 200 then
    perform mayfly_private.fail(400, 'invalid_request', 'limit must be 1 to 200.', null, '{"field": "limit"}');
  end if;

  select coalesce(jsonb_agg(mayfly_private.card(page.agent) order by page.id), '[]') into cards
  from (
    select a as agent, a.id
    from mayfly.agents a
    where a.tenant_id = tenant
      and (sees_all or a.id = any (own))
      and (any_status or a.status in ('running', 'suspended'))
      and (after is null or a.id > after)
      and (of_type is null or a.type = of_type)
      and (of_parent is null or a.parent_id = of_parent)
      and (having_capabilities is null or a.capabilities @> having_capabilities)
      and (with_status is null or mayfly_private.effective_status(a) = with_status)
    order by a.id
    limit page_limit
  ) page;
  return jsonb_build_object(
    'agents', cards,
    'after', case when jsonb_array_length(cards) = page_limit then cards -> -1 -> 'id' end);
end
$$;

comment on function mayfly_private.find_agents(text[], text, text, uuid, uuid, integer) is 'Finds agents of the caller''s tenant.';
revoke execute on function mayfly_private.find_agents(text[], text, text, uuid, uuid, integer) from public;
grant execute on function mayfly_private.find_agents(text[], text, text, uuid, uuid, integer) to authenticated, service_role;

-- sql/schemas/0355_function_find_agents.sql

-- Finds agents by what they can, their type, their status by now, their parent: cards, ordered by id.
-- For callers with agent:read; an agent without it finds itself and its descendants.

create function mayfly.find_agents(
  capabilities text[] default null,
  type text default null,
  status text default null,
  parent uuid default null,
  after uuid default null,
  page_limit integer default 50
)
returns jsonb
language sql stable
set search_path = ''
return mayfly_private.find_agents(capabilities, type, status, parent, after, page_limit);

comment on function mayfly.find_agents(text[], text, text, uuid, uuid, integer) is
  'Finds agents that have all these capabilities. Returns { agents: cards, after }: pass `after` for the next page, null after the last.';
revoke execute on function mayfly.find_agents(text[], text, text, uuid, uuid, integer) from public;
grant execute on function mayfly.find_agents(text[], text, text, uuid, uuid, integer) to authenticated, service_role;

-- sql/schemas/0356_function_subtree.sql

-- The card of an agent with its children, theirs, and so on, the oldest first. At most max_depth deep.
-- Called by agent_tree, as owner, for agents that the caller may see.

create function mayfly_private.subtree(root mayfly.agents, living boolean)
returns jsonb
language plpgsql stable security definer
set search_path = ''
as $$
begin
  return mayfly_private.card(root) || jsonb_build_object('children', (
    select coalesce(jsonb_agg(mayfly_private.subtree(c, living) order by c.spawned_at, c.id), '[]')
    from mayfly.agents c
    where c.tenant_id = root.tenant_id and c.parent_id = root.id
      and (not living or mayfly_private.effective_status(c) in ('running', 'suspended'))));
end
$$;

comment on function mayfly_private.subtree(mayfly.agents, boolean) is 'An agent''s card with its children as a tree.';
revoke execute on function mayfly_private.subtree(mayfly.agents, boolean) from public;

-- sql/schemas/0357_function_private_agent_tree.sql

-- The definer half of mayfly.agent_tree.

create function mayfly_private.agent_tree(root uuid, living boolean)
returns jsonb
language plpgsql stable security definer
set search_path = ''
as $$
declare
  tenant constant uuid := mayfly_private.require_tenant(null);
  sees_all constant boolean := tenant = any (mayfly_private.tenant_ids('agent:read'));
  top constant uuid := coalesce(root, case when not sees_all then mayfly_private.caller_id() end);
  agent mayfly.agents;
begin
  if top is not null then
    select * into agent from mayfly.agents a where a.tenant_id = tenant and a.id = top;
    if agent.id is null or not mayfly_private.sees_agent(agent) then
      perform mayfly_private.fail(404, 'agent_unknown', 'There is no such agent.', null, '{"field": "root"}');
    end if;
  end if;
  if 1000 < (
    select count(*) from (
      select from mayfly.agents a
      where a.tenant_id = tenant and (top is null or a.ancestors @> array[top])
        and (not living or a.status in ('running', 'suspended') and a.expires_at > clock_timestamp())
      limit 1001) counted) then
    perform mayfly_private.fail(413, 'tree_too_large', 'The tree has more than 1000 agents.',
      'Ask for a part of it by its root, or list children with find_agents.', '{"field": "root"}');
  end if;

  return (
    select coalesce(jsonb_agg(mayfly_private.subtree(a, living) order by a.spawned_at, a.id), '[]')
    from mayfly.agents a
    where a.tenant_id = tenant
      and case when top is null then a.parent_id is null else a.id = top end
      and (not living or mayfly_private.effective_status(a) in ('running', 'suspended')));
end
$$;

comment on function mayfly_private.agent_tree(uuid, boolean) is 'Agents of the caller''s tenant as trees.';
revoke execute on function mayfly_private.agent_tree(uuid, boolean) from public;
grant execute on function mayfly_private.agent_tree(uuid, boolean) to authenticated, service_role;

-- sql/schemas/0358_function_agent_tree.sql

-- Agents with their children as trees: of the whole tenant, or below one agent. For callers with
-- agent:read; an agent without it sees itself and what is below it.

create function mayfly.agent_tree(root uuid default null, living boolean default true)
returns jsonb
language sql stable
set search_path = ''
return mayfly_private.agent_tree(root, coalesce(living, true));

comment on function mayfly.agent_tree(uuid, boolean) is
  'Cards whose `children` are cards, as an array of roots; the living alone, unless asked. At most 1000 agents.';
revoke execute on function mayfly.agent_tree(uuid, boolean) from public;
grant execute on function mayfly.agent_tree(uuid, boolean) to authenticated, service_role;

-- sql/schemas/0360_function_private_define_agent_type.sql

-- The definer half of mayfly.define_agent_type. Locks the tenant's row (for no key update), so that
-- versions are numbered without a gap or a double.

create function mayfly_private.define_agent_type(
  name text, role text, description text, prompt text, capabilities text[], scopes text[],
  lifetime interval, max_lifetime interval, max_living integer, metadata jsonb
)
returns mayfly.agent_types
language plpgsql security definer
set search_path = ''
as $$
declare
  of_tenant constant uuid := mayfly_private.require_tenant('type:write');
  newest mayfly.agent_types;
  defined mayfly.agent_types;
begin
  if name is null or name !~ '^[a-z0-9][a-z0-9_.-]{0,62}$' then
    perform mayfly_private.fail(400, 'invalid_request', 'name must be lower case letters, digits, dots, dashes or underscores, 63 at most.', null, '{"field": "name"}');
  elsif char_length(role) > 200 then
    perform mayfly_private.fail(400, 'invalid_request', 'role must have at most 200 characters.', null, '{"field": "role"}');
  elsif char_length(description) > 2000 then
    perform mayfly_private.fail(400, 'invalid_request', 'description must have at most 2000 characters.', null, '{"field": "description"}');
  elsif char_length(prompt) > 100000 then
    perform mayfly_private.fail(400, 'invalid_request', 'prompt must have at most 100000 characters.', null, '{"field": "prompt"}');
  elsif not mayfly_private.labels_within(capabilities, 50) then
    perform mayfly_private.fail(400, 'invalid_request', 'capabilities must be at most 50 texts of 1 to 100 characters.', null, '{"field": "capabilities"}');
  elsif lifetime < '5 seconds' or lifetime > max_lifetime or lifetime > '30 days' then
    perform mayfly_private.fail(400, 'lifetime_out_of_range', 'lifetime must be 5 seconds to max_lifetime.', null, '{"field": "lifetime"}');
  elsif max_lifetime not between '5 seconds' and '30 days' then
    perform mayfly_private.fail(400, 'lifetime_out_of_range', 'max_lifetime must be 5 seconds to 30 days.', null, '{"field": "max_lifetime"}');
  elsif max_living < 0 then
    perform mayfly_private.fail(400, 'invalid_request', 'max_living must be at least 0.', null, '{"field": "max_living"}');
  elsif jsonb_typeof(metadata) <> 'object' or pg_column_size(metadata) > 16384 then
    perform mayfly_private.fail(400, 'invalid_request', 'metadata must be an object of at most 16 KB.', null, '{"field": "metadata"}');
  end if;
  perform mayfly_private.check_numbers(metadata, 'metadata');
  -- Whoever spawns one must have them; here it is enough that agents can.
  perform mayfly_private.check_scopes(scopes, array(select s.name from mayfly.scopes s));

  perform from mayfly.tenants t where t.id = of_tenant for no key update;
  select * into newest from mayfly.agent_types d
  where d.tenant_id = of_tenant and d.name = define_agent_type.name
  order by d.version desc limit 1;
  defined := row(of_tenant, name, coalesce(newest.version, 0) + 1, role, description, prompt, capabilities, scopes,
    lifetime, max_lifetime, max_living, metadata, mayfly_private.caller_id(), clock_timestamp());
  if to_jsonb(newest) - '{version,created_by,created_at}'::text[] = to_jsonb(defined) - '{version,created_by,created_at}'::text[] then
    return newest;
  end if;
  insert into mayfly.agent_types select defined.*;
  return defined;
end
$$;

comment on function mayfly_private.define_agent_type(text, text, text, text, text[], text[], interval, interval, integer, jsonb) is
  'Defines a version of a type of agents.';
revoke execute on function mayfly_private.define_agent_type(text, text, text, text, text[], text[], interval, interval, integer, jsonb) from public;
grant execute on function mayfly_private.define_agent_type(text, text, text, text, text[], text[], interval, interval, integer, jsonb) to authenticated, service_role;

-- sql/schemas/0361_function_define_agent_type.sql

-- Defines a type of agents, or its next version where it is another than the newest (scope
-- type:write). Agents that live keep the version they were spawned with.

create function mayfly.define_agent_type(
  name text,
  role text default '',
  description text default '',
  prompt text default '',
  capabilities text[] default '{}',
  scopes text[] default null,
  lifetime double precision default null,
  max_lifetime double precision default null,
  max_living integer default null,
  metadata jsonb default '{}'
)
returns jsonb
language sql
set search_path = ''
return to_jsonb(mayfly_private.define_agent_type(
  name, coalesce(role, ''), coalesce(description, ''), coalesce(prompt, ''), coalesce(capabilities, '{}'), scopes,
  make_interval(secs => lifetime), make_interval(secs => max_lifetime), max_living, coalesce(metadata, '{}')));

comment on function mayfly.define_agent_type(text, text, text, text, text[], text[], double precision, double precision, integer, jsonb) is
  'Defines a type of agents, lifetimes in seconds. Returns its newest version, the same where nothing changed.';
revoke execute on function mayfly.define_agent_type(text, text, text, text, text[], text[], double precision, double precision, integer, jsonb) from public;
grant execute on function mayfly.define_agent_type(text, text, text, text, text[], text[], double precision, double precision, integer, jsonb) to authenticated, service_role;

-- sql/schemas/0362_function_private_create_enrolment_key.sql

-- The definer half of mayfly.create_enrolment_key: the key is returned once and kept hashed.

create function mayfly_private.create_enrolment_key(name text, scopes text[], expires_at timestamptz)
returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  of_tenant constant uuid := mayfly_private.require_tenant('key:write');
  allowed constant text[] := array(
    select s.name from mayfly.scopes s where of_tenant = any (mayfly_private.tenant_ids(s.name)));
  secret constant text := mayfly_private.new_secret('mfk_');
  key mayfly.enrolment_keys;
begin
  if name is null or char_length(name) not between 1 and 100 then
    perform mayfly_private.fail(400, 'invalid_request', 'name must have 1 to 100 characters.', null, '{"field": "name"}');
  elsif expires_at <= clock_timestamp() then
    perform mayfly_private.fail(400, 'invalid_request', 'expires_at must lie in the future.', null, '{"field": "expires_at"}');
  end if;
  perform mayfly_private.check_scopes(scopes, allowed);

  insert into mayfly.enrolment_keys (tenant_id, name, scopes, created_by, expires_at)
  values (of_tenant, name,
    case when scopes is null then mayfly_private.common_scopes(allowed)
      else array(select distinct s from unnest(scopes) s order by s) end,
    mayfly_private.caller_id(), coalesce(expires_at, clock_timestamp() + interval '90 days'))
  returning * into key;
  insert into mayfly_private.enrolment_secrets (hash, tenant_id, key_id)
  values (mayfly_private.hash_secret(secret), of_tenant, key.id);
  return jsonb_build_object('key', secret, 'enrolment_key', to_jsonb(key));
end
$$;

comment on function mayfly_private.create_enrolment_key(text, text[], timestamptz) is 'Creates an enrolment key.';
revoke execute on function mayfly_private.create_enrolment_key(text, text[], timestamptz) from public;
grant execute on function mayfly_private.create_enrolment_key(text, text[], timestamptz) to authenticated, service_role;

-- sql/schemas/0363_function_create_enrolment_key.sql

-- Creates a key by which machines spawn agents with at most these scopes, and do nothing else (scope
-- key:write). Without scopes, what most agents need; without expires_at, 90 days. The table
-- mayfly.enrolment_keys lists them.

create function mayfly.create_enrolment_key(name text, scopes text[] default null, expires_at timestamptz default null)
returns jsonb
language sql
set search_path = ''
return mayfly_private.create_enrolment_key(name, scopes, expires_at);

comment on function mayfly.create_enrolment_key(text, text[], timestamptz) is
  'Creates an enrolment key. Returns { key, enrolment_key }: the key mfk_… is shown this once.';
revoke execute on function mayfly.create_enrolment_key(text, text[], timestamptz) from public;
grant execute on function mayfly.create_enrolment_key(text, text[], timestamptz) to authenticated, service_role;

-- sql/schemas/0364_function_private_revoke_enrolment_key.sql

-- The definer half of mayfly.revoke_enrolment_key. Locks the tenant's row (for no key update), as
-- spawning does, so that no spawn by this key is under way: its agent would be missed. Then the key's
-- row and, asked to stop them, those of its agents.

create function mayfly_private.revoke_enrolment_key(key_id uuid, stop_agents boolean)
returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  of_tenant constant uuid := mayfly_private.require_tenant('key:write');
  key mayfly.enrolment_keys;
begin
  perform from mayfly.tenants t where t.id = of_tenant for no key update;
  update mayfly.enrolment_keys k set revoked_at = coalesce(k.revoked_at, clock_timestamp())
  where k.tenant_id = of_tenant and k.id = key_id
  returning * into key;
  if key.id is null then
    perform mayfly_private.fail(404, 'enrolment_key_unknown', 'There is no such enrolment key.', null, '{"field": "id"}');
  end if;
  if stop_agents then
    update mayfly.agents a
    set status = 'stopped', stopped_at = clock_timestamp(), stop_reason = 'enrolment key revoked'
    where a.tenant_id = of_tenant and a.spawned_by = key.id and a.status in ('running', 'suspended');
  end if;
  return to_jsonb(key);
end
$$;

comment on function mayfly_private.revoke_enrolment_key(uuid, boolean) is 'Revokes an enrolment key.';
revoke execute on function mayfly_private.revoke_enrolment_key(uuid, boolean) from public;
grant execute on function mayfly_private.revoke_enrolment_key(uuid, boolean) to authenticated, service_role;

-- sql/schemas/0365_function_revoke_enrolment_key.sql

-- Revokes an enrolment key at once (scope key:write). The agents that it spawned live on, unless they
-- are to be stopped with it. Revoking it again changes nothing.

create function mayfly.revoke_enrolment_key(id uuid, stop_agents boolean default false)
returns jsonb
language sql
set search_path = ''
return mayfly_private.revoke_enrolment_key(id, coalesce(stop_agents, false));

comment on function mayfly.revoke_enrolment_key(uuid, boolean) is 'Revokes an enrolment key, if asked with the agents that it spawned. Returns it.';
revoke execute on function mayfly.revoke_enrolment_key(uuid, boolean) from public;
grant execute on function mayfly.revoke_enrolment_key(uuid, boolean) to authenticated, service_role;

-- sql/schemas/0370_function_private_invite_member.sql

-- The definer half of mayfly.invite_member: the token is returned once and kept hashed.

create function mayfly_private.invite_member(role text, email text, expires_at timestamptz)
returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  of_tenant constant uuid := mayfly_private.require_tenant('member:write');
  address constant text := lower(trim(email));
  secret constant text := mayfly_private.new_secret('mfi_');
  invitation mayfly.invitations;
begin
  perform mayfly_private.require_role(of_tenant, role);
  if address !~ '^[^@\s]+@[^@\s]+$' or char_length(address) > 320 then
    perform mayfly_private.fail(400, 'invalid_request', 'email must be an e-mail address.', null, '{"field": "email"}');
  elsif expires_at <= clock_timestamp() then
    perform mayfly_private.fail(400, 'invalid_request', 'expires_at must lie in the future.', null, '{"field": "expires_at"}');
  elsif exists (
      select from mayfly.members m join auth.users u on u.id = m.user_id
      where m.tenant_id = of_tenant and lower(u.email) = address) then
    perform mayfly_private.fail(409, 'already_member', 'This person is a member of the tenant already.',
      'Change the role instead.', '{"field": "email"}');
  end if;

  insert into mayfly.invitations (tenant_id, email, role, invited_by, expires_at)
  values (of_tenant, address, role, mayfly_private.caller_id(), coalesce(expires_at, clock_timestamp() + interval '7 days'))
  returning * into invitation;
  insert into mayfly_private.invitation_secrets (hash, tenant_id, invitation_id)
  values (mayfly_private.hash_secret(secret), of_tenant, invitation.id);
  return jsonb_build_object('token', secret, 'invitation', to_jsonb(invitation));
end
$$;

comment on function mayfly_private.invite_member(text, text, timestamptz) is 'Invites a person into the tenant of the caller.';
revoke execute on function mayfly_private.invite_member(text, text, timestamptz) from public;
grant execute on function mayfly_private.invite_member(text, text, timestamptz) to authenticated, service_role;

-- sql/schemas/0371_function_invite_member.sql

-- Invites a person into the tenant (scope member:write; only an owner invites owners). With an e-mail
-- address, only who signs in with it may accept, also without the token; without one, whoever has the
-- token. Sends no mail. Valid for 7 days, unless said otherwise. The table mayfly.invitations lists them.

create function mayfly.invite_member(role text, email text default null, expires_at timestamptz default null)
returns jsonb
language sql
set search_path = ''
return mayfly_private.invite_member(role, email, expires_at);

comment on function mayfly.invite_member(text, text, timestamptz) is
  'Invites a person. Returns { token, invitation }: the token mfi_… is shown this once.';
revoke execute on function mayfly.invite_member(text, text, timestamptz) from public;
grant execute on function mayfly.invite_member(text, text, timestamptz) to authenticated, service_role;

-- sql/schemas/0372_function_private_accept_invitation.sql

-- The definer half of mayfly.accept_invitation. What is wrong with an invitation that is not theirs,
-- nobody is told. Locks the tenant's row (for no key update), as all do that change who is in it, and then the
-- invitation's, so that it is accepted once. In this order, as erase_tenant does.

create function mayfly_private.accept_invitation(token text, invitation_id uuid)
returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  caller constant mayfly_private.caller := mayfly_private.caller();
  address text;
  invitation mayfly.invitations;
  tenant_name text;
begin
  if caller.kind is distinct from 'person' then
    perform mayfly_private.fail(401, 'not_authorized', 'Only a person accepts an invitation.', 'Sign in.');
  elsif token is null and invitation_id is null then
    perform mayfly_private.fail(400, 'invalid_request', 'Accepting needs the token or the id of an invitation.', null, '{"field": "token"}');
  end if;
  select lower(u.email) into address from auth.users u where u.id = caller.id and u.email_confirmed_at is not null;

  select i.* into invitation
  from mayfly.invitations i
  left join mayfly_private.invitation_secrets s on s.tenant_id = i.tenant_id and s.invitation_id = i.id
  where i.accepted_at is null and i.revoked_at is null
    and (i.email = address or (i.email is null and token is not null))
    and (token is null or s.hash = mayfly_private.hash_secret(token))
    and (accept_invitation.invitation_id is null or i.id = accept_invitation.invitation_id)
  limit 1;
  select t.name into tenant_name from mayfly.tenants t where t.id = invitation.tenant_id for no key update;
  -- As it is under the lock: it may have been accepted or revoked meanwhile, or be gone with its tenant.
  select i.* into invitation from mayfly.invitations i
  where i.tenant_id = invitation.tenant_id and i.id = invitation.id and i.accepted_at is null and i.revoked_at is null
  for update;
  if invitation.id is null then
    perform mayfly_private.fail(404, 'invitation_unknown', 'There is no such invitation for this person.',
      'Sign in with the address that was invited and confirmed, or ask for another invitation.');
  elsif invitation.expires_at <= clock_timestamp() then
    perform mayfly_private.fail(410, 'invitation_expired', 'The invitation has expired.', 'Ask for another one.');
  end if;

  insert into mayfly.members (tenant_id, user_id, role)
  select invitation.tenant_id, u.id, invitation.role from auth.users u where u.id = caller.id
  on conflict do nothing;
  if not found then
    perform mayfly_private.fail(409, 'already_member', 'This person is a member of the tenant already.', 'The role stays as it is.');
  end if;
  update mayfly.invitations i set accepted_at = clock_timestamp(), accepted_by = caller.id
  where i.tenant_id = invitation.tenant_id and i.id = invitation.id;
  return jsonb_build_object('tenant', jsonb_build_object('id', invitation.tenant_id, 'name', tenant_name), 'role', invitation.role);
end
$$;

comment on function mayfly_private.accept_invitation(text, uuid) is 'Makes the calling person a member by an invitation.';
revoke execute on function mayfly_private.accept_invitation(text, uuid) from public;
grant execute on function mayfly_private.accept_invitation(text, uuid) to authenticated;

-- sql/schemas/0373_function_accept_invitation.sql

-- Accepts an invitation by its token, or one to the caller's own confirmed e-mail address by its id.
-- For people.

create function mayfly.accept_invitation(token text default null, id uuid default null)
returns jsonb
language sql
set search_path = ''
return mayfly_private.accept_invitation(token, id);

comment on function mayfly.accept_invitation(text, uuid) is
  'Accepts an invitation. Returns { tenant: { id, name }, role }.';
revoke execute on function mayfly.accept_invitation(text, uuid) from public;
grant execute on function mayfly.accept_invitation(text, uuid) to authenticated;

-- sql/schemas/0374_function_private_my_invitations.sql

-- The definer half of mayfly.my_invitations.

create function mayfly_private.my_invitations()
returns jsonb
language plpgsql stable security definer
set search_path = ''
as $$
declare
  caller constant mayfly_private.caller := mayfly_private.caller();
begin
  return (
    select coalesce(jsonb_agg(jsonb_build_object(
      'id', i.id, 'tenant', jsonb_build_object('id', t.id, 'name', t.name), 'role', i.role,
      'created_at', i.created_at, 'expires_at', i.expires_at) order by i.created_at, i.id), '[]')
    from auth.users u
    join mayfly.invitations i on i.email = lower(u.email)
    join mayfly.tenants t on t.id = i.tenant_id
    where u.id = caller.id and caller.kind = 'person' and u.email_confirmed_at is not null
      and i.accepted_at is null and i.revoked_at is null and i.expires_at > clock_timestamp());
end
$$;

comment on function mayfly_private.my_invitations() is 'The open invitations of the calling person.';
revoke execute on function mayfly_private.my_invitations() from public;
grant execute on function mayfly_private.my_invitations() to authenticated;

-- sql/schemas/0375_function_my_invitations.sql

-- The invitations to the caller's own confirmed e-mail address that can still be accepted. For people.

create function mayfly.my_invitations()
returns jsonb
language sql stable
set search_path = ''
return mayfly_private.my_invitations();

comment on function mayfly.my_invitations() is
  'The open invitations of the calling person: [{ id, tenant: { id, name }, role, created_at, expires_at }].';
revoke execute on function mayfly.my_invitations() from public;
grant execute on function mayfly.my_invitations() to authenticated;

-- sql/schemas/0376_function_private_revoke_invitation.sql

-- The definer half of mayfly.revoke_invitation. Locks the invitation's row.

create function mayfly_private.revoke_invitation(invitation_id uuid)
returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  of_tenant constant uuid := mayfly_private.require_tenant('member:write');
  invitation mayfly.invitations;
begin
  update mayfly.invitations i set revoked_at = coalesce(i.revoked_at, clock_timestamp())
  where i.tenant_id = of_tenant and i.id = invitation_id and i.accepted_at is null
  returning * into invitation;
  if invitation.id is null then
    perform mayfly_private.fail(404, 'invitation_unknown', 'There is no such open invitation.', null, '{"field": "id"}');
  end if;
  return to_jsonb(invitation);
end
$$;

comment on function mayfly_private.revoke_invitation(uuid) is 'Revokes an invitation that nobody has accepted.';
revoke execute on function mayfly_private.revoke_invitation(uuid) from public;
grant execute on function mayfly_private.revoke_invitation(uuid) to authenticated, service_role;

-- sql/schemas/0377_function_revoke_invitation.sql

-- Revokes an invitation that nobody has accepted (scope member:write). Again changes nothing.

create function mayfly.revoke_invitation(id uuid)
returns jsonb
language sql
set search_path = ''
return mayfly_private.revoke_invitation(id);

comment on function mayfly.revoke_invitation(uuid) is
  'Revokes an invitation. Returns it.';
revoke execute on function mayfly.revoke_invitation(uuid) from public;
grant execute on function mayfly.revoke_invitation(uuid) to authenticated, service_role;

-- sql/schemas/0378_function_private_list_members.sql

-- The definer half of mayfly.list_members.

create function mayfly_private.list_members()
returns jsonb
language plpgsql stable security definer
set search_path = ''
as $$
declare
  of_tenant constant uuid := mayfly_private.require_tenant('member:read');
begin
  return (
    select coalesce(jsonb_agg(jsonb_build_object(
      'user_id', m.user_id, 'email', u.email, 'role', m.role, 'created_at', m.created_at) order by m.created_at, m.user_id), '[]')
    from mayfly.members m join auth.users u on u.id = m.user_id
    where m.tenant_id = of_tenant);
end
$$;

comment on function mayfly_private.list_members() is 'The people of the callers tenant.';
revoke execute on function mayfly_private.list_members() from public;
grant execute on function mayfly_private.list_members() to authenticated, service_role;

-- sql/schemas/0379_function_list_members.sql

-- The people of the tenant with their e-mail addresses (scope member:read).

create function mayfly.list_members()
returns jsonb
language sql stable
set search_path = ''
return mayfly_private.list_members();

comment on function mayfly.list_members() is
  'The people of the tenant: [{ user_id, email, role, created_at }].';
revoke execute on function mayfly.list_members() from public;
grant execute on function mayfly.list_members() to authenticated, service_role;

-- sql/schemas/0380_function_lock_member.sql

-- A member of the tenant on whom the caller may act. Locks the tenant's row (for no key update), as all
-- do that change who is in it: so of two owners who leave at once, the second is the last. The caller's
-- scope is asked for again under the lock: of two admins who remove each other at once, one stays.

create function mayfly_private.lock_member(tenant uuid, member uuid, scope text)
returns mayfly.members
language plpgsql security definer
set search_path = ''
as $$
declare
  found_member mayfly.members;
begin
  perform from mayfly.tenants t where t.id = tenant for no key update;
  perform mayfly_private.require_tenant(scope);
  select * into found_member from mayfly.members m where m.tenant_id = tenant and m.user_id = member;
  if found_member.user_id is null then
    perform mayfly_private.fail(404, 'member_unknown', 'There is no such member.', null, '{"field": "user_id"}');
  end if;
  return found_member;
end
$$;

comment on function mayfly_private.lock_member(uuid, uuid, text) is 'A member, with the tenant''s people locked.';
revoke execute on function mayfly_private.lock_member(uuid, uuid, text) from public;

-- sql/schemas/0381_function_keep_owner.sql

-- Refuses to take the last owner from a tenant. Called under the lock of lock_member, before the change.
-- (Whoever is deleted in Auth goes, also as the last owner: the secret key then makes another.)

create function mayfly_private.keep_owner(member mayfly.members)
returns void
language plpgsql security definer
set search_path = ''
as $$
begin
  if member.role = 'owner' and not exists (
      select from mayfly.members m
      where m.tenant_id = member.tenant_id and m.role = 'owner' and m.user_id <> member.user_id) then
    perform mayfly_private.fail(409, 'last_owner', 'A tenant keeps at least one owner.',
      'Hand the tenant over first, or erase it.');
  end if;
end
$$;

comment on function mayfly_private.keep_owner(mayfly.members) is 'Refuses to take the last owner from a tenant.';
revoke execute on function mayfly_private.keep_owner(mayfly.members) from public;

-- sql/schemas/0382_function_private_change_member_role.sql

-- The definer half of mayfly.change_member_role. Locks the tenant's row (see lock_member), and what
-- charge locks: each change is a line of the log.

create function mayfly_private.change_member_role(member uuid, role text)
returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  of_tenant constant uuid := mayfly_private.require_tenant('member:write');
  found_member mayfly.members;
begin
  found_member := mayfly_private.lock_member(of_tenant, member, 'member:write');
  perform mayfly_private.require_role(of_tenant, role);
  perform mayfly_private.require_role(of_tenant, found_member.role);
  if role <> 'owner' then
    perform mayfly_private.keep_owner(found_member);
  end if;
  perform mayfly_private.charge(of_tenant, 0, 0, 1);
  update mayfly.members m set role = change_member_role.role
  where m.tenant_id = of_tenant and m.user_id = member
  returning * into found_member;
  return to_jsonb(found_member);
end
$$;

comment on function mayfly_private.change_member_role(uuid, text) is 'Changes the role of a member of the callers tenant.';
revoke execute on function mayfly_private.change_member_role(uuid, text) from public;
grant execute on function mayfly_private.change_member_role(uuid, text) to authenticated, service_role;

-- sql/schemas/0383_function_change_member_role.sql

-- Changes the role of a member (scope member:write; only an owner makes, changes or unmakes owners).

create function mayfly.change_member_role(user_id uuid, role text)
returns jsonb
language sql
set search_path = ''
return mayfly_private.change_member_role(user_id, role);

comment on function mayfly.change_member_role(uuid, text) is
  'Changes the role of a member. Returns { tenant_id, user_id, role, created_at }.';
revoke execute on function mayfly.change_member_role(uuid, text) from public;
grant execute on function mayfly.change_member_role(uuid, text) to authenticated, service_role;

-- sql/schemas/0384_function_private_remove_member.sql

-- The definer half of mayfly.remove_member. Locks the tenant's row (see lock_member).

create function mayfly_private.remove_member(member uuid)
returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  of_tenant constant uuid := mayfly_private.require_tenant('member:write');
  found_member mayfly.members;
begin
  found_member := mayfly_private.lock_member(of_tenant, member, 'member:write');
  perform mayfly_private.require_role(of_tenant, found_member.role);
  perform mayfly_private.keep_owner(found_member);
  delete from mayfly.members m where m.tenant_id = of_tenant and m.user_id = member;
  return to_jsonb(found_member);
end
$$;

comment on function mayfly_private.remove_member(uuid) is 'Removes a member from the callers tenant.';
revoke execute on function mayfly_private.remove_member(uuid) from public;
grant execute on function mayfly_private.remove_member(uuid) to authenticated, service_role;

-- sql/schemas/0385_function_remove_member.sql

-- Removes a member (scope member:write; only an owner removes owners). What the person remembered, and
-- the agents that the person spawned, stay.

create function mayfly.remove_member(user_id uuid)
returns jsonb
language sql
set search_path = ''
return mayfly_private.remove_member(user_id);

comment on function mayfly.remove_member(uuid) is
  'Removes a member. Returns what it was.';
revoke execute on function mayfly.remove_member(uuid) from public;
grant execute on function mayfly.remove_member(uuid) to authenticated, service_role;

-- sql/schemas/0386_function_private_leave_tenant.sql

-- The definer half of mayfly.leave_tenant. Locks the tenant's row (see lock_member).

create function mayfly_private.leave_tenant()
returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  of_tenant constant uuid := mayfly_private.require_tenant(null);
  caller constant mayfly_private.caller := mayfly_private.caller();
  found_member mayfly.members;
begin
  if caller.kind <> 'person' then
    perform mayfly_private.fail(403, 'not_authorized', 'Only a person leaves a tenant.', 'An agent stops.');
  end if;
  found_member := mayfly_private.lock_member(of_tenant, caller.id, null);
  perform mayfly_private.keep_owner(found_member);
  delete from mayfly.members m where m.tenant_id = of_tenant and m.user_id = caller.id;
  return to_jsonb(found_member);
end
$$;

comment on function mayfly_private.leave_tenant() is 'Takes the calling person out of the tenant.';
revoke execute on function mayfly_private.leave_tenant() from public;
grant execute on function mayfly_private.leave_tenant() to authenticated;

-- sql/schemas/0387_function_leave_tenant.sql

-- Leaves the tenant. Its last owner cannot. For people.

create function mayfly.leave_tenant()
returns jsonb
language sql
set search_path = ''
return mayfly_private.leave_tenant();

comment on function mayfly.leave_tenant() is
  'Leaves the tenant. Returns what the person was.';
revoke execute on function mayfly.leave_tenant() from public;
grant execute on function mayfly.leave_tenant() to authenticated;

-- sql/schemas/0388_function_private_transfer_tenant.sql

-- The definer half of mayfly.transfer_tenant. Locks the tenant's row (see lock_member).

create function mayfly_private.transfer_tenant(member uuid)
returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  of_tenant constant uuid := mayfly_private.require_tenant('member:write');
  caller constant mayfly_private.caller := mayfly_private.caller();
  found_member mayfly.members;
begin
  if caller.kind <> 'person' then
    perform mayfly_private.fail(403, 'not_authorized', 'Only an owner hands a tenant over.', 'With the secret key, change roles.');
  end if;
  found_member := mayfly_private.lock_member(of_tenant, member, 'member:write');
  perform mayfly_private.require_role(of_tenant, 'owner');
  if member = caller.id then
    perform mayfly_private.fail(400, 'invalid_request', 'A tenant is handed over to somebody else.', null, '{"field": "user_id"}');
  end if;
  update mayfly.members m set role = case when m.user_id = member then 'owner' else 'admin' end
  where m.tenant_id = of_tenant and m.user_id in (member, caller.id);
  return (select to_jsonb(m) from mayfly.members m where m.tenant_id = of_tenant and m.user_id = member);
end
$$;

comment on function mayfly_private.transfer_tenant(uuid) is 'Hands the tenant over to another member.';
revoke execute on function mayfly_private.transfer_tenant(uuid) from public;
grant execute on function mayfly_private.transfer_tenant(uuid) to authenticated;

-- sql/schemas/0389_function_transfer_tenant.sql

-- Hands the tenant over: the member becomes owner, the calling owner admin. For owners.

create function mayfly.transfer_tenant(user_id uuid)
returns jsonb
language sql
set search_path = ''
return mayfly_private.transfer_tenant(user_id);

comment on function mayfly.transfer_tenant(uuid) is
  'Hands the tenant over to a member; the caller becomes admin. Returns the new owner.';
revoke execute on function mayfly.transfer_tenant(uuid) from public;
grant execute on function mayfly.transfer_tenant(uuid) to authenticated;

-- sql/schemas/0390_function_private_add_member.sql

-- The definer half of mayfly.add_member. Locks the tenant's row (see lock_member).

create function mayfly_private.add_member(member uuid, role text)
returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  of_tenant constant uuid := mayfly_private.require_tenant('member:write');
  found_member mayfly.members;
begin
  perform mayfly_private.require_role(of_tenant, role);
  if not exists (select from auth.users u where u.id = member) then
    perform mayfly_private.fail(404, 'user_unknown', 'There is no such user.', null, '{"field": "user_id"}');
  end if;
  perform from mayfly.tenants t where t.id = of_tenant for no key update;
  perform mayfly_private.require_tenant('member:write');
  insert into mayfly.members as m (tenant_id, user_id, role) values (of_tenant, member, add_member.role)
  on conflict do nothing
  returning * into found_member;
  if found_member.user_id is null then
    perform mayfly_private.fail(409, 'already_member', 'This person is a member of the tenant already.', 'Change the role instead.', '{"field": "user_id"}');
  end if;
  return to_jsonb(found_member);
end
$$;

comment on function mayfly_private.add_member(uuid, text) is 'Makes a user a member of the tenant.';
revoke execute on function mayfly_private.add_member(uuid, text) from public;
grant execute on function mayfly_private.add_member(uuid, text) to service_role;

-- sql/schemas/0391_function_add_member.sql

-- Makes a user a member without an invitation. For the secret key alone: for people it would tell
-- which users there are.

create function mayfly.add_member(user_id uuid, role text)
returns jsonb
language sql
set search_path = ''
return mayfly_private.add_member(user_id, role);

comment on function mayfly.add_member(uuid, text) is
  'Makes a user a member without an invitation. For the secret key alone.';
revoke execute on function mayfly.add_member(uuid, text) from public;
grant execute on function mayfly.add_member(uuid, text) to service_role;

-- sql/schemas/0392_function_private_update_tenant.sql

-- The definer half of mayfly.update_tenant. Locks the tenant's row.

create function mayfly_private.update_tenant(name text, language text, max_lifetime interval, token_lifetime interval, max_depth integer, retention jsonb)
returns mayfly.tenants
language plpgsql security definer
set search_path = ''
as $$
declare
  of_tenant constant uuid := mayfly_private.require_tenant('tenant:write');
  tenant mayfly.tenants;
begin
  if char_length(name) not between 1 and 200 then
    perform mayfly_private.fail(400, 'invalid_request', 'name must have 1 to 200 characters.', null, '{"field": "name"}');
  elsif max_lifetime not between '5 seconds' and '30 days' then
    perform mayfly_private.fail(400, 'lifetime_out_of_range', 'max_lifetime must be 5 seconds to 30 days.', null, '{"field": "max_lifetime"}');
  elsif token_lifetime not between '10 seconds' and '1 hour' then
    perform mayfly_private.fail(400, 'lifetime_out_of_range', 'token_lifetime must be 10 seconds to 1 hour.', null, '{"field": "token_lifetime"}');
  elsif max_depth not between 0 and 20 then
    perform mayfly_private.fail(400, 'invalid_request', 'max_depth must be 0 to 20.', null, '{"field": "max_depth"}');
  elsif not mayfly_private.is_retention(retention) then
    perform mayfly_private.fail(400, 'invalid_request',
      'retention must be at most 50 rules { older_than, kind?, below_reward? }, older_than in seconds, 60 at least.', null, '{"field": "retention"}');
  end if;
  update mayfly.tenants t
  set name = coalesce(update_tenant.name, t.name), language = coalesce(update_tenant.language, t.language),
    max_lifetime = coalesce(update_tenant.max_lifetime, t.max_lifetime),
    token_lifetime = coalesce(update_tenant.token_lifetime, t.token_lifetime),
    max_depth = coalesce(update_tenant.max_depth, t.max_depth),
    retention = coalesce(update_tenant.retention, t.retention)
  where t.id = of_tenant
  returning * into tenant;
  return tenant;
exception when check_violation then
  perform mayfly_private.fail(400, 'invalid_request', 'language is not one that the database can search.', null, '{"field": "language"}');
  return null;
end
$$;

comment on function mayfly_private.update_tenant(text, text, interval, interval, integer, jsonb) is 'Changes the name and the settings of the callers tenant.';
revoke execute on function mayfly_private.update_tenant(text, text, interval, interval, integer, jsonb) from public;
grant execute on function mayfly_private.update_tenant(text, text, interval, interval, integer, jsonb) to authenticated, service_role;

-- sql/schemas/0393_function_update_tenant.sql

-- Changes the name of the tenant, the language of its memories to come, what its agents may and
-- which memories are forgotten by age (scope
-- tenant:write); lifetimes in seconds, null leaves as it is. Its quotas are the project's to give:
-- mayfly.set_quotas.

create function mayfly.update_tenant(
  name text default null, language text default null, max_lifetime double precision default null,
  token_lifetime double precision default null, max_depth integer default null, retention jsonb default null
)
returns mayfly.tenants
language sql
set search_path = ''
return mayfly_private.update_tenant(
  name, language, make_interval(secs => max_lifetime), make_interval(secs => token_lifetime), max_depth, retention);

comment on function mayfly.update_tenant(text, text, double precision, double precision, integer, jsonb) is
  'Changes the name and the settings of the tenant. Returns it.';
revoke execute on function mayfly.update_tenant(text, text, double precision, double precision, integer, jsonb) from public;
grant execute on function mayfly.update_tenant(text, text, double precision, double precision, integer, jsonb) to authenticated, service_role;

-- sql/schemas/0394_function_private_erase_tenant.sql

-- The definer half of mayfly.erase_tenant. The first call stops every agent and revokes every key, so
-- that little is written meanwhile; each deletes up to max_rows rows of what can be much; the last
-- deletes the tenant, and with it everything that is left. Locks the tenant's row.

create function mayfly_private.erase_tenant(name text, max_rows integer)
returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  of_tenant constant uuid := mayfly_private.require_tenant('tenant:write');
  left_rows integer := max_rows;
  deleted integer;
begin
  if mayfly_private.acting_role(of_tenant) is distinct from 'owner' then
    perform mayfly_private.fail(403, 'role_missing', 'Only an owner erases a tenant.', 'Ask an owner of the tenant.', '{"role": "owner"}');
  elsif name is distinct from (select t.name from mayfly.tenants t where t.id = of_tenant for update) then
    perform mayfly_private.fail(400, 'invalid_request', 'name is not the name of the tenant.',
      'To erase a tenant, give its name.', '{"field": "name"}');
  elsif max_rows is null or max_rows < 1 then
    perform mayfly_private.fail(400, 'invalid_request', 'max_rows must be at least 1.', null, '{"field": "max_rows"}');
  end if;

  update mayfly.enrolment_keys k set revoked_at = clock_timestamp() where k.tenant_id = of_tenant and k.revoked_at is null;
  update mayfly.invitations i set revoked_at = clock_timestamp() where i.tenant_id = of_tenant and i.revoked_at is null;
  update mayfly.agents a set status = 'stopped', stopped_at = clock_timestamp(), stop_reason = 'tenant erased'
  where a.tenant_id = of_tenant and a.status in ('running', 'suspended');

  delete from mayfly.memories m where (m.tenant_id, m.id) in (
    select b.tenant_id, b.id from mayfly.memories b where b.tenant_id = of_tenant limit left_rows);
  get diagnostics deleted = row_count;
  left_rows := left_rows - deleted;
  delete from mayfly.deliveries d where (d.tenant_id, d.recipient_id, d.seq) in (
    select b.tenant_id, b.recipient_id, b.seq from mayfly.deliveries b where b.tenant_id = of_tenant limit left_rows);
  get diagnostics deleted = row_count;
  left_rows := left_rows - deleted;
  delete from mayfly.messages m where (m.tenant_id, m.id) in (
    select b.tenant_id, b.id from mayfly.messages b where b.tenant_id = of_tenant limit left_rows);
  get diagnostics deleted = row_count;
  left_rows := left_rows - deleted;
  delete from mayfly_private.ops o where (o.tenant_id, o.id) in (
    select b.tenant_id, b.id from mayfly_private.ops b where b.tenant_id = of_tenant limit left_rows);
  get diagnostics deleted = row_count;
  left_rows := left_rows - deleted;
  delete from mayfly.events e where (e.tenant_id, e.xid, e.id) in (
    select b.tenant_id, b.xid, b.id from mayfly.events b where b.tenant_id = of_tenant limit left_rows);
  get diagnostics deleted = row_count;
  left_rows := left_rows - deleted;
  delete from mayfly.debug_records r where (r.tenant_id, r.id) in (
    select b.tenant_id, b.id from mayfly.debug_records b where b.tenant_id = of_tenant limit left_rows);
  get diagnostics deleted = row_count;
  left_rows := left_rows - deleted;
  delete from mayfly.states s where (s.tenant_id, s.id) in (
    select b.tenant_id, b.id from mayfly.states b where b.tenant_id = of_tenant limit left_rows);
  get diagnostics deleted = row_count;
  left_rows := left_rows - deleted;
  -- The deepest first: a parent goes after its children.
  delete from mayfly.agents a where (a.tenant_id, a.id) in (
    select b.tenant_id, b.id from mayfly.agents b where b.tenant_id = of_tenant order by b.depth desc limit left_rows);
  get diagnostics deleted = row_count;
  left_rows := left_rows - deleted;

  if left_rows > 0 then
    delete from mayfly.tenants t where t.id = of_tenant;
  end if;
  return jsonb_build_object('erased', left_rows > 0);
end
$$;

comment on function mayfly_private.erase_tenant(text, integer) is 'Erases the callers tenant.';
revoke execute on function mayfly_private.erase_tenant(text, integer) from public;
grant execute on function mayfly_private.erase_tenant(text, integer) to authenticated, service_role;

-- sql/schemas/0395_function_erase_tenant.sql

-- Erases the tenant with everything in it, for good: for its owners and the secret key, who confirm by
-- its name. At most max_rows rows a call, for the API's statement timeout (8 s): call it again until it
-- says erased. Agents stop with the first call.

create function mayfly.erase_tenant(name text, max_rows integer default 20000)
returns jsonb
language sql
set search_path = ''
return mayfly_private.erase_tenant(name, max_rows);

comment on function mayfly.erase_tenant(text, integer) is
  'Erases the tenant for good. Returns { erased }: while false, call it again.';
revoke execute on function mayfly.erase_tenant(text, integer) from public;
grant execute on function mayfly.erase_tenant(text, integer) to authenticated, service_role;

-- sql/schemas/0396_function_private_usage.sql

-- The definer half of mayfly.usage.

create function mayfly_private.usage()
returns jsonb
language plpgsql stable security definer
set search_path = ''
as $$
declare
  of_tenant constant uuid := mayfly_private.require_tenant(null);
begin
  return (
    select jsonb_build_object(
      'memories', u.memories, 'bytes', u.bytes, 'writes_this_minute', u.writes,
      'living_agents', (select count(*) from mayfly.agents a
        where a.tenant_id = of_tenant and a.status in ('running', 'suspended') and a.expires_at > clock_timestamp()),
      'spawns_left', floor(coalesce((
        select least(t.spawns_per_minute, b.tokens + extract(epoch from clock_timestamp() - b.filled_at) * t.spawns_per_minute / 60)
        from mayfly_private.spawn_buckets b where b.tenant_id = of_tenant), t.spawns_per_minute)),
      'limits', jsonb_build_object(
        'max_memories', t.max_memories, 'max_bytes', t.max_bytes, 'writes_per_minute', t.writes_per_minute,
        'max_living_agents', t.max_living_agents, 'spawns_per_minute', t.spawns_per_minute,
        'max_lifetime', extract(epoch from t.max_lifetime), 'token_lifetime', extract(epoch from t.token_lifetime),
        'max_depth', t.max_depth))
    from mayfly.tenants t, (
      select coalesce(sum(s.memories), 0) as memories, coalesce(sum(s.bytes), 0) as bytes,
        coalesce(sum(s.writes) filter (where s.minute = date_trunc('minute', clock_timestamp())), 0) as writes
      from mayfly_private.tenant_usage s where s.tenant_id = of_tenant) u
    where t.id = of_tenant);
end
$$;

comment on function mayfly_private.usage() is 'What the tenant uses of its quotas.';
revoke execute on function mayfly_private.usage() from public;
grant execute on function mayfly_private.usage() to authenticated, service_role;

-- sql/schemas/0397_function_usage.sql

-- What the tenant uses of its quotas, and these. For everyone in it.

create function mayfly.usage()
returns jsonb
language sql stable
set search_path = ''
return mayfly_private.usage();

comment on function mayfly.usage() is
  'What the tenant uses: { memories, bytes, writes_this_minute, living_agents, spawns_left, limits }.';
revoke execute on function mayfly.usage() from public;
grant execute on function mayfly.usage() to authenticated, service_role;

-- sql/schemas/0398_function_recount_usage.sql

-- Counts a tenant's usage anew from its tables, as the meters count it: for the SQL editor, after
-- retention or by a yearly doubt. Locks the tenant's shards.

create function mayfly_private.recount_usage(tenant uuid)
returns void
language plpgsql security definer
set search_path = ''
as $$
declare
  stored record;
begin
  perform mayfly_private.charge(tenant, 0, 0, 0);
  perform from mayfly_private.tenant_usage u where u.tenant_id = tenant order by u.shard for update;
  select count(*) as memories,
    coalesce(sum(512 + octet_length(m.task) + octet_length(m.input) + octet_length(m.output) + octet_length(m.critique)
      + pg_column_size(m.tags || '{}') + pg_column_size(m.metadata || '{}') + pg_column_size(m.hlc || '{}')), 0)
    + (select count(*) * 800 from mayfly.memory_vectors v where v.tenant_id = tenant)
    + (select coalesce(sum(mayfly_private.conflict_bytes(c.base, c.wanted)), 0)
      from mayfly.memory_conflicts c where c.tenant_id = tenant)
    + (select coalesce(sum(s.bytes), 0) from mayfly.state_versions s where s.tenant_id = tenant)
    + (select coalesce(sum(r.bytes), 0) from mayfly.debug_records r where r.tenant_id = tenant)
    + (select coalesce(sum(b.bytes), 0) from mayfly.messages b where b.tenant_id = tenant)
    + (select count(*) * 160 from mayfly.deliveries d where d.tenant_id = tenant)
    + (select coalesce(sum(mayfly_private.row_bytes(r.of_table, r.content)), 0) from (
      select 'agents' as of_table, to_jsonb(a) as content from mayfly.agents a where a.tenant_id = tenant
      union all select 'agent_types', to_jsonb(t) from mayfly.agent_types t where t.tenant_id = tenant
      union all select 'channels', to_jsonb(c) from mayfly.channels c where c.tenant_id = tenant
      union all select 'channel_subscriptions', to_jsonb(s) from mayfly.channel_subscriptions s where s.tenant_id = tenant
      union all select 'enrolment_keys', to_jsonb(k) from mayfly.enrolment_keys k where k.tenant_id = tenant
      union all select 'invitations', to_jsonb(i) from mayfly.invitations i where i.tenant_id = tenant
      union all select 'registrations', to_jsonb(g) from mayfly_private.registrations g where g.tenant_id = tenant) r) as bytes
  into strict stored
  from mayfly.memories m where m.tenant_id = tenant;
  update mayfly_private.tenant_usage u
  set memories = case when u.shard = 0 then stored.memories else 0 end,
    bytes = case when u.shard = 0 then stored.bytes else 0 end
  where u.tenant_id = tenant;
end
$$;

comment on function mayfly_private.recount_usage(uuid) is 'Counts what a tenant stores anew.';
revoke execute on function mayfly_private.recount_usage(uuid) from public;

-- sql/schemas/0399_function_installation.sql

-- For `mayfly doctor`, with the secret key alone: what of Mayfly is in this database, and whether other
-- tables are open to every signed-in caller, which agents are.
--
--   { postgres, at, extensions: {name: version}, migrations: [{ version, name, md5 }] | null,
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

create function mayfly_private.installation()
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

comment on function mayfly_private.installation() is 'What of Mayfly is in this database.';
revoke execute on function mayfly_private.installation() from public;
grant execute on function mayfly_private.installation() to service_role;

create function mayfly.installation()
returns jsonb
language sql stable
set search_path = ''
return mayfly_private.installation();

comment on function mayfly.installation() is
  'What of Mayfly is in this database: { postgres, at, extensions, migrations, jobs, unprotected, policies, open_policies, maintenance, pre_request, timeouts, statistics, broadcasts }.';
revoke execute on function mayfly.installation() from public;
grant execute on function mayfly.installation() to service_role;

-- sql/schemas/0400_policies.sql

-- Who may see what. Every call is wrapped in a select, so that it is evaluated once a statement.
--
-- One door for writes: nobody but the owner has INSERT, UPDATE, DELETE or TRUNCATE on any table of either
-- schema, and no policy is for anything but SELECT. Every write is a definer function of mayfly_private or a
-- trigger, which checks, charges and keeps the clocks. A write past them is one that nobody has checked: one
-- PATCH of a version once ended the maintenance of every tenant.

alter table mayfly.scopes enable row level security;
alter table mayfly.tenants enable row level security;
alter table mayfly.members enable row level security;
alter table mayfly.invitations enable row level security;
alter table mayfly.agent_types enable row level security;
alter table mayfly.agents enable row level security;
alter table mayfly.agent_liveness enable row level security;
alter table mayfly.enrolment_keys enable row level security;
alter table mayfly.memories enable row level security;
alter table mayfly.memory_vectors enable row level security;
alter table mayfly.memory_conflicts enable row level security;
alter table mayfly.events enable row level security;

grant select on mayfly.scopes to authenticated, service_role;
create policy scopes_select on mayfly.scopes for select to authenticated
  using (true);

grant select on mayfly.tenants to authenticated, service_role;
create policy tenants_select on mayfly.tenants for select to authenticated
  using (id = any ((select mayfly.tenant_ids())::uuid[]));

grant select on mayfly.members to authenticated, service_role;
create policy members_select on mayfly.members for select to authenticated
  using (tenant_id = any ((select mayfly.tenant_ids('member:read'))::uuid[]));

grant select on mayfly.invitations to authenticated, service_role;
create policy invitations_select on mayfly.invitations for select to authenticated
  using (tenant_id = any ((select mayfly.tenant_ids('member:write'))::uuid[]));

grant select on mayfly.enrolment_keys to authenticated, service_role;
create policy enrolment_keys_select on mayfly.enrolment_keys for select to authenticated
  using (tenant_id = any ((select mayfly.tenant_ids('key:write'))::uuid[]));

grant select on mayfly.agent_types to authenticated, service_role;
create policy agent_types_select on mayfly.agent_types for select to authenticated
  using (tenant_id = any ((select mayfly.tenant_ids('agent:read'))::uuid[]));

grant select on mayfly.agents to authenticated, service_role;
create policy agents_select on mayfly.agents for select to authenticated
  using (tenant_id = any ((select mayfly.tenant_ids('agent:read'))::uuid[])
    or id = any ((select mayfly_private.own_agent_ids())::uuid[]));

grant select on mayfly.agent_liveness to authenticated, service_role;
create policy agent_liveness_select on mayfly.agent_liveness for select to authenticated
  using (tenant_id = any ((select mayfly.tenant_ids('agent:read'))::uuid[])
    or agent_id = any ((select mayfly_private.own_agent_ids())::uuid[]));

grant select on mayfly.memories to authenticated, service_role;
create policy memories_select on mayfly.memories for select to authenticated
  using (tenant_id = any ((select mayfly.tenant_ids('memory:read'))::uuid[])
    and (visibility = 'tenant'
      or agent_id = any ((select mayfly_private.own_agent_ids())::uuid[])
      or tenant_id = any ((select mayfly.tenant_ids('memory:admin'))::uuid[])));

grant select on mayfly.memory_conflicts to authenticated, service_role;
create policy memory_conflicts_select on mayfly.memory_conflicts for select to authenticated
  using (tenant_id = any ((select mayfly.tenant_ids('memory:read'))::uuid[])
    and exists (select from mayfly.memories m
      where m.tenant_id = memory_conflicts.tenant_id and m.id = memory_conflicts.memory_id));

grant select on mayfly.memory_vectors to authenticated, service_role;
create policy memory_vectors_select on mayfly.memory_vectors for select to authenticated
  using (tenant_id = any ((select mayfly.tenant_ids('memory:read'))::uuid[])
    and exists (select from mayfly.memories m
      where m.tenant_id = memory_vectors.tenant_id and m.id = memory_vectors.memory_id));

grant select on mayfly.events to authenticated, service_role;
create policy events_select on mayfly.events for select to authenticated
  using (tenant_id = any ((select mayfly.tenant_ids('memory:read'))::uuid[])
    and (audience is null
      or audience = any ((select mayfly_private.own_agent_ids())::uuid[])
      or audience = (select mayfly_private.caller_id())
      or tenant_id = any ((select mayfly.tenant_ids('memory:admin'))::uuid[])));

-- sql/schemas/0401_policies_messages.sql

-- Who may see messages, inboxes and channels. Functions alone write them.

alter table mayfly.channels enable row level security;
alter table mayfly.channel_subscriptions enable row level security;
alter table mayfly.messages enable row level security;
alter table mayfly.inboxes enable row level security;
alter table mayfly.deliveries enable row level security;

-- That there is a channel is no secret in its tenant; what was said in it may be.
grant select on mayfly.channels to authenticated, service_role;
create policy channels_select on mayfly.channels for select to authenticated
  using (tenant_id = any ((select mayfly.tenant_ids('message:read'))::uuid[]));

grant select on mayfly.channel_subscriptions to authenticated, service_role;
create policy channel_subscriptions_select on mayfly.channel_subscriptions for select to authenticated
  using (tenant_id = any ((select mayfly.tenant_ids('message:read'))::uuid[]));

grant select on mayfly.inboxes to authenticated, service_role;
create policy inboxes_select on mayfly.inboxes for select to authenticated
  using (tenant_id = any ((select mayfly.tenant_ids('message:read'))::uuid[])
    and (recipient_id = (select mayfly_private.caller_id())
      or tenant_id = any ((select mayfly.tenant_ids('message:admin'))::uuid[])));

grant select on mayfly.deliveries to authenticated, service_role;
create policy deliveries_select on mayfly.deliveries for select to authenticated
  using (tenant_id = any ((select mayfly.tenant_ids('message:read'))::uuid[])
    and (recipient_id = (select mayfly_private.caller_id())
      or sender_id = (select mayfly_private.caller_id())
      or tenant_id = any ((select mayfly.tenant_ids('message:admin'))::uuid[])));

grant select on mayfly.messages to authenticated, service_role;
create policy messages_select on mayfly.messages for select to authenticated
  using (tenant_id = any ((select mayfly.tenant_ids('message:read'))::uuid[])
    and (sender_id = (select mayfly_private.caller_id())
      or channel_id = any ((select mayfly_private.readable_channel_ids())::uuid[])
      or tenant_id = any ((select mayfly.tenant_ids('message:admin'))::uuid[])
      or exists (select from mayfly.deliveries d
        where d.tenant_id = messages.tenant_id and d.message_id = messages.id
          and d.recipient_id = (select mayfly_private.caller_id()))));

-- sql/schemas/0402_policies_state.sql

-- Who may see states and debug records. Both are written by functions alone.

alter table mayfly.states enable row level security;
alter table mayfly.state_versions enable row level security;
alter table mayfly.debug_records enable row level security;

grant select on mayfly.states to authenticated, service_role;
create policy states_select on mayfly.states for select to authenticated
  using (tenant_id = any ((select mayfly.tenant_ids('state:read'))::uuid[]));

grant select on mayfly.state_versions to authenticated, service_role;
create policy state_versions_select on mayfly.state_versions for select to authenticated
  using (tenant_id = any ((select mayfly.tenant_ids('state:read'))::uuid[]));

grant select on mayfly.debug_records to authenticated, service_role;
create policy debug_records_select on mayfly.debug_records for select to authenticated
  using (tenant_id = any ((select mayfly.tenant_ids('debug:read'))::uuid[]));

-- sql/schemas/0403_function_set_quotas.sql

-- Sets quotas of a tenant, and how long it keeps messages that everyone has acknowledged (in seconds); null
-- leaves one as it is. They are the project's to give: for the secret key, which names the tenant. Locks the
-- tenant's row.

create function mayfly_private.set_quotas(
  max_living_agents integer, spawns_per_minute integer, max_memories bigint, max_bytes bigint, writes_per_minute integer,
  messages_kept double precision
)
returns mayfly.tenants
language plpgsql security definer
set search_path = ''
as $$
declare
  of_tenant constant uuid := mayfly_private.require_tenant('tenant:write');
  fault record;
  tenant mayfly.tenants;
begin
  select q.field, q.rule into fault
  from (values
    ('max_living_agents', max_living_agents not between 0 and 100000, 'a whole number from 0 to 100000'),
    ('spawns_per_minute', spawns_per_minute not between 1 and 100000, 'a whole number from 1 to 100000'),
    ('max_memories', max_memories < 0, 'a whole number from 0'),
    ('max_bytes', max_bytes < 0, 'a whole number from 0'),
    ('writes_per_minute', writes_per_minute < 1000, 'a whole number from 1000, since one push may have that many'),
    ('messages_kept', messages_kept not between 3600 and 315360000, 'seconds from 3600 to 315360000')
  ) as q (field, refused, rule)
  where q.refused
  limit 1;
  if found then
    perform mayfly_private.fail(400, 'invalid_request', format('%s must be %s.', fault.field, fault.rule), null,
      jsonb_build_object('field', fault.field));
  end if;
  update mayfly.tenants t
  set max_living_agents = coalesce(set_quotas.max_living_agents, t.max_living_agents),
    spawns_per_minute = coalesce(set_quotas.spawns_per_minute, t.spawns_per_minute),
    max_memories = coalesce(set_quotas.max_memories, t.max_memories),
    max_bytes = coalesce(set_quotas.max_bytes, t.max_bytes),
    writes_per_minute = coalesce(set_quotas.writes_per_minute, t.writes_per_minute),
    messages_kept = coalesce(make_interval(secs => set_quotas.messages_kept), t.messages_kept)
  where t.id = of_tenant
  returning * into tenant;
  return tenant;
end
$$;

comment on function mayfly_private.set_quotas(integer, integer, bigint, bigint, integer, double precision) is 'Sets quotas of a tenant.';
revoke execute on function mayfly_private.set_quotas(integer, integer, bigint, bigint, integer, double precision) from public;
grant execute on function mayfly_private.set_quotas(integer, integer, bigint, bigint, integer, double precision) to service_role;

create function mayfly.set_quotas(
  max_living_agents integer default null, spawns_per_minute integer default null, max_memories bigint default null,
  max_bytes bigint default null, writes_per_minute integer default null, messages_kept double precision default null
)
returns mayfly.tenants
language sql
set search_path = ''
return mayfly_private.set_quotas(max_living_agents, spawns_per_minute, max_memories, max_bytes, writes_per_minute, messages_kept);

comment on function mayfly.set_quotas(integer, integer, bigint, bigint, integer, double precision) is
  'Sets quotas of a tenant, null leaves one as it is. For the secret key. Returns the tenant.';
revoke execute on function mayfly.set_quotas(integer, integer, bigint, bigint, integer, double precision) from public;
grant execute on function mayfly.set_quotas(integer, integer, bigint, bigint, integer, double precision) to service_role;

-- sql/schemas/0410_function_may_use_topic.sql

-- Whether the caller may receive from, or send to, a private Realtime topic:
--
--   tenant:{t}:agents       presence of every agent; read with presence:read, tracked with presence:write
--   tenant:{t}:log          nudges; read with memory:read, sent by the database alone
--   tenant:{t}:agent:{a}    one agent's, or a person's, inbox; read by itself and with message:admin, sent by
--                           the database alone
--   tenant:{t}:channel:{c}  a channel's messages, by its name; read by who may read it, sent by the database alone
--   tenant:{t}:broadcast:{c}  what is broadcast in a channel and kept nowhere; read by the same, sent by those who
--                           may publish in it and have channel:broadcast. It is apart from the channel's messages,
--                           so that nobody can pass a broadcast off as one.
--   tenant:{t}:debug:{a}    one agent's debug stream; read with debug:read, sent by itself with debug:write
--
-- Parts are compared as text, with an exact count. Realtime asks at join and at each new token.

create function mayfly_private.may_use_topic(topic text, extension text, sending boolean)
returns boolean
language plpgsql stable security definer
set search_path = ''
as $$
declare
  part constant text[] := string_to_array(topic, ':');
  tenant constant uuid := mayfly_private.to_uuid(part[2]);
begin
  if part[1] is distinct from 'tenant' or tenant is null or part[2] <> tenant::text then
    return false;
  end if;
  if part[3] = 'agents' and cardinality(part) = 3 then
    return case
      -- To track, the server also asks for the right to receive; an agent that only tracks joins
      -- without receiving presence (config.presence.enabled tells the server, not a policy).
      when extension = 'presence' and sending then tenant = any (mayfly_private.tenant_ids('presence:write'))
      when extension = 'presence' then tenant = any (mayfly_private.tenant_ids('presence:read'))
      when not sending then tenant = any (mayfly_private.tenant_ids('presence:read') || mayfly_private.tenant_ids('presence:write'))
      else false
    end;
  elsif part[3] = 'broadcast' and cardinality(part) = 4 and extension = 'broadcast' then
    return exists (
      select from mayfly.channels c
      where c.tenant_id = tenant and c.name = part[4]
        -- Realtime counts what a client sends against the whole project, and no quota of ours sees it.
        and case when sending
          then tenant = any (mayfly_private.tenant_ids('channel:broadcast')) and mayfly_private.may_publish(c)
          -- Who sends must also join, and for that receive.
          else mayfly_private.may_publish(c) or c.id = any (mayfly_private.readable_channel_ids())
        end);
  elsif part[3] = 'debug' and cardinality(part) = 4 and extension = 'broadcast' then
    -- Who sends must also join, and for that receive.
    return (not sending and tenant = any (mayfly_private.tenant_ids('debug:read')))
      or (part[4] = mayfly_private.caller_id()::text and (mayfly_private.caller()).kind = 'agent'
        and tenant = any (mayfly_private.tenant_ids('debug:write')));
  elsif sending or extension <> 'broadcast' then
    return false;
  elsif part[3] = 'log' and cardinality(part) = 3 then
    return tenant = any (mayfly_private.tenant_ids('memory:read'));
  elsif part[3] = 'channel' and cardinality(part) = 4 then
    return exists (
      select from mayfly.channels c
      where c.tenant_id = tenant and c.name = part[4] and c.id = any (mayfly_private.readable_channel_ids()));
  elsif part[3] = 'agent' and cardinality(part) = 4 then
    return (tenant = any (mayfly_private.tenant_ids(null)) and part[4] = mayfly_private.caller_id()::text)
      or (tenant = any (mayfly_private.tenant_ids('message:admin')) and exists (
        select from mayfly.agents a where a.tenant_id = tenant and a.id::text = part[4]));
  end if;
  return false;
end
$$;

comment on function mayfly_private.may_use_topic(text, text, boolean) is 'Whether the caller may receive from, or send to, a Realtime topic.';
revoke execute on function mayfly_private.may_use_topic(text, text, boolean) from public;
grant execute on function mayfly_private.may_use_topic(text, text, boolean) to authenticated;

-- sql/schemas/0411_function_tell_agents.sql

-- Tells agents that were stopped or suspended, and their descendants, which end or rest with them, in
-- their inboxes: their SDKs leave every channel at once. As owner: nobody else sends there. A hint, as
-- every broadcast: what ends an agent is its row. As many at once as the tenant may tell, the highest
-- first; the rest is due.

create function mayfly_private.tell_agents()
returns trigger
language plpgsql security definer
set search_path = ''
as $$
declare
  ended record;
begin
  for ended in
    select n.tenant_id as tenant, array_agg(a.id order by a.depth, a.id) as ids,
      array_agg(jsonb_build_object('status', n.status,
        'reason', case when a.id = n.id then coalesce(n.stop_reason, n.suspend_reason) else 'ancestor ' || n.status end)
        order by a.depth, a.id) as payloads
    from new_rows n
    join old_rows o on o.tenant_id = n.tenant_id and o.id = n.id
    join mayfly.agents a on a.tenant_id = n.tenant_id and (a.id = n.id or a.ancestors @> array[n.id])
    where n.status in ('stopped', 'suspended') and o.status = 'running'
      and (a.id = n.id or (a.status = 'running' and a.expires_at > clock_timestamp()))
    group by n.tenant_id
  loop
    -- One statement: realtime.send is a subtransaction for each, which made stopping an agent with 500
    -- children eleven times as slow as one without.
    with told as (
      select format('tenant:%s:agent:%s', ended.tenant, e.id) as topic, e.payload, e.n, allowed
      from unnest(ended.ids, ended.payloads) with ordinality as e (id, payload, n),
        mayfly_private.may_tell(ended.tenant, cardinality(ended.ids)) allowed
    ), due as (
      insert into mayfly_private.nudges_due (tenant_id, topic, event)
      select ended.tenant, t.topic, 'control' from told t where t.n > t.allowed
    )
    insert into realtime.messages (payload, event, topic, private, extension)
    select t.payload, 'control', t.topic, true, 'broadcast' from told t where t.n <= t.allowed;
  end loop;
  return null;
exception when others then
  -- As realtime.send has it: to stop an agent depends on no broadcast.
  raise warning 'Agents could not be told of their end: %', sqlerrm;
  return null;
end
$$;

comment on function mayfly_private.tell_agents() is 'Trigger: tells agents that they were stopped or suspended.';
revoke execute on function mayfly_private.tell_agents() from public;

create trigger agents_tell after update on mayfly.agents
  referencing old table as old_rows new table as new_rows
  for each statement execute function mayfly_private.tell_agents();

-- sql/schemas/0412_function_private_living_agents.sql

-- The definer half of mayfly.living_agents: who sees who is present may be told who of them lives,
-- also without agent:read. Set-based: asked one by one, of 200 agents it took 240 ms on PGlite instead
-- of 20. Locks nothing.

create function mayfly_private.living_agents(ids uuid[])
returns jsonb
language plpgsql stable security definer
set search_path = ''
as $$
declare
  tenant constant uuid := mayfly_private.require_tenant('presence:read');
begin
  if ids is null or cardinality(ids) > 1000 then
    perform mayfly_private.fail(400, 'invalid_request', 'ids must be at most 1000 ids of agents.', 'Ask in several calls.', '{"field": "ids"}');
  end if;
  return (
    select coalesce(jsonb_agg(jsonb_build_object('id', living.id, 'name', living.name, 'type', living.type, 'activity', living.activity,
      'seconds_left', round(greatest(extract(epoch from living.ends_at - clock_timestamp()), 0), 3)) order by living.id), '[]')
    from (
      select a.id, a.name, a.type, a.activity, least(a.expires_at, line.ends_at) as ends_at
      from mayfly.agents a
      -- Each ancestor by its key: as a join on any (ancestors) it was planned as all with all.
      cross join lateral (
        select min(l.expires_at) as ends_at, bool_and(l.status = 'running' and l.expires_at > clock_timestamp()) as lives
        from unnest(a.ancestors) ancestor (id)
        join mayfly.agents l on l.tenant_id = a.tenant_id and l.id = ancestor.id
      ) line
      where a.tenant_id = tenant and a.id = any (ids) and a.status = 'running' and a.expires_at > clock_timestamp()
        and coalesce(line.lives, true)
    ) living);
end
$$;

comment on function mayfly_private.living_agents(uuid[]) is 'Which of these agents are alive.';
revoke execute on function mayfly_private.living_agents(uuid[]) from public;
grant execute on function mayfly_private.living_agents(uuid[]) to authenticated, service_role;

-- sql/schemas/0413_function_living_agents.sql

-- Which of these agents are alive: presence is told by its clients, the table is the truth.

create function mayfly.living_agents(ids uuid[])
returns jsonb
language sql stable
set search_path = ''
return mayfly_private.living_agents(ids);

comment on function mayfly.living_agents(uuid[]) is
  'Which of these agents are alive, at most 1000: [{ id, name, type, activity, seconds_left }]. Needs presence:read.';
revoke execute on function mayfly.living_agents(uuid[]) from public;
grant execute on function mayfly.living_agents(uuid[]) to authenticated, service_role;

-- sql/schemas/0419_function_check_recipients.sql

-- Refuses messages whose recipient there is not, or is not alive, and those to many that reach nobody.
-- Called by send_messages for those that are new; delivered has a message's id for each recipient. As
-- owner. Locks nothing.

create function mayfly_private.check_recipients(tenant uuid, messages jsonb, claimed uuid[], delivered uuid[])
returns void
language plpgsql stable security definer
set search_path = ''
as $$
declare
  fault record;
begin
  select o.n - 1 as index, o.m -> 'to' ->> 'agent' as recipient, (a.id is not null) as dead into fault
  from jsonb_array_elements(messages) with ordinality as o (m, n)
  left join mayfly.agents a on a.tenant_id = tenant and a.id = (o.m -> 'to' ->> 'agent')::uuid
  where (o.m ->> 'id')::uuid = any (claimed) and o.m -> 'to' ? 'agent'
    and case when a.id is null
      then not exists (select from mayfly.members p where p.tenant_id = tenant and p.user_id = (o.m -> 'to' ->> 'agent')::uuid)
      else mayfly_private.effective_status(a) not in ('running', 'suspended') end
  order by o.n limit 1;
  if fault.dead then
    perform mayfly_private.fail(409, 'recipient_not_alive', format('The agent %s is not alive.', fault.recipient),
      'Nothing was sent. An agent that has ended is sent nothing more: find one that lives.',
      jsonb_build_object('index', fault.index, 'field', 'to'));
  elsif fault.index is not null then
    perform mayfly_private.fail(404, 'recipient_unknown', format('There is no agent or member %s.', fault.recipient),
      'Nothing was sent. Name an agent or a member of the tenant.', jsonb_build_object('index', fault.index, 'field', 'to'));
  end if;

  select o.n - 1 as index, o.m -> 'to' as target into fault
  from jsonb_array_elements(messages) with ordinality as o (m, n)
  where (o.m ->> 'id')::uuid = any (claimed) and not o.m -> 'to' ? 'channel'
    and (o.m ->> 'id')::uuid <> all (delivered)
  order by o.n limit 1;
  if fault.index is not null then
    perform mayfly_private.fail(404, 'no_recipient', format('No other living agent matches %s.', fault.target),
      'Nothing was sent. Send it when there is one, or publish in a channel.',
      jsonb_build_object('index', fault.index, 'field', 'to'));
  end if;
end
$$;

comment on function mayfly_private.check_recipients(uuid, jsonb, uuid[], uuid[]) is 'Refuses messages that would reach nobody.';
revoke execute on function mayfly_private.check_recipients(uuid, jsonb, uuid[], uuid[]) from public;

-- sql/schemas/0420_function_show_message.sql

-- A message as its readers see it, without what says who else got it. Called by all who hand one out.

create function mayfly_private.show_message(message mayfly.messages)
returns jsonb
language sql stable
set search_path = ''
return jsonb_build_object(
  'id', message.id,
  'type', message.type,
  'sender_id', message.sender_id,
  'sender_kind', message.sender_kind,
  'to', message.target,
  'conversation_id', message.conversation_id,
  'correlation_id', message.correlation_id,
  'reply_to', message.reply_to,
  'priority', message.priority,
  'reply_required', message.reply_required,
  'deadline', message.deadline,
  'payload', message.payload,
  'attachments', message.attachments,
  'sent_at', message.sent_at);

comment on function mayfly_private.show_message(mayfly.messages) is 'A message as its readers see it.';
revoke execute on function mayfly_private.show_message(mayfly.messages) from public;

-- sql/schemas/0421_function_check_messages.sql

-- Refuses messages with the index and the field of their first fault, before anything is sent. Locks nothing.

create function mayfly_private.check_messages(messages jsonb)
returns void
language plpgsql
set search_path = ''
as $$
declare
  fault record;
  known constant text[] := '{id,to,type,payload,conversation_id,correlation_id,reply_to,priority,reply_required,deadline,attachments}';
begin
  if jsonb_typeof(messages) is distinct from 'array' or jsonb_array_length(messages) not between 1 and 100 then
    perform mayfly_private.fail(400, 'invalid_request', 'messages must be an array of 1 to 100 messages.', null, '{"field": "messages"}');
  elsif pg_column_size(messages) > 4194304 then
    perform mayfly_private.fail(413, 'push_too_large', 'One call sends at most 4 MB.', 'Send fewer at once.', '{"field": "messages"}');
  end if;

  select o.n - 1 as index, c.field, c.rule into fault
  from jsonb_array_elements(messages) with ordinality as o (m, n),
    lateral (select case when jsonb_typeof(o.m -> 'to') = 'object' then o.m -> 'to' else '{}' end as target) as part,
    lateral (values
      ('id', jsonb_typeof(o.m) = 'object' and mayfly_private.to_uuid(o.m ->> 'id') is not null, 'must be a uuid'),
      ('to', (select count(*) = 1 from jsonb_object_keys(part.target)) and case
          when part.target ? 'agent' then jsonb_typeof(part.target -> 'agent') = 'string' and mayfly_private.to_uuid(part.target ->> 'agent') is not null
          when part.target ? 'all' then part.target -> 'all' = 'true'
          when part.target ? 'type' or part.target ? 'channel' then jsonb_typeof(coalesce(part.target -> 'type', part.target -> 'channel')) = 'string' and coalesce(part.target ->> 'type', part.target ->> 'channel') ~ '^[a-z0-9][a-z0-9_.-]{0,62}$'
          when part.target ? 'role' then jsonb_typeof(part.target -> 'role') = 'string' and char_length(part.target ->> 'role') between 1 and 200
          when part.target ? 'capability' then jsonb_typeof(part.target -> 'capability') = 'string' and char_length(part.target ->> 'capability') between 1 and 100
          else false end,
        'must be one of { agent: uuid }, { all: true }, { type }, { role }, { capability }, { channel }'),
      ('type', jsonb_typeof(o.m -> 'type') = 'string' and o.m ->> 'type' ~ '^[a-z][a-z0-9_]{0,62}$',
        'must be lower case letters, digits and underscores, a letter first, 63 at most'),
      ('payload', coalesce(jsonb_typeof(o.m -> 'payload'), 'object') = 'object' and coalesce(octet_length((o.m -> 'payload')::text), 0) <= 262144
          and not coalesce(jsonb_path_exists(o.m -> 'payload', '$.**{33 to last}'), false),
        'must be an object of at most 256 KB, at most 32 levels deep'),
      ('payload', coalesce(mayfly_private.numbers_kept(o.m -> 'payload'), true),
        'must have no number that JavaScript cannot hold: none beyond 1.8e308, and no integer beyond 2^53'),
      ('conversation_id', mayfly_private.uuid_or_absent(o.m -> 'conversation_id'), 'must be a uuid'),
      ('correlation_id', mayfly_private.text_within(o.m -> 'correlation_id', 200) and o.m ->> 'correlation_id' is distinct from '',
        'must be a text of 1 to 200 characters'),
      ('reply_to', mayfly_private.uuid_or_absent(o.m -> 'reply_to'), 'must be the id of a message'),
      ('priority', coalesce(o.m ->> 'priority', 'normal') in ('low', 'normal', 'high', 'urgent'), 'must be low, normal, high or urgent'),
      ('reply_required', coalesce(jsonb_typeof(o.m -> 'reply_required'), 'null') in ('boolean', 'null'), 'must be true or false'),
      ('deadline', mayfly_private.instant_or_absent(o.m -> 'deadline'), 'must be an ISO 8601 instant'),
      ('attachments', case coalesce(jsonb_typeof(o.m -> 'attachments'), 'null')
          when 'null' then true
          when 'array' then jsonb_array_length(o.m -> 'attachments') <= 20 and not exists (
            select from jsonb_array_elements(o.m -> 'attachments') a
            where case when jsonb_typeof(a) <> 'object' then true else
              a - '{name,uri,mime_type,bytes,sha256}'::text[] <> '{}'
              or (jsonb_typeof(a -> 'name') = 'string' and char_length(a ->> 'name') between 1 and 500) is not true
              or (jsonb_typeof(a -> 'uri') = 'string' and char_length(a ->> 'uri') between 1 and 2000) is not true
              or not mayfly_private.text_within(a -> 'mime_type', 200)
              or not mayfly_private.number_within(a -> 'bytes', 0, 1e15, true)
              or not (coalesce(jsonb_typeof(a -> 'sha256'), 'null') = 'null' or (jsonb_typeof(a -> 'sha256') = 'string' and a ->> 'sha256' ~ '^[0-9a-f]{64}$')) end)
          else false end,
        'must be at most 20 of { name, uri, mime_type?, bytes?, sha256? }'),
      (coalesce((select k from jsonb_object_keys(case when jsonb_typeof(o.m) = 'object' then o.m else '{}' end) k where k <> all (known) limit 1), 'id'),
        case when jsonb_typeof(o.m) = 'object' then o.m - known = '{}' else true end, 'is no field of a message')
    ) as c (field, holds, rule)
  where c.holds is not true
  order by o.n
  limit 1;
  if found then
    perform mayfly_private.fail(400, 'invalid_request', format('messages[%s].%s %s.', fault.index, fault.field, fault.rule),
      'Nothing was sent. Correct it, or leave the message out.', jsonb_build_object('index', fault.index, 'field', fault.field));
  end if;

  select max(o.n) - 1 as index into fault
  from jsonb_array_elements(messages) with ordinality as o (m, n)
  group by (o.m ->> 'id')::uuid
  having count(*) > 1
  limit 1;
  if found then
    perform mayfly_private.fail(400, 'invalid_request', format('messages[%s].id stands in this call twice.', fault.index),
      'Nothing was sent. Give each message an id of its own (UUIDv7).', jsonb_build_object('index', fault.index, 'field', 'id'));
  end if;
end
$$;

comment on function mayfly_private.check_messages(jsonb) is 'Refuses messages that have a fault, naming index and field.';
revoke execute on function mayfly_private.check_messages(jsonb) from public;

-- sql/schemas/0422_function_agents_of_target.sql

-- The agents that a message to many goes to: the living (the suspended, too, who get it when they are
-- resumed) that the target describes, but the sender. As owner: who sends need not have agent:read.
-- Called by send_messages. Locks nothing.

create function mayfly_private.agents_of_target(tenant uuid, sender uuid, target jsonb)
returns setof uuid
language sql stable security definer
set search_path = ''
begin atomic
  select a.id
  from mayfly.agents a
  where a.tenant_id = tenant and a.status in ('running', 'suspended') and a.expires_at > clock_timestamp()
    and a.id is distinct from sender
    and (target ->> 'all' is not null
      or a.type = target ->> 'type'
      or (target ? 'capability' and a.capabilities @> array[target ->> 'capability'])
      or exists (select from mayfly.agent_types d
        where d.tenant_id = a.tenant_id and d.name = a.type and d.version = a.type_version and d.role = target ->> 'role'))
    and not exists (select from mayfly.agents line
      where line.tenant_id = a.tenant_id and line.id = any (a.ancestors)
        and (line.status not in ('running', 'suspended') or line.expires_at <= clock_timestamp()));
end;

comment on function mayfly_private.agents_of_target(uuid, uuid, jsonb) is 'The living agents that a target describes.';
revoke execute on function mayfly_private.agents_of_target(uuid, uuid, jsonb) from public;

-- sql/schemas/0423_function_may_publish.sql

-- Whether the caller may publish in a channel of its tenant: with message:send its creator, its
-- publishers, in one of kind two_way its subscribers; the secret key in all. Called by send_messages and
-- may_use_topic. Locks nothing.

create function mayfly_private.may_publish(channel mayfly.channels)
returns boolean
language sql stable security definer
set search_path = ''
return (
  select channel.tenant_id = any (mayfly_private.tenant_ids('message:send'))
    and (who.kind = 'secret' or coalesce(channel.created_by = who.id, false)
      or (channel.kind <> 'two_way' and who.id = any (channel.publishers))
      or (channel.kind = 'two_way' and exists (select from mayfly.channel_subscriptions s
        where s.tenant_id = channel.tenant_id and s.channel_id = channel.id and s.subscriber_id = who.id)))
  from mayfly_private.caller() who
);

comment on function mayfly_private.may_publish(mayfly.channels) is 'Whether the caller may publish in a channel.';
revoke execute on function mayfly_private.may_publish(mayfly.channels) from public;

-- sql/schemas/0424_function_announce.sql

-- Broadcasts messages that were just sent to those who listen: to the open inboxes that they are in, and to
-- their channels. A broadcast carries all of a message up to 64 KB, else its number alone, which its
-- reader then asks for. As many as the tenant may tell by now go at once; of the rest each topic's greatest
-- number is due. Called by send_messages. In PL/pgSQL, so that it finds realtime.send when it runs: a
-- body that is parsed once would keep Realtime from replacing that function by dropping it.
--
-- A channel that nobody has leased is told of nothing. Its number is due all the same, while somebody flushes:
-- a lease may begin while this transaction is open (see nudge).

create function mayfly_private.announce(tenant uuid, ids uuid[], in_channels boolean)
returns void
language plpgsql security definer
set search_path = ''
as $$
declare
  told record;
  allowed integer;
begin
  select array_agg(w.topic order by w.topic, w.seq) as topics, array_agg(w.id order by w.topic, w.seq) as ids,
    array_agg(w.numbers order by w.topic, w.seq) as numbers, count(*) as wanted
  into told
  from (
    select format('tenant:%s:agent:%s', tenant, d.recipient_id) as topic, d.message_id as id, d.seq,
      jsonb_build_object('seq', d.seq, 'attempt', 1, 'session', d.session) as numbers
    from mayfly.deliveries d
    join mayfly.messages m on m.tenant_id = d.tenant_id and m.id = d.message_id
    where d.tenant_id = tenant and d.message_id = any (announce.ids) and d.session is not null
      and coalesce(m.deadline > clock_timestamp(), true)
    union all
    select l.topic, m.id, m.channel_seq, jsonb_build_object('seq', m.channel_seq)
    from mayfly.messages m
    join mayfly_private.listeners l on l.tenant_id = tenant and l.until > clock_timestamp()
      and l.topic = format('tenant:%s:channel:%s', tenant, m.target ->> 'channel')
    where in_channels and m.tenant_id = tenant and m.id = any (announce.ids) and m.channel_id is not null
  ) w;
  allowed := mayfly_private.may_tell(tenant, told.wanted::integer);

  perform realtime.send(
    case when octet_length(m.payload::text) + octet_length(m.attachments::text) <= 65536
      then t.numbers || mayfly_private.show_message(m)
      else t.numbers end,
    'message', t.topic, true)
  from unnest(told.topics, told.ids, told.numbers) with ordinality as t (topic, id, numbers, n)
  join mayfly.messages m on m.tenant_id = tenant and m.id = t.id
  where t.n <= allowed
  order by t.n;

  if told.wanted > allowed then
    insert into mayfly_private.nudges_due (tenant_id, topic, event, seq)
    select tenant, t.topic, 'message', max((t.numbers ->> 'seq')::bigint)
    from unnest(told.topics, told.numbers) with ordinality as t (topic, numbers, n)
    where t.n > allowed
    group by t.topic;
  end if;
  if in_channels and mayfly_private.is_flushed() then
    insert into mayfly_private.nudges_due (tenant_id, topic, event, seq)
    select tenant, format('tenant:%s:channel:%s', tenant, m.target ->> 'channel'), 'message', max(m.channel_seq)
    from mayfly.messages m
    where m.tenant_id = tenant and m.id = any (announce.ids) and m.channel_id is not null
      and not (format('tenant:%s:channel:%s', tenant, m.target ->> 'channel') = any (coalesce(told.topics, '{}')))
    group by 2;
  end if;
end
$$;

comment on function mayfly_private.announce(uuid, uuid[], boolean) is 'Broadcasts messages to their readers.';
revoke execute on function mayfly_private.announce(uuid, uuid[], boolean) from public;

-- sql/schemas/0425_function_send_messages.sql

-- Sends 1 to 100 messages, all or none, stamped with their sender. What was sent before, by its id, is not
-- sent again and gives its result again. Scope message:send.
--
-- Locks, until commit, in this order, so that no two senders wait for each other: the channels, the ids,
-- each sorted; a shard of the tenant's usage; the inboxes, sorted. So the numbers of a channel and of an
-- inbox have no gap and come in the order of the commits.

create function mayfly_private.send_messages(messages jsonb)
returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  max_recipients constant integer := 10000;
  tenant constant uuid := mayfly_private.require_tenant('message:send');
  caller constant mayfly_private.caller := mayfly_private.caller();
  channel_names text[];
  channel mayfly.channels;
  known uuid[];
  claimed uuid[];
  expected integer;
  fault record;
  delivered uuid[];
  recipients uuid[];
begin
  perform mayfly_private.check_messages(messages);

  channel_names := array(select distinct m -> 'to' ->> 'channel' from jsonb_array_elements(messages) m where m -> 'to' ? 'channel');
  if cardinality(channel_names) > 0 then
    for channel in
      select * from mayfly.channels c where c.tenant_id = tenant and c.name = any (channel_names) order by c.id for no key update
    loop
      if not mayfly_private.may_publish(channel) then
        perform mayfly_private.fail(403, 'not_publisher', format('The caller may not publish in the channel %s.', channel.name),
          case channel.kind when 'two_way' then 'Subscribe to it first.' else 'Ask its creator to make the caller one of its publishers.' end,
          jsonb_build_object('channel', channel.name));
      end if;
    end loop;
    select o.n - 1 as index, o.m -> 'to' ->> 'channel' as name into fault
    from jsonb_array_elements(messages) with ordinality as o (m, n)
    where o.m -> 'to' ? 'channel'
      and not exists (select from mayfly.channels c where c.tenant_id = tenant and c.name = o.m -> 'to' ->> 'channel')
    order by o.n limit 1;
    if found then
      perform mayfly_private.fail(404, 'channel_unknown', format('There is no channel %s.', fault.name),
        'Nothing was sent. Create the channel, or list those there are.', jsonb_build_object('index', fault.index, 'field', 'to'));
    end if;
  end if;

  known := array(select m.id from mayfly.messages m
    where m.tenant_id = tenant and m.id in (select (e ->> 'id')::uuid from jsonb_array_elements(messages) e));
  expected := jsonb_array_length(messages) - cardinality(known);

  with fresh as (
    select o.m, o.n, (o.m ->> 'id')::uuid as id, c.id as channel_id,
      c.last_seq + row_number() over (partition by c.id order by o.n) as channel_seq
    from jsonb_array_elements(messages) with ordinality as o (m, n)
    left join mayfly.channels c on c.tenant_id = tenant and c.name = o.m -> 'to' ->> 'channel'
    where (o.m ->> 'id')::uuid <> all (known)
  ), inserted as (
    insert into mayfly.messages (tenant_id, id, type, sender_id, sender_kind, target, channel_id, channel_seq, conversation_id,
      correlation_id, reply_to, priority, reply_required, deadline, payload, attachments)
    select tenant, f.id, f.m ->> 'type', caller.id, case caller.kind when 'secret' then 'service' else caller.kind end,
      f.m -> 'to', f.channel_id, case when f.channel_id is not null then f.channel_seq end,
      (f.m ->> 'conversation_id')::uuid, f.m ->> 'correlation_id', (f.m ->> 'reply_to')::uuid, coalesce(f.m ->> 'priority', 'normal'),
      coalesce((f.m ->> 'reply_required')::boolean, false), (f.m ->> 'deadline')::timestamptz,
      coalesce(f.m -> 'payload', '{}'), coalesce(nullif(f.m -> 'attachments', 'null'), '[]')
    from fresh f
    order by f.id
    on conflict do nothing
    returning id
  )
  select coalesce(array_agg(i.id), '{}') into claimed from inserted i;

  -- Another call has just sent one of them: in a channel that would leave a gap.
  if cardinality(claimed) < expected and cardinality(channel_names) > 0 then
    perform mayfly_private.fail(409, 'message_id_taken', 'A message of one of these ids was sent just now.',
      'Nothing was sent. Send them again: what was sent gives its result.', '{"field": "id"}');
  end if;
  select o.n - 1 as index into fault
  from jsonb_array_elements(messages) with ordinality as o (m, n)
  join mayfly.messages m on m.tenant_id = tenant and m.id = (o.m ->> 'id')::uuid
  where m.sender_id is distinct from caller.id
  order by o.n limit 1;
  if found then
    perform mayfly_private.fail(409, 'message_id_taken', format('messages[%s].id is that of another sender''s message.', fault.index),
      'Nothing was sent. Give each message an id of its own (UUIDv7).', jsonb_build_object('index', fault.index, 'field', 'id'));
  end if;
  -- One that was made so long ago might have been sent, handled and deleted.
  select o.n - 1 as index into fault
  from jsonb_array_elements(messages) with ordinality as o (m, n)
  where (o.m ->> 'id')::uuid = any (claimed)
    and mayfly_private.time_of_id((o.m ->> 'id')::uuid) < now() - (select t.messages_kept from mayfly.tenants t where t.id = tenant)
  order by o.n limit 1;
  if found then
    perform mayfly_private.fail(410, 'op_expired', format('messages[%s] was made so long ago that it may have been sent already.', fault.index),
      'Nothing was sent. Send it anew, with another id.', jsonb_build_object('index', fault.index, 'field', 'id'));
  end if;

  update mayfly.channels c
  set last_seq = m.seq
  from (
    select m.channel_id, max(m.channel_seq) as seq from mayfly.messages m
    where m.tenant_id = tenant and m.id = any (claimed) and m.channel_id is not null group by 1
  ) m
  where c.tenant_id = tenant and c.id = m.channel_id;

  -- To whom, message by message: one to a single agent or person names it.
  select coalesce(array_agg(t.id order by t.n, t.recipient), '{}'), coalesce(array_agg(t.recipient order by t.n, t.recipient), '{}')
  into delivered, recipients
  from (
    select o.n, (o.m ->> 'id')::uuid as id, r.recipient
    from jsonb_array_elements(messages) with ordinality as o (m, n),
      lateral (
        select (o.m -> 'to' ->> 'agent')::uuid as recipient where o.m -> 'to' ? 'agent'
        union all
        select mayfly_private.agents_of_target(tenant, caller.id, o.m -> 'to') where not o.m -> 'to' ?| '{agent,channel}') r
    where (o.m ->> 'id')::uuid = any (claimed)
    limit max_recipients + 1
  ) t;

  if cardinality(delivered) > max_recipients then
    perform mayfly_private.fail(413, 'push_too_large', format('One call reaches at most %s recipients.', max_recipients),
      'Nothing was sent. Send fewer messages at once, or publish in a channel.', jsonb_build_object('limit', max_recipients));
  end if;
  perform mayfly_private.check_recipients(tenant, messages, claimed, delivered);

  if cardinality(claimed) > 0 then
    perform mayfly_private.charge(tenant, 0,
      160 * cardinality(delivered) + (select sum(m.bytes) from mayfly.messages m where m.tenant_id = tenant and m.id = any (claimed)),
      greatest(cardinality(claimed), cardinality(delivered)));
  end if;

  with sent as (
    select d.message_id, d.recipient_id, row_number() over (partition by d.recipient_id order by d.n) as nth
    from unnest(delivered, recipients) with ordinality as d (message_id, recipient_id, n)
  ), numbered as (
    insert into mayfly.inboxes as box (tenant_id, recipient_id, last_seq)
    select tenant, s.recipient_id, count(*) from sent s group by s.recipient_id order by s.recipient_id
    on conflict (tenant_id, recipient_id) do update set last_seq = box.last_seq + excluded.last_seq
    returning box.recipient_id, box.last_seq, box.session
  ), listening as (
    -- One that is suspended, itself or by an ancestor, is told nothing: it finds all when it is resumed.
    select n.recipient_id, n.last_seq, case
      when n.session is not null and exists (
        select from mayfly.agents a
        where a.tenant_id = tenant and a.id = n.recipient_id and mayfly_private.effective_status(a) <> 'running') then null
      else n.session end as session
    from numbered n
  )
  insert into mayfly.deliveries (tenant_id, recipient_id, seq, message_id, sender_id, session, attempts)
  select tenant, s.recipient_id,
    b.last_seq - count(*) over (partition by s.recipient_id) + s.nth, s.message_id, caller.id,
    b.session, case when b.session is null then 0 else 1 end
  from sent s join listening b using (recipient_id)
  order by s.recipient_id, s.nth;

  -- Who listens is told; who does not finds it when it opens its inbox.
  if cardinality(claimed) > 0 then
    perform mayfly_private.announce(tenant, claimed, cardinality(channel_names) > 0);
  end if;

  return (
    select jsonb_agg(
      case when m.channel_id is null
        then jsonb_build_object('id', m.id, 'recipients', (
          select count(*) from mayfly.deliveries d where d.tenant_id = tenant and d.message_id = m.id))
        else jsonb_build_object('id', m.id, 'seq', m.channel_seq) end
      order by o.n)
    from jsonb_array_elements(messages) with ordinality as o (m, n)
    join mayfly.messages m on m.tenant_id = tenant and m.id = (o.m ->> 'id')::uuid);
end
$$;

comment on function mayfly_private.send_messages(jsonb) is 'Sends messages, each at most once, all or none.';
revoke execute on function mayfly_private.send_messages(jsonb) from public;
grant execute on function mayfly_private.send_messages(jsonb) to authenticated, service_role;

create function mayfly.send_messages(messages jsonb)
returns jsonb
language sql
set search_path = ''
return mayfly_private.send_messages(messages);

comment on function mayfly.send_messages(jsonb) is
  'Sends 1 to 100 messages, all or none: [{ id, to, type, payload?, … }] gives [{ id, recipients } or, in a channel, { id, seq }].';
revoke execute on function mayfly.send_messages(jsonb) from public;
grant execute on function mayfly.send_messages(jsonb) to authenticated, service_role;

-- sql/schemas/0426_function_own_inbox.sql

-- The tenant of this request for one who has an inbox there: a living agent or a person, with
-- message:read. The secret key has none. Locks nothing.

create function mayfly_private.own_inbox()
returns uuid
language plpgsql stable security definer
set search_path = ''
as $$
declare
  tenant constant uuid := mayfly_private.require_tenant('message:read');
begin
  if mayfly_private.caller_id() is null then
    perform mayfly_private.fail(403, 'no_inbox', 'The secret key has no inbox and subscribes to nothing.',
      'Spawn an agent, or sign in.');
  end if;
  return tenant;
end
$$;

comment on function mayfly_private.own_inbox() is 'The tenant in which the caller has an inbox.';
revoke execute on function mayfly_private.own_inbox() from public;

-- sql/schemas/0427_function_open_inbox.sql

-- Makes this session the one reader of the caller's inbox: from its commit on messages are broadcast to
-- it, and the session before is refused. Scope message:read. Locks the inbox.

create function mayfly_private.open_inbox(session uuid)
returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  tenant constant uuid := mayfly_private.own_inbox();
  reader constant uuid := mayfly_private.caller_id();
  box mayfly.inboxes;
begin
  if session is null then
    perform mayfly_private.fail(400, 'invalid_request', 'session must be a uuid.', null, '{"field": "session"}');
  end if;
  insert into mayfly.inboxes as b (tenant_id, recipient_id, session, opened_at)
  values (tenant, reader, open_inbox.session, clock_timestamp())
  on conflict (tenant_id, recipient_id) do update set session = excluded.session, opened_at = excluded.opened_at
  returning * into box;
  return jsonb_build_object(
    'topic', format('tenant:%s:agent:%s', tenant, reader),
    'last_seq', box.last_seq,
    'acknowledged', coalesce((
      select min(d.seq) - 1 from mayfly.deliveries d
      where d.tenant_id = tenant and d.recipient_id = reader and d.acknowledged_at is null), box.last_seq));
end
$$;

comment on function mayfly_private.open_inbox(uuid) is 'Makes a session the reader of the callers inbox.';
revoke execute on function mayfly_private.open_inbox(uuid) from public;
grant execute on function mayfly_private.open_inbox(uuid) to authenticated, service_role;

create function mayfly.open_inbox(session uuid)
returns jsonb
language sql
set search_path = ''
return mayfly_private.open_inbox(session);

comment on function mayfly.open_inbox(uuid) is
  'Makes this session the reader of the caller''s inbox: { topic, last_seq, acknowledged }, up to which all is handled.';
revoke execute on function mayfly.open_inbox(uuid) from public;
grant execute on function mayfly.open_inbox(uuid) to authenticated, service_role;

-- sql/schemas/0428_function_pull_inbox.sql

-- What waits in the caller's inbox behind `after`, by number, about 1 MB a page and at most page_limit;
-- what is past its deadline is left out. Each is marked as handed to this session: one that was handed to
-- another before has attempt above 1. Only for the session that opened the inbox last. Scope
-- message:read. Locks what it hands out.
--
-- Senders hold the inbox until they commit: what is numbered up to last_seq in this snapshot is in it.

create function mayfly_private.pull_inbox(session uuid, after bigint, page_limit integer)
returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  tenant constant uuid := mayfly_private.own_inbox();
  reader constant uuid := mayfly_private.caller_id();
  answer jsonb;
begin
  if page_limit is null or page_limit not between 1 and 1000 then
    perform mayfly_private.fail(400, 'invalid_request', 'page_limit must be 1 to 1000.', null, '{"field": "page_limit"}');
  end if;

  with box as (
    select b.last_seq from mayfly.inboxes b
    where b.tenant_id = tenant and b.recipient_id = reader and b.session = pull_inbox.session
  ), waiting as (
    -- Their sizes alone: nothing of a message is read that is not of the page.
    select d.seq, d.message_id, d.attempts, d.session, sum(m.bytes) over (order by d.seq) - m.bytes as bytes_before
    from (
      select * from mayfly.deliveries d
      where d.tenant_id = tenant and d.recipient_id = reader and d.acknowledged_at is null and d.seq > coalesce(after, 0)
      order by d.seq
      limit page_limit + 1
    ) d
    join mayfly.messages m on m.tenant_id = d.tenant_id and m.id = d.message_id
    where exists (select from box)
  ), page as (
    select w.*, row_number() over (order by w.seq) as n from waiting w
  ), taken as (
    select p.* from page p where p.n <= page_limit and (p.n = 1 or p.bytes_before < 1000000)
  ), marked as (
    update mayfly.deliveries d
    set session = pull_inbox.session, attempts = d.attempts + 1
    from taken t
    where d.tenant_id = tenant and d.recipient_id = reader and d.seq = t.seq
      and d.session is distinct from pull_inbox.session
    returning d.seq, d.attempts
  )
  select jsonb_build_object(
    'messages', coalesce((
      select jsonb_agg(jsonb_build_object('seq', t.seq, 'attempt', coalesce(k.attempts, t.attempts))
        || mayfly_private.show_message(m) order by t.seq)
      from taken t left join marked k using (seq)
      join mayfly.messages m on m.tenant_id = tenant and m.id = t.message_id
      where coalesce(m.deadline > clock_timestamp(), true)), '[]'),
    'up_to', case when (select count(*) from page) > (select count(*) from taken)
      then (select max(t.seq) from taken t) else greatest(box.last_seq, coalesce(after, 0)) end,
    'last_seq', box.last_seq,
    'more', (select count(*) from page) > (select count(*) from taken))
  into answer
  from box;
  if answer is null then
    perform mayfly_private.fail(409, 'inbox_taken', 'Another session has opened this inbox since.',
      'One process reads an inbox at a time: listen in one, or open the inbox again to take it over.');
  end if;
  return answer;
end
$$;

comment on function mayfly_private.pull_inbox(uuid, bigint, integer) is 'What waits in the callers inbox.';
revoke execute on function mayfly_private.pull_inbox(uuid, bigint, integer) from public;
grant execute on function mayfly_private.pull_inbox(uuid, bigint, integer) to authenticated, service_role;

create function mayfly.pull_inbox(session uuid, after bigint default 0, page_limit integer default 100)
returns jsonb
language sql
set search_path = ''
return mayfly_private.pull_inbox(session, after, page_limit);

comment on function mayfly.pull_inbox(uuid, bigint, integer) is
  'What waits in the caller''s inbox behind a number: { messages: [{ seq, attempt, … }], up_to, last_seq, more }; go on behind up_to.';
revoke execute on function mayfly.pull_inbox(uuid, bigint, integer) from public;
grant execute on function mayfly.pull_inbox(uuid, bigint, integer) to authenticated, service_role;

-- sql/schemas/0429_function_acknowledge_messages.sql

-- Says of up to 10,000 messages of the caller's own inbox that they are handled: they are handed to no
-- session again. Again changes nothing. Scope message:read. Locks the deliveries, by number.
--
-- A broadcast can arrive before the row that caused it is visible: `unseen` has the numbers that are above
-- the newest one that this call sees. Nothing was done about them: say them again soon.

create function mayfly_private.acknowledge_messages(seqs bigint[])
returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  tenant constant uuid := mayfly_private.own_inbox();
  reader constant uuid := mayfly_private.caller_id();
  newest bigint;
  acknowledged integer;
begin
  if seqs is null or cardinality(seqs) > 10000 then
    perform mayfly_private.fail(400, 'invalid_request', 'seqs must be at most 10000 numbers.', null, '{"field": "seqs"}');
  end if;
  -- Before the update, whose snapshot is later: what it can not see is never left out here.
  select b.last_seq into newest from mayfly.inboxes b where b.tenant_id = tenant and b.recipient_id = reader;
  with waiting as (
    select d.recipient_id, d.seq from mayfly.deliveries d
    where d.tenant_id = tenant and d.recipient_id = reader and d.seq = any (seqs) and d.acknowledged_at is null
    order by d.seq
    for no key update
  )
  update mayfly.deliveries d
  set acknowledged_at = clock_timestamp()
  from waiting w
  where d.tenant_id = tenant and d.recipient_id = w.recipient_id and d.seq = w.seq;
  get diagnostics acknowledged = row_count;
  return jsonb_build_object('acknowledged', acknowledged, 'unseen', coalesce((
    select jsonb_agg(distinct s order by s) from unnest(seqs) s where s > coalesce(newest, 0)), '[]'));
end
$$;

comment on function mayfly_private.acknowledge_messages(bigint[]) is 'Says that messages of the callers inbox are handled.';
revoke execute on function mayfly_private.acknowledge_messages(bigint[]) from public;
grant execute on function mayfly_private.acknowledge_messages(bigint[]) to authenticated, service_role;

create function mayfly.acknowledge_messages(seqs bigint[])
returns jsonb
language sql
set search_path = ''
return mayfly_private.acknowledge_messages(seqs);

comment on function mayfly.acknowledge_messages(bigint[]) is
  'Says that messages of the caller''s inbox are handled: { acknowledged, unseen }. acknowledged: how many of them were not yet. unseen: the numbers that this call could not see yet; say them again soon.';
revoke execute on function mayfly.acknowledge_messages(bigint[]) from public;
grant execute on function mayfly.acknowledge_messages(bigint[]) to authenticated, service_role;

-- sql/schemas/0430_function_private_claim_embeddings.sql

-- The embedding queue, for the project alone (the secret key, which names the tenant): a worker of any
-- kind claims, embeds, completes. The sync function is one, after each answer that left something to
-- embed and at POST /sync/drain; with pg_cron and pg_net, each tenant that waits is drained each minute.
-- A claim locks what it takes (skip locked) for its own short transaction; nothing waits for a worker.

create function mayfly_private.claim_embeddings(model text, max_rows integer, lease_seconds integer)
returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  tenant constant uuid := mayfly_private.require_tenant('memory:write');
  claims jsonb;
begin
  if coalesce(char_length(model), 0) not between 1 and 100 then
    perform mayfly_private.fail(400, 'invalid_request', 'model must have 1 to 100 characters.', null, '{"field": "model"}');
  elsif max_rows is null or max_rows not between 1 and 100 then
    perform mayfly_private.fail(400, 'invalid_request', 'max_rows must be 1 to 100.', null, '{"field": "max_rows"}');
  elsif lease_seconds is null or lease_seconds not between 5 and 600 then
    perform mayfly_private.fail(400, 'invalid_request', 'lease_seconds must be 5 to 600.', null, '{"field": "lease_seconds"}');
  end if;

  -- What was forgotten, or has got its vector meanwhile, waits no more.
  delete from mayfly_private.embedding_queue q where (q.tenant_id, q.memory_id) in (
    select d.tenant_id, d.memory_id
    from mayfly_private.embedding_queue d
    left join mayfly.memories m on m.tenant_id = d.tenant_id and m.id = d.memory_id
    where d.tenant_id = tenant and d.dead_at is null and d.due_at <= clock_timestamp()
      and (m.id is null or m.deleted_at is not null or exists (
        select from mayfly.memory_vectors v
        where v.tenant_id = tenant and v.model = claim_embeddings.model and v.memory_id = d.memory_id))
    order by d.due_at limit 1000
    for update of d skip locked);
  -- A worker that died with its lease has tried, too.
  update mayfly_private.embedding_queue q
  set dead_at = clock_timestamp(), error = coalesce(q.error, 'no worker completed it'), lease = null
  where q.tenant_id = tenant and q.dead_at is null and q.attempts >= 5 and q.due_at <= clock_timestamp();

  with due as (
    select q.memory_id from mayfly_private.embedding_queue q
    where q.tenant_id = tenant and q.dead_at is null and q.due_at <= clock_timestamp()
    order by q.due_at limit max_rows
    for update skip locked
  ), claimed as (
    update mayfly_private.embedding_queue q
    set attempts = q.attempts + 1, lease = gen_random_uuid(), due_at = clock_timestamp() + make_interval(secs => lease_seconds)
    from due where q.tenant_id = tenant and q.memory_id = due.memory_id
    returning q.memory_id, q.lease
  )
  select coalesce(jsonb_agg(jsonb_build_object('memory', c.memory_id, 'lease', c.lease, 'text', left(concat_ws(E'\n',
    nullif(m.task, ''), nullif(array_to_string(m.tags, ' '), ''), nullif(m.input, ''), nullif(m.output, '')), 8000))), '[]')
  into claims
  from claimed c join mayfly.memories m on m.tenant_id = tenant and m.id = c.memory_id;
  return claims;
end
$$;

comment on function mayfly_private.claim_embeddings(text, integer, integer) is 'Leases memories that wait for a vector.';
revoke execute on function mayfly_private.claim_embeddings(text, integer, integer) from public;
grant execute on function mayfly_private.claim_embeddings(text, integer, integer) to service_role;

-- sql/schemas/0431_function_claim_embeddings.sql

-- Leases memories that wait for a vector to a worker. Called by the sync function, with the secret key.

create function mayfly.claim_embeddings(model text, max_rows integer default 20, lease_seconds integer default 60)
returns jsonb
language sql
set search_path = ''
return mayfly_private.claim_embeddings(model, max_rows, lease_seconds);

comment on function mayfly.claim_embeddings(text, integer, integer) is
  'Leases memories that wait for a vector: [{ memory, lease, text }]. For the secret key.';
revoke execute on function mayfly.claim_embeddings(text, integer, integer) from public;
grant execute on function mayfly.claim_embeddings(text, integer, integer) to service_role;

-- sql/schemas/0432_function_private_complete_embeddings.sql

-- The definer half of mayfly.complete_embeddings: the queue is nobody's to write. Locks what it completes.

create function mayfly_private.complete_embeddings(model text, results jsonb)
returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  tenant constant uuid := mayfly_private.require_tenant('memory:write');
  stored integer;
  failed integer;
begin
  if coalesce(char_length(model), 0) not between 1 and 100 then
    perform mayfly_private.fail(400, 'invalid_request', 'model must have 1 to 100 characters.', null, '{"field": "model"}');
  elsif jsonb_typeof(results) is distinct from 'array' or jsonb_array_length(results) > 100 or exists (
      select from jsonb_array_elements(results) r
      where case when jsonb_typeof(r) <> 'object' then true
        else mayfly_private.to_uuid(r ->> 'memory') is null or mayfly_private.to_uuid(r ->> 'lease') is null
          or case jsonb_typeof(r -> 'embedding')
            when 'array' then case when jsonb_array_length(r -> 'embedding') <> 384 or jsonb_path_exists(r -> 'embedding',
              '$[*] ? (@.type() != "number" || @ > 1000 || @ < -1000 || (@ != 0 && @ < 1e-30 && @ > -1e-30))') then true
              else extensions.l2_norm((r ->> 'embedding')::extensions.halfvec) = 0 end
            else jsonb_typeof(r -> 'error') is distinct from 'string' end
        end) then
    perform mayfly_private.fail(400, 'invalid_request',
      'results must be at most 100 of { memory, lease } with an embedding of 384 numbers that are not all 0, or an error.', null, '{"field": "results"}');
  end if;

  -- A lease that is over, or of words that have changed since, is worth nothing.
  with done as (
    delete from mayfly_private.embedding_queue q
    using jsonb_array_elements(results) r
    where q.tenant_id = tenant and q.memory_id = (r ->> 'memory')::uuid and q.lease = (r ->> 'lease')::uuid
      and jsonb_typeof(r -> 'embedding') = 'array'
    returning q.memory_id, r ->> 'embedding' as embedding
  ), inserted as (
    insert into mayfly.memory_vectors (tenant_id, model, memory_id, embedding)
    select tenant, complete_embeddings.model, d.memory_id, d.embedding::extensions.halfvec(384)
    from done d join mayfly.memories m on m.tenant_id = tenant and m.id = d.memory_id and m.deleted_at is null
    on conflict do nothing
    returning 1
  )
  select count(*) into stored from inserted;
  update mayfly_private.embedding_queue q
  set error = left(r ->> 'error', 500), lease = null,
    due_at = clock_timestamp() + interval '30 seconds' * 4 ^ (q.attempts - 1),
    dead_at = case when q.attempts >= 5 then clock_timestamp() end
  from jsonb_array_elements(results) r
  where q.tenant_id = tenant and q.memory_id = (r ->> 'memory')::uuid and q.lease = (r ->> 'lease')::uuid
    and jsonb_typeof(r -> 'error') = 'string';
  get diagnostics failed = row_count;
  return jsonb_build_object('stored', stored, 'failed', failed, 'waiting', (
    select count(*) from (select from mayfly_private.embedding_queue q
      where q.tenant_id = tenant and q.dead_at is null and q.due_at <= clock_timestamp() limit 1000) w));
end
$$;

comment on function mayfly_private.complete_embeddings(text, jsonb) is 'Stores the vectors of leased memories.';
revoke execute on function mayfly_private.complete_embeddings(text, jsonb) from public;
grant execute on function mayfly_private.complete_embeddings(text, jsonb) to service_role;

-- sql/schemas/0433_function_complete_embeddings.sql

-- Takes what a worker has made of its leases. Called by the sync function, with the secret key.

create function mayfly.complete_embeddings(model text, results jsonb)
returns jsonb
language sql
set search_path = ''
return mayfly_private.complete_embeddings(model, results);

comment on function mayfly.complete_embeddings(text, jsonb) is
  'Completes leases by [{ memory, lease, embedding } or { memory, lease, error }]: { stored, failed, waiting }. For the secret key.';
revoke execute on function mayfly.complete_embeddings(text, jsonb) from public;
grant execute on function mayfly.complete_embeddings(text, jsonb) to service_role;

-- sql/schemas/0434_function_private_queue_embeddings.sql

-- The definer half of mayfly.queue_embeddings: looks at max_rows memories by the primary key, on from
-- `after`, however many there are. The dead are given another chance. Locks what it queues.

create function mayfly_private.queue_embeddings(model text, max_rows integer, after uuid)
returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  tenant constant uuid := mayfly_private.require_tenant('memory:write');
  walked uuid[];
  queued integer;
begin
  if coalesce(char_length(model), 0) not between 1 and 100 then
    perform mayfly_private.fail(400, 'invalid_request', 'model must have 1 to 100 characters.', null, '{"field": "model"}');
  elsif max_rows is null or max_rows not between 1 and 10000 then
    perform mayfly_private.fail(400, 'invalid_request', 'max_rows must be 1 to 10000.', null, '{"field": "max_rows"}');
  end if;

  select array_agg(w.id order by w.id) into walked
  from (
    select m.id from mayfly.memories m
    where m.tenant_id = tenant and (after is null or m.id > after)
    order by m.id limit max_rows) w;

  insert into mayfly_private.embedding_queue as q (tenant_id, memory_id)
  select m.tenant_id, m.id from mayfly.memories m
  where m.tenant_id = tenant and m.id = any (walked) and m.deleted_at is null
    and not exists (select from mayfly.memory_vectors v
      where v.tenant_id = tenant and v.model = queue_embeddings.model and v.memory_id = m.id)
  order by m.id
  on conflict on constraint embedding_queue_pkey do update
  set attempts = 0, due_at = now(), error = null, dead_at = null
  where q.dead_at is not null;
  get diagnostics queued = row_count;
  return jsonb_build_object('queued', queued,
    'after', case when cardinality(walked) = max_rows then walked[max_rows] end);
end
$$;

comment on function mayfly_private.queue_embeddings(text, integer, uuid) is 'Queues memories that have no vector of a model.';
revoke execute on function mayfly_private.queue_embeddings(text, integer, uuid) from public;
grant execute on function mayfly_private.queue_embeddings(text, integer, uuid) to service_role;

-- sql/schemas/0435_function_queue_embeddings.sql

-- For another model than before, and for memories that came by another way than a push: each call looks
-- at max_rows memories, so none takes long. To re-embed a tenant, call it with the `after` that it gave
-- until that is null, then POST /sync/drain while mayfly.embedding_progress counts some that wait, then
-- mayfly.forget_vectors. With the secret key, which names the tenant.

create function mayfly.queue_embeddings(model text, max_rows integer default 1000, after uuid default null)
returns jsonb
language sql
set search_path = ''
return mayfly_private.queue_embeddings(model, max_rows, after);

comment on function mayfly.queue_embeddings(text, integer, uuid) is
  'Queues those of max_rows memories that have no vector of a model: { queued, after }. Call it again with after, until that is null. For the secret key.';
revoke execute on function mayfly.queue_embeddings(text, integer, uuid) from public;
grant execute on function mayfly.queue_embeddings(text, integer, uuid) to service_role;

-- sql/schemas/0436_function_private_embedding_progress.sql

-- The definer half of mayfly.embedding_progress. Counts: reads the keys of all memories of the tenant. Locks nothing.

create function mayfly_private.embedding_progress(model text)
returns jsonb
language plpgsql stable security definer
set search_path = ''
as $$
declare
  tenant constant uuid := mayfly_private.require_tenant('memory:write');
begin
  if coalesce(char_length(model), 0) not between 1 and 100 then
    perform mayfly_private.fail(400, 'invalid_request', 'model must have 1 to 100 characters.', null, '{"field": "model"}');
  end if;
  return (
    with counted as materialized (
      select count(*) as memories, count(v.memory_id) as embedded,
        count(q.memory_id) filter (where v.memory_id is null and q.dead_at is null) as waiting,
        count(q.memory_id) filter (where v.memory_id is null and q.dead_at is not null) as dead
      from mayfly.memories m
      left join mayfly.memory_vectors v on v.tenant_id = tenant and v.model = embedding_progress.model and v.memory_id = m.id
      left join mayfly_private.embedding_queue q on q.tenant_id = tenant and q.memory_id = m.id
      where m.tenant_id = tenant and m.deleted_at is null
    )
    select jsonb_build_object('memories', c.memories, 'embedded', c.embedded, 'left', c.memories - c.embedded,
      'waiting', c.waiting, 'dead', c.dead, 'others', (
        select count(*) from mayfly.memory_vectors o where o.tenant_id = tenant and o.model <> embedding_progress.model))
    from counted c);
end
$$;

comment on function mayfly_private.embedding_progress(text) is 'How far the embedding by a model has come.';
revoke execute on function mayfly_private.embedding_progress(text) from public;
grant execute on function mayfly_private.embedding_progress(text) to service_role;

-- sql/schemas/0437_function_embedding_progress.sql

-- How far the embedding of a tenant's memories by a model has come. With the secret key, which names the tenant.
--
--   memories   those that are not forgotten; `embedded` have a vector of the model, `left` have none
--   waiting    of those left, in the queue, leased ones too;  dead: of those left, failed 5 times
--              left without being either: queue_embeddings has not come to them
--   others     vectors of other models: what forget_vectors deletes

create function mayfly.embedding_progress(model text)
returns jsonb
language sql stable
set search_path = ''
return mayfly_private.embedding_progress(model);

comment on function mayfly.embedding_progress(text) is
  'How far the embedding by a model has come: { memories, embedded, left, waiting, dead, others }. For the secret key.';
revoke execute on function mayfly.embedding_progress(text) from public;
grant execute on function mayfly.embedding_progress(text) to service_role;

-- sql/schemas/0438_function_private_forget_vectors.sql

-- The definer half of mayfly.forget_vectors. Locks the vectors that it deletes, passing by those that
-- others hold, and the settlements of their models.

create function mayfly_private.forget_vectors(model text, max_rows integer)
returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  tenant constant uuid := mayfly_private.require_tenant('memory:write');
  other text;
  deleted integer;
  unsettled bigint;
  total integer := 0;
begin
  if coalesce(char_length(model), 0) not between 1 and 100 then
    perform mayfly_private.fail(400, 'invalid_request', 'model must have 1 to 100 characters.', null, '{"field": "model"}');
  elsif max_rows is null or max_rows not between 1 and 10000 then
    perform mayfly_private.fail(400, 'invalid_request', 'max_rows must be 1 to 10000.', null, '{"field": "max_rows"}');
  end if;

  for other in
    -- From one model to the next by the index, without reading the vectors between.
    with recursive models as (
      (select v.model from mayfly.memory_vectors v where v.tenant_id = tenant order by v.model limit 1)
      union all
      select (select v.model from mayfly.memory_vectors v
        where v.tenant_id = tenant and v.model > m.model order by v.model limit 1)
      from models m where m.model is not null
    )
    select m.model from models m where m.model <> forget_vectors.model
  loop
    with old as (
      select v.memory_id from mayfly.memory_vectors v
      where v.tenant_id = tenant and v.model = other and exists (
        select from mayfly.memory_vectors n
        where n.tenant_id = tenant and n.model = forget_vectors.model and n.memory_id = v.memory_id)
      order by v.memory_id
      limit max_rows - total
      for update of v skip locked
    ), gone as (
      delete from mayfly.memory_vectors v using old
      where v.tenant_id = tenant and v.model = other and v.memory_id = old.memory_id
      returning v.settled
    )
    select count(*), count(*) filter (where g.settled) into deleted, unsettled from gone g;
    delete from mayfly_private.settlements s
    where s.tenant_id = tenant and s.model = other and s.vectors <= unsettled;
    update mayfly_private.settlements s set vectors = s.vectors - unsettled
    where s.tenant_id = tenant and s.model = other and unsettled > 0;
    total := total + deleted;
    exit when total = max_rows;
  end loop;
  return jsonb_build_object('deleted', total, 'more', total = max_rows);
end
$$;

comment on function mayfly_private.forget_vectors(text, integer) is 'Deletes vectors of other models than one.';
revoke execute on function mayfly_private.forget_vectors(text, integer) from public;
grant execute on function mayfly_private.forget_vectors(text, integer) to service_role;

-- sql/schemas/0439_function_forget_vectors.sql

-- What is left to do once a tenant was embedded by another model: deletes up to max_rows vectors of all
-- other models, of memories that have one of this model. With the secret key, which names the tenant.

create function mayfly.forget_vectors(model text, max_rows integer default 1000)
returns jsonb
language sql
set search_path = ''
return mayfly_private.forget_vectors(model, max_rows);

comment on function mayfly.forget_vectors(text, integer) is
  'Deletes vectors of other models than this one, where a memory has one of this: { deleted, more }. While more is true, call it again. For the secret key.';
revoke execute on function mayfly.forget_vectors(text, integer) from public;
grant execute on function mayfly.forget_vectors(text, integer) to service_role;

-- sql/schemas/0440_function_request_drains.sql

-- Asks the sync function to drain each tenant that waits: a request is lost at worst, and comes again with
-- the next minute. The project's URL and secret key come from Vault, where they are under these names:
--   select vault.create_secret('https://<ref>.supabase.co', 'mayfly_url');
--   select vault.create_secret('sb_secret_…', 'mayfly_secret_key');
-- Dynamic, since pg_net and Vault need not be there.

create function mayfly_private.request_drains()
returns integer
language plpgsql security definer
set search_path = ''
as $$
declare
  url text;
  secret text;
  tenant uuid;
  requested integer := 0;
begin
  execute $read$select (select decrypted_secret from vault.decrypted_secrets where name = 'mayfly_url'),
    (select decrypted_secret from vault.decrypted_secrets where name = 'mayfly_secret_key')$read$ into url, secret;
  if url is null or secret is null then
    return 0;
  end if;
  for tenant in
    select distinct q.tenant_id from mayfly_private.embedding_queue q
    where q.dead_at is null and q.due_at <= clock_timestamp() limit 50
  loop
    execute 'select net.http_post(url => $1, headers => $2, body => $3, timeout_milliseconds => 20000)'
    using url || '/functions/v1/sync/drain',
      jsonb_build_object('content-type', 'application/json', 'apikey', secret, 'x-mayfly-tenant', tenant), '{}'::jsonb;
    requested := requested + 1;
  end loop;
  return requested;
end
$$;

comment on function mayfly_private.request_drains() is 'Asks the sync function to embed what waits. For pg_cron with pg_net.';
revoke execute on function mayfly_private.request_drains() from public;

-- sql/schemas/0450_function_log_states.sql

-- Appends the changes of states to the log, once a statement. As owner: clients have no INSERT on the
-- log. `fields` are the top-level keys that changed, where the value was and is an object and they are
-- at most 100, none longer than 200 characters; null says that anything may have changed.

create function mayfly_private.log_states()
returns trigger
language plpgsql security definer
set search_path = ''
as $$
declare
  of_epoch constant integer := mayfly_private.current_epoch();
begin
  insert into mayfly.events (tenant_id, epoch, type, agent_id, subject, version, fields)
  select n.tenant_id, of_epoch, 'state.changed', n.agent_id, n.id, n.version, (
    select case when count(*) <= 100 and max(char_length(k.key)) <= 200 then array_agg(k.key order by k.key) end
    from (
      select coalesce(was.key, now.key) as key
      from jsonb_each(case jsonb_typeof(o.value) when 'object' then o.value end) was
      full join jsonb_each(case jsonb_typeof(n.value) when 'object' then n.value end) now on now.key = was.key
      where jsonb_typeof(o.value) = 'object' and jsonb_typeof(n.value) = 'object' and now.value is distinct from was.value
    ) k)
  from new_rows n
  join old_rows o on o.tenant_id = n.tenant_id and o.id = n.id
  where n.version <> o.version
  order by n.id;
  if found then
    perform mayfly_private.nudge(t.tenant_id, null) from (select distinct n.tenant_id from new_rows n) t;
  end if;
  return null;
end
$$;

comment on function mayfly_private.log_states() is 'Trigger: appends the changes of states to the log.';
revoke execute on function mayfly_private.log_states() from public;

-- A state is inserted without a version, and gets its first by an update in the same transaction.
create trigger states_log_update after update on mayfly.states
  referencing old table as old_rows new table as new_rows
  for each statement execute function mayfly_private.log_states();

-- sql/schemas/0451_function_merge_patch.sql

-- Applies a JSON merge patch: keys of the patch replace those of the target, objects deep, and a null
-- removes its key. https://www.rfc-editor.org/rfc/rfc7396

create function mayfly_private.merge_patch(target jsonb, patch jsonb)
returns jsonb
language plpgsql immutable parallel safe
set search_path = ''
as $$
declare
  base constant jsonb := case when jsonb_typeof(target) = 'object' then target else '{}' end;
begin
  if jsonb_typeof(patch) is distinct from 'object' then
    return patch;
  end if;
  return (base - array(select jsonb_object_keys(patch))) || (
    select coalesce(jsonb_object_agg(p.key, mayfly_private.merge_patch(base -> p.key, p.value)), '{}')
    from jsonb_each(patch) p where p.value <> 'null');
end
$$;

comment on function mayfly_private.merge_patch(jsonb, jsonb) is 'Applies a JSON merge patch (RFC 7396).';
revoke execute on function mayfly_private.merge_patch(jsonb, jsonb) from public;

-- sql/schemas/0452_function_merge_conflicts.sql

-- Where two changes of one base cannot both have their way: [{ path, base, theirs, ours }], what is not
-- there left out. The same walk as merge_values.

create function mayfly_private.merge_conflicts(base jsonb, theirs jsonb, ours jsonb, path text[] default '{}')
returns jsonb
language plpgsql immutable parallel safe
set search_path = ''
as $$
begin
  if ours is not distinct from theirs or ours is not distinct from base or theirs is not distinct from base then
    return '[]';
  elsif jsonb_typeof(theirs) = 'object' and jsonb_typeof(ours) = 'object' then
    return (
      select coalesce(jsonb_agg(c.conflict order by k.key), '[]')
      from (select jsonb_object_keys(theirs) as key union select jsonb_object_keys(ours)) k,
        jsonb_array_elements(mayfly_private.merge_conflicts(
          case when jsonb_typeof(base) = 'object' then base -> k.key end, theirs -> k.key, ours -> k.key, path || k.key)) as c (conflict));
  end if;
  return jsonb_build_array(jsonb_build_object('path', path)
    || case when base is null then '{}' else jsonb_build_object('base', base) end
    || case when theirs is null then '{}' else jsonb_build_object('theirs', theirs) end
    || case when ours is null then '{}' else jsonb_build_object('ours', ours) end);
end
$$;

comment on function mayfly_private.merge_conflicts(jsonb, jsonb, jsonb, text[]) is 'Where two changes of one base contradict each other.';
revoke execute on function mayfly_private.merge_conflicts(jsonb, jsonb, jsonb, text[]) from public;

-- sql/schemas/0453_function_is_live.sql

-- Whether a state is there for its readers: it has a value, and its time is not over.

create function mayfly_private.is_live(state mayfly.states)
returns boolean
language sql stable
set search_path = ''
return state.id is not null and state.deleted_at is null and coalesce(state.expires_at > clock_timestamp(), true);

comment on function mayfly_private.is_live(mayfly.states) is 'Whether a state is there for its readers.';
revoke execute on function mayfly_private.is_live(mayfly.states) from public;
grant execute on function mayfly_private.is_live(mayfly.states) to authenticated, service_role;

-- sql/schemas/0454_function_show_state.sql

-- A state as its readers get it, or null where it is not there.

create function mayfly_private.show_state(state mayfly.states)
returns jsonb
language sql stable
set search_path = ''
return case when mayfly_private.is_live(state) then to_jsonb(state) - 'tenant_id' - 'deleted_at' end;

comment on function mayfly_private.show_state(mayfly.states) is 'A state as its readers get it.';
revoke execute on function mayfly_private.show_state(mayfly.states) from public;
grant execute on function mayfly_private.show_state(mayfly.states) to authenticated, service_role;

-- sql/schemas/0455_function_lock_state.sql

-- The state that is to be written, locked until commit; made without a version where there is none.
-- The shared ones are for who has state:write; an agent's for itself, its ancestors, and the admins
-- and owners of the tenant. Called first by every function that writes state, as owner.
--
-- expected_version is compared under the lock, so that of any number of writers with one expectation
-- one gets through. 0 expects that the state is not there: never made, deleted or expired.

create function mayfly_private.lock_state(key text, of_agent uuid, expected_version integer)
returns mayfly.states
language plpgsql security definer
set search_path = ''
as $$
declare
  of_tenant constant uuid := mayfly_private.require_tenant('state:write');
  caller constant mayfly_private.caller := mayfly_private.caller();
  owner mayfly.agents;
  state mayfly.states;
  present integer;
begin
  if key is null or char_length(key) not between 1 and 200 then
    perform mayfly_private.fail(400, 'invalid_request', 'key must have 1 to 200 characters.', null, '{"field": "key"}');
  elsif expected_version < 0 then
    perform mayfly_private.fail(400, 'invalid_request', 'expected_version must be at least 0.',
      'Give the version that you have read, 0 for one that is not there, or none to write in any case.', '{"field": "expected_version"}');
  end if;
  if of_agent is not null then
    select * into owner from mayfly.agents a where a.tenant_id = of_tenant and a.id = of_agent;
    if owner.id is null then
      perform mayfly_private.fail(404, 'agent_unknown', 'There is no such agent.', null, '{"field": "of_agent"}');
    elsif (caller.kind = 'agent' and caller.id <> all (owner.ancestors || owner.id))
      or (caller.kind = 'person' and mayfly_private.acting_role(of_tenant) not in ('admin', 'owner')) then
      perform mayfly_private.fail(403, 'state_not_writable', 'An agent''s state is written by itself, its ancestors and the admins of the tenant.',
        'Write a state of your own, or a shared one.', '{"field": "of_agent"}');
    end if;
  end if;

  select * into state from mayfly.states s
  where s.tenant_id = of_tenant and s.agent_id is not distinct from of_agent and s.key = lock_state.key
  for update;
  if not found then
    insert into mayfly.states (tenant_id, agent_id, key, version, deleted_at)
    values (of_tenant, of_agent, key, 0, clock_timestamp())
    on conflict on constraint states_key_key do nothing;
    select * into strict state from mayfly.states s
    where s.tenant_id = of_tenant and s.agent_id is not distinct from of_agent and s.key = lock_state.key
    for update;
  end if;

  present := case when mayfly_private.is_live(state) then state.version else 0 end;
  if expected_version <> present then
    perform mayfly_private.fail(409, 'version_conflict',
      case present when 0 then 'The state is not there.' else format('The state is at version %s.', present) end,
      'Read it again, and decide anew.', jsonb_build_object('expected', expected_version, 'version', present));
  end if;
  return state;
end
$$;

comment on function mayfly_private.lock_state(text, uuid, integer) is 'The state that is to be written, locked.';
revoke execute on function mayfly_private.lock_state(text, uuid, integer) from public;

-- sql/schemas/0456_function_write_state.sql

-- Gives a locked state its next version: a value, or none to delete it. Keeps the newest hundred of
-- its versions, and charges the tenant for what is more. As owner, for those who have it from
-- lock_state. 256 bytes stand for a version's row, its index and its event.

create function mayfly_private.write_state(state mayfly.states, new_value jsonb, action text, expires_at timestamptz)
returns mayfly.states
language plpgsql security definer
set search_path = ''
as $$
declare
  instant constant timestamptz := clock_timestamp();
  written mayfly.states;
  bytes constant integer := 256 + coalesce(octet_length(new_value::text), 0);
  dropped bigint;
begin
  if not mayfly_private.json_within(new_value, 262144, 32) then
    perform mayfly_private.fail(400, 'invalid_request', 'The value of a state must be at most 256 KB of JSON, at most 32 deep.',
      'Split it over several keys, or keep a reference to it.', '{"field": "value"}');
  elsif expires_at <= instant then
    perform mayfly_private.fail(400, 'invalid_request', 'expires_at must be in the future.', null, '{"field": "expires_at"}');
  end if;
  perform mayfly_private.check_numbers(new_value, 'value');
  update mayfly.states s
  set version = s.version + 1, value = new_value, updated_by = mayfly_private.caller_id(), updated_at = instant,
    created_at = case when mayfly_private.is_live(state) then s.created_at else instant end,
    expires_at = write_state.expires_at, deleted_at = case when new_value is null then instant end
  where s.tenant_id = state.tenant_id and s.id = state.id
  returning * into strict written;

  insert into mayfly.state_versions (tenant_id, state_id, version, value, bytes, action, by, at)
  values (written.tenant_id, written.id, written.version, new_value, bytes, write_state.action, written.updated_by, instant);
  with gone as (
    delete from mayfly.state_versions v
    where v.tenant_id = written.tenant_id and v.state_id = written.id and v.version <= written.version - 100
    returning v.bytes
  )
  select coalesce(sum(g.bytes), 0) into dropped from gone g;
  perform mayfly_private.charge(written.tenant_id, 0, bytes - dropped, 1);
  return written;
end
$$;

comment on function mayfly_private.write_state(mayfly.states, jsonb, text, timestamptz) is 'Gives a locked state its next version.';
revoke execute on function mayfly_private.write_state(mayfly.states, jsonb, text, timestamptz) from public;

-- sql/schemas/0457_function_version_of.sql

-- What a state was at a version; fails where that is not kept, or was a deletion. As owner, for states
-- that the caller has from lock_state.

create function mayfly_private.version_of(state mayfly.states, wanted integer, field text)
returns mayfly.state_versions
language plpgsql stable security definer
set search_path = ''
as $$
declare
  found_version mayfly.state_versions;
begin
  select * into found_version from mayfly.state_versions v
  where v.tenant_id = state.tenant_id and v.state_id = state.id and v.version = wanted;
  if found_version.value is null then
    perform mayfly_private.fail(404, 'version_unknown', format('The state has no value of the version %s.', wanted),
      'The newest hundred versions are kept: see state_history.', jsonb_build_object('field', field));
  end if;
  return found_version;
end
$$;

comment on function mayfly_private.version_of(mayfly.states, integer, text) is 'What a state was at a version.';
revoke execute on function mayfly_private.version_of(mayfly.states, integer, text) from public;

-- sql/schemas/0458_function_set_state.sql

-- Sets a state whole: of an agent, or without of_agent the tenant's shared one. Without expires_at it
-- stays until it is deleted. Callers with state:write; see lock_state. Locks the state until commit.

create function mayfly_private.set_state(key text, value jsonb, of_agent uuid, expected_version integer, expires_at timestamptz)
returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  state constant mayfly.states := mayfly_private.lock_state(key, of_agent, expected_version);
begin
  -- The Data API makes a null of a JSON null.
  return mayfly_private.show_state(mayfly_private.write_state(state, coalesce(value, 'null'), 'set', expires_at));
end
$$;

comment on function mayfly_private.set_state(text, jsonb, uuid, integer, timestamptz) is 'Sets a state whole.';
revoke execute on function mayfly_private.set_state(text, jsonb, uuid, integer, timestamptz) from public;
grant execute on function mayfly_private.set_state(text, jsonb, uuid, integer, timestamptz) to authenticated, service_role;

create function mayfly.set_state(
  key text, value jsonb, of_agent uuid default null, expected_version integer default null, expires_at timestamptz default null
)
returns jsonb
language sql
set search_path = ''
return mayfly_private.set_state(key, value, of_agent, expected_version, expires_at);

comment on function mayfly.set_state(text, jsonb, uuid, integer, timestamptz) is
  'Sets a state whole: { id, agent_id, key, version, value, … }. With expected_version only if it is at that version (0: is not there).';
revoke execute on function mayfly.set_state(text, jsonb, uuid, integer, timestamptz) from public;
grant execute on function mayfly.set_state(text, jsonb, uuid, integer, timestamptz) to authenticated, service_role;

-- sql/schemas/0459_function_patch_state.sql

-- Changes a state by a JSON merge patch (RFC 7396): keys replace, objects deep, null removes. One that
-- is not there begins as {}. Callers with state:write; see lock_state. Locks the state until commit.

create function mayfly_private.patch_state(key text, patch jsonb, of_agent uuid, expected_version integer)
returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  state constant mayfly.states := mayfly_private.lock_state(key, of_agent, expected_version);
  live constant boolean := mayfly_private.is_live(state);
begin
  if jsonb_typeof(patch) is distinct from 'object' or not mayfly_private.json_within(patch, 262144, 32) then
    perform mayfly_private.fail(400, 'invalid_request', 'patch must be an object of at most 256 KB, at most 32 deep.',
      'Use set_state for other values.', '{"field": "patch"}');
  end if;
  perform mayfly_private.check_numbers(patch, 'patch');
  return mayfly_private.show_state(mayfly_private.write_state(state,
    mayfly_private.merge_patch(case when live then state.value end, patch), 'patch', case when live then state.expires_at end));
end
$$;

comment on function mayfly_private.patch_state(text, jsonb, uuid, integer) is 'Changes a state by a merge patch.';
revoke execute on function mayfly_private.patch_state(text, jsonb, uuid, integer) from public;
grant execute on function mayfly_private.patch_state(text, jsonb, uuid, integer) to authenticated, service_role;

create function mayfly.patch_state(key text, patch jsonb, of_agent uuid default null, expected_version integer default null)
returns jsonb
language sql
set search_path = ''
return mayfly_private.patch_state(key, patch, of_agent, expected_version);

comment on function mayfly.patch_state(text, jsonb, uuid, integer) is
  'Changes a state by a JSON merge patch (RFC 7396), and gives it as it is then.';
revoke execute on function mayfly.patch_state(text, jsonb, uuid, integer) from public;
grant execute on function mayfly.patch_state(text, jsonb, uuid, integer) to authenticated, service_role;

-- sql/schemas/0460_function_delete_state.sql

-- Deletes a state. Its versions are kept until maintenance removes its tombstone, so that it can be
-- rolled back. Callers with state:write; see lock_state. Locks the state until commit.

create function mayfly_private.delete_state(key text, of_agent uuid, expected_version integer)
returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  state mayfly.states := mayfly_private.lock_state(key, of_agent, expected_version);
begin
  if state.version = 0 then
    delete from mayfly.states s where s.tenant_id = state.tenant_id and s.id = state.id;
    return '{"deleted": false, "version": 0}';
  elsif state.deleted_at is not null then
    return jsonb_build_object('deleted', false, 'version', state.version);
  end if;
  state := mayfly_private.write_state(state, null, 'delete', null);
  return jsonb_build_object('deleted', true, 'version', state.version);
end
$$;

comment on function mayfly_private.delete_state(text, uuid, integer) is 'Deletes a state.';
revoke execute on function mayfly_private.delete_state(text, uuid, integer) from public;
grant execute on function mayfly_private.delete_state(text, uuid, integer) to authenticated, service_role;

create function mayfly.delete_state(key text, of_agent uuid default null, expected_version integer default null)
returns jsonb
language sql
set search_path = ''
return mayfly_private.delete_state(key, of_agent, expected_version);

comment on function mayfly.delete_state(text, uuid, integer) is
  'Deletes a state: { deleted, version }; deleted is false where there was none.';
revoke execute on function mayfly.delete_state(text, uuid, integer) from public;
grant execute on function mayfly.delete_state(text, uuid, integer) to authenticated, service_role;

-- sql/schemas/0461_function_rollback_state.sql

-- Gives a state the value of one of its earlier versions again, as a new version; a deleted one comes
-- back. Callers with state:write; see lock_state. Locks the state until commit.

create function mayfly_private.rollback_state(key text, version integer, of_agent uuid, expected_version integer)
returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  state constant mayfly.states := mayfly_private.lock_state(key, of_agent, expected_version);
  earlier constant mayfly.state_versions := mayfly_private.version_of(state, rollback_state.version, 'version');
begin
  return mayfly_private.show_state(mayfly_private.write_state(
    state, earlier.value, 'rollback', case when mayfly_private.is_live(state) then state.expires_at end));
end
$$;

comment on function mayfly_private.rollback_state(text, integer, uuid, integer) is 'Gives a state the value of an earlier version.';
revoke execute on function mayfly_private.rollback_state(text, integer, uuid, integer) from public;
grant execute on function mayfly_private.rollback_state(text, integer, uuid, integer) to authenticated, service_role;

create function mayfly.rollback_state(key text, version integer, of_agent uuid default null, expected_version integer default null)
returns jsonb
language sql
set search_path = ''
return mayfly_private.rollback_state(key, version, of_agent, expected_version);

comment on function mayfly.rollback_state(text, integer, uuid, integer) is
  'Gives a state the value of an earlier version again, as a new version.';
revoke execute on function mayfly.rollback_state(text, integer, uuid, integer) from public;
grant execute on function mayfly.rollback_state(text, integer, uuid, integer) to authenticated, service_role;

-- sql/schemas/0462_function_reconcile_state.sql

-- Brings two changes of one base together, as a new version: `ours`, a value that the caller has made
-- from base_version (or ours_version, one that is kept), and `theirs`, theirs_version or what the state
-- is by now.
--
--   latest_wins  the later of the two whole: ours is of ours_at, now by default
--   merge        three-way and deep; where both changed one value, the later of the two
--   manual       as merge where they do not contradict each other; else nothing is written, and
--                `conflicts` says where: [{ path, base?, theirs?, ours? }]
--
-- Without base_version nothing is taken as common: objects are united key by key. Nothing is written
-- where the state already is what comes out. Callers with state:write; see lock_state. Locks the state
-- until commit.

create function mayfly_private.reconcile_state(
  key text, strategy text, base_version integer, ours jsonb, ours_version integer, theirs_version integer,
  of_agent uuid, expected_version integer, ours_at timestamptz
)
returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  state mayfly.states := mayfly_private.lock_state(key, of_agent, expected_version);
  base jsonb;
  mine jsonb := ours;
  their jsonb := case when mayfly_private.is_live(state) then state.value end;
  mine_at timestamptz := coalesce(ours_at, clock_timestamp());
  their_at timestamptz := state.updated_at;
  kept mayfly.state_versions;
  mine_is_later boolean;
  conflicts jsonb := '[]';
  settled jsonb;
begin
  if strategy is null or strategy not in ('latest_wins', 'merge', 'manual') then
    perform mayfly_private.fail(400, 'invalid_request', 'strategy must be latest_wins, merge or manual.', null, '{"field": "strategy"}');
  elsif (ours is null) = (ours_version is null) then
    perform mayfly_private.fail(400, 'invalid_request', 'ours must be a value, or ours_version a version: one of them.', null, '{"field": "ours"}');
  elsif not mayfly_private.json_within(ours, 262144, 32) then
    perform mayfly_private.fail(400, 'invalid_request', 'ours must be at most 256 KB of JSON, at most 32 deep.', null, '{"field": "ours"}');
  end if;
  perform mayfly_private.check_numbers(ours, 'ours');
  if base_version is not null then
    base := (mayfly_private.version_of(state, base_version, 'base_version')).value;
  end if;
  if ours_version is not null then
    kept := mayfly_private.version_of(state, ours_version, 'ours_version');
    mine := kept.value;
    mine_at := kept.at;
  end if;
  if theirs_version is not null then
    kept := mayfly_private.version_of(state, theirs_version, 'theirs_version');
    their := kept.value;
    their_at := kept.at;
  end if;

  -- A state that is not there has nothing to say against.
  mine_is_later := their is null or mine_at >= their_at;
  if strategy = 'latest_wins' then
    settled := case when mine_is_later then mine else their end;
  else
    if strategy = 'manual' and their is not null then
      conflicts := mayfly_private.merge_conflicts(base, their, mine);
    end if;
    settled := case when their is null then mine else mayfly_private.merge_values(base, their, mine, mine_is_later) end;
  end if;
  if conflicts <> '[]' then
    return jsonb_build_object('outcome', 'conflict', 'conflicts', conflicts, 'state', mayfly_private.show_state(state));
  end if;
  if not mayfly_private.is_live(state) or settled <> state.value then
    state := mayfly_private.write_state(
      state, settled, 'reconcile', case when mayfly_private.is_live(state) then state.expires_at end);
  end if;
  return jsonb_build_object('conflicts', conflicts, 'state', mayfly_private.show_state(state), 'outcome', case
    when settled = mine then 'ours'
    when settled = their then 'theirs'
    else 'merged' end);
end
$$;

comment on function mayfly_private.reconcile_state(text, text, integer, jsonb, integer, integer, uuid, integer, timestamptz) is
  'Brings two changes of one base together.';
revoke execute on function mayfly_private.reconcile_state(text, text, integer, jsonb, integer, integer, uuid, integer, timestamptz) from public;
grant execute on function mayfly_private.reconcile_state(text, text, integer, jsonb, integer, integer, uuid, integer, timestamptz) to authenticated, service_role;

create function mayfly.reconcile_state(
  key text, strategy text, base_version integer default null, ours jsonb default null, ours_version integer default null,
  theirs_version integer default null, of_agent uuid default null, expected_version integer default null, ours_at timestamptz default null
)
returns jsonb
language sql
set search_path = ''
return mayfly_private.reconcile_state(
  key, strategy, base_version, ours, ours_version, theirs_version, of_agent, expected_version, ours_at);

comment on function mayfly.reconcile_state(text, text, integer, jsonb, integer, integer, uuid, integer, timestamptz) is
  'Brings two changes of one base together by latest_wins, merge or manual: { outcome: ours | theirs | merged | conflict, conflicts, state }.';
revoke execute on function mayfly.reconcile_state(text, text, integer, jsonb, integer, integer, uuid, integer, timestamptz) from public;
grant execute on function mayfly.reconcile_state(text, text, integer, jsonb, integer, integer, uuid, integer, timestamptz) to authenticated, service_role;

-- sql/schemas/0463_function_get_state.sql

-- A state, or what it was at a version; null where there is none. Callers with state:read. Locks nothing.

create function mayfly.get_state(key text, of_agent uuid default null, version integer default null)
returns jsonb
language plpgsql stable
set search_path = ''
as $$
declare
  of_tenant constant uuid := mayfly_private.require_tenant('state:read');
  state mayfly.states;
begin
  select * into state from mayfly.states s
  where s.tenant_id = of_tenant and s.agent_id is not distinct from of_agent and s.key = get_state.key;
  if get_state.version is null then
    return mayfly_private.show_state(state);
  end if;
  return (
    select jsonb_build_object('id', state.id, 'agent_id', state.agent_id, 'key', state.key, 'version', v.version,
      'value', v.value, 'action', v.action, 'by', v.by, 'at', v.at)
    from mayfly.state_versions v
    where v.tenant_id = of_tenant and v.state_id = state.id and v.version = get_state.version);
end
$$;

comment on function mayfly.get_state(text, uuid, integer) is
  'A state of an agent, or without of_agent a shared one; or what it was at a version. Null where there is none.';
revoke execute on function mayfly.get_state(text, uuid, integer) from public;
grant execute on function mayfly.get_state(text, uuid, integer) to authenticated, service_role;

-- sql/schemas/0464_function_list_states.sql

-- The states of an agent, or without of_agent the shared ones, by key: without their values, a page at
-- a time. Callers with state:read. Locks nothing.

create function mayfly.list_states(of_agent uuid default null, prefix text default '', after text default null, page_limit integer default 100)
returns jsonb
language plpgsql stable
set search_path = ''
as $$
declare
  of_tenant constant uuid := mayfly_private.require_tenant('state:read');
begin
  if page_limit is null or page_limit not between 1 and 1000 then
    perform mayfly_private.fail(400, 'invalid_request', 'page_limit must be 1 to 1000.', null, '{"field": "page_limit"}');
  end if;
  return (
    select coalesce(jsonb_agg(to_jsonb(s) order by s.key), '[]')
    from (
      select s.id, s.agent_id, s.key, s.version, s.updated_by, s.created_at, s.updated_at, s.expires_at
      from mayfly.states s
      where s.tenant_id = of_tenant and s.agent_id is not distinct from of_agent
        and starts_with(s.key, coalesce(prefix, '')) and s.key > coalesce(after, '') and mayfly_private.is_live(s)
      order by s.key
      limit page_limit) s);
end
$$;

comment on function mayfly.list_states(uuid, text, text, integer) is
  'The states of an agent, or the shared ones, by key, without their values. Pass the last key as after for the next page.';
revoke execute on function mayfly.list_states(uuid, text, text, integer) from public;
grant execute on function mayfly.list_states(uuid, text, text, integer) to authenticated, service_role;

-- sql/schemas/0465_function_state_history.sql

-- The versions of a state that are kept, the newest first, without their values: who made each, how and
-- when. Also of one that was deleted. Callers with state:read. Locks nothing.

create function mayfly.state_history(key text, of_agent uuid default null, before integer default null, page_limit integer default 100)
returns jsonb
language plpgsql stable
set search_path = ''
as $$
declare
  of_tenant constant uuid := mayfly_private.require_tenant('state:read');
begin
  if page_limit is null or page_limit not between 1 and 100 then
    perform mayfly_private.fail(400, 'invalid_request', 'page_limit must be 1 to 100.', null, '{"field": "page_limit"}');
  end if;
  return (
    select coalesce(jsonb_agg(to_jsonb(v) order by v.version desc), '[]')
    from (
      select v.version, v.action, v.by, v.at, v.bytes
      from mayfly.states s
      join mayfly.state_versions v on v.tenant_id = s.tenant_id and v.state_id = s.id
      where s.tenant_id = of_tenant and s.agent_id is not distinct from of_agent and s.key = state_history.key
        and (before is null or v.version < before)
      order by v.version desc
      limit page_limit) v);
end
$$;

comment on function mayfly.state_history(text, uuid, integer, integer) is
  'The versions of a state that are kept, the newest first: [{ version, action, by, at, bytes }].';
revoke execute on function mayfly.state_history(text, uuid, integer, integer) from public;
grant execute on function mayfly.state_history(text, uuid, integer, integer) to authenticated, service_role;

-- sql/schemas/0466_function_maintain_states.sql

-- What time does to the states of a tenant: deletes those that have expired, and removes tombstones with
-- their versions when the log that told of them has gone. At most max_rows of each; says whether there
-- may be more. Called by maintain_tenant, as owner.

create function mayfly_private.maintain_states(tenant uuid, max_rows integer)
returns boolean
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
  return expired = max_rows or coalesce(cardinality(gone), 0) = max_rows;
end
$$;

comment on function mayfly_private.maintain_states(uuid, integer) is 'One batch of what time does to states.';
revoke execute on function mayfly_private.maintain_states(uuid, integer) from public;

-- sql/schemas/0467_function_state_changes.sql

-- Versions of states by { id, version }, at most 100, in their order: for who follows the log. What the
-- caller may not see, or is kept no longer, is left out. Callers with state:read. Locks nothing.

create function mayfly.state_changes(changes jsonb)
returns jsonb
language plpgsql stable
set search_path = ''
as $$
declare
  of_tenant constant uuid := mayfly_private.require_tenant('state:read');
begin
  if jsonb_typeof(changes) is distinct from 'array' or jsonb_array_length(changes) > 100 or exists (
    select from jsonb_array_elements(changes) c
    where mayfly_private.to_uuid(c ->> 'id') is null or not coalesce(jsonb_typeof(c -> 'version') = 'number', false)) then
    perform mayfly_private.fail(400, 'invalid_request', 'changes must be a list of at most 100 { id, version }.', null, '{"field": "changes"}');
  end if;
  return (
    select coalesce(jsonb_agg(jsonb_build_object('id', s.id, 'key', s.key, 'agent_id', s.agent_id, 'version', v.version,
      'value', v.value, 'action', v.action, 'by', v.by, 'at', v.at) order by c.n), '[]')
    from jsonb_array_elements(changes) with ordinality as c (change, n)
    join mayfly.states s on s.tenant_id = of_tenant and s.id = (c.change ->> 'id')::uuid
    join mayfly.state_versions v on v.tenant_id = of_tenant and v.state_id = s.id and v.version = (c.change ->> 'version')::numeric);
end
$$;

comment on function mayfly.state_changes(jsonb) is
  'Versions of states by { id, version }: [{ id, key, agent_id, version, value, action, by, at }].';
revoke execute on function mayfly.state_changes(jsonb) from public;
grant execute on function mayfly.state_changes(jsonb) to authenticated, service_role;

-- sql/schemas/0468_function_is_watched.sql

-- Whether anybody wants an agent's debug records by now: a watcher, or its tenant, which keeps them. Said
-- to the agent when it is spawned, at each token and each heartbeat: one without a live connection then
-- opens it. Called as owner.

create function mayfly_private.is_watched(tenant uuid, agent uuid)
returns boolean
language sql stable security definer
set search_path = ''
return exists (
  select from mayfly_private.debug_leases l
  where l.tenant_id = tenant and (l.agent_id is null or l.agent_id = agent) and l.expires_at > clock_timestamp()
) or exists (
  select from mayfly.tenants t where t.id = tenant and (t.debug ->> 'persist')::boolean
);

comment on function mayfly_private.is_watched(uuid, uuid) is 'Whether anybody wants an agents debug records.';
revoke execute on function mayfly_private.is_watched(uuid, uuid) from public;

-- sql/schemas/0469_function_debug_rate.sql

-- How many debug broadcasts a second each watched agent of a tenant may send by now: the project's
-- debug_rate, shared among the agents that are watched and, since Realtime counts each receiver, their
-- watchers; between 0.2 and 10. Called as owner.

create function mayfly_private.debug_rate(tenant uuid)
returns numeric
language sql stable security definer
set search_path = ''
return (
  select round(least(10, greatest(0.2, settings.debug_rate::numeric / greatest(1, case when leased.watch_all then listening.agents else leased.agents end)
    / (1 + leased.watchers))), 2)
  from mayfly_private.settings, (
    select count(*) as watchers, count(distinct l.agent_id) as agents, coalesce(bool_or(l.agent_id is null), false) as watch_all
    from mayfly_private.debug_leases l where l.tenant_id = tenant and l.expires_at > clock_timestamp()
  ) leased, (
    select count(*) as agents
    from mayfly_private.debug_streams s
    join mayfly.agents a on a.tenant_id = s.tenant_id and a.id = s.agent_id
    where s.tenant_id = tenant and a.status = 'running' and a.expires_at > clock_timestamp()
  ) listening
);

comment on function mayfly_private.debug_rate(uuid) is 'How many debug broadcasts a second each watched agent may send.';
revoke execute on function mayfly_private.debug_rate(uuid) from public;

-- sql/schemas/0470_function_debug_levels.sql

-- What an agent is to record by now: { levels: {category: level}, seconds, all, sends_per_second,
-- persist, max_records_per_minute }.
-- Of each category the highest level that anyone has leased; `seconds` until the last of these leases
-- ends; `persist` the level up to which the tenant keeps records, 0 for none. Seconds rather than an
-- instant: clocks differ. `all`: somebody watches every agent,
-- and learns of this one by the log. `rate` is debug_rate, asked once for many. Called as owner.

create function mayfly_private.debug_levels(tenant uuid, agent uuid, rate numeric)
returns jsonb
language sql stable security definer
set search_path = ''
return (
  select jsonb_build_object(
    'levels', coalesce((
      select jsonb_object_agg(c.category, c.level)
      from (
        select category, max(l.level) as level
        from mayfly_private.debug_leases l, unnest(coalesce(l.categories, mayfly_private.debug_categories())) category
        where l.tenant_id = t.id and (l.agent_id is null or l.agent_id = agent) and l.expires_at > clock_timestamp()
        group by category
      ) c), '{}'),
    'seconds', coalesce((
      select round(extract(epoch from max(l.expires_at) - clock_timestamp()), 3)
      from mayfly_private.debug_leases l
      where l.tenant_id = t.id and (l.agent_id is null or l.agent_id = agent) and l.expires_at > clock_timestamp()), 0),
    'all', exists (
      select from mayfly_private.debug_leases l
      where l.tenant_id = t.id and l.agent_id is null and l.expires_at > clock_timestamp()),
    'sends_per_second', rate,
    'persist', case when (t.debug ->> 'persist')::boolean then (t.debug ->> 'level')::integer else 0 end,
    'max_records_per_minute', (t.debug ->> 'max_records_per_minute')::integer)
  from mayfly.tenants t
  where t.id = tenant
);

comment on function mayfly_private.debug_levels(uuid, uuid, numeric) is 'What an agent is to record by now.';
revoke execute on function mayfly_private.debug_levels(uuid, uuid, numeric) from public;

-- sql/schemas/0471_function_tell_debug.sql

-- Tells an agent, or all that listen (at most 1,000), what they are to record from now on, by their inbox
-- topics; says how many. What the tenant may not tell by now is due, unless
-- it has 5,000 due rows already: no quota counts these calls. A broadcast that is lost comes again with the next renewal of the lease, and an
-- agent asks by itself when it joins. Called as owner, under hold_debug, by those who change it. In
-- PL/pgSQL, so that it finds realtime.send when it runs (see announce).

create function mayfly_private.tell_debug(tenant uuid, for_agent uuid)
returns integer
language plpgsql security definer
set search_path = ''
as $$
declare
  listening uuid[];
  allowed integer;
begin
  select coalesce(array_agg(l.agent_id), '{}') into listening
  from (
    select s.agent_id
    from mayfly_private.debug_streams s
    join mayfly.agents a on a.tenant_id = s.tenant_id and a.id = s.agent_id
    where s.tenant_id = tenant and (for_agent is null or s.agent_id = for_agent)
      and a.status = 'running' and a.expires_at > clock_timestamp()
    limit 1000
  ) l;
  allowed := mayfly_private.may_tell(tenant, cardinality(listening));
  perform realtime.send(
    mayfly_private.debug_levels(tenant, l.agent, (select mayfly_private.debug_rate(tenant))), 'debug_level',
    format('tenant:%s:agent:%s', tenant, l.agent), true)
  from unnest(listening[:allowed]) l (agent);
  insert into mayfly_private.nudges_due (tenant_id, topic, event)
  select tenant, format('tenant:%s:agent:%s', tenant, l.agent), 'debug_level' from unnest(listening[allowed + 1:]) l (agent)
  where (select count(*) from (select from mayfly_private.nudges_due d where d.tenant_id = tenant limit 5000) d) < 5000;
  return cardinality(listening);
end
$$;

comment on function mayfly_private.tell_debug(uuid, uuid) is 'Tells agents what they are to record.';
revoke execute on function mayfly_private.tell_debug(uuid, uuid) from public;

-- sql/schemas/0472_function_lease_debug.sql

-- Leases a level of one agent's debug stream, or without for_agent of every agent's, for up to 60 s; the
-- same lease again renews and changes it. Callers with debug:read. Says how many agents were told.
-- Locks the tenant's leases (see hold_debug).

create function mayfly_private.lease_debug(level integer, for_agent uuid, categories text[], seconds double precision, lease uuid)
returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  of_tenant constant uuid := mayfly_private.require_tenant('debug:read');
  watcher constant uuid := mayfly_private.caller_id();
  lease_id constant uuid := coalesce(lease, gen_random_uuid());
  until constant timestamptz := clock_timestamp() + make_interval(secs => seconds);
begin
  if level is null or level not between 1 and 4 then
    perform mayfly_private.fail(400, 'invalid_request', 'level must be 1 (basic), 2 (detailed), 3 (verbose) or 4 (trace).',
      'To watch no more, release the lease.', '{"field": "level"}');
  elsif seconds is null or not seconds between 1 and 60 then
    perform mayfly_private.fail(400, 'invalid_request', 'seconds must be 1 to 60.', 'Renew the lease before it ends.', '{"field": "seconds"}');
  elsif cardinality(categories) = 0 or not categories <@ mayfly_private.debug_categories() then
    perform mayfly_private.fail(400, 'invalid_request',
      format('categories must be some of %s, or null for all.', array_to_string(mayfly_private.debug_categories(), ', ')),
      null, '{"field": "categories"}');
  elsif for_agent is not null and not exists (select from mayfly.agents a where a.tenant_id = of_tenant and a.id = for_agent) then
    perform mayfly_private.fail(404, 'agent_unknown', 'There is no such agent.', null, '{"field": "for_agent"}');
  end if;

  perform mayfly_private.hold_debug(of_tenant);
  delete from mayfly_private.debug_leases l where l.tenant_id = of_tenant and l.expires_at <= clock_timestamp();
  insert into mayfly_private.debug_leases as l (tenant_id, id, watcher_id, agent_id, level, categories, expires_at)
  values (of_tenant, lease_id, watcher, for_agent, lease_debug.level, lease_debug.categories, until)
  on conflict (tenant_id, id) do update
  set agent_id = excluded.agent_id, level = excluded.level, categories = excluded.categories, expires_at = excluded.expires_at
  where l.watcher_id is not distinct from excluded.watcher_id;
  if not found then
    perform mayfly_private.fail(400, 'invalid_request', 'lease is another watcher''s.', 'Make a new id.', '{"field": "lease"}');
  elsif (select count(*) from mayfly_private.debug_leases l where l.tenant_id = of_tenant) > 200 then
    perform mayfly_private.fail(429, 'rate_limited', 'The tenant has 200 leases of debug streams at most.',
      'Release some, or wait until some end.', '{"quota": "debug_leases", "limit": 200}', 60);
  end if;
  return jsonb_build_object('lease', lease_id, 'seconds', seconds, 'agents', mayfly_private.tell_debug(of_tenant, for_agent));
end
$$;

comment on function mayfly_private.lease_debug(integer, uuid, text[], double precision, uuid) is 'Leases a level of debug streams.';
revoke execute on function mayfly_private.lease_debug(integer, uuid, text[], double precision, uuid) from public;
grant execute on function mayfly_private.lease_debug(integer, uuid, text[], double precision, uuid) to authenticated, service_role;

create function mayfly.lease_debug(
  level integer, for_agent uuid default null, categories text[] default null, seconds double precision default 60, lease uuid default null
)
returns jsonb
language sql
set search_path = ''
return mayfly_private.lease_debug(level, for_agent, categories, seconds, lease);

comment on function mayfly.lease_debug(integer, uuid, text[], double precision, uuid) is
  'Leases a level of one agent''s debug stream, or of all, for up to 60 s: { lease, seconds, agents }. The same lease again renews it.';
revoke execute on function mayfly.lease_debug(integer, uuid, text[], double precision, uuid) from public;
grant execute on function mayfly.lease_debug(integer, uuid, text[], double precision, uuid) to authenticated, service_role;

-- sql/schemas/0473_function_release_debug.sql

-- Ends a lease of one's own at once, and tells the agents. Callers with debug:read. Locks
-- the tenant's leases (see hold_debug).

create function mayfly_private.release_debug(lease uuid)
returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  of_tenant constant uuid := mayfly_private.require_tenant('debug:read');
  watched uuid;
begin
  perform mayfly_private.hold_debug(of_tenant);
  delete from mayfly_private.debug_leases l
  where l.tenant_id = of_tenant and l.id = lease and l.watcher_id is not distinct from mayfly_private.caller_id()
  returning l.agent_id into watched;
  if not found then
    return '{"released": false, "agents": 0}';
  end if;
  return jsonb_build_object('released', true, 'agents', mayfly_private.tell_debug(of_tenant, watched));
end
$$;

comment on function mayfly_private.release_debug(uuid) is 'Ends a lease of debug streams.';
revoke execute on function mayfly_private.release_debug(uuid) from public;
grant execute on function mayfly_private.release_debug(uuid) to authenticated, service_role;

create function mayfly.release_debug(lease uuid)
returns jsonb
language sql
set search_path = ''
return mayfly_private.release_debug(lease);

comment on function mayfly.release_debug(uuid) is 'Ends a lease of debug streams: { released, agents }.';
revoke execute on function mayfly.release_debug(uuid) from public;
grant execute on function mayfly.release_debug(uuid) to authenticated, service_role;

-- sql/schemas/0474_function_debug_level.sql

-- What the calling agent is to record by now; from here on it is told by its inbox topic when that
-- changes. For agents with debug:write.

create function mayfly_private.debug_level()
returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  of_tenant constant uuid := mayfly_private.require_tenant('debug:write');
  caller constant mayfly_private.caller := mayfly_private.caller();
begin
  if caller.kind is distinct from 'agent' then
    perform mayfly_private.fail(403, 'not_authorized', 'Only an agent has a debug stream.', 'Call it with the token of an agent.');
  end if;
  insert into mayfly_private.debug_streams (tenant_id, agent_id) values (of_tenant, caller.id) on conflict do nothing;
  if found then
    perform mayfly_private.hold_debug(of_tenant, true);
  end if;
  return mayfly_private.debug_levels(of_tenant, caller.id, mayfly_private.debug_rate(of_tenant));
end
$$;

comment on function mayfly_private.debug_level() is 'What the calling agent is to record.';
revoke execute on function mayfly_private.debug_level() from public;
grant execute on function mayfly_private.debug_level() to authenticated, service_role;

create function mayfly.debug_level()
returns jsonb
language sql
set search_path = ''
return mayfly_private.debug_level();

comment on function mayfly.debug_level() is
  'What the calling agent is to record by now: { levels: {category: level}, seconds, all, sends_per_second, persist, max_records_per_minute }.';
revoke execute on function mayfly.debug_level() from public;
grant execute on function mayfly.debug_level() to authenticated, service_role;

-- sql/schemas/0475_function_append_debug.sql

-- Keeps debug records of the calling agent, where its tenant keeps any: up to the tenant's level, at
-- most so many a minute of each agent. A record that is there already stays as it is, so that an
-- append whose answer was lost can be sent again. For agents with debug:write. Locks the agent's stream.

create function mayfly_private.append_debug(records jsonb, dropped integer)
returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  of_tenant constant uuid := mayfly_private.require_tenant('debug:write');
  caller constant mayfly_private.caller := mayfly_private.caller();
  this_minute constant timestamptz := date_trunc('minute', clock_timestamp());
  levels jsonb;
  fault record;
  more integer;
  more_bytes bigint;
  used integer;
begin
  if caller.kind is distinct from 'agent' then
    perform mayfly_private.fail(403, 'not_authorized', 'Only an agent has a debug stream.', 'Call it with the token of an agent.');
  elsif jsonb_typeof(records) is distinct from 'array' or jsonb_array_length(records) > 100 or not mayfly_private.json_within(records, 262144, 34) then
    perform mayfly_private.fail(400, 'invalid_request', 'records must be a list of at most 100, 256 KB together, each at most 32 deep.',
      null, '{"field": "records"}');
  elsif dropped is null or dropped < 0 then
    perform mayfly_private.fail(400, 'invalid_request', 'dropped must be at least 0.', null, '{"field": "dropped"}');
  end if;
  perform mayfly_private.check_numbers(records, 'records');
  select r.n - 1 as index, case
      when jsonb_typeof(r.record) <> 'object' then ''
      when (r.record - '{id,level,category,name,data,duration_ms,at}'::text[]) <> '{}' then ''
      when mayfly_private.to_uuid(r.record ->> 'id') is null then 'id'
      when not (r.record ? 'level' and mayfly_private.number_within(r.record -> 'level', 1, 4, true)) then 'level'
      when not coalesce(r.record ->> 'category' = any (mayfly_private.debug_categories()), false) then 'category'
      when not (mayfly_private.text_within(r.record -> 'name', 200) and coalesce(r.record ->> 'name', '') <> '') then 'name'
      when not mayfly_private.number_within(r.record -> 'duration_ms', 0, 1e9) then 'duration_ms'
      when r.record -> 'at' is null or not mayfly_private.instant_or_absent(r.record -> 'at') then 'at'
    end as field
  into fault
  from jsonb_array_elements(records) with ordinality as r (record, n)
  where jsonb_typeof(r.record) <> 'object' or (r.record - '{id,level,category,name,data,duration_ms,at}'::text[]) <> '{}'
    or mayfly_private.to_uuid(r.record ->> 'id') is null
    or not (r.record ? 'level' and mayfly_private.number_within(r.record -> 'level', 1, 4, true))
    or not coalesce(r.record ->> 'category' = any (mayfly_private.debug_categories()), false)
    or not (mayfly_private.text_within(r.record -> 'name', 200) and coalesce(r.record ->> 'name', '') <> '')
    or not mayfly_private.number_within(r.record -> 'duration_ms', 0, 1e9)
    or r.record -> 'at' is null or not mayfly_private.instant_or_absent(r.record -> 'at')
  order by r.n limit 1;
  if fault.index is not null then
    perform mayfly_private.fail(400, 'invalid_request',
      format('The record %s is not { id, level, category, name, data?, duration_ms?, at }%s.', fault.index,
        case when fault.field <> '' then format(': its %s is wrong', fault.field) else '' end),
      'Nothing was stored.', jsonb_build_object('index', fault.index, 'field', nullif(fault.field, '')));
  end if;

  insert into mayfly_private.debug_streams (tenant_id, agent_id) values (of_tenant, caller.id) on conflict do nothing;
  if found then
    perform mayfly_private.hold_debug(of_tenant, true);
  end if;
  levels := mayfly_private.debug_levels(of_tenant, caller.id, mayfly_private.debug_rate(of_tenant));
  select case when s.minute = this_minute then s.records else 0 end into strict used
  from mayfly_private.debug_streams s where s.tenant_id = of_tenant and s.agent_id = caller.id
  for update;

  with wanted as (
    select (r.record ->> 'id')::uuid as id, (r.record ->> 'level')::smallint as level, r.record ->> 'category' as category,
      r.record ->> 'name' as name, r.record -> 'data' as data, (r.record ->> 'duration_ms')::real as duration_ms,
      case when row_number() over (order by r.n) = 1 then append_debug.dropped else 0 end as dropped,
      256 + coalesce(octet_length((r.record -> 'data')::text), 0) as bytes, (r.record ->> 'at')::timestamptz as at
    from jsonb_array_elements(records) with ordinality as r (record, n)
    where (r.record ->> 'level')::integer <= (levels ->> 'persist')::integer
  ), stored as (
    insert into mayfly.debug_records (tenant_id, id, agent_id, level, category, name, data, duration_ms, dropped, bytes, at)
    select of_tenant, w.id, caller.id, w.level, w.category, w.name, w.data, w.duration_ms, w.dropped, w.bytes, w.at from wanted w
    on conflict (tenant_id, id) do nothing
    returning debug_records.bytes
  )
  select count(*), coalesce(sum(s.bytes), 0) into more, more_bytes from stored s;

  if used + more > (levels ->> 'max_records_per_minute')::integer then
    perform mayfly_private.fail(429, 'rate_limited',
      format('The tenant keeps %s debug records a minute of an agent.', levels ->> 'max_records_per_minute'),
      'Nothing was stored. Send fewer, or raise max_records_per_minute by set_debug.',
      jsonb_build_object('quota', 'max_records_per_minute', 'limit', (levels ->> 'max_records_per_minute')::integer),
      greatest(1, ceil(extract(epoch from this_minute + interval '1 minute' - clock_timestamp()))::integer));
  end if;
  if more > 0 then
    update mayfly_private.debug_streams s set minute = this_minute, records = used + more
    where s.tenant_id = of_tenant and s.agent_id = caller.id;
    perform mayfly_private.charge(of_tenant, 0, more_bytes, more);
  end if;
  return levels || jsonb_build_object('stored', more);
end
$$;

comment on function mayfly_private.append_debug(jsonb, integer) is 'Keeps debug records of the calling agent.';
revoke execute on function mayfly_private.append_debug(jsonb, integer) from public;
grant execute on function mayfly_private.append_debug(jsonb, integer) to authenticated, service_role;

create function mayfly.append_debug(records jsonb, dropped integer default 0)
returns jsonb
language sql
set search_path = ''
return mayfly_private.append_debug(records, dropped);

comment on function mayfly.append_debug(jsonb, integer) is
  'Keeps debug records of the calling agent where its tenant keeps any: what debug_level gives, and stored, how many.';
revoke execute on function mayfly.append_debug(jsonb, integer) from public;
grant execute on function mayfly.append_debug(jsonb, integer) to authenticated, service_role;

-- sql/schemas/0476_function_set_debug.sql

-- Sets whether the tenant keeps debug records, up to which level, how many a minute of each agent and
-- for how many seconds; null leaves as it is. Tells the agents that listen. Scope tenant:write. Locks
-- the tenant's leases (see hold_debug), then its row.

create function mayfly_private.set_debug(persist boolean, level integer, max_records_per_minute integer, keep double precision)
returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  of_tenant constant uuid := mayfly_private.require_tenant('tenant:write');
  setting jsonb;
begin
  if level not between 1 and 4 then
    perform mayfly_private.fail(400, 'invalid_request', 'level must be 1 (basic), 2 (detailed), 3 (verbose) or 4 (trace).', null, '{"field": "level"}');
  elsif max_records_per_minute not between 1 and 100000 then
    perform mayfly_private.fail(400, 'invalid_request', 'max_records_per_minute must be 1 to 100000.', null, '{"field": "max_records_per_minute"}');
  elsif not keep between 60 and 3e9 then
    perform mayfly_private.fail(400, 'invalid_request', 'keep must be at least 60 seconds.', null, '{"field": "keep"}');
  end if;
  perform mayfly_private.hold_debug(of_tenant);
  update mayfly.tenants t
  set debug = t.debug || jsonb_strip_nulls(jsonb_build_object(
    'persist', set_debug.persist, 'level', set_debug.level, 'max_records_per_minute', set_debug.max_records_per_minute, 'keep', set_debug.keep))
  where t.id = of_tenant
  returning t.debug into strict setting;
  perform mayfly_private.tell_debug(of_tenant, null);
  return setting;
end
$$;

comment on function mayfly_private.set_debug(boolean, integer, integer, double precision) is 'Sets which debug records the tenant keeps.';
revoke execute on function mayfly_private.set_debug(boolean, integer, integer, double precision) from public;
grant execute on function mayfly_private.set_debug(boolean, integer, integer, double precision) to authenticated, service_role;

create function mayfly.set_debug(
  persist boolean default null, level integer default null, max_records_per_minute integer default null, keep double precision default null
)
returns jsonb
language sql
set search_path = ''
return mayfly_private.set_debug(persist, level, max_records_per_minute, keep);

comment on function mayfly.set_debug(boolean, integer, integer, double precision) is
  'Sets which debug records the tenant keeps, and for how many seconds. Returns { persist, level, max_records_per_minute, keep }.';
revoke execute on function mayfly.set_debug(boolean, integer, integer, double precision) from public;
grant execute on function mayfly.set_debug(boolean, integer, integer, double precision) to authenticated, service_role;

-- sql/schemas/0477_function_maintain_debug.sql

-- What time does to debug records of a tenant: deletes at most max_rows of those that have been kept for
-- as long as the tenant says, and leases that have ended; says whether there may be more. Called by
-- maintain_tenant, as owner.

create function mayfly_private.maintain_debug(tenant uuid, max_rows integer)
returns boolean
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
  return deleted = max_rows;
end
$$;

comment on function mayfly_private.maintain_debug(uuid, integer) is 'One batch of what time does to debug records.';
revoke execute on function mayfly_private.maintain_debug(uuid, integer) from public;

-- sql/schemas/0478_function_hold_debug.sql

-- Lets one transaction of a tenant at a time change its leases of debug streams, until it commits. Each
-- reads all leases and tells agents the sum. Two that end a lease at once would each still see the
-- other's, and tell the agent to go on for 60 s. Agents that begin to listen share the lock: whoever
-- leases meanwhile waits, and tells them too. Called before anything is read, as owner.

create function mayfly_private.hold_debug(tenant uuid, listening boolean default false)
returns void
language plpgsql security definer
set search_path = ''
as $$
declare
  lock constant bigint := hashtextextended('mayfly.hold_debug ' || tenant, 0);
begin
  if listening then
    perform pg_advisory_xact_lock_shared(lock);
  else
    perform pg_advisory_xact_lock(lock);
  end if;
end
$$;

comment on function mayfly_private.hold_debug(uuid, boolean) is 'Lets one transaction at a time change a tenant''s debug leases.';
revoke execute on function mayfly_private.hold_debug(uuid, boolean) from public;

-- sql/schemas/0480_function_log_messages.sql

-- Appends what was sent, once a statement: for its recipient alone when it is one, else for the tenant.
-- As owner: clients have no INSERT on the log. Who listens to its inbox is nudged by the message itself.

create function mayfly_private.log_messages()
returns trigger
language plpgsql security definer
set search_path = ''
as $$
declare
  of_epoch constant integer := mayfly_private.current_epoch();
begin
  insert into mayfly.events (tenant_id, epoch, audience, type, agent_id, subject)
  select n.tenant_id, of_epoch, (n.target ->> 'agent')::uuid, 'message.sent',
    case n.sender_kind when 'agent' then n.sender_id end, n.id
  from new_rows n
  order by n.sent_at, n.id;
  perform mayfly_private.nudge(t.tenant_id, t.audience)
  from (select distinct n.tenant_id, (n.target ->> 'agent')::uuid as audience from new_rows n) t
  where t.audience is null or not exists (select from mayfly.inboxes b
    where b.tenant_id = t.tenant_id and b.recipient_id = t.audience and b.session is not null);
  return null;
end
$$;

comment on function mayfly_private.log_messages() is 'Trigger: appends what was sent to the log.';
revoke execute on function mayfly_private.log_messages() from public;

create trigger messages_log_insert after insert on mayfly.messages
  referencing new table as new_rows
  for each statement execute function mayfly_private.log_messages();

-- sql/schemas/0481_function_log_acknowledgements.sql

-- Appends, once a statement, which messages were acknowledged by whom, for their senders (the secret
-- key's for the admins). As owner: clients have no INSERT on the log.

create function mayfly_private.log_acknowledgements()
returns trigger
language plpgsql security definer
set search_path = ''
as $$
begin
  if not exists (select from new_rows n join old_rows o on o.tenant_id = n.tenant_id and o.recipient_id = n.recipient_id and o.seq = n.seq
      where n.acknowledged_at is not null and o.acknowledged_at is null) then
    return null;
  end if;
  insert into mayfly.events (tenant_id, epoch, audience, type, agent_id, subject)
  select n.tenant_id, e.epoch, coalesce(n.sender_id, n.tenant_id), 'message.acknowledged', a.id, n.message_id
  from (select mayfly_private.current_epoch() as epoch) e, new_rows n
  join old_rows o on o.tenant_id = n.tenant_id and o.recipient_id = n.recipient_id and o.seq = n.seq
  left join mayfly.agents a on a.tenant_id = n.tenant_id and a.id = n.recipient_id
  where n.acknowledged_at is not null and o.acknowledged_at is null
  order by n.recipient_id, n.seq;
  perform mayfly_private.nudge(t.tenant_id, t.sender_id)
  from (select distinct n.tenant_id, n.sender_id from new_rows n where n.acknowledged_at is not null and n.sender_id is not null) t;
  return null;
end
$$;

comment on function mayfly_private.log_acknowledgements() is 'Trigger: appends which messages were acknowledged to the log.';
revoke execute on function mayfly_private.log_acknowledgements() from public;

create trigger deliveries_log_update after update on mayfly.deliveries
  referencing old table as old_rows new table as new_rows
  for each statement execute function mayfly_private.log_acknowledgements();

-- sql/schemas/0482_function_maintain_messages.sql

-- One batch of a tenant's old messages: those that every recipient has acknowledged, or whose deadline has
-- passed, after the tenant's messages_kept; all others, and those in channels, after the project's kept.
-- Their deliveries go with them. Looks at max_rows, on from where the last batch stopped. Says whether there
-- may be more. Called by maintain_tenant, under its lock.

create function mayfly_private.maintain_messages(tenant uuid, max_rows integer)
returns boolean
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
  return coalesce(cardinality(walked), 0) = max_rows;
end
$$;

comment on function mayfly_private.maintain_messages(uuid, integer) is 'One batch of a tenants old messages.';
revoke execute on function mayfly_private.maintain_messages(uuid, integer) from public;

-- sql/schemas/0483_function_find_channel.sql

-- A channel of a tenant by its name, or an error; for a reader also when it may not read it. Called by the
-- functions of channels. Locks nothing.

create function mayfly_private.find_channel(tenant uuid, name text, for_reader boolean)
returns mayfly.channels
language plpgsql stable security definer
set search_path = ''
as $$
declare
  channel mayfly.channels;
begin
  select * into channel from mayfly.channels c where c.tenant_id = tenant and c.name = find_channel.name;
  if channel.id is null then
    perform mayfly_private.fail(404, 'channel_unknown', format('There is no channel %s.', name),
      'Create the channel, or list those there are.', '{"field": "name"}');
  elsif for_reader and not channel.id = any (mayfly_private.readable_channel_ids()) then
    perform mayfly_private.fail(403, 'not_subscribed', format('The caller may not read the channel %s.', name),
      'Subscribe to it first.', jsonb_build_object('channel', name));
  end if;
  return channel;
end
$$;

comment on function mayfly_private.find_channel(uuid, text, boolean) is 'A channel by its name.';
revoke execute on function mayfly_private.find_channel(uuid, text, boolean) from public;

-- sql/schemas/0484_function_check_channel.sql

-- Refuses what is out of bounds in a channel's description and publishers: agents and members of the
-- tenant. Called by create_channel and update_channel. Locks nothing.

create function mayfly_private.check_channel(tenant uuid, description text, publishers uuid[])
returns void
language plpgsql stable security definer
set search_path = ''
as $$
declare
  unknown uuid;
begin
  if char_length(description) > 2000 then
    perform mayfly_private.fail(400, 'invalid_request', 'description must have at most 2000 characters.', null, '{"field": "description"}');
  elsif cardinality(publishers) > 1000 then
    perform mayfly_private.fail(400, 'invalid_request', 'publishers must be at most 1000 ids.', null, '{"field": "publishers"}');
  elsif array_position(publishers, null) is not null then
    perform mayfly_private.fail(400, 'invalid_request', 'publishers must be ids of agents or members.', null, '{"field": "publishers"}');
  end if;
  unknown := (
    select p from unnest(publishers) p
    where not exists (select from mayfly.agents a where a.tenant_id = tenant and a.id = p)
      and not exists (select from mayfly.members m where m.tenant_id = tenant and m.user_id = p)
    limit 1);
  if unknown is not null then
    perform mayfly_private.fail(404, 'recipient_unknown', format('There is no agent or member %s.', unknown),
      'Name agents or members of the tenant.', '{"field": "publishers"}');
  end if;
end
$$;

comment on function mayfly_private.check_channel(uuid, text, uuid[]) is 'Refuses what is out of bounds in a channel.';
revoke execute on function mayfly_private.check_channel(uuid, text, uuid[]) from public;

-- sql/schemas/0485_function_create_channel.sql

-- Creates a channel, at most 1,000 a tenant. Its creator publishes in it and reads it. Scope
-- channel:write.

create function mayfly_private.create_channel(name text, kind text, description text, publishers uuid[])
returns mayfly.channels
language plpgsql security definer
set search_path = ''
as $$
declare
  max_channels constant integer := 1000;
  tenant constant uuid := mayfly_private.require_tenant('channel:write');
  channel mayfly.channels;
begin
  if name is null or name !~ '^[a-z0-9][a-z0-9_.-]{0,62}$' then
    perform mayfly_private.fail(400, 'invalid_request', 'name must be lower case letters, digits, dots, dashes or underscores, 63 at most.', null, '{"field": "name"}');
  elsif kind is null or kind not in ('one_way', 'two_way', 'broadcast') then
    perform mayfly_private.fail(400, 'invalid_request', 'kind must be one_way, two_way or broadcast.', null, '{"field": "kind"}');
  end if;
  perform mayfly_private.check_channel(tenant, description, publishers);
  -- Of two at the limit, the second sees what the first has made.
  perform from mayfly.tenants t where t.id = tenant for no key update;
  if (select count(*) >= max_channels from mayfly.channels c where c.tenant_id = tenant) then
    perform mayfly_private.fail(403, 'quota_exceeded', format('A tenant may have %s channels.', max_channels),
      'Delete channels that nobody needs.', jsonb_build_object('quota', 'channels', 'limit', max_channels));
  end if;

  insert into mayfly.channels as c (tenant_id, name, kind, description, created_by, publishers)
  values (tenant, create_channel.name, create_channel.kind, coalesce(create_channel.description, ''),
    mayfly_private.caller_id(), coalesce(create_channel.publishers, '{}'))
  on conflict do nothing
  returning c.* into channel;
  if channel.id is null then
    perform mayfly_private.fail(409, 'channel_exists', format('There is a channel %s already.', name),
      'Use it, or take another name.', '{"field": "name"}');
  end if;
  return channel;
end
$$;

comment on function mayfly_private.create_channel(text, text, text, uuid[]) is 'Creates a channel.';
revoke execute on function mayfly_private.create_channel(text, text, text, uuid[]) from public;
grant execute on function mayfly_private.create_channel(text, text, text, uuid[]) to authenticated, service_role;

create function mayfly.create_channel(name text, kind text default 'two_way', description text default '', publishers uuid[] default '{}')
returns jsonb
language sql
set search_path = ''
return to_jsonb(mayfly_private.create_channel(name, kind, description, publishers)) - 'tenant_id';

comment on function mayfly.create_channel(text, text, text, uuid[]) is
  'Creates a channel: one_way (creator and publishers publish, subscribers read), two_way (subscribers do both) or broadcast (the tenant reads).';
revoke execute on function mayfly.create_channel(text, text, text, uuid[]) from public;
grant execute on function mayfly.create_channel(text, text, text, uuid[]) to authenticated, service_role;

-- sql/schemas/0486_function_own_channel.sql

-- Locks a channel that the caller may change: with channel:write its own, with message:admin, too, any.
-- Called by update_channel and delete_channel.

create function mayfly_private.own_channel(name text)
returns mayfly.channels
language plpgsql security definer
set search_path = ''
as $$
declare
  tenant constant uuid := mayfly_private.require_tenant('channel:write');
  channel mayfly.channels := mayfly_private.find_channel(tenant, name, false);
begin
  if not (coalesce(channel.created_by = mayfly_private.caller_id(), false) or tenant = any (mayfly_private.tenant_ids('message:admin'))) then
    perform mayfly_private.fail(403, 'scope_missing', 'The caller does not have the scope message:admin.',
      'It is needed for channels that others created.', '{"scope": "message:admin"}');
  end if;
  select * into channel from mayfly.channels c where c.tenant_id = tenant and c.id = channel.id for update;
  return channel;
end
$$;

comment on function mayfly_private.own_channel(text) is 'Locks a channel that the caller may change.';
revoke execute on function mayfly_private.own_channel(text) from public;

-- sql/schemas/0487_function_update_channel.sql

-- Changes a channel's description or who publishes in it; null leaves as it is. For its creator
-- (channel:write), and with message:admin. Locks the channel.

create function mayfly_private.update_channel(name text, description text, publishers uuid[])
returns mayfly.channels
language plpgsql security definer
set search_path = ''
as $$
declare
  channel mayfly.channels := mayfly_private.own_channel(name);
  before constant integer := mayfly_private.row_bytes('channels', to_jsonb(channel));
begin
  perform mayfly_private.check_channel(channel.tenant_id, description, publishers);
  update mayfly.channels c
  set description = coalesce(update_channel.description, c.description), publishers = coalesce(update_channel.publishers, c.publishers)
  where c.tenant_id = channel.tenant_id and c.id = channel.id
  returning c.* into channel;
  perform mayfly_private.charge(channel.tenant_id, 0, mayfly_private.row_bytes('channels', to_jsonb(channel)) - before, 1);
  return channel;
end
$$;

comment on function mayfly_private.update_channel(text, text, uuid[]) is 'Changes a channel.';
revoke execute on function mayfly_private.update_channel(text, text, uuid[]) from public;
grant execute on function mayfly_private.update_channel(text, text, uuid[]) to authenticated, service_role;

create function mayfly.update_channel(name text, description text default null, publishers uuid[] default null)
returns jsonb
language sql
set search_path = ''
return to_jsonb(mayfly_private.update_channel(name, description, publishers)) - 'tenant_id';

comment on function mayfly.update_channel(text, text, uuid[]) is 'Changes a channel''s description or publishers; null leaves as it is.';
revoke execute on function mayfly.update_channel(text, text, uuid[]) from public;
grant execute on function mayfly.update_channel(text, text, uuid[]) to authenticated, service_role;

-- sql/schemas/0488_function_delete_channel.sql

-- Deletes a channel with its messages and subscriptions. For its creator (channel:write), and with
-- message:admin. Locks the channel.

create function mayfly_private.delete_channel(name text)
returns uuid
language plpgsql security definer
set search_path = ''
as $$
declare
  channel constant mayfly.channels := mayfly_private.own_channel(name);
begin
  delete from mayfly.channels c where c.tenant_id = channel.tenant_id and c.id = channel.id;
  return channel.id;
end
$$;

comment on function mayfly_private.delete_channel(text) is 'Deletes a channel.';
revoke execute on function mayfly_private.delete_channel(text) from public;
grant execute on function mayfly_private.delete_channel(text) to authenticated, service_role;

create function mayfly.delete_channel(name text)
returns jsonb
language sql
set search_path = ''
return jsonb_build_object('deleted', mayfly_private.delete_channel(name));

comment on function mayfly.delete_channel(text) is 'Deletes a channel with its messages and subscriptions: { deleted: id }.';
revoke execute on function mayfly.delete_channel(text) from public;
grant execute on function mayfly.delete_channel(text) to authenticated, service_role;

-- sql/schemas/0489_function_subscribe_channel.sql

-- Subscribes the caller to a channel, from its next message on where it does not say from when. Again
-- changes nothing. Scope message:read.

create function mayfly_private.subscribe_channel(name text, acknowledged bigint)
returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  tenant constant uuid := mayfly_private.own_inbox();
  channel constant mayfly.channels := mayfly_private.find_channel(tenant, name, false);
  subscription mayfly.channel_subscriptions;
begin
  if acknowledged < 0 then
    perform mayfly_private.fail(400, 'invalid_request', 'acknowledged must be at least 0.', null, '{"field": "acknowledged"}');
  end if;
  insert into mayfly.channel_subscriptions (tenant_id, channel_id, subscriber_id, acknowledged)
  values (tenant, channel.id, mayfly_private.caller_id(), least(coalesce(subscribe_channel.acknowledged, channel.last_seq), channel.last_seq))
  on conflict do nothing;
  select * into subscription from mayfly.channel_subscriptions s
  where s.tenant_id = tenant and s.channel_id = channel.id and s.subscriber_id = mayfly_private.caller_id();
  return jsonb_build_object('channel', channel.name, 'kind', channel.kind, 'last_seq', channel.last_seq,
    'acknowledged', subscription.acknowledged, 'subscribed_at', subscription.subscribed_at);
end
$$;

comment on function mayfly_private.subscribe_channel(text, bigint) is 'Subscribes the caller to a channel.';
revoke execute on function mayfly_private.subscribe_channel(text, bigint) from public;
grant execute on function mayfly_private.subscribe_channel(text, bigint) to authenticated, service_role;

create function mayfly.subscribe_channel(name text, acknowledged bigint default null)
returns jsonb
language sql
set search_path = ''
return mayfly_private.subscribe_channel(name, acknowledged);

comment on function mayfly.subscribe_channel(text, bigint) is
  'Subscribes the caller to a channel, up to a message that it takes as handled (0: none; by default all there are).';
revoke execute on function mayfly.subscribe_channel(text, bigint) from public;
grant execute on function mayfly.subscribe_channel(text, bigint) to authenticated, service_role;

-- sql/schemas/0490_function_unsubscribe_channel.sql

-- Ends the caller's subscription of a channel; without one nothing happens. Scope message:read.

create function mayfly_private.unsubscribe_channel(name text)
returns boolean
language plpgsql security definer
set search_path = ''
as $$
declare
  tenant constant uuid := mayfly_private.own_inbox();
  channel constant mayfly.channels := mayfly_private.find_channel(tenant, name, false);
begin
  delete from mayfly.channel_subscriptions s
  where s.tenant_id = tenant and s.channel_id = channel.id and s.subscriber_id = mayfly_private.caller_id();
  return found;
end
$$;

comment on function mayfly_private.unsubscribe_channel(text) is 'Ends the callers subscription of a channel.';
revoke execute on function mayfly_private.unsubscribe_channel(text) from public;
grant execute on function mayfly_private.unsubscribe_channel(text) to authenticated, service_role;

create function mayfly.unsubscribe_channel(name text)
returns boolean
language sql
set search_path = ''
return mayfly_private.unsubscribe_channel(name);

comment on function mayfly.unsubscribe_channel(text) is 'Ends the caller''s subscription of a channel; whether there was one.';
revoke execute on function mayfly.unsubscribe_channel(text) from public;
grant execute on function mayfly.unsubscribe_channel(text) to authenticated, service_role;

-- sql/schemas/0491_function_read_channel.sql

-- The messages of a channel behind `after`, by number, about 1 MB a page and at most page_limit. Scope
-- message:read, for who may read the channel. Locks nothing. Publishers hold the channel until they
-- commit: up to last_seq in this snapshot nothing is missing but what retention deleted.

create function mayfly_private.read_channel(name text, after bigint, page_limit integer)
returns jsonb
language plpgsql stable security definer
set search_path = ''
as $$
declare
  tenant constant uuid := mayfly_private.require_tenant('message:read');
  channel constant mayfly.channels := mayfly_private.find_channel(tenant, name, true);
begin
  if page_limit is null or page_limit not between 1 and 1000 then
    perform mayfly_private.fail(400, 'invalid_request', 'page_limit must be 1 to 1000.', null, '{"field": "page_limit"}');
  end if;
  return (
    with found_messages as (
      -- Their sizes alone: nothing of a message is read that is not of the page.
      select f.seq, f.id, row_number() over (order by f.seq) as n, sum(f.bytes) over (order by f.seq) - f.bytes as bytes_before
      from (
        select m.channel_seq as seq, m.id, m.bytes
        from mayfly.messages m
        where m.tenant_id = tenant and m.channel_id = channel.id and m.channel_seq > coalesce(after, 0)
        order by m.channel_seq
        limit page_limit + 1
      ) f
    ), taken as (
      select * from found_messages f where f.n <= page_limit and (f.n = 1 or f.bytes_before < 1000000)
    )
    select jsonb_build_object(
      'messages', coalesce(jsonb_agg(jsonb_build_object('seq', t.seq) || mayfly_private.show_message(m) order by t.seq), '[]'),
      'topic', format('tenant:%s:channel:%s', tenant, channel.name),
      'last_seq', greatest(channel.last_seq, max(t.seq)),
      'acknowledged', (select s.acknowledged from mayfly.channel_subscriptions s
        where s.tenant_id = tenant and s.channel_id = channel.id and s.subscriber_id = mayfly_private.caller_id()),
      'more', (select count(*) from found_messages) > count(*))
    from taken t join mayfly.messages m on m.tenant_id = tenant and m.id = t.id);
end
$$;

comment on function mayfly_private.read_channel(text, bigint, integer) is 'The messages of a channel behind a number.';
revoke execute on function mayfly_private.read_channel(text, bigint, integer) from public;
grant execute on function mayfly_private.read_channel(text, bigint, integer) to authenticated, service_role;

create function mayfly.read_channel(name text, after bigint default 0, page_limit integer default 100)
returns jsonb
language sql stable
set search_path = ''
return mayfly_private.read_channel(name, after, page_limit);

comment on function mayfly.read_channel(text, bigint, integer) is
  'The messages of a channel behind a number: { topic, messages: [{ seq, … }], last_seq, acknowledged, more }.';
revoke execute on function mayfly.read_channel(text, bigint, integer) from public;
grant execute on function mayfly.read_channel(text, bigint, integer) to authenticated, service_role;

-- sql/schemas/0492_function_acknowledge_channel.sql

-- Says that the caller has handled a channel's messages up to a number. Never goes back. Scope
-- message:read, for subscribers. Locks the subscription.
--
-- A broadcast can arrive before the row that caused it is visible: the answer is then below the number that
-- was asked for, and the caller says it again soon.

create function mayfly_private.acknowledge_channel(name text, seq bigint)
returns bigint
language plpgsql security definer
set search_path = ''
as $$
declare
  tenant constant uuid := mayfly_private.own_inbox();
  channel constant mayfly.channels := mayfly_private.find_channel(tenant, name, false);
  acknowledged bigint;
begin
  if seq is null or seq < 0 then
    perform mayfly_private.fail(400, 'invalid_request', 'seq must be at least 0.', null, '{"field": "seq"}');
  end if;
  update mayfly.channel_subscriptions s
  set acknowledged = greatest(s.acknowledged, least(seq, channel.last_seq))
  where s.tenant_id = tenant and s.channel_id = channel.id and s.subscriber_id = mayfly_private.caller_id()
  returning s.acknowledged into acknowledged;
  if acknowledged is null then
    perform mayfly_private.fail(403, 'not_subscribed', format('The caller has not subscribed to the channel %s.', name),
      'Subscribe to it first.', jsonb_build_object('channel', name));
  end if;
  return acknowledged;
end
$$;

comment on function mayfly_private.acknowledge_channel(text, bigint) is 'Says up to where the caller has handled a channel.';
revoke execute on function mayfly_private.acknowledge_channel(text, bigint) from public;
grant execute on function mayfly_private.acknowledge_channel(text, bigint) to authenticated, service_role;

create function mayfly.acknowledge_channel(name text, seq bigint)
returns bigint
language sql
set search_path = ''
return mayfly_private.acknowledge_channel(name, seq);

comment on function mayfly.acknowledge_channel(text, bigint) is
  'Says up to where the caller has handled a channel. Returns where that is now: below seq when the newest messages are not visible yet; say it again soon.';
revoke execute on function mayfly.acknowledge_channel(text, bigint) from public;
grant execute on function mayfly.acknowledge_channel(text, bigint) to authenticated, service_role;

-- sql/schemas/0493_function_channel_statistics.sql

-- What there is in a channel, how fast it goes, and how far behind its subscribers are (the 1,000 that are
-- the furthest). Scope message:read, for who may read the channel. Reads the channel's messages. Locks nothing.

create function mayfly_private.channel_statistics(name text)
returns jsonb
language plpgsql stable security definer
set search_path = ''
as $$
declare
  tenant constant uuid := mayfly_private.require_tenant('message:read');
  channel constant mayfly.channels := mayfly_private.find_channel(tenant, name, true);
begin
  return (
    select jsonb_build_object(
      'name', channel.name, 'kind', channel.kind, 'last_seq', channel.last_seq,
      'messages', count(*), 'bytes', coalesce(sum(octet_length(m.payload::text)), 0),
      'last_minute', count(*) filter (where m.sent_at > clock_timestamp() - interval '1 minute'),
      'per_minute', round(count(*) filter (where m.sent_at > clock_timestamp() - interval '1 hour') / 60.0, 2),
      'last_sent_at', max(m.sent_at),
      'senders', count(distinct m.sender_id),
      'subscribers', (
        select coalesce(jsonb_agg(jsonb_build_object('id', s.subscriber_id, 'acknowledged', s.acknowledged,
          'lag', channel.last_seq - s.acknowledged, 'subscribed_at', s.subscribed_at) order by s.acknowledged, s.subscriber_id), '[]')
        from (
          select * from mayfly.channel_subscriptions s
          where s.tenant_id = tenant and s.channel_id = channel.id
          order by s.acknowledged, s.subscriber_id limit 1000
        ) s))
    from mayfly.messages m
    where m.tenant_id = tenant and m.channel_id = channel.id);
end
$$;

comment on function mayfly_private.channel_statistics(text) is 'What there is in a channel.';
revoke execute on function mayfly_private.channel_statistics(text) from public;
grant execute on function mayfly_private.channel_statistics(text) to authenticated, service_role;

create function mayfly.channel_statistics(name text)
returns jsonb
language sql stable
set search_path = ''
return mayfly_private.channel_statistics(name);

comment on function mayfly.channel_statistics(text) is
  'A channel''s messages and bytes, those of the last minute, the mean a minute of the last hour, and its subscribers with their lag.';
revoke execute on function mayfly.channel_statistics(text) from public;
grant execute on function mayfly.channel_statistics(text) to authenticated, service_role;

-- sql/schemas/0494_function_log_channels.sql

-- Appends which channels were created, changed and deleted, once a statement. As owner: clients have no
-- INSERT on the log. That one has a new message is no event of its own; when the tenant itself goes, there
-- is no log to append to.

create function mayfly_private.log_channels()
returns trigger
language plpgsql security definer
set search_path = ''
as $$
declare
  tenants uuid[];
begin
  if tg_op = 'INSERT' then
    with appended as (
      insert into mayfly.events (tenant_id, epoch, type, agent_id, subject)
      select n.tenant_id, mayfly_private.current_epoch(), 'channel.created',
        (select a.id from mayfly.agents a where a.tenant_id = n.tenant_id and a.id = n.created_by), n.id
      from new_rows n
      returning tenant_id
    )
    select array_agg(distinct a.tenant_id) into tenants from appended a;
  elsif tg_op = 'UPDATE' then
    with appended as (
      insert into mayfly.events (tenant_id, epoch, type, subject, fields)
      select n.tenant_id, mayfly_private.current_epoch(), 'channel.updated', n.id, array_remove(array[
        case when n.description <> o.description then 'description' end,
        case when n.publishers <> o.publishers then 'publishers' end], null)
      from new_rows n
      join old_rows o on o.tenant_id = n.tenant_id and o.id = n.id
      where n.description <> o.description or n.publishers <> o.publishers
      returning tenant_id
    )
    select array_agg(distinct a.tenant_id) into tenants from appended a;
  else
    with appended as (
      insert into mayfly.events (tenant_id, epoch, type, subject)
      select o.tenant_id, mayfly_private.current_epoch(), 'channel.deleted', o.id
      from old_rows o join mayfly.tenants t on t.id = o.tenant_id
      returning tenant_id
    )
    select array_agg(distinct a.tenant_id) into tenants from appended a;
  end if;
  perform mayfly_private.nudge(t, null) from unnest(tenants) t;
  return null;
end
$$;

comment on function mayfly_private.log_channels() is 'Trigger: appends what happened to channels to the log.';
revoke execute on function mayfly_private.log_channels() from public;

create trigger channels_log_insert after insert on mayfly.channels
  referencing new table as new_rows
  for each statement execute function mayfly_private.log_channels();

create trigger channels_log_update after update on mayfly.channels
  referencing old table as old_rows new table as new_rows
  for each statement execute function mayfly_private.log_channels();

create trigger channels_log_delete after delete on mayfly.channels
  referencing old table as old_rows
  for each statement execute function mayfly_private.log_channels();

-- sql/schemas/0495_function_log_subscriptions.sql

-- Appends who subscribed to a channel and who left it, once a statement. As owner: clients have no INSERT
-- on the log. When the channel itself goes, that says it.

create function mayfly_private.log_subscriptions()
returns trigger
language plpgsql security definer
set search_path = ''
as $$
declare
  tenants uuid[];
begin
  if tg_op = 'INSERT' then
    with appended as (
      insert into mayfly.events (tenant_id, epoch, type, agent_id, subject)
      select n.tenant_id, mayfly_private.current_epoch(), 'channel.subscribed',
        (select a.id from mayfly.agents a where a.tenant_id = n.tenant_id and a.id = n.subscriber_id), n.channel_id
      from new_rows n
      returning tenant_id
    )
    select array_agg(distinct a.tenant_id) into tenants from appended a;
  else
    with appended as (
      insert into mayfly.events (tenant_id, epoch, type, agent_id, subject)
      select o.tenant_id, mayfly_private.current_epoch(), 'channel.unsubscribed',
        (select a.id from mayfly.agents a where a.tenant_id = o.tenant_id and a.id = o.subscriber_id), o.channel_id
      from old_rows o join mayfly.channels c on c.tenant_id = o.tenant_id and c.id = o.channel_id
      returning tenant_id
    )
    select array_agg(distinct a.tenant_id) into tenants from appended a;
  end if;
  perform mayfly_private.nudge(t, null) from unnest(tenants) t;
  return null;
end
$$;

comment on function mayfly_private.log_subscriptions() is 'Trigger: appends who subscribed and unsubscribed to the log.';
revoke execute on function mayfly_private.log_subscriptions() from public;

create trigger channel_subscriptions_log_insert after insert on mayfly.channel_subscriptions
  referencing new table as new_rows
  for each statement execute function mayfly_private.log_subscriptions();

create trigger channel_subscriptions_log_delete after delete on mayfly.channel_subscriptions
  referencing old table as old_rows
  for each statement execute function mayfly_private.log_subscriptions();

-- sql/schemas/0496_function_listen.sql

-- Leases the tenant's log, with the nudges of what is for the calling agent alone, and up to 100 channels for
-- 60 s: nudges come only while somebody leases. Says the newest numbers of what the caller may read, by which
-- it notices lost broadcasts; `lost` says how many it has noticed since the last call. What the caller may not
-- read is left out, of the lease and of the answer. An inbox is leased by opening it.
--
--   { seconds, log, inbox, channels: {name: number} }
--
-- log is the greatest id among the newest 200 events that the tenant, or the agent alone, is told of.
-- Where nobody flushes what is due, it is told in passing. Locks the topics' leases while it writes them,
-- every 10 s at most, however many listen.

create function mayfly_private.listen(log boolean, channels text[], lost integer)
returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  tenant constant uuid := mayfly_private.require_tenant(null);
  caller constant mayfly_private.caller := mayfly_private.caller();
  lease_end constant timestamptz := clock_timestamp() + interval '60 seconds';
  own constant uuid := case when caller.kind = 'agent' then caller.id end;
  of_log constant boolean := coalesce(log, false) and tenant = any (mayfly_private.tenant_ids('memory:read'));
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
      from (select n.id, n.audience from mayfly.events n where n.tenant_id = tenant order by n.xid desc, n.id desc limit 200) e
      where e.audience is null or e.audience = own), 0) end,
    'inbox', case when of_messages then coalesce((
      select b.last_seq from mayfly.inboxes b where b.tenant_id = tenant and b.recipient_id = caller.id), 0) end,
    'channels', readable);
end
$$;

comment on function mayfly_private.listen(boolean, text[], integer) is 'Leases topics, and says their newest numbers.';
revoke execute on function mayfly_private.listen(boolean, text[], integer) from public;
grant execute on function mayfly_private.listen(boolean, text[], integer) to authenticated, service_role;

create function mayfly.listen(log boolean default false, channels text[] default '{}', lost integer default 0)
returns jsonb
language sql
set search_path = ''
return mayfly_private.listen(log, channels, lost);

comment on function mayfly.listen(boolean, text[], integer) is
  'Leases the nudges of the log and of channels for 60 s: { seconds, log, inbox, channels: {name: number} }, the newest numbers of each.';
revoke execute on function mayfly.listen(boolean, text[], integer) from public;
grant execute on function mayfly.listen(boolean, text[], integer) to authenticated, service_role;
