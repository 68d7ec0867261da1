-- A question as a search for any of its words, by prefix from four letters on, identifiers also taken apart.
-- Ranking puts what has more of them first; demanding all of them would find nothing for most questions.

create function mayfly_private.any_word(language text, question text)
returns tsquery
language sql immutable parallel safe
set search_path = ''
return (
  select string_agg(
    '''' || replace(replace(lexeme, '\', '\\'), '''', '''''') || case when char_length(lexeme) >= 4 then ''':*' else '''' end,
    ' | ')::tsquery
  from unnest(tsvector_to_array(
    to_tsvector(mayfly_private.text_search_config(language), left(question, 10000))
    || to_tsvector(mayfly_private.text_search_config(language), mayfly_private.split_identifiers(left(question, 10000))))) lexeme
);

comment on function mayfly_private.any_word is 'A question as a search for any of its words.';
