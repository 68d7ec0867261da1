-- The things that facts are about, such as people, services and places. Only the functions of this room write
-- them.

create table mayfly.entities (
  tenant_id uuid not null,
  id uuid not null default gen_random_uuid(),
  private_to uuid,
  type text collate "C" not null default 'thing' constraint entities_type_length check (char_length(type) between 1 and 100),
  name text not null constraint entities_name_length check (char_length(name) between 1 and 200),
  description text not null default '' constraint entities_description_length check (char_length(description) <= 2000),
  agent_id uuid,
  is_set boolean not null default false,
  created_at timestamptz not null default clock_timestamp(),
  updated_at timestamptz not null default clock_timestamp(),
  constraint entities_pkey primary key (tenant_id, id),
  constraint entities_tenant_fkey foreign key (tenant_id) references mayfly.tenants (id) on delete cascade
);

-- Anyone can see the planner's estimates, and with statistics these would reveal what other tenants wrote. So columns
-- that tenants write have no statistics (tests/invariants/estimates.test.ts).
alter table mayfly.entities
  alter column private_to set statistics 0,
  alter column type set statistics 0,
  alter column name set statistics 0,
  alter column description set statistics 0,
  alter column agent_id set statistics 0;

comment on table mayfly.entities is 'Entities: the things that facts are about.';
comment on column mayfly.entities.private_to is 'The agent to which it belongs. Null for the whole tenant.';
comment on column mayfly.entities.type is '''thing'' until somebody sets its type.';
comment on column mayfly.entities.agent_id is 'The agent that named it first. Null for a person or the secret key.';
comment on column mayfly.entities.is_set is 'Whether set_entity was called for it. If so, it stays when no fact mentions it any more.';
