-- The subscribers of a channel, and the last message that each has handled.

create table mayfly.channel_subscriptions (
  tenant_id uuid not null,
  channel_id uuid not null,
  subscriber_id uuid not null,
  acknowledged bigint not null default 0
    constraint channel_subscriptions_acknowledged_range check (acknowledged >= 0),
  subscribed_at timestamptz not null default now(),
  constraint channel_subscriptions_pkey primary key (tenant_id, channel_id, subscriber_id),
  constraint channel_subscriptions_channel_fkey foreign key (tenant_id, channel_id)
    references mayfly.channels (tenant_id, id) on delete cascade
)
with (fillfactor = 80);

create index channel_subscriptions_subscriber_idx on mayfly.channel_subscriptions (tenant_id, subscriber_id);

comment on table mayfly.channel_subscriptions is 'Who subscribed to a channel.';
comment on column mayfly.channel_subscriptions.acknowledged is 'The subscriber has handled every message up to this number.';
