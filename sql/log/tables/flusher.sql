-- When flush_nudges last ran, in one row. Transactions leave due rows only if it ran within the last 5 s.

create table mayfly_private.flusher (
  only_row boolean not null default true constraint flusher_pkey primary key constraint flusher_only_row check (only_row),
  at timestamptz not null default '-infinity'
);

comment on table mayfly_private.flusher is 'When due nudges were last sent.';

insert into mayfly_private.flusher default values;

alter table mayfly_private.flusher enable row level security;
