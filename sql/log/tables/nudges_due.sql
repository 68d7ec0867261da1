-- Broadcasts that are due, written by the transaction that caused them. A row becomes visible exactly when the data of
-- that transaction does, so the last broadcast cannot be lost. flush_nudges deletes the rows, and broadcasts once for
-- each topic and event, for kinds that rooms have registered (nudge_kinds). The table has no foreign key, because a
-- foreign key would look up the tenant for each row. When a tenant is deleted, forget_log deletes its rows.

create table mayfly_private.nudges_due (
  tenant_id uuid not null,
  id bigint generated always as identity,
  topic text not null,
  event text not null,
  seq bigint,
  constraint nudges_due_pkey primary key (tenant_id, id)
);

comment on table mayfly_private.nudges_due is 'Broadcasts that are due.';
comment on column mayfly_private.nudges_due.seq is 'The number of a message in its inbox or channel.';

alter table mayfly_private.nudges_due enable row level security;
