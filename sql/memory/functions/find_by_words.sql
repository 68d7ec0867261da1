-- The memories that match the words of a question best, best first, with their scores.
--
--   score  = sum over the words of the question of rarity * rank ^ 2 / ln(different words of the memory + 24)
--   rarity = ln(1 + (memories - memories with the word + 0.5) / (memories with the word + 0.5))
--   rank   = ts_rank of the word: 0.61 if it occurs once in task or tags, 0.49 in the text, 0.12 in the critique, and
--            more if it occurs more often
--   fit    = sum of rarity * rank ^ 2 / (0.36957 * sum of rarity of all words of the question), at most 1, on
--            the same scale for every question
--
-- When a word is repeated, ts_rank grows little. The square of ts_rank grows about as in BM25 with k1 = 2. The
-- logarithm keeps very short and very long texts from winning. With words only, nDCG@10 on Cranfield is 0.526, BM25's
-- is 0.520, and plain ts_rank's 0.470 (npm run bench -- quality). A quoted phrase weighs as much as a word in the task.
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
  out ids uuid[], out scores double precision[], out fits double precision[], out likenesses double precision[],
  out report jsonb
)
language plpgsql stable
set search_path = ''
-- Words are always found through their index. recall sets the other planner settings.
set enable_seqscan = off
as $$
#variable_conflict use_variable
declare
  instant constant timestamptz := mayfly_private.now();
  language text;
  known bigint;
  sampled integer;
  words text[];
  terms tsquery[];
  counts real[];
  phrase tsquery;
  most integer;
  expected double precision;
  picked tsquery;
  picked_of integer := 1;
  rarities double precision[];
  found_in bigint[];
  of_all double precision;
  doubtful text[];
begin
  select t.language, s.memories, s.sampled into language, known, sampled
  from mayfly.tenants t left join mayfly_private.word_samples s on s.tenant_id = t.id
  where t.id = tenant;
  select q.words, q.terms, q.counts, q.phrase into words, terms, counts, phrase
  from mayfly_private.words_of_question(tenant, language, question, sampled is not null) q;
  if words is null then
    return;
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
  else
    -- Scales the counts of the sample up to all of the tenant's memories.
    counts := array(select c * greatest(known, 1) / greatest(sampled, 1) from unnest(counts) c);
    most := greatest(500, known / 20);
  end if;
  picked := terms[1];
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
    with c as materialized (
      select x.id, length(x.words) as length,
        ts_rank('{0.1,0.2,0.8,1}', x.words, t.t1) as r1, ts_rank('{0.1,0.2,0.8,1}', x.words, t.t2) as r2,
        ts_rank('{0.1,0.2,0.8,1}', x.words, t.t3) as r3, ts_rank('{0.1,0.2,0.8,1}', x.words, t.t4) as r4,
        ts_rank('{0.1,0.2,0.8,1}', x.words, t.t5) as r5, ts_rank('{0.1,0.2,0.8,1}', x.words, t.t6) as r6,
        ts_rank('{0.1,0.2,0.8,1}', x.words, t.t7) as r7, ts_rank('{0.1,0.2,0.8,1}', x.words, t.t8) as r8,
        ts_rank('{0.1,0.2,0.8,1}', x.words, t.t9) as r9, ts_rank('{0.1,0.2,0.8,1}', x.words, t.t10) as r10,
        ts_rank('{0.1,0.2,0.8,1}', x.words, t.t11) as r11, ts_rank('{0.1,0.2,0.8,1}', x.words, t.t12) as r12,
        x.words @@ phrase as has_phrase
      from (
        -- Decompresses the words of a memory once, not once for each word of the question.
        select m.id, case when pg_column_compression(m.words) is null then m.words else m.words || ''::tsvector end as words
        from mayfly.memories m
        where m.tenant_id = tenant and m.words @@ picked and m.deleted_at is null
          and (m.visibility = 'tenant' or m.agent_id = any ((select mayfly_private.own_agent_ids())::uuid[])
            or (select tenant = any (mayfly_private.tenant_ids('memory:admin'))))
          and (m.expires_at is null or m.expires_at > instant)
          and (without is null or m.id <> without)
          and (kinds is null or m.kind = any (kinds)) and (having_tags is null or m.tags @> having_tags)
          and (agent is null or m.agent_id = agent) and (min_reward is null or m.reward >= min_reward)
          and (since is null or m.created_at >= since) and (until is null or m.created_at < until)
          and (for_task is null or m.task = for_task) and (session is null or m.session_id = session)
          and (conversation is null or m.conversation_id = conversation)
        limit 5 * most) x
      -- Each word of the question is a column. Reading it from an array for each memory took longer than the ranking.
      cross join (
        select terms[1] as t1, terms[2] as t2, terms[3] as t3, terms[4] as t4, terms[5] as t5, terms[6] as t6,
          terms[7] as t7, terms[8] as t8, terms[9] as t9, terms[10] as t10, terms[11] as t11, terms[12] as t12
        offset 0) t
    ), n as (
      select count(*) filter (where c.has_phrase) as phrases, array[
          count(*) filter (where c.r1 > 0), count(*) filter (where c.r2 > 0), count(*) filter (where c.r3 > 0),
          count(*) filter (where c.r4 > 0), count(*) filter (where c.r5 > 0), count(*) filter (where c.r6 > 0),
          count(*) filter (where c.r7 > 0), count(*) filter (where c.r8 > 0), count(*) filter (where c.r9 > 0),
          count(*) filter (where c.r10 > 0), count(*) filter (where c.r11 > 0), count(*) filter (where c.r12 > 0)] as found_in
      from c
    ), w as materialized (
      select n.found_in, r.of, n.of_phrase, r.of[1] as o1, r.of[2] as o2, r.of[3] as o3, r.of[4] as o4, r.of[5] as o5, r.of[6] as o6,
        r.of[7] as o7, r.of[8] as o8, r.of[9] as o9, r.of[10] as o10, r.of[11] as o11, r.of[12] as o12
      from (
        select n.*, case when phrase is not null then ln(1 + (greatest(known - n.phrases, 0) + 0.5) / (n.phrases + 0.5)) end as of_phrase
        from n) n
      cross join lateral (
        select array(
          select ln(1 + (greatest(known - h.has, 0) + 0.5) / (h.has + 0.5))
          from (select k, coalesce(counts[k], n.found_in[k]) as has from generate_subscripts(terms, 1) k) h order by h.k) as of
        offset 0) r
    ), s as materialized (
      -- The sum is computed once for each memory. Previously, the filter, the order and the result each read the
      -- rarities from their array, which took three quarters of the time.
      select c.id, c.length, coalesce(w.o1 * c.r1 * c.r1, 0) + coalesce(w.o2 * c.r2 * c.r2, 0) + coalesce(w.o3 * c.r3 * c.r3, 0)
          -- Few questions have more than three words.
          + case when w.o4 is null then 0 else w.o4 * c.r4 * c.r4 + coalesce(w.o5 * c.r5 * c.r5, 0) + coalesce(w.o6 * c.r6 * c.r6, 0)
            + coalesce(w.o7 * c.r7 * c.r7, 0) + coalesce(w.o8 * c.r8 * c.r8, 0) + coalesce(w.o9 * c.r9 * c.r9, 0)
            + coalesce(w.o10 * c.r10 * c.r10, 0) + coalesce(w.o11 * c.r11 * c.r11, 0) + coalesce(w.o12 * c.r12 * c.r12, 0) end
          + case when c.has_phrase then 0.36957 * w.of_phrase else 0 end as sum
      from c, w
    ), best as (
      select s.id, s.sum, s.sum / ln(s.length + 24) as score from s
      where s.sum > 0
      order by score desc, s.id limit depth
    )
    select b.ids, b.scores, b.sums, w.found_in, w.of, coalesce(w.of_phrase, 0) + (select sum(r) from unnest(w.of) r)
    into ids, scores, fits, found_in, rarities, of_all
    from w, (
      select array_agg(best.id order by best.score desc, best.id) as ids, array_agg(best.score order by best.score desc, best.id) as scores,
        array_agg(best.sum order by best.score desc, best.id) as sums
      from best) b;
    exit when picked_of = cardinality(terms) or coalesce(cardinality(ids), 0) >= wanted;
    -- Too few candidates passed the filters, so all words select candidates now.
    picked := (select string_agg(t::text, ' | ') from unnest(terms) t)::tsquery;
    picked_of := cardinality(terms);
    most := 2000000;
  end loop;

  -- A word is not a typo if it is in the sample or in any visible memory.
  if 0 = any (found_in) then
    doubtful := array(
      select words[k] from generate_subscripts(words, 1) k
      where found_in[k] = 0 and (sampled is null or counts[k] < known::double precision / sampled)
        and char_length(words[k]) >= 3 and not exists (
          select from mayfly.memories m
          where m.tenant_id = tenant and m.words @@ terms[k] and m.deleted_at is null
            and (m.visibility = 'tenant' or m.agent_id = any ((select mayfly_private.own_agent_ids())::uuid[])
              or (select tenant = any (mayfly_private.tenant_ids('memory:admin'))))));
    if doubtful <> '{}' then
      select t.ids, t.scores, t.sums, t.likenesses into ids, scores, fits, likenesses
      from mayfly_private.find_typos(tenant, language, question, doubtful, words, rarities, ids, scores, fits, depth,
        kinds, having_tags, agent, min_reward, since, until, for_task, session, conversation, without) t;
    end if;
  end if;
  fits := array(select least(1, f / (0.36957 * greatest(of_all, 1e-9))) from unnest(fits) f);
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
