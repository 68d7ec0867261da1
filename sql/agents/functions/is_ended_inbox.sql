-- Whether a topic is the inbox topic of an agent that is not alive or is suspended. Somebody may still listen there with
-- a stolen token, so nothing is sent there after the agent was told of its end. Called by the payloads of due broadcasts.
-- Locks nothing.

create function mayfly_private.is_ended_inbox(tenant uuid, topic text)
returns boolean
language plpgsql stable security definer
set search_path = ''
as $$
begin
  return split_part(topic, ':', 3) = 'agent' and exists (
    select from mayfly.agents a
    where a.tenant_id = tenant and a.id = mayfly_private.to_uuid(split_part(topic, ':', 4))
      and mayfly_private.effective_status(a) <> 'running');
end
$$;

comment on function mayfly_private.is_ended_inbox is 'Whether a topic is the inbox topic of an agent that does not run.';
