-- Records all facts or none. Locks what hold_facts locks, and the rows that it changes.

create function mayfly_private.record_facts(facts jsonb)
returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  tenant constant uuid := mayfly_private.require_tenant('fact:write');
  caller constant mayfly_private.caller := mayfly_private.caller();
  instant timestamptz;
  is_admin constant boolean := tenant = any (mayfly_private.tenant_ids('fact:admin'));
  caller_id constant uuid := case caller.kind when 'agent' then caller.id end;
  -- The agents whose private entities the caller may see. Null stands for all agents.
  seen constant uuid[] := case when not is_admin then mayfly_private.own_agent_ids() end;
  owners constant uuid[] := mayfly_private.owners_of_facts(tenant, caller_id, facts);
  refs jsonb[];
  ids jsonb := '{}';
  prepared mayfly.facts[] := '{}';
  rounds integer[];
  answers jsonb[];
  placed jsonb[];
  places integer[];
  one record;
begin
  perform mayfly_private.hold_facts(tenant);
  -- The time is read after the lock is taken, so that a later writer has a later time.
  instant := mayfly_private.now();
  refs := array(
    select distinct jsonb_build_object('owner', owners[g.n], 'ref', r)
    from jsonb_array_elements(facts) with ordinality as g (f, n), unnest(array[g.f -> 'subject', g.f -> 'object']) r
    where coalesce(jsonb_typeof(r), 'null') <> 'null');
  perform mayfly_private.make_entities(tenant, caller_id, seen, refs);
  for one in select r from unnest(refs) r order by r -> 'ref' loop
    ids := ids || jsonb_build_object(one.r::text, (mayfly_private.own_entity(tenant, (one.r ->> 'owner')::uuid, caller_id, seen, one.r -> 'ref')).id);
  end loop;

  select array_agg(f order by p.n), array_agg(p.round order by p.n) into prepared, rounds
  from (
    select e.n, row_number() over (partition by e.owner, e.subject_id, e.predicate, e.slot order by e.n) as round,
      row(tenant, gen_random_uuid(), e.owner, e.subject_id, e.predicate, e.object_id, e.value, e.slot,
        (e.f ->> 'confidence')::real, coalesce(e.f ->> 'source', ''), (e.f ->> 'memory_id')::uuid, caller_id,
        coalesce((e.f ->> 'valid_from')::timestamptz, instant), (e.f ->> 'valid_to')::timestamptz, instant, instant, 0, null,
        (e.f ->> 'expires_at')::timestamptz)::mayfly.facts as f
    from (
      select g.n, g.f, owners[g.n] as owner, i.subject_id, i.object_id, i.value, mayfly_private.fact_word(g.f ->> 'predicate') as predicate,
        case when (g.f ->> 'many')::boolean then sha256(convert_to(coalesce(i.object_id::text, i.value::text), 'UTF8')) else '' end as slot
      from jsonb_array_elements(facts) with ordinality as g (f, n)
      cross join lateral (
        select (ids ->> jsonb_build_object('owner', owners[g.n], 'ref', g.f -> 'subject')::text)::uuid as subject_id,
          (ids ->> jsonb_build_object('owner', owners[g.n], 'ref', g.f -> 'object')::text)::uuid as object_id,
          case when coalesce(jsonb_typeof(g.f -> 'object'), 'null') = 'null' then mayfly_private.canonical(g.f -> 'value') end as value) i) e) p;

  -- If two facts have the same slot, the second one sees the result of the first.
  answers := array_fill(null::jsonb, array[cardinality(prepared)]);
  for round in 1..(select max(r) from unnest(rounds) r) loop
    places := array(select n from generate_subscripts(prepared, 1) n where rounds[n] = round order by n);
    placed := mayfly_private.place_facts(array(select prepared[n] from unnest(places) n));
    for k in 1..cardinality(places) loop
      answers[places[k]] := placed[k];
    end loop;
  end loop;
  -- Recorded facts are charged when they are inserted. A confirmation counts as a write, too.
  perform mayfly_private.charge(tenant, 0, 0, (select count(*) from unnest(answers) a where a ->> 'status' = 'confirmed')::integer);
  return to_jsonb(answers);
end
$$;

comment on function mayfly_private.record_facts is 'Records facts.';
grant execute on function mayfly_private.record_facts to authenticated, service_role;

-- Records up to 500 facts, all or none, in their order (scope fact:write):
--
--   { subject, predicate, object | value, many?, confidence?, source?, memory_id?, visibility?, valid_from?, valid_to?, expires_at? }
--
-- `subject` and `object` are entities: a name, { name, type } or { id }. New entities are created. A newer fact with
-- the same subject and predicate ends the older fact, which is kept. With `many`, each object or value has a slot of
-- its own, so facts with other objects stay open. Recording the same fact again confirms it.

create function mayfly.record_facts(facts jsonb)
returns jsonb
language sql
set search_path = ''
return mayfly_private.record_facts(facts);

comment on function mayfly.record_facts is
  'Records facts, all or none. Returns { id, status: recorded, superseded or confirmed, superseded: [id], subject, object, valid_from, valid_to } for each.';
grant execute on function mayfly.record_facts to authenticated, service_role;
