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
