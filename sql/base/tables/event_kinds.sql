-- Every kind of event there is, and the scope that shows it: the log belongs to no one room. Each room registers
-- its own kinds in its event_kinds.sql. A reader of the log hears of the kinds whose scope it has, and of no other:
-- of a kind that no room has registered nobody hears. Scopes are kept by name, since rooms register theirs in files
-- of their own; tests/log/event-kinds.test.ts finds a name that is none, and a kind that is appended and not here.

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
