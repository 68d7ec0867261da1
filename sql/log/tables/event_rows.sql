-- How the rows that events are about travel with a page of the log: for the first part of the kinds' names, a
-- function of its room, by name as text, which is looked up when it is called:
--
--   (tenant uuid, page jsonb, selection jsonb, max_bytes bigint) returns jsonb { rows, fitting }
--
-- It gets the events of the page in their order and what the caller selected (true, or what the room allows), and
-- refuses a caller without the scope. It gives the rows as the caller sees them, each with its id, and how many
-- events of the front of the page it has room for: one at least.

create table mayfly_private.event_rows (
  entity text constraint event_rows_pkey primary key,
  rows_function text not null
);

comment on table mayfly_private.event_rows is 'The functions that give the rows that events are about.';

alter table mayfly_private.event_rows enable row level security;
