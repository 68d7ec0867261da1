-- The words of a question as tsqueries, rarest first and at most 12. In a tenant with a sample (`sampled` of its
-- `known` memories), each word also has the number of memories that contain it, scaled up from the sample, and its
-- rarity (see mayfly_private.find_by_words). A word that no sampled memory contains counts as half a sampled memory.
-- Without a sample, number and rarity are null, because the search then counts the words itself. A word that looks like
-- the beginning of a hash matches as a prefix. So does a single letter of a script that is indexed in pairs of letters.
-- Called by mayfly_private.find_by_words. Locks nothing.
--
-- In rows that maintenance has not rewritten yet, the words still have their accents. While there are such rows, a word
-- with an accent is searched with and without it. Matching every word as a prefix lost .025 of nDCG@10 on Cranfield.

create function mayfly_private.words_of_question(
  tenant uuid, language text, question text, known bigint, sampled integer,
  out words text[], out terms tsquery[], out counts real[], out rarities double precision[], out phrase tsquery
)
language plpgsql stable
set search_path = ''
as $$
#variable_conflict use_variable
declare
  config constant regconfig := mayfly_private.text_search_config(language);
  asked constant tsvector := to_tsvector(config, mayfly_private.searched(question));
  plain tsvector := '';
  quoted text;
  of_quoted tsquery;
begin
  if octet_length(question) > char_length(question)
    and exists (select from mayfly.memories m where m.tenant_id = tenant and m.words_version = 0)
  then
    plain := to_tsvector(('pg_catalog.' || split_part(config::text, '.', 2))::regconfig, question);
  end if;
  select array_agg(a.word), array_agg(a.term), array_agg(a.count),
    case when sampled is not null then array_agg(ln(1 + (greatest(known - a.count, 0) + 0.5) / (a.count + 0.5))) end
  into words, terms, counts, rarities
  from (
    select w.word,
      ('''' || replace(replace(w.word, '\', '\\'), '''', '''''') || ''''
        || case when w.word ~ '^(?:(?=.*[0-9])(?=.*[a-f])[0-9a-f]{4,}|[0-9]{6,}|x[0-9]+e[0-9a-f]+)$'
            or octet_length(w.word) > 1 and char_length(w.word) = 1 then ':*' else '' end)::tsquery as term,
      case when sampled is not null then coalesce((
        select f.memories from mayfly_private.word_frequencies f where f.tenant_id = tenant and f.word = w.word), 0.5)
        * greatest(known, 1)::double precision / greatest(sampled, 1)
      end::real as count
    from unnest(tsvector_to_array(case when plain = '' then asked else asked || plain end)) w (word)
    -- The last letter of a run of pairs is already in the last pair.
    where not (octet_length(w.word) > 1 and char_length(w.word) = 1 and length(asked) > 1)
    order by count, char_length(w.word) desc, w.word collate "C"
    limit 12) a;
  -- Most questions quote nothing.
  if translate(question, U&'"\201C\201E\00AB', '') = question then
    return;
  end if;
  for quoted in select q[1] from regexp_matches(question, U&'["\201C\201E\00AB]([^"\201C-\201F\00AB\00BB]+)["\201C\201D\00BB]', 'g') q limit 3 loop
    of_quoted := phraseto_tsquery(config, translate(normalize(quoted, NFKC), '<>', '  '));
    -- A script that is indexed in pairs is searched by its pairs.
    if numnode(of_quoted) > 0 and mayfly_private.searched(quoted) ~ '^ ' then
      of_quoted := plainto_tsquery(config, mayfly_private.searched(quoted));
    end if;
    if numnode(of_quoted) > 1 then
      phrase := case when phrase is null then of_quoted else phrase && of_quoted end;
    end if;
  end loop;
end
$$;

comment on function mayfly_private.words_of_question is 'The words of a question as searches, the rarest first.';
