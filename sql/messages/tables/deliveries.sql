-- A message in an inbox, and what happened to it.

create table mayfly.deliveries (
  tenant_id uuid not null,
  recipient_id uuid not null,
  seq bigint not null,
  message_id uuid not null,
  sender_id uuid,
  session uuid,
  attempts integer not null default 0,
  acknowledged_at timestamptz,
  constraint deliveries_pkey primary key (tenant_id, recipient_id, seq),
  constraint deliveries_message_key unique (tenant_id, message_id, recipient_id),
  constraint deliveries_message_fkey foreign key (tenant_id, message_id)
    references mayfly.messages (tenant_id, id) on delete cascade
)
with (fillfactor = 80);

-- Finds waiting messages of an inbox, however many were handled.
create index deliveries_waiting_idx on mayfly.deliveries (tenant_id, recipient_id, seq) where acknowledged_at is null;

-- Anyone can see the planner's estimates, and with statistics these would reveal what other tenants wrote. So columns
-- that tenants write have no statistics (tests/invariants/estimates.test.ts).
alter table mayfly.deliveries
  alter column sender_id set statistics 0,
  alter column session set statistics 0;

comment on table mayfly.deliveries is 'Messages in inboxes, each with its own acknowledgement.';
comment on column mayfly.deliveries.sender_id is 'The sender of the message, copied here for the policies.';
comment on column mayfly.deliveries.session is 'The reader that got it last.';
comment on column mayfly.deliveries.attempts is 'How many readers got the message. If this is above 1, the message may have been handled before.';
