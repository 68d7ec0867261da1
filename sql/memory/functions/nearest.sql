-- The vectors of a tenant and a model that are nearest to one, by cosine distance, and how alike they
-- are (1 at best). Visibility and filters are the caller's to add. Nothing for a vector that is null.
-- Called by mayfly_private.recall. Locks nothing.
--
-- A small tenant is read exactly, by B-tree. A large one has settled vectors: then the best of its fresh
-- tail, read exactly, and of the HNSW index. That holds every large tenant, so among the vectors of
-- others it meets one of this tenant's every (whole / body) steps; it pays while that costs less than
-- reading the body.

create function mayfly_private.nearest(tenant uuid, model text, asked extensions.halfvec, reach integer)
returns table (memory_id uuid, similarity double precision)
language plpgsql stable strict
set search_path = ''
-- By itself, the planner never chose HNSW, because it can avoid a sort and other plans cannot. With these settings
-- each statement has one plan, whatever the statistics and the tenant, and it is made once a session.
set enable_seqscan = off
set enable_sort = off
set plan_cache_mode = force_generic_plan
set jit = off
rows 20
as $$
#variable_conflict use_column
declare
  -- Compared with itself, because a session has these settings only after it has used pgvector.
  is_loaded constant boolean := asked operator(extensions.<=>) asked is not null;
  iterative_scan constant text := current_setting('hnsw.iterative_scan');
  ef_search constant text := current_setting('hnsw.ef_search');
  max_scan_tuples constant text := current_setting('hnsw.max_scan_tuples');
  body bigint;
  whole bigint;
  ef integer;
  -- How many vectors, of all tenants, the best are expected among.
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

  -- A step costs as much as reading some 12 vectors. At 20, HNSW is taken for 10,000 vectors among
  -- 110,000 (a quarter of the time of reading them), not for many more to find.
  if body > 20.0 * greatest(ef, spread) then
    ef := least(greatest(ef, reach), 1000);
    -- 0, where the first batch (ef) should hold twice as many. 1, where it should hold half of them, and so
    -- the best ten of twenty: what it met besides fills up the rest (a fifth less time than 3,000 steps,
    -- for 10,000 among 110,000). Further where that fell short.
    foreach steps in array case when spread * 2 <= ef then '{0,20000}'::integer[] when spread <= 2 * ef then '{1,20000}' else '{20000}' end loop
      -- Not by set clauses: a session that has not loaded pgvector yet is refused these (as one that
      -- restores a dump). Assigned, since each perform is a statement to run.
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
    -- Computes each distance once. In the outer list it would be computed again.
    select v.memory_id, v.embedding operator(extensions.<=>) asked as distance
    from mayfly.memory_vectors v
    where v.tenant_id = tenant and v.model = nearest.model
    order by distance
    limit reach
  ) best;
end
$$;

comment on function mayfly_private.nearest is 'The vectors that are nearest to one.';
