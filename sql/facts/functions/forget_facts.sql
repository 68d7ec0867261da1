-- Deletes facts. Locks what hold_facts locks, and the rows that it deletes.

create function mayfly_private.forget_facts(ids uuid[], memory uuid)
returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  tenant constant uuid := mayfly_private.require_tenant('fact:write');
  is_admin constant boolean := tenant = any (mayfly_private.tenant_ids('fact:admin'));
  is_agent constant boolean := (mayfly_private.caller()).kind = 'agent';
  seen constant uuid[] := mayfly_private.own_agent_ids();
  entities uuid[];
  forgotten integer;
begin
  if num_nonnulls(ids, memory) <> 1 or cardinality(ids) not between 1 and 500 then
    perform mayfly_private.refuse_fact('ids', '1 to 500 ids of facts, unless memory is set');
  end if;
  perform mayfly_private.hold_facts(tenant);
  if exists (select from unnest(ids) i where not exists (
      select from mayfly.facts f where f.tenant_id = tenant and f.id = i and (f.private_to is null or is_admin or f.private_to = any (seen))))
  then
    perform mayfly_private.fail(404, 'fact_unknown', 'There is no such fact, or the caller may not see it.', 'Nothing was forgotten.', '{"field": "ids"}');
  elsif is_agent and not is_admin and exists (
      select from mayfly.facts f where f.tenant_id = tenant and f.id = any (ids) and not coalesce(f.agent_id = any (seen), false)) then
    perform mayfly_private.fail(403, 'scope_missing', 'An agent may forget only facts that it or its descendants recorded.',
      'Nothing was forgotten. End the fact, or spawn the agent with fact:admin.', '{"scope": "fact:admin"}');
  end if;
  with gone as (
    delete from mayfly.facts f
    where f.tenant_id = tenant and (f.id = any (ids) or f.memory_id = memory)
      and (is_admin or f.private_to is null or f.private_to = any (seen))
      and (is_admin or not is_agent or f.agent_id = any (seen))
    returning f.subject_id, f.object_id
  )
  select count(*), array_agg(g.subject_id) || array_agg(g.object_id) into forgotten, entities from gone g;
  perform mayfly_private.drop_unused_entities(tenant, entities);
  perform mayfly_private.charge(tenant, 0, 0, forgotten);
  return jsonb_build_object('forgotten', forgotten);
end
$$;

comment on function mayfly_private.forget_facts is 'Deletes facts for good.';
grant execute on function mayfly_private.forget_facts to authenticated, service_role;

-- Deletes facts for good: those with these ids, or all that were extracted from a memory. Entities that no fact
-- mentions any more, and that nobody has set, are deleted too. With fact:write, an agent can delete facts that it or
-- its descendants recorded, and with fact:admin any fact. If a deleted fact had replaced an older fact, the older fact
-- stays ended.

create function mayfly.forget_facts(ids uuid[] default null, memory uuid default null)
returns jsonb
language sql
set search_path = ''
return mayfly_private.forget_facts(ids, memory);

comment on function mayfly.forget_facts is 'Deletes facts for good, by id or by the memory from which they were extracted. Returns { forgotten }.';
grant execute on function mayfly.forget_facts to authenticated, service_role;
