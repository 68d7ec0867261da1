-- The definer half of mayfly.recall. It resolves tenant and visibility once, from the token, and repeats
-- the policies of mayfly.memories in its where: the operators @@ and && are not leakproof, so under
-- the policies they would never be index conditions (full text on 100,000 rows: 370 ms under the policy, 0.32 ms without).
-- Locks nothing.
--
--   relevance = (61 / 2) * (1 / (60 + rank by words) + 1 / (60 + rank by vector))      0 to 1
--   score     = relevance * (0.7 + 0.1 * reward + 0.1 * importance / 10 + 0.1 * recency)
--   recency   = 0.5 ^ (age / 30 days);  an unknown reward counts as 0.5
--
-- Reciprocal rank fusion with k = 60: Cormack, Clarke and Büttcher, "Reciprocal Rank Fusion outperforms
-- Condorcet and individual Rank Learning Methods", SIGIR 2009.

create function mayfly_private.recall(
  query text, embedding real[], model text, kinds text[], having_tags text[], agent uuid, min_reward real,
  since timestamptz, result_limit integer
)
returns table (
  id uuid, agent_id uuid, agent_name text, agent_ended_at timestamptz, kind text, task text, input text, output text,
  critique text, reward real, importance smallint, tags text[], metadata jsonb, created_at timestamptz,
  score real, parts jsonb
)
language plpgsql stable security definer
set search_path = ''
as $$
#variable_conflict use_column
declare
  -- As many from each side: deeper ranks add less than 1 % to a score.
  depth constant integer := 100;
  tenant constant uuid := mayfly_private.require_tenant('memory:read');
  own constant uuid[] := mayfly_private.own_agent_ids();
  sees_all constant boolean := tenant = any (mayfly_private.tenant_ids('memory:admin'));
  asked_words tsquery;
  asked_vector extensions.halfvec(384);
begin
  if char_length(query) > 10000 then
    perform mayfly_private.fail(400, 'invalid_request', 'query must have at most 10000 characters.', null, '{"field": "query"}');
  elsif coalesce(query, '') = '' and embedding is null then
    perform mayfly_private.fail(400, 'invalid_request', 'A recall needs a query or an embedding.', null, '{"field": "query"}');
  elsif cardinality(embedding) <> 384 then
    perform mayfly_private.fail(400, 'invalid_request', 'embedding must have 384 numbers.', null, '{"field": "embedding"}');
  elsif embedding is not null and coalesce(model, '') = '' then
    perform mayfly_private.fail(400, 'invalid_request', 'An embedding needs the name of its model.', null, '{"field": "model"}');
  elsif result_limit is null or result_limit not between 1 and 100 then
    perform mayfly_private.fail(400, 'invalid_request', 'limit must be 1 to 100.', null, '{"field": "limit"}');
  end if;
  asked_words := mayfly_private.any_word((select t.language from mayfly.tenants t where t.id = tenant), query);
  asked_vector := embedding::extensions.halfvec(384);

  return query
  with visible as not materialized (
    select m.*
    from mayfly.memories m
    where m.tenant_id = tenant
      and (m.visibility = 'tenant' or m.agent_id = any (own) or sees_all)
      and m.deleted_at is null
      and (m.expires_at is null or m.expires_at > statement_timestamp())
      and (recall.kinds is null or m.kind = any (recall.kinds))
      and (recall.having_tags is null or m.tags @> recall.having_tags)
      and (recall.agent is null or m.agent_id = recall.agent)
      and (recall.min_reward is null or m.reward >= recall.min_reward)
      and (recall.since is null or m.created_at >= recall.since)
  ), by_words as (
    select found.id, found.rank, row_number() over (order by found.rank desc, found.id) as place
    from (
      -- 1: divided by the logarithm of the length, so that long texts do not win by length alone.
      select v.id, ts_rank(v.words, asked_words, 1) as rank
      from visible v
      where v.words @@ asked_words
      order by rank desc, v.id
      limit depth
    ) found
  ), by_vector as (
    select found.id, found.similarity, row_number() over (order by found.similarity desc, found.id) as place
    from (
      select v.id, 1 - (mv.embedding operator(extensions.<=>) asked_vector) as similarity
      from mayfly.memory_vectors mv
      join visible v on v.id = mv.memory_id
      where asked_vector is not null and mv.tenant_id = tenant and mv.model = recall.model
      order by mv.embedding operator(extensions.<=>) asked_vector, v.id
      limit depth
    ) found
    -- A vector that points elsewhere is no match, however few there are.
    where found.similarity > 0
  ), fused as (
    select id, w.place as words_place, w.rank as words_rank, v.place as vector_place, v.similarity,
      61.0 / 2 * (coalesce(1.0 / (60 + w.place), 0) + coalesce(1.0 / (60 + v.place), 0)) as relevance
    from by_words w full join by_vector v using (id)
  ), scored as (
    select m.*, f.words_place, f.words_rank, f.vector_place, f.similarity, f.relevance,
      0.5 ^ (greatest(extract(epoch from statement_timestamp() - m.created_at), 0) / 2592000) as recency
    from fused f
    join mayfly.memories m on m.tenant_id = tenant and m.id = f.id
  )
  select s.id, s.agent_id, a.name, coalesce(a.stopped_at, case when a.expires_at <= statement_timestamp() then a.expires_at end),
    s.kind, s.task, s.input, s.output, s.critique, s.reward, s.importance, s.tags, s.metadata, s.created_at,
    (s.relevance * (0.7 + 0.1 * coalesce(s.reward, 0.5) + 0.01 * s.importance + 0.1 * s.recency))::real as score,
    jsonb_build_object(
      'words_rank', s.words_place, 'words', s.words_rank, 'vector_rank', s.vector_place, 'similarity', s.similarity::real,
      'relevance', s.relevance::real, 'reward', coalesce(s.reward, 0.5), 'importance', s.importance, 'recency', s.recency::real)
  from scored s
  left join mayfly.agents a on a.tenant_id = tenant and a.id = s.agent_id
  order by score desc, s.id
  limit result_limit;
end
$$;

comment on function mayfly_private.recall(text, real[], text, text[], text[], uuid, real, timestamptz, integer) is 'The best memories for a question.';
revoke execute on function mayfly_private.recall(text, real[], text, text[], text[], uuid, real, timestamptz, integer) from public;
grant execute on function mayfly_private.recall(text, real[], text, text[], text[], uuid, real, timestamptz, integer) to authenticated, service_role;
