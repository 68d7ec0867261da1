-- Which tenants' broadcasts a client receives over its own database connection, and until when. Written by
-- listen_by_postgres for the Postgres transport of the SDK, and read by notify.

create table mayfly_private.postgres_listeners (
  tenant_id uuid not null constraint postgres_listeners_pkey primary key,
  until timestamptz not null,
  constraint postgres_listeners_tenant_fkey foreign key (tenant_id) references mayfly.tenants (id) on delete cascade
)
with (fillfactor = 50);

comment on table mayfly_private.postgres_listeners is 'For which tenants a client receives broadcasts by LISTEN, and until when.';

alter table mayfly_private.postgres_listeners enable row level security;
