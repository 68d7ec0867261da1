-- Returns the entity that a reference means, for a fact of this owner (an agent, or null for the tenant). Creates the
-- entity if there is none. An entity without a type gets the type of the reference. A private entity becomes visible to
-- the tenant when the tenant may see a fact about it. Called by functions that write, as owner, after hold_facts.

create function mayfly_private.own_entity(tenant uuid, owner uuid, caller_id uuid, seen uuid[], ref jsonb)
returns mayfly.entities
language plpgsql
set search_path = ''
as $$
declare
  said constant text := case jsonb_typeof(ref) when 'string' then ref #>> '{}' else ref ->> 'name' end;
  of_type constant text := mayfly_private.fact_word(case when jsonb_typeof(ref) = 'object' then ref ->> 'type' end);
  entity mayfly.entities := mayfly_private.find_entity(tenant, owner, seen, ref);
begin
  if entity.id is null and owner is null and caller_id is not null then
    -- The reference may mean a private entity of the caller, which then becomes visible to the tenant.
    entity := mayfly_private.find_entity(tenant, caller_id, seen, ref);
  end if;
  if entity.id is null then
    insert into mayfly.entities (tenant_id, private_to, type, name, agent_id, created_at, updated_at)
    values (tenant, owner, coalesce(of_type, 'thing'), btrim(said), caller_id, mayfly_private.now(), mayfly_private.now())
    returning * into entity;
    insert into mayfly.entity_names (tenant_id, entity_id, key, private_to, type, name)
    values (tenant, entity.id, mayfly_private.entity_key(said), owner, entity.type, btrim(said));
    return entity;
  end if;
  -- A private fact must not change the tenant's entity, not even its type.
  if (entity.type = 'thing' and of_type <> 'thing' and entity.private_to is not distinct from owner) or (owner is null and entity.private_to is not null) then
    begin
      update mayfly.entity_names n
      set type = coalesce(of_type, n.type), private_to = case when owner is not null then n.private_to end
      where n.tenant_id = tenant and n.entity_id = entity.id;
      update mayfly.entities e
      set type = coalesce(of_type, e.type), private_to = case when owner is not null then e.private_to end, updated_at = mayfly_private.now()
      where e.tenant_id = tenant and e.id = entity.id
      returning * into entity;
    exception when unique_violation then
      perform mayfly_private.fail(409, 'entity_exists', format('Another entity has the name %s or one of its aliases.', entity.name),
        'Merge the two with merge_entities.', jsonb_build_object('field', 'name', 'id', entity.id));
    end;
  end if;
  return entity;
end
$$;

comment on function mayfly_private.own_entity is 'The entity for a reference, created if there is none.';
