-- What maintenance does for each tenant. A room registers its chores in its chores.sql.

create table mayfly_private.chores (
  name text constraint chores_pkey primary key constraint chores_name_form check (name ~ '^[a-z][a-z_]{0,62}$'),
  -- The function is named as a text, which is looked up when it is used, because a regprocedure would block pg_upgrade.
  work text not null
);

comment on table mayfly_private.chores is 'The chores of maintenance, which run for each tenant.';
comment on column mayfly_private.chores.work is
  'The signature of a function of (tenant uuid, max_rows integer) that does one batch. It returns jsonb: its counts, and `more`, true while there may be more to do.';

alter table mayfly_private.chores enable row level security;
