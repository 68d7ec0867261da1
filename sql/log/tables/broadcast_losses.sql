-- Tenants whose readers have noticed lost broadcasts. Readers report them to `listen`, and the commands doctor and
-- status show them. Realtime drops the database's broadcasts silently when the project is over its rate.

create table mayfly_private.broadcast_losses (
  tenant_id uuid not null constraint broadcast_losses_pkey primary key,
  noticed bigint not null default 0,
  at timestamptz not null,
  constraint broadcast_losses_tenant_fkey foreign key (tenant_id) references mayfly.tenants (id) on delete cascade
);

comment on table mayfly_private.broadcast_losses is 'Which tenants have noticed lost broadcasts.';

alter table mayfly_private.broadcast_losses enable row level security;
