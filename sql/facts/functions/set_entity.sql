-- Creates or changes an entity. Locks what hold_facts locks, and the entity.

create function mayfly_private.set_entity(entity jsonb, name text, type text, description text, aliases text[], visibility text)
returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  tenant constant uuid := mayfly_private.require_tenant('fact:write');
  caller constant mayfly_private.caller := mayfly_private.caller();
  caller_id constant uuid := case caller.kind when 'agent' then caller.id end;
  seen constant uuid[] := case when not tenant = any (mayfly_private.tenant_ids('fact:admin')) then mayfly_private.own_agent_ids() end;
  ref constant jsonb := coalesce(entity, jsonb_strip_nulls(jsonb_build_object('name', name, 'type', type)));
  of_type constant text := mayfly_private.fact_word(type);
  owner constant uuid := case visibility when 'agent' then caller_id end;
  given mayfly.entities;
begin
  if not coalesce(mayfly_private.is_entity_ref(ref), false) then
    perform mayfly_private.refuse_fact(case when entity is null then 'name' else 'entity' end, 'the name of an entity, or in entity { name, type } or { id }');
  elsif name is not null and (char_length(name) > 200 or mayfly_private.entity_key(name) is null) then
    perform mayfly_private.refuse_fact('name', 'a text of 1 to 200 characters');
  elsif type is not null and coalesce(char_length(of_type), 0) not between 1 and 100 then
    perform mayfly_private.refuse_fact('type', 'a text of 1 to 100 characters');
  elsif char_length(description) > 2000 then
    perform mayfly_private.refuse_fact('description', 'a text of at most 2000 characters');
  elsif cardinality(aliases) > 50 or exists (select from unnest(aliases) a
      where a is null or char_length(a) > 200 or mayfly_private.entity_key(a) is null) then
    perform mayfly_private.refuse_fact('aliases', 'at most 50 texts of 1 to 200 characters');
  elsif coalesce(visibility, 'tenant') not in ('tenant', 'agent') then
    perform mayfly_private.refuse_fact('visibility', 'tenant or agent');
  elsif visibility = 'agent' and caller_id is null then
    perform mayfly_private.refuse_fact('visibility', 'tenant, because only an agent can have private entities');
  end if;
  perform mayfly_private.hold_facts(tenant);
  given := mayfly_private.own_entity(tenant, coalesce(owner, case when ref ? 'id' and visibility is null then
    (select e.private_to from mayfly.entities e where e.tenant_id = tenant and e.id = (ref ->> 'id')::uuid) end), caller_id, seen, ref);
  if visibility = 'agent' and given.private_to is null then
    perform mayfly_private.fail(409, 'entity_exists', 'The tenant already has an entity with this name.',
      'Nothing was written. Leave visibility out to change it for everyone, or record private facts about it.', jsonb_build_object('field', 'visibility', 'id', given.id));
  end if;
  begin
    update mayfly.entities e
    set name = coalesce(btrim(set_entity.name), e.name), type = coalesce(of_type, e.type), description = coalesce(set_entity.description, e.description),
      is_set = true, updated_at = mayfly_private.now()
    where e.tenant_id = tenant and e.id = given.id
    returning * into given;
    if of_type is not null then
      update mayfly.entity_names n set type = of_type where n.tenant_id = tenant and n.entity_id = given.id and n.type <> of_type;
    end if;
    if aliases is not null then
      delete from mayfly.entity_names n where n.tenant_id = tenant and n.entity_id = given.id;
    end if;
    insert into mayfly.entity_names (tenant_id, entity_id, key, private_to, type, name)
    select distinct on (mayfly_private.entity_key(a.name)) tenant, given.id, mayfly_private.entity_key(a.name), given.private_to, given.type, btrim(a.name)
    from (select given.name, 0 as n union all select a, 1 from unnest(aliases) a) a
    order by mayfly_private.entity_key(a.name), a.n
    on conflict on constraint entity_names_pkey do update set name = excluded.name;
  exception when unique_violation then
    perform mayfly_private.fail(409, 'entity_exists', 'The name or an alias belongs to another entity.',
      'Nothing was written. Merge the two with merge_entities.', '{"field": "aliases"}');
  end;
  return mayfly_private.show_entity(given);
end
$$;

comment on function mayfly_private.set_entity is 'Names an entity.';
grant execute on function mayfly_private.set_entity to authenticated, service_role;

-- Creates an entity, or changes an existing one, which is found by its name and type, or by `entity` (a name, { name,
-- type } or { id }). With `entity`, you can also rename the entity. `aliases` replaces its aliases, and null keeps
-- them. After a renaming, the old name becomes an alias, unless `aliases` is given. Scope fact:write.

create function mayfly.set_entity(
  entity jsonb default null, name text default null, type text default null, description text default null,
  aliases text[] default null, visibility text default null
)
returns jsonb
language sql
set search_path = ''
return mayfly_private.set_entity(entity, name, type, description, aliases, visibility);

comment on function mayfly.set_entity is 'Creates an entity, or changes its name, type, description and aliases. Returns it.';
grant execute on function mayfly.set_entity to authenticated, service_role;
