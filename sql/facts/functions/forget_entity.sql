-- Deletes an entity and its facts. Locks what hold_facts locks, and the rows that it deletes.

create function mayfly_private.forget_entity(id uuid, max_rows integer)
returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  tenant constant uuid := mayfly_private.require_tenant('fact:admin');
  entities uuid[];
  forgotten integer;
begin
  if max_rows is null or max_rows not between 1 and 10000 then
    perform mayfly_private.refuse_fact('max_rows', '1 to 10000');
  end if;
  perform mayfly_private.hold_facts(tenant);
  perform from mayfly.entities e where e.tenant_id = tenant and e.id = forget_entity.id;
  if not found then
    perform mayfly_private.fail(404, 'entity_unknown', 'There is no such entity.', null, '{"field": "id"}');
  end if;
  with gone as (
    delete from mayfly.facts f
    where f.tenant_id = tenant and f.id in (
      select s.id from mayfly.facts s where s.tenant_id = tenant and s.subject_id = forget_entity.id
      union select o.id from mayfly.facts o where o.tenant_id = tenant and o.object_id = forget_entity.id
      limit max_rows)
    returning f.subject_id, f.object_id
  )
  select count(*), array_remove(array_agg(g.subject_id) || array_agg(g.object_id), forget_entity.id) into forgotten, entities from gone g;
  perform mayfly_private.drop_unused_entities(tenant, entities);
  if forgotten < max_rows then
    delete from mayfly.entities e where e.tenant_id = tenant and e.id = forget_entity.id;
  end if;
  perform mayfly_private.charge(tenant, 0, 0, forgotten);
  return jsonb_build_object('forgotten', forgotten, 'more', forgotten = max_rows);
end
$$;

comment on function mayfly_private.forget_entity is 'Deletes an entity and all facts about it.';
grant execute on function mayfly_private.forget_entity to authenticated, service_role;

-- Deletes an entity for good, with its names and every fact that mentions it, including private ones. It
-- deletes at most max_rows facts a call, so call it again while `more` is true. Scope fact:admin.

create function mayfly.forget_entity(id uuid, max_rows integer default 5000)
returns jsonb
language sql
set search_path = ''
return mayfly_private.forget_entity(id, max_rows);

comment on function mayfly.forget_entity is 'Deletes an entity and all facts about it. Returns { forgotten, more }. While more is true, call it again.';
grant execute on function mayfly.forget_entity to authenticated, service_role;
