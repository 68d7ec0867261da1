-- The entity that a reference means for an agent, or for the tenant if `owner` is null. Null if there is none. The
-- entity is found by its id, or by its name or an alias. A reference with a type finds only an entity of this type, or
-- one that has no type yet ('thing'). If a name without a type stands for entities of several types, the call fails
-- with entity_ambiguous. A private entity of the owner takes precedence over the tenant's.
--
-- Called by the functions that write, as owner, after hold_facts. `seen` has the agents whose private entities the
-- caller may see. If `seen` is null, these are all agents. Locks nothing.

create function mayfly_private.find_entity(tenant uuid, owner uuid, seen uuid[], ref jsonb)
returns mayfly.entities
language plpgsql stable
set search_path = ''
as $$
declare
  by_id constant uuid := ref ->> 'id';
  said constant text := case jsonb_typeof(ref) when 'string' then ref #>> '{}' else ref ->> 'name' end;
  of_type constant text := mayfly_private.fact_word(case when jsonb_typeof(ref) = 'object' then ref ->> 'type' end);
  entity mayfly.entities;
  types text[];
begin
  if by_id is not null then
    select * into entity from mayfly.entities e
    where e.tenant_id = tenant and e.id = by_id and (e.private_to is null or seen is null or e.private_to = any (seen));
    if not found then
      perform mayfly_private.fail(404, 'entity_unknown', 'There is no entity with this id, or the caller may not see it.', null,
        '{"field": "id"}');
    end if;
    return entity;
  end if;
  if of_type is null then
    types := array(
      select distinct n.type from mayfly.entity_names n
      where n.tenant_id = tenant and n.key = (select mayfly_private.entity_key(said)) and (n.private_to is null or n.private_to = owner)
      order by 1);
    if cardinality(types) > 1 then
      perform mayfly_private.fail(409, 'entity_ambiguous', format('The name %s stands for entities of several types.', said),
        'Pass the type as well, or the id.', jsonb_build_object('field', 'type', 'name', said, 'types', to_jsonb(types)));
    end if;
  end if;
  select e.* into entity
  from mayfly.entity_names n
  join mayfly.entities e on e.tenant_id = n.tenant_id and e.id = n.entity_id
  where n.tenant_id = tenant and n.key = (select mayfly_private.entity_key(said)) and (n.private_to is null or n.private_to = owner)
    and (of_type is null or n.type in (of_type, 'thing'))
  order by n.type = 'thing', n.private_to nulls last
  limit 1;
  return entity;
end
$$;

comment on function mayfly_private.find_entity is 'The entity for a reference, or null.';
