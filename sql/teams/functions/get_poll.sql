-- Reads a poll. It is a definer, because it first closes a poll that is due, so that nobody waits for maintenance.
-- Locks nothing while the poll is not due.

create function mayfly_private.get_poll(poll_id uuid)
returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  tenant constant uuid := mayfly_private.require_tenant('team:read');
  poll mayfly.polls;
begin
  select * into poll from mayfly.polls p where p.tenant_id = tenant and p.id = get_poll.poll_id;
  if poll.id is null or poll.status = 'open' then
    poll := mayfly_private.lock_poll(tenant, get_poll.poll_id);
  end if;
  return mayfly_private.show_poll(poll);
end
$$;

comment on function mayfly_private.get_poll is 'A poll, closed first if it is due.';
grant execute on function mayfly_private.get_poll to authenticated, service_role;

-- A poll (scope team:read), with its outcome and its ballots once it is closed. A poll that is due is closed
-- first.

create function mayfly.get_poll(poll_id uuid)
returns jsonb
language sql
set search_path = ''
return mayfly_private.get_poll(poll_id);

comment on function mayfly.get_poll is 'A poll, with its outcome and its ballots once it is closed.';
grant execute on function mayfly.get_poll to authenticated, service_role;
