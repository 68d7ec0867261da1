-- Creates, in one statement, all entities that references mention and that do not exist yet. When each entity was
-- inserted, checked and charged separately, recording 100 facts took ten times as long. Entities for references with a
-- type are created first, so that a reference to the same name without a type finds them. `refs` are distinct { owner,
-- ref }. Called by mayfly_private.record_facts, as owner, after hold_facts.

create function mayfly_private.make_entities(tenant uuid, caller_id uuid, seen uuid[], refs jsonb[])
returns void
language plpgsql
set search_path = ''
as $$
declare
  typed boolean;
begin
  foreach typed in array '{true,false}'::boolean[] loop
    with missing as (
      select distinct on (m.owner, m.key, m.type) gen_random_uuid() as id, m.owner, m.key, m.type, m.name
      from (
        select (r ->> 'owner')::uuid as owner, btrim(n.name) as name, mayfly_private.entity_key(n.name) as key,
          coalesce(mayfly_private.fact_word(r -> 'ref' ->> 'type'), 'thing') as type
        from unnest(refs) r
        cross join lateral (select case jsonb_typeof(r -> 'ref') when 'string' then r ->> 'ref' else r -> 'ref' ->> 'name' end as name) n
        where n.name is not null and typed = coalesce(jsonb_typeof(r -> 'ref') = 'object' and r -> 'ref' ? 'type', false)
          and (mayfly_private.find_entity(tenant, (r ->> 'owner')::uuid, seen, r -> 'ref')).id is null
          -- If the caller has a private entity with this name, no new entity is created. own_entity then makes that
          -- entity visible to the tenant.
          and (caller_id is null or r ->> 'owner' is not null or (mayfly_private.find_entity(tenant, caller_id, seen, r -> 'ref')).id is null)) m
      order by m.owner, m.key, m.type
    ), made as (
      insert into mayfly.entities (tenant_id, id, private_to, type, name, agent_id, created_at, updated_at)
      select tenant, m.id, m.owner, m.type, m.name, caller_id, mayfly_private.now(), mayfly_private.now() from missing m
    )
    insert into mayfly.entity_names (tenant_id, entity_id, key, private_to, type, name)
    select tenant, m.id, m.key, m.owner, m.type, m.name from missing m;
  end loop;
end
$$;

comment on function mayfly_private.make_entities is 'Creates the entities in references that do not exist yet.';
