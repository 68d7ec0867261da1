-- The kinds of jobs, workflows and agents that workers of the tenant have handlers for, by the name of their jobs, with
-- the JSON Schema of their input. Workers publish them when they start. Forms are made from them: nothing refuses a job
-- because of them. Two workers with different code for one name overwrite each other, and the last one counts.

create table mayfly.job_kinds (
  tenant_id uuid not null,
  name text collate "C" not null,
  description text,
  input_schema json,
  digest uuid not null,
  published_by uuid,
  published_at timestamptz not null default mayfly_private.now(),
  bytes integer not null,
  constraint job_kinds_pkey primary key (tenant_id, name),
  constraint job_kinds_tenant_fkey foreign key (tenant_id) references mayfly.tenants (id) on delete cascade
);

-- Anyone can see the planner's estimates, and with statistics these would reveal what other tenants wrote. So columns
-- that tenants write have no statistics (tests/invariants/estimates.test.ts).
alter table mayfly.job_kinds
  alter column name set statistics 0,
  alter column description set statistics 0,
  alter column input_schema set statistics 0,
  alter column digest set statistics 0,
  alter column published_by set statistics 0;

comment on table mayfly.job_kinds is 'Kinds of jobs that workers have handlers for, with the JSON Schema of their input.';
comment on column mayfly.job_kinds.name is 'The name of the jobs: summarise, workflow:publish:1, run:analyst.';
comment on column mayfly.job_kinds.input_schema is 'The JSON Schema of the input, in the order in which it was written. Null if the handler has none, or one that JSON Schema cannot express.';
comment on column mayfly.job_kinds.digest is 'A digest of the description and the schema. A row is written again only if it differs.';
comment on column mayfly.job_kinds.published_at is 'When a worker published it last, to within 6 hours.';
