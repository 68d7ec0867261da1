-- What the migrations make, for a reviewer: a change of sql/ shows here what it does to the database. It is
-- not to be run, since functions have no bodies here; those are in the rooms. Written by npm run build:types.

create schema mayfly;
grant usage on schema mayfly to authenticated;
grant usage on schema mayfly to service_role;

create schema mayfly_gate;

create schema mayfly_private;
grant usage on schema mayfly_private to authenticated;
grant usage on schema mayfly_private to service_role;

create type mayfly_private.caller as (
  kind text,
  id uuid,
  tenant_id uuid,
  scopes text[],
  chosen text,
  grantable text[]
);

create type mayfly_private.claiming_worker as (
  kind text,
  tenant_id uuid,
  id uuid,
  expires_at timestamp with time zone,
  type text,
  capabilities text[]
);

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
  output_least numeric,
  groups text[]
);

create type mayfly_private.delivery as (
  worker uuid,
  holder uuid,
  lease_end timestamp with time zone
);

create type mayfly_private.found_lanes as (
  lanes text[],
  heads text[],
  weights integer[],
  next_heads jsonb
);

create type mayfly_private.found_wait as (
  n integer,
  step text,
  of text,
  key text,
  together text,
  signal text,
  child boolean,
  child_id uuid,
  approval uuid,
  until timestamp with time zone,
  at timestamp with time zone,
  outcome jsonb,
  signal_id bigint,
  known boolean
);

create type mayfly_private.job_holder as (
  kind text,
  tenant_id uuid,
  id uuid
);

create type mayfly_private.job_marks as (
  tenants uuid[],
  lanes text[],
  priorities integer[],
  seqs bigint[]
);

create type mayfly_private.known_price as (
  exact boolean,
  model text,
  units jsonb
);

create type mayfly_private.lease as (
  tenant_id uuid,
  job_id uuid,
  attempt integer
);

create type mayfly_private.locked_jobs as (
  places tid[],
  marks mayfly_private.job_marks
);

create type mayfly_private.matches as (
  ids uuid[],
  shares double precision[],
  in_threads boolean,
  sums double precision[],
  typos double precision[],
  best_sum double precision,
  full_sum double precision,
  report jsonb,
  similarities double precision[]
);

create type mayfly_private.moved_jobs as (
  tenants uuid[],
  ids uuid[],
  more bigint[],
  related boolean,
  answering boolean
);

create type mayfly_private.plain_taken as (
  jobs json,
  taken integer,
  rest uuid[],
  rest_quotas integer[],
  busy uuid[],
  last_tenant uuid
);

create type mayfly_private.ready_step as (
  step text,
  def jsonb,
  skipped boolean,
  given jsonb,
  items jsonb
);

create type mayfly_private.spawner as (
  tenant mayfly.tenants,
  parent mayfly.agents,
  id uuid,
  allowed text[]
);

create type mayfly_private.taken_jobs as (
  jobs json,
  are_any boolean,
  place jsonb,
  took numeric
);

create type mayfly_private.tenant_walk as (
  tenant uuid,
  lane text,
  priority integer,
  seq bigint,
  first_tenant uuid,
  wrapped boolean,
  all_seen boolean,
  tenants uuid[],
  weights integer[],
  all_weights integer
);

create table mayfly.agent_liveness (
  tenant_id uuid not null,
  agent_id uuid not null,
  last_seen_at timestamp with time zone not null,
  constraint agent_liveness_agent_fkey FOREIGN KEY (tenant_id, agent_id) REFERENCES mayfly.agents(tenant_id, id) ON DELETE CASCADE,
  constraint agent_liveness_pkey PRIMARY KEY (tenant_id, agent_id)
) with (fillfactor=50);
alter table mayfly.agent_liveness enable row level security;
create policy agent_liveness_select on mayfly.agent_liveness for select to authenticated
  using (((tenant_id = ANY (( SELECT mayfly.tenant_ids('agent:read'::text) AS tenant_ids)::uuid[])) OR (agent_id = ANY (( SELECT mayfly_private.own_agent_ids() AS own_agent_ids)::uuid[]))));
grant select on table mayfly.agent_liveness to authenticated;
grant select on table mayfly.agent_liveness to service_role;
comment on table mayfly.agent_liveness is 'When each agent last sent a heartbeat.';

create table mayfly.agent_types (
  tenant_id uuid not null,
  name text not null,
  version integer not null,
  role text not null default ''::text,
  description text not null default ''::text,
  prompt text not null default ''::text,
  capabilities text[] not null default '{}'::text[],
  scopes text[],
  lifetime interval,
  max_lifetime interval,
  max_living integer,
  metadata jsonb not null default '{}'::jsonb,
  created_by uuid,
  created_at timestamp with time zone not null default now(),
  constraint agent_types_capabilities_count CHECK ((cardinality(capabilities) <= 50)),
  constraint agent_types_description_length CHECK ((char_length(description) <= 2000)),
  constraint agent_types_lifetime_minimum CHECK ((lifetime >= '00:00:05'::interval)),
  constraint agent_types_lifetime_within CHECK ((lifetime <= max_lifetime)),
  constraint agent_types_max_lifetime_minimum CHECK ((max_lifetime >= '00:00:05'::interval)),
  constraint agent_types_max_living_range CHECK ((max_living >= 0)),
  constraint agent_types_metadata_object CHECK (((jsonb_typeof(metadata) = 'object'::text) AND (pg_column_size(metadata) <= 16384))),
  constraint agent_types_name_form CHECK ((name ~ '^[a-z0-9][a-z0-9_.-]{0,62}$'::text)),
  constraint agent_types_pkey PRIMARY KEY (tenant_id, name, version),
  constraint agent_types_prompt_length CHECK ((char_length(prompt) <= 100000)),
  constraint agent_types_role_length CHECK ((char_length(role) <= 200)),
  constraint agent_types_tenant_fkey FOREIGN KEY (tenant_id) REFERENCES mayfly.tenants(id) ON DELETE CASCADE,
  constraint agent_types_version_positive CHECK ((version > 0))
);
alter table mayfly.agent_types enable row level security;
create policy agent_types_select on mayfly.agent_types for select to authenticated
  using ((tenant_id = ANY (( SELECT mayfly.tenant_ids('agent:read'::text) AS tenant_ids)::uuid[])));
CREATE TRIGGER agent_types_meter_insert AFTER INSERT ON mayfly.agent_types REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION mayfly_private.meter_rows();
grant select on table mayfly.agent_types to authenticated;
grant select on table mayfly.agent_types to service_role;
comment on table mayfly.agent_types is 'Types of agents, with every version. New agents get the newest version.';

create table mayfly.agents (
  tenant_id uuid not null,
  id uuid not null default gen_random_uuid(),
  name text not null,
  type text not null default 'agent'::text,
  type_version integer,
  parent_id uuid,
  ancestors uuid[] not null default '{}'::uuid[],
  depth integer not null default 0,
  capabilities text[] not null default '{}'::text[],
  scopes text[] not null default '{}'::text[],
  status text not null default 'running'::text,
  activity text not null default 'idle'::text,
  task text,
  lifetime interval not null,
  spawned_at timestamp with time zone not null default now(),
  spawned_by uuid,
  expires_at timestamp with time zone not null,
  suspended_at timestamp with time zone,
  suspend_reason text,
  stopped_at timestamp with time zone,
  stop_reason text,
  metadata jsonb not null default '{}'::jsonb,
  renews boolean default false,
  constraint agents_activity_known CHECK ((activity = ANY (ARRAY['idle'::text, 'thinking'::text, 'executing'::text, 'waiting_input'::text, 'waiting_approval'::text, 'waiting_review'::text, 'blocked'::text]))),
  constraint agents_capabilities_count CHECK ((cardinality(capabilities) <= 50)),
  constraint agents_depth_matches CHECK ((depth = cardinality(ancestors))),
  constraint agents_lifetime_minimum CHECK ((lifetime >= '00:00:05'::interval)),
  constraint agents_metadata_object CHECK (((jsonb_typeof(metadata) = 'object'::text) AND (pg_column_size(metadata) <= 16384))),
  constraint agents_name_length CHECK (((char_length(name) >= 1) AND (char_length(name) <= 100))),
  constraint agents_parent_fkey FOREIGN KEY (tenant_id, parent_id) REFERENCES mayfly.agents(tenant_id, id),
  constraint agents_pkey PRIMARY KEY (tenant_id, id),
  constraint agents_status_known CHECK ((status = ANY (ARRAY['running'::text, 'suspended'::text, 'stopped'::text, 'expired'::text]))),
  constraint agents_stop_reason_length CHECK ((char_length(stop_reason) <= 500)),
  constraint agents_suspend_reason_length CHECK ((char_length(suspend_reason) <= 500)),
  constraint agents_task_length CHECK ((char_length(task) <= 2000)),
  constraint agents_tenant_fkey FOREIGN KEY (tenant_id) REFERENCES mayfly.tenants(id) ON DELETE CASCADE,
  constraint agents_type_fkey FOREIGN KEY (tenant_id, type, type_version) REFERENCES mayfly.agent_types(tenant_id, name, version),
  constraint agents_type_form CHECK ((type ~ '^[a-z0-9][a-z0-9_.-]{0,62}$'::text))
) with (fillfactor=80);
CREATE INDEX agents_ancestors_idx ON mayfly.agents USING gin (ancestors);
CREATE INDEX agents_living_idx ON mayfly.agents USING btree (tenant_id, expires_at) WHERE (status = ANY (ARRAY['running'::text, 'suspended'::text]));
CREATE UNIQUE INDEX agents_name_key ON mayfly.agents USING btree (tenant_id, name) WHERE (status = ANY (ARRAY['running'::text, 'suspended'::text]));
CREATE INDEX agents_parent_idx ON mayfly.agents USING btree (tenant_id, parent_id);
CREATE INDEX agents_type_idx ON mayfly.agents USING btree (tenant_id, type, type_version);
alter table mayfly.agents enable row level security;
create policy agents_select on mayfly.agents for select to authenticated
  using (((tenant_id = ANY (( SELECT mayfly.tenant_ids('agent:read'::text) AS tenant_ids)::uuid[])) OR (id = ANY (( SELECT mayfly_private.own_agent_ids() AS own_agent_ids)::uuid[]))));
CREATE TRIGGER agents_check_transition BEFORE UPDATE OF status ON mayfly.agents FOR EACH ROW WHEN ((old.status IS DISTINCT FROM new.status)) EXECUTE FUNCTION mayfly_private.check_transition();
CREATE TRIGGER agents_end_leases AFTER UPDATE ON mayfly.agents REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION mayfly_private.end_leases();
CREATE TRIGGER agents_log_insert AFTER INSERT ON mayfly.agents REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION mayfly_private.log_agents();
CREATE TRIGGER agents_log_update AFTER UPDATE ON mayfly.agents REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION mayfly_private.log_agents();
CREATE TRIGGER agents_meter_insert AFTER INSERT ON mayfly.agents REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION mayfly_private.meter_rows();
CREATE TRIGGER agents_meter_update AFTER UPDATE ON mayfly.agents REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION mayfly_private.meter_rows();
CREATE TRIGGER agents_release_obligations AFTER UPDATE ON mayfly.agents REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION mayfly_private.release_obligations();
CREATE TRIGGER agents_tell AFTER UPDATE ON mayfly.agents REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION mayfly_private.tell_agents();
CREATE TRIGGER agents_tell_watchers AFTER INSERT ON mayfly.agents REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION mayfly_private.tell_watchers();
grant select on table mayfly.agents to authenticated;
grant select on table mayfly.agents to service_role;
comment on table mayfly.agents is 'Agents, living and ended. An agent is alive if it and every ancestor is running and unexpired.';

create table mayfly.approval_decisions (
  tenant_id uuid not null,
  approval_id uuid not null,
  decided_by uuid not null,
  decided_kind text not null,
  verdict text not null,
  digest bytea not null,
  delegated_to uuid,
  reason text,
  at timestamp with time zone not null default clock_timestamp(),
  constraint approval_decisions_approval_fkey FOREIGN KEY (tenant_id, approval_id) REFERENCES mayfly.approvals(tenant_id, id) ON DELETE CASCADE,
  constraint approval_decisions_kind_known CHECK ((decided_kind = ANY (ARRAY['agent'::text, 'person'::text, 'secret'::text]))),
  constraint approval_decisions_pkey PRIMARY KEY (tenant_id, approval_id, decided_by),
  constraint approval_decisions_reason_length CHECK ((char_length(reason) <= 2000)),
  constraint approval_decisions_verdict_known CHECK ((verdict = ANY (ARRAY['approve'::text, 'reject'::text, 'delegate'::text])))
);
alter table mayfly.approval_decisions enable row level security;
create policy approval_decisions_select on mayfly.approval_decisions for select to authenticated
  using ((tenant_id = ANY (( SELECT mayfly.tenant_ids('approval:read'::text) AS tenant_ids)::uuid[])));
grant select on table mayfly.approval_decisions to authenticated;
grant select on table mayfly.approval_decisions to service_role;
comment on table mayfly.approval_decisions is 'Decisions about approvals, and who made them.';

create table mayfly.approval_policies (
  tenant_id uuid not null,
  agent_type text not null default '*'::text,
  category text not null default '*'::text,
  autonomy text not null default 'ask'::text,
  min_confidence double precision,
  quorum integer not null default 1,
  roles text[],
  requester_decides boolean not null default false,
  expires_in interval,
  escalate_after interval,
  escalation_roles text[],
  notify text,
  updated_at timestamp with time zone not null default clock_timestamp(),
  constraint approval_policies_autonomy_known CHECK ((autonomy = ANY (ARRAY['ask'::text, 'milestones'::text, 'none'::text]))),
  constraint approval_policies_min_confidence_range CHECK (((min_confidence >= (0)::double precision) AND (min_confidence <= (1)::double precision))),
  constraint approval_policies_pkey PRIMARY KEY (tenant_id, agent_type, category),
  constraint approval_policies_quorum_range CHECK (((quorum >= 1) AND (quorum <= 20))),
  constraint approval_policies_tenant_fkey FOREIGN KEY (tenant_id) REFERENCES mayfly.tenants(id) ON DELETE CASCADE
);
alter table mayfly.approval_policies enable row level security;
create policy approval_policies_select on mayfly.approval_policies for select to authenticated
  using ((tenant_id = ANY (( SELECT mayfly.tenant_ids('approval:read'::text) AS tenant_ids)::uuid[])));
grant select on table mayfly.approval_policies to authenticated;
grant select on table mayfly.approval_policies to service_role;
comment on table mayfly.approval_policies is 'What needs an approval, by agent type and category.';

create table mayfly.approvals (
  tenant_id uuid not null,
  id uuid not null default gen_random_uuid(),
  title text not null,
  category text not null default 'general'::text,
  input jsonb not null,
  digest bytea not null,
  input_schema jsonb,
  confidence double precision,
  milestone boolean not null default false,
  job_id uuid,
  attempt integer,
  step text,
  requested_by uuid,
  requested_kind text not null,
  status text not null default 'pending'::text,
  waived text,
  quorum integer not null default 1,
  roles text[],
  deciders uuid[],
  delegates uuid[] not null default '{}'::uuid[],
  requester_decides boolean not null default false,
  notify text,
  expires_at timestamp with time zone,
  escalates_at timestamp with time zone,
  escalation_roles text[],
  escalated_at timestamp with time zone,
  created_at timestamp with time zone not null default clock_timestamp(),
  decided_at timestamp with time zone,
  used_at timestamp with time zone,
  bytes integer not null,
  constraint approvals_confidence_range CHECK (((confidence >= (0)::double precision) AND (confidence <= (1)::double precision))),
  constraint approvals_decided_when_ended CHECK (((status = 'pending'::text) = (decided_at IS NULL))),
  constraint approvals_pkey PRIMARY KEY (tenant_id, id),
  constraint approvals_quorum_range CHECK (((quorum >= 1) AND (quorum <= 20))),
  constraint approvals_requested_kind_known CHECK ((requested_kind = ANY (ARRAY['agent'::text, 'person'::text, 'secret'::text]))),
  constraint approvals_status_known CHECK ((status = ANY (ARRAY['pending'::text, 'approved'::text, 'rejected'::text, 'expired'::text, 'cancelled'::text]))),
  constraint approvals_step_of_job CHECK (((job_id IS NULL) = (step IS NULL))),
  constraint approvals_tenant_fkey FOREIGN KEY (tenant_id) REFERENCES mayfly.tenants(id) ON DELETE CASCADE,
  constraint approvals_title_length CHECK (((char_length(title) >= 1) AND (char_length(title) <= 500)))
);
CREATE INDEX approvals_decided_idx ON mayfly.approvals USING btree (tenant_id, decided_at) WHERE (status <> 'pending'::text);
CREATE INDEX approvals_pending_idx ON mayfly.approvals USING btree (tenant_id, created_at) WHERE (status = 'pending'::text);
CREATE UNIQUE INDEX approvals_step_key ON mayfly.approvals USING btree (tenant_id, job_id, step, digest) WHERE (job_id IS NOT NULL);
alter table mayfly.approvals enable row level security;
create policy approvals_select on mayfly.approvals for select to authenticated
  using ((tenant_id = ANY (( SELECT mayfly.tenant_ids('approval:read'::text) AS tenant_ids)::uuid[])));
grant select on table mayfly.approvals to authenticated;
grant select on table mayfly.approvals to service_role;
comment on table mayfly.approvals is 'Questions that somebody has to answer before work continues, and their outcomes.';

create table mayfly.artifacts (
  tenant_id uuid not null,
  id uuid not null default gen_random_uuid(),
  team_id uuid,
  name text not null,
  version integer not null,
  media_type text not null,
  size bigint not null,
  sha256 text not null,
  metadata jsonb not null default '{}'::jsonb,
  status text not null default 'writing'::text,
  bytes bigint not null,
  created_by uuid,
  created_at timestamp with time zone not null default clock_timestamp(),
  constraint artifacts_media_type_length CHECK (((char_length(media_type) >= 1) AND (char_length(media_type) <= 200))),
  constraint artifacts_metadata_object CHECK (((jsonb_typeof(metadata) = 'object'::text) AND (pg_column_size(metadata) <= 16384))),
  constraint artifacts_name_length CHECK (((char_length(name) >= 1) AND (char_length(name) <= 200))),
  constraint artifacts_pkey PRIMARY KEY (tenant_id, id),
  constraint artifacts_sha256_form CHECK ((sha256 ~ '^[0-9a-f]{64}$'::text)),
  constraint artifacts_size_range CHECK ((size >= 0)),
  constraint artifacts_status_known CHECK ((status = ANY (ARRAY['writing'::text, 'stored'::text]))),
  constraint artifacts_tenant_fkey FOREIGN KEY (tenant_id) REFERENCES mayfly.tenants(id) ON DELETE CASCADE
);
CREATE UNIQUE INDEX artifacts_version_key ON mayfly.artifacts USING btree (tenant_id, team_id, name, version) NULLS NOT DISTINCT;
CREATE INDEX artifacts_writing_idx ON mayfly.artifacts USING btree (tenant_id, created_at) WHERE (status = 'writing'::text);
alter table mayfly.artifacts enable row level security;
create policy artifacts_select on mayfly.artifacts for select to authenticated
  using ((tenant_id = ANY (( SELECT mayfly.tenant_ids('artifact:read'::text) AS tenant_ids)::uuid[])));
CREATE TRIGGER artifacts_release_files AFTER DELETE ON mayfly.artifacts REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION mayfly_private.release_files();
grant select on table mayfly.artifacts to authenticated;
grant select on table mayfly.artifacts to service_role;
comment on table mayfly.artifacts is 'Files of a tenant in the project''s Storage, by name and version.';

create table mayfly.assignments (
  tenant_id uuid not null,
  job_id uuid not null,
  agent_id uuid not null,
  agent_type text not null,
  work text not null,
  capabilities text[] not null default '{}'::text[],
  assigned_by uuid,
  assigned_at timestamp with time zone not null default clock_timestamp(),
  ended boolean not null default false,
  released boolean not null default false,
  reward double precision,
  rated_by uuid,
  rated_at timestamp with time zone,
  constraint assignments_pkey PRIMARY KEY (tenant_id, job_id),
  constraint assignments_reward_range CHECK (((reward >= (0)::double precision) AND (reward <= (1)::double precision))),
  constraint assignments_tenant_fkey FOREIGN KEY (tenant_id) REFERENCES mayfly.tenants(id) ON DELETE CASCADE
);
CREATE INDEX assignments_load_idx ON mayfly.assignments USING btree (tenant_id, agent_id) WHERE (NOT ended);
CREATE INDEX assignments_over_idx ON mayfly.assignments USING btree (tenant_id, assigned_at) WHERE ended;
alter table mayfly.assignments enable row level security;
create policy assignments_select on mayfly.assignments for select to authenticated
  using ((tenant_id = ANY (( SELECT mayfly.tenant_ids('team:read'::text) AS tenant_ids)::uuid[])));
CREATE TRIGGER assignments_count_insert AFTER INSERT ON mayfly.assignments REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION mayfly_private.count_loads();
CREATE TRIGGER assignments_count_update AFTER UPDATE ON mayfly.assignments REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION mayfly_private.count_loads();
CREATE TRIGGER assignments_meter_delete AFTER DELETE ON mayfly.assignments REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION mayfly_private.meter_rows();
CREATE TRIGGER assignments_meter_insert AFTER INSERT ON mayfly.assignments REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION mayfly_private.meter_rows();
grant select on table mayfly.assignments to authenticated;
grant select on table mayfly.assignments to service_role;
comment on table mayfly.assignments is 'Jobs that were given to one agent, and how well they were done.';

create table mayfly.ballots (
  tenant_id uuid not null,
  poll_id uuid not null,
  voter_id uuid not null,
  choice text not null,
  reason text,
  weight double precision not null,
  cast_at timestamp with time zone not null,
  constraint ballots_pkey PRIMARY KEY (tenant_id, poll_id, voter_id),
  constraint ballots_poll_fkey FOREIGN KEY (tenant_id, poll_id) REFERENCES mayfly.polls(tenant_id, id) ON DELETE CASCADE,
  constraint ballots_reason_length CHECK ((char_length(reason) <= 2000))
);
alter table mayfly.ballots enable row level security;
create policy ballots_select on mayfly.ballots for select to authenticated
  using ((tenant_id = ANY (( SELECT mayfly.tenant_ids('team:read'::text) AS tenant_ids)::uuid[])));
CREATE TRIGGER ballots_meter_delete AFTER DELETE ON mayfly.ballots REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION mayfly_private.meter_rows();
CREATE TRIGGER ballots_meter_insert AFTER INSERT ON mayfly.ballots REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION mayfly_private.meter_rows();
grant select on table mayfly.ballots to authenticated;
grant select on table mayfly.ballots to service_role;
comment on table mayfly.ballots is 'Who voted for what in closed polls.';

create table mayfly.bids (
  tenant_id uuid not null,
  tender_id uuid not null,
  agent_id uuid not null,
  price numeric(20,6) not null,
  score double precision not null,
  note text,
  made_at timestamp with time zone not null,
  constraint bids_note_length CHECK ((char_length(note) <= 2000)),
  constraint bids_pkey PRIMARY KEY (tenant_id, tender_id, agent_id),
  constraint bids_tender_fkey FOREIGN KEY (tenant_id, tender_id) REFERENCES mayfly.tenders(tenant_id, id) ON DELETE CASCADE
);
alter table mayfly.bids enable row level security;
create policy bids_select on mayfly.bids for select to authenticated
  using ((tenant_id = ANY (( SELECT mayfly.tenant_ids('team:read'::text) AS tenant_ids)::uuid[])));
CREATE TRIGGER bids_meter_delete AFTER DELETE ON mayfly.bids REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION mayfly_private.meter_rows();
CREATE TRIGGER bids_meter_insert AFTER INSERT ON mayfly.bids REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION mayfly_private.meter_rows();
grant select on table mayfly.bids to authenticated;
grant select on table mayfly.bids to service_role;
comment on table mayfly.bids is 'Who bid what, for work that is awarded or over.';

create table mayfly.budgets (
  tenant_id uuid not null,
  level text not null,
  subject text not null,
  id uuid not null default gen_random_uuid(),
  hard_usd numeric,
  soft_usd numeric,
  hard_tokens bigint,
  period text not null default 'total'::text,
  period_start timestamp with time zone not null default clock_timestamp(),
  spent_usd numeric not null default 0,
  held_usd numeric not null default 0,
  spent_tokens bigint not null default 0,
  held_tokens bigint not null default 0,
  unpriced integer not null default 0,
  reached_at timestamp with time zone,
  refused_at timestamp with time zone,
  constraint budgets_hard_tokens_range CHECK ((hard_tokens >= 0)),
  constraint budgets_hard_usd_range CHECK ((hard_usd >= (0)::numeric)),
  constraint budgets_level_known CHECK ((level = ANY (ARRAY['tenant'::text, 'team'::text, 'agent'::text, 'run'::text]))),
  constraint budgets_period_known CHECK ((period = ANY (ARRAY['total'::text, 'day'::text, 'month'::text]))),
  constraint budgets_pkey PRIMARY KEY (tenant_id, level, subject),
  constraint budgets_soft_usd_range CHECK ((soft_usd >= (0)::numeric)),
  constraint budgets_tenant_fkey FOREIGN KEY (tenant_id) REFERENCES mayfly.tenants(id) ON DELETE CASCADE
) with (fillfactor=50);
alter table mayfly.budgets enable row level security;
create policy budgets_select on mayfly.budgets for select to authenticated
  using ((tenant_id = ANY (( SELECT mayfly.tenant_ids('cost:read'::text) AS tenant_ids)::uuid[])));
grant select on table mayfly.budgets to authenticated;
grant select on table mayfly.budgets to service_role;
comment on table mayfly.budgets is 'How much may be spent on models, and how much was spent.';

create table mayfly.channel_subscriptions (
  tenant_id uuid not null,
  channel_id uuid not null,
  subscriber_id uuid not null,
  acknowledged bigint not null default 0,
  subscribed_at timestamp with time zone not null default now(),
  constraint channel_subscriptions_acknowledged_range CHECK ((acknowledged >= 0)),
  constraint channel_subscriptions_channel_fkey FOREIGN KEY (tenant_id, channel_id) REFERENCES mayfly.channels(tenant_id, id) ON DELETE CASCADE,
  constraint channel_subscriptions_pkey PRIMARY KEY (tenant_id, channel_id, subscriber_id)
) with (fillfactor=80);
CREATE INDEX channel_subscriptions_subscriber_idx ON mayfly.channel_subscriptions USING btree (tenant_id, subscriber_id);
alter table mayfly.channel_subscriptions enable row level security;
create policy channel_subscriptions_select on mayfly.channel_subscriptions for select to authenticated
  using ((tenant_id = ANY (( SELECT mayfly.tenant_ids('message:read'::text) AS tenant_ids)::uuid[])));
CREATE TRIGGER channel_subscriptions_log_delete AFTER DELETE ON mayfly.channel_subscriptions REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION mayfly_private.log_subscriptions();
CREATE TRIGGER channel_subscriptions_log_insert AFTER INSERT ON mayfly.channel_subscriptions REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION mayfly_private.log_subscriptions();
CREATE TRIGGER channel_subscriptions_meter_delete AFTER DELETE ON mayfly.channel_subscriptions REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION mayfly_private.meter_rows();
CREATE TRIGGER channel_subscriptions_meter_insert AFTER INSERT ON mayfly.channel_subscriptions REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION mayfly_private.meter_rows();
grant select on table mayfly.channel_subscriptions to authenticated;
grant select on table mayfly.channel_subscriptions to service_role;
comment on table mayfly.channel_subscriptions is 'Who subscribed to a channel.';

create table mayfly.channels (
  tenant_id uuid not null,
  id uuid not null default gen_random_uuid(),
  name text not null,
  kind text not null,
  description text not null default ''::text,
  created_by uuid,
  publishers uuid[] not null default '{}'::uuid[],
  last_seq bigint not null default 0,
  created_at timestamp with time zone not null default now(),
  constraint channels_description_length CHECK ((char_length(description) <= 2000)),
  constraint channels_kind_known CHECK ((kind = ANY (ARRAY['one_way'::text, 'two_way'::text, 'broadcast'::text]))),
  constraint channels_name_form CHECK ((name ~ '^[a-z0-9][a-z0-9_.-]{0,62}$'::text)),
  constraint channels_name_key UNIQUE (tenant_id, name),
  constraint channels_pkey PRIMARY KEY (tenant_id, id),
  constraint channels_publishers_count CHECK ((cardinality(publishers) <= 1000)),
  constraint channels_tenant_fkey FOREIGN KEY (tenant_id) REFERENCES mayfly.tenants(id) ON DELETE CASCADE
) with (fillfactor=50);
alter table mayfly.channels enable row level security;
create policy channels_select on mayfly.channels for select to authenticated
  using ((tenant_id = ANY (( SELECT mayfly.tenant_ids('message:read'::text) AS tenant_ids)::uuid[])));
CREATE TRIGGER channels_log_delete AFTER DELETE ON mayfly.channels REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION mayfly_private.log_channels();
CREATE TRIGGER channels_log_insert AFTER INSERT ON mayfly.channels REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION mayfly_private.log_channels();
CREATE TRIGGER channels_log_update AFTER UPDATE ON mayfly.channels REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION mayfly_private.log_channels();
CREATE TRIGGER channels_meter_delete AFTER DELETE ON mayfly.channels REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION mayfly_private.meter_rows();
CREATE TRIGGER channels_meter_insert AFTER INSERT ON mayfly.channels REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION mayfly_private.meter_rows();
grant select on table mayfly.channels to authenticated;
grant select on table mayfly.channels to service_role;
comment on table mayfly.channels is 'Named channels and who publishes in them.';

create table mayfly.checkpoints (
  tenant_id uuid not null,
  thread_id uuid not null,
  ns text not null,
  id text not null,
  parent text,
  body text not null,
  channels jsonb not null,
  metadata jsonb not null,
  bytes integer not null,
  created_at timestamp with time zone not null default mayfly_private.now(),
  constraint checkpoints_id_length CHECK (((char_length(id) >= 1) AND (char_length(id) <= 100))),
  constraint checkpoints_ns_length CHECK ((char_length(ns) <= 1000)),
  constraint checkpoints_parent_length CHECK (((char_length(parent) >= 1) AND (char_length(parent) <= 100))),
  constraint checkpoints_pkey PRIMARY KEY (tenant_id, thread_id, ns, id),
  constraint checkpoints_thread_fkey FOREIGN KEY (tenant_id, thread_id) REFERENCES mayfly.threads(tenant_id, id) ON DELETE CASCADE
);
CREATE INDEX checkpoints_newest_idx ON mayfly.checkpoints USING btree (tenant_id, id);
alter table mayfly.checkpoints enable row level security;
create policy checkpoints_select on mayfly.checkpoints for select to authenticated
  using ((tenant_id = ANY (( SELECT mayfly.tenant_ids('thread:read'::text) AS tenant_ids)::uuid[])));
grant select on table mayfly.checkpoints to authenticated;
grant select on table mayfly.checkpoints to service_role;
comment on table mayfly.checkpoints is 'The state of a thread after each step.';

create table mayfly.debug_records (
  tenant_id uuid not null,
  id uuid not null,
  agent_id uuid not null,
  level smallint not null,
  category text not null,
  name text not null,
  data jsonb,
  duration_ms real,
  dropped integer not null default 0,
  bytes integer not null,
  at timestamp with time zone not null,
  stored_at timestamp with time zone not null default clock_timestamp(),
  constraint debug_records_agent_fkey FOREIGN KEY (tenant_id, agent_id) REFERENCES mayfly.agents(tenant_id, id),
  constraint debug_records_category_known CHECK ((category = ANY (mayfly_private.debug_categories()))),
  constraint debug_records_dropped_range CHECK ((dropped >= 0)),
  constraint debug_records_duration_ms_range CHECK ((duration_ms >= (0)::double precision)),
  constraint debug_records_level_range CHECK (((level >= 1) AND (level <= 4))),
  constraint debug_records_name_length CHECK (((char_length(name) >= 1) AND (char_length(name) <= 200))),
  constraint debug_records_pkey PRIMARY KEY (tenant_id, id),
  constraint debug_records_tenant_fkey FOREIGN KEY (tenant_id) REFERENCES mayfly.tenants(id) ON DELETE CASCADE
);
CREATE INDEX debug_records_agent_idx ON mayfly.debug_records USING btree (tenant_id, agent_id, at, id);
CREATE INDEX debug_records_stored_idx ON mayfly.debug_records USING btree (tenant_id, stored_at);
alter table mayfly.debug_records enable row level security;
create policy debug_records_select on mayfly.debug_records for select to authenticated
  using ((tenant_id = ANY (( SELECT mayfly.tenant_ids('debug:read'::text) AS tenant_ids)::uuid[])));
grant select on table mayfly.debug_records to authenticated;
grant select on table mayfly.debug_records to service_role;
comment on table mayfly.debug_records is 'Debug records of agents, if the tenant keeps them.';

create table mayfly.deliveries (
  tenant_id uuid not null,
  recipient_id uuid not null,
  seq bigint not null,
  message_id uuid not null,
  sender_id uuid,
  session uuid,
  attempts integer not null default 0,
  acknowledged_at timestamp with time zone,
  constraint deliveries_message_fkey FOREIGN KEY (tenant_id, message_id) REFERENCES mayfly.messages(tenant_id, id) ON DELETE CASCADE,
  constraint deliveries_message_key UNIQUE (tenant_id, message_id, recipient_id),
  constraint deliveries_pkey PRIMARY KEY (tenant_id, recipient_id, seq)
) with (fillfactor=80);
CREATE INDEX deliveries_waiting_idx ON mayfly.deliveries USING btree (tenant_id, recipient_id, seq) WHERE (acknowledged_at IS NULL);
alter table mayfly.deliveries enable row level security;
create policy deliveries_select on mayfly.deliveries for select to authenticated
  using (((tenant_id = ANY (( SELECT mayfly.tenant_ids('message:read'::text) AS tenant_ids)::uuid[])) AND ((recipient_id = ( SELECT mayfly_private.caller_id() AS caller_id)) OR (sender_id = ( SELECT mayfly_private.caller_id() AS caller_id)) OR (tenant_id = ANY (( SELECT mayfly.tenant_ids('message:admin'::text) AS tenant_ids)::uuid[])))));
CREATE TRIGGER deliveries_log_update AFTER UPDATE ON mayfly.deliveries REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION mayfly_private.log_acknowledgements();
CREATE TRIGGER deliveries_meter_delete AFTER DELETE ON mayfly.deliveries REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION mayfly_private.meter_deliveries();
grant select on table mayfly.deliveries to authenticated;
grant select on table mayfly.deliveries to service_role;
comment on table mayfly.deliveries is 'Messages in inboxes, each with its own acknowledgement.';

create table mayfly.enrolment_keys (
  tenant_id uuid not null,
  id uuid not null default gen_random_uuid(),
  name text not null,
  scopes text[] not null,
  created_by uuid,
  created_at timestamp with time zone not null default now(),
  expires_at timestamp with time zone not null,
  last_used_at timestamp with time zone,
  revoked_at timestamp with time zone,
  constraint enrolment_keys_name_length CHECK (((char_length(name) >= 1) AND (char_length(name) <= 100))),
  constraint enrolment_keys_pkey PRIMARY KEY (tenant_id, id),
  constraint enrolment_keys_tenant_fkey FOREIGN KEY (tenant_id) REFERENCES mayfly.tenants(id) ON DELETE CASCADE
) with (fillfactor=80);
alter table mayfly.enrolment_keys enable row level security;
create policy enrolment_keys_select on mayfly.enrolment_keys for select to authenticated
  using ((tenant_id = ANY (( SELECT mayfly.tenant_ids('key:write'::text) AS tenant_ids)::uuid[])));
CREATE TRIGGER enrolment_keys_meter_insert AFTER INSERT ON mayfly.enrolment_keys REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION mayfly_private.meter_rows();
grant select on table mayfly.enrolment_keys to authenticated;
grant select on table mayfly.enrolment_keys to service_role;
comment on table mayfly.enrolment_keys is 'Keys with which machines can spawn agents, and do nothing else.';

create table mayfly.entities (
  tenant_id uuid not null,
  id uuid not null default gen_random_uuid(),
  private_to uuid,
  type text not null default 'thing'::text,
  name text not null,
  description text not null default ''::text,
  agent_id uuid,
  is_set boolean not null default false,
  created_at timestamp with time zone not null default clock_timestamp(),
  updated_at timestamp with time zone not null default clock_timestamp(),
  constraint entities_description_length CHECK ((char_length(description) <= 2000)),
  constraint entities_name_length CHECK (((char_length(name) >= 1) AND (char_length(name) <= 200))),
  constraint entities_pkey PRIMARY KEY (tenant_id, id),
  constraint entities_tenant_fkey FOREIGN KEY (tenant_id) REFERENCES mayfly.tenants(id) ON DELETE CASCADE,
  constraint entities_type_length CHECK (((char_length(type) >= 1) AND (char_length(type) <= 100)))
);
alter table mayfly.entities enable row level security;
create policy entities_select on mayfly.entities for select to authenticated
  using (((tenant_id = ANY (( SELECT mayfly.tenant_ids('fact:read'::text) AS tenant_ids)::uuid[])) AND ((private_to IS NULL) OR (private_to = ANY (( SELECT mayfly_private.own_agent_ids() AS own_agent_ids)::uuid[])) OR (tenant_id = ANY (( SELECT mayfly.tenant_ids('fact:admin'::text) AS tenant_ids)::uuid[])))));
CREATE TRIGGER entities_meter_delete AFTER DELETE ON mayfly.entities REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION mayfly_private.meter_rows();
CREATE TRIGGER entities_meter_insert AFTER INSERT ON mayfly.entities REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION mayfly_private.meter_rows();
CREATE TRIGGER entities_meter_update AFTER UPDATE ON mayfly.entities REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION mayfly_private.meter_rows();
grant select on table mayfly.entities to authenticated;
grant select on table mayfly.entities to service_role;
comment on table mayfly.entities is 'Entities: the things that facts are about.';

create table mayfly.entity_names (
  tenant_id uuid not null,
  entity_id uuid not null,
  key text not null,
  private_to uuid,
  type text not null,
  name text not null,
  constraint entity_names_entity_fkey FOREIGN KEY (tenant_id, entity_id) REFERENCES mayfly.entities(tenant_id, id) ON DELETE CASCADE,
  constraint entity_names_key_key UNIQUE NULLS NOT DISTINCT (tenant_id, key, type, private_to),
  constraint entity_names_key_length CHECK (((char_length(key) >= 1) AND (char_length(key) <= 400))),
  constraint entity_names_name_length CHECK (((char_length(name) >= 1) AND (char_length(name) <= 200))),
  constraint entity_names_pkey PRIMARY KEY (tenant_id, entity_id, key)
);
alter table mayfly.entity_names enable row level security;
create policy entity_names_select on mayfly.entity_names for select to authenticated
  using (((tenant_id = ANY (( SELECT mayfly.tenant_ids('fact:read'::text) AS tenant_ids)::uuid[])) AND ((private_to IS NULL) OR (private_to = ANY (( SELECT mayfly_private.own_agent_ids() AS own_agent_ids)::uuid[])) OR (tenant_id = ANY (( SELECT mayfly.tenant_ids('fact:admin'::text) AS tenant_ids)::uuid[])))));
CREATE TRIGGER entity_names_meter_delete AFTER DELETE ON mayfly.entity_names REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION mayfly_private.meter_rows();
CREATE TRIGGER entity_names_meter_insert AFTER INSERT ON mayfly.entity_names REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION mayfly_private.meter_rows();
grant select on table mayfly.entity_names to authenticated;
grant select on table mayfly.entity_names to service_role;
comment on table mayfly.entity_names is 'The names and aliases of entities.';

create table mayfly.event_kinds (
  kind text not null,
  scope text not null,
  admin_scope text,
  description text not null,
  constraint event_kinds_kind_form CHECK ((kind ~ '^[a-z][a-z_]*\.[a-z][a-z_]*$'::text)),
  constraint event_kinds_pkey PRIMARY KEY (kind)
);
alter table mayfly.event_kinds enable row level security;
create policy event_kinds_select on mayfly.event_kinds for select to authenticated
  using (true);
grant select on table mayfly.event_kinds to authenticated;
grant select on table mayfly.event_kinds to service_role;
comment on table mayfly.event_kinds is 'The kinds of events in the log, and the scope that a reader of each needs.';

create table mayfly.events (
  tenant_id uuid not null,
  xid xid8 not null default pg_current_xact_id(),
  id bigint not null generated always as identity,
  epoch integer not null,
  audience uuid,
  type text not null,
  agent_id uuid,
  subject uuid,
  version integer,
  fields text[],
  at timestamp with time zone not null default clock_timestamp(),
  constraint events_pkey PRIMARY KEY (tenant_id, xid, id)
);
alter table mayfly.events enable row level security;
create policy events_select on mayfly.events for select to authenticated
  using (((tenant_id = ANY (( SELECT mayfly.tenant_ids() AS tenant_ids)::uuid[])) AND ((tenant_id, type) IN ( SELECT k.tenant_id,
    k.kind
   FROM mayfly_private.readable_kinds() k(tenant_id, kind, sees_all))) AND ((audience IS NULL) OR (audience = ANY (( SELECT mayfly_private.own_agent_ids() AS own_agent_ids)::uuid[])) OR (audience = ( SELECT mayfly_private.caller_id() AS caller_id)) OR ((tenant_id, type) IN ( SELECT k.tenant_id,
    k.kind
   FROM mayfly_private.readable_kinds() k(tenant_id, kind, sees_all)
  WHERE k.sees_all)))));
grant select on table mayfly.events to authenticated;
grant select on table mayfly.events to service_role;
comment on table mayfly.events is 'The log of a tenant. Readers follow it with the cursor that mayfly.sync returns.';

create table mayfly.fact_settings (
  tenant_id uuid not null,
  ended_kept interval,
  constraint fact_settings_ended_kept_range CHECK (((ended_kept >= '00:01:00'::interval) AND (ended_kept <= '100 years'::interval))),
  constraint fact_settings_pkey PRIMARY KEY (tenant_id),
  constraint fact_settings_tenant_fkey FOREIGN KEY (tenant_id) REFERENCES mayfly.tenants(id) ON DELETE CASCADE
);
alter table mayfly.fact_settings enable row level security;
create policy fact_settings_select on mayfly.fact_settings for select to authenticated
  using ((tenant_id = ANY (( SELECT mayfly.tenant_ids('fact:read'::text) AS tenant_ids)::uuid[])));
grant select on table mayfly.fact_settings to authenticated;
grant select on table mayfly.fact_settings to service_role;
comment on table mayfly.fact_settings is 'How a tenant keeps its facts.';

create table mayfly.facts (
  tenant_id uuid not null,
  id uuid not null default gen_random_uuid(),
  private_to uuid,
  subject_id uuid not null,
  predicate text not null,
  object_id uuid,
  value jsonb,
  slot bytea not null default '\x'::bytea,
  confidence real,
  source text not null default ''::text,
  memory_id uuid,
  agent_id uuid,
  valid_from timestamp with time zone not null,
  valid_to timestamp with time zone,
  recorded_at timestamp with time zone not null default clock_timestamp(),
  confirmed_at timestamp with time zone not null default clock_timestamp(),
  confirmations integer not null default 0,
  superseded_by uuid,
  expires_at timestamp with time zone,
  constraint facts_confidence_range CHECK (((confidence >= (0)::double precision) AND (confidence <= (1)::double precision))),
  constraint facts_confirmations_range CHECK ((confirmations >= 0)),
  constraint facts_expires_at_finite CHECK (isfinite(expires_at)),
  constraint facts_memory_fkey FOREIGN KEY (tenant_id, memory_id) REFERENCES mayfly.memories(tenant_id, id) ON DELETE SET NULL (memory_id),
  constraint facts_object_fkey FOREIGN KEY (tenant_id, object_id) REFERENCES mayfly.entities(tenant_id, id) ON DELETE CASCADE,
  constraint facts_one_object CHECK ((num_nonnulls(object_id, value) = 1)),
  constraint facts_pkey PRIMARY KEY (tenant_id, id),
  constraint facts_predicate_length CHECK (((char_length(predicate) >= 1) AND (char_length(predicate) <= 100))),
  constraint facts_source_length CHECK ((char_length(source) <= 2000)),
  constraint facts_subject_fkey FOREIGN KEY (tenant_id, subject_id) REFERENCES mayfly.entities(tenant_id, id) ON DELETE CASCADE,
  constraint facts_tenant_fkey FOREIGN KEY (tenant_id) REFERENCES mayfly.tenants(id) ON DELETE CASCADE,
  constraint facts_valid_from_finite CHECK (isfinite(valid_from)),
  constraint facts_valid_in_order CHECK ((valid_to >= valid_from)),
  constraint facts_valid_to_finite CHECK (isfinite(valid_to)),
  constraint facts_value_size CHECK ((pg_column_size(value) <= 20000))
);
CREATE INDEX facts_ended_idx ON mayfly.facts USING btree (tenant_id, valid_to) WHERE (valid_to IS NOT NULL);
CREATE INDEX facts_expires_idx ON mayfly.facts USING btree (tenant_id, expires_at) WHERE (expires_at IS NOT NULL);
CREATE INDEX facts_memory_idx ON mayfly.facts USING btree (tenant_id, memory_id);
CREATE INDEX facts_object_idx ON mayfly.facts USING btree (tenant_id, object_id);
CREATE UNIQUE INDEX facts_open_key ON mayfly.facts USING btree (tenant_id, subject_id, predicate, slot, private_to) NULLS NOT DISTINCT WHERE (valid_to IS NULL);
CREATE INDEX facts_subject_idx ON mayfly.facts USING btree (tenant_id, subject_id, predicate, valid_from);
alter table mayfly.facts enable row level security;
create policy facts_select on mayfly.facts for select to authenticated
  using (((tenant_id = ANY (( SELECT mayfly.tenant_ids('fact:read'::text) AS tenant_ids)::uuid[])) AND ((private_to IS NULL) OR (private_to = ANY (( SELECT mayfly_private.own_agent_ids() AS own_agent_ids)::uuid[])) OR (tenant_id = ANY (( SELECT mayfly.tenant_ids('fact:admin'::text) AS tenant_ids)::uuid[])))));
CREATE TRIGGER facts_log_delete AFTER DELETE ON mayfly.facts REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION mayfly_private.log_facts();
CREATE TRIGGER facts_log_insert AFTER INSERT ON mayfly.facts REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION mayfly_private.log_facts();
CREATE TRIGGER facts_log_update AFTER UPDATE ON mayfly.facts REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION mayfly_private.log_facts();
CREATE TRIGGER facts_meter_delete AFTER DELETE ON mayfly.facts REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION mayfly_private.meter_rows();
CREATE TRIGGER facts_meter_insert AFTER INSERT ON mayfly.facts REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION mayfly_private.meter_rows();
CREATE TRIGGER facts_meter_update AFTER UPDATE ON mayfly.facts REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION mayfly_private.meter_rows();
grant select on table mayfly.facts to authenticated;
grant select on table mayfly.facts to service_role;
comment on table mayfly.facts is 'Facts about entities, each true from an instant on.';

create table mayfly.finished_jobs (
  tenant_id uuid not null,
  id uuid not null,
  queue text not null,
  name text not null,
  lane text not null,
  status text not null,
  priority smallint not null,
  run_at timestamp with time zone not null,
  attempt integer not null,
  max_attempts integer not null,
  holder uuid,
  started_at timestamp with time zone,
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
  created_at timestamp with time zone not null,
  finished_at timestamp with time zone not null default clock_timestamp(),
  bytes integer not null,
  input jsonb not null,
  result jsonb,
  constraint finished_jobs_pkey PRIMARY KEY (tenant_id, id),
  constraint finished_jobs_status_known CHECK ((status = ANY (ARRAY['succeeded'::text, 'failed'::text, 'cancelled'::text])))
);
CREATE INDEX finished_jobs_failed_idx ON mayfly.finished_jobs USING btree (tenant_id, id) WHERE (status = 'failed'::text);
CREATE INDEX finished_jobs_finished_idx ON mayfly.finished_jobs USING btree (tenant_id, finished_at);
CREATE INDEX finished_jobs_holder_idx ON mayfly.finished_jobs USING btree (tenant_id, holder, id) WHERE (holder IS NOT NULL);
CREATE INDEX finished_jobs_parent_idx ON mayfly.finished_jobs USING btree (tenant_id, parent_id) WHERE (parent_id IS NOT NULL);
alter table mayfly.finished_jobs enable row level security;
create policy finished_jobs_select on mayfly.finished_jobs for select to authenticated
  using ((tenant_id = ANY (( SELECT mayfly.tenant_ids('job:read'::text) AS tenant_ids)::uuid[])));
CREATE TRIGGER finished_jobs_begin_assignments AFTER DELETE ON mayfly.finished_jobs REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION mayfly_private.end_assignments();
CREATE TRIGGER finished_jobs_end_assignments AFTER INSERT ON mayfly.finished_jobs REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION mayfly_private.end_assignments();
CREATE TRIGGER finished_jobs_end_runs AFTER INSERT ON mayfly.finished_jobs REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION mayfly_private.end_runs();
CREATE TRIGGER finished_jobs_keep_attributes AFTER DELETE ON mayfly.finished_jobs REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION mayfly_private.keep_attributes();
CREATE TRIGGER finished_jobs_requeue_runs AFTER DELETE ON mayfly.finished_jobs REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION mayfly_private.requeue_runs();
grant select on table mayfly.finished_jobs to authenticated;
grant select on table mayfly.finished_jobs to service_role;
comment on table mayfly.finished_jobs is 'Jobs that have succeeded, failed or been cancelled.';

create table mayfly.inboxes (
  tenant_id uuid not null,
  recipient_id uuid not null,
  last_seq bigint not null default 0,
  session uuid,
  opened_at timestamp with time zone,
  constraint inboxes_pkey PRIMARY KEY (tenant_id, recipient_id),
  constraint inboxes_tenant_fkey FOREIGN KEY (tenant_id) REFERENCES mayfly.tenants(id) ON DELETE CASCADE
) with (fillfactor=50);
alter table mayfly.inboxes enable row level security;
create policy inboxes_select on mayfly.inboxes for select to authenticated
  using (((tenant_id = ANY (( SELECT mayfly.tenant_ids('message:read'::text) AS tenant_ids)::uuid[])) AND ((recipient_id = ( SELECT mayfly_private.caller_id() AS caller_id)) OR (tenant_id = ANY (( SELECT mayfly.tenant_ids('message:admin'::text) AS tenant_ids)::uuid[])))));
grant select on table mayfly.inboxes to authenticated;
grant select on table mayfly.inboxes to service_role;
comment on table mayfly.inboxes is 'Inboxes of agents and people.';

create table mayfly.invitations (
  tenant_id uuid not null,
  id uuid not null default gen_random_uuid(),
  email text,
  role text not null,
  invited_by uuid,
  created_at timestamp with time zone not null default now(),
  expires_at timestamp with time zone not null,
  accepted_at timestamp with time zone,
  accepted_by uuid,
  revoked_at timestamp with time zone,
  constraint invitations_email_form CHECK (((email = lower(email)) AND (email ~~ '%_@_%'::text) AND (char_length(email) <= 320))),
  constraint invitations_pkey PRIMARY KEY (tenant_id, id),
  constraint invitations_role_known CHECK ((role = ANY (ARRAY['owner'::text, 'admin'::text, 'member'::text, 'viewer'::text]))),
  constraint invitations_tenant_fkey FOREIGN KEY (tenant_id) REFERENCES mayfly.tenants(id) ON DELETE CASCADE
);
CREATE INDEX invitations_email_idx ON mayfly.invitations USING btree (email);
alter table mayfly.invitations enable row level security;
create policy invitations_select on mayfly.invitations for select to authenticated
  using ((tenant_id = ANY (( SELECT mayfly.tenant_ids('member:write'::text) AS tenant_ids)::uuid[])));
CREATE TRIGGER invitations_meter_insert AFTER INSERT ON mayfly.invitations REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION mayfly_private.meter_rows();
grant select on table mayfly.invitations to authenticated;
grant select on table mayfly.invitations to service_role;
comment on table mayfly.invitations is 'Invitations of people into a tenant.';

create table mayfly.job_attempts (
  tenant_id uuid not null,
  job_id uuid not null,
  attempt integer not null,
  holder uuid,
  started_at timestamp with time zone,
  ended_at timestamp with time zone not null default clock_timestamp(),
  error jsonb not null,
  constraint job_attempts_pkey PRIMARY KEY (tenant_id, job_id, attempt)
);
alter table mayfly.job_attempts enable row level security;
create policy job_attempts_select on mayfly.job_attempts for select to authenticated
  using ((tenant_id = ANY (( SELECT mayfly.tenant_ids('job:read'::text) AS tenant_ids)::uuid[])));
grant select on table mayfly.job_attempts to authenticated;
grant select on table mayfly.job_attempts to service_role;
comment on table mayfly.job_attempts is 'Attempts of jobs that failed or were lost, and why.';

create table mayfly.job_attributes (
  tenant_id uuid not null,
  job_id uuid not null,
  attributes jsonb not null,
  kept boolean not null default false,
  bytes integer not null,
  constraint job_attributes_pkey PRIMARY KEY (tenant_id, job_id),
  constraint job_attributes_present CHECK (((jsonb_typeof(attributes) = 'object'::text) AND (attributes <> '{}'::jsonb)))
);
CREATE INDEX job_attributes_search_idx ON mayfly.job_attributes USING gin (jsonb_set('{}'::jsonb, ARRAY[(tenant_id)::text], attributes) jsonb_path_ops) WITH (fastupdate=off);
alter table mayfly.job_attributes enable row level security;
create policy job_attributes_select on mayfly.job_attributes for select to authenticated
  using ((tenant_id = ANY (( SELECT mayfly.tenant_ids('job:read'::text) AS tenant_ids)::uuid[])));
grant select on table mayfly.job_attributes to authenticated;
grant select on table mayfly.job_attributes to service_role;
comment on table mayfly.job_attributes is 'What programs say about their jobs, so that they are found by it.';

create table mayfly.job_kinds (
  tenant_id uuid not null,
  name text not null,
  description text,
  input_schema json,
  digest uuid not null,
  published_by uuid,
  published_at timestamp with time zone not null default mayfly_private.now(),
  bytes integer not null,
  constraint job_kinds_pkey PRIMARY KEY (tenant_id, name),
  constraint job_kinds_tenant_fkey FOREIGN KEY (tenant_id) REFERENCES mayfly.tenants(id) ON DELETE CASCADE
);
alter table mayfly.job_kinds enable row level security;
create policy job_kinds_select on mayfly.job_kinds for select to authenticated
  using ((tenant_id = ANY (( SELECT mayfly.tenant_ids('job:read'::text) AS tenant_ids)::uuid[])));
grant select on table mayfly.job_kinds to authenticated;
grant select on table mayfly.job_kinds to service_role;
comment on table mayfly.job_kinds is 'Kinds of jobs that workers have handlers for, with the JSON Schema of their input.';

create table mayfly.job_queues (
  tenant_id uuid not null,
  name text not null,
  paused boolean not null default false,
  max_running integer,
  max_running_per_group integer,
  rate double precision,
  weight smallint not null default 1,
  tokens double precision not null default 0,
  filled_at timestamp with time zone not null default clock_timestamp(),
  updated_at timestamp with time zone not null default clock_timestamp(),
  constraint job_queues_max_running_per_group_range CHECK (((max_running_per_group >= 1) AND (max_running_per_group <= 100000))),
  constraint job_queues_max_running_range CHECK (((max_running >= 1) AND (max_running <= 100000))),
  constraint job_queues_pkey PRIMARY KEY (tenant_id, name),
  constraint job_queues_rate_range CHECK (((rate > (0)::double precision) AND (rate <= (1000000)::double precision))),
  constraint job_queues_tenant_fkey FOREIGN KEY (tenant_id) REFERENCES mayfly.tenants(id) ON DELETE CASCADE,
  constraint job_queues_weight_range CHECK (((weight >= 1) AND (weight <= 100)))
) with (fillfactor=50);
alter table mayfly.job_queues enable row level security;
create policy job_queues_select on mayfly.job_queues for select to authenticated
  using ((tenant_id = ANY (( SELECT mayfly.tenant_ids('job:read'::text) AS tenant_ids)::uuid[])));
grant select on table mayfly.job_queues to authenticated;
grant select on table mayfly.job_queues to service_role;
comment on table mayfly.job_queues is 'Limits and weights of queues.';

create table mayfly.job_schedules (
  tenant_id uuid not null,
  name text not null,
  cron text not null,
  time_zone text not null default 'UTC'::text,
  job text not null,
  input jsonb not null default '{}'::jsonb,
  options jsonb not null default '{}'::jsonb,
  catch_up text not null default 'one'::text,
  overlap text not null default 'skip'::text,
  paused boolean not null default false,
  next_at timestamp with time zone,
  last_at timestamp with time zone,
  last_job uuid,
  skipped integer not null default 0,
  error text,
  created_by uuid,
  created_at timestamp with time zone not null default clock_timestamp(),
  updated_at timestamp with time zone not null default clock_timestamp(),
  bytes integer not null default 0,
  constraint job_schedules_catch_up_known CHECK ((catch_up = ANY (ARRAY['one'::text, 'all'::text, 'none'::text]))),
  constraint job_schedules_overlap_known CHECK ((overlap = ANY (ARRAY['allow'::text, 'skip'::text]))),
  constraint job_schedules_pkey PRIMARY KEY (tenant_id, name),
  constraint job_schedules_tenant_fkey FOREIGN KEY (tenant_id) REFERENCES mayfly.tenants(id) ON DELETE CASCADE
);
CREATE INDEX job_schedules_next_idx ON mayfly.job_schedules USING btree (next_at) WHERE (next_at IS NOT NULL);
alter table mayfly.job_schedules enable row level security;
create policy job_schedules_select on mayfly.job_schedules for select to authenticated
  using ((tenant_id = ANY (( SELECT mayfly.tenant_ids('job:read'::text) AS tenant_ids)::uuid[])));
grant select on table mayfly.job_schedules to authenticated;
grant select on table mayfly.job_schedules to service_role;
comment on table mayfly.job_schedules is 'Jobs that are added by a cron line in a time zone.';

create table mayfly.job_signals (
  tenant_id uuid not null,
  job_id uuid not null,
  name text not null,
  id bigint not null generated always as identity,
  payload jsonb not null default 'null'::jsonb,
  bytes integer not null,
  at timestamp with time zone not null default clock_timestamp(),
  constraint job_signals_pkey PRIMARY KEY (tenant_id, job_id, name, id)
);
alter table mayfly.job_signals enable row level security;
create policy job_signals_select on mayfly.job_signals for select to authenticated
  using ((tenant_id = ANY (( SELECT mayfly.tenant_ids('job:read'::text) AS tenant_ids)::uuid[])));
grant select on table mayfly.job_signals to authenticated;
grant select on table mayfly.job_signals to service_role;
comment on table mayfly.job_signals is 'Signals that no job has taken yet.';

create table mayfly.job_steps (
  tenant_id uuid not null,
  job_id uuid not null,
  name text not null,
  attempt integer not null,
  result jsonb,
  ms integer,
  bytes integer not null,
  at timestamp with time zone not null default clock_timestamp(),
  seq bigint not null generated always as identity,
  constraint job_steps_pkey PRIMARY KEY (tenant_id, job_id, name)
);
alter table mayfly.job_steps enable row level security;
create policy job_steps_select on mayfly.job_steps for select to authenticated
  using ((tenant_id = ANY (( SELECT mayfly.tenant_ids('job:read'::text) AS tenant_ids)::uuid[])));
grant select on table mayfly.job_steps to authenticated;
grant select on table mayfly.job_steps to service_role;
comment on table mayfly.job_steps is 'Results of the steps of jobs.';

create table mayfly.jobs (
  tenant_id uuid not null,
  id uuid not null,
  queue text not null,
  name text not null,
  lane text not null,
  status text not null,
  priority smallint not null default 0,
  seq bigint not null generated always as identity,
  run_at timestamp with time zone not null,
  attempt integer not null default 0,
  max_attempts integer not null default 5,
  holder uuid,
  lease_end timestamp with time zone,
  started_at timestamp with time zone,
  wait_for text[],
  cancelled boolean not null default false,
  deadline timestamp with time zone,
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
  created_at timestamp with time zone not null default clock_timestamp(),
  bytes integer not null default 0,
  input jsonb not null default '{}'::jsonb,
  constraint jobs_held_while_running CHECK (((status = 'running'::text) = ((holder IS NOT NULL) AND (lease_end IS NOT NULL)))),
  constraint jobs_pkey PRIMARY KEY (tenant_id, id),
  constraint jobs_status_known CHECK ((status = ANY (ARRAY['scheduled'::text, 'ready'::text, 'running'::text, 'waiting'::text])))
) with (fillfactor=50, autovacuum_vacuum_scale_factor=0, autovacuum_vacuum_threshold=2000, autovacuum_vacuum_insert_threshold=-1);
CREATE INDEX jobs_deadline_idx ON mayfly.jobs USING btree (deadline) WHERE (deadline IS NOT NULL);
CREATE INDEX jobs_due_idx ON mayfly.jobs USING btree (run_at) WHERE (status = ANY (ARRAY['scheduled'::text, 'waiting'::text]));
CREATE INDEX jobs_held_idx ON mayfly.jobs USING btree (tenant_id, holder) WHERE (status = 'running'::text);
CREATE INDEX jobs_parent_idx ON mayfly.jobs USING btree (tenant_id, parent_id) WHERE (parent_id IS NOT NULL);
CREATE INDEX jobs_ready_idx ON mayfly.jobs USING btree (tenant_id, lane, priority, seq) WHERE (status = 'ready'::text);
alter table mayfly.jobs enable row level security;
create policy jobs_select on mayfly.jobs for select to authenticated
  using ((tenant_id = ANY (( SELECT mayfly.tenant_ids('job:read'::text) AS tenant_ids)::uuid[])));
grant select on table mayfly.jobs to authenticated;
grant select on table mayfly.jobs to service_role;
comment on table mayfly.jobs is 'Jobs that can still run. Those that have ended are in finished_jobs.';

create table mayfly.members (
  tenant_id uuid not null,
  user_id uuid not null,
  role text not null,
  created_at timestamp with time zone not null default now(),
  constraint members_pkey PRIMARY KEY (tenant_id, user_id),
  constraint members_role_known CHECK ((role = ANY (ARRAY['owner'::text, 'admin'::text, 'member'::text, 'viewer'::text]))),
  constraint members_tenant_fkey FOREIGN KEY (tenant_id) REFERENCES mayfly.tenants(id) ON DELETE CASCADE,
  constraint members_user_fkey FOREIGN KEY (user_id) REFERENCES auth.users(id) ON DELETE CASCADE
);
CREATE INDEX members_user_id_idx ON mayfly.members USING btree (user_id);
alter table mayfly.members enable row level security;
create policy members_select on mayfly.members for select to authenticated
  using ((tenant_id = ANY (( SELECT mayfly.tenant_ids('member:read'::text) AS tenant_ids)::uuid[])));
CREATE TRIGGER members_log_delete AFTER DELETE ON mayfly.members REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION mayfly_private.log_members();
CREATE TRIGGER members_log_insert AFTER INSERT ON mayfly.members REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION mayfly_private.log_members();
CREATE TRIGGER members_log_update AFTER UPDATE ON mayfly.members REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION mayfly_private.log_members();
grant select on table mayfly.members to authenticated;
grant select on table mayfly.members to service_role;
comment on table mayfly.members is 'The people of a tenant, with their roles: owner, admin, member or viewer.';

create table mayfly.memories (
  tenant_id uuid not null,
  id uuid not null,
  agent_id uuid,
  pushed_by uuid,
  session_id uuid,
  conversation_id uuid,
  kind text not null default 'episode'::text,
  task text not null default ''::text,
  input text not null default ''::text,
  output text not null default ''::text,
  critique text not null default ''::text,
  reward real,
  success boolean,
  importance smallint not null default 5,
  tags text[] not null default '{}'::text[],
  metadata jsonb not null default '{}'::jsonb,
  tokens integer,
  latency_ms integer,
  visibility text not null default 'tenant'::text,
  language text not null default 'english'::text,
  version integer not null default 1,
  hlc jsonb not null default '{}'::jsonb,
  created_at timestamp with time zone not null default now(),
  updated_at timestamp with time zone not null default now(),
  expires_at timestamp with time zone,
  deleted_at timestamp with time zone,
  words tsvector not null default ''::tsvector,
  words_version smallint not null default 0,
  key text,
  content_hash uuid,
  constraint memories_agent_fkey FOREIGN KEY (tenant_id, agent_id) REFERENCES mayfly.agents(tenant_id, id),
  constraint memories_created_at_finite CHECK (isfinite(created_at)),
  constraint memories_critique_length CHECK ((char_length(critique) <= 20000)),
  constraint memories_expires_at_finite CHECK (isfinite(expires_at)),
  constraint memories_hlc_object CHECK (((jsonb_typeof(hlc) = 'object'::text) AND (pg_column_size(hlc) <= 2048))),
  constraint memories_importance_range CHECK (((importance >= 1) AND (importance <= 10))),
  constraint memories_input_length CHECK ((char_length(input) <= 100000)),
  constraint memories_key_length CHECK (((char_length(key) >= 1) AND (char_length(key) <= 200))),
  constraint memories_kind_known CHECK ((kind = ANY (ARRAY['episode'::text, 'task_result'::text, 'conversation'::text, 'learning'::text, 'fact'::text, 'working'::text, 'general'::text]))),
  constraint memories_language_length CHECK ((char_length(language) <= 20)),
  constraint memories_latency_ms_range CHECK ((latency_ms >= 0)),
  constraint memories_metadata_depth CHECK (((pg_column_size(metadata) <= 256) OR (NOT jsonb_path_exists(metadata, '$.**{33 to last}'::jsonpath)))),
  constraint memories_metadata_object CHECK (((jsonb_typeof(metadata) = 'object'::text) AND (pg_column_size(metadata) <= 65536))),
  constraint memories_output_length CHECK ((char_length(output) <= 100000)),
  constraint memories_pkey PRIMARY KEY (tenant_id, id),
  constraint memories_reward_range CHECK (((reward >= (0)::double precision) AND (reward <= (1)::double precision))),
  constraint memories_tags_count CHECK ((cardinality(tags) <= 50)),
  constraint memories_tags_length CHECK (((array_position(tags, NULL::text) IS NULL) AND (array_position(tags, ''::text) IS NULL) AND (char_length(array_to_string(tags, ''::text)) <= (100 * cardinality(tags))))),
  constraint memories_task_length CHECK ((char_length(task) <= 2000)),
  constraint memories_tenant_fkey FOREIGN KEY (tenant_id) REFERENCES mayfly.tenants(id) ON DELETE CASCADE,
  constraint memories_text_present CHECK (((deleted_at IS NOT NULL) OR (task <> ''::text) OR (input <> ''::text) OR (output <> ''::text))),
  constraint memories_tokens_range CHECK ((tokens >= 0)),
  constraint memories_tombstone_empty CHECK (((deleted_at IS NULL) OR ((task = ''::text) AND (input = ''::text) AND (output = ''::text) AND (critique = ''::text) AND (tags = '{}'::text[]) AND (metadata = '{}'::jsonb)))),
  constraint memories_tombstone_unnamed CHECK (((deleted_at IS NULL) OR ((key IS NULL) AND (content_hash IS NULL)))),
  constraint memories_version_range CHECK (((version >= 1) AND (version <= 2000000001))),
  constraint memories_visibility_known CHECK ((visibility = ANY (ARRAY['tenant'::text, 'agent'::text])))
);
CREATE INDEX memories_agent_idx ON mayfly.memories USING btree (tenant_id, agent_id);
CREATE UNIQUE INDEX memories_content_idx ON mayfly.memories USING btree (tenant_id, content_hash) WHERE (content_hash IS NOT NULL);
CREATE UNIQUE INDEX memories_key_idx ON mayfly.memories USING btree (tenant_id, (
CASE visibility
    WHEN 'agent'::text THEN COALESCE(agent_id, '00000000-0000-0000-0000-000000000000'::uuid)
    ELSE tenant_id
END), key) WHERE (key IS NOT NULL);
CREATE INDEX memories_labels_idx ON mayfly.memories USING gin (tenant_id, mayfly_private.labels(task, tags) extensions.gin_trgm_ops);
CREATE INDEX memories_old_words_idx ON mayfly.memories USING btree (tenant_id) WHERE (words_version = 0);
CREATE INDEX memories_search_idx ON mayfly.memories USING gin (tenant_id, words, tags);
CREATE INDEX memories_thread_idx ON mayfly.memories USING btree (tenant_id, COALESCE(conversation_id, session_id), created_at, id) WHERE (COALESCE(conversation_id, session_id) IS NOT NULL);
alter table mayfly.memories enable row level security;
create policy memories_select on mayfly.memories for select to authenticated
  using (((tenant_id = ANY (( SELECT mayfly.tenant_ids('memory:read'::text) AS tenant_ids)::uuid[])) AND ((visibility = 'tenant'::text) OR (agent_id = ANY (( SELECT mayfly_private.own_agent_ids() AS own_agent_ids)::uuid[])) OR (tenant_id = ANY (( SELECT mayfly.tenant_ids('memory:admin'::text) AS tenant_ids)::uuid[])))));
CREATE TRIGGER memories_log_insert AFTER INSERT ON mayfly.memories REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION mayfly_private.log_memories();
CREATE TRIGGER memories_log_update AFTER UPDATE ON mayfly.memories REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION mayfly_private.log_memories();
CREATE TRIGGER memories_meter_delete AFTER DELETE ON mayfly.memories REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION mayfly_private.meter_memories();
CREATE TRIGGER memories_meter_insert AFTER INSERT ON mayfly.memories REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION mayfly_private.meter_memories();
CREATE TRIGGER memories_meter_update AFTER UPDATE ON mayfly.memories REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION mayfly_private.meter_memories();
CREATE TRIGGER memories_words_insert BEFORE INSERT ON mayfly.memories FOR EACH ROW WHEN ((new.words_version = 0)) EXECUTE FUNCTION mayfly_private.write_words();
CREATE TRIGGER memories_words_update BEFORE UPDATE ON mayfly.memories FOR EACH ROW WHEN (((((((old.task IS DISTINCT FROM new.task) OR (old.tags IS DISTINCT FROM new.tags)) OR (old.input IS DISTINCT FROM new.input)) OR (old.output IS DISTINCT FROM new.output)) OR (old.critique IS DISTINCT FROM new.critique)) OR (old.language IS DISTINCT FROM new.language))) EXECUTE FUNCTION mayfly_private.write_words();
grant select on table mayfly.memories to authenticated;
grant select on table mayfly.memories to service_role;
comment on table mayfly.memories is 'What agents learned, one row for each memory. A memory outlives the agent that learned it.';

create table mayfly.memory_aliases (
  tenant_id uuid not null,
  id uuid not null,
  memory_id uuid not null,
  constraint memory_aliases_memory_fkey FOREIGN KEY (tenant_id, memory_id) REFERENCES mayfly.memories(tenant_id, id) ON DELETE CASCADE,
  constraint memory_aliases_pkey PRIMARY KEY (tenant_id, id)
);
CREATE INDEX memory_aliases_memory_idx ON mayfly.memory_aliases USING btree (tenant_id, memory_id);
alter table mayfly.memory_aliases enable row level security;
create policy memory_aliases_select on mayfly.memory_aliases for select to authenticated
  using (((tenant_id = ANY (( SELECT mayfly.tenant_ids('memory:read'::text) AS tenant_ids)::uuid[])) AND (EXISTS ( SELECT
   FROM mayfly.memories m
  WHERE ((m.tenant_id = memory_aliases.tenant_id) AND (m.id = memory_aliases.memory_id))))));
CREATE TRIGGER memory_aliases_meter_delete AFTER DELETE ON mayfly.memory_aliases REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION mayfly_private.meter_rows();
CREATE TRIGGER memory_aliases_meter_insert AFTER INSERT ON mayfly.memory_aliases REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION mayfly_private.meter_rows();
grant select on table mayfly.memory_aliases to authenticated;
grant select on table mayfly.memory_aliases to service_role;
comment on table mayfly.memory_aliases is 'Other ids of memories: ids of puts that were not stored.';

create table mayfly.memory_conflicts (
  tenant_id uuid not null,
  id uuid not null default gen_random_uuid(),
  memory_id uuid not null,
  field text not null,
  base jsonb,
  wanted jsonb,
  hlc text not null,
  op_id uuid not null,
  pushed_by uuid,
  created_at timestamp with time zone not null default now(),
  constraint memory_conflicts_field_length CHECK ((char_length(field) <= 63)),
  constraint memory_conflicts_hlc_length CHECK ((char_length(hlc) <= 60)),
  constraint memory_conflicts_memory_fkey FOREIGN KEY (tenant_id, memory_id) REFERENCES mayfly.memories(tenant_id, id) ON DELETE CASCADE,
  constraint memory_conflicts_pkey PRIMARY KEY (tenant_id, id)
);
CREATE INDEX memory_conflicts_memory_idx ON mayfly.memory_conflicts USING btree (tenant_id, memory_id);
alter table mayfly.memory_conflicts enable row level security;
create policy memory_conflicts_select on mayfly.memory_conflicts for select to authenticated
  using (((tenant_id = ANY (( SELECT mayfly.tenant_ids('memory:read'::text) AS tenant_ids)::uuid[])) AND (EXISTS ( SELECT
   FROM mayfly.memories m
  WHERE ((m.tenant_id = memory_conflicts.tenant_id) AND (m.id = memory_conflicts.memory_id))))));
CREATE TRIGGER memory_conflicts_meter_delete AFTER DELETE ON mayfly.memory_conflicts REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION mayfly_private.meter_conflicts();
CREATE TRIGGER memory_conflicts_meter_insert AFTER INSERT ON mayfly.memory_conflicts REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION mayfly_private.meter_conflicts();
grant select on table mayfly.memory_conflicts to authenticated;
grant select on table mayfly.memory_conflicts to service_role;
comment on table mayfly.memory_conflicts is 'Updates that wait for a person''s decision: the wanted value of a field, and the value that was expected.';

create table mayfly.memory_vectors (
  tenant_id uuid not null,
  model text not null,
  memory_id uuid not null,
  embedding extensions.halfvec(384) not null,
  settled boolean not null default false,
  constraint memory_vectors_embedding_points CHECK ((extensions.l2_norm(embedding) > (0)::double precision)),
  constraint memory_vectors_memory_fkey FOREIGN KEY (tenant_id, memory_id) REFERENCES mayfly.memories(tenant_id, id) ON DELETE CASCADE,
  constraint memory_vectors_model_length CHECK (((char_length(model) >= 1) AND (char_length(model) <= 100))),
  constraint memory_vectors_pkey PRIMARY KEY (tenant_id, model, memory_id)
);
CREATE INDEX memory_vectors_memory_idx ON mayfly.memory_vectors USING btree (tenant_id, memory_id);
CREATE INDEX memory_vectors_settled_idx ON mayfly.memory_vectors USING hnsw (embedding extensions.halfvec_cosine_ops) WITH (m='24', ef_construction='128') WHERE settled;
CREATE INDEX memory_vectors_tail_idx ON mayfly.memory_vectors USING btree ((
CASE
    WHEN (NOT settled) THEN tenant_id
    ELSE NULL::uuid
END), model, memory_id) WHERE (NOT settled);
alter table mayfly.memory_vectors enable row level security;
create policy memory_vectors_select on mayfly.memory_vectors for select to authenticated
  using (((tenant_id = ANY (( SELECT mayfly.tenant_ids('memory:read'::text) AS tenant_ids)::uuid[])) AND (EXISTS ( SELECT
   FROM mayfly.memories m
  WHERE ((m.tenant_id = memory_vectors.tenant_id) AND (m.id = memory_vectors.memory_id))))));
CREATE TRIGGER memory_vectors_meter_delete AFTER DELETE ON mayfly.memory_vectors REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION mayfly_private.meter_vectors();
CREATE TRIGGER memory_vectors_meter_insert AFTER INSERT ON mayfly.memory_vectors REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION mayfly_private.meter_vectors();
grant select on table mayfly.memory_vectors to authenticated;
grant select on table mayfly.memory_vectors to service_role;
comment on table mayfly.memory_vectors is 'Embeddings of memories by model. Vectors of different models are never compared.';

create table mayfly.messages (
  tenant_id uuid not null,
  id uuid not null,
  type text not null,
  sender_id uuid,
  sender_kind text not null,
  target jsonb not null,
  channel_id uuid,
  channel_seq bigint,
  conversation_id uuid,
  correlation_id text,
  reply_to uuid,
  priority text not null default 'normal'::text,
  reply_required boolean not null default false,
  deadline timestamp with time zone,
  payload jsonb not null default '{}'::jsonb,
  attachments jsonb not null default '[]'::jsonb,
  sent_at timestamp with time zone not null default clock_timestamp(),
  bytes integer not null generated always as (((((512 + octet_length((payload)::text)) + octet_length((attachments)::text)) + octet_length((target)::text)) + COALESCE(octet_length(correlation_id), 0))) stored,
  trace text,
  constraint messages_attachments_list CHECK ((jsonb_typeof(attachments) = 'array'::text)),
  constraint messages_channel_fkey FOREIGN KEY (tenant_id, channel_id) REFERENCES mayfly.channels(tenant_id, id) ON DELETE CASCADE,
  constraint messages_channel_seq_key UNIQUE (tenant_id, channel_id, channel_seq),
  constraint messages_channel_whole CHECK (((channel_id IS NULL) = (channel_seq IS NULL))),
  constraint messages_correlation_id_length CHECK (((char_length(correlation_id) >= 1) AND (char_length(correlation_id) <= 200))),
  constraint messages_payload_object CHECK ((jsonb_typeof(payload) = 'object'::text)),
  constraint messages_pkey PRIMARY KEY (tenant_id, id),
  constraint messages_priority_known CHECK ((priority = ANY (ARRAY['low'::text, 'normal'::text, 'high'::text, 'urgent'::text]))),
  constraint messages_sender_kind_known CHECK ((sender_kind = ANY (ARRAY['agent'::text, 'person'::text, 'service'::text]))),
  constraint messages_tenant_fkey FOREIGN KEY (tenant_id) REFERENCES mayfly.tenants(id) ON DELETE CASCADE,
  constraint messages_trace_length CHECK ((char_length(trace) <= 500)),
  constraint messages_type_form CHECK ((type ~ '^[a-z][a-z0-9_]{0,62}$'::text))
);
CREATE INDEX messages_sent_idx ON mayfly.messages USING btree (tenant_id, sent_at, id);
alter table mayfly.messages enable row level security;
create policy messages_select on mayfly.messages for select to authenticated
  using (((tenant_id = ANY (( SELECT mayfly.tenant_ids('message:read'::text) AS tenant_ids)::uuid[])) AND ((sender_id = ( SELECT mayfly_private.caller_id() AS caller_id)) OR (channel_id = ANY (( SELECT mayfly_private.readable_channel_ids() AS readable_channel_ids)::uuid[])) OR (tenant_id = ANY (( SELECT mayfly.tenant_ids('message:admin'::text) AS tenant_ids)::uuid[])) OR (EXISTS ( SELECT
   FROM mayfly.deliveries d
  WHERE ((d.tenant_id = messages.tenant_id) AND (d.message_id = messages.id) AND (d.recipient_id = ( SELECT mayfly_private.caller_id() AS caller_id))))))));
CREATE TRIGGER messages_log_insert AFTER INSERT ON mayfly.messages REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION mayfly_private.log_messages();
CREATE TRIGGER messages_meter_delete AFTER DELETE ON mayfly.messages REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION mayfly_private.meter_messages();
grant select on table mayfly.messages to authenticated;
grant select on table mayfly.messages to service_role;
comment on table mayfly.messages is 'Messages between agents and people, and in channels.';

create table mayfly.model_names (
  provider text not null,
  name text not null,
  exact boolean not null,
  model text not null,
  constraint model_names_name_length CHECK (((char_length(name) >= 1) AND (char_length(name) <= 200))),
  constraint model_names_pkey PRIMARY KEY (provider, exact, name)
);
alter table mayfly.model_names enable row level security;
create policy model_names_select on mayfly.model_names for select to authenticated
  using (true);
grant select on table mayfly.model_names to authenticated;
grant select on table mayfly.model_names to service_role;
comment on table mayfly.model_names is 'Names of models with prices.';

create table mayfly.model_prices (
  provider text not null,
  model text not null,
  since timestamp with time zone not null,
  prices jsonb not null,
  source text not null,
  constraint model_prices_model_length CHECK (((char_length(model) >= 1) AND (char_length(model) <= 200))),
  constraint model_prices_pkey PRIMARY KEY (provider, model, since),
  constraint model_prices_provider_length CHECK (((char_length(provider) >= 1) AND (char_length(provider) <= 100))),
  constraint model_prices_source_length CHECK (((char_length(source) >= 1) AND (char_length(source) <= 200)))
);
alter table mayfly.model_prices enable row level security;
create policy model_prices_select on mayfly.model_prices for select to authenticated
  using (true);
grant select on table mayfly.model_prices to authenticated;
grant select on table mayfly.model_prices to service_role;
comment on table mayfly.model_prices is 'Prices of models in US dollars, with the time from which they apply.';

create table mayfly.model_usage (
  tenant_id uuid not null,
  id uuid not null,
  at timestamp with time zone not null,
  agent text not null,
  agent_id uuid,
  run_id uuid,
  provider text not null,
  model text not null,
  input_tokens bigint not null,
  cache_read_tokens bigint not null,
  cache_write_tokens bigint not null,
  output_tokens bigint not null,
  reasoning_tokens bigint not null,
  usage jsonb not null,
  usd numeric,
  priced text not null,
  bytes integer not null,
  constraint model_usage_pkey PRIMARY KEY (tenant_id, id),
  constraint model_usage_priced_known CHECK ((priced = ANY (ARRAY['exact'::text, 'inexact'::text, 'unknown'::text]))),
  constraint model_usage_priced_or_unknown CHECK (((usd IS NULL) = (priced = 'unknown'::text))),
  constraint model_usage_tenant_fkey FOREIGN KEY (tenant_id) REFERENCES mayfly.tenants(id) ON DELETE CASCADE
);
CREATE INDEX model_usage_at_idx ON mayfly.model_usage USING btree (tenant_id, at);
CREATE INDEX model_usage_run_idx ON mayfly.model_usage USING btree (tenant_id, run_id) WHERE (run_id IS NOT NULL);
alter table mayfly.model_usage enable row level security;
create policy model_usage_select on mayfly.model_usage for select to authenticated
  using ((tenant_id = ANY (( SELECT mayfly.tenant_ids('cost:read'::text) AS tenant_ids)::uuid[])));
grant select on table mayfly.model_usage to authenticated;
grant select on table mayfly.model_usage to service_role;
comment on table mayfly.model_usage is 'What each call of a model used and cost.';

create table mayfly.model_worths (
  tenant_id uuid not null,
  model text not null,
  meaning real not null,
  unrelated real not null,
  measured jsonb not null default '{}'::jsonb,
  at timestamp with time zone not null default clock_timestamp(),
  constraint model_worths_meaning_range CHECK (((meaning >= (0)::double precision) AND (meaning <= (100)::double precision))),
  constraint model_worths_measured_size CHECK ((pg_column_size(measured) <= 8192)),
  constraint model_worths_model_length CHECK (((char_length(model) >= 1) AND (char_length(model) <= 100))),
  constraint model_worths_pkey PRIMARY KEY (tenant_id, model),
  constraint model_worths_tenant_fkey FOREIGN KEY (tenant_id) REFERENCES mayfly.tenants(id) ON DELETE CASCADE,
  constraint model_worths_unrelated_range CHECK (((unrelated >= (0.01)::double precision) AND (unrelated <= (0.95)::double precision)))
);
alter table mayfly.model_worths enable row level security;
create policy model_worths_select on mayfly.model_worths for select to authenticated
  using ((tenant_id = ANY (( SELECT mayfly.tenant_ids('memory:read'::text) AS tenant_ids)::uuid[])));
grant select on table mayfly.model_worths to authenticated;
grant select on table mayfly.model_worths to service_role;
comment on table mayfly.model_worths is 'The weights of embedding models for a tenant, as measured on its own memories.';

create table mayfly.polls (
  tenant_id uuid not null,
  id uuid not null default gen_random_uuid(),
  team_id uuid,
  question text not null,
  options text[] not null,
  rule text not null,
  quorum integer,
  voters uuid[],
  weights double precision[],
  deadline timestamp with time zone not null,
  status text not null default 'open'::text,
  outcome jsonb,
  job_id uuid,
  key text,
  created_by uuid,
  created_at timestamp with time zone not null default clock_timestamp(),
  closed_at timestamp with time zone,
  constraint polls_closed_when_over CHECK (((status = 'open'::text) = (closed_at IS NULL))),
  constraint polls_options_count CHECK (((cardinality(options) >= 2) AND (cardinality(options) <= 50))),
  constraint polls_pkey PRIMARY KEY (tenant_id, id),
  constraint polls_question_length CHECK (((char_length(question) >= 1) AND (char_length(question) <= 2000))),
  constraint polls_quorum_range CHECK (((quorum >= 1) AND (quorum <= 10000))),
  constraint polls_rule_known CHECK ((rule = ANY (ARRAY['majority'::text, 'unanimous'::text, 'weighted'::text, 'first_valid'::text]))),
  constraint polls_status_known CHECK ((status = ANY (ARRAY['open'::text, 'closed'::text, 'cancelled'::text]))),
  constraint polls_tenant_fkey FOREIGN KEY (tenant_id) REFERENCES mayfly.tenants(id) ON DELETE CASCADE,
  constraint polls_voters_count CHECK (((cardinality(voters) >= 1) AND (cardinality(voters) <= 1000))),
  constraint polls_weights_match CHECK (((weights IS NULL) OR (cardinality(weights) = cardinality(voters))))
);
CREATE INDEX polls_closed_idx ON mayfly.polls USING btree (tenant_id, closed_at) WHERE (status <> 'open'::text);
CREATE UNIQUE INDEX polls_key_key ON mayfly.polls USING btree (tenant_id, key) WHERE (key IS NOT NULL);
CREATE INDEX polls_open_idx ON mayfly.polls USING btree (tenant_id, deadline) WHERE (status = 'open'::text);
alter table mayfly.polls enable row level security;
create policy polls_select on mayfly.polls for select to authenticated
  using ((tenant_id = ANY (( SELECT mayfly.tenant_ids('team:read'::text) AS tenant_ids)::uuid[])));
CREATE TRIGGER polls_meter_delete AFTER DELETE ON mayfly.polls REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION mayfly_private.meter_rows();
CREATE TRIGGER polls_meter_insert AFTER INSERT ON mayfly.polls REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION mayfly_private.meter_rows();
grant select on table mayfly.polls to authenticated;
grant select on table mayfly.polls to service_role;
comment on table mayfly.polls is 'Questions that agents or people answer independently, with their outcome.';

create table mayfly.rate_limits (
  tenant_id uuid not null,
  level text not null,
  subject text not null,
  per_minute integer not null,
  burst integer not null,
  tokens double precision not null,
  filled_at timestamp with time zone not null,
  constraint rate_limits_burst_range CHECK (((burst >= 1) AND (burst <= 1000000))),
  constraint rate_limits_level_known CHECK ((level = ANY (ARRAY['tenant'::text, 'agent'::text, 'model'::text, 'tool'::text]))),
  constraint rate_limits_per_minute_range CHECK (((per_minute >= 1) AND (per_minute <= 1000000))),
  constraint rate_limits_pkey PRIMARY KEY (tenant_id, level, subject),
  constraint rate_limits_tenant_fkey FOREIGN KEY (tenant_id) REFERENCES mayfly.tenants(id) ON DELETE CASCADE
) with (fillfactor=50);
alter table mayfly.rate_limits enable row level security;
create policy rate_limits_select on mayfly.rate_limits for select to authenticated
  using ((tenant_id = ANY (( SELECT mayfly.tenant_ids('cost:read'::text) AS tenant_ids)::uuid[])));
grant select on table mayfly.rate_limits to authenticated;
grant select on table mayfly.rate_limits to service_role;
comment on table mayfly.rate_limits is 'How many calls of models and tools are allowed in a minute.';

create table mayfly.run_chunks (
  tenant_id uuid not null,
  run_id uuid not null,
  seq bigint not null,
  size integer not null,
  chunks json not null,
  at timestamp with time zone not null default clock_timestamp(),
  bytes integer not null,
  constraint run_chunks_pkey PRIMARY KEY (tenant_id, run_id, seq),
  constraint run_chunks_run_fkey FOREIGN KEY (tenant_id, run_id) REFERENCES mayfly.runs(tenant_id, id) ON DELETE CASCADE,
  constraint run_chunks_size_range CHECK ((size >= 1))
);
alter table mayfly.run_chunks enable row level security;
create policy run_chunks_select on mayfly.run_chunks for select to authenticated
  using ((tenant_id = ANY (( SELECT mayfly.tenant_ids('run:read'::text) AS tenant_ids)::uuid[])));
grant select on table mayfly.run_chunks to authenticated;
grant select on table mayfly.run_chunks to service_role;
comment on table mayfly.run_chunks is 'The streams of runs.';

create table mayfly.run_model_calls (
  tenant_id uuid not null,
  run_id uuid not null,
  step integer not null,
  try integer not null,
  agent text not null,
  provider text not null,
  model text not null,
  digest bytea not null,
  parts json,
  messages json,
  finish text,
  usage jsonb,
  usd numeric,
  priced text,
  ms integer not null,
  error jsonb,
  attempt integer not null,
  at timestamp with time zone not null default clock_timestamp(),
  bytes integer not null,
  constraint run_model_calls_answered_or_failed CHECK (((parts IS NULL) <> (error IS NULL))),
  constraint run_model_calls_pkey PRIMARY KEY (tenant_id, run_id, step, try),
  constraint run_model_calls_run_fkey FOREIGN KEY (tenant_id, run_id) REFERENCES mayfly.runs(tenant_id, id) ON DELETE CASCADE,
  constraint run_model_calls_step_range CHECK ((step >= 1)),
  constraint run_model_calls_try_range CHECK ((try >= 1))
);
CREATE UNIQUE INDEX run_model_calls_answer_key ON mayfly.run_model_calls USING btree (tenant_id, run_id, step) WHERE (parts IS NOT NULL);
alter table mayfly.run_model_calls enable row level security;
create policy run_model_calls_select on mayfly.run_model_calls for select to authenticated
  using ((tenant_id = ANY (( SELECT mayfly.tenant_ids('run:read'::text) AS tenant_ids)::uuid[])));
grant select on table mayfly.run_model_calls to authenticated;
grant select on table mayfly.run_model_calls to service_role;
comment on table mayfly.run_model_calls is 'Answers of models, and failed calls.';

create table mayfly.run_tool_calls (
  tenant_id uuid not null,
  run_id uuid not null,
  step integer not null,
  call_id text not null,
  nth integer not null,
  tool text not null,
  risk text,
  input json not null,
  status text not null,
  result json,
  error jsonb,
  approval_id uuid,
  attempt integer not null,
  attempts integer not null default 1,
  holder uuid,
  started_at timestamp with time zone not null default clock_timestamp(),
  ended_at timestamp with time zone,
  bytes integer not null,
  constraint run_tool_calls_call_id_length CHECK (((char_length(call_id) >= 1) AND (char_length(call_id) <= 200))),
  constraint run_tool_calls_ended_at_end CHECK (((ended_at IS NULL) = (status = 'started'::text))),
  constraint run_tool_calls_pkey PRIMARY KEY (tenant_id, run_id, step, call_id),
  constraint run_tool_calls_run_fkey FOREIGN KEY (tenant_id, run_id) REFERENCES mayfly.runs(tenant_id, id) ON DELETE CASCADE,
  constraint run_tool_calls_status_known CHECK ((status = ANY (ARRAY['started'::text, 'succeeded'::text, 'failed'::text, 'denied'::text, 'edited'::text]))),
  constraint run_tool_calls_step_range CHECK ((step >= 1)),
  constraint run_tool_calls_tool_length CHECK (((char_length(tool) >= 1) AND (char_length(tool) <= 100)))
);
alter table mayfly.run_tool_calls enable row level security;
create policy run_tool_calls_select on mayfly.run_tool_calls for select to authenticated
  using ((tenant_id = ANY (( SELECT mayfly.tenant_ids('run:read'::text) AS tenant_ids)::uuid[])));
grant select on table mayfly.run_tool_calls to authenticated;
grant select on table mayfly.run_tool_calls to service_role;
comment on table mayfly.run_tool_calls is 'The audit of tools: their input and results.';

create table mayfly.runs (
  tenant_id uuid not null,
  id uuid not null,
  agent text not null,
  status text not null default 'queued'::text,
  paused boolean not null default false,
  input json,
  context json,
  limits jsonb not null default '{}'::jsonb,
  output json,
  error jsonb,
  steps integer not null default 0,
  repairs integer not null default 0,
  input_tokens bigint not null default 0,
  output_tokens bigint not null default 0,
  usd numeric not null default 0,
  unpriced integer not null default 0,
  active_ms bigint not null default 0,
  forked_from uuid,
  forked_at integer,
  parent_id uuid,
  created_by uuid,
  created_at timestamp with time zone not null default clock_timestamp(),
  started_at timestamp with time zone,
  ended_at timestamp with time zone,
  last_chunk bigint not null default 0,
  told_chunk bigint not null default 0,
  told_at timestamp with time zone,
  bytes integer not null,
  constraint runs_agent_form CHECK ((agent ~ '^[a-z0-9][a-z0-9_.-]{0,62}$'::text)),
  constraint runs_ended_at_end CHECK (((ended_at IS NULL) = (status = ANY (ARRAY['queued'::text, 'running'::text])))),
  constraint runs_fork_whole CHECK (((forked_from IS NULL) = (forked_at IS NULL))),
  constraint runs_forked_at_range CHECK ((forked_at >= 1)),
  constraint runs_pkey PRIMARY KEY (tenant_id, id),
  constraint runs_status_known CHECK ((status = ANY (ARRAY['queued'::text, 'running'::text, 'succeeded'::text, 'failed'::text, 'cancelled'::text, 'max_steps'::text, 'max_time'::text, 'max_tokens'::text, 'max_cost'::text]))),
  constraint runs_tenant_fkey FOREIGN KEY (tenant_id) REFERENCES mayfly.tenants(id) ON DELETE CASCADE
) with (fillfactor=50);
CREATE INDEX runs_ended_idx ON mayfly.runs USING btree (tenant_id, ended_at) WHERE (ended_at IS NOT NULL);
CREATE INDEX runs_forks_idx ON mayfly.runs USING btree (tenant_id, forked_from) WHERE (forked_from IS NOT NULL);
CREATE INDEX runs_open_idx ON mayfly.runs USING btree (tenant_id) WHERE (ended_at IS NULL);
alter table mayfly.runs enable row level security;
create policy runs_select on mayfly.runs for select to authenticated
  using ((tenant_id = ANY (( SELECT mayfly.tenant_ids('run:read'::text) AS tenant_ids)::uuid[])));
grant select on table mayfly.runs to authenticated;
grant select on table mayfly.runs to service_role;
comment on table mayfly.runs is 'Runs of agents.';

create table mayfly.scopes (
  name text not null,
  description text not null,
  roles text[] not null,
  agents boolean not null default true,
  by_default boolean not null default false,
  constraint scopes_pkey PRIMARY KEY (name)
);
alter table mayfly.scopes enable row level security;
create policy scopes_select on mayfly.scopes for select to authenticated
  using (true);
grant select on table mayfly.scopes to authenticated;
grant select on table mayfly.scopes to service_role;
comment on table mayfly.scopes is 'The scopes: what each allows, which member roles have it, and whether agents can.';

create table mayfly.state_versions (
  tenant_id uuid not null,
  state_id uuid not null,
  version integer not null,
  value jsonb,
  bytes integer not null default 0,
  action text not null,
  by uuid,
  at timestamp with time zone not null default clock_timestamp(),
  constraint state_versions_action_known CHECK ((action = ANY (ARRAY['set'::text, 'patch'::text, 'rollback'::text, 'reconcile'::text, 'delete'::text, 'expire'::text]))),
  constraint state_versions_pkey PRIMARY KEY (tenant_id, state_id, version),
  constraint state_versions_state_fkey FOREIGN KEY (tenant_id, state_id) REFERENCES mayfly.states(tenant_id, id) ON DELETE CASCADE
);
alter table mayfly.state_versions enable row level security;
create policy state_versions_select on mayfly.state_versions for select to authenticated
  using ((tenant_id = ANY (( SELECT mayfly.tenant_ids('state:read'::text) AS tenant_ids)::uuid[])));
grant select on table mayfly.state_versions to authenticated;
grant select on table mayfly.state_versions to service_role;
comment on table mayfly.state_versions is 'The versions of states: values, who made them and how.';

create table mayfly.states (
  tenant_id uuid not null,
  id uuid not null default gen_random_uuid(),
  agent_id uuid,
  key text not null,
  version integer not null,
  value jsonb,
  updated_by uuid,
  created_at timestamp with time zone not null default clock_timestamp(),
  updated_at timestamp with time zone not null default clock_timestamp(),
  expires_at timestamp with time zone,
  deleted_at timestamp with time zone,
  constraint states_agent_fkey FOREIGN KEY (tenant_id, agent_id) REFERENCES mayfly.agents(tenant_id, id),
  constraint states_key_key UNIQUE NULLS NOT DISTINCT (tenant_id, agent_id, key),
  constraint states_key_length CHECK (((char_length(key) >= 1) AND (char_length(key) <= 200))),
  constraint states_pkey PRIMARY KEY (tenant_id, id),
  constraint states_tenant_fkey FOREIGN KEY (tenant_id) REFERENCES mayfly.tenants(id) ON DELETE CASCADE,
  constraint states_value_unless_deleted CHECK (((value IS NULL) = (deleted_at IS NOT NULL))),
  constraint states_version_range CHECK ((version >= 0))
);
CREATE INDEX states_over_idx ON mayfly.states USING btree (tenant_id, LEAST(expires_at, deleted_at));
alter table mayfly.states enable row level security;
create policy states_select on mayfly.states for select to authenticated
  using ((tenant_id = ANY (( SELECT mayfly.tenant_ids('state:read'::text) AS tenant_ids)::uuid[])));
CREATE TRIGGER states_log_update AFTER UPDATE ON mayfly.states REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION mayfly_private.log_states();
grant select on table mayfly.states to authenticated;
grant select on table mayfly.states to service_role;
comment on table mayfly.states is 'Versioned documents by key, of an agent or shared by the tenant.';

create table mayfly.team_alerts (
  tenant_id uuid not null,
  id uuid not null default gen_random_uuid(),
  team_id uuid not null,
  kind text not null,
  cause text not null,
  agents uuid[] not null,
  detail jsonb not null default '{}'::jsonb,
  status text not null default 'open'::text,
  times integer not null default 1,
  found_at timestamp with time zone not null default clock_timestamp(),
  seen_at timestamp with time zone not null default clock_timestamp(),
  taken_at timestamp with time zone,
  handled_at timestamp with time zone,
  handled_with text,
  constraint team_alerts_handled_with_length CHECK ((char_length(handled_with) <= 200)),
  constraint team_alerts_kind_known CHECK ((kind = ANY (ARRAY['deadlock'::text, 'repetition'::text, 'silence'::text, 'runaway_cost'::text]))),
  constraint team_alerts_pkey PRIMARY KEY (tenant_id, id),
  constraint team_alerts_status_known CHECK ((status = ANY (ARRAY['open'::text, 'over'::text]))),
  constraint team_alerts_team_fkey FOREIGN KEY (tenant_id, team_id) REFERENCES mayfly.teams(tenant_id, id) ON DELETE CASCADE
);
CREATE UNIQUE INDEX team_alerts_open_key ON mayfly.team_alerts USING btree (tenant_id, team_id, kind, cause) WHERE (status = 'open'::text);
CREATE INDEX team_alerts_team_idx ON mayfly.team_alerts USING btree (tenant_id, team_id);
alter table mayfly.team_alerts enable row level security;
create policy team_alerts_select on mayfly.team_alerts for select to authenticated
  using ((tenant_id = ANY (( SELECT mayfly.tenant_ids('team:read'::text) AS tenant_ids)::uuid[])));
grant select on table mayfly.team_alerts to authenticated;
grant select on table mayfly.team_alerts to service_role;
comment on table mayfly.team_alerts is 'What the detectors found in teams.';

create table mayfly.team_members (
  tenant_id uuid not null,
  team_id uuid not null,
  agent_id uuid not null,
  role text not null,
  joined_at timestamp with time zone not null default clock_timestamp(),
  constraint team_members_agent_fkey FOREIGN KEY (tenant_id, agent_id) REFERENCES mayfly.agents(tenant_id, id) ON DELETE CASCADE,
  constraint team_members_pkey PRIMARY KEY (tenant_id, team_id, agent_id),
  constraint team_members_role_form CHECK ((role ~ '^[a-z0-9][a-z0-9_.-]{0,62}$'::text)),
  constraint team_members_team_fkey FOREIGN KEY (tenant_id, team_id) REFERENCES mayfly.teams(tenant_id, id) ON DELETE CASCADE
);
CREATE INDEX team_members_agent_idx ON mayfly.team_members USING btree (tenant_id, agent_id);
alter table mayfly.team_members enable row level security;
create policy team_members_select on mayfly.team_members for select to authenticated
  using ((tenant_id = ANY (( SELECT mayfly.tenant_ids('team:read'::text) AS tenant_ids)::uuid[])));
CREATE TRIGGER team_members_group_costs AFTER INSERT ON mayfly.team_members REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION mayfly_private.group_costs();
grant select on table mayfly.team_members to authenticated;
grant select on table mayfly.team_members to service_role;
comment on table mayfly.team_members is 'Which agents are, or were, in which team.';

create table mayfly.teams (
  tenant_id uuid not null,
  id uuid not null default gen_random_uuid(),
  name text not null,
  task text,
  status text not null default 'running'::text,
  lead_id uuid,
  channel_id uuid,
  deadline timestamp with time zone,
  metadata jsonb not null default '{}'::jsonb,
  created_by uuid,
  created_at timestamp with time zone not null default clock_timestamp(),
  ended_at timestamp with time zone,
  end_reason text,
  constraint teams_end_reason_length CHECK ((char_length(end_reason) <= 500)),
  constraint teams_ended_when_over CHECK (((status = 'ended'::text) = (ended_at IS NOT NULL))),
  constraint teams_metadata_object CHECK (((jsonb_typeof(metadata) = 'object'::text) AND (pg_column_size(metadata) <= 16384))),
  constraint teams_name_length CHECK (((char_length(name) >= 1) AND (char_length(name) <= 100))),
  constraint teams_pkey PRIMARY KEY (tenant_id, id),
  constraint teams_status_known CHECK ((status = ANY (ARRAY['running'::text, 'ended'::text]))),
  constraint teams_task_length CHECK ((char_length(task) <= 2000)),
  constraint teams_tenant_fkey FOREIGN KEY (tenant_id) REFERENCES mayfly.tenants(id) ON DELETE CASCADE
);
CREATE INDEX teams_ended_idx ON mayfly.teams USING btree (tenant_id, ended_at) WHERE (status = 'ended'::text);
CREATE UNIQUE INDEX teams_name_key ON mayfly.teams USING btree (tenant_id, name) WHERE (status = 'running'::text);
alter table mayfly.teams enable row level security;
create policy teams_select on mayfly.teams for select to authenticated
  using ((tenant_id = ANY (( SELECT mayfly.tenant_ids('team:read'::text) AS tenant_ids)::uuid[])));
CREATE TRIGGER teams_meter_delete AFTER DELETE ON mayfly.teams REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION mayfly_private.meter_rows();
CREATE TRIGGER teams_meter_insert AFTER INSERT ON mayfly.teams REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION mayfly_private.meter_rows();
grant select on table mayfly.teams to authenticated;
grant select on table mayfly.teams to service_role;
comment on table mayfly.teams is 'Agents that work on something together, and how the team ended.';

create table mayfly.tenants (
  id uuid not null default gen_random_uuid(),
  name text not null,
  max_lifetime interval not null default '00:15:00'::interval,
  token_lifetime interval not null default '00:02:00'::interval,
  max_living_agents integer not null default 100,
  max_depth integer not null default 5,
  spawns_per_minute integer not null default 120,
  max_memories bigint not null default 1000000,
  max_bytes bigint not null default 1073741824,
  writes_per_minute integer not null default 60000,
  language text not null default 'english'::text,
  retention jsonb not null default '[]'::jsonb,
  messages_kept interval not null default '7 days'::interval,
  debug jsonb not null default '{"keep": 604800, "level": 1, "persist": false, "max_records_per_minute": 600}'::jsonb,
  created_at timestamp with time zone not null default now(),
  constraint tenants_debug_form CHECK (mayfly_private.is_debug_setting(debug)),
  constraint tenants_language_known CHECK ((language = ANY (ARRAY['simple'::text, 'arabic'::text, 'danish'::text, 'dutch'::text, 'english'::text, 'finnish'::text, 'french'::text, 'german'::text, 'hungarian'::text, 'indonesian'::text, 'italian'::text, 'norwegian'::text, 'portuguese'::text, 'romanian'::text, 'russian'::text, 'spanish'::text, 'swedish'::text, 'turkish'::text]))),
  constraint tenants_max_bytes_range CHECK ((max_bytes >= 0)),
  constraint tenants_max_depth_range CHECK (((max_depth >= 0) AND (max_depth <= 20))),
  constraint tenants_max_lifetime_range CHECK (((max_lifetime >= '00:00:05'::interval) AND (max_lifetime <= '30 days'::interval))),
  constraint tenants_max_living_agents_range CHECK (((max_living_agents >= 0) AND (max_living_agents <= 100000))),
  constraint tenants_max_memories_range CHECK ((max_memories >= 0)),
  constraint tenants_messages_kept_range CHECK (((messages_kept >= '01:00:00'::interval) AND (messages_kept <= '10 years'::interval))),
  constraint tenants_name_length CHECK (((char_length(name) >= 1) AND (char_length(name) <= 200))),
  constraint tenants_pkey PRIMARY KEY (id),
  constraint tenants_retention_form CHECK (mayfly_private.is_retention(retention)),
  constraint tenants_spawns_per_minute_range CHECK (((spawns_per_minute >= 1) AND (spawns_per_minute <= 100000))),
  constraint tenants_token_lifetime_range CHECK (((token_lifetime >= '00:00:10'::interval) AND (token_lifetime <= '01:00:00'::interval))),
  constraint tenants_writes_per_minute_range CHECK ((writes_per_minute >= 1000))
);
alter table mayfly.tenants enable row level security;
create policy tenants_select on mayfly.tenants for select to authenticated
  using ((id = ANY (( SELECT mayfly.tenant_ids() AS tenant_ids)::uuid[])));
CREATE TRIGGER tenants_forget_jobs AFTER DELETE ON mayfly.tenants REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION mayfly_private.forget_jobs();
CREATE TRIGGER tenants_forget_log AFTER DELETE ON mayfly.tenants REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION mayfly_private.forget_log();
CREATE TRIGGER tenants_start_usage AFTER INSERT ON mayfly.tenants FOR EACH ROW EXECUTE FUNCTION mayfly_private.start_usage();
grant select on table mayfly.tenants to authenticated;
grant select on table mayfly.tenants to service_role;
comment on table mayfly.tenants is 'Tenants, with their limits.';

create table mayfly.tenders (
  tenant_id uuid not null,
  id uuid not null default gen_random_uuid(),
  team_id uuid,
  job jsonb not null,
  capabilities text[] not null default '{}'::text[],
  rule text not null,
  max_price numeric(20,6),
  deadline timestamp with time zone not null,
  status text not null default 'open'::text,
  job_id uuid,
  winner_id uuid,
  created_by uuid,
  created_at timestamp with time zone not null default clock_timestamp(),
  closed_at timestamp with time zone,
  constraint tenders_closed_when_over CHECK (((status = 'open'::text) = (closed_at IS NULL))),
  constraint tenders_job_when_awarded CHECK (((status = 'awarded'::text) = (job_id IS NOT NULL))),
  constraint tenders_pkey PRIMARY KEY (tenant_id, id),
  constraint tenders_rule_known CHECK ((rule = ANY (ARRAY['lowest_price'::text, 'highest_score'::text]))),
  constraint tenders_status_known CHECK ((status = ANY (ARRAY['open'::text, 'awarded'::text, 'failed'::text, 'cancelled'::text]))),
  constraint tenders_tenant_fkey FOREIGN KEY (tenant_id) REFERENCES mayfly.tenants(id) ON DELETE CASCADE
);
CREATE INDEX tenders_closed_idx ON mayfly.tenders USING btree (tenant_id, closed_at) WHERE (status <> 'open'::text);
CREATE INDEX tenders_open_idx ON mayfly.tenders USING btree (tenant_id, deadline) WHERE (status = 'open'::text);
alter table mayfly.tenders enable row level security;
create policy tenders_select on mayfly.tenders for select to authenticated
  using ((tenant_id = ANY (( SELECT mayfly.tenant_ids('team:read'::text) AS tenant_ids)::uuid[])));
CREATE TRIGGER tenders_meter_delete AFTER DELETE ON mayfly.tenders REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION mayfly_private.meter_rows();
CREATE TRIGGER tenders_meter_insert AFTER INSERT ON mayfly.tenders REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION mayfly_private.meter_rows();
grant select on table mayfly.tenders to authenticated;
grant select on table mayfly.tenders to service_role;
comment on table mayfly.tenders is 'Work that agents bid for, and who got it.';

create table mayfly.thread_parts (
  tenant_id uuid not null,
  thread_id uuid not null,
  chain integer not null,
  place integer not null,
  body text not null,
  of_ns text,
  of_checkpoint text,
  of_task text,
  of_idx integer,
  head integer not null default 0,
  tail integer not null default 0,
  bytes integer not null,
  constraint thread_parts_chain_range CHECK ((chain >= 1)),
  constraint thread_parts_pkey PRIMARY KEY (tenant_id, thread_id, chain, place),
  constraint thread_parts_place_range CHECK ((place >= 1)),
  constraint thread_parts_thread_fkey FOREIGN KEY (tenant_id, thread_id) REFERENCES mayfly.threads(tenant_id, id) ON DELETE CASCADE
);
alter table mayfly.thread_parts enable row level security;
create policy thread_parts_select on mayfly.thread_parts for select to authenticated
  using ((tenant_id = ANY (( SELECT mayfly.tenant_ids('thread:read'::text) AS tenant_ids)::uuid[])));
grant select on table mayfly.thread_parts to authenticated;
grant select on table mayfly.thread_parts to service_role;
comment on table mayfly.thread_parts is 'The texts that make up the values of channels.';

create table mayfly.thread_writes (
  tenant_id uuid not null,
  thread_id uuid not null,
  ns text not null,
  checkpoint_id text not null,
  task_id text not null,
  path text not null default ''::text,
  writes jsonb not null,
  bytes integer not null,
  constraint thread_writes_path_length CHECK ((char_length(path) <= 1000)),
  constraint thread_writes_pkey PRIMARY KEY (tenant_id, thread_id, ns, checkpoint_id, task_id),
  constraint thread_writes_task_length CHECK (((char_length(task_id) >= 1) AND (char_length(task_id) <= 200))),
  constraint thread_writes_thread_fkey FOREIGN KEY (tenant_id, thread_id) REFERENCES mayfly.threads(tenant_id, id) ON DELETE CASCADE
);
alter table mayfly.thread_writes enable row level security;
create policy thread_writes_select on mayfly.thread_writes for select to authenticated
  using ((tenant_id = ANY (( SELECT mayfly.tenant_ids('thread:read'::text) AS tenant_ids)::uuid[])));
grant select on table mayfly.thread_writes to authenticated;
grant select on table mayfly.thread_writes to service_role;
comment on table mayfly.thread_writes is 'What tasks wrote after a checkpoint.';

create table mayfly.threads (
  tenant_id uuid not null,
  id uuid not null default gen_random_uuid(),
  name text not null,
  chains integer not null default 0,
  bytes bigint not null default 0,
  created_at timestamp with time zone not null default mayfly_private.now(),
  updated_at timestamp with time zone not null default mayfly_private.now(),
  expires_at timestamp with time zone,
  constraint threads_bytes_range CHECK ((bytes >= 0)),
  constraint threads_name_key UNIQUE (tenant_id, name),
  constraint threads_name_length CHECK (((char_length(name) >= 1) AND (char_length(name) <= 500))),
  constraint threads_pkey PRIMARY KEY (tenant_id, id),
  constraint threads_tenant_fkey FOREIGN KEY (tenant_id) REFERENCES mayfly.tenants(id) ON DELETE CASCADE
);
CREATE INDEX threads_expires_idx ON mayfly.threads USING btree (tenant_id, expires_at);
alter table mayfly.threads enable row level security;
create policy threads_select on mayfly.threads for select to authenticated
  using ((tenant_id = ANY (( SELECT mayfly.tenant_ids('thread:read'::text) AS tenant_ids)::uuid[])));
grant select on table mayfly.threads to authenticated;
grant select on table mayfly.threads to service_role;
comment on table mayfly.threads is 'Threads of work, by name, for which frameworks store checkpoints.';

create table mayfly.track_records (
  tenant_id uuid not null,
  agent_type text not null,
  work text not null,
  rated integer not null,
  total double precision not null,
  constraint track_records_pkey PRIMARY KEY (tenant_id, agent_type, work),
  constraint track_records_tenant_fkey FOREIGN KEY (tenant_id) REFERENCES mayfly.tenants(id) ON DELETE CASCADE
);
alter table mayfly.track_records enable row level security;
create policy track_records_select on mayfly.track_records for select to authenticated
  using ((tenant_id = ANY (( SELECT mayfly.tenant_ids('team:read'::text) AS tenant_ids)::uuid[])));
grant select on table mayfly.track_records to authenticated;
grant select on table mayfly.track_records to service_role;
comment on table mayfly.track_records is 'How well the agents of a type have done a kind of work: the number of ratings and the sum of the rewards.';

create table mayfly.workflow_graphs (
  tenant_id uuid not null,
  name text not null,
  version text not null,
  graph jsonb not null,
  set_by uuid,
  set_at timestamp with time zone not null default clock_timestamp(),
  bytes integer not null,
  constraint workflow_graphs_pkey PRIMARY KEY (tenant_id, name, version),
  constraint workflow_graphs_tenant_fkey FOREIGN KEY (tenant_id) REFERENCES mayfly.tenants(id) ON DELETE CASCADE
);
alter table mayfly.workflow_graphs enable row level security;
create policy workflow_graphs_select on mayfly.workflow_graphs for select to authenticated
  using ((tenant_id = ANY (( SELECT mayfly.tenant_ids('job:read'::text) AS tenant_ids)::uuid[])));
grant select on table mayfly.workflow_graphs to authenticated;
grant select on table mayfly.workflow_graphs to service_role;
comment on table mayfly.workflow_graphs is 'Workflows that are declared as graphs, by name and version.';

create table mayfly_private.agent_loads (
  tenant_id uuid not null,
  agent_id uuid not null,
  id bigint not null generated always as identity,
  change integer not null,
  constraint agent_loads_pkey PRIMARY KEY (tenant_id, agent_id, id),
  constraint agent_loads_tenant_fkey FOREIGN KEY (tenant_id) REFERENCES mayfly.tenants(id) ON DELETE CASCADE
) with (autovacuum_vacuum_scale_factor=0, autovacuum_vacuum_threshold=2000);
alter table mayfly_private.agent_loads enable row level security;
comment on table mayfly_private.agent_loads is 'Changes of the number of open assignments of agents.';

create table mayfly_private.broadcast_losses (
  tenant_id uuid not null,
  noticed bigint not null default 0,
  at timestamp with time zone not null,
  constraint broadcast_losses_pkey PRIMARY KEY (tenant_id),
  constraint broadcast_losses_tenant_fkey FOREIGN KEY (tenant_id) REFERENCES mayfly.tenants(id) ON DELETE CASCADE
);
alter table mayfly_private.broadcast_losses enable row level security;
comment on table mayfly_private.broadcast_losses is 'Which tenants have noticed lost broadcasts.';

create table mayfly_private.cast_ballots (
  tenant_id uuid not null,
  poll_id uuid not null,
  voter_id uuid not null,
  choice text not null,
  reason text,
  weight double precision not null,
  cast_at timestamp with time zone not null,
  constraint cast_ballots_pkey PRIMARY KEY (tenant_id, poll_id, voter_id),
  constraint cast_ballots_poll_fkey FOREIGN KEY (tenant_id, poll_id) REFERENCES mayfly.polls(tenant_id, id) ON DELETE CASCADE
);
alter table mayfly_private.cast_ballots enable row level security;
CREATE TRIGGER cast_ballots_meter_delete AFTER DELETE ON mayfly_private.cast_ballots REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION mayfly_private.meter_rows();
CREATE TRIGGER cast_ballots_meter_insert AFTER INSERT ON mayfly_private.cast_ballots REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION mayfly_private.meter_rows();
comment on table mayfly_private.cast_ballots is 'Who voted for what in open polls.';

create table mayfly_private.charges (
  relation text not null,
  flat integer,
  written text[],
  lenient boolean not null default false,
  bytes text,
  bounded_by text,
  constraint charges_flat_range CHECK ((flat >= 0)),
  constraint charges_one_way CHECK (((num_nonnulls(flat, bytes, bounded_by) = 1) AND ((flat IS NULL) = (written IS NULL)))),
  constraint charges_pkey PRIMARY KEY (relation)
);
alter table mayfly_private.charges enable row level security;
comment on table mayfly_private.charges is 'How many bytes the rows of each table are charged to their tenant.';

create table mayfly_private.chores (
  name text not null,
  work text not null,
  constraint chores_name_form CHECK ((name ~ '^[a-z][a-z_]{0,62}$'::text)),
  constraint chores_pkey PRIMARY KEY (name)
);
alter table mayfly_private.chores enable row level security;
comment on table mayfly_private.chores is 'The chores of maintenance, which run for each tenant.';

create table mayfly_private.client_grants (
  tenant_id uuid not null,
  user_id uuid not null,
  client_id text not null,
  scopes text[] not null,
  created_at timestamp with time zone not null default clock_timestamp(),
  updated_at timestamp with time zone not null default clock_timestamp(),
  constraint client_grants_client_length CHECK (((char_length(client_id) >= 1) AND (char_length(client_id) <= 200))),
  constraint client_grants_member_fkey FOREIGN KEY (tenant_id, user_id) REFERENCES mayfly.members(tenant_id, user_id) ON DELETE CASCADE,
  constraint client_grants_pkey PRIMARY KEY (tenant_id, user_id, client_id)
);
CREATE INDEX client_grants_token_idx ON mayfly_private.client_grants USING btree (user_id, client_id);
alter table mayfly_private.client_grants enable row level security;
comment on table mayfly_private.client_grants is 'The scopes that people have granted to OAuth clients.';

create table mayfly_private.cost_groups (
  tenant_id uuid not null,
  agent_id uuid not null,
  subject text not null,
  constraint cost_groups_agent_fkey FOREIGN KEY (tenant_id, agent_id) REFERENCES mayfly.agents(tenant_id, id) ON DELETE CASCADE,
  constraint cost_groups_pkey PRIMARY KEY (tenant_id, agent_id, subject)
);
alter table mayfly_private.cost_groups enable row level security;
comment on table mayfly_private.cost_groups is 'Which agents spend for which team.';

create table mayfly_private.cost_holds (
  tenant_id uuid not null,
  id uuid not null,
  holder uuid not null,
  job_id uuid,
  attempt integer,
  until timestamp with time zone,
  agent text not null,
  run_id uuid,
  provider text not null,
  model text not null,
  levels text[] not null,
  usd numeric not null,
  tokens bigint not null,
  released_at timestamp with time zone,
  created_at timestamp with time zone not null default clock_timestamp(),
  groups text[] not null default '{}'::text[],
  constraint cost_holds_pkey PRIMARY KEY (tenant_id, id),
  constraint cost_holds_tenant_fkey FOREIGN KEY (tenant_id) REFERENCES mayfly.tenants(id) ON DELETE CASCADE
);
alter table mayfly_private.cost_holds enable row level security;
comment on table mayfly_private.cost_holds is 'Amounts reserved for open calls of models.';

create table mayfly_private.debug_leases (
  tenant_id uuid not null,
  id uuid not null,
  watcher_id uuid,
  agent_id uuid,
  level smallint not null,
  categories text[],
  expires_at timestamp with time zone not null,
  constraint debug_leases_agent_fkey FOREIGN KEY (tenant_id, agent_id) REFERENCES mayfly.agents(tenant_id, id) ON DELETE CASCADE,
  constraint debug_leases_level_range CHECK (((level >= 1) AND (level <= 4))),
  constraint debug_leases_pkey PRIMARY KEY (tenant_id, id),
  constraint debug_leases_tenant_fkey FOREIGN KEY (tenant_id) REFERENCES mayfly.tenants(id) ON DELETE CASCADE
);
CREATE INDEX debug_leases_agent_idx ON mayfly_private.debug_leases USING btree (tenant_id, agent_id);
alter table mayfly_private.debug_leases enable row level security;
comment on table mayfly_private.debug_leases is 'Who watches which agent''s debug stream, and until when.';

create table mayfly_private.debug_streams (
  tenant_id uuid not null,
  agent_id uuid not null,
  minute timestamp with time zone not null default '-infinity'::timestamp with time zone,
  records integer not null default 0,
  constraint debug_streams_agent_fkey FOREIGN KEY (tenant_id, agent_id) REFERENCES mayfly.agents(tenant_id, id) ON DELETE CASCADE,
  constraint debug_streams_pkey PRIMARY KEY (tenant_id, agent_id)
) with (fillfactor=50);
alter table mayfly_private.debug_streams enable row level security;
comment on table mayfly_private.debug_streams is 'The agents that listen for debug levels.';

create table mayfly_private.embedding_queue (
  tenant_id uuid not null,
  memory_id uuid not null,
  attempts smallint not null default 0,
  due_at timestamp with time zone not null default now(),
  lease uuid,
  error text,
  dead_at timestamp with time zone,
  constraint embedding_queue_error_length CHECK ((char_length(error) <= 500)),
  constraint embedding_queue_pkey PRIMARY KEY (tenant_id, memory_id)
);
CREATE INDEX embedding_queue_due_idx ON mayfly_private.embedding_queue USING btree (tenant_id, due_at) WHERE (dead_at IS NULL);
alter table mayfly_private.embedding_queue enable row level security;
comment on table mayfly_private.embedding_queue is 'Memories that are waiting for a vector, with their leases and attempts.';

create table mayfly_private.enrolment_secrets (
  hash bytea not null,
  tenant_id uuid not null,
  key_id uuid not null,
  constraint enrolment_secrets_key_fkey FOREIGN KEY (tenant_id, key_id) REFERENCES mayfly.enrolment_keys(tenant_id, id) ON DELETE CASCADE,
  constraint enrolment_secrets_pkey PRIMARY KEY (hash)
);
CREATE INDEX enrolment_secrets_key_idx ON mayfly_private.enrolment_secrets USING btree (tenant_id, key_id);
alter table mayfly_private.enrolment_secrets enable row level security;
comment on table mayfly_private.enrolment_secrets is 'SHA-256 of the keys with which machines spawn agents.';

create table mayfly_private.ensured_tenants (
  owner uuid,
  name text not null,
  tenant_id uuid not null,
  constraint ensured_tenants_name_key UNIQUE NULLS NOT DISTINCT (owner, name),
  constraint ensured_tenants_name_length CHECK (((char_length(name) >= 1) AND (char_length(name) <= 200))),
  constraint ensured_tenants_pkey PRIMARY KEY (tenant_id),
  constraint ensured_tenants_tenant_fkey FOREIGN KEY (tenant_id) REFERENCES mayfly.tenants(id) ON DELETE CASCADE
);
alter table mayfly_private.ensured_tenants enable row level security;
comment on table mayfly_private.ensured_tenants is 'The tenant for each name that a caller ensures.';

create table mayfly_private.epochs (
  epoch integer not null generated always as identity,
  system_identifier bigint not null,
  timeline integer not null,
  since timestamp with time zone not null default now(),
  constraint epochs_cluster_key UNIQUE (system_identifier, timeline),
  constraint epochs_pkey PRIMARY KEY (epoch)
);
alter table mayfly_private.epochs enable row level security;
comment on table mayfly_private.epochs is 'One row for each cluster and timeline on which this database has run.';

create table mayfly_private.event_rows (
  entity text not null,
  work text not null,
  constraint event_rows_entity_form CHECK ((entity ~ '^[a-z][a-z_]{0,62}$'::text)),
  constraint event_rows_pkey PRIMARY KEY (entity)
);
alter table mayfly_private.event_rows enable row level security;
comment on table mayfly_private.event_rows is 'The functions that return the rows that events are about.';

create table mayfly_private.files_due (
  path text not null,
  since timestamp with time zone not null default clock_timestamp(),
  constraint files_due_pkey PRIMARY KEY (path)
);
alter table mayfly_private.files_due enable row level security;
comment on table mayfly_private.files_due is 'Files in Storage whose row is gone, to be deleted there.';

create table mayfly_private.flusher (
  only_row boolean not null default true,
  at timestamp with time zone not null default '-infinity'::timestamp with time zone,
  constraint flusher_only_row CHECK (only_row),
  constraint flusher_pkey PRIMARY KEY (only_row)
);
alter table mayfly_private.flusher enable row level security;
comment on table mayfly_private.flusher is 'When due nudges were last sent.';

create table mayfly_private.imports (
  relation text not null,
  sets jsonb not null default '{}'::jsonb,
  rows text,
  left_out text,
  constraint imports_left_out_alone CHECK (((left_out IS NULL) OR ((rows IS NULL) AND (sets = '{}'::jsonb)))),
  constraint imports_pkey PRIMARY KEY (relation),
  constraint imports_sets_object CHECK ((jsonb_typeof(sets) = 'object'::text))
);
alter table mayfly_private.imports enable row level security;
comment on table mayfly_private.imports is 'How the rows of tables come back from an export. Tables that are not here come back as they are.';

create table mayfly_private.invitation_secrets (
  hash bytea not null,
  tenant_id uuid not null,
  invitation_id uuid not null,
  constraint invitation_secrets_invitation_fkey FOREIGN KEY (tenant_id, invitation_id) REFERENCES mayfly.invitations(tenant_id, id) ON DELETE CASCADE,
  constraint invitation_secrets_pkey PRIMARY KEY (hash)
);
CREATE INDEX invitation_secrets_invitation_idx ON mayfly_private.invitation_secrets USING btree (tenant_id, invitation_id);
alter table mayfly_private.invitation_secrets enable row level security;
comment on table mayfly_private.invitation_secrets is 'SHA-256 of the tokens that accept invitations.';

create table mayfly_private.job_calls (
  id uuid not null default gen_random_uuid(),
  function text not null,
  until timestamp with time zone not null,
  constraint job_calls_pkey PRIMARY KEY (id)
);
CREATE INDEX job_calls_function_idx ON mayfly_private.job_calls USING btree (function);
alter table mayfly_private.job_calls enable row level security;
comment on table mayfly_private.job_calls is 'Open calls of functions of serveJobs, and until when each of them counts.';

create table mayfly_private.job_functions (
  name text not null,
  at_once smallint not null,
  names text[],
  called_at timestamp with time zone,
  arrived_at timestamp with time zone,
  constraint job_functions_at_once_range CHECK (((at_once >= 1) AND (at_once <= 50))),
  constraint job_functions_name_form CHECK ((name ~ '^[A-Za-z0-9][A-Za-z0-9_-]{0,62}$'::text)),
  constraint job_functions_pkey PRIMARY KEY (name)
);
alter table mayfly_private.job_functions enable row level security;
comment on table mayfly_private.job_functions is 'Functions that pg_cron wakes when they have jobs.';

create table mayfly_private.job_keys (
  tenant_id uuid not null,
  key text not null,
  job_id uuid not null,
  constraint job_keys_pkey PRIMARY KEY (tenant_id, key)
);
alter table mayfly_private.job_keys enable row level security;
comment on table mayfly_private.job_keys is 'Which job belongs to a key.';

create table mayfly_private.job_tenants (
  tenant_id uuid not null,
  weight smallint not null default 1,
  max_running integer,
  constraint job_tenants_max_running_range CHECK (((max_running >= 1) AND (max_running <= 1000000))),
  constraint job_tenants_pkey PRIMARY KEY (tenant_id),
  constraint job_tenants_tenant_fkey FOREIGN KEY (tenant_id) REFERENCES mayfly.tenants(id) ON DELETE CASCADE,
  constraint job_tenants_weight_range CHECK (((weight >= 1) AND (weight <= 100)))
);
alter table mayfly_private.job_tenants enable row level security;
comment on table mayfly_private.job_tenants is 'Weights and limits of tenants in a shared fleet.';

create table mayfly_private.job_ticks (
  only_row boolean not null default true,
  fired_at timestamp with time zone not null default '-infinity'::timestamp with time zone,
  reaped_at timestamp with time zone not null default '-infinity'::timestamp with time zone,
  constraint job_ticks_only_row CHECK (only_row),
  constraint job_ticks_pkey PRIMARY KEY (only_row)
) with (fillfactor=50);
alter table mayfly_private.job_ticks enable row level security;
comment on table mayfly_private.job_ticks is 'When due schedules and ended leases were last looked for.';

create table mayfly_private.job_workers (
  tenant_id uuid not null,
  id uuid not null,
  until timestamp with time zone not null,
  notified boolean not null default false,
  holder uuid,
  names text[],
  queues text[],
  lease double precision,
  constraint job_workers_pkey PRIMARY KEY (tenant_id, id)
);
alter table mayfly_private.job_workers enable row level security;
comment on table mayfly_private.job_workers is 'Workers that found nothing and sleep until they are woken, or until the time in their row.';

create table mayfly_private.listeners (
  tenant_id uuid not null,
  topic text not null,
  until timestamp with time zone not null,
  constraint listeners_pkey PRIMARY KEY (tenant_id, topic),
  constraint listeners_tenant_fkey FOREIGN KEY (tenant_id) REFERENCES mayfly.tenants(id) ON DELETE CASCADE
) with (fillfactor=50);
alter table mayfly_private.listeners enable row level security;
comment on table mayfly_private.listeners is 'The topics to which somebody listens, and until when.';

create table mayfly_private.maintenance (
  tenant_id uuid not null,
  walked_to uuid not null default '00000000-0000-0000-0000-000000000000'::uuid,
  deleted_to xid8,
  epoch integer,
  messages_to timestamp with time zone not null default '-infinity'::timestamp with time zone,
  messages_to_id uuid not null default '00000000-0000-0000-0000-000000000000'::uuid,
  at timestamp with time zone not null default '-infinity'::timestamp with time zone,
  failures integer not null default 0,
  failed_since timestamp with time zone,
  error text,
  constraint maintenance_error_length CHECK ((char_length(error) <= 300)),
  constraint maintenance_pkey PRIMARY KEY (tenant_id),
  constraint maintenance_tenant_fkey FOREIGN KEY (tenant_id) REFERENCES mayfly.tenants(id) ON DELETE CASCADE
);
alter table mayfly_private.maintenance enable row level security;
comment on table mayfly_private.maintenance is 'The progress of maintenance for each tenant.';

create table mayfly_private.model_breakers (
  tenant_id uuid not null,
  provider text not null,
  model text not null,
  failures integer not null,
  open_until timestamp with time zone,
  probing_until timestamp with time zone,
  last_failure text,
  at timestamp with time zone not null default clock_timestamp(),
  constraint model_breakers_pkey PRIMARY KEY (tenant_id, provider, model),
  constraint model_breakers_tenant_fkey FOREIGN KEY (tenant_id) REFERENCES mayfly.tenants(id) ON DELETE CASCADE
) with (fillfactor=50);
alter table mayfly_private.model_breakers enable row level security;
comment on table mayfly_private.model_breakers is 'Models that have failed since they last answered.';

create table mayfly_private.nudge_kinds (
  event text not null,
  heard text,
  payload text not null,
  constraint nudge_kinds_event_form CHECK ((event ~ '^[a-z][a-z_]{0,62}$'::text)),
  constraint nudge_kinds_pkey PRIMARY KEY (event)
);
alter table mayfly_private.nudge_kinds enable row level security;
comment on table mayfly_private.nudge_kinds is 'The kinds of broadcasts that can be due.';

create table mayfly_private.nudges (
  tenant_id uuid not null,
  topic text not null,
  sent_at timestamp with time zone not null default '-infinity'::timestamp with time zone,
  constraint nudges_pkey PRIMARY KEY (tenant_id, topic),
  constraint nudges_tenant_fkey FOREIGN KEY (tenant_id) REFERENCES mayfly.tenants(id) ON DELETE CASCADE
) with (fillfactor=50);
alter table mayfly_private.nudges enable row level security;
comment on table mayfly_private.nudges is 'When a topic was nudged last.';

create table mayfly_private.nudges_due (
  tenant_id uuid not null,
  id bigint not null generated always as identity,
  topic text not null,
  event text not null,
  seq bigint,
  constraint nudges_due_pkey PRIMARY KEY (tenant_id, id)
);
alter table mayfly_private.nudges_due enable row level security;
comment on table mayfly_private.nudges_due is 'Broadcasts that are due.';

create table mayfly_private.operation_types (
  type text not null,
  scope text not null,
  work text not null,
  constraint operation_types_pkey PRIMARY KEY (type),
  constraint operation_types_type_form CHECK ((type ~ '^[a-z][a-z_]*\.[a-z][a-z_]*$'::text))
);
alter table mayfly_private.operation_types enable row level security;
comment on table mayfly_private.operation_types is 'The types of operations that a push may contain.';

create table mayfly_private.ops (
  tenant_id uuid not null,
  id uuid not null,
  result jsonb not null,
  at timestamp with time zone not null default now(),
  constraint ops_pkey PRIMARY KEY (tenant_id, id)
);
CREATE INDEX ops_at_idx ON mayfly_private.ops USING brin (at);
alter table mayfly_private.ops enable row level security;
comment on table mayfly_private.ops is 'Applied operations, by the id that the client chose.';

create table mayfly_private.postgres_listeners (
  tenant_id uuid not null,
  until timestamp with time zone not null,
  constraint postgres_listeners_pkey PRIMARY KEY (tenant_id),
  constraint postgres_listeners_tenant_fkey FOREIGN KEY (tenant_id) REFERENCES mayfly.tenants(id) ON DELETE CASCADE
) with (fillfactor=50);
alter table mayfly_private.postgres_listeners enable row level security;
comment on table mayfly_private.postgres_listeners is 'For which tenants a client receives broadcasts by LISTEN, and until when.';

create table mayfly_private.registrations (
  tenant_id uuid not null,
  spawner uuid not null,
  key text not null,
  agent_id uuid not null,
  constraint registrations_agent_fkey FOREIGN KEY (tenant_id, agent_id) REFERENCES mayfly.agents(tenant_id, id) ON DELETE CASCADE,
  constraint registrations_key_length CHECK (((char_length(key) >= 1) AND (char_length(key) <= 200))),
  constraint registrations_pkey PRIMARY KEY (tenant_id, spawner, key)
);
CREATE INDEX registrations_agent_idx ON mayfly_private.registrations USING btree (tenant_id, agent_id);
alter table mayfly_private.registrations enable row level security;
CREATE TRIGGER registrations_meter_insert AFTER INSERT ON mayfly_private.registrations REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION mayfly_private.meter_rows();
comment on table mayfly_private.registrations is 'The newest agent of each registration key.';

create table mayfly_private.renewal_secrets (
  hash bytea not null,
  tenant_id uuid not null,
  agent_id uuid not null,
  made_at timestamp with time zone not null default clock_timestamp(),
  used_at timestamp with time zone,
  round integer not null,
  constraint renewal_secrets_agent_fkey FOREIGN KEY (tenant_id, agent_id) REFERENCES mayfly.agents(tenant_id, id) ON DELETE CASCADE,
  constraint renewal_secrets_pkey PRIMARY KEY (hash)
);
CREATE INDEX renewal_secrets_agent_idx ON mayfly_private.renewal_secrets USING btree (tenant_id, agent_id);
alter table mayfly_private.renewal_secrets enable row level security;
comment on table mayfly_private.renewal_secrets is 'SHA-256 of the secrets that renew the tokens of agents.';

create table mayfly_private.run_watchers (
  tenant_id uuid not null,
  run_id uuid not null,
  until timestamp with time zone not null,
  constraint run_watchers_pkey PRIMARY KEY (tenant_id, run_id),
  constraint run_watchers_run_fkey FOREIGN KEY (tenant_id, run_id) REFERENCES mayfly.runs(tenant_id, id) ON DELETE CASCADE
);
alter table mayfly_private.run_watchers enable row level security;
comment on table mayfly_private.run_watchers is 'Runs that somebody listens to.';

create table mayfly_private.sealed_bids (
  tenant_id uuid not null,
  tender_id uuid not null,
  agent_id uuid not null,
  price numeric(20,6) not null,
  score double precision not null,
  note text,
  made_at timestamp with time zone not null,
  constraint sealed_bids_pkey PRIMARY KEY (tenant_id, tender_id, agent_id),
  constraint sealed_bids_tender_fkey FOREIGN KEY (tenant_id, tender_id) REFERENCES mayfly.tenders(tenant_id, id) ON DELETE CASCADE
);
alter table mayfly_private.sealed_bids enable row level security;
CREATE TRIGGER sealed_bids_meter_delete AFTER DELETE ON mayfly_private.sealed_bids REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION mayfly_private.meter_rows();
CREATE TRIGGER sealed_bids_meter_insert AFTER INSERT ON mayfly_private.sealed_bids REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION mayfly_private.meter_rows();
comment on table mayfly_private.sealed_bids is 'Who bid what, for work that is still open.';

create table mayfly_private.settings (
  only_row boolean not null default true,
  tenants_created_by text not null default 'secret_key'::text,
  max_tenants_per_person integer not null default 10,
  person_issuers text[] not null default '{%/auth/v1}'::text[],
  debug_rate integer not null default 50,
  announce_rate integer not null default 50,
  kept interval not null default '30 days'::interval,
  constraint settings_announce_rate_range CHECK (((announce_rate >= 1) AND (announce_rate <= 10000))),
  constraint settings_debug_rate_range CHECK (((debug_rate >= 1) AND (debug_rate <= 10000))),
  constraint settings_kept_range CHECK (((kept >= '01:00:00'::interval) AND (kept <= '100 years'::interval))),
  constraint settings_max_tenants_per_person_range CHECK ((max_tenants_per_person >= 0)),
  constraint settings_only_row CHECK (only_row),
  constraint settings_pkey PRIMARY KEY (only_row),
  constraint settings_tenants_created_by_known CHECK ((tenants_created_by = ANY (ARRAY['secret_key'::text, 'signed_in'::text])))
);
alter table mayfly_private.settings enable row level security;
comment on table mayfly_private.settings is 'The settings of the project.';

create table mayfly_private.settlements (
  tenant_id uuid not null,
  model text not null,
  vectors bigint not null,
  settled_at timestamp with time zone not null default now(),
  ef_search integer not null default 200,
  tuned_to bigint not null default 0,
  counted_at timestamp with time zone not null default now(),
  constraint settlements_ef_search_range CHECK (((ef_search >= 40) AND (ef_search <= 1000))),
  constraint settlements_pkey PRIMARY KEY (tenant_id, model),
  constraint settlements_tenant_fkey FOREIGN KEY (tenant_id) REFERENCES mayfly.tenants(id) ON DELETE CASCADE,
  constraint settlements_vectors_range CHECK ((vectors > 0))
);
alter table mayfly_private.settlements enable row level security;
comment on table mayfly_private.settlements is 'How many vectors of a tenant and a model were settled into the HNSW index.';

create table mayfly_private.spawn_buckets (
  tenant_id uuid not null,
  tokens double precision not null,
  filled_at timestamp with time zone not null,
  constraint spawn_buckets_pkey PRIMARY KEY (tenant_id),
  constraint spawn_buckets_tenant_fkey FOREIGN KEY (tenant_id) REFERENCES mayfly.tenants(id) ON DELETE CASCADE
) with (fillfactor=50);
alter table mayfly_private.spawn_buckets enable row level security;
comment on table mayfly_private.spawn_buckets is 'How many agents each tenant may spawn now.';

create table mayfly_private.team_pulses (
  tenant_id uuid not null,
  team_id uuid not null,
  agent_id uuid not null,
  mark text not null,
  since timestamp with time zone not null,
  constraint team_pulses_pkey PRIMARY KEY (tenant_id, team_id, agent_id),
  constraint team_pulses_team_fkey FOREIGN KEY (tenant_id, team_id) REFERENCES mayfly.teams(tenant_id, id) ON DELETE CASCADE
) with (fillfactor=80);
alter table mayfly_private.team_pulses enable row level security;
comment on table mayfly_private.team_pulses is 'Since when each member of a watched team has been doing the same thing.';

create table mayfly_private.tenant_usage (
  tenant_id uuid not null,
  shard smallint not null,
  memories bigint not null default 0,
  bytes bigint not null default 0,
  minute timestamp with time zone not null default '-infinity'::timestamp with time zone,
  writes integer not null default 0,
  told_at timestamp with time zone not null default '-infinity'::timestamp with time zone,
  told integer not null default 0,
  constraint tenant_usage_pkey PRIMARY KEY (tenant_id, shard),
  constraint tenant_usage_shard_range CHECK (((shard >= 0) AND (shard <= 15))),
  constraint tenant_usage_tenant_fkey FOREIGN KEY (tenant_id) REFERENCES mayfly.tenants(id) ON DELETE CASCADE
) with (fillfactor=50);
alter table mayfly_private.tenant_usage enable row level security;
comment on table mayfly_private.tenant_usage is 'What a tenant has stored, and written in the current minute. Add up its shards.';

create table mayfly_private.topics (
  name text not null,
  parts integer not null,
  rule text not null,
  constraint topics_name_form CHECK ((name ~ '^[a-z][a-z_]{0,62}$'::text)),
  constraint topics_parts_known CHECK ((parts = ANY (ARRAY[3, 4]))),
  constraint topics_pkey PRIMARY KEY (name)
);
alter table mayfly_private.topics enable row level security;
comment on table mayfly_private.topics is 'The private Realtime topics, and who may use each.';

create table mayfly_private.usage_counts (
  name text not null,
  work text not null,
  constraint usage_counts_name_form CHECK ((name ~ '^[a-z][a-z_]{0,62}$'::text)),
  constraint usage_counts_pkey PRIMARY KEY (name)
);
alter table mayfly_private.usage_counts enable row level security;
comment on table mayfly_private.usage_counts is 'What mayfly.usage shows about each room.';

create table mayfly_private.word_frequencies (
  tenant_id uuid not null,
  word text not null,
  memories integer not null,
  constraint word_frequencies_pkey PRIMARY KEY (tenant_id, word),
  constraint word_frequencies_sample_fkey FOREIGN KEY (tenant_id) REFERENCES mayfly_private.word_samples(tenant_id) ON DELETE CASCADE
);
alter table mayfly_private.word_frequencies enable row level security;
comment on table mayfly_private.word_frequencies is 'In how many of a tenant''s sampled memories each word occurs. Words in only one memory are left out.';

create table mayfly_private.word_samples (
  tenant_id uuid not null,
  memories bigint not null,
  sampled integer not null,
  stored bigint not null,
  at timestamp with time zone not null default now(),
  constraint word_samples_pkey PRIMARY KEY (tenant_id),
  constraint word_samples_tenant_fkey FOREIGN KEY (tenant_id) REFERENCES mayfly.tenants(id) ON DELETE CASCADE
);
alter table mayfly_private.word_samples enable row level security;
comment on table mayfly_private.word_samples is 'In how many memories a tenant''s word frequencies were counted.';

create function mayfly.accept_invitation(token text DEFAULT NULL::text, id uuid DEFAULT NULL::uuid)
returns jsonb
language sql volatile
set search_path = "";
grant execute on function mayfly.accept_invitation to authenticated;

create function mayfly.acknowledge_channel(name text, seq bigint)
returns bigint
language sql volatile
set search_path = "";
grant execute on function mayfly.acknowledge_channel to authenticated;
grant execute on function mayfly.acknowledge_channel to service_role;

create function mayfly.acknowledge_messages(seqs bigint[])
returns jsonb
language sql volatile
set search_path = "";
grant execute on function mayfly.acknowledge_messages to authenticated;
grant execute on function mayfly.acknowledge_messages to service_role;

create function mayfly.add_jobs(jobs jsonb, lease text DEFAULT NULL::text)
returns jsonb
language plpgsql volatile
set search_path = "";
grant execute on function mayfly.add_jobs to authenticated;
grant execute on function mayfly.add_jobs to service_role;

create function mayfly.add_member(user_id uuid, role text)
returns jsonb
language sql volatile
set search_path = "";
grant execute on function mayfly.add_member to service_role;

create function mayfly.advance_graph(lease text, graph jsonb)
returns jsonb
language plpgsql volatile
set search_path = "";
grant execute on function mayfly.advance_graph to authenticated;
grant execute on function mayfly.advance_graph to service_role;

create function mayfly.agent_tree(root uuid DEFAULT NULL::uuid, living boolean DEFAULT true)
returns jsonb
language sql stable
set search_path = "";
grant execute on function mayfly.agent_tree to authenticated;
grant execute on function mayfly.agent_tree to service_role;

create function mayfly.append_debug(records jsonb, dropped integer DEFAULT 0)
returns jsonb
language sql volatile
set search_path = "";
grant execute on function mayfly.append_debug to authenticated;
grant execute on function mayfly.append_debug to service_role;

create function mayfly.append_run_chunks(lease text, after bigint, chunks text, size integer, tell boolean DEFAULT false)
returns jsonb
language plpgsql volatile
set search_path = "";
grant execute on function mayfly.append_run_chunks to authenticated;
grant execute on function mayfly.append_run_chunks to service_role;

create function mayfly.assign_job(job jsonb, capabilities text[] DEFAULT NULL::text[], type text DEFAULT NULL::text, team uuid DEFAULT NULL::uuid, max_load integer DEFAULT NULL::integer)
returns jsonb
language sql volatile
set search_path = "";
grant execute on function mayfly.assign_job to authenticated;
grant execute on function mayfly.assign_job to service_role;

create function mayfly.begin_artifact(name text, media_type text, size bigint, sha256 text, team uuid DEFAULT NULL::uuid, metadata jsonb DEFAULT NULL::jsonb)
returns jsonb
language sql volatile
set search_path = "";
grant execute on function mayfly.begin_artifact to authenticated;
grant execute on function mayfly.begin_artifact to service_role;

create function mayfly.begin_run(lease text)
returns jsonb
language plpgsql volatile
set search_path = "";
grant execute on function mayfly.begin_run to authenticated;
grant execute on function mayfly.begin_run to service_role;

create function mayfly.begin_tool_calls(lease text, step integer, calls jsonb)
returns jsonb
language plpgsql volatile
set search_path = "";
grant execute on function mayfly.begin_tool_calls to authenticated;
grant execute on function mayfly.begin_tool_calls to service_role;

create function mayfly.cancel_approval(id uuid)
returns jsonb
language sql volatile
set search_path = "";
grant execute on function mayfly.cancel_approval to authenticated;
grant execute on function mayfly.cancel_approval to service_role;

create function mayfly.cancel_jobs(ids uuid[])
returns jsonb
language plpgsql volatile
set search_path = "";
grant execute on function mayfly.cancel_jobs to authenticated;
grant execute on function mayfly.cancel_jobs to service_role;

create function mayfly.cancel_poll(poll_id uuid)
returns jsonb
language sql volatile
set search_path = "";
grant execute on function mayfly.cancel_poll to authenticated;
grant execute on function mayfly.cancel_poll to service_role;

create function mayfly.cast_ballot(poll_id uuid, choice text, reason text DEFAULT NULL::text)
returns jsonb
language sql volatile
set search_path = "";
grant execute on function mayfly.cast_ballot to authenticated;
grant execute on function mayfly.cast_ballot to service_role;

create function mayfly.change_member_role(user_id uuid, role text)
returns jsonb
language sql volatile
set search_path = "";
grant execute on function mayfly.change_member_role to authenticated;
grant execute on function mayfly.change_member_role to service_role;

create function mayfly.channel_statistics(name text)
returns jsonb
language sql stable
set search_path = "";
grant execute on function mayfly.channel_statistics to authenticated;
grant execute on function mayfly.channel_statistics to service_role;

create function mayfly.claim_any_jobs(wanted integer DEFAULT 1, queues text[] DEFAULT NULL::text[], names text[] DEFAULT NULL::text[], lease double precision DEFAULT 30, place jsonb DEFAULT NULL::jsonb, park uuid DEFAULT NULL::uuid)
returns json
language plpgsql volatile
set search_path = "";
grant execute on function mayfly.claim_any_jobs to service_role;

create function mayfly.claim_embeddings(model text, max_rows integer DEFAULT 20, lease_seconds integer DEFAULT 60)
returns jsonb
language sql volatile
set search_path = "";
grant execute on function mayfly.claim_embeddings to service_role;

create function mayfly.claim_jobs(wanted integer DEFAULT 1, queues text[] DEFAULT NULL::text[], names text[] DEFAULT NULL::text[], lease double precision DEFAULT 30, place jsonb DEFAULT NULL::jsonb, park uuid DEFAULT NULL::uuid)
returns json
language plpgsql volatile
set search_path = "";
grant execute on function mayfly.claim_jobs to authenticated;
grant execute on function mayfly.claim_jobs to service_role;

create function mayfly.close_tender(tender_id uuid, award boolean DEFAULT true)
returns jsonb
language sql volatile
set search_path = "";
grant execute on function mayfly.close_tender to authenticated;
grant execute on function mayfly.close_tender to service_role;

create function mayfly.cluster_sample(sample_size integer DEFAULT 1000, kinds text[] DEFAULT NULL::text[])
returns jsonb
language plpgsql stable
set enable_nestloop = off
set jit = off
set search_path = "";
grant execute on function mayfly.cluster_sample to authenticated;
grant execute on function mayfly.cluster_sample to service_role;

create function mayfly.complete_embeddings(model text, results jsonb)
returns jsonb
language sql volatile
set search_path = "";
grant execute on function mayfly.complete_embeddings to service_role;

create function mayfly.complete_jobs(done jsonb)
returns jsonb
language plpgsql volatile
set search_path = "";
grant execute on function mayfly.complete_jobs to authenticated;
grant execute on function mayfly.complete_jobs to service_role;

create function mayfly.cost_report(by text[] DEFAULT '{model}'::text[], since timestamp with time zone DEFAULT NULL::timestamp with time zone, until timestamp with time zone DEFAULT NULL::timestamp with time zone, page_limit integer DEFAULT 1000)
returns jsonb
language plpgsql stable
set search_path = "";
grant execute on function mayfly.cost_report to authenticated;
grant execute on function mayfly.cost_report to service_role;

create function mayfly.create_channel(name text, kind text DEFAULT 'two_way'::text, description text DEFAULT ''::text, publishers uuid[] DEFAULT '{}'::uuid[])
returns jsonb
language sql volatile
set search_path = "";
grant execute on function mayfly.create_channel to authenticated;
grant execute on function mayfly.create_channel to service_role;

create function mayfly.create_enrolment_key(name text, scopes text[] DEFAULT NULL::text[], expires_at timestamp with time zone DEFAULT NULL::timestamp with time zone)
returns jsonb
language sql volatile
set search_path = "";
grant execute on function mayfly.create_enrolment_key to authenticated;
grant execute on function mayfly.create_enrolment_key to service_role;

create function mayfly.create_tenant(name text, owner uuid DEFAULT NULL::uuid)
returns mayfly.tenants
language sql volatile
set search_path = "";
grant execute on function mayfly.create_tenant to authenticated;
grant execute on function mayfly.create_tenant to service_role;

create function mayfly.debug_level()
returns jsonb
language sql volatile
set search_path = "";
grant execute on function mayfly.debug_level to authenticated;
grant execute on function mayfly.debug_level to service_role;

create function mayfly.decide_approval(id uuid, verdict text, digest text, reason text DEFAULT NULL::text, input jsonb DEFAULT NULL::jsonb)
returns jsonb
language sql volatile
set search_path = "";
grant execute on function mayfly.decide_approval to authenticated;
grant execute on function mayfly.decide_approval to service_role;

create function mayfly.decide_approvals(decisions jsonb)
returns jsonb
language plpgsql volatile
set search_path = "";
grant execute on function mayfly.decide_approvals to authenticated;
grant execute on function mayfly.decide_approvals to service_role;

create function mayfly.define_agent_type(name text, role text DEFAULT ''::text, description text DEFAULT ''::text, prompt text DEFAULT ''::text, capabilities text[] DEFAULT '{}'::text[], scopes text[] DEFAULT NULL::text[], lifetime double precision DEFAULT NULL::double precision, max_lifetime double precision DEFAULT NULL::double precision, max_living integer DEFAULT NULL::integer, metadata jsonb DEFAULT '{}'::jsonb)
returns jsonb
language sql volatile
set search_path = "";
grant execute on function mayfly.define_agent_type to authenticated;
grant execute on function mayfly.define_agent_type to service_role;

create function mayfly.delegate_approval(id uuid, to_id uuid, reason text DEFAULT NULL::text)
returns jsonb
language sql volatile
set search_path = "";
grant execute on function mayfly.delegate_approval to authenticated;
grant execute on function mayfly.delegate_approval to service_role;

create function mayfly.delete_approval_policy(agent_type text DEFAULT '*'::text, category text DEFAULT '*'::text)
returns jsonb
language sql volatile
set search_path = "";
grant execute on function mayfly.delete_approval_policy to authenticated;
grant execute on function mayfly.delete_approval_policy to service_role;

create function mayfly.delete_budget(level text, subject text DEFAULT ''::text)
returns jsonb
language sql volatile
set search_path = "";
grant execute on function mayfly.delete_budget to authenticated;
grant execute on function mayfly.delete_budget to service_role;

create function mayfly.delete_channel(name text)
returns jsonb
language sql volatile
set search_path = "";
grant execute on function mayfly.delete_channel to authenticated;
grant execute on function mayfly.delete_channel to service_role;

create function mayfly.delete_graph(name text, version text)
returns jsonb
language sql volatile
set search_path = "";
grant execute on function mayfly.delete_graph to authenticated;
grant execute on function mayfly.delete_graph to service_role;

create function mayfly.delete_schedule(name text)
returns jsonb
language plpgsql volatile
set search_path = "";
grant execute on function mayfly.delete_schedule to authenticated;
grant execute on function mayfly.delete_schedule to service_role;

create function mayfly.delete_state(key text, of_agent uuid DEFAULT NULL::uuid, expected_version integer DEFAULT NULL::integer)
returns jsonb
language sql volatile
set search_path = "";
grant execute on function mayfly.delete_state to authenticated;
grant execute on function mayfly.delete_state to service_role;

create function mayfly.delete_thread(thread text)
returns jsonb
language sql volatile
set search_path = "";
grant execute on function mayfly.delete_thread to authenticated;
grant execute on function mayfly.delete_thread to service_role;

create function mayfly.discard_jobs(ids uuid[] DEFAULT NULL::uuid[], of_queue text DEFAULT NULL::text, max_rows integer DEFAULT 1000)
returns jsonb
language plpgsql volatile
set search_path = "";
grant execute on function mayfly.discard_jobs to authenticated;
grant execute on function mayfly.discard_jobs to service_role;

create function mayfly.edit_state(key text, edits jsonb, of_agent uuid DEFAULT NULL::uuid, expected_version integer DEFAULT NULL::integer)
returns jsonb
language sql volatile
set search_path = "";
grant execute on function mayfly.edit_state to authenticated;
grant execute on function mayfly.edit_state to service_role;

create function mayfly.embedding_dimensions()
returns integer
language sql stable
set search_path = "";
grant execute on function mayfly.embedding_dimensions to authenticated;
grant execute on function mayfly.embedding_dimensions to service_role;

create function mayfly.embedding_progress(model text)
returns jsonb
language sql stable
set search_path = "";
grant execute on function mayfly.embedding_progress to service_role;

create function mayfly.end_facts(ids uuid[], at timestamp with time zone DEFAULT NULL::timestamp with time zone)
returns jsonb
language sql volatile
set search_path = "";
grant execute on function mayfly.end_facts to authenticated;
grant execute on function mayfly.end_facts to service_role;

create function mayfly.end_run(lease text, status text, output text DEFAULT NULL::text, error jsonb DEFAULT NULL::jsonb, chunks jsonb DEFAULT NULL::jsonb)
returns jsonb
language plpgsql volatile
set search_path = "";
grant execute on function mayfly.end_run to authenticated;
grant execute on function mayfly.end_run to service_role;

create function mayfly.end_tool_calls(lease text, step integer, ends jsonb, ask jsonb DEFAULT NULL::jsonb, chunks jsonb DEFAULT NULL::jsonb)
returns jsonb
language plpgsql volatile
set search_path = "";
grant execute on function mayfly.end_tool_calls to authenticated;
grant execute on function mayfly.end_tool_calls to service_role;

create function mayfly.ensure_tenant(name text, owner uuid DEFAULT NULL::uuid)
returns jsonb
language sql volatile
set search_path = "";
grant execute on function mayfly.ensure_tenant to authenticated;
grant execute on function mayfly.ensure_tenant to service_role;

create function mayfly.erase_tenant(name text, max_rows integer DEFAULT 20000)
returns jsonb
language sql volatile
set search_path = "";
grant execute on function mayfly.erase_tenant to authenticated;
grant execute on function mayfly.erase_tenant to service_role;

create function mayfly.export_tenant(after jsonb DEFAULT NULL::jsonb, page_limit integer DEFAULT 500)
returns json
language sql stable
set search_path = "";
grant execute on function mayfly.export_tenant to authenticated;
grant execute on function mayfly.export_tenant to service_role;

create function mayfly.facts_about(query text DEFAULT NULL::text, memories uuid[] DEFAULT NULL::uuid[], hops integer DEFAULT 1, as_of timestamp with time zone DEFAULT NULL::timestamp with time zone, result_limit integer DEFAULT 50)
returns jsonb
language plpgsql stable
set search_path = "";
grant execute on function mayfly.facts_about to authenticated;
grant execute on function mayfly.facts_about to service_role;

create function mayfly.fail_jobs(failures jsonb)
returns jsonb
language plpgsql volatile
set search_path = "";
grant execute on function mayfly.fail_jobs to authenticated;
grant execute on function mayfly.fail_jobs to service_role;

create function mayfly.find_agents(capabilities text[] DEFAULT NULL::text[], type text DEFAULT NULL::text, status text DEFAULT NULL::text, parent uuid DEFAULT NULL::uuid, after uuid DEFAULT NULL::uuid, page_limit integer DEFAULT 50)
returns jsonb
language sql stable
set search_path = "";
grant execute on function mayfly.find_agents to authenticated;
grant execute on function mayfly.find_agents to service_role;

create function mayfly.find_entities(query text DEFAULT NULL::text, of_type text DEFAULT NULL::text, skip integer DEFAULT 0, page_limit integer DEFAULT 50)
returns jsonb
language plpgsql stable
set search_path = "";
grant execute on function mayfly.find_entities to authenticated;
grant execute on function mayfly.find_entities to service_role;

create function mayfly.finish_artifact(id uuid)
returns jsonb
language sql volatile
set search_path = "";
grant execute on function mayfly.finish_artifact to authenticated;
grant execute on function mayfly.finish_artifact to service_role;

create function mayfly.forget_entity(id uuid, max_rows integer DEFAULT 5000)
returns jsonb
language sql volatile
set search_path = "";
grant execute on function mayfly.forget_entity to authenticated;
grant execute on function mayfly.forget_entity to service_role;

create function mayfly.forget_facts(ids uuid[] DEFAULT NULL::uuid[], memory uuid DEFAULT NULL::uuid)
returns jsonb
language sql volatile
set search_path = "";
grant execute on function mayfly.forget_facts to authenticated;
grant execute on function mayfly.forget_facts to service_role;

create function mayfly.forget_vectors(model text, max_rows integer DEFAULT 1000)
returns jsonb
language sql volatile
set search_path = "";
grant execute on function mayfly.forget_vectors to service_role;

create function mayfly.fork_run(id uuid, at_step integer, input text DEFAULT NULL::text, edits jsonb DEFAULT NULL::jsonb, trace text DEFAULT NULL::text)
returns jsonb
language plpgsql volatile
set search_path = "";
grant execute on function mayfly.fork_run to authenticated;
grant execute on function mayfly.fork_run to service_role;

create function mayfly.get_agent(id uuid DEFAULT NULL::uuid)
returns jsonb
language sql stable
set search_path = "";
grant execute on function mayfly.get_agent to authenticated;
grant execute on function mayfly.get_agent to service_role;

create function mayfly.get_approval(id uuid)
returns jsonb
language plpgsql volatile
set search_path = "";
grant execute on function mayfly.get_approval to authenticated;
grant execute on function mayfly.get_approval to service_role;

create function mayfly.get_checkpoint(thread text, ns text DEFAULT ''::text, checkpoint text DEFAULT NULL::text)
returns jsonb
language plpgsql stable
set search_path = "";
grant execute on function mayfly.get_checkpoint to authenticated;
grant execute on function mayfly.get_checkpoint to service_role;

create function mayfly.get_graph(name text, version text DEFAULT NULL::text)
returns jsonb
language plpgsql stable
set search_path = "";
grant execute on function mayfly.get_graph to authenticated;
grant execute on function mayfly.get_graph to service_role;

create function mayfly.get_job(id uuid)
returns jsonb
language plpgsql stable
set search_path = "";
grant execute on function mayfly.get_job to authenticated;
grant execute on function mayfly.get_job to service_role;

create function mayfly.get_job_kind(name text)
returns json
language plpgsql stable
set search_path = "";
grant execute on function mayfly.get_job_kind to authenticated;
grant execute on function mayfly.get_job_kind to service_role;

create function mayfly.get_poll(poll_id uuid)
returns jsonb
language sql volatile
set search_path = "";
grant execute on function mayfly.get_poll to authenticated;
grant execute on function mayfly.get_poll to service_role;

create function mayfly.get_run(id uuid, with_parts boolean DEFAULT false)
returns jsonb
language plpgsql volatile
set search_path = "";
grant execute on function mayfly.get_run to authenticated;
grant execute on function mayfly.get_run to service_role;

create function mayfly.get_state(key text, of_agent uuid DEFAULT NULL::uuid, version integer DEFAULT NULL::integer)
returns jsonb
language plpgsql stable
set search_path = "";
grant execute on function mayfly.get_state to authenticated;
grant execute on function mayfly.get_state to service_role;

create function mayfly.get_tender(tender_id uuid)
returns jsonb
language sql volatile
set search_path = "";
grant execute on function mayfly.get_tender to authenticated;
grant execute on function mayfly.get_tender to service_role;

create function mayfly.grant_client(client_id text, scopes text[])
returns jsonb
language sql volatile
set search_path = "";
grant execute on function mayfly.grant_client to authenticated;
grant execute on function mayfly.grant_client to service_role;

create function mayfly.handle_alert(id uuid, action text)
returns jsonb
language sql volatile
set search_path = "";
grant execute on function mayfly.handle_alert to authenticated;
grant execute on function mayfly.handle_alert to service_role;

create function mayfly.heartbeat(activity text DEFAULT NULL::text, task text DEFAULT NULL::text, log boolean DEFAULT false, channels text[] DEFAULT '{}'::text[], lost integer DEFAULT 0)
returns jsonb
language sql volatile
set search_path = "";
grant execute on function mayfly.heartbeat to authenticated;

create function mayfly.heartbeat_jobs(leases text[], lease double precision DEFAULT 30)
returns jsonb
language plpgsql volatile
set search_path = "";
grant execute on function mayfly.heartbeat_jobs to authenticated;
grant execute on function mayfly.heartbeat_jobs to service_role;

create function mayfly.import_prices(prices jsonb, source text)
returns jsonb
language sql volatile
set search_path = "";
grant execute on function mayfly.import_prices to service_role;

create function mayfly.import_tenant(lines json)
returns jsonb
language sql volatile
set search_path = "";
grant execute on function mayfly.import_tenant to service_role;

create function mayfly.installation()
returns jsonb
language sql stable
set search_path = "";
grant execute on function mayfly.installation to service_role;

create function mayfly.invite_member(role text, email text DEFAULT NULL::text, expires_at timestamp with time zone DEFAULT NULL::timestamp with time zone)
returns jsonb
language sql volatile
set search_path = "";
grant execute on function mayfly.invite_member to authenticated;
grant execute on function mayfly.invite_member to service_role;

create function mayfly.job_statistics(seconds double precision DEFAULT 3600)
returns jsonb
language plpgsql stable
set search_path = "";
grant execute on function mayfly.job_statistics to authenticated;
grant execute on function mayfly.job_statistics to service_role;

create function mayfly.join_team(team_id uuid, agent_ids uuid[], role text DEFAULT 'member'::text)
returns jsonb
language sql volatile
set search_path = "";
grant execute on function mayfly.join_team to authenticated;
grant execute on function mayfly.join_team to service_role;

create function mayfly.lease_debug(level integer, for_agent uuid DEFAULT NULL::uuid, categories text[] DEFAULT NULL::text[], seconds double precision DEFAULT 60, lease uuid DEFAULT NULL::uuid)
returns jsonb
language sql volatile
set search_path = "";
grant execute on function mayfly.lease_debug to authenticated;
grant execute on function mayfly.lease_debug to service_role;

create function mayfly.leave_tenant()
returns jsonb
language sql volatile
set search_path = "";
grant execute on function mayfly.leave_tenant to authenticated;

create function mayfly.list_alerts(team_id uuid DEFAULT NULL::uuid, every boolean DEFAULT false, page_limit integer DEFAULT 100)
returns jsonb
language plpgsql stable
set search_path = "";
grant execute on function mayfly.list_alerts to authenticated;
grant execute on function mayfly.list_alerts to service_role;

create function mayfly.list_approval_policies()
returns jsonb
language plpgsql stable
set search_path = "";
grant execute on function mayfly.list_approval_policies to authenticated;
grant execute on function mayfly.list_approval_policies to service_role;

create function mayfly.list_approvals(of_status text[] DEFAULT NULL::text[], mine boolean DEFAULT false, of_category text DEFAULT NULL::text, before uuid DEFAULT NULL::uuid, page_limit integer DEFAULT 100)
returns jsonb
language sql stable
set search_path = "";
grant execute on function mayfly.list_approvals to authenticated;
grant execute on function mayfly.list_approvals to service_role;

create function mayfly.list_artifacts(team uuid DEFAULT NULL::uuid, name text DEFAULT NULL::text, version integer DEFAULT NULL::integer, versions boolean DEFAULT false, id uuid DEFAULT NULL::uuid, after_name text DEFAULT NULL::text, after_version integer DEFAULT NULL::integer, page_limit integer DEFAULT 100)
returns jsonb
language plpgsql stable
set search_path = "";
grant execute on function mayfly.list_artifacts to authenticated;
grant execute on function mayfly.list_artifacts to service_role;

create function mayfly.list_budgets(of_level text DEFAULT NULL::text, page_limit integer DEFAULT 1000)
returns jsonb
language plpgsql stable
set search_path = "";
grant execute on function mayfly.list_budgets to authenticated;
grant execute on function mayfly.list_budgets to service_role;

create function mayfly.list_checkpoints(thread text DEFAULT NULL::text, ns text DEFAULT NULL::text, before text DEFAULT NULL::text, filter jsonb DEFAULT '{}'::jsonb, after jsonb DEFAULT NULL::jsonb, page_limit integer DEFAULT 20)
returns jsonb
language plpgsql stable
set search_path = "";
grant execute on function mayfly.list_checkpoints to authenticated;
grant execute on function mayfly.list_checkpoints to service_role;

create function mayfly.list_client_grants()
returns jsonb
language sql volatile
set search_path = "";
grant execute on function mayfly.list_client_grants to authenticated;
grant execute on function mayfly.list_client_grants to service_role;

create function mayfly.list_facts(subject jsonb DEFAULT NULL::jsonb, predicate text DEFAULT NULL::text, object jsonb DEFAULT NULL::jsonb, memory uuid DEFAULT NULL::uuid, as_of timestamp with time zone DEFAULT NULL::timestamp with time zone, history boolean DEFAULT false, before uuid DEFAULT NULL::uuid, page_limit integer DEFAULT 100)
returns jsonb
language plpgsql stable
set search_path = "";
grant execute on function mayfly.list_facts to authenticated;
grant execute on function mayfly.list_facts to service_role;

create function mayfly.list_graphs(of_name text DEFAULT NULL::text)
returns jsonb
language plpgsql stable
set search_path = "";
grant execute on function mayfly.list_graphs to authenticated;
grant execute on function mayfly.list_graphs to service_role;

create function mayfly.list_job_kinds()
returns jsonb
language plpgsql stable
set search_path = "";
grant execute on function mayfly.list_job_kinds to authenticated;
grant execute on function mayfly.list_job_kinds to service_role;

create function mayfly.list_jobs(of_status text[] DEFAULT NULL::text[], of_queue text DEFAULT NULL::text, of_name text DEFAULT NULL::text, before uuid DEFAULT NULL::uuid, page_limit integer DEFAULT 100, of_holder uuid DEFAULT NULL::uuid, of_ids uuid[] DEFAULT NULL::uuid[], of_key_prefix text DEFAULT NULL::text, since timestamp with time zone DEFAULT NULL::timestamp with time zone, until timestamp with time zone DEFAULT NULL::timestamp with time zone, containing text DEFAULT NULL::text, of_attributes jsonb DEFAULT NULL::jsonb)
returns jsonb
language plpgsql stable
set plan_cache_mode = force_custom_plan
set search_path = "";
grant execute on function mayfly.list_jobs to authenticated;
grant execute on function mayfly.list_jobs to service_role;

create function mayfly.list_members()
returns jsonb
language sql stable
set search_path = "";
grant execute on function mayfly.list_members to authenticated;
grant execute on function mayfly.list_members to service_role;

create function mayfly.list_polls(team_id uuid DEFAULT NULL::uuid, page_limit integer DEFAULT 100)
returns jsonb
language sql stable
set search_path = "";
grant execute on function mayfly.list_polls to authenticated;
grant execute on function mayfly.list_polls to service_role;

create function mayfly.list_runs(of_agent text DEFAULT NULL::text, of_status text[] DEFAULT NULL::text[], before uuid DEFAULT NULL::uuid, page_limit integer DEFAULT 100, since timestamp with time zone DEFAULT NULL::timestamp with time zone, until timestamp with time zone DEFAULT NULL::timestamp with time zone, containing text DEFAULT NULL::text, of_attributes jsonb DEFAULT NULL::jsonb)
returns jsonb
language plpgsql volatile
set search_path = "";
grant execute on function mayfly.list_runs to authenticated;
grant execute on function mayfly.list_runs to service_role;

create function mayfly.list_schedules()
returns jsonb
language plpgsql stable
set search_path = "";
grant execute on function mayfly.list_schedules to authenticated;
grant execute on function mayfly.list_schedules to service_role;

create function mayfly.list_states(of_agent uuid DEFAULT NULL::uuid, prefix text DEFAULT ''::text, after text DEFAULT NULL::text, page_limit integer DEFAULT 100)
returns jsonb
language plpgsql stable
set search_path = "";
grant execute on function mayfly.list_states to authenticated;
grant execute on function mayfly.list_states to service_role;

create function mayfly.list_teams(of_status text[] DEFAULT NULL::text[], team_id uuid DEFAULT NULL::uuid, before uuid DEFAULT NULL::uuid, page_limit integer DEFAULT 100)
returns jsonb
language sql stable
set search_path = "";
grant execute on function mayfly.list_teams to authenticated;
grant execute on function mayfly.list_teams to service_role;

create function mayfly.list_tenders(team_id uuid DEFAULT NULL::uuid, page_limit integer DEFAULT 100)
returns jsonb
language sql stable
set search_path = "";
grant execute on function mayfly.list_tenders to authenticated;
grant execute on function mayfly.list_tenders to service_role;

create function mayfly.list_threads(prefix text DEFAULT ''::text, after text DEFAULT NULL::text, page_limit integer DEFAULT 100)
returns jsonb
language plpgsql stable
set search_path = "";
grant execute on function mayfly.list_threads to authenticated;
grant execute on function mayfly.list_threads to service_role;

create function mayfly.list_workflows(of_name text DEFAULT NULL::text, of_version text DEFAULT NULL::text, of_status text[] DEFAULT NULL::text[], before uuid DEFAULT NULL::uuid, page_limit integer DEFAULT 100, since timestamp with time zone DEFAULT NULL::timestamp with time zone, until timestamp with time zone DEFAULT NULL::timestamp with time zone, of_attributes jsonb DEFAULT NULL::jsonb)
returns jsonb
language plpgsql stable
set plan_cache_mode = force_custom_plan
set search_path = "";
grant execute on function mayfly.list_workflows to authenticated;
grant execute on function mayfly.list_workflows to service_role;

create function mayfly.listen(log boolean DEFAULT false, channels text[] DEFAULT '{}'::text[], lost integer DEFAULT 0)
returns jsonb
language sql volatile
set search_path = "";
grant execute on function mayfly.listen to authenticated;
grant execute on function mayfly.listen to service_role;

create function mayfly.living_agents(ids uuid[] DEFAULT NULL::uuid[])
returns jsonb
language sql stable
set search_path = "";
grant execute on function mayfly.living_agents to authenticated;
grant execute on function mayfly.living_agents to service_role;

create function mayfly.maintain(max_rows integer DEFAULT 1000)
returns jsonb
language sql volatile
set search_path = "";
grant execute on function mayfly.maintain to authenticated;
grant execute on function mayfly.maintain to service_role;

create function mayfly.mark_job_call(call uuid, seconds double precision, names text[] DEFAULT NULL::text[])
returns jsonb
language sql volatile
set search_path = "";
grant execute on function mayfly.mark_job_call to service_role;

create function mayfly.memory_statistics()
returns jsonb
language plpgsql stable
set search_path = "";
grant execute on function mayfly.memory_statistics to authenticated;
grant execute on function mayfly.memory_statistics to service_role;

create function mayfly.merge_entities(id uuid, into_id uuid)
returns jsonb
language sql volatile
set search_path = "";
grant execute on function mayfly.merge_entities to authenticated;
grant execute on function mayfly.merge_entities to service_role;

create function mayfly.model_price(provider text, model text, at timestamp with time zone DEFAULT NULL::timestamp with time zone)
returns jsonb
language sql volatile
set search_path = "";
grant execute on function mayfly.model_price to authenticated;
grant execute on function mayfly.model_price to service_role;

create function mayfly.move_workflow(id uuid, to_version text, renamed jsonb DEFAULT NULL::jsonb, forgotten text[] DEFAULT NULL::text[])
returns jsonb
language plpgsql volatile
set search_path = "";
grant execute on function mayfly.move_workflow to authenticated;
grant execute on function mayfly.move_workflow to service_role;

create function mayfly.my_invitations()
returns jsonb
language sql stable
set search_path = "";
grant execute on function mayfly.my_invitations to authenticated;

create function mayfly.open_inbox(session uuid)
returns jsonb
language sql volatile
set search_path = "";
grant execute on function mayfly.open_inbox to authenticated;
grant execute on function mayfly.open_inbox to service_role;

create function mayfly.open_poll(question text, options text[], rule text DEFAULT 'majority'::text, voters jsonb DEFAULT NULL::jsonb, team uuid DEFAULT NULL::uuid, quorum integer DEFAULT NULL::integer, seconds double precision DEFAULT 300, key text DEFAULT NULL::text, lease text DEFAULT NULL::text)
returns jsonb
language sql volatile
set search_path = "";
grant execute on function mayfly.open_poll to authenticated;
grant execute on function mayfly.open_poll to service_role;

create function mayfly.open_tender(job jsonb, capabilities text[] DEFAULT NULL::text[], rule text DEFAULT 'lowest_price'::text, max_price numeric DEFAULT NULL::numeric, team uuid DEFAULT NULL::uuid, seconds double precision DEFAULT 60)
returns jsonb
language sql volatile
set search_path = "";
grant execute on function mayfly.open_tender to authenticated;
grant execute on function mayfly.open_tender to service_role;

create function mayfly.patch_state(key text, patch jsonb, of_agent uuid DEFAULT NULL::uuid, expected_version integer DEFAULT NULL::integer)
returns jsonb
language sql volatile
set search_path = "";
grant execute on function mayfly.patch_state to authenticated;
grant execute on function mayfly.patch_state to service_role;

create function mayfly.pause_run(id uuid, paused boolean DEFAULT true)
returns jsonb
language plpgsql volatile
set search_path = "";
grant execute on function mayfly.pause_run to authenticated;
grant execute on function mayfly.pause_run to service_role;

create function mayfly.place_bid(tender_id uuid, price numeric, score double precision DEFAULT 1, note text DEFAULT NULL::text)
returns jsonb
language sql volatile
set search_path = "";
grant execute on function mayfly.place_bid to authenticated;
grant execute on function mayfly.place_bid to service_role;

create function mayfly.prune_thread(thread text, keep integer DEFAULT 1)
returns jsonb
language sql volatile
set search_path = "";
grant execute on function mayfly.prune_thread to authenticated;
grant execute on function mayfly.prune_thread to service_role;

create function mayfly.publish_job_kinds(kinds json)
returns jsonb
language sql volatile
set search_path = "";
grant execute on function mayfly.publish_job_kinds to authenticated;
grant execute on function mayfly.publish_job_kinds to service_role;

create function mayfly.pull_inbox(session uuid, after bigint DEFAULT 0, page_limit integer DEFAULT 100)
returns jsonb
language sql volatile
set search_path = "";
grant execute on function mayfly.pull_inbox to authenticated;
grant execute on function mayfly.pull_inbox to service_role;

create function mayfly.push(push jsonb)
returns jsonb
language plpgsql volatile
set search_path = "";
grant execute on function mayfly.push to authenticated;
grant execute on function mayfly.push to service_role;

create function mayfly.put_checkpoint(thread text, checkpoint text, body text, channel_versions jsonb, metadata jsonb DEFAULT '{}'::jsonb, ns text DEFAULT ''::text, parent text DEFAULT NULL::text, channel_values jsonb DEFAULT '[]'::jsonb, expires_in integer DEFAULT NULL::integer)
returns jsonb
language sql volatile
set search_path = "";
grant execute on function mayfly.put_checkpoint to authenticated;
grant execute on function mayfly.put_checkpoint to service_role;

create function mayfly.put_writes(thread text, checkpoint text, task text, writes jsonb, ns text DEFAULT ''::text, path text DEFAULT ''::text)
returns jsonb
language sql volatile
set search_path = "";
grant execute on function mayfly.put_writes to authenticated;
grant execute on function mayfly.put_writes to service_role;

create function mayfly.query_workflow(id uuid)
returns jsonb
language plpgsql stable
set search_path = "";
grant execute on function mayfly.query_workflow to authenticated;
grant execute on function mayfly.query_workflow to service_role;

create function mayfly.queue_embeddings(model text, max_rows integer DEFAULT 1000, after uuid DEFAULT NULL::uuid)
returns jsonb
language sql volatile
set search_path = "";
grant execute on function mayfly.queue_embeddings to service_role;

create function mayfly.rate_job(job_id uuid, reward double precision)
returns jsonb
language sql volatile
set search_path = "";
grant execute on function mayfly.rate_job to authenticated;
grant execute on function mayfly.rate_job to service_role;

create function mayfly.read_channel(name text, after bigint DEFAULT 0, page_limit integer DEFAULT 100)
returns jsonb
language sql stable
set search_path = "";
grant execute on function mayfly.read_channel to authenticated;
grant execute on function mayfly.read_channel to service_role;

create function mayfly.read_graph_input(lease text)
returns jsonb
language plpgsql volatile
set search_path = "";
grant execute on function mayfly.read_graph_input to authenticated;
grant execute on function mayfly.read_graph_input to service_role;

create function mayfly.read_log(since text DEFAULT NULL::text, types text[] DEFAULT NULL::text[], with_rows jsonb DEFAULT '{}'::jsonb, page_limit integer DEFAULT 500)
returns jsonb
language plpgsql volatile
set search_path = "";
grant execute on function mayfly.read_log to authenticated;
grant execute on function mayfly.read_log to service_role;

create function mayfly.read_run_chunks(id uuid, after bigint DEFAULT 0, page_limit integer DEFAULT 1000, watch boolean DEFAULT false)
returns jsonb
language plpgsql volatile
set search_path = "";
grant execute on function mayfly.read_run_chunks to authenticated;
grant execute on function mayfly.read_run_chunks to service_role;

create function mayfly.read_secret(lease text, name text)
returns jsonb
language plpgsql volatile
set search_path = "";
grant execute on function mayfly.read_secret to authenticated;
grant execute on function mayfly.read_secret to service_role;

create function mayfly.read_steps(lease text, after text DEFAULT NULL::text, page_limit integer DEFAULT 5000)
returns jsonb
language plpgsql volatile
set search_path = "";
grant execute on function mayfly.read_steps to authenticated;
grant execute on function mayfly.read_steps to service_role;

create function mayfly.recall(query text DEFAULT NULL::text, embedding real[] DEFAULT NULL::real[], model text DEFAULT NULL::text, kinds text[] DEFAULT NULL::text[], having_tags text[] DEFAULT NULL::text[], agent uuid DEFAULT NULL::uuid, min_reward real DEFAULT NULL::real, since timestamp with time zone DEFAULT NULL::timestamp with time zone, result_limit integer DEFAULT 10, until timestamp with time zone DEFAULT NULL::timestamp with time zone, for_task text DEFAULT NULL::text, session uuid DEFAULT NULL::uuid, conversation uuid DEFAULT NULL::uuid, similar_to uuid DEFAULT NULL::uuid, weights jsonb DEFAULT NULL::jsonb, half_lives jsonb DEFAULT NULL::jsonb, surrounding integer DEFAULT 0, grouped boolean DEFAULT true, explain boolean DEFAULT false, older_embedding real[] DEFAULT NULL::real[], older_model text DEFAULT NULL::text)
returns TABLE(id uuid, agent_id uuid, agent_name text, agent_ended_at timestamp with time zone, kind text, task text, input text, output text, critique text, reward real, importance smallint, tags text[], metadata jsonb, created_at timestamp with time zone, score real, parts jsonb, duplicates uuid[], surroundings jsonb)
language plpgsql stable
set plan_cache_mode = force_generic_plan
set search_path = "";
grant execute on function mayfly.recall to authenticated;
grant execute on function mayfly.recall to service_role;

create function mayfly.recall_scope(model text DEFAULT NULL::text)
returns jsonb
language sql stable
set search_path = "";
grant execute on function mayfly.recall_scope to authenticated;
grant execute on function mayfly.recall_scope to service_role;

create function mayfly.reconcile_state(key text, strategy text, base_version integer DEFAULT NULL::integer, ours jsonb DEFAULT NULL::jsonb, ours_version integer DEFAULT NULL::integer, theirs_version integer DEFAULT NULL::integer, of_agent uuid DEFAULT NULL::uuid, expected_version integer DEFAULT NULL::integer, ours_at timestamp with time zone DEFAULT NULL::timestamp with time zone)
returns jsonb
language sql volatile
set search_path = "";
grant execute on function mayfly.reconcile_state to authenticated;
grant execute on function mayfly.reconcile_state to service_role;

create function mayfly.record_facts(facts jsonb)
returns jsonb
language sql volatile
set search_path = "";
grant execute on function mayfly.record_facts to authenticated;
grant execute on function mayfly.record_facts to service_role;

create function mayfly.record_model_call(lease text, call jsonb, tools jsonb DEFAULT NULL::jsonb, chunks jsonb DEFAULT NULL::jsonb)
returns jsonb
language plpgsql volatile
set search_path = "";
grant execute on function mayfly.record_model_call to authenticated;
grant execute on function mayfly.record_model_call to service_role;

create function mayfly.record_run_context(lease text, context text)
returns jsonb
language plpgsql volatile
set search_path = "";
grant execute on function mayfly.record_run_context to authenticated;
grant execute on function mayfly.record_run_context to service_role;

create function mayfly.record_steps(lease text, steps jsonb)
returns jsonb
language plpgsql volatile
set search_path = "";
grant execute on function mayfly.record_steps to authenticated;
grant execute on function mayfly.record_steps to service_role;

create function mayfly.redrive_jobs(ids uuid[] DEFAULT NULL::uuid[], of_queue text DEFAULT NULL::text, max_rows integer DEFAULT 1000)
returns jsonb
language plpgsql volatile
set search_path = "";
grant execute on function mayfly.redrive_jobs to authenticated;
grant execute on function mayfly.redrive_jobs to service_role;

create function mayfly.release_costs(releases jsonb)
returns jsonb
language plpgsql volatile
set search_path = "";
grant execute on function mayfly.release_costs to authenticated;
grant execute on function mayfly.release_costs to service_role;

create function mayfly.release_debug(lease uuid)
returns jsonb
language sql volatile
set search_path = "";
grant execute on function mayfly.release_debug to authenticated;
grant execute on function mayfly.release_debug to service_role;

create function mayfly.release_jobs(leases text[])
returns jsonb
language plpgsql volatile
set search_path = "";
grant execute on function mayfly.release_jobs to authenticated;
grant execute on function mayfly.release_jobs to service_role;

create function mayfly.remove_artifacts(name text DEFAULT NULL::text, team uuid DEFAULT NULL::uuid, version integer DEFAULT NULL::integer, everything boolean DEFAULT false, max_rows integer DEFAULT 1000)
returns jsonb
language sql volatile
set search_path = "";
grant execute on function mayfly.remove_artifacts to authenticated;
grant execute on function mayfly.remove_artifacts to service_role;

create function mayfly.remove_member(user_id uuid)
returns jsonb
language sql volatile
set search_path = "";
grant execute on function mayfly.remove_member to authenticated;
grant execute on function mayfly.remove_member to service_role;

create function mayfly.renew_agent(extend boolean DEFAULT false)
returns jsonb
language sql volatile
set search_path = "";
grant execute on function mayfly.renew_agent to authenticated;

create function mayfly.report_workflow(lease text, value jsonb)
returns boolean
language plpgsql volatile
set search_path = "";
grant execute on function mayfly.report_workflow to authenticated;
grant execute on function mayfly.report_workflow to service_role;

create function mayfly.request_approval(title text, input jsonb DEFAULT '{}'::jsonb, lease text DEFAULT NULL::text, step text DEFAULT NULL::text, category text DEFAULT 'general'::text, confidence double precision DEFAULT NULL::double precision, milestone boolean DEFAULT false, required boolean DEFAULT false, quorum integer DEFAULT NULL::integer, roles text[] DEFAULT NULL::text[], deciders uuid[] DEFAULT NULL::uuid[], expires_in double precision DEFAULT NULL::double precision, input_schema jsonb DEFAULT NULL::jsonb)
returns jsonb
language sql volatile
set search_path = "";
grant execute on function mayfly.request_approval to authenticated;
grant execute on function mayfly.request_approval to service_role;

create function mayfly.reserve_costs(asks jsonb)
returns jsonb
language plpgsql volatile
set search_path = "";
grant execute on function mayfly.reserve_costs to authenticated;
grant execute on function mayfly.reserve_costs to service_role;

create function mayfly.resume_agent(id uuid)
returns jsonb
language sql volatile
set search_path = "";
grant execute on function mayfly.resume_agent to authenticated;
grant execute on function mayfly.resume_agent to service_role;

create function mayfly.retry_steps(lease text, names text[])
returns integer
language plpgsql volatile
set search_path = "";
grant execute on function mayfly.retry_steps to authenticated;
grant execute on function mayfly.retry_steps to service_role;

create function mayfly.revoke_client(client_id text)
returns jsonb
language sql volatile
set search_path = "";
grant execute on function mayfly.revoke_client to authenticated;
grant execute on function mayfly.revoke_client to service_role;

create function mayfly.revoke_enrolment_key(id uuid, stop_agents boolean DEFAULT false)
returns jsonb
language sql volatile
set search_path = "";
grant execute on function mayfly.revoke_enrolment_key to authenticated;
grant execute on function mayfly.revoke_enrolment_key to service_role;

create function mayfly.revoke_invitation(id uuid)
returns jsonb
language sql volatile
set search_path = "";
grant execute on function mayfly.revoke_invitation to authenticated;
grant execute on function mayfly.revoke_invitation to service_role;

create function mayfly.rollback_state(key text, version integer, of_agent uuid DEFAULT NULL::uuid, expected_version integer DEFAULT NULL::integer)
returns jsonb
language sql volatile
set search_path = "";
grant execute on function mayfly.rollback_state to authenticated;
grant execute on function mayfly.rollback_state to service_role;

create function mayfly.run_statistics(seconds double precision DEFAULT 3600)
returns jsonb
language plpgsql stable
set search_path = "";
grant execute on function mayfly.run_statistics to authenticated;
grant execute on function mayfly.run_statistics to service_role;

create function mayfly.send_messages(messages jsonb, acknowledge bigint[] DEFAULT NULL::bigint[])
returns jsonb
language plpgsql volatile
set search_path = "";
grant execute on function mayfly.send_messages to authenticated;
grant execute on function mayfly.send_messages to service_role;

create function mayfly.set_approval_policy(agent_type text DEFAULT '*'::text, category text DEFAULT '*'::text, autonomy text DEFAULT 'ask'::text, min_confidence double precision DEFAULT NULL::double precision, quorum integer DEFAULT 1, roles text[] DEFAULT NULL::text[], requester_decides boolean DEFAULT false, expires_in double precision DEFAULT NULL::double precision, escalate_after double precision DEFAULT NULL::double precision, escalation_roles text[] DEFAULT NULL::text[], notify text DEFAULT NULL::text)
returns jsonb
language sql volatile
set search_path = "";
grant execute on function mayfly.set_approval_policy to authenticated;
grant execute on function mayfly.set_approval_policy to service_role;

create function mayfly.set_budget(level text, subject text DEFAULT ''::text, hard_usd numeric DEFAULT NULL::numeric, soft_usd numeric DEFAULT NULL::numeric, hard_tokens bigint DEFAULT NULL::bigint, period text DEFAULT 'total'::text)
returns jsonb
language sql volatile
set search_path = "";
grant execute on function mayfly.set_budget to authenticated;
grant execute on function mayfly.set_budget to service_role;

create function mayfly.set_debug(persist boolean DEFAULT NULL::boolean, level integer DEFAULT NULL::integer, max_records_per_minute integer DEFAULT NULL::integer, keep double precision DEFAULT NULL::double precision)
returns jsonb
language sql volatile
set search_path = "";
grant execute on function mayfly.set_debug to authenticated;
grant execute on function mayfly.set_debug to service_role;

create function mayfly.set_entity(entity jsonb DEFAULT NULL::jsonb, name text DEFAULT NULL::text, type text DEFAULT NULL::text, description text DEFAULT NULL::text, aliases text[] DEFAULT NULL::text[], visibility text DEFAULT NULL::text)
returns jsonb
language sql volatile
set search_path = "";
grant execute on function mayfly.set_entity to authenticated;
grant execute on function mayfly.set_entity to service_role;

create function mayfly.set_fact_retention(ended_kept double precision DEFAULT NULL::double precision)
returns jsonb
language sql volatile
set search_path = "";
grant execute on function mayfly.set_fact_retention to authenticated;
grant execute on function mayfly.set_fact_retention to service_role;

create function mayfly.set_graph(name text, version text, graph jsonb)
returns jsonb
language sql volatile
set search_path = "";
grant execute on function mayfly.set_graph to authenticated;
grant execute on function mayfly.set_graph to service_role;

create function mayfly.set_job_attributes(lease text, changes jsonb)
returns jsonb
language plpgsql volatile
set search_path = "";
grant execute on function mayfly.set_job_attributes to authenticated;
grant execute on function mayfly.set_job_attributes to service_role;

create function mayfly.set_job_share(weight integer DEFAULT 1, max_running integer DEFAULT NULL::integer)
returns jsonb
language plpgsql volatile
set search_path = "";
grant execute on function mayfly.set_job_share to service_role;

create function mayfly.set_model_worth(model text, meaning real DEFAULT NULL::real, unrelated real DEFAULT NULL::real, measured jsonb DEFAULT NULL::jsonb)
returns jsonb
language sql volatile
set search_path = "";
grant execute on function mayfly.set_model_worth to authenticated;
grant execute on function mayfly.set_model_worth to service_role;

create function mayfly.set_queue(name text, paused boolean DEFAULT false, max_running integer DEFAULT NULL::integer, max_running_per_group integer DEFAULT NULL::integer, rate double precision DEFAULT NULL::double precision, weight integer DEFAULT 1)
returns jsonb
language plpgsql volatile
set search_path = "";
grant execute on function mayfly.set_queue to authenticated;
grant execute on function mayfly.set_queue to service_role;

create function mayfly.set_quotas(max_living_agents integer DEFAULT NULL::integer, spawns_per_minute integer DEFAULT NULL::integer, max_memories bigint DEFAULT NULL::bigint, max_bytes bigint DEFAULT NULL::bigint, writes_per_minute integer DEFAULT NULL::integer, messages_kept double precision DEFAULT NULL::double precision)
returns mayfly.tenants
language sql volatile
set search_path = "";
grant execute on function mayfly.set_quotas to service_role;

create function mayfly.set_rate_limit(level text, subject text DEFAULT ''::text, per_minute integer DEFAULT NULL::integer, burst integer DEFAULT NULL::integer)
returns jsonb
language sql volatile
set search_path = "";
grant execute on function mayfly.set_rate_limit to authenticated;
grant execute on function mayfly.set_rate_limit to service_role;

create function mayfly.set_schedule(name text, cron text, job text, input jsonb DEFAULT '{}'::jsonb, time_zone text DEFAULT 'UTC'::text, options jsonb DEFAULT '{}'::jsonb, catch_up text DEFAULT 'one'::text, overlap text DEFAULT 'skip'::text, paused boolean DEFAULT false)
returns jsonb
language plpgsql volatile
set search_path = "";
grant execute on function mayfly.set_schedule to authenticated;
grant execute on function mayfly.set_schedule to service_role;

create function mayfly.set_state(key text, value jsonb, of_agent uuid DEFAULT NULL::uuid, expected_version integer DEFAULT NULL::integer, expires_at timestamp with time zone DEFAULT NULL::timestamp with time zone)
returns jsonb
language sql volatile
set search_path = "";
grant execute on function mayfly.set_state to authenticated;
grant execute on function mayfly.set_state to service_role;

create function mayfly.settle_costs(settlements jsonb)
returns jsonb
language plpgsql volatile
set search_path = "";
grant execute on function mayfly.settle_costs to authenticated;
grant execute on function mayfly.settle_costs to service_role;

create function mayfly.signal_job(id uuid, name text, payload jsonb DEFAULT NULL::jsonb)
returns jsonb
language plpgsql volatile
set search_path = "";
grant execute on function mayfly.signal_job to authenticated;
grant execute on function mayfly.signal_job to service_role;

create function mayfly.spawn_agent(name text DEFAULT NULL::text, type text DEFAULT NULL::text, lifetime double precision DEFAULT NULL::double precision, capabilities text[] DEFAULT NULL::text[], scopes text[] DEFAULT NULL::text[], task text DEFAULT NULL::text, metadata jsonb DEFAULT NULL::jsonb, registration_key text DEFAULT NULL::text, renew boolean DEFAULT false)
returns jsonb
language sql volatile
set search_path = "";
grant execute on function mayfly.spawn_agent to authenticated;
grant execute on function mayfly.spawn_agent to service_role;

create function mayfly.spawn_named_team(team jsonb, settings jsonb)
returns jsonb
language sql volatile
set search_path = "";
grant execute on function mayfly.spawn_named_team to authenticated;
grant execute on function mayfly.spawn_named_team to service_role;

create function mayfly.spawn_team(team jsonb)
returns jsonb
language sql volatile
set search_path = "";
grant execute on function mayfly.spawn_team to authenticated;
grant execute on function mayfly.spawn_team to service_role;

create function mayfly.start_run(agent text, input text DEFAULT NULL::text, limits jsonb DEFAULT '{}'::jsonb, key text DEFAULT NULL::text, lease text DEFAULT NULL::text, priority integer DEFAULT 0, trace text DEFAULT NULL::text, attributes jsonb DEFAULT NULL::jsonb)
returns jsonb
language plpgsql volatile
set search_path = "";
grant execute on function mayfly.start_run to authenticated;
grant execute on function mayfly.start_run to service_role;

create function mayfly.state_changes(changes jsonb)
returns jsonb
language plpgsql stable
set search_path = "";
grant execute on function mayfly.state_changes to authenticated;
grant execute on function mayfly.state_changes to service_role;

create function mayfly.state_history(key text, of_agent uuid DEFAULT NULL::uuid, before integer DEFAULT NULL::integer, page_limit integer DEFAULT 100)
returns jsonb
language plpgsql stable
set search_path = "";
grant execute on function mayfly.state_history to authenticated;
grant execute on function mayfly.state_history to service_role;

create function mayfly.states_at(instant timestamp with time zone, of_agent uuid DEFAULT NULL::uuid, prefix text DEFAULT ''::text, after text DEFAULT NULL::text, page_limit integer DEFAULT 100)
returns jsonb
language plpgsql stable
set search_path = "";
grant execute on function mayfly.states_at to authenticated;
grant execute on function mayfly.states_at to service_role;

create function mayfly.stop_agent(id uuid DEFAULT NULL::uuid, reason text DEFAULT NULL::text)
returns jsonb
language sql volatile
set search_path = "";
grant execute on function mayfly.stop_agent to authenticated;
grant execute on function mayfly.stop_agent to service_role;

create function mayfly.stop_team(team_id uuid, reason text DEFAULT NULL::text)
returns jsonb
language sql volatile
set search_path = "";
grant execute on function mayfly.stop_team to authenticated;
grant execute on function mayfly.stop_team to service_role;

create function mayfly.subscribe_channel(name text, acknowledged bigint DEFAULT NULL::bigint)
returns jsonb
language sql volatile
set search_path = "";
grant execute on function mayfly.subscribe_channel to authenticated;
grant execute on function mayfly.subscribe_channel to service_role;

create function mayfly.suspend_agent(id uuid DEFAULT NULL::uuid, reason text DEFAULT NULL::text)
returns jsonb
language sql volatile
set search_path = "";
grant execute on function mayfly.suspend_agent to authenticated;
grant execute on function mayfly.suspend_agent to service_role;

create function mayfly.swap_state(key text, expected_version integer, value jsonb, of_agent uuid DEFAULT NULL::uuid, expires_at timestamp with time zone DEFAULT NULL::timestamp with time zone)
returns jsonb
language sql volatile
set search_path = "";
grant execute on function mayfly.swap_state to authenticated;
grant execute on function mayfly.swap_state to service_role;

create function mayfly.sweep_files(page_limit integer DEFAULT 1000)
returns jsonb
language sql volatile
set search_path = "";
grant execute on function mayfly.sweep_files to authenticated;
grant execute on function mayfly.sweep_files to service_role;

create function mayfly.sync(push jsonb DEFAULT '[]'::jsonb, since text DEFAULT NULL::text, page_limit integer DEFAULT 500)
returns jsonb
language plpgsql volatile
set search_path = "";
grant execute on function mayfly.sync to authenticated;
grant execute on function mayfly.sync to service_role;

create function mayfly.tenant_ids(scope text DEFAULT NULL::text)
returns uuid[]
language sql stable
set search_path = "";
grant execute on function mayfly.tenant_ids to authenticated;
grant execute on function mayfly.tenant_ids to service_role;

create function mayfly.transfer_tenant(user_id uuid)
returns jsonb
language sql volatile
set search_path = "";
grant execute on function mayfly.transfer_tenant to authenticated;

create function mayfly.traverse_facts(start jsonb, hops integer DEFAULT 1, predicates text[] DEFAULT NULL::text[], direction text DEFAULT 'both'::text, as_of timestamp with time zone DEFAULT NULL::timestamp with time zone, fan_out integer DEFAULT 50, result_limit integer DEFAULT 300)
returns jsonb
language plpgsql stable
set search_path = "";
grant execute on function mayfly.traverse_facts to authenticated;
grant execute on function mayfly.traverse_facts to service_role;

create function mayfly.tuning_questions(questions integer DEFAULT 60, model text DEFAULT ''::text)
returns jsonb
language sql stable
set search_path = "";
grant execute on function mayfly.tuning_questions to authenticated;
grant execute on function mayfly.tuning_questions to service_role;

create function mayfly.turn_jobs(done jsonb DEFAULT '[]'::jsonb, failures jsonb DEFAULT '[]'::jsonb, wanted integer DEFAULT 1, queues text[] DEFAULT NULL::text[], names text[] DEFAULT NULL::text[], lease double precision DEFAULT 30, place jsonb DEFAULT NULL::jsonb, park uuid DEFAULT NULL::uuid)
returns json
language plpgsql volatile
set search_path = "";
grant execute on function mayfly.turn_jobs to authenticated;
grant execute on function mayfly.turn_jobs to service_role;

create function mayfly.unsubscribe_channel(name text)
returns boolean
language sql volatile
set search_path = "";
grant execute on function mayfly.unsubscribe_channel to authenticated;
grant execute on function mayfly.unsubscribe_channel to service_role;

create function mayfly.update_channel(name text, description text DEFAULT NULL::text, publishers uuid[] DEFAULT NULL::uuid[])
returns jsonb
language sql volatile
set search_path = "";
grant execute on function mayfly.update_channel to authenticated;
grant execute on function mayfly.update_channel to service_role;

create function mayfly.update_tenant(name text DEFAULT NULL::text, language text DEFAULT NULL::text, max_lifetime double precision DEFAULT NULL::double precision, token_lifetime double precision DEFAULT NULL::double precision, max_depth integer DEFAULT NULL::integer, retention jsonb DEFAULT NULL::jsonb)
returns mayfly.tenants
language sql volatile
set search_path = "";
grant execute on function mayfly.update_tenant to authenticated;
grant execute on function mayfly.update_tenant to service_role;

create function mayfly.usage()
returns jsonb
language sql stable
set search_path = "";
grant execute on function mayfly.usage to authenticated;
grant execute on function mayfly.usage to service_role;

create function mayfly.use_approval(lease text, id uuid, step text)
returns jsonb
language sql volatile
set search_path = "";
grant execute on function mayfly.use_approval to authenticated;
grant execute on function mayfly.use_approval to service_role;

create function mayfly.wait_any(lease text, waits jsonb, jobs jsonb DEFAULT NULL::jsonb, may_sleep boolean DEFAULT true)
returns jsonb
language plpgsql volatile
set search_path = "";
grant execute on function mayfly.wait_any to authenticated;
grant execute on function mayfly.wait_any to service_role;

create function mayfly.wait_job(lease text, step text, signals text[] DEFAULT '{}'::text[], until timestamp with time zone DEFAULT NULL::timestamp with time zone)
returns jsonb
language plpgsql volatile
set search_path = "";
grant execute on function mayfly.wait_job to authenticated;
grant execute on function mayfly.wait_job to service_role;

create function mayfly.watch_team(team_id uuid, limits jsonb DEFAULT '{}'::jsonb)
returns jsonb
language sql volatile
set search_path = "";
grant execute on function mayfly.watch_team to authenticated;
grant execute on function mayfly.watch_team to service_role;

create function mayfly.workflow_history(id uuid, after bigint DEFAULT 0, page_limit integer DEFAULT 1000)
returns jsonb
language plpgsql stable
set search_path = "";
grant execute on function mayfly.workflow_history to authenticated;
grant execute on function mayfly.workflow_history to service_role;

create function mayfly_gate.check_request(path text DEFAULT current_setting('search_path'::text))
returns void
language plpgsql stable
set search_path = "";

create function mayfly_private.accept_invitation(token text, invitation_id uuid)
returns jsonb
language plpgsql volatile security definer
set search_path = "";
grant execute on function mayfly_private.accept_invitation to authenticated;

create function mayfly_private.acknowledge_channel(name text, seq bigint)
returns bigint
language plpgsql volatile security definer
set search_path = "";
grant execute on function mayfly_private.acknowledge_channel to authenticated;
grant execute on function mayfly_private.acknowledge_channel to service_role;

create function mayfly_private.acknowledge_messages(seqs bigint[])
returns jsonb
language plpgsql volatile security definer
set search_path = "";
grant execute on function mayfly_private.acknowledge_messages to authenticated;
grant execute on function mayfly_private.acknowledge_messages to service_role;

create function mayfly_private.acting_role(tenant uuid)
returns text
language sql stable security definer
set search_path = "";

create function mayfly_private.add_jobs(jobs jsonb, lease text)
returns jsonb
language plpgsql volatile security definer
set search_path = "";
grant execute on function mayfly_private.add_jobs to authenticated;
grant execute on function mayfly_private.add_jobs to service_role;

create function mayfly_private.add_member(member uuid, role text)
returns jsonb
language plpgsql volatile security definer
set search_path = "";
grant execute on function mayfly_private.add_member to service_role;

create function mayfly_private.adders_under_way(tenant uuid)
returns boolean
language plpgsql volatile security definer
set search_path = "";

create function mayfly_private.advance_graph(lease text, graph jsonb)
returns jsonb
language plpgsql volatile security definer
set enable_seqscan = off
set plan_cache_mode = force_generic_plan
set search_path = "";
grant execute on function mayfly_private.advance_graph to authenticated;
grant execute on function mayfly_private.advance_graph to service_role;

create function mayfly_private.agent_tree(root uuid, living boolean)
returns jsonb
language plpgsql stable security definer
set search_path = "";
grant execute on function mayfly_private.agent_tree to authenticated;
grant execute on function mayfly_private.agent_tree to service_role;

create function mayfly_private.agent_usage(tenant uuid)
returns jsonb
language sql stable security definer
set search_path = "";

create function mayfly_private.agents_of_target(tenant uuid, sender uuid, target jsonb)
returns SETOF uuid
language sql stable security definer
set search_path = "";

create function mayfly_private.agents_under(tenant uuid, agent uuid)
returns uuid[]
language plpgsql stable
set search_path = "";

create function mayfly_private.announce(tenant uuid, ids uuid[], in_channels boolean)
returns void
language plpgsql volatile security definer
set search_path = "";

create function mayfly_private.answer_messages(tenant uuid, ids uuid[])
returns void
language plpgsql volatile security definer
set search_path = "";

create function mayfly_private.append_debug(records jsonb, dropped integer)
returns jsonb
language plpgsql volatile security definer
set search_path = "";
grant execute on function mayfly_private.append_debug to authenticated;
grant execute on function mayfly_private.append_debug to service_role;

create function mayfly_private.append_events(tenant uuid, happened text, ids uuid[])
returns void
language plpgsql volatile security definer
set search_path = "";

create function mayfly_private.append_events_of(tenants uuid[], happened text, ids uuid[])
returns void
language plpgsql volatile security definer
set search_path = "";

create function mayfly_private.append_run_chunks(lease text, after bigint, chunks text, size integer, tell boolean)
returns jsonb
language plpgsql volatile security definer
set search_path = "";
grant execute on function mayfly_private.append_run_chunks to authenticated;
grant execute on function mayfly_private.append_run_chunks to service_role;

create function mayfly_private.apply_deletes(tenant uuid, push jsonb, claimed uuid[], targets uuid[])
returns integer
language plpgsql volatile
set search_path = "";

create function mayfly_private.apply_memories(tenant uuid, push jsonb, claimed uuid[])
returns integer
language plpgsql volatile
set search_path = "";

create function mayfly_private.apply_updates(tenant uuid, push jsonb, claimed uuid[], targets uuid[], pusher uuid)
returns integer
language plpgsql volatile
set search_path = "";

create function mayfly_private.approval_digest(input jsonb)
returns bytea
language sql immutable parallel safe
set search_path = "";

create function mayfly_private.approval_rule(tenant uuid, agent_type text, category text)
returns mayfly.approval_policies
language plpgsql stable security definer
set search_path = "";

create function mayfly_private.are_tool_calls(calls jsonb)
returns boolean
language plpgsql immutable
set search_path = "";

create function mayfly_private.assign_job(job jsonb, capabilities text[], type text, team uuid, max_load integer)
returns jsonb
language plpgsql volatile security definer
set enable_seqscan = off
set jit = off
set search_path = "";
grant execute on function mayfly_private.assign_job to authenticated;
grant execute on function mayfly_private.assign_job to service_role;

create function mayfly_private.attributed_jobs(wanted jsonb, oldest uuid, past uuid, before uuid)
returns uuid[]
language plpgsql stable security definer
set search_path = "";
grant execute on function mayfly_private.attributed_jobs to authenticated;
grant execute on function mayfly_private.attributed_jobs to service_role;

create function mayfly_private.attributes_fault(attributes jsonb)
returns jsonb
language plpgsql immutable parallel safe
set search_path = "";

create function mayfly_private.attributes_path(tenant uuid, wanted jsonb)
returns jsonpath
language plpgsql stable
set search_path = "";

create function mayfly_private.await_deliveries(tenant uuid)
returns void
language plpgsql volatile security definer
set search_path = "";
grant execute on function mayfly_private.await_deliveries to authenticated;
grant execute on function mayfly_private.await_deliveries to service_role;

create function mayfly_private.award_tender(tender mayfly.tenders, now_please boolean)
returns mayfly.tenders
language plpgsql volatile security definer
set search_path = "";

create function mayfly_private.begin_artifact(name text, media_type text, size bigint, sha256 text, team uuid, metadata jsonb)
returns jsonb
language plpgsql volatile security definer
set search_path = "";
grant execute on function mayfly_private.begin_artifact to authenticated;
grant execute on function mayfly_private.begin_artifact to service_role;

create function mayfly_private.begin_run(lease text)
returns jsonb
language plpgsql volatile security definer
set search_path = "";
grant execute on function mayfly_private.begin_run to authenticated;
grant execute on function mayfly_private.begin_run to service_role;

create function mayfly_private.begin_step(run mayfly.jobs, one mayfly_private.ready_step)
returns text
language plpgsql volatile security definer
set search_path = "";

create function mayfly_private.begin_tool_calls(lease text, step integer, calls jsonb)
returns jsonb
language plpgsql volatile security definer
set search_path = "";
grant execute on function mayfly_private.begin_tool_calls to authenticated;
grant execute on function mayfly_private.begin_tool_calls to service_role;

create function mayfly_private.begin_tools(run mayfly.runs, this_attempt integer, whose uuid, step integer, calls jsonb)
returns jsonb
language plpgsql volatile security definer
set search_path = "";

create function mayfly_private.budgets_of(tenants uuid[], levels text[], subjects text[])
returns mayfly.budgets[]
language plpgsql volatile security definer
set plan_cache_mode = force_generic_plan
set search_path = "";

create function mayfly_private.bytes_of_hex(value text)
returns bytea
language sql immutable parallel safe
set search_path = "";

create function mayfly_private.caller()
returns mayfly_private.caller
language plpgsql stable security definer
set search_path = "";

create function mayfly_private.caller_id()
returns uuid
language plpgsql stable security definer
set search_path = "";
grant execute on function mayfly_private.caller_id to authenticated;

create function mayfly_private.cancel_approval(id uuid)
returns jsonb
language plpgsql volatile security definer
set search_path = "";
grant execute on function mayfly_private.cancel_approval to authenticated;
grant execute on function mayfly_private.cancel_approval to service_role;

create function mayfly_private.cancel_jobs(ids uuid[])
returns jsonb
language plpgsql volatile security definer
set search_path = "";
grant execute on function mayfly_private.cancel_jobs to authenticated;
grant execute on function mayfly_private.cancel_jobs to service_role;

create function mayfly_private.cancel_poll(poll_id uuid)
returns jsonb
language plpgsql volatile security definer
set search_path = "";
grant execute on function mayfly_private.cancel_poll to authenticated;
grant execute on function mayfly_private.cancel_poll to service_role;

create function mayfly_private.canonical(given jsonb)
returns jsonb
language plpgsql immutable parallel safe
set search_path = "";

create function mayfly_private.card(agent mayfly.agents)
returns jsonb
language sql stable security definer
set search_path = "";

create function mayfly_private.cast_ballot(poll_id uuid, choice text, reason text)
returns jsonb
language plpgsql volatile security definer
set search_path = "";
grant execute on function mayfly_private.cast_ballot to authenticated;
grant execute on function mayfly_private.cast_ballot to service_role;

create function mayfly_private.change_member_role(member uuid, role text)
returns jsonb
language plpgsql volatile security definer
set search_path = "";
grant execute on function mayfly_private.change_member_role to authenticated;
grant execute on function mayfly_private.change_member_role to service_role;

create function mayfly_private.channel_at(thread mayfly.threads, ns text, channel text, version text)
returns jsonb
language sql stable security definer
set search_path = "";

create function mayfly_private.channel_statistics(name text)
returns jsonb
language plpgsql stable security definer
set search_path = "";
grant execute on function mayfly_private.channel_statistics to authenticated;
grant execute on function mayfly_private.channel_statistics to service_role;

create function mayfly_private.charge(tenant uuid, more_memories bigint, more_bytes bigint, more_writes integer)
returns void
language plpgsql volatile security definer
set search_path = "";

create function mayfly_private.charge_thread(thread mayfly.threads, more_bytes bigint, expires_in integer, writes integer)
returns void
language plpgsql volatile security definer
set search_path = "";

create function mayfly_private.check_approval(title text, input jsonb, category text, confidence double precision, quorum integer, roles text[], deciders uuid[], expires_in double precision, input_schema jsonb, step text)
returns void
language plpgsql stable security definer
set search_path = "";

create function mayfly_private.check_attributes(attributes jsonb, field text)
returns void
language plpgsql volatile
set search_path = "";

create function mayfly_private.check_channel(tenant uuid, description text, publishers uuid[])
returns void
language plpgsql stable security definer
set search_path = "";

create function mayfly_private.check_claim(wanted integer, queues text[], names text[], lease double precision)
returns void
language plpgsql immutable
set search_path = "";

create function mayfly_private.check_facts(facts jsonb)
returns void
language plpgsql stable
set search_path = "";

create function mayfly_private.check_graph(name text, version text, graph jsonb)
returns void
language plpgsql volatile
set search_path = "";

create function mayfly_private.check_job_kinds(kinds json)
returns void
language plpgsql immutable
set search_path = "";

create function mayfly_private.check_jobs(jobs jsonb)
returns void
language plpgsql volatile
set search_path = "";

create function mayfly_private.check_living(tenant mayfly.tenants, wanted integer)
returns void
language plpgsql volatile security definer
set search_path = "";

create function mayfly_private.check_messages(messages jsonb)
returns void
language plpgsql volatile
set search_path = "";

create function mayfly_private.check_numbers(value jsonb, field text)
returns void
language plpgsql stable
set search_path = "";

create function mayfly_private.check_operations(push jsonb)
returns void
language plpgsql stable
set search_path = "";

create function mayfly_private.check_poll(question text, options text[], rule text, voters jsonb, team uuid, quorum integer, seconds double precision, key text)
returns void
language plpgsql stable
set search_path = "";

create function mayfly_private.check_push(push jsonb)
returns extensions.halfvec[]
language plpgsql volatile
set search_path = "";

create function mayfly_private.check_reason(reason text)
returns void
language plpgsql immutable
set search_path = "";

create function mayfly_private.check_recall(query text, embedding real[], model text, result_limit integer, similar_to uuid, surrounding integer)
returns void
language plpgsql stable
set search_path = "";

create function mayfly_private.check_recipients(tenant uuid, messages jsonb, claimed uuid[], delivered uuid[])
returns void
language plpgsql stable security definer
set search_path = "";

create function mayfly_private.check_run_chunks(chunks text)
returns void
language plpgsql volatile
set search_path = "";

create function mayfly_private.check_scopes(scopes text[], allowed text[])
returns void
language plpgsql stable
set search_path = "";

create function mayfly_private.check_team(team jsonb)
returns void
language plpgsql stable
set search_path = "";

create function mayfly_private.check_team_settings(settings jsonb)
returns void
language plpgsql stable
set search_path = "";

create function mayfly_private.check_transition()
returns trigger
language plpgsql volatile security definer
set search_path = "";

create function mayfly_private.check_version(functions text)
returns void
language plpgsql stable
set search_path = "";

create function mayfly_private.check_waits(waits jsonb)
returns void
language plpgsql volatile
set search_path = "";

create function mayfly_private.check_weights(weights jsonb, half_lives jsonb)
returns void
language plpgsql immutable
set search_path = "";

create function mayfly_private.claim_embeddings(model text, max_rows integer, lease_seconds integer)
returns jsonb
language plpgsql volatile security definer
set search_path = "";
grant execute on function mayfly_private.claim_embeddings to service_role;

create function mayfly_private.claim_jobs(wanted integer, queues text[], names text[], lease double precision, place jsonb, park uuid, any_tenant boolean)
returns json
language plpgsql volatile security definer
set search_path = "";
grant execute on function mayfly_private.claim_jobs to authenticated;
grant execute on function mayfly_private.claim_jobs to service_role;

create function mayfly_private.claiming_worker(any_tenant boolean)
returns mayfly_private.claiming_worker
language plpgsql volatile security definer
set search_path = "";

create function mayfly_private.close_cursor(cursor_state jsonb)
returns text
language sql immutable
set search_path = "";

create function mayfly_private.close_tender(tender_id uuid, award boolean)
returns jsonb
language plpgsql volatile security definer
set search_path = "";
grant execute on function mayfly_private.close_tender to authenticated;
grant execute on function mayfly_private.close_tender to service_role;

create function mayfly_private.common_scopes(allowed text[])
returns text[]
language sql stable
set search_path = "";

create function mayfly_private.complete_embeddings(model text, results jsonb)
returns jsonb
language plpgsql volatile security definer
set search_path = "";
grant execute on function mayfly_private.complete_embeddings to service_role;

create function mayfly_private.complete_held(holder mayfly_private.job_holder, done jsonb)
returns jsonb
language plpgsql volatile security definer
set enable_bitmapscan = off
set enable_hashjoin = off
set enable_mergejoin = off
set enable_seqscan = off
set jit = off
set plan_cache_mode = force_generic_plan
set search_path = "";

create function mayfly_private.complete_jobs(done jsonb)
returns jsonb
language plpgsql volatile security definer
set search_path = "";
grant execute on function mayfly_private.complete_jobs to authenticated;
grant execute on function mayfly_private.complete_jobs to service_role;

create function mayfly_private.concerns(budget mayfly.budgets, tenant uuid, agent text, run uuid, groups text[])
returns boolean
language plpgsql immutable
set search_path = "";

create function mayfly_private.conflict_bytes(base jsonb, wanted jsonb)
returns integer
language plpgsql immutable parallel safe
set search_path = "";

create function mayfly_private.content_hash(body jsonb, private_to uuid)
returns uuid
language plpgsql immutable parallel safe
set search_path = "";

create function mayfly_private.control_nudge(tenant uuid, topic text, seq bigint)
returns jsonb
language plpgsql stable security definer
set search_path = "";

create function mayfly_private.convert_operations(push jsonb)
returns jsonb
language plpgsql immutable
set search_path = "";
grant execute on function mayfly_private.convert_operations to authenticated;
grant execute on function mayfly_private.convert_operations to service_role;

create function mayfly_private.cost_asks(asks jsonb, holder mayfly_private.job_holder)
returns mayfly_private.cost_ask[]
language plpgsql volatile security definer
set search_path = "";

create function mayfly_private.cost_groups_of(tenant uuid, spender uuid)
returns text[]
language plpgsql stable security definer
set search_path = "";

create function mayfly_private.cost_of(units jsonb, usage jsonb)
returns numeric
language plpgsql immutable
set search_path = "";

create function mayfly_private.count_loads()
returns trigger
language plpgsql volatile security definer
set search_path = "";

create function mayfly_private.count_usage(tenant uuid, more_memories bigint, more_bytes bigint, more_writes integer)
returns void
language plpgsql volatile security definer
set search_path = "";

create function mayfly_private.create_channel(name text, kind text, description text, publishers uuid[])
returns mayfly.channels
language plpgsql volatile security definer
set search_path = "";
grant execute on function mayfly_private.create_channel to authenticated;
grant execute on function mayfly_private.create_channel to service_role;

create function mayfly_private.create_enrolment_key(name text, scopes text[], expires_at timestamp with time zone)
returns jsonb
language plpgsql volatile security definer
set search_path = "";
grant execute on function mayfly_private.create_enrolment_key to authenticated;
grant execute on function mayfly_private.create_enrolment_key to service_role;

create function mayfly_private.create_tenant(name text, owner uuid)
returns mayfly.tenants
language plpgsql volatile security definer
set search_path = "";
grant execute on function mayfly_private.create_tenant to authenticated;
grant execute on function mayfly_private.create_tenant to service_role;

create function mayfly_private.cron_field(field text, low integer, high integer, names text[])
returns integer[]
language plpgsql immutable
set search_path = "";

create function mayfly_private.current_epoch()
returns integer
language plpgsql volatile security definer
set search_path = "";

create function mayfly_private.debug_categories()
returns text[]
language sql immutable parallel safe
set search_path = "";

create function mayfly_private.debug_level()
returns jsonb
language plpgsql volatile security definer
set search_path = "";
grant execute on function mayfly_private.debug_level to authenticated;
grant execute on function mayfly_private.debug_level to service_role;

create function mayfly_private.debug_levels(tenant uuid, agent uuid, rate numeric)
returns jsonb
language sql stable security definer
set search_path = "";

create function mayfly_private.debug_nudge(tenant uuid, topic text, seq bigint)
returns jsonb
language plpgsql stable security definer
set search_path = "";

create function mayfly_private.debug_rate(tenant uuid)
returns numeric
language sql stable security definer
set search_path = "";

create function mayfly_private.decide_approval(id uuid, verdict text, digest text, reason text, input jsonb)
returns jsonb
language plpgsql volatile security definer
set search_path = "";
grant execute on function mayfly_private.decide_approval to authenticated;
grant execute on function mayfly_private.decide_approval to service_role;

create function mayfly_private.define_agent_type(name text, role text, description text, prompt text, capabilities text[], scopes text[], lifetime interval, max_lifetime interval, max_living integer, metadata jsonb)
returns mayfly.agent_types
language plpgsql volatile security definer
set search_path = "";
grant execute on function mayfly_private.define_agent_type to authenticated;
grant execute on function mayfly_private.define_agent_type to service_role;

create function mayfly_private.delegate_approval(id uuid, to_id uuid, reason text)
returns jsonb
language plpgsql volatile security definer
set search_path = "";
grant execute on function mayfly_private.delegate_approval to authenticated;
grant execute on function mayfly_private.delegate_approval to service_role;

create function mayfly_private.delete_approval_policy(agent_type text, category text)
returns jsonb
language plpgsql volatile security definer
set search_path = "";
grant execute on function mayfly_private.delete_approval_policy to authenticated;
grant execute on function mayfly_private.delete_approval_policy to service_role;

create function mayfly_private.delete_budget(level text, subject text)
returns jsonb
language plpgsql volatile security definer
set search_path = "";
grant execute on function mayfly_private.delete_budget to authenticated;
grant execute on function mayfly_private.delete_budget to service_role;

create function mayfly_private.delete_channel(name text)
returns uuid
language plpgsql volatile security definer
set search_path = "";
grant execute on function mayfly_private.delete_channel to authenticated;
grant execute on function mayfly_private.delete_channel to service_role;

create function mayfly_private.delete_finished(tenant uuid, ids uuid[])
returns void
language plpgsql volatile security definer
set search_path = "";

create function mayfly_private.delete_graph(name text, version text)
returns jsonb
language plpgsql volatile security definer
set search_path = "";
grant execute on function mayfly_private.delete_graph to authenticated;
grant execute on function mayfly_private.delete_graph to service_role;

create function mayfly_private.delete_schedule(name text)
returns jsonb
language plpgsql volatile security definer
set search_path = "";
grant execute on function mayfly_private.delete_schedule to authenticated;
grant execute on function mayfly_private.delete_schedule to service_role;

create function mayfly_private.delete_state(key text, of_agent uuid, expected_version integer)
returns jsonb
language plpgsql volatile security definer
set search_path = "";
grant execute on function mayfly_private.delete_state to authenticated;
grant execute on function mayfly_private.delete_state to service_role;

create function mayfly_private.delete_thread(thread text)
returns jsonb
language plpgsql volatile security definer
set search_path = "";
grant execute on function mayfly_private.delete_thread to authenticated;
grant execute on function mayfly_private.delete_thread to service_role;

create function mayfly_private.deliver_answer(tenant uuid, job uuid, sender uuid, recipient uuid, message uuid, conversation uuid, correlation text, content jsonb)
returns void
language plpgsql volatile security definer
set search_path = "";

create function mayfly_private.deliver_job(tenant uuid, label text, content jsonb)
returns mayfly_private.delivery
language plpgsql volatile security definer
set search_path = "";

create function mayfly_private.deliver_message(tenant uuid, id uuid, type text, sender uuid, recipient uuid, reply_to uuid, conversation uuid, correlation text, content jsonb)
returns void
language plpgsql volatile security definer
set search_path = "";

create function mayfly_private.discard_jobs(ids uuid[], of_queue text, max_rows integer)
returns jsonb
language plpgsql volatile security definer
set search_path = "";
grant execute on function mayfly_private.discard_jobs to authenticated;
grant execute on function mayfly_private.discard_jobs to service_role;

create function mayfly_private.draft_agent(spawner mayfly_private.spawner, drafted mayfly.agents[], name text, pool text[], type text, lifetime interval, capabilities text[], scopes text[], task text, metadata jsonb, renew boolean)
returns mayfly.agents
language plpgsql volatile security definer
set search_path = "";

create function mayfly_private.drop_threads(tenant uuid, ids uuid[])
returns integer
language plpgsql volatile security definer
set search_path = "";

create function mayfly_private.drop_unused_entities(tenant uuid, ids uuid[])
returns integer
language plpgsql volatile
set search_path = "";

create function mayfly_private.duplicates_among(tenant uuid, memories uuid[])
returns integer[]
language plpgsql stable
set search_path = "";

create function mayfly_private.edit_state(key text, edits jsonb, of_agent uuid, expected_version integer)
returns jsonb
language plpgsql volatile security definer
set search_path = "";
grant execute on function mayfly_private.edit_state to authenticated;
grant execute on function mayfly_private.edit_state to service_role;

create function mayfly_private.edit_value(target jsonb, path text[], op text, operand jsonb)
returns jsonb
language plpgsql immutable
set search_path = "";

create function mayfly_private.effective_status(agent mayfly.agents)
returns text
language plpgsql stable security definer
set search_path = "";

create function mayfly_private.embedding_dimensions()
returns integer
language plpgsql stable
set search_path = "";
grant execute on function mayfly_private.embedding_dimensions to authenticated;
grant execute on function mayfly_private.embedding_dimensions to service_role;

create function mayfly_private.embedding_progress(model text)
returns jsonb
language plpgsql stable security definer
set search_path = "";
grant execute on function mayfly_private.embedding_progress to service_role;

create function mayfly_private.embeddings_of(push jsonb)
returns extensions.halfvec[]
language plpgsql volatile
set search_path = "";

create function mayfly_private.end_approval(approval mayfly.approvals, ended text)
returns void
language plpgsql volatile security definer
set search_path = "";

create function mayfly_private.end_assignments()
returns trigger
language plpgsql volatile security definer
set enable_seqscan = off
set search_path = "";

create function mayfly_private.end_facts(ids uuid[], at timestamp with time zone)
returns jsonb
language plpgsql volatile security definer
set search_path = "";
grant execute on function mayfly_private.end_facts to authenticated;
grant execute on function mayfly_private.end_facts to service_role;

create function mayfly_private.end_jobs(tenant uuid, ids uuid[], ended text, errors jsonb[], results jsonb[])
returns void
language plpgsql volatile security definer
set enable_seqscan = off
set search_path = "";

create function mayfly_private.end_leases()
returns trigger
language plpgsql volatile security definer
set search_path = "";

create function mayfly_private.end_places(places tid[], ended text, errors jsonb[], results jsonb[])
returns void
language plpgsql volatile security definer
set plan_cache_mode = force_generic_plan
set search_path = "";

create function mayfly_private.end_run(lease text, status text, output text, error jsonb, chunks jsonb)
returns jsonb
language plpgsql volatile security definer
set search_path = "";
grant execute on function mayfly_private.end_run to authenticated;
grant execute on function mayfly_private.end_run to service_role;

create function mayfly_private.end_runs()
returns trigger
language plpgsql volatile security definer
set search_path = "";

create function mayfly_private.end_teams(tenant uuid, ids uuid[], reason text)
returns void
language plpgsql volatile security definer
set search_path = "";

create function mayfly_private.end_tool_calls(lease text, step integer, ends jsonb, ask jsonb, chunks jsonb)
returns jsonb
language plpgsql volatile security definer
set plan_cache_mode = force_generic_plan
set search_path = "";
grant execute on function mayfly_private.end_tool_calls to authenticated;
grant execute on function mayfly_private.end_tool_calls to service_role;

create function mayfly_private.enqueue_embeddings(tenant uuid, memories uuid[])
returns void
language plpgsql volatile
set search_path = "";

create function mayfly_private.ensure_tenant(name text, owner uuid)
returns jsonb
language plpgsql volatile security definer
set search_path = "";
grant execute on function mayfly_private.ensure_tenant to authenticated;
grant execute on function mayfly_private.ensure_tenant to service_role;

create function mayfly_private.entities_named(tenant uuid, ref jsonb, field text)
returns uuid[]
language plpgsql stable
set search_path = "";
grant execute on function mayfly_private.entities_named to authenticated;
grant execute on function mayfly_private.entities_named to service_role;

create function mayfly_private.entity_key(name text)
returns text
language plpgsql immutable parallel safe
set search_path = "";
grant execute on function mayfly_private.entity_key to authenticated;
grant execute on function mayfly_private.entity_key to service_role;

create function mayfly_private.erase_tenant(name text, max_rows integer)
returns jsonb
language plpgsql volatile security definer
set search_path = "";
grant execute on function mayfly_private.erase_tenant to authenticated;
grant execute on function mayfly_private.erase_tenant to service_role;

create function mayfly_private.export_tenant(after jsonb, page_limit integer)
returns json
language plpgsql stable security definer
set search_path = "";
grant execute on function mayfly_private.export_tenant to authenticated;
grant execute on function mayfly_private.export_tenant to service_role;

create function mayfly_private.extend_life(tenant uuid, agent uuid, chosen boolean DEFAULT true)
returns mayfly.agents
language sql volatile security definer
set search_path = "";

create function mayfly_private.fact_word(word text)
returns text
language plpgsql immutable parallel safe
set search_path = "";
grant execute on function mayfly_private.fact_word to authenticated;
grant execute on function mayfly_private.fact_word to service_role;

create function mayfly_private.fail(status integer, code text, message text, hint text DEFAULT NULL::text, details jsonb DEFAULT NULL::jsonb, retry_after integer DEFAULT NULL::integer)
returns void
language plpgsql volatile
set search_path = "";
grant execute on function mayfly_private.fail to authenticated;
grant execute on function mayfly_private.fail to service_role;

create function mayfly_private.fail_jobs(failures jsonb)
returns jsonb
language plpgsql volatile security definer
set search_path = "";
grant execute on function mayfly_private.fail_jobs to authenticated;
grant execute on function mayfly_private.fail_jobs to service_role;

create function mayfly_private.fence_job(token text)
returns mayfly.jobs
language plpgsql volatile security definer
set search_path = "";

create function mayfly_private.file_tenants()
returns uuid[]
language plpgsql stable
set search_path = "";
grant execute on function mayfly_private.file_tenants to authenticated;

create function mayfly_private.find_agents(having_capabilities text[], of_type text, with_status text, of_parent uuid, after uuid, page_limit integer)
returns jsonb
language plpgsql stable security definer
set plan_cache_mode = force_custom_plan
set search_path = "";
grant execute on function mayfly_private.find_agents to authenticated;
grant execute on function mayfly_private.find_agents to service_role;

create function mayfly_private.find_by_many_words(tenant uuid, self uuid, sees_all boolean, terms tsquery[], known_rarities double precision[], phrase tsquery, picked tsquery, known_memories bigint, sampled integer, most integer, depth integer, kinds text[], having_tags text[], agent uuid, min_reward real, since timestamp with time zone, until timestamp with time zone, for_task text, session uuid, conversation uuid, without uuid, OUT hits mayfly_private.matches, OUT known bigint, OUT found_in bigint[], OUT rarities double precision[], OUT of_phrase double precision)
returns record
language plpgsql stable
set search_path = "";

create function mayfly_private.find_by_meaning(tenant uuid, self uuid, sees_all boolean, model text, asked extensions.halfvec, reach integer, depth integer, wanted integer, kinds text[], having_tags text[], agent uuid, min_reward real, since timestamp with time zone, until timestamp with time zone, for_task text, session uuid, conversation uuid, without uuid)
returns mayfly_private.matches
language plpgsql stable
set enable_seqscan = off
set jit = off
set plan_cache_mode = force_generic_plan
set search_path = "";

create function mayfly_private.find_by_meanings(tenant uuid, self uuid, sees_all boolean, model text, asked extensions.halfvec, unrelated real, older_model text, older_asked extensions.halfvec, reach integer, depth integer, wanted integer, kinds text[], having_tags text[], agent uuid, min_reward real, since timestamp with time zone, until timestamp with time zone, for_task text, session uuid, conversation uuid, without uuid)
returns mayfly_private.matches
language plpgsql stable
set search_path = "";

create function mayfly_private.find_by_words(tenant uuid, self uuid, sees_all boolean, question text, depth integer, wanted integer, explain boolean, kinds text[], having_tags text[], agent uuid, min_reward real, since timestamp with time zone, until timestamp with time zone, for_task text, session uuid, conversation uuid, without uuid)
returns mayfly_private.matches
language plpgsql stable
set enable_seqscan = off
set search_path = "";

create function mayfly_private.find_channel(tenant uuid, name text, for_reader boolean)
returns mayfly.channels
language plpgsql stable security definer
set search_path = "";

create function mayfly_private.find_copies(tenant uuid, push jsonb, claimed uuid[], written uuid[], by_agent uuid)
returns jsonb
language plpgsql stable
set search_path = "";

create function mayfly_private.find_entity(tenant uuid, owner uuid, seen uuid[], ref jsonb)
returns mayfly.entities
language plpgsql stable
set search_path = "";

create function mayfly_private.find_job_tenants(walk mayfly_private.tenant_walk, wanted integer, marks mayfly_private.job_marks)
returns mayfly_private.tenant_walk
language plpgsql stable security definer
set search_path = "";

create function mayfly_private.find_lanes(worker mayfly_private.claiming_worker, tenant uuid, queues text[], names text[], seen_heads jsonb, weighted boolean, marks mayfly_private.job_marks)
returns mayfly_private.found_lanes
language plpgsql stable security definer
set search_path = "";

create function mayfly_private.find_team_alerts(tenant uuid, team uuid, limits jsonb)
returns TABLE(kind text, cause text, agents uuid[], detail jsonb)
language sql stable security definer
set search_path = "";

create function mayfly_private.find_team_waits(tenant uuid, team uuid, patience double precision)
returns TABLE(waiter uuid, awaited uuid, by text)
language sql stable security definer
set enable_seqscan = off
set search_path = "";

create function mayfly_private.find_typos(tenant uuid, self uuid, sees_all boolean, language text, question text, doubtful text[], words text[], rarities double precision[], hits mayfly_private.matches, depth integer, kinds text[], having_tags text[], agent uuid, min_reward real, since timestamp with time zone, until timestamp with time zone, for_task text, session uuid, conversation uuid, without uuid)
returns mayfly_private.matches
language plpgsql stable
set jit = off
set search_path = "";

create function mayfly_private.find_waits(job mayfly.jobs, waits jsonb, ts timestamp with time zone)
returns mayfly_private.found_wait[]
language plpgsql stable security definer
set enable_hashjoin = off
set enable_mergejoin = off
set enable_seqscan = off
set jit = off
set plan_cache_mode = force_generic_plan
set search_path = "";

create function mayfly_private.finish_artifact(id uuid)
returns jsonb
language plpgsql volatile security definer
set search_path = "";
grant execute on function mayfly_private.finish_artifact to authenticated;
grant execute on function mayfly_private.finish_artifact to service_role;

create function mayfly_private.fire_schedules(max_rows integer)
returns integer
language plpgsql volatile security definer
set search_path = "";

create function mayfly_private.fitting_memories(tenant uuid, memories uuid[], max_bytes bigint)
returns integer
language plpgsql stable
set search_path = "";

create function mayfly_private.flush_nudges(only_tenant uuid DEFAULT NULL::uuid)
returns integer
language plpgsql volatile security definer
set search_path = "";

create function mayfly_private.fold_loads(tenant uuid)
returns void
language sql volatile security definer
set search_path = "";

create function mayfly_private.follow_aliases(tenant uuid, push jsonb)
returns jsonb
language plpgsql stable
set search_path = "";

create function mayfly_private.forget_entity(id uuid, max_rows integer)
returns jsonb
language plpgsql volatile security definer
set search_path = "";
grant execute on function mayfly_private.forget_entity to authenticated;
grant execute on function mayfly_private.forget_entity to service_role;

create function mayfly_private.forget_facts(ids uuid[], memory uuid)
returns jsonb
language plpgsql volatile security definer
set search_path = "";
grant execute on function mayfly_private.forget_facts to authenticated;
grant execute on function mayfly_private.forget_facts to service_role;

create function mayfly_private.forget_jobs()
returns trigger
language plpgsql volatile security definer
set search_path = "";

create function mayfly_private.forget_log()
returns trigger
language plpgsql volatile security definer
set search_path = "";

create function mayfly_private.forget_steps(tenant uuid, run uuid, steps text[])
returns void
language plpgsql volatile security definer
set search_path = "";

create function mayfly_private.forget_vectors(model text, max_rows integer)
returns jsonb
language plpgsql volatile security definer
set search_path = "";
grant execute on function mayfly_private.forget_vectors to service_role;

create function mayfly_private.fork_run(id uuid, at_step integer, input text, edits jsonb, trace text)
returns jsonb
language plpgsql volatile security definer
set search_path = "";
grant execute on function mayfly_private.fork_run to authenticated;
grant execute on function mayfly_private.fork_run to service_role;

create function mayfly_private.get_agent(agent_id uuid)
returns jsonb
language plpgsql stable security definer
set search_path = "";
grant execute on function mayfly_private.get_agent to authenticated;
grant execute on function mayfly_private.get_agent to service_role;

create function mayfly_private.get_poll(poll_id uuid)
returns jsonb
language plpgsql volatile security definer
set search_path = "";
grant execute on function mayfly_private.get_poll to authenticated;
grant execute on function mayfly_private.get_poll to service_role;

create function mayfly_private.get_run(id uuid, with_parts boolean)
returns jsonb
language plpgsql stable security definer
set search_path = "";
grant execute on function mayfly_private.get_run to authenticated;
grant execute on function mayfly_private.get_run to service_role;

create function mayfly_private.get_tender(tender_id uuid)
returns jsonb
language plpgsql volatile security definer
set search_path = "";
grant execute on function mayfly_private.get_tender to authenticated;
grant execute on function mayfly_private.get_tender to service_role;

create function mayfly_private.give_back_holds(tenant uuid, max_rows integer DEFAULT 1000)
returns integer
language plpgsql volatile security definer
set search_path = "";

create function mayfly_private.give_job(tenant uuid, job jsonb, agent_id uuid, capabilities text[], author uuid)
returns uuid
language plpgsql volatile security definer
set search_path = "";

create function mayfly_private.given_field(op jsonb, field text)
returns text
language sql immutable
set search_path = "";

create function mayfly_private.grant_client(client_id text, scopes text[])
returns jsonb
language plpgsql volatile security definer
set search_path = "";
grant execute on function mayfly_private.grant_client to authenticated;
grant execute on function mayfly_private.grant_client to service_role;

create function mayfly_private.grantable_to_clients()
returns text[]
language sql stable
set search_path = "";

create function mayfly_private.granting_person()
returns uuid
language plpgsql stable
set search_path = "";

create function mayfly_private.graph_given(tenant uuid, run uuid, input jsonb, names text[])
returns jsonb
language plpgsql stable security definer
set enable_seqscan = off
set plan_cache_mode = force_generic_plan
set search_path = "";

create function mayfly_private.graph_step_fault(known text[], step text, def jsonb)
returns jsonb
language plpgsql stable
set search_path = "";

create function mayfly_private.group_costs()
returns trigger
language plpgsql volatile security definer
set search_path = "";

create function mayfly_private.half_life(kind text, half_lives jsonb)
returns double precision
language plpgsql immutable parallel safe
set search_path = "";

create function mayfly_private.handle_alert(id uuid, action text)
returns jsonb
language plpgsql volatile security definer
set search_path = "";
grant execute on function mayfly_private.handle_alert to authenticated;
grant execute on function mayfly_private.handle_alert to service_role;

create function mayfly_private.hash_secret(secret text)
returns bytea
language sql immutable parallel safe
set search_path = "";

create function mayfly_private.hears_control(tenant uuid, topic text)
returns boolean
language plpgsql stable security definer
set search_path = "";

create function mayfly_private.hears_debug(tenant uuid, topic text)
returns boolean
language plpgsql stable security definer
set search_path = "";

create function mayfly_private.heartbeat(activity text, task text, log boolean, channels text[], lost integer)
returns jsonb
language plpgsql volatile security definer
set search_path = "";
grant execute on function mayfly_private.heartbeat to authenticated;

create function mayfly_private.heartbeat_jobs(leases text[], lease double precision)
returns jsonb
language plpgsql volatile security definer
set search_path = "";
grant execute on function mayfly_private.heartbeat_jobs to authenticated;
grant execute on function mayfly_private.heartbeat_jobs to service_role;

create function mayfly_private.held_run(lease text)
returns mayfly.runs
language plpgsql volatile security definer
set search_path = "";

create function mayfly_private.hold_debug(tenant uuid, listening boolean DEFAULT false)
returns void
language plpgsql volatile security definer
set search_path = "";

create function mayfly_private.hold_facts(tenant uuid)
returns void
language plpgsql volatile
set search_path = "";

create function mayfly_private.hold_tenant(tenant uuid)
returns text
language plpgsql volatile
set search_path = "";

create function mayfly_private.holds_of(holder mayfly_private.job_holder, ids uuid[], OUT holds mayfly_private.cost_holds[], OUT budgets mayfly.budgets[])
returns record
language plpgsql volatile security definer
set plan_cache_mode = force_generic_plan
set search_path = "";

create function mayfly_private.import_prices(prices jsonb, source text)
returns jsonb
language plpgsql volatile security definer
set search_path = "";
grant execute on function mayfly_private.import_prices to service_role;

create function mayfly_private.import_statement(target regclass, columns text[], generated text[])
returns text
language sql stable
set search_path = "";

create function mayfly_private.import_tenant(lines json)
returns jsonb
language plpgsql volatile security definer
set search_path = "";
grant execute on function mayfly_private.import_tenant to service_role;

create function mayfly_private.insert_agents(drafted mayfly.agents[])
returns void
language plpgsql volatile security definer
set search_path = "";

create function mayfly_private.insert_attributes(tenant uuid, jobs jsonb, ids uuid[], known integer[])
returns bigint
language plpgsql volatile security definer
set search_path = "";

create function mayfly_private.insert_jobs(tenant uuid, jobs jsonb, author uuid, parent uuid, root uuid)
returns jsonb
language plpgsql volatile security definer
set plan_cache_mode = force_generic_plan
set search_path = "";

create function mayfly_private.installation()
returns jsonb
language plpgsql stable security definer
set search_path = "";
grant execute on function mayfly_private.installation to service_role;

create function mayfly_private.instant_or_absent(value jsonb)
returns boolean
language sql stable parallel safe
set search_path = "";

create function mayfly_private.invite_member(role text, email text, expires_at timestamp with time zone)
returns jsonb
language plpgsql volatile security definer
set search_path = "";
grant execute on function mayfly_private.invite_member to authenticated;
grant execute on function mayfly_private.invite_member to service_role;

create function mayfly_private.is_behind_log(tenant uuid, seen pg_snapshot)
returns boolean
language sql stable
set search_path = "";

create function mayfly_private.is_cron(line text)
returns boolean
language plpgsql immutable
set search_path = "";

create function mayfly_private.is_debug_setting(setting jsonb)
returns boolean
language sql immutable parallel safe
set search_path = "";

create function mayfly_private.is_ended_inbox(tenant uuid, topic text)
returns boolean
language plpgsql stable security definer
set search_path = "";

create function mayfly_private.is_entity_ref(ref jsonb)
returns boolean
language plpgsql immutable parallel safe
set search_path = "";
grant execute on function mayfly_private.is_entity_ref to authenticated;
grant execute on function mayfly_private.is_entity_ref to service_role;

create function mayfly_private.is_flushed()
returns boolean
language plpgsql stable security definer
set search_path = "";

create function mayfly_private.is_inbox_open(tenant uuid, topic text)
returns boolean
language plpgsql stable security definer
set search_path = "";

create function mayfly_private.is_live(state mayfly.states)
returns boolean
language sql stable
set search_path = "";
grant execute on function mayfly_private.is_live to authenticated;
grant execute on function mayfly_private.is_live to service_role;

create function mayfly_private.is_parked(tenant uuid, worker uuid)
returns boolean
language plpgsql stable security definer
set search_path = "";

create function mayfly_private.is_price(given jsonb)
returns boolean
language plpgsql stable
set search_path = "";

create function mayfly_private.is_retention(rules jsonb)
returns boolean
language sql immutable parallel safe
set search_path = "";

create function mayfly_private.is_state_value(value jsonb)
returns boolean
language plpgsql immutable parallel safe
set search_path = "";

create function mayfly_private.is_timely(claims jsonb)
returns boolean
language plpgsql stable
set search_path = "";

create function mayfly_private.is_usage(given jsonb)
returns boolean
language plpgsql immutable
set search_path = "";

create function mayfly_private.is_watched(tenant uuid, agent uuid)
returns boolean
language sql stable security definer
set search_path = "";

create function mayfly_private.issue_token(tenant uuid, agent uuid, round integer DEFAULT 1)
returns jsonb
language plpgsql volatile security definer
set search_path = "";

create function mayfly_private.job_holder()
returns mayfly_private.job_holder
language plpgsql stable security definer
set search_path = "";

create function mayfly_private.job_id_at(ts timestamp with time zone)
returns uuid
language sql immutable strict parallel safe
set search_path = "";
grant execute on function mayfly_private.job_id_at to authenticated;
grant execute on function mayfly_private.job_id_at to service_role;

create function mayfly_private.jobs_above(job mayfly.jobs)
returns text[]
language plpgsql stable security definer
set search_path = "";

create function mayfly_private.jobs_with(tenant uuid, wanted jsonb, oldest uuid, past uuid, before uuid)
returns uuid[]
language plpgsql stable security definer
set enable_indexscan = off
set enable_seqscan = off
set search_path = "";

create function mayfly_private.join_team(team_id uuid, agent_ids uuid[], role text)
returns jsonb
language plpgsql volatile security definer
set search_path = "";
grant execute on function mayfly_private.join_team to authenticated;
grant execute on function mayfly_private.join_team to service_role;

create function mayfly_private.json_fault(schema jsonb, given jsonb, path text DEFAULT '$'::text)
returns text
language plpgsql immutable parallel safe
set search_path = "";

create function mayfly_private.json_within(value jsonb, max_bytes integer, max_depth integer)
returns boolean
language plpgsql immutable parallel safe
set search_path = "";

create function mayfly_private.keep_attributes()
returns trigger
language plpgsql volatile security definer
set enable_seqscan = off
set search_path = "";

create function mayfly_private.keep_graph(tenant uuid, name text, version text, graph jsonb)
returns mayfly.workflow_graphs
language plpgsql volatile security definer
set search_path = "";

create function mayfly_private.keep_names(tenant uuid, push jsonb, done jsonb, claimed uuid[])
returns void
language plpgsql volatile
set search_path = "";

create function mayfly_private.keep_owner(member mayfly.members)
returns void
language plpgsql volatile security definer
set search_path = "";

create function mayfly_private.kept()
returns interval
language sql stable security definer
set search_path = "";

create function mayfly_private.keyed_jobs(prefix text)
returns SETOF uuid
language sql stable security definer
set search_path = "";
grant execute on function mayfly_private.keyed_jobs to authenticated;
grant execute on function mayfly_private.keyed_jobs to service_role;

create function mayfly_private.labels(task text, tags text[])
returns text
language plpgsql immutable parallel safe
set search_path = "";

create function mayfly_private.labels_within(labels text[], max_count integer)
returns boolean
language sql immutable parallel safe
set search_path = "";

create function mayfly_private.lane_of(queue text, name text, of_group text, target jsonb)
returns text
language plpgsql immutable parallel safe
set search_path = "";

create function mayfly_private.lease_debug(level integer, for_agent uuid, categories text[], seconds double precision, lease uuid)
returns jsonb
language plpgsql volatile security definer
set search_path = "";
grant execute on function mayfly_private.lease_debug to authenticated;
grant execute on function mayfly_private.lease_debug to service_role;

create function mayfly_private.lease_of(holder mayfly_private.job_holder, token text)
returns mayfly_private.lease
language plpgsql immutable
set search_path = "";

create function mayfly_private.leave_tenant()
returns jsonb
language plpgsql volatile security definer
set search_path = "";
grant execute on function mayfly_private.leave_tenant to authenticated;

create function mayfly_private.line_end(tenant uuid, line uuid[])
returns timestamp with time zone
language plpgsql volatile security definer
set search_path = "";

create function mayfly_private.list_approvals(of_status text[], mine boolean, of_category text, before uuid, page_limit integer)
returns jsonb
language plpgsql stable security definer
set search_path = "";
grant execute on function mayfly_private.list_approvals to authenticated;
grant execute on function mayfly_private.list_approvals to service_role;

create function mayfly_private.list_client_grants()
returns jsonb
language plpgsql stable security definer
set search_path = "";
grant execute on function mayfly_private.list_client_grants to authenticated;
grant execute on function mayfly_private.list_client_grants to service_role;

create function mayfly_private.list_members()
returns jsonb
language plpgsql stable security definer
set search_path = "";
grant execute on function mayfly_private.list_members to authenticated;
grant execute on function mayfly_private.list_members to service_role;

create function mayfly_private.list_polls(team_id uuid, page_limit integer)
returns jsonb
language plpgsql stable security definer
set search_path = "";
grant execute on function mayfly_private.list_polls to authenticated;
grant execute on function mayfly_private.list_polls to service_role;

create function mayfly_private.list_runs(of_agent text, of_status text[], before uuid, page_limit integer, since timestamp with time zone, until timestamp with time zone, containing text, of_attributes jsonb)
returns jsonb
language plpgsql stable security definer
set plan_cache_mode = force_custom_plan
set search_path = "";
grant execute on function mayfly_private.list_runs to authenticated;
grant execute on function mayfly_private.list_runs to service_role;

create function mayfly_private.list_teams(of_status text[], team_id uuid, before uuid, page_limit integer)
returns jsonb
language plpgsql stable security definer
set search_path = "";
grant execute on function mayfly_private.list_teams to authenticated;
grant execute on function mayfly_private.list_teams to service_role;

create function mayfly_private.list_tenders(team_id uuid, page_limit integer)
returns jsonb
language plpgsql stable security definer
set search_path = "";
grant execute on function mayfly_private.list_tenders to authenticated;
grant execute on function mayfly_private.list_tenders to service_role;

create function mayfly_private.listen(log boolean, channels text[], lost integer)
returns jsonb
language plpgsql volatile security definer
set search_path = "";
grant execute on function mayfly_private.listen to authenticated;
grant execute on function mayfly_private.listen to service_role;

create function mayfly_private.listen_by_postgres(tenants uuid[])
returns uuid[]
language sql volatile security definer
set search_path = "";

create function mayfly_private.living_agent_of_token(claims jsonb, chosen text)
returns mayfly_private.caller
language plpgsql stable security definer
set search_path = "";

create function mayfly_private.living_agents(ids uuid[])
returns jsonb
language plpgsql stable security definer
set search_path = "";
grant execute on function mayfly_private.living_agents to authenticated;
grant execute on function mayfly_private.living_agents to service_role;

create function mayfly_private.lock_agent(agent_id uuid)
returns mayfly.agents
language plpgsql volatile security definer
set search_path = "";

create function mayfly_private.lock_member(tenant uuid, member uuid, scope text)
returns mayfly.members
language plpgsql volatile security definer
set search_path = "";

create function mayfly_private.lock_memories(tenant uuid, memories uuid[])
returns uuid[]
language plpgsql volatile
set search_path = "";

create function mayfly_private.lock_poll(tenant uuid, id uuid, settle boolean DEFAULT true)
returns mayfly.polls
language plpgsql volatile security definer
set search_path = "";

create function mayfly_private.lock_ready(tenant uuid, of_lane text, asked integer, marks mayfly_private.job_marks, first_mark integer, newest bigint)
returns mayfly_private.locked_jobs
language plpgsql volatile security definer
set search_path = "";

create function mayfly_private.lock_state(key text, of_agent uuid, expected_version integer)
returns mayfly.states
language plpgsql volatile security definer
set search_path = "";

create function mayfly_private.lock_tender(tenant uuid, id uuid)
returns mayfly.tenders
language plpgsql volatile security definer
set search_path = "";

create function mayfly_private.lock_thread(tenant uuid, thread text, expires_in integer)
returns mayfly.threads
language plpgsql volatile security definer
set search_path = "";

create function mayfly_private.log_acknowledgements()
returns trigger
language plpgsql volatile security definer
set search_path = "";

create function mayfly_private.log_agents()
returns trigger
language plpgsql volatile security definer
set search_path = "";

create function mayfly_private.log_channels()
returns trigger
language plpgsql volatile security definer
set search_path = "";

create function mayfly_private.log_facts()
returns trigger
language plpgsql volatile security definer
set search_path = "";

create function mayfly_private.log_members()
returns trigger
language plpgsql volatile security definer
set search_path = "";

create function mayfly_private.log_memories()
returns trigger
language plpgsql volatile security definer
set search_path = "";

create function mayfly_private.log_messages()
returns trigger
language plpgsql volatile security definer
set search_path = "";

create function mayfly_private.log_nudge(tenant uuid, topic text, seq bigint)
returns jsonb
language plpgsql stable security definer
set search_path = "";

create function mayfly_private.log_states()
returns trigger
language plpgsql volatile security definer
set search_path = "";

create function mayfly_private.log_subscriptions()
returns trigger
language plpgsql volatile security definer
set search_path = "";

create function mayfly_private.maintain(max_rows integer)
returns jsonb
language plpgsql volatile security definer
set search_path = "";
grant execute on function mayfly_private.maintain to authenticated;
grant execute on function mayfly_private.maintain to service_role;

create function mayfly_private.maintain_agents(tenant uuid, max_rows integer)
returns jsonb
language plpgsql volatile security definer
set search_path = "";

create function mayfly_private.maintain_all(max_rows integer DEFAULT 1000)
returns integer
language plpgsql volatile security definer
set search_path = "";

create function mayfly_private.maintain_approvals(tenant uuid, max_rows integer)
returns jsonb
language plpgsql volatile security definer
set search_path = "";

create function mayfly_private.maintain_artifacts(tenant uuid, max_rows integer)
returns jsonb
language plpgsql volatile security definer
set search_path = "";

create function mayfly_private.maintain_costs(tenant uuid, max_rows integer)
returns jsonb
language plpgsql volatile security definer
set search_path = "";

create function mayfly_private.maintain_debug(tenant uuid, max_rows integer)
returns jsonb
language plpgsql volatile security definer
set search_path = "";

create function mayfly_private.maintain_facts(tenant uuid, max_rows integer)
returns jsonb
language plpgsql volatile security definer
set search_path = "";

create function mayfly_private.maintain_job_kinds(tenant uuid, max_rows integer)
returns jsonb
language plpgsql volatile security definer
set search_path = "";

create function mayfly_private.maintain_jobs(tenant uuid, max_rows integer)
returns jsonb
language plpgsql volatile security definer
set search_path = "";

create function mayfly_private.maintain_log(tenant uuid, max_rows integer)
returns jsonb
language plpgsql volatile security definer
set search_path = "";

create function mayfly_private.maintain_memories(tenant uuid, max_rows integer)
returns jsonb
language plpgsql volatile security definer
set search_path = "";

create function mayfly_private.maintain_messages(tenant uuid, max_rows integer)
returns jsonb
language plpgsql volatile security definer
set search_path = "";

create function mayfly_private.maintain_ops(tenant uuid, max_rows integer)
returns jsonb
language plpgsql volatile security definer
set search_path = "";

create function mayfly_private.maintain_runs(tenant uuid, max_rows integer)
returns jsonb
language plpgsql volatile security definer
set search_path = "";

create function mayfly_private.maintain_some(begun timestamp with time zone, max_rows integer DEFAULT 1000)
returns integer
language plpgsql volatile security definer
set lock_timeout = 2s
set search_path = "";

create function mayfly_private.maintain_states(tenant uuid, max_rows integer)
returns jsonb
language plpgsql volatile security definer
set search_path = "";

create function mayfly_private.maintain_teams(tenant uuid, max_rows integer)
returns jsonb
language plpgsql volatile security definer
set search_path = "";

create function mayfly_private.maintain_tenant(tenant uuid, max_rows integer)
returns jsonb
language plpgsql volatile security definer
set search_path = "";

create function mayfly_private.maintain_threads(tenant uuid, max_rows integer)
returns jsonb
language plpgsql volatile security definer
set search_path = "";

create function mayfly_private.make_entities(tenant uuid, caller_id uuid, seen uuid[], refs jsonb[])
returns void
language plpgsql volatile
set search_path = "";

create function mayfly_private.mark_breaker(tenant uuid, provider text, model text, failure text, retry_after double precision)
returns void
language plpgsql volatile security definer
set search_path = "";

create function mayfly_private.mark_job_call(call uuid, seconds double precision, names text[])
returns jsonb
language plpgsql volatile security definer
set search_path = "";
grant execute on function mayfly_private.mark_job_call to service_role;

create function mayfly_private.match_keys(tenant uuid, push jsonb, claimed uuid[], by_agent uuid)
returns jsonb
language plpgsql volatile
set search_path = "";

create function mayfly_private.may_decide(caller mayfly_private.caller, approval mayfly.approvals)
returns text
language plpgsql stable security definer
set search_path = "";

create function mayfly_private.may_delete_file(path text)
returns boolean
language plpgsql stable security definer
set search_path = "";
grant execute on function mayfly_private.may_delete_file to authenticated;

create function mayfly_private.may_publish(channel mayfly.channels)
returns boolean
language sql stable security definer
set search_path = "";

create function mayfly_private.may_tell(tenant uuid, wanted integer)
returns integer
language plpgsql volatile security definer
set search_path = "";

create function mayfly_private.may_use_agent_topic(tenant uuid, part text, extension text, sending boolean)
returns boolean
language plpgsql stable security definer
set search_path = "";

create function mayfly_private.may_use_agents_topic(tenant uuid, part text, extension text, sending boolean)
returns boolean
language plpgsql stable security definer
set search_path = "";

create function mayfly_private.may_use_broadcast_topic(tenant uuid, part text, extension text, sending boolean)
returns boolean
language plpgsql stable security definer
set search_path = "";

create function mayfly_private.may_use_channel_topic(tenant uuid, part text, extension text, sending boolean)
returns boolean
language plpgsql stable security definer
set search_path = "";

create function mayfly_private.may_use_debug_topic(tenant uuid, part text, extension text, sending boolean)
returns boolean
language plpgsql stable security definer
set search_path = "";

create function mayfly_private.may_use_jobs_topic(tenant uuid, part text, extension text, sending boolean)
returns boolean
language plpgsql stable security definer
set search_path = "";

create function mayfly_private.may_use_log_topic(tenant uuid, part text, extension text, sending boolean)
returns boolean
language plpgsql stable security definer
set search_path = "";

create function mayfly_private.may_use_people_topic(tenant uuid, part text, extension text, sending boolean)
returns boolean
language plpgsql stable security definer
set search_path = "";

create function mayfly_private.may_use_run_topic(tenant uuid, part text, extension text, sending boolean)
returns boolean
language plpgsql stable security definer
set search_path = "";

create function mayfly_private.may_use_topic(topic text, extension text, sending boolean)
returns boolean
language plpgsql stable security definer
set search_path = "";
grant execute on function mayfly_private.may_use_topic to authenticated;

create function mayfly_private.may_write_file(path text)
returns boolean
language plpgsql stable security definer
set search_path = "";
grant execute on function mayfly_private.may_write_file to authenticated;

create function mayfly_private.memory_bytes(task text, input text, output text, critique text, tags text[], metadata jsonb, language text, hlc jsonb)
returns bigint
language plpgsql stable
set search_path = "";

create function mayfly_private.memory_charge(task text, input text, output text, critique text, tags text[], metadata jsonb, hlc jsonb, key text)
returns integer
language plpgsql stable parallel safe
set search_path = "";

create function mayfly_private.memory_fields()
returns text[]
language sql immutable parallel safe
set search_path = "";

create function mayfly_private.memory_rows(tenant uuid, page jsonb, selection jsonb, max_bytes bigint)
returns jsonb
language plpgsql stable
set search_path = "";

create function mayfly_private.merge_conflicts(base jsonb, theirs jsonb, ours jsonb, path text[] DEFAULT '{}'::text[])
returns jsonb
language plpgsql immutable parallel safe
set search_path = "";

create function mayfly_private.merge_entities(id uuid, into_id uuid)
returns jsonb
language plpgsql volatile security definer
set search_path = "";
grant execute on function mayfly_private.merge_entities to authenticated;
grant execute on function mayfly_private.merge_entities to service_role;

create function mayfly_private.merge_patch(target jsonb, patch jsonb)
returns jsonb
language plpgsql immutable parallel safe
set search_path = "";

create function mayfly_private.merge_values(base jsonb, present jsonb, wanted jsonb, wanted_is_newer boolean)
returns jsonb
language plpgsql immutable parallel safe
set search_path = "";

create function mayfly_private.message_nudge(tenant uuid, topic text, seq bigint)
returns jsonb
language plpgsql stable security definer
set search_path = "";

create function mayfly_private.meter_conflicts()
returns trigger
language plpgsql volatile security definer
set search_path = "";

create function mayfly_private.meter_deliveries()
returns trigger
language plpgsql volatile security definer
set search_path = "";

create function mayfly_private.meter_memories()
returns trigger
language plpgsql volatile security definer
set search_path = "";

create function mayfly_private.meter_messages()
returns trigger
language plpgsql volatile security definer
set search_path = "";

create function mayfly_private.meter_rows()
returns trigger
language plpgsql volatile security definer
set search_path = "";

create function mayfly_private.meter_vectors()
returns trigger
language plpgsql volatile security definer
set search_path = "";

create function mayfly_private.model_of(provider text, model text)
returns text
language plpgsql immutable
set search_path = "";

create function mayfly_private.model_price(provider text, model text, at timestamp with time zone)
returns jsonb
language plpgsql stable security definer
set search_path = "";
grant execute on function mayfly_private.model_price to authenticated;
grant execute on function mayfly_private.model_price to service_role;

create function mayfly_private.model_worth(model text, OUT meaning real, OUT unrelated real)
returns record
language plpgsql immutable parallel safe
set search_path = "";

create function mayfly_private.move_ended(places tid[], ended text, errors jsonb[], results jsonb[])
returns mayfly_private.moved_jobs
language plpgsql volatile security definer
set enable_seqscan = off
set plan_cache_mode = force_generic_plan
set search_path = "";

create function mayfly_private.move_run(run mayfly.runs, to_status text, output text, error jsonb)
returns void
language plpgsql volatile security definer
set search_path = "";

create function mayfly_private.move_workflow(id uuid, to_version text, renamed jsonb, forgotten text[])
returns jsonb
language plpgsql volatile security definer
set search_path = "";
grant execute on function mayfly_private.move_workflow to authenticated;
grant execute on function mayfly_private.move_workflow to service_role;

create function mayfly_private.my_invitations()
returns jsonb
language plpgsql stable security definer
set search_path = "";
grant execute on function mayfly_private.my_invitations to authenticated;

create function mayfly_private.name_pool()
returns text[]
language sql immutable parallel safe
set search_path = "";

create function mayfly_private.nearest(tenant uuid, model text, asked extensions.halfvec, reach integer)
returns TABLE(memory_id uuid, similarity double precision)
language plpgsql stable strict
set enable_seqscan = off
set enable_sort = off
set jit = off
set plan_cache_mode = force_generic_plan
set search_path = "";

create function mayfly_private.neighbours_of(tenant uuid, self uuid, sees_all boolean, lenders uuid[], relevances double precision[], share double precision, kinds text[], having_tags text[], agent uuid, min_reward real, since timestamp with time zone, until timestamp with time zone, for_task text, session uuid, conversation uuid, without uuid, OUT ids uuid[], OUT gains double precision[])
returns record
language plpgsql stable
set enable_seqscan = off
set search_path = "";

create function mayfly_private.new_job_id(ts timestamp with time zone)
returns uuid
language plpgsql volatile
set search_path = "";

create function mayfly_private.new_secret(prefix text)
returns text
language sql volatile
set search_path = "";

create function mayfly_private.newest_first(ids uuid[])
returns SETOF uuid[]
language plpgsql immutable parallel safe
set search_path = "";
grant execute on function mayfly_private.newest_first to authenticated;
grant execute on function mayfly_private.newest_first to service_role;

create function mayfly_private.next_clock(seen text)
returns text
language sql volatile
set search_path = "";

create function mayfly_private.next_cron(line text, zone text, after timestamp with time zone)
returns timestamp with time zone
language plpgsql stable
set search_path = "";

create function mayfly_private.notify(topic text, event text, payload jsonb)
returns void
language plpgsql volatile security definer
set search_path = "";

create function mayfly_private.notify_approvers(approval mayfly.approvals, happened text)
returns void
language plpgsql volatile security definer
set search_path = "";

create function mayfly_private.now()
returns timestamp with time zone
language plpgsql volatile parallel safe
set search_path = "";
grant execute on function mayfly_private.now to authenticated;
grant execute on function mayfly_private.now to service_role;

create function mayfly_private.nudge(tenant uuid, audience uuid)
returns void
language plpgsql volatile security definer
set search_path = "";

create function mayfly_private.nudge_people(tenant uuid)
returns void
language plpgsql volatile security definer
set search_path = "";

create function mayfly_private.nudge_tenants(tenants uuid[])
returns void
language plpgsql volatile security definer
set search_path = "";

create function mayfly_private.nudge_topic(tenant uuid, about text)
returns void
language plpgsql volatile security definer
set search_path = "";

create function mayfly_private.number_within(value jsonb, low numeric, high numeric, whole boolean DEFAULT false)
returns boolean
language plpgsql immutable parallel safe
set search_path = "";

create function mayfly_private.numbers_kept(value jsonb)
returns boolean
language plpgsql immutable parallel safe
set search_path = "";

create function mayfly_private.open_approval(tenant uuid, id uuid)
returns mayfly.approvals
language plpgsql volatile security definer
set search_path = "";

create function mayfly_private.open_cursor(tenant uuid, since text)
returns jsonb
language plpgsql volatile
set search_path = "";

create function mayfly_private.open_inbox(session uuid)
returns jsonb
language plpgsql volatile security definer
set search_path = "";
grant execute on function mayfly_private.open_inbox to authenticated;
grant execute on function mayfly_private.open_inbox to service_role;

create function mayfly_private.open_poll(question text, options text[], rule text, voters jsonb, team uuid, quorum integer, seconds double precision, poll_key text, lease text)
returns jsonb
language plpgsql volatile security definer
set search_path = "";
grant execute on function mayfly_private.open_poll to authenticated;
grant execute on function mayfly_private.open_poll to service_role;

create function mayfly_private.open_spawn(wanted integer)
returns mayfly_private.spawner
language plpgsql volatile security definer
set search_path = "";

create function mayfly_private.open_team(tenant uuid, id uuid)
returns mayfly.teams
language plpgsql volatile security definer
set search_path = "";

create function mayfly_private.open_tender(job jsonb, capabilities text[], rule text, max_price numeric, team uuid, seconds double precision)
returns jsonb
language plpgsql volatile security definer
set search_path = "";
grant execute on function mayfly_private.open_tender to authenticated;
grant execute on function mayfly_private.open_tender to service_role;

create function mayfly_private.own_agent_ids()
returns uuid[]
language plpgsql stable security definer
set search_path = "";
grant execute on function mayfly_private.own_agent_ids to authenticated;

create function mayfly_private.own_channel(name text)
returns mayfly.channels
language plpgsql volatile security definer
set search_path = "";

create function mayfly_private.own_entity(tenant uuid, owner uuid, caller_id uuid, seen uuid[], ref jsonb)
returns mayfly.entities
language plpgsql volatile
set search_path = "";

create function mayfly_private.own_inbox()
returns uuid
language plpgsql stable security definer
set search_path = "";

create function mayfly_private.owners_of_facts(tenant uuid, caller_id uuid, facts jsonb)
returns uuid[]
language plpgsql stable
set search_path = "";

create function mayfly_private.park_worker(worker mayfly_private.claiming_worker, park uuid, asleep boolean, wanted integer, queues text[], names text[], lease double precision)
returns double precision
language plpgsql volatile security definer
set search_path = "";

create function mayfly_private.pass_breaker(tenant uuid, provider text, model text)
returns double precision
language plpgsql volatile security definer
set search_path = "";

create function mayfly_private.patch_state(key text, patch jsonb, of_agent uuid, expected_version integer)
returns jsonb
language plpgsql volatile security definer
set search_path = "";
grant execute on function mayfly_private.patch_state to authenticated;
grant execute on function mayfly_private.patch_state to service_role;

create function mayfly_private.pause_run(id uuid, paused boolean)
returns jsonb
language plpgsql volatile security definer
set search_path = "";
grant execute on function mayfly_private.pause_run to authenticated;
grant execute on function mayfly_private.pause_run to service_role;

create function mayfly_private.pick_name(tenant uuid, pool text[], taken text[])
returns text
language plpgsql stable
set search_path = "";

create function mayfly_private.place_bid(tender_id uuid, price numeric, score double precision, note text)
returns jsonb
language plpgsql volatile security definer
set search_path = "";
grant execute on function mayfly_private.place_bid to authenticated;
grant execute on function mayfly_private.place_bid to service_role;

create function mayfly_private.place_facts(given mayfly.facts[])
returns jsonb[]
language plpgsql volatile
set search_path = "";

create function mayfly_private.plain_fields(fields jsonb)
returns jsonb
language sql stable
set search_path = "";

create function mayfly_private.prepare_storage()
returns boolean
language plpgsql volatile
set search_path = "";

create function mayfly_private.price_of(provider text, model text, at timestamp with time zone)
returns mayfly_private.known_price
language plpgsql stable security definer
set search_path = "";

create function mayfly_private.promote_jobs(since timestamp with time zone, max_rows integer)
returns integer
language plpgsql volatile security definer
set enable_bitmapscan = off
set enable_seqscan = off
set enable_sort = off
set jit = off
set plan_cache_mode = force_generic_plan
set search_path = "";

create function mayfly_private.provider_of(provider text, model text)
returns text
language plpgsql immutable
set search_path = "";

create function mayfly_private.prune_thread(thread text, keep integer)
returns jsonb
language plpgsql volatile security definer
set search_path = "";
grant execute on function mayfly_private.prune_thread to authenticated;
grant execute on function mayfly_private.prune_thread to service_role;

create function mayfly_private.publish_job_kinds(kinds json)
returns jsonb
language plpgsql volatile security definer
set search_path = "";
grant execute on function mayfly_private.publish_job_kinds to authenticated;
grant execute on function mayfly_private.publish_job_kinds to service_role;

create function mayfly_private.pull(since text, page_limit integer)
returns jsonb
language plpgsql volatile security definer
set jit = off
set search_path = "";
grant execute on function mayfly_private.pull to authenticated;
grant execute on function mayfly_private.pull to service_role;

create function mayfly_private.pull_inbox(session uuid, after bigint, page_limit integer)
returns jsonb
language plpgsql volatile security definer
set search_path = "";
grant execute on function mayfly_private.pull_inbox to authenticated;
grant execute on function mayfly_private.pull_inbox to service_role;

create function mayfly_private.push(push jsonb)
returns jsonb
language plpgsql volatile security definer
set search_path = "";
grant execute on function mayfly_private.push to authenticated;
grant execute on function mayfly_private.push to service_role;

create function mayfly_private.put_channels(thread mayfly.threads, ns text, id text, parent text, versions jsonb, channel_values jsonb)
returns jsonb
language plpgsql volatile security definer
set search_path = "";

create function mayfly_private.put_checkpoint(thread text, checkpoint text, body text, channel_versions jsonb, metadata jsonb, ns text, parent text, channel_values jsonb, expires_in integer)
returns jsonb
language plpgsql volatile security definer
set search_path = "";
grant execute on function mayfly_private.put_checkpoint to authenticated;
grant execute on function mayfly_private.put_checkpoint to service_role;

create function mayfly_private.put_clocks(clock text)
returns jsonb
language plpgsql volatile
set search_path = "";

create function mayfly_private.put_part(thread mayfly.threads, ns text, parent text, channel text, chain integer, n integer, part text)
returns integer
language plpgsql volatile security definer
set search_path = "";

create function mayfly_private.put_run_chunks(run mayfly.runs, given jsonb)
returns integer
language plpgsql volatile security definer
set search_path = "";

create function mayfly_private.put_signal(job mayfly.jobs, name text, payload jsonb, bytes integer)
returns boolean
language plpgsql volatile security definer
set search_path = "";

create function mayfly_private.put_value(thread mayfly.threads, ns text, parent text, given jsonb, version jsonb)
returns jsonb
language plpgsql volatile security definer
set search_path = "";

create function mayfly_private.put_writes(thread text, checkpoint text, task text, writes jsonb, ns text, path text)
returns jsonb
language plpgsql volatile security definer
set search_path = "";
grant execute on function mayfly_private.put_writes to authenticated;
grant execute on function mayfly_private.put_writes to service_role;

create function mayfly_private.queue_embeddings(model text, max_rows integer, after uuid)
returns jsonb
language plpgsql volatile security definer
set search_path = "";
grant execute on function mayfly_private.queue_embeddings to service_role;

create function mayfly_private.queue_room(tenant uuid, of_lane text, wanted integer)
returns integer
language plpgsql volatile security definer
set search_path = "";

create function mayfly_private.rate_job(job_id uuid, reward double precision)
returns jsonb
language plpgsql volatile security definer
set search_path = "";
grant execute on function mayfly_private.rate_job to authenticated;
grant execute on function mayfly_private.rate_job to service_role;

create function mayfly_private.rate_room(tokens double precision, filled_at timestamp with time zone, per_minute integer, burst integer, at timestamp with time zone)
returns double precision
language plpgsql immutable
set search_path = "";

create function mayfly_private.read_channel(name text, after bigint, page_limit integer)
returns jsonb
language plpgsql stable security definer
set search_path = "";
grant execute on function mayfly_private.read_channel to authenticated;
grant execute on function mayfly_private.read_channel to service_role;

create function mayfly_private.read_graph_input(lease text)
returns jsonb
language plpgsql volatile security definer
set search_path = "";
grant execute on function mayfly_private.read_graph_input to authenticated;
grant execute on function mayfly_private.read_graph_input to service_role;

create function mayfly_private.read_log(since text, types text[], with_rows jsonb, page_limit integer)
returns jsonb
language plpgsql volatile security definer
set jit = off
set search_path = "";
grant execute on function mayfly_private.read_log to authenticated;
grant execute on function mayfly_private.read_log to service_role;

create function mayfly_private.read_run_chunks(id uuid, after bigint, page_limit integer, watch boolean)
returns jsonb
language plpgsql volatile security definer
set search_path = "";
grant execute on function mayfly_private.read_run_chunks to authenticated;
grant execute on function mayfly_private.read_run_chunks to service_role;

create function mayfly_private.read_secret(lease text, name text)
returns jsonb
language plpgsql volatile security definer
set search_path = "";
grant execute on function mayfly_private.read_secret to authenticated;
grant execute on function mayfly_private.read_secret to service_role;

create function mayfly_private.read_steps(lease text, after text, page_limit integer)
returns jsonb
language plpgsql volatile security definer
set enable_seqscan = off
set search_path = "";
grant execute on function mayfly_private.read_steps to authenticated;
grant execute on function mayfly_private.read_steps to service_role;

create function mayfly_private.readable_channel_ids()
returns uuid[]
language sql stable security definer
set search_path = "";
grant execute on function mayfly_private.readable_channel_ids to authenticated;

create function mayfly_private.readable_kinds()
returns TABLE(tenant_id uuid, kind text, sees_all boolean)
language plpgsql stable security definer
set search_path = "";
grant execute on function mayfly_private.readable_kinds to authenticated;

create function mayfly_private.ready_jobs(tenant uuid, ids uuid[], more_attempts integer DEFAULT 0)
returns void
language plpgsql volatile security definer
set search_path = "";

create function mayfly_private.ready_steps(run mayfly.jobs, graph jsonb)
returns mayfly_private.ready_step[]
language plpgsql stable security definer
set enable_seqscan = off
set plan_cache_mode = force_generic_plan
set search_path = "";

create function mayfly_private.reap(tenant uuid, only_name text DEFAULT NULL::text)
returns integer
language plpgsql volatile security definer
set search_path = "";

create function mayfly_private.reap_in_passing()
returns void
language plpgsql volatile security definer
set search_path = "";
grant execute on function mayfly_private.reap_in_passing to authenticated;
grant execute on function mayfly_private.reap_in_passing to service_role;

create function mayfly_private.reap_jobs(max_rows integer DEFAULT 1000)
returns integer
language plpgsql volatile security definer
set search_path = "";

create function mayfly_private.reassign_jobs(tenant uuid, max_rows integer)
returns integer
language plpgsql volatile security definer
set search_path = "";

create function mayfly_private.recall(query text, embedding real[], model text, kinds text[], having_tags text[], agent uuid, min_reward real, since timestamp with time zone, result_limit integer, until timestamp with time zone, for_task text, session uuid, conversation uuid, similar_to uuid, weights jsonb, half_lives jsonb, surrounding integer, grouped boolean, explain boolean, older_embedding real[], older_model text)
returns TABLE(id uuid, agent_id uuid, agent_name text, agent_ended_at timestamp with time zone, kind text, task text, input text, output text, critique text, reward real, importance smallint, tags text[], metadata jsonb, created_at timestamp with time zone, score real, parts jsonb, duplicates uuid[], surroundings jsonb)
language plpgsql stable security definer
set jit = off
set plan_cache_mode = force_generic_plan
set search_path = "";
grant execute on function mayfly_private.recall to authenticated;
grant execute on function mayfly_private.recall to service_role;

create function mayfly_private.recall_scope(model text)
returns jsonb
language plpgsql stable security definer
set jit = off
set plan_cache_mode = force_generic_plan
set search_path = "";
grant execute on function mayfly_private.recall_scope to authenticated;
grant execute on function mayfly_private.recall_scope to service_role;

create function mayfly_private.reconcile_state(key text, strategy text, base_version integer, ours jsonb, ours_version integer, theirs_version integer, of_agent uuid, expected_version integer, ours_at timestamp with time zone)
returns jsonb
language plpgsql volatile security definer
set search_path = "";
grant execute on function mayfly_private.reconcile_state to authenticated;
grant execute on function mayfly_private.reconcile_state to service_role;

create function mayfly_private.record_facts(facts jsonb)
returns jsonb
language plpgsql volatile security definer
set search_path = "";
grant execute on function mayfly_private.record_facts to authenticated;
grant execute on function mayfly_private.record_facts to service_role;

create function mayfly_private.record_graph(run mayfly.jobs, graph jsonb)
returns bigint
language plpgsql volatile security definer
set enable_seqscan = off
set plan_cache_mode = force_generic_plan
set search_path = "";

create function mayfly_private.record_model_call(lease text, call jsonb, tools jsonb, chunks jsonb)
returns jsonb
language plpgsql volatile security definer
set plan_cache_mode = force_generic_plan
set search_path = "";
grant execute on function mayfly_private.record_model_call to authenticated;
grant execute on function mayfly_private.record_model_call to service_role;

create function mayfly_private.record_run_context(lease text, context text)
returns jsonb
language plpgsql volatile security definer
set search_path = "";
grant execute on function mayfly_private.record_run_context to authenticated;
grant execute on function mayfly_private.record_run_context to service_role;

create function mayfly_private.record_steps(lease text, steps jsonb)
returns jsonb
language plpgsql volatile security definer
set enable_seqscan = off
set plan_cache_mode = force_generic_plan
set search_path = "";
grant execute on function mayfly_private.record_steps to authenticated;
grant execute on function mayfly_private.record_steps to service_role;

create function mayfly_private.recount_usage(tenant uuid)
returns void
language plpgsql volatile security definer
set search_path = "";

create function mayfly_private.redrive_jobs(ids uuid[], of_queue text, max_rows integer)
returns jsonb
language plpgsql volatile security definer
set search_path = "";
grant execute on function mayfly_private.redrive_jobs to authenticated;
grant execute on function mayfly_private.redrive_jobs to service_role;

create function mayfly_private.refuse_fact(field text, rule text, place integer DEFAULT NULL::integer)
returns void
language plpgsql volatile
set search_path = "";
grant execute on function mayfly_private.refuse_fact to authenticated;
grant execute on function mayfly_private.refuse_fact to service_role;

create function mayfly_private.refuse_faults(push jsonb, doubted bigint[])
returns void
language plpgsql volatile
set search_path = "";

create function mayfly_private.refuse_over_quota(tenant uuid, more_memories bigint, more_bytes bigint, more_writes integer)
returns void
language plpgsql volatile security definer
set search_path = "";

create function mayfly_private.refuse_thread(field text, rule text)
returns void
language plpgsql volatile
set search_path = "";
grant execute on function mayfly_private.refuse_thread to authenticated;
grant execute on function mayfly_private.refuse_thread to service_role;

create function mayfly_private.refuse_transition(from_status text, to_status text)
returns void
language plpgsql volatile
set search_path = "";

create function mayfly_private.release()
returns jsonb
language sql immutable parallel safe
set search_path = "";

create function mayfly_private.release_costs(releases jsonb)
returns jsonb
language plpgsql volatile security definer
set search_path = "";
grant execute on function mayfly_private.release_costs to authenticated;
grant execute on function mayfly_private.release_costs to service_role;

create function mayfly_private.release_debug(lease uuid)
returns jsonb
language plpgsql volatile security definer
set search_path = "";
grant execute on function mayfly_private.release_debug to authenticated;
grant execute on function mayfly_private.release_debug to service_role;

create function mayfly_private.release_files()
returns trigger
language plpgsql volatile security definer
set search_path = "";

create function mayfly_private.release_hold(hold mayfly_private.cost_holds)
returns void
language plpgsql volatile security definer
set search_path = "";

create function mayfly_private.release_jobs(leases text[])
returns jsonb
language plpgsql volatile security definer
set search_path = "";
grant execute on function mayfly_private.release_jobs to authenticated;
grant execute on function mayfly_private.release_jobs to service_role;

create function mayfly_private.release_leases(tenant uuid, ids uuid[], code text, message text)
returns void
language plpgsql volatile security definer
set search_path = "";

create function mayfly_private.release_obligations()
returns trigger
language plpgsql volatile security definer
set search_path = "";

create function mayfly_private.remove_artifacts(name text, team uuid, version integer, everything boolean, max_rows integer)
returns jsonb
language plpgsql volatile security definer
set search_path = "";
grant execute on function mayfly_private.remove_artifacts to authenticated;
grant execute on function mayfly_private.remove_artifacts to service_role;

create function mayfly_private.remove_member(member uuid)
returns jsonb
language plpgsql volatile security definer
set search_path = "";
grant execute on function mayfly_private.remove_member to authenticated;
grant execute on function mayfly_private.remove_member to service_role;

create function mayfly_private.renew_agent(extend boolean)
returns jsonb
language plpgsql volatile security definer
set search_path = "";
grant execute on function mayfly_private.renew_agent to authenticated;

create function mayfly_private.report_workflow(lease text, value jsonb)
returns boolean
language plpgsql volatile security definer
set search_path = "";
grant execute on function mayfly_private.report_workflow to authenticated;
grant execute on function mayfly_private.report_workflow to service_role;

create function mayfly_private.request_approval(title text, input jsonb, lease text, step text, category text, confidence double precision, milestone boolean, required boolean, quorum integer, roles text[], deciders uuid[], expires_in double precision, input_schema jsonb)
returns jsonb
language plpgsql volatile security definer
set search_path = "";
grant execute on function mayfly_private.request_approval to authenticated;
grant execute on function mayfly_private.request_approval to service_role;

create function mayfly_private.request_drains()
returns integer
language plpgsql volatile security definer
set search_path = "";

create function mayfly_private.request_jobs(function_name text)
returns integer
language plpgsql volatile security definer
set search_path = "";

create function mayfly_private.requeue_runs()
returns trigger
language plpgsql volatile security definer
set enable_seqscan = off
set search_path = "";

create function mayfly_private.require_role(tenant uuid, over text)
returns void
language plpgsql stable
set search_path = "";

create function mayfly_private.require_tenant(scope text)
returns uuid
language plpgsql stable security definer
set search_path = "";
grant execute on function mayfly_private.require_tenant to authenticated;
grant execute on function mayfly_private.require_tenant to service_role;

create function mayfly_private.require_tenant_of(who mayfly_private.caller, scope text)
returns uuid
language plpgsql stable security definer
set search_path = "";

create function mayfly_private.reserve_costs(asks jsonb)
returns jsonb
language plpgsql volatile security definer
set plan_cache_mode = force_generic_plan
set search_path = "";
grant execute on function mayfly_private.reserve_costs to authenticated;
grant execute on function mayfly_private.reserve_costs to service_role;

create function mayfly_private.resume_agent(agent_id uuid)
returns jsonb
language plpgsql volatile security definer
set search_path = "";
grant execute on function mayfly_private.resume_agent to authenticated;
grant execute on function mayfly_private.resume_agent to service_role;

create function mayfly_private.retry_steps(lease text, names text[])
returns integer
language plpgsql volatile security definer
set search_path = "";
grant execute on function mayfly_private.retry_steps to authenticated;
grant execute on function mayfly_private.retry_steps to service_role;

create function mayfly_private.revoke_client(client_id text)
returns jsonb
language plpgsql volatile security definer
set search_path = "";
grant execute on function mayfly_private.revoke_client to authenticated;
grant execute on function mayfly_private.revoke_client to service_role;

create function mayfly_private.revoke_enrolment_key(key_id uuid, stop_agents boolean)
returns jsonb
language plpgsql volatile security definer
set search_path = "";
grant execute on function mayfly_private.revoke_enrolment_key to authenticated;
grant execute on function mayfly_private.revoke_enrolment_key to service_role;

create function mayfly_private.revoke_invitation(invitation_id uuid)
returns jsonb
language plpgsql volatile security definer
set search_path = "";
grant execute on function mayfly_private.revoke_invitation to authenticated;
grant execute on function mayfly_private.revoke_invitation to service_role;

create function mayfly_private.rollback_state(key text, version integer, of_agent uuid, expected_version integer)
returns jsonb
language plpgsql volatile security definer
set search_path = "";
grant execute on function mayfly_private.rollback_state to authenticated;
grant execute on function mayfly_private.rollback_state to service_role;

create function mayfly_private.row_bytes(flat integer, written text[], content jsonb)
returns integer
language plpgsql immutable parallel safe
set search_path = "";

create function mayfly_private.rows_of_steps(tenant uuid, run uuid, steps text[])
returns TABLE(name text, step text)
language plpgsql stable security definer
set search_path = "";

create function mayfly_private.run_attributes(tenant uuid, run uuid)
returns jsonb
language plpgsql stable security definer
set search_path = "";

create function mayfly_private.run_lineage(tenant uuid, id uuid)
returns TABLE(run_id uuid, nth integer, above integer, below integer)
language plpgsql stable security definer
set search_path = "";

create function mayfly_private.run_log(tenant uuid, id uuid, with_parts boolean)
returns jsonb
language plpgsql stable security definer
set enable_seqscan = off
set search_path = "";

create function mayfly_private.sample_words(tenant uuid, max_rows integer)
returns jsonb
language plpgsql volatile
set jit = off
set search_path = "";

create function mayfly_private.scan_log(tenant uuid, of_epoch integer, kinds text[], open_kinds text[], own uuid[], caller_id uuid, after_xid xid8, after_id bigint, before_xid xid8, among xid8[], target pg_snapshot, page_limit integer)
returns jsonb
language plpgsql stable
set enable_bitmapscan = off
set enable_seqscan = off
set search_path = "";

create function mayfly_private.schedule_job_function(function_name text, every text DEFAULT '10 seconds'::text, at_once integer DEFAULT 1)
returns text
language plpgsql volatile security definer
set search_path = "";

create function mayfly_private.schema_fault(schema jsonb, path text DEFAULT '$'::text)
returns text
language plpgsql immutable parallel safe
set search_path = "";

create function mayfly_private.searched(content text)
returns text
language plpgsql immutable parallel safe
set search_path = "";

create function mayfly_private.seconds_left(agent mayfly.agents)
returns numeric
language sql stable security definer
set search_path = "";

create function mayfly_private.sees_agent(agent mayfly.agents)
returns boolean
language sql stable security definer
set search_path = "";

create function mayfly_private.send_messages(messages jsonb)
returns jsonb
language plpgsql volatile security definer
set search_path = "";
grant execute on function mayfly_private.send_messages to authenticated;
grant execute on function mayfly_private.send_messages to service_role;

create function mayfly_private.set_approval_policy(agent_type text, category text, autonomy text, min_confidence double precision, quorum integer, roles text[], requester_decides boolean, expires_in double precision, escalate_after double precision, escalation_roles text[], notify text)
returns jsonb
language plpgsql volatile security definer
set search_path = "";
grant execute on function mayfly_private.set_approval_policy to authenticated;
grant execute on function mayfly_private.set_approval_policy to service_role;

create function mayfly_private.set_budget(level text, subject text, hard_usd numeric, soft_usd numeric, hard_tokens bigint, period text)
returns jsonb
language plpgsql volatile security definer
set search_path = "";
grant execute on function mayfly_private.set_budget to authenticated;
grant execute on function mayfly_private.set_budget to service_role;

create function mayfly_private.set_debug(persist boolean, level integer, max_records_per_minute integer, keep double precision)
returns jsonb
language plpgsql volatile security definer
set search_path = "";
grant execute on function mayfly_private.set_debug to authenticated;
grant execute on function mayfly_private.set_debug to service_role;

create function mayfly_private.set_dimensions(dimensions integer)
returns void
language plpgsql volatile
set search_path = "";

create function mayfly_private.set_entity(entity jsonb, name text, type text, description text, aliases text[], visibility text)
returns jsonb
language plpgsql volatile security definer
set search_path = "";
grant execute on function mayfly_private.set_entity to authenticated;
grant execute on function mayfly_private.set_entity to service_role;

create function mayfly_private.set_fact_retention(ended_kept double precision)
returns jsonb
language plpgsql volatile security definer
set search_path = "";
grant execute on function mayfly_private.set_fact_retention to authenticated;
grant execute on function mayfly_private.set_fact_retention to service_role;

create function mayfly_private.set_graph(name text, version text, graph jsonb)
returns jsonb
language plpgsql volatile security definer
set search_path = "";
grant execute on function mayfly_private.set_graph to authenticated;
grant execute on function mayfly_private.set_graph to service_role;

create function mayfly_private.set_job_attributes(lease text, changes jsonb)
returns jsonb
language plpgsql volatile security definer
set enable_seqscan = off
set plan_cache_mode = force_generic_plan
set search_path = "";
grant execute on function mayfly_private.set_job_attributes to authenticated;
grant execute on function mayfly_private.set_job_attributes to service_role;

create function mayfly_private.set_job_share(weight integer, max_running integer)
returns jsonb
language plpgsql volatile security definer
set search_path = "";
grant execute on function mayfly_private.set_job_share to service_role;

create function mayfly_private.set_model_worth(model text, meaning real, unrelated real, measured jsonb)
returns jsonb
language plpgsql volatile security definer
set search_path = "";
grant execute on function mayfly_private.set_model_worth to authenticated;
grant execute on function mayfly_private.set_model_worth to service_role;

create function mayfly_private.set_queue(name text, paused boolean, max_running integer, max_running_per_group integer, rate double precision, weight integer)
returns jsonb
language plpgsql volatile security definer
set search_path = "";
grant execute on function mayfly_private.set_queue to authenticated;
grant execute on function mayfly_private.set_queue to service_role;

create function mayfly_private.set_quotas(max_living_agents integer, spawns_per_minute integer, max_memories bigint, max_bytes bigint, writes_per_minute integer, messages_kept double precision)
returns mayfly.tenants
language plpgsql volatile security definer
set search_path = "";
grant execute on function mayfly_private.set_quotas to service_role;

create function mayfly_private.set_rate_limit(level text, subject text, per_minute integer, burst integer)
returns jsonb
language plpgsql volatile security definer
set search_path = "";
grant execute on function mayfly_private.set_rate_limit to authenticated;
grant execute on function mayfly_private.set_rate_limit to service_role;

create function mayfly_private.set_schedule(name text, cron text, job text, input jsonb, time_zone text, options jsonb, catch_up text, overlap text, paused boolean)
returns jsonb
language plpgsql volatile security definer
set search_path = "";
grant execute on function mayfly_private.set_schedule to authenticated;
grant execute on function mayfly_private.set_schedule to service_role;

create function mayfly_private.set_state(key text, value jsonb, of_agent uuid, expected_version integer, expires_at timestamp with time zone)
returns jsonb
language plpgsql volatile security definer
set search_path = "";
grant execute on function mayfly_private.set_state to authenticated;
grant execute on function mayfly_private.set_state to service_role;

create function mayfly_private.settle(memory jsonb, change jsonb)
returns jsonb
language plpgsql volatile
set search_path = "";

create function mayfly_private.settle_cost(hold mayfly_private.cost_holds, usage jsonb, INOUT budgets mayfly.budgets[], OUT cost jsonb)
returns record
language plpgsql volatile security definer
set plan_cache_mode = force_generic_plan
set search_path = "";

create function mayfly_private.settle_costs(settlements jsonb)
returns jsonb
language plpgsql volatile security definer
set search_path = "";
grant execute on function mayfly_private.settle_costs to authenticated;
grant execute on function mayfly_private.settle_costs to service_role;

create function mayfly_private.settle_poll(poll mayfly.polls)
returns mayfly.polls
language plpgsql volatile security definer
set search_path = "";

create function mayfly_private.settle_vectors(batch integer DEFAULT 500, large integer DEFAULT 10000, only_tenant uuid DEFAULT NULL::uuid)
returns integer
language plpgsql volatile security definer
set enable_bitmapscan = off
set enable_seqscan = off
set jit = off
set search_path = "";

create function mayfly_private.shared_length(a text, b text, from_the_end boolean)
returns integer
language plpgsql immutable
set search_path = "";

create function mayfly_private.show_approval(approval mayfly.approvals)
returns jsonb
language sql stable
set search_path = "";
grant execute on function mayfly_private.show_approval to authenticated;
grant execute on function mayfly_private.show_approval to service_role;

create function mayfly_private.show_approval_policy(policy mayfly.approval_policies)
returns jsonb
language sql stable
set search_path = "";
grant execute on function mayfly_private.show_approval_policy to authenticated;
grant execute on function mayfly_private.show_approval_policy to service_role;

create function mayfly_private.show_artifact(a mayfly.artifacts)
returns jsonb
language sql immutable
set search_path = "";
grant execute on function mayfly_private.show_artifact to authenticated;
grant execute on function mayfly_private.show_artifact to service_role;

create function mayfly_private.show_budget(budget mayfly.budgets)
returns jsonb
language plpgsql stable
set search_path = "";
grant execute on function mayfly_private.show_budget to authenticated;
grant execute on function mayfly_private.show_budget to service_role;

create function mayfly_private.show_checkpoints(shown mayfly.checkpoints[])
returns jsonb
language plpgsql stable
set search_path = "";
grant execute on function mayfly_private.show_checkpoints to authenticated;
grant execute on function mayfly_private.show_checkpoints to service_role;

create function mayfly_private.show_claimed(job mayfly.jobs)
returns jsonb
language plpgsql volatile security definer
set enable_bitmapscan = off
set enable_seqscan = off
set plan_cache_mode = force_generic_plan
set search_path = "";

create function mayfly_private.show_entity(entity mayfly.entities)
returns jsonb
language sql stable
set search_path = "";
grant execute on function mayfly_private.show_entity to authenticated;
grant execute on function mayfly_private.show_entity to service_role;

create function mayfly_private.show_fact(fact mayfly.facts)
returns jsonb
language sql stable
set search_path = "";
grant execute on function mayfly_private.show_fact to authenticated;
grant execute on function mayfly_private.show_fact to service_role;

create function mayfly_private.show_job_kind(kind mayfly.job_kinds)
returns jsonb
language sql immutable
set search_path = "";
grant execute on function mayfly_private.show_job_kind to authenticated;
grant execute on function mayfly_private.show_job_kind to service_role;

create function mayfly_private.show_message(message mayfly.messages)
returns jsonb
language sql stable
set search_path = "";

create function mayfly_private.show_part(part mayfly.thread_parts)
returns text
language sql stable
set search_path = "";
grant execute on function mayfly_private.show_part to authenticated;
grant execute on function mayfly_private.show_part to service_role;

create function mayfly_private.show_percentiles(of double precision[])
returns jsonb
language sql immutable parallel safe
set search_path = "";
grant execute on function mayfly_private.show_percentiles to authenticated;
grant execute on function mayfly_private.show_percentiles to service_role;

create function mayfly_private.show_poll(poll mayfly.polls)
returns jsonb
language sql stable security definer
set search_path = "";

create function mayfly_private.show_run(run mayfly.runs)
returns jsonb
language plpgsql stable security definer
set search_path = "";

create function mayfly_private.show_schedule(schedule mayfly.job_schedules)
returns jsonb
language sql stable
set search_path = "";
grant execute on function mayfly_private.show_schedule to authenticated;
grant execute on function mayfly_private.show_schedule to service_role;

create function mayfly_private.show_state(state mayfly.states)
returns jsonb
language sql stable
set search_path = "";
grant execute on function mayfly_private.show_state to authenticated;
grant execute on function mayfly_private.show_state to service_role;

create function mayfly_private.show_team(team mayfly.teams)
returns jsonb
language sql stable security definer
set search_path = "";

create function mayfly_private.show_team_alert(alert mayfly.team_alerts)
returns jsonb
language sql immutable
set search_path = "";
grant execute on function mayfly_private.show_team_alert to authenticated;
grant execute on function mayfly_private.show_team_alert to service_role;

create function mayfly_private.show_tender(tender mayfly.tenders)
returns jsonb
language sql stable security definer
set search_path = "";

create function mayfly_private.signal_job(id uuid, name text, payload jsonb)
returns jsonb
language plpgsql volatile security definer
set search_path = "";
grant execute on function mayfly_private.signal_job to authenticated;
grant execute on function mayfly_private.signal_job to service_role;

create function mayfly_private.signal_poll(poll mayfly.polls)
returns void
language plpgsql volatile security definer
set search_path = "";

create function mayfly_private.spawn_agent(name text, type text, lifetime interval, capabilities text[], scopes text[], task text, metadata jsonb, registration_key text, renew boolean)
returns jsonb
language plpgsql volatile security definer
set search_path = "";
grant execute on function mayfly_private.spawn_agent to authenticated;
grant execute on function mayfly_private.spawn_agent to service_role;

create function mayfly_private.spawn_named_team(team jsonb, settings jsonb)
returns jsonb
language plpgsql volatile security definer
set search_path = "";
grant execute on function mayfly_private.spawn_named_team to authenticated;
grant execute on function mayfly_private.spawn_named_team to service_role;

create function mayfly_private.spawn_team(team jsonb)
returns jsonb
language plpgsql volatile security definer
set search_path = "";
grant execute on function mayfly_private.spawn_team to authenticated;
grant execute on function mayfly_private.spawn_team to service_role;

create function mayfly_private.start_run(agent text, input text, limits jsonb, key text, lease text, priority integer, forked_from uuid, forked_at integer, trace text, attributes jsonb)
returns jsonb
language plpgsql volatile security definer
set search_path = "";
grant execute on function mayfly_private.start_run to authenticated;
grant execute on function mayfly_private.start_run to service_role;

create function mayfly_private.start_usage()
returns trigger
language plpgsql volatile security definer
set search_path = "";

create function mayfly_private.state_rows(tenant uuid, page jsonb, selection jsonb, max_bytes bigint)
returns jsonb
language plpgsql stable
set search_path = "";

create function mayfly_private.step_job(name text, version text, step text, def jsonb)
returns text
language sql immutable parallel safe
set search_path = "";

create function mayfly_private.step_names(value jsonb)
returns text[]
language plpgsql immutable parallel safe
set search_path = "";

create function mayfly_private.stop_agent(agent_id uuid, reason text)
returns jsonb
language plpgsql volatile security definer
set search_path = "";
grant execute on function mayfly_private.stop_agent to authenticated;
grant execute on function mayfly_private.stop_agent to service_role;

create function mayfly_private.stop_team(team_id uuid, reason text)
returns jsonb
language plpgsql volatile security definer
set search_path = "";
grant execute on function mayfly_private.stop_team to authenticated;
grant execute on function mayfly_private.stop_team to service_role;

create function mayfly_private.subscribe_channel(name text, acknowledged bigint)
returns jsonb
language plpgsql volatile security definer
set search_path = "";
grant execute on function mayfly_private.subscribe_channel to authenticated;
grant execute on function mayfly_private.subscribe_channel to service_role;

create function mayfly_private.subtree(root mayfly.agents, living boolean)
returns jsonb
language plpgsql stable security definer
set search_path = "";

create function mayfly_private.surroundings_of(tenant uuid, self uuid, sees_all boolean, memory uuid, reach integer)
returns jsonb
language plpgsql stable
set jit = off
set plan_cache_mode = force_generic_plan
set search_path = "";

create function mayfly_private.suspend_agent(agent_id uuid, reason text)
returns jsonb
language plpgsql volatile security definer
set search_path = "";
grant execute on function mayfly_private.suspend_agent to authenticated;
grant execute on function mayfly_private.suspend_agent to service_role;

create function mayfly_private.swap_state(key text, expected_version integer, value jsonb, of_agent uuid, expires_at timestamp with time zone)
returns jsonb
language plpgsql volatile security definer
set search_path = "";
grant execute on function mayfly_private.swap_state to authenticated;
grant execute on function mayfly_private.swap_state to service_role;

create function mayfly_private.sweep_files(page_limit integer)
returns jsonb
language plpgsql volatile security definer
set search_path = "";
grant execute on function mayfly_private.sweep_files to authenticated;
grant execute on function mayfly_private.sweep_files to service_role;

create function mayfly_private.take_jobs(worker mayfly_private.claiming_worker, wanted integer, queues text[], names text[], lease_seconds double precision, place jsonb)
returns mayfly_private.taken_jobs
language plpgsql volatile security definer
set enable_bitmapscan = off
set enable_hashjoin = off
set enable_mergejoin = off
set enable_seqscan = off
set jit = off
set plan_cache_mode = force_generic_plan
set search_path = "";

create function mayfly_private.take_lane(worker mayfly_private.claiming_worker, wanted integer, queues text[], names text[], held_until timestamp with time zone, unless_due boolean)
returns json
language plpgsql volatile security definer
set search_path = "";

create function mayfly_private.take_next(worker mayfly_private.claiming_worker, wanted integer, queues text[], names text[], lease_seconds double precision, place jsonb)
returns mayfly_private.taken_jobs
language plpgsql volatile security definer
set enable_bitmapscan = off
set enable_hashjoin = off
set enable_mergejoin = off
set enable_seqscan = off
set jit = off
set plan_cache_mode = force_generic_plan
set search_path = "";

create function mayfly_private.take_plain(worker mayfly_private.claiming_worker, walk mayfly_private.tenant_walk, wanted integer, queues text[], names text[], held_until timestamp with time zone)
returns mayfly_private.plain_taken
language plpgsql volatile security definer
set enable_hashjoin = on
set search_path = "";

create function mayfly_private.take_rate(tenant uuid, levels text[], subjects text[])
returns double precision
language plpgsql volatile security definer
set search_path = "";

create function mayfly_private.take_spawns(tenant mayfly.tenants, wanted integer)
returns void
language plpgsql volatile security definer
set search_path = "";

create function mayfly_private.tell_agents()
returns trigger
language plpgsql volatile security definer
set search_path = "";

create function mayfly_private.tell_debug(tenant uuid, for_agent uuid)
returns integer
language plpgsql volatile security definer
set search_path = "";

create function mayfly_private.tell_deciders(approval mayfly.approvals, happened text)
returns void
language plpgsql volatile security definer
set search_path = "";

create function mayfly_private.tell_parents(tenant uuid, ids uuid[])
returns void
language plpgsql volatile security definer
set search_path = "";

create function mayfly_private.tell_run(run mayfly.runs, now boolean)
returns void
language plpgsql volatile security definer
set search_path = "";

create function mayfly_private.tell_watchers()
returns trigger
language plpgsql volatile security definer
set search_path = "";

create function mayfly_private.tenant_ids(scope text)
returns uuid[]
language plpgsql stable security definer
set search_path = "";
grant execute on function mayfly_private.tenant_ids to authenticated;
grant execute on function mayfly_private.tenant_ids to service_role;

create function mayfly_private.tenant_ids_of(who mayfly_private.caller, scope text)
returns uuid[]
language plpgsql stable
set search_path = "";

create function mayfly_private.tenant_tables()
returns TABLE(place integer, relation regclass, key text[], key_types text[], generated text[], refers boolean, child_of text)
language sql stable
set search_path = "";

create function mayfly_private.text_search_config(language text)
returns regconfig
language plpgsql immutable parallel safe
set search_path = "";

create function mayfly_private.text_within(value jsonb, max_length integer)
returns boolean
language sql immutable parallel safe
set search_path = "";

create function mayfly_private.texts_of(value jsonb)
returns text[]
language sql immutable parallel safe
set search_path = "";

create function mayfly_private.texts_or_absent(value jsonb, max_count integer)
returns boolean
language sql immutable parallel safe
set search_path = "";

create function mayfly_private.tick_jobs()
returns void
language plpgsql volatile security definer
set search_path = "";

create function mayfly_private.time_of_id(id uuid)
returns timestamp with time zone
language sql immutable parallel safe
set search_path = "";

create function mayfly_private.to_uuid(value text)
returns uuid
language plpgsql immutable parallel safe
set search_path = "";
grant execute on function mayfly_private.to_uuid to authenticated;
grant execute on function mayfly_private.to_uuid to service_role;

create function mayfly_private.transfer_tenant(member uuid)
returns jsonb
language plpgsql volatile security definer
set search_path = "";
grant execute on function mayfly_private.transfer_tenant to authenticated;

create function mayfly_private.tune_search(tenant uuid, model text, questions integer DEFAULT 50)
returns integer
language plpgsql volatile security definer
set enable_seqscan = off
set jit = off
set search_path = "";

create function mayfly_private.tuning_questions(questions integer, model text)
returns jsonb
language plpgsql stable security definer
set jit = off
set search_path = "";
grant execute on function mayfly_private.tuning_questions to authenticated;
grant execute on function mayfly_private.tuning_questions to service_role;

create function mayfly_private.turn_jobs(done jsonb, failures jsonb, wanted integer, queues text[], names text[], lease double precision, place jsonb, park uuid)
returns json
language plpgsql volatile security definer
set search_path = "";
grant execute on function mayfly_private.turn_jobs to authenticated;
grant execute on function mayfly_private.turn_jobs to service_role;

create function mayfly_private.unit_price(units jsonb, unit text, input_tokens numeric)
returns numeric
language plpgsql immutable
set search_path = "";

create function mayfly_private.unknown_agents(tenant uuid, agents uuid[])
returns uuid[]
language sql stable
set search_path = "";

create function mayfly_private.unrelated_similarity(tenant uuid, model text)
returns real
language plpgsql stable
set search_path = "";

create function mayfly_private.unschedule_job_function(function_name text)
returns boolean
language plpgsql volatile security definer
set search_path = "";

create function mayfly_private.unsubscribe_channel(name text)
returns boolean
language plpgsql volatile security definer
set search_path = "";
grant execute on function mayfly_private.unsubscribe_channel to authenticated;
grant execute on function mayfly_private.unsubscribe_channel to service_role;

create function mayfly_private.update_channel(name text, description text, publishers uuid[])
returns mayfly.channels
language plpgsql volatile security definer
set search_path = "";
grant execute on function mayfly_private.update_channel to authenticated;
grant execute on function mayfly_private.update_channel to service_role;

create function mayfly_private.update_tenant(name text, language text, max_lifetime interval, token_lifetime interval, max_depth integer, retention jsonb)
returns mayfly.tenants
language plpgsql volatile security definer
set search_path = "";
grant execute on function mayfly_private.update_tenant to authenticated;
grant execute on function mayfly_private.update_tenant to service_role;

create function mayfly_private.usage()
returns jsonb
language plpgsql stable security definer
set search_path = "";
grant execute on function mayfly_private.usage to authenticated;
grant execute on function mayfly_private.usage to service_role;

create function mayfly_private.use_approval(lease text, id uuid, step text)
returns jsonb
language plpgsql volatile security definer
set search_path = "";
grant execute on function mayfly_private.use_approval to authenticated;
grant execute on function mayfly_private.use_approval to service_role;

create function mayfly_private.uuid_or_absent(value jsonb)
returns boolean
language sql immutable parallel safe
set search_path = "";

create function mayfly_private.version_of(state mayfly.states, wanted integer, field text)
returns mayfly.state_versions
language plpgsql stable security definer
set search_path = "";

create function mayfly_private.void_secrets(tenant uuid, agent uuid)
returns void
language sql volatile security definer
set search_path = "";

create function mayfly_private.wait_any(lease text, waits jsonb, jobs jsonb, may_sleep boolean)
returns jsonb
language plpgsql volatile security definer
set enable_seqscan = off
set plan_cache_mode = force_generic_plan
set search_path = "";
grant execute on function mayfly_private.wait_any to authenticated;
grant execute on function mayfly_private.wait_any to service_role;

create function mayfly_private.wait_job(lease text, step text, signals text[], until timestamp with time zone)
returns jsonb
language plpgsql volatile security definer
set search_path = "";
grant execute on function mayfly_private.wait_job to authenticated;
grant execute on function mayfly_private.wait_job to service_role;

create function mayfly_private.wake_workers(tenant uuid)
returns void
language plpgsql volatile security definer
set search_path = "";

create function mayfly_private.wanted_kinds(readable text[], types text[])
returns text[]
language plpgsql stable
set search_path = "";

create function mayfly_private.watch_team(team_id uuid, limits jsonb)
returns jsonb
language plpgsql volatile security definer
set search_path = "";
grant execute on function mayfly_private.watch_team to authenticated;
grant execute on function mayfly_private.watch_team to service_role;

create function mayfly_private.weigh_ask(ask mayfly_private.cost_ask, budgets mayfly.budgets[])
returns jsonb
language plpgsql volatile security definer
set search_path = "";

create function mayfly_private.words(language text, task text, tags text[], input text, output text, critique text)
returns tsvector
language plpgsql immutable parallel safe
set search_path = "";

create function mayfly_private.words_of_question(tenant uuid, language text, question text, known bigint, sampled integer, OUT words text[], OUT terms tsquery[], OUT counts real[], OUT rarities double precision[], OUT phrase tsquery)
returns record
language plpgsql stable
set search_path = "";

create function mayfly_private.words_version()
returns smallint
language sql immutable parallel safe
set search_path = "";

create function mayfly_private.workflow_row(job jsonb)
returns jsonb
language sql immutable parallel safe
set search_path = "";
grant execute on function mayfly_private.workflow_row to authenticated;
grant execute on function mayfly_private.workflow_row to service_role;

create function mayfly_private.worth_of_model(tenant uuid, model text, OUT meaning real, OUT unrelated real)
returns record
language plpgsql stable
set plan_cache_mode = force_generic_plan
set search_path = "";

create function mayfly_private.write_budgets(rows mayfly.budgets[])
returns void
language plpgsql volatile security definer
set search_path = "";

create function mayfly_private.write_state(state mayfly.states, new_value jsonb, action text, expires_at timestamp with time zone)
returns mayfly.states
language plpgsql volatile security definer
set search_path = "";

create function mayfly_private.write_words()
returns trigger
language plpgsql volatile
set search_path = "";

create policy mayfly_receive on realtime.messages for select to authenticated
  using (mayfly_private.may_use_topic(( SELECT realtime.topic() AS topic), extension, false));

create policy mayfly_send on realtime.messages for insert to authenticated
  with check (mayfly_private.may_use_topic(( SELECT realtime.topic() AS topic), extension, true));
