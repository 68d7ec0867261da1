-- The payload of a due broadcast: what the agent has to record at the time of sending. Null for an agent that does not
-- run. Called by flush_nudges, for agents that could not be told at once.

create function mayfly_private.debug_nudge(tenant uuid, topic text, seq bigint)
returns jsonb
language plpgsql stable security definer
set search_path = ''
as $$
begin
  return case when not mayfly_private.is_ended_inbox(tenant, topic)
    then mayfly_private.debug_levels(tenant, mayfly_private.to_uuid(split_part(topic, ':', 4)), mayfly_private.debug_rate(tenant)) end;
end
$$;

comment on function mayfly_private.debug_nudge is 'A due broadcast: what an agent has to record.';
