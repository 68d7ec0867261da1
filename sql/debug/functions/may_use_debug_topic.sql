-- tenant:{t}:debug:{a} is the debug stream of one agent. Callers with debug:read can read it, and the agent itself can
-- send there if it has debug:write. Only the database sends to tenant:{t}:debug:new.

create function mayfly_private.may_use_debug_topic(tenant uuid, part text, extension text, sending boolean)
returns boolean
language plpgsql stable security definer
set search_path = ''
as $$
begin
  -- A sender must also join the topic, which needs the right to receive.
  return extension = 'broadcast' and ((not sending and tenant = any (mayfly_private.tenant_ids('debug:read')))
    or (part = mayfly_private.caller_id()::text and (mayfly_private.caller()).kind = 'agent'
      and tenant = any (mayfly_private.tenant_ids('debug:write'))));
end
$$;

comment on function mayfly_private.may_use_debug_topic is 'Whether the caller may use the topic "debug" of a tenant.';
