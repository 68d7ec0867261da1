-- Stores a part of a value of a locked thread, and returns its charge. If a task wrote nearly the same text to the
-- channel after the parent checkpoint (for example, its result was added to a list), only the difference is stored.
-- Called by put_value, as owner.

create function mayfly_private.put_part(
  thread mayfly.threads, ns text, parent text, channel text, chain integer, n integer, part text
)
returns integer
language plpgsql security definer
set search_path = ''
as $$
declare
  source record;
  head integer := 0;
  tail integer := 0;
  stored mayfly.thread_parts;
begin
  if char_length(part) > 400 then
    select w.task_id, (g ->> 'idx')::integer as idx, g ->> 'body' as body into source
    from mayfly.thread_writes w
    cross join jsonb_array_elements(w.writes) g
    where w.tenant_id = thread.tenant_id and w.thread_id = thread.id and w.ns = put_part.ns and w.checkpoint_id = put_part.parent
      and g ->> 'channel' = put_part.channel and (g ->> 'idx')::integer >= 0
    order by char_length(g ->> 'body') desc limit 1;
    if found then
      head := mayfly_private.shared_length(source.body, part, false);
      tail := mayfly_private.shared_length(right(source.body, -head), right(part, -head), true);
    end if;
  end if;
  stored := row(thread.tenant_id, thread.id, chain, n, part, null, null, null, null, 0, 0, 64 + octet_length(part));
  if head + tail > 250 then
    stored.body := substr(part, head + 1, char_length(part) - head - tail);
    stored.of_ns := ns;
    stored.of_checkpoint := parent;
    stored.of_task := source.task_id;
    stored.of_idx := source.idx;
    stored.head := head;
    stored.tail := tail;
    stored.bytes := 64 + octet_length(stored.body) + octet_length(ns) + octet_length(parent) + octet_length(source.task_id);
  end if;
  insert into mayfly.thread_parts select stored.*;
  return stored.bytes;
end
$$;

comment on function mayfly_private.put_part is 'Stores a part of a value, and returns its charge.';
