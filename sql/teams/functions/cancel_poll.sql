-- Withdraws a poll. Its ballots are deleted unseen. Locks the poll's job, then the poll.

create function mayfly_private.cancel_poll(poll_id uuid)
returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  tenant constant uuid := mayfly_private.require_tenant('team:manage');
  caller constant mayfly_private.caller := mayfly_private.caller();
  poll mayfly.polls := mayfly_private.lock_poll(tenant, cancel_poll.poll_id);
begin
  if caller.kind <> 'secret' and poll.created_by is distinct from caller.id and not tenant = any (mayfly_private.tenant_ids('agent:stop')) then
    perform mayfly_private.fail(403, 'scope_missing', 'The caller does not have the scope agent:stop.',
      'Without it, you can withdraw only polls that you opened.', '{"scope": "agent:stop"}');
  elsif poll.status = 'open' then
    delete from mayfly_private.cast_ballots b where b.tenant_id = tenant and b.poll_id = poll.id;
    update mayfly.polls p set status = 'cancelled', closed_at = mayfly_private.now(), outcome = '{"result": "cancelled", "winner": null}'
    where p.tenant_id = tenant and p.id = poll.id returning p.* into poll;
    perform mayfly_private.append_events(tenant, 'poll.cancelled', array[poll.id]);
    perform mayfly_private.signal_poll(poll);
  end if;
  return mayfly_private.show_poll(poll);
end
$$;

comment on function mayfly_private.cancel_poll is 'Withdraws a poll.';
grant execute on function mayfly_private.cancel_poll to authenticated, service_role;

-- Withdraws an open poll that the caller opened (scope team:manage), or any open poll (agent:stop). Its ballots stay
-- secret. A closed poll does not change.

create function mayfly.cancel_poll(poll_id uuid)
returns jsonb
language sql
set search_path = ''
return mayfly_private.cancel_poll(poll_id);

comment on function mayfly.cancel_poll is 'Withdraws an open poll. Returns the poll.';
grant execute on function mayfly.cancel_poll to authenticated, service_role;
