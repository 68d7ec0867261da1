-- The search words of a memory, for its generated column. Text is cut, since a tsvector over
-- 1 MB raises. Called by whoever writes a memory.

create function mayfly_private.words(
  language text, task text, tags text[], input text, output text, critique text
)
returns tsvector
language plpgsql immutable parallel safe
set search_path = ''
as $$
declare
  config constant regconfig := mayfly_private.text_search_config(language);
  labels constant text := concat_ws(' ', task, array_to_string(tags, ' '));
  body constant text := left(concat_ws(E'\n', input, output), 100000);
  split_body constant text := mayfly_private.split_identifiers(body);
begin
  return setweight(to_tsvector(config, labels), 'A')
    || setweight(to_tsvector(config, mayfly_private.split_identifiers(labels)), 'A')
    || setweight(to_tsvector(config, body), 'B')
    -- Most prose has nothing to take apart: half the work saved.
    || case when split_body = body then ''::tsvector else setweight(to_tsvector(config, split_body), 'B') end
    || setweight(to_tsvector(config, left(critique, 20000)), 'C');
end
$$;

comment on function mayfly_private.words is 'The search words of a memory.';
