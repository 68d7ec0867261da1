-- Each message has one row, which never changes. Its recipients are in mayfly.deliveries.

create table mayfly.messages (
  tenant_id uuid not null,
  id uuid not null,
  type text not null constraint messages_type_form check (type ~ '^[a-z][a-z0-9_]{0,62}$'),
  sender_id uuid,
  sender_kind text not null
    constraint messages_sender_kind_known check (sender_kind in ('agent', 'person', 'service')),
  target jsonb not null,
  channel_id uuid,
  channel_seq bigint,
  conversation_id uuid,
  correlation_id text constraint messages_correlation_id_length check (char_length(correlation_id) between 1 and 200),
  reply_to uuid,
  priority text not null default 'normal'
    constraint messages_priority_known check (priority in ('low', 'normal', 'high', 'urgent')),
  reply_required boolean not null default false,
  deadline timestamptz,
  payload jsonb not null default '{}'
    constraint messages_payload_object check (jsonb_typeof(payload) = 'object'),
  attachments jsonb not null default '[]'
    constraint messages_attachments_list check (jsonb_typeof(attachments) = 'array'),
  sent_at timestamptz not null default clock_timestamp(),
  bytes integer not null generated always as (512 + octet_length(payload::text) + octet_length(attachments::text)
    + octet_length(target::text) + coalesce(octet_length(correlation_id), 0)) stored,
  trace text constraint messages_trace_length check (char_length(trace) <= 500),
  constraint messages_pkey primary key (tenant_id, id),
  constraint messages_tenant_fkey foreign key (tenant_id) references mayfly.tenants (id) on delete cascade,
  constraint messages_channel_fkey foreign key (tenant_id, channel_id)
    references mayfly.channels (tenant_id, id) on delete cascade,
  constraint messages_channel_seq_key unique (tenant_id, channel_id, channel_seq),
  constraint messages_channel_whole check ((channel_id is null) = (channel_seq is null))
);

-- Maintenance and lists of old messages use this index.
create index messages_sent_idx on mayfly.messages (tenant_id, sent_at, id);

-- Anyone can see the planner's estimates, and with statistics these would reveal what other tenants wrote. So columns
-- that tenants write have no statistics (tests/invariants/estimates.test.ts).
alter table mayfly.messages
  alter column type set statistics 0,
  alter column sender_id set statistics 0,
  alter column target set statistics 0,
  alter column conversation_id set statistics 0,
  alter column correlation_id set statistics 0,
  alter column reply_to set statistics 0,
  alter column payload set statistics 0,
  alter column attachments set statistics 0,
  alter column trace set statistics 0;

comment on table mayfly.messages is 'Messages between agents and people, and in channels.';
comment on column mayfly.messages.id is 'A UUIDv7 that the sender chose. Sending it again changes nothing.';
comment on column mayfly.messages.target is 'The address: {agent}, {all}, {type}, {role}, {capability} or {channel}.';
comment on column mayfly.messages.deadline is 'After this time the message is no longer delivered.';
comment on column mayfly.messages.bytes is 'How many bytes of the tenant''s max_bytes the message takes, without its deliveries (160 bytes each).';
comment on column mayfly.messages.trace is 'The trace context of the sender (W3C traceparent). It is included in the 512 bytes that every message is charged.';
comment on column mayfly.messages.attachments is 'References: [{ name, uri, mime_type?, bytes?, sha256? }].';
