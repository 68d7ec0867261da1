-- The kinds of broadcasts that can be due (nudges_due). For each kind, flush_nudges calls a function that says whether
-- somebody listens without a lease, and a function that returns the payload. A room registers its kinds in its
-- nudge_kinds.sql.

create table mayfly_private.nudge_kinds (
  event text constraint nudge_kinds_pkey primary key constraint nudge_kinds_event_form check (event ~ '^[a-z][a-z_]{0,62}$'),
  -- The function is named as a text, which is looked up when it is used, because a regprocedure would block pg_upgrade.
  heard text,
  payload text not null
);

comment on table mayfly_private.nudge_kinds is 'The kinds of broadcasts that can be due.';
comment on column mayfly_private.nudge_kinds.heard is
  'The signature of a stable function of (tenant uuid, topic text) that returns whether somebody listens without a lease of the topic. Null if nobody ever does.';
comment on column mayfly_private.nudge_kinds.payload is
  'The signature of a stable function of (tenant uuid, topic text, seq bigint) that returns the payload as jsonb, or null for none.';

alter table mayfly_private.nudge_kinds enable row level security;
