-- The people of a tenant.

create table mayfly.members (
  tenant_id uuid not null,
  user_id uuid not null,
  role text not null
    constraint members_role_known check (role in ('owner', 'admin', 'member', 'viewer')),
  created_at timestamptz not null default now(),
  constraint members_pkey primary key (tenant_id, user_id),
  constraint members_tenant_fkey foreign key (tenant_id) references mayfly.tenants (id) on delete cascade,
  constraint members_user_fkey foreign key (user_id) references auth.users (id) on delete cascade
);

create index members_user_id_idx on mayfly.members (user_id);

comment on table mayfly.members is 'The people of a tenant, with their roles: owner, admin, member or viewer.';
