-- The vectors of a tenant and a model that are nearest to one, by cosine distance, and how alike they
-- are (1 at best). Visibility and filters are the caller's to add. Nothing for a vector that is null.
-- Called by mayfly_private.recall. Locks nothing.
--
-- A small tenant is read exactly, by B-tree. A large one has settled vectors: then the best of its fresh
-- tail, read exactly, and of the HNSW index. Among the vectors of others, HNSW meets one of this tenant's
-- every (whole / body) steps; it pays while that costs less than reading the body.

create function mayfly_private.nearest(tenant uuid, model text, asked extensions.halfvec, reach integer)
returns table (memory_id uuid, similarity double precision)
language plpgsql stable strict
set search_path = ''
-- Without statistics yet, or with old ones, the planner read all of the table.
set enable_seqscan = off
set jit = off
rows 100
as $$
#variable_conflict use_column
declare
  body bigint;
  whole bigint;
  ids uuid[];
  similarities double precision[];
  steps integer;
begin
  select sum(s.vectors) filter (where s.tenant_id = tenant and s.model = nearest.model), sum(s.vectors)
  into body, whole
  from mayfly_private.settlements s;

  -- A step costs as much as reading some 12 vectors; there are 200 at least (ef_search). At 20, HNSW is
  -- taken for 10,000 vectors among 110,000 (a quarter of the time of reading them), not for many more to find.
  if body > 20.0 * greatest(200, reach * whole / body) then
    -- One step where the first batch should hold half of them, and so the best ten of twenty. Further where it fell short.
    foreach steps in array case when reach * whole / body <= 2 * greatest(200, reach) then '{1,20000}'::integer[] else '{20000}' end loop
      select array_agg(n.memory_id), array_agg(n.similarity) into ids, similarities
      from mayfly_private.nearest_settled(tenant, nearest.model, asked, reach, steps) n;
      exit when cardinality(ids) = reach;
    end loop;
    if cardinality(ids) = reach then
      return query
      select * from (
        (select v.memory_id, 1 - (v.embedding operator(extensions.<=>) asked) as similarity
        from mayfly.memory_vectors v
        where not v.settled and case when not v.settled then v.tenant_id end = tenant and v.model = nearest.model
        order by v.embedding operator(extensions.<=>) asked
        limit reach)
        union all
        select * from unnest(ids, similarities)
      ) best
      order by best.similarity desc, best.memory_id
      limit reach;
      return;
    end if;
  end if;

  return query
  select v.memory_id, 1 - (v.embedding operator(extensions.<=>) asked)
  from mayfly.memory_vectors v
  where v.tenant_id = tenant and v.model = nearest.model
  order by v.embedding operator(extensions.<=>) asked
  limit reach;
end
$$;

comment on function mayfly_private.nearest(uuid, text, extensions.halfvec, integer) is 'The vectors that are nearest to one.';
revoke execute on function mayfly_private.nearest(uuid, text, extensions.halfvec, integer) from public;
