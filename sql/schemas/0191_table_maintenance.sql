-- How far maintenance has come with each tenant: where its walk over the memories and the messages stands, and up to
-- which transaction events were deleted, in which epoch.

create table mayfly_private.maintenance (
  tenant_id uuid not null constraint maintenance_pkey primary key,
  walked_to uuid not null default '00000000-0000-0000-0000-000000000000',
  deleted_to xid8,
  epoch integer,
  messages_to timestamptz not null default '-infinity',
  messages_to_id uuid not null default '00000000-0000-0000-0000-000000000000',
  at timestamptz not null default now(),
  constraint maintenance_tenant_fkey foreign key (tenant_id) references mayfly.tenants (id) on delete cascade
);

comment on table mayfly_private.maintenance is 'How far maintenance has come with each tenant.';
comment on column mayfly_private.maintenance.deleted_to is 'The greatest xid of an event that was deleted: a cursor that has not seen it is too old.';

alter table mayfly_private.maintenance enable row level security;
