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

create function mayfly_private.find_by_words(
  tenant uuid, question text, depth integer, wanted integer, explain boolean, kinds text[], having_tags text[], agent uuid, min_reward real, since timestamptz,
  until timestamptz, for_task text, session uuid, conversation uuid, without uuid,
  out ids uuid[], out scores double precision[], out sums double precision[], out likenesses double precision[],
  out best_sum double precision, out full_sum double precision, out report jsonb
)
language plpgsql stable
set search_path = ''
-- Words are always found through their index. recall sets the other planner settings.
set enable_seqscan = off
as $$
#variable_conflict use_variable
declare
  instant constant timestamptz := mayfly_private.now();
  is_filtered constant boolean := num_nonnulls(kinds, having_tags, agent, min_reward, since, until, for_task, session, conversation, without) > 0;
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
  -- Each word of the question, and its rarity, has a variable of its own. Reading them from an array for each memory
  -- took longer than the ranking.
  t1 tsquery; t2 tsquery; t3 tsquery; t4 tsquery; t5 tsquery; t6 tsquery; t7 tsquery; t8 tsquery; t9 tsquery; t10 tsquery; t11 tsquery; t12 tsquery;
  o1 double precision; o2 double precision; o3 double precision; o4 double precision; o5 double precision; o6 double precision;
  o7 double precision; o8 double precision; o9 double precision; o10 double precision; o11 double precision; o12 double precision;
begin
  if question is null then
    return;
  end if;
  select t.language, s.memories, s.sampled into language, known, sampled
  from mayfly.tenants t left join mayfly_private.word_samples s on s.tenant_id = t.id
  where t.id = tenant;
  asked := mayfly_private.words_of_question(tenant, language, question, known, sampled);
  words := asked.words;
  if words is null then
    return;
  end if;
  terms := asked.terms;
  counts := asked.counts;
  rarities := asked.rarities;
  phrase := asked.phrase;
  t1 := terms[1]; t2 := terms[2]; t3 := terms[3];
  if cardinality(terms) > 3 then
    t4 := terms[4]; t5 := terms[5]; t6 := terms[6]; t7 := terms[7]; t8 := terms[8]; t9 := terms[9]; t10 := terms[10]; t11 := terms[11]; t12 := terms[12];
  end if;

  if sampled is null then
    -- Counts only memories that the caller may see.
    known := (
      select count(*) from (
        select from mayfly.memories m
        where m.tenant_id = tenant and m.deleted_at is null and (m.expires_at is null or m.expires_at > instant)
          and (m.visibility = 'tenant' or m.agent_id = any ((select mayfly_private.own_agent_ids())::uuid[])
            or (select tenant = any (mayfly_private.tenant_ids('memory:admin'))))
        limit 5000) visible);
    most := 5000;
    unseen := cardinality(terms);
  else
    most := greatest(500, known / 20);
    while unseen < cardinality(terms) and counts[unseen + 1] < known::double precision / greatest(sampled, 1) loop
      unseen := unseen + 1;
    end loop;
    o1 := rarities[1]; o2 := rarities[2]; o3 := rarities[3];
    if cardinality(terms) > 3 then
      o4 := rarities[4]; o5 := rarities[5]; o6 := rarities[6]; o7 := rarities[7]; o8 := rarities[8]; o9 := rarities[9]; o10 := rarities[10]; o11 := rarities[11]; o12 := rarities[12];
    end if;
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
    if sampled is not null and phrase is null then
      -- The rarities are known, so each memory is read once and only the best are kept.
      select array_agg(b.id order by b.score desc, b.id), array_agg(b.score order by b.score desc, b.id),
        array_agg(b.sum order by b.score desc, b.id), max(b.sum), array[count(*) filter (where b.r1 > 0)]
      into ids, scores, sums, best_sum, found_in
      from (
        select s.id, s.sum, s.sum / ln(s.length + 24) as score, s.r1
        from (
          select r.id, r.length, r.r1, coalesce(o1 * r.r1 * r.r1, 0) + coalesce(o2 * r.r2 * r.r2, 0) + coalesce(o3 * r.r3 * r.r3, 0)
            -- Few questions have more than three words.
            + case when t4 is null then 0 else o4 * r.r4 * r.r4 + coalesce(o5 * r.r5 * r.r5, 0) + coalesce(o6 * r.r6 * r.r6, 0)
              + coalesce(o7 * r.r7 * r.r7, 0) + coalesce(o8 * r.r8 * r.r8, 0) + coalesce(o9 * r.r9 * r.r9, 0)
              + coalesce(o10 * r.r10 * r.r10, 0) + coalesce(o11 * r.r11 * r.r11, 0) + coalesce(o12 * r.r12 * r.r12, 0) end as sum
          from (
            select x.id, length(x.words) as length,
              ts_rank('{0.1,0.2,0.8,1}', x.words, t1) as r1, ts_rank('{0.1,0.2,0.8,1}', x.words, t2) as r2,
              ts_rank('{0.1,0.2,0.8,1}', x.words, t3) as r3, ts_rank('{0.1,0.2,0.8,1}', x.words, t4) as r4,
              ts_rank('{0.1,0.2,0.8,1}', x.words, t5) as r5, ts_rank('{0.1,0.2,0.8,1}', x.words, t6) as r6,
              ts_rank('{0.1,0.2,0.8,1}', x.words, t7) as r7, ts_rank('{0.1,0.2,0.8,1}', x.words, t8) as r8,
              ts_rank('{0.1,0.2,0.8,1}', x.words, t9) as r9, ts_rank('{0.1,0.2,0.8,1}', x.words, t10) as r10,
              ts_rank('{0.1,0.2,0.8,1}', x.words, t11) as r11, ts_rank('{0.1,0.2,0.8,1}', x.words, t12) as r12
            from (
              -- Decompresses the words of a memory once, not once for each word of the question.
              select m.id, case when pg_column_compression(m.words) is null then m.words else m.words || ''::tsvector end as words
              from mayfly.memories m
              where m.tenant_id = tenant and m.words @@ picked and m.deleted_at is null
                and (m.visibility = 'tenant' or m.agent_id = any ((select mayfly_private.own_agent_ids())::uuid[])
                  or (select tenant = any (mayfly_private.tenant_ids('memory:admin'))))
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
        select x.id, length(x.words) as length,
          ts_rank('{0.1,0.2,0.8,1}', x.words, t1) as r1, ts_rank('{0.1,0.2,0.8,1}', x.words, t2) as r2,
          ts_rank('{0.1,0.2,0.8,1}', x.words, t3) as r3, ts_rank('{0.1,0.2,0.8,1}', x.words, t4) as r4,
          ts_rank('{0.1,0.2,0.8,1}', x.words, t5) as r5, ts_rank('{0.1,0.2,0.8,1}', x.words, t6) as r6,
          ts_rank('{0.1,0.2,0.8,1}', x.words, t7) as r7, ts_rank('{0.1,0.2,0.8,1}', x.words, t8) as r8,
          ts_rank('{0.1,0.2,0.8,1}', x.words, t9) as r9, ts_rank('{0.1,0.2,0.8,1}', x.words, t10) as r10,
          ts_rank('{0.1,0.2,0.8,1}', x.words, t11) as r11, ts_rank('{0.1,0.2,0.8,1}', x.words, t12) as r12,
          x.words @@ phrase as has_phrase
        from (
          -- Decompresses the words of a memory once, not once for each word of the question.
          select m.id, case when pg_column_compression(m.words) is null then m.words else m.words || ''::tsvector end as words
          from mayfly.memories m
          where m.tenant_id = tenant and m.words @@ picked and m.deleted_at is null
            and (m.visibility = 'tenant' or m.agent_id = any ((select mayfly_private.own_agent_ids())::uuid[])
              or (select tenant = any (mayfly_private.tenant_ids('memory:admin'))))
            and (m.expires_at is null or m.expires_at > instant)
            and (not is_filtered or (without is null or m.id <> without)
              and (kinds is null or m.kind = any (kinds)) and (having_tags is null or m.tags @> having_tags)
              and (agent is null or m.agent_id = agent) and (min_reward is null or m.reward >= min_reward)
              and (since is null or m.created_at >= since) and (until is null or m.created_at < until)
              and (for_task is null or m.task = for_task) and (session is null or m.session_id = session)
              and (conversation is null or m.conversation_id = conversation))
          limit 5 * most) x
      ), n as (
        select count(*) filter (where c.has_phrase) as phrases, array[
            count(*) filter (where c.r1 > 0), count(*) filter (where c.r2 > 0), count(*) filter (where c.r3 > 0), count(*) filter (where c.r4 > 0),
            count(*) filter (where c.r5 > 0), count(*) filter (where c.r6 > 0), count(*) filter (where c.r7 > 0), count(*) filter (where c.r8 > 0),
            count(*) filter (where c.r9 > 0), count(*) filter (where c.r10 > 0), count(*) filter (where c.r11 > 0), count(*) filter (where c.r12 > 0)] as found_in
        from c
      ), w as materialized (
        select n.found_in, n.of_phrase, n.of, n.of[1] as o1, n.of[2] as o2, n.of[3] as o3, n.of[4] as o4, n.of[5] as o5, n.of[6] as o6,
          n.of[7] as o7, n.of[8] as o8, n.of[9] as o9, n.of[10] as o10, n.of[11] as o11, n.of[12] as o12
        from (
          select n.found_in, case when phrase is not null then ln(1 + (greatest(known - n.phrases, 0) + 0.5) / (n.phrases + 0.5)) end as of_phrase,
            coalesce(rarities, array(
              select ln(1 + (greatest(known - h.has, 0) + 0.5) / (h.has + 0.5))
              from unnest(n.found_in[1:cardinality(terms)]::real[]) h (has))) as of
          from n
          offset 0) n
      ), best as (
        select s.id, s.sum, s.sum / ln(s.length + 24) as score
        from (
          select c.id, c.length, coalesce(w.o1 * c.r1 * c.r1, 0) + coalesce(w.o2 * c.r2 * c.r2, 0) + coalesce(w.o3 * c.r3 * c.r3, 0)
            + case when t4 is null then 0 else w.o4 * c.r4 * c.r4 + coalesce(w.o5 * c.r5 * c.r5, 0) + coalesce(w.o6 * c.r6 * c.r6, 0)
              + coalesce(w.o7 * c.r7 * c.r7, 0) + coalesce(w.o8 * c.r8 * c.r8, 0) + coalesce(w.o9 * c.r9 * c.r9, 0)
              + coalesce(w.o10 * c.r10 * c.r10, 0) + coalesce(w.o11 * c.r11 * c.r11, 0) + coalesce(w.o12 * c.r12 * c.r12, 0) end
            + case when c.has_phrase then 0.36957 * w.of_phrase else 0 end as sum
          from c, w
          offset 0) s
        where s.sum > 0
        order by score desc, s.id limit depth
      )
      select b.ids, b.scores, b.sums, b.best, w.found_in[1:cardinality(terms)], w.of, w.of_phrase
      into ids, scores, sums, best_sum, found_in, rarities, of_phrase
      from w, (
        select array_agg(best.id order by best.score desc, best.id) as ids, array_agg(best.score order by best.score desc, best.id) as scores,
          array_agg(best.sum order by best.score desc, best.id) as sums, max(best.sum) as best
        from best) b;
    end if;
    exit when picked_of = cardinality(terms) or coalesce(cardinality(ids), 0) >= wanted;
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
            and (m.visibility = 'tenant' or m.agent_id = any ((select mayfly_private.own_agent_ids())::uuid[])
              or (select tenant = any (mayfly_private.tenant_ids('memory:admin'))))));
    if doubtful <> '{}' then
      select t.ids, t.scores, t.sums, t.likenesses into ids, scores, sums, likenesses
      from mayfly_private.find_typos(tenant, language, question, doubtful, words, rarities, ids, scores, sums, depth,
        kinds, having_tags, agent, min_reward, since, until, for_task, session, conversation, without) t;
      best_sum := (select max(s) from unnest(sums) s);
    end if;
  end if;
  full_sum := 0;
  foreach rarity in array rarities loop
    full_sum := full_sum + rarity;
  end loop;
  full_sum := 0.36957 * greatest(coalesce(of_phrase, 0) + full_sum, 1e-9);
  if explain then
    report := jsonb_build_object('memories', known, 'counted_in', sampled,
    'words', (
      select jsonb_agg(jsonb_build_object('word', words[k], 'rarity', round(rarities[k]::numeric, 3),
        'memories', coalesce(round(counts[k]::numeric, 1), found_in[k]), 'chooses', k <= picked_of) order by k)
      from generate_subscripts(words, 1) k));
  end if;
end
$$;

comment on function mayfly_private.find_by_words is
  'The memories that match the words of a question best.';
