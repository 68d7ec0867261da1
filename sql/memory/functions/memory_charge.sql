-- How many bytes a memory is charged. octet_length reads the length of a stored text without reading the text. Tags,
-- metadata and timestamps are counted uncompressed, for which `|| '{}'` is needed. Compressed, they may take a fortieth
-- of the space, and forgetting would then give back less than was charged. 512 more bytes are charged for the row
-- itself, its operation and its event. A tombstone keeps these. Called by meter_memories and recount_usage. Locks
-- nothing.

create function mayfly_private.memory_charge(
  task text, input text, output text, critique text, tags text[], metadata jsonb, hlc jsonb, key text
)
returns integer
language plpgsql stable parallel safe
set search_path = ''
as $$
begin
  return 512 + octet_length(task) + octet_length(input) + octet_length(output) + octet_length(critique)
    + pg_column_size(tags || '{}') + pg_column_size(metadata || '{}') + pg_column_size(hlc || '{}')
    + coalesce(octet_length(key), 0);
end
$$;

comment on function mayfly_private.memory_charge is 'How many bytes a memory is charged.';
