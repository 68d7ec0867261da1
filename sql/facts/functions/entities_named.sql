-- The entities that a reference can mean and that the caller may see, including the caller's private ones. A reference
-- with an id means the entity with this id. Any other reference means all entities with this name or alias and, if the
-- reference has a type, of this type (up to 50). Runs as the caller, under row-level security. Locks nothing.

create function mayfly_private.entities_named(tenant uuid, ref jsonb, field text)
returns uuid[]
language plpgsql stable
set search_path = ''
as $$
declare
  of_type text;
  found_ids uuid[];
begin
  if not coalesce(mayfly_private.is_entity_ref(ref), false) then
    perform mayfly_private.refuse_fact(field, 'the name of an entity, { name, type } or { id }');
  elsif ref ? 'id' and jsonb_typeof(ref) = 'object' then
    found_ids := array(select e.id from mayfly.entities e where e.tenant_id = tenant and e.id = (ref ->> 'id')::uuid);
  else
    of_type := mayfly_private.fact_word(case when jsonb_typeof(ref) = 'object' then ref ->> 'type' end);
    found_ids := array(
      select n.entity_id from mayfly.entity_names n
      where n.tenant_id = tenant
        and n.key = (select mayfly_private.entity_key(case jsonb_typeof(ref) when 'string' then ref #>> '{}' else ref ->> 'name' end))
        and (of_type is null or n.type = of_type)
      order by n.entity_id limit 50);
  end if;
  if found_ids = '{}' then
    perform mayfly_private.fail(404, 'entity_unknown', 'There is no such entity, or the caller may not see it.',
      'List entities with find_entities.', jsonb_build_object('field', field));
  end if;
  return found_ids;
end
$$;

comment on function mayfly_private.entities_named is 'The entities for a reference that the caller may see.';
grant execute on function mayfly_private.entities_named to authenticated, service_role;
