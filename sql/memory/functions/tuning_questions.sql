-- Makes the questions of mayfly.tuning_questions. It is a definer, because worth_of_model is private. A caller with
-- memory:admin sees every memory of the tenant. Reads up to 3,000 memories. Locks nothing.

create function mayfly_private.tuning_questions(questions integer, model text)
returns jsonb
language plpgsql stable security definer
set search_path = ''
set jit = off
as $$
#variable_conflict use_variable
declare
  tenant constant uuid := mayfly_private.require_tenant('memory:admin');
  instant constant timestamptz := mayfly_private.now();
  config constant regconfig := mayfly_private.text_search_config((select t.language from mayfly.tenants t where t.id = tenant));
  known record;
  vectors bigint;
  asked jsonb;
  unrelated double precision;
begin
  perform mayfly_private.require_tenant('memory:read');
  if questions is null or questions not between 10 and 200 then
    perform mayfly_private.fail(400, 'invalid_request', 'questions must be 10 to 200.', null, '{"field": "questions"}');
  end if;
  select count(*) into vectors from mayfly.memory_vectors v where v.tenant_id = tenant and v.model = tuning_questions.model;
  select w.meaning, w.unrelated into known from mayfly_private.worth_of_model(tenant, model) w;

  -- Memories of one conversation or one task belong together, so whole groups are drawn.
  with drawn as (
    select m.id, g.key, coalesce(nullif(m.output, ''), m.input) as text
    from mayfly.memories m
    cross join lateral (select coalesce(m.conversation_id::text, nullif(m.task, '')) as key) g
    where m.tenant_id = tenant and m.deleted_at is null and m.kind <> 'working' and (m.expires_at is null or m.expires_at > instant) and g.key is not null
    order by md5(g.key), m.id
    limit 3000
  ), groups as (
    select d.key, array_agg(d.id order by md5(d.id::text)) as ids from drawn d group by d.key having count(*) between 2 and 20
  ), asking as (
    select distinct on (g.key) g.key, d.id, left(d.text, 300) as query, array_remove(g.ids, d.id) as relevant
    from groups g join drawn d on d.key = g.key
    where array_length(regexp_split_to_array(btrim(d.text), '\s+'), 1) >= 5
    order by g.key, md5(d.id::text)
  )
  select jsonb_agg(jsonb_build_object('id', a.id, 'query', a.query, 'relevant', a.relevant) order by md5(a.key)) into asked
  from (select * from asking order by md5(key) limit questions) a;
  if jsonb_array_length(asked) >= 20 then
    return jsonb_build_object('mode', 'groups', 'questions', asked, 'vectors', vectors, 'meaning', known.meaning, 'was_unrelated', known.unrelated,
      'unrelated', mayfly_private.unrelated_similarity(tenant, model));
  end if;

  -- Otherwise, each question is a passage of a memory without its rarer words. Somebody who remembers the passage only
  -- vaguely asks like this.
  with sample as (
    select m.id, m.words, coalesce(nullif(m.output, ''), m.input) as text from mayfly.memories m
    where m.tenant_id = tenant and m.deleted_at is null and m.kind <> 'working' and (m.expires_at is null or m.expires_at > instant)
    order by md5(m.id::text) limit 1000
  ), frequencies as (
    select l.lexeme, count(*) as memories from sample s, unnest(s.words) l group by l.lexeme
  ), passages as (
    select s.id, substr(s.text, greatest(1, char_length(s.text) / 3), 300) as text from sample s where char_length(s.text) >= 150
    order by md5(s.id::text) limit questions
  ), words as (
    select p.id, w.n, w.word, coalesce(f.memories, 1) as memories
    from passages p
    -- The first and the last passage may be cut off.
    cross join lateral (
      select * from regexp_split_to_table(p.text, '\s+') with ordinality as r (word, n)) w
    cross join lateral (select (tsvector_to_array(to_tsvector(config, w.word)))[1] as lexeme) l
    left join frequencies f on f.lexeme = l.lexeme
    where l.lexeme is not null and w.n > 1
  ), middle as (
    select w.id, percentile_disc(0.5) within group (order by w.memories) as memories from words w group by w.id having count(*) >= 8
  )
  select jsonb_agg(jsonb_build_object('id', null, 'query', q.query, 'relevant', jsonb_build_array(q.id)) order by md5(q.id::text)) into asked
  from (
    select w.id, string_agg(w.word, ' ' order by w.n) as query
    from words w join middle m on m.id = w.id
    where w.memories >= m.memories
    group by w.id) q;
  return jsonb_build_object('mode', 'passages', 'questions', coalesce(asked, '[]'), 'vectors', vectors, 'meaning', known.meaning, 'was_unrelated', known.unrelated,
    'unrelated', mayfly_private.unrelated_similarity(tenant, model));
end
$$;

comment on function mayfly_private.tuning_questions is 'Questions about the tenant''s own memories, with known answers.';
grant execute on function mayfly_private.tuning_questions to authenticated, service_role;

-- Questions about the tenant's own memories, with known answers, to measure what an embedding model is worth. As long
-- as the memories stay the same, so do the questions. In the mode `groups`, a question is the text of a memory, and its
-- answers are the other memories of its conversation or task. If there are fewer than 20 such groups, the mode is
-- `passages`: a question is a passage without its rarer words, and the answer is its memory. Scopes memory:admin and
-- memory:read.
--
--   { mode, questions: [{ id, query, relevant: [id] }], vectors, meaning, was_unrelated, unrelated }
--   id             the memory of the question, which is not an answer
--   vectors        how many vectors of the model the tenant has
--   meaning        the weight of meaning that recall uses now for the model
--   was_unrelated  the similarity of unrelated texts that recall uses now for the model
--   unrelated      the similarity that was measured now, or null if there are fewer than 20 vectors

create function mayfly.tuning_questions(questions integer default 60, model text default '')
returns jsonb
language sql stable
set search_path = ''
return mayfly_private.tuning_questions(questions, model);

comment on function mayfly.tuning_questions is
  'Questions about the tenant''s own memories, with known answers: { mode, questions, vectors, meaning, was_unrelated, unrelated }.';
grant execute on function mayfly.tuning_questions to authenticated, service_role;
