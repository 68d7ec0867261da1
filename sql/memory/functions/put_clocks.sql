-- The clocks of a memory that is put with a key: the same timestamp for each field. This is the caller's timestamp if
-- there is one, or else the server's. Called by apply_memories. Locks nothing.

create function mayfly_private.put_clocks(clock text)
returns jsonb
language plpgsql volatile
set search_path = ''
as $$
declare
  stamp constant text := coalesce(clock, mayfly_private.next_clock(null));
begin
  return (
    select jsonb_object_agg(f, stamp)
    from unnest(mayfly_private.memory_fields()) f);
end
$$;

comment on function mayfly_private.put_clocks is 'The clocks of a memory that is put with a key.';
