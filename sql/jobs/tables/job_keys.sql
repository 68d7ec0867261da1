-- Which job belongs to a key. While the job is kept, adding another job with the same key returns the kept one. It is a
-- separate table, because a key must stay valid when its job moves to finished_jobs.

create table mayfly_private.job_keys (
  tenant_id uuid not null,
  key text collate "C" not null,
  job_id uuid not null,
  constraint job_keys_pkey primary key (tenant_id, key)
);

comment on table mayfly_private.job_keys is 'Which job belongs to a key.';

alter table mayfly_private.job_keys enable row level security;
