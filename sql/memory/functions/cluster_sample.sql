-- The words of a sample of the memories that the caller sees, for clustering. The sample is drawn by a hash of
-- the ids, so the same memories give the same sample. For each memory it returns the 30 most telling words,
-- weighted by (1 + ln(occurrences)) * ln(memories / memories that have the word). Words must be in at least two
-- memories and in at most half of them. Scope memory:read. Runs as the caller and reads what the caller sees.
-- Locks nothing.
--
--   { memories, items: [{ id, task, reward, words: {word: weight} }] }

create function mayfly.cluster_sample(sample_size integer default 1000, kinds text[] default null)
returns jsonb
language plpgsql stable
set search_path = ''
set jit = off
-- The planner has no statistics about a sample. Without this setting, it joined the words one by one, which took
-- minutes for 240 abstracts.
set enable_nestloop = off
as $$
declare
  tenant constant uuid := mayfly_private.require_tenant('memory:read');
  instant constant timestamptz := mayfly_private.now();
begin
  if sample_size is null or sample_size not between 10 and 3000 then
    perform mayfly_private.fail(400, 'invalid_request', 'sample_size must be 10 to 3000.', null, '{"field": "sample_size"}');
  end if;
  return (
    with seen as materialized (
      select m.id from mayfly.memories m
      where m.tenant_id = tenant and m.deleted_at is null and (m.expires_at is null or m.expires_at > instant)
        and (kinds is null or m.kind = any (kinds))
    ), drawn as materialized (
      select m.id, m.task, m.reward, m.words
      from (select s.id from seen s order by md5(s.id::text), s.id limit sample_size) d
      join mayfly.memories m on m.tenant_id = tenant and m.id = d.id
    ), words as materialized (
      select d.id, w.lexeme, coalesce(cardinality(w.positions), 1) as times
      from drawn d, unnest(d.words) w
      where char_length(w.lexeme) between 2 and 40 and w.lexeme !~ '^[0-9.,:/+-]+$'
    ), known as (
      select w.lexeme, ln((select count(*) from drawn)::double precision / count(*)) as rarity from words w
      group by w.lexeme having count(*) between 2 and greatest(2, (select count(*) from drawn) / 2)
    ), weighed as (
      select w.id, w.lexeme, (1 + ln(w.times)) * k.rarity as weight,
        row_number() over (partition by w.id order by (1 + ln(w.times)) * k.rarity desc, w.lexeme collate "C") as n
      from words w join known k on k.lexeme = w.lexeme
    ), chosen as (
      select w.id, jsonb_object_agg(w.lexeme, round(w.weight::numeric, 3)) as words from weighed w where w.n <= 30 and w.weight > 0 group by w.id
    )
    select jsonb_build_object('memories', (select count(*) from seen), 'items', coalesce(jsonb_agg(jsonb_build_object(
      'id', d.id, 'task', left(d.task, 200), 'reward', d.reward, 'words', coalesce(c.words, '{}')) order by d.id), '[]'))
    from drawn d left join chosen c on c.id = d.id);
end
$$;

comment on function mayfly.cluster_sample is
  'The words of a sample of the memories that the caller sees, for clustering: { memories, items }.';
grant execute on function mayfly.cluster_sample to authenticated, service_role;
