-- Wakes the sleeping workers of a tenant, and those of the secret key, which work for all tenants. Ends their sleep and
-- broadcasts once on the tenant's private topic. If nobody sleeps, nothing is broadcast. Like every broadcast, this is
-- only a hint, because each worker looks for jobs every few seconds anyway. Called by everything that makes a job
-- ready. Never waits.
--
-- A worker parks in one transaction and looks again in the next one, so it finds everything that was committed before
-- it parked. But another transaction may have looked for sleeping workers before this worker parked, and may commit its
-- job only after the worker has looked again. That transaction holds a shared lock until it commits. The worker sees
-- the lock (adders_under_way) and looks again soon. Without the lock, one in ten jobs that were added while a worker
-- went to sleep waited 50 ms.
--
-- NOTIFY wakes some workers. The broadcast through Realtime is sent only if any other worker sleeps, because it takes a
-- third of the time of adding a job. It counts towards the tenant's announce_rate. Beyond that rate, nothing is
-- broadcast, and the worker finds the job at its next look.

create function mayfly_private.wake_workers(tenant uuid)
returns void
language plpgsql security definer
set search_path = ''
as $$
declare
  ts constant timestamptz := mayfly_private.now();
  -- The assignment does not run a query, as "perform" does.
  is_locked boolean;
  all_notified boolean;
begin
  is_locked := pg_advisory_xact_lock_shared(hashtextextended('mayfly.ready ' || tenant, 0)) is not null;
  with woken as (
    update mayfly_private.job_workers w set until = '-infinity'
    where w.ctid = any (array(
      select s.ctid from mayfly_private.job_workers s
      where s.tenant_id in (tenant, '00000000-0000-0000-0000-000000000000') and s.until > ts
      for update skip locked))
    returning w.notified
  )
  select bool_and(n.notified) into all_notified from woken n;
  if all_notified is null then
    return;
  end if;
  -- For workers with a database connection of their own.
  perform mayfly_private.notify(format('tenant:%s:jobs', tenant), 'job_ready', '{}');
  if not all_notified and mayfly_private.may_tell(tenant, 1) > 0 then
    perform realtime.send('{}'::jsonb, 'job_ready', format('tenant:%s:jobs', tenant), true);
  end if;
end
$$;

comment on function mayfly_private.wake_workers is 'Wakes the sleeping workers of a tenant.';
