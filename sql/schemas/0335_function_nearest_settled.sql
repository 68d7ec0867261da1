-- The settled vectors that are nearest to one, by the HNSW index, scanned on (iteratively) until enough of
-- this tenant and model are found: fewer, where that would take more than `steps` of the index. It holds
-- every large tenant, so most of what it meets may be others'. Called by mayfly_private.nearest.
--
-- With one step the first batch (ef_search) is all that is searched; what it met besides fills up the rest.
-- For the best 20 of 10,000 among 110,000 that took 0.75 to 0.85 of the time of 3,000 steps.

create function mayfly_private.nearest_settled(tenant uuid, model text, asked extensions.halfvec, reach integer, steps integer)
returns table (memory_id uuid, similarity double precision)
language plpgsql stable strict
set search_path = ''
-- Left alone, the planner never picked HNSW: it can do without a sort, and nothing else can.
set enable_sort = off
set jit = off
rows 100
as $$
#variable_conflict use_column
declare
  -- pgvector is loaded by now: asked is a halfvec.
  iterative_scan constant text := current_setting('hnsw.iterative_scan');
  ef_search constant text := current_setting('hnsw.ef_search');
  max_scan_tuples constant text := current_setting('hnsw.max_scan_tuples');
begin
  -- 200: on data that nothing was tuned on, 100 found 0.91 of the best ten, and 200 found 0.994.
  -- Not by set clauses: a session that has not loaded pgvector yet is refused these.
  perform set_config('hnsw.iterative_scan', 'relaxed_order', true),
    set_config('hnsw.ef_search', least(greatest(reach, 200), 1000)::text, true),
    set_config('hnsw.max_scan_tuples', steps::text, true);

  return query
  select v.memory_id, 1 - (v.embedding operator(extensions.<=>) asked)
  from mayfly.memory_vectors v
  where v.settled and v.tenant_id = tenant and v.model = nearest_settled.model
  order by v.embedding operator(extensions.<=>) asked
  limit reach;

  perform set_config('hnsw.iterative_scan', iterative_scan, true), set_config('hnsw.ef_search', ef_search, true),
    set_config('hnsw.max_scan_tuples', max_scan_tuples, true);
end
$$;

comment on function mayfly_private.nearest_settled(uuid, text, extensions.halfvec, integer, integer) is 'The settled vectors that are nearest to one.';
revoke execute on function mayfly_private.nearest_settled(uuid, text, extensions.halfvec, integer, integer) from public;
