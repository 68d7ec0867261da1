-- Open calls of functions. A call is open from its request on. If it does not arrive in time, it stops counting. Once
-- it has arrived, it counts for as long as it said that it may run. So another call is sent after a call that was lost
-- or killed.

create table mayfly_private.job_calls (
  id uuid not null default gen_random_uuid() constraint job_calls_pkey primary key,
  function text not null,
  until timestamptz not null
);

create index job_calls_function_idx on mayfly_private.job_calls (function);

comment on table mayfly_private.job_calls is 'Open calls of functions of serveJobs, and until when each of them counts.';

alter table mayfly_private.job_calls enable row level security;
