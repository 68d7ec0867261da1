-- The functions that return the rows that events are about, for pages of the log. A room registers its function in its
-- event_rows.sql, under the text with which its kinds begin, such as `memory`.

create table mayfly_private.event_rows (
  entity text constraint event_rows_pkey primary key constraint event_rows_entity_form check (entity ~ '^[a-z][a-z_]{0,62}$'),
  -- The function is a text that is resolved when it is used, because a regprocedure would block pg_upgrade.
  work text not null
);

comment on table mayfly_private.event_rows is 'The functions that return the rows that events are about.';
comment on column mayfly_private.event_rows.work is
  'The signature of a function of (tenant uuid, page jsonb, selection jsonb, max_bytes bigint). It gets the events of a page in order, and the caller''s selection (true, or what the room allows). It refuses a caller without the scope, and returns { rows, fitting }. `rows` are the rows as the caller sees them, each with its id. `fitting` is how many events from the start of the page they cover, at least one.';

alter table mayfly_private.event_rows enable row level security;
