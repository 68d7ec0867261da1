-- Every kind of event, and the scope that a reader needs for it. The log belongs to no single room, so each room
-- registers its kinds in its event_kinds.sql. A reader of the log gets only the kinds whose scope it has, and nobody
-- gets a kind that is not registered. Scopes are stored by name, because rooms register them in other files.
-- tests/log/event-kinds.test.ts fails on names that are not scopes, and on kinds that are written to the log but not
-- registered.

create table mayfly.event_kinds (
  kind text constraint event_kinds_pkey primary key
    constraint event_kinds_kind_form check (kind ~ '^[a-z][a-z_]*\.[a-z][a-z_]*$'),
  scope text not null,
  admin_scope text,
  description text not null
);

comment on table mayfly.event_kinds is 'The kinds of events in the log, and the scope that a reader of each needs.';
comment on column mayfly.event_kinds.admin_scope is
  'The scope that also shows events for one agent or person. Null if nobody else may see them.';

alter table mayfly.event_kinds enable row level security;

grant select on mayfly.event_kinds to authenticated, service_role;

create policy event_kinds_select on mayfly.event_kinds for select to authenticated
  using (true);
