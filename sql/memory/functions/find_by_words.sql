-- The memories that fit the words of a question best, best first, and how well they do.
--
--   score = sum over the asked words of rarity * rank ^ 2 / ln(different words of the memory + 24)
--   rarity = ln(1 + (memories - those that have it + 0.5) / (those that have it + 0.5))
--   rank   = ts_rank of the one word: 0.61 where task or tags have it once, 0.49 in the text, 0.12 in the critique, more
--            where it stands more often
--   fit    = sum of rarity * rank ^ 2 / (0.36957 * sum of rarity of all asked words), at most 1: the same for every question
--
-- The square makes of ts_rank's flat frequency about what BM25 with k1 = 2 has; the logarithm keeps stubs and long texts
-- from winning. By words alone nDCG@10 on Cranfield is 0.526, BM25's 0.520, plain ts_rank's 0.470 (npm run bench -- quality).
-- A quoted phrase counts as a word of the task.
--
-- In a large tenant common words choose no candidates: only as many of the rarest as are expected to bring a twentieth of the
-- memories, or 500. All words rank. 100,000 memories take 18 ms so, and 60 to 76 otherwise; of the best ten, 9.4 are the same.
-- Where the filters leave fewer than are wanted, all words are asked for.
--
-- A word of the question that no memory has is taken for a typo: memories whose task or tags have one like it (pg_trgm's
-- word_similarity, at least 0.5) count as having it, by half of that likeness. Called by mayfly_private.recall.
-- Locks nothing.

create function mayfly_private.find_by_words(
  tenant uuid, question text, depth integer, wanted integer, explain boolean, kinds text[], having_tags text[], agent uuid, min_reward real, since timestamptz,
  until timestamptz, for_task text, session uuid, conversation uuid, without uuid,
  out ids uuid[], out scores double precision[], out fits double precision[], out likenesses double precision[],
  out report jsonb
)
language plpgsql stable
set search_path = ''
-- Planning again took longer than the search. The words are found through their index or not at all.
set plan_cache_mode = force_generic_plan
set enable_seqscan = off
set jit = off
as $$
#variable_conflict use_variable
declare
  instant constant timestamptz := mayfly_private.now();
  language text;
  known bigint;
  sampled integer;
  asked record;
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
  of_weight constant real[] := '{0.1,0.2,0.8,1}';
  of_all double precision;
  doubtful text[];
begin
  select t.language, s.memories, s.sampled into language, known, sampled
  from mayfly.tenants t left join mayfly_private.word_samples s on s.tenant_id = t.id
  where t.id = tenant;
  select * into asked from mayfly_private.words_of_question(tenant, language, question);
  words := asked.words;
  terms := asked.terms;
  counts := asked.counts;
  phrase := asked.phrase;
  if words is null then
    return;
  end if;

  if sampled is null then
    -- Counts only what the caller may see.
    known := (
      select count(*) from (
        select from mayfly.memories m
        where m.tenant_id = tenant and m.deleted_at is null and (m.expires_at is null or m.expires_at > instant)
          and (m.visibility = 'tenant' or m.agent_id = any ((select mayfly_private.own_agent_ids())::uuid[])
            or (select tenant = any (mayfly_private.tenant_ids('memory:admin'))))
        limit 5000) visible);
    most := 5000;
  else
    -- Counted over all of the tenant's memories.
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
        ts_rank(of_weight, x.words, terms[1]) ^ 2 as r1, ts_rank(of_weight, x.words, terms[2]) ^ 2 as r2,
        ts_rank(of_weight, x.words, terms[3]) ^ 2 as r3, ts_rank(of_weight, x.words, terms[4]) ^ 2 as r4,
        ts_rank(of_weight, x.words, terms[5]) ^ 2 as r5, ts_rank(of_weight, x.words, terms[6]) ^ 2 as r6,
        ts_rank(of_weight, x.words, terms[7]) ^ 2 as r7, ts_rank(of_weight, x.words, terms[8]) ^ 2 as r8,
        ts_rank(of_weight, x.words, terms[9]) ^ 2 as r9, ts_rank(of_weight, x.words, terms[10]) ^ 2 as r10,
        ts_rank(of_weight, x.words, terms[11]) ^ 2 as r11, ts_rank(of_weight, x.words, terms[12]) ^ 2 as r12,
        x.words @@ phrase as has_phrase
      from (
        -- Unpacked once, not once for each word.
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
    ), n as (
      select count(*) filter (where c.has_phrase) as phrases, array[
          count(*) filter (where c.r1 > 0), count(*) filter (where c.r2 > 0), count(*) filter (where c.r3 > 0),
          count(*) filter (where c.r4 > 0), count(*) filter (where c.r5 > 0), count(*) filter (where c.r6 > 0),
          count(*) filter (where c.r7 > 0), count(*) filter (where c.r8 > 0), count(*) filter (where c.r9 > 0),
          count(*) filter (where c.r10 > 0), count(*) filter (where c.r11 > 0), count(*) filter (where c.r12 > 0)] as found_in
      from c
    ), w as (
      select n.found_in, array(
          select ln(1 + (greatest(known - h.has, 0) + 0.5) / (h.has + 0.5))
          from (select k, coalesce(counts[k], n.found_in[k]) as has from generate_subscripts(terms, 1) k) h order by h.k) as of,
        case when phrase is not null then ln(1 + (greatest(known - n.phrases, 0) + 0.5) / (n.phrases + 0.5)) end as of_phrase
      from n
    ), s as (
      select c.id, c.length, coalesce(w.of[1] * c.r1, 0) + coalesce(w.of[2] * c.r2, 0) + coalesce(w.of[3] * c.r3, 0)
          + coalesce(w.of[4] * c.r4, 0) + coalesce(w.of[5] * c.r5, 0) + coalesce(w.of[6] * c.r6, 0)
          + coalesce(w.of[7] * c.r7, 0) + coalesce(w.of[8] * c.r8, 0) + coalesce(w.of[9] * c.r9, 0)
          + coalesce(w.of[10] * c.r10, 0) + coalesce(w.of[11] * c.r11, 0) + coalesce(w.of[12] * c.r12, 0)
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
    -- The filters left too few.
    picked := (select string_agg(t::text, ' | ') from unnest(terms) t)::tsquery;
    picked_of := cardinality(terms);
    most := 2000000;
  end loop;

  -- A word that the sample or any visible memory has is not a typo.
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
