-- The inbox of an agent or a person: the number of its newest message, and its reader. A sender holds the row until
-- its commit, so that the numbers have no gap and follow the order of the commits.

create table mayfly.inboxes (
  tenant_id uuid not null,
  recipient_id uuid not null,
  last_seq bigint not null default 0,
  session uuid,
  opened_at timestamptz,
  constraint inboxes_pkey primary key (tenant_id, recipient_id),
  constraint inboxes_tenant_fkey foreign key (tenant_id) references mayfly.tenants (id) on delete cascade
)
with (fillfactor = 50);

-- Anyone can see the planner's estimates, and with statistics these would reveal what other tenants wrote. So columns
-- that tenants write have no statistics (tests/invariants/estimates.test.ts).
alter table mayfly.inboxes
  alter column session set statistics 0;

comment on table mayfly.inboxes is 'Inboxes of agents and people.';
comment on column mayfly.inboxes.session is 'The current reader. Opening the inbox again replaces it. Without a reader nothing is broadcast.';
