-- When the timers of jobs last ran. They run every second. The table has one row. The first claim after each second
-- locks it, and the other claims skip this work.

create table mayfly_private.job_ticks (
  only_row boolean not null default true constraint job_ticks_pkey primary key constraint job_ticks_only_row check (only_row),
  fired_at timestamptz not null default '-infinity',
  reaped_at timestamptz not null default '-infinity'
)
with (fillfactor = 50);

comment on table mayfly_private.job_ticks is 'When due schedules and ended leases were last looked for.';

insert into mayfly_private.job_ticks default values;

alter table mayfly_private.job_ticks enable row level security;
