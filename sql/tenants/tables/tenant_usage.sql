-- What each tenant has stored and written, in 16 shards. A push uses a shard that nobody holds, so concurrent pushes of
-- a tenant do not wait for each other's commit. The sum is exact for everything that has been committed. The fillfactor
-- keeps every update in its page (HOT), because the key is the only index.

create table mayfly_private.tenant_usage (
  tenant_id uuid not null,
  shard smallint not null constraint tenant_usage_shard_range check (shard between 0 and 15),
  memories bigint not null default 0,
  bytes bigint not null default 0,
  minute timestamptz not null default '-infinity',
  writes integer not null default 0,
  told_at timestamptz not null default '-infinity',
  told integer not null default 0,
  constraint tenant_usage_pkey primary key (tenant_id, shard),
  constraint tenant_usage_tenant_fkey foreign key (tenant_id) references mayfly.tenants (id) on delete cascade
)
with (fillfactor = 50);

comment on table mayfly_private.tenant_usage is 'What a tenant has stored, and written in the current minute. Add up its shards.';
comment on column mayfly_private.tenant_usage.told is 'How many broadcasts the tenant has sent in the second that told_at names.';

alter table mayfly_private.tenant_usage enable row level security;
