-- The similarity that two unrelated memories of a tenant usually have: the median over all pairs of 60 memories,
-- which are drawn by a hash of their ids. Null with fewer than 20 vectors. Called by
-- mayfly_private.tuning_questions. Locks nothing.

create function mayfly_private.unrelated_similarity(tenant uuid, model text)
returns real
language plpgsql stable
set search_path = ''
as $$
declare
  median double precision;
begin
  with drawn as (
    select v.memory_id, v.embedding from mayfly.memory_vectors v
    where v.tenant_id = unrelated_similarity.tenant and v.model = unrelated_similarity.model
    order by md5(v.memory_id::text) limit 60
  )
  select percentile_cont(0.5) within group (order by 1 - (a.embedding operator(extensions.<=>) b.embedding)) into median
  from drawn a join drawn b on b.memory_id > a.memory_id
  where (select count(*) from drawn) >= 20;
  return least(0.95, greatest(0.01, median));
end
$$;

comment on function mayfly_private.unrelated_similarity is 'The similarity of unrelated memories.';
