-- The surroundings of entities, within one to three hops: the facts that were valid at an instant, and the entities to
-- which these facts lead. The search goes hop by hop and visits no entity twice, so cycles end. It follows at most
-- `fan_out` facts of each entity, the most certain ones first and then the newest, and at most `result_limit` facts in
-- all. `truncated` says whether there is more. Scope fact:read. Runs as the caller. Locks nothing.
--
--   { entities: [{ id, type, name, …, hops, via }], facts: [{ …, hop }], truncated }
--   via: the fact that first led to the entity

create function mayfly.traverse_facts(
  start jsonb, hops integer default 1, predicates text[] default null, direction text default 'both', as_of timestamptz default null,
  fan_out integer default 50, result_limit integer default 300
)
returns jsonb
language plpgsql stable
set search_path = ''
as $$
declare
  tenant constant uuid := mayfly_private.require_tenant('fact:read');
  instant constant timestamptz := mayfly_private.now();
  at constant timestamptz := coalesce(as_of, instant);
  wanted constant text[] := case when predicates is not null then array(select mayfly_private.fact_word(p) from unnest(predicates) p) end;
  hop integer := 0;
  frontier uuid[] := '{}';
  visited uuid[];
  via uuid[];
  distances integer[];
  found_ids uuid[] := '{}';
  found_hops integer[] := '{}';
  truncated boolean := false;
  step record;
  one jsonb;
begin
  if hops is null or hops not between 1 and 3 then
    perform mayfly_private.refuse_fact('hops', '1 to 3');
  elsif coalesce(direction not in ('out', 'in', 'both'), true) then
    perform mayfly_private.refuse_fact('direction', 'out, in or both');
  elsif fan_out is null or fan_out not between 1 and 200 then
    perform mayfly_private.refuse_fact('fan_out', '1 to 200');
  elsif result_limit is null or result_limit not between 1 and 1000 then
    perform mayfly_private.refuse_fact('result_limit', '1 to 1000');
  elsif cardinality(predicates) not between 1 and 50 then
    perform mayfly_private.refuse_fact('predicates', 'a list of 1 to 50 texts');
  elsif jsonb_typeof(start) = 'array' and jsonb_array_length(start) not between 1 and 50 then
    perform mayfly_private.refuse_fact('start', 'at most 50 entities');
  end if;
  for one in select * from jsonb_array_elements(case jsonb_typeof(start) when 'array' then start else jsonb_build_array(start) end) loop
    frontier := frontier || mayfly_private.entities_named(tenant, one, 'start');
  end loop;
  frontier := array(select distinct f from unnest(frontier) f order by 1);
  visited := frontier;
  via := array_fill(null::uuid, array[cardinality(visited)]);
  distances := array_fill(0, array[cardinality(visited)]);

  while hop < hops and frontier <> '{}' and cardinality(found_ids) < result_limit loop
    hop := hop + 1;
    with edges as (
      select e.place, r.*
      from unnest(frontier) with ordinality as e (id, place)
      cross join lateral (
        select s.*, row_number() over (order by s.confidence desc nulls last, s.recorded_at desc, s.id) as n
        from (
          select f.id, f.object_id as other, f.confidence, f.recorded_at
          from mayfly.facts f
          where direction <> 'in' and f.tenant_id = tenant and f.subject_id = e.id
            and (wanted is null or f.predicate = any (wanted))
            and f.valid_from <= at and (f.valid_to is null or f.valid_to > at) and (f.expires_at is null or f.expires_at > instant)
          union all
          select f.id, f.subject_id, f.confidence, f.recorded_at
          from mayfly.facts f
          where direction <> 'out' and f.tenant_id = tenant and f.object_id = e.id
            and (wanted is null or f.predicate = any (wanted))
            and f.valid_from <= at and (f.valid_to is null or f.valid_to > at) and (f.expires_at is null or f.expires_at > instant)
        ) s
        order by n limit fan_out + 1
      ) r
    ), fresh as (
      -- A fact between two entities of the frontier is included only once.
      select distinct on (d.id) d.id, d.other, d.n, d.place from edges d
      where d.n <= fan_out and d.id <> all (found_ids)
      order by d.id, d.place
    ), taken as (
      select f.*, row_number() over (order by f.n, f.place, f.id) as rank from fresh f
    ), reached as (
      select distinct on (t.other) t.other, t.id, t.rank from taken t
      where t.rank <= result_limit - cardinality(found_ids) and t.other is not null and t.other <> all (visited)
      order by t.other, t.rank
    )
    select (select array_agg(t.id order by t.rank) from taken t where t.rank <= result_limit - cardinality(found_ids)) as ids,
      (select coalesce(array_agg(r.other order by r.rank), '{}') from reached r) as others,
      (select coalesce(array_agg(r.id order by r.rank), '{}') from reached r) as leads,
      exists (select from edges d where d.n > fan_out) or (select count(*) from taken) > result_limit - cardinality(found_ids) as cut
    into step;
    truncated := truncated or step.cut;
    exit when step.ids is null;
    found_ids := found_ids || step.ids;
    found_hops := found_hops || array_fill(hop, array[cardinality(step.ids)]);
    frontier := step.others;
    visited := visited || step.others;
    via := via || step.leads;
    distances := distances || array_fill(hop, array[cardinality(step.others)]);
  end loop;

  return jsonb_build_object(
    'entities', (
      select coalesce(jsonb_agg(mayfly_private.show_entity(e) || jsonb_build_object('hops', v.hops, 'via', v.via) order by v.n), '[]')
      from unnest(visited, via, distances) with ordinality as v (id, via, hops, n)
      join mayfly.entities e on e.tenant_id = tenant and e.id = v.id),
    'facts', (
      select coalesce(jsonb_agg(mayfly_private.show_fact(f) || jsonb_build_object('hop', i.hop) order by i.n), '[]')
      from unnest(found_ids, found_hops) with ordinality as i (id, hop, n)
      join mayfly.facts f on f.tenant_id = tenant and f.id = i.id),
    'truncated', truncated or (hop < hops and frontier <> '{}'));
end
$$;

comment on function mayfly.traverse_facts is
  'Follows facts from entities over one to three hops: { entities, facts, truncated }. The result is limited, and no entity appears twice.';
grant execute on function mayfly.traverse_facts to authenticated, service_role;
