-- Which pushed operations were applied, with their results. This makes a push idempotent. The table has no foreign key,
-- because a push locks its tenant once (mayfly_private.hold_tenant), not once for each operation. When a tenant is
-- deleted, its operations are deleted too (mayfly_private.forget_log).

create table mayfly_private.ops (
  tenant_id uuid not null,
  id uuid not null,
  result jsonb not null,
  at timestamptz not null default now(),
  constraint ops_pkey primary key (tenant_id, id)
);

-- Maintenance uses this index. Operations arrive in the order of their time, so a block range index costs a push
-- nothing.
create index ops_at_idx on mayfly_private.ops using brin (at);

comment on table mayfly_private.ops is 'Applied operations, by the id that the client chose.';

alter table mayfly_private.ops enable row level security;
