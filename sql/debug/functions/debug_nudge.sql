-- What an agent is told that was not told at once: what it is to record, as it is by now. Called by flush_nudges.

create function mayfly_private.debug_nudge(tenant uuid, topic text, seq bigint)
returns jsonb
language plpgsql stable security definer
set search_path = ''
as $$
begin
  return mayfly_private.debug_levels(tenant, mayfly_private.to_uuid(split_part(topic, ':', 4)), mayfly_private.debug_rate(tenant));
end
$$;

comment on function mayfly_private.debug_nudge is 'A due broadcast: what an agent has to record.';
