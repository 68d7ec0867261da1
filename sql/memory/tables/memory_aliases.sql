-- Other ids of memories. If the tenant already has the content or the key of a put, the id of the put becomes an alias
-- of the existing memory. So a caller that kept this id can read, update and forget the memory.

create table mayfly.memory_aliases (
  tenant_id uuid not null,
  id uuid not null,
  memory_id uuid not null,
  constraint memory_aliases_pkey primary key (tenant_id, id),
  constraint memory_aliases_memory_fkey foreign key (tenant_id, memory_id)
    references mayfly.memories (tenant_id, id) on delete cascade
);

create index memory_aliases_memory_idx on mayfly.memory_aliases (tenant_id, memory_id);

-- Anyone can see the planner's estimates, and with statistics these would reveal what other tenants wrote. So columns
-- that tenants write have no statistics (tests/invariants/estimates.test.ts).
alter table mayfly.memory_aliases
  alter column id set statistics 0,
  alter column memory_id set statistics 0;

comment on table mayfly.memory_aliases is 'Other ids of memories: ids of puts that were not stored.';
comment on column mayfly.memory_aliases.id is 'The id under which it was put.';
comment on column mayfly.memory_aliases.memory_id is 'The memory that has the same content or key.';

