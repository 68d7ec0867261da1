-- The recipients of a message to many agents. They are all living agents that the target describes, except the sender.
-- Suspended agents get the message when they are resumed. Runs as owner, because a sender needs no agent:read. Called
-- by send_messages. Locks nothing.

create function mayfly_private.agents_of_target(tenant uuid, sender uuid, target jsonb)
returns setof uuid
language sql stable security definer
set search_path = ''
begin atomic
  select a.id
  from mayfly.agents a
  where a.tenant_id = tenant and a.status in ('running', 'suspended') and a.expires_at > (select mayfly_private.now())
    and a.id is distinct from sender
    and (target ->> 'all' is not null
      or a.type = target ->> 'type'
      or (target ? 'capability' and a.capabilities @> array[target ->> 'capability'])
      or exists (select from mayfly.agent_types d
        where d.tenant_id = a.tenant_id and d.name = a.type and d.version = a.type_version and d.role = target ->> 'role'))
    and not exists (select from mayfly.agents line
      where line.tenant_id = a.tenant_id and line.id = any (a.ancestors)
        and (line.status not in ('running', 'suspended') or line.expires_at <= (select mayfly_private.now())));
end;

comment on function mayfly_private.agents_of_target is 'The living agents that a target describes.';
