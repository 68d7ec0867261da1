-- Open calls of functions. A call counts as open from its request on. Until it arrives, it counts for the seconds
-- within which it has to arrive. From then on, it counts for as long as it said that it may run. So a call that is lost
-- or killed stops counting, and another call is sent.

create table mayfly_private.job_calls (
  id uuid not null default gen_random_uuid() constraint job_calls_pkey primary key,
  function text not null,
  until timestamptz not null
);

create index job_calls_function_idx on mayfly_private.job_calls (function);

comment on table mayfly_private.job_calls is 'Open calls of these functions, and until when they count.';

alter table mayfly_private.job_calls enable row level security;
