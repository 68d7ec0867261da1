-- Lets only one transaction at a time change a tenant's leases of debug streams. It holds the lock until it commits.
-- Each such transaction reads all leases and tells agents the result. Without the lock, two transactions that each end
-- a lease at the same time would each still see the other lease, and tell the agent to continue for up to 60 s. Agents
-- that start to listen share the lock among themselves. A transaction that changes leases meanwhile waits for these
-- agents, and then tells them too. Called before anything is read, as owner.

create function mayfly_private.hold_debug(tenant uuid, listening boolean default false)
returns void
language plpgsql security definer
set search_path = ''
as $$
declare
  lock constant bigint := hashtextextended('mayfly.hold_debug ' || tenant, 0);
begin
  if listening then
    perform pg_advisory_xact_lock_shared(lock);
  else
    perform pg_advisory_xact_lock(lock);
  end if;
end
$$;

comment on function mayfly_private.hold_debug is 'Lets one transaction at a time change a tenant''s debug leases.';
