-- Whether the caller may receive from, or send to, a private Realtime topic:
--
--   tenant:{t}:agents       presence of every agent; read with presence:read, tracked with presence:write
--   tenant:{t}:log          nudges; read with memory:read, sent by the database alone
--   tenant:{t}:jobs         wakes workers that sleep; read with job:work, sent by the database alone
--   tenant:{t}:agent:{a}    one agent's, or a person's, inbox; read by itself and with message:admin, sent by
--                           the database alone
--   tenant:{t}:channel:{c}  a channel's messages, by its name; read by who may read it, sent by the database alone
--   tenant:{t}:broadcast:{c}  what is broadcast in a channel and kept nowhere; read by the same, sent by those who
--                           may publish in it and have channel:broadcast. It is apart from the channel's messages,
--                           so that nobody can pass a broadcast off as one.
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
  elsif part[3] = 'broadcast' and cardinality(part) = 4 and extension = 'broadcast' then
    return exists (
      select from mayfly.channels c
      where c.tenant_id = tenant and c.name = part[4]
        -- Realtime counts what a client sends against the whole project, and no quota of ours sees it.
        and case when sending
          then tenant = any (mayfly_private.tenant_ids('channel:broadcast')) and mayfly_private.may_publish(c)
          -- Who sends must also join, and for that receive.
          else mayfly_private.may_publish(c) or c.id = any (mayfly_private.readable_channel_ids())
        end);
  elsif part[3] = 'debug' and cardinality(part) = 4 and extension = 'broadcast' then
    -- Who sends must also join, and for that receive.
    return (not sending and tenant = any (mayfly_private.tenant_ids('debug:read')))
      or (part[4] = mayfly_private.caller_id()::text and (mayfly_private.caller()).kind = 'agent'
        and tenant = any (mayfly_private.tenant_ids('debug:write')));
  elsif sending or extension <> 'broadcast' then
    return false;
  elsif part[3] = 'log' and cardinality(part) = 3 then
    return tenant = any (mayfly_private.tenant_ids('memory:read'));
  elsif part[3] = 'jobs' and cardinality(part) = 3 then
    return tenant = any (mayfly_private.tenant_ids('job:work'));
  elsif part[3] = 'channel' and cardinality(part) = 4 then
    return exists (
      select from mayfly.channels c
      where c.tenant_id = tenant and c.name = part[4] and c.id = any (mayfly_private.readable_channel_ids()));
  elsif part[3] = 'agent' and cardinality(part) = 4 then
    return (tenant = any (mayfly_private.tenant_ids(null)) and part[4] = mayfly_private.caller_id()::text)
      or (tenant = any (mayfly_private.tenant_ids('message:admin')) and exists (
        select from mayfly.agents a where a.tenant_id = tenant and a.id::text = part[4]));
  end if;
  return false;
end
$$;

comment on function mayfly_private.may_use_topic(text, text, boolean) is 'Whether the caller may receive from, or send to, a Realtime topic.';
revoke execute on function mayfly_private.may_use_topic(text, text, boolean) from public;
grant execute on function mayfly_private.may_use_topic(text, text, boolean) to authenticated;
