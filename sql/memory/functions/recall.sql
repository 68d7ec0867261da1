-- The definer half of mayfly.recall. It resolves tenant and visibility once, from the token, and repeats
-- the policies of mayfly.memories in its where: the operators @@ and && are not leakproof, so under
-- the policies they would never be index conditions (full text on 100,000 rows: 370 ms under the policy, 0.32 ms without).
-- Locks nothing.
--
--   relevance = 61 * (words / (60 + rank by words) + meaning / (60 + rank by vector)) / (words + meaning)   0 to 1
--   score     = relevance * (1 - reward - importance - recency                                              0 to 1
--                 + reward * its reward + importance * its importance / 10 + recency * its freshness)
--   freshness = 0.5 ^ (age / half-life of its kind);  an unknown reward counts as 0.5
--
-- The weights are the caller's: words and meaning are 1, the others 0.1 unless set. Half-lives:
-- mayfly_private.half_life. Reciprocal rank fusion with k = 60: Cormack, Clarke and Büttcher,
-- "Reciprocal Rank Fusion outperforms Condorcet and individual Rank Learning Methods", SIGIR 2009.
--
-- Rank by words is by ts_rank; a word of the question that none of the best rows has is taken for a
-- typo, and rows whose task or tags have one like it (pg_trgm's word_similarity, at least 0.5) gain 0.3
-- of that likeness. What has no typo never pays for this.
--
-- Rank by vector is among the nearest that the caller may see. Where too few of these pass the filters,
-- those that pass are compared one by one: a filter never hides a match.

create function mayfly_private.recall(
  query text, embedding real[], model text, kinds text[], having_tags text[], agent uuid, min_reward real,
  since timestamptz, result_limit integer, until timestamptz, for_task text, session uuid, conversation uuid,
  similar_to uuid, weights jsonb, half_lives jsonb
)
returns table (
  id uuid, agent_id uuid, agent_name text, agent_ended_at timestamptz, kind text, task text, input text, output text,
  critique text, reward real, importance smallint, tags text[], metadata jsonb, created_at timestamptz,
  score real, parts jsonb
)
language plpgsql stable security definer
set search_path = ''
-- The best plan depends on the filters that are given and on the size of the tenant.
set plan_cache_mode = force_custom_plan
set jit = off
as $$
#variable_conflict use_column
declare
  instant constant timestamptz := mayfly_private.now();
  -- So many from each side; of the nearest fewer, where none is filtered out: 50 of 10,000 vectors among
  -- 110,000 took HNSW three times as long as 20.
  depth constant integer := greatest(50, 2 * result_limit);
  reach integer := greatest(20, 2 * result_limit);
  tenant constant uuid := mayfly_private.require_tenant('memory:read');
  own constant uuid[] := mayfly_private.own_agent_ids();
  sees_all constant boolean := tenant = any (mayfly_private.tenant_ids('memory:admin'));
  language constant text := (select t.language from mayfly.tenants t where t.id = tenant);
  typo_threshold constant text := coalesce(current_setting('pg_trgm.word_similarity_threshold', true), '0.6');
  asked_words tsquery;
  asked_vector extensions.halfvec(384);
  of_words real;
  of_meaning real;
  of_reward real;
  of_importance real;
  of_recency real;
begin
  if char_length(query) > 10000 then
    perform mayfly_private.fail(400, 'invalid_request', 'query must have at most 10000 characters.', null, '{"field": "query"}');
  elsif coalesce(query, '') = '' and embedding is null and similar_to is null then
    perform mayfly_private.fail(400, 'invalid_request', 'A recall needs a query, an embedding or similar_to.', null, '{"field": "query"}');
  elsif cardinality(embedding) <> 384 then
    perform mayfly_private.fail(400, 'invalid_request', 'embedding must have 384 numbers.', null, '{"field": "embedding"}');
  elsif embedding is not null and coalesce(model, '') = '' then
    perform mayfly_private.fail(400, 'invalid_request', 'An embedding needs the name of its model.', null, '{"field": "model"}');
  elsif result_limit is null or result_limit not between 1 and 100 then
    perform mayfly_private.fail(400, 'invalid_request', 'limit must be 1 to 100.', null, '{"field": "limit"}');
  end if;
  perform mayfly_private.check_weights(weights, half_lives);
  of_words := coalesce((weights ->> 'words')::real, 1);
  of_meaning := coalesce((weights ->> 'meaning')::real, 1);
  of_reward := coalesce((weights ->> 'reward')::real, 0.1);
  of_importance := coalesce((weights ->> 'importance')::real, 0.1);
  of_recency := coalesce((weights ->> 'recency')::real, 0.1);

  asked_vector := embedding::extensions.halfvec(384);
  if extensions.l2_norm(asked_vector) = 0 then
    perform mayfly_private.fail(400, 'invalid_request', 'embedding must have a number other than 0.',
      'Without one it points nowhere, and is like nothing.', '{"field": "embedding"}');
  end if;
  if similar_to is not null then
    -- By its vector (of the model that is named, if one is) and by its labels, unless something else is asked.
    select coalesce(nullif(query, ''), left(mayfly_private.labels(m.task, m.tags), 10000)),
      coalesce(asked_vector, v.embedding), case when asked_vector is null then v.model else recall.model end
    into query, asked_vector, model
    from mayfly.memories m
    left join mayfly.memory_vectors v on v.tenant_id = m.tenant_id and v.memory_id = m.id
      and (recall.model is null or v.model = recall.model)
    where m.tenant_id = tenant and m.id = similar_to and m.deleted_at is null
      and (m.visibility = 'tenant' or m.agent_id = any (own) or sees_all)
    order by v.model
    limit 1;
    if not found then
      perform mayfly_private.fail(404, 'memory_unknown', 'There is no memory of this id, or not for this caller.', null,
        '{"field": "similar_to"}');
    end if;
  end if;
  if of_words > 0 then
    asked_words := mayfly_private.any_word(language, query);
  end if;
  if of_meaning = 0 then
    asked_vector := null;
  end if;
  -- Some of the nearest will not pass.
  if num_nonnulls(kinds, having_tags, agent, min_reward, since, until, for_task, session, conversation) > 0 then
    reach := greatest(1000, depth);
  end if;
  -- Not by a set clause: a session that has not loaded pg_trgm yet is refused that.
  perform set_config('pg_trgm.word_similarity_threshold', '0.5', true);

  return query
  with visible as not materialized (
    select m.*
    from mayfly.memories m
    where m.tenant_id = tenant
      and (m.visibility = 'tenant' or m.agent_id = any (own) or sees_all)
      and m.deleted_at is null
      and (m.expires_at is null or m.expires_at > instant)
      and (similar_to is null or m.id <> similar_to)
      and (recall.kinds is null or m.kind = any (recall.kinds))
      and (recall.having_tags is null or m.tags @> recall.having_tags)
      and (recall.agent is null or m.agent_id = recall.agent)
      and (recall.min_reward is null or m.reward >= recall.min_reward)
      and (recall.since is null or m.created_at >= recall.since)
      and (recall.until is null or m.created_at < recall.until)
      and (recall.for_task is null or m.task = recall.for_task)
      and (recall.session is null or m.session_id = recall.session)
      and (recall.conversation is null or m.conversation_id = recall.conversation)
  ), with_words as materialized (
    -- 1: divided by the logarithm of the length, so that long texts do not win by length alone.
    select v.id, v.words, ts_rank(v.words, asked_words, 1) as rank
    from visible v
    where v.words @@ asked_words
    order by rank desc, v.id
    limit depth
  ), doubtful as materialized (
    select asked.word
    from (
      select distinct w.word, mayfly_private.any_word(language, w.word) as search
      from regexp_split_to_table(lower(mayfly_private.split_identifiers(left(query, 1000))), '[^[:alnum:]]+') w (word)
      where of_words > 0 and char_length(w.word) between 4 and 40
    ) asked
    where asked.search is not null and not exists (select from with_words f where f.words @@ asked.search)
    limit 5
  ), with_typos as (
    select v.id, sum(extensions.word_similarity(d.word, mayfly_private.labels(v.task, v.tags))) as likeness
    from doubtful d
    join visible v on mayfly_private.labels(v.task, v.tags) operator(extensions.%>) d.word
    group by v.id
    order by likeness desc, v.id
    limit depth
  ), by_words as (
    select id, found.rank, found.likeness, row_number() over (order by found.rank desc, id) as place
    from (
      select id, coalesce(w.rank, 0) + 0.3 * coalesce(t.likeness, 0) as rank, t.likeness
      from with_words w full join with_typos t using (id)
      order by rank desc, id
      limit depth
    ) found
  ), near as materialized (
    select n.memory_id, n.similarity from mayfly_private.nearest(tenant, recall.model, asked_vector, reach) n
  ), near_and_visible as materialized (
    select v.id, n.similarity from near n join visible v on v.id = n.memory_id
  ), visible_and_near as materialized (
    select v.id, 1 - (mv.embedding operator(extensions.<=>) asked_vector) as similarity
    from mayfly.memory_vectors mv
    join visible v on v.id = mv.memory_id
    where mv.tenant_id = tenant and mv.model = recall.model
      and (select count(*) from near_and_visible) < result_limit and (select count(*) from near) = reach
    order by mv.embedding operator(extensions.<=>) asked_vector, v.id
    limit depth
  ), by_vector as (
    select found.id, found.similarity, row_number() over (order by found.similarity desc, found.id) as place
    from (
      select id, similarity from visible_and_near
      union all
      select id, similarity from near_and_visible where not exists (select from visible_and_near)
      order by similarity desc, id
      limit depth
    ) found
    -- A vector that points elsewhere is no match, however few there are.
    where found.similarity > 0
  ), fused as (
    select id, w.place as words_place, w.rank as words_rank, w.likeness, v.place as vector_place, v.similarity,
      61 * (coalesce(of_words / (60 + w.place), 0) + coalesce(of_meaning / (60 + v.place), 0)) / (of_words + of_meaning) as relevance
    from by_words w full join by_vector v using (id)
  ), scored as (
    select m.*, f.words_place, f.words_rank, f.likeness, f.vector_place, f.similarity, f.relevance,
      -- A hundred half-lives are as good as forever; a thousand, half of them squared, underflow, which is an error.
      0.5 ^ least(100, greatest(extract(epoch from instant - m.created_at), 0)::double precision
        / 86400 / mayfly_private.half_life(m.kind, half_lives)) as recency
    from fused f
    join mayfly.memories m on m.tenant_id = tenant and m.id = f.id
  )
  select s.id, s.agent_id, a.name, coalesce(a.stopped_at, case when a.expires_at <= instant then a.expires_at end),
    s.kind, s.task, s.input, s.output, s.critique, s.reward, s.importance, s.tags, s.metadata, s.created_at,
    (s.relevance * (1 - of_reward - of_importance - of_recency
      + of_reward * coalesce(s.reward, 0.5) + of_importance * s.importance / 10 + of_recency * s.recency))::real as score,
    jsonb_build_object(
      'words_rank', s.words_place, 'words', s.words_rank::real, 'typos', s.likeness::real,
      'vector_rank', s.vector_place, 'similarity', s.similarity::real, 'relevance', s.relevance::real,
      'reward', coalesce(s.reward, 0.5), 'importance', s.importance, 'recency', s.recency::real)
  from scored s
  left join mayfly.agents a on a.tenant_id = tenant and a.id = s.agent_id
  order by score desc, s.id
  limit result_limit;

  perform set_config('pg_trgm.word_similarity_threshold', typo_threshold, true);
end
$$;

comment on function mayfly_private.recall is 'The best memories for a question.';
grant execute on function mayfly_private.recall to authenticated, service_role;

-- The memories that answer a question best, by words and by meaning, or those that are like one of them
-- (similar_to). Called by the query function as whoever calls it. Every row comes with its score taken
-- apart; mayfly_private.recall has the formula.
--
--   kinds, having_tags (all of them), agent, min_reward, since, until (excluded), for_task (the same
--   text), session and conversation narrow it.
--   weights     {"words": 1, "meaning": 1, "reward": 0.1, "importance": 0.1, "recency": 0.1}, each 0 to 1,
--               the last three at most 1 together
--   half_lives  days by kind, such as {"fact": 365}; mayfly_private.half_life has the defaults

create function mayfly.recall(
  query text default null,
  embedding real[] default null,
  model text default null,
  kinds text[] default null,
  having_tags text[] default null,
  agent uuid default null,
  min_reward real default null,
  since timestamptz default null,
  result_limit integer default 10,
  until timestamptz default null,
  for_task text default null,
  session uuid default null,
  conversation uuid default null,
  similar_to uuid default null,
  weights jsonb default null,
  half_lives jsonb default null
)
returns table (
  id uuid, agent_id uuid, agent_name text, agent_ended_at timestamptz, kind text, task text, input text, output text,
  critique text, reward real, importance smallint, tags text[], metadata jsonb, created_at timestamptz,
  score real, parts jsonb
)
language sql stable
set search_path = ''
begin atomic
  select * from mayfly_private.recall(query, embedding, model, kinds, having_tags, agent, min_reward, since, result_limit,
    until, for_task, session, conversation, similar_to, weights, half_lives);
end;

comment on function mayfly.recall is
  'The best memories for a question, by words and, with an embedding, by meaning; or those that are like one of them.';
grant execute on function mayfly.recall to authenticated, service_role;
