-- Ranks the candidates of find_by_words for a question of more than three words, or with a phrase. Most questions have no
-- more than three, and preparing a statement for twelve takes longer than running it for three. So find_by_words has its
-- own statements for three words, and calls this function for more. Returns also what find_by_words needs to go on: in
-- how many candidates each word was found, and how rare it is. Locks nothing.

create function mayfly_private.find_by_many_words(
  tenant uuid, self uuid, sees_all boolean, terms tsquery[], known_rarities double precision[], phrase tsquery, picked tsquery,
  known_memories bigint, sampled integer, most integer, depth integer, kinds text[], having_tags text[], agent uuid, min_reward real,
  since timestamptz, until timestamptz, for_task text, session uuid, conversation uuid, without uuid,
  out hits mayfly_private.matches, out known bigint, out found_in bigint[], out rarities double precision[], out of_phrase double precision
)
language plpgsql stable
set search_path = ''
as $$
#variable_conflict use_variable
declare
  instant constant timestamptz := mayfly_private.now();
  is_filtered constant boolean := num_nonnulls(kinds, having_tags, agent, min_reward, since, until, for_task, session, conversation, without) > 0;
  t1 constant tsquery := terms[1]; t2 constant tsquery := terms[2]; t3 constant tsquery := terms[3]; t4 constant tsquery := terms[4];
  t5 constant tsquery := terms[5]; t6 constant tsquery := terms[6]; t7 constant tsquery := terms[7]; t8 constant tsquery := terms[8];
  t9 constant tsquery := terms[9]; t10 constant tsquery := terms[10]; t11 constant tsquery := terms[11]; t12 constant tsquery := terms[12];
  o1 constant double precision := known_rarities[1]; o2 constant double precision := known_rarities[2]; o3 constant double precision := known_rarities[3];
  o4 constant double precision := known_rarities[4]; o5 constant double precision := known_rarities[5]; o6 constant double precision := known_rarities[6];
  o7 constant double precision := known_rarities[7]; o8 constant double precision := known_rarities[8]; o9 constant double precision := known_rarities[9];
  o10 constant double precision := known_rarities[10]; o11 constant double precision := known_rarities[11]; o12 constant double precision := known_rarities[12];
begin
  known := known_memories;
  rarities := known_rarities;
  if sampled is not null and phrase is null then
    -- The rarities are known, so each memory is read once and only the best are kept.
    select array_agg(b.id order by b.score desc, b.id), array_agg(b.score order by b.score desc, b.id),
      array_agg(b.sum order by b.score desc, b.id), max(b.sum), bool_or(b.in_thread), array[count(*) filter (where b.r1 > 0)]
    into hits.ids, hits.shares, hits.sums, hits.best_sum, hits.in_threads, found_in
    from (
      select s.id, s.sum, s.sum / ln(s.length + 24) as score, s.r1, s.in_thread
      from (
        select r.id, r.length, r.in_thread, r.r1, coalesce(o1 * r.r1 * r.r1, 0) + coalesce(o2 * r.r2 * r.r2, 0) + coalesce(o3 * r.r3 * r.r3, 0)
          + case when t4 is null then 0 else o4 * r.r4 * r.r4 + coalesce(o5 * r.r5 * r.r5, 0) + coalesce(o6 * r.r6 * r.r6, 0)
            + coalesce(o7 * r.r7 * r.r7, 0) + coalesce(o8 * r.r8 * r.r8, 0) + coalesce(o9 * r.r9 * r.r9, 0)
            + coalesce(o10 * r.r10 * r.r10, 0) + coalesce(o11 * r.r11 * r.r11, 0) + coalesce(o12 * r.r12 * r.r12, 0) end as sum
        from (
          select x.id, x.in_thread, length(x.words) as length,
            ts_rank('{0.1,0.2,0.8,1}', x.words, t1) as r1, ts_rank('{0.1,0.2,0.8,1}', x.words, t2) as r2,
            ts_rank('{0.1,0.2,0.8,1}', x.words, t3) as r3, ts_rank('{0.1,0.2,0.8,1}', x.words, t4) as r4,
            ts_rank('{0.1,0.2,0.8,1}', x.words, t5) as r5, ts_rank('{0.1,0.2,0.8,1}', x.words, t6) as r6,
            ts_rank('{0.1,0.2,0.8,1}', x.words, t7) as r7, ts_rank('{0.1,0.2,0.8,1}', x.words, t8) as r8,
            ts_rank('{0.1,0.2,0.8,1}', x.words, t9) as r9, ts_rank('{0.1,0.2,0.8,1}', x.words, t10) as r10,
            ts_rank('{0.1,0.2,0.8,1}', x.words, t11) as r11, ts_rank('{0.1,0.2,0.8,1}', x.words, t12) as r12
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
        ts_rank('{0.1,0.2,0.8,1}', x.words, t3) as r3, ts_rank('{0.1,0.2,0.8,1}', x.words, t4) as r4,
        ts_rank('{0.1,0.2,0.8,1}', x.words, t5) as r5, ts_rank('{0.1,0.2,0.8,1}', x.words, t6) as r6,
        ts_rank('{0.1,0.2,0.8,1}', x.words, t7) as r7, ts_rank('{0.1,0.2,0.8,1}', x.words, t8) as r8,
        ts_rank('{0.1,0.2,0.8,1}', x.words, t9) as r9, ts_rank('{0.1,0.2,0.8,1}', x.words, t10) as r10,
        ts_rank('{0.1,0.2,0.8,1}', x.words, t11) as r11, ts_rank('{0.1,0.2,0.8,1}', x.words, t12) as r12,
        x.words @@ phrase as has_phrase
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
      select count(*) filter (where c.has_phrase) as phrases,
        -- Without a sample, all memories that the caller may see are counted.
        case when sampled is not null then known else (
          select count(*) from (
            select from mayfly.memories m
            where m.tenant_id = tenant and m.deleted_at is null and (m.expires_at is null or m.expires_at > instant)
              and (m.visibility = 'tenant' or sees_all or m.agent_id = self
                or m.agent_id = any ((select mayfly_private.agents_under(tenant, self))::uuid[]))
            limit 5000) visible) end as known, array[
          count(*) filter (where c.r1 > 0), count(*) filter (where c.r2 > 0), count(*) filter (where c.r3 > 0), count(*) filter (where c.r4 > 0),
          count(*) filter (where c.r5 > 0), count(*) filter (where c.r6 > 0), count(*) filter (where c.r7 > 0), count(*) filter (where c.r8 > 0),
          count(*) filter (where c.r9 > 0), count(*) filter (where c.r10 > 0), count(*) filter (where c.r11 > 0), count(*) filter (where c.r12 > 0)] as found_in
      from c
    ), w as materialized (
      select n.known, n.found_in, n.of_phrase, n.of, n.of[1] as o1, n.of[2] as o2, n.of[3] as o3, n.of[4] as o4, n.of[5] as o5, n.of[6] as o6,
        n.of[7] as o7, n.of[8] as o8, n.of[9] as o9, n.of[10] as o10, n.of[11] as o11, n.of[12] as o12
      from (
        select n.known, n.found_in, case when phrase is not null then ln(1 + (greatest(n.known - n.phrases, 0) + 0.5) / (n.phrases + 0.5)) end as of_phrase,
          coalesce(rarities, array(
            select ln(1 + (greatest(n.known - h.has, 0) + 0.5) / (h.has + 0.5))
            from unnest(n.found_in[1:cardinality(terms)]::real[]) h (has))) as of
        from n
        offset 0) n
    ), best as (
      select s.id, s.sum, s.sum / ln(s.length + 24) as score, s.in_thread
      from (
        select c.id, c.length, c.in_thread, coalesce(w.o1 * c.r1 * c.r1, 0) + coalesce(w.o2 * c.r2 * c.r2, 0) + coalesce(w.o3 * c.r3 * c.r3, 0)
          + case when t4 is null then 0 else w.o4 * c.r4 * c.r4 + coalesce(w.o5 * c.r5 * c.r5, 0) + coalesce(w.o6 * c.r6 * c.r6, 0)
            + coalesce(w.o7 * c.r7 * c.r7, 0) + coalesce(w.o8 * c.r8 * c.r8, 0) + coalesce(w.o9 * c.r9 * c.r9, 0)
            + coalesce(w.o10 * c.r10 * c.r10, 0) + coalesce(w.o11 * c.r11 * c.r11, 0) + coalesce(w.o12 * c.r12 * c.r12, 0) end
          + case when c.has_phrase then 0.36957 * w.of_phrase else 0 end as sum
        from c, w
        offset 0) s
      where s.sum > 0
      order by score desc, s.id limit depth
    )
    select b.ids, b.scores, b.sums, b.best, b.in_threads, w.known, w.found_in[1:cardinality(terms)], w.of, w.of_phrase
    into hits.ids, hits.shares, hits.sums, hits.best_sum, hits.in_threads, known, found_in, rarities, of_phrase
    from w, (
      select array_agg(best.id order by best.score desc, best.id) as ids, array_agg(best.score order by best.score desc, best.id) as scores,
        array_agg(best.sum order by best.score desc, best.id) as sums, max(best.sum) as best, bool_or(best.in_thread) as in_threads
      from best) b;
  end if;
end
$$;

comment on function mayfly_private.find_by_many_words is 'Ranks the memories that match a question of many words.';
