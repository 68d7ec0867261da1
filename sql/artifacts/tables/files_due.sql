-- Files whose row is gone. SQL cannot delete them, so their paths wait here until a caller of sweep_files has deleted
-- the files. The paths stay even if the tenant is erased, so the table has no tenant_id.

create table mayfly_private.files_due (
  path text collate "C" not null constraint files_due_pkey primary key,
  since timestamptz not null default clock_timestamp()
);

alter table mayfly_private.files_due enable row level security;

-- Anyone can see the planner's estimates, and with statistics these would reveal what other tenants wrote. So columns
-- that tenants write have no statistics (tests/invariants/estimates.test.ts).
alter table mayfly_private.files_due alter column path set statistics 0;

comment on table mayfly_private.files_due is 'Files in Storage whose row is gone, to be deleted there.';
