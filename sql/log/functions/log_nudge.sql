-- The payload of a due nudge, for readers of the log to which no nudge could be sent at once. The nudge tells them to
-- pull. Null for an agent that does not run. Called by flush_nudges.

create function mayfly_private.log_nudge(tenant uuid, topic text, seq bigint)
returns jsonb
language plpgsql stable security definer
set search_path = ''
as $$
begin
  return case when not mayfly_private.is_ended_inbox(tenant, topic) then '{}'::jsonb end;
end
$$;

comment on function mayfly_private.log_nudge is 'A due broadcast: the log has something new.';
