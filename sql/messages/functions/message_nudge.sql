-- The payload of a due broadcast: the newest number of an inbox or a channel, for readers to which this number could
-- not be sent at once. Null for an agent that does not run. Called by flush_nudges.

create function mayfly_private.message_nudge(tenant uuid, topic text, seq bigint)
returns jsonb
language plpgsql stable security definer
set search_path = ''
as $$
begin
  return case when not mayfly_private.is_ended_inbox(tenant, topic) then jsonb_build_object('seq', seq) end;
end
$$;

comment on function mayfly_private.message_nudge is 'A due broadcast: an inbox or a channel has messages up to a number.';
