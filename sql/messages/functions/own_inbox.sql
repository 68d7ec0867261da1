-- The tenant of this request, if the caller has an inbox there. Living agents and persons with message:read have one.
-- The secret key has no inbox. Locks nothing.

create function mayfly_private.own_inbox()
returns uuid
language plpgsql stable security definer
set search_path = ''
as $$
declare
  tenant constant uuid := mayfly_private.require_tenant('message:read');
begin
  if mayfly_private.caller_id() is null then
    perform mayfly_private.fail(403, 'no_inbox', 'The secret key has no inbox and no subscriptions.',
      'Spawn an agent, or sign in.');
  end if;
  return tenant;
end
$$;

comment on function mayfly_private.own_inbox is 'The tenant in which the caller has an inbox.';
