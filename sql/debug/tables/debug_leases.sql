-- Who watches which agent's debug stream, at which level, and until when. A lease ends unless it is renewed, so
-- a watcher that disappears leaves no stream running. Written by lease_debug and release_debug.

create table mayfly_private.debug_leases (
  tenant_id uuid not null,
  id uuid not null,
  watcher_id uuid,
  agent_id uuid,
  level smallint not null constraint debug_leases_level_range check (level between 1 and 4),
  categories text[],
  expires_at timestamptz not null,
  constraint debug_leases_pkey primary key (tenant_id, id),
  constraint debug_leases_tenant_fkey foreign key (tenant_id) references mayfly.tenants (id) on delete cascade,
  constraint debug_leases_agent_fkey foreign key (tenant_id, agent_id)
    references mayfly.agents (tenant_id, id) on delete cascade
);

create index debug_leases_agent_idx on mayfly_private.debug_leases (tenant_id, agent_id);

comment on table mayfly_private.debug_leases is 'Who watches which agent''s debug stream, and until when.';
comment on column mayfly_private.debug_leases.id is 'Made by the watcher, one for each watch. Two watches of one person have two leases.';
comment on column mayfly_private.debug_leases.agent_id is 'Null for every agent of the tenant.';
comment on column mayfly_private.debug_leases.categories is 'Null for all categories.';

alter table mayfly_private.debug_leases enable row level security;
