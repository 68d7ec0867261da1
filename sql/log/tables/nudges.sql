-- When a topic was last nudged. The first transaction of a window claims the row and broadcasts. Every other
-- transaction leaves a row in nudges_due. This table is separate from the listeners, so that renewing a lease never
-- waits for a writer's commit.

create table mayfly_private.nudges (
  tenant_id uuid not null,
  topic text not null,
  sent_at timestamptz not null default '-infinity',
  constraint nudges_pkey primary key (tenant_id, topic),
  constraint nudges_tenant_fkey foreign key (tenant_id) references mayfly.tenants (id) on delete cascade
)
with (fillfactor = 50);

comment on table mayfly_private.nudges is 'When a topic was nudged last.';

alter table mayfly_private.nudges enable row level security;
