-- What is searched with tolerance for typos: task and tags, the short texts that people and agents ask
-- for by name. For an index; called by whoever writes a memory.

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
