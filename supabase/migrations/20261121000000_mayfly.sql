-- sql/schemas/0010_requirements.sql

-- What the rest relies on; stops with a clear sentence where it is missing.

create extension if not exists vector with schema extensions;

do $$
declare
  vector record;
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

-- sql/schemas/0100_table_scopes.sql

-- Every scope there is, and the member roles that have it. An agent's scopes are a subset of these.

create table mayfly.scopes (
  name text constraint scopes_pkey primary key,
  description text not null,
  roles text[] not null
);

comment on table mayfly.scopes is 'The scopes of agents, and which member roles have them.';

insert into mayfly.scopes (name, description, roles) values
  ('memory:read', 'Read and recall the memories of the tenant.', '{viewer,member,admin,owner}'),
  ('memory:write', 'Remember and forget.', '{member,admin,owner}'),
  ('memory:admin', 'Read memories that are visible to their agent alone.', '{admin,owner}'),
  ('agent:read', 'See the agents of the tenant.', '{viewer,member,admin,owner}'),
  ('agent:spawn', 'Spawn agents.', '{member,admin,owner}'),
  ('agent:stop', 'Stop agents that one did not spawn.', '{member,admin,owner}'),
  ('presence:read', 'See who is present.', '{viewer,member,admin,owner}'),
  ('presence:write', 'Be present.', '{member,admin,owner}');

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
  language text not null default 'english'
    constraint tenants_language_known check (language in (
      'simple', 'arabic', 'danish', 'dutch', 'english', 'finnish', 'french', 'german', 'hungarian',
      'indonesian', 'italian', 'norwegian', 'portuguese', 'romanian', 'russian', 'spanish', 'swedish', 'turkish')),
  created_at timestamptz not null default now()
);

comment on table mayfly.tenants is 'A tenant: the border that nothing crosses, and its limits.';
comment on column mayfly.tenants.max_lifetime is 'The longest an agent may live, renewals included.';
comment on column mayfly.tenants.token_lifetime is 'How long an agent''s token is valid; its SDK renews it before.';
comment on column mayfly.tenants.language is 'The text search configuration of its memories.';

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

-- sql/schemas/0130_table_agents.sql

-- Every agent that ever lived. Rows are never deleted but with their tenant.

create table mayfly.agents (
  tenant_id uuid not null,
  id uuid not null default gen_random_uuid(),
  name text not null constraint agents_name_length check (char_length(name) between 1 and 100),
  type text not null default 'agent'
    constraint agents_type_form check (type ~ '^[a-z0-9][a-z0-9_.-]{0,62}$'),
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
  stopped_at timestamptz,
  stop_reason text constraint agents_stop_reason_length check (char_length(stop_reason) <= 500),
  metadata jsonb not null default '{}'
    constraint agents_metadata_object check (jsonb_typeof(metadata) = 'object' and pg_column_size(metadata) <= 16384),
  constraint agents_pkey primary key (tenant_id, id),
  constraint agents_tenant_fkey foreign key (tenant_id) references mayfly.tenants (id) on delete cascade,
  constraint agents_parent_fkey foreign key (tenant_id, parent_id) references mayfly.agents (tenant_id, id),
  constraint agents_depth_matches check (depth = cardinality(ancestors))
);

create index agents_parent_idx on mayfly.agents (tenant_id, parent_id);
-- The quota counts the living of a tenant at each spawn.
create index agents_living_idx on mayfly.agents (tenant_id, expires_at) where status in ('running', 'suspended');
create index agents_ancestors_idx on mayfly.agents using gin (ancestors);

comment on table mayfly.agents is 'Agents, living and dead. Alive is one that is running and unexpired, as is every ancestor.';
comment on column mayfly.agents.ancestors is 'From the first of the line to the parent.';
comment on column mayfly.agents.lifetime is 'From spawn, or the last renewal, to expires_at.';
comment on column mayfly.agents.spawned_by is 'The person or agent that spawned it; null for the secret key.';

-- sql/schemas/0140_table_renewal_secrets.sql

-- Every secret that ever renewed an agent's token, hashed: one that is used twice is known again.

create table mayfly_private.renewal_secrets (
  hash bytea constraint renewal_secrets_pkey primary key,
  tenant_id uuid not null,
  agent_id uuid not null,
  made_at timestamptz not null default clock_timestamp(),
  used_at timestamptz,
  -- Its one second use (a lost answer) is spent, or it was replaced before it was ever used.
  spent boolean not null default false,
  constraint renewal_secrets_agent_fkey foreign key (tenant_id, agent_id)
    references mayfly.agents (tenant_id, id) on delete cascade
);

create index renewal_secrets_agent_idx on mayfly_private.renewal_secrets (tenant_id, agent_id);

comment on table mayfly_private.renewal_secrets is 'SHA-256 of the secrets that renew the tokens of agents.';

alter table mayfly_private.renewal_secrets enable row level security;

-- sql/schemas/0145_function_split_identifiers.sql

-- Takes identifiers apart, so that camelCase, snake_case and paths are found by their parts.

create function mayfly_private.split_identifiers(content text)
returns text
language sql immutable parallel safe
set search_path = ''
return regexp_replace(
  regexp_replace(content, '([a-z0-9])([A-Z])', '\1 \2', 'g'),
  '[_./\\:#@-]+', ' ', 'g');

comment on function mayfly_private.split_identifiers(text) is 'The text with camelCase, snake_case and paths taken apart.';
revoke execute on function mayfly_private.split_identifiers(text) from public;
grant execute on function mayfly_private.split_identifiers(text) to authenticated, service_role;

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
grant execute on function mayfly_private.text_search_config(text) to authenticated, service_role;

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
grant execute on function mayfly_private.words(text, text, text[], text, text, text) to authenticated, service_role;

-- sql/schemas/0150_table_memories.sql

-- What agents learned. A deleted memory stays as a tombstone without content.

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
    constraint memories_tags_count check (cardinality(tags) <= 50),
  metadata jsonb not null default '{}'
    constraint memories_metadata_object check (jsonb_typeof(metadata) = 'object' and pg_column_size(metadata) <= 65536),
  tokens integer constraint memories_tokens_range check (tokens >= 0),
  latency_ms integer constraint memories_latency_ms_range check (latency_ms >= 0),
  visibility text not null default 'tenant'
    constraint memories_visibility_known check (visibility in ('tenant', 'agent')),
  language text not null default 'english',
  version integer not null default 1,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  expires_at timestamptz,
  deleted_at timestamptz,
  words tsvector not null generated always as (
    mayfly_private.words(language, task, tags, input, output, critique)) stored,
  constraint memories_pkey primary key (tenant_id, id),
  constraint memories_tenant_fkey foreign key (tenant_id) references mayfly.tenants (id) on delete cascade,
  constraint memories_agent_fkey foreign key (tenant_id, agent_id) references mayfly.agents (tenant_id, id)
);

create index memories_agent_idx on mayfly.memories (tenant_id, agent_id);
create index memories_words_idx on mayfly.memories using gin (words);
create index memories_tags_idx on mayfly.memories using gin (tags);

comment on table mayfly.memories is 'What agents learned, one row a memory; it outlives the agent that learned it.';
comment on column mayfly.memories.id is 'Made by the client: a UUIDv7.';
comment on column mayfly.memories.agent_id is 'The agent that learned it, as the pusher claims; null for a person or the secret key.';
comment on column mayfly.memories.pushed_by is 'The agent or person whose token pushed it; null for the secret key.';
comment on column mayfly.memories.reward is 'How well it went, from 0 to 1.';
comment on column mayfly.memories.visibility is '''tenant'', or ''agent'': only that agent, its ancestors and the tenant''s admins.';
comment on column mayfly.memories.deleted_at is 'Set on a tombstone: its content is gone.';

-- sql/schemas/0160_table_memory_vectors.sql

-- The meaning of memories, apart from them: updating a reward on 1,000 rows took 3.73 s with the
-- vector inline and 0.026 s without.

create table mayfly.memory_vectors (
  tenant_id uuid not null,
  model text not null constraint memory_vectors_model_length check (char_length(model) between 1 and 100),
  memory_id uuid not null,
  embedding extensions.halfvec(384) not null,
  settled boolean not null default false,
  constraint memory_vectors_pkey primary key (tenant_id, model, memory_id),
  constraint memory_vectors_memory_fkey foreign key (tenant_id, memory_id)
    references mayfly.memories (tenant_id, id) on delete cascade
);

create index memory_vectors_memory_idx on mayfly.memory_vectors (tenant_id, memory_id);

comment on table mayfly.memory_vectors is 'Embeddings of memories by model. Vectors of different models are never compared.';
comment on column mayfly.memory_vectors.settled is 'Whether a background job has moved it from the fresh tail to the index.';

-- sql/schemas/0170_table_events.sql

-- The log: what happened to whom, ids and field names only, never content. Written by triggers alone.

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
  constraint events_pkey primary key (tenant_id, xid, id),
  constraint events_tenant_fkey foreign key (tenant_id) references mayfly.tenants (id) on delete cascade
);

comment on table mayfly.events is 'The log of a tenant. Readers follow it with the cursor that mayfly.sync gives.';
comment on column mayfly.events.xid is 'The transaction that wrote it: with pg_snapshot, what makes a cursor miss nothing.';
comment on column mayfly.events.audience is 'Null for the whole tenant, else the one agent or person that may see it.';
comment on column mayfly.events.subject is 'The id of what it happened to.';

-- sql/schemas/0180_table_ops.sql

-- Which pushed operations were applied, with their results: what makes a push idempotent.

create table mayfly_private.ops (
  tenant_id uuid not null,
  id uuid not null,
  result jsonb not null,
  at timestamptz not null default now(),
  constraint ops_pkey primary key (tenant_id, id),
  constraint ops_tenant_fkey foreign key (tenant_id) references mayfly.tenants (id) on delete cascade
);

comment on table mayfly_private.ops is 'Applied operations by the id that the client gave them.';

alter table mayfly_private.ops enable row level security;

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

-- sql/schemas/0200_function_fail.sql

-- Raises an error that the Data API answers with this HTTP status and these fields, as they are.
-- Called by every function that refuses something. Locks nothing.
-- https://docs.postgrest.org/en/v13/references/errors.html#raise-errors-with-http-status-codes

create function mayfly_private.fail(
  status integer, code text, message text, hint text default null, details jsonb default null
)
returns void
language plpgsql
set search_path = ''
as $$
begin
  raise sqlstate 'PGRST' using
    message = jsonb_build_object('code', code, 'message', message, 'hint', hint, 'details', details::text)::text,
    detail = jsonb_build_object('status', status, 'headers', '{}'::jsonb)::text;
end
$$;

comment on function mayfly_private.fail(integer, text, text, text, jsonb) is 'Raises an error with a stable code, for the Data API.';
revoke execute on function mayfly_private.fail(integer, text, text, text, jsonb) from public;
grant execute on function mayfly_private.fail(integer, text, text, text, jsonb) to authenticated, service_role;

-- sql/schemas/0201_function_to_uuid.sql

-- The uuid that a text is, or null: claims and headers are text that anyone may have written.

create function mayfly_private.to_uuid(value text)
returns uuid
language sql immutable parallel safe
set search_path = ''
return case when value ~* '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' then value::uuid end;

comment on function mayfly_private.to_uuid(text) is 'The uuid that a text is, or null.';
revoke execute on function mayfly_private.to_uuid(text) from public;
grant execute on function mayfly_private.to_uuid(text) to authenticated, service_role;

-- sql/schemas/0210_function_caller.sql

-- Who is calling: an agent that is alive, a person, or the secret key; null for everyone else.
-- The one place that reads the token. Called by the policies, once a statement, through
-- mayfly.tenant_ids; as owner, since the policies of mayfly.agents call it. Locks nothing.

create type mayfly_private.caller as (
  kind text,
  id uuid,
  -- For an agent and the secret key; a person's tenants are in mayfly.members.
  tenant_id uuid,
  scopes text[],
  -- The x-mayfly-tenant header as it came. It narrows, never widens.
  chosen text
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
    select 'secret', null, t.id, (select array_agg(s.name) from mayfly.scopes s), chosen
    into found_caller
    from mayfly.tenants t
    where t.id = mayfly_private.to_uuid(chosen);
    return case when found then found_caller else row('secret', null, null, '{}', chosen)::mayfly_private.caller end;
  end if;

  if claims ->> 'role' is distinct from 'authenticated'
    or (claims ->> 'nbf')::numeric > extract(epoch from clock_timestamp()) then
    return null;
  end if;

  if claims ->> 'iss' = 'mayfly' then
    select 'agent', a.id, a.tenant_id, a.scopes, chosen
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

  if claims ? 'mayfly' then
    return null;
  end if;
  return row('person', mayfly_private.to_uuid(claims ->> 'sub'), null, null, chosen)::mayfly_private.caller;
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
  if caller.tenant_id is null or not (scope is null or scope = any (caller.scopes)) then
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
grant execute on function mayfly_private.own_agent_ids() to authenticated, service_role;

-- sql/schemas/0214_function_caller_id.sql

-- The id of the calling agent or person; null for the secret key.

create function mayfly_private.caller_id()
returns uuid
language sql stable security definer
set search_path = ''
return (mayfly_private.caller()).id;

comment on function mayfly_private.caller_id() is 'The id of the calling agent or person.';
revoke execute on function mayfly_private.caller_id() from public;
grant execute on function mayfly_private.caller_id() to authenticated, service_role;

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
  tenants constant uuid[] := mayfly_private.tenant_ids(null);
begin
  if caller is null or caller.kind is null then
    perform mayfly_private.fail(401, 'not_authorized', 'The caller is not a living agent, a member or the secret key.',
      'Spawn an agent, or sign in. An agent that has stopped or expired can do nothing more.');
  elsif cardinality(tenants) = 0 then
    perform mayfly_private.fail(403, 'tenant_unknown', 'The request names no tenant that the caller belongs to.',
      'Send the header x-mayfly-tenant with the id of one of your tenants.');
  elsif cardinality(tenants) > 1 then
    perform mayfly_private.fail(400, 'tenant_ambiguous', 'The caller belongs to several tenants.',
      'Choose one by the header x-mayfly-tenant.');
  elsif cardinality(mayfly_private.tenant_ids(scope)) = 0 then
    perform mayfly_private.fail(403, 'scope_missing', format('The caller does not have the scope %s.', scope),
      'Spawn the agent with this scope, or ask an admin of the tenant for another role.',
      jsonb_build_object('scope', scope));
  end if;
  return tenants[1];
end
$$;

comment on function mayfly_private.require_tenant(text) is 'The tenant of this request; fails unless the caller has the scope in it.';
revoke execute on function mayfly_private.require_tenant(text) from public;
grant execute on function mayfly_private.require_tenant(text) to authenticated, service_role;

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
grant execute on function mayfly_private.current_epoch() to authenticated, service_role;

-- sql/schemas/0221_function_nudge.sql

-- Tells the readers of a tenant's log, or one agent, that there is something to pull. A broadcast
-- that fails is only a warning of realtime.send: the log is the truth. Called by the log's triggers.

create function mayfly_private.nudge(tenant uuid, audience uuid)
returns void
language sql security definer
set search_path = ''
begin atomic
  select realtime.send(
    '{}'::jsonb,
    'log_appended',
    case
      when audience is null then format('tenant:%s:log', tenant)
      else format('tenant:%s:agent:%s', tenant, audience)
    end,
    true);
end;

comment on function mayfly_private.nudge(uuid, uuid) is 'Broadcasts that the log has something new.';
revoke execute on function mayfly_private.nudge(uuid, uuid) from public;

-- sql/schemas/0222_function_log_agents.sql

-- Appends what happened to agents, once a statement. As owner: clients have no INSERT on the log.

create function mayfly_private.log_agents()
returns trigger
language plpgsql security definer
set search_path = ''
as $$
begin
  if tg_op = 'INSERT' then
    insert into mayfly.events (tenant_id, epoch, type, agent_id, subject)
    select n.tenant_id, mayfly_private.current_epoch(), 'agent.spawned', n.parent_id, n.id
    from new_rows n;
  else
    insert into mayfly.events (tenant_id, epoch, type, agent_id, subject, fields)
    select n.tenant_id, mayfly_private.current_epoch(),
      case n.status when 'running' then 'agent.resumed' else 'agent.' || n.status end,
      mayfly_private.caller_id(), n.id, '{status}'
    from new_rows n
    join old_rows o on o.tenant_id = n.tenant_id and o.id = n.id
    where n.status <> o.status;
  end if;
  perform mayfly_private.nudge(t.tenant_id, null) from (select distinct n.tenant_id from new_rows n) t;
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
-- have no INSERT on the log. A private memory's events go to its agent.

create function mayfly_private.log_memories()
returns trigger
language plpgsql security definer
set search_path = ''
as $$
begin
  if tg_op = 'INSERT' then
    insert into mayfly.events (tenant_id, epoch, audience, type, agent_id, subject, version)
    select n.tenant_id, mayfly_private.current_epoch(),
      case n.visibility when 'agent' then n.agent_id end,
      'memory.created', n.agent_id, n.id, n.version
    from new_rows n
    order by n.id;
  else
    insert into mayfly.events (tenant_id, epoch, audience, type, agent_id, subject, version)
    select n.tenant_id, mayfly_private.current_epoch(),
      case n.visibility when 'agent' then n.agent_id end,
      case when n.deleted_at is not null then 'memory.deleted' else 'memory.updated' end,
      n.agent_id, n.id, n.version
    from new_rows n
    order by n.id;
  end if;
  perform mayfly_private.nudge(t.tenant_id, t.audience)
  from (select distinct n.tenant_id, case n.visibility when 'agent' then n.agent_id end as audience from new_rows n) t;
  return null;
end
$$;

comment on function mayfly_private.log_memories() is 'Trigger: appends what happened to memories to the log.';
revoke execute on function mayfly_private.log_memories() from public;

create trigger memories_log_insert after insert on mayfly.memories
  referencing new table as new_rows
  for each statement execute function mayfly_private.log_memories();

create trigger memories_log_update after update on mayfly.memories
  referencing new table as new_rows
  for each statement execute function mayfly_private.log_memories();

-- sql/schemas/0224_function_check_transition.sql

-- The transition table of an agent's status: running <-> suspended -> stopped | expired.

create function mayfly_private.check_transition()
returns trigger
language plpgsql
set search_path = ''
as $$
begin
  if not (old.status in ('running', 'suspended') and new.status in ('running', 'suspended', 'stopped', 'expired')) then
    perform mayfly_private.fail(409, 'transition_not_allowed',
      format('An agent that is %s cannot become %s.', old.status, new.status),
      'An agent that has stopped or expired stays so: spawn another.',
      jsonb_build_object('from', old.status, 'to', new.status));
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
-- time, skipping locked rows, so that it can run in passing. Called by every spawn.

create function mayfly_private.reap(tenant uuid)
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

comment on function mayfly_private.reap(uuid) is 'Marks up to 50 dead agents of a tenant as such.';
revoke execute on function mayfly_private.reap(uuid) from public;

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
grant execute on function mayfly_private.text_within(jsonb, integer) to authenticated, service_role;

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
grant execute on function mayfly_private.number_within(jsonb, numeric, numeric, boolean) to authenticated, service_role;

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
grant execute on function mayfly_private.uuid_or_absent(jsonb) to authenticated, service_role;

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
grant execute on function mayfly_private.instant_or_absent(jsonb) to authenticated, service_role;

-- sql/schemas/0234_function_unknown_agents.sql

-- Those of the claimed agents that the tenant does not have. As owner: who pushes for a dead agent
-- need not have agent:read.

create function mayfly_private.unknown_agents(tenant uuid, agents uuid[])
returns uuid[]
language sql stable security definer
set search_path = ''
return (
  select array_agg(claimed)
  from unnest(agents) claimed
  where tenant = any (mayfly_private.tenant_ids('memory:write'))
    and not exists (select from mayfly.agents a where a.tenant_id = tenant and a.id = claimed)
);

comment on function mayfly_private.unknown_agents(uuid, uuid[]) is 'Those agents that the tenant does not have.';
revoke execute on function mayfly_private.unknown_agents(uuid, uuid[]) from public;
grant execute on function mayfly_private.unknown_agents(uuid, uuid[]) to authenticated, service_role;

-- sql/schemas/0300_function_issue_token.sql

-- What the spawn function signs for an agent, with a new renewal secret: the secret is returned once
-- and kept hashed. Called by spawn and renewal, as owner. Two random uuids: 244 bits.

create function mayfly_private.issue_token(tenant uuid, agent uuid)
returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  secret constant text := 'mfr_' || replace(gen_random_uuid()::text || gen_random_uuid()::text, '-', '');
  issued_at constant bigint := floor(extract(epoch from clock_timestamp()));
  found_agent mayfly.agents;
  token_lifetime interval;
begin
  select * into strict found_agent from mayfly.agents a where a.tenant_id = tenant and a.id = agent;
  select t.token_lifetime into strict token_lifetime from mayfly.tenants t where t.id = tenant;

  insert into mayfly_private.renewal_secrets (hash, tenant_id, agent_id)
  values (sha256(convert_to(secret, 'UTF8')), tenant, agent);

  return jsonb_build_object(
    'agent', to_jsonb(found_agent),
    'renewal_secret', secret,
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

comment on function mayfly_private.issue_token(uuid, uuid) is 'The claims of an agent''s next token, and the secret that renews it.';
revoke execute on function mayfly_private.issue_token(uuid, uuid) from public;

-- sql/schemas/0301_function_private_spawn_agent.sql

-- The definer half of mayfly.spawn_agent. One transaction: scope, quota, depth, insert, log. Locks
-- the tenant's row (for no key update), so that parallel spawns cannot pass the quota together.

create function mayfly_private.spawn_agent(
  name text, type text, lifetime interval, capabilities text[], scopes text[], task text, metadata jsonb
)
returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  of_tenant constant uuid := mayfly_private.require_tenant('agent:spawn');
  caller constant mayfly_private.caller := mayfly_private.caller();
  tenant mayfly.tenants;
  parent mayfly.agents;
  granted text[];
  allowed text[];
  excess text[];
  living integer;
  born_at timestamptz;
  new_id uuid;
begin
  select * into strict tenant from mayfly.tenants t where t.id = of_tenant for no key update;

  if name is null or char_length(name) not between 1 and 100 then
    perform mayfly_private.fail(400, 'invalid_request', 'name must have 1 to 100 characters.', null, '{"field": "name"}');
  elsif type !~ '^[a-z0-9][a-z0-9_.-]{0,62}$' then
    perform mayfly_private.fail(400, 'invalid_request', 'type must be lower case letters, digits, dots, dashes or underscores, 63 at most.', null, '{"field": "type"}');
  elsif lifetime < '5 seconds' or lifetime > tenant.max_lifetime then
    perform mayfly_private.fail(400, 'lifetime_out_of_range',
      format('lifetime must be 5 seconds to %s seconds.', extract(epoch from tenant.max_lifetime)::bigint),
      'Ask for less, or raise the tenant''s max_lifetime.', '{"field": "lifetime"}');
  elsif cardinality(capabilities) > 50 or exists (select from unnest(capabilities) c where c is null or char_length(c) not between 1 and 100) then
    perform mayfly_private.fail(400, 'invalid_request', 'capabilities must be at most 50 texts of 1 to 100 characters.', null, '{"field": "capabilities"}');
  elsif char_length(task) > 2000 then
    perform mayfly_private.fail(400, 'invalid_request', 'task must have at most 2000 characters.', null, '{"field": "task"}');
  elsif jsonb_typeof(metadata) <> 'object' or pg_column_size(metadata) > 16384 then
    perform mayfly_private.fail(400, 'invalid_request', 'metadata must be an object of at most 16 KB.', null, '{"field": "metadata"}');
  end if;

  if caller.kind = 'agent' then
    select * into strict parent from mayfly.agents a where a.tenant_id = tenant.id and a.id = caller.id;
    allowed := parent.scopes;
    if parent.depth + 1 > tenant.max_depth then
      perform mayfly_private.fail(403, 'depth_exceeded',
        format('Agents of this tenant may be at most %s deep.', tenant.max_depth),
        'Let an ancestor spawn it, or raise the tenant''s max_depth.');
    end if;
  else
    allowed := (select coalesce(array_agg(s.name), '{}') from mayfly.scopes s
      where tenant.id = any (mayfly_private.tenant_ids(s.name)));
  end if;

  excess := (select array_agg(s order by s) from unnest(scopes) s
    where s is null or not exists (select from mayfly.scopes known where known.name = s));
  if excess is not null then
    perform mayfly_private.fail(400, 'scope_unknown', format('Unknown scopes: %s.', array_to_string(excess, ', ', 'null')),
      'The table mayfly.scopes lists them.', jsonb_build_object('field', 'scopes', 'scopes', excess));
  end if;
  excess := (select array_agg(s order by s) from unnest(scopes) s where not s = any (allowed));
  if excess is not null then
    perform mayfly_private.fail(403, 'scope_exceeds_parent',
      format('The caller cannot give scopes that it does not have: %s.', array_to_string(excess, ', ')),
      'Ask for a subset of the caller''s scopes.', jsonb_build_object('scopes', excess));
  end if;
  -- What most agents need; to administer and to spawn must be asked for.
  granted := coalesce(
    (select array_agg(distinct s order by s) from unnest(scopes) s),
    (select coalesce(array_agg(s order by s), '{}') from unnest(allowed) s
      where s in ('memory:read', 'memory:write', 'agent:read', 'presence:read', 'presence:write')));

  living := (select count(*) from mayfly.agents a
    where a.tenant_id = tenant.id and a.status in ('running', 'suspended') and a.expires_at > clock_timestamp());
  if living >= tenant.max_living_agents then
    perform mayfly_private.fail(429, 'agent_quota_exceeded',
      format('The tenant has %s living agents, as many as it may.', living),
      'Stop agents, wait until some expire, or raise the tenant''s max_living_agents.');
  end if;

  born_at := clock_timestamp();
  insert into mayfly.agents (
    tenant_id, name, type, parent_id, ancestors, depth, capabilities, scopes, task, metadata,
    lifetime, spawned_at, spawned_by, expires_at)
  values (
    tenant.id, name, type, parent.id, case when parent.id is null then '{}' else parent.ancestors || parent.id end, coalesce(parent.depth + 1, 0),
    capabilities, granted, task, metadata,
    lifetime, born_at, caller.id, least(born_at + lifetime, parent.expires_at))
  returning id into new_id;

  perform mayfly_private.reap(tenant.id);
  return mayfly_private.issue_token(tenant.id, new_id);
end
$$;

comment on function mayfly_private.spawn_agent(text, text, interval, text[], text[], text, jsonb) is 'Spawns an agent in the tenant of the caller.';
revoke execute on function mayfly_private.spawn_agent(text, text, interval, text[], text[], text, jsonb) from public;
grant execute on function mayfly_private.spawn_agent(text, text, interval, text[], text[], text, jsonb) to authenticated, service_role;

-- sql/schemas/0302_function_spawn_agent.sql

-- Spawns an agent: called by the spawn function as whoever calls it (scope agent:spawn). A child
-- never is more than its parent. Returns the agent, the claims to sign and the renewal secret.

create function mayfly.spawn_agent(
  name text,
  type text default 'agent',
  lifetime double precision default 300,
  capabilities text[] default '{}',
  scopes text[] default null,
  task text default null,
  metadata jsonb default '{}'
)
returns jsonb
language sql
set search_path = ''
return mayfly_private.spawn_agent(
  name, coalesce(type, 'agent'), make_interval(secs => coalesce(lifetime, 300)), coalesce(capabilities, '{}'),
  scopes, task, coalesce(metadata, '{}'));

comment on function mayfly.spawn_agent(text, text, double precision, text[], text[], text, jsonb) is
  'Spawns an agent that lives for so many seconds. Returns { agent, claims, renewal_secret }.';
revoke execute on function mayfly.spawn_agent(text, text, double precision, text[], text[], text, jsonb) from public;
grant execute on function mayfly.spawn_agent(text, text, double precision, text[], text[], text, jsonb) to authenticated, service_role;

-- sql/schemas/0303_function_private_renew_agent.sql

-- The definer half of mayfly.renew_agent. The secret's hash comes in a token of 30 s that the spawn
-- function signs (claim mayfly.renewal): the secret suffices alone, so nothing else is asked. Locks
-- the secret's row, so that of two uses at once one is the second.
--
-- Each use gives a new secret. One whose answer was lost works once more for 30 s, and voids the
-- secret of the lost answer. Any other second use means that two hold it: the agent is suspended.

create function mayfly_private.renew_agent()
returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  claims constant jsonb := nullif(current_setting('request.jwt.claims', true), '');
  secret mayfly_private.renewal_secrets;
  agent mayfly.agents;
begin
  if claims ->> 'iss' = 'mayfly' and claims ->> 'role' = 'authenticated' then
    select * into secret from mayfly_private.renewal_secrets s
    where s.hash = decode(claims -> 'mayfly' ->> 'renewal', 'hex')
    for update;
  end if;
  if secret.hash is null then
    perform mayfly_private.fail(401, 'renewal_refused', 'The renewal secret is not known.', 'Spawn another agent.');
  end if;

  if secret.spent or secret.used_at < clock_timestamp() - interval '30 seconds' then
    update mayfly.agents a set status = 'suspended'
    where a.tenant_id = secret.tenant_id and a.id = secret.agent_id and a.status = 'running';
    -- Returned, not raised: raising would undo the suspension.
    return jsonb_build_object('refused', 'renewal_reused');
  end if;

  update mayfly_private.renewal_secrets s
  set used_at = clock_timestamp(), spent = secret.used_at is not null
  where s.hash = secret.hash;
  update mayfly_private.renewal_secrets s
  set spent = true
  where s.tenant_id = secret.tenant_id and s.agent_id = secret.agent_id and s.used_at is null;

  update mayfly.agents a
  set expires_at = greatest(a.expires_at, least(
    clock_timestamp() + a.lifetime,
    a.spawned_at + t.max_lifetime,
    (select p.expires_at from mayfly.agents p where p.tenant_id = a.tenant_id and p.id = a.parent_id)))
  from mayfly.tenants t
  where t.id = a.tenant_id and a.tenant_id = secret.tenant_id and a.id = secret.agent_id
    and not exists (
      select from mayfly.agents line
      where line.tenant_id = a.tenant_id and line.id = any (a.ancestors || a.id)
        and (line.status <> 'running' or line.expires_at <= clock_timestamp()))
  returning a.* into agent;
  if agent.id is null then
    perform mayfly_private.fail(401, 'agent_not_alive', 'The agent, or an ancestor of it, has stopped, expired or been suspended.',
      'Spawn another agent.');
  end if;
  return mayfly_private.issue_token(agent.tenant_id, agent.id);
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
  of_tenant constant uuid := mayfly_private.require_tenant(null);
  caller constant mayfly_private.caller := mayfly_private.caller();
  agent mayfly.agents;
begin
  select * into agent from mayfly.agents a
  where a.tenant_id = of_tenant and a.id = coalesce(stop_agent.agent_id, caller.id)
  for no key update;
  if agent.id is null then
    perform mayfly_private.fail(404, 'agent_unknown', 'There is no such agent.', null, '{"field": "id"}');
  elsif not (agent.id = caller.id or caller.id = any (agent.ancestors)
    or of_tenant = any (mayfly_private.tenant_ids('agent:stop'))) then
    perform mayfly_private.fail(403, 'scope_missing', 'The caller does not have the scope agent:stop.',
      'An agent stops itself and its descendants without it.', '{"scope": "agent:stop"}');
  elsif char_length(reason) > 500 then
    perform mayfly_private.fail(400, 'invalid_request', 'reason must have at most 500 characters.', null, '{"field": "reason"}');
  end if;

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

-- The definer half of mayfly.create_tenant.

create function mayfly_private.create_tenant(name text)
returns mayfly.tenants
language plpgsql security definer
set search_path = ''
as $$
declare
  tenant mayfly.tenants;
begin
  if name is null or char_length(name) not between 1 and 200 then
    perform mayfly_private.fail(400, 'invalid_request', 'name must have 1 to 200 characters.', null, '{"field": "name"}');
  end if;
  insert into mayfly.tenants (name) values (create_tenant.name) returning * into tenant;
  return tenant;
end
$$;

comment on function mayfly_private.create_tenant(text) is 'Creates a tenant.';
revoke execute on function mayfly_private.create_tenant(text) from public;
grant execute on function mayfly_private.create_tenant(text) to service_role;

-- sql/schemas/0311_function_create_tenant.sql

-- Creates a tenant. For the secret key alone.

create function mayfly.create_tenant(name text)
returns mayfly.tenants
language sql
set search_path = ''
return mayfly_private.create_tenant(name);

comment on function mayfly.create_tenant(text) is 'Creates a tenant and returns it. For the secret key alone.';
revoke execute on function mayfly.create_tenant(text) from public;
grant execute on function mayfly.create_tenant(text) to service_role;

-- sql/schemas/0320_function_check_push.sql

-- Refuses a push with the index and the field of its first fault, before anything of it is applied.
-- One set-based pass. Called by mayfly_private.push as the caller. Locks nothing.

create function mayfly_private.check_push(push jsonb)
returns void
language plpgsql
set search_path = ''
as $$
declare
  fault record;
begin
  if jsonb_typeof(push) <> 'array' then
    perform mayfly_private.fail(400, 'invalid_request', 'push must be an array of operations.', null, '{"field": "push"}');
  elsif jsonb_array_length(push) > 1000 then
    perform mayfly_private.fail(413, 'push_too_large', 'A push has at most 1000 operations.', 'Split it.', '{"field": "push"}');
  elsif pg_column_size(push) > 4194304 then
    perform mayfly_private.fail(413, 'push_too_large', 'A push has at most 4 MB.', 'Split it.', '{"field": "push"}');
  elsif (select count(*) > 100 from jsonb_array_elements(push) op where op ? 'embedding') then
    perform mayfly_private.fail(413, 'push_too_large', 'A push has at most 100 operations with an embedding.', 'Split it.', '{"field": "push"}');
  end if;

  select o.n - 1 as index, c.field, c.rule into fault
  from jsonb_array_elements(push) with ordinality as o (op, n),
    lateral (select o.op -> 'memory' as memory, o.op ->> 'type' = 'memory.put' as put) as part,
    lateral (values
      ('id', jsonb_typeof(o.op) = 'object' and mayfly_private.to_uuid(o.op ->> 'id') is not null, 'must be a uuid'),
      ('type', o.op ->> 'type' in ('memory.put', 'memory.delete'), 'must be memory.put or memory.delete'),
      ('memory', jsonb_typeof(part.memory) = 'object', 'must be an object'),
      ('memory.id', mayfly_private.to_uuid(part.memory ->> 'id') is not null, 'must be a uuid'),
      ('memory.agent_id', mayfly_private.uuid_or_absent(part.memory -> 'agent_id'), 'must be a uuid'),
      ('memory.session_id', mayfly_private.uuid_or_absent(part.memory -> 'session_id'), 'must be a uuid'),
      ('memory.conversation_id', mayfly_private.uuid_or_absent(part.memory -> 'conversation_id'), 'must be a uuid'),
      ('memory.kind', coalesce(part.memory ->> 'kind', 'episode') in (
          'episode', 'task_result', 'conversation', 'learning', 'fact', 'working', 'general'),
        'must be episode, task_result, conversation, learning, fact, working or general'),
      ('memory.task', mayfly_private.text_within(part.memory -> 'task', 2000), 'must be a text of at most 2000 characters'),
      ('memory.input', mayfly_private.text_within(part.memory -> 'input', 100000), 'must be a text of at most 100000 characters'),
      ('memory.output', mayfly_private.text_within(part.memory -> 'output', 100000), 'must be a text of at most 100000 characters'),
      ('memory.critique', mayfly_private.text_within(part.memory -> 'critique', 20000), 'must be a text of at most 20000 characters'),
      ('memory', not part.put or coalesce(part.memory ->> 'task', '') || coalesce(part.memory ->> 'input', '')
          || coalesce(part.memory ->> 'output', '') <> '', 'must have a task, an input or an output'),
      ('memory.reward', mayfly_private.number_within(part.memory -> 'reward', 0, 1), 'must be a number from 0 to 1'),
      ('memory.success', coalesce(jsonb_typeof(part.memory -> 'success'), 'null') in ('boolean', 'null'), 'must be true or false'),
      ('memory.importance', mayfly_private.number_within(part.memory -> 'importance', 1, 10, whole => true), 'must be a whole number from 1 to 10'),
      ('memory.tokens', mayfly_private.number_within(part.memory -> 'tokens', 0, 2147483647, whole => true), 'must be a whole number of at least 0'),
      ('memory.latency_ms', mayfly_private.number_within(part.memory -> 'latency_ms', 0, 2147483647, whole => true), 'must be a whole number of at least 0'),
      ('memory.tags', case coalesce(jsonb_typeof(part.memory -> 'tags'), 'null')
          when 'null' then true
          when 'array' then jsonb_array_length(part.memory -> 'tags') <= 50
            and not exists (select from jsonb_array_elements(part.memory -> 'tags') tag
              where jsonb_typeof(tag) <> 'string' or char_length(tag #>> '{}') not between 1 and 100)
          else false end, 'must be at most 50 texts of 1 to 100 characters'),
      ('memory.metadata', coalesce(jsonb_typeof(part.memory -> 'metadata'), 'null') in ('object', 'null')
          and coalesce(pg_column_size(part.memory -> 'metadata'), 0) <= 65536, 'must be an object of at most 64 KB'),
      ('memory.visibility', coalesce(part.memory ->> 'visibility', 'tenant') in ('tenant', 'agent'), 'must be tenant or agent'),
      ('memory.created_at', mayfly_private.instant_or_absent(part.memory -> 'created_at'), 'must be an ISO 8601 instant'),
      ('memory.expires_at', mayfly_private.instant_or_absent(part.memory -> 'expires_at'), 'must be an ISO 8601 instant'),
      ('embedding', case coalesce(jsonb_typeof(o.op -> 'embedding'), 'null')
          when 'null' then true
          when 'array' then jsonb_array_length(o.op -> 'embedding') = 384
            and not jsonb_path_exists(o.op -> 'embedding', '$[*] ? (@.type() != "number" || @ > 1000 || @ < -1000)')
          else false end, 'must be 384 numbers from -1000 to 1000'),
      ('model', mayfly_private.text_within(o.op -> 'model', 100) and (not o.op ? 'embedding' or o.op ->> 'model' <> ''),
        'must be a text of 1 to 100 characters beside an embedding')
    ) as c (field, holds, rule)
  where c.holds is not true
  order by o.n
  limit 1;
  if found then
    perform mayfly_private.fail(400, 'invalid_operation', format('push[%s].%s %s.', fault.index, fault.field, fault.rule),
      'Nothing of this push was applied. Correct it, or leave the operation out.',
      jsonb_build_object('index', fault.index, 'field', fault.field));
  end if;

  select min(twice.n) as index, twice.field into fault
  from (
    select o.n - 1 as n, key.field, row_number() over (partition by key.field, key.value order by o.n) as nth
    from jsonb_array_elements(push) with ordinality as o (op, n),
      lateral (values ('id', o.op ->> 'id'), ('memory.id', o.op -> 'memory' ->> 'id')) as key (field, value)
  ) twice
  where twice.nth > 1
  group by twice.field
  limit 1;
  if found then
    perform mayfly_private.fail(400, 'invalid_operation', format('push[%s].%s stands in this push twice.', fault.index, fault.field),
      'Nothing of this push was applied. One push says one thing about one memory.',
      jsonb_build_object('index', fault.index, 'field', fault.field));
  end if;
end
$$;

comment on function mayfly_private.check_push(jsonb) is 'Refuses a push that has a fault, naming its index and field.';
revoke execute on function mayfly_private.check_push(jsonb) from public;
grant execute on function mayfly_private.check_push(jsonb) to authenticated, service_role;

-- sql/schemas/0321_function_push.sql

-- Applies a push in one transaction, each operation at most once: what was applied before is not
-- applied again and gives its first result. Runs as the caller, under the policies of the tables.
-- Operation ids are claimed in their own order: in the order of the pushes, two that overlap
-- deadlocked 19 times in 100.

create function mayfly_private.push(push jsonb)
returns jsonb
language plpgsql
set search_path = ''
as $$
declare
  tenant constant uuid := mayfly_private.require_tenant('memory:write');
  caller_id constant uuid := mayfly_private.caller_id();
  by_agent constant boolean := nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'iss' = 'mayfly';
  language constant text := (select t.language from mayfly.tenants t where t.id = tenant);
  unknown uuid[];
  claimed uuid[];
  written integer;
begin
  perform mayfly_private.check_push(push);

  unknown := mayfly_private.unknown_agents(tenant, (
    select array_agg(distinct (op -> 'memory' ->> 'agent_id')::uuid)
    from jsonb_array_elements(push) op
    where op -> 'memory' ->> 'agent_id' is not null));
  if unknown is not null then
    perform mayfly_private.fail(400, 'agent_unknown', format('There is no agent %s.', unknown[1]),
      'Nothing of this push was applied. Leave agent_id out, or name an agent of the tenant.', '{"field": "memory.agent_id"}');
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

  with puts as (
    select memory.*
    from jsonb_array_elements(push) op,
      jsonb_to_record(op -> 'memory') as memory (
        id uuid, agent_id uuid, session_id uuid, conversation_id uuid, kind text, task text, input text,
        output text, critique text, reward real, success boolean, importance smallint, tags text[],
        metadata jsonb, tokens integer, latency_ms integer, visibility text, created_at timestamptz, expires_at timestamptz)
    where op ->> 'type' = 'memory.put' and (op ->> 'id')::uuid = any (claimed)
  )
  insert into mayfly.memories (
    tenant_id, id, agent_id, pushed_by, session_id, conversation_id, kind, task, input, output, critique,
    reward, success, importance, tags, metadata, tokens, latency_ms, visibility, language, created_at, expires_at)
  select tenant, p.id, coalesce(p.agent_id, case when by_agent then caller_id end), caller_id,
    p.session_id, p.conversation_id, coalesce(p.kind, 'episode'), coalesce(p.task, ''), coalesce(p.input, ''),
    coalesce(p.output, ''), coalesce(p.critique, ''), p.reward, p.success, coalesce(p.importance, 5),
    coalesce(p.tags, '{}'), coalesce(p.metadata, '{}'), p.tokens, p.latency_ms, coalesce(p.visibility, 'tenant'),
    language, least(coalesce(p.created_at, now()), now()), p.expires_at
  from puts p
  order by p.id
  on conflict do nothing;
  get diagnostics written = row_count;

  if written < (select count(*) from jsonb_array_elements(push) op
      where op ->> 'type' = 'memory.put' and (op ->> 'id')::uuid = any (claimed)) then
    perform mayfly_private.fail(409, 'memory_exists', 'Another operation has put a memory of one of these ids before.',
      'Nothing of this push was applied. Give each memory an id of its own (UUIDv7).', '{"field": "memory.id"}');
  end if;

  insert into mayfly.memory_vectors (tenant_id, model, memory_id, embedding)
  select tenant, op ->> 'model', (op -> 'memory' ->> 'id')::uuid, (op ->> 'embedding')::extensions.halfvec(384)
  from jsonb_array_elements(push) op
  where op ->> 'type' = 'memory.put' and jsonb_typeof(op -> 'embedding') = 'array'
    and (op ->> 'id')::uuid = any (claimed);

  with gone as (
    update mayfly.memories m
    set deleted_at = now(), updated_at = now(), version = m.version + 1,
      task = '', input = '', output = '', critique = '', tags = '{}', metadata = '{}'
    from jsonb_array_elements(push) op
    where op ->> 'type' = 'memory.delete' and (op ->> 'id')::uuid = any (claimed)
      and m.tenant_id = tenant and m.id = (op -> 'memory' ->> 'id')::uuid and m.deleted_at is null
    returning m.id
  )
  delete from mayfly.memory_vectors v using gone
  where v.tenant_id = tenant and v.memory_id = gone.id;

  return (
    select coalesce(jsonb_agg(o.result order by pushed.n), '[]')
    from jsonb_array_elements(push) with ordinality as pushed (op, n)
    join mayfly_private.ops o on o.tenant_id = tenant and o.id = (pushed.op ->> 'id')::uuid);
end
$$;

comment on function mayfly_private.push(jsonb) is 'Applies operations, each at most once, all or none.';
revoke execute on function mayfly_private.push(jsonb) from public;
grant execute on function mayfly_private.push(jsonb) to authenticated, service_role;

-- sql/schemas/0322_function_pull.sql

-- What is new in the log since a cursor, with the memories that it is about, as the caller sees them.
--
-- A cursor is { e, s, t, x, i, b }: the epoch; the snapshot up to which everything was seen; the
-- snapshot that this round of pages goes up to; the last xid and id given of it; and, while a first
-- sync pages the memories, the last id given. A page is what is visible in t and not in s, by
-- (xid, id): with any number of writers nothing is missed, nothing comes twice, and an idle
-- transaction stalls nobody (10,946 of 10,946 events with 16 writers and 4 readers).

create function mayfly_private.pull(tenant uuid, since text, page_limit integer)
returns jsonb
language plpgsql
set search_path = ''
as $$
declare
  epoch constant integer := mayfly_private.current_epoch();
  cursor_state jsonb;
  seen pg_snapshot;
  target pg_snapshot;
  event_page jsonb := '[]';
  memory_page jsonb;
  more boolean;
begin
  if since is null then
    cursor_state := jsonb_build_object('e', epoch, 's', pg_current_snapshot()::text, 'b', '00000000-0000-0000-0000-000000000000');
  else
    begin
      cursor_state := convert_from(decode(since, 'base64'), 'UTF8')::jsonb;
      seen := (cursor_state ->> 's')::pg_snapshot;
      target := (cursor_state ->> 't')::pg_snapshot;
    exception when others then
      cursor_state := null;
    end;
    if cursor_state is null or seen is null or jsonb_typeof(cursor_state -> 'e') <> 'number' then
      perform mayfly_private.fail(400, 'cursor_invalid', 'since is not a cursor that sync gave.',
        'Pass the cursor of the last answer as it came, or null for the first sync.', '{"field": "since"}');
    elsif (cursor_state ->> 'e')::integer <> epoch then
      perform mayfly_private.fail(410, 'cursor_expired', 'The cursor is of an earlier life of the database.',
        'Sync again with since: null.', '{"field": "since"}');
    end if;
  end if;

  if cursor_state ? 'b' then
    select coalesce(jsonb_agg(to_jsonb(m) - 'words' order by m.id), '[]') into memory_page
    from (
      select * from mayfly.memories m
      where m.tenant_id = tenant and m.id > (cursor_state ->> 'b')::uuid and m.deleted_at is null
      order by m.id
      limit page_limit
    ) m;
    more := jsonb_array_length(memory_page) = page_limit;
    cursor_state := case
      when more then cursor_state || jsonb_build_object('b', memory_page -> -1 ->> 'id')
      else cursor_state - 'b'
    end;
  else
    target := coalesce(target, pg_current_snapshot());
    select coalesce(jsonb_agg(to_jsonb(e) - 'tenant_id' - 'epoch' order by e.xid, e.id), '[]') into event_page
    from (
      select * from mayfly.events e
      where e.tenant_id = tenant
        and e.xid >= pg_snapshot_xmin(seen) and e.xid < pg_snapshot_xmax(target)
        and (e.xid, e.id) > (coalesce((cursor_state ->> 'x')::xid8, '0'::xid8), coalesce((cursor_state ->> 'i')::bigint, 0))
        and not pg_visible_in_snapshot(e.xid, seen)
        and pg_visible_in_snapshot(e.xid, target)
      order by e.xid, e.id
      limit page_limit
    ) e;
    more := jsonb_array_length(event_page) = page_limit;
    cursor_state := case
      when more then jsonb_build_object('e', epoch, 's', seen::text, 't', target::text,
        'x', event_page -> -1 ->> 'xid', 'i', event_page -> -1 ->> 'id')
      else jsonb_build_object('e', epoch, 's', target::text)
    end;
    select coalesce(jsonb_agg(to_jsonb(m) - 'words' order by m.id), '[]') into memory_page
    from mayfly.memories m
    where m.tenant_id = tenant and m.deleted_at is null and m.id in (
      select (event ->> 'subject')::uuid from jsonb_array_elements(event_page) event
      where event ->> 'type' in ('memory.created', 'memory.updated'));
  end if;

  return jsonb_build_object(
    'events', event_page,
    'memories', memory_page,
    'cursor', translate(encode(convert_to(cursor_state::text, 'UTF8'), 'base64'), E'\n', ''),
    'more', more);
end
$$;

comment on function mayfly_private.pull(uuid, text, integer) is 'A page of the log since a cursor.';
revoke execute on function mayfly_private.pull(uuid, text, integer) from public;
grant execute on function mayfly_private.pull(uuid, text, integer) to authenticated, service_role;

-- sql/schemas/0323_function_sync.sql

-- Push what was learned, pull what is new, in one round trip. Called by the sync function as whoever
-- calls it. The push is one transaction with the pull behind it; the own events come with the next.

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
  if page_limit = 0 then
    return jsonb_build_object('results', results, 'events', '[]'::jsonb, 'memories', '[]'::jsonb, 'cursor', since, 'more', false);
  end if;
  return jsonb_build_object('results', results)
    || mayfly_private.pull(mayfly_private.require_tenant('memory:read'), since, page_limit);
end
$$;

comment on function mayfly.sync(jsonb, text, integer) is
  'Pushes operations and pulls the log since a cursor: { results, events, memories, cursor, more }.';
revoke execute on function mayfly.sync(jsonb, text, integer) from public;
grant execute on function mayfly.sync(jsonb, text, integer) to authenticated, service_role;

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
--   relevance = (61 / 2) * (1 / (60 + rank by words) + 1 / (60 + rank by vector))      0 to 1
--   score     = relevance * (0.7 + 0.1 * reward + 0.1 * importance / 10 + 0.1 * recency)
--   recency   = 0.5 ^ (age / 30 days);  an unknown reward counts as 0.5
--
-- Reciprocal rank fusion with k = 60: Cormack, Clarke and Büttcher, "Reciprocal Rank Fusion outperforms
-- Condorcet and individual Rank Learning Methods", SIGIR 2009.

create function mayfly_private.recall(
  query text, embedding real[], model text, kinds text[], having_tags text[], agent uuid, min_reward real,
  since timestamptz, result_limit integer
)
returns table (
  id uuid, agent_id uuid, agent_name text, agent_ended_at timestamptz, kind text, task text, input text, output text,
  critique text, reward real, importance smallint, tags text[], metadata jsonb, created_at timestamptz,
  score real, parts jsonb
)
language plpgsql stable security definer
set search_path = ''
as $$
#variable_conflict use_column
declare
  -- As many from each side: deeper ranks add less than 1 % to a score.
  depth constant integer := 100;
  tenant constant uuid := mayfly_private.require_tenant('memory:read');
  own constant uuid[] := mayfly_private.own_agent_ids();
  sees_all constant boolean := tenant = any (mayfly_private.tenant_ids('memory:admin'));
  asked_words tsquery;
  asked_vector extensions.halfvec(384);
begin
  if char_length(query) > 10000 then
    perform mayfly_private.fail(400, 'invalid_request', 'query must have at most 10000 characters.', null, '{"field": "query"}');
  elsif coalesce(query, '') = '' and embedding is null then
    perform mayfly_private.fail(400, 'invalid_request', 'A recall needs a query or an embedding.', null, '{"field": "query"}');
  elsif cardinality(embedding) <> 384 then
    perform mayfly_private.fail(400, 'invalid_request', 'embedding must have 384 numbers.', null, '{"field": "embedding"}');
  elsif embedding is not null and coalesce(model, '') = '' then
    perform mayfly_private.fail(400, 'invalid_request', 'An embedding needs the name of its model.', null, '{"field": "model"}');
  elsif result_limit is null or result_limit not between 1 and 100 then
    perform mayfly_private.fail(400, 'invalid_request', 'limit must be 1 to 100.', null, '{"field": "limit"}');
  end if;
  asked_words := mayfly_private.any_word((select t.language from mayfly.tenants t where t.id = tenant), query);
  asked_vector := embedding::extensions.halfvec(384);

  return query
  with visible as not materialized (
    select m.*
    from mayfly.memories m
    where m.tenant_id = tenant
      and (m.visibility = 'tenant' or m.agent_id = any (own) or sees_all)
      and m.deleted_at is null
      and (m.expires_at is null or m.expires_at > statement_timestamp())
      and (recall.kinds is null or m.kind = any (recall.kinds))
      and (recall.having_tags is null or m.tags @> recall.having_tags)
      and (recall.agent is null or m.agent_id = recall.agent)
      and (recall.min_reward is null or m.reward >= recall.min_reward)
      and (recall.since is null or m.created_at >= recall.since)
  ), by_words as (
    select found.id, found.rank, row_number() over (order by found.rank desc, found.id) as place
    from (
      -- 1: divided by the logarithm of the length, so that long texts do not win by length alone.
      select v.id, ts_rank(v.words, asked_words, 1) as rank
      from visible v
      where v.words @@ asked_words
      order by rank desc, v.id
      limit depth
    ) found
  ), by_vector as (
    select found.id, found.similarity, row_number() over (order by found.similarity desc, found.id) as place
    from (
      select v.id, 1 - (mv.embedding operator(extensions.<=>) asked_vector) as similarity
      from mayfly.memory_vectors mv
      join visible v on v.id = mv.memory_id
      where asked_vector is not null and mv.tenant_id = tenant and mv.model = recall.model
      order by mv.embedding operator(extensions.<=>) asked_vector, v.id
      limit depth
    ) found
    -- A vector that points elsewhere is no match, however few there are.
    where found.similarity > 0
  ), fused as (
    select id, w.place as words_place, w.rank as words_rank, v.place as vector_place, v.similarity,
      61.0 / 2 * (coalesce(1.0 / (60 + w.place), 0) + coalesce(1.0 / (60 + v.place), 0)) as relevance
    from by_words w full join by_vector v using (id)
  ), scored as (
    select m.*, f.words_place, f.words_rank, f.vector_place, f.similarity, f.relevance,
      0.5 ^ (greatest(extract(epoch from statement_timestamp() - m.created_at), 0) / 2592000) as recency
    from fused f
    join mayfly.memories m on m.tenant_id = tenant and m.id = f.id
  )
  select s.id, s.agent_id, a.name, coalesce(a.stopped_at, case when a.expires_at <= statement_timestamp() then a.expires_at end),
    s.kind, s.task, s.input, s.output, s.critique, s.reward, s.importance, s.tags, s.metadata, s.created_at,
    (s.relevance * (0.7 + 0.1 * coalesce(s.reward, 0.5) + 0.01 * s.importance + 0.1 * s.recency))::real as score,
    jsonb_build_object(
      'words_rank', s.words_place, 'words', s.words_rank, 'vector_rank', s.vector_place, 'similarity', s.similarity::real,
      'relevance', s.relevance::real, 'reward', coalesce(s.reward, 0.5), 'importance', s.importance, 'recency', s.recency::real)
  from scored s
  left join mayfly.agents a on a.tenant_id = tenant and a.id = s.agent_id
  order by score desc, s.id
  limit result_limit;
end
$$;

comment on function mayfly_private.recall(text, real[], text, text[], text[], uuid, real, timestamptz, integer) is 'The best memories for a question.';
revoke execute on function mayfly_private.recall(text, real[], text, text[], text[], uuid, real, timestamptz, integer) from public;
grant execute on function mayfly_private.recall(text, real[], text, text[], text[], uuid, real, timestamptz, integer) to authenticated, service_role;

-- sql/schemas/0332_function_recall.sql

-- The memories that answer a question best, by words and by meaning. Called by the query function as
-- whoever calls it. Every row comes with its score taken apart; mayfly_private.recall has the formula.

create function mayfly.recall(
  query text default null,
  embedding real[] default null,
  model text default null,
  kinds text[] default null,
  having_tags text[] default null,
  agent uuid default null,
  min_reward real default null,
  since timestamptz default null,
  result_limit integer default 10
)
returns table (
  id uuid, agent_id uuid, agent_name text, agent_ended_at timestamptz, kind text, task text, input text, output text,
  critique text, reward real, importance smallint, tags text[], metadata jsonb, created_at timestamptz,
  score real, parts jsonb
)
language sql stable
set search_path = ''
begin atomic
  select * from mayfly_private.recall(query, embedding, model, kinds, having_tags, agent, min_reward, since, result_limit);
end;

comment on function mayfly.recall(text, real[], text, text[], text[], uuid, real, timestamptz, integer) is
  'The best memories for a question, by words and, with an embedding, by meaning.';
revoke execute on function mayfly.recall(text, real[], text, text[], text[], uuid, real, timestamptz, integer) from public;
grant execute on function mayfly.recall(text, real[], text, text[], text[], uuid, real, timestamptz, integer) to authenticated, service_role;

-- sql/schemas/0400_policies.sql

-- Who may see and do what. Every call is wrapped in a select, so that it is evaluated once a statement.
-- What has no policy here is written by definer functions and triggers alone.

alter table mayfly.scopes enable row level security;
alter table mayfly.tenants enable row level security;
alter table mayfly.members enable row level security;
alter table mayfly.agents enable row level security;
alter table mayfly.memories enable row level security;
alter table mayfly.memory_vectors enable row level security;
alter table mayfly.events enable row level security;

grant select on mayfly.scopes to authenticated, service_role;
create policy scopes_select on mayfly.scopes for select to authenticated
  using (true);

grant select on mayfly.tenants to authenticated, service_role;
create policy tenants_select on mayfly.tenants for select to authenticated
  using (id = any ((select mayfly.tenant_ids())::uuid[]));

grant select on mayfly.members to authenticated, service_role;
create policy members_select on mayfly.members for select to authenticated
  using (tenant_id = any ((select mayfly.tenant_ids())::uuid[]));

grant select on mayfly.agents to authenticated, service_role;
create policy agents_select on mayfly.agents for select to authenticated
  using (tenant_id = any ((select mayfly.tenant_ids('agent:read'))::uuid[])
    or id = any ((select mayfly_private.own_agent_ids())::uuid[]));

grant select on mayfly.memories to authenticated, service_role;
grant insert (tenant_id, id, agent_id, pushed_by, session_id, conversation_id, kind, task, input, output, critique, reward,
    success, importance, tags, metadata, tokens, latency_ms, visibility, language, created_at, expires_at)
  on mayfly.memories to authenticated, service_role;
grant update (deleted_at, updated_at, version, task, input, output, critique, tags, metadata) on mayfly.memories
  to authenticated, service_role;
create policy memories_select on mayfly.memories for select to authenticated
  using (tenant_id = any ((select mayfly.tenant_ids('memory:read'))::uuid[])
    and (visibility = 'tenant'
      or agent_id = any ((select mayfly_private.own_agent_ids())::uuid[])
      or tenant_id = any ((select mayfly.tenant_ids('memory:admin'))::uuid[])));
create policy memories_insert on mayfly.memories for insert to authenticated
  with check (tenant_id = any ((select mayfly.tenant_ids('memory:write'))::uuid[])
    and pushed_by = (select mayfly_private.caller_id()));
create policy memories_update on mayfly.memories for update to authenticated
  using (tenant_id = any ((select mayfly.tenant_ids('memory:write'))::uuid[])
    and (visibility = 'tenant' or agent_id = any ((select mayfly_private.own_agent_ids())::uuid[])));

grant select, delete on mayfly.memory_vectors to authenticated, service_role;
grant insert (tenant_id, model, memory_id, embedding) on mayfly.memory_vectors to authenticated, service_role;
create policy memory_vectors_select on mayfly.memory_vectors for select to authenticated
  using (tenant_id = any ((select mayfly.tenant_ids('memory:read'))::uuid[])
    and exists (select from mayfly.memories m
      where m.tenant_id = memory_vectors.tenant_id and m.id = memory_vectors.memory_id));
create policy memory_vectors_insert on mayfly.memory_vectors for insert to authenticated
  with check (tenant_id = any ((select mayfly.tenant_ids('memory:write'))::uuid[]));
create policy memory_vectors_delete on mayfly.memory_vectors for delete to authenticated
  using (tenant_id = any ((select mayfly.tenant_ids('memory:write'))::uuid[]));

grant select on mayfly.events to authenticated, service_role;
create policy events_select on mayfly.events for select to authenticated
  using (tenant_id = any ((select mayfly.tenant_ids('memory:read'))::uuid[])
    and (audience is null or audience = any ((select mayfly_private.own_agent_ids())::uuid[])));

grant select, insert on mayfly_private.ops to authenticated, service_role;
create policy ops_select on mayfly_private.ops for select to authenticated
  using (tenant_id = any ((select mayfly.tenant_ids('memory:write'))::uuid[]));
create policy ops_insert on mayfly_private.ops for insert to authenticated
  with check (tenant_id = any ((select mayfly.tenant_ids('memory:write'))::uuid[]));

-- sql/schemas/0410_function_may_use_topic.sql

-- Whether the caller may receive from, or send to, a private Realtime topic:
--
--   tenant:{t}:agents       presence of every agent; read with presence:read, tracked with presence:write
--   tenant:{t}:log          nudges; read with memory:read, sent by the database alone
--   tenant:{t}:agent:{a}    one agent's inbox; read by itself, sent by the database alone
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
  elsif sending or extension <> 'broadcast' then
    return false;
  elsif part[3] = 'log' and cardinality(part) = 3 then
    return tenant = any (mayfly_private.tenant_ids('memory:read'));
  elsif part[3] = 'agent' and cardinality(part) = 4 then
    return tenant = any (mayfly_private.tenant_ids(null)) and part[4] = mayfly_private.caller_id()::text;
  end if;
  return false;
end
$$;

comment on function mayfly_private.may_use_topic(text, text, boolean) is 'Whether the caller may receive from, or send to, a Realtime topic.';
revoke execute on function mayfly_private.may_use_topic(text, text, boolean) from public;
grant execute on function mayfly_private.may_use_topic(text, text, boolean) to authenticated;
