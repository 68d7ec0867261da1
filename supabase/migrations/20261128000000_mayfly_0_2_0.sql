set local lock_timeout = '5s';

drop policy if exists events_select on mayfly.events;

drop function if exists mayfly_private.maintain_debug;

drop function if exists mayfly_private.maintain_states;

drop function if exists mayfly_private.maintain_messages;

drop function if exists mayfly.recall;

drop function if exists mayfly_private.recall;

drop function if exists mayfly.spawn_agent;

drop function if exists mayfly_private.spawn_agent;

drop function if exists mayfly.renew_agent;

drop function if exists mayfly_private.renew_agent;

drop function if exists mayfly_private.extend_life;

drop function if exists mayfly_private.draft_agent;

drop function if exists mayfly_private.row_bytes;

alter table mayfly.scopes add column by_default boolean not null default false;

-- Null for those that were spawned before: each new token goes on to give them their lifetime again. One that is not
-- null would have to be written into every row, which Postgres refuses while functions take rows of the table.
alter table mayfly.agents add column renews boolean;
alter table mayfly.agents alter column renews set default false;

-- The words of a memory are written by what writes the memory, not generated: so they can be improved, and rows with older
-- words stay as they are until maintenance comes to them. The column keeps its data.
alter table mayfly.memories alter column words drop expression;
alter table mayfly.memories alter column words set default '';
alter table mayfly.memories add column words_version smallint not null default 0;

-- With the tenant in it, so that a typo of one tenant does not read the labels of another.
drop index mayfly.memories_labels_idx;
create index memories_labels_idx on mayfly.memories
  using gin (tenant_id, mayfly_private.labels(task, tags) extensions.gin_trgm_ops);

-- A key of the caller's, and identical content stored once.
alter table mayfly.memories
  add column key text constraint memories_key_length check (char_length(key) between 1 and 200),
  add column content_hash uuid
    constraint memories_tombstone_unnamed check (deleted_at is null or (key is null and content_hash is null));

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

-- A JSON value in the form that all equal ones share: jsonb has sorted keys already, and numbers lose the zeros
-- behind their points.

create function mayfly_private.canonical(given jsonb)
returns jsonb
language plpgsql immutable parallel safe
set search_path = ''
as $$
begin
  return case jsonb_typeof(given)
    when 'number' then to_jsonb(trim_scale((given #>> '{}')::numeric))
    when 'object' then (select coalesce(jsonb_object_agg(e.key, mayfly_private.canonical(e.value)), '{}') from jsonb_each(given) e)
    when 'array' then (select coalesce(jsonb_agg(mayfly_private.canonical(e.one) order by e.n), '[]') from jsonb_array_elements(given) with ordinality as e (one, n))
    else given
  end;
end
$$;

comment on function mayfly_private.canonical is 'A JSON value in the form that all equal ones share.';

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

-- Applies one edit to a JSON value, at a path of keys and indexes: add, inc, append or remove (see mayfly.edit_state).
-- Returns { value }, or { fault } where the edit does not fit what is there. What is missing on the way is made: an
-- object, 0 for inc, [] for append. Locks nothing.

create function mayfly_private.edit_value(target jsonb, path text[], op text, operand jsonb)
returns jsonb
language plpgsql immutable
set search_path = ''
as $$
declare
  key constant text := path[1];
  kind constant text := jsonb_typeof(target);
  at integer;
  inner_edit jsonb;
begin
  if cardinality(path) = 0 then
    return case op
      when 'add' then jsonb_build_object('value', operand)
      when 'inc' then case when coalesce(kind, 'number') = 'number'
        then jsonb_build_object('value', coalesce(target::numeric, 0) + operand::numeric)
        else jsonb_build_object('fault', format('finds no number, but %s', kind)) end
      when 'append' then case when coalesce(kind, 'array') = 'array'
        then jsonb_build_object('value', coalesce(target, '[]') || jsonb_build_array(operand))
        else jsonb_build_object('fault', format('finds no list, but %s', kind)) end
      else case
        when operand is null then jsonb_build_object('fault', 'needs a path, or a value to remove from a list')
        when kind is null then '{}'
        when kind = 'array' then jsonb_build_object('value', (
          select coalesce(jsonb_agg(e.item order by e.n), '[]') from jsonb_array_elements(target) with ordinality as e (item, n) where e.item <> operand))
        else jsonb_build_object('fault', format('finds no list, but %s', kind)) end
    end;
  end if;

  if kind = 'array' then
    at := case when key ~ '^(0|[1-9]\d{0,8})$' then key::integer when key = '-' then jsonb_array_length(target) end;
    if at is null then
      return jsonb_build_object('fault', format('goes through a list, where %s is no index', to_json(key)));
    elsif cardinality(path) = 1 and op = 'add' and at <= jsonb_array_length(target) then
      return jsonb_build_object('value', (
        select coalesce(jsonb_agg(e.item order by e.n), '[]') from (
          select i.n * 2 as n, i.item from jsonb_array_elements(target) with ordinality as i (item, n)
          union all select at * 2 + 1, operand) e));
    elsif at >= jsonb_array_length(target) then
      return jsonb_build_object('fault', format('goes through a list of %s, where there is no %s', jsonb_array_length(target), key));
    elsif cardinality(path) = 1 and op = 'remove' and operand is null then
      return jsonb_build_object('value', target - at);
    end if;
    inner_edit := mayfly_private.edit_value(target -> at, path[2:], op, operand);
    return case
      when inner_edit ? 'value' then jsonb_build_object('value', jsonb_set(target, array[key], inner_edit -> 'value'))
      when inner_edit ? 'fault' then inner_edit
      else jsonb_build_object('value', target)
    end;
  elsif coalesce(kind, 'object') <> 'object' then
    return jsonb_build_object('fault', format('goes through %s, where there are no keys', kind));
  elsif cardinality(path) = 1 and op = 'remove' and operand is null then
    return case when target ? key then jsonb_build_object('value', target - key) when kind is null then '{}' else jsonb_build_object('value', target) end;
  end if;
  inner_edit := mayfly_private.edit_value(target -> key, path[2:], op, operand);
  return case
    when inner_edit ? 'value' then jsonb_build_object('value', coalesce(target, '{}') || jsonb_build_object(key, inner_edit -> 'value'))
    when inner_edit ? 'fault' then inner_edit
    when kind is null then '{}'
    else jsonb_build_object('value', target)
  end;
end
$$;

comment on function mayfly_private.edit_value is 'Applies one edit to a JSON value.';

-- Where a JSON value does not fit a JSON Schema: the path of the first fault and what it must be; null where it fits.
-- A schema that schema_fault does not pass fits nothing, so that a gap refuses; it is asked at the root alone, since it
-- reads the whole schema.
-- https://json-schema.org/draft/2020-12/json-schema-validation

create function mayfly_private.json_fault(schema jsonb, given jsonb, path text default '$')
returns text
language plpgsql immutable parallel safe
set search_path = ''
as $$
declare
  kind constant text := jsonb_typeof(given);
  number constant numeric := case when kind = 'number' then (given #>> '{}')::numeric end;
  size constant integer := case kind when 'string' then char_length(given #>> '{}') when 'array' then jsonb_array_length(given)
    when 'object' then (select count(*) from jsonb_object_keys(given)) end;
  fault text;
begin
  if schema is null or schema = 'true' then
    return null;
  elsif schema = 'false' or (path = '$' and mayfly_private.schema_fault(schema) is not null) then
    return path || ' is not allowed';
  end if;

  fault := case
    when schema ? 'type' and not exists (
      select from jsonb_array_elements_text(case jsonb_typeof(schema -> 'type') when 'array' then schema -> 'type' else jsonb_build_array(schema -> 'type') end) t
      where t = kind or (t = 'integer' and number = trunc(number))) then 'must be of type ' || (schema ->> 'type')
    when schema ? 'const' and schema -> 'const' <> given then 'must be ' || (schema ->> 'const')
    when schema ? 'enum' and not exists (select from jsonb_array_elements(schema -> 'enum') e where e = given) then 'must be one of ' || (schema ->> 'enum')
    when number < (schema ->> 'minimum')::numeric then 'must be at least ' || (schema ->> 'minimum')
    when number > (schema ->> 'maximum')::numeric then 'must be at most ' || (schema ->> 'maximum')
    when number <= (schema ->> 'exclusiveMinimum')::numeric then 'must be more than ' || (schema ->> 'exclusiveMinimum')
    when number >= (schema ->> 'exclusiveMaximum')::numeric then 'must be less than ' || (schema ->> 'exclusiveMaximum')
    when number % (schema ->> 'multipleOf')::numeric <> 0 then 'must be a multiple of ' || (schema ->> 'multipleOf')
    when kind = 'string' and size < (schema ->> 'minLength')::numeric then 'must have at least ' || (schema ->> 'minLength') || ' characters'
    when kind = 'string' and size > (schema ->> 'maxLength')::numeric then 'must have at most ' || (schema ->> 'maxLength') || ' characters'
    when kind = 'array' and size < (schema ->> 'minItems')::numeric then 'must have at least ' || (schema ->> 'minItems') || ' items'
    when kind = 'array' and size > (schema ->> 'maxItems')::numeric then 'must have at most ' || (schema ->> 'maxItems') || ' items'
    when kind = 'object' and size < (schema ->> 'minProperties')::numeric then 'must have at least ' || (schema ->> 'minProperties') || ' properties'
    when kind = 'object' and size > (schema ->> 'maxProperties')::numeric then 'must have at most ' || (schema ->> 'maxProperties') || ' properties'
    when kind = 'object' and schema ? 'required' and not given ?& array(select jsonb_array_elements_text(schema -> 'required')) then
      'needs ' || (select string_agg(r, ', ') from jsonb_array_elements_text(schema -> 'required') r where not given ? r)
  end;
  if fault is not null then
    return path || ' ' || fault;
  end if;

  if kind = 'object' then
    fault := coalesce(
      (select min(f) from jsonb_each(given) v, mayfly_private.json_fault(schema -> 'properties' -> v.key, v.value, path || '.' || v.key) f
        where schema -> 'properties' ? v.key),
      (select min(f) from jsonb_each(given) v, mayfly_private.json_fault(schema -> 'additionalProperties', v.value, path || '.' || v.key) f
        where schema ? 'additionalProperties' and not coalesce(schema -> 'properties' ? v.key, false)),
      (select min(f) from jsonb_object_keys(given) k, mayfly_private.json_fault(schema -> 'propertyNames', to_jsonb(k), path || '.' || k) f
        where schema ? 'propertyNames'));
  elsif kind = 'array' then
    fault := (
      select min(f) from jsonb_array_elements(given) with ordinality as v (one, n),
        mayfly_private.json_fault(coalesce(schema -> 'prefixItems' -> (v.n - 1)::integer, schema -> 'items', 'true'), v.one, format('%s[%s]', path, v.n - 1)) f);
  end if;
  if fault is not null then
    return fault;
  end if;

  return case
    when schema ? 'allOf' and exists (select from jsonb_array_elements(schema -> 'allOf') s where mayfly_private.json_fault(s, given, path) is not null)
      then (select mayfly_private.json_fault(s, given, path) f from jsonb_array_elements(schema -> 'allOf') s order by f nulls last limit 1)
    when schema ? 'anyOf' and not exists (select from jsonb_array_elements(schema -> 'anyOf') s where mayfly_private.json_fault(s, given, path) is null)
      then path || ' fits none of the alternatives'
    when schema ? 'oneOf' and 1 <> (select count(*) from jsonb_array_elements(schema -> 'oneOf') s where mayfly_private.json_fault(s, given, path) is null)
      then path || ' must fit exactly one of the alternatives'
    when schema ? 'not' and mayfly_private.json_fault(schema -> 'not', given, path) is null then path || ' is not allowed'
  end;
end
$$;

comment on function mayfly_private.json_fault is 'The path of the first fault of a JSON value by a JSON Schema, and what it must be; null where it fits.';

-- Whether a JSON value is at most so many bytes as text, and nested at most so deep: {"a": [1]} is 2. In PL/pgSQL: in
-- SQL, which an empty search_path keeps from being inlined, each statement that asked planned it, 0.1 ms.

create or replace function mayfly_private.json_within(value jsonb, max_bytes integer, max_depth integer)
returns boolean
language plpgsql immutable parallel safe
set search_path = ''
as $$
begin
  return octet_length(value::text) <= max_bytes
    -- Strict: lax unwraps arrays, and then finds each level twice.
    and not jsonb_path_exists(value, format('strict $.**{%s}', max_depth + 1)::jsonpath);
end
$$;

-- The time by which Mayfly decides what has ended, expired or is due: the machine's. Called wherever
-- an age, a lease or a window is judged, so that a test can put another clock in its place
-- (tests/harness/clock.ts); only the owner can. Locks nothing.
-- One call costs 2 µs; in SQL, which an empty search_path keeps from being inlined, it cost a statement
-- 20. A query over rows takes it from a variable or asks `(select mayfly_private.now())`: once for the
-- whole statement, and an index can be used with it.
-- By the machine's clock remain: tokens, which others verify as well; hybrid clocks, which callers'
-- are compared with; how long work takes, and when maintenance was last there.

create function mayfly_private.now()
returns timestamptz
language plpgsql volatile parallel safe
set search_path = ''
as $$
begin
  return clock_timestamp();
end
$$;

comment on function mayfly_private.now is 'The time by which lives, leases and ages are judged.';

grant execute on function mayfly_private.now to authenticated, service_role;

-- Whether a JSON value is a number within bounds (a whole one, if asked), or absent.

create or replace function mayfly_private.number_within(value jsonb, low numeric, high numeric, whole boolean default false)
returns boolean
language plpgsql immutable parallel safe
set search_path = ''
as $$
begin
  return case coalesce(jsonb_typeof(value), 'null')
    when 'null' then true
    when 'number' then (value #>> '{}')::numeric between low and high
      and (not whole or (value #>> '{}')::numeric = trunc((value #>> '{}')::numeric))
    else false
  end;
end
$$;

-- Whether JavaScript reads every number of a JSON value as it was written. Postgres keeps any; a double,
-- which is what every client reads it into, has none beyond 1.8e308 or nearer to 0 than 5e-324, and not
-- every integer beyond 2^53: those would change without a word on their way out. An integer that a double
-- does hold, such as 1e300, is kept. Called by all that take JSON. Locks nothing.

create or replace function mayfly_private.numbers_kept(value jsonb)
returns boolean
language plpgsql immutable parallel safe
set search_path = ''
as $$
begin
  if not coalesce(jsonb_path_exists(value, 'strict $.** ? (@.type() == "number" && (@ > 9007199254740991 || @ < -9007199254740991
    || (@ != 0 && @ < 5e-324 && @ > -5e-324)))'), false) then
    return true;
  end if;
  return not exists (
    select from jsonb_path_query(value, 'strict $.** ? (@.type() == "number" && (@ > 9007199254740991 || @ < -9007199254740991
      || (@ != 0 && @ < 5e-324 && @ > -5e-324)))') as found (number)
    where case when pg_input_is_valid(found.number #>> '{}', 'double precision')
      then (found.number #>> '{}')::double precision::text::numeric <> found.number::numeric else true end);
end
$$;

-- The release of Mayfly whose migrations this database has, and the oldest one whose edge functions and SDK it
-- serves. Written by npm run build:migrations from sql/releases.json. Called by check_version and installation.

create function mayfly_private.release()
returns jsonb
language sql immutable parallel safe
set search_path = ''
return '{"installed": "0.2.0", "serves": "0.1.0"}'::jsonb;

comment on function mayfly_private.release is 'Which release this database has, and the oldest one that it serves.';

-- Why a JSON Schema cannot be checked here: the path of the first keyword that json_fault does not know, or has in a
-- form that it cannot use; null for a schema that can be checked. Annotations are allowed. `pattern` and `format` are
-- allowed and not checked: regular expressions differ between JavaScript and Postgres, so the worker checks them.

create function mayfly_private.schema_fault(schema jsonb, path text default '$')
returns text
language plpgsql immutable parallel safe
set search_path = ''
as $$
declare
  keyword text;
  said jsonb;
  fault text;
begin
  if schema is null or jsonb_typeof(schema) = 'boolean' then
    return null;
  elsif jsonb_typeof(schema) <> 'object' or length(path) > 1000 then
    return path;
  end if;
  for keyword, said in select * from jsonb_each(schema) loop
    fault := case
      when keyword in ('$schema', '$id', '$comment', 'title', 'description', 'default', 'examples', 'deprecated', 'readOnly', 'writeOnly', 'format', 'pattern', 'const')
        then null
      when keyword = 'type' then case
        when (case jsonb_typeof(said) when 'array' then said else jsonb_build_array(said) end)
          <@ '["null", "boolean", "number", "integer", "string", "array", "object"]' then null else keyword end
      when keyword in ('enum', 'required') then case when jsonb_typeof(said) = 'array' then null else keyword end
      when keyword in ('minLength', 'maxLength', 'minItems', 'maxItems', 'minProperties', 'maxProperties', 'minimum', 'maximum', 'exclusiveMinimum', 'exclusiveMaximum', 'multipleOf')
        then case when jsonb_typeof(said) = 'number' and not (keyword = 'multipleOf' and (said #>> '{}')::numeric <= 0) then null else keyword end
      when keyword in ('items', 'additionalProperties', 'propertyNames', 'not') then mayfly_private.schema_fault(said, path || '.' || keyword)
      when keyword = 'properties' then case when jsonb_typeof(said) <> 'object' then keyword else (
        select min(f.fault) from jsonb_each(said) p, mayfly_private.schema_fault(p.value, path || '.' || p.key) as f (fault)) end
      when keyword in ('anyOf', 'oneOf', 'allOf', 'prefixItems') then case when jsonb_typeof(said) <> 'array' then keyword else (
        select min(f.fault) from jsonb_array_elements(said) s (one), mayfly_private.schema_fault(s.one, path || '.' || keyword) as f (fault)) end
      else keyword
    end;
    if fault is not null then
      return case when fault like '$.%' then fault else path || '.' || fault end;
    end if;
  end loop;
  return null;
end
$$;

comment on function mayfly_private.schema_fault is 'The path of what cannot be checked of a JSON Schema; null where there is nothing.';

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

create or replace function mayfly_private.caller()
returns mayfly_private.caller
language plpgsql stable security definer
set search_path = ''
as $$
declare
  instant constant timestamptz := mayfly_private.now();
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
      and k.revoked_at is null and k.expires_at > instant
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
          and (line.status <> 'running' or line.expires_at <= instant));
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

comment on column mayfly.agents.lifetime is 'From spawn, or the last time that its life was extended, to expires_at.';

comment on column mayfly.agents.renews is 'Whether each new token gives it its lifetime again, up to the maximum of its tenant and its type; null as true, for one that was spawned before 0.2.';

-- The one tenant of this request, in which the caller must have the scope. Called first by every
-- function that writes. Locks nothing.

create or replace function mayfly_private.require_tenant(scope text)
returns uuid
language plpgsql stable security definer
set search_path = ''
as $$
declare
  caller constant mayfly_private.caller := mayfly_private.caller();
  tenants uuid[];
begin
  -- An agent, or the secret key with a tenant: as tenant_ids would say, which asks who is calling again.
  if caller.kind in ('agent', 'secret') and caller.tenant_id is not null and (scope is null or scope = any (caller.scopes)) then
    return caller.tenant_id;
  end if;
  tenants := case when caller.kind = 'machine' then array[caller.tenant_id] else mayfly_private.tenant_ids(null) end;
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

-- The scopes of this room.

insert into mayfly.scopes (name, description, roles, agents, by_default) values
  ('tenant:write', 'Rename the tenant and set what its agents may.', '{admin,owner}', false, false)
on conflict (name) do update
set description = excluded.description, roles = excluded.roles, agents = excluded.agents, by_default = excluded.by_default;

-- Which tenants' broadcasts somebody hears over a connection of their own to the database, and until when: the
-- Postgres transport of the SDK leases it. Written by listen_by_postgres, read by notify.

create table mayfly_private.postgres_listeners (
  tenant_id uuid not null constraint postgres_listeners_pkey primary key,
  until timestamptz not null,
  constraint postgres_listeners_tenant_fkey foreign key (tenant_id) references mayfly.tenants (id) on delete cascade
)
with (fillfactor = 50);

comment on table mayfly_private.postgres_listeners is 'Which tenants'' broadcasts somebody hears by LISTEN, and until when.';

alter table mayfly_private.postgres_listeners enable row level security;

-- What the rows of this room's tables are charged, in bytes.

insert into mayfly_private.charges (relation, bounded_by) values
  ('mayfly_private.maintenance', 'one row a tenant'),
  ('mayfly_private.postgres_listeners', 'one row a tenant'),
  ('mayfly_private.tenant_usage', '16 rows a tenant')
on conflict (relation) do update set bounded_by = excluded.bounded_by;

-- Counts what a tenant has stored and written, and refuses what would exceed its quotas. Called by the
-- meters, at the end of each statement that writes what they measure, and by functions that know what they write:
-- send_messages, write_state, append_debug. What frees is never refused. A sum sees what has committed, so a
-- quota is exceeded at most by what the pushes beside this one hold, 15 of 4 MB. Locks what count_usage locks.

create or replace function mayfly_private.charge(tenant uuid, more_memories bigint, more_bytes bigint, more_writes integer)
returns void
language plpgsql security definer
set search_path = ''
as $$
declare
  this_minute constant timestamptz := date_trunc('minute', mayfly_private.now());
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
      greatest(1, ceil(extract(epoch from this_minute + interval '1 minute' - mayfly_private.now()))::integer));
  end if;
end
$$;

-- Counts what a tenant has stored and written. Called by charge, and by itself for what must not be refused.
--
-- Locks one of the tenant's 16 shards until commit: the first that nobody holds, so that up to 16
-- pushes of a tenant at once do not wait. A push of one memory took 0.5 ms more, one of 1,000 took 4 ms more
-- in 400 (2 busy cores); one counter instead of 16 made 8 writers 10 % slower, and any writer's open
-- transaction would have stopped the others.

create or replace function mayfly_private.count_usage(tenant uuid, more_memories bigint, more_bytes bigint, more_writes integer)
returns void
language plpgsql security definer
set search_path = ''
as $$
declare
  this_minute constant timestamptz := date_trunc('minute', mayfly_private.now());
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

-- Leases what notify says of tenants for 90 s, and says which of these are there. Called by the Postgres transport of the
-- SDK as the role that it connects with: no role of the Data API may. Locks the tenants' leases, in their order.

create function mayfly_private.listen_by_postgres(tenants uuid[])
returns uuid[]
language sql security definer
set search_path = ''
as $$
  with gone as (
    delete from mayfly_private.postgres_listeners g where g.tenant_id in (
      select o.tenant_id from mayfly_private.postgres_listeners o
      where o.until < mayfly_private.now() - interval '1 hour' and not o.tenant_id = any (tenants)
      limit 100 for update skip locked)
  ), leased as (
    insert into mayfly_private.postgres_listeners as l (tenant_id, until)
    select t.id, mayfly_private.now() + interval '90 seconds' from mayfly.tenants t where t.id = any (tenants) order by t.id
    on conflict (tenant_id) do update set until = excluded.until
    returning l.tenant_id
  )
  select coalesce(array_agg(tenant_id), '{}') from leased
$$;

comment on function mayfly_private.listen_by_postgres is 'Leases what is said of tenants by NOTIFY.';

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

-- Says by NOTIFY what is broadcast on a topic, to those who have a connection of their own to the database: on the
-- channel mayfly:{tenant}, as {"topic": …, "event": …, "payload": …}. Called beside each broadcast. A payload that has
-- no room (a NOTIFY has 8,000 bytes) loses all but its numbers, by which its reader asks for it.
--
-- Where nobody has leased it nothing is said: commits that notify wait for each other in the whole cluster. Locks nothing else.

create function mayfly_private.notify(topic text, event text, payload jsonb)
returns void
language plpgsql security definer
set search_path = ''
as $$
declare
  tenant constant uuid := mayfly_private.to_uuid(split_part(topic, ':', 2));
  told text;
begin
  if not exists (select from mayfly_private.postgres_listeners l where l.tenant_id = tenant and l.until > mayfly_private.now()) then
    return;
  end if;
  told := jsonb_build_object('topic', topic, 'event', event, 'payload', payload)::text;
  if octet_length(told) > 7900 then
    told := jsonb_build_object('topic', topic, 'event', event, 'payload',
      jsonb_strip_nulls(jsonb_build_object('seq', payload -> 'seq', 'attempt', payload -> 'attempt', 'session', payload -> 'session')))::text;
  end if;
  perform pg_notify('mayfly:' || tenant, told);
end
$$;

comment on function mayfly_private.notify is 'Says by NOTIFY what is broadcast on a topic.';

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
      coalesce(sum(s.writes) filter (where s.minute = date_trunc('minute', (select mayfly_private.now()))), 0) as writes
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

-- Which tenant stands for a name that somebody ensures: of a person, or of the secret key (null). Names of tenants are
-- no keys, and people give them freely: by its name alone the secret key would be given a tenant that a stranger has
-- called so.

create table mayfly_private.ensured_tenants (
  owner uuid,
  name text not null constraint ensured_tenants_name_length check (char_length(name) between 1 and 200),
  tenant_id uuid not null constraint ensured_tenants_pkey primary key,
  constraint ensured_tenants_name_key unique nulls not distinct (owner, name),
  constraint ensured_tenants_tenant_fkey foreign key (tenant_id) references mayfly.tenants (id) on delete cascade
);

comment on table mayfly_private.ensured_tenants is 'Which tenant stands for a name that somebody ensures.';

alter table mayfly_private.ensured_tenants enable row level security;

-- What the rows of this room's tables are charged, in bytes.

insert into mayfly_private.charges (relation, flat, written, lenient) values
  ('mayfly.invitations', 256, '{email}', false)
on conflict (relation) do update set flat = excluded.flat, written = excluded.written, lenient = excluded.lenient;

insert into mayfly_private.charges (relation, bounded_by) values
  ('mayfly.members', 'one row a person'),
  ('mayfly_private.ensured_tenants', 'one row a tenant'),
  ('mayfly_private.invitation_secrets', 'one row an invitation')
on conflict (relation) do update set bounded_by = excluded.bounded_by;

-- The kinds of events that this room appends to the log.

insert into mayfly.event_kinds (kind, scope, admin_scope, description) values
  ('member.joined', 'member:read', null, 'A person became a member of the tenant.'),
  ('member.updated', 'member:read', null, 'The role of a member changed.'),
  ('member.left', 'member:read', null, 'A person is no longer a member.')
on conflict (kind) do update
set scope = excluded.scope, admin_scope = excluded.admin_scope, description = excluded.description;

-- The definer half of mayfly.accept_invitation. What is wrong with an invitation that is not theirs,
-- nobody is told. Locks the tenant's row (for no key update), as all do that change who is in it, and then the
-- invitation's, so that it is accepted once. In this order, as erase_tenant does.

create or replace function mayfly_private.accept_invitation(token text, invitation_id uuid)
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
  elsif invitation.expires_at <= mayfly_private.now() then
    perform mayfly_private.fail(410, 'invitation_expired', 'The invitation has expired.', 'Ask for another one.');
  end if;

  insert into mayfly.members (tenant_id, user_id, role)
  select invitation.tenant_id, u.id, invitation.role from auth.users u where u.id = caller.id
  on conflict do nothing;
  if not found then
    perform mayfly_private.fail(409, 'already_member', 'This person is a member of the tenant already.', 'The role stays as it is.');
  end if;
  update mayfly.invitations i set accepted_at = mayfly_private.now(), accepted_by = caller.id
  where i.tenant_id = invitation.tenant_id and i.id = invitation.id;
  return jsonb_build_object('tenant', jsonb_build_object('id', invitation.tenant_id, 'name', tenant_name), 'role', invitation.role);
end
$$;

-- The tenant of a name, made where there is none: for who starts an application again and again, or many of its
-- processes at once. The same caller and owner get the same tenant, also after it was renamed; others have names of
-- their own. One that create_tenant made is taken, where it is the only one of that name: by the secret key one that
-- nobody is a member of, or that `owner` owns; by a person one that it owns. As create_tenant it needs the right to
-- create one, where there is none. Calls for one name wait for each other.

create function mayfly_private.ensure_tenant(name text, owner uuid)
returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  caller constant mayfly_private.caller := mayfly_private.caller();
  by_person constant boolean := coalesce(caller.kind = 'person', false);
  of_owner constant uuid := case when by_person then caller.id else owner end;
  tenant mayfly.tenants;
  found_ids uuid[];
begin
  if name is null or char_length(name) not between 1 and 200 then
    perform mayfly_private.fail(400, 'invalid_request', 'name must have 1 to 200 characters.', null, '{"field": "name"}');
  elsif by_person and owner is distinct from null and owner <> caller.id then
    perform mayfly_private.fail(400, 'invalid_request', 'owner is for the secret key; a person ensures a tenant of its own.', null, '{"field": "owner"}');
  elsif not by_person and caller.kind is distinct from 'secret' and nullif(current_setting('request.jwt.claims', true), '') is not null then
    perform mayfly_private.fail(401, 'not_authorized', 'Only a person or the secret key creates tenants.', 'Sign in, or use the secret key.');
  end if;
  perform pg_advisory_xact_lock(hashtextextended(format('mayfly.ensure_tenant %s %s', of_owner, name), 0));

  select t.* into tenant
  from mayfly_private.ensured_tenants e
  join mayfly.tenants t on t.id = e.tenant_id
  where e.owner is not distinct from of_owner and e.name = ensure_tenant.name
    -- A person that has left it has no part in it any more.
    and (of_owner is null or exists (select from mayfly.members m where m.tenant_id = t.id and m.user_id = of_owner));
  if tenant.id is not null then
    return to_jsonb(tenant) || '{"created": false}';
  end if;

  found_ids := array(
    select t.id from mayfly.tenants t
    where t.name = ensure_tenant.name and t.id not in (select e.tenant_id from mayfly_private.ensured_tenants e)
      and case when of_owner is null
        then not exists (select from mayfly.members m where m.tenant_id = t.id)
        else exists (select from mayfly.members m where m.tenant_id = t.id and m.user_id = of_owner and m.role = 'owner') end
    limit 2);
  if cardinality(found_ids) = 1 then
    select * into strict tenant from mayfly.tenants t where t.id = found_ids[1];
  else
    tenant := mayfly_private.create_tenant(name, owner);
  end if;
  insert into mayfly_private.ensured_tenants as e (owner, name, tenant_id) values (of_owner, name, tenant.id)
  on conflict on constraint ensured_tenants_name_key do update set tenant_id = excluded.tenant_id;
  return to_jsonb(tenant) || jsonb_build_object('created', cardinality(found_ids) <> 1);
end
$$;

comment on function mayfly_private.ensure_tenant is 'The tenant of a name, made where there is none.';

grant execute on function mayfly_private.ensure_tenant to authenticated, service_role;

create function mayfly.ensure_tenant(name text, owner uuid default null)
returns jsonb
language sql
set search_path = ''
return mayfly_private.ensure_tenant(name, owner);

comment on function mayfly.ensure_tenant is
  'The caller''s tenant of this name, made where there is none: the tenant, and whether it was created. For the secret key, and for people where they may create tenants.';

grant execute on function mayfly.ensure_tenant to authenticated, service_role;

-- The definer half of mayfly.invite_member: the token is returned once and kept hashed.

create or replace function mayfly_private.invite_member(role text, email text, expires_at timestamptz)
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
  elsif expires_at <= mayfly_private.now() then
    perform mayfly_private.fail(400, 'invalid_request', 'expires_at must lie in the future.', null, '{"field": "expires_at"}');
  elsif exists (
      select from mayfly.members m join auth.users u on u.id = m.user_id
      where m.tenant_id = of_tenant and lower(u.email) = address) then
    perform mayfly_private.fail(409, 'already_member', 'This person is a member of the tenant already.',
      'Change the role instead.', '{"field": "email"}');
  end if;

  insert into mayfly.invitations (tenant_id, email, role, invited_by, expires_at)
  values (of_tenant, address, role, mayfly_private.caller_id(), coalesce(expires_at, mayfly_private.now() + interval '7 days'))
  returning * into invitation;
  insert into mayfly_private.invitation_secrets (hash, tenant_id, invitation_id)
  values (mayfly_private.hash_secret(secret), of_tenant, invitation.id);
  return jsonb_build_object('token', secret, 'invitation', to_jsonb(invitation));
end
$$;

-- The definer half of mayfly.my_invitations.

create or replace function mayfly_private.my_invitations()
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
      and i.accepted_at is null and i.revoked_at is null and i.expires_at > mayfly_private.now());
end
$$;

-- The definer half of mayfly.revoke_invitation. Locks the invitation's row.

create or replace function mayfly_private.revoke_invitation(invitation_id uuid)
returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  of_tenant constant uuid := mayfly_private.require_tenant('member:write');
  invitation mayfly.invitations;
begin
  update mayfly.invitations i set revoked_at = coalesce(i.revoked_at, mayfly_private.now())
  where i.tenant_id = of_tenant and i.id = invitation_id and i.accepted_at is null
  returning * into invitation;
  if invitation.id is null then
    perform mayfly_private.fail(404, 'invitation_unknown', 'There is no such open invitation.', null, '{"field": "id"}');
  end if;
  return to_jsonb(invitation);
end
$$;

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
      where a.tenant_id = t.id and a.status in ('running', 'suspended') and a.expires_at > mayfly_private.now()),
    'spawns_left', floor(coalesce((
      select least(t.spawns_per_minute, b.tokens + extract(epoch from mayfly_private.now() - b.filled_at) * t.spawns_per_minute / 60)
      from mayfly_private.spawn_buckets b where b.tenant_id = t.id), t.spawns_per_minute)))
  from mayfly.tenants t where t.id = tenant
);

comment on function mayfly_private.agent_usage is 'What a tenant uses of its quotas of agents.';

-- What mayfly.usage shows of this room.

insert into mayfly_private.usage_counts (name, work) values ('agents', 'mayfly_private.agent_usage(uuid)')
on conflict (name) do update set work = excluded.work;

-- The definer half of mayfly.agent_tree.

create or replace function mayfly_private.agent_tree(root uuid, living boolean)
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
        and (not living or a.status in ('running', 'suspended') and a.expires_at > (select mayfly_private.now()))
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

-- What an agent's status is by now: its row may still say running when its time is over or an
-- ancestor has ended, and it is suspended while an ancestor is. Called by those who show agents, and
-- before a change of status. Locks nothing.

create or replace function mayfly_private.effective_status(agent mayfly.agents)
returns text
language sql stable security definer
set search_path = ''
return (
  select case
    when agent.status in ('stopped', 'expired') then agent.status
    when agent.expires_at <= (select mayfly_private.now()) then 'expired'
    when count(*) filter (where line.status in ('stopped', 'expired') or line.expires_at <= (select mayfly_private.now())) > 0 then 'stopped'
    when agent.status = 'suspended' or count(*) filter (where line.status = 'suspended') > 0 then 'suspended'
    else 'running'
  end
  from mayfly.agents line
  where line.tenant_id = agent.tenant_id and line.id = any (agent.ancestors)
);

-- How long an agent may still live, in seconds to the millisecond: until its own end or that of the
-- first ancestor to go; 0 once it has ended. Renewal can add to it.

create or replace function mayfly_private.seconds_left(agent mayfly.agents)
returns numeric
language sql stable security definer
set search_path = ''
return (
  select case
    when mayfly_private.effective_status(agent) in ('stopped', 'expired') then 0
    else round(greatest(extract(epoch from least(agent.expires_at, min(line.expires_at)) - mayfly_private.now()), 0), 3)
  end
  from mayfly.agents line
  where line.tenant_id = agent.tenant_id and line.id = any (agent.ancestors)
);

-- An agent as others see it. Called by get_agent, find_agents and agent_tree, as owner, for agents
-- that the caller may see. Locks nothing.

create or replace function mayfly_private.card(agent mayfly.agents)
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
        and c.status in ('running', 'suspended') and c.expires_at > (select mayfly_private.now())) end,
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

-- Refuses so many more agents than the tenant's quota of the living allows. Called under the lock on
-- the tenant's row. The dead that still say they live are reaped before they count against it.

create or replace function mayfly_private.check_living(tenant mayfly.tenants, wanted integer)
returns void
language plpgsql security definer
set search_path = ''
as $$
declare
  living integer;
begin
  loop
    living := (select count(*) from mayfly.agents a
      where a.tenant_id = tenant.id and a.status in ('running', 'suspended') and a.expires_at > (select mayfly_private.now()));
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

-- Refuses a team with the index and the field of its first fault. Called by spawn_team before it
-- locks anything; what an agent's values may be is checked as it is drafted.

create or replace function mayfly_private.check_team(team jsonb)
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
      ('renew', coalesce(jsonb_typeof(g.item -> 'renew'), 'null') in ('boolean', 'null'), 'must be true or false'),
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

-- What most agents need, of what their spawner may give: the scopes that are given by default (mayfly.scopes).

create or replace function mayfly_private.common_scopes(allowed text[])
returns text[]
language sql stable
set search_path = ''
return (
  select coalesce(array_agg(s.name order by s.name), '{}') from mayfly.scopes s where s.by_default and s.name = any (allowed)
);

-- The definer half of mayfly.create_enrolment_key: the key is returned once and kept hashed.

create or replace function mayfly_private.create_enrolment_key(name text, scopes text[], expires_at timestamptz)
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
  elsif expires_at <= mayfly_private.now() then
    perform mayfly_private.fail(400, 'invalid_request', 'expires_at must lie in the future.', null, '{"field": "expires_at"}');
  end if;
  perform mayfly_private.check_scopes(scopes, allowed);

  insert into mayfly.enrolment_keys (tenant_id, name, scopes, created_by, expires_at)
  values (of_tenant, name,
    case when scopes is null then mayfly_private.common_scopes(allowed)
      else array(select distinct s from unnest(scopes) s order by s) end,
    mayfly_private.caller_id(), coalesce(expires_at, mayfly_private.now() + interval '90 days'))
  returning * into key;
  insert into mayfly_private.enrolment_secrets (hash, tenant_id, key_id)
  values (mayfly_private.hash_secret(secret), of_tenant, key.id);
  return jsonb_build_object('key', secret, 'enrolment_key', to_jsonb(key));
end
$$;

-- The definer half of mayfly.define_agent_type. Locks the tenant's row (for no key update), so that
-- versions are numbered without a gap or a double.

create or replace function mayfly_private.define_agent_type(
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
    lifetime, max_lifetime, max_living, metadata, mayfly_private.caller_id(), mayfly_private.now());
  if to_jsonb(newest) - '{version,created_by,created_at}'::text[] = to_jsonb(defined) - '{version,created_by,created_at}'::text[] then
    return newest;
  end if;
  insert into mayfly.agent_types select defined.*;
  return defined;
end
$$;

create or replace function mayfly_private.open_spawn(wanted integer)
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
    update mayfly.enrolment_keys k set last_used_at = mayfly_private.now()
    where k.tenant_id = tenant.id and k.id = (
      select due.id from mayfly.enrolment_keys due
      where due.tenant_id = tenant.id and due.id = caller.id
        and coalesce(due.last_used_at, '-infinity') < mayfly_private.now() - interval '1 minute'
      for no key update skip locked);
  end if;

  perform mayfly_private.take_spawns(tenant, wanted);
  return row(tenant, parent, caller.id, allowed)::mayfly_private.spawner;
end
$$;

-- An agent as it is to be inserted: what was asked, completed by its type's newest version, within
-- what the tenant, the type and the spawner allow. Called by spawn_agent and spawn_team under the
-- lock on the tenant's row; `drafted` are the agents of the same call before this one.

create function mayfly_private.draft_agent(
  spawner mayfly_private.spawner, drafted mayfly.agents[], name text, pool text[], type text, lifetime interval,
  capabilities text[], scopes text[], task text, metadata jsonb, renew boolean
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
  agent.renews := coalesce(renew, false);
  agent.spawned_at := mayfly_private.now();
  agent.spawned_by := spawner.id;
  agent.expires_at := least(agent.spawned_at + lifetime, parent.expires_at);
  return agent;
end
$$;

comment on function mayfly_private.draft_agent is 'An agent as it is to be inserted.';

-- Gives a living agent its lifetime again, within the tenant's and its type's maximum and its parent's end, where
-- somebody chose that: by `renew` when it was spawned, or now (`chosen`). A new token alone gives no life: an agent
-- with a lifetime of 60 s ends after 60 s, however often its process renews its token. Null where the agent, or an
-- ancestor, is not alive. Called by renewal, resuming and registration. Locks the agent's row.

create function mayfly_private.extend_life(tenant uuid, agent uuid, chosen boolean default true)
returns mayfly.agents
language sql security definer
set search_path = ''
as $$
  update mayfly.agents a
  set expires_at = case when coalesce(a.renews, true) or chosen then greatest(a.expires_at, least(
    mayfly_private.now() + a.lifetime,
    a.spawned_at + t.max_lifetime,
    a.spawned_at + (select d.max_lifetime from mayfly.agent_types d
      where d.tenant_id = a.tenant_id and d.name = a.type and d.version = a.type_version),
    (select p.expires_at from mayfly.agents p where p.tenant_id = a.tenant_id and p.id = a.parent_id))) else a.expires_at end
  from mayfly.tenants t
  where t.id = a.tenant_id and a.tenant_id = extend_life.tenant and a.id = extend_life.agent
    and not exists (
      select from mayfly.agents line
      where line.tenant_id = a.tenant_id and line.id = any (a.ancestors || a.id)
        and (line.status <> 'running' or line.expires_at <= mayfly_private.now()))
  returning a.*;
$$;

comment on function mayfly_private.extend_life is 'Gives a living agent its lifetime again.';

-- The definer half of mayfly.heartbeat. Writes the liveness at most once a second, and the agent's row
-- only where something changes. Leases what the agent listens to, and says the newest numbers of it, as
-- listen does. Locks the caller's own rows, and what listen locks.

create or replace function mayfly_private.heartbeat(activity text, task text, log boolean, channels text[], lost integer)
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
  values (of_tenant, caller.id, mayfly_private.now())
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

-- The definer half of mayfly.living_agents: who sees who is present may be told who of them lives,
-- also without agent:read. Set-based: asked one by one, of 200 agents it took 240 ms on PGlite instead
-- of 20. Locks nothing.

create or replace function mayfly_private.living_agents(ids uuid[])
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
      'seconds_left', round(greatest(extract(epoch from living.ends_at - (select mayfly_private.now())), 0), 3)) order by living.id), '[]')
    from (
      select a.id, a.name, a.type, a.activity, least(a.expires_at, line.ends_at) as ends_at
      from mayfly.agents a
      -- Each ancestor by its key: as a join on any (ancestors) it was planned as all with all.
      cross join lateral (
        select min(l.expires_at) as ends_at, bool_and(l.status = 'running' and l.expires_at > (select mayfly_private.now())) as lives
        from unnest(a.ancestors) ancestor (id)
        join mayfly.agents l on l.tenant_id = a.tenant_id and l.id = ancestor.id
      ) line
      where a.tenant_id = tenant and a.id = any (ids) and a.status = 'running' and a.expires_at > (select mayfly_private.now())
        and coalesce(line.lives, true)
    ) living);
end
$$;

-- Marks agents of a tenant that are dead but do not say so: expired, or with a dead ancestor. At most 50 at a
-- time, skipping locked rows, so that it can run in passing. Called by every spawn; with a name, for
-- the agent that still holds it.

create or replace function mayfly_private.reap(tenant uuid, only_name text default null)
returns integer
language plpgsql security definer
set search_path = ''
as $$
declare
  marked integer;
begin
  with dead as (
    select a.id, a.expires_at <= (select mayfly_private.now()) as expired
    from mayfly.agents a
    where a.tenant_id = tenant and a.status in ('running', 'suspended')
      and (only_name is null or a.name = only_name)
      and (a.expires_at <= (select mayfly_private.now()) or exists (
        select from mayfly.agents line
        where line.tenant_id = a.tenant_id and line.id = any (a.ancestors)
          and (line.status in ('stopped', 'expired') or line.expires_at <= (select mayfly_private.now()))))
    order by a.expires_at
    limit 50
    for no key update of a skip locked
  )
  update mayfly.agents a
  set status = case when dead.expired then 'expired' else 'stopped' end,
    stopped_at = (select mayfly_private.now()),
    stop_reason = case when dead.expired then 'lifetime ended' else 'ancestor ended' end
  from dead
  where a.tenant_id = tenant and a.id = dead.id;
  get diagnostics marked = row_count;
  return marked;
end
$$;

-- Reaps in the caller's tenant where somebody's time is over: called by every sync. One look at an index
-- where nobody's is. Locks what reap locks.

create or replace function mayfly_private.reap_in_passing()
returns void
language plpgsql security definer
set search_path = ''
as $$
declare
  tenant uuid;
begin
  foreach tenant in array mayfly_private.tenant_ids(null) loop
    if exists (select from mayfly.agents a
        where a.tenant_id = tenant and a.status in ('running', 'suspended') and a.expires_at <= (select mayfly_private.now())) then
      perform mayfly_private.reap(tenant);
    end if;
  end loop;
end
$$;

-- The definer half of mayfly.renew_agent. The secret's hash comes in a token of 30 s that the spawn
-- function signs (claim mayfly.renewal): the secret suffices alone, so nothing else is asked. Locks the
-- agent's row, as resuming does, before it looks at the secrets: uses at once are judged one by one.
--
-- Each use gives a secret of the next round. For 30 s after its first use a secret works again, since
-- its answer may have been lost, up to 20 times in all. Whatever else comes of the round before the newest means that two hold
-- the agent: one used before, or one that was given beside the one that was used. The agent is then
-- suspended. A secret of an older round is unknown: an old copy harms nobody.

create function mayfly_private.renew_agent(extend boolean)
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
  if secret.round < newest and coalesce(secret.used_at < mayfly_private.now() - interval '30 seconds', true) then
    update mayfly.agents a
    set status = 'suspended', suspended_at = mayfly_private.now(), suspend_reason = 'renewal secret used twice'
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
  set used_at = coalesce(s.used_at, mayfly_private.now())
  where s.hash = secret.hash;
  delete from mayfly_private.renewal_secrets s
  where s.tenant_id = secret.tenant_id and s.agent_id = secret.agent_id and s.round < secret.round;

  agent := mayfly_private.extend_life(secret.tenant_id, secret.agent_id, coalesce(extend, false));
  if agent.id is null then
    perform mayfly_private.fail(401, 'agent_not_alive', 'The agent, or an ancestor of it, has stopped, expired or been suspended.',
      'Spawn another agent.');
  end if;
  return mayfly_private.issue_token(agent.tenant_id, agent.id, secret.round + 1);
end
$$;

comment on function mayfly_private.renew_agent is 'Renews the agent whose renewal secret the token names.';

grant execute on function mayfly_private.renew_agent to authenticated;

-- Renews the token of an agent: called by the spawn function with a token that names the hash of the renewal
-- secret. With extend, or where it was spawned with renew, its life too (see extend_life). Returns what spawn_agent returns, or { refused } where the secret was used before.

create function mayfly.renew_agent(extend boolean default false)
returns jsonb
language sql
set search_path = ''
return mayfly_private.renew_agent(extend);

comment on function mayfly.renew_agent is 'Renews the agent whose renewal secret the token names.';

grant execute on function mayfly.renew_agent to authenticated;

-- The definer half of mayfly.revoke_enrolment_key. Locks the tenant's row (for no key update), as
-- spawning does, so that no spawn by this key is under way: its agent would be missed. Then the key's
-- row and, asked to stop them, those of its agents.

create or replace function mayfly_private.revoke_enrolment_key(key_id uuid, stop_agents boolean)
returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  of_tenant constant uuid := mayfly_private.require_tenant('key:write');
  key mayfly.enrolment_keys;
begin
  perform from mayfly.tenants t where t.id = of_tenant for no key update;
  update mayfly.enrolment_keys k set revoked_at = coalesce(k.revoked_at, mayfly_private.now())
  where k.tenant_id = of_tenant and k.id = key_id
  returning * into key;
  if key.id is null then
    perform mayfly_private.fail(404, 'enrolment_key_unknown', 'There is no such enrolment key.', null, '{"field": "id"}');
  end if;
  if stop_agents then
    update mayfly.agents a
    set status = 'stopped', stopped_at = mayfly_private.now(), stop_reason = 'enrolment key revoked'
    where a.tenant_id = of_tenant and a.spawned_by = key.id and a.status in ('running', 'suspended');
  end if;
  return to_jsonb(key);
end
$$;

-- The definer half of mayfly.spawn_agent. One transaction: scope, rate, quota, depth, insert, log.
-- Locks the tenant's row (see open_spawn).
--
-- A registration key stands for one agent of its spawner at a time. While that lives the answer is
-- the same agent, with its lifetime, a token and a renewal secret anew; the secrets before are void.

create function mayfly_private.spawn_agent(
  name text, type text, lifetime interval, capabilities text[], scopes text[], task text, metadata jsonb, registration_key text,
  renew boolean
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

  agent := mayfly_private.draft_agent(spawner, '{}', name, null, type, lifetime, capabilities, scopes, task, metadata, renew);
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

comment on function mayfly_private.spawn_agent is 'Spawns an agent in the tenant of the caller.';

grant execute on function mayfly_private.spawn_agent to authenticated, service_role;

-- Spawns an agent: called by the spawn function as whoever calls it (scope agent:spawn). A child
-- never is more than its parent. What is not given comes from its type, where that is defined, and
-- its name from a pool. It lives for its lifetime; with renew each new token gives it that lifetime again, up to
-- the maximum of its tenant and its type. Returns the agent, its type, the claims to sign and the renewal secret.

create function mayfly.spawn_agent(
  name text default null,
  type text default null,
  lifetime double precision default null,
  capabilities text[] default null,
  scopes text[] default null,
  task text default null,
  metadata jsonb default null,
  registration_key text default null,
  renew boolean default false
)
returns jsonb
language sql
set search_path = ''
return mayfly_private.spawn_agent(
  name, coalesce(type, 'agent'), make_interval(secs => lifetime), capabilities,
  scopes, task, coalesce(metadata, '{}'), registration_key, renew);

comment on function mayfly.spawn_agent is
  'Spawns an agent that lives for so many seconds (300). Returns { agent, type, claims, renewal_secret, existing }.';

grant execute on function mayfly.spawn_agent to authenticated, service_role;

-- The definer half of mayfly.spawn_team: all or none. Rate and quota are asked once, for all. Locks
-- the tenant's row (see open_spawn).

create or replace function mayfly_private.spawn_team(team jsonb)
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
      mayfly_private.texts_of(item -> 'scopes'), item ->> 'task', coalesce(nullif(item -> 'metadata', 'null'), '{}'),
      (item ->> 'renew')::boolean);
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

-- The definer half of mayfly.stop_agent. Descendants are dead by the definition of alive; their rows
-- are left to reap, so that nothing races. Locks the agent's row.

create or replace function mayfly_private.stop_agent(agent_id uuid, reason text)
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
    set status = 'stopped', stopped_at = mayfly_private.now(), stop_reason = reason
    where a.tenant_id = agent.tenant_id and a.id = agent.id
    returning * into agent;
  end if;
  return to_jsonb(agent);
end
$$;

-- The definer half of mayfly.suspend_agent. Descendants are suspended by the definition of alive;
-- their rows are not touched. Locks the agent's row.

create or replace function mayfly_private.suspend_agent(agent_id uuid, reason text)
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
    set status = 'suspended', suspended_at = mayfly_private.now(), suspend_reason = reason
    where a.tenant_id = agent.tenant_id and a.id = agent.id
    returning * into agent;
  end if;
  return to_jsonb(agent);
end
$$;

-- Takes from the tenant's token bucket: max(tokens) = spawns_per_minute, filled evenly. Called under
-- the lock on the tenant's row; what a refused spawn took comes back with its transaction.

create or replace function mayfly_private.take_spawns(tenant mayfly.tenants, wanted integer)
returns void
language plpgsql security definer
set search_path = ''
as $$
declare
  instant constant timestamptz := mayfly_private.now();
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

-- Tells agents that were stopped or suspended, and their descendants, which end or rest with them, in
-- their inboxes: their SDKs leave every channel at once. As owner: nobody else sends there. A hint, as
-- every broadcast: what ends an agent is its row. As many at once as the tenant may tell, the highest
-- first; the rest is due.

create or replace function mayfly_private.tell_agents()
returns trigger
language plpgsql security definer
set search_path = ''
as $$
declare
  ended record;
  said bigint;
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
      and (a.id = n.id or (a.status = 'running' and a.expires_at > (select mayfly_private.now())))
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
    ), broadcast as (
      insert into realtime.messages (payload, event, topic, private, extension)
      select t.payload, 'control', t.topic, true, 'broadcast' from told t where t.n <= t.allowed
    )
    select count(mayfly_private.notify(t.topic, 'control', t.payload)) into said from told t where t.n <= t.allowed;
  end loop;
  return null;
exception when others then
  -- As realtime.send has it: to stop an agent depends on no broadcast.
  raise warning 'Agents could not be told of their end: %', sqlerrm;
  return null;
end
$$;

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
  long_ago constant timestamptz := mayfly_private.now() - mayfly_private.kept();
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
  long_ago constant timestamptz := mayfly_private.now() - mayfly_private.kept();
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

grant execute on function mayfly_private.readable_kinds to authenticated;

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

-- Appends what happened to things of one tenant to the log, ids alone, and tells its readers. For rooms whose functions
-- say what happened; where every change of a row is an event, a trigger of its table does. Locks what nudge locks.

create function mayfly_private.append_events(tenant uuid, happened text, ids uuid[])
returns void
language plpgsql security definer
set search_path = ''
as $$
declare
  of_epoch constant integer := mayfly_private.current_epoch();
  claims constant jsonb := nullif(current_setting('request.jwt.claims', true), '');
  -- Without asking the tables: who writes under a lease has been asked. One of another tenant, which fired a schedule
  -- or took a lease in passing, is named to nobody.
  agent constant uuid := case when claims ->> 'iss' = 'mayfly' and claims -> 'mayfly' ->> 'tenant' = tenant::text
    then mayfly_private.to_uuid(claims ->> 'sub') end;
begin
  if cardinality(ids) > 0 then
    insert into mayfly.events (tenant_id, epoch, type, agent_id, subject)
    select tenant, of_epoch, happened, agent, i.id from unnest(ids) with ordinality as i (id, n) order by i.n;
    perform mayfly_private.nudge(tenant, null);
  end if;
end
$$;

comment on function mayfly_private.append_events is 'Appends what happened to things of one tenant to the log.';

-- The same for things of several tenants, each with its own tenant beside it.

create function mayfly_private.append_events_of(tenants uuid[], happened text, ids uuid[])
returns void
language plpgsql security definer
set search_path = ''
as $$
declare
  of_epoch constant integer := mayfly_private.current_epoch();
  claims constant jsonb := nullif(current_setting('request.jwt.claims', true), '');
  named constant text := case when claims ->> 'iss' = 'mayfly' then claims -> 'mayfly' ->> 'tenant' end;
begin
  insert into mayfly.events (tenant_id, epoch, type, agent_id, subject)
  select t.tenant_id, of_epoch, happened, case when t.tenant_id::text = named then mayfly_private.to_uuid(claims ->> 'sub') end, t.id
  from unnest(tenants, ids) with ordinality as t (tenant_id, id, n) order by t.n;
  perform mayfly_private.nudge_tenants(array(select distinct t from unnest(tenants) t order by t));
end
$$;

comment on function mayfly_private.append_events_of is 'Appends what happened to things of several tenants to the log.';

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

-- The epoch of the log: rises when the cluster is another one, or on another timeline, than before.
-- Called by the log's triggers and by sync. Locks nothing once the epoch's row is there.
--
-- Which cluster it is stands in a file that two functions read and check, 30 µs each. A session that writes ends where
-- that changes, so it reads the file once, and keeps in a setting of its own what it found.

create or replace function mayfly_private.current_epoch()
returns integer
language plpgsql security definer
set search_path = ''
as $$
declare
  found_epoch integer;
  cluster text := current_setting('mayfly.cluster', true);
begin
  if coalesce(cluster, '') = '' then
    select s.system_identifier || ' ' || c.timeline_id into cluster from pg_control_system() s, pg_control_checkpoint() c;
    perform set_config('mayfly.cluster', cluster, false);
  end if;

  select e.epoch into found_epoch from mayfly_private.epochs e
  where e.system_identifier = split_part(cluster, ' ', 1)::bigint and e.timeline = split_part(cluster, ' ', 2)::integer;
  if found then return found_epoch; end if;

  insert into mayfly_private.epochs (system_identifier, timeline)
  values (split_part(cluster, ' ', 1)::bigint, split_part(cluster, ' ', 2)::integer)
  on conflict do nothing;
  return (select e.epoch from mayfly_private.epochs e
    where e.system_identifier = split_part(cluster, ' ', 1)::bigint and e.timeline = split_part(cluster, ' ', 2)::integer);
end
$$;

-- Tells what is due, of every tenant or of one: a broadcast for each topic and event where somebody listens,
-- at most announce_rate of each tenant, those first that have waited longest. Says how many. A tenant with one due
-- row is told at once, whatever another has left. Each second by pg_cron or the embedded stack; in passing, for
-- one tenant, by listen where neither is there. One at a time: a second one leaves it to the first.
--
-- It looks at 20,000 rows at most, shared among the tenants, the oldest of each: beside 300,000 due rows of one
-- tenant a flush took 0.2 s, and 1.0 to 1.7 s when it looked at all. Of what it leaves, it merges each topic's rows.

create or replace function mayfly_private.flush_nudges(only_tenant uuid default null)
returns integer
language plpgsql security definer
set search_path = ''
as $$
declare
  rate constant integer := (select s.announce_rate from mayfly_private.settings s);
  told record;
  one uuid;
  more integer;
  said bigint;
  total integer := 0;
begin
  if not pg_try_advisory_xact_lock(hashtextextended('mayfly.flush_nudges', 0)) then
    return 0;
  end if;
  if only_tenant is null then
    update mayfly_private.flusher f set at = mayfly_private.now();
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
        select from mayfly_private.listeners l where l.tenant_id = d.tenant_id and l.topic = d.topic and l.until > (select mayfly_private.now()))
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

  update mayfly_private.nudges n set sent_at = (select mayfly_private.now())
  where (n.tenant_id, n.topic) in (
    select w.tenant_id, w.topic
    from mayfly_private.nudges w
    join unnest(told.tenants, told.topics, told.events) t (tenant_id, topic, event)
      on t.tenant_id = w.tenant_id and t.topic = w.topic and t.event = 'log_appended'
    for update of w skip locked);
  -- All at once; where that fails, each tenant by itself, so that one whose broadcast fails silences no other.
  foreach one in array array[null::uuid] || array(select distinct t from unnest(told.tenants) t) loop
    begin
      with broadcast as materialized (
        select p.payload, t.event, t.topic, t.n
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
      ), sent as (
        insert into realtime.messages (payload, event, topic, private, extension)
        select b.payload, b.event, b.topic, true, 'broadcast' from broadcast b order by b.n
      )
      select count(*), count(mayfly_private.notify(b.topic, b.event, b.payload)) into more, said from broadcast b;
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

-- Whether somebody tells what is due: pg_cron's job, or the embedded stack. Where nobody does, as in a
-- project without pg_cron, each transaction tells by itself. A time ahead is of a clock that was set back since.

create or replace function mayfly_private.is_flushed()
returns boolean
language plpgsql stable security definer
set search_path = ''
as $$
declare
  instant constant timestamptz := mayfly_private.now();
begin
  return (
    select f.at between instant - interval '5 seconds' and instant + interval '5 seconds' from mayfly_private.flusher f);
end
$$;

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
  lease_end constant timestamptz := mayfly_private.now() + interval '60 seconds';
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
    insert into mayfly_private.broadcast_losses as b (tenant_id, noticed, at) values (tenant, lost, (select mayfly_private.now()))
    on conflict (tenant_id) do update set noticed = b.noticed + excluded.noticed, at = excluded.at;
  end if;
  -- What nobody leases any more, last of all: of two calls that each hold what they deleted, one would
  -- insert what the other has deleted, and each wait for the other.
  if cardinality(topics) > 0 then
    delete from mayfly_private.listeners l where (l.tenant_id, l.topic) in (
      select o.tenant_id, o.topic from mayfly_private.listeners o
      where o.tenant_id = tenant and o.until < (select mayfly_private.now()) - interval '1 minute' and not o.topic = any (topics)
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

-- How many of `wanted` broadcasts a tenant may make by now, of the project's announce_rate a second; what is
-- more is due. Without it one tenant that messages itself would spend what Realtime allows the whole project.
-- Called by those who broadcast.
--
-- Counted in the tenant's shards of usage: locks one that nobody else holds until commit, as charge does
-- (mostly the same), and waits for none. Others' open transactions are not seen: so the further shards may
-- tell half, a quarter, … each, and all together at most twice the rate.

create or replace function mayfly_private.may_tell(tenant uuid, wanted integer)
returns integer
language plpgsql security definer
set search_path = ''
as $$
declare
  this_second constant timestamptz := date_trunc('second', mayfly_private.now());
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

create or replace function mayfly_private.nudge(tenant uuid, audience uuid)
returns void
language plpgsql security definer
set search_path = ''
as $$
declare
  instant constant timestamptz := mayfly_private.now();
  about constant text := case
    when audience is null then format('tenant:%s:log', tenant)
    else format('tenant:%s:agent:%s', tenant, audience)
  end;
  sent constant text := coalesce(current_setting('mayfly.nudged', true), '');
  flushed boolean;
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
    select from mayfly_private.listeners l where l.tenant_id = tenant and l.topic = about and l.until > instant);
  if not listened then
    -- As is_flushed asks, in the same statement: this is what nearly every write comes to.
    insert into mayfly_private.nudges_due (tenant_id, topic, event)
    select tenant, about, 'log_appended' from mayfly_private.flusher f
    where f.at between instant - interval '5 seconds' and instant + interval '5 seconds';
    return;
  end if;
  flushed := mayfly_private.is_flushed();
  if flushed then
    -- Waits for nobody: a row that another transaction holds is as good as one that was told just now.
    update mayfly_private.nudges n set sent_at = instant
    where (n.tenant_id, n.topic) in (
      select w.tenant_id, w.topic from mayfly_private.nudges w
      where w.tenant_id = tenant and w.topic = about and w.sent_at not between instant - interval '1 second' and instant
      for update skip locked);
    listened := found and mayfly_private.may_tell(tenant, 1) > 0;
  end if;
  if listened then
    perform realtime.send('{}'::jsonb, 'log_appended', about, true);
    perform mayfly_private.notify(about, 'log_appended', '{}');
  elsif flushed then
    insert into mayfly_private.nudges_due (tenant_id, topic, event) values (tenant, about, 'log_appended');
  end if;
end
$$;

-- The same for the logs of several tenants: one statement for those where nobody listens, which are most.

create function mayfly_private.nudge_tenants(tenants uuid[])
returns void
language plpgsql security definer
set search_path = ''
as $$
declare
  instant constant timestamptz := mayfly_private.now();
  listened uuid[] := tenants;
  tenant uuid;
begin
  if mayfly_private.is_flushed() then
    listened := array(
      select t from unnest(tenants) t where exists (
        select from mayfly_private.listeners l where l.tenant_id = t and l.topic = format('tenant:%s:log', t) and l.until > instant));
    insert into mayfly_private.nudges_due (tenant_id, topic, event)
    select t, format('tenant:%s:log', t), 'log_appended' from unnest(tenants) t where t <> all (listened);
  end if;
  foreach tenant in array listened loop
    perform mayfly_private.nudge(tenant, null);
  end loop;
end
$$;

comment on function mayfly_private.nudge_tenants is 'Tells that the logs of several tenants have something new.';

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
  long_ago constant timestamptz := mayfly_private.now() - mayfly_private.kept();
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

-- Those that maintenance has not come to yet: while a tenant has any, recall also asks for words as they were written then.
create index memories_old_words_idx on mayfly.memories (tenant_id) where words_version = 0;

-- For what was remembered before and after a memory: see mayfly_private.neighbours_of.
create index memories_thread_idx on mayfly.memories (tenant_id, coalesce(conversation_id, session_id), created_at, id)
  where coalesce(conversation_id, session_id) is not null;

-- A key is the tenant's, or of a private memory its agent's: a key that is taken tells nobody what others keep to themselves.
create unique index memories_key_idx on mayfly.memories (tenant_id,
  (case visibility when 'agent' then coalesce(agent_id, '00000000-0000-0000-0000-000000000000') else tenant_id end), key)
  where key is not null;

create unique index memories_content_idx on mayfly.memories (tenant_id, content_hash) where content_hash is not null;

-- The planner's statistics are everybody's: none of what a tenant writes (tests/invariants/estimates.test.ts).
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
  alter column words set statistics 0,
  alter column key set statistics 0,
  alter column content_hash set statistics 0;

comment on column mayfly.memories.words_version is
  'Which version of mayfly_private.words wrote its words; 0 is that of 0.1.0.';

comment on column mayfly.memories.key is 'The caller''s own name of it: a put with the same key changes it.';

comment on column mayfly.memories.content_hash is
  'What identical content would have in common with it: a put that says "once" is stored once.';

-- An expression has statistics of its own.
alter index mayfly.memories_labels_idx alter column 2 set statistics 0;

alter index mayfly.memories_thread_idx alter column 2 set statistics 0;

alter index mayfly.memories_key_idx alter column 2 set statistics 0;

-- Ids under which a memory was put that the tenant had already, by its content or its key: they go on naming it, so that whoever
-- keeps one reads, updates and forgets what it meant.

create table mayfly.memory_aliases (
  tenant_id uuid not null,
  id uuid not null,
  memory_id uuid not null,
  constraint memory_aliases_pkey primary key (tenant_id, id),
  constraint memory_aliases_memory_fkey foreign key (tenant_id, memory_id)
    references mayfly.memories (tenant_id, id) on delete cascade
);

create index memory_aliases_memory_idx on mayfly.memory_aliases (tenant_id, memory_id);

-- The planner's statistics are everybody's: none of what a tenant writes (tests/invariants/estimates.test.ts).
alter table mayfly.memory_aliases
  alter column id set statistics 0,
  alter column memory_id set statistics 0;

comment on table mayfly.memory_aliases is 'Other ids of memories: put under them, and stored once.';

comment on column mayfly.memory_aliases.id is 'The id under which it was put.';

comment on column mayfly.memory_aliases.memory_id is 'The memory that has its content or its key.';

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

-- What the rows of this room's tables are charged, in bytes. As its meters count them.

insert into mayfly_private.charges (relation, bytes) values
  ('mayfly.memories', '512 + octet_length(r.task) + octet_length(r.input) + octet_length(r.output) + octet_length(r.critique)
    + pg_column_size(r.tags || ''{}'') + pg_column_size(r.metadata || ''{}'') + pg_column_size(r.hlc || ''{}'')
    + coalesce(octet_length(r.key), 0)'),
  ('mayfly.memory_vectors', '800'),
  ('mayfly.memory_conflicts', 'mayfly_private.conflict_bytes(r.base, r.wanted)')
on conflict (relation) do update set bytes = excluded.bytes;

insert into mayfly_private.charges (relation, flat, written) values ('mayfly.memory_aliases', 200, '{}')
on conflict (relation) do update set flat = excluded.flat, written = excluded.written;

insert into mayfly_private.charges (relation, bounded_by) values
  ('mayfly_private.embedding_queue', 'one row a memory'),
  ('mayfly_private.settlements', 'one row a model'),
  ('mayfly_private.word_frequencies', 'about 2,300 words of a sample'),
  ('mayfly_private.word_samples', 'one row a tenant')
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
  instant constant timestamptz := mayfly_private.now();
  long_ago constant timestamptz := instant - mayfly_private.kept();
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
      and (m.expires_at <= instant or exists (
        select from mayfly.tenants t,
          jsonb_to_recordset(t.retention) as rule (older_than double precision, kind text, below_reward real)
        where t.id = tenant and m.created_at < instant - make_interval(secs => rule.older_than)
          and (rule.kind is null or rule.kind = m.kind)
          and (rule.below_reward is null or m.reward < rule.below_reward)))
    order by m.id
    for update skip locked
  ), forgotten as (
    update mayfly.memories m
    set deleted_at = instant, updated_at = instant, version = m.version + 1,
      task = '', input = '', output = '', critique = '', tags = '{}', metadata = '{}', hlc = '{}', key = null, content_hash = null
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
    set counted_at = instant, vectors = greatest(1, (
      select count(*) from mayfly.memory_vectors v where v.tenant_id = tenant and v.model = s.model and v.settled))
    where s.tenant_id = tenant and s.counted_at < instant - interval '1 hour';
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
  instant constant timestamptz := mayfly_private.now();
  stored constant bigint := (select coalesce(sum(u.memories), 0) from mayfly_private.tenant_usage u where u.tenant_id = tenant);
  last mayfly_private.word_samples;
  chosen uuid[];
  readable uuid[];
begin
  select * into last from mayfly_private.word_samples s where s.tenant_id = tenant;
  if found and abs(stored - last.stored) <= last.stored / 5
      and (stored = last.stored or last.at > instant - interval '1 day') then
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
    and (m.expires_at is null or m.expires_at > instant);

  insert into mayfly_private.word_samples as s (tenant_id, memories, sampled, stored, at)
  values (tenant, stored * coalesce(cardinality(readable), 0) / cardinality(chosen), coalesce(cardinality(readable), 0), stored, instant)
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
  ('words', 'mayfly_private.sample_words(uuid, integer)')
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
      select coalesce(jsonb_agg(to_jsonb(m) - '{words,words_version,content_hash}'::text[] order by m.id), '[]')
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
--   memory.put     subject: the id of the memory; body: its fields, and embedding and model; with a key, it changes the memory
--                  that has that key; with "once", it is not stored where the tenant has its content. Then the result says
--                  which memory is `kept`, and the subject stays another name of it (mayfly.memory_aliases)
--   memory.update  body: { set, base, resolve, hlc, settles, embedding, model }
--   memory.delete  no body

create function mayfly_private.apply_memories(tenant uuid, push jsonb, claimed uuid[])
returns integer
language plpgsql
set search_path = ''
as $$
declare
  instant constant timestamptz := mayfly_private.now();
  caller_id constant uuid := mayfly_private.caller_id();
  by_agent constant boolean := nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'iss' = 'mayfly';
  language constant text := mayfly_private.hold_tenant(tenant);
  embeddings constant extensions.halfvec[] := mayfly_private.check_push(push);
  given record;
  unknown uuid[];
  written uuid[];
  changed integer := 0;
  targets uuid[];
  fresh record;
  sees_copies boolean := false;
  work jsonb := push;
  rounds integer;
  part jsonb;
begin
  select count(*) filter (where o.op ->> 'type' in ('memory.update', 'memory.delete')) as changes,
    bool_or(o.op -> 'body' ->> 'key' is not null and (o.op ->> 'id')::uuid = any (claimed)) as keyed,
    bool_or(o.op -> 'body' ->> 'once' = 'true') as once,
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
  if given.keyed then
    work := mayfly_private.match_keys(tenant, work, claimed, case when by_agent then caller_id end);
  end if;
  if given.changes > 0 then
    work := mayfly_private.follow_aliases(tenant, work);
  end if;
  if given.once then
    -- Who may not read does not learn what there is.
    sees_copies := tenant = any (mayfly_private.tenant_ids('memory:read'));
  end if;

  select count(*) as puts, array_agg((op ->> 'subject')::uuid) filter (where jsonb_typeof(op #> '{body,embedding}') is distinct from 'array') as bare
  into fresh
  from jsonb_array_elements(work) op
  where op ->> 'type' = 'memory.put' and (op ->> 'id')::uuid = any (claimed);

  with puts as (
    select (op ->> 'subject')::uuid as id, memory.*, case when sees_copies and memory.once and memory.key is null
        and (memory.visibility is distinct from 'agent' or coalesce(memory.agent_id, caller_id) = caller_id and by_agent)
      then mayfly_private.content_hash(memory.kind, memory.task, memory.input, memory.output, memory.critique, memory.reward,
        memory.success, memory.importance, memory.tags, memory.metadata, memory.tokens, memory.latency_ms, memory.expires_at,
        memory.conversation_id, case memory.visibility when 'agent' then caller_id end) end as content_hash
    from jsonb_array_elements(work) op,
      jsonb_to_record(op -> 'body') as memory (
        agent_id uuid, session_id uuid, conversation_id uuid, kind text, task text, input text,
        output text, critique text, reward numeric, success boolean, importance numeric, tags text[],
        metadata jsonb, tokens numeric, latency_ms numeric, visibility text, created_at timestamptz, expires_at timestamptz,
        key text, once boolean, hlc text)
    where op ->> 'type' = 'memory.put' and (op ->> 'id')::uuid = any (claimed)
  ), inserted as (
    insert into mayfly.memories (
      tenant_id, id, agent_id, pushed_by, session_id, conversation_id, kind, task, input, output, critique,
      reward, success, importance, tags, metadata, tokens, latency_ms, visibility, language, created_at, updated_at, expires_at,
      words, words_version, key, content_hash, hlc)
    select tenant, p.id, coalesce(p.agent_id, case when by_agent then caller_id end), caller_id,
      p.session_id, p.conversation_id, coalesce(p.kind, 'episode'), coalesce(p.task, ''), coalesce(p.input, ''),
      coalesce(p.output, ''), coalesce(p.critique, ''), round(p.reward, 6)::real, p.success, coalesce(p.importance, 5),
      coalesce(p.tags, '{}'), case when jsonb_typeof(p.metadata) = 'object' then p.metadata else '{}' end, p.tokens, p.latency_ms, coalesce(p.visibility, 'tenant'),
      language, least(coalesce(p.created_at, instant), instant), instant, p.expires_at,
      mayfly_private.words(language, coalesce(p.task, ''), coalesce(p.tags, '{}'), coalesce(p.input, ''), coalesce(p.output, ''),
        coalesce(p.critique, '')), mayfly_private.words_version(), p.key, p.content_hash,
      -- Of two who bring a key, whoever said it later counts, whoever came first.
      case when p.key is null then '{}' else mayfly_private.put_clocks(p.hlc) end
    from puts p
    -- By their content: of two pushes that bring the same, one waits for the other, and never each for the other.
    order by p.content_hash, p.id
    on conflict do nothing
    returning id
  )
  select coalesce(array_agg(i.id), '{}') into written from inserted i;

  if cardinality(written) < fresh.puts then
    work := mayfly_private.find_copies(tenant, work, claimed, written, case when by_agent then caller_id end);
    fresh.bare := array(select unnest(fresh.bare) intersect select unnest(written));
  end if;

  if embeddings is not null then
    insert into mayfly.memory_vectors (tenant_id, model, memory_id, embedding)
    select tenant, o.op #>> '{body,model}', (o.op ->> 'subject')::uuid, o.embedding
    from rows from (jsonb_array_elements(work), unnest(embeddings)) as o (op, embedding)
    where o.op ->> 'type' = 'memory.put' and o.embedding is not null and (o.op ->> 'id')::uuid = any (claimed);
  end if;

  if cardinality(fresh.bare) > 0 then
    perform mayfly_private.enqueue_embeddings(tenant, fresh.bare);
  end if;

  if given.changes > 0 or given.keyed then
    targets := mayfly_private.lock_memories(tenant, array(
      select (op ->> 'subject')::uuid from jsonb_array_elements(work) op
      where op ->> 'type' in ('memory.update', 'memory.delete') and (op ->> 'id')::uuid = any (claimed)));
    -- What is said of one memory by several names, or by its key, is done one after the other.
    rounds := (select max(c.count) from (
      select count(*) from jsonb_array_elements(work) op where op ->> 'type' in ('memory.update', 'memory.delete') group by op ->> 'subject') c);
    for turn in 1 .. coalesce(rounds, 0) loop
      part := case when rounds = 1 then work else (
        select jsonb_agg(case when o.nth = turn and o.is_change then o.op else '{}' end order by o.n)
        from (
          select e.op, e.n, e.is_change, row_number() over (partition by e.is_change, e.op ->> 'subject' order by e.n) as nth
          from (
            select w.op, w.n, coalesce(w.op ->> 'type' in ('memory.update', 'memory.delete'), false) as is_change
            from jsonb_array_elements(work) with ordinality as w (op, n)) e) o) end;
      if part @? '$[*] ? (@.type == "memory.update")' then
        changed := changed + mayfly_private.apply_updates(tenant, part, claimed, targets, caller_id);
      end if;
      if part @? '$[*] ? (@.type == "memory.delete")' then
        changed := changed + mayfly_private.apply_deletes(tenant, part, claimed, targets);
      end if;
    end loop;
  end if;
  if work <> push then
    perform mayfly_private.keep_names(tenant, push, work, claimed);
  end if;
  return cardinality(written) + changed;
end
$$;

comment on function mayfly_private.apply_memories is 'Applies the memory operations of a push.';

-- The operations of this room.

insert into mayfly_private.operation_types (type, scope, work) values
  ('memory.put', 'memory:write', 'mayfly_private.apply_memories(uuid, jsonb, uuid[])'),
  ('memory.update', 'memory:write', 'mayfly_private.apply_memories(uuid, jsonb, uuid[])'),
  ('memory.delete', 'memory:write', 'mayfly_private.apply_memories(uuid, jsonb, uuid[])')
on conflict (type) do update set scope = excluded.scope, work = excluded.work;

alter table mayfly.memory_aliases enable row level security;

grant select on mayfly.memory_aliases to authenticated, service_role;

create policy memory_aliases_select on mayfly.memory_aliases for select to authenticated
  using (tenant_id = any ((select mayfly.tenant_ids('memory:read'))::uuid[])
    and exists (select from mayfly.memories m
      where m.tenant_id = memory_aliases.tenant_id and m.id = memory_aliases.memory_id));

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
  instant constant timestamptz := mayfly_private.now();
  gone integer;
begin
  with deletes as (
    select (op ->> 'id')::uuid as op, (op ->> 'subject')::uuid as memory
    from jsonb_array_elements(push) op
    where op ->> 'type' = 'memory.delete' and (op ->> 'id')::uuid = any (claimed)
  ), forgotten as (
    update mayfly.memories m
    set deleted_at = instant, updated_at = instant, version = m.version + 1,
      task = '', input = '', output = '', critique = '', tags = '{}', metadata = '{}', hlc = '{}', key = null, content_hash = null
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
  instant constant timestamptz := mayfly_private.now();
  outcomes jsonb;
  fault record;
  bare uuid[];
  written integer;
begin
  select coalesce(jsonb_agg(to_jsonb(s) || mayfly_private.settle(to_jsonb(m) - '{words,words_version,key,content_hash}'::text[], s.change)), '[]') into outcomes
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
        'may be narrowed by its agent, the ancestors of that and admins alone'),
      ('body.set.visibility', m.key is null or s.set ->> 'visibility' is null or not exists (
          select from mayfly.memories k
          where k.tenant_id = tenant and k.key = m.key and k.id <> m.id
            and case k.visibility when 'agent' then coalesce(k.agent_id, '00000000-0000-0000-0000-000000000000') else k.tenant_id end
              = case s.set ->> 'visibility' when 'agent' then coalesce(m.agent_id, '00000000-0000-0000-0000-000000000000') else tenant end),
        'would make two memories of one key')
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
  set version = m.version + (s.set <> '{}')::integer, updated_at = case when s.set <> '{}' then instant else m.updated_at end, hlc = s.hlc,
    session_id = n.session_id, conversation_id = n.conversation_id, kind = n.kind, task = n.task, input = n.input,
    output = n.output, critique = n.critique, reward = n.reward, success = n.success, importance = n.importance,
    tags = n.tags, metadata = n.metadata, tokens = n.tokens, latency_ms = n.latency_ms, visibility = n.visibility,
    expires_at = n.expires_at, content_hash = case when s.set = '{}' then m.content_hash end
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
      latency_ms jsonb, visibility jsonb, created_at text, expires_at text, key jsonb, once jsonb, hlc text)
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
    and (m.key is null or (jsonb_typeof(m.key) = 'string' and char_length(m.key #>> '{}') between 1 and 200))
    and (m.once is null or m.once in ('true', 'false'))
    and (m.hlc is null or (m.hlc ~ '^\d{13}-[0-9a-f]{4}-[0-9A-Za-z_-]{1,36}$' and left(m.hlc, 13)::bigint <= now_ms + 60000))
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
    where o.op ->> 'type' in ('memory.put', 'memory.update') and split_part(o.op #>> '{body,hlc}', '-', 1)::bigint > now_ms + 60000
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

-- Refuses a question that mayfly.recall cannot take, by its field. Locks nothing.

create function mayfly_private.check_recall(
  query text, embedding real[], model text, result_limit integer, similar_to uuid, surrounding integer
)
returns void
language plpgsql immutable
set search_path = ''
as $$
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
end
$$;

comment on function mayfly_private.check_recall is 'Refuses a question that a recall cannot take.';

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

-- The embedding queue, for the project alone (the secret key, which names the tenant): a worker of any
-- kind claims, embeds, completes. The sync function is one, after each answer that left something to
-- embed and at POST /sync/drain; with pg_cron and pg_net, each tenant that waits is drained each minute.
-- A claim locks what it takes (skip locked) for its own short transaction; nothing waits for a worker.

create or replace function mayfly_private.claim_embeddings(model text, max_rows integer, lease_seconds integer)
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
    where d.tenant_id = tenant and d.dead_at is null and d.due_at <= (select mayfly_private.now())
      and (m.id is null or m.deleted_at is not null or exists (
        select from mayfly.memory_vectors v
        where v.tenant_id = tenant and v.model = claim_embeddings.model and v.memory_id = d.memory_id))
    order by d.due_at limit 1000
    for update of d skip locked);
  -- A worker that died with its lease has tried, too.
  update mayfly_private.embedding_queue q
  set dead_at = (select mayfly_private.now()), error = coalesce(q.error, 'no worker completed it'), lease = null
  where q.tenant_id = tenant and q.dead_at is null and q.attempts >= 5 and q.due_at <= (select mayfly_private.now());

  with due as (
    select q.memory_id from mayfly_private.embedding_queue q
    where q.tenant_id = tenant and q.dead_at is null and q.due_at <= (select mayfly_private.now())
    order by q.due_at limit max_rows
    for update skip locked
  ), claimed as (
    update mayfly_private.embedding_queue q
    set attempts = q.attempts + 1, lease = gen_random_uuid(), due_at = (select mayfly_private.now()) + make_interval(secs => lease_seconds)
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

-- The definer half of mayfly.complete_embeddings: the queue is nobody's to write. Locks what it completes.

create or replace function mayfly_private.complete_embeddings(model text, results jsonb)
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
    due_at = (select mayfly_private.now()) + interval '30 seconds' * 4 ^ (q.attempts - 1),
    dead_at = case when q.attempts >= 5 then (select mayfly_private.now()) end
  from jsonb_array_elements(results) r
  where q.tenant_id = tenant and q.memory_id = (r ->> 'memory')::uuid and q.lease = (r ->> 'lease')::uuid
    and jsonb_typeof(r -> 'error') = 'string';
  get diagnostics failed = row_count;
  return jsonb_build_object('stored', stored, 'failed', failed, 'waiting', (
    select count(*) from (select from mayfly_private.embedding_queue q
      where q.tenant_id = tenant and q.dead_at is null and q.due_at <= (select mayfly_private.now()) limit 1000) w));
end
$$;

-- What two memories with identical content have in common: of all fields but its id, its session, the time, and, unless it
-- is private, its agent. Null of a turn of a conversation: what is said twice there are two turns. 5 µs a KB. Called by
-- apply_memories. Locks nothing.

create function mayfly_private.content_hash(
  kind text, task text, input text, output text, critique text, reward numeric, success boolean, importance numeric,
  tags text[], metadata jsonb, tokens numeric, latency_ms numeric, expires_at timestamptz, conversation uuid, private_to uuid
)
returns uuid
language plpgsql immutable parallel safe
set search_path = ''
as $$
begin
  if conversation is not null then
    return null;
  end if;
  return encode(substr(sha256(convert_to(jsonb_build_array(
    coalesce(kind, 'episode'), coalesce(task, ''), coalesce(input, ''), coalesce(output, ''), coalesce(critique, ''),
    round(reward, 6), success, coalesce(importance, 5), coalesce(tags, '{}'),
    case when jsonb_typeof(metadata) = 'object' then metadata else '{}' end, tokens, latency_ms,
    extract(epoch from expires_at), private_to)::text, 'UTF8')), 1, 16), 'hex')::uuid;
end
$$;

comment on function mayfly_private.content_hash is 'What memories with identical content have in common.';

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

-- Which of some memories say the same as one before them: the same words, or nearly (nine tenths of the different words of
-- both, in texts that begin or end alike). Gives for each the place of the first that says it, its own where none does.
-- Called by mayfly_private.recall, in the order of the answer. Locks nothing.
--
-- Beginnings and ends choose what is compared, among the first 100 that are not wholly the same: comparing all pairs of 30
-- memories would take 4 ms.

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
    select o.n, m.id, m.kind, lower(left(t.text, 40)) as beginning, lower(right(t.text, 40)) as ending, octet_length(t.text) as bytes
    from unnest(memories) with ordinality as o (id, n)
    join mayfly.memories m on m.tenant_id = tenant and m.id = o.id
    cross join lateral (select m.task || m.input || m.output as text offset 0) t
  ), hashed as materialized (
    -- What looks alike in all of these is read as a whole.
    select l.*, case when count(*) over (partition by l.kind, l.bytes, l.beginning, l.ending) > 1 then (
        select md5(m.kind || m.task || m.input || m.output) from mayfly.memories m where m.tenant_id = tenant and m.id = l.id)
      else l.n::text end as hash
    from looked_at l
  ), different as materialized (
    select d.*, row_number() over (order by d.n) as place
    from (select distinct on (h.hash) h.* from hashed h order by h.hash, h.n) d
  ), near as (
    select b.hash, min(a.n) as n
    from different b
    join different a on a.n < b.n and a.kind = b.kind and (a.beginning = b.beginning or a.ending = b.ending)
      and a.bytes between b.bytes * 0.8 and b.bytes * 1.25
    cross join lateral (
      select length(x.words) + length(y.words) as each, length(x.words || y.words) as either from mayfly.memories x, mayfly.memories y
      where x.tenant_id = tenant and x.id = a.id and y.tenant_id = tenant and y.id = b.id offset 0) w
    where b.place <= 100 and w.each - w.either >= 0.9 * w.either
    group by b.hash
  )
  select array_agg(coalesce(near.n, d.n)::integer order by l.n) into first
  from hashed l
  join different d on d.hash = l.hash
  left join near on near.hash = d.hash;
  -- What is like one that is like another goes with that one.
  for place in 1 .. coalesce(cardinality(first), 0) loop
    first[place] := first[first[place]];
  end loop;
  return first;
end
$$;

comment on function mayfly_private.duplicates_among is 'Which of some memories say the same as one before them.';

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

-- Queues memories of a tenant for a vector, from the beginning: what was claimed of them before is of words
-- that are gone. Called by pushes, for memories that they have just written.

create or replace function mayfly_private.enqueue_embeddings(tenant uuid, memories uuid[])
returns void
language plpgsql
set search_path = ''
as $$
begin
  insert into mayfly_private.embedding_queue as q (tenant_id, memory_id)
  select tenant, memory from unnest(memories) memory
  order by memory
  on conflict on constraint embedding_queue_pkey do update
  set attempts = 0, due_at = (select mayfly_private.now()), lease = null, error = null, dead_at = null;
end
$$;

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
  instant constant timestamptz := mayfly_private.now();
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
      and (m.expires_at is null or m.expires_at > instant)
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
        and (m.expires_at is null or m.expires_at > instant)
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
--   fit    = sum of rarity * rank ^ 2 / (0.36957 * sum of rarity of all asked words), at most 1: the same for every question
--
-- The square makes of ts_rank's flat frequency about what BM25 with k1 = 2 has; the logarithm keeps stubs and long texts
-- from winning. By words alone nDCG@10 on Cranfield is 0.526, BM25's 0.520, plain ts_rank's 0.470 (npm run bench -- quality).
-- A quoted phrase counts as a word of the task.
--
-- In a large tenant common words choose no candidates: only as many of the rarest as are expected to bring a twentieth of the
-- memories, or 500. All words rank. 100,000 memories take 18 ms so, and 60 to 76 otherwise; of the best ten, 9.4 are the same.
-- Where the filters leave fewer than are wanted, all words are asked for.
--
-- A word of the question that no memory has is taken for a typo: memories whose task or tags have one like it (pg_trgm's
-- word_similarity, at least 0.5) count as having it, by half of that likeness. Called by mayfly_private.recall.
-- Locks nothing.

create function mayfly_private.find_by_words(
  tenant uuid, question text, depth integer, wanted integer, explain boolean, kinds text[], having_tags text[], agent uuid, min_reward real, since timestamptz,
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
  instant constant timestamptz := mayfly_private.now();
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
        where m.tenant_id = tenant and m.deleted_at is null and (m.expires_at is null or m.expires_at > instant)
          and (m.visibility = 'tenant' or m.agent_id = any ((select mayfly_private.own_agent_ids())::uuid[])
            or (select tenant = any (mayfly_private.tenant_ids('memory:admin'))))
        limit 5000) visible);
    most := 5000;
  else
    -- As of all of its memories.
    counts := array(select c * greatest(known, 1) / greatest(sampled, 1) from unnest(counts) c);
    most := greatest(500, known / 20);
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
        -- Unpacked once, not once a word.
        select m.id, case when pg_column_compression(m.words) is null then m.words else m.words || ''::tsvector end as words
        from mayfly.memories m
        where m.tenant_id = tenant and m.words @@ picked and m.deleted_at is null
          and (m.visibility = 'tenant' or m.agent_id = any ((select mayfly_private.own_agent_ids())::uuid[])
            or (select tenant = any (mayfly_private.tenant_ids('memory:admin'))))
          and (m.expires_at is null or m.expires_at > instant)
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
          + case when c.has_phrase then 0.36957 * w.of_phrase else 0 end as sum
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
  fits := array(select least(1, f / (0.36957 * greatest(of_all, 1e-9))) from unnest(fits) f);
  if explain then
    report := jsonb_build_object('memories', known, 'counted_in', sampled,
    'words', (
      select jsonb_agg(jsonb_build_object('word', words[k], 'rarity', round(rarities[k]::numeric, 3),
        'memories', coalesce(round(counts[k]::numeric, 1), found_in[k]), 'chooses', k <= picked_of) order by k)
      from generate_subscripts(words, 1) k));
  end if;
end
$$;

comment on function mayfly_private.find_by_words is
  'The memories that fit the words of a question best.';

-- Of a push whose puts were not all stored, the rest as what it is: { id, kept } of one whose content the tenant has. One whose
-- id the tenant has is refused. Called by apply_memories. Locks nothing.

create function mayfly_private.find_copies(tenant uuid, push jsonb, claimed uuid[], written uuid[], by_agent uuid)
returns jsonb
language plpgsql stable
set search_path = ''
as $$
declare
  copies jsonb;
begin
  copies := (
    select jsonb_object_agg(o.op ->> 'id', (
      select m.id from mayfly.memories m
      where m.tenant_id = tenant and o.op -> 'body' ->> 'once' = 'true'
        and not exists (select from mayfly.memories same where same.tenant_id = tenant and same.id = (o.op ->> 'subject')::uuid)
        and m.content_hash = mayfly_private.content_hash(p.kind, p.task, p.input, p.output, p.critique, p.reward, p.success, p.importance,
          p.tags, p.metadata, p.tokens, p.latency_ms, p.expires_at, p.conversation_id, case p.visibility when 'agent' then by_agent end)))
    from jsonb_array_elements(push) o (op),
      jsonb_to_record(o.op -> 'body') as p (
        conversation_id uuid, kind text, task text, input text, output text, critique text, reward numeric, success boolean,
        importance numeric, tags text[], metadata jsonb, tokens numeric, latency_ms numeric, visibility text, expires_at timestamptz)
    where o.op ->> 'type' = 'memory.put' and (o.op ->> 'id')::uuid = any (claimed) and (o.op ->> 'subject')::uuid <> all (written));
  if copies is null or copies @? '$.* ? (@ == null)' then
    perform mayfly_private.fail(409, 'memory_exists', 'Another operation has put a memory of one of these ids before.',
      'Nothing of this push was applied. Give each memory an id of its own (UUIDv7).',
      jsonb_build_object('field', mayfly_private.given_field(push -> 0, 'subject')));
  end if;
  return (
    select jsonb_agg(case when copies ? (o.op ->> 'id')
      then jsonb_build_object('id', o.op -> 'id', 'kept', copies -> (o.op ->> 'id')) else o.op end order by o.n)
    from jsonb_array_elements(push) with ordinality as o (op, n));
end
$$;

comment on function mayfly_private.find_copies is 'Finds the memories that have the content of puts which were not stored.';

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
  instant constant timestamptz := mayfly_private.now();
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
      sum(0.18478 * rarest * extensions.word_similarity(a.word, mayfly_private.labels(m.task, m.tags))) as sum, ln(length(m.words) + 24) as damping
    from asked a
    join mayfly.memories m on mayfly_private.labels(m.task, m.tags) operator(extensions.%>) a.word
    where m.tenant_id = tenant and m.deleted_at is null
      and (m.visibility = 'tenant' or m.agent_id = any ((select mayfly_private.own_agent_ids())::uuid[])
        or (select tenant = any (mayfly_private.tenant_ids('memory:admin'))))
      and (m.expires_at is null or m.expires_at > instant)
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

-- How many of some memories of a tenant, in their order, fit into a page of so many bytes as JSON, its escapes
-- included, which make six of a byte; one at least. Reads and writes out every one, so mayfly_private.pull asks
-- it only of a page that might become too large. Locks nothing.

create or replace function mayfly_private.fitting_memories(tenant uuid, memories uuid[], max_bytes bigint)
returns integer
language plpgsql stable
set search_path = ''
as $$
begin
  return (
    -- One also where they have all just been forgotten: a page goes on behind its last.
    select greatest(1, count(*))
    from (
      select w.n, sum(900 + octet_length(to_json(m.task)::text) + octet_length(to_json(m.input)::text)
        + octet_length(to_json(m.output)::text) + octet_length(to_json(m.critique)::text) + octet_length(to_json(m.tags)::text)
        + octet_length(m.metadata::text) + octet_length(to_json(m.language)::text) + octet_length(m.hlc::text)) over (order by w.n) as bytes
      from unnest(memories) with ordinality as w (id, n)
      join mayfly.memories m on m.tenant_id = tenant and m.id = w.id
    ) sized
    where sized.n = 1 or sized.bytes <= max_bytes);
end
$$;

-- Of a push, the updates and deletes with the memories that they are about: one that names an id under which nothing was
-- stored, since the tenant had its content or its key, is about the memory that has it. Called by apply_memories. Locks nothing.

create function mayfly_private.follow_aliases(tenant uuid, push jsonb)
returns jsonb
language plpgsql stable
set search_path = ''
as $$
begin
  return (
    select jsonb_agg(case when a.memory_id is null then o.op else o.op || jsonb_build_object('subject', a.memory_id) end order by o.n)
    from jsonb_array_elements(push) with ordinality as o (op, n)
    left join mayfly.memory_aliases a on o.op ->> 'type' in ('memory.update', 'memory.delete')
      and a.tenant_id = tenant and a.id = (o.op ->> 'subject')::uuid
      and not exists (select from mayfly.memories m where m.tenant_id = tenant and m.id = a.id));
end
$$;

comment on function mayfly_private.follow_aliases is 'Names the memories that updates and deletes are about.';

-- Says in the results of a push which memory is kept where a put was not stored under its own id, and keeps that id as
-- another name of it. Called by apply_memories, with the push as it came and as it was done. Locks nothing else.

create function mayfly_private.keep_names(tenant uuid, push jsonb, done jsonb, claimed uuid[])
returns void
language plpgsql
set search_path = ''
as $$
begin
  with kept as (
    select (r.put ->> 'id')::uuid as op, (r.put ->> 'subject')::uuid as name, coalesce(r.did ->> 'kept', r.did ->> 'subject')::uuid as memory,
      r.did ? 'kept' as is_copy, r.did ->> 'type' is distinct from 'memory.put' as is_named
    from rows from (jsonb_array_elements(push), jsonb_array_elements(done)) as r (put, did)
    where r.put ->> 'type' = 'memory.put' and r.put <> r.did and (r.put ->> 'id')::uuid = any (claimed)
  ), names as (
    insert into mayfly.memory_aliases (tenant_id, id, memory_id)
    select tenant, k.name, k.memory from kept k where k.is_named and k.name <> k.memory
    order by k.name
    on conflict (tenant_id, id) do update set memory_id = excluded.memory_id
  )
  update mayfly_private.ops o
  set result = o.result || jsonb_build_object('kept', k.memory) || case when k.is_copy then '{"status": "duplicate"}'::jsonb else '{}' end
  from kept k
  where o.tenant_id = tenant and o.id = k.op;
end
$$;

comment on function mayfly_private.keep_names is 'Keeps the ids of puts that were not stored as names of the memories that were.';

-- Of a push, the puts with a key as what they do: one whose key the tenant has becomes an update of that memory, with
-- the new text and tags as a whole and other fields where it has them. Called by apply_memories. A key is the tenant's, or, of
-- a private memory, its agent's: who has a key never learns what a sibling keeps under the same. Needs memory:read, since the
-- answer says what is there.
--
-- Locks the keys, in order, until the end of the transaction: of two pushes that bring a key, the second sees the first's.

create function mayfly_private.match_keys(tenant uuid, push jsonb, claimed uuid[], by_agent uuid)
returns jsonb
language plpgsql
set search_path = ''
as $$
declare
  instant constant timestamptz := mayfly_private.now();
  own constant uuid[] := mayfly_private.own_agent_ids();
  sees_all constant boolean := tenant = any (mayfly_private.tenant_ids('memory:admin'));
  keyed jsonb;
  fault record;
begin
  perform mayfly_private.require_tenant('memory:read');
  keyed := (
    select jsonb_agg(to_jsonb(k)) from (
      select o.n, o.op -> 'body' ->> 'key' as key, (o.op ->> 'subject')::uuid as subject, a.agent,
        case when o.op -> 'body' ->> 'visibility' = 'agent' then coalesce(a.agent, '00000000-0000-0000-0000-000000000000') else tenant end as owner
      from jsonb_array_elements(push) with ordinality as o (op, n),
        lateral (select coalesce((o.op -> 'body' ->> 'agent_id')::uuid, by_agent) as agent) a
      where o.op ->> 'type' = 'memory.put' and o.op -> 'body' ->> 'key' is not null and (o.op ->> 'id')::uuid = any (claimed)) k);
  select k.n - 1 as index, mayfly_private.given_field(push -> (k.n - 1)::integer, 'body.key') as field into fault
  from jsonb_to_recordset(keyed) as k (n bigint, agent uuid, owner uuid)
  where k.owner <> tenant and not sees_all and k.agent = any (own) is not true
  order by k.n limit 1;
  if found then
    perform mayfly_private.fail(400, 'invalid_operation', format('push[%s].%s is of a private memory that you would not see.', fault.index, fault.field),
      'Nothing of this push was applied. Leave the key out, or name an agent of yours.',
      jsonb_build_object('index', fault.index, 'field', fault.field));
  end if;
  perform pg_advisory_xact_lock(l.lock) from (
    select distinct hashtextextended('mayfly.memory_key ' || tenant || ' ' || k.owner || ' ' || k.key, 0) as lock
    from jsonb_to_recordset(keyed) as k (key text, owner uuid) order by 1) l;
  -- What has expired is nobody's any more, also before maintenance comes to it.
  update mayfly.memories m set key = null
  from jsonb_to_recordset(keyed) as k (key text, owner uuid)
  where m.tenant_id = tenant and m.key = k.key and m.expires_at <= instant
    and case m.visibility when 'agent' then coalesce(m.agent_id, '00000000-0000-0000-0000-000000000000') else m.tenant_id end = k.owner;

  return (
    select jsonb_agg(case
        when t.kept is not null then (o.op - 'body') || jsonb_build_object('type', 'memory.update', 'subject', t.kept,
          'body', jsonb_strip_nulls(jsonb_build_object('hlc', o.op -> 'body' -> 'hlc', 'embedding', o.op -> 'body' -> 'embedding',
            'model', o.op -> 'body' -> 'model')) || jsonb_build_object('set',
              '{"task": null, "input": null, "output": null, "critique": null, "tags": null}'
              || (o.op -> 'body') - '{key,once,hlc,embedding,model,agent_id,created_at,visibility}'::text[]))
        -- Under an id that was forgotten meanwhile: it is another memory.
        when t.is_forgotten then o.op || jsonb_build_object('subject', gen_random_uuid())
        else o.op end order by o.n)
    from jsonb_array_elements(push) with ordinality as o (op, n)
    left join (
      select k.n, coalesce(m.id, case when k.nth > 1 then k.first end) as kept,
        exists (select from mayfly.memories f where f.tenant_id = tenant and f.id = k.subject and f.deleted_at is not null) as is_forgotten
      from (
        select k.*, row_number() over of_key as nth, first_value(k.subject) over of_key as first
        from jsonb_to_recordset(keyed) as k (n bigint, key text, subject uuid, owner uuid)
        window of_key as (partition by k.owner, k.key order by k.n)) k
      left join mayfly.memories m on m.tenant_id = tenant and m.key = k.key
        and case m.visibility when 'agent' then coalesce(m.agent_id, '00000000-0000-0000-0000-000000000000') else m.tenant_id end = k.owner
    ) t on t.n = o.n);
end
$$;

comment on function mayfly_private.match_keys is 'Makes updates of the puts whose key is there.';

-- About how many bytes a memory takes in an answer, before JSON's escapes. The length of a stored text is
-- read without reading the text; metadata is written out only where it is stored compressed. Called by
-- mayfly_private.pull. Locks nothing.

create or replace function mayfly_private.memory_bytes(
  task text, input text, output text, critique text, tags text[], metadata jsonb, language text, hlc jsonb
)
returns bigint
language plpgsql stable
set search_path = ''
as $$
begin
  return 900 + octet_length(task) + octet_length(input) + octet_length(output) + octet_length(critique)
    + octet_length(tags::text) + octet_length(language) + octet_length(hlc::text)
    + case when pg_column_compression(metadata) is null then pg_column_size(metadata) else octet_length(metadata::text) end;
end
$$;

-- What the tenant remembers, in numbers, of the memories that the caller sees: without tombstones and
-- what has expired. Reads them all. Runs as the caller (scope memory:read). Locks nothing.
--
--   { memories, bytes, last_hour, last_day, private, by_kind: {kind: n}, by_agent: [{ agent_id, memories }],
--     with_vector: {model: n}, without_vector, conflicts }      by_agent: the 100 with the most

create or replace function mayfly.memory_statistics()
returns jsonb
language plpgsql stable
set search_path = ''
as $$
declare
  instant constant timestamptz := mayfly_private.now();
  tenant constant uuid := mayfly_private.require_tenant('memory:read');
begin
  return (
    with seen as materialized (
      select m.id, m.agent_id, m.kind, m.visibility, m.created_at,
        octet_length(m.task) + octet_length(m.input) + octet_length(m.output) + octet_length(m.critique)
          + pg_column_size(m.tags) + pg_column_size(m.metadata) as bytes
      from mayfly.memories m
      where m.tenant_id = tenant and m.deleted_at is null and (m.expires_at is null or m.expires_at > instant)
    ), vectors as materialized (
      select v.memory_id, v.model from mayfly.memory_vectors v
      where v.tenant_id = tenant and v.memory_id in (select s.id from seen s)
    )
    select jsonb_build_object(
      'memories', count(*), 'bytes', coalesce(sum(s.bytes), 0),
      'last_hour', count(*) filter (where s.created_at > instant - interval '1 hour'),
      'last_day', count(*) filter (where s.created_at > instant - interval '1 day'),
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
declare
  instant constant timestamptz := mayfly_private.now();
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
        and (m.expires_at is null or m.expires_at > instant)
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
        and (m.expires_at is null or m.expires_at > instant)
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
    select coalesce(jsonb_agg(to_jsonb(m) - '{words,words_version,content_hash}'::text[] order by m.id), '[]') into memory_page
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

-- The clocks of a memory that is put with a key: of each field the same, the caller's or else the server's. Called by
-- apply_memories. Locks nothing.

create function mayfly_private.put_clocks(clock text)
returns jsonb
language plpgsql volatile
set search_path = ''
as $$
declare
  stamp constant text := coalesce(clock, mayfly_private.next_clock(null));
begin
  return (
    select jsonb_object_agg(f, stamp)
    from unnest('{session_id,conversation_id,kind,task,input,output,critique,reward,success,importance,tags,metadata,tokens,latency_ms,visibility,expires_at}'::text[]) f);
end
$$;

comment on function mayfly_private.put_clocks is 'The clocks of a memory that is put with a key.';

-- The definer half of mayfly.queue_embeddings: looks at max_rows memories by the primary key, on from
-- `after`, however many there are. The dead are given another chance. Locks what it queues.

create or replace function mayfly_private.queue_embeddings(model text, max_rows integer, after uuid)
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
  set attempts = 0, due_at = (select mayfly_private.now()), error = null, dead_at = null
  where q.dead_at is not null;
  get diagnostics queued = row_count;
  return jsonb_build_object('queued', queued,
    'after', case when cardinality(walked) = max_rows then walked[max_rows] end);
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
-- A statement each for words, vectors and rows, planned once a session: to plan one for all anew took 2 ms a recall.

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
  instant constant timestamptz := mayfly_private.now();
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
  newcomers uuid[];
  -- Asked once, not for each memory; those of mayfly_private.half_life where none are given.
  half_lives_of constant double precision[] := case when half_lives is null then '{30,30,7,180,365,1,30}' else array(
    select mayfly_private.half_life(k, half_lives) from unnest('{episode,task_result,conversation,learning,fact,working,general}'::text[]) with ordinality u (k, n) order by n) end;
  places integer[];
  best_likeness double precision;
  level double precision;
begin
  perform mayfly_private.check_recall(query, embedding, model, result_limit, similar_to, surrounding);
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
  if asked_vector is null then
    of_meaning := 0;
    select null::real as meaning, null::real as unrelated into worth;
  else
    select * into worth from mayfly_private.model_worth(model);
    of_meaning := coalesce((weights ->> 'meaning')::double precision, worth.meaning);
  end if;

  select null::uuid[] as ids into ranked;
  loop
    select null::uuid[] as ids, null::double precision[] as scores, null::double precision[] as fits,
      null::double precision[] as likenesses, null::jsonb as report into by_words;
    select null::uuid[] as ids, null::double precision[] as similarities into by_meaning;
    if of_words > 0 then
      select * into by_words from mayfly_private.find_by_words(tenant, query, depth, result_limit, explain,
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

    select array_agg(f.id) as ids, array_agg(f.relevance) as relevances, array_agg(f.worth) as worths, array_agg(f.recency) as recencies,
      array_agg(f.thread) as threads, array_agg(f.created_at) as times
    into fused
    from (
      select f.id, f.relevance, r.worth, r.recency, r.thread, r.created_at
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
      cross join lateral (
        select 1 - of_reward - of_importance - of_recency
            + of_reward * coalesce(m.reward, 0.5) + of_importance * m.importance / 10 + of_recency * h.recency as worth,
          h.recency, coalesce(m.conversation_id, m.session_id) as thread, m.created_at
        from mayfly.memories m
        -- A hundred half-lives are as good as forever; a thousand, half of them squared, underflow, which is an error.
        cross join lateral (select 0.5 ^ least(100, greatest(extract(epoch from instant - m.created_at)::double precision, 0)
          / 86400 / case m.kind
              when 'episode' then half_lives_of[1]
              when 'task_result' then half_lives_of[2]
              when 'conversation' then half_lives_of[3]
              when 'learning' then half_lives_of[4]
              when 'fact' then half_lives_of[5]
              when 'working' then half_lives_of[6]
              when 'general' then half_lives_of[7] end) as recency) h
        where m.tenant_id = tenant and m.id = f.id
        offset 0) r
      order by f.relevance desc, f.id
    ) f;
    newcomers := null;
    if of_neighbours > 0 and num_nonnulls(variadic fused.threads[1:20]) > 0 then
      select * into lent from mayfly_private.neighbours_of(tenant, fused.threads[1:20], fused.times[1:20], fused.ids[1:20],
        fused.relevances[1:20], of_neighbours,
        kinds, having_tags, agent, min_reward, since, until, for_task, session, conversation, similar_to);
      newcomers := array(select n from unnest(lent.ids) n where n <> all (fused.ids));
    else
      select null::uuid[] as ids, null::double precision[] as gains into lent;
    end if;

    select array_agg(s.id) as ids, array_agg(s.score) as scores, array_agg(s.relevance) as relevances, array_agg(s.gain) as gains,
      array_agg(s.recency) as recencies
    into ranked
    from (
      select k.id, k.relevance, k.gain, k.recency, k.relevance * k.worth as score
      from (
        select c.id, c.worth, c.recency,
          level * (c.relevance + coalesce(n.gain, 0)) / max(c.relevance + coalesce(n.gain, 0)) over () as relevance,
          level * n.gain / max(c.relevance + coalesce(n.gain, 0)) over () as gain
        from (
          select * from unnest(fused.ids, fused.relevances, fused.worths, fused.recencies) b (id, relevance, worth, recency)
          union all
          select f.id, 0, r.worth, r.recency from unnest(newcomers) f (id) cross join lateral (
        select 1 - of_reward - of_importance - of_recency
            + of_reward * coalesce(m.reward, 0.5) + of_importance * m.importance / 10 + of_recency * h.recency as worth,
          h.recency, coalesce(m.conversation_id, m.session_id) as thread, m.created_at
        from mayfly.memories m
        -- A hundred half-lives are as good as forever; a thousand, half of them squared, underflow, which is an error.
        cross join lateral (select 0.5 ^ least(100, greatest(extract(epoch from instant - m.created_at)::double precision, 0)
          / 86400 / case m.kind
              when 'episode' then half_lives_of[1]
              when 'task_result' then half_lives_of[2]
              when 'conversation' then half_lives_of[3]
              when 'learning' then half_lives_of[4]
              when 'fact' then half_lives_of[5]
              when 'working' then half_lives_of[6]
              when 'general' then half_lives_of[7] end) as recency) h
        where m.tenant_id = tenant and m.id = f.id
        offset 0) r
        ) c
        left join unnest(lent.ids, lent.gains) n (id, gain) on n.id = c.id
      ) k
      order by score desc, k.id
      limit case when depth > 200 then depth else result_limit + 10 end
    ) s;
    places := case when grouped then mayfly_private.duplicates_among(tenant, ranked.ids) end;
    -- What says the same filled the list: look further, once.
    exit when not grouped or depth > 200 or cardinality(ranked.ids) < result_limit or (select count(distinct p) from unnest(places) p) >= result_limit;
    depth := 500;
  end loop;
  if ranked.ids is null then
    return;
  end if;

  return query
  select m.id, m.agent_id, a.name, coalesce(a.stopped_at, case when a.expires_at <= instant then a.expires_at end),
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

comment on function mayfly_private.recall is 'The best memories for a question.';

grant execute on function mayfly_private.recall to authenticated, service_role;

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
-- Its one statement is planned once a session; as a function in SQL it was planned each time, for 0.27 ms.
language plpgsql stable
set search_path = ''
set plan_cache_mode = force_generic_plan
as $$
begin
  return query
  select * from mayfly_private.recall(query, embedding, model, kinds, having_tags, agent, min_reward, since, result_limit,
    until, for_task, session, conversation, similar_to, weights, half_lives, surrounding, grouped, explain);
end
$$;

comment on function mayfly.recall is
  'The best memories for a question, by words and, with an embedding, by meaning; or those that are like one of them.';

grant execute on function mayfly.recall to authenticated, service_role;

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
  instant constant timestamptz := mayfly_private.now();
  tenant constant uuid := mayfly_private.require_tenant('memory:read');
  stored constant bigint := (select coalesce(sum(u.memories), 0) from mayfly_private.tenant_usage u where u.tenant_id = tenant);
  memories bigint;
  vectors bigint;
begin
  if stored <= 2000 then
    select count(*), count(v.memory_id) into memories, vectors
    from mayfly.memories m
    left join mayfly.memory_vectors v on v.tenant_id = tenant and v.model = recall_scope.model and v.memory_id = m.id
    where m.tenant_id = tenant and m.deleted_at is null and (m.expires_at is null or m.expires_at > instant)
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
      ('body.key', not part.put or case jsonb_typeof(content -> 'key') when 'string' then char_length(content -> 'key' #>> '{}') between 1 and 200 else coalesce(content -> 'key', 'null') = 'null' end, 'must be a text of 1 to 200 characters'),
      ('body.once', not part.put or coalesce(jsonb_typeof(content -> 'once'), 'null') in ('boolean', 'null'), 'must be true or false'),
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
      ('body.hlc', (part.update or part.put) is not true or part.memory -> 'hlc' is null or coalesce(
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

-- Asks the sync function to drain each tenant that waits: a request is lost at worst, and comes again with
-- the next minute. The project's URL and secret key come from Vault, where they are under these names:
--   select vault.create_secret('https://<ref>.supabase.co', 'mayfly_url');
--   select vault.create_secret('sb_secret_…', 'mayfly_secret_key');
-- Dynamic, since pg_net and Vault need not be there.

create or replace function mayfly_private.request_drains()
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
    where q.dead_at is null and q.due_at <= (select mayfly_private.now()) limit 50
  loop
    execute 'select net.http_post(url => $1, headers => $2, body => $3, timeout_milliseconds => 20000)'
    using url || '/functions/v1/sync/drain',
      jsonb_build_object('content-type', 'application/json', 'apikey', secret, 'x-mayfly-tenant', tenant), '{}'::jsonb;
    requested := requested + 1;
  end loop;
  return requested;
end
$$;

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
      '([A-Za-z0-9_]*(?:[a-z0-9][A-Z]|[A-Z]{2}[a-z])[A-Za-z0-9_./\\:@]*|[A-Za-z0-9_]+(?:[./\\:@][A-Za-z0-9_]+)+|\m[0-9]+e[0-9]+[a-z][a-z0-9]*)', 'g') found (it));
  if parts is null then
    return searched;
  end if;
  return searched || ' ' || regexp_replace(regexp_replace(regexp_replace(regexp_replace(parts,
    '([a-z0-9])([A-Z])', '\1 \2', 'g'), '([A-Z])([A-Z][a-z]{2})', '\1 \2', 'g'), '[./\\:@]+', ' ', 'g'),
    '\m([0-9]+e[0-9]+[a-z])', 'x\1', 'g');
end
$$;

comment on function mayfly_private.searched is 'A text as it is parsed into words.';

-- Moves up to `batch` vectors of one large tenant from the fresh tail into the HNSW index, oldest first;
-- gives how many: 0 when nothing is left to settle. Large is a tenant with `large` vectors of a model,
-- and it stays so. To run in the background, again and again, each time in a transaction of its own:
-- what it has done stays done, wherever it is stopped. As the tenant grows it also measures how far the
-- index must be searched (mayfly_private.tune_search). Called by pg_cron (operations/schedules.sql), and by mayfly.maintain
-- for the one tenant of its caller.
--
-- Locks the vectors that it moves, passing by those that others hold, and the tenant's settlement.

create or replace function mayfly_private.settle_vectors(batch integer default 500, large integer default 10000, only_tenant uuid default null)
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
    on conflict (tenant_id, model) do update set vectors = s.vectors + excluded.vectors, settled_at = mayfly_private.now();
  end if;
  return moved;
end
$$;

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
declare
  instant constant timestamptz := mayfly_private.now();
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
      where m.deleted_at is null and (m.expires_at is null or m.expires_at > instant)
        and (m.visibility = 'tenant' or m.agent_id = any ((select mayfly_private.own_agent_ids())::uuid[])
          or (select tenant = any (mayfly_private.tenant_ids('memory:admin'))))
      order by m.created_at, m.id
      limit reach)
      union all
      (select m.*, -row_number() over (order by m.created_at desc, m.id desc)
      from hit h
      join mayfly.memories m on m.tenant_id = tenant and coalesce(m.conversation_id, m.session_id) = h.thread
        and (m.created_at, m.id) < (h.created_at, h.id)
      where m.deleted_at is null and (m.expires_at is null or m.expires_at > instant)
        and (m.visibility = 'tenant' or m.agent_id = any ((select mayfly_private.own_agent_ids())::uuid[])
          or (select tenant = any (mayfly_private.tenant_ids('memory:admin'))))
      order by m.created_at desc, m.id desc
      limit reach)
    ) n);
end
$$;

comment on function mayfly_private.surroundings_of is 'What was remembered right before and after a memory.';

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
-- Rows that maintenance has not come to yet have their accents: while there are any, words
-- with an accent are asked for in both forms.
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
  if octet_length(question) > char_length(question)
    and exists (select from mayfly.memories m where m.tenant_id = tenant and m.words_version = 0)
  then
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

-- Charges what is written into memory_aliases.

create trigger memory_aliases_meter_insert after insert on mayfly.memory_aliases
  referencing new table as new_rows
  for each statement execute function mayfly_private.meter_rows();

create trigger memory_aliases_meter_delete after delete on mayfly.memory_aliases
  referencing old table as old_rows
  for each statement execute function mayfly_private.meter_rows();

-- Charges what a statement wrote into memories. A trigger, so that nothing that writes them can forget it.
-- octet_length reads the length of a stored text without reading the text. Tags, metadata and clocks are counted as they are uncompressed, which `|| '{}'` makes them: stored they may be a
-- fortieth, and what is forgotten would give back less than it was charged. 512 bytes stand for the row
-- itself, its operation and its event; a tombstone keeps them.

create or replace function mayfly_private.meter_memories()
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
          + pg_column_size(n.tags || '{}') + pg_column_size(n.metadata || '{}') + pg_column_size(n.hlc || '{}') + coalesce(octet_length(n.key), 0)) as bytes
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
          + coalesce(octet_length(n.key), 0) - coalesce(octet_length(o.key), 0)
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
          + pg_column_size(o.tags || '{}') + pg_column_size(o.metadata || '{}') + pg_column_size(o.hlc || '{}')
          + coalesce(octet_length(o.key), 0)) as bytes
      from old_rows o join mayfly.tenants t on t.id = o.tenant_id group by t.id
    loop
      perform mayfly_private.charge(change.id, -change.memories, -change.bytes, 0);
    end loop;
  end if;
  return null;
end
$$;

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
  if tg_op = 'UPDATE' then
    new.content_hash := null;
  end if;
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
  instant constant timestamptz := mayfly_private.now();
  long_ago constant timestamptz := instant - mayfly_private.kept();
  handled_before constant timestamptz := instant - (select t.messages_kept from mayfly.tenants t where t.id = tenant);
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
          and (m.deadline < instant or not exists (select from mayfly.deliveries d
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

-- Says of up to 10,000 messages of the caller's own inbox that they are handled: they are handed to no
-- session again. Again changes nothing. Scope message:read. Locks the deliveries, by number.
--
-- A broadcast can arrive before the row that caused it is visible: `unseen` has the numbers that are above
-- the newest one that this call sees. Nothing was done about them: say them again soon.

create or replace function mayfly_private.acknowledge_messages(seqs bigint[])
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
  set acknowledged_at = (select mayfly_private.now())
  from waiting w
  where d.tenant_id = tenant and d.recipient_id = w.recipient_id and d.seq = w.seq;
  get diagnostics acknowledged = row_count;
  return jsonb_build_object('acknowledged', acknowledged, 'unseen', coalesce((
    select jsonb_agg(distinct s order by s) from unnest(seqs) s where s > coalesce(newest, 0)), '[]'));
end
$$;

-- The agents that a message to many goes to: the living (the suspended, too, who get it when they are
-- resumed) that the target describes, but the sender. As owner: who sends need not have agent:read.
-- Called by send_messages. Locks nothing.

create or replace function mayfly_private.agents_of_target(tenant uuid, sender uuid, target jsonb)
returns setof uuid
language sql stable security definer
set search_path = ''
begin atomic
  select a.id
  from mayfly.agents a
  where a.tenant_id = tenant and a.status in ('running', 'suspended') and a.expires_at > (select mayfly_private.now())
    and a.id is distinct from sender
    and (target ->> 'all' is not null
      or a.type = target ->> 'type'
      or (target ? 'capability' and a.capabilities @> array[target ->> 'capability'])
      or exists (select from mayfly.agent_types d
        where d.tenant_id = a.tenant_id and d.name = a.type and d.version = a.type_version and d.role = target ->> 'role'))
    and not exists (select from mayfly.agents line
      where line.tenant_id = a.tenant_id and line.id = any (a.ancestors)
        and (line.status not in ('running', 'suspended') or line.expires_at <= (select mayfly_private.now())));
end;

-- Broadcasts messages that were just sent to those who listen: to the open inboxes that they are in, and to
-- their channels. A broadcast carries all of a message up to 64 KB, else its number alone, which its
-- reader then asks for. As many as the tenant may tell by now go at once; of the rest each topic's greatest
-- number is due. Called by send_messages. In PL/pgSQL, so that it finds realtime.send when it runs: a
-- body that is parsed once would keep Realtime from replacing that function by dropping it.
--
-- A channel that nobody has leased is told of nothing. Its number is due all the same, while somebody flushes:
-- a lease may begin while this transaction is open (see nudge).

create or replace function mayfly_private.announce(tenant uuid, ids uuid[], in_channels boolean)
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
      and coalesce(m.deadline > (select mayfly_private.now()), true)
    union all
    select l.topic, m.id, m.channel_seq, jsonb_build_object('seq', m.channel_seq)
    from mayfly.messages m
    join mayfly_private.listeners l on l.tenant_id = tenant and l.until > (select mayfly_private.now())
      and l.topic = format('tenant:%s:channel:%s', tenant, m.target ->> 'channel')
    where in_channels and m.tenant_id = tenant and m.id = any (announce.ids) and m.channel_id is not null
  ) w;
  allowed := mayfly_private.may_tell(tenant, told.wanted::integer);

  perform realtime.send(s.payload, 'message', s.topic, true), mayfly_private.notify(s.topic, 'message', s.payload)
  from (
    select t.topic, case when octet_length(m.payload::text) + octet_length(m.attachments::text) <= 65536
      then t.numbers || mayfly_private.show_message(m)
      else t.numbers end as payload
    from unnest(told.topics, told.ids, told.numbers) with ordinality as t (topic, id, numbers, n)
    join mayfly.messages m on m.tenant_id = tenant and m.id = t.id
    where t.n <= allowed
    order by t.n
    offset 0) s;

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

-- Makes this session the one reader of the caller's inbox: from its commit on messages are broadcast to
-- it, and the session before is refused. Scope message:read. Locks the inbox.

create or replace function mayfly_private.open_inbox(session uuid)
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
  values (tenant, reader, open_inbox.session, mayfly_private.now())
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

-- What waits in the caller's inbox behind `after`, by number, about 1 MB a page and at most page_limit;
-- what is past its deadline is left out. Each is marked as handed to this session: one that was handed to
-- another before has attempt above 1. Only for the session that opened the inbox last. Scope
-- message:read. Locks what it hands out.
--
-- Senders hold the inbox until they commit: what is numbered up to last_seq in this snapshot is in it.

create or replace function mayfly_private.pull_inbox(session uuid, after bigint, page_limit integer)
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
      where coalesce(m.deadline > (select mayfly_private.now()), true)), '[]'),
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

-- Sends 1 to 100 messages, all or none, stamped with their sender. What was sent before, by its id, is not
-- sent again and gives its result again. Scope message:send.
--
-- Locks, until commit, in this order, so that no two senders wait for each other: the channels, the ids,
-- each sorted; a shard of the tenant's usage; the inboxes, sorted. So the numbers of a channel and of an
-- inbox have no gap and come in the order of the commits.

create or replace function mayfly_private.send_messages(messages jsonb)
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
    and mayfly_private.time_of_id((o.m ->> 'id')::uuid) < (select mayfly_private.now()) - (select t.messages_kept from mayfly.tenants t where t.id = tenant)
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

-- What there is in a channel, how fast it goes, and how far behind its subscribers are (the 1,000 that are
-- the furthest). Scope message:read, for who may read the channel. Reads the channel's messages. Locks nothing.

create or replace function mayfly_private.channel_statistics(name text)
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
      'last_minute', count(*) filter (where m.sent_at > (select mayfly_private.now()) - interval '1 minute'),
      'per_minute', round(count(*) filter (where m.sent_at > (select mayfly_private.now()) - interval '1 hour') / 60.0, 2),
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
  instant constant timestamptz := mayfly_private.now();
  long_ago constant timestamptz := instant - mayfly_private.kept();
  expired integer;
  gone uuid[];
  freed bigint;
begin
  with spent as (
    select s.id from mayfly.states s
    where s.tenant_id = tenant and s.deleted_at is null and least(s.expires_at, s.deleted_at) <= instant
    order by s.id limit max_rows
    for update skip locked
  ), deleted as (
    update mayfly.states s
    set version = s.version + 1, value = null, updated_by = null, updated_at = instant, expires_at = null,
      deleted_at = instant
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

-- Changes a state by edits, in one call: counters and lists that many change at once, without reading them first.
-- Each is applied to what the ones before left, all or none, as one version. A state that is not there begins as
-- nothing. Nothing is written where the state already is what comes out. Callers with state:write; see lock_state.
-- Locks the state until commit, so that edits at once follow one another and none is lost.

create function mayfly_private.edit_state(key text, edits jsonb, of_agent uuid, expected_version integer)
returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  state mayfly.states;
  value jsonb;
  fault record;
  edit record;
  done jsonb;
begin
  if jsonb_typeof(edits) is distinct from 'array' or jsonb_array_length(edits) not between 1 and 100 then
    perform mayfly_private.fail(400, 'invalid_request', 'edits must be a list of 1 to 100 edits.', 'As [{"op": "inc", "path": "/done", "value": 1}].', '{"field": "edits"}');
  end if;
  select e.n - 1 as index, c.field, c.rule into fault
  from jsonb_array_elements(edits) with ordinality as e (edit, n),
    lateral (values
      ('op', jsonb_typeof(e.edit) = 'object' and e.edit ->> 'op' in ('add', 'inc', 'append', 'remove'), 'must be add, inc, append or remove'),
      ('path', case jsonb_typeof(e.edit -> 'path') when 'string' then e.edit ->> 'path' ~ '^(/([^~/]|~[01])*)*$' and char_length(e.edit ->> 'path') <= 1000
          and cardinality(string_to_array(e.edit ->> 'path', '/')) <= 33 else false end,
        'must be a JSON pointer such as /done or /names/0, at most 32 deep; an empty text is the whole value'),
      ('value', case e.edit ->> 'op'
          when 'inc' then coalesce(jsonb_typeof(e.edit -> 'value'), 'number') = 'number'
          when 'remove' then true
          else e.edit ? 'value' end, case when e.edit ->> 'op' = 'inc' then 'must be a number' else 'is missing' end),
      ('value', coalesce(mayfly_private.json_within(e.edit -> 'value', 262144, 32), true), 'must be at most 256 KB of JSON, at most 32 deep')
    ) as c (field, holds, rule)
  where c.holds is not true
  order by e.n
  limit 1;
  if found then
    perform mayfly_private.fail(400, 'invalid_request', format('edits[%s].%s %s.', fault.index, fault.field, fault.rule), null,
      jsonb_build_object('index', fault.index, 'field', format('edits.%s', fault.field)));
  end if;
  perform mayfly_private.check_numbers(edits, 'edits');

  state := mayfly_private.lock_state(key, of_agent, expected_version);
  value := case when mayfly_private.is_live(state) then state.value end;
  for edit in
    select e.n - 1 as index, e.edit ->> 'op' as op, e.edit ->> 'path' as path, case e.edit ->> 'op' when 'inc' then coalesce(e.edit -> 'value', '1') else e.edit -> 'value' end as operand,
      array(select replace(replace(p.part, '~1', '/'), '~0', '~') from unnest((string_to_array(e.edit ->> 'path', '/'))[2:]) with ordinality as p (part, n) order by p.n) as parts
    from jsonb_array_elements(edits) with ordinality as e (edit, n) order by e.n
  loop
    done := mayfly_private.edit_value(value, edit.parts, edit.op, edit.operand);
    if done ? 'fault' then
      perform mayfly_private.fail(409, 'edit_does_not_fit', format('edits[%s] %s, at %s.', edit.index, done ->> 'fault', to_json(edit.path)),
        'Nothing was written. Look at what the state is, and edit that.',
        jsonb_build_object('index', edit.index, 'field', 'edits.path', 'version', case when mayfly_private.is_live(state) then state.version else 0 end));
    end if;
    value := done -> 'value';
  end loop;
  -- What only removed from a state that is not there leaves it so, and lock_state has made a row for it.
  if value is null then
    if state.version = 0 then
      delete from mayfly.states s where s.tenant_id = state.tenant_id and s.id = state.id;
    end if;
    return null;
  elsif not mayfly_private.is_live(state) or value <> state.value then
    state := mayfly_private.write_state(state, value, 'patch', case when mayfly_private.is_live(state) then state.expires_at end);
  end if;
  return mayfly_private.show_state(state);
end
$$;

comment on function mayfly_private.edit_state is 'Changes a state by edits.';

grant execute on function mayfly_private.edit_state to authenticated, service_role;

-- Edits are { op, path, value }, paths JSON pointers (RFC 6901):
--
--   add     sets a key, or inserts into a list at an index (- for its end), as in RFC 6902
--   inc     adds value (1 without it) to a number; what is not there is 0
--   append  puts value at the end of a list; what is not there is []
--   remove  without value the key or the index at path; with it every element of the list at path that equals value

create function mayfly.edit_state(key text, edits jsonb, of_agent uuid default null, expected_version integer default null)
returns jsonb
language sql
set search_path = ''
return mayfly_private.edit_state(key, edits, of_agent, expected_version);

comment on function mayfly.edit_state is
  'Changes a state by edits { op: add | inc | append | remove, path, value }, as one version, and gives it as it is then.';

grant execute on function mayfly.edit_state to authenticated, service_role;

-- Whether a state is there for its readers: it has a value, and its time is not over.

create or replace function mayfly_private.is_live(state mayfly.states)
returns boolean
language sql stable
set search_path = ''
return state.id is not null and state.deleted_at is null and (state.expires_at is null or state.expires_at > mayfly_private.now());

-- The state that is to be written, locked until commit; made without a version where there is none.
-- The shared ones are for who has state:write; an agent's for itself, its ancestors, and the admins
-- and owners of the tenant. Called first by every function that writes state, as owner.
--
-- expected_version is compared under the lock, so that of any number of writers with one expectation
-- one gets through. 0 expects that the state is not there: never made, deleted or expired.

create or replace function mayfly_private.lock_state(key text, of_agent uuid, expected_version integer)
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
    values (of_tenant, of_agent, key, 0, mayfly_private.now())
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

create or replace function mayfly_private.reconcile_state(
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
  mine_at timestamptz := coalesce(ours_at, mayfly_private.now());
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

-- Sets a state if it is at a version (0: if it is not there), and says in any case what it is then: { written, state }.
-- What a caller needs that reads, computes and writes, and may lose to others: one call a try, since the answer to a
-- lost one is the state to compute from again. It keeps the state's expires_at where none is given. Callers with
-- state:write, and state:read for what they are told; see lock_state. Locks the state until commit.

create function mayfly_private.swap_state(key text, expected_version integer, value jsonb, of_agent uuid, expires_at timestamptz)
returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  tenant constant uuid := mayfly_private.require_tenant('state:read');
  state mayfly.states;
  present integer;
begin
  if expected_version is null then
    perform mayfly_private.fail(400, 'invalid_request', 'expected_version must be the version that you have read, or 0 for a state that is not there.',
      'To write in any case, use set_state.', '{"field": "expected_version"}');
  elsif expected_version < 0 then
    perform mayfly_private.lock_state(key, of_agent, expected_version);
  end if;
  state := mayfly_private.lock_state(key, of_agent, null);
  present := case when mayfly_private.is_live(state) then state.version else 0 end;
  if present = expected_version then
    state := mayfly_private.write_state(state, coalesce(value, 'null'), 'set',
      coalesce(swap_state.expires_at, case when mayfly_private.is_live(state) then state.expires_at end));
    return jsonb_build_object('written', true, 'state', mayfly_private.show_state(state));
  elsif state.version = 0 then
    -- Made by lock_state for nothing.
    delete from mayfly.states s where s.tenant_id = state.tenant_id and s.id = state.id;
  end if;
  return jsonb_build_object('written', false, 'state', mayfly_private.show_state(state));
end
$$;

comment on function mayfly_private.swap_state is 'Sets a state if it is at a version.';

grant execute on function mayfly_private.swap_state to authenticated, service_role;

create function mayfly.swap_state(
  key text, expected_version integer, value jsonb, of_agent uuid default null, expires_at timestamptz default null
)
returns jsonb
language sql
set search_path = ''
return mayfly_private.swap_state(key, expected_version, value, of_agent, expires_at);

comment on function mayfly.swap_state is
  'Sets a state if it is at a version (0: is not there), and says what it is then: { written, state }.';

grant execute on function mayfly.swap_state to authenticated, service_role;

-- Gives a locked state its next version: a value, or none to delete it. Keeps the newest hundred of
-- its versions, and charges the tenant for what is more. As owner, for those who have it from
-- lock_state. 256 bytes stand for a version's row, its index and its event.

create or replace function mayfly_private.write_state(state mayfly.states, new_value jsonb, action text, expires_at timestamptz)
returns mayfly.states
language plpgsql security definer
set search_path = ''
as $$
declare
  instant constant timestamptz := mayfly_private.now();
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
    where r.tenant_id = tenant and r.stored_at < (select mayfly_private.now()) - make_interval(secs => (
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
  delete from mayfly_private.debug_leases l where l.tenant_id = tenant and l.expires_at <= (select mayfly_private.now());
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

-- Keeps debug records of the calling agent, where its tenant keeps any: up to the tenant's level, at
-- most so many a minute of each agent. A record that is there already stays as it is, so that an
-- append whose answer was lost can be sent again. For agents with debug:write. Locks the agent's stream.

create or replace function mayfly_private.append_debug(records jsonb, dropped integer)
returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  of_tenant constant uuid := mayfly_private.require_tenant('debug:write');
  caller constant mayfly_private.caller := mayfly_private.caller();
  this_minute constant timestamptz := date_trunc('minute', mayfly_private.now());
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
      greatest(1, ceil(extract(epoch from this_minute + interval '1 minute' - mayfly_private.now()))::integer));
  end if;
  if more > 0 then
    update mayfly_private.debug_streams s set minute = this_minute, records = used + more
    where s.tenant_id = of_tenant and s.agent_id = caller.id;
    perform mayfly_private.charge(of_tenant, 0, more_bytes, more);
  end if;
  return levels || jsonb_build_object('stored', more);
end
$$;

-- What an agent is to record by now: { levels: {category: level}, seconds, all, sends_per_second,
-- persist, max_records_per_minute }.
-- Of each category the highest level that anyone has leased; `seconds` until the last of these leases
-- ends; `persist` the level up to which the tenant keeps records, 0 for none. Seconds rather than an
-- instant: clocks differ. `all`: somebody watches every agent,
-- and learns of this one by the log. `rate` is debug_rate, asked once for many. Called as owner.

create or replace function mayfly_private.debug_levels(tenant uuid, agent uuid, rate numeric)
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
        where l.tenant_id = t.id and (l.agent_id is null or l.agent_id = agent) and l.expires_at > (select mayfly_private.now())
        group by category
      ) c), '{}'),
    'seconds', coalesce((
      select round(extract(epoch from max(l.expires_at) - (select mayfly_private.now())), 3)
      from mayfly_private.debug_leases l
      where l.tenant_id = t.id and (l.agent_id is null or l.agent_id = agent) and l.expires_at > (select mayfly_private.now())), 0),
    'all', exists (
      select from mayfly_private.debug_leases l
      where l.tenant_id = t.id and l.agent_id is null and l.expires_at > (select mayfly_private.now())),
    'sends_per_second', rate,
    'persist', case when (t.debug ->> 'persist')::boolean then (t.debug ->> 'level')::integer else 0 end,
    'max_records_per_minute', (t.debug ->> 'max_records_per_minute')::integer)
  from mayfly.tenants t
  where t.id = tenant
);

-- How many debug broadcasts a second each watched agent of a tenant may send by now: the project's
-- debug_rate, shared among the agents that are watched and, since Realtime counts each receiver, their
-- watchers; between 0.2 and 10. Called as owner.

create or replace function mayfly_private.debug_rate(tenant uuid)
returns numeric
language sql stable security definer
set search_path = ''
return (
  select round(least(10, greatest(0.2, settings.debug_rate::numeric / greatest(1, case when leased.watch_all then listening.agents else leased.agents end)
    / (1 + leased.watchers))), 2)
  from mayfly_private.settings, (
    select count(*) as watchers, count(distinct l.agent_id) as agents, coalesce(bool_or(l.agent_id is null), false) as watch_all
    from mayfly_private.debug_leases l where l.tenant_id = tenant and l.expires_at > (select mayfly_private.now())
  ) leased, (
    select count(*) as agents
    from mayfly_private.debug_streams s
    join mayfly.agents a on a.tenant_id = s.tenant_id and a.id = s.agent_id
    where s.tenant_id = tenant and a.status = 'running' and a.expires_at > (select mayfly_private.now())
  ) listening
);

-- Whether anybody wants an agent's debug records by now: a watcher, or its tenant, which keeps them. Said
-- to the agent when it is spawned, at each token and each heartbeat: one without a live connection then
-- opens it. Called as owner.

create or replace function mayfly_private.is_watched(tenant uuid, agent uuid)
returns boolean
language sql stable security definer
set search_path = ''
return exists (
  select from mayfly_private.debug_leases l
  where l.tenant_id = tenant and (l.agent_id is null or l.agent_id = agent) and l.expires_at > (select mayfly_private.now())
) or exists (
  select from mayfly.tenants t where t.id = tenant and (t.debug ->> 'persist')::boolean
);

-- Leases a level of one agent's debug stream, or without for_agent of every agent's, for up to 60 s; the
-- same lease again renews and changes it. Callers with debug:read. Says how many agents were told.
-- Locks the tenant's leases (see hold_debug).

create or replace function mayfly_private.lease_debug(level integer, for_agent uuid, categories text[], seconds double precision, lease uuid)
returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  of_tenant constant uuid := mayfly_private.require_tenant('debug:read');
  watcher constant uuid := mayfly_private.caller_id();
  lease_id constant uuid := coalesce(lease, gen_random_uuid());
  until constant timestamptz := mayfly_private.now() + make_interval(secs => seconds);
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
  delete from mayfly_private.debug_leases l where l.tenant_id = of_tenant and l.expires_at <= mayfly_private.now();
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

-- Tells an agent, or all that listen (at most 1,000), what they are to record from now on, by their inbox
-- topics; says how many. What the tenant may not tell by now is due, unless
-- it has 5,000 due rows already: no quota counts these calls. A broadcast that is lost comes again with the next renewal of the lease, and an
-- agent asks by itself when it joins. Called as owner, under hold_debug, by those who change it. In
-- PL/pgSQL, so that it finds realtime.send when it runs (see announce).

create or replace function mayfly_private.tell_debug(tenant uuid, for_agent uuid)
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
      and a.status = 'running' and a.expires_at > (select mayfly_private.now())
    limit 1000
  ) l;
  allowed := mayfly_private.may_tell(tenant, cardinality(listening));
  perform realtime.send(t.levels, 'debug_level', t.topic, true), mayfly_private.notify(t.topic, 'debug_level', t.levels)
  from (
    select mayfly_private.debug_levels(tenant, l.agent, (select mayfly_private.debug_rate(tenant))) as levels,
      format('tenant:%s:agent:%s', tenant, l.agent) as topic
    from unnest(listening[:allowed]) l (agent)
    offset 0) t;
  insert into mayfly_private.nudges_due (tenant_id, topic, event)
  select tenant, format('tenant:%s:agent:%s', tenant, l.agent), 'debug_level' from unnest(listening[allowed + 1:]) l (agent)
  where (select count(*) from (select from mayfly_private.nudges_due d where d.tenant_id = tenant limit 5000) d) < 5000;
  return cardinality(listening);
end
$$;

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

-- Workers that found nothing and sleep. Adding a job, a signal and whatever else makes one ready ends the sleep of
-- the tenant's workers and broadcasts once; where no row is, nothing is broadcast. All zeros stand for no tenant: the workers
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
    where f.tenant_id = tenant and f.finished_at < mayfly_private.now() - mayfly_private.kept()
    order by f.finished_at
    limit max_rows
    for update skip locked);
  perform mayfly_private.delete_finished(tenant, old);
  delete from mayfly_private.job_workers w where w.tenant_id = tenant and w.until < mayfly_private.now();
  return jsonb_build_object('more', cardinality(old) = max_rows);
end
$$;

comment on function mayfly_private.maintain_jobs is 'One batch of what time does to jobs.';

-- What maintenance does in this room.

insert into mayfly_private.chores (name, work) values
  ('jobs', 'mayfly_private.maintain_jobs(uuid, integer)')
on conflict (name) do update set work = excluded.work;

-- The kinds of events that this room appends to the log.

insert into mayfly.event_kinds (kind, scope, admin_scope, description) values
  ('job.added', 'job:read', null, 'A job was added.'),
  ('job.retrying', 'job:read', null, 'An attempt of a job failed, and it is tried again.'),
  ('job.succeeded', 'job:read', null, 'A job has succeeded.'),
  ('job.failed', 'job:read', null, 'A job has failed for good.'),
  ('job.cancelled', 'job:read', null, 'A job was cancelled.'),
  ('job.redriven', 'job:read', null, 'A failed job is ready again.')
on conflict (kind) do update
set scope = excluded.scope, admin_scope = excluded.admin_scope, description = excluded.description;

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
  if jsonb_path_exists(jobs, '$[*].answers') then
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
language plpgsql
set search_path = ''
as $$
begin
  return mayfly_private.add_jobs(jobs, lease);
end
$$;

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
language plpgsql
set search_path = ''
as $$
begin
  return mayfly_private.cancel_jobs(ids);
end
$$;

comment on function mayfly.cancel_jobs is 'Cancels jobs with their children: { cancelled, cancelling }, the latter told and still running.';

grant execute on function mayfly.cancel_jobs to authenticated, service_role;

-- Refuses what a claim cannot mean. Locks nothing. Names are joined for one look at all of them: a query for each claim
-- took 20 µs.

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
  elsif cardinality(queues) > 100 or array_position(queues, null) is not null
    or cardinality(string_to_array(array_to_string(queues, '/'), '/')) <> cardinality(queues) or array_to_string(queues, '/') !~ '^([A-Za-z0-9][A-Za-z0-9_.:-]{0,99}(/(?=.)|$))*$' then
    perform mayfly_private.fail(400, 'invalid_request', 'queues must be at most 100 names.', null, '{"field": "queues"}');
  elsif cardinality(names) > 500 or array_position(names, null) is not null
    or cardinality(string_to_array(array_to_string(names, '/'), '/')) <> cardinality(names) or array_to_string(names, '/') !~ '^([A-Za-z0-9][A-Za-z0-9_.:-]{0,99}(/(?=.)|$))*$' then
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

-- Claims jobs of any tenant, for the secret key alone: for a fleet of one's own that works for all. Fair among the
-- tenants by their weights; pass the `place` of the last answer, so that the next claim goes on after the last tenant.
-- The lease of each job says its tenant, and every later write takes it from there.

create function mayfly.claim_any_jobs(
  wanted integer default 1, queues text[] default null, names text[] default null, lease double precision default 30,
  place jsonb default null, park uuid default null
)
returns json
language plpgsql
set search_path = ''
as $$
begin
  return mayfly_private.claim_jobs(wanted, queues, names, lease, place, park, true);
end
$$;

comment on function mayfly.claim_any_jobs is
  'Claims jobs of any tenant, for the secret key: { jobs: [{ lease, id, tenant_id, name, input, attempt, … }], place, took }.';

grant execute on function mayfly.claim_any_jobs to service_role;

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
  headers constant jsonb := nullif(current_setting('request.headers', true), '');
  named constant uuid := case when claims ->> 'iss' = 'mayfly' then mayfly_private.to_uuid(claims -> 'mayfly' ->> 'tenant') end;
  me uuid;
  line uuid[];
  ts timestamptz;
  alive boolean;
  caller mayfly_private.caller;
  worker mayfly_private.claiming_worker;
begin
  if named is not null then
    me := mayfly_private.to_uuid(claims ->> 'sub');
    select a.ancestors || a.id into line from mayfly.agents a where a.tenant_id = named and a.id = me;
    if cardinality(line) > 1 then
      line := array(select i from unnest(line) i order by i);
    end if;
    perform pg_advisory_xact_lock_shared(hashtextextended('mayfly.jobs ' || l.id, 0)) from unnest(named || line) as l (id);
    -- A living agent with the scope: what caller() would say, in one look instead of three. What is asked besides, and who is
    -- refused and why, it says below.
    if not any_tenant and claims ->> 'role' = 'authenticated' and not claims -> 'mayfly' ? 'enrolment' and not coalesce(headers ? 'x-mayfly-functions', false)
      and lower(coalesce(headers ->> 'x-mayfly-tenant', named::text)) = named::text and mayfly_private.is_timely(claims) then
      ts := mayfly_private.now();
      select 'agent', a.tenant_id, a.id, a.expires_at, a.type, a.capabilities into worker
      from mayfly.agents a
      where a.tenant_id = named and a.id = me and 'job:work' = any (a.scopes) and a.status = 'running' and a.expires_at > ts;
      alive := found;
      if alive and cardinality(line) > 1 then
        select min(o.expires_at), bool_and(o.status = 'running' and o.expires_at > ts) into worker.expires_at, alive
        from mayfly.agents o where o.tenant_id = named and o.id = any (line);
      end if;
      if alive then
        return worker;
      end if;
    end if;
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

-- The next tenants that have ready jobs, after the place of a walk, until their weights come to `wanted`: for
-- claim_any_jobs. A loose scan of jobs_ready_idx, one probe a tenant; it goes round once and ends where it began.
-- Marks are passed over (see take_jobs): behind one only what comes after its seq is looked at. Locks nothing.

create type mayfly_private.job_marks as (
  tenants uuid[],
  lanes text[],
  priorities integer[],
  seqs bigint[]
);

create type mayfly_private.tenant_walk as (
  tenant uuid,
  lane text,
  priority integer,
  seq bigint,
  first_tenant uuid,
  wrapped boolean,
  all_seen boolean,
  -- What the last step found.
  tenants uuid[],
  weights integer[],
  all_weights integer
);

create function mayfly_private.find_job_tenants(walk mayfly_private.tenant_walk, wanted integer, marks mayfly_private.job_marks)
returns mayfly_private.tenant_walk
language plpgsql stable security definer
set search_path = ''
as $$
declare
  end_of_lane constant bigint := 9223372036854775807;
  next_mark integer;
  found_tenant uuid;
  found_tenants uuid[];
  found_weights integer[];
  weight integer;
begin
  walk.tenants := '{}';
  walk.weights := '{}';
  walk.all_weights := 0;
  if cardinality(marks.tenants) = 0 then
    -- Without marks the loose scan is one statement for each way to the end of the index.
    loop
      with recursive t (id, n) as (
        select (select j.tenant_id from mayfly.jobs j where j.status = 'ready' and j.tenant_id > walk.tenant order by j.tenant_id limit 1), 1
        union all
        select (select j.tenant_id from mayfly.jobs j where j.status = 'ready' and j.tenant_id > t.id order by j.tenant_id limit 1), t.n + 1
        from t where t.id is not null and t.n < wanted
      ), weighed as (
        select t.id, t.n, coalesce(w.weight, 1)::integer as weight, sum(coalesce(w.weight, 1)) over (order by t.n) as so_far
        from t left join mayfly_private.job_tenants w on w.tenant_id = t.id
        where t.id is not null and (not walk.wrapped or t.id <= walk.first_tenant)
      )
      select array_agg(w.id order by w.n), array_agg(w.weight order by w.n), coalesce(sum(w.weight), 0) into found_tenants, found_weights, weight
      from weighed w
      where walk.all_weights + w.so_far - w.weight < wanted;
      walk.tenants := walk.tenants || found_tenants;
      walk.weights := walk.weights || found_weights;
      walk.all_weights := walk.all_weights + weight;
      walk.tenant := coalesce(found_tenants[cardinality(found_tenants)], walk.tenant);
      walk.all_seen := walk.wrapped and (walk.all_weights < wanted or walk.tenant >= walk.first_tenant);
      exit when walk.all_weights >= wanted or walk.all_seen;
      walk.wrapped := true;
      walk.tenant := '00000000-0000-0000-0000-000000000000';
    end loop;
    return walk;
  end if;
  loop
    next_mark := null;
    for m in 1..cardinality(marks.tenants) loop
      if (marks.tenants[m], marks.lanes[m] collate "C", marks.priorities[m], 0) > (walk.tenant, walk.lane collate "C", walk.priority, walk.seq) then
        next_mark := m;
        exit;
      end if;
    end loop;
    found_tenant := null;
    if next_mark is null then
      select j.tenant_id into found_tenant from mayfly.jobs j
      where j.status = 'ready' and (j.tenant_id, j.lane, j.priority, j.seq) > (walk.tenant, walk.lane, walk.priority::smallint, walk.seq)
      order by j.tenant_id, j.lane, j.priority, j.seq limit 1;
    else
      select j.tenant_id into found_tenant from mayfly.jobs j
      where j.status = 'ready' and (j.tenant_id, j.lane, j.priority, j.seq) > (walk.tenant, walk.lane, walk.priority::smallint, walk.seq)
        and (j.tenant_id, j.lane, j.priority, j.seq) < (marks.tenants[next_mark], marks.lanes[next_mark], marks.priorities[next_mark]::smallint, 0::bigint)
      order by j.tenant_id, j.lane, j.priority, j.seq limit 1;
    end if;
    if found_tenant is not null then
      walk.all_seen := walk.wrapped and found_tenant >= walk.first_tenant;
      exit when walk.wrapped and found_tenant > walk.first_tenant;
      weight := coalesce((select t.weight from mayfly_private.job_tenants t where t.tenant_id = found_tenant), 1);
      walk.tenants := walk.tenants || found_tenant;
      walk.weights := walk.weights || weight;
      walk.all_weights := walk.all_weights + weight;
      walk.tenant := found_tenant;
      walk.lane := '~';
      walk.priority := 32767;
      walk.seq := end_of_lane;
      exit when walk.all_weights >= wanted or walk.all_seen;
    elsif next_mark is not null then
      walk.tenant := marks.tenants[next_mark];
      walk.lane := marks.lanes[next_mark];
      walk.priority := marks.priorities[next_mark];
      walk.seq := marks.seqs[next_mark] - 1;
    else
      walk.all_seen := walk.wrapped;
      exit when walk.all_seen;
      walk.wrapped := true;
      walk.tenant := '00000000-0000-0000-0000-000000000000';
      walk.lane := '';
    end if;
  end loop;
  return walk;
end
$$;

comment on function mayfly_private.find_job_tenants is 'The next tenants that have ready jobs.';

-- Takes ready jobs of tenants that have one lane alone, without a target, a limit or a mark: most tenants at most times,
-- and one statement for all of them. Says what is left for take_jobs to look at more closely (`rest`), who has had its
-- share and may have more (`busy`), and after which tenant the next claim goes on. Called by take_jobs, whose settings
-- hold here too, but for the hash join. Locks the jobs that it takes, and waits for none.

create type mayfly_private.plain_taken as (
  jobs json,
  taken integer,
  rest uuid[],
  rest_quotas integer[],
  busy uuid[],
  last_tenant uuid
);

create function mayfly_private.take_plain(
  worker mayfly_private.claiming_worker, walk mayfly_private.tenant_walk, wanted integer, queues text[], names text[], held_until timestamptz
)
returns mayfly_private.plain_taken
language plpgsql security definer
set search_path = ''
set enable_hashjoin = on
as $$
declare
  ts constant timestamptz := mayfly_private.now();
  any_tenant constant boolean := worker.tenant_id is null;
  got mayfly_private.plain_taken;
begin
  with found as materialized (
    select w.n, w.tenant, l.lane, greatest(w.weight, (wanted * w.weight + walk.all_weights - 1) / walk.all_weights) as share,
      l.lane >= '0' and split_part(split_part(l.lane, '#', 1), '/', 2) = any (coalesce(names, array[split_part(split_part(l.lane, '#', 1), '/', 2)]))
        and split_part(l.lane, '/', 1) = any (coalesce(queues, array[split_part(l.lane, '/', 1)]))
        and not exists (
          select from mayfly.jobs o where o.status = 'ready' and o.tenant_id = w.tenant and o.lane > l.lane)
        and not exists (select from mayfly.job_queues q where q.tenant_id = w.tenant)
        and not (any_tenant and exists (select from mayfly_private.job_tenants t where t.tenant_id = w.tenant and t.max_running is not null)) as plain
    from unnest(walk.tenants, walk.weights) with ordinality as w (tenant, weight, n)
    cross join lateral (
      select f.lane from mayfly.jobs f
      where f.status = 'ready' and f.tenant_id = w.tenant
      order by f.tenant_id, f.lane limit 1) l
  ), seen as materialized (
    -- Shares are rounded up: the last in the walk have what is left, and the next claim begins with them.
    select f.n, f.tenant, f.lane, f.plain, least(f.share, greatest(0, wanted - sum(f.share) over (order by f.n) + f.share))::integer as quota
    from found f
  ), taken as (
    update mayfly.jobs j
    set status = 'running', attempt = j.attempt + 1, holder = worker.id, started_at = ts, lease_end = least(held_until, j.deadline, ts + j.timeout)
    where j.ctid = any (array(
      select h.ctid from (select * from seen where seen.plain and seen.quota > 0 order by seen.n) s
      cross join lateral (
        select r.ctid from mayfly.jobs r
        where r.status = 'ready' and r.tenant_id = s.tenant and r.lane = s.lane
        order by r.lane, r.priority, r.seq limit s.quota for update skip locked) h))
    returning j.tenant_id, j.priority, j.seq, case
      -- Most have none of these.
      when j.deadline is not null or j.timeout is not null or j.parent_id is not null or j.key is not null
        or j.answers is not null or j.trace is not null then mayfly_private.show_claimed(j)::json
      else json_build_object(
        'lease', j.attempt || '.' || j.id || '.' || j.tenant_id, 'id', j.id, 'tenant_id', j.tenant_id, 'queue', j.queue,
        'name', j.name, 'priority', j.priority, 'attempt', j.attempt, 'max_attempts', j.max_attempts, 'run_at', j.run_at,
        'created_at', j.created_at, 'lease_end', j.lease_end, 'input', j.input) end as shown
  ), shown as (
    select count(*)::integer as taken, json_agg(t.shown order by t.tenant_id, t.priority, t.seq) as jobs
    from taken t
  ), asked as (
    select array_agg(s.tenant order by s.n) filter (where not s.plain and s.quota > 0) as rest,
      array_agg(s.quota order by s.n) filter (where not s.plain and s.quota > 0) as rest_quotas,
      array_agg(s.tenant order by s.n) filter (where s.plain and c.taken >= s.quota) as busy,
      (array_agg(s.tenant order by s.n desc) filter (where s.quota > 0))[1] as last_tenant
    from seen s
    left join (select t.tenant_id, count(*) as taken from taken t group by 1) c on c.tenant_id = s.tenant
  )
  select s.jobs, s.taken, coalesce(a.rest, '{}'), a.rest_quotas, coalesce(a.busy, '{}'), a.last_tenant into got from shown s, asked a;
  return got;
end
$$;

comment on function mayfly_private.take_plain is 'Takes ready jobs of tenants that have one plain lane.';

-- The lanes of a tenant that a worker may take from, each with the head of its lane (its queue, or its target) and the
-- weight of its queue: a loose scan of jobs_ready_idx, one probe a lane, whatever stands in it. At most 16 of one head,
-- where `next_heads` says from which the next claim goes on, and 128 in all. Marks are passed over (see take_jobs).
-- Locks nothing.

create type mayfly_private.found_lanes as (
  lanes text[],
  heads text[],
  weights integer[],
  next_heads jsonb
);

create function mayfly_private.find_lanes(
  worker mayfly_private.claiming_worker, tenant uuid, queues text[], names text[], seen_heads jsonb, weighted boolean,
  marks mayfly_private.job_marks
)
returns mayfly_private.found_lanes
language plpgsql stable security definer
set search_path = ''
as $$
declare
  end_of_lane constant bigint := 9223372036854775807;
  found mayfly_private.found_lanes := row('{}', '{}', '{}', '{}')::mayfly_private.found_lanes;
  -- What of the index may be this worker's.
  lows text[] := case when queues is null then '{0}' else array(select q || '/' from unnest(queues) q order by q) end;
  highs text[] := case when queues is null then '{~}' else array(select q || '0' from unnest(queues) q order by q) end;
  -- Where the scan stands, and where it ends.
  c_lane text collate "C";
  c_priority integer;
  c_seq bigint;
  next_mark integer;
  next_lane text collate "C";
  target jsonb;
  head text collate "C";
  last_head text collate "C";
  in_head integer := 0;
  label text;
begin
  if worker.kind = 'agent' and exists (select from mayfly.jobs j where j.tenant_id = tenant and j.status = 'ready' and j.lane < '0') then
    lows := array['!a' || worker.id || '/', '!t' || worker.type || '/']
      || case when cardinality(worker.capabilities) > 0 then '{!c}'::text[] else '{}' end || lows;
    highs := array['!a' || worker.id || '0', '!t' || worker.type || '0']
      || case when cardinality(worker.capabilities) > 0 then '{!d}'::text[] else '{}' end || highs;
  end if;

  for i in 1..cardinality(lows) loop
    c_lane := lows[i];
    c_priority := -32768;
    c_seq := 0;
    loop
      next_mark := null;
      for m in 1..cardinality(marks.tenants) loop
        if marks.tenants[m] = tenant and marks.lanes[m] collate "C" < highs[i] collate "C"
          and (marks.lanes[m] collate "C", marks.priorities[m], 0) > (c_lane, c_priority, c_seq) then
          next_mark := m;
          exit;
        end if;
      end loop;
      next_lane := null;
      select j.lane, j.target into next_lane, target from mayfly.jobs j
      where j.tenant_id = tenant and j.status = 'ready'
        and (j.lane, j.priority, j.seq) > (c_lane, c_priority::smallint, c_seq)
        and (j.lane, j.priority, j.seq) < (coalesce(marks.lanes[next_mark], highs[i]), coalesce(marks.priorities[next_mark], -32768)::smallint, 0::bigint)
      order by j.lane, j.priority, j.seq limit 1;
      if next_lane is null then
        exit when next_mark is null;
        c_lane := marks.lanes[next_mark];
        c_priority := marks.priorities[next_mark];
        c_seq := marks.seqs[next_mark] - 1;
        continue;
      end if;
      c_lane := next_lane;
      c_priority := 32767;
      c_seq := end_of_lane;
      head := split_part(next_lane, '/', 1);
      if (left(head, 2) = '!c' and not (target -> 'capabilities') <@ to_jsonb(worker.capabilities))
        or (head = last_head and in_head >= 16) then
        if head = last_head and in_head >= 16 then
          found.next_heads := found.next_heads || jsonb_build_object(head, found.lanes[cardinality(found.lanes)]);
        end if;
        -- To the next head: 0 comes after /.
        c_lane := head || '0';
        c_priority := -32768;
        c_seq := 0;
        continue;
      end if;
      label := split_part(case when left(head, 1) = '!' then substr(next_lane, length(head) + 2) else next_lane end, '#', 1);
      continue when split_part(label, '/', 2) <> all (names) or (left(head, 1) = '!' and split_part(label, '/', 1) <> all (queues));
      if head is distinct from last_head then
        last_head := head;
        in_head := 0;
        if seen_heads ? head and next_lane < (seen_heads ->> head) collate "C" then
          c_lane := seen_heads ->> head;
          continue;
        end if;
      end if;
      in_head := in_head + 1;
      found.lanes := found.lanes || next_lane::text;
      found.heads := found.heads || head::text;
      found.weights := found.weights || case when weighted
        then coalesce((select q.weight from mayfly.job_queues q where q.tenant_id = tenant and q.name = split_part(label, '/', 1)), 1)::integer
        else 1 end;
      exit when cardinality(found.lanes) >= 128;
    end loop;
    exit when cardinality(found.lanes) >= 128;
  end loop;
  return found;
end
$$;

comment on function mayfly_private.find_lanes is 'The lanes of a tenant that a worker may take from.';

-- Locks up to `asked` ready jobs of a lane, by priority and age, passing by what others have locked, and says where
-- they stand. With marks of this lane (from `first_mark` on), what lies before each is not looked at; where nothing is
-- left behind one it moves up to `newest`. Called by take_jobs.

create type mayfly_private.locked_jobs as (
  places tid[],
  marks mayfly_private.job_marks
);

create function mayfly_private.lock_ready(tenant uuid, of_lane text, asked integer, marks mayfly_private.job_marks, first_mark integer, newest bigint)
returns mayfly_private.locked_jobs
language plpgsql security definer
set search_path = ''
as $$
declare
  next_mark integer := first_mark;
  at_mark integer;
  low integer := -32768;
  low_seq bigint := 0;
  high integer;
  places tid[] := '{}';
begin
  loop
    high := case when marks.tenants[next_mark] = tenant and marks.lanes[next_mark] = of_lane then marks.priorities[next_mark] end;
    places := places || array(
      select h.ctid from mayfly.jobs h
      where h.status = 'ready' and h.tenant_id = tenant and h.lane = of_lane
        and (h.priority, h.seq) > (low::smallint, low_seq)
        and (h.priority, h.seq) < (coalesce(high, 32767)::smallint, case when high is null then 9223372036854775807 else 0 end)
      order by h.lane, h.priority, h.seq limit asked - cardinality(places) for update skip locked);
    exit when cardinality(places) >= asked;
    -- All that was there is taken, or in other hands.
    if at_mark is not null then
      marks.seqs[at_mark] := greatest(marks.seqs[at_mark], newest);
    end if;
    exit when high is null;
    at_mark := next_mark;
    low := marks.priorities[at_mark];
    low_seq := marks.seqs[at_mark] - 1;
    next_mark := next_mark + 1;
  end loop;
  return row(places, marks)::mayfly_private.locked_jobs;
end
$$;

comment on function mayfly_private.lock_ready is 'Locks ready jobs of a lane.';

-- Takes up to `wanted` ready jobs for a worker: the heart of claim_jobs and claim_any_jobs. Gives { jobs, place, took }, and whether there are any.
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

create type mayfly_private.taken_jobs as (
  jobs json,
  are_any boolean,
  place jsonb,
  took numeric
);

create function mayfly_private.take_jobs(
  worker mayfly_private.claiming_worker, wanted integer, queues text[], names text[], lease_seconds double precision, place jsonb
)
returns mayfly_private.taken_jobs
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
  begun constant timestamptz := clock_timestamp();
  ts constant timestamptz := mayfly_private.now();
  marked constant boolean := coalesce(jsonb_typeof(place -> 'marks'), 'null') = 'array';
  held_until constant timestamptz := least(ts + make_interval(secs => lease_seconds), worker.expires_at);
  seen_heads constant jsonb := case when jsonb_typeof(place -> 'heads') = 'object' then place -> 'heads' else '{}' end;
  marks mayfly_private.job_marks := row('{}', '{}', '{}', '{}')::mayfly_private.job_marks;
  new_marks jsonb := '[]';
  priorities integer[];
  seqs bigint[];
  newest bigint;
  since timestamptz := '-infinity';
  walk mayfly_private.tenant_walk;
  seen_tenants integer := 0;
  plain mayfly_private.plain_taken;
  rest uuid[];
  busy uuid[] := '{}';
  share integer;
  tenant uuid;
  most integer;
  quota integer;
  found_lanes mayfly_private.found_lanes;
  next_heads jsonb := '{}';
  has_limits boolean;
  turns integer[];
  at_lane integer;
  last_head text;
  in_head integer;
  weight integer;
  weight_left integer;
  room integer;
  asked integer;
  next_mark integer;
  locked mayfly_private.locked_jobs;
  part json;
  parts json[] := '{}';
  left_over integer := wanted;
  progress integer;
begin
  if not marked and worker.tenant_id is not null then
    part := mayfly_private.take_lane(worker, wanted, queues, names, held_until, true);
    if part is not null then
      return row(part, octet_length(part::text) > 2, '{}', round(extract(epoch from clock_timestamp() - begun) * 1000, 3))::mayfly_private.taken_jobs;
    end if;
  end if;

  if marked then
    select coalesce(array_agg(x.t order by x.t, x.l collate "C", x.p), '{}'), coalesce(array_agg(x.l order by x.t, x.l collate "C", x.p), '{}'),
      coalesce(array_agg(x.p order by x.t, x.l collate "C", x.p), '{}'), coalesce(array_agg(x.s order by x.t, x.l collate "C", x.p), '{}')
    into marks.tenants, marks.lanes, marks.priorities, marks.seqs
    from (
      select mayfly_private.to_uuid(e ->> 0) as t, e ->> 1 as l, (e ->> 2)::integer as p, (e ->> 3)::bigint as s
      from jsonb_array_elements(place -> 'marks') e) x
    where x.t is not null and (worker.tenant_id is null or x.t = worker.tenant_id);
    since := coalesce((place ->> 'due')::timestamptz, '-infinity');
    newest := coalesce(pg_sequence_last_value('mayfly.jobs_seq_seq'), 0);
  end if;

  perform from mayfly.jobs j where j.status in ('scheduled', 'waiting') and j.run_at between since and ts limit 1;
  if not found or mayfly_private.promote_jobs(since, 200) < 200 then
    -- What committed late, with an instant before this one, is found in that time without a full claim.
    since := ts - interval '5 seconds';
  end if;

  if worker.tenant_id is not null then
    walk.all_seen := true;
    walk.tenants := array[worker.tenant_id];
    walk.weights := '{1}';
    walk.all_weights := 1;
  else
    walk.first_tenant := coalesce(mayfly_private.to_uuid(place ->> 'tenant'), '00000000-0000-0000-0000-000000000000');
    walk.tenant := walk.first_tenant;
    walk.lane := '~';
    walk.priority := 32767;
    walk.seq := 9223372036854775807;
    walk.wrapped := false;
    walk.all_seen := false;
  end if;

  -- Of tenants that turn out to have nothing for this worker the next are looked at, 1,000 at most.
  loop
    if worker.tenant_id is null and not walk.all_seen then
      walk := mayfly_private.find_job_tenants(walk, left_over, marks);
    elsif worker.tenant_id is null then
      -- What is left, for those that had more than their share.
      walk.tenants := busy;
      walk.weights := array_fill(1, array[cardinality(busy)]);
      walk.all_weights := cardinality(busy);
    end if;
    exit when cardinality(walk.tenants) = 0;
    if marked then
      share := left_over;
      rest := walk.tenants;
      busy := '{}';
    elsif worker.tenant_id is not null then
      -- All of it where the tenant has one plain lane.
      part := mayfly_private.take_lane(worker, left_over, queues, names, held_until, false);
      if part is not null then
        parts := array[part];
        exit;
      end if;
      share := left_over;
      rest := walk.tenants;
    else
      plain := mayfly_private.take_plain(worker, walk, left_over, queues, names, held_until);
      rest := plain.rest;
      busy := plain.busy;
      tenant := coalesce(plain.last_tenant, tenant);
      if plain.taken > 0 then
        parts := parts || plain.jobs;
        left_over := left_over - plain.taken;
      end if;
    end if;

    for nth in 1..cardinality(rest) loop
      exit when left_over <= 0;
      tenant := rest[nth];
      quota := case
        when plain is null then least(left_over, greatest(walk.weights[nth], (share * walk.weights[nth] + walk.all_weights - 1) / walk.all_weights))
        else plain.rest_quotas[nth] end;
      has_limits := exists (select from mayfly.job_queues q where q.tenant_id = tenant);
      if worker.tenant_id is null then
        select t.max_running into most from mayfly_private.job_tenants t where t.tenant_id = tenant and t.max_running is not null;
        if found then
          -- One claim at a time where a tenant has a limit: the others pass it by.
          perform from mayfly_private.job_tenants t where t.tenant_id = tenant for no key update skip locked;
          continue when not found;
          quota := least(quota, most - (select count(*) from mayfly.jobs j where j.tenant_id = tenant and j.status = 'running')::integer);
          continue when quota <= 0;
        end if;
      end if;
      found_lanes := mayfly_private.find_lanes(worker, tenant, queues, names, seen_heads, has_limits, marks);
      next_heads := next_heads || found_lanes.next_heads;
      continue when cardinality(found_lanes.lanes) = 0;

      -- Each lane its share of its queue's, and twice more what the others left.
      for pass in 1..3 loop
        progress := 0;
        if cardinality(found_lanes.lanes) = 1 then
          turns := '{1}';
          weight_left := found_lanes.weights[1];
        else
          -- At random, the queues first, by their weights: over many claims of few jobs each has its share.
          turns := array(
            select l.n from unnest(found_lanes.heads) with ordinality as l (head, n)
            join (
              select h.head, power(random(), 1.0 / max(h.weight)) as luck
              from unnest(found_lanes.heads, found_lanes.weights) as h (head, weight) group by h.head) q on q.head = l.head
            order by q.luck desc, l.head, random());
          weight_left := (select sum(q.w) from (
            select max(h.weight) as w from unnest(found_lanes.heads, found_lanes.weights) as h (head, weight) group by h.head) q);
        end if;
        last_head := null;
        foreach at_lane in array turns loop
          exit when quota <= 0;
          if found_lanes.heads[at_lane] is distinct from last_head then
            if last_head is not null then
              weight_left := weight_left - weight;
            end if;
            last_head := found_lanes.heads[at_lane];
            weight := found_lanes.weights[at_lane];
            room := least(quota, (quota * weight + weight_left - 1) / greatest(weight_left, 1));
            in_head := (select count(*) from unnest(found_lanes.heads) h where h = last_head);
          end if;
          asked := least(quota, (room + in_head - 1) / greatest(in_head, 1));
          in_head := in_head - 1;
          if has_limits and asked > 0 then
            asked := mayfly_private.queue_room(tenant, found_lanes.lanes[at_lane], asked);
          end if;
          continue when asked <= 0;

          next_mark := null;
          for m in 1..cardinality(marks.tenants) loop
            if marks.tenants[m] = tenant and marks.lanes[m] = found_lanes.lanes[at_lane] then
              next_mark := m;
              exit;
            end if;
          end loop;
          if next_mark is null then
            locked.places := null;
          else
            locked := mayfly_private.lock_ready(tenant, found_lanes.lanes[at_lane], asked, marks, next_mark, newest);
            marks := locked.marks;
            continue when cardinality(locked.places) = 0;
          end if;

          with taken as (
            update mayfly.jobs j
            set status = 'running', attempt = j.attempt + 1, holder = worker.id, started_at = ts, lease_end = least(held_until, j.deadline, ts + j.timeout)
            where j.ctid = any (coalesce(locked.places, array(
              select h.ctid from mayfly.jobs h
              where h.status = 'ready' and h.tenant_id = tenant and h.lane = found_lanes.lanes[at_lane]
              order by h.lane, h.priority, h.seq limit asked for update skip locked)))
            returning j.priority, j.seq, case
              when j.deadline is not null or j.timeout is not null or j.parent_id is not null or j.key is not null
                or j.answers is not null or j.trace is not null then mayfly_private.show_claimed(j)::json
              else json_build_object(
                'lease', j.attempt || '.' || j.id || '.' || j.tenant_id, 'id', j.id, 'tenant_id', j.tenant_id, 'queue', j.queue,
                'name', j.name, 'priority', j.priority, 'attempt', j.attempt, 'max_attempts', j.max_attempts, 'run_at', j.run_at,
                'created_at', j.created_at, 'lease_end', j.lease_end, 'input', j.input) end as shown
          )
          select json_agg(t.shown order by t.priority, t.seq), count(*)::integer,
            array_agg(t.priority::integer), array_agg(t.seq)
          into part, asked, priorities, seqs
          from taken t;
          continue when asked = 0;
          if marked then
            new_marks := new_marks || (
              select jsonb_agg(jsonb_build_array(tenant, found_lanes.lanes[at_lane], x.priority, x.last))
              from (select t.priority, max(t.seq) as last from unnest(priorities, seqs) as t (priority, seq) group by 1) x);
          end if;
          parts := parts || part;
          progress := progress + asked;
          left_over := left_over - asked;
          quota := quota - asked;
          room := room - asked;
        end loop;
        exit when quota <= 0 or progress = 0 or cardinality(turns) = 1;
      end loop;
      if worker.tenant_id is null and quota <= 0 then
        busy := busy || tenant;
      end if;
    end loop;
    seen_tenants := seen_tenants + cardinality(walk.tenants);
    tenant := coalesce(plain.last_tenant, tenant);
    exit when left_over <= 0 or (walk.all_seen and cardinality(busy) = 0) or seen_tenants >= 1000;
  end loop;

  if marked then
    select coalesce(jsonb_agg(jsonb_build_array(k.t, k.l, k.p, k.s)), '[]') into new_marks
    from (
      select x.t, x.l, x.p, max(x.s) as s
      from (
        select * from unnest(marks.tenants, marks.lanes, marks.priorities, marks.seqs) as o (t, l, p, s)
        union all
        select (e ->> 0)::uuid, e ->> 1, (e ->> 2)::integer, (e ->> 3)::bigint from jsonb_array_elements(new_marks) e
      ) x group by 1, 2, 3
      order by max(x.s) desc limit 500) k;
  end if;
  -- What several lanes or tenants gave is put together, once.
  part := case cardinality(parts)
    when 0 then '[]' when 1 then parts[1]
    else (select json_agg(e.job) from unnest(parts) p (jobs), json_array_elements(p.jobs) e (job)) end;
  return row(part, octet_length(part::text) > 2, jsonb_strip_nulls(jsonb_build_object(
    'tenant', case when worker.tenant_id is null then tenant end,
    'heads', nullif(next_heads, '{}'),
    'due', case when marked then since end,
    'marks', case when marked then new_marks end)), round(extract(epoch from clock_timestamp() - begun) * 1000, 3))::mayfly_private.taken_jobs;
end
$$;

comment on function mayfly_private.take_jobs is 'Takes ready jobs for a worker.';

-- The definer half of mayfly.claim_jobs. Scope job:work. Locks the tenant, the agent and its line (shared, advisory),
-- then the jobs that it takes; waits for none.

create function mayfly_private.claim_jobs(
  wanted integer, queues text[], names text[], lease double precision, place jsonb, park uuid, any_tenant boolean
)
returns json
language plpgsql security definer
set search_path = ''
as $$
declare
  worker constant mayfly_private.claiming_worker := mayfly_private.claiming_worker(any_tenant);
  taken mayfly_private.taken_jobs;
begin
  perform mayfly_private.check_claim(wanted, queues, names, lease);
  perform mayfly_private.tick_jobs();
  taken := mayfly_private.take_jobs(worker, wanted, queues, names, lease, place);
  if park is not null and not taken.are_any then
    perform mayfly_private.park_worker(worker.tenant_id, park);
  end if;
  return json_build_object('jobs', taken.jobs, 'place', taken.place, 'took', taken.took);
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
returns json
language plpgsql
set search_path = ''
as $$
begin
  return mayfly_private.claim_jobs(wanted, queues, names, lease, place, park, false);
end
$$;

comment on function mayfly.claim_jobs is
  'Claims jobs that are ready: { jobs: [{ lease, id, name, input, attempt, … }], place, took }.';

grant execute on function mayfly.claim_jobs to authenticated, service_role;

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
declare
  -- A regular expression over the whole token took three times as long.
  parts constant text[] := string_to_array(token, '.');
begin
  if cardinality(parts) = 3 and octet_length(token) between 75 and 83 and pg_input_is_valid(parts[1], 'integer')
    and pg_input_is_valid(parts[2], 'uuid') and pg_input_is_valid(parts[3], 'uuid')
    and (holder.tenant_id is null or holder.tenant_id = parts[3]::uuid) then
    return row(parts[3]::uuid, parts[2]::uuid, parts[1]::integer)::mayfly_private.lease;
  end if;
  return null;
end
$$;

comment on function mayfly_private.lease_of is 'What a lease token says, for this holder.';

-- Completes jobs for a holder: the core of complete_jobs and turn_jobs. One fence for all of the batch: running, this attempt, this holder, not
-- over, and locked. What was cancelled meanwhile ends as cancelled. A call that comes again, since its answer was lost,
-- changes nothing and finds its jobs recorded. Locks the jobs by tenant and id.

create function mayfly_private.complete_held(holder mayfly_private.job_holder, done jsonb)
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
  ts constant timestamptz := mayfly_private.now();
  fault integer;
  lease mayfly_private.lease;
  job record;
  places tid[];
  results jsonb[];
  cancelled_places tid[];
  dropped integer[];
  lost integer[];
begin
  if jsonb_typeof(done) is distinct from 'array' or jsonb_array_length(done) not between 1 and 1000 then
    perform mayfly_private.fail(400, 'invalid_request', 'done must be an array of 1 to 1000 { lease, result? }.', null, '{"field": "done"}');
  end if;
  -- Where every result is null or a boolean nothing has to be looked at more closely.
  if jsonb_path_exists(done, 'strict $[*] ? (@.type() != "object" || @.result.type() == "object" || @.result.type() == "array" || @.result.type() == "string" || @.result.type() == "number")') then
    select o.n - 1 into fault from jsonb_array_elements(done) with ordinality as o (d, n)
    where jsonb_typeof(o.d) <> 'object' or case
      when coalesce(jsonb_typeof(o.d -> 'result'), 'null') in ('null', 'boolean') then false
      else not (mayfly_private.json_within(o.d -> 'result', 262144, 32) and mayfly_private.numbers_kept(o.d -> 'result')) end
    order by o.n limit 1;
    if found then
      perform mayfly_private.fail(400, 'invalid_request',
        format('done[%s].result must be at most 256 KB of JSON, at most 32 deep, with no number that JavaScript cannot hold.', fault),
        'Nothing was completed. Keep what is large elsewhere, and give a reference to it.', jsonb_build_object('index', fault, 'field', 'result'));
    end if;
  end if;

  if jsonb_array_length(done) = 1 then
    -- The same as below, of one: a fifth of the time.
    lease := mayfly_private.lease_of(holder, done -> 0 ->> 'lease');
    select j.ctid as place, j.cancelled into job from mayfly.jobs j
    where j.tenant_id = lease.tenant_id and j.id = lease.job_id
      and coalesce(j.status = 'running' and j.attempt = lease.attempt and j.holder = holder.id and j.lease_end > ts, false)
    for update;
    if not found then
      lost := '{0}';
    elsif job.cancelled then
      cancelled_places := array[job.place];
      dropped := '{0}';
    else
      places := array[job.place];
      results := array[done -> 0 -> 'result'];
    end if;
  else
    -- A job that is named twice stands here twice, and is ended once, with what was said first.
    select
      array_agg(h.place) filter (where h.held and not h.cancelled), array_agg(h.result) filter (where h.held and not h.cancelled),
      array_agg(h.place) filter (where h.held and h.cancelled), array_agg(h.n) filter (where h.held and h.cancelled),
      array_agg(h.n) filter (where not h.held)
    into places, results, cancelled_places, dropped, lost
    from (
      select g.n, g.result, j.place, j.cancelled,
        coalesce(j.status = 'running' and j.attempt = g.attempt and j.holder = holder.id and j.lease_end > ts
          and (holder.tenant_id is null or holder.tenant_id = g.tenant_id), false) as held
      from (
        -- As lease_of reads it: a call for each took 7 µs.
        select p.n, p.result, case when p.is_lease then right(p.token, 36)::uuid end as tenant_id,
          case when p.is_lease then left(right(p.token, 73), 36)::uuid end as job_id,
          case when p.is_lease then left(p.token, -74)::integer end as attempt
        from (
          select o.n - 1 as n, o.d -> 'result' as result, o.d ->> 'lease' as token,
            octet_length(o.d ->> 'lease') between 75 and 83
              and left(right(o.d ->> 'lease', 37), 1) = '.' and left(right(o.d ->> 'lease', 74), 1) = '.'
              and pg_input_is_valid(left(o.d ->> 'lease', -74), 'integer') and pg_input_is_valid(right(o.d ->> 'lease', 36), 'uuid')
              and pg_input_is_valid(left(right(o.d ->> 'lease', 73), 36), 'uuid') as is_lease
          from jsonb_array_elements(done) with ordinality as o (d, n)) p
        order by 3, 4, p.n) g
      left join lateral (
        select l.ctid as place, l.status, l.attempt, l.holder, l.lease_end, l.cancelled from mayfly.jobs l
        where l.tenant_id = g.tenant_id and l.id = g.job_id limit 1 for update) j on true) h;
  end if;

  if places is not null then
    perform mayfly_private.end_places(places, 'succeeded', null, results);
  end if;
  if lost is null and dropped is null then
    return '{"lost": [], "cancelled": []}';
  end if;
  perform mayfly_private.end_places(cancelled_places, 'cancelled', null, null);

  if lost is not null then
    -- Whoever holds nothing may not even live.
    if holder.kind = 'agent' and places is null and dropped is null then
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
  return jsonb_build_object('lost', coalesce(lost, '{}'), 'cancelled', coalesce((select array_agg(distinct n order by n) from unnest(dropped) n), '{}'));
end
$$;

comment on function mayfly_private.complete_held is 'Completes jobs under the leases of a holder.';

-- The definer half of mayfly.complete_jobs.

create function mayfly_private.complete_jobs(done jsonb)
returns jsonb
language plpgsql security definer
set search_path = ''
as $$
begin
  return mayfly_private.complete_held(mayfly_private.job_holder(), done);
end
$$;

comment on function mayfly_private.complete_jobs is 'Completes jobs under their leases.';

grant execute on function mayfly_private.complete_jobs to authenticated, service_role;

-- Completes 1 to 1,000 jobs: [{ lease, result? }]. Gives { lost, cancelled }, by their places in the call from 0 on:
-- those whose lease was not the caller's any more, of which nothing was recorded, and those that had been cancelled.

create function mayfly.complete_jobs(done jsonb)
returns jsonb
language plpgsql
set search_path = ''
as $$
begin
  return mayfly_private.complete_jobs(done);
end
$$;

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
language plpgsql
set search_path = ''
as $$
begin
  return mayfly_private.delete_schedule(name);
end
$$;

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
language plpgsql
set search_path = ''
as $$
begin
  return mayfly_private.discard_jobs(ids, of_queue, max_rows);
end
$$;

comment on function mayfly.discard_jobs is 'Deletes failed jobs for good: { discarded }.';

grant execute on function mayfly.discard_jobs to authenticated, service_role;

-- The move itself, for end_places: gives what was moved, and how many bytes of each result come on top of the 256 that
-- a job is charged for. A function of its own for its settings, which must not hold for what end_places calls besides.
-- By ctid, which cannot become a scan of the whole table; a result is found by the place that its job had.

create type mayfly_private.moved_jobs as (
  tenants uuid[],
  ids uuid[],
  more bigint[],
  related boolean,
  answering boolean
);

create function mayfly_private.move_ended(places tid[], ended text, errors jsonb[], results jsonb[])
returns mayfly_private.moved_jobs
language plpgsql security definer
set search_path = ''
set plan_cache_mode = force_generic_plan
set enable_seqscan = off
as $$
declare
  moved mayfly_private.moved_jobs;
begin
  with gone as (
    delete from mayfly.jobs j where j.ctid = any (places)
    returning j.*, array_position(places, j.ctid) as nth
  ), kept as (
    insert into mayfly.finished_jobs (tenant_id, id, queue, name, lane, status, priority, run_at, attempt, max_attempts, holder,
      started_at, timeout, backoff, target, parent_id, root_id, key, answers, trace, error, created_by, created_at, bytes, input, result)
    select g.tenant_id, g.id, g.queue, g.name, g.lane, ended, g.priority, g.run_at, g.attempt, g.max_attempts, g.holder,
      g.started_at, g.timeout, g.backoff, g.target, g.parent_id, g.root_id, g.key, g.answers, g.trace,
      coalesce(errors[g.nth], g.error), g.created_by, g.created_at,
      g.bytes + greatest(0, coalesce(octet_length(results[g.nth]::text), 0) - 256), g.input, results[g.nth]
    from gone g
    returning tenant_id, id, greatest(0, coalesce(octet_length(result::text), 0) - 256) as more, parent_id, answers
  )
  select array_agg(k.tenant_id), array_agg(k.id), array_agg(k.more), bool_or(k.parent_id is not null), bool_or(k.answers is not null)
  into moved
  from kept k;
  return moved;
end
$$;

comment on function mayfly_private.move_ended is 'Moves locked jobs to finished_jobs.';

-- Ends jobs, of one or of several tenants, that stand at these places and were locked there by an earlier statement of
-- the caller: moves them to finished_jobs, logs it, tells their parents, and answers the messages that they were made
-- of. Errors and results go with the places; either list may be null. The bytes of a result over 256 are counted, never
-- refused: what is done is recorded.

create function mayfly_private.end_places(places tid[], ended text, errors jsonb[], results jsonb[])
returns void
language plpgsql security definer
set search_path = ''
set plan_cache_mode = force_generic_plan
as $$
declare
  moved mayfly_private.moved_jobs;
  of_one record;
begin
  if coalesce(cardinality(places), 0) = 0 then
    return;
  end if;
  moved := mayfly_private.move_ended(places, ended, errors, results);
  if moved.tenants[1] = all (moved.tenants) then
    perform mayfly_private.append_events(moved.tenants[1], 'job.' || ended, moved.ids);
  elsif moved.ids is not null then
    perform mayfly_private.append_events_of(moved.tenants, 'job.' || ended, moved.ids);
  end if;
  if moved.related or moved.answering or 0 < any (moved.more) then
    for of_one in
      select t.tenant_id, array_agg(t.id) as ids, sum(t.more) as more
      from unnest(moved.tenants, moved.ids, moved.more) as t (tenant_id, id, more) group by t.tenant_id order by t.tenant_id
    loop
      if of_one.more > 0 then
        perform mayfly_private.count_usage(of_one.tenant_id, 0, of_one.more::bigint, 0);
      end if;
      if moved.related then
        perform mayfly_private.tell_parents(of_one.tenant_id, of_one.ids);
      end if;
      if moved.answering then
        perform mayfly_private.answer_messages(of_one.tenant_id, of_one.ids);
      end if;
    end loop;
  end if;
end
$$;

comment on function mayfly_private.end_places is 'Ends the locked jobs at these places.';

-- The same for jobs of one tenant by their ids.

create function mayfly_private.end_jobs(tenant uuid, ids uuid[], ended text, errors jsonb[], results jsonb[])
returns void
language plpgsql security definer
set search_path = ''
set enable_seqscan = off
as $$
declare
  places tid[];
begin
  if coalesce(cardinality(ids), 0) = 0 then
    return;
  end if;
  places := array(
    select coalesce(j.place, '(4294967295,0)') from unnest(ids) with ordinality as i (id, n)
    left join lateral (select o.ctid as place from mayfly.jobs o where o.tenant_id = tenant and o.id = i.id limit 1) j on true
    order by i.n);
  perform mayfly_private.end_places(places, ended, errors, results);
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
  ts constant timestamptz := mayfly_private.now();
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
      perform mayfly_private.append_events(job.tenant_id, 'job.retrying', array[job.id]);
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
language plpgsql
set search_path = ''
as $$
begin
  return mayfly_private.fail_jobs(failures);
end
$$;

comment on function mayfly.fail_jobs is
  'Records that attempts failed: [{ lease, error: { code?, message }, retryable?, retry_in? }] gives [retrying | failed | cancelled | recorded | lost].';

grant execute on function mayfly.fail_jobs to authenticated, service_role;

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
    or job.lease_end <= mayfly_private.now() then
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
  ts constant timestamptz := mayfly_private.now();
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
  ts constant timestamptz := mayfly_private.now();
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
language plpgsql
set search_path = ''
as $$
begin
  return mayfly_private.heartbeat_jobs(leases, lease);
end
$$;

comment on function mayfly.heartbeat_jobs is
  'Extends leases to so many seconds from now: { lost: [place], cancelled: [place], lease_end }, from 0 on.';

grant execute on function mayfly.heartbeat_jobs to authenticated, service_role;

-- An id for a job: a UUIDv7 (RFC 9562). Postgres makes them from 18 on.

create function mayfly_private.new_job_id(ts timestamptz)
returns uuid
language plpgsql
set search_path = ''
as $$
begin
  return encode(set_bit(set_bit(overlay(uuid_send(gen_random_uuid())
    placing substring(int8send((extract(epoch from ts) * 1000)::bigint) from 3) from 1 for 6), 52, 1), 53, 1), 'hex')::uuid;
end
$$;

comment on function mayfly_private.new_job_id is 'An id for a job, with its time.';

-- Inserts jobs that check_jobs passed, into a tenant: for add_jobs and schedules. Locks the keys, in their order, so
-- that two calls with the same keys wait for each other in one direction; then a shard of the tenant's usage.

create function mayfly_private.insert_jobs(tenant uuid, jobs jsonb, author uuid, parent uuid, root uuid)
returns jsonb
language plpgsql security definer
set search_path = ''
set plan_cache_mode = force_generic_plan
as $$
declare
  ts constant timestamptz := mayfly_private.now();
  keyed constant boolean := jsonb_path_exists(jobs, '$[*] ? (@.key != null)');
  ids uuid[];
  known integer[] := '{}';
  answer jsonb;
  added uuid[];
  bytes bigint;
  due boolean;
begin
  if keyed then
    ids := array(select mayfly_private.new_job_id(ts) from generate_series(1, jsonb_array_length(jobs)));
    with claimed as (
      insert into mayfly_private.job_keys (tenant_id, key, job_id)
      select tenant, e.j ->> 'key', ids[e.n] from jsonb_array_elements(jobs) with ordinality as e (j, n)
      where e.j ->> 'key' is not null
      order by e.j ->> 'key' collate "C", e.n
      on conflict on constraint job_keys_pkey do nothing
      returning job_id
    )
    select coalesce(array_agg(e.n::integer), '{}') into known
    from jsonb_array_elements(jobs) with ordinality as e (j, n)
    where e.j ->> 'key' is not null and ids[e.n] not in (select c.job_id from claimed c);
  end if;

  with inserted as (
    insert into mayfly.jobs (tenant_id, id, queue, name, lane, status, priority, run_at, max_attempts, deadline, timeout, backoff, target,
      parent_id, root_id, key, answers, trace, created_by, created_at, bytes, input)
    select tenant, coalesce(ids[f.n], mayfly_private.new_job_id(ts)), coalesce(f.queue, f.name), f.name,
      mayfly_private.lane_of(coalesce(f.queue, f.name), f.name, f."group", f.aim),
      case when f.due_at > ts then 'scheduled' else 'ready' end,
      coalesce(f.priority, 0), f.due_at, coalesce(f.max_attempts, 5), f.deadline, make_interval(secs => f.timeout), f.backoff, f.aim,
      parent, root, f.key, f.answers, f.trace, author, ts, 768 + octet_length(f.content::text), f.content
    from (
      select x.*, case when x.delay is not null then ts + make_interval(secs => x.delay) else coalesce(x.run_at, ts) end as due_at,
        case when x.target is null then null else jsonb_strip_nulls(case when x.target ? 'capabilities'
          then jsonb_build_object('capabilities', (select jsonb_agg(distinct c order by c) from jsonb_array_elements_text(x.target -> 'capabilities') c))
          else x.target end) end as aim,
        -- A JSON null becomes {} as nothing does: handlers are given an object unless the caller says another value.
        coalesce(x.input, '{}') as content
      from rows from (jsonb_to_recordset(insert_jobs.jobs) as (
        name text, queue text, "group" text, input jsonb, priority smallint, run_at timestamptz, delay double precision, key text,
        target jsonb, max_attempts integer, backoff jsonb, timeout double precision, deadline timestamptz, trace text, answers uuid
      )) with ordinality as x (
        name, queue, "group", input, priority, run_at, delay, key, target, max_attempts, backoff, timeout, deadline, trace, answers, n)
      where x.n <> all (known)
      order by x.n) f
    returning id, status, mayfly.jobs.bytes
  )
  -- In the order in which they were inserted.
  select array_agg(i.id), sum(i.bytes), bool_or(i.status = 'ready'), jsonb_agg(jsonb_build_object('id', i.id, 'existing', false))
  into added, bytes, due, answer
  from inserted i;

  if cardinality(known) > 0 then
    -- In a statement of its own, which sees what another transaction has committed meanwhile.
    answer := (
      select jsonb_agg(case when e.n = any (known) then jsonb_build_object('existing', true, 'id', (
          select k.job_id from mayfly_private.job_keys k where k.tenant_id = tenant and k.key = e.j ->> 'key'))
        else jsonb_build_object('id', ids[e.n], 'existing', false) end order by e.n)
      from jsonb_array_elements(jobs) with ordinality as e (j, n));
  end if;
  if added is not null then
    perform mayfly_private.charge(tenant, 0, bytes, cardinality(added));
    perform mayfly_private.append_events(tenant, 'job.added', added);
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
      where f.tenant_id = tenant and f.finished_at > mayfly_private.now() - make_interval(secs => seconds)
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
language plpgsql immutable parallel safe
set search_path = ''
as $$
begin
  return case
      when target is null then ''
      when target ? 'agent' then '!a' || lower(target ->> 'agent') || '/'
      when target ? 'capabilities' then '!c' || md5((target -> 'capabilities')::text) || '/'
      when target ? 'type' then '!t' || (target ->> 'type') || '/'
      else ''
    end || queue || '/' || name || coalesce('#' || of_group, '');
end
$$;

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

-- Calls that are under way. A call counts from its request: for the seconds in which it has to arrive, then for as long
-- as it says that it may run. A call that is lost or killed stops counting then, and another is sent.

create table mayfly_private.job_calls (
  id uuid not null default gen_random_uuid() constraint job_calls_pkey primary key,
  function text not null,
  until timestamptz not null
);

create index job_calls_function_idx on mayfly_private.job_calls (function);

comment on table mayfly_private.job_calls is 'Calls of these functions that are under way, and until when at most.';

alter table mayfly_private.job_calls enable row level security;

-- The definer half of mayfly.mark_job_call. Locks the call and its function.

create function mayfly_private.mark_job_call(call uuid, seconds double precision, names text[])
returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  ts constant timestamptz := mayfly_private.now();
  marked mayfly_private.job_calls;
begin
  if seconds is null or seconds not between 0 and 3600 then
    perform mayfly_private.fail(400, 'invalid_request', 'seconds must be 0 to 3600.', null, '{"field": "seconds"}');
  end if;
  if seconds = 0 then
    delete from mayfly_private.job_calls c where c.id = call returning * into marked;
    if found then
      perform mayfly_private.request_jobs(marked.function);
    end if;
  else
    update mayfly_private.job_calls c set until = ts + make_interval(secs => seconds) where c.id = call and c.until > ts
    returning * into marked;
    update mayfly_private.job_functions f set names = coalesce(mark_job_call.names, f.names), arrived_at = ts where f.name = marked.function;
  end if;
  return jsonb_build_object('known', marked.id is not null);
end
$$;

comment on function mayfly_private.mark_job_call is 'What a call of a function says of itself.';

grant execute on function mayfly_private.mark_job_call to service_role;

-- Says of a call that pg_cron has made that it has arrived, for how long it may run, and which jobs it has handlers for;
-- with 0 seconds, that it has ended: then the next one is made at once if there is more. Gives { known }: false of a call
-- that came too late, in whose place there may be another. For the secret key alone.

create function mayfly.mark_job_call(call uuid, seconds double precision, names text[] default null)
returns jsonb
language sql
set search_path = ''
return mayfly_private.mark_job_call(call, seconds, names);

comment on function mayfly.mark_job_call is
  'Says of a call that pg_cron has made how long it may run, or with 0 that it has ended: { known }. For the secret key.';

grant execute on function mayfly.mark_job_call to service_role;

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
  -- One that sleeps already is not written again: whoever makes a job ready passes by a row that is locked, and nobody
  -- would be woken for a job that this look has not seen.
  if exists (
    select from mayfly_private.job_workers w
    where w.tenant_id = coalesce(tenant, '00000000-0000-0000-0000-000000000000') and w.id = worker
      and w.until > mayfly_private.now() + interval '30 seconds'
  ) then
    return;
  end if;
  insert into mayfly_private.job_workers as w (tenant_id, id, until)
  values (coalesce(tenant, '00000000-0000-0000-0000-000000000000'), worker, mayfly_private.now() + interval '1 minute')
  on conflict on constraint job_workers_pkey do update set until = excluded.until;
  delete from mayfly_private.job_workers w where (w.tenant_id, w.id) in (
    select o.tenant_id, o.id from mayfly_private.job_workers o
    where o.tenant_id = coalesce(tenant, '00000000-0000-0000-0000-000000000000') and o.until < mayfly_private.now()
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
  ts constant timestamptz := mayfly_private.now();
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

-- Puts a signal beside a job that is locked by the caller, and wakes the job if it waits for it: true. Otherwise the
-- signal is kept for whoever waits later. The caller has charged or counted its bytes.

create function mayfly_private.put_signal(job mayfly.jobs, name text, payload jsonb, bytes integer)
returns boolean
language plpgsql security definer
set search_path = ''
as $$
begin
  insert into mayfly.job_signals (tenant_id, job_id, name, payload, bytes)
  values (job.tenant_id, job.id, put_signal.name, coalesce(put_signal.payload, 'null'), put_signal.bytes);
  if job.status = 'waiting' and put_signal.name = any (job.wait_for) then
    perform mayfly_private.ready_jobs(job.tenant_id, array[job.id]);
    return true;
  end if;
  return false;
end
$$;

comment on function mayfly_private.put_signal is 'Puts a signal beside a locked job, and wakes it.';

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
    available := least(greatest(queue.rate, 1), queue.tokens + greatest(0, extract(epoch from mayfly_private.now() - queue.filled_at)) * queue.rate);
    wanted := greatest(0, least(wanted, floor(available)::integer));
    -- What is not there after all was taken from the bucket all the same: a rate is a bound.
    update mayfly.job_queues q set tokens = available - wanted, filled_at = mayfly_private.now()
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
language plpgsql
set search_path = ''
as $$
begin
  return mayfly_private.read_steps(lease, after, page_limit);
end
$$;

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
  set status = 'ready', seq = nextval('mayfly.jobs_seq_seq'), run_at = mayfly_private.now(), holder = null, lease_end = null,
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
  ts constant timestamptz := mayfly_private.now();
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
language plpgsql
set search_path = ''
as $$
begin
  return mayfly_private.record_steps(lease, steps);
end
$$;

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
    select g.tenant_id, g.id, g.queue, g.name, g.lane, 'ready', g.priority, mayfly_private.now(), g.attempt,
      g.attempt + greatest(1, g.max_attempts - coalesce((
        select min(a.attempt) - 1 from mayfly.job_attempts a where a.tenant_id = g.tenant_id and a.job_id = g.id), 0)),
      g.timeout, g.backoff, g.target, g.parent_id, g.root_id, g.key, g.answers, g.trace, g.error, g.created_by, g.created_at, g.bytes, g.input
    from gone g
    returning id
  )
  select array_agg(b.id order by b.id) into again from back b;
  if again is not null then
    perform mayfly_private.charge(tenant, 0, 0, cardinality(again));
    perform mayfly_private.append_events(tenant, 'job.redriven', again);
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
language plpgsql
set search_path = ''
as $$
begin
  return mayfly_private.redrive_jobs(ids, of_queue, max_rows);
end
$$;

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
      where h.status = 'running' and h.attempt = g.attempt and h.holder = holder.id and h.lease_end > mayfly_private.now()
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
language plpgsql
set search_path = ''
as $$
begin
  return mayfly_private.release_jobs(leases);
end
$$;

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

-- Functions of serveJobs that pg_cron wakes while there is something to do (schedule_job_function).

create table mayfly_private.job_functions (
  name text not null constraint job_functions_pkey primary key
    constraint job_functions_name_form check (name ~ '^[A-Za-z0-9][A-Za-z0-9_-]{0,62}$'),
  at_once smallint not null constraint job_functions_at_once_range check (at_once between 1 and 50),
  names text[],
  called_at timestamptz,
  arrived_at timestamptz
);

comment on table mayfly_private.job_functions is 'Functions that pg_cron wakes while there are jobs for them.';

comment on column mayfly_private.job_functions.at_once is 'How many calls may be under way at once.';

comment on column mayfly_private.job_functions.names is 'The jobs that it has handlers for, as it said when it was last called; null until then: any.';

alter table mayfly_private.job_functions enable row level security;

-- Calls a function of serveJobs by pg_net if there is work for it and it has calls left (at_once). Called by pg_cron
-- (schedule_job_function) and by a call that ends (mark_job_call). A lost request only delays the next one by 15 s: jobs
-- are rows. Locks the function's row; of two calls at once, one does it.
--
-- The project's URL and the function's secret come from Vault: mayfly_url, and mayfly_jobs_secret or else
-- mayfly_secret_key. Dynamic, since pg_net and Vault need not be there.

create function mayfly_private.request_jobs(function_name text)
returns integer
language plpgsql security definer
set search_path = ''
as $$
declare
  ts constant timestamptz := mayfly_private.now();
  called mayfly_private.job_functions;
  call uuid;
  url text;
  secret text;
  key text;
begin
  select * into called from mayfly_private.job_functions f where f.name = function_name for update skip locked;
  if not found then
    return 0;
  end if;
  delete from mayfly_private.job_calls c where c.function = called.name and c.until <= ts;
  if (select count(*) from mayfly_private.job_calls c where c.function = called.name) >= called.at_once
    or not (
      exists (select from mayfly.jobs j where j.status = 'ready' and (called.names is null or j.name = any (called.names)))
      or exists (select from mayfly.jobs j where j.status in ('scheduled', 'waiting') and j.run_at <= ts
        and (called.names is null or j.name = any (called.names)))
      or exists (select from mayfly.jobs j where j.status = 'running' and j.lease_end <= ts)
      or exists (select from mayfly.job_schedules s where s.next_at <= ts)) then
    return 0;
  end if;
  execute $read$select (select decrypted_secret from vault.decrypted_secrets where name = 'mayfly_url'),
    (select decrypted_secret from vault.decrypted_secrets where name = 'mayfly_jobs_secret'),
    (select decrypted_secret from vault.decrypted_secrets where name = 'mayfly_secret_key')$read$ into url, secret, key;
  if url is null or (secret is null and key is null) then
    raise warning 'mayfly: % is not called: Vault has no mayfly_url, or neither mayfly_jobs_secret nor mayfly_secret_key.', called.name;
    return 0;
  end if;
  insert into mayfly_private.job_calls (function, until) values (called.name, ts + interval '15 seconds') returning id into call;
  update mayfly_private.job_functions f set called_at = ts where f.name = called.name;
  execute 'select net.http_post(url => $1, body => $2, headers => $3, timeout_milliseconds => 5000)'
  using url || '/functions/v1/' || called.name, jsonb_build_object('call', call),
    jsonb_build_object('content-type', 'application/json')
      || case when secret is null then jsonb_build_object('apikey', key) else jsonb_build_object('x-mayfly-jobs-secret', secret) end;
  return 1;
end
$$;

comment on function mayfly_private.request_jobs is 'Calls a function of serveJobs by pg_net, where there is something to do.';

-- Schedules pg_cron to wake a function of serveJobs. Each time it looks for work, and calls the function by pg_net only if
-- there is some, with at most at_once calls under way. For the SQL editor, as postgres. Calling it again replaces it:
--   select vault.create_secret('https://<ref>.supabase.co', 'mayfly_url');
--   select vault.create_secret('a long random text', 'mayfly_jobs_secret');  -- and the function's MAYFLY_JOBS_SECRET
--   select mayfly_private.schedule_job_function('my-jobs');
-- `every` is what pg_cron takes: '10 seconds' (1 to 59), or a cron line.

create function mayfly_private.schedule_job_function(function_name text, every text default '10 seconds', at_once integer default 1)
returns text
language plpgsql security definer
set search_path = ''
as $$
declare
  has_vault boolean := to_regclass('vault.decrypted_secrets') is not null;
  ready boolean := false;
begin
  if function_name is null or function_name !~ '^[A-Za-z0-9][A-Za-z0-9_-]{0,62}$' then
    raise exception 'function_name must be the name of an edge function.' using hint = 'Such as my-jobs, as it is deployed.';
  elsif every is null or not (every ~ '^[1-5]?[0-9] seconds$' and every !~ '^0' or mayfly_private.is_cron(every) and left(every, 1) <> '@') then
    raise exception 'every must be "1 seconds" to "59 seconds", or a cron line.' using hint = 'Such as 10 seconds, or * * * * * for each minute.';
  elsif at_once is null or at_once not between 1 and 50 then
    raise exception 'at_once must be 1 to 50.';
  elsif not exists (select from pg_catalog.pg_extension e where e.extname = 'pg_cron') then
    raise exception 'pg_cron is not enabled.' using hint = 'Enable it under Integrations, or let a worker call the function: jobs.work(handlers, { wakes }).';
  elsif not exists (select from pg_catalog.pg_proc p join pg_catalog.pg_namespace n on n.oid = p.pronamespace
    where n.nspname = 'net' and p.proname = 'http_post') then
    raise exception 'pg_net is not enabled.' using hint = 'Enable it under Extensions, or let a worker call the function: jobs.work(handlers, { wakes }).';
  end if;
  if has_vault then
    execute $read$select exists (select from vault.decrypted_secrets where name = 'mayfly_url')
      and exists (select from vault.decrypted_secrets where name in ('mayfly_jobs_secret', 'mayfly_secret_key'))$read$ into ready;
  end if;
  if not ready then
    raise exception 'Vault has no mayfly_url, or neither mayfly_jobs_secret nor mayfly_secret_key.'
      using hint = 'select vault.create_secret(''https://<ref>.supabase.co'', ''mayfly_url''), and the secret that the function has as MAYFLY_JOBS_SECRET.';
  end if;
  insert into mayfly_private.job_functions as f (name, at_once) values (function_name, schedule_job_function.at_once)
  on conflict (name) do update set at_once = excluded.at_once;
  execute 'select cron.schedule($1, $2, $3)'
  using 'mayfly-jobs-' || function_name, every, format('select mayfly_private.request_jobs(%L)', function_name);
  return format('%s is called by pg_cron (%s) while there are jobs for it.', function_name, every);
end
$$;

comment on function mayfly_private.schedule_job_function is 'Schedules pg_cron to wake a function of serveJobs, by pg_net. For the SQL editor.';

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
language plpgsql
set search_path = ''
as $$
begin
  return mayfly_private.set_job_share(weight, max_running);
end
$$;

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
    rate = excluded.rate, weight = excluded.weight, tokens = least(q.tokens, excluded.tokens), updated_at = mayfly_private.now()
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
language plpgsql
set search_path = ''
as $$
begin
  return mayfly_private.set_queue(name, paused, max_running, max_running_per_group, rate, weight);
end
$$;

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
  elsif not coalesce(job ~ '^[A-Za-z0-9][A-Za-z0-9_.:-]{0,99}$', false) then
    perform mayfly_private.fail(400, 'invalid_request', 'job must be 1 to 100 letters, digits, dots, colons, dashes or underscores.', null, '{"field": "job"}');
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
  fires_at := mayfly_private.next_cron(cron, time_zone, mayfly_private.now());
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
    error = null, updated_at = mayfly_private.now(), bytes = excluded.bytes
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
language plpgsql
set search_path = ''
as $$
begin
  return mayfly_private.set_schedule(name, cron, job, input, time_zone, options, catch_up, overlap, paused);
end
$$;

comment on function mayfly.set_schedule is
  'Sets a schedule: the job is added whenever the cron line says in the time zone. Returns it with next_at.';

grant execute on function mayfly.set_schedule to authenticated, service_role;

-- A job as the worker that has claimed it gets it, with its lease.

create function mayfly_private.show_claimed(job mayfly.jobs)
returns jsonb
language plpgsql immutable
set search_path = ''
as $$
declare
  shown constant jsonb := jsonb_build_object(
    'lease', job.attempt || '.' || job.id || '.' || job.tenant_id, 'id', job.id, 'tenant_id', job.tenant_id, 'queue', job.queue,
    'name', job.name, 'priority', job.priority, 'attempt', job.attempt, 'max_attempts', job.max_attempts, 'run_at', job.run_at,
    'created_at', job.created_at, 'lease_end', job.lease_end, 'input', job.input);
begin
  if job.deadline is null and job.timeout is null and job.parent_id is null and job.key is null and job.answers is null and job.trace is null then
    return shown;
  end if;
  return shown || jsonb_strip_nulls(jsonb_build_object('deadline', job.deadline, 'timeout', extract(epoch from job.timeout),
    'parent_id', job.parent_id, 'key', job.key, 'answers', job.answers, 'trace', job.trace));
end
$$;

comment on function mayfly_private.show_claimed is 'A job as the worker that has claimed it gets it.';

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
  return jsonb_build_object('woken', mayfly_private.put_signal(job, signal_job.name, signal_job.payload, bytes));
end
$$;

comment on function mayfly_private.signal_job is 'Signals a job.';

grant execute on function mayfly_private.signal_job to authenticated, service_role;

-- Signals a job that has not ended (scope job:add). A signal that comes before the job waits for it is kept.

create function mayfly.signal_job(id uuid, name text, payload jsonb default null)
returns jsonb
language plpgsql
set search_path = ''
as $$
begin
  return mayfly_private.signal_job(id, name, payload);
end
$$;

comment on function mayfly.signal_job is 'Signals a job that has not ended: { woken }. One that comes early is kept.';

grant execute on function mayfly.signal_job to authenticated, service_role;

-- Takes up to `wanted` ready jobs of a tenant that has one lane alone, without a target, a limit or a mark: most tenants
-- at most times. Null where there is more to look at, and take_jobs does: several lanes, or something that is due and
-- has not been made ready (`unless_due`). Called by take_jobs, whose settings hold here too. Locks the jobs that it
-- takes, and waits for none.
--
-- JSON, not JSONB, in all that claims: nobody looks into it before it is sent, and making it took 10 µs a job, not 23.

create function mayfly_private.take_lane(
  worker mayfly_private.claiming_worker, wanted integer, queues text[], names text[], held_until timestamptz, unless_due boolean
)
returns json
language plpgsql security definer
set search_path = ''
as $$
declare
  ts constant timestamptz := mayfly_private.now();
  tenant constant uuid := worker.tenant_id;
  first_lane text collate "C";
  more_to_see boolean;
  label text;
  jobs json;
begin
  select f.lane, (f.lane is not null and exists (
      select from mayfly.jobs o where o.status = 'ready' and o.tenant_id = tenant and o.lane > f.lane))
    or exists (select from mayfly.job_queues q where q.tenant_id = tenant)
    or (unless_due and exists (
      select from mayfly.jobs d where d.status in ('scheduled', 'waiting') and d.run_at <= ts))
  into first_lane, more_to_see
  from (values (1)) as one (n)
  left join lateral (
    select r.lane from mayfly.jobs r
    where r.status = 'ready' and r.tenant_id = tenant
    order by r.tenant_id, r.lane limit 1) f on true;
  if more_to_see then
    return null;
  elsif first_lane is null then
    return '[]';
  end if;
  label := split_part(first_lane, '#', 1);
  if first_lane < '0' or split_part(label, '/', 2) <> all (names) or split_part(label, '/', 1) <> all (queues) then
    return null;
  end if;
  with taken as (
    update mayfly.jobs j
    set status = 'running', attempt = j.attempt + 1, holder = worker.id, started_at = ts, lease_end = least(held_until, j.deadline, ts + j.timeout)
    where j.ctid = any (array(
      select h.ctid from mayfly.jobs h
      where h.status = 'ready' and h.tenant_id = tenant and h.lane = first_lane
      order by h.lane, h.priority, h.seq limit wanted for update skip locked))
    returning j.priority, j.seq, case
      -- Most have none of these.
      when j.deadline is not null or j.timeout is not null or j.parent_id is not null or j.key is not null
        or j.answers is not null or j.trace is not null then mayfly_private.show_claimed(j)::json
      else json_build_object(
        'lease', j.attempt || '.' || j.id || '.' || j.tenant_id, 'id', j.id, 'tenant_id', j.tenant_id, 'queue', j.queue,
        'name', j.name, 'priority', j.priority, 'attempt', j.attempt, 'max_attempts', j.max_attempts, 'run_at', j.run_at,
        'created_at', j.created_at, 'lease_end', j.lease_end, 'input', j.input) end as shown
  )
  select json_agg(t.shown order by t.priority, t.seq) into jobs from taken t;
  return coalesce(jobs, '[]');
end
$$;

comment on function mayfly_private.take_lane is 'Takes ready jobs of a tenant that has one plain lane.';

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
  ts constant timestamptz := mayfly_private.now();
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
returns json
language plpgsql security definer
set search_path = ''
as $$
declare
  worker constant mayfly_private.claiming_worker := mayfly_private.claiming_worker(false);
  completed jsonb := '{"lost": [], "cancelled": []}';
  failed jsonb := '[]';
  taken mayfly_private.taken_jobs;
begin
  perform mayfly_private.check_claim(wanted, queues, names, lease);
  if done <> '[]' then
    completed := mayfly_private.complete_held(row(worker.kind, worker.tenant_id, worker.id)::mayfly_private.job_holder, done);
  end if;
  if failures <> '[]' then
    failed := mayfly_private.fail_jobs(failures);
  end if;
  perform mayfly_private.tick_jobs();
  taken := mayfly_private.take_jobs(worker, wanted, queues, names, lease, place);
  if park is not null and not taken.are_any then
    perform mayfly_private.park_worker(worker.tenant_id, park);
  end if;
  return json_build_object('lost', completed -> 'lost', 'cancelled', completed -> 'cancelled', 'failed', failed,
    'jobs', taken.jobs, 'place', taken.place, 'took', taken.took);
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
returns json
language plpgsql
set search_path = ''
as $$
begin
  return mayfly_private.turn_jobs(done, failures, wanted, queues, names, lease, place, park);
end
$$;

comment on function mayfly.turn_jobs is
  'A worker''s turn: completes and fails jobs, and claims more: { lost, cancelled, failed, jobs, place, took }.';

grant execute on function mayfly.turn_jobs to authenticated, service_role;

-- Undoes schedule_job_function: pg_cron no longer calls the function. For the SQL editor, as postgres.

create function mayfly_private.unschedule_job_function(function_name text)
returns boolean
language plpgsql security definer
set search_path = ''
as $$
begin
  delete from mayfly_private.job_calls c where c.function = function_name;
  delete from mayfly_private.job_functions f where f.name = function_name;
  if exists (select from pg_catalog.pg_extension e where e.extname = 'pg_cron') then
    execute 'select cron.unschedule(j.jobid) from cron.job j where j.jobname = $1' using 'mayfly-jobs-' || function_name;
  end if;
  return true;
end
$$;

comment on function mayfly_private.unschedule_job_function is 'Undoes schedule_job_function.';

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
  child jsonb;
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
    if left(taken.name, 4) = 'job:' then
      -- The end of a child comes with what it gave: whoever works for all tenants, or may not read jobs, has it too.
      select jsonb_set(outcome, '{payload}', taken.payload || jsonb_strip_nulls(jsonb_build_object('error', f.error))
        || jsonb_build_object('result', f.result))
      into child
      from mayfly.finished_jobs f
      where f.tenant_id = job.tenant_id and f.id = mayfly_private.to_uuid(substr(taken.name, 5)) and f.parent_id = job.id;
      outcome := coalesce(child, outcome);
    end if;
  elsif until <= mayfly_private.now() then
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
language plpgsql
set search_path = ''
as $$
begin
  return mayfly_private.wait_job(lease, step, signals, until);
end
$$;

comment on function mayfly.wait_job is
  'Waits for the first of several signals, or a time: { signal, payload }, { timeout } or { waiting }. After waiting the lease is over.';

grant execute on function mayfly.wait_job to authenticated, service_role;

-- Wakes the workers of a tenant that sleep, and those of the secret key, which work for all: ends their sleep and
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
    where w.tenant_id in (tenant, '00000000-0000-0000-0000-000000000000') and w.until > mayfly_private.now()) then
    return;
  end if;
  update mayfly_private.job_workers w set until = '-infinity'
  where (w.tenant_id, w.id) in (
    select s.tenant_id, s.id from mayfly_private.job_workers s
    where s.tenant_id in (tenant, '00000000-0000-0000-0000-000000000000') and s.until > mayfly_private.now()
    for update skip locked);
  if not found then
    return;
  end if;
  -- For workers with a connection of their own to the database.
  perform mayfly_private.notify(format('tenant:%s:jobs', tenant), 'job_ready', '{}');
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

-- The scopes of this room.

insert into mayfly.scopes (name, description, roles, agents, by_default) values
  ('approval:read', 'See approvals and what was decided.', '{viewer,member,admin,owner}', true, true),
  ('approval:request', 'Ask for an approval, and withdraw what one has asked.', '{member,admin,owner}', true, true),
  ('approval:decide', 'Approve, reject, change and delegate what others have asked.', '{member,admin,owner}', true, false),
  ('approval:admin', 'Set what needs asking, and withdraw any approval.', '{admin,owner}', false, false)
on conflict (name) do update
set description = excluded.description, roles = excluded.roles, agents = excluded.agents, by_default = excluded.by_default;

-- Questions that somebody has to answer before work goes on. A row is bound to what is asked: to the digest of its
-- input and, where a job asks, to the job and the step. The functions of this room alone write it.

create table mayfly.approvals (
  tenant_id uuid not null,
  id uuid not null default gen_random_uuid(),
  title text not null constraint approvals_title_length check (char_length(title) between 1 and 500),
  category text collate "C" not null default 'general',
  input jsonb not null,
  digest bytea not null,
  input_schema jsonb,
  confidence double precision constraint approvals_confidence_range check (confidence between 0 and 1),
  milestone boolean not null default false,
  job_id uuid,
  attempt integer,
  step text collate "C",
  requested_by uuid,
  requested_kind text not null
    constraint approvals_requested_kind_known check (requested_kind in ('agent', 'person', 'secret')),
  status text not null default 'pending'
    constraint approvals_status_known check (status in ('pending', 'approved', 'rejected', 'expired', 'cancelled')),
  waived text,
  quorum integer not null default 1 constraint approvals_quorum_range check (quorum between 1 and 20),
  roles text[],
  deciders uuid[],
  delegates uuid[] not null default '{}',
  requester_decides boolean not null default false,
  notify text,
  expires_at timestamptz,
  escalates_at timestamptz,
  escalation_roles text[],
  escalated_at timestamptz,
  created_at timestamptz not null default clock_timestamp(),
  decided_at timestamptz,
  used_at timestamptz,
  bytes integer not null,
  constraint approvals_pkey primary key (tenant_id, id),
  constraint approvals_tenant_fkey foreign key (tenant_id) references mayfly.tenants (id) on delete cascade,
  constraint approvals_decided_when_ended check ((status = 'pending') = (decided_at is null)),
  constraint approvals_step_of_job check ((job_id is null) = (step is null))
);

-- A step that asks again after a crash finds its question; one that asks something else makes another.
create unique index approvals_step_key on mayfly.approvals (tenant_id, job_id, step, digest) where job_id is not null;

create index approvals_pending_idx on mayfly.approvals (tenant_id, created_at) where status = 'pending';

create index approvals_decided_idx on mayfly.approvals (tenant_id, decided_at) where status <> 'pending';

-- The planner's statistics are everybody's: none of what a tenant writes (tests/invariants/estimates.test.ts).
alter table mayfly.approvals
  alter column title set statistics 0,
  alter column category set statistics 0,
  alter column input set statistics 0,
  alter column digest set statistics 0,
  alter column input_schema set statistics 0,
  alter column confidence set statistics 0,
  alter column job_id set statistics 0,
  alter column step set statistics 0,
  alter column requested_by set statistics 0,
  alter column waived set statistics 0,
  alter column roles set statistics 0,
  alter column deciders set statistics 0,
  alter column delegates set statistics 0,
  alter column notify set statistics 0,
  alter column escalation_roles set statistics 0;

comment on table mayfly.approvals is 'Questions that somebody has to answer before work goes on, and their answers.';

comment on column mayfly.approvals.input is 'The arguments that are asked about. After a decision that changed them: the changed ones.';

comment on column mayfly.approvals.digest is 'SHA-256 of the input as canonical JSON: a decision and its use name it.';

comment on column mayfly.approvals.input_schema is 'The JSON Schema that a changed input has to fit; null where the input cannot be changed.';

comment on column mayfly.approvals.attempt is 'Of the job, when it asked.';

comment on column mayfly.approvals.waived is 'Why nobody was asked; null where somebody was.';

comment on column mayfly.approvals.quorum is 'How many have to approve. One rejection rejects.';

comment on column mayfly.approvals.roles is 'The roles that may decide; null for each that has the scope approval:decide.';

comment on column mayfly.approvals.deciders is 'The people and agents that may decide; null for everybody with the scope.';

comment on column mayfly.approvals.delegates is 'Those to whom somebody that might decide has handed that: beside the roles and the deciders.';

comment on column mayfly.approvals.notify is 'The name of the job that tells people of it.';

comment on column mayfly.approvals.escalation_roles is 'The roles that may decide as well, once it has escalated.';

comment on column mayfly.approvals.used_at is 'When the job took the decision. It can be taken once.';

-- Who said what about an approval. One row for each person or agent; a decision counts for the input that it names.

create table mayfly.approval_decisions (
  tenant_id uuid not null,
  approval_id uuid not null,
  decided_by uuid not null,
  decided_kind text not null
    constraint approval_decisions_kind_known check (decided_kind in ('agent', 'person', 'secret')),
  verdict text not null constraint approval_decisions_verdict_known check (verdict in ('approve', 'reject', 'delegate')),
  digest bytea not null,
  delegated_to uuid,
  reason text constraint approval_decisions_reason_length check (char_length(reason) <= 2000),
  at timestamptz not null default clock_timestamp(),
  constraint approval_decisions_pkey primary key (tenant_id, approval_id, decided_by),
  constraint approval_decisions_approval_fkey foreign key (tenant_id, approval_id)
    references mayfly.approvals (tenant_id, id) on delete cascade
);

-- The planner's statistics are everybody's: none of what a tenant writes (tests/invariants/estimates.test.ts).
alter table mayfly.approval_decisions
  alter column approval_id set statistics 0,
  alter column decided_by set statistics 0,
  alter column digest set statistics 0,
  alter column delegated_to set statistics 0,
  alter column reason set statistics 0;

comment on table mayfly.approval_decisions is 'Who said what about an approval.';

comment on column mayfly.approval_decisions.digest is 'Of the input that was decided on. An approval of an input that was changed later does not count.';

-- What needs asking, by the type of the agent that asks and the category of the question. '*' stands for every one.
-- The most special row holds: type and category, then type, then category, then both '*'. Without any row everything
-- is asked.

create table mayfly.approval_policies (
  tenant_id uuid not null,
  agent_type text collate "C" not null default '*',
  category text collate "C" not null default '*',
  autonomy text not null default 'ask'
    constraint approval_policies_autonomy_known check (autonomy in ('ask', 'milestones', 'none')),
  min_confidence double precision
    constraint approval_policies_min_confidence_range check (min_confidence between 0 and 1),
  quorum integer not null default 1 constraint approval_policies_quorum_range check (quorum between 1 and 20),
  roles text[],
  requester_decides boolean not null default false,
  expires_in interval,
  escalate_after interval,
  escalation_roles text[],
  notify text,
  updated_at timestamptz not null default clock_timestamp(),
  constraint approval_policies_pkey primary key (tenant_id, agent_type, category),
  constraint approval_policies_tenant_fkey foreign key (tenant_id) references mayfly.tenants (id) on delete cascade
);

-- The planner's statistics are everybody's: none of what a tenant writes (tests/invariants/estimates.test.ts).
alter table mayfly.approval_policies
  alter column agent_type set statistics 0,
  alter column category set statistics 0,
  alter column roles set statistics 0,
  alter column escalation_roles set statistics 0,
  alter column notify set statistics 0;

comment on table mayfly.approval_policies is 'What needs asking, by agent type and category.';

comment on column mayfly.approval_policies.autonomy is 'ask: everything is asked; milestones: only what is marked as one; none: nothing, unless the question insists.';

comment on column mayfly.approval_policies.min_confidence is 'A question with at least this confidence is not asked; null asks whatever the confidence.';

comment on column mayfly.approval_policies.quorum is 'The least quorum. A question may ask for more.';

comment on column mayfly.approval_policies.requester_decides is 'Whether the one that asks, and the agents of its line, may decide.';

comment on column mayfly.approval_policies.notify is 'The name of a job to add for each question and each escalation.';

-- What the rows of this room's tables are charged, in bytes.

insert into mayfly_private.charges (relation, bytes) values ('mayfly.approvals', 'r.bytes')
on conflict (relation) do update set bytes = excluded.bytes;

insert into mayfly_private.charges (relation, bounded_by) values
  ('mayfly.approval_decisions', 'the quorums of approvals, which are charged'),
  ('mayfly.approval_policies', '200 rows a tenant')
on conflict (relation) do update set bounded_by = excluded.bounded_by;

-- What time does to the approvals of a tenant: expires and escalates what is due, withdraws those whose job has ended, and
-- deletes decided ones after as long as ended jobs are kept; at most max_rows each: { more }. A chore of
-- maintain_tenant, as owner. Locks the jobs by id, then the approvals.

create function mayfly_private.maintain_approvals(tenant uuid, max_rows integer)
returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  ts constant timestamptz := mayfly_private.now();
  due uuid[];
  approval mayfly.approvals;
  freed bigint;
  deleted integer;
  over text;
begin
  due := array(
    select a.id from mayfly.approvals a
    where a.tenant_id = tenant and a.status = 'pending'
      and (least(a.expires_at, case when a.escalated_at is null then a.escalates_at end) <= ts
        or (a.job_id is not null and not exists (select from mayfly.jobs j where j.tenant_id = tenant and j.id = a.job_id)))
    limit max_rows);
  perform from mayfly.jobs j
  where j.tenant_id = tenant and j.id in (select a.job_id from mayfly.approvals a where a.tenant_id = tenant and a.id = any (due))
  order by j.id for no key update;
  for approval in
    select * from mayfly.approvals a where a.tenant_id = tenant and a.id = any (due) and a.status = 'pending' order by a.id for no key update
  loop
    over := case
      when approval.expires_at <= ts then 'expired'
      when approval.job_id is not null and not exists (select from mayfly.jobs j where j.tenant_id = tenant and j.id = approval.job_id) then 'cancelled' end;
    if over is not null then
      perform mayfly_private.end_approval(approval, over);
    elsif approval.escalates_at <= ts and approval.escalated_at is null then
      update mayfly.approvals a set escalated_at = ts where a.tenant_id = tenant and a.id = approval.id;
      perform mayfly_private.append_events(tenant, 'approval.escalated', array[approval.id]);
      perform mayfly_private.notify_approvers(approval, 'escalated');
    end if;
  end loop;

  with gone as (
    delete from mayfly.approvals a
    where a.tenant_id = tenant and a.id = any (array(
      select o.id from mayfly.approvals o
      where o.tenant_id = tenant and o.status <> 'pending' and o.decided_at < ts - mayfly_private.kept()
        and (o.job_id is null or not exists (select from mayfly.jobs j where j.tenant_id = tenant and j.id = o.job_id))
      order by o.decided_at limit max_rows for update skip locked))
    returning a.bytes
  )
  select coalesce(sum(g.bytes), 0), count(*) into freed, deleted from gone g;
  if freed > 0 then
    perform mayfly_private.count_usage(tenant, 0, -freed, 0);
  end if;
  return jsonb_build_object('more', cardinality(due) = max_rows or deleted = max_rows);
end
$$;

comment on function mayfly_private.maintain_approvals is 'One batch of what time does to approvals.';

-- What maintenance does in this room.

insert into mayfly_private.chores (name, work) values
  ('approvals', 'mayfly_private.maintain_approvals(uuid, integer)')
on conflict (name) do update set work = excluded.work;

-- The kinds of events that this room appends to the log.

insert into mayfly.event_kinds (kind, scope, admin_scope, description) values
  ('approval.requested', 'approval:read', null, 'Somebody asks for an approval.'),
  ('approval.escalated', 'approval:read', null, 'An approval has waited long enough for others to decide it.'),
  ('approval.delegated', 'approval:read', null, 'An approval was handed to somebody.'),
  ('approval.approved', 'approval:read', null, 'An approval was given.'),
  ('approval.rejected', 'approval:read', null, 'An approval was refused.'),
  ('approval.expired', 'approval:read', null, 'An approval was not decided in time.'),
  ('approval.cancelled', 'approval:read', null, 'An approval was withdrawn.')
on conflict (kind) do update
set scope = excluded.scope, admin_scope = excluded.admin_scope, description = excluded.description;

-- Who may see approvals, what was decided and what needs asking. Functions alone write them.

alter table mayfly.approvals enable row level security;

alter table mayfly.approval_decisions enable row level security;

alter table mayfly.approval_policies enable row level security;

grant select on mayfly.approvals to authenticated, service_role;

create policy approvals_select on mayfly.approvals for select to authenticated
  using (tenant_id = any ((select mayfly.tenant_ids('approval:read'))::uuid[]));

grant select on mayfly.approval_decisions to authenticated, service_role;

create policy approval_decisions_select on mayfly.approval_decisions for select to authenticated
  using (tenant_id = any ((select mayfly.tenant_ids('approval:read'))::uuid[]));

grant select on mayfly.approval_policies to authenticated, service_role;

create policy approval_policies_select on mayfly.approval_policies for select to authenticated
  using (tenant_id = any ((select mayfly.tenant_ids('approval:read'))::uuid[]));

-- The digest of what is asked: SHA-256 of the canonical JSON. Of two jsonb values that are equal the texts are, but for
-- the scale of numbers, which trim_scale takes away: 1 and 1.0 are one argument.

create function mayfly_private.approval_digest(input jsonb)
returns bytea
language sql immutable parallel safe
set search_path = ''
return sha256(convert_to(mayfly_private.canonical(input)::text, 'UTF8'));

comment on function mayfly_private.approval_digest is 'SHA-256 of a JSON value in its canonical form.';

-- What needs asking, for an agent type and a category: the most special policy of the tenant, or the default, by which
-- everything is asked of everybody who may decide. Locks nothing.

create function mayfly_private.approval_rule(tenant uuid, agent_type text, category text)
returns mayfly.approval_policies
language plpgsql stable security definer
set search_path = ''
as $$
declare
  rule mayfly.approval_policies;
begin
  select * into rule from mayfly.approval_policies p
  where p.tenant_id = tenant and p.agent_type in ('*', approval_rule.agent_type) and p.category in ('*', approval_rule.category)
  order by p.agent_type = '*', p.category = '*'
  limit 1;
  if not found then
    rule.autonomy := 'ask';
    rule.quorum := 1;
    rule.requester_decides := false;
  end if;
  return rule;
end
$$;

comment on function mayfly_private.approval_rule is 'What needs asking, for an agent type and a category.';

-- The definer half of mayfly.cancel_approval. Locks the job, then the approval.

create function mayfly_private.cancel_approval(id uuid)
returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  tenant constant uuid := mayfly_private.require_tenant('approval:request');
  caller constant mayfly_private.caller := mayfly_private.caller();
  approval mayfly.approvals;
begin
  approval := mayfly_private.open_approval(tenant, cancel_approval.id);
  if approval.requested_by is distinct from caller.id and not tenant = any (mayfly_private.tenant_ids('approval:admin')) then
    perform mayfly_private.fail(403, 'scope_missing', 'The caller does not have the scope approval:admin.',
      'Without it, you can withdraw only what you have asked.', '{"scope": "approval:admin"}');
  end if;
  perform mayfly_private.end_approval(approval, 'cancelled');
  select * into approval from mayfly.approvals a where a.tenant_id = tenant and a.id = cancel_approval.id;
  return mayfly_private.show_approval(approval);
end
$$;

comment on function mayfly_private.cancel_approval is 'Withdraws a question.';

grant execute on function mayfly_private.cancel_approval to authenticated, service_role;

-- Withdraws a question that the caller has asked (scope approval:request), or any (approval:admin). A job that waits for it
-- is told that it was cancelled.

create function mayfly.cancel_approval(id uuid)
returns jsonb
language sql
set search_path = ''
return mayfly_private.cancel_approval(id);

comment on function mayfly.cancel_approval is 'Withdraws a question. Returns the approval.';

grant execute on function mayfly.cancel_approval to authenticated, service_role;

-- Refuses a question with the field of its first fault. Locks nothing.

create function mayfly_private.check_approval(
  title text, input jsonb, category text, confidence double precision, quorum integer, roles text[], deciders uuid[],
  expires_in double precision, input_schema jsonb, step text
)
returns void
language plpgsql stable security definer
set search_path = ''
as $$
declare
  fault record;
  of_schema constant text := mayfly_private.schema_fault(input_schema);
  of_input constant text := case when of_schema is null and pg_column_size(input_schema) <= 32768 and octet_length(input::text) <= 262144
    then mayfly_private.json_fault(input_schema, input) end;
begin
  select q.field, q.rule into fault
  from (values
    ('title', coalesce(char_length(title) not between 1 and 500, true), 'a text of 1 to 500 characters'),
    ('input', not mayfly_private.json_within(input, 262144, 32), 'at most 256 KB of JSON, at most 32 deep'),
    ('category', coalesce(category !~ '^[A-Za-z0-9][A-Za-z0-9_.:-]{0,99}$', true), '1 to 100 letters, digits, dots, colons, dashes or underscores'),
    ('confidence', confidence is not null and not (confidence between 0 and 1), 'from 0 to 1'),
    ('quorum', quorum not between 1 and 20, 'a whole number from 1 to 20'),
    ('roles', not roles <@ '{agent,member,admin,owner}', 'some of agent, member, admin and owner'),
    ('deciders', cardinality(deciders) not between 1 and 100, '1 to 100 ids of people or agents'),
    ('quorum', quorum > cardinality(deciders), 'at most the number of deciders'),
    ('expires_in', expires_in is not null and not (expires_in between 1 and 31536000), 'seconds from 1 to 31536000'),
    ('input_schema', pg_column_size(input_schema) > 32768, 'at most 32 KB'),
    ('input_schema', of_schema is not null,
      'a JSON Schema of the keywords in docs/approvals.md, which is not true of ' || of_schema),
    ('input', of_input is not null, 'what input_schema says: ' || of_input),
    ('step', step is not null and char_length(step) not between 1 and 200, 'a text of 1 to 200 characters')
  ) as q (field, refused, rule)
  where q.refused limit 1;
  if found then
    perform mayfly_private.fail(400, 'invalid_request', format('%s must be %s.', fault.field, fault.rule), 'Nothing was asked.', jsonb_build_object('field', fault.field));
  end if;
  perform mayfly_private.check_numbers(input, 'input');
end
$$;

comment on function mayfly_private.check_approval is 'Refuses a question that has a fault.';

-- The definer half of mayfly.decide_approval: the one place that decides. Who decides is read from the verified token.
-- It names the digest of what it has seen, so that a decision on other arguments is refused. Locks the job, then the
-- approval: two deciders at once go one after the other, and the quorum is exact.

create function mayfly_private.decide_approval(id uuid, verdict text, digest text, reason text, input jsonb)
returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  tenant constant uuid := mayfly_private.require_tenant('approval:decide');
  caller constant mayfly_private.caller := mayfly_private.caller();
  author constant uuid := coalesce(caller.id, '00000000-0000-0000-0000-000000000000');
  approval mayfly.approvals;
  refused text;
  fault text;
begin
  if verdict is null or verdict not in ('approve', 'reject') then
    perform mayfly_private.fail(400, 'invalid_request', 'verdict must be approve or reject.', null, '{"field": "verdict"}');
  elsif char_length(reason) > 2000 then
    perform mayfly_private.fail(400, 'invalid_request', 'reason must have at most 2000 characters.', null, '{"field": "reason"}');
  elsif input is not null and verdict = 'reject' then
    perform mayfly_private.fail(400, 'invalid_request', 'A rejection has no changed input.', null, '{"field": "input"}');
  end if;
  approval := mayfly_private.open_approval(tenant, decide_approval.id);

  refused := mayfly_private.may_decide(caller, approval);
  if refused is not null then
    perform mayfly_private.fail(403, refused, case refused
        when 'approval_own' then 'The one that asks does not decide.'
        else 'This approval is for others to decide.' end,
      case refused when 'approval_own' then 'Have somebody else decide it, or let a policy say that requesters decide.'
        else 'Its roles and deciders say who may. Have it delegated to you.' end, '{"field": "id"}');
  elsif encode(approval.digest, 'hex') is distinct from lower(digest) then
    perform mayfly_private.fail(409, 'approval_changed', 'What is asked is no longer what you have seen.',
      'Read it again, and decide with its digest.', '{"field": "digest"}');
  elsif exists (
    select from mayfly.approval_decisions d
    where d.tenant_id = tenant and d.approval_id = approval.id and d.decided_by = author and d.digest = approval.digest and d.verdict <> 'delegate') then
    perform mayfly_private.fail(409, 'approval_decided', 'You have decided this already.', 'It waits for the others of its quorum.', '{"field": "id"}');
  end if;
  if input is not null then
    fault := case
      when approval.input_schema is null then 'cannot be changed: the question has no schema'
      when not mayfly_private.json_within(input, 262144, 32) then 'must be at most 256 KB of JSON, at most 32 deep'
      else 'must fit the schema of the question: ' || mayfly_private.json_fault(approval.input_schema, input) end;
    if fault is not null then
      perform mayfly_private.fail(400, 'invalid_request', format('input %s.', fault), 'Nothing was decided.', '{"field": "input"}');
    end if;
    perform mayfly_private.check_numbers(input, 'input');
    -- The approvals so far were of other arguments: they no longer count.
    approval.digest := mayfly_private.approval_digest(input);
    perform mayfly_private.charge(tenant, 0, octet_length(input::text) - octet_length(approval.input::text), 1);
    update mayfly.approvals a
    set input = decide_approval.input, digest = approval.digest, bytes = a.bytes + octet_length(decide_approval.input::text) - octet_length(a.input::text)
    where a.tenant_id = tenant and a.id = approval.id;
  end if;

  insert into mayfly.approval_decisions as d (tenant_id, approval_id, decided_by, decided_kind, verdict, digest, reason)
  values (tenant, approval.id, author, caller.kind, decide_approval.verdict, approval.digest, decide_approval.reason)
  on conflict on constraint approval_decisions_pkey do update
  set verdict = excluded.verdict, digest = excluded.digest, reason = excluded.reason, delegated_to = null, at = mayfly_private.now();
  if verdict = 'reject' then
    perform mayfly_private.end_approval(approval, 'rejected');
  elsif approval.quorum <= (
    select count(*) from mayfly.approval_decisions d
    where d.tenant_id = tenant and d.approval_id = approval.id and d.verdict = 'approve' and d.digest = approval.digest) then
    perform mayfly_private.end_approval(approval, 'approved');
  end if;
  select * into approval from mayfly.approvals a where a.tenant_id = tenant and a.id = decide_approval.id;
  return mayfly_private.show_approval(approval);
end
$$;

comment on function mayfly_private.decide_approval is 'Decides an approval.';

grant execute on function mayfly_private.decide_approval to authenticated, service_role;

-- Approves or rejects (scope approval:decide). `digest` is that of the approval as the caller has seen it. With `input`
-- it approves changed arguments, which have to fit the schema of the question; approvals of the former ones no longer
-- count.

create function mayfly.decide_approval(id uuid, verdict text, digest text, reason text default null, input jsonb default null)
returns jsonb
language sql
set search_path = ''
return mayfly_private.decide_approval(id, verdict, digest, reason, input);

comment on function mayfly.decide_approval is 'Approves or rejects, or approves with a changed input. Returns the approval, which stays pending until its quorum.';

grant execute on function mayfly.decide_approval to authenticated, service_role;

-- Decides many, each for itself: what is refused does not keep the others. Called by the public half. Locks as
-- decide_approval does, in the order of the ids.

create function mayfly.decide_approvals(decisions jsonb)
returns jsonb
language plpgsql
set search_path = ''
as $$
declare
  one record;
  answers jsonb := '[]';
  failure text;
begin
  perform mayfly_private.require_tenant('approval:decide');
  if jsonb_typeof(decisions) is distinct from 'array' or jsonb_array_length(decisions) not between 1 and 100 then
    perform mayfly_private.fail(400, 'invalid_request', 'decisions must be an array of 1 to 100 { id, verdict, digest, reason?, input? }.', null, '{"field": "decisions"}');
  end if;
  for one in
    select d.n - 1 as index, mayfly_private.to_uuid(d.d ->> 'id') as id, d.d from jsonb_array_elements(decisions) with ordinality as d (d, n)
    order by d.d ->> 'id', d.n
  loop
    begin
      answers := answers || jsonb_build_object('index', one.index, 'approval', mayfly_private.decide_approval(
        one.id, one.d ->> 'verdict', one.d ->> 'digest', one.d ->> 'reason', one.d -> 'input'));
    exception when sqlstate 'PGRST' then
      get stacked diagnostics failure = message_text;
      answers := answers || jsonb_build_object('index', one.index, 'error', failure::jsonb);
    end;
  end loop;
  return (select jsonb_agg(a - 'index' order by (a ->> 'index')::integer) from jsonb_array_elements(answers) a);
end
$$;

comment on function mayfly.decide_approvals is 'Decides up to 100 approvals, each for itself: gives { approval } or { error } for each, in their order.';

grant execute on function mayfly.decide_approvals to authenticated, service_role;

-- The definer half of mayfly.delegate_approval. The one that delegates can no longer decide, so that the quorum stays what it
-- is; whoever gets it needs the scope itself. Locks the job, then the approval.

create function mayfly_private.delegate_approval(id uuid, to_id uuid, reason text)
returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  tenant constant uuid := mayfly_private.require_tenant('approval:decide');
  caller constant mayfly_private.caller := mayfly_private.caller();
  author constant uuid := coalesce(caller.id, '00000000-0000-0000-0000-000000000000');
  approval mayfly.approvals;
begin
  if char_length(reason) > 2000 then
    perform mayfly_private.fail(400, 'invalid_request', 'reason must have at most 2000 characters.', null, '{"field": "reason"}');
  elsif to_id is null or to_id = author or not (
    exists (
      select from mayfly.members m join mayfly.scopes s on s.name = 'approval:decide'
      where m.tenant_id = tenant and m.user_id = to_id and m.role = any (s.roles))
    or exists (
      select from mayfly.agents a
      where a.tenant_id = tenant and a.id = to_id and 'approval:decide' = any (a.scopes) and mayfly_private.effective_status(a) = 'running')) then
    perform mayfly_private.fail(400, 'invalid_request', 'to_id must be another person or living agent of the tenant that may decide.',
      'Nothing was delegated.', '{"field": "to_id"}');
  end if;
  approval := mayfly_private.open_approval(tenant, delegate_approval.id);
  if mayfly_private.may_decide(caller, approval) is not null then
    perform mayfly_private.fail(403, 'approval_not_yours', 'Only those who may decide an approval can delegate it.', 'Its roles and deciders say who may.', '{"field": "id"}');
  elsif approval.requested_by = to_id and not approval.requester_decides then
    perform mayfly_private.fail(403, 'approval_own', 'The one that asks does not decide.', 'Delegate it to somebody else.', '{"field": "to_id"}');
  end if;
  perform mayfly_private.charge(tenant, 0, 0, 1);
  insert into mayfly.approval_decisions as d (tenant_id, approval_id, decided_by, decided_kind, verdict, digest, delegated_to, reason)
  values (tenant, approval.id, author, caller.kind, 'delegate', approval.digest, to_id, delegate_approval.reason)
  on conflict on constraint approval_decisions_pkey do update
  set verdict = excluded.verdict, digest = excluded.digest, delegated_to = excluded.delegated_to, reason = excluded.reason, at = mayfly_private.now();
  -- What was handed on by them comes back to them.
  delete from mayfly.approval_decisions d
  where d.tenant_id = tenant and d.approval_id = approval.id and d.decided_by = to_id and d.verdict = 'delegate';
  update mayfly.approvals a set delegates = array_remove(a.delegates, to_id) || to_id
  where a.tenant_id = tenant and a.id = approval.id
  returning * into approval;
  perform mayfly_private.append_events(tenant, 'approval.delegated', array[approval.id]);
  perform mayfly_private.notify_approvers(approval, 'delegated');
  return mayfly_private.show_approval(approval);
end
$$;

comment on function mayfly_private.delegate_approval is 'Hands an approval to somebody else.';

grant execute on function mayfly_private.delegate_approval to authenticated, service_role;

-- Hands an approval that the caller may decide to another person or agent (scope approval:decide).

create function mayfly.delegate_approval(id uuid, to_id uuid, reason text default null)
returns jsonb
language sql
set search_path = ''
return mayfly_private.delegate_approval(id, to_id, reason);

comment on function mayfly.delegate_approval is 'Hands an approval that the caller may decide to another person or agent. Returns it.';

grant execute on function mayfly.delegate_approval to authenticated, service_role;

-- The definer half of mayfly.delete_approval_policy. Locks the policy's row.

create function mayfly_private.delete_approval_policy(agent_type text, category text)
returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  tenant constant uuid := mayfly_private.require_tenant('approval:admin');
begin
  delete from mayfly.approval_policies p
  where p.tenant_id = tenant and p.agent_type = delete_approval_policy.agent_type and p.category = delete_approval_policy.category;
  return jsonb_build_object('deleted', found);
end
$$;

comment on function mayfly_private.delete_approval_policy is 'Deletes a policy.';

grant execute on function mayfly_private.delete_approval_policy to authenticated, service_role;

-- Deletes what was set for an agent type and a category (scope approval:admin): { deleted }. The next more general
-- policy holds, or the default.

create function mayfly.delete_approval_policy(agent_type text default '*', category text default '*')
returns jsonb
language sql
set search_path = ''
return mayfly_private.delete_approval_policy(agent_type, category);

comment on function mayfly.delete_approval_policy is 'Deletes what was set for an agent type and a category: { deleted }.';

grant execute on function mayfly.delete_approval_policy to authenticated, service_role;

-- Ends a pending approval whose job and row are locked by the caller, tells the log, and signals the job that waits.

create function mayfly_private.end_approval(approval mayfly.approvals, ended text)
returns void
language plpgsql security definer
set search_path = ''
as $$
declare
  job mayfly.jobs;
begin
  update mayfly.approvals a set status = ended, decided_at = mayfly_private.now()
  where a.tenant_id = approval.tenant_id and a.id = approval.id;
  perform mayfly_private.append_events(approval.tenant_id, 'approval.' || ended, array[approval.id]);
  select * into job from mayfly.jobs j where j.tenant_id = approval.tenant_id and j.id = approval.job_id;
  if found then
    perform mayfly_private.put_signal(job, 'approval:' || approval.id, jsonb_build_object('status', ended), 300);
    perform mayfly_private.count_usage(approval.tenant_id, 0, 300, 0);
  end if;
end
$$;

comment on function mayfly_private.end_approval is 'Ends a pending approval and signals its job.';

-- An approval with what was decided. Callers with approval:read. Locks nothing.

create function mayfly.get_approval(id uuid)
returns jsonb
language plpgsql stable
set search_path = ''
as $$
declare
  tenant constant uuid := mayfly_private.require_tenant('approval:read');
  approval mayfly.approvals;
begin
  select * into approval from mayfly.approvals a where a.tenant_id = tenant and a.id = get_approval.id;
  if not found then
    perform mayfly_private.fail(404, 'approval_unknown', 'There is no such approval.', null, '{"field": "id"}');
  end if;
  return mayfly_private.show_approval(approval) || jsonb_build_object('decisions', (
    select coalesce(jsonb_agg(jsonb_strip_nulls(jsonb_build_object('by', d.decided_by, 'kind', d.decided_kind, 'verdict', d.verdict,
      'counts', case when d.verdict = 'approve' then d.digest = approval.digest end, 'to', d.delegated_to, 'reason', d.reason, 'at', d.at)) order by d.at, d.decided_by), '[]')
    from mayfly.approval_decisions d where d.tenant_id = tenant and d.approval_id = approval.id));
end
$$;

comment on function mayfly.get_approval is 'An approval with what was decided.';

grant execute on function mayfly.get_approval to authenticated, service_role;

-- What needs asking, by agent type and category. Callers with approval:read. Locks nothing.

create function mayfly.list_approval_policies()
returns jsonb
language plpgsql stable
set search_path = ''
as $$
declare
  tenant constant uuid := mayfly_private.require_tenant('approval:read');
begin
  return (
    select coalesce(jsonb_agg(mayfly_private.show_approval_policy(p) order by p.agent_type, p.category), '[]')
    from mayfly.approval_policies p where p.tenant_id = tenant);
end
$$;

comment on function mayfly.list_approval_policies is 'What needs asking, by agent type and category.';

grant execute on function mayfly.list_approval_policies to authenticated, service_role;

-- The definer half of mayfly.list_approvals: whether the caller may decide needs the agents' lines, which the caller may
-- not see. Locks nothing.

create function mayfly_private.list_approvals(of_status text[], mine boolean, of_category text, before uuid, page_limit integer)
returns jsonb
language plpgsql stable security definer
set search_path = ''
as $$
declare
  tenant constant uuid := mayfly_private.require_tenant('approval:read');
  caller constant mayfly_private.caller := mayfly_private.caller();
  can_decide constant boolean := tenant = any (mayfly_private.tenant_ids('approval:decide'));
  last mayfly.approvals;
begin
  if page_limit is null or page_limit not between 1 and 1000 then
    perform mayfly_private.fail(400, 'invalid_request', 'page_limit must be 1 to 1000.', null, '{"field": "page_limit"}');
  elsif not of_status <@ '{pending,approved,rejected,expired,cancelled}' then
    perform mayfly_private.fail(400, 'invalid_request', 'of_status must be some of pending, approved, rejected, expired and cancelled.', null, '{"field": "of_status"}');
  end if;
  if before is not null then
    select * into last from mayfly.approvals a where a.tenant_id = tenant and a.id = before;
    if not found then
      perform mayfly_private.fail(404, 'approval_unknown', 'There is no such approval.', 'Begin with the first page again.', '{"field": "before"}');
    end if;
  end if;
  return (
    select coalesce(jsonb_agg(mayfly_private.show_approval(s.a) - 'input_schema' || jsonb_build_object('decidable', s.decidable)
      order by (s.a).created_at desc, (s.a).id desc), '[]')
    from (
      select a, r.decidable
      from mayfly.approvals a, lateral (
        select can_decide and a.status = 'pending' and (a.expires_at is null or a.expires_at > mayfly_private.now())
          and mayfly_private.may_decide(caller, a) is null
          and not exists (
            select from mayfly.approval_decisions d
            where d.tenant_id = tenant and d.approval_id = a.id and d.digest = a.digest
              and d.decided_by = coalesce(caller.id, '00000000-0000-0000-0000-000000000000'))
          and (a.job_id is null or exists (select from mayfly.jobs j where j.tenant_id = tenant and j.id = a.job_id)) as decidable) r
      where a.tenant_id = tenant
        and (of_status is null or a.status = any (of_status))
        and (of_category is null or a.category = of_category)
        and (before is null or (a.created_at, a.id) < (last.created_at, last.id))
        and (not mine or (a.status = 'pending' and r.decidable))
      order by a.created_at desc, a.id desc
      limit page_limit) s);
end
$$;

comment on function mayfly_private.list_approvals is 'Approvals, the newest first.';

grant execute on function mayfly_private.list_approvals to authenticated, service_role;

-- Approvals, the newest first (scope approval:read), each with `decidable`: whether the caller may decide it now. With
-- mine, those alone: what waits for me.

create function mayfly.list_approvals(
  of_status text[] default null, mine boolean default false, of_category text default null, before uuid default null, page_limit integer default 100
)
returns jsonb
language sql stable
set search_path = ''
return mayfly_private.list_approvals(of_status, mine, of_category, before, page_limit);

comment on function mayfly.list_approvals is 'Approvals, the newest first, each with whether the caller may decide it. With mine, those alone.';

grant execute on function mayfly.list_approvals to authenticated, service_role;

-- Why the caller may not decide an approval: a code, or null where it may. The scope has been asked. Decisions of the
-- one that asked do not count unless the policy said so when it was asked; of its line neither, so that an agent cannot
-- have its child, or its parent's other self, say yes. Locks nothing.

create function mayfly_private.may_decide(caller mayfly_private.caller, approval mayfly.approvals)
returns text
language plpgsql stable security definer
set search_path = ''
as $$
declare
  role constant text := case caller.kind
    when 'secret' then 'owner'
    when 'person' then (select m.role from mayfly.members m where m.tenant_id = approval.tenant_id and m.user_id = caller.id)
    else 'agent' end;
  has_escalated constant boolean := approval.escalated_at is not null or approval.escalates_at <= mayfly_private.now();
begin
  if not approval.requester_decides and (
    caller.id = approval.requested_by
    or (caller.kind = 'secret' and approval.requested_kind = 'secret')
    or (caller.kind = 'agent' and exists (
      select from mayfly.agents a
      where a.tenant_id = approval.tenant_id
        and ((a.id = caller.id and approval.requested_by = any (a.ancestors))
          or (a.id = approval.requested_by and caller.id = any (a.ancestors)))))) then
    return 'approval_own';
  elsif exists (
    select from mayfly.approval_decisions d
    where d.tenant_id = approval.tenant_id and d.approval_id = approval.id and d.verdict = 'delegate'
      and d.decided_by = coalesce(caller.id, '00000000-0000-0000-0000-000000000000')) then
    return 'approval_not_yours';
  elsif caller.id = any (approval.delegates) then
    return null;
  elsif (approval.roles is null or role = any (approval.roles)) and (approval.deciders is null or caller.id = any (approval.deciders)) then
    return null;
  elsif has_escalated and role = any (coalesce(approval.escalation_roles, '{admin,owner}')) then
    return null;
  end if;
  return 'approval_not_yours';
end
$$;

comment on function mayfly_private.may_decide is 'Why the caller may not decide an approval; null where it may.';

-- Adds the job that tells people of an approval, where its policy names one. A worker of the project does it: it is
-- tried again until the mail or the webhook has taken it. The key makes it one for each thing to tell.

create function mayfly_private.notify_approvers(approval mayfly.approvals, happened text)
returns void
language plpgsql security definer
set search_path = ''
as $$
begin
  if approval.notify is not null then
    perform mayfly_private.insert_jobs(approval.tenant_id, jsonb_build_array(jsonb_build_object(
      'name', approval.notify, 'key', format('approval/%s/%s', approval.id, happened),
      'input', jsonb_build_object('event', happened, 'approval', mayfly_private.show_approval(approval) - '{input,input_schema}'::text[]))),
      null, null, null);
  end if;
end
$$;

comment on function mayfly_private.notify_approvers is 'Adds the job that tells people of an approval.';

-- A pending approval, locked until commit, with its job locked before it. Fails where there is none, where it has ended,
-- and where its time is over or its job has ended, which the next maintenance records.

create function mayfly_private.open_approval(tenant uuid, id uuid)
returns mayfly.approvals
language plpgsql security definer
set search_path = ''
as $$
declare
  approval mayfly.approvals;
  over text;
begin
  perform from mayfly.jobs j
  where j.tenant_id = tenant and j.id = (select a.job_id from mayfly.approvals a where a.tenant_id = tenant and a.id = open_approval.id)
  for no key update;
  select * into approval from mayfly.approvals a where a.tenant_id = tenant and a.id = open_approval.id for no key update;
  if approval.id is null then
    perform mayfly_private.fail(404, 'approval_unknown', 'There is no such approval.', null, '{"field": "id"}');
  end if;
  over := case
    when approval.status <> 'pending' then approval.status
    when approval.expires_at <= mayfly_private.now() then 'expired'
    when approval.job_id is not null and not exists (select from mayfly.jobs j where j.tenant_id = tenant and j.id = approval.job_id and not j.cancelled) then 'cancelled'
  end;
  if over is not null then
    perform mayfly_private.fail(409, 'approval_decided', format('This approval has ended: %s.', over), 'Nothing more can be said about it.',
      jsonb_build_object('field', 'id', 'status', over));
  end if;
  return approval;
end
$$;

comment on function mayfly_private.open_approval is 'A pending approval, locked.';

-- The definer half of mayfly.request_approval. With a lease the question belongs to the job, which is fenced, and to
-- the step: asked again after a crash it is found. The policy of the tenant can only make it stricter. Locks the job;
-- what charge locks.

create function mayfly_private.request_approval(
  title text, input jsonb, lease text, step text, category text, confidence double precision, milestone boolean, required boolean,
  quorum integer, roles text[], deciders uuid[], expires_in double precision, input_schema jsonb
)
returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  ts constant timestamptz := mayfly_private.now();
  caller mayfly_private.caller;
  job mayfly.jobs;
  tenant uuid;
  rule mayfly.approval_policies;
  approval mayfly.approvals;
  confident boolean;
  asked bytea;
begin
  input := coalesce(input, '{}');
  category := coalesce(category, 'general');
  if (lease is null) <> (step is null) then
    perform mayfly_private.fail(400, 'invalid_request', 'lease and step go together.', 'A question of a job names its step.', '{"field": "step"}');
  end if;
  perform mayfly_private.check_approval(title, input, category, confidence, quorum, roles, deciders, expires_in, input_schema, step);
  if lease is null then
    tenant := mayfly_private.require_tenant('approval:request');
  else
    job := mayfly_private.fence_job(lease);
    tenant := job.tenant_id;
  end if;
  caller := mayfly_private.caller();
  asked := mayfly_private.approval_digest(input);
  if job.id is not null then
    select * into approval from mayfly.approvals a
    where a.tenant_id = tenant and a.job_id = job.id and a.step = request_approval.step and a.digest = asked;
    if found then
      return mayfly_private.show_approval(approval);
    end if;
  end if;

  rule := mayfly_private.approval_rule(tenant, case when caller.kind = 'agent' then (
    select a.type from mayfly.agents a where a.tenant_id = tenant and a.id = caller.id) else '' end, category);
  confident := coalesce(confidence >= rule.min_confidence, false);
  approval.tenant_id := tenant;
  approval.id := gen_random_uuid();
  approval.title := title;
  approval.category := category;
  approval.input := input;
  approval.digest := asked;
  approval.input_schema := input_schema;
  approval.confidence := confidence;
  approval.milestone := coalesce(milestone, false);
  approval.job_id := job.id;
  approval.attempt := job.attempt;
  approval.step := step;
  approval.requested_by := caller.id;
  approval.requested_kind := caller.kind;
  approval.quorum := greatest(quorum, rule.quorum, 1);
  approval.roles := coalesce(rule.roles, roles);
  approval.deciders := deciders;
  approval.delegates := '{}';
  approval.requester_decides := rule.requester_decides;
  approval.notify := rule.notify;
  approval.expires_at := ts + least(make_interval(secs => expires_in), rule.expires_in);
  approval.escalates_at := ts + rule.escalate_after;
  approval.escalation_roles := rule.escalation_roles;
  approval.created_at := ts;
  approval.bytes := 1024 + octet_length(input::text) + coalesce(octet_length(input_schema::text), 0);
  approval.waived := case
    when coalesce(required, false) then null
    when rule.autonomy = 'none' then 'autonomy'
    when confident then 'confidence'
    when rule.autonomy = 'milestones' and not approval.milestone then 'no milestone'
  end;
  approval.status := case when approval.waived is null then 'pending' else 'approved' end;
  approval.decided_at := case when approval.waived is not null then ts end;

  perform mayfly_private.charge(tenant, 0, approval.bytes, 1);
  insert into mayfly.approvals select approval.*;
  if approval.waived is null then
    perform mayfly_private.append_events(tenant, 'approval.requested', array[approval.id]);
    perform mayfly_private.notify_approvers(approval, 'requested');
  else
    perform mayfly_private.append_events(tenant, 'approval.approved', array[approval.id]);
  end if;
  return mayfly_private.show_approval(approval);
end
$$;

comment on function mayfly_private.request_approval is 'Asks for an approval.';

grant execute on function mayfly_private.request_approval to authenticated, service_role;

-- Asks for an approval: with the lease of a job, which then waits for the signal `approval:<id>`, or without one (scope
-- approval:request). The policies of the tenant say whether somebody has to be asked; where not, the answer has the
-- status approved and says why in `waived`. `required` asks whatever they say. A question without an input_schema can
-- be approved or rejected, not changed.

create function mayfly.request_approval(
  title text, input jsonb default '{}', lease text default null, step text default null, category text default 'general',
  confidence double precision default null, milestone boolean default false, required boolean default false, quorum integer default null,
  roles text[] default null, deciders uuid[] default null, expires_in double precision default null, input_schema jsonb default null
)
returns jsonb
language sql
set search_path = ''
return mayfly_private.request_approval(title, input, lease, step, category, confidence, milestone, required, quorum, roles, deciders, expires_in, input_schema);

comment on function mayfly.request_approval is 'Asks for an approval, for a job or without one. Returns it: pending, or approved where the policies of the tenant ask nobody.';

grant execute on function mayfly.request_approval to authenticated, service_role;

-- The definer half of mayfly.set_approval_policy. Locks the policy's row.

create function mayfly_private.set_approval_policy(
  agent_type text, category text, autonomy text, min_confidence double precision, quorum integer, roles text[], requester_decides boolean,
  expires_in double precision, escalate_after double precision, escalation_roles text[], notify text
)
returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  tenant constant uuid := mayfly_private.require_tenant('approval:admin');
  fault record;
  policy mayfly.approval_policies;
begin
  select q.field, q.rule into fault
  from (values
    ('agent_type', coalesce(agent_type !~ '^(\*|[a-z0-9][a-z0-9_.-]{0,62})$', true), 'the name of an agent type, or *'),
    ('category', coalesce(category !~ '^(\*|[A-Za-z0-9][A-Za-z0-9_.:-]{0,99})$', true), 'the name of a category, or *'),
    ('autonomy', autonomy is null or autonomy not in ('ask', 'milestones', 'none'), 'ask, milestones or none'),
    ('min_confidence', min_confidence is not null and not (min_confidence between 0 and 1), 'from 0 to 1'),
    ('quorum', quorum is null or quorum not between 1 and 20, 'a whole number from 1 to 20'),
    ('roles', not roles <@ '{agent,member,admin,owner}', 'some of agent, member, admin and owner'),
    ('escalation_roles', not escalation_roles <@ '{agent,member,admin,owner}', 'some of agent, member, admin and owner'),
    ('expires_in', expires_in is not null and not (expires_in between 1 and 31536000), 'seconds from 1 to 31536000'),
    ('escalate_after', escalate_after is not null and not (escalate_after between 1 and 31536000), 'seconds from 1 to 31536000'),
    ('notify', notify !~ '^[A-Za-z0-9][A-Za-z0-9_.:-]{0,99}$', 'the name of a job')
  ) as q (field, refused, rule)
  where q.refused limit 1;
  if found then
    perform mayfly_private.fail(400, 'invalid_request', format('%s must be %s.', fault.field, fault.rule), null, jsonb_build_object('field', fault.field));
  end if;
  if (select count(*) from mayfly.approval_policies p
    where p.tenant_id = tenant and (p.agent_type, p.category) <> (set_approval_policy.agent_type, set_approval_policy.category)) >= 200 then
    perform mayfly_private.fail(403, 'quota_exceeded', 'A tenant has at most 200 approval policies.', null, '{"quota": "approval_policies", "limit": 200}');
  end if;
  perform mayfly_private.charge(tenant, 0, 0, 1);
  insert into mayfly.approval_policies (tenant_id, agent_type, category, autonomy, min_confidence, quorum, roles, requester_decides, expires_in,
    escalate_after, escalation_roles, notify, updated_at)
  values (tenant, agent_type, category, autonomy, min_confidence, quorum, roles, coalesce(requester_decides, false),
    make_interval(secs => expires_in), make_interval(secs => escalate_after), escalation_roles, notify, mayfly_private.now())
  on conflict on constraint approval_policies_pkey do update
  set autonomy = excluded.autonomy, min_confidence = excluded.min_confidence, quorum = excluded.quorum, roles = excluded.roles,
    requester_decides = excluded.requester_decides, expires_in = excluded.expires_in, escalate_after = excluded.escalate_after,
    escalation_roles = excluded.escalation_roles, notify = excluded.notify, updated_at = excluded.updated_at
  returning * into policy;
  return mayfly_private.show_approval_policy(policy);
end
$$;

comment on function mayfly_private.set_approval_policy is 'Sets what needs asking.';

grant execute on function mayfly_private.set_approval_policy to authenticated, service_role;

-- Sets what needs asking for an agent type and a category, whole (scope approval:admin). '*' stands for every one.

create function mayfly.set_approval_policy(
  agent_type text default '*', category text default '*', autonomy text default 'ask', min_confidence double precision default null,
  quorum integer default 1, roles text[] default null, requester_decides boolean default false, expires_in double precision default null,
  escalate_after double precision default null, escalation_roles text[] default null, notify text default null
)
returns jsonb
language sql
set search_path = ''
return mayfly_private.set_approval_policy(agent_type, category, autonomy, min_confidence, quorum, roles, requester_decides, expires_in, escalate_after, escalation_roles, notify);

comment on function mayfly.set_approval_policy is 'Sets what needs asking for an agent type and a category: autonomy, confidence, quorum, roles, times, and the job that tells people. Returns it.';

grant execute on function mayfly.set_approval_policy to authenticated, service_role;

-- An approval as its callers get it. The digest is what a decision has to name.

create function mayfly_private.show_approval(approval mayfly.approvals)
returns jsonb
language sql stable
set search_path = ''
return to_jsonb(approval) - '{tenant_id,digest,bytes,requester_decides,used_at,notify}'::text[]
  || jsonb_build_object('digest', encode(approval.digest, 'hex'));

comment on function mayfly_private.show_approval is 'An approval as its callers get it.';

grant execute on function mayfly_private.show_approval to authenticated, service_role;

-- A policy as its callers get it, with times in seconds.

create function mayfly_private.show_approval_policy(policy mayfly.approval_policies)
returns jsonb
language sql stable
set search_path = ''
return to_jsonb(policy) - '{tenant_id}'::text[]
  || jsonb_build_object('expires_in', extract(epoch from policy.expires_in), 'escalate_after', extract(epoch from policy.escalate_after));

comment on function mayfly_private.show_approval_policy is 'A policy as its callers get it.';

grant execute on function mayfly_private.show_approval_policy to authenticated, service_role;

-- The definer half of mayfly.use_approval: what stands between a decision and its effect. Fenced: the lease is that of
-- the job that asked. Gives the input to act on, once: the same step of the same job may take it again after a crash,
-- any other is refused. What has neither been decided nor expired is no approval. Locks the job, then the approval.

create function mayfly_private.use_approval(lease text, id uuid, step text)
returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  job constant mayfly.jobs := mayfly_private.fence_job(lease);
  approval mayfly.approvals;
begin
  select * into approval from mayfly.approvals a where a.tenant_id = job.tenant_id and a.id = use_approval.id for no key update;
  if approval.id is null or approval.job_id is distinct from job.id or approval.step is distinct from use_approval.step then
    perform mayfly_private.fail(404, 'approval_unknown', 'This step has asked for no such approval.', null,
      jsonb_build_object('field', case when approval.job_id = job.id then 'step' else 'id' end));
  end if;
  if approval.status = 'pending' and approval.expires_at <= mayfly_private.now() then
    perform mayfly_private.end_approval(approval, 'expired');
    delete from mayfly.job_signals s where s.tenant_id = job.tenant_id and s.job_id = job.id and s.name = 'approval:' || approval.id;
    select * into approval from mayfly.approvals a where a.tenant_id = job.tenant_id and a.id = use_approval.id;
  elsif approval.status = 'approved' and approval.used_at is null then
    update mayfly.approvals a set used_at = mayfly_private.now() where a.tenant_id = job.tenant_id and a.id = use_approval.id;
  end if;
  return mayfly_private.show_approval(approval) || jsonb_build_object('reasons', (
    select coalesce(jsonb_agg(d.reason order by d.at), '[]') from mayfly.approval_decisions d
    where d.tenant_id = job.tenant_id and d.approval_id = approval.id and d.reason is not null and d.verdict <> 'delegate'));
end
$$;

comment on function mayfly_private.use_approval is 'Takes a decision, for the job that asked.';

grant execute on function mayfly_private.use_approval to authenticated, service_role;

-- What has been decided, for the job and the step that asked: the approval with the input to act on. Whoever acts on
-- any status but `approved` acts without approval.

create function mayfly.use_approval(lease text, id uuid, step text)
returns jsonb
language sql
set search_path = ''
return mayfly_private.use_approval(lease, id, step);

comment on function mayfly.use_approval is 'Takes a decision, for the job and the step that asked: the approval, its input and the reasons.';

grant execute on function mayfly.use_approval to authenticated, service_role;

-- The scopes of this room.

insert into mayfly.scopes (name, description, roles, agents, by_default) values
  ('cost:read', 'See what models cost, the budgets and the limits.', '{viewer,member,admin,owner}', true, true),
  ('cost:write', 'Reserve and record what calls of models cost.', '{member,admin,owner}', true, true),
  ('cost:admin', 'Set budgets and rate limits.', '{admin,owner}', false, false)
on conflict (name) do update
set description = excluded.description, roles = excluded.roles, agents = excluded.agents, by_default = excluded.by_default;

-- The ledger: what each call of a model used and cost, with the price of its day. Rows are added and never changed.

create table mayfly.model_usage (
  tenant_id uuid not null,
  id uuid not null,
  at timestamptz not null,
  agent text collate "C" not null,
  agent_id uuid,
  run_id uuid,
  provider text collate "C" not null,
  model text collate "C" not null,
  input_tokens bigint not null,
  cache_read_tokens bigint not null,
  cache_write_tokens bigint not null,
  output_tokens bigint not null,
  reasoning_tokens bigint not null,
  usage jsonb not null,
  usd numeric,
  priced text not null constraint model_usage_priced_known check (priced in ('exact', 'inexact', 'unknown')),
  bytes integer not null,
  constraint model_usage_pkey primary key (tenant_id, id),
  constraint model_usage_tenant_fkey foreign key (tenant_id) references mayfly.tenants (id) on delete cascade,
  constraint model_usage_priced_or_unknown check ((usd is null) = (priced = 'unknown'))
);

create index model_usage_at_idx on mayfly.model_usage (tenant_id, at);

create index model_usage_run_idx on mayfly.model_usage (tenant_id, run_id) where run_id is not null;

-- The planner's statistics are everybody's: none of what a tenant writes (tests/invariants/estimates.test.ts).
alter table mayfly.model_usage
  alter column id set statistics 0,
  alter column agent set statistics 0,
  alter column agent_id set statistics 0,
  alter column run_id set statistics 0,
  alter column provider set statistics 0,
  alter column model set statistics 0,
  alter column input_tokens set statistics 0,
  alter column cache_read_tokens set statistics 0,
  alter column cache_write_tokens set statistics 0,
  alter column output_tokens set statistics 0,
  alter column reasoning_tokens set statistics 0,
  alter column usage set statistics 0,
  alter column usd set statistics 0;

comment on table mayfly.model_usage is 'What each call of a model used and cost.';

comment on column mayfly.model_usage.id is 'That of the hold that it settled: a call is recorded once.';

comment on column mayfly.model_usage.agent is 'The name of the agent, as its definition says it.';

comment on column mayfly.model_usage.input_tokens is 'All of them, read from and written to the provider''s cache included.';

comment on column mayfly.model_usage.usage is 'The units as they were priced, with those that have no column: cache_write_1h, web_searches, input_audio, output_audio, requests.';

comment on column mayfly.model_usage.usd is 'Null where the price is unknown.';

comment on column mayfly.model_usage.priced is 'inexact: by the price of a model whose name this one''s begins with.';

-- What may be spent: by the whole tenant, by agents of a name, by one run. A hard limit refuses what would pass it, a
-- soft one tells the log when it is reached. What has been reserved counts as spent until it is settled. The functions
-- of this room alone write it.
--
-- No check of spent against the limit: a call that cost more than its estimate is recorded all the same.

create table mayfly.budgets (
  tenant_id uuid not null,
  level text collate "C" not null constraint budgets_level_known check (level in ('tenant', 'agent', 'run')),
  subject text collate "C" not null,
  id uuid not null default gen_random_uuid(),
  hard_usd numeric constraint budgets_hard_usd_range check (hard_usd >= 0),
  soft_usd numeric constraint budgets_soft_usd_range check (soft_usd >= 0),
  hard_tokens bigint constraint budgets_hard_tokens_range check (hard_tokens >= 0),
  period text not null default 'total' constraint budgets_period_known check (period in ('total', 'day', 'month')),
  period_start timestamptz not null default clock_timestamp(),
  spent_usd numeric not null default 0,
  held_usd numeric not null default 0,
  spent_tokens bigint not null default 0,
  held_tokens bigint not null default 0,
  unpriced integer not null default 0,
  reached_at timestamptz,
  refused_at timestamptz,
  constraint budgets_pkey primary key (tenant_id, level, subject),
  constraint budgets_tenant_fkey foreign key (tenant_id) references mayfly.tenants (id) on delete cascade
)
with (fillfactor = 50);

-- The planner's statistics are everybody's: none of what a tenant writes (tests/invariants/estimates.test.ts).
alter table mayfly.budgets
  alter column subject set statistics 0,
  alter column id set statistics 0,
  alter column hard_usd set statistics 0,
  alter column soft_usd set statistics 0,
  alter column hard_tokens set statistics 0,
  alter column spent_usd set statistics 0,
  alter column held_usd set statistics 0,
  alter column spent_tokens set statistics 0,
  alter column held_tokens set statistics 0,
  alter column unpriced set statistics 0;

comment on table mayfly.budgets is 'What may be spent on models, and what has been.';

comment on column mayfly.budgets.subject is 'The name of the agents, or the id of the run; empty for the tenant.';

comment on column mayfly.budgets.period is 'When what was spent starts anew at zero: never, each day or each month, in UTC.';

comment on column mayfly.budgets.held_usd is 'Reserved for calls under way.';

comment on column mayfly.budgets.unpriced is 'How many calls of models without a known price it has seen: their cost is in no sum.';

comment on column mayfly.budgets.reached_at is 'When the log was told that the soft limit is reached, in this period.';

comment on column mayfly.budgets.refused_at is 'When the log was told that a call was refused, in this period.';

-- How many calls a minute: of models by the whole tenant, by agents of a name, of one model; of a tool. A token bucket
-- each, shared by all workers.

create table mayfly.rate_limits (
  tenant_id uuid not null,
  level text collate "C" not null constraint rate_limits_level_known check (level in ('tenant', 'agent', 'model', 'tool')),
  subject text collate "C" not null,
  per_minute integer not null constraint rate_limits_per_minute_range check (per_minute between 1 and 1000000),
  burst integer not null constraint rate_limits_burst_range check (burst between 1 and 1000000),
  tokens double precision not null,
  filled_at timestamptz not null,
  constraint rate_limits_pkey primary key (tenant_id, level, subject),
  constraint rate_limits_tenant_fkey foreign key (tenant_id) references mayfly.tenants (id) on delete cascade
)
with (fillfactor = 50);

-- The planner's statistics are everybody's: none of what a tenant writes (tests/invariants/estimates.test.ts).
alter table mayfly.rate_limits
  alter column subject set statistics 0,
  alter column per_minute set statistics 0,
  alter column burst set statistics 0,
  alter column tokens set statistics 0;

comment on table mayfly.rate_limits is 'How many calls of models and tools there may be in a minute.';

comment on column mayfly.rate_limits.subject is 'The name of the agents, of the model (provider/model) or of the tool; empty for the tenant.';

comment on column mayfly.rate_limits.burst is 'How many may come at once.';

comment on column mayfly.rate_limits.tokens is 'How many there were room for at filled_at.';

-- What is reserved for calls under way. A hold with a job is alive while the job runs at that attempt; one without
-- until `until`. A hold that was given back is kept for a day: whoever paid all the same can still settle it.

create table mayfly_private.cost_holds (
  tenant_id uuid not null,
  id uuid not null,
  holder uuid not null,
  job_id uuid,
  attempt integer,
  until timestamptz,
  agent text collate "C" not null,
  run_id uuid,
  provider text not null,
  model text not null,
  levels text[] not null,
  usd numeric not null,
  tokens bigint not null,
  released_at timestamptz,
  created_at timestamptz not null default clock_timestamp(),
  constraint cost_holds_pkey primary key (tenant_id, id),
  constraint cost_holds_tenant_fkey foreign key (tenant_id) references mayfly.tenants (id) on delete cascade
);

comment on table mayfly_private.cost_holds is 'What is reserved for calls of models under way.';

comment on column mayfly_private.cost_holds.levels is 'The budgets that it counts in: tenant, agent, run.';

alter table mayfly_private.cost_holds enable row level security;

-- Models that fail: one row for each that failed since it last answered, shared by all workers of a tenant, since
-- tenants have keys of their own.

create table mayfly_private.model_breakers (
  tenant_id uuid not null,
  provider text collate "C" not null,
  model text collate "C" not null,
  failures integer not null,
  open_until timestamptz,
  probing_until timestamptz,
  last_failure text,
  at timestamptz not null default clock_timestamp(),
  constraint model_breakers_pkey primary key (tenant_id, provider, model),
  constraint model_breakers_tenant_fkey foreign key (tenant_id) references mayfly.tenants (id) on delete cascade
)
with (fillfactor = 50);

comment on table mayfly_private.model_breakers is 'Models that have failed since they last answered.';

comment on column mayfly_private.model_breakers.open_until is 'Until when nobody calls it; then one call tries it.';

comment on column mayfly_private.model_breakers.probing_until is 'That one call is under way, until then at most.';

alter table mayfly_private.model_breakers enable row level security;

-- What the rows of this room's tables are charged, in bytes.

insert into mayfly_private.charges (relation, bytes) values ('mayfly.model_usage', 'r.bytes')
on conflict (relation) do update set bytes = excluded.bytes;

insert into mayfly_private.charges (relation, bounded_by) values
  ('mayfly.budgets', '1000 rows a tenant that are set, and one a run, whose jobs are charged'),
  ('mayfly.rate_limits', '1000 rows a tenant'),
  ('mayfly_private.cost_holds', 'the calls under way, and those of the last day that nobody settled: 10000 rows a tenant'),
  ('mayfly_private.model_breakers', '1000 rows a tenant')
on conflict (relation) do update set bounded_by = excluded.bounded_by;

-- What time does to the costs of a tenant: gives dead holds back, forgets those that nobody has settled for a day and
-- breakers that have been closed for one, and deletes budgets of runs with their jobs; at most max_rows each: { more }. A chore of maintain_tenant,
-- as owner. The ledger is kept. Waits for nobody.

create function mayfly_private.maintain_costs(tenant uuid, max_rows integer)
returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  given constant integer := mayfly_private.give_back_holds(tenant, max_rows);
  deleted integer;
begin
  delete from mayfly_private.cost_holds h where (h.tenant_id, h.id) in (
    select o.tenant_id, o.id from mayfly_private.cost_holds o
    where o.tenant_id = tenant and o.released_at < mayfly_private.now() - interval '1 day' limit max_rows for update skip locked);
  delete from mayfly_private.model_breakers b
  where b.tenant_id = tenant and b.at < mayfly_private.now() - interval '1 day' and coalesce(b.open_until < mayfly_private.now(), true);
  delete from mayfly.budgets b where (b.tenant_id, b.level, b.subject) in (
    select r.tenant_id, r.level, r.subject from mayfly.budgets r
    where r.tenant_id = tenant and r.level = 'run' and r.period_start < mayfly_private.now() - interval '1 hour'
      and not exists (select from mayfly.jobs j where j.tenant_id = tenant and j.id = mayfly_private.to_uuid(r.subject))
      and not exists (select from mayfly.finished_jobs f where f.tenant_id = tenant and f.id = mayfly_private.to_uuid(r.subject))
    limit max_rows for update skip locked);
  get diagnostics deleted = row_count;
  return jsonb_build_object('holds', given, 'more', given = max_rows or deleted = max_rows);
end
$$;

comment on function mayfly_private.maintain_costs is 'One batch of what time does to costs.';

-- What maintenance does in this room.

insert into mayfly_private.chores (name, work) values
  ('costs', 'mayfly_private.maintain_costs(uuid, integer)')
on conflict (name) do update set work = excluded.work;

-- The kinds of events that this room appends to the log.

insert into mayfly.event_kinds (kind, scope, admin_scope, description) values
  ('budget.reached', 'cost:read', null, 'A budget has reached its soft limit.'),
  ('budget.refused', 'cost:read', null, 'A call was refused since a budget has nothing left for it.')
on conflict (kind) do update
set scope = excluded.scope, admin_scope = excluded.admin_scope, description = excluded.description;

-- What models cost, imported by `mayfly prices import`: the same for all tenants. An import whose prices differ from
-- the newest row adds one, so that any old cost can be computed again with the price of its day.
--
-- `prices` is a list of { from?, daily?, units }: the last one whose conditions hold at the time of a call counts.
-- `units` has for each unit the steps [above, USD]: the last step with fewer input tokens than the call has prices all
-- of them. Token units are priced by the million, `requests` and `web_searches` by the thousand. An empty `units` is
-- free of charge. Numbers of jsonb are numeric: nothing is rounded.

create table mayfly.model_prices (
  provider text collate "C" not null constraint model_prices_provider_length check (char_length(provider) between 1 and 100),
  model text collate "C" not null constraint model_prices_model_length check (char_length(model) between 1 and 200),
  since timestamptz not null,
  prices jsonb not null,
  source text not null constraint model_prices_source_length check (char_length(source) between 1 and 200),
  constraint model_prices_pkey primary key (provider, model, since)
);

comment on table mayfly.model_prices is 'What models cost, in US dollars, since when.';

comment on column mayfly.model_prices.prices is '[{ from?, daily?: [from, until], units: { <unit>: [[above, USD]] } }]: the last that holds counts.';

comment on column mayfly.model_prices.source is 'Where the prices are from, such as genai-prices 0.1.8.';

-- The names by which models with prices are called. An exact name is the model; a prefix is probably one of its
-- versions, which a hard budget does not believe.

create table mayfly.model_names (
  provider text collate "C" not null,
  name text collate "C" not null constraint model_names_name_length check (char_length(name) between 1 and 200),
  exact boolean not null,
  model text collate "C" not null,
  constraint model_names_pkey primary key (provider, exact, name)
);

comment on table mayfly.model_names is 'The names by which models with prices are called.';

comment on column mayfly.model_names.exact is 'False: what begins with this name is probably the model.';

-- Who may see prices, budgets, limits and what was spent. Functions alone write them. Prices are everybody's.

alter table mayfly.model_prices enable row level security;

alter table mayfly.model_names enable row level security;

alter table mayfly.budgets enable row level security;

alter table mayfly.model_usage enable row level security;

alter table mayfly.rate_limits enable row level security;

grant select on mayfly.model_prices to authenticated, service_role;

create policy model_prices_select on mayfly.model_prices for select to authenticated
  using (true);

grant select on mayfly.model_names to authenticated, service_role;

create policy model_names_select on mayfly.model_names for select to authenticated
  using (true);

grant select on mayfly.budgets to authenticated, service_role;

create policy budgets_select on mayfly.budgets for select to authenticated
  using (tenant_id = any ((select mayfly.tenant_ids('cost:read'))::uuid[]));

grant select on mayfly.model_usage to authenticated, service_role;

create policy model_usage_select on mayfly.model_usage for select to authenticated
  using (tenant_id = any ((select mayfly.tenant_ids('cost:read'))::uuid[]));

grant select on mayfly.rate_limits to authenticated, service_role;

create policy rate_limits_select on mayfly.rate_limits for select to authenticated
  using (tenant_id = any ((select mayfly.tenant_ids('cost:read'))::uuid[]));

-- The budgets that calls concern, locked until commit in the order in which everybody locks them, those whose period
-- is over begun anew. `asked` has the tenants, levels and subjects. Called by whatever reserves, settles or gives back.

create function mayfly_private.budgets_of(tenants uuid[], levels text[], subjects text[])
returns mayfly.budgets[]
language plpgsql security definer
set search_path = ''
as $$
declare
  ts constant timestamptz := mayfly_private.now();
  rows mayfly.budgets[];
begin
  select coalesce(array_agg(l order by l.tenant_id, l.level = 'run', l.level = 'agent', l.subject), '{}') into rows
  from (
    select b.* from mayfly.budgets b
    join (select distinct t.tenant_id, t.level, t.subject from unnest(tenants, levels, subjects) as t (tenant_id, level, subject)) a
      on a.tenant_id = b.tenant_id and a.level = b.level and a.subject = b.subject
    order by b.tenant_id, b.level = 'run', b.level = 'agent', b.subject
    for no key update of b) l;
  for i in 1..cardinality(rows) loop
    if rows[i].period <> 'total' and rows[i].period_start < date_trunc(rows[i].period, ts at time zone 'UTC') at time zone 'UTC' then
      rows[i].period_start := date_trunc(rows[i].period, ts at time zone 'UTC') at time zone 'UTC';
      rows[i].spent_usd := 0;
      rows[i].spent_tokens := 0;
      rows[i].unpriced := 0;
      rows[i].reached_at := null;
      rows[i].refused_at := null;
    end if;
  end loop;
  return rows;
end
$$;

comment on function mayfly_private.budgets_of is 'The budgets that calls concern, locked.';

-- Whether a budget concerns a call.

create function mayfly_private.concerns(budget mayfly.budgets, tenant uuid, agent text, run uuid)
returns boolean
language plpgsql immutable
set search_path = ''
as $$
begin
  return budget.tenant_id = tenant and case budget.level
    when 'tenant' then true
    when 'agent' then budget.subject = agent
    else budget.subject = run::text end;
end
$$;

comment on function mayfly_private.concerns is 'Whether a budget concerns a call.';

-- What a call cost, in US dollars, exactly. `input` counts all input tokens: those read from the provider's cache and
-- written to it are priced as such, and as others where that has no price of its own. `output` counts all
-- output tokens, reasoning included.

create function mayfly_private.cost_of(units jsonb, usage jsonb)
returns numeric
language plpgsql immutable
set search_path = ''
as $$
declare
  total constant numeric := coalesce((usage ->> 'input')::numeric, 0);
  cached constant numeric := coalesce((usage ->> 'cache_read')::numeric, 0);
  written constant numeric := coalesce((usage ->> 'cache_write')::numeric, 0);
  written_1h constant numeric := least(coalesce((usage ->> 'cache_write_1h')::numeric, 0), written);
  heard constant numeric := coalesce((usage ->> 'input_audio')::numeric, 0);
  spoken constant numeric := coalesce((usage ->> 'output_audio')::numeric, 0);
  output constant numeric := coalesce((usage ->> 'output')::numeric, 0);
  thought constant numeric := least(coalesce((usage ->> 'reasoning')::numeric, 0), greatest(0, output - spoken));
  per_input constant numeric := coalesce(mayfly_private.unit_price(units, 'input', total), 0);
  per_output constant numeric := coalesce(mayfly_private.unit_price(units, 'output', total), 0);
  per_write constant numeric := coalesce(mayfly_private.unit_price(units, 'cache_write', total), per_input);
begin
  return greatest(0, total - cached - written - heard) * per_input
    + cached * coalesce(mayfly_private.unit_price(units, 'cache_read', total), per_input)
    + (written - written_1h) * per_write
    + written_1h * coalesce(mayfly_private.unit_price(units, 'cache_write_1h', total), per_write)
    + heard * coalesce(mayfly_private.unit_price(units, 'input_audio', total), per_input)
    + greatest(0, output - spoken - thought) * per_output
    + thought * coalesce(mayfly_private.unit_price(units, 'output_reasoning', total), per_output)
    + spoken * coalesce(mayfly_private.unit_price(units, 'output_audio', total), per_output)
    + coalesce((usage ->> 'requests')::numeric, 1) * coalesce(mayfly_private.unit_price(units, 'requests', total), 0)
    + coalesce((usage ->> 'web_searches')::numeric, 0) * coalesce(mayfly_private.unit_price(units, 'web_searches', total), 0);
end
$$;

comment on function mayfly_private.cost_of is 'What a call of a model cost, in US dollars.';

-- What was spent from one instant to another, by some of agent, model, provider, day and run: calls, tokens, US dollars,
-- and how many calls have no price. Callers with cost:read. Locks nothing.

create function mayfly.cost_report(by text[] default '{model}', since timestamptz default null, until timestamptz default null, page_limit integer default 1000)
returns jsonb
language plpgsql stable
set search_path = ''
as $$
declare
  tenant constant uuid := mayfly_private.require_tenant('cost:read');
begin
  if by is null or not by <@ '{agent,model,provider,day,run}' then
    perform mayfly_private.fail(400, 'invalid_request', 'by must be some of agent, model, provider, day and run.', null, '{"field": "by"}');
  elsif page_limit is null or page_limit not between 1 and 10000 then
    perform mayfly_private.fail(400, 'invalid_request', 'page_limit must be 1 to 10000.', null, '{"field": "page_limit"}');
  end if;
  return (
    select coalesce(jsonb_agg(jsonb_strip_nulls(jsonb_build_object('agent', r.agent, 'provider', r.provider, 'model', r.model, 'day', r.day, 'run', r.run))
      || jsonb_build_object('calls', r.calls, 'input_tokens', r.input, 'cache_read_tokens', r.cached, 'output_tokens', r.output, 'reasoning_tokens', r.reasoning,
        'usd', r.usd, 'unpriced', r.unpriced)), '[]')
    from (
      select case when 'agent' = any (by) then u.agent end as agent, case when by && '{provider,model}' then u.provider end as provider,
        case when 'model' = any (by) then u.model end as model, case when 'day' = any (by) then (u.at at time zone 'UTC')::date end as day,
        case when 'run' = any (by) then u.run_id end as run,
        count(*) as calls, sum(u.input_tokens) as input, sum(u.cache_read_tokens) as cached, sum(u.output_tokens) as output,
        sum(u.reasoning_tokens) as reasoning, coalesce(sum(u.usd), 0) as usd, count(*) filter (where u.usd is null) as unpriced
      from mayfly.model_usage u
      where u.tenant_id = tenant and (since is null or u.at >= since) and (until is null or u.at < until)
      group by 1, 2, 3, 4, 5
      order by 4 desc nulls last, coalesce(sum(u.usd), 0) desc, 1, 2, 3, 5
      limit page_limit) r);
end
$$;

comment on function mayfly.cost_report is 'What was spent, by some of agent, model, provider, day and run.';

grant execute on function mayfly.cost_report to authenticated, service_role;

-- The definer half of mayfly.delete_budget. Locks the budget.

create function mayfly_private.delete_budget(level text, subject text)
returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  tenant constant uuid := mayfly_private.require_tenant('cost:admin');
begin
  delete from mayfly.budgets b
  where b.tenant_id = tenant and b.level = delete_budget.level and b.subject = coalesce(delete_budget.subject, '');
  return jsonb_build_object('deleted', found);
end
$$;

comment on function mayfly_private.delete_budget is 'Deletes a budget.';

grant execute on function mayfly_private.delete_budget to authenticated, service_role;

-- Deletes a budget (scope cost:admin): { deleted }, false where there was none. The ledger stays.

create function mayfly.delete_budget(level text, subject text default '')
returns jsonb
language sql
set search_path = ''
return mayfly_private.delete_budget(level, subject);

comment on function mayfly.delete_budget is 'Deletes a budget: { deleted }.';

grant execute on function mayfly.delete_budget to authenticated, service_role;

-- Gives dead holds of a tenant back: those whose job does not run at that attempt any more, or whose time is over, at
-- most max_rows. Says how many. Waits for nobody: a hold or a budget that somebody else has locked is left to the next
-- one. The caller may hold locks on budgets of the tenant, which it has to read again afterwards.

create function mayfly_private.give_back_holds(tenant uuid, max_rows integer default 1000)
returns integer
language plpgsql security definer
set search_path = ''
as $$
declare
  ts constant timestamptz := mayfly_private.now();
  hold mayfly_private.cost_holds;
  locked integer;
  given integer := 0;
begin
  for hold in
    select h.* from mayfly_private.cost_holds h
    where h.tenant_id = tenant and h.released_at is null and case
      when h.job_id is null then h.until <= ts
      else not exists (
        select from mayfly.jobs j
        where j.tenant_id = tenant and j.id = h.job_id and j.status = 'running' and j.attempt = h.attempt and j.lease_end > ts) end
    limit max_rows
    for update of h skip locked
  loop
    select count(*) into locked from (
      select from mayfly.budgets b
      where b.tenant_id = tenant and b.level = any (hold.levels) and mayfly_private.concerns(b, tenant, hold.agent, hold.run_id)
      for no key update skip locked) l;
    continue when locked < (
      select count(*) from mayfly.budgets b
      where b.tenant_id = tenant and b.level = any (hold.levels) and mayfly_private.concerns(b, tenant, hold.agent, hold.run_id));
    perform mayfly_private.release_hold(hold);
    given := given + 1;
  end loop;
  return given;
end
$$;

comment on function mayfly_private.give_back_holds is 'Gives dead holds of a tenant back.';

-- The holds of a caller by their ids, with their budgets locked before them, for settle_costs and release_costs.

create function mayfly_private.holds_of(holder mayfly_private.job_holder, ids uuid[], out holds mayfly_private.cost_holds[], out budgets mayfly.budgets[])
language plpgsql security definer
set search_path = ''
as $$
begin
  budgets := (
    select mayfly_private.budgets_of(array_agg(h.tenant_id), array_agg(l), array_agg(case l when 'tenant' then '' when 'agent' then h.agent else h.run_id::text end))
    from mayfly_private.cost_holds h, unnest(array['tenant', 'agent', 'run']) l
    where h.id = any (ids) and h.holder = holder.id and (holder.tenant_id is null or h.tenant_id = holder.tenant_id) and (l <> 'run' or h.run_id is not null));
  budgets := coalesce(budgets, '{}');
  select coalesce(array_agg(l order by l.tenant_id, l.id), '{}') into holds
  from (
    select h.* from mayfly_private.cost_holds h
    where h.id = any (ids) and h.holder = holder.id and (holder.tenant_id is null or h.tenant_id = holder.tenant_id)
    order by h.tenant_id, h.id
    for update) l;
end
$$;

comment on function mayfly_private.holds_of is 'The holds of a caller, with their budgets locked.';

-- The definer half of mayfly.import_prices.

create function mayfly_private.import_prices(prices jsonb, source text)
returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  ts constant timestamptz := mayfly_private.now();
  fault record;
  added integer;
  named integer;
begin
  if jsonb_typeof(prices) is distinct from 'array' or jsonb_array_length(prices) not between 1 and 5000 then
    perform mayfly_private.fail(400, 'invalid_request', 'prices must be an array of 1 to 5000 { provider, model, prices, names? }.', null, '{"field": "prices"}');
  elsif source is null or char_length(source) not between 1 and 200 then
    perform mayfly_private.fail(400, 'invalid_request', 'source must be a text of 1 to 200 characters.', null, '{"field": "source"}');
  end if;
  select o.n - 1 as index, f.field into fault
  from jsonb_array_elements(import_prices.prices) with ordinality as o (p, n), lateral (
    select case
      when coalesce(char_length(o.p ->> 'provider') not between 1 and 100, true) then 'provider'
      when coalesce(char_length(o.p ->> 'model') not between 1 and 200, true) then 'model'
      when not mayfly_private.is_price(o.p -> 'prices') then 'prices'
      when coalesce(jsonb_typeof(o.p -> 'names'), 'array') <> 'array' or exists (
        select from jsonb_array_elements(case when jsonb_typeof(o.p -> 'names') = 'array' then o.p -> 'names' else '[]' end) e
        where coalesce(char_length(e ->> 'name') not between 1 and 200, true) or jsonb_typeof(e -> 'exact') is distinct from 'boolean') then 'names'
    end as field) f
  where f.field is not null order by o.n limit 1;
  if found then
    perform mayfly_private.fail(400, 'invalid_request', format('prices[%s].%s is no %s of a model.', fault.index, fault.field, fault.field),
      'Nothing was imported. docs/costs.md has the form.', jsonb_build_object('index', fault.index, 'field', fault.field));
  end if;

  perform pg_advisory_xact_lock(hashtextextended('mayfly.import_prices', 0));
  with given as (
    select distinct on (g.provider, g.model) g.* from jsonb_to_recordset(import_prices.prices) as g (provider text, model text, prices jsonb)
  ), fresh as (
    insert into mayfly.model_prices (provider, model, since, prices, source)
    select g.provider, g.model, ts, g.prices, import_prices.source
    from given g
    where g.prices is distinct from (
      select p.prices from mayfly.model_prices p where p.provider = g.provider and p.model = g.model order by p.since desc limit 1)
    returning 1
  )
  select count(*) into added from fresh;
  with given as (
    select distinct on (g.provider, (n.e ->> 'exact')::boolean, n.e ->> 'name')
      g.provider, n.e ->> 'name' as name, (n.e ->> 'exact')::boolean as exact, g.model
    from jsonb_to_recordset(import_prices.prices) as g (provider text, model text, names jsonb), jsonb_array_elements(coalesce(g.names, '[]')) n (e)
  ), written as (
    insert into mayfly.model_names as m (provider, name, exact, model)
    select g.provider, g.name, g.exact, g.model from given g
    on conflict on constraint model_names_pkey do update set model = excluded.model
    where m.model <> excluded.model
    returning 1
  )
  select count(*) into named from written;
  return jsonb_build_object('models', jsonb_array_length(prices), 'changed', added, 'names', named);
end
$$;

comment on function mayfly_private.import_prices is 'Takes prices of models in.';

grant execute on function mayfly_private.import_prices to service_role;

-- Takes prices in: rows { provider, model, prices, names?: [{ name, exact }] }, as `mayfly prices import` makes them. A
-- model whose newest prices are these stays as it is; else a row is added, from now on. For the secret key alone, since
-- prices are everybody's. Imports go one after the other.

create function mayfly.import_prices(prices jsonb, source text)
returns jsonb
language sql
set search_path = ''
return mayfly_private.import_prices(prices, source);

comment on function mayfly.import_prices is 'Takes prices of models in: { models, changed, names }. For the secret key.';

grant execute on function mayfly.import_prices to service_role;

-- Whether a JSON value is a list of prices as mayfly.model_prices has them.

create function mayfly_private.is_price(given jsonb)
returns boolean
language plpgsql stable
set search_path = ''
as $$
begin
  return coalesce(jsonb_typeof(given) = 'array' and jsonb_array_length(given) between 1 and 20 and octet_length(given::text) <= 20000, false)
    and not exists (
      select from jsonb_array_elements(given) e
      where jsonb_typeof(e -> 'units') is distinct from 'object'
        or (e ? 'from' and not coalesce(pg_input_is_valid(e ->> 'from', 'timestamptz'), false))
        or (e ? 'daily' and not coalesce(jsonb_typeof(e -> 'daily') = 'array' and jsonb_array_length(e -> 'daily') = 2
          and pg_input_is_valid(e -> 'daily' ->> 0, 'time') and pg_input_is_valid(e -> 'daily' ->> 1, 'time'), false))
        or case when jsonb_typeof(e -> 'units') = 'object' then exists (
          select from jsonb_each(e -> 'units') u
          where jsonb_typeof(u.value) <> 'array' or case when jsonb_typeof(u.value) = 'array' then jsonb_array_length(u.value) = 0 or exists (
            select from jsonb_array_elements(u.value) s
            where jsonb_typeof(s) <> 'array' or case when jsonb_typeof(s) = 'array' then jsonb_array_length(s) <> 2
              or coalesce(jsonb_typeof(s -> 0) <> 'number' or jsonb_typeof(s -> 1) <> 'number', true)
              or not mayfly_private.number_within(s -> 0, 0, 1e12) or not mayfly_private.number_within(s -> 1, 0, 1e9) end) end) end);
end
$$;

comment on function mayfly_private.is_price is 'Whether a JSON value is a list of prices.';

-- Whether a JSON value says what a call used: whole numbers of tokens, by units.

create function mayfly_private.is_usage(given jsonb)
returns boolean
language plpgsql immutable
set search_path = ''
as $$
begin
  return coalesce(jsonb_typeof(given) = 'object', false) and not exists (
    select from jsonb_each(case when jsonb_typeof(given) = 'object' then given else '{}' end) u
    where u.key not in ('input', 'cache_read', 'cache_write', 'cache_write_1h', 'output', 'reasoning', 'input_audio', 'output_audio', 'requests', 'web_searches')
      or jsonb_typeof(u.value) <> 'number' or not mayfly_private.number_within(u.value, 0, 1e12, true));
end
$$;

comment on function mayfly_private.is_usage is 'Whether a JSON value says what a call used.';

-- The budgets of the tenant: its own, then those of agents, then those of runs, the newest first. Callers with
-- cost:read. Locks nothing.

create function mayfly.list_budgets(of_level text default null, page_limit integer default 1000)
returns jsonb
language plpgsql stable
set search_path = ''
as $$
declare
  tenant constant uuid := mayfly_private.require_tenant('cost:read');
begin
  if page_limit is null or page_limit not between 1 and 1000 then
    perform mayfly_private.fail(400, 'invalid_request', 'page_limit must be 1 to 1000.', null, '{"field": "page_limit"}');
  end if;
  return (
    select coalesce(jsonb_agg(mayfly_private.show_budget(b)), '[]')
    from (
      select b.* from mayfly.budgets b
      where b.tenant_id = tenant and (of_level is null or b.level = of_level)
      order by b.level = 'run', b.level = 'agent', case when b.level = 'run' then b.subject end desc, b.subject
      limit page_limit) b);
end
$$;

comment on function mayfly.list_budgets is 'The budgets of the tenant, with what was spent and what is held.';

grant execute on function mayfly.list_budgets to authenticated, service_role;

-- What a call said of its model: it answered, and nothing stands against it any more; or it failed in a way that is the
-- provider's. After five failures in a row, or where the provider said when to come back, nobody calls it for a while:
-- 30 s, twice as long after each try that fails, five minutes at most. Locks the breaker.

create function mayfly_private.mark_breaker(tenant uuid, provider text, model text, failure text, retry_after double precision)
returns void
language plpgsql security definer
set search_path = ''
as $$
declare
  ts constant timestamptz := mayfly_private.now();
begin
  if failure is null then
    delete from mayfly_private.model_breakers b
    where b.tenant_id = tenant and b.provider = mark_breaker.provider and b.model = mark_breaker.model;
    return;
  end if;
  insert into mayfly_private.model_breakers as b (tenant_id, provider, model, failures, last_failure, at, open_until)
  values (tenant, mark_breaker.provider, mark_breaker.model, 1, left(failure, 100), ts, case when retry_after is not null then ts + make_interval(secs => least(retry_after, 3600)) end)
  on conflict on constraint model_breakers_pkey do update
  set failures = b.failures + 1, last_failure = excluded.last_failure, at = ts, probing_until = null,
    open_until = greatest(b.open_until, excluded.open_until, case when b.failures >= 4
      then ts + make_interval(secs => least(300, 30 * power(2, least(b.failures - 4, 10)))) end);
end
$$;

comment on function mayfly_private.mark_breaker is 'What a call said of its model.';

-- The model by which prices are found: behind the provider that the AI SDK's gateway puts before it.

create function mayfly_private.model_of(provider text, model text)
returns text
language plpgsql immutable
set search_path = ''
as $$
begin
  return case when provider = 'gateway' and strpos(model, '/') > 1 then substr(model, strpos(model, '/') + 1) else model end;
end
$$;

comment on function mayfly_private.model_of is 'The model by which prices are found.';

-- The price of a model at an instant: `exact`, and the units in force; null where none is known. The model's own name,
-- another exact one, or either with a date at its end (a dated snapshot) is exact; else the longest prefix counts.
-- Locks nothing.

create type mayfly_private.known_price as (
  exact boolean,
  model text,
  units jsonb
);

create function mayfly_private.price_of(provider text, model text, at timestamptz)
returns mayfly_private.known_price
language plpgsql stable security definer
set search_path = ''
as $$
declare
  undated constant text := regexp_replace(model, '[-@](\d{8}|\d{4}-\d{2}-\d{2})$', '');
  price mayfly_private.known_price;
  entries jsonb;
begin
  select p.model into price.model from mayfly.model_prices p
  where p.provider = price_of.provider and p.model in (price_of.model, undated)
  order by p.model = price_of.model desc limit 1;
  if not found then
    select n.model into price.model from mayfly.model_names n
    where n.provider = price_of.provider and n.exact and n.name in (price_of.model, undated)
    order by n.name = price_of.model desc limit 1;
  end if;
  price.exact := found;
  if not found then
    select n.model into price.model from mayfly.model_names n
    where n.provider = price_of.provider and not n.exact and starts_with(price_of.model, n.name)
    order by char_length(n.name) desc limit 1;
    if not found then
      return null;
    end if;
  end if;
  -- Before the first import the first one's prices are the best there are.
  select p.prices into entries from mayfly.model_prices p
  where p.provider = price_of.provider and p.model = price.model
  order by p.since <= at desc, case when p.since <= at then p.since end desc, p.since
  limit 1;
  select e.entry -> 'units' into price.units
  from jsonb_array_elements(entries) with ordinality as e (entry, n)
  where coalesce((e.entry ->> 'from')::timestamptz <= at, true)
    and case
      when not e.entry ? 'daily' then true
      when (e.entry -> 'daily' ->> 0)::time <= (e.entry -> 'daily' ->> 1)::time
        then (at at time zone 'UTC')::time between (e.entry -> 'daily' ->> 0)::time and (e.entry -> 'daily' ->> 1)::time
      else (at at time zone 'UTC')::time >= (e.entry -> 'daily' ->> 0)::time or (at at time zone 'UTC')::time <= (e.entry -> 'daily' ->> 1)::time
    end
  order by e.n desc limit 1;
  return case when price.units is not null then price end;
end
$$;

comment on function mayfly_private.price_of is 'The price of a model at an instant.';

-- The definer half of mayfly.model_price.

create function mayfly_private.model_price(provider text, model text, at timestamptz)
returns jsonb
language plpgsql stable security definer
set search_path = ''
as $$
declare
  price constant mayfly_private.known_price := mayfly_private.price_of(mayfly_private.provider_of(provider, model),
    mayfly_private.model_of(provider, model), coalesce(at, mayfly_private.now()));
begin
  perform mayfly_private.require_tenant(null);
  return case when price.units is not null then
    jsonb_build_object('provider', provider, 'model', model, 'of', price.model, 'exact', price.exact, 'units', price.units) end;
end
$$;

comment on function mayfly_private.model_price is 'What a model costs at an instant; null where it is unknown.';

grant execute on function mayfly_private.model_price to authenticated, service_role;

-- What a model costs at an instant, now by default: { provider, model, of, exact, units }; null where it is unknown.
-- For everybody in a tenant. Locks nothing.

create function mayfly.model_price(provider text, model text, at timestamptz default null)
returns jsonb
language sql
set search_path = ''
return mayfly_private.model_price(provider, model, at);

comment on function mayfly.model_price is 'What a model costs at an instant; null where it is unknown.';

grant execute on function mayfly.model_price to authenticated, service_role;

-- Whether a model may be called now: null, or the seconds until then. Where its breaker was open and that time is over,
-- one call may try it, for a minute at most; the others wait for how that ends. Locks the breaker, where there is one.

create function mayfly_private.pass_breaker(tenant uuid, provider text, model text)
returns double precision
language plpgsql security definer
set search_path = ''
as $$
declare
  ts constant timestamptz := mayfly_private.now();
  breaker mayfly_private.model_breakers;
begin
  select * into breaker from mayfly_private.model_breakers b
  where b.tenant_id = tenant and b.provider = pass_breaker.provider and b.model = pass_breaker.model;
  if breaker.open_until is null then
    return null;
  elsif breaker.open_until > ts then
    return extract(epoch from breaker.open_until - ts);
  end if;
  update mayfly_private.model_breakers b set probing_until = ts + interval '60 seconds'
  where b.tenant_id = tenant and b.provider = pass_breaker.provider and b.model = pass_breaker.model
    and coalesce(b.probing_until <= ts, true);
  return case when found then null else 1 end;
end
$$;

comment on function mayfly_private.pass_breaker is 'The seconds until a model may be called; null for now.';

-- The provider and the model by which prices are found. The AI SDK says `anthropic.messages`: the first part is the
-- provider. Its gateway says `anthropic/claude-…`: the model names the provider.

create function mayfly_private.provider_of(provider text, model text)
returns text
language plpgsql immutable
set search_path = ''
as $$
begin
  return case when provider = 'gateway' and strpos(model, '/') > 1 then split_part(model, '/', 1) else split_part(provider, '.', 1) end;
end
$$;

comment on function mayfly_private.provider_of is 'The provider by which prices are found.';

-- How many calls a token bucket has room for at an instant.

create function mayfly_private.rate_room(tokens double precision, filled_at timestamptz, per_minute integer, burst integer, at timestamptz)
returns double precision
language plpgsql immutable
set search_path = ''
as $$
begin
  return least(burst, tokens + greatest(0, extract(epoch from at - filled_at)) * per_minute / 60);
end
$$;

comment on function mayfly_private.rate_room is 'How many calls a token bucket has room for.';

-- The definer half of mayfly.release_costs. Locks the budgets, then the holds, then the breakers.

create function mayfly_private.release_costs(releases jsonb)
returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  holder constant mayfly_private.job_holder := mayfly_private.job_holder();
  fault record;
  held record;
  one record;
  released integer := 0;
begin
  if holder.kind <> 'secret' then
    perform mayfly_private.require_tenant('cost:write');
  end if;
  if jsonb_typeof(releases) is distinct from 'array' or jsonb_array_length(releases) not between 1 and 500 then
    perform mayfly_private.fail(400, 'invalid_request', 'releases must be an array of 1 to 500 { hold, failure?, retry_after? }.', null, '{"field": "releases"}');
  end if;
  select o.n - 1 as index, case
      when not coalesce(pg_input_is_valid(o.r ->> 'hold', 'uuid'), false) then 'hold'
      when not mayfly_private.number_within(o.r -> 'retry_after', 0, 86400) then 'retry_after' else 'failure' end as field into fault
  from jsonb_array_elements(releases) with ordinality as o (r, n)
  where not coalesce(pg_input_is_valid(o.r ->> 'hold', 'uuid'), false) or not mayfly_private.number_within(o.r -> 'retry_after', 0, 86400)
    or coalesce(jsonb_typeof(o.r -> 'failure'), 'null') not in ('null', 'string')
  order by o.n limit 1;
  if found then
    perform mayfly_private.fail(400, 'invalid_request', format('releases[%s].%s must be %s.', fault.index, fault.field, case fault.field
        when 'hold' then 'the id of a hold' when 'retry_after' then 'seconds from 0 to 86400' else 'a text' end),
      'Nothing was released.', jsonb_build_object('index', fault.index, 'field', fault.field));
  end if;
  select * into held from mayfly_private.holds_of(holder, array(select (r ->> 'hold')::uuid from jsonb_array_elements(releases) r));
  for one in
    select distinct on (h.provider, h.model, h.tenant_id, h.id) h as hold, r ->> 'failure' as failure, (r ->> 'retry_after')::double precision as retry_after
    from jsonb_array_elements(releases) r
    join unnest(held.holds) h on h.id = (r ->> 'hold')::uuid
    order by h.provider, h.model, h.tenant_id, h.id
  loop
    if (one.hold).released_at is null then
      perform mayfly_private.release_hold(one.hold);
      released := released + 1;
    end if;
    if one.failure is not null then
      perform mayfly_private.mark_breaker((one.hold).tenant_id, (one.hold).provider, (one.hold).model, one.failure, one.retry_after);
    end if;
  end loop;
  return jsonb_build_object('released', released);
end
$$;

comment on function mayfly_private.release_costs is 'Gives holds back.';

grant execute on function mayfly_private.release_costs to authenticated, service_role;

-- Gives holds back whose calls cost nothing: [{ hold, failure?, retry_after? }]. `failure` says that the provider failed,
-- such as overloaded: it counts against the model, which nobody calls for a while after five in a row, or for
-- `retry_after` seconds where the provider said so. Gives { released }.

create function mayfly.release_costs(releases jsonb)
returns jsonb
language plpgsql
set search_path = ''
as $$
begin
  return mayfly_private.release_costs(releases);
end
$$;

comment on function mayfly.release_costs is 'Gives holds back whose calls cost nothing: { released }. A failure counts against the model.';

grant execute on function mayfly.release_costs to authenticated, service_role;

-- Gives one hold back: it and its budgets are locked by the caller. Never below zero: a budget that was deleted and set
-- anew meanwhile knows nothing of the hold.

create function mayfly_private.release_hold(hold mayfly_private.cost_holds)
returns void
language plpgsql security definer
set search_path = ''
as $$
begin
  update mayfly_private.cost_holds h set released_at = mayfly_private.now() where h.tenant_id = hold.tenant_id and h.id = hold.id;
  update mayfly.budgets b set held_usd = greatest(0, b.held_usd - hold.usd), held_tokens = greatest(0, b.held_tokens - hold.tokens)
  where b.tenant_id = hold.tenant_id and b.level = any (hold.levels) and b.subject = case b.level
    when 'tenant' then '' when 'agent' then hold.agent else hold.run_id::text end;
end
$$;

comment on function mayfly_private.release_hold is 'Gives one hold back.';

-- One call that is asked for, as reserve_costs reads it: `tenant` is null where its lease is over.

create type mayfly_private.cost_ask as (
  n integer,
  id uuid,
  tenant uuid,
  job_id uuid,
  attempt integer,
  agent text,
  provider text,
  model text,
  input numeric,
  output numeric,
  output_least numeric
);

-- Reads and checks the asks of one call of reserve_costs. Under a lease the run is its job, whatever the caller says.

create function mayfly_private.cost_asks(asks jsonb, holder mayfly_private.job_holder)
returns mayfly_private.cost_ask[]
language plpgsql security definer
set search_path = ''
as $$
declare
  ts constant timestamptz := mayfly_private.now();
  fault record;
  own uuid;
begin
  if jsonb_typeof(asks) is distinct from 'array' or jsonb_array_length(asks) not between 1 and 500 then
    perform mayfly_private.fail(400, 'invalid_request', 'asks must be an array of 1 to 500 { id, lease?, agent, provider, model, input, output? }.', null, '{"field": "asks"}');
  end if;
  select o.n - 1 as index, case
      when not coalesce(pg_input_is_valid(o.a ->> 'id', 'uuid'), false) then 'id'
      when coalesce(char_length(o.a ->> 'agent') not between 1 and 100, true) then 'agent'
      when coalesce(char_length(o.a ->> 'provider') not between 1 and 100, true) then 'provider'
      when coalesce(char_length(o.a ->> 'model') not between 1 and 200, true) then 'model'
      when jsonb_typeof(o.a -> 'input') is distinct from 'number' or not mayfly_private.number_within(o.a -> 'input', 0, 1e9, true) then 'input'
      when not mayfly_private.number_within(o.a -> 'output', 1, 1e7, true) then 'output'
      when not mayfly_private.number_within(o.a -> 'output_least', 1, 1e7, true) then 'output_least' end as field
  into fault
  from jsonb_array_elements(asks) with ordinality as o (a, n)
  where not coalesce(pg_input_is_valid(o.a ->> 'id', 'uuid'), false)
    or coalesce(char_length(o.a ->> 'agent') not between 1 and 100, true)
    or coalesce(char_length(o.a ->> 'provider') not between 1 and 100, true)
    or coalesce(char_length(o.a ->> 'model') not between 1 and 200, true)
    or jsonb_typeof(o.a -> 'input') is distinct from 'number' or not mayfly_private.number_within(o.a -> 'input', 0, 1e9, true)
    or not mayfly_private.number_within(o.a -> 'output', 1, 1e7, true)
    or not mayfly_private.number_within(o.a -> 'output_least', 1, 1e7, true)
  order by o.n limit 1;
  if found then
    perform mayfly_private.fail(400, 'invalid_request', format('asks[%s].%s must be %s.', fault.index, fault.field, case fault.field
        when 'id' then 'a UUID of the call''s own' when 'agent' then 'a text of 1 to 100 characters' when 'provider' then 'a text of 1 to 100 characters'
        when 'model' then 'a text of 1 to 200 characters' else 'a whole number of tokens' end),
      'Nothing was reserved.', jsonb_build_object('index', fault.index, 'field', fault.field));
  end if;
  if exists (select from jsonb_array_elements(asks) a where a ->> 'lease' is null) then
    own := mayfly_private.require_tenant('cost:write');
  end if;
  return array(
    select row(o.n - 1, (o.a ->> 'id')::uuid, case when o.a ->> 'lease' is null then own else j.tenant_id end, j.id, j.attempt,
      o.a ->> 'agent', o.a ->> 'provider', o.a ->> 'model', (o.a ->> 'input')::numeric,
      coalesce((o.a ->> 'output')::numeric, 8192),
      least(coalesce((o.a ->> 'output_least')::numeric, 256), coalesce((o.a ->> 'output')::numeric, 8192)))::mayfly_private.cost_ask
    from jsonb_array_elements(asks) with ordinality as o (a, n)
    left join lateral mayfly_private.lease_of(holder, o.a ->> 'lease') l on true
    left join mayfly.jobs j on j.tenant_id = l.tenant_id and j.id = l.job_id and j.status = 'running' and j.attempt = l.attempt
      and j.holder = holder.id and j.lease_end > ts
    order by o.n);
end
$$;

comment on function mayfly_private.cost_asks is 'Reads and checks what reserve_costs is asked.';

-- Whether these budgets have room for a call: granted with how much output it may have, or why not. Locks the breaker
-- and the rate limits of the call, which are asked last, since asking takes from them.

create function mayfly_private.weigh_ask(ask mayfly_private.cost_ask, budgets mayfly.budgets[])
returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  price constant mayfly_private.known_price := mayfly_private.price_of(mayfly_private.provider_of(ask.provider, ask.model),
    mayfly_private.model_of(ask.provider, ask.model), mayfly_private.now());
  per_output constant numeric := coalesce(mayfly_private.unit_price(price.units, 'output', ask.input), 0);
  -- All of the input may be written to the provider's cache, which costs more.
  per_call constant numeric := greatest(mayfly_private.cost_of(price.units, jsonb_build_object('input', ask.input)),
    mayfly_private.cost_of(price.units, jsonb_build_object('input', ask.input, 'cache_write', ask.input)));
  output numeric := ask.output;
  room numeric;
  b mayfly.budgets;
  wait double precision;
begin
  foreach b in array budgets loop
    continue when not mayfly_private.concerns(b, ask.tenant, ask.agent, ask.job_id);
    if b.hard_usd is not null and coalesce(not price.exact, true) then
      return jsonb_build_object('code', 'price_unknown', 'level', b.level);
    end if;
    room := least(
      case when b.hard_usd is null then output
        when b.hard_usd - b.spent_usd - b.held_usd < per_call then -1
        when per_output = 0 then output
        else trunc((b.hard_usd - b.spent_usd - b.held_usd - per_call) / per_output) end,
      case when b.hard_tokens is null then output else b.hard_tokens - b.spent_tokens - b.held_tokens - ask.input end);
    output := least(output, room);
    if output < ask.output_least then
      return jsonb_build_object('code', 'budget_exceeded', 'level', b.level, 'subject', b.subject, 'budget', b.id,
        'left_usd', greatest(0, b.hard_usd - b.spent_usd - b.held_usd), 'left_tokens', greatest(0, b.hard_tokens - b.spent_tokens - b.held_tokens));
    end if;
  end loop;
  wait := mayfly_private.pass_breaker(ask.tenant, ask.provider, ask.model);
  if wait is not null then
    return jsonb_build_object('code', 'model_unavailable', 'retry_after', ceil(wait));
  end if;
  wait := mayfly_private.take_rate(ask.tenant, '{tenant,agent,model}', array['', ask.agent, ask.provider || '/' || ask.model]);
  if wait is not null then
    return jsonb_build_object('code', 'rate_limited', 'retry_after', ceil(wait));
  end if;
  return jsonb_build_object('granted', true, 'output', output, 'usd', per_call + output * per_output,
    'priced', case when price.units is null then 'unknown' when price.exact then 'exact' else 'inexact' end);
end
$$;

comment on function mayfly_private.weigh_ask is 'Whether budgets have room for a call.';

-- The definer half of mayfly.reserve_costs. Locks the budgets that the asks concern, in their order, then breakers and
-- rate limits, then inserts the holds. What dead workers held is given back before anything is refused for want of it.

create function mayfly_private.reserve_costs(asks jsonb)
returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  ts constant timestamptz := mayfly_private.now();
  holder constant mayfly_private.job_holder := mayfly_private.job_holder();
  given constant mayfly_private.cost_ask[] := mayfly_private.cost_asks(asks, holder);
  ask mayfly_private.cost_ask;
  known jsonb;
  rows mayfly.budgets[];
  verdict jsonb;
  answers jsonb := '[]';
  looked uuid[] := '{}';
  concerned text[];
  tenants uuid[];
  levels text[];
  subjects text[];
begin
  if holder.kind <> 'secret' then
    perform mayfly_private.require_tenant('cost:write');
  end if;
  select array_agg(k.tenant), array_agg(k.level), array_agg(k.subject) into tenants, levels, subjects
  from unnest(given) g, lateral (values (g.tenant, 'tenant', ''), (g.tenant, 'agent', g.agent), (g.tenant, 'run', g.job_id::text)) as k (tenant, level, subject)
  where g.tenant is not null and k.subject is not null;
  rows := mayfly_private.budgets_of(tenants, levels, subjects);
  foreach ask in array given loop
    if ask.tenant is null then
      answers := answers || jsonb_build_object('id', ask.id, 'code', 'lease_lost');
      continue;
    end if;
    -- The same call again, since its answer was lost.
    select jsonb_build_object('id', h.id, 'granted', true, 'output', h.tokens, 'usd', h.usd) into known
    from mayfly_private.cost_holds h where h.tenant_id = ask.tenant and h.id = ask.id and h.holder = holder.id and h.released_at is null;
    if found then
      answers := answers || (known || jsonb_build_object('output', (known ->> 'output')::numeric - ask.input));
      continue;
    end if;
    verdict := mayfly_private.weigh_ask(ask, rows);
    if verdict ->> 'code' = 'budget_exceeded' and ask.tenant <> all (looked) then
      looked := looked || ask.tenant;
      perform mayfly_private.write_budgets(rows);
      if mayfly_private.give_back_holds(ask.tenant) > 0 then
        rows := mayfly_private.budgets_of(tenants, levels, subjects);
        verdict := mayfly_private.weigh_ask(ask, rows);
      end if;
    end if;
    if verdict ? 'granted' then
      concerned := '{}';
      for i in 1..cardinality(rows) loop
        if mayfly_private.concerns(rows[i], ask.tenant, ask.agent, ask.job_id) then
          rows[i].held_usd := rows[i].held_usd + (verdict ->> 'usd')::numeric;
          rows[i].held_tokens := rows[i].held_tokens + (ask.input + (verdict ->> 'output')::numeric)::bigint;
          concerned := concerned || rows[i].level;
        end if;
      end loop;
      insert into mayfly_private.cost_holds (tenant_id, id, holder, job_id, attempt, until, agent, run_id, provider, model, levels, usd, tokens, created_at)
      values (ask.tenant, ask.id, holder.id, ask.job_id, ask.attempt, case when ask.job_id is null then ts + interval '15 minutes' end,
        ask.agent, ask.job_id, ask.provider, ask.model, concerned, (verdict ->> 'usd')::numeric, (ask.input + (verdict ->> 'output')::numeric)::bigint, ts);
    elsif verdict ->> 'code' = 'budget_exceeded' then
      for i in 1..cardinality(rows) loop
        if rows[i].id = (verdict ->> 'budget')::uuid and rows[i].refused_at is null then
          rows[i].refused_at := ts;
          perform mayfly_private.append_events(ask.tenant, 'budget.refused', array[rows[i].id]);
        end if;
      end loop;
    end if;
    answers := answers || (verdict || jsonb_build_object('id', ask.id));
  end loop;
  perform mayfly_private.write_budgets(rows);
  return answers;
end
$$;

comment on function mayfly_private.reserve_costs is 'Reserves what calls of models may cost.';

grant execute on function mayfly_private.reserve_costs to authenticated, service_role;

-- Reserves what calls may cost, for 1 to 500 at once: [{ id, lease?, agent, provider, model, input, output?,
-- output_least? }]. `id` is a UUID of the call's own, `input` how many tokens its prompt has at most, `output` how many
-- it should be able to answer: 8192 by default. Gives in their order { id, granted, output, usd, priced }, where
-- `output` is what the budgets leave room for, at least output_least (256); or { id, code }: budget_exceeded,
-- price_unknown, model_unavailable and rate_limited (with retry_after), lease_lost. Needs cost:write. With a lease the
-- hold ends with it and counts in the budget of its run; without one it ends after 15 minutes.

create function mayfly.reserve_costs(asks jsonb)
returns jsonb
language plpgsql
set search_path = ''
as $$
begin
  return mayfly_private.reserve_costs(asks);
end
$$;

comment on function mayfly.reserve_costs is 'Reserves what calls of models may cost, each by itself: { id, granted, output, usd, priced } or { id, code }.';

grant execute on function mayfly.reserve_costs to authenticated, service_role;

-- The definer half of mayfly.set_budget. Locks the budget.

create function mayfly_private.set_budget(level text, subject text, hard_usd numeric, soft_usd numeric, hard_tokens bigint, period text)
returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  tenant constant uuid := mayfly_private.require_tenant('cost:admin');
  of_subject constant text := coalesce(set_budget.subject, '');
  fault record;
  budget mayfly.budgets;
begin
  select q.field, q.rule into fault
  from (values
    ('level', level is null or level not in ('tenant', 'agent', 'run'), 'tenant, agent or run'),
    ('subject', case level when 'tenant' then of_subject <> '' when 'run' then mayfly_private.to_uuid(of_subject) is null
      else char_length(of_subject) not between 1 and 100 end, 'the name of the agents, the id of the run, or empty for the tenant'),
    ('hard_usd', not (hard_usd between 0 and 1e9), 'US dollars from 0 to 1e9'),
    ('soft_usd', not (soft_usd between 0 and 1e9), 'US dollars from 0 to 1e9'),
    ('hard_tokens', not (hard_tokens between 0 and 1000000000000), 'a whole number from 0 to 1e12'),
    ('hard_usd', num_nonnulls(hard_usd, soft_usd, hard_tokens) = 0, 'given, or soft_usd, or hard_tokens'),
    ('period', period is null or period not in ('total', 'day', 'month'), 'total, day or month')
  ) as q (field, refused, rule)
  where q.refused limit 1;
  if found then
    perform mayfly_private.fail(400, 'invalid_request', format('%s must be %s.', fault.field, fault.rule), null, jsonb_build_object('field', fault.field));
  end if;
  if (select count(*) from mayfly.budgets b where b.tenant_id = tenant and b.level <> 'run') >= 1000 and not exists (
    select from mayfly.budgets b where b.tenant_id = tenant and b.level = set_budget.level and b.subject = of_subject) then
    perform mayfly_private.fail(403, 'quota_exceeded', 'A tenant has at most 1000 budgets.', null, '{"quota": "budgets", "limit": 1000}');
  end if;
  perform mayfly_private.charge(tenant, 0, 0, 1);
  insert into mayfly.budgets as b (tenant_id, level, subject, hard_usd, soft_usd, hard_tokens, period, period_start)
  values (tenant, level, of_subject, hard_usd, soft_usd, hard_tokens, period,
    case when period = 'total' then mayfly_private.now() else date_trunc(period, mayfly_private.now() at time zone 'UTC') at time zone 'UTC' end)
  on conflict on constraint budgets_pkey do update
  set hard_usd = excluded.hard_usd, soft_usd = excluded.soft_usd, hard_tokens = excluded.hard_tokens, period = excluded.period,
    period_start = case when b.period = excluded.period then b.period_start else excluded.period_start end,
    reached_at = null, refused_at = null
  returning * into budget;
  return mayfly_private.show_budget(budget);
end
$$;

comment on function mayfly_private.set_budget is 'Sets a budget.';

grant execute on function mayfly_private.set_budget to authenticated, service_role;

-- Sets a budget, whole (scope cost:admin): of the tenant, of the agents of a name, or of a run. What was spent stays
-- counted. At least one of the limits has to be given.

create function mayfly.set_budget(
  level text, subject text default '', hard_usd numeric default null, soft_usd numeric default null, hard_tokens bigint default null,
  period text default 'total'
)
returns jsonb
language sql
set search_path = ''
return mayfly_private.set_budget(level, subject, hard_usd, soft_usd, hard_tokens, period);

comment on function mayfly.set_budget is 'Sets a budget of the tenant, of the agents of a name, or of a run. Returns it.';

grant execute on function mayfly.set_budget to authenticated, service_role;

-- The definer half of mayfly.set_rate_limit. Locks the limit.

create function mayfly_private.set_rate_limit(level text, subject text, per_minute integer, burst integer)
returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  tenant constant uuid := mayfly_private.require_tenant('cost:admin');
  of_subject constant text := coalesce(set_rate_limit.subject, '');
  at_once constant integer := coalesce(burst, per_minute);
  fault record;
begin
  select q.field, q.rule into fault
  from (values
    ('level', level is null or level not in ('tenant', 'agent', 'model', 'tool'), 'tenant, agent, model or tool'),
    ('subject', case when level = 'tenant' then of_subject <> '' else char_length(of_subject) not between 1 and 310 end,
      'the name of the agents, of the model (provider/model) or of the tool, or empty for the tenant'),
    ('per_minute', per_minute not between 1 and 1000000, 'a whole number from 1 to 1000000, or null for no limit'),
    ('burst', burst not between 1 and 1000000, 'a whole number from 1 to 1000000')
  ) as q (field, refused, rule)
  where q.refused limit 1;
  if found then
    perform mayfly_private.fail(400, 'invalid_request', format('%s must be %s.', fault.field, fault.rule), null, jsonb_build_object('field', fault.field));
  end if;
  perform mayfly_private.charge(tenant, 0, 0, 1);
  if per_minute is null then
    delete from mayfly.rate_limits r where r.tenant_id = tenant and r.level = set_rate_limit.level and r.subject = of_subject;
    return jsonb_build_object('level', level, 'subject', of_subject, 'per_minute', null, 'burst', null);
  end if;
  if (select count(*) from mayfly.rate_limits r where r.tenant_id = tenant) >= 1000 and not exists (
    select from mayfly.rate_limits r where r.tenant_id = tenant and r.level = set_rate_limit.level and r.subject = of_subject) then
    perform mayfly_private.fail(403, 'quota_exceeded', 'A tenant has at most 1000 rate limits.', null, '{"quota": "rate_limits", "limit": 1000}');
  end if;
  insert into mayfly.rate_limits as r (tenant_id, level, subject, per_minute, burst, tokens, filled_at)
  values (tenant, level, of_subject, per_minute, at_once, at_once, mayfly_private.now())
  on conflict on constraint rate_limits_pkey do update
  set per_minute = excluded.per_minute, burst = excluded.burst, tokens = least(r.tokens, excluded.burst);
  return jsonb_build_object('level', level, 'subject', of_subject, 'per_minute', per_minute, 'burst', at_once);
end
$$;

comment on function mayfly_private.set_rate_limit is 'Sets a rate limit.';

grant execute on function mayfly_private.set_rate_limit to authenticated, service_role;

-- Sets how many calls a minute there may be (scope cost:admin): of models by the tenant, by the agents of a name, of one
-- model; of a tool. `burst` of them may come at once: per_minute by default. Null for per_minute takes the limit away.

create function mayfly.set_rate_limit(level text, subject text default '', per_minute integer default null, burst integer default null)
returns jsonb
language sql
set search_path = ''
return mayfly_private.set_rate_limit(level, subject, per_minute, burst);

comment on function mayfly.set_rate_limit is 'Sets how many calls of models or of a tool there may be in a minute. Returns the limit.';

grant execute on function mayfly.set_rate_limit to authenticated, service_role;

-- Settles one hold: the ledger gets the call, once, and the budgets what it cost. The hold and the budgets are locked by
-- the caller, and the budgets given are those that it has: they come back changed. A hold that was given back is
-- settled all the same, since the money is spent.

create function mayfly_private.settle_cost(hold mayfly_private.cost_holds, usage jsonb, inout budgets mayfly.budgets[], out cost jsonb)
language plpgsql security definer
set search_path = ''
as $$
declare
  ts constant timestamptz := mayfly_private.now();
  price constant mayfly_private.known_price := mayfly_private.price_of(mayfly_private.provider_of(hold.provider, hold.model),
    mayfly_private.model_of(hold.provider, hold.model), hold.created_at);
  usd constant numeric := case when price.units is not null then mayfly_private.cost_of(price.units, usage) end;
  told constant text := case when price.units is null then 'unknown' when price.exact then 'exact' else 'inexact' end;
  used constant bigint := coalesce((usage ->> 'input')::numeric, 0) + coalesce((usage ->> 'output')::numeric, 0);
  size constant integer := 512 + octet_length(usage::text);
begin
  insert into mayfly.model_usage (tenant_id, id, at, agent, agent_id, run_id, provider, model, input_tokens, cache_read_tokens,
    cache_write_tokens, output_tokens, reasoning_tokens, usage, usd, priced, bytes)
  values (hold.tenant_id, hold.id, hold.created_at, hold.agent,
    (select a.id from mayfly.agents a where a.tenant_id = hold.tenant_id and a.id = hold.holder), hold.run_id, hold.provider, hold.model,
    coalesce((usage ->> 'input')::numeric, 0), coalesce((usage ->> 'cache_read')::numeric, 0), coalesce((usage ->> 'cache_write')::numeric, 0),
    coalesce((usage ->> 'output')::numeric, 0), coalesce((usage ->> 'reasoning')::numeric, 0), usage, usd, told, size);
  delete from mayfly_private.cost_holds h where h.tenant_id = hold.tenant_id and h.id = hold.id;
  for i in 1..coalesce(cardinality(budgets), 0) loop
    continue when not mayfly_private.concerns(budgets[i], hold.tenant_id, hold.agent, hold.run_id);
    if budgets[i].level = any (hold.levels) and hold.released_at is null then
      budgets[i].held_usd := greatest(0, budgets[i].held_usd - hold.usd);
      budgets[i].held_tokens := greatest(0, budgets[i].held_tokens - hold.tokens);
    end if;
    -- A call belongs to the period in which it ends.
    budgets[i].spent_usd := budgets[i].spent_usd + coalesce(usd, 0);
    budgets[i].spent_tokens := budgets[i].spent_tokens + used;
    budgets[i].unpriced := budgets[i].unpriced + (usd is null)::integer;
  end loop;
  -- What is spent is recorded: counted, never refused.
  perform mayfly_private.count_usage(hold.tenant_id, 0, size, 1);
  perform mayfly_private.mark_breaker(hold.tenant_id, hold.provider, hold.model, null, null);
  cost := jsonb_build_object('id', hold.id, 'usd', usd, 'priced', told);
end
$$;

comment on function mayfly_private.settle_cost is 'Settles one hold.';

-- The definer half of mayfly.settle_costs. Locks the budgets, then the holds.

create function mayfly_private.settle_costs(settlements jsonb)
returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  holder constant mayfly_private.job_holder := mayfly_private.job_holder();
  fault record;
  held record;
  rows mayfly.budgets[];
  one record;
  settled record;
  answers jsonb := '{}';
begin
  if holder.kind <> 'secret' then
    perform mayfly_private.require_tenant('cost:write');
  end if;
  if jsonb_typeof(settlements) is distinct from 'array' or jsonb_array_length(settlements) not between 1 and 500 then
    perform mayfly_private.fail(400, 'invalid_request', 'settlements must be an array of 1 to 500 { hold, usage }.', null, '{"field": "settlements"}');
  end if;
  select o.n - 1 as index, case when coalesce(pg_input_is_valid(o.s ->> 'hold', 'uuid'), false) then 'usage' else 'hold' end as field into fault
  from jsonb_array_elements(settlements) with ordinality as o (s, n)
  where not coalesce(pg_input_is_valid(o.s ->> 'hold', 'uuid'), false) or not mayfly_private.is_usage(o.s -> 'usage')
  order by o.n limit 1;
  if found then
    perform mayfly_private.fail(400, 'invalid_request', format('settlements[%s].%s must be %s.', fault.index, fault.field,
        case fault.field when 'hold' then 'the id of a hold' else 'whole numbers by units: input, output, cache_read, …' end),
      'Nothing was settled.', jsonb_build_object('index', fault.index, 'field', fault.field));
  end if;
  select * into held from mayfly_private.holds_of(holder, array(select (s ->> 'hold')::uuid from jsonb_array_elements(settlements) s));
  rows := held.budgets;
  for one in
    select distinct on (h.tenant_id, h.id) h as hold, s -> 'usage' as usage
    from jsonb_array_elements(settlements) s
    join unnest(held.holds) h on h.id = (s ->> 'hold')::uuid
    order by h.tenant_id, h.id
  loop
    select * into settled from mayfly_private.settle_cost(one.hold, one.usage, rows);
    rows := settled.budgets;
    answers := answers || jsonb_build_object(settled.cost ->> 'id', settled.cost);
  end loop;
  perform mayfly_private.write_budgets(rows);
  -- One that is settled already, since an answer was lost, is found in the ledger.
  return (
    select jsonb_agg(coalesce(answers -> (s ->> 'hold'), (
      select jsonb_build_object('id', u.id, 'usd', u.usd, 'priced', u.priced, 'known', true) from mayfly.model_usage u
      where u.id = (s ->> 'hold')::uuid and u.tenant_id = coalesce(holder.tenant_id, u.tenant_id)
        and (holder.kind <> 'agent' or u.agent_id = holder.id) limit 1),
      jsonb_build_object('id', s ->> 'hold', 'code', 'hold_unknown')) order by n)
    from jsonb_array_elements(settlements) with ordinality as o (s, n));
end
$$;

comment on function mayfly_private.settle_costs is 'Records what calls of models really cost.';

grant execute on function mayfly_private.settle_costs to authenticated, service_role;

-- Records what calls really cost, in place of what was reserved: [{ hold, usage: { input, cache_read?, cache_write?,
-- cache_write_1h?, output, reasoning?, input_audio?, output_audio?, requests?, web_searches? } }], `input` and `output`
-- being all tokens. Each hold is settled once, by whoever reserved it (cost:write), also when it was given back or its
-- lease is over.
-- Gives in their order { id, usd, priced }: usd is null where the price is unknown; or { id, code: hold_unknown }.

create function mayfly.settle_costs(settlements jsonb)
returns jsonb
language plpgsql
set search_path = ''
as $$
begin
  return mayfly_private.settle_costs(settlements);
end
$$;

comment on function mayfly.settle_costs is 'Records what calls of models really cost, in place of what was reserved: { id, usd, priced }.';

grant execute on function mayfly.settle_costs to authenticated, service_role;

-- A budget as its readers see it.

create function mayfly_private.show_budget(budget mayfly.budgets)
returns jsonb
language plpgsql stable
set search_path = ''
as $$
begin
  return to_jsonb(budget) - '{tenant_id}'::text[];
end
$$;

comment on function mayfly_private.show_budget is 'A budget as its readers see it.';

grant execute on function mayfly_private.show_budget to authenticated, service_role;

-- Takes one call from each of these rate limits, or from none: the seconds until there is room, or null where it was
-- taken. Locks them in the order of their keys.

create function mayfly_private.take_rate(tenant uuid, levels text[], subjects text[])
returns double precision
language plpgsql security definer
set search_path = ''
as $$
declare
  ts constant timestamptz := mayfly_private.now();
  wait double precision;
begin
  if not exists (select from mayfly.rate_limits r where r.tenant_id = tenant) then
    return null;
  end if;
  with asked as (
    select distinct a.level, a.subject from unnest(levels, subjects) as a (level, subject)
  ), locked as (
    select r.* from mayfly.rate_limits r
    join asked a on a.level = r.level and a.subject = r.subject
    where r.tenant_id = tenant
    order by r.level, r.subject
    for no key update of r
  )
  select max((1 - mayfly_private.rate_room(l.tokens, l.filled_at, l.per_minute, l.burst, ts)) * 60 / l.per_minute) into wait from locked l;
  if wait is null then
    return null;
  elsif wait > 0 then
    return wait;
  end if;
  update mayfly.rate_limits r
  set tokens = mayfly_private.rate_room(r.tokens, r.filled_at, r.per_minute, r.burst, ts) - 1, filled_at = ts
  where r.tenant_id = tenant and exists (
    select from unnest(levels, subjects) as a (level, subject) where a.level = r.level and a.subject = r.subject);
  return null;
end
$$;

comment on function mayfly_private.take_rate is 'Takes one call from rate limits: the seconds until there is room, or null.';

-- What one unit costs, in US dollars, for a call with so many input tokens: the last step below that counts for all of
-- them. Where the unit has no price of its own, null.

create function mayfly_private.unit_price(units jsonb, unit text, input_tokens numeric)
returns numeric
language plpgsql immutable
set search_path = ''
as $$
begin
  return (
    select (s.step ->> 1)::numeric / case when unit in ('requests', 'web_searches') then 1000 else 1000000 end
    from jsonb_array_elements(units -> unit) with ordinality as s (step, n)
    where (s.step ->> 0)::numeric < input_tokens or (s.step ->> 0)::numeric = 0
    order by (s.step ->> 0)::numeric desc limit 1);
end
$$;

comment on function mayfly_private.unit_price is 'What one unit costs.';

-- Writes locked budgets back, and tells the log of those that have reached their soft limit.

create function mayfly_private.write_budgets(rows mayfly.budgets[])
returns void
language plpgsql security definer
set search_path = ''
as $$
declare
  ts constant timestamptz := mayfly_private.now();
  b mayfly.budgets;
begin
  for i in 1..coalesce(cardinality(rows), 0) loop
    if rows[i].spent_usd >= rows[i].soft_usd and rows[i].reached_at is null then
      rows[i].reached_at := ts;
      perform mayfly_private.append_events(rows[i].tenant_id, 'budget.reached', array[rows[i].id]);
    end if;
    b := rows[i];
    update mayfly.budgets u
    set spent_usd = b.spent_usd, held_usd = b.held_usd, spent_tokens = b.spent_tokens, held_tokens = b.held_tokens, unpriced = b.unpriced,
      period_start = b.period_start, reached_at = b.reached_at, refused_at = b.refused_at
    where u.tenant_id = b.tenant_id and u.level = b.level and u.subject = b.subject;
  end loop;
end
$$;

comment on function mayfly_private.write_budgets is 'Writes locked budgets back.';

-- The scopes of this room.

insert into mayfly.scopes (name, description, roles, agents, by_default) values
  ('fact:read', 'Read entities and facts of the tenant.', '{viewer,member,admin,owner}', true, true),
  ('fact:write', 'Record facts, name and merge entities, and forget what one has recorded.', '{member,admin,owner}', true, true),
  ('fact:admin', 'Read facts that are private to their agent, forget any, and set how long ended ones are kept.', '{admin,owner}', true, false)
on conflict (name) do update
set description = excluded.description, roles = excluded.roles, agents = excluded.agents, by_default = excluded.by_default;

-- What facts are about: people, services, places. Written by the functions of this room alone.

create table mayfly.entities (
  tenant_id uuid not null,
  id uuid not null default gen_random_uuid(),
  private_to uuid,
  type text collate "C" not null default 'thing' constraint entities_type_length check (char_length(type) between 1 and 100),
  name text not null constraint entities_name_length check (char_length(name) between 1 and 200),
  description text not null default '' constraint entities_description_length check (char_length(description) <= 2000),
  agent_id uuid,
  is_set boolean not null default false,
  created_at timestamptz not null default clock_timestamp(),
  updated_at timestamptz not null default clock_timestamp(),
  constraint entities_pkey primary key (tenant_id, id),
  constraint entities_tenant_fkey foreign key (tenant_id) references mayfly.tenants (id) on delete cascade
);

-- The planner's statistics are everybody's: none of what a tenant writes (tests/invariants/estimates.test.ts).
alter table mayfly.entities
  alter column private_to set statistics 0,
  alter column type set statistics 0,
  alter column name set statistics 0,
  alter column description set statistics 0,
  alter column agent_id set statistics 0;

comment on table mayfly.entities is 'What facts are about.';

comment on column mayfly.entities.private_to is 'The agent whose entity it is; null for the whole tenant.';

comment on column mayfly.entities.type is '''thing'' until somebody says of which type it is.';

comment on column mayfly.entities.agent_id is 'The agent that named it first; null for a person or the secret key.';

comment on column mayfly.entities.is_set is 'Set by set_entity: it stays when no fact is left of it.';

-- The names of entities, aliases among them, by the key under which they are found: mayfly_private.entity_key.
-- type and private_to are those of the entity, so that one constraint keeps a name from standing for two.

create table mayfly.entity_names (
  tenant_id uuid not null,
  entity_id uuid not null,
  key text collate "C" not null constraint entity_names_key_length check (char_length(key) between 1 and 400),
  private_to uuid,
  type text collate "C" not null,
  name text not null constraint entity_names_name_length check (char_length(name) between 1 and 200),
  constraint entity_names_pkey primary key (tenant_id, entity_id, key),
  constraint entity_names_entity_fkey foreign key (tenant_id, entity_id)
    references mayfly.entities (tenant_id, id) on delete cascade,
  constraint entity_names_key_key unique nulls not distinct (tenant_id, key, type, private_to)
);

-- The planner's statistics are everybody's: none of what a tenant writes (tests/invariants/estimates.test.ts).
alter table mayfly.entity_names
  alter column key set statistics 0,
  alter column private_to set statistics 0,
  alter column type set statistics 0,
  alter column name set statistics 0;

comment on table mayfly.entity_names is 'The names and aliases of entities.';

comment on column mayfly.entity_names.key is 'The name in the form in which it is compared: NFKC, in lower case, with single blanks.';

-- What is said of entities, each from an instant on: subject, predicate, and an entity or a value. A fact has a slot:
-- its subject and predicate, and with `many` its object as well. In each slot one fact is open at most; a newer one
-- closes it. Written by the functions of this room alone.

create table mayfly.facts (
  tenant_id uuid not null,
  id uuid not null default gen_random_uuid(),
  private_to uuid,
  subject_id uuid not null,
  predicate text collate "C" not null constraint facts_predicate_length check (char_length(predicate) between 1 and 100),
  object_id uuid,
  value jsonb,
  slot bytea not null default '',
  confidence real constraint facts_confidence_range check (confidence between 0 and 1),
  source text not null default '' constraint facts_source_length check (char_length(source) <= 2000),
  memory_id uuid,
  agent_id uuid,
  valid_from timestamptz not null constraint facts_valid_from_finite check (isfinite(valid_from)),
  valid_to timestamptz constraint facts_valid_to_finite check (isfinite(valid_to)),
  recorded_at timestamptz not null default clock_timestamp(),
  confirmed_at timestamptz not null default clock_timestamp(),
  confirmations integer not null default 0 constraint facts_confirmations_range check (confirmations >= 0),
  superseded_by uuid,
  expires_at timestamptz constraint facts_expires_at_finite check (isfinite(expires_at)),
  constraint facts_pkey primary key (tenant_id, id),
  constraint facts_tenant_fkey foreign key (tenant_id) references mayfly.tenants (id) on delete cascade,
  constraint facts_subject_fkey foreign key (tenant_id, subject_id) references mayfly.entities (tenant_id, id) on delete cascade,
  constraint facts_object_fkey foreign key (tenant_id, object_id) references mayfly.entities (tenant_id, id) on delete cascade,
  constraint facts_memory_fkey foreign key (tenant_id, memory_id) references mayfly.memories (tenant_id, id) on delete set null (memory_id),
  constraint facts_one_object check (num_nonnulls(object_id, value) = 1),
  constraint facts_value_size check (pg_column_size(value) <= 20000),
  constraint facts_valid_in_order check (valid_to >= valid_from)
);

-- One open fact a slot. Also what is said of an entity.
create unique index facts_open_key on mayfly.facts (tenant_id, subject_id, predicate, slot, private_to) nulls not distinct
  where valid_to is null;

create index facts_subject_idx on mayfly.facts (tenant_id, subject_id, predicate, valid_from);

create index facts_object_idx on mayfly.facts (tenant_id, object_id);

create index facts_memory_idx on mayfly.facts (tenant_id, memory_id);

-- What maintenance looks for.
create index facts_expires_idx on mayfly.facts (tenant_id, expires_at) where expires_at is not null;

create index facts_ended_idx on mayfly.facts (tenant_id, valid_to) where valid_to is not null;

-- The planner's statistics are everybody's: none of what a tenant writes (tests/invariants/estimates.test.ts).
alter table mayfly.facts
  alter column private_to set statistics 0,
  alter column subject_id set statistics 0,
  alter column predicate set statistics 0,
  alter column object_id set statistics 0,
  alter column value set statistics 0,
  alter column slot set statistics 0,
  alter column source set statistics 0,
  alter column memory_id set statistics 0,
  alter column agent_id set statistics 0,
  alter column superseded_by set statistics 0;

comment on table mayfly.facts is 'What is said of entities, each from an instant on.';

comment on column mayfly.facts.private_to is 'The agent whose fact it is; null for the whole tenant.';

comment on column mayfly.facts.slot is 'Empty where one object is valid at a time; else the digest of the object.';

comment on column mayfly.facts.source is 'The passage or the address that says so.';

comment on column mayfly.facts.memory_id is 'The memory that it was extracted from.';

comment on column mayfly.facts.valid_to is 'From then on it is no longer true; null while nothing else is known. What was wrong from the beginning ends where it begins.';

comment on column mayfly.facts.confirmations is 'How many times it was recorded again.';

comment on column mayfly.facts.superseded_by is 'The fact that replaced it. That one may have been forgotten.';

comment on column mayfly.facts.expires_at is 'From then on it is as if it had never been recorded; maintenance deletes it.';

-- How a tenant keeps its facts. A tenant without a row keeps all of them.

create table mayfly.fact_settings (
  tenant_id uuid not null constraint fact_settings_pkey primary key
    constraint fact_settings_tenant_fkey references mayfly.tenants (id) on delete cascade,
  ended_kept interval constraint fact_settings_ended_kept_range check (ended_kept between '1 minute' and '100 years')
);

comment on table mayfly.fact_settings is 'How a tenant keeps its facts.';

comment on column mayfly.fact_settings.ended_kept is 'How long a fact is kept after its end; null for ever.';

-- What the rows of this room's tables are charged, in bytes.

insert into mayfly_private.charges (relation, flat, written, lenient) values
  ('mayfly.entities', 300, '{name,type,description}', false),
  ('mayfly.entity_names', 250, '{name}', false),
  ('mayfly.facts', 600, '{predicate,value,source}', false)
on conflict (relation) do update set flat = excluded.flat, written = excluded.written, lenient = excluded.lenient;

insert into mayfly_private.charges (relation, bounded_by) values ('mayfly.fact_settings', 'one row a tenant')
on conflict (relation) do update set bounded_by = excluded.bounded_by;

-- Deletes the facts of a tenant that have expired, and those that ended longer ago than the tenant keeps them, with the
-- entities that nothing is said of any more; at most max_rows facts: { facts, more }. A chore of maintain_tenant, as
-- owner. Locks what hold_facts locks; what it deletes.

create function mayfly_private.maintain_facts(tenant uuid, max_rows integer)
returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  instant constant timestamptz := mayfly_private.now();
  ended_kept constant interval := (select s.ended_kept from mayfly.fact_settings s where s.tenant_id = tenant);
  due uuid[];
  entities uuid[];
  deleted integer;
begin
  due := array(
    select o.id from (
      (select f.id from mayfly.facts f where f.tenant_id = tenant and f.expires_at <= instant limit max_rows)
      union
      (select f.id from mayfly.facts f where f.tenant_id = tenant and f.valid_to < instant - ended_kept limit max_rows)) o
    limit max_rows);
  if due = '{}' then
    return '{"facts": 0, "more": false}';
  end if;
  perform mayfly_private.hold_facts(tenant);
  with gone as (
    delete from mayfly.facts f
    where f.tenant_id = tenant and f.id = any (due) and (f.expires_at <= instant or f.valid_to < instant - ended_kept)
    returning f.subject_id, f.object_id
  )
  select count(*), array_agg(g.subject_id) || array_agg(g.object_id) into deleted, entities from gone g;
  perform mayfly_private.drop_unused_entities(tenant, entities);
  return jsonb_build_object('facts', deleted, 'more', cardinality(due) = max_rows);
end
$$;

comment on function mayfly_private.maintain_facts is 'One batch of deleting facts that have expired.';

-- What maintenance does in this room.

insert into mayfly_private.chores (name, work) values
  ('facts', 'mayfly_private.maintain_facts(uuid, integer)')
on conflict (name) do update set work = excluded.work;

-- The kinds of events that this room appends to the log.

insert into mayfly.event_kinds (kind, scope, admin_scope, description) values
  ('fact.recorded', 'fact:read', 'fact:admin', 'A fact was recorded.'),
  ('fact.ended', 'fact:read', 'fact:admin', 'A fact has an end, since a newer one replaced it or somebody ended it.'),
  ('fact.forgotten', 'fact:read', 'fact:admin', 'A fact was deleted.')
on conflict (kind) do update
set scope = excluded.scope, admin_scope = excluded.admin_scope, description = excluded.description;

-- Who may see entities and facts: those of the tenant, and the private ones of an agent for itself, its ancestors and
-- those who have fact:admin. They are written by functions alone.

alter table mayfly.entities enable row level security;

alter table mayfly.entity_names enable row level security;

alter table mayfly.facts enable row level security;

alter table mayfly.fact_settings enable row level security;

grant select on mayfly.entities to authenticated, service_role;

create policy entities_select on mayfly.entities for select to authenticated
  using (tenant_id = any ((select mayfly.tenant_ids('fact:read'))::uuid[])
    and (private_to is null
      or private_to = any ((select mayfly_private.own_agent_ids())::uuid[])
      or tenant_id = any ((select mayfly.tenant_ids('fact:admin'))::uuid[])));

grant select on mayfly.entity_names to authenticated, service_role;

create policy entity_names_select on mayfly.entity_names for select to authenticated
  using (tenant_id = any ((select mayfly.tenant_ids('fact:read'))::uuid[])
    and (private_to is null
      or private_to = any ((select mayfly_private.own_agent_ids())::uuid[])
      or tenant_id = any ((select mayfly.tenant_ids('fact:admin'))::uuid[])));

grant select on mayfly.facts to authenticated, service_role;

create policy facts_select on mayfly.facts for select to authenticated
  using (tenant_id = any ((select mayfly.tenant_ids('fact:read'))::uuid[])
    and (private_to is null
      or private_to = any ((select mayfly_private.own_agent_ids())::uuid[])
      or tenant_id = any ((select mayfly.tenant_ids('fact:admin'))::uuid[])));

grant select on mayfly.fact_settings to authenticated, service_role;

create policy fact_settings_select on mayfly.fact_settings for select to authenticated
  using (tenant_id = any ((select mayfly.tenant_ids('fact:read'))::uuid[]));

-- Refuses facts that cannot be recorded, by the field and the place of the first one that is wrong. Called by
-- mayfly_private.record_facts. Locks nothing.

create function mayfly_private.check_facts(facts jsonb)
returns void
language plpgsql stable
set search_path = ''
as $$
declare
  fault record;
begin
  if jsonb_typeof(facts) is distinct from 'array' or jsonb_array_length(facts) not between 1 and 500 then
    perform mayfly_private.refuse_fact('facts', 'a list of 1 to 500 facts');
  end if;
  select q.field, q.rule, g.n - 1 as place into fault
  from jsonb_array_elements(facts) with ordinality as g (f, n)
  cross join lateral (
    select g.f -> 'valid_from' as valid_from, g.f -> 'valid_to' as valid_to, g.f -> 'expires_at' as expires_at) i
  cross join lateral (values
    (1, 'facts', jsonb_typeof(g.f) is distinct from 'object', 'a list of objects'),
    (2, (select k from jsonb_object_keys(case jsonb_typeof(g.f) when 'object' then g.f else '{}' end) k
        where k <> all ('{subject,predicate,object,value,many,confidence,source,memory_id,visibility,valid_from,valid_to,expires_at}'::text[]) limit 1),
      jsonb_typeof(g.f) = 'object' and (g.f - '{subject,predicate,object,value,many,confidence,source,memory_id,visibility,valid_from,valid_to,expires_at}'::text[]) <> '{}',
      'left out: a fact has no such field'),
    (3, 'subject', not coalesce(mayfly_private.is_entity_ref(g.f -> 'subject'), false), 'the name of an entity, { name, type } or { id }'),
    (4, 'predicate', jsonb_typeof(g.f -> 'predicate') is distinct from 'string'
        or coalesce(char_length(mayfly_private.fact_word(g.f ->> 'predicate')), 0) not between 1 and 100, 'a text of 1 to 100 characters'),
    (5, 'object', (coalesce(jsonb_typeof(g.f -> 'object'), 'null') = 'null') = not (g.f ? 'value'), 'given, or value: exactly one of them'),
    (6, 'object', coalesce(jsonb_typeof(g.f -> 'object'), 'null') <> 'null' and not mayfly_private.is_entity_ref(g.f -> 'object'), 'the name of an entity, { name, type } or { id }'),
    (7, 'value', g.f ? 'value' and not mayfly_private.json_within(g.f -> 'value', 8192, 16), 'at most 8 KB of JSON, at most 16 deep'),
    (8, 'value', g.f ? 'value' and not mayfly_private.numbers_kept(g.f -> 'value'), 'JSON without a number that JavaScript cannot hold'),
    (9, 'many', coalesce(jsonb_typeof(g.f -> 'many'), 'boolean') not in ('boolean', 'null'), 'true or false'),
    (10, 'confidence', not mayfly_private.number_within(g.f -> 'confidence', 0, 1), 'a number from 0 to 1'),
    (11, 'source', not mayfly_private.text_within(g.f -> 'source', 2000), 'a text of at most 2000 characters'),
    (12, 'memory_id', not mayfly_private.uuid_or_absent(g.f -> 'memory_id'), 'the id of a memory'),
    (13, 'visibility', coalesce(g.f ->> 'visibility', 'tenant') not in ('tenant', 'agent'), 'tenant or agent'),
    (14, 'valid_from', not mayfly_private.instant_or_absent(i.valid_from), 'an ISO 8601 instant'),
    (15, 'valid_to', not mayfly_private.instant_or_absent(i.valid_to), 'an ISO 8601 instant'),
    (16, 'expires_at', not mayfly_private.instant_or_absent(i.expires_at), 'an ISO 8601 instant')
  ) as q (n, field, refused, rule)
  where q.refused
  order by g.n, q.n limit 1;
  if found then
    perform mayfly_private.refuse_fact(fault.field, fault.rule, fault.place::integer);
  end if;

  -- Casts of what is no instant would raise, so in a statement of its own.
  select q.field, q.rule, g.n - 1 as place into fault
  from jsonb_array_elements(facts) with ordinality as g (f, n)
  cross join lateral (values
    ('valid_to', (g.f ->> 'valid_to')::timestamptz < coalesce((g.f ->> 'valid_from')::timestamptz, mayfly_private.now()), 'at or after valid_from'),
    ('expires_at', (g.f ->> 'expires_at')::timestamptz <= mayfly_private.now(), 'in the future')
  ) as q (field, refused, rule)
  where q.refused
  order by g.n limit 1;
  if found then
    perform mayfly_private.refuse_fact(fault.field, fault.rule, fault.place::integer);
  end if;
end
$$;

comment on function mayfly_private.check_facts is 'Refuses facts that cannot be recorded.';

-- Deletes those of some entities that nothing is said of any more and that nobody has set. Called by what deletes
-- facts, as owner, after hold_facts.

create function mayfly_private.drop_unused_entities(tenant uuid, ids uuid[])
returns integer
language plpgsql
set search_path = ''
as $$
declare
  dropped integer;
begin
  delete from mayfly.entities e
  where e.tenant_id = tenant and e.id = any (ids) and not e.is_set
    and not exists (select from mayfly.facts f where f.tenant_id = tenant and f.subject_id = e.id)
    and not exists (select from mayfly.facts f where f.tenant_id = tenant and f.object_id = e.id);
  get diagnostics dropped = row_count;
  return dropped;
end
$$;

comment on function mayfly_private.drop_unused_entities is 'Deletes entities that nothing is said of any more.';

-- The definer half of mayfly.end_facts. Locks what hold_facts locks; the facts.

create function mayfly_private.end_facts(ids uuid[], at timestamptz)
returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  tenant constant uuid := mayfly_private.require_tenant('fact:write');
  instant constant timestamptz := coalesce(at, mayfly_private.now());
  is_admin constant boolean := tenant = any (mayfly_private.tenant_ids('fact:admin'));
  seen constant uuid[] := mayfly_private.own_agent_ids();
  ended jsonb;
begin
  if coalesce(cardinality(ids), 0) not between 1 and 500 then
    perform mayfly_private.refuse_fact('ids', '1 to 500 ids of facts');
  elsif not isfinite(instant) then
    perform mayfly_private.refuse_fact('at', 'a finite instant');
  end if;
  perform mayfly_private.hold_facts(tenant);
  if exists (
    select from unnest(ids) i where not exists (
      select from mayfly.facts f where f.tenant_id = tenant and f.id = i and (f.private_to is null or is_admin or f.private_to = any (seen))))
  then
    perform mayfly_private.fail(404, 'fact_unknown', 'There is no such fact, or not for this caller.', 'Nothing was written.', '{"field": "ids"}');
  elsif exists (select from mayfly.facts f where f.tenant_id = tenant and f.id = any (ids) and f.valid_from > instant) then
    perform mayfly_private.refuse_fact('at', 'at or after the beginning of each of the facts');
  end if;
  perform mayfly_private.charge(tenant, 0, 0, cardinality(ids));
  with gone as (
    update mayfly.facts f set valid_to = instant
    where f.tenant_id = tenant and f.id = any (ids) and (f.valid_to is null or f.valid_to > instant)
    returning f.id
  )
  select coalesce(jsonb_agg(g.id order by g.id), '[]') into ended from gone g;
  return jsonb_build_object('ended', ended);
end
$$;

comment on function mayfly_private.end_facts is 'Says that facts are no longer true.';

grant execute on function mayfly_private.end_facts to authenticated, service_role;

-- Says that facts are no longer true from an instant on, without saying what is true instead. They stay. Scope
-- fact:write. Those that have ended before it stay as they are.

create function mayfly.end_facts(ids uuid[], at timestamptz default null)
returns jsonb
language sql
set search_path = ''
return mayfly_private.end_facts(ids, at);

comment on function mayfly.end_facts is 'Says that facts are no longer true from an instant on. Returns { ended: [id] }.';

grant execute on function mayfly.end_facts to authenticated, service_role;

-- The entities that the caller sees by a reference: an id, or every one with this name or alias (of the type, if one is
-- given), its own private ones and the tenant's alike. Runs as the caller, under row-level security. Locks nothing.

create function mayfly_private.entities_named(tenant uuid, ref jsonb, field text)
returns uuid[]
language plpgsql stable
set search_path = ''
as $$
declare
  of_type text;
  found_ids uuid[];
begin
  if not coalesce(mayfly_private.is_entity_ref(ref), false) then
    perform mayfly_private.refuse_fact(field, 'the name of an entity, { name, type } or { id }');
  elsif ref ? 'id' and jsonb_typeof(ref) = 'object' then
    found_ids := array(select e.id from mayfly.entities e where e.tenant_id = tenant and e.id = (ref ->> 'id')::uuid);
  else
    of_type := mayfly_private.fact_word(case when jsonb_typeof(ref) = 'object' then ref ->> 'type' end);
    found_ids := array(
      select n.entity_id from mayfly.entity_names n
      where n.tenant_id = tenant
        and n.key = mayfly_private.entity_key(case jsonb_typeof(ref) when 'string' then ref #>> '{}' else ref ->> 'name' end)
        and (of_type is null or n.type = of_type)
      order by n.entity_id limit 50);
  end if;
  if found_ids = '{}' then
    perform mayfly_private.fail(404, 'entity_unknown', 'There is no such entity, or not for this caller.',
      'find_entities shows which there are.', jsonb_build_object('field', field));
  end if;
  return found_ids;
end
$$;

comment on function mayfly_private.entities_named is 'The entities that the caller sees by a reference.';

grant execute on function mayfly_private.entities_named to authenticated, service_role;

-- The form in which names of entities are compared: NFKC, in lower case, with single blanks and without characters
-- that nobody sees. Null where nothing is left. Locks nothing.

create function mayfly_private.entity_key(name text)
returns text
language plpgsql immutable parallel safe
set search_path = ''
as $$
begin
  return nullif(btrim(regexp_replace(
    translate(lower(normalize(name, NFKC)), U&'\00AD\200B\200C\200D\2060\FEFF', ''), '\s+', ' ', 'g')), '');
end
$$;

comment on function mayfly_private.entity_key is 'The form in which names of entities are compared.';

grant execute on function mayfly_private.entity_key to authenticated, service_role;

-- A predicate or a type of an entity in its one form: 'Works at', 'works-at' and 'works_at' are the same. Null where
-- nothing is left. Locks nothing.

create function mayfly_private.fact_word(word text)
returns text
language plpgsql immutable parallel safe
set search_path = ''
as $$
begin
  return nullif(btrim(regexp_replace(mayfly_private.entity_key(word), '[\s-]+', '_', 'g'), '_'), '');
end
$$;

comment on function mayfly_private.fact_word is 'A predicate or a type in its one form.';

grant execute on function mayfly_private.fact_word to authenticated, service_role;

-- What is known of the entities that a text names, and what was extracted from memories: for a recall that brings facts
-- with it. Names and aliases of up to six words are found in the first 1,000 characters, the longest first; in scripts
-- without blanks, of up to eight characters. Scope fact:read. Runs as the caller. Locks nothing.
--
--   { entities: [{ …, named }], facts: [{ …, hop }], truncated }            named: how the text calls it; null: from a memory

create function mayfly.facts_about(
  query text default null, memories uuid[] default null, hops integer default 1, as_of timestamptz default null, result_limit integer default 50
)
returns jsonb
language plpgsql stable
set search_path = ''
as $$
declare
  tenant constant uuid := mayfly_private.require_tenant('fact:read');
  instant constant timestamptz := mayfly_private.now();
  at constant timestamptz := coalesce(as_of, instant);
  words constant text[] := string_to_array(mayfly_private.entity_key(left(query, 1000)), ' ');
  runs constant text[] := array(
    select r[1] from regexp_matches(mayfly_private.entity_key(left(query, 1000)), U&'[\0E00-\0E7F\3040-\30FF\3400-\9FFF\AC00-\D7AF]{2,}', 'g') r);
  names text[];
  named uuid[];
  called text[];
  around jsonb := '{"entities": [], "facts": [], "truncated": false}';
  of_memories jsonb := '[]';
begin
  if result_limit is null or result_limit not between 1 and 500 then
    perform mayfly_private.refuse_fact('result_limit', '1 to 500');
  elsif cardinality(memories) > 200 then
    perform mayfly_private.refuse_fact('memories', 'at most 200 ids');
  elsif char_length(query) > 10000 then
    perform mayfly_private.refuse_fact('query', 'a text of at most 10000 characters');
  end if;
  names := array(
    select array_to_string(words[w:w + n - 1], ' ') from generate_subscripts(words, 1) w, generate_series(1, 6) n
    where w + n - 1 <= cardinality(words)
    union
    select regexp_replace(btrim(array_to_string(words[w:w + n - 1], ' '), U&'.,;:!?"''()[]{}<>\2026\201C\201D\201E\2018\2019\00AB\00BB\3002\3001'),
      U&'[''\2019]s$', '')
    from generate_subscripts(words, 1) w, generate_series(1, 6) n
    where w + n - 1 <= cardinality(words)
    union
    select substr(r, c, n) from unnest(runs) r, generate_series(1, char_length(r)) c, generate_series(2, 8) n
    where c + n - 1 <= char_length(r));
  select array_agg(b.entity_id order by char_length(b.key) desc, b.entity_id), array_agg(b.name order by char_length(b.key) desc, b.entity_id)
  into named, called
  from (
    select distinct on (n.entity_id) n.entity_id, n.key, n.name from mayfly.entity_names n
    where n.tenant_id = tenant and n.key = any (names)
    order by n.entity_id, char_length(n.key) desc, n.key) b;

  if named is not null then
    around := mayfly.traverse_facts((select jsonb_agg(jsonb_build_object('id', i)) from unnest(named[:50]) i), hops,
      as_of => at, fan_out => 20, result_limit => result_limit);
  end if;
  if cardinality(memories) > 0 then
    of_memories := (
      select coalesce(jsonb_agg(mayfly_private.show_fact(r) || '{"hop": 0}' order by r.recorded_at desc, r.id), '[]')
      from (
        select f.* from mayfly.facts f
        where f.tenant_id = tenant and f.memory_id = any (memories)
          and f.valid_from <= at and (f.valid_to is null or f.valid_to > at) and (f.expires_at is null or f.expires_at > instant)
          and not exists (select from jsonb_array_elements(around -> 'facts') a where (a ->> 'id')::uuid = f.id)
        order by f.recorded_at desc, f.id
        limit result_limit - jsonb_array_length(around -> 'facts')) r);
  end if;
  return jsonb_build_object(
    'entities', (
      select coalesce(jsonb_agg(e || jsonb_build_object('named', called[array_position(named, (e ->> 'id')::uuid)])
        order by array_position(named, (e ->> 'id')::uuid), n), '[]')
      from jsonb_array_elements(around -> 'entities') with ordinality as a (e, n)),
    'facts', (around -> 'facts') || of_memories, 'truncated', (around ->> 'truncated')::boolean or coalesce(cardinality(named), 0) > 50);
end
$$;

comment on function mayfly.facts_about is
  'What is known of the entities that a text names, and what was extracted from memories: { entities, facts, truncated }.';

grant execute on function mayfly.facts_about to authenticated, service_role;

-- The entities that the caller sees, by their names and aliases: those with the very name first, then those whose name
-- begins with the text, then those that contain it. Without a text all of them. Scope fact:read. Runs as the caller;
-- reads the names of the tenant. Locks nothing.

create function mayfly.find_entities(query text default null, of_type text default null, skip integer default 0, page_limit integer default 50)
returns jsonb
language plpgsql stable
set search_path = ''
as $$
declare
  tenant constant uuid := mayfly_private.require_tenant('fact:read');
  asked constant text := mayfly_private.entity_key(query);
  wanted constant text := mayfly_private.fact_word(of_type);
begin
  if page_limit is null or page_limit not between 1 and 1000 then
    perform mayfly_private.refuse_fact('page_limit', '1 to 1000');
  elsif skip is null or skip not between 0 and 100000 then
    perform mayfly_private.refuse_fact('skip', '0 to 100000');
  elsif char_length(query) > 200 then
    perform mayfly_private.refuse_fact('query', 'a text of at most 200 characters');
  end if;
  return (
    select coalesce(jsonb_agg(mayfly_private.show_entity(e) order by r.place), '[]')
    from (
      select b.entity_id, row_number() over (order by b.rank, b.key, b.entity_id) as place
      from (
        select distinct on (n.entity_id) n.entity_id, n.key,
          case when asked is null or n.key = asked then 0 when starts_with(n.key, asked) then 1 else 2 end as rank
        from mayfly.entity_names n
        where n.tenant_id = tenant and (wanted is null or n.type = wanted) and (asked is null or position(asked in n.key) > 0)
        order by n.entity_id, rank, n.key) b
      order by place offset skip limit page_limit) r
    join mayfly.entities e on e.tenant_id = tenant and e.id = r.entity_id);
end
$$;

comment on function mayfly.find_entities is 'Entities by their names and aliases, the best match first; all of them without a text.';

grant execute on function mayfly.find_entities to authenticated, service_role;

-- The entity that a reference means to an agent, or to the tenant where `owner` is null; null where there is none. By
-- its id, or by its name or an alias: of the type that is given, or of none yet ('thing'). A name that stands for
-- entities of several types, and no type: entity_ambiguous. A private entity of the owner comes before the tenant's.
--
-- Called by the functions that write, as owner, after hold_facts. `seen` are the agents whose private entities the caller sees;
-- null for all. Locks nothing.

create function mayfly_private.find_entity(tenant uuid, owner uuid, seen uuid[], ref jsonb)
returns mayfly.entities
language plpgsql stable
set search_path = ''
as $$
declare
  by_id constant uuid := ref ->> 'id';
  said constant text := case jsonb_typeof(ref) when 'string' then ref #>> '{}' else ref ->> 'name' end;
  of_type constant text := mayfly_private.fact_word(case when jsonb_typeof(ref) = 'object' then ref ->> 'type' end);
  entity mayfly.entities;
  types text[];
begin
  if by_id is not null then
    select * into entity from mayfly.entities e
    where e.tenant_id = tenant and e.id = by_id and (e.private_to is null or seen is null or e.private_to = any (seen));
    if not found then
      perform mayfly_private.fail(404, 'entity_unknown', 'There is no entity of this id, or not for this caller.', null,
        '{"field": "id"}');
    end if;
    return entity;
  end if;
  if of_type is null then
    types := array(
      select distinct n.type from mayfly.entity_names n
      where n.tenant_id = tenant and n.key = mayfly_private.entity_key(said) and (n.private_to is null or n.private_to = owner)
      order by 1);
    if cardinality(types) > 1 then
      perform mayfly_private.fail(409, 'entity_ambiguous', format('The name %s stands for entities of several types.', said),
        'Give the type as well, or the id.', jsonb_build_object('field', 'type', 'name', said, 'types', to_jsonb(types)));
    end if;
  end if;
  select e.* into entity
  from mayfly.entity_names n
  join mayfly.entities e on e.tenant_id = n.tenant_id and e.id = n.entity_id
  where n.tenant_id = tenant and n.key = mayfly_private.entity_key(said) and (n.private_to is null or n.private_to = owner)
    and (of_type is null or n.type in (of_type, 'thing'))
  order by n.type = 'thing', n.private_to nulls last
  limit 1;
  return entity;
end
$$;

comment on function mayfly_private.find_entity is 'The entity that a reference means, or null.';

-- The definer half of mayfly.forget_entity. Locks what hold_facts locks; what it deletes.

create function mayfly_private.forget_entity(id uuid, max_rows integer)
returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  tenant constant uuid := mayfly_private.require_tenant('fact:admin');
  entities uuid[];
  forgotten integer;
begin
  if max_rows is null or max_rows not between 1 and 10000 then
    perform mayfly_private.refuse_fact('max_rows', '1 to 10000');
  end if;
  perform mayfly_private.hold_facts(tenant);
  perform from mayfly.entities e where e.tenant_id = tenant and e.id = forget_entity.id;
  if not found then
    perform mayfly_private.fail(404, 'entity_unknown', 'There is no such entity.', null, '{"field": "id"}');
  end if;
  with gone as (
    delete from mayfly.facts f
    where f.tenant_id = tenant and f.id in (
      select s.id from mayfly.facts s where s.tenant_id = tenant and s.subject_id = forget_entity.id
      union select o.id from mayfly.facts o where o.tenant_id = tenant and o.object_id = forget_entity.id
      limit max_rows)
    returning f.subject_id, f.object_id
  )
  select count(*), array_remove(array_agg(g.subject_id) || array_agg(g.object_id), forget_entity.id) into forgotten, entities from gone g;
  perform mayfly_private.drop_unused_entities(tenant, entities);
  if forgotten < max_rows then
    delete from mayfly.entities e where e.tenant_id = tenant and e.id = forget_entity.id;
  end if;
  perform mayfly_private.charge(tenant, 0, 0, forgotten);
  return jsonb_build_object('forgotten', forgotten, 'more', forgotten = max_rows);
end
$$;

comment on function mayfly_private.forget_entity is 'Deletes an entity and everything that is said of it.';

grant execute on function mayfly_private.forget_entity to authenticated, service_role;

-- Deletes an entity for good, with its names and every fact that is about it or leads to it, private ones too. At most
-- max_rows facts a call: call it again while it says more. Scope fact:admin.

create function mayfly.forget_entity(id uuid, max_rows integer default 5000)
returns jsonb
language sql
set search_path = ''
return mayfly_private.forget_entity(id, max_rows);

comment on function mayfly.forget_entity is 'Deletes an entity and everything that is said of it. Returns { forgotten, more }: while more, call it again.';

grant execute on function mayfly.forget_entity to authenticated, service_role;

-- The definer half of mayfly.forget_facts. Locks what hold_facts locks; what it deletes.

create function mayfly_private.forget_facts(ids uuid[], memory uuid)
returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  tenant constant uuid := mayfly_private.require_tenant('fact:write');
  is_admin constant boolean := tenant = any (mayfly_private.tenant_ids('fact:admin'));
  is_agent constant boolean := (mayfly_private.caller()).kind = 'agent';
  seen constant uuid[] := mayfly_private.own_agent_ids();
  entities uuid[];
  forgotten integer;
begin
  if num_nonnulls(ids, memory) <> 1 or cardinality(ids) not between 1 and 500 then
    perform mayfly_private.refuse_fact('ids', '1 to 500 ids of facts, unless memory is given');
  end if;
  perform mayfly_private.hold_facts(tenant);
  if exists (select from unnest(ids) i where not exists (
      select from mayfly.facts f where f.tenant_id = tenant and f.id = i and (f.private_to is null or is_admin or f.private_to = any (seen))))
  then
    perform mayfly_private.fail(404, 'fact_unknown', 'There is no such fact, or not for this caller.', 'Nothing was forgotten.', '{"field": "ids"}');
  elsif is_agent and not is_admin and exists (
      select from mayfly.facts f where f.tenant_id = tenant and f.id = any (ids) and not coalesce(f.agent_id = any (seen), false)) then
    perform mayfly_private.fail(403, 'scope_missing', 'An agent forgets what it or its descendants have recorded.',
      'Nothing was forgotten. End the fact, or spawn the agent with fact:admin.', '{"scope": "fact:admin"}');
  end if;
  with gone as (
    delete from mayfly.facts f
    where f.tenant_id = tenant and (f.id = any (ids) or f.memory_id = memory)
      and (is_admin or f.private_to is null or f.private_to = any (seen))
      and (is_admin or not is_agent or f.agent_id = any (seen))
    returning f.subject_id, f.object_id
  )
  select count(*), array_agg(g.subject_id) || array_agg(g.object_id) into forgotten, entities from gone g;
  perform mayfly_private.drop_unused_entities(tenant, entities);
  perform mayfly_private.charge(tenant, 0, 0, forgotten);
  return jsonb_build_object('forgotten', forgotten);
end
$$;

comment on function mayfly_private.forget_facts is 'Deletes facts for good.';

grant execute on function mayfly_private.forget_facts to authenticated, service_role;

-- Deletes facts for good, by their ids or all that were extracted from a memory; entities that nothing is said of any
-- more, and that nobody has set, go with them. Scope fact:write: an agent forgets what it and its descendants have
-- recorded, with fact:admin any. What a forgotten fact had replaced stays ended.

create function mayfly.forget_facts(ids uuid[] default null, memory uuid default null)
returns jsonb
language sql
set search_path = ''
return mayfly_private.forget_facts(ids, memory);

comment on function mayfly.forget_facts is 'Deletes facts for good, by id or by the memory that they are from. Returns { forgotten }.';

grant execute on function mayfly.forget_facts to authenticated, service_role;

-- Makes those who write a tenant's facts go one after the other: a name makes one entity, a slot has one open fact, and
-- no two of them wait for each other's rows. Called by each function of this room that writes, before it reads. The
-- lock ends with the transaction.

create function mayfly_private.hold_facts(tenant uuid)
returns void
language plpgsql
set search_path = ''
as $$
begin
  perform pg_advisory_xact_lock(hashtextextended('mayfly.facts ' || tenant, 0));
end
$$;

comment on function mayfly_private.hold_facts is 'Makes those who write a tenant''s facts go one after the other.';

-- Whether a JSON value names an entity: its name as a text, or { id }, or { name, type? }.

create function mayfly_private.is_entity_ref(ref jsonb)
returns boolean
language plpgsql immutable parallel safe
set search_path = ''
as $$
begin
  return case jsonb_typeof(ref)
    when 'string' then char_length(ref #>> '{}') <= 200 and mayfly_private.entity_key(ref #>> '{}') is not null
    when 'object' then (ref - '{id,name,type}'::text[]) = '{}'
      and case when ref ? 'id' then ref - 'id' = '{}' and mayfly_private.to_uuid(ref ->> 'id') is not null
        else jsonb_typeof(ref -> 'name') = 'string' and char_length(ref ->> 'name') <= 200 and mayfly_private.entity_key(ref ->> 'name') is not null
          and case when ref ? 'type' then jsonb_typeof(ref -> 'type') = 'string'
            and coalesce(char_length(mayfly_private.fact_word(ref ->> 'type')), 0) between 1 and 100 else true end
      end
    else false
  end;
end
$$;

comment on function mayfly_private.is_entity_ref is 'Whether a JSON value names an entity.';

grant execute on function mayfly_private.is_entity_ref to authenticated, service_role;

-- Facts that the caller sees, those of a subject or of an object or with a predicate or from a memory: as they were at an
-- instant, or with history every one that there has been. The newest first, a page at a time. Scope fact:read. Runs as the
-- caller. Locks nothing.

create function mayfly.list_facts(
  subject jsonb default null, predicate text default null, object jsonb default null, memory uuid default null,
  as_of timestamptz default null, history boolean default false, before uuid default null, page_limit integer default 100
)
returns jsonb
language plpgsql stable
set search_path = ''
as $$
declare
  tenant constant uuid := mayfly_private.require_tenant('fact:read');
  instant constant timestamptz := mayfly_private.now();
  at constant timestamptz := coalesce(as_of, instant);
  subjects constant uuid[] := case when subject is not null then mayfly_private.entities_named(tenant, subject, 'subject') end;
  objects constant uuid[] := case when object is not null then mayfly_private.entities_named(tenant, object, 'object') end;
  last mayfly.facts;
begin
  if page_limit is null or page_limit not between 1 and 1000 then
    perform mayfly_private.refuse_fact('page_limit', '1 to 1000');
  end if;
  if before is not null then
    select * into last from mayfly.facts f where f.tenant_id = tenant and f.id = before;
    if not found then
      perform mayfly_private.fail(404, 'fact_unknown', 'There is no such fact.', null, '{"field": "before"}');
    end if;
  end if;
  return (
    select coalesce(jsonb_agg(mayfly_private.show_fact(r) order by r.recorded_at desc, r.id desc), '[]')
    from (
      select f.* from mayfly.facts f
      where f.tenant_id = tenant
        and (subjects is null or f.subject_id = any (subjects))
        and (list_facts.predicate is null or f.predicate = mayfly_private.fact_word(list_facts.predicate))
        and (objects is null or f.object_id = any (objects))
        and (memory is null or f.memory_id = memory)
        and (f.expires_at is null or f.expires_at > instant)
        and (history or (f.valid_from <= at and (f.valid_to is null or f.valid_to > at)))
        and (before is null or (f.recorded_at, f.id) < (last.recorded_at, last.id))
      order by f.recorded_at desc, f.id desc
      limit page_limit) r);
end
$$;

comment on function mayfly.list_facts is
  'Facts, the newest first: of a subject, a predicate, an object or a memory, as they are or were at as_of; with history those that have ended as well.';

grant execute on function mayfly.list_facts to authenticated, service_role;

-- Makes the entities that references name and that there are not yet, all at once: one by one, what each insert is
-- charged and checked made 100 facts take ten times as long. Those with a type first, so that a name alone finds them.
-- `refs` are distinct { owner, ref }. Called by mayfly_private.record_facts, as owner, after hold_facts.

create function mayfly_private.make_entities(tenant uuid, caller_id uuid, seen uuid[], refs jsonb[])
returns void
language plpgsql
set search_path = ''
as $$
declare
  typed boolean;
begin
  foreach typed in array '{true,false}'::boolean[] loop
    with missing as (
      select distinct on (m.owner, m.key, m.type) gen_random_uuid() as id, m.owner, m.key, m.type, m.name
      from (
        select (r ->> 'owner')::uuid as owner, btrim(n.name) as name, mayfly_private.entity_key(n.name) as key,
          coalesce(mayfly_private.fact_word(r -> 'ref' ->> 'type'), 'thing') as type
        from unnest(refs) r
        cross join lateral (select case jsonb_typeof(r -> 'ref') when 'string' then r ->> 'ref' else r -> 'ref' ->> 'name' end as name) n
        where n.name is not null and typed = coalesce(jsonb_typeof(r -> 'ref') = 'object' and r -> 'ref' ? 'type', false)
          and (mayfly_private.find_entity(tenant, (r ->> 'owner')::uuid, seen, r -> 'ref')).id is null
          -- A private one of the caller's may be about to become the tenant's.
          and (caller_id is null or r ->> 'owner' is not null or (mayfly_private.find_entity(tenant, caller_id, seen, r -> 'ref')).id is null)) m
      order by m.owner, m.key, m.type
    ), made as (
      insert into mayfly.entities (tenant_id, id, private_to, type, name, agent_id, created_at, updated_at)
      select tenant, m.id, m.owner, m.type, m.name, caller_id, mayfly_private.now(), mayfly_private.now() from missing m
    )
    insert into mayfly.entity_names (tenant_id, entity_id, key, private_to, type, name)
    select tenant, m.id, m.key, m.owner, m.type, m.name from missing m;
  end loop;
end
$$;

comment on function mayfly_private.make_entities is 'Makes the entities that references name and that there are not yet.';

-- The definer half of mayfly.merge_entities. Locks what hold_facts locks; both entities and their facts.
--
-- Where both have an open fact in one slot, the one that begins later stays open and closes the other; of two that say
-- the same, the older one stays.

create function mayfly_private.merge_entities(id uuid, into_id uuid)
returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  tenant constant uuid := mayfly_private.require_tenant('fact:write');
  seen constant uuid[] := case when not tenant = any (mayfly_private.tenant_ids('fact:admin')) then mayfly_private.own_agent_ids() end;
  source mayfly.entities;
  target mayfly.entities;
  moving mayfly.facts;
  other mayfly.facts;
  moved integer := 0;
begin
  if id is null or id = into_id then
    perform mayfly_private.refuse_fact('id', 'another entity than into_id');
  end if;
  perform mayfly_private.hold_facts(tenant);
  source := mayfly_private.find_entity(tenant, null, seen, jsonb_build_object('id', id));
  target := mayfly_private.find_entity(tenant, null, seen, jsonb_build_object('id', into_id));
  if target.private_to is not null and target.private_to is distinct from source.private_to then
    perform mayfly_private.refuse_fact('into_id', 'an entity that all who see the other one see as well');
  end if;
  for moving in
    select * from mayfly.facts f
    where f.tenant_id = tenant and (f.subject_id = source.id or f.object_id = source.id)
    order by f.valid_from, f.recorded_at, f.id
  loop
    moved := moved + 1;
    moving.subject_id := case when moving.subject_id = source.id then target.id else moving.subject_id end;
    moving.object_id := case when moving.object_id = source.id then target.id else moving.object_id end;
    if moving.slot <> '' and moving.object_id is not null then
      moving.slot := sha256(convert_to(moving.object_id::text, 'UTF8'));
    end if;
    if moving.valid_to is null then
      select * into other from mayfly.facts f
      where f.tenant_id = tenant and f.id <> moving.id and f.subject_id = moving.subject_id and f.predicate = moving.predicate and f.slot = moving.slot
        and f.private_to is not distinct from moving.private_to and f.valid_to is null;
      if found and (other.object_id, other.value) is not distinct from (moving.object_id, moving.value) then
        moving.valid_to := moving.valid_from;
        moving.superseded_by := other.id;
        update mayfly.facts f set valid_from = least(f.valid_from, moving.valid_from), confirmations = f.confirmations + moving.confirmations + 1
        where f.tenant_id = tenant and f.id = other.id;
      elsif found and other.valid_from > moving.valid_from then
        moving.valid_to := other.valid_from;
        moving.superseded_by := other.id;
      elsif found then
        update mayfly.facts f set valid_to = moving.valid_from, superseded_by = moving.id where f.tenant_id = tenant and f.id = other.id;
      end if;
    end if;
    update mayfly.facts f
    set subject_id = moving.subject_id, object_id = moving.object_id, slot = moving.slot, valid_to = moving.valid_to, superseded_by = moving.superseded_by
    where f.tenant_id = tenant and f.id = moving.id;
  end loop;
  delete from mayfly.entity_names n
  where n.tenant_id = tenant and n.entity_id = source.id and exists (
    select from mayfly.entity_names t where t.tenant_id = tenant and t.entity_id = target.id and t.key = n.key);
  begin
    update mayfly.entity_names n set entity_id = target.id, type = target.type, private_to = target.private_to
    where n.tenant_id = tenant and n.entity_id = source.id;
  exception when unique_violation then
    perform mayfly_private.fail(409, 'entity_exists', 'An alias is that of a third entity.', 'Nothing was written. Merge that one first.', '{"field": "id"}');
  end;
  update mayfly.entities e set is_set = e.is_set or source.is_set, description = coalesce(nullif(e.description, ''), source.description), updated_at = mayfly_private.now()
  where e.tenant_id = tenant and e.id = target.id
  returning * into target;
  delete from mayfly.entities e where e.tenant_id = tenant and e.id = source.id;
  perform mayfly_private.charge(tenant, 0, 0, moved + 1);
  return mayfly_private.show_entity(target);
end
$$;

comment on function mayfly_private.merge_entities is 'Makes two entities one.';

grant execute on function mayfly_private.merge_entities to authenticated, service_role;

-- Makes two entities one: the names of `id` become aliases of `into_id`, its facts are of that one, and it is gone.
-- Scope fact:write.

create function mayfly.merge_entities(id uuid, into_id uuid)
returns jsonb
language sql
set search_path = ''
return mayfly_private.merge_entities(id, into_id);

comment on function mayfly.merge_entities is 'Makes two entities one: the names and facts of the first become those of the second, which is returned.';

grant execute on function mayfly.merge_entities to authenticated, service_role;

-- The entity that a reference means, made where there is none, of which the owner (an agent, or null: the tenant) may
-- say something. Its type is set where only now somebody says which. An entity that was private becomes the tenant's when
-- something is said of it that the tenant may see. Called by functions that write, as owner, after hold_facts.

create function mayfly_private.own_entity(tenant uuid, owner uuid, caller_id uuid, seen uuid[], ref jsonb)
returns mayfly.entities
language plpgsql
set search_path = ''
as $$
declare
  said constant text := case jsonb_typeof(ref) when 'string' then ref #>> '{}' else ref ->> 'name' end;
  of_type constant text := mayfly_private.fact_word(case when jsonb_typeof(ref) = 'object' then ref ->> 'type' end);
  entity mayfly.entities := mayfly_private.find_entity(tenant, owner, seen, ref);
begin
  if entity.id is null and owner is null and caller_id is not null then
    -- A private one of the caller that is about to be the tenant's.
    entity := mayfly_private.find_entity(tenant, caller_id, seen, ref);
  end if;
  if entity.id is null then
    insert into mayfly.entities (tenant_id, private_to, type, name, agent_id, created_at, updated_at)
    values (tenant, owner, coalesce(of_type, 'thing'), btrim(said), caller_id, mayfly_private.now(), mayfly_private.now())
    returning * into entity;
    insert into mayfly.entity_names (tenant_id, entity_id, key, private_to, type, name)
    values (tenant, entity.id, mayfly_private.entity_key(said), owner, entity.type, btrim(said));
    return entity;
  end if;
  -- What is private says nothing of the tenant's entity, not even its type.
  if (entity.type = 'thing' and of_type <> 'thing' and entity.private_to is not distinct from owner) or (owner is null and entity.private_to is not null) then
    begin
      update mayfly.entity_names n
      set type = coalesce(of_type, n.type), private_to = case when owner is not null then n.private_to end
      where n.tenant_id = tenant and n.entity_id = entity.id;
      update mayfly.entities e
      set type = coalesce(of_type, e.type), private_to = case when owner is not null then e.private_to end, updated_at = mayfly_private.now()
      where e.tenant_id = tenant and e.id = entity.id
      returning * into entity;
    exception when unique_violation then
      perform mayfly_private.fail(409, 'entity_exists', format('There is another entity that is called %s or by one of its aliases.', entity.name),
        'Merge the two with merge_entities.', jsonb_build_object('field', 'name', 'id', entity.id));
    end;
  end if;
  return entity;
end
$$;

comment on function mayfly_private.own_entity is 'The entity that a reference means, made where there is none.';

-- Checks facts, and says of each whose it is to be: an agent's, or null for the tenant's. What comes from a private memory
-- stays private unless the caller says otherwise. Called by mayfly_private.record_facts. Locks nothing.

create function mayfly_private.owners_of_facts(tenant uuid, caller_id uuid, facts jsonb)
returns uuid[]
language plpgsql stable
set search_path = ''
as $$
declare
  owners uuid[];
  fault record;
begin
  perform mayfly_private.check_facts(facts);
  select g.n - 1 as place, g.f ? 'memory_id' and m.id is null and g.f ->> 'memory_id' is not null as is_unknown, g.f ->> 'visibility' as visibility into fault
  from jsonb_array_elements(facts) with ordinality as g (f, n)
  left join mayfly.memories m on m.tenant_id = tenant and m.id = (g.f ->> 'memory_id')::uuid and m.deleted_at is null
    and (m.visibility = 'tenant' or m.agent_id = any (mayfly_private.own_agent_ids())
      or tenant = any (mayfly_private.tenant_ids('memory:admin')))
  where (g.f ->> 'memory_id' is not null and m.id is null)
    or (caller_id is null and coalesce(g.f ->> 'visibility', m.visibility) = 'agent')
  order by g.n limit 1;
  if found and fault.is_unknown then
    perform mayfly_private.fail(404, 'memory_unknown', 'There is no memory of this id, or not for this caller.',
      'Nothing was written. Sync the memory first.', jsonb_build_object('field', 'memory_id', 'index', fault.place));
  elsif found then
    perform mayfly_private.refuse_fact('visibility', case when fault.visibility is null then 'given for a fact from a private memory'
      else 'tenant, since only an agent has facts of its own' end, fault.place::integer);
  end if;
  select array_agg(case when coalesce(g.f ->> 'visibility', m.visibility) = 'agent' then caller_id end order by g.n) into owners
  from jsonb_array_elements(facts) with ordinality as g (f, n)
  left join mayfly.memories m on m.tenant_id = tenant and m.id = (g.f ->> 'memory_id')::uuid;
  return owners;
end
$$;

comment on function mayfly_private.owners_of_facts is 'Checks facts, and says of each whose it is to be.';

-- Puts facts into their slots, of which no two are the same: confirms the fact that says the same at that time, or else
-- inserts it, closes the one that was valid then, and lets it end where the next one begins. Gives for each, in their
-- order, { id, status, superseded, valid_from, valid_to }. Called by mayfly_private.record_facts, as owner, after hold_facts.
-- Locks what it changes.

create function mayfly_private.place_facts(given mayfly.facts[])
returns jsonb[]
language plpgsql
set search_path = ''
as $$
declare
  instant constant timestamptz := mayfly_private.now();
  befores uuid[];
  same boolean[];
  nexts timestamptz[];
  answers jsonb[];
begin
  select array_agg(b.id order by g.ordinality),
    array_agg(b.id is not null and b.object_id is not distinct from g.object_id and b.value is not distinct from g.value order by g.ordinality),
    array_agg(n.valid_from order by g.ordinality)
  into befores, same, nexts
  from unnest(given) with ordinality g
  left join lateral (
    select f.id, f.object_id, f.value from mayfly.facts f
    where f.tenant_id = g.tenant_id and f.subject_id = g.subject_id and f.predicate = g.predicate and f.slot = g.slot
      and f.private_to is not distinct from g.private_to
      and f.valid_from <= g.valid_from and (f.valid_to is null or f.valid_to > g.valid_from)
      and (f.expires_at is null or f.expires_at > instant)
    order by f.valid_from desc, f.recorded_at desc limit 1) b on true
  left join lateral (
    select min(f.valid_from) as valid_from from mayfly.facts f
    where f.tenant_id = g.tenant_id and f.subject_id = g.subject_id and f.predicate = g.predicate and f.slot = g.slot
      and f.private_to is not distinct from g.private_to and f.valid_from > g.valid_from
      -- What was wrong from the beginning bounds nothing.
      and f.valid_to is distinct from f.valid_from and (f.expires_at is null or f.expires_at > instant)) n on true;

  update mayfly.facts f
  set confirmations = f.confirmations + 1, confirmed_at = instant, confidence = coalesce(g.confidence, f.confidence),
    source = coalesce(nullif(g.source, ''), f.source), memory_id = coalesce(g.memory_id, f.memory_id),
    valid_to = least(f.valid_to, g.valid_to),
    -- What one of both keeps for ever is kept.
    expires_at = case when f.expires_at is not null and g.expires_at is not null then greatest(f.expires_at, g.expires_at) end
  from unnest(given) with ordinality g
  where same[g.ordinality] and f.tenant_id = g.tenant_id and f.id = befores[g.ordinality];

  update mayfly.facts f set valid_to = g.valid_from, superseded_by = g.id
  from unnest(given) with ordinality g
  where not same[g.ordinality] and f.tenant_id = g.tenant_id and f.id = befores[g.ordinality];

  -- One that has expired, and that maintenance has not come to, no longer holds its slot.
  delete from mayfly.facts f
  using unnest(given) g
  where f.tenant_id = g.tenant_id and f.subject_id = g.subject_id and f.predicate = g.predicate and f.slot = g.slot
    and f.private_to is not distinct from g.private_to and f.expires_at <= instant;

  insert into mayfly.facts (tenant_id, id, private_to, subject_id, predicate, object_id, value, slot, confidence, source, memory_id,
    agent_id, valid_from, valid_to, recorded_at, confirmed_at, expires_at)
  select g.tenant_id, g.id, g.private_to, g.subject_id, g.predicate, g.object_id, g.value, g.slot, g.confidence, g.source, g.memory_id,
    g.agent_id, g.valid_from, least(g.valid_to, nexts[g.ordinality]), instant, instant, g.expires_at
  from unnest(given) with ordinality g
  where not same[g.ordinality]
  order by g.ordinality;

  select array_agg(jsonb_build_object('id', f.id,
      'status', case when same[g.ordinality] then 'confirmed' when befores[g.ordinality] is null then 'recorded' else 'superseded' end,
      'superseded', case when same[g.ordinality] or befores[g.ordinality] is null then '[]' else jsonb_build_array(befores[g.ordinality]) end,
      'subject', f.subject_id, 'object', f.object_id, 'valid_from', f.valid_from, 'valid_to', f.valid_to) order by g.ordinality)
  into answers
  from unnest(given) with ordinality g
  join mayfly.facts f on f.tenant_id = g.tenant_id and f.id = case when same[g.ordinality] then befores[g.ordinality] else g.id end;
  return answers;
end
$$;

comment on function mayfly_private.place_facts is 'Puts facts into their slots.';

-- The definer half of mayfly.record_facts. All or nothing. Locks what hold_facts locks; what it changes.

create function mayfly_private.record_facts(facts jsonb)
returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  tenant constant uuid := mayfly_private.require_tenant('fact:write');
  caller constant mayfly_private.caller := mayfly_private.caller();
  instant timestamptz;
  is_admin constant boolean := tenant = any (mayfly_private.tenant_ids('fact:admin'));
  caller_id constant uuid := case caller.kind when 'agent' then caller.id end;
  -- Whose private entities the caller sees; null for all.
  seen constant uuid[] := case when not is_admin then mayfly_private.own_agent_ids() end;
  owners constant uuid[] := mayfly_private.owners_of_facts(tenant, caller_id, facts);
  refs jsonb[];
  ids jsonb := '{}';
  prepared mayfly.facts[] := '{}';
  rounds integer[];
  answers jsonb[];
  placed jsonb[];
  places integer[];
  one record;
begin
  perform mayfly_private.hold_facts(tenant);
  -- Behind the lock, so that who writes later says so later.
  instant := mayfly_private.now();
  refs := array(
    select distinct jsonb_build_object('owner', owners[g.n], 'ref', r)
    from jsonb_array_elements(facts) with ordinality as g (f, n), unnest(array[g.f -> 'subject', g.f -> 'object']) r
    where coalesce(jsonb_typeof(r), 'null') <> 'null');
  perform mayfly_private.make_entities(tenant, caller_id, seen, refs);
  for one in select r from unnest(refs) r order by r -> 'ref' loop
    ids := ids || jsonb_build_object(one.r::text, (mayfly_private.own_entity(tenant, (one.r ->> 'owner')::uuid, caller_id, seen, one.r -> 'ref')).id);
  end loop;

  select array_agg(f order by p.n), array_agg(p.round order by p.n) into prepared, rounds
  from (
    select e.n, row_number() over (partition by e.owner, e.subject_id, e.predicate, e.slot order by e.n) as round,
      row(tenant, gen_random_uuid(), e.owner, e.subject_id, e.predicate, e.object_id, e.value, e.slot,
        (e.f ->> 'confidence')::real, coalesce(e.f ->> 'source', ''), (e.f ->> 'memory_id')::uuid, caller_id,
        coalesce((e.f ->> 'valid_from')::timestamptz, instant), (e.f ->> 'valid_to')::timestamptz, instant, instant, 0, null,
        (e.f ->> 'expires_at')::timestamptz)::mayfly.facts as f
    from (
      select g.n, g.f, owners[g.n] as owner, i.subject_id, i.object_id, i.value, mayfly_private.fact_word(g.f ->> 'predicate') as predicate,
        case when (g.f ->> 'many')::boolean then sha256(convert_to(coalesce(i.object_id::text, i.value::text), 'UTF8')) else '' end as slot
      from jsonb_array_elements(facts) with ordinality as g (f, n)
      cross join lateral (
        select (ids ->> jsonb_build_object('owner', owners[g.n], 'ref', g.f -> 'subject')::text)::uuid as subject_id,
          (ids ->> jsonb_build_object('owner', owners[g.n], 'ref', g.f -> 'object')::text)::uuid as object_id,
          case when coalesce(jsonb_typeof(g.f -> 'object'), 'null') = 'null' then mayfly_private.canonical(g.f -> 'value') end as value) i) e) p;

  -- Of facts in one slot, the second sees what became of the first.
  answers := array_fill(null::jsonb, array[cardinality(prepared)]);
  for round in 1..(select max(r) from unnest(rounds) r) loop
    places := array(select n from generate_subscripts(prepared, 1) n where rounds[n] = round order by n);
    placed := mayfly_private.place_facts(array(select prepared[n] from unnest(places) n));
    for k in 1..cardinality(places) loop
      answers[places[k]] := placed[k];
    end loop;
  end loop;
  -- What is recorded is charged as it is inserted; what is only confirmed is a write, too.
  perform mayfly_private.charge(tenant, 0, 0, (select count(*) from unnest(answers) a where a ->> 'status' = 'confirmed')::integer);
  return to_jsonb(answers);
end
$$;

comment on function mayfly_private.record_facts is 'Records facts.';

grant execute on function mayfly_private.record_facts to authenticated, service_role;

-- Records up to 500 facts, all or none, in their order (scope fact:write):
--
--   { subject, predicate, object | value, many?, confidence?, source?, memory_id?, visibility?, valid_from?, valid_to?, expires_at? }
--
-- subject and object are entities: a name, { name, type } or { id }; those that are new are made. A newer fact about
-- the same subject and predicate closes the older one, which stays; with many, each object has its own. The same fact
-- again is confirmed.

create function mayfly.record_facts(facts jsonb)
returns jsonb
language sql
set search_path = ''
return mayfly_private.record_facts(facts);

comment on function mayfly.record_facts is
  'Records facts, all or none. Returns for each { id, status: recorded, superseded or confirmed, superseded: [id], subject, object, valid_from, valid_to }.';

grant execute on function mayfly.record_facts to authenticated, service_role;

-- Refuses a call of this room by the field that is wrong, and the place of the fact in its list where there is one.

create function mayfly_private.refuse_fact(field text, rule text, place integer default null)
returns void
language plpgsql
set search_path = ''
as $$
begin
  perform mayfly_private.fail(400, 'invalid_request', format('%s must be %s.', field, rule), 'Nothing was written.',
    jsonb_strip_nulls(jsonb_build_object('field', field, 'index', place)));
end
$$;

comment on function mayfly_private.refuse_fact is 'Refuses a call by the field that is wrong.';

grant execute on function mayfly_private.refuse_fact to authenticated, service_role;

-- The definer half of mayfly.set_entity. Locks what hold_facts locks; the entity.

create function mayfly_private.set_entity(entity jsonb, name text, type text, description text, aliases text[], visibility text)
returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  tenant constant uuid := mayfly_private.require_tenant('fact:write');
  caller constant mayfly_private.caller := mayfly_private.caller();
  caller_id constant uuid := case caller.kind when 'agent' then caller.id end;
  seen constant uuid[] := case when not tenant = any (mayfly_private.tenant_ids('fact:admin')) then mayfly_private.own_agent_ids() end;
  ref constant jsonb := coalesce(entity, jsonb_strip_nulls(jsonb_build_object('name', name, 'type', type)));
  of_type constant text := mayfly_private.fact_word(type);
  owner constant uuid := case visibility when 'agent' then caller_id end;
  given mayfly.entities;
begin
  if not coalesce(mayfly_private.is_entity_ref(ref), false) then
    perform mayfly_private.refuse_fact(case when entity is null then 'name' else 'entity' end, 'the name of an entity, or in entity { name, type } or { id }');
  elsif name is not null and (char_length(name) > 200 or mayfly_private.entity_key(name) is null) then
    perform mayfly_private.refuse_fact('name', 'a text of 1 to 200 characters');
  elsif type is not null and coalesce(char_length(of_type), 0) not between 1 and 100 then
    perform mayfly_private.refuse_fact('type', 'a text of 1 to 100 characters');
  elsif char_length(description) > 2000 then
    perform mayfly_private.refuse_fact('description', 'a text of at most 2000 characters');
  elsif cardinality(aliases) > 50 or exists (select from unnest(aliases) a
      where a is null or char_length(a) > 200 or mayfly_private.entity_key(a) is null) then
    perform mayfly_private.refuse_fact('aliases', 'at most 50 texts of 1 to 200 characters');
  elsif coalesce(visibility, 'tenant') not in ('tenant', 'agent') then
    perform mayfly_private.refuse_fact('visibility', 'tenant or agent');
  elsif visibility = 'agent' and caller_id is null then
    perform mayfly_private.refuse_fact('visibility', 'tenant, since only an agent has entities of its own');
  end if;
  perform mayfly_private.hold_facts(tenant);
  given := mayfly_private.own_entity(tenant, coalesce(owner, case when ref ? 'id' and visibility is null then
    (select e.private_to from mayfly.entities e where e.tenant_id = tenant and e.id = (ref ->> 'id')::uuid) end), caller_id, seen, ref);
  if visibility = 'agent' and given.private_to is null then
    perform mayfly_private.fail(409, 'entity_exists', 'The tenant has an entity of this name.',
      'Nothing was written. Leave visibility out to change it for all, or record private facts about it.', jsonb_build_object('field', 'visibility', 'id', given.id));
  end if;
  begin
    update mayfly.entities e
    set name = coalesce(btrim(set_entity.name), e.name), type = coalesce(of_type, e.type), description = coalesce(set_entity.description, e.description),
      is_set = true, updated_at = mayfly_private.now()
    where e.tenant_id = tenant and e.id = given.id
    returning * into given;
    if of_type is not null then
      update mayfly.entity_names n set type = of_type where n.tenant_id = tenant and n.entity_id = given.id and n.type <> of_type;
    end if;
    if aliases is not null then
      delete from mayfly.entity_names n where n.tenant_id = tenant and n.entity_id = given.id;
    end if;
    insert into mayfly.entity_names (tenant_id, entity_id, key, private_to, type, name)
    select distinct on (mayfly_private.entity_key(a.name)) tenant, given.id, mayfly_private.entity_key(a.name), given.private_to, given.type, btrim(a.name)
    from (select given.name, 0 as n union all select a, 1 from unnest(aliases) a) a
    order by mayfly_private.entity_key(a.name), a.n
    on conflict on constraint entity_names_pkey do update set name = excluded.name;
  exception when unique_violation then
    perform mayfly_private.fail(409, 'entity_exists', 'The name, or an alias, is that of another entity.',
      'Nothing was written. Merge the two with merge_entities.', '{"field": "aliases"}');
  end;
  return mayfly_private.show_entity(given);
end
$$;

comment on function mayfly_private.set_entity is 'Names an entity.';

grant execute on function mayfly_private.set_entity to authenticated, service_role;

-- Names an entity, or changes one: by its name and type, or by `entity` (a name, { name, type } or { id }), which also
-- renames. aliases replace those that it had, null leaves them; its former name stays an alias unless they are given.
-- Scope fact:write.

create function mayfly.set_entity(
  entity jsonb default null, name text default null, type text default null, description text default null,
  aliases text[] default null, visibility text default null
)
returns jsonb
language sql
set search_path = ''
return mayfly_private.set_entity(entity, name, type, description, aliases, visibility);

comment on function mayfly.set_entity is 'Names an entity, or changes its name, type, description and aliases. Returns it.';

grant execute on function mayfly.set_entity to authenticated, service_role;

-- The definer half of mayfly.set_fact_retention. Locks the tenant's row of fact_settings.

create function mayfly_private.set_fact_retention(ended_kept double precision)
returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  tenant constant uuid := mayfly_private.require_tenant('fact:admin');
begin
  if ended_kept is not null and not (ended_kept between 60 and 3e9) then
    perform mayfly_private.refuse_fact('ended_kept', 'seconds from 60 to 3000000000, or null for ever');
  end if;
  perform mayfly_private.charge(tenant, 0, 0, 1);
  insert into mayfly.fact_settings (tenant_id, ended_kept) values (tenant, make_interval(secs => ended_kept))
  on conflict on constraint fact_settings_pkey do update set ended_kept = excluded.ended_kept;
  return jsonb_build_object('ended_kept', ended_kept);
end
$$;

comment on function mayfly_private.set_fact_retention is 'Sets how long ended facts are kept.';

grant execute on function mayfly_private.set_fact_retention to authenticated, service_role;

-- Sets for how many seconds a fact is kept after its end; null, the default, for ever. Scope fact:admin.

create function mayfly.set_fact_retention(ended_kept double precision default null)
returns jsonb
language sql
set search_path = ''
return mayfly_private.set_fact_retention(ended_kept);

comment on function mayfly.set_fact_retention is 'Sets for how many seconds a fact is kept after its end; null for ever. Returns { ended_kept }.';

grant execute on function mayfly.set_fact_retention to authenticated, service_role;

-- An entity as its callers get it, with its other names.

create function mayfly_private.show_entity(entity mayfly.entities)
returns jsonb
language sql stable
set search_path = ''
return case when entity.id is not null then jsonb_build_object(
  'id', entity.id, 'type', entity.type, 'name', entity.name, 'description', entity.description, 'private_to', entity.private_to,
  'aliases', (select coalesce(jsonb_agg(n.name order by n.key), '[]') from mayfly.entity_names n
    where n.tenant_id = entity.tenant_id and n.entity_id = entity.id and n.key <> mayfly_private.entity_key(entity.name)),
  'created_at', entity.created_at, 'updated_at', entity.updated_at) end;

comment on function mayfly_private.show_entity is 'An entity as its callers get it.';

grant execute on function mayfly_private.show_entity to authenticated, service_role;

-- A fact as its callers get it, with the names of its entities.

create function mayfly_private.show_fact(fact mayfly.facts)
returns jsonb
language sql stable
set search_path = ''
return jsonb_build_object(
  'id', fact.id,
  'subject', (select jsonb_build_object('id', e.id, 'type', e.type, 'name', e.name) from mayfly.entities e
    where e.tenant_id = fact.tenant_id and e.id = fact.subject_id),
  'predicate', fact.predicate,
  'object', (select jsonb_build_object('id', e.id, 'type', e.type, 'name', e.name) from mayfly.entities e
    where e.tenant_id = fact.tenant_id and e.id = fact.object_id),
  'value', fact.value, 'many', fact.slot <> '', 'confidence', fact.confidence, 'source', fact.source, 'memory_id', fact.memory_id,
  'agent_id', fact.agent_id, 'private_to', fact.private_to, 'valid_from', fact.valid_from, 'valid_to', fact.valid_to,
  'recorded_at', fact.recorded_at, 'confirmed_at', fact.confirmed_at, 'confirmations', fact.confirmations,
  'superseded_by', fact.superseded_by, 'expires_at', fact.expires_at);

comment on function mayfly_private.show_fact is 'A fact as its callers get it.';

grant execute on function mayfly_private.show_fact to authenticated, service_role;

-- What is around entities in one to three hops: facts that were valid at an instant, and the entities that they lead to.
-- Level by level, and no entity twice, so a circle ends. Of each entity the most certain and newest `fan_out` facts, and
-- `result_limit` in all; `truncated` says that there were more. Scope fact:read. Runs as the caller. Locks nothing.
--
--   { entities: [{ id, type, name, …, hops, via }], facts: [{ …, hop }], truncated }     via: the fact that led to it first

create function mayfly.traverse_facts(
  start jsonb, hops integer default 1, predicates text[] default null, direction text default 'both', as_of timestamptz default null,
  fan_out integer default 50, result_limit integer default 300
)
returns jsonb
language plpgsql stable
set search_path = ''
as $$
declare
  tenant constant uuid := mayfly_private.require_tenant('fact:read');
  instant constant timestamptz := mayfly_private.now();
  at constant timestamptz := coalesce(as_of, instant);
  wanted constant text[] := case when predicates is not null then array(select mayfly_private.fact_word(p) from unnest(predicates) p) end;
  hop integer := 0;
  frontier uuid[] := '{}';
  visited uuid[];
  via uuid[];
  distances integer[];
  found_ids uuid[] := '{}';
  found_hops integer[] := '{}';
  truncated boolean := false;
  step record;
  one jsonb;
begin
  if hops is null or hops not between 1 and 3 then
    perform mayfly_private.refuse_fact('hops', '1 to 3');
  elsif coalesce(direction not in ('out', 'in', 'both'), true) then
    perform mayfly_private.refuse_fact('direction', 'out, in or both');
  elsif fan_out is null or fan_out not between 1 and 200 then
    perform mayfly_private.refuse_fact('fan_out', '1 to 200');
  elsif result_limit is null or result_limit not between 1 and 1000 then
    perform mayfly_private.refuse_fact('result_limit', '1 to 1000');
  elsif cardinality(predicates) not between 1 and 50 then
    perform mayfly_private.refuse_fact('predicates', 'a list of 1 to 50 texts');
  elsif jsonb_typeof(start) = 'array' and jsonb_array_length(start) not between 1 and 50 then
    perform mayfly_private.refuse_fact('start', 'at most 50 entities');
  end if;
  for one in select * from jsonb_array_elements(case jsonb_typeof(start) when 'array' then start else jsonb_build_array(start) end) loop
    frontier := frontier || mayfly_private.entities_named(tenant, one, 'start');
  end loop;
  frontier := array(select distinct f from unnest(frontier) f order by 1);
  visited := frontier;
  via := array_fill(null::uuid, array[cardinality(visited)]);
  distances := array_fill(0, array[cardinality(visited)]);

  while hop < hops and frontier <> '{}' and cardinality(found_ids) < result_limit loop
    hop := hop + 1;
    with edges as (
      select e.place, r.*
      from unnest(frontier) with ordinality as e (id, place)
      cross join lateral (
        select s.*, row_number() over (order by s.confidence desc nulls last, s.recorded_at desc, s.id) as n
        from (
          select f.id, f.object_id as other, f.confidence, f.recorded_at
          from mayfly.facts f
          where direction <> 'in' and f.tenant_id = tenant and f.subject_id = e.id
            and (wanted is null or f.predicate = any (wanted))
            and f.valid_from <= at and (f.valid_to is null or f.valid_to > at) and (f.expires_at is null or f.expires_at > instant)
          union all
          select f.id, f.subject_id, f.confidence, f.recorded_at
          from mayfly.facts f
          where direction <> 'out' and f.tenant_id = tenant and f.object_id = e.id
            and (wanted is null or f.predicate = any (wanted))
            and f.valid_from <= at and (f.valid_to is null or f.valid_to > at) and (f.expires_at is null or f.expires_at > instant)
        ) s
        order by n limit fan_out + 1
      ) r
    ), fresh as (
      -- A fact between two entities of the frontier comes once.
      select distinct on (d.id) d.id, d.other, d.n, d.place from edges d
      where d.n <= fan_out and d.id <> all (found_ids)
      order by d.id, d.place
    ), taken as (
      select f.*, row_number() over (order by f.n, f.place, f.id) as rank from fresh f
    ), reached as (
      select distinct on (t.other) t.other, t.id, t.rank from taken t
      where t.rank <= result_limit - cardinality(found_ids) and t.other is not null and t.other <> all (visited)
      order by t.other, t.rank
    )
    select (select array_agg(t.id order by t.rank) from taken t where t.rank <= result_limit - cardinality(found_ids)) as ids,
      (select coalesce(array_agg(r.other order by r.rank), '{}') from reached r) as others,
      (select coalesce(array_agg(r.id order by r.rank), '{}') from reached r) as leads,
      exists (select from edges d where d.n > fan_out) or (select count(*) from taken) > result_limit - cardinality(found_ids) as cut
    into step;
    truncated := truncated or step.cut;
    exit when step.ids is null;
    found_ids := found_ids || step.ids;
    found_hops := found_hops || array_fill(hop, array[cardinality(step.ids)]);
    frontier := step.others;
    visited := visited || step.others;
    via := via || step.leads;
    distances := distances || array_fill(hop, array[cardinality(step.others)]);
  end loop;

  return jsonb_build_object(
    'entities', (
      select coalesce(jsonb_agg(mayfly_private.show_entity(e) || jsonb_build_object('hops', v.hops, 'via', v.via) order by v.n), '[]')
      from unnest(visited, via, distances) with ordinality as v (id, via, hops, n)
      join mayfly.entities e on e.tenant_id = tenant and e.id = v.id),
    'facts', (
      select coalesce(jsonb_agg(mayfly_private.show_fact(f) || jsonb_build_object('hop', i.hop) order by i.n), '[]')
      from unnest(found_ids, found_hops) with ordinality as i (id, hop, n)
      join mayfly.facts f on f.tenant_id = tenant and f.id = i.id),
    'truncated', truncated or (hop < hops and frontier <> '{}'));
end
$$;

comment on function mayfly.traverse_facts is
  'What is around entities in one to three hops: { entities, facts, truncated }. Bounded, and no entity comes twice.';

grant execute on function mayfly.traverse_facts to authenticated, service_role;

-- Appends what happened to facts to the log, once a statement, ids alone. As owner: clients have no INSERT on the log.
-- The events of a private fact have its agent as audience. A fact that is only confirmed has no event.

create function mayfly_private.log_facts()
returns trigger
language plpgsql security definer
set search_path = ''
as $$
declare
  of_epoch constant integer := mayfly_private.current_epoch();
begin
  if tg_op = 'INSERT' then
    insert into mayfly.events (tenant_id, epoch, audience, type, agent_id, subject)
    select n.tenant_id, of_epoch, n.private_to, 'fact.recorded', n.agent_id, n.id from new_rows n order by n.recorded_at, n.id;
    perform mayfly_private.nudge(t.tenant_id, t.private_to) from (select distinct n.tenant_id, n.private_to from new_rows n) t;
  elsif tg_op = 'UPDATE' then
    insert into mayfly.events (tenant_id, epoch, audience, type, agent_id, subject)
    select n.tenant_id, of_epoch, n.private_to, 'fact.ended', n.agent_id, n.id
    from new_rows n join old_rows o on o.tenant_id = n.tenant_id and o.id = n.id
    where n.valid_to is distinct from o.valid_to
    order by n.id;
    perform mayfly_private.nudge(t.tenant_id, t.private_to)
    from (select distinct n.tenant_id, n.private_to from new_rows n join old_rows o on o.tenant_id = n.tenant_id and o.id = n.id
      where n.valid_to is distinct from o.valid_to) t;
  else
    -- What a tenant leaves that is being deleted is told to nobody.
    insert into mayfly.events (tenant_id, epoch, audience, type, agent_id, subject)
    select o.tenant_id, of_epoch, o.private_to, 'fact.forgotten', o.agent_id, o.id
    from old_rows o join mayfly.tenants t on t.id = o.tenant_id order by o.id;
    perform mayfly_private.nudge(t.tenant_id, t.private_to)
    from (select distinct o.tenant_id, o.private_to from old_rows o join mayfly.tenants t on t.id = o.tenant_id) t;
  end if;
  return null;
end
$$;

comment on function mayfly_private.log_facts is 'Trigger: appends what happened to facts to the log.';

create trigger facts_log_insert after insert on mayfly.facts
  referencing new table as new_rows
  for each statement execute function mayfly_private.log_facts();

create trigger facts_log_update after update on mayfly.facts
  referencing old table as old_rows new table as new_rows
  for each statement execute function mayfly_private.log_facts();

create trigger facts_log_delete after delete on mayfly.facts
  referencing old table as old_rows
  for each statement execute function mayfly_private.log_facts();

-- Charges entities, their names and facts, and gives back what is deleted. A fact that ends, or is confirmed, is
-- charged by the function that does it.

create trigger entities_meter_insert after insert on mayfly.entities
  referencing new table as new_rows
  for each statement execute function mayfly_private.meter_rows();

create trigger entities_meter_update after update on mayfly.entities
  referencing old table as old_rows new table as new_rows
  for each statement execute function mayfly_private.meter_rows();

create trigger entities_meter_delete after delete on mayfly.entities
  referencing old table as old_rows
  for each statement execute function mayfly_private.meter_rows();

create trigger entity_names_meter_insert after insert on mayfly.entity_names
  referencing new table as new_rows
  for each statement execute function mayfly_private.meter_rows();

create trigger entity_names_meter_delete after delete on mayfly.entity_names
  referencing old table as old_rows
  for each statement execute function mayfly_private.meter_rows();

create trigger facts_meter_insert after insert on mayfly.facts
  referencing new table as new_rows
  for each statement execute function mayfly_private.meter_rows();

create trigger facts_meter_update after update on mayfly.facts
  referencing old table as old_rows new table as new_rows
  for each statement execute function mayfly_private.meter_rows();

create trigger facts_meter_delete after delete on mayfly.facts
  referencing old table as old_rows
  for each statement execute function mayfly_private.meter_rows();

-- The definer half of mayfly.erase_tenant. The first call stops every agent and revokes every key, so that little is
-- written meanwhile. Each call deletes at most max_rows rows, of every table that belongs to a tenant
-- (mayfly_private.tenant_tables): a table before those that it refers to, so that no foreign key deletes more than was
-- asked for, and of a table that refers to itself the rows that no other row refers to. The call that finds none left
-- deletes the tenant. The caller's own membership goes with it: without, the caller could not call again.
--
-- Locks the tenant's row, and what it deletes.

create or replace function mayfly_private.erase_tenant(name text, max_rows integer)
returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  of_tenant constant uuid := mayfly_private.require_tenant('tenant:write');
  caller constant uuid := mayfly_private.caller_id();
  left_rows integer := max_rows;
  before integer;
  deleted integer;
  erasing record;
begin
  if mayfly_private.acting_role(of_tenant) is distinct from 'owner' then
    perform mayfly_private.fail(403, 'role_missing', 'Only an owner erases a tenant.', 'Ask an owner of the tenant.', '{"role": "owner"}');
  elsif name is distinct from (select t.name from mayfly.tenants t where t.id = of_tenant for update) then
    perform mayfly_private.fail(400, 'invalid_request', 'name is not the name of the tenant.',
      'To erase a tenant, give its name.', '{"field": "name"}');
  elsif max_rows is null or max_rows < 1 then
    perform mayfly_private.fail(400, 'invalid_request', 'max_rows must be at least 1.', null, '{"field": "max_rows"}');
  end if;

  update mayfly.enrolment_keys k set revoked_at = mayfly_private.now() where k.tenant_id = of_tenant and k.revoked_at is null;
  update mayfly.invitations i set revoked_at = mayfly_private.now() where i.tenant_id = of_tenant and i.revoked_at is null;
  update mayfly.agents a set status = 'stopped', stopped_at = mayfly_private.now(), stop_reason = 'tenant erased'
  where a.tenant_id = of_tenant and a.status in ('running', 'suspended');

  -- What is deleted is told in the log, so once more after everything else is gone.
  loop
    before := left_rows;
    for erasing in
      select t.relation,
        case when t.relation = 'mayfly.members'::regclass then 'and t.user_id is distinct from $3' else '' end as but,
        case when t.child_of is not null
          then format('and not exists (select from %s c where c.tenant_id = t.tenant_id and (%s))', t.relation, t.child_of)
          else '' end as leaves
      from mayfly_private.tenant_tables() t order by t.place desc
    loop
      loop
        execute format(
          'delete from %s d where d.ctid = any (array(select t.ctid from %1$s t where t.tenant_id = $1 %s %s limit $2))',
          erasing.relation, erasing.but, erasing.leaves)
          using of_tenant, left_rows, caller;
        get diagnostics deleted = row_count;
        left_rows := left_rows - deleted;
        -- Under the leaves that are gone there may be others.
        exit when deleted = 0 or left_rows = 0 or erasing.leaves = '';
      end loop;
      exit when left_rows = 0;
    end loop;
    exit when left_rows in (0, before);
  end loop;

  if left_rows > 0 then
    delete from mayfly.tenants t where t.id = of_tenant;
  end if;
  return jsonb_build_object('erased', left_rows > 0);
end
$$;

-- Everything that a tenant has, page by page, for JSON Lines: { lines: [{ table, row }], after, more }. First the tenant,
-- then every table of the schema mayfly that belongs to a tenant (mayfly_private.tenant_tables), so that a row comes after
-- the tables that it refers to (a row may come before its parent in the same table), and each in the order of its
-- primary key. Left out is the schema mayfly_private, which is secret or only keeps the books, and what is generated
-- from other columns. Scope tenant:write. Each page sees what has committed by then: what changes meanwhile may come as
-- it was or as it is. A page ends when it has 4 MB, whatever page_limit is. Locks nothing.

create or replace function mayfly_private.export_tenant(after jsonb, page_limit integer)
returns jsonb
language plpgsql stable security definer
set search_path = ''
as $$
declare
  tenant constant uuid := mayfly_private.require_tenant('tenant:write');
  last_table constant text := after ->> 'table';
  last_key jsonb := after -> 'key';
  reached boolean := after is null;
  exported record;
  line record;
  lines jsonb[] := '{}';
  bytes bigint := 0;
  max_bytes constant integer := 4000000;
begin
  if page_limit is null or page_limit not between 1 and 1000 then
    perform mayfly_private.fail(400, 'invalid_request', 'page_limit must be 1 to 1000.', null, '{"field": "page_limit"}');
  end if;

  for exported in
    select e.name, e.relation, e.owner, e.generated,
      (select string_agg(format('t.%I', k), ', ' order by n) from unnest(e.key) with ordinality as u (k, n)) as columns,
      (select string_agg(format('($1 ->> %s)::%s', n - 1, k), ', ' order by n) from unnest(e.key_types) with ordinality as u (k, n)) as values
    from (
      select 0 as place, 'tenants' as name, 'mayfly.tenants'::regclass as relation, 'id' as owner, array['id'] as key,
        array['uuid'] as key_types, array[]::text[] as generated
      union all
      select t.place, c.relname, t.relation, 'tenant_id', t.key, t.key_types, t.generated
      from mayfly_private.tenant_tables() t
      join pg_class c on c.oid = t.relation
      where c.relnamespace = 'mayfly'::regnamespace
    ) e
    order by e.place
  loop
    if not reached then
      continue when exported.name is distinct from last_table;
      exit when jsonb_typeof(last_key) is distinct from 'array';
      reached := true;
    end if;
    begin
      for line in execute format(
        'select to_jsonb(t) - $4 as row, jsonb_build_array(%1$s) as key
         from %2$s t
         where t.%3$I = $2 and ($1 is null or (%1$s) > (%4$s))
         order by %1$s limit $3',
        exported.columns, exported.relation, exported.owner, exported.values)
        using last_key, tenant, page_limit - cardinality(lines), exported.generated
      loop
        lines := lines || jsonb_build_object('table', exported.name, 'row', line.row);
        bytes := bytes + octet_length(line.row::text);
        if cardinality(lines) >= page_limit or bytes >= max_bytes then
          return jsonb_build_object('lines', to_jsonb(lines), 'more', true,
            'after', jsonb_build_object('table', exported.name, 'key', line.key));
        end if;
      end loop;
    exception when data_exception then
      reached := false;
      exit;
    end;
    last_key := null;
  end loop;
  if not reached then
    perform mayfly_private.fail(400, 'invalid_request', 'after is not what the last page gave.',
      'Pass it as it came, or null for the first page.', '{"field": "after"}');
  end if;
  return jsonb_build_object('lines', to_jsonb(lines), 'more', false, 'after', null);
end
$$;

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
        from mayfly_private.broadcast_losses b where b.at > (select mayfly_private.now()) - interval '10 minutes')));
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

-- The tables that belong to a tenant, from the catalog: all that have a tenant_id, of both schemas, in the order of their
-- foreign keys. A table comes after every table that it refers to; what refers to nothing comes last, since the log and
-- the books are about the rows before them. For erase_tenant, export_tenant and what a deleted tenant leaves, as owner.
-- Locks nothing.
--
-- key and key_types are the columns of the primary key; generated are columns that follow from others,
-- search words and their version among them; refers says
-- whether the table has a foreign key, by which its rows go with their tenant; child_of is the condition under which a
-- row `c` of the table refers to another row `t` of it, or null.

create function mayfly_private.tenant_tables()
returns table (place integer, relation regclass, key text[], key_types text[], generated text[], refers boolean, child_of text)
language sql stable
set search_path = ''
begin atomic
  with recursive tables as (
    select c.oid
    from pg_class c
    join pg_attribute a on a.attrelid = c.oid and a.attname = 'tenant_id' and not a.attisdropped
    where c.relnamespace in (select n.oid from pg_namespace n where n.nspname in ('mayfly', 'mayfly_private'))
      and c.relkind in ('r', 'p') and not c.relispartition
  ), refs as (
    select distinct f.conrelid as child, f.confrelid as parent
    from pg_constraint f join tables t on t.oid = f.conrelid
    where f.contype = 'f' and f.confrelid <> f.conrelid
  ), depths as (
    select t.oid, 0 as depth from tables t
    union
    -- Ends also where tables refer to one another in a circle.
    select r.child, d.depth + 1 from depths d join refs r on r.parent = d.oid where d.depth < 50
  ), keys as (
    select i.indrelid, array_agg(a.attname::text order by k.n) as names,
      array_agg(format_type(a.atttypid, a.atttypmod) order by k.n) as types
    from pg_index i
    cross join unnest(i.indkey::smallint[]) with ordinality as k (attnum, n)
    join pg_attribute a on a.attrelid = i.indrelid and a.attnum = k.attnum
    where i.indisprimary
    group by i.indrelid
  ), selves as (
    select f.conrelid, format('(%s)', string_agg(format('c.%I = t.%I', child.attname, parent.attname), ' and ' order by k.n)) as condition
    from pg_constraint f
    cross join unnest(f.conkey, f.confkey) with ordinality as k (child, parent, n)
    join pg_attribute child on child.attrelid = f.conrelid and child.attnum = k.child
    join pg_attribute parent on parent.attrelid = f.conrelid and parent.attnum = k.parent
    where f.contype = 'f' and f.conrelid = f.confrelid
    group by f.oid, f.conrelid
  ), found as (
    select t.oid, t.oid::regclass::text as name, k.names, k.types,
      exists (select from pg_constraint f where f.contype = 'f' and f.conrelid = t.oid) as refers,
      (select max(d.depth) from depths d where d.oid = t.oid) as depth
    from tables t left join keys k on k.indrelid = t.oid
  )
  select row_number() over (order by not f.refers, f.depth, f.name)::integer, f.oid::regclass, f.names, f.types,
    array(select a.attname::text from pg_attribute a
      where a.attrelid = f.oid and not a.attisdropped
        and (a.attgenerated <> '' or a.atttypid = 'tsvector'::regtype or exists (
          select from pg_attribute w
          where w.attrelid = f.oid and w.atttypid = 'tsvector'::regtype and a.attname = w.attname || '_version'))),
    f.refers, (select string_agg(s.condition, ' or ') from selves s where s.conrelid = f.oid)
  from found f;
end;

comment on function mayfly_private.tenant_tables is 'The tables that belong to a tenant, in the order of their foreign keys.';

-- Deletes what deleted tenants leave in the tables without a foreign key, which would look each row up that is written:
-- the log, operations, what waits to be embedded or told. It comes after the cascades: who was still writing held the
-- tenant, or a row that they delete, and is done by then.

create or replace function mayfly_private.forget_log()
returns trigger
language plpgsql security definer
set search_path = ''
as $$
declare
  left_behind regclass;
begin
  for left_behind in select t.relation from mayfly_private.tenant_tables() t where not t.refers loop
    execute format('delete from %s e using old_rows o where e.tenant_id = o.id', left_behind);
  end loop;
  return null;
end
$$;

comment on function mayfly_private.forget_log is 'Trigger: deletes what deleted tenants leave in tables without a foreign key.';

drop function if exists mayfly_private.any_word;

drop function if exists mayfly_private.split_identifiers;

revoke execute on all functions in schema mayfly, mayfly_private from public;
