-- Refuses an invalid description of a channel, and publishers that are not agents or members of the tenant. Called by
-- create_channel and update_channel. Locks nothing.

create function mayfly_private.check_channel(tenant uuid, description text, publishers uuid[])
returns void
language plpgsql stable security definer
set search_path = ''
as $$
declare
  unknown uuid;
begin
  if char_length(description) > 2000 then
    perform mayfly_private.fail(400, 'invalid_request', 'description must have at most 2000 characters.', null, '{"field": "description"}');
  elsif cardinality(publishers) > 1000 then
    perform mayfly_private.fail(400, 'invalid_request', 'publishers must be at most 1000 ids.', null, '{"field": "publishers"}');
  elsif array_position(publishers, null) is not null then
    perform mayfly_private.fail(400, 'invalid_request', 'publishers must be ids of agents or members.', null, '{"field": "publishers"}');
  end if;
  unknown := (
    select p from unnest(publishers) p
    where not exists (select from mayfly.agents a where a.tenant_id = tenant and a.id = p)
      and not exists (select from mayfly.members m where m.tenant_id = tenant and m.user_id = p)
    limit 1);
  if unknown is not null then
    perform mayfly_private.fail(404, 'recipient_unknown', format('There is no agent or member %s.', unknown),
      'Name agents or members of the tenant.', '{"field": "publishers"}');
  end if;
end
$$;

comment on function mayfly_private.check_channel is 'Refuses invalid settings of a channel.';
