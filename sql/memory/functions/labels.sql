-- The text that recall searches with tolerance for typos: task and tags, the short texts by which people and agents
-- ask. For an index; called by every write of a memory.

create function mayfly_private.labels(task text, tags text[])
returns text
language plpgsql immutable parallel safe
set search_path = ''
as $$
begin
  return task || ' ' || array_to_string(tags, ' ');
end
$$;

comment on function mayfly_private.labels is 'Task and tags of a memory as one text.';
