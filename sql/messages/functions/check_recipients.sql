-- Refuses messages whose recipient does not exist or is not alive, and messages to many agents that reach nobody.
-- send_messages calls it for new messages. `delivered` has the id of a message once for each recipient. Runs as owner.
-- Locks nothing.

create function mayfly_private.check_recipients(tenant uuid, messages jsonb, claimed uuid[], delivered uuid[])
returns void
language plpgsql stable security definer
set search_path = ''
as $$
declare
  fault record;
begin
  select o.n - 1 as index, o.m -> 'to' ->> 'agent' as recipient, (a.id is not null) as dead into fault
  from jsonb_array_elements(messages) with ordinality as o (m, n)
  left join mayfly.agents a on a.tenant_id = tenant and a.id = (o.m -> 'to' ->> 'agent')::uuid
  where (o.m ->> 'id')::uuid = any (claimed) and o.m -> 'to' ? 'agent'
    and case when a.id is null
      then not exists (select from mayfly.members p where p.tenant_id = tenant and p.user_id = (o.m -> 'to' ->> 'agent')::uuid)
      else mayfly_private.effective_status(a) not in ('running', 'suspended') end
  order by o.n limit 1;
  if fault.dead then
    perform mayfly_private.fail(409, 'recipient_not_alive', format('The agent %s is not alive.', fault.recipient),
      'Nothing was sent. Choose a living agent.',
      jsonb_build_object('index', fault.index, 'field', 'to'));
  elsif fault.index is not null then
    perform mayfly_private.fail(404, 'recipient_unknown', format('There is no agent or member %s.', fault.recipient),
      'Nothing was sent. Name an agent or a member of the tenant.', jsonb_build_object('index', fault.index, 'field', 'to'));
  end if;

  select o.n - 1 as index, o.m -> 'to' as target into fault
  from jsonb_array_elements(messages) with ordinality as o (m, n)
  where (o.m ->> 'id')::uuid = any (claimed) and not o.m -> 'to' ? 'channel'
    and (o.m ->> 'id')::uuid <> all (delivered)
  order by o.n limit 1;
  if fault.index is not null then
    perform mayfly_private.fail(404, 'no_recipient', format('No other living agent matches %s.', fault.target),
      'Nothing was sent. Send it when there is such an agent, or publish it in a channel.',
      jsonb_build_object('index', fault.index, 'field', 'to'));
  end if;
end
$$;

comment on function mayfly_private.check_recipients is 'Refuses messages that would reach nobody.';
