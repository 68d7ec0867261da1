-- tenant:{t}:agents has the presence of every agent. Reading it needs presence:read, and tracking needs presence:write.

create function mayfly_private.may_use_agents_topic(tenant uuid, part text, extension text, sending boolean)
returns boolean
language plpgsql stable security definer
set search_path = ''
as $$
begin
  return case
    -- An agent that only tracks its presence also needs the right to receive, because Realtime checks this right at the
    -- join. For such an agent, the SDK joins with config.presence.enabled off, so that Realtime sends no presence to
    -- it.
    when extension = 'presence' and sending then tenant = any (mayfly_private.tenant_ids('presence:write'))
    when extension = 'presence' then tenant = any (mayfly_private.tenant_ids('presence:read'))
    when not sending then tenant = any (mayfly_private.tenant_ids('presence:read') || mayfly_private.tenant_ids('presence:write'))
    else false
  end;
end
$$;

comment on function mayfly_private.may_use_agents_topic is 'Whether the caller may use the topic "agents" of a tenant.';
