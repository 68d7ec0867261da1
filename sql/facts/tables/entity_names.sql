-- The names and aliases of entities, with the key for looking them up (mayfly_private.entity_key). type and
-- private_to are copied from the entity, so that a constraint can prevent one name from standing for two
-- entities.

create table mayfly.entity_names (
  tenant_id uuid not null,
  entity_id uuid not null,
  key text collate "C" not null constraint entity_names_key_length check (char_length(key) between 1 and 400),
  private_to uuid,
  type text collate "C" not null,
  name text not null constraint entity_names_name_length check (char_length(name) between 1 and 200),
  constraint entity_names_pkey primary key (tenant_id, entity_id, key),
  constraint entity_names_entity_fkey foreign key (tenant_id, entity_id)
    references mayfly.entities (tenant_id, id) on delete cascade,
  constraint entity_names_key_key unique nulls not distinct (tenant_id, key, type, private_to)
);

-- Anyone can see the planner's estimates, and with statistics these would reveal what other tenants wrote. So columns
-- that tenants write have no statistics (tests/invariants/estimates.test.ts).
alter table mayfly.entity_names
  alter column key set statistics 0,
  alter column private_to set statistics 0,
  alter column type set statistics 0,
  alter column name set statistics 0;

comment on table mayfly.entity_names is 'The names and aliases of entities.';
comment on column mayfly.entity_names.key is 'The name in the form in which it is compared: NFKC, in lower case, with single spaces.';
