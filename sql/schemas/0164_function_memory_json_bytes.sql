-- How many bytes a memory takes in an answer, JSON's escapes included, which make six of a byte. Reads and
-- writes out everything, so mayfly_private.pull asks it only of a page that might become too large. Locks
-- nothing.

create function mayfly_private.memory_json_bytes(
  task text, input text, output text, critique text, tags text[], metadata jsonb, language text, hlc jsonb
)
returns bigint
language plpgsql stable
set search_path = ''
as $$
begin
  return 700 + octet_length(to_json(task)::text) + octet_length(to_json(input)::text) + octet_length(to_json(output)::text)
    + octet_length(to_json(critique)::text) + octet_length(to_json(tags)::text) + octet_length(metadata::text)
    + octet_length(to_json(language)::text) + octet_length(hlc::text);
end
$$;

comment on function mayfly_private.memory_json_bytes(text, text, text, text, text[], jsonb, text, jsonb) is
  'How many bytes a memory takes in an answer.';
revoke execute on function mayfly_private.memory_json_bytes(text, text, text, text, text[], jsonb, text, jsonb) from public;
