-- Whether the caller may receive from, or send to, a private Realtime topic:
--
--   tenant:{t}:agents       presence of every agent; read with presence:read, tracked with presence:write
--   tenant:{t}:log          nudges; read with memory:read, sent by the database alone
--   tenant:{t}:agent:{a}    one agent's inbox; read by itself, sent by the database alone
--   tenant:{t}:debug:{a}    one agent's debug stream; read with debug:read, sent by itself with debug:write
--
-- Parts are compared as text, with an exact count. Realtime asks at join and at each new token.

create function mayfly_private.may_use_topic(topic text, extension text, sending boolean)
returns boolean
language plpgsql stable security definer
set search_path = ''
as $$
declare
  part constant text[] := string_to_array(topic, ':');
  tenant constant uuid := mayfly_private.to_uuid(part[2]);
begin
  if part[1] is distinct from 'tenant' or tenant is null or part[2] <> tenant::text then
    return false;
  end if;
  if part[3] = 'agents' and cardinality(part) = 3 then
    return case
      -- To track, the server also asks for the right to receive; an agent that only tracks joins
      -- without receiving presence (config.presence.enabled tells the server, not a policy).
      when extension = 'presence' and sending then tenant = any (mayfly_private.tenant_ids('presence:write'))
      when extension = 'presence' then tenant = any (mayfly_private.tenant_ids('presence:read'))
      when not sending then tenant = any (mayfly_private.tenant_ids('presence:read') || mayfly_private.tenant_ids('presence:write'))
      else false
    end;
  elsif part[3] = 'debug' and cardinality(part) = 4 and extension = 'broadcast' then
    -- Who sends must also join, and for that receive.
    return (not sending and tenant = any (mayfly_private.tenant_ids('debug:read')))
      or (part[4] = mayfly_private.caller_id()::text and (mayfly_private.caller()).kind = 'agent'
        and tenant = any (mayfly_private.tenant_ids('debug:write')));
  elsif sending or extension <> 'broadcast' then
    return false;
  elsif part[3] = 'log' and cardinality(part) = 3 then
    return tenant = any (mayfly_private.tenant_ids('memory:read'));
  elsif part[3] = 'agent' and cardinality(part) = 4 then
    return tenant = any (mayfly_private.tenant_ids(null)) and part[4] = mayfly_private.caller_id()::text;
  end if;
  return false;
end
$$;

comment on function mayfly_private.may_use_topic(text, text, boolean) is 'Whether the caller may receive from, or send to, a Realtime topic.';
revoke execute on function mayfly_private.may_use_topic(text, text, boolean) from public;
grant execute on function mayfly_private.may_use_topic(text, text, boolean) to authenticated;
