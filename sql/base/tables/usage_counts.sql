-- What mayfly.usage shows in addition to memories, bytes and writes. A room registers in its usage.sql a function that
-- returns what the room limits, and how much of it the tenant uses.

create table mayfly_private.usage_counts (
  name text constraint usage_counts_pkey primary key constraint usage_counts_name_form check (name ~ '^[a-z][a-z_]{0,62}$'),
  work text not null
);

comment on table mayfly_private.usage_counts is 'What mayfly.usage shows about each room.';
comment on column mayfly_private.usage_counts.work is
  'The signature of a stable function of (tenant uuid) that returns jsonb: what the tenant uses, by name, and its limits in `limits`.';

alter table mayfly_private.usage_counts enable row level security;
