-- The text in which recall tolerates typos: task and tags. Both are short, and people and agents search for what is in
-- them. An index uses this function, so every write of a memory calls it.

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
