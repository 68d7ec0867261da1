-- What a recall would return, and why. For the SQL editor: fill in the name of the tenant, the question and, if you
-- like, the id of a memory that the answer should resemble. No embedding can be made here, so without that id, only
-- words are used. This query shows what the secret key would get. Where `seen_by` is not the whole tenant, an agent or
-- a viewer sees less.

with asked as materialized (
  select t.id as tenant_id, 'the question'::text as question, null::uuid as similar_to
  from mayfly.tenants t
  where t.name = 'the tenant'
), named as materialized (
  -- The recall reads its caller from these settings, so they must come first.
  select a.*,
    set_config('request.jwt.claims', '{"role": "service_role"}', true) as claims,
    set_config('request.headers', json_build_object('x-mayfly-tenant', a.tenant_id)::text, true) as headers
  from asked a
)
select
  row_number() over (order by r.score desc, r.id) as place,
  r.score,
  r.task,
  left(r.output, 200) as output,
  r.kind,
  r.agent_name as learned_by,
  concat_ws(', ',
    'words: ' || (r.parts ->> 'words_rank') || '. (fits ' || round((r.parts ->> 'fit')::numeric, 2) || ')',
    round((r.parts ->> 'typos')::numeric, 2) || ' similar to a word of its task or tags',
    'meaning: ' || (r.parts ->> 'vector_rank') || '. (' || round((r.parts ->> 'similarity')::numeric, 2) || ')',
    round((r.parts ->> 'neighbours')::numeric, 2) || ' from its neighbours') as found_by,
  -- For each word of the question, how rare it is in the tenant, and its rank in this memory
  -- (mayfly_private.find_by_words).
  (select string_agg(format('%s (rarity %s, rank %s)', w ->> 'word', w ->> 'rarity',
      round(ts_rank('{0.1,0.2,0.8,1}', m.words, quote_literal(w ->> 'word')::tsquery)::numeric, 2)), ', ')
    from jsonb_array_elements(r.parts #> '{asked,words}') w) as by_word,
  (r.parts ->> 'relevance')::real as relevance,
  cardinality(r.duplicates) as more_that_say_the_same,
  (r.parts ->> 'reward')::real as reward,
  (r.parts ->> 'importance')::integer as importance,
  (r.parts ->> 'recency')::real as freshness,
  case m.visibility when 'agent' then 'its agent, the ancestors of it, and admins' else 'the whole tenant' end as seen_by,
  coalesce((
    select string_agg(v.model || case when v.settled then ' (settled)' else ' (fresh)' end, ', ' order by v.model)
    from mayfly.memory_vectors v
    where v.tenant_id = n.tenant_id and v.memory_id = r.id), 'none yet: found by words only') as vectors,
  date_trunc('second', now() - r.created_at) as age,
  r.id
from named n
cross join lateral mayfly.recall(
  query => case when n.headers <> '' then n.question end, similar_to => n.similar_to, result_limit => 20, explain => true) r
join mayfly.memories m on m.tenant_id = n.tenant_id and m.id = r.id
order by place;
