-- The search words of a memory: task and tags have weight A, input and output B, the critique C. The text of each
-- weight is parsed once, if there is any. 1 KB of prose takes 180 µs. A single to_tsvector takes 130 µs. Called by
-- every write of a memory, and by maintenance, which brings older rows up to mayfly_private.words_version(). Locks
-- nothing.
--
-- A tsvector holds at most 1 MB, which few texts reach. A longer text is halved until it fits, so the memory is found
-- by the words at the beginning of the text.
--
-- How a text is normalised before it becomes words is in searched. Which language's rules apply is in
-- text_search_config.

create function mayfly_private.words(
  language text, task text, tags text[], input text, output text, critique text
)
returns tsvector
language plpgsql immutable parallel safe
set search_path = ''
as $$
declare
  config constant regconfig := mayfly_private.text_search_config(language);
  body text := case when output = '' then input when input = '' then output else input || E'\n' || output end;
  found tsvector;
begin
  -- A text of this size always fits, so it needs no exception block. Such a block costs a subtransaction.
  if octet_length(body) < 100000 then
    found := setweight(to_tsvector(config, mayfly_private.searched(body)), 'B');
  else
    loop
      begin
        found := setweight(to_tsvector(config, mayfly_private.searched(body)), 'B');
        exit;
      exception when program_limit_exceeded then
        body := left(body, char_length(body) / 2);
      end;
    end loop;
  end if;
  if task <> '' or tags <> '{}' then
    found := setweight(to_tsvector(config, mayfly_private.searched(mayfly_private.labels(task, tags))), 'A') || found;
  end if;
  if critique <> '' then
    found := found || setweight(to_tsvector(config, mayfly_private.searched(critique)), 'C');
  end if;
  return found;
end
$$;

comment on function mayfly_private.words is 'The search words of a memory.';
