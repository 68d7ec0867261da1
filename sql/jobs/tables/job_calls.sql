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
