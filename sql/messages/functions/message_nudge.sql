-- The payload of a due broadcast: the newest number of an inbox or a channel, for readers that were not told of it at
-- once. Called by flush_nudges.

create function mayfly_private.message_nudge(tenant uuid, topic text, seq bigint)
returns jsonb
language plpgsql stable security definer
set search_path = ''
as $$
begin
  return jsonb_build_object('seq', seq);
end
$$;

comment on function mayfly_private.message_nudge is 'A due broadcast: an inbox or a channel has messages up to a number.';
