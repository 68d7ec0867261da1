-- The memories that match the words of a question best, best first, with their scores.
--
--   score  = sum over the words of the question of rarity * rank ^ 2 / ln(different words of the memory + 24)
--   rarity = ln(1 + (memories - memories with the word + 0.5) / (memories with the word + 0.5))
--   rank   = ts_rank of the word: 0.61 if it occurs once in task or tags, 0.49 in the text, 0.12 in the critique, and
--            more if it occurs more often
--   sum    = sum over the words of rarity * rank ^ 2. The highest is best_sum
--   fit    = sum / full_sum, at most 1, on the same scale for every question. full_sum is 0.36957 * the sum of rarity
--            over the words of the question
--
-- When a word is repeated, ts_rank grows little. The square of ts_rank grows about as in BM25 with k1 = 2. The
-- logarithm keeps very short and very long texts from winning. With words only, nDCG@10 on Cranfield is 0.524, BM25's
-- is 0.520, and plain ts_rank's 0.456 (npm run bench -- quality). A quoted phrase weighs as much as a word in the task.
--
-- In a large tenant, only the rarest words select candidates. Words are added, rarest first, while they are expected
-- to match at most a twentieth of the memories (or 500, if that is more). All words count in the ranking. With
-- 100,000 memories, this takes 18 ms instead of 60 to 76, and on average 9.4 of the best ten results stay the same.
-- If the filters leave too few candidates, all words select them.
--
-- A word of the question that no memory has counts as a typo. Memories whose task or tags have a similar word
-- (pg_trgm's word_similarity, at least 0.5) count as having it, with half of that similarity. Called by
-- mayfly_private.recall. Locks nothing.

-- Memories that were found, best first.

create type mayfly_private.matches as (
  ids uuid[],
  -- The score of words, or the likeness of meaning.
  shares double precision[],
  -- Whether any of them belongs to a conversation or a session.
  in_threads boolean,
  -- Only of words. The first two are for each memory, the others for the question.
  sums double precision[],
  typos double precision[],
  best_sum double precision,
  full_sum double precision,
  report jsonb,
  -- Only of meaning.
  similarities double precision[]
);

create function mayfly_private.find_by_words(
  tenant uuid, self uuid, sees_all boolean, question text, depth integer, wanted integer, explain boolean, kinds text[], having_tags text[], agent uuid, min_reward real, since timestamptz,
  until timestamptz, for_task text, session uuid, conversation uuid, without uuid
)
returns mayfly_private.matches
language plpgsql stable
set search_path = ''
-- Words are always found through their index. recall sets the other planner settings.
set enable_seqscan = off
as $$
#variable_conflict use_variable
declare
  instant constant timestamptz := mayfly_private.now();
  is_filtered constant boolean := num_nonnulls(kinds, having_tags, agent, min_reward, since, until, for_task, session, conversation, without) > 0;
  hits mayfly_private.matches;
  language text;
  known bigint;
  sampled integer;
  asked record;
  words text[];
  terms tsquery[];
  counts real[];
  rarities double precision[];
  phrase tsquery;
  most integer;
  expected double precision;
  picked tsquery;
  picked_of integer := 1;
  found_in bigint[];
  of_phrase double precision;
  doubtful text[];
  -- How many of the words, which come rarest first, no sampled memory contains.
  unseen integer := 0;
  rarity double precision;
  many record;
  -- Each word of the question, and its rarity, has a variable of its own. Reading them from an array for each memory
  -- took longer than the ranking.
  t1 tsquery; t2 tsquery; t3 tsquery;
  o1 double precision; o2 double precision; o3 double precision;
begin
  select t.language, s.memories, s.sampled into language, known, sampled
  from mayfly.tenants t left join mayfly_private.word_samples s on s.tenant_id = t.id
  where t.id = tenant;
  asked := mayfly_private.words_of_question(tenant, language, question, known, sampled);
  words := asked.words;
  if words is null then
    return null;
  end if;
  terms := asked.terms;
  counts := asked.counts;
  rarities := asked.rarities;
  phrase := asked.phrase;
  t1 := terms[1]; t2 := terms[2]; t3 := terms[3];

  if sampled is null then
    most := 5000;
    unseen := cardinality(terms);
  else
    most := greatest(500, known / 20);
    while unseen < cardinality(terms) and counts[unseen + 1] < known::double precision / greatest(sampled, 1) loop
      unseen := unseen + 1;
    end loop;
    o1 := rarities[1]; o2 := rarities[2]; o3 := rarities[3];
  end if;
  picked := t1;
  expected := coalesce(counts[1], 0);
  while picked_of < cardinality(terms) and (sampled is null or expected + counts[picked_of + 1] <= most) loop
    picked_of := picked_of + 1;
    picked := picked || terms[picked_of];
    expected := expected + counts[picked_of];
  end loop;
  if phrase is not null then
    picked := picked || phrase;
  end if;

  loop
    if cardinality(terms) > 3 or phrase is not null then
      many := mayfly_private.find_by_many_words(tenant, self, sees_all, terms, rarities, phrase, picked, known, sampled, most, depth,
        kinds, having_tags, agent, min_reward, since, until, for_task, session, conversation, without);
      hits := many.hits;
      known := many.known;
      found_in := many.found_in;
      rarities := many.rarities;
      of_phrase := many.of_phrase;
    elsif sampled is not null then
      -- The rarities are known, so each memory is read once and only the best are kept.
      select array_agg(b.id order by b.score desc, b.id), array_agg(b.score order by b.score desc, b.id),
        array_agg(b.sum order by b.score desc, b.id), max(b.sum), bool_or(b.in_thread), array[count(*) filter (where b.r1 > 0)]
      into hits.ids, hits.shares, hits.sums, hits.best_sum, hits.in_threads, found_in
      from (
        select s.id, s.sum, s.sum / ln(s.length + 24) as score, s.r1, s.in_thread
        from (
          select r.id, r.length, r.in_thread, r.r1, coalesce(o1 * r.r1 * r.r1, 0) + coalesce(o2 * r.r2 * r.r2, 0) + coalesce(o3 * r.r3 * r.r3, 0) as sum
          from (
            select x.id, x.in_thread, length(x.words) as length,
              ts_rank('{0.1,0.2,0.8,1}', x.words, t1) as r1, ts_rank('{0.1,0.2,0.8,1}', x.words, t2) as r2,
              ts_rank('{0.1,0.2,0.8,1}', x.words, t3) as r3
            from (
              -- Decompresses the words of a memory once, not once for each word of the question.
              select m.id, coalesce(m.conversation_id, m.session_id) is not null as in_thread,
                case when pg_column_compression(m.words) is null then m.words else m.words || ''::tsvector end as words
              from mayfly.memories m
              where m.tenant_id = tenant and m.words @@ picked and m.deleted_at is null
                and (m.visibility = 'tenant' or sees_all or m.agent_id = self
                  or m.agent_id = any ((select mayfly_private.agents_under(tenant, self))::uuid[]))
                and (m.expires_at is null or m.expires_at > instant)
                and (not is_filtered or (without is null or m.id <> without)
                  and (kinds is null or m.kind = any (kinds)) and (having_tags is null or m.tags @> having_tags)
                  and (agent is null or m.agent_id = agent) and (min_reward is null or m.reward >= min_reward)
                  and (since is null or m.created_at >= since) and (until is null or m.created_at < until)
                  and (for_task is null or m.task = for_task) and (session is null or m.session_id = session)
                  and (conversation is null or m.conversation_id = conversation))
              limit 5 * most) x
            offset 0) r
          offset 0) s
        where s.sum > 0
        order by score desc, s.id limit depth) b;
    else
      -- The words are counted in the candidates first, so these are kept until then.
      with c as materialized (
        select x.id, x.in_thread, length(x.words) as length,
          ts_rank('{0.1,0.2,0.8,1}', x.words, t1) as r1, ts_rank('{0.1,0.2,0.8,1}', x.words, t2) as r2,
          ts_rank('{0.1,0.2,0.8,1}', x.words, t3) as r3
        from (
          -- Decompresses the words of a memory once, not once for each word of the question.
          select m.id, coalesce(m.conversation_id, m.session_id) is not null as in_thread,
            case when pg_column_compression(m.words) is null then m.words else m.words || ''::tsvector end as words
          from mayfly.memories m
          where m.tenant_id = tenant and m.words @@ picked and m.deleted_at is null
            and (m.visibility = 'tenant' or sees_all or m.agent_id = self
              or m.agent_id = any ((select mayfly_private.agents_under(tenant, self))::uuid[]))
            and (m.expires_at is null or m.expires_at > instant)
            and (not is_filtered or (without is null or m.id <> without)
              and (kinds is null or m.kind = any (kinds)) and (having_tags is null or m.tags @> having_tags)
              and (agent is null or m.agent_id = agent) and (min_reward is null or m.reward >= min_reward)
              and (since is null or m.created_at >= since) and (until is null or m.created_at < until)
              and (for_task is null or m.task = for_task) and (session is null or m.session_id = session)
              and (conversation is null or m.conversation_id = conversation))
          limit 5 * most) x
      ), n as (
        -- Also counts all memories that the caller may see.
        select count(*) filter (where c.r1 > 0) as n1, count(*) filter (where c.r2 > 0) as n2, count(*) filter (where c.r3 > 0) as n3,
          (
            select count(*) from (
              select from mayfly.memories m
              where m.tenant_id = tenant and m.deleted_at is null and (m.expires_at is null or m.expires_at > instant)
                and (m.visibility = 'tenant' or sees_all or m.agent_id = self
                  or m.agent_id = any ((select mayfly_private.agents_under(tenant, self))::uuid[]))
              limit 5000) visible) as known
        from c
      ), w as materialized (
        select n.known, n.n1, n.n2, n.n3, ln(1 + (greatest(n.known - n.n1, 0)::double precision + 0.5) / (n.n1::double precision + 0.5)) as o1,
          ln(1 + (greatest(n.known - n.n2, 0)::double precision + 0.5) / (n.n2::double precision + 0.5)) as o2,
          ln(1 + (greatest(n.known - n.n3, 0)::double precision + 0.5) / (n.n3::double precision + 0.5)) as o3
        from n
      ), best as (
        select s.id, s.sum, s.sum / ln(s.length + 24) as score, s.in_thread
        from (
          select c.id, c.length, c.in_thread, coalesce(w.o1 * c.r1 * c.r1, 0) + coalesce(w.o2 * c.r2 * c.r2, 0) + coalesce(w.o3 * c.r3 * c.r3, 0) as sum
          from c, w
          offset 0) s
        where s.sum > 0
        order by score desc, s.id limit depth
      )
      select b.ids, b.scores, b.sums, b.best, b.in_threads, w.known, (array[w.n1, w.n2, w.n3])[1:cardinality(terms)], (array[w.o1, w.o2, w.o3])[1:cardinality(terms)]
      into hits.ids, hits.shares, hits.sums, hits.best_sum, hits.in_threads, known, found_in, rarities
      from w, (
        select array_agg(best.id order by best.score desc, best.id) as ids, array_agg(best.score order by best.score desc, best.id) as scores,
          array_agg(best.sum order by best.score desc, best.id) as sums, max(best.sum) as best, bool_or(best.in_thread) as in_threads
        from best) b;
    end if;
    exit when picked_of = cardinality(terms) or coalesce(cardinality(hits.ids), 0) >= wanted;
    -- Too few candidates passed the filters, so all words select candidates now.
    picked := (select string_agg(t::text, ' | ') from unnest(terms) t)::tsquery;
    picked_of := cardinality(terms);
    most := 2000000;
  end loop;

  -- A word is not a typo if it is in the sample or in any visible memory. In a tenant with a sample, only the rarest
  -- word was looked for among the best.
  if unseen > cardinality(found_in) or 0 = any (found_in[1:unseen]) then
    doubtful := array(
      select words[k] from generate_series(1, unseen) k
      where coalesce(found_in[k], 0) = 0
        and char_length(words[k]) >= 3 and not exists (
          select from mayfly.memories m
          where m.tenant_id = tenant and m.words @@ terms[k] and m.deleted_at is null
            and (m.visibility = 'tenant' or sees_all or m.agent_id = self
              or m.agent_id = any ((select mayfly_private.agents_under(tenant, self))::uuid[]))));
    if doubtful <> '{}' then
      hits := mayfly_private.find_typos(tenant, self, sees_all, language, question, doubtful, words, rarities, hits, depth,
        kinds, having_tags, agent, min_reward, since, until, for_task, session, conversation, without);
    end if;
  end if;
  hits.full_sum := 0;
  foreach rarity in array rarities loop
    hits.full_sum := hits.full_sum + rarity;
  end loop;
  hits.full_sum := 0.36957 * greatest(coalesce(of_phrase, 0) + hits.full_sum, 1e-9);
  if explain then
    hits.report := jsonb_build_object('memories', known, 'counted_in', sampled,
    'words', (
      select jsonb_agg(jsonb_build_object('word', words[k], 'rarity', round(rarities[k]::numeric, 3),
        'memories', coalesce(round(counts[k]::numeric, 1), found_in[k]), 'chooses', k <= picked_of) order by k)
      from generate_subscripts(words, 1) k));
  end if;
  return hits;
end
$$;

comment on function mayfly_private.find_by_words is
  'The memories that match the words of a question best.';
