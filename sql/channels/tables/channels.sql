-- Named channels. Publishers publish in them, and readers read all messages in one order.

create table mayfly.channels (
  tenant_id uuid not null,
  id uuid not null default gen_random_uuid(),
  name text not null constraint channels_name_form check (name ~ '^[a-z0-9][a-z0-9_.-]{0,62}$'),
  kind text not null constraint channels_kind_known check (kind in ('one_way', 'two_way', 'broadcast')),
  description text not null default '' constraint channels_description_length check (char_length(description) <= 2000),
  created_by uuid,
  publishers uuid[] not null default '{}'
    constraint channels_publishers_count check (cardinality(publishers) <= 1000),
  last_seq bigint not null default 0,
  created_at timestamptz not null default now(),
  constraint channels_pkey primary key (tenant_id, id),
  constraint channels_name_key unique (tenant_id, name),
  constraint channels_tenant_fkey foreign key (tenant_id) references mayfly.tenants (id) on delete cascade
)
-- Leaves room in each page, so that the sequence number can change in place.
with (fillfactor = 50);

-- Anyone can see the planner's estimates, and with statistics these would reveal what other tenants wrote. So columns
-- that tenants write have no statistics (tests/invariants/estimates.test.ts).
alter table mayfly.channels
  alter column name set statistics 0,
  alter column description set statistics 0,
  alter column created_by set statistics 0,
  alter column publishers set statistics 0;

comment on table mayfly.channels is 'Named channels and who publishes in them.';
comment on column mayfly.channels.kind is
  'one_way: its creator and publishers publish, and its subscribers read. two_way: its subscribers do both. broadcast: like one_way, but the whole tenant can read.';
comment on column mayfly.channels.created_by is 'The agent or person that made it; null for the secret key.';
comment on column mayfly.channels.last_seq is 'The number of its newest message. A publisher locks the row until it commits, so that there are no gaps.';
