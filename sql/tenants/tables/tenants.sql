-- A tenant and its limits.

create table mayfly.tenants (
  id uuid not null default gen_random_uuid() constraint tenants_pkey primary key,
  name text not null
    constraint tenants_name_length check (char_length(name) between 1 and 200), -- bounds: 200 tenant.name
  max_lifetime interval not null default '15 minutes'
    constraint tenants_max_lifetime_range check (max_lifetime between '5 seconds' and '30 days'),
  token_lifetime interval not null default '2 minutes'
    constraint tenants_token_lifetime_range check (token_lifetime between '10 seconds' and '1 hour'),
  max_living_agents integer not null default 100
    constraint tenants_max_living_agents_range check (max_living_agents between 0 and 100000), -- bounds: 100000 tenant.livingAgents
  max_depth integer not null default 5
    constraint tenants_max_depth_range check (max_depth between 0 and 20), -- bounds: 20 tenant.depth
  spawns_per_minute integer not null default 120
    constraint tenants_spawns_per_minute_range check (spawns_per_minute between 1 and 100000), -- bounds: 100000 tenant.spawnsPerMinute
  max_memories bigint not null default 1000000
    constraint tenants_max_memories_range check (max_memories >= 0),
  max_bytes bigint not null default 1073741824
    constraint tenants_max_bytes_range check (max_bytes >= 0),
  -- A push has up to 1000 operations, so with a lower limit, a full push could never succeed.
  writes_per_minute integer not null default 60000
    constraint tenants_writes_per_minute_range check (writes_per_minute >= 1000), -- bounds: 1000 tenant.leastWritesPerMinute
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

-- Anyone can see the planner's estimates, and with statistics these would reveal what other tenants wrote. So columns
-- that tenants write have no statistics (tests/invariants/estimates.test.ts).
alter table mayfly.tenants
  alter column name set statistics 0,
  alter column language set statistics 0,
  alter column retention set statistics 0,
  alter column debug set statistics 0;

comment on table mayfly.tenants is 'Tenants, with their limits.';
comment on column mayfly.tenants.max_lifetime is 'The longest that an agent may live, including renewals.';
comment on column mayfly.tenants.token_lifetime is 'How long an agent''s token is valid. The agent''s SDK renews the token before it ends.';
comment on column mayfly.tenants.spawns_per_minute is 'A token bucket: this many spawns at once, and this many more each minute.';
comment on column mayfly.tenants.max_memories is 'How many memories the tenant may keep, including tombstones. Simultaneous writes can exceed this limit a little.';
comment on column mayfly.tenants.max_bytes is
  'How many bytes the tenant may store. The table mayfly_private.charges says how rows are counted. For example, a memory counts as 512 bytes plus its text, and a vector with 384 numbers as 800 bytes. Indexes are not counted.';
comment on column mayfly.tenants.writes_per_minute is
  'How many writes the tenant may make in one minute of the clock: memories, deliveries, states, jobs and everything else that is stored.';
comment on column mayfly.tenants.language is 'The text search configuration of the tenant''s memories.';
comment on column mayfly.tenants.retention is
  'Which memories are forgotten by age: [{ older_than (seconds), kind?, below_reward? }]. One matching rule is enough. None by default.';
comment on column mayfly.tenants.messages_kept is
  'How long a message is kept after every recipient has acknowledged it. Other messages, including those in channels, are kept as long as the log.';
comment on column mayfly.tenants.debug is
  'Which debug records are kept: up to which level, how many a minute for each agent, and for how many seconds (7 days by default). Set by set_debug.';
