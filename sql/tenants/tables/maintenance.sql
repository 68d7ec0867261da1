-- The progress of maintenance for each tenant: how far it has walked through memories and messages, up to which
-- epoch and transaction events were deleted, and since when maintenance has failed. Each tenant has a row from its
-- creation on (mayfly_private.start_usage).

create table mayfly_private.maintenance (
  tenant_id uuid not null constraint maintenance_pkey primary key,
  walked_to uuid not null default '00000000-0000-0000-0000-000000000000',
  deleted_to xid8,
  epoch integer,
  messages_to timestamptz not null default '-infinity',
  messages_to_id uuid not null default '00000000-0000-0000-0000-000000000000',
  at timestamptz not null default '-infinity',
  failures integer not null default 0,
  failed_since timestamptz,
  error text constraint maintenance_error_length check (char_length(error) <= 300),
  constraint maintenance_tenant_fkey foreign key (tenant_id) references mayfly.tenants (id) on delete cascade
);

comment on table mayfly_private.maintenance is 'The progress of maintenance for each tenant.';
comment on column mayfly_private.maintenance.at is 'When it was last tried.';
comment on column mayfly_private.maintenance.failures is 'How often it has failed since it last succeeded. error has the newest error.';
comment on column mayfly_private.maintenance.deleted_to is 'The highest xid of a deleted event. A cursor that has not seen it is too old.';

alter table mayfly_private.maintenance enable row level security;
