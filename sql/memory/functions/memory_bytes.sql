-- Estimates how many bytes a memory takes in an answer, before JSON escapes. It gets the length of a stored text
-- without reading the text, and reads the metadata only if they are stored compressed. Called by mayfly_private.pull.
-- Locks nothing.

create function mayfly_private.memory_bytes(
  task text, input text, output text, critique text, tags text[], metadata jsonb, language text, hlc jsonb
)
returns bigint
language plpgsql stable
set search_path = ''
as $$
begin
  return 900 + octet_length(task) + octet_length(input) + octet_length(output) + octet_length(critique)
    + octet_length(tags::text) + octet_length(language) + octet_length(hlc::text)
    + case when pg_column_compression(metadata) is null then pg_column_size(metadata) else octet_length(metadata::text) end;
end
$$;

comment on function mayfly_private.memory_bytes is 'About how many bytes a memory takes in an answer.';
