-- An entity in the form that callers get, with its other names.

create function mayfly_private.show_entity(entity mayfly.entities)
returns jsonb
language sql stable
set search_path = ''
return case when entity.id is not null then jsonb_build_object(
  'id', entity.id, 'type', entity.type, 'name', entity.name, 'description', entity.description, 'private_to', entity.private_to,
  'aliases', (select coalesce(jsonb_agg(n.name order by n.key), '[]') from mayfly.entity_names n
    where n.tenant_id = entity.tenant_id and n.entity_id = entity.id and n.key <> mayfly_private.entity_key(entity.name)),
  'created_at', entity.created_at, 'updated_at', entity.updated_at) end;

comment on function mayfly_private.show_entity is 'An entity in the form that callers get.';
grant execute on function mayfly_private.show_entity to authenticated, service_role;
