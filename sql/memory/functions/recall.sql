-- Finds and ranks memories. It is a definer, because the operators @@ and && are not leakproof and could never use an
-- index under the policies. (Full text search in 100,000 rows took 370 ms under the policies, and takes 0.32 ms without
-- them.) It takes tenant and visibility from the token, and its statements repeat the policies of mayfly.memories.
-- Locks nothing.
--
--   relevance = fused * level                                                                               0 to 1
--   fused     = (words * score of words / the best + meaning * likeness / the best) / (words + meaning),
--               plus what its neighbours lend (neighbours_of); all of this divided by the best such sum
--   level     = how good the best results are: (words * fit + meaning * likeness) / (words + meaning)
--   score     = relevance * (1 - reward - importance - recency                                              0 to 1
--                 + reward * its reward + importance * its importance / 10 + recency * its freshness)
--   freshness = 0.5 ^ (age / half-life of its kind);  an unknown reward counts as 0.5
--
-- The score and fit of words come from mayfly_private.find_by_words, the likeness from mayfly_private.find_by_meanings,
-- and the half-lives from mayfly_private.half_life. The caller can set the weights. The defaults are 1 for words, the
-- result of mayfly_private.worth_of_model for meaning, 0.3 for neighbours, and 0.1 for the others. Scores are fused,
-- not ranks, because fusing ranks gave .005 to .015 less nDCG@10 (Bruch, Gai and Ingber, "An Analysis of Fusion
-- Functions for Hybrid Retrieval", TOIS 2023).
--
-- Words, vectors and rows are each read by a statement of their own, which is planned once per session. A single
-- statement for all three took 2 ms to plan at each recall. In a small recall, starting statements takes more than
-- running them: 10 to 40 µs each, and 4 µs for each aggregate. So there are few of both.

create function mayfly_private.recall(
  query text, embedding real[], model text, kinds text[], having_tags text[], agent uuid, min_reward real,
  since timestamptz, result_limit integer, until timestamptz, for_task text, session uuid, conversation uuid,
  similar_to uuid, weights jsonb, half_lives jsonb, surrounding integer, grouped boolean, explain boolean, older_embedding real[],
  older_model text
)
returns table (
  id uuid, agent_id uuid, agent_name text, agent_ended_at timestamptz, kind text, task text, input text, output text,
  critique text, reward real, importance smallint, tags text[], metadata jsonb, created_at timestamptz,
  score real, parts jsonb, duplicates uuid[], surroundings jsonb
)
language plpgsql stable security definer
set search_path = ''
set plan_cache_mode = force_generic_plan
set jit = off
as $$
#variable_conflict use_column
declare
  instant constant timestamptz := mayfly_private.now();
  who constant mayfly_private.caller := mayfly_private.caller();
  tenant constant uuid := mayfly_private.require_tenant_of(who, 'memory:read');
  self constant uuid := case when who.kind = 'agent' then who.id end;
  sees_all constant boolean := tenant = any (mayfly_private.tenant_ids_of(who, 'memory:admin'));
  is_filtered constant boolean := num_nonnulls(kinds, having_tags, agent, min_reward, since, until, for_task, session, conversation) > 0;
  depth integer := greatest(50, 2 * result_limit);
  asked_vector extensions.halfvec;
  worth record;
  unrelated real;
  of_words double precision := coalesce((weights ->> 'words')::double precision, 1);
  of_meaning double precision;
  of_neighbours constant double precision := coalesce((weights ->> 'neighbours')::double precision, 0.3);
  of_reward constant double precision := coalesce((weights ->> 'reward')::double precision, 0.1);
  of_importance constant double precision := coalesce((weights ->> 'importance')::double precision, 0.1);
  of_recency constant double precision := coalesce((weights ->> 'recency')::double precision, 0.1);
  checked text;
  by_words mayfly_private.matches;
  by_meaning mayfly_private.matches;
  -- Both together, best first. relevance = portion * share / most, and the places are those among words and meaning.
  ids uuid[];
  shares double precision[];
  portion double precision;
  most double precision;
  word_places bigint[];
  meaning_places bigint[];
  lent record;
  gains double precision[];
  best double precision;
  ranked uuid[];
  ranked_places bigint[];
  ranked_scores double precision[];
  recencies double precision[];
  -- Whether no two of the ranked begin or end alike.
  are_different boolean;
  -- If the caller passes no half-lives, these are the defaults of mayfly_private.half_life.
  half_lives_of double precision[] := '{30,30,7,180,365,1,30}';
  -- For each of the ranked, the place of the first that says the same.
  alike integer[];
  level double precision;
begin
  if embedding is null and similar_to is null and older_embedding is not null then
    -- The question was embedded only with the previous model.
    embedding := older_embedding;
    model := older_model;
    older_embedding := null;
  end if;
  checked := mayfly_private.check_recall(query, embedding, model, result_limit, similar_to, surrounding);
  if older_embedding is not null then
    perform mayfly_private.check_recall(query, older_embedding, older_model, result_limit, null, surrounding);
  end if;
  if weights is not null or half_lives is not null then
    perform mayfly_private.check_weights(weights, half_lives);
    half_lives_of := array(
      select mayfly_private.half_life(k, half_lives) from unnest('{episode,task_result,conversation,learning,fact,working,general}'::text[]) with ordinality u (k, n) order by n);
  end if;
  if embedding is not null then
    asked_vector := embedding::extensions.halfvec;
    if extensions.l2_norm(asked_vector) = 0 then
      perform mayfly_private.fail(400, 'invalid_request', 'embedding must have a number other than 0.',
        'A vector of zeros has no direction, so nothing is similar to it.', '{"field": "embedding"}');
    end if;
  end if;
  if similar_to is not null then
    -- Searches with the memory's labels and its vector (of the named model, if the caller names one), unless the caller
    -- passes a query or a vector.
    select coalesce(nullif(query, ''), left(mayfly_private.labels(m.task, m.tags), 10000)),
      coalesce(asked_vector, v.embedding), case when asked_vector is null then v.model else recall.model end
    into query, asked_vector, model
    from mayfly.memories m
    left join mayfly.memory_vectors v on v.tenant_id = m.tenant_id and v.memory_id = m.id
      and (recall.model is null or v.model = recall.model)
    where m.tenant_id = tenant and m.id = similar_to and m.deleted_at is null
      and (m.visibility = 'tenant' or sees_all or m.agent_id = self
        or m.agent_id = any ((select mayfly_private.agents_under(tenant, self))::uuid[]))
    order by v.model
    limit 1;
    if not found then
      perform mayfly_private.fail(404, 'memory_unknown', 'There is no memory with this id, or the caller may not see it.', null,
        '{"field": "similar_to"}');
    end if;
  end if;
  if coalesce(query, '') = '' then
    of_words := 0;
  end if;
  if asked_vector is null then
    of_meaning := 0;
  else
    worth := mayfly_private.worth_of_model(tenant, model);
    unrelated := worth.unrelated;
    of_meaning := coalesce((weights ->> 'meaning')::double precision, worth.meaning);
  end if;

  loop
    if of_words > 0 then
      by_words := mayfly_private.find_by_words(tenant, self, sees_all, query, depth, result_limit, explain,
        kinds, having_tags, agent, min_reward, since, until, for_task, session, conversation, similar_to);
    end if;
    if of_meaning > 0 then
      -- If there is no filter, fewer of the nearest vectors are enough: for 10,000 vectors among 110,000, HNSW took
      -- three times as long to find 50 as to find 20. With a filter, more are needed, because some of the memories will
      -- not pass it.
      by_meaning := mayfly_private.find_by_meanings(tenant, self, sees_all, model, asked_vector, unrelated, older_model, older_embedding::extensions.halfvec,
        case when is_filtered then greatest(1000, depth) when depth > 200 then depth else greatest(20, 2 * result_limit) end, depth, result_limit,
        kinds, having_tags, agent, min_reward, since, until, for_task, session, conversation, similar_to);
    end if;
    if by_words.ids is null and by_meaning.ids is null then
      return;
    end if;
    level := (of_words * case when by_words.ids is null then 0 else least(1, by_words.best_sum / by_words.full_sum) end
      + of_meaning * coalesce(by_meaning.shares[1], 0)) / (of_words + of_meaning);

    if by_meaning.ids is null then
      ids := by_words.ids;
      shares := by_words.shares;
      portion := of_words / (of_words + of_meaning);
    elsif by_words.ids is null then
      ids := by_meaning.ids;
      shares := by_meaning.shares;
      portion := of_meaning / (of_words + of_meaning);
    else
      select array_agg(f.id), array_agg(f.share), array_agg(f.word_place), array_agg(f.meaning_place)
      into ids, shares, word_places, meaning_places
      from (
        select coalesce(w.id, v.id) as id, w.n as word_place, v.n as meaning_place,
          coalesce(of_words / (of_words + of_meaning) * w.share / by_words.shares[1], 0)
            + coalesce(of_meaning / (of_words + of_meaning) * v.share / by_meaning.shares[1], 0) as share
        from unnest(by_words.ids, by_words.shares) with ordinality w (id, share, n)
        full join unnest(by_meaning.ids, by_meaning.shares) with ordinality v (id, share, n) on v.id = w.id
        order by share desc, id
        limit depth
      ) f;
      portion := 1;
    end if;
    most := case when by_words.ids is null or by_meaning.ids is null then shares[1] else 1 end;
    best := portion * shares[1] / most;
    gains := null;
    if of_neighbours > 0 and (by_words.in_threads or by_meaning.in_threads) then
      lent := mayfly_private.neighbours_of(tenant, self, sees_all, ids[1:20], shares[1:20], of_neighbours * portion / most,
        kinds, having_tags, agent, min_reward, since, until, for_task, session, conversation, similar_to);
      if lent.ids is not null then
        select array_agg(coalesce(i.id, l.id) order by i.n, l.id), array_agg(i.share order by i.n, l.id), array_agg(l.gain order by i.n, l.id),
          max(coalesce(portion * i.share / most, 0) + coalesce(l.gain, 0))
        into ids, shares, gains, best
        from unnest(ids, shares) with ordinality i (id, share, n)
        full join unnest(lent.ids, lent.gains) l (id, gain) on l.id = i.id;
      end if;
    end if;
    -- In the order of the answer.
    select array_agg(s.id order by s.score desc, s.id), array_agg(s.place order by s.score desc, s.id),
      array_agg(s.score order by s.score desc, s.id), array_agg(s.recency order by s.score desc, s.id),
      count(*) = count(distinct s.beginning) and count(*) = count(distinct s.ending)
    into ranked, ranked_places, ranked_scores, recencies, are_different
    from (
      select r.id, r.place, r.score, r.recency,
        hashtextextended(r.kind || lower(left(r.task || left(r.input, 40) || left(r.output, 40), 40)), 0) as beginning,
        hashtextextended(r.kind || lower(right(case when octet_length(r.output) >= 160 then r.output else r.task || r.input || r.output end, 40)), 0) as ending
      from (
        select c.id, c.place, m.kind, m.task, m.input, m.output, m.recency,
          level * (coalesce(portion * c.share / most, 0) + coalesce(c.gain, 0)) / best * (1 - of_reward - of_importance - of_recency
            + of_reward * coalesce(m.reward, 0.5) + of_importance * m.importance / 10 + of_recency * m.recency) as score
        from unnest(ids, shares, gains) with ordinality c (id, share, gain, place)
        cross join lateral (
          -- Freshness is practically zero after 100 half-lives. After 1,000, the number would underflow, which is an error.
          select m.*, 0.5 ^ least(100, greatest(date_part('epoch', instant - m.created_at), 0)
            / 86400 / half_lives_of[array_position('{episode,task_result,conversation,learning,fact,working,general}', m.kind)]) as recency
          from mayfly.memories m where m.tenant_id = tenant and m.id = c.id offset 0) m
        order by score desc, c.id
        limit case when depth > 200 then depth else result_limit + 10 end
      ) r
    ) s;
    alike := case when grouped and not are_different then mayfly_private.duplicates_among(tenant, ranked) end;
    -- If duplicates filled the list, the loop looks further once.
    exit when alike is null or depth > 200 or cardinality(ranked) < result_limit;
    exit when (select count(distinct p) from unnest(alike) p) >= result_limit;
    depth := 500;
  end loop;

  return query
  select m.id, m.agent_id, a.name, coalesce(a.stopped_at, case when a.expires_at <= instant then a.expires_at end),
    m.kind, m.task, m.input, m.output, m.critique, m.reward, m.importance, m.tags, m.metadata, m.created_at, s.score::real,
    to_jsonb(p)
      || case when explain then jsonb_build_object('weights', jsonb_build_object('words', of_words, 'meaning', of_meaning,
          'neighbours', of_neighbours, 'reward', of_reward, 'importance', of_importance, 'recency', of_recency), 'level', level::real)
        || coalesce(jsonb_build_object('asked', by_words.report), '{}') else '{}' end,
    coalesce(s.others, '{}'), case when surrounding > 0 then mayfly_private.surroundings_of(tenant, self, sees_all, m.id, surrounding) end
  from (
    select r.n, r.id, r.place, r.score,
      -- If only words or only vectors found something, the places are the same.
      case when by_meaning.ids is not null then word_places[r.place] when r.place <= cardinality(by_words.ids) then r.place end as word,
      case when by_words.ids is not null then meaning_places[r.place] when r.place <= cardinality(by_meaning.ids) then r.place end as meaning,
      case when alike is not null then array(
        select o.id from unnest(ranked, alike) with ordinality as o (id, first, n) where o.first = r.n and o.n <> r.n order by o.n) end as others
    from unnest(ranked, ranked_places, ranked_scores, alike) with ordinality as r (id, place, score, first, n)
    where alike is null or r.first = r.n
    order by r.n
    limit result_limit
  ) s
  cross join lateral (select * from mayfly.memories m where m.tenant_id = tenant and m.id = s.id offset 0) m
  left join mayfly.agents a on a.tenant_id = tenant and a.id = m.agent_id
  -- to_jsonb takes half the time of jsonb_build_object.
  cross join lateral (
    select s.word as words_rank, by_words.shares[s.word]::real as words,
      case when s.word > 0 then least(1, by_words.sums[s.word] / by_words.full_sum)::real end as fit, by_words.typos[s.word]::real as typos,
      s.meaning as vector_rank, by_meaning.similarities[s.meaning]::real as similarity, (level * gains[s.place] / best)::real as neighbours,
      (level * (coalesce(portion * shares[s.place] / most, 0) + coalesce(gains[s.place], 0)) / best)::real as relevance,
      coalesce(m.reward, 0.5) as reward, m.importance, recencies[s.n]::real as recency
    offset 0) p
  order by s.n;
end
$$;

comment on function mayfly_private.recall is 'The best memories for a question.';
grant execute on function mayfly_private.recall to authenticated, service_role;

-- The memories that answer a question best, by words and by meaning, or the memories that resemble one of them
-- (similar_to). The query function calls it as its own caller. Each row has the parts of its score, as described above.
--
--   Filters: kinds, having_tags (all of them), agent, min_reward, since, until (exclusive), for_task (the same
--   text), session and conversation.
--   weights      {"words": 1, "meaning": 1, "neighbours": 0.3, "reward": 0.1, "importance": 0.1, "recency": 0.1}: the first two
--                can be 0 to 100, the others 0 to 1, and the sum of the last three at most 1. By default, meaning
--                has its model's worth
--   half_lives   in days by kind, such as {"fact": 365}; mayfly_private.half_life has the defaults
--   surrounding  how many memories of the same conversation or session to return before and after each hit, 0 to 5
--   grouped      if true, near duplicates are one result, with the ids of the others; if false, each is a result
--   explain      if true, `parts` also has the weights, and the words of the question with their rarity
--   older_…      the question, embedded with the previous model, for memories without a vector of the current one

create function mayfly.recall(
  query text default null, embedding real[] default null, model text default null, kinds text[] default null,
  having_tags text[] default null, agent uuid default null, min_reward real default null, since timestamptz default null,
  result_limit integer default 10, until timestamptz default null, for_task text default null, session uuid default null,
  conversation uuid default null, similar_to uuid default null, weights jsonb default null, half_lives jsonb default null,
  surrounding integer default 0, grouped boolean default true, explain boolean default false,
  older_embedding real[] default null, older_model text default null
)
returns table (
  id uuid, agent_id uuid, agent_name text, agent_ended_at timestamptz, kind text, task text, input text, output text,
  critique text, reward real, importance smallint, tags text[], metadata jsonb, created_at timestamptz,
  score real, parts jsonb, duplicates uuid[], surroundings jsonb
)
-- In PL/pgSQL, the only statement of this function is planned once per session. As an SQL function, it was planned at
-- each call, which took 0.27 ms.
language plpgsql stable
set search_path = ''
set plan_cache_mode = force_generic_plan
as $$
begin
  return query
  select * from mayfly_private.recall(query, embedding, model, kinds, having_tags, agent, min_reward, since, result_limit,
    until, for_task, session, conversation, similar_to, weights, half_lives, surrounding, grouped, explain,
    older_embedding, older_model);
end
$$;

comment on function mayfly.recall is
  'The best memories for a question, by words and, with an embedding, by meaning. With similar_to, the memories that resemble this memory.';
grant execute on function mayfly.recall to authenticated, service_role;
