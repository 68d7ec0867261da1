-- The words of a question as tsqueries, rarest first and at most 12. With each word comes the number of sampled
-- memories that contain the word. This number is 0.5 if no sampled memory contains the word, and null in a small
-- tenant, where words are counted during the search. A word that looks like the beginning of a hash matches as a
-- prefix. So does a single letter of a script that is indexed in pairs of letters. Called by
-- mayfly_private.find_by_words. Locks nothing.
--
-- In rows that maintenance has not rewritten yet, the words still have their accents. While there are such rows, a word
-- with an accent is searched with and without it. Matching every word as a prefix lost .025 of nDCG@10 on Cranfield.

create function mayfly_private.words_of_question(
  tenant uuid, language text, question text, is_sampled boolean, out words text[], out terms tsquery[], out counts real[], out phrase tsquery
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
  select array_agg(a.word), array_agg(a.term), array_agg(a.count) into words, terms, counts
  from (
    select w.word,
      ('''' || replace(replace(w.word, '\', '\\'), '''', '''''') || ''''
        || case when (w.word ~ '^(?=.*[0-9])(?=.*[a-f])[0-9a-f]{4,}$' or w.word ~ '^[0-9]{6,}$' or w.word ~ '^x[0-9]+e[0-9a-f]+$'
            or octet_length(w.word) > 1 and char_length(w.word) = 1) then ':*' else '' end)::tsquery as term,
      case when is_sampled then coalesce((
        select f.memories from mayfly_private.word_frequencies f where f.tenant_id = tenant and f.word = w.word), 0.5)
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
