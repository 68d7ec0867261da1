-- Merges two entities. Locks what hold_facts locks, and both entities and their facts.
--
-- If both entities have an open fact in the same slot, the fact that starts later stays open, and the other fact ends
-- at that start. If both facts say the same, the fact of `into_id` stays open, from the earlier of the two starts.

create function mayfly_private.merge_entities(id uuid, into_id uuid)
returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  tenant constant uuid := mayfly_private.require_tenant('fact:write');
  seen constant uuid[] := case when not tenant = any (mayfly_private.tenant_ids('fact:admin')) then mayfly_private.own_agent_ids() end;
  source mayfly.entities;
  target mayfly.entities;
  moving mayfly.facts;
  other mayfly.facts;
  moved integer := 0;
begin
  if id is null or id = into_id then
    perform mayfly_private.refuse_fact('id', 'a different entity from into_id');
  end if;
  perform mayfly_private.hold_facts(tenant);
  source := mayfly_private.find_entity(tenant, null, seen, jsonb_build_object('id', id));
  target := mayfly_private.find_entity(tenant, null, seen, jsonb_build_object('id', into_id));
  if target.private_to is not null and target.private_to is distinct from source.private_to then
    perform mayfly_private.refuse_fact('into_id', 'an entity that everybody who can see the other one can see too');
  end if;
  for moving in
    select * from mayfly.facts f
    where f.tenant_id = tenant and (f.subject_id = source.id or f.object_id = source.id)
    order by f.valid_from, f.recorded_at, f.id
  loop
    moved := moved + 1;
    moving.subject_id := case when moving.subject_id = source.id then target.id else moving.subject_id end;
    moving.object_id := case when moving.object_id = source.id then target.id else moving.object_id end;
    if moving.slot <> '' and moving.object_id is not null then
      moving.slot := sha256(convert_to(moving.object_id::text, 'UTF8'));
    end if;
    if moving.valid_to is null then
      select * into other from mayfly.facts f
      where f.tenant_id = tenant and f.id <> moving.id and f.subject_id = moving.subject_id and f.predicate = moving.predicate and f.slot = moving.slot
        and f.private_to is not distinct from moving.private_to and f.valid_to is null;
      if found and (other.object_id, other.value) is not distinct from (moving.object_id, moving.value) then
        moving.valid_to := moving.valid_from;
        moving.superseded_by := other.id;
        update mayfly.facts f set valid_from = least(f.valid_from, moving.valid_from), confirmations = f.confirmations + moving.confirmations + 1
        where f.tenant_id = tenant and f.id = other.id;
      elsif found and other.valid_from > moving.valid_from then
        moving.valid_to := other.valid_from;
        moving.superseded_by := other.id;
      elsif found then
        update mayfly.facts f set valid_to = moving.valid_from, superseded_by = moving.id where f.tenant_id = tenant and f.id = other.id;
      end if;
    end if;
    update mayfly.facts f
    set subject_id = moving.subject_id, object_id = moving.object_id, slot = moving.slot, valid_to = moving.valid_to, superseded_by = moving.superseded_by
    where f.tenant_id = tenant and f.id = moving.id;
  end loop;
  delete from mayfly.entity_names n
  where n.tenant_id = tenant and n.entity_id = source.id and exists (
    select from mayfly.entity_names t where t.tenant_id = tenant and t.entity_id = target.id and t.key = n.key);
  begin
    update mayfly.entity_names n set entity_id = target.id, type = target.type, private_to = target.private_to
    where n.tenant_id = tenant and n.entity_id = source.id;
  exception when unique_violation then
    perform mayfly_private.fail(409, 'entity_exists', 'An alias belongs to a third entity.', 'Nothing was written. Merge that one first.', '{"field": "id"}');
  end;
  update mayfly.entities e set is_set = e.is_set or source.is_set, description = coalesce(nullif(e.description, ''), source.description), updated_at = mayfly_private.now()
  where e.tenant_id = tenant and e.id = target.id
  returning * into target;
  delete from mayfly.entities e where e.tenant_id = tenant and e.id = source.id;
  perform mayfly_private.charge(tenant, 0, 0, moved + 1);
  return mayfly_private.show_entity(target);
end
$$;

comment on function mayfly_private.merge_entities is 'Merges two entities.';
grant execute on function mayfly_private.merge_entities to authenticated, service_role;

-- Merges the entity `id` into the entity `into_id`. The names of `id` become aliases of `into_id`, its facts move
-- there, and `id` is deleted. Scope fact:write.

create function mayfly.merge_entities(id uuid, into_id uuid)
returns jsonb
language sql
set search_path = ''
return mayfly_private.merge_entities(id, into_id);

comment on function mayfly.merge_entities is 'Merges two entities: the names and facts of the first move to the second, which is returned.';
grant execute on function mayfly.merge_entities to authenticated, service_role;
