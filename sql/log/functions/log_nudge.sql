-- The payload of a due nudge, for readers of the log that were not nudged at once. It tells them to pull. Called
-- by flush_nudges.

create function mayfly_private.log_nudge(tenant uuid, topic text, seq bigint)
returns jsonb
language plpgsql stable security definer
set search_path = ''
as $$
begin
  return '{}'::jsonb;
end
$$;

comment on function mayfly_private.log_nudge is 'A due broadcast: the log has something new.';
