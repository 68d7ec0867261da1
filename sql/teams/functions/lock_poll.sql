-- Locks the job of a poll and then the poll, so that closing the poll can signal the job. Closes the poll if it is due.
-- Without `settle`, it closes the poll only if its deadline has passed, because the caller then counts the ballots
-- itself.

create function mayfly_private.lock_poll(tenant uuid, id uuid, settle boolean default true)
returns mayfly.polls
language plpgsql security definer
set search_path = ''
as $$
declare
  poll mayfly.polls;
begin
  perform from mayfly.jobs j
  where j.tenant_id = tenant and j.id = (select p.job_id from mayfly.polls p where p.tenant_id = tenant and p.id = lock_poll.id)
  for no key update;
  select * into poll from mayfly.polls p where p.tenant_id = tenant and p.id = lock_poll.id for no key update;
  if poll.id is null then
    perform mayfly_private.fail(404, 'poll_unknown', 'There is no such poll.', null, '{"field": "id"}');
  end if;
  return case when poll.status = 'open' and (settle or poll.deadline <= mayfly_private.now()) then mayfly_private.settle_poll(poll) else poll end;
end
$$;

comment on function mayfly_private.lock_poll is 'Locks a poll, and closes it if it is due.';
