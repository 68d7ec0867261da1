-- The clusters on which this database has run. A transaction id means something only in its own cluster, so after a
-- restore or a promotion the epoch increases and older cursors are refused.

create table mayfly_private.epochs (
  epoch integer generated always as identity constraint epochs_pkey primary key,
  system_identifier bigint not null,
  timeline integer not null,
  since timestamptz not null default now(),
  constraint epochs_cluster_key unique (system_identifier, timeline)
);

comment on table mayfly_private.epochs is 'One row for each cluster and timeline on which this database has run.';

alter table mayfly_private.epochs enable row level security;
