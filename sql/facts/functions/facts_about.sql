-- Facts about the entities that a text names, and facts that were extracted from memories. It serves a recall that also
-- returns facts. In the first 1,000 characters of the text, it finds names and aliases of up to six words, the longest
-- first. In text without spaces between words (such as Chinese, Japanese or Thai), it finds names of two to eight
-- characters. Scope fact:read. Runs as the caller. Locks nothing.
--
--   { entities: [{ …, named }], facts: [{ …, hop }], truncated }
--   named: the name in the text, or null if the entity comes from a memory

create function mayfly.facts_about(
  query text default null, memories uuid[] default null, hops integer default 1, as_of timestamptz default null, result_limit integer default 50
)
returns jsonb
language plpgsql stable
set search_path = ''
as $$
declare
  tenant constant uuid := mayfly_private.require_tenant('fact:read');
  instant constant timestamptz := mayfly_private.now();
  at constant timestamptz := coalesce(as_of, instant);
  words constant text[] := string_to_array(mayfly_private.entity_key(left(query, 1000)), ' ');
  runs constant text[] := array(
    select r[1] from regexp_matches(mayfly_private.entity_key(left(query, 1000)), U&'[\0E00-\0E7F\3040-\30FF\3400-\9FFF\AC00-\D7AF]{2,}', 'g') r);
  names text[];
  named uuid[];
  called text[];
  around jsonb := '{"entities": [], "facts": [], "truncated": false}';
  of_memories jsonb := '[]';
begin
  if result_limit is null or result_limit not between 1 and 500 then
    perform mayfly_private.refuse_fact('result_limit', '1 to 500');
  elsif cardinality(memories) > 200 then
    perform mayfly_private.refuse_fact('memories', 'at most 200 ids');
  elsif char_length(query) > 10000 then
    perform mayfly_private.refuse_fact('query', 'a text of at most 10000 characters');
  end if;
  names := array(
    select array_to_string(words[w:w + n - 1], ' ') from generate_subscripts(words, 1) w, generate_series(1, 6) n
    where w + n - 1 <= cardinality(words)
    union
    select regexp_replace(btrim(array_to_string(words[w:w + n - 1], ' '), U&'.,;:!?"''()[]{}<>\2026\201C\201D\201E\2018\2019\00AB\00BB\3002\3001'),
      U&'[''\2019]s$', '')
    from generate_subscripts(words, 1) w, generate_series(1, 6) n
    where w + n - 1 <= cardinality(words)
    union
    select substr(r, c, n) from unnest(runs) r, generate_series(1, char_length(r)) c, generate_series(2, 8) n
    where c + n - 1 <= char_length(r));
  select array_agg(b.entity_id order by char_length(b.key) desc, b.entity_id), array_agg(b.name order by char_length(b.key) desc, b.entity_id)
  into named, called
  from (
    select distinct on (n.entity_id) n.entity_id, n.key, n.name from mayfly.entity_names n
    where n.tenant_id = tenant and n.key = any (names)
    order by n.entity_id, char_length(n.key) desc, n.key) b;

  if named is not null then
    around := mayfly.traverse_facts((select jsonb_agg(jsonb_build_object('id', i)) from unnest(named[:50]) i), hops,
      as_of => at, fan_out => 20, result_limit => result_limit);
  end if;
  if cardinality(memories) > 0 then
    of_memories := (
      select coalesce(jsonb_agg(mayfly_private.show_fact(r) || '{"hop": 0}' order by r.recorded_at desc, r.id), '[]')
      from (
        select f.* from mayfly.facts f
        where f.tenant_id = tenant and f.memory_id = any (memories)
          and f.valid_from <= at and (f.valid_to is null or f.valid_to > at) and (f.expires_at is null or f.expires_at > instant)
          and not exists (select from jsonb_array_elements(around -> 'facts') a where (a ->> 'id')::uuid = f.id)
        order by f.recorded_at desc, f.id
        limit result_limit - jsonb_array_length(around -> 'facts')) r);
  end if;
  return jsonb_build_object(
    'entities', (
      select coalesce(jsonb_agg(e || jsonb_build_object('named', called[array_position(named, (e ->> 'id')::uuid)])
        order by array_position(named, (e ->> 'id')::uuid), n), '[]')
      from jsonb_array_elements(around -> 'entities') with ordinality as a (e, n)),
    'facts', (around -> 'facts') || of_memories, 'truncated', (around ->> 'truncated')::boolean or coalesce(cardinality(named), 0) > 50);
end
$$;

comment on function mayfly.facts_about is
  'Facts about the entities that a text names, and facts that were extracted from memories: { entities, facts, truncated }.';
grant execute on function mayfly.facts_about to authenticated, service_role;
