-- What programs say about their jobs, such as { "customer": "acme" }, so that the jobs are found by it. It is a separate
-- table, and a job without attributes has no row. So such a job costs nothing here, claims and heartbeats never touch
-- the index below, and a job that moves to finished_jobs is not indexed again. A run of an agent is a job, so its
-- attributes are here too.

create table mayfly.job_attributes (
  tenant_id uuid not null,
  job_id uuid not null,
  attributes jsonb not null
    constraint job_attributes_present check (jsonb_typeof(attributes) = 'object' and attributes <> '{}'),
  kept boolean not null default false,
  bytes integer not null,
  constraint job_attributes_pkey primary key (tenant_id, job_id)
);

-- The tenant is a part of each indexed path (tenant, name, value). So a search reads no entry of another tenant, however
-- many jobs of other tenants have the same attribute. jsonb_path_ops hashes the whole path. Without fastupdate, no search
-- has to read a list of pending entries, and adding a job with three attributes takes the same 50 µs more.
create index job_attributes_search_idx on mayfly.job_attributes
  using gin (jsonb_set('{}', array[tenant_id::text], attributes) jsonb_path_ops) with (fastupdate = off);

-- Anyone can see the planner's estimates, and with statistics these would reveal what other tenants wrote. So columns
-- that tenants write have no statistics (tests/invariants/estimates.test.ts).
alter table mayfly.job_attributes alter column attributes set statistics 0;
-- An indexed expression has statistics of its own, which are turned off too.
alter index mayfly.job_attributes_search_idx alter column 1 set statistics 0;

comment on table mayfly.job_attributes is 'What programs say about their jobs, so that they are found by it.';
comment on column mayfly.job_attributes.attributes is '{ name: text, number or boolean }.';
comment on column mayfly.job_attributes.kept is 'Whether a run keeps them, although its job was deleted.';
comment on column mayfly.job_attributes.bytes is 'How many bytes of the tenant''s max_bytes they take: 128, plus their length as text.';
