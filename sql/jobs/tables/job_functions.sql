-- Functions of serveJobs that pg_cron wakes when they have work (schedule_job_function).

create table mayfly_private.job_functions (
  name text not null constraint job_functions_pkey primary key
    constraint job_functions_name_form check (name ~ '^[A-Za-z0-9][A-Za-z0-9_-]{0,62}$'),
  at_once smallint not null constraint job_functions_at_once_range check (at_once between 1 and 50),
  names text[],
  called_at timestamptz,
  arrived_at timestamptz
);

comment on table mayfly_private.job_functions is 'Functions that pg_cron wakes when they have jobs.';
comment on column mayfly_private.job_functions.at_once is 'How many calls may be open at once.';
comment on column mayfly_private.job_functions.names is 'The jobs for which it has handlers, as reported in its last call. Null until then, which means any job.';

alter table mayfly_private.job_functions enable row level security;
