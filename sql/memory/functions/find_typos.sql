-- If no memory contains a word of the question, adds memories with a similar word in their task or tags.
-- mayfly_private.find_by_words calls it only for such words, so a question without a typo costs nothing more. Locks
-- nothing.

create function mayfly_private.find_typos(
  tenant uuid, self uuid, sees_all boolean, language text, question text, doubtful text[], words text[], rarities double precision[],
  hits mayfly_private.matches, depth integer,
  kinds text[], having_tags text[], agent uuid, min_reward real, since timestamptz,
  until timestamptz, for_task text, session uuid, conversation uuid, without uuid
)
returns mayfly_private.matches
language plpgsql stable
set search_path = ''
set jit = off
as $$
#variable_conflict use_variable
declare
  instant constant timestamptz := mayfly_private.now();
  threshold constant text := coalesce(current_setting('pg_trgm.word_similarity_threshold', true), '0.6');
  rarest constant double precision := (select max(r) from unnest(rarities) r);
begin
  -- This setting is not in a set clause, because a session that has not loaded pg_trgm yet would refuse the clause.
  perform set_config('pg_trgm.word_similarity_threshold', '0.5', true);
  with asked as materialized (
    select distinct w.word
    from regexp_split_to_table(lower(mayfly_private.searched(left(question, 1000))), '[^[:alnum:]]+') w (word)
    where char_length(w.word) between 4 and 40
      and tsvector_to_array(to_tsvector(mayfly_private.text_search_config(language), w.word)) && doubtful
    limit 5
  ), like_it as materialized (
    -- In double precision, the sum of a few similarities is exact. So it does not depend on the order of the words.
    select m.id, sum(extensions.word_similarity(a.word, mayfly_private.labels(m.task, m.tags))::double precision) as likeness,
      ln(length(m.words) + 24) as damping, coalesce(m.conversation_id, m.session_id) is not null as in_thread
    from asked a
    join mayfly.memories m on mayfly_private.labels(m.task, m.tags) operator(extensions.%>) a.word
    where m.tenant_id = tenant and m.deleted_at is null
      and (m.visibility = 'tenant' or sees_all or m.agent_id = self
        or m.agent_id = any ((select mayfly_private.agents_under(tenant, self))::uuid[]))
      and (m.expires_at is null or m.expires_at > instant)
      and (without is null or m.id <> without)
      and (kinds is null or m.kind = any (kinds)) and (having_tags is null or m.tags @> having_tags)
      and (agent is null or m.agent_id = agent) and (min_reward is null or m.reward >= min_reward)
      and (since is null or m.created_at >= since) and (until is null or m.created_at < until)
      and (for_task is null or m.task = for_task) and (session is null or m.session_id = session)
      and (conversation is null or m.conversation_id = conversation)
    group by m.tenant_id, m.id
    order by likeness desc, m.id
    limit depth
  ), either as (
    select coalesce(h.id, l.id) as id, coalesce(h.share, 0) + coalesce(0.18478 * rarest * l.likeness / l.damping, 0) as share,
      coalesce(h.sum, 0) + coalesce(0.18478 * rarest * l.likeness, 0) as sum, l.likeness, l.in_thread
    from unnest(hits.ids, hits.shares, hits.sums) h (id, share, sum)
    full join like_it l on l.id = h.id
    order by share desc, id
    limit depth
  )
  select array_agg(e.id order by e.share desc, e.id), array_agg(e.share order by e.share desc, e.id),
    array_agg(e.sum order by e.share desc, e.id), array_agg(e.likeness order by e.share desc, e.id), max(e.sum),
    hits.in_threads is true or coalesce(bool_or(e.in_thread), false)
  into hits.ids, hits.shares, hits.sums, hits.typos, hits.best_sum, hits.in_threads
  from either e;
  perform set_config('pg_trgm.word_similarity_threshold', threshold, true);
  return hits;
end
$$;

comment on function mayfly_private.find_typos is
  'If no memory has a word of the question, adds memories with a similar word in their task or tags.';
