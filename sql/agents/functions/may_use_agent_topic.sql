-- tenant:{t}:agent:{a} is the inbox topic of one agent or person. The end of the agent is announced there too. The
-- agent or person can read the topic, and so can callers with message:admin. An OAuth client of a person needs
-- message:read. Only the database sends there.

create function mayfly_private.may_use_agent_topic(tenant uuid, part text, extension text, sending boolean)
returns boolean
language plpgsql stable security definer
set search_path = ''
as $$
begin
  if sending or extension <> 'broadcast' then
    return false;
  end if;
  return (tenant = any (mayfly_private.tenant_ids(case (mayfly_private.caller()).kind when 'client' then 'message:read' end)) and part = mayfly_private.caller_id()::text)
    or (tenant = any (mayfly_private.tenant_ids('message:admin')) and exists (
      select from mayfly.agents a where a.tenant_id = tenant and a.id::text = part));
end
$$;

comment on function mayfly_private.may_use_agent_topic is 'Whether the caller may use the topic "agent" of a tenant.';
