-- The vectors of a tenant and a model that are nearest to a vector, by cosine distance, with their similarity
-- (at most 1). The caller adds visibility and filters. Returns nothing for a null vector. Called by
-- mayfly_private.recall. Locks nothing.
--
-- The vectors of a small tenant are compared exactly, with a B-tree. A large tenant also has settled vectors. For such
-- a tenant, the result is the best of both its fresh tail, which is compared exactly, and the HNSW index. The index
-- contains the vectors of all large tenants. So of the vectors that a search of the index meets, on average one in
-- (whole / body) belongs to this tenant. The index is used as long as this costs less than reading all settled vectors
-- of the tenant (the body).

create function mayfly_private.nearest(tenant uuid, model text, asked extensions.halfvec, reach integer)
returns table (memory_id uuid, similarity double precision)
language plpgsql stable strict
set search_path = ''
-- By itself, the planner never chose HNSW. With these settings, each statement has only one possible plan, whatever the
-- statistics and the tenant are. The plan is made once per session.
set enable_seqscan = off
set enable_sort = off
set plan_cache_mode = force_generic_plan
set jit = off
rows 20
as $$
#variable_conflict use_column
declare
  -- This comparison loads pgvector, because a session has its settings only after it has used pgvector.
  is_loaded constant boolean := asked operator(extensions.<=>) asked is not null;
  iterative_scan constant text := current_setting('hnsw.iterative_scan');
  ef_search constant text := current_setting('hnsw.ef_search');
  max_scan_tuples constant text := current_setting('hnsw.max_scan_tuples');
  body bigint;
  whole bigint;
  ef integer;
  -- The number of vectors, of all tenants, among which the best are expected.
  spread double precision;
  steps integer;
  setting text;
  ids uuid[];
  distances double precision[];
  of_index bigint;
begin
  select s.vectors, s.ef_search, (select sum(w.vectors) from mayfly_private.settlements w) into body, ef, whole
  from mayfly_private.settlements s
  where s.tenant_id = tenant and s.model = nearest.model;
  spread := reach::double precision * whole / body;

  -- A step costs about as much as reading 12 vectors. With 20 in the condition, HNSW is used for 10,000 vectors among
  -- 110,000 (which takes a quarter of the time of reading them), but not if many more results are needed.
  if body > 20.0 * greatest(ef, spread) then
    ef := least(greatest(ef, reach), 1000);
    -- 0 steps if the first batch (ef) is expected to contain twice as many vectors as needed. 1 step if the batch
    -- should contain at least half of the needed vectors, such as ten of the best twenty. Other vectors that the search
    -- has met then make up the rest. For 10,000 vectors among 110,000, this takes a fifth less time than 3,000 steps.
    -- If a try does not find enough, the next one searches further.
    foreach steps in array case when spread * 2 <= ef then '{0,20000}'::integer[] when spread <= 2 * ef then '{1,20000}' else '{20000}' end loop
      -- These settings are not set clauses, because such clauses fail in a session that has not loaded pgvector yet,
      -- such as one that restores a dump. The results are assigned, because each perform would be another statement.
      setting := set_config('hnsw.iterative_scan', case steps when 0 then 'off' else 'relaxed_order' end, true);
      setting := set_config('hnsw.ef_search', ef::text, true);
      setting := set_config('hnsw.max_scan_tuples', greatest(steps, 1)::text, true);
      select array_agg(best.memory_id), array_agg(best.distance), count(*) filter (where best.settled)
      into ids, distances, of_index
      from (
        select * from (
          (select v.memory_id, v.embedding operator(extensions.<=>) asked as distance, v.settled
          from mayfly.memory_vectors v
          where v.settled and v.tenant_id = tenant and v.model = nearest.model
          order by v.embedding operator(extensions.<=>) asked
          limit reach)
          union all
          (select v.memory_id, v.embedding operator(extensions.<=>) asked, v.settled
          from mayfly.memory_vectors v
          where not v.settled and case when not v.settled then v.tenant_id end = tenant and v.model = nearest.model
          order by v.embedding operator(extensions.<=>) asked
          limit reach)
        ) either
        order by either.distance, either.memory_id
      ) best;
      exit when of_index = reach;
    end loop;
    setting := set_config('hnsw.iterative_scan', iterative_scan, true);
    setting := set_config('hnsw.ef_search', ef_search, true);
    setting := set_config('hnsw.max_scan_tuples', max_scan_tuples, true);
    if of_index = reach then
      return query select best.id, 1 - best.distance from unnest(ids, distances) best (id, distance) limit reach;
      return;
    end if;
  end if;

  return query
  select best.memory_id, 1 - best.distance
  from (
    -- Computes each distance once. In the outer select list, it would be computed again.
    select v.memory_id, v.embedding operator(extensions.<=>) asked as distance
    from mayfly.memory_vectors v
    where v.tenant_id = tenant and v.model = nearest.model
    order by distance
    limit reach
  ) best;
end
$$;

comment on function mayfly_private.nearest is 'The vectors that are nearest to a vector.';
