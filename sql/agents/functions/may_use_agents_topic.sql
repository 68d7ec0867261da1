-- tenant:{t}:agents, the presence of every agent: read with presence:read, tracked with presence:write.

create function mayfly_private.may_use_agents_topic(tenant uuid, part text, extension text, sending boolean)
returns boolean
language plpgsql stable security definer
set search_path = ''
as $$
begin
  return case
    -- To track, the server also asks for the right to receive; an agent that only tracks joins
    -- without receiving presence (config.presence.enabled tells the server, not a policy).
    when extension = 'presence' and sending then tenant = any (mayfly_private.tenant_ids('presence:write'))
    when extension = 'presence' then tenant = any (mayfly_private.tenant_ids('presence:read'))
    when not sending then tenant = any (mayfly_private.tenant_ids('presence:read') || mayfly_private.tenant_ids('presence:write'))
    else false
  end;
end
$$;

comment on function mayfly_private.may_use_agents_topic is 'Whether the caller may use the topic "agents" of a tenant.';
