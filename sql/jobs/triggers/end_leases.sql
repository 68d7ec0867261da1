-- Takes back the leases of agents that are stopped or suspended, or whose expiry becomes earlier, and the leases of
-- their descendants. This happens in the transaction that changes the agents, so no dead agent holds a job.
--
-- A claim holds a shared lock on its agent and every ancestor and then checks that they are alive (claiming_worker).
-- Here the lock is exclusive. So once this trigger holds the lock, every earlier claim has committed and is visible
-- below, and every later claim finds the agent dead. Without this lock, dead agents held 55 leases in a stress test of
-- 25 s. The order of locks is: the agents (locked by the statement), this lock (by id), then the jobs (by id). A
-- statement that ends more than 50 agents takes one lock for the whole tenant instead, because each lock takes space in
-- shared memory.

create function mayfly_private.end_leases()
returns trigger
language plpgsql security definer
set search_path = ''
as $$
declare
  ended record;
  held uuid[];
begin
  for ended in
    select n.tenant_id as tenant, array_agg(n.id order by n.id) as ids
    from new_rows n
    join old_rows o on o.tenant_id = n.tenant_id and o.id = n.id
    where (n.status <> 'running' and o.status = 'running') or n.expires_at < o.expires_at
    group by n.tenant_id
    order by n.tenant_id
  loop
    if cardinality(ended.ids) > 50 then
      perform pg_advisory_xact_lock(hashtextextended('mayfly.jobs ' || ended.tenant, 0));
    else
      perform pg_advisory_xact_lock(hashtextextended('mayfly.jobs ' || i, 0)) from (select unnest(ended.ids) as i order by 1) o;
    end if;
    continue when not exists (select from mayfly.jobs j where j.tenant_id = ended.tenant and j.status = 'running');
    held := array(
      select j.id from mayfly.jobs j
      where j.tenant_id = ended.tenant and j.status = 'running' and j.holder in (
        select a.id from mayfly.agents a
        where a.tenant_id = ended.tenant and (a.id = any (ended.ids) or a.ancestors && ended.ids))
        and exists (
          select from mayfly.agents a
          join mayfly.agents line on line.tenant_id = a.tenant_id and line.id = any (a.ancestors || a.id)
          where a.tenant_id = ended.tenant and a.id = j.holder and (line.status <> 'running' or line.expires_at < j.lease_end))
      order by j.id
      for update of j);
    perform mayfly_private.release_leases(ended.tenant, held, 'worker_ended', 'The agent that held the job was stopped, suspended or ended sooner.');
  end loop;
  return null;
end
$$;

comment on function mayfly_private.end_leases is 'Trigger: takes back the leases of agents that have ended.';

create trigger agents_end_leases after update on mayfly.agents
  referencing old table as old_rows new table as new_rows
  for each statement execute function mayfly_private.end_leases();
