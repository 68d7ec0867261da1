-- How many memories of a list, in order, fit as JSON into a page of a given size. The answer is at least 1. JSON
-- escapes count too: they can turn one byte into six. The function has to convert every memory to JSON, so
-- mayfly_private.pull calls it only for a page that may become too large. Locks nothing.

create function mayfly_private.fitting_memories(tenant uuid, memories uuid[], max_bytes bigint)
returns integer
language plpgsql stable
set search_path = ''
as $$
begin
  return (
    -- The answer is at least 1, even if all of the memories have just been forgotten. Otherwise the next page would
    -- begin at the same place.
    select greatest(1, count(*))
    from (
      select w.n, sum(900 + octet_length(to_json(m.task)::text) + octet_length(to_json(m.input)::text)
        + octet_length(to_json(m.output)::text) + octet_length(to_json(m.critique)::text) + octet_length(to_json(m.tags)::text)
        + octet_length(m.metadata::text) + octet_length(to_json(m.language)::text) + octet_length(m.hlc::text)) over (order by w.n) as bytes
      from unnest(memories) with ordinality as w (id, n)
      join mayfly.memories m on m.tenant_id = tenant and m.id = w.id
    ) sized
    where sized.n = 1 or sized.bytes <= max_bytes);
end
$$;

comment on function mayfly_private.fitting_memories is 'How many memories fit into a page of this many bytes.';
