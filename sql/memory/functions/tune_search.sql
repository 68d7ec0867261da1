-- Measures how many candidates a search of the HNSW index must keep (ef_search) for a tenant and a model, stores it in
-- the tenant's settlement, and returns it. A single value for all tenants was either too slow or too small. The
-- questions are the newest vectors, because most of them are still in the fresh tail, and vectors that the index does
-- not have are harder to find. The function first searches with 1,000 candidates, the maximum. Then it searches with 60
-- candidates and more, until it finds 0.995 of what 1,000 candidates found. Comparing with all vectors instead took 100
-- ms a question among 100,000 vectors. (In a tenant of up to 20,000 vectors, recall compares the question with all of
-- them rather than search with 1,000 candidates.) mayfly_private.settle_vectors calls this function now and then as the
-- tenant grows. It takes a second or two.
--
-- Locks the settlement.

create function mayfly_private.tune_search(tenant uuid, model text, questions integer default 50)
returns integer
language plpgsql security definer
set search_path = ''
set enable_seqscan = off
set jit = off
as $$
#variable_conflict use_column
declare
  asked uuid[];
  -- Which vectors each question finds with the largest number of candidates.
  askers uuid[];
  best uuid[];
  found_again bigint;
  ef integer;
  wider integer;
begin
  select array_agg(q.memory_id) into asked
  from (
    select v.memory_id from mayfly.memory_vectors v
    where v.tenant_id = tenant and v.model = tune_search.model
    order by v.memory_id desc
    limit questions) q;

  foreach ef in array '{1000,60,80,100,130,170,220,300,400,550,750,1000}'::integer[] loop
    update mayfly_private.settlements s
    set ef_search = ef, tuned_to = s.vectors
    where s.tenant_id = tenant and s.model = tune_search.model;

    with found as (
      select q.memory_id as asker, n.memory_id
      from mayfly.memory_vectors q
      cross join lateral (
        select n.memory_id from mayfly_private.nearest(tenant, q.model, q.embedding, 20) n
        where n.memory_id <> q.memory_id
        order by n.similarity desc
        limit 10) n
      where q.tenant_id = tenant and q.model = tune_search.model and q.memory_id = any (asked)
    )
    select count(*) filter (where (f.asker, f.memory_id) in (select * from unnest(askers, best))),
      coalesce(askers, array_agg(f.asker)), coalesce(best, array_agg(f.memory_id))
    into found_again, askers, best
    from found f;
    exit when found_again >= 0.995 * cardinality(best);
  end loop;

  -- Even 1,000 candidates do not find everything. With loosely spread vectors, 100 candidates found 0.995 of what 1,000
  -- found, but only 0.989 of the real best ten. So the value is increased by half. Whatever the value, the index finds
  -- at most 0.992 of the real best ten.
  update mayfly_private.settlements s
  set ef_search = least(ef * 3 / 2, 1000)
  where s.tenant_id = tenant and s.model = tune_search.model and s.vectors > 20000
  returning s.ef_search into wider;
  return coalesce(wider, ef);
end
$$;

comment on function mayfly_private.tune_search is 'Measures how many candidates a search of the HNSW index must keep for a tenant.';
