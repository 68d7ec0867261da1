-- Wakes the workers of a tenant that sleep, and those of the secret key, which work for all: ends their sleep and
-- broadcasts once on the tenant's private topic. Where nobody sleeps nothing is broadcast. A hint, as every broadcast:
-- a worker looks by itself at least every few seconds. Called by all that makes a job ready. Waits for nobody.
--
-- A worker parks in one transaction and looks again in the next: what committed before it parked it finds then. What had
-- asked who sleeps before it parked, and commits after it has looked, holds a shared lock until then: the worker sees that
-- (adders_under_way), and looks again soon. Without it one job in ten, added as its worker went to sleep, waited 50 ms.
-- Counted in what the tenant may tell by now (announce_rate); beyond that, a worker's own look finds the job.

create function mayfly_private.wake_workers(tenant uuid)
returns void
language plpgsql security definer
set search_path = ''
as $$
begin
  perform pg_advisory_xact_lock_shared(hashtextextended('mayfly.ready ' || tenant, 0));
  if not exists (select from mayfly_private.job_workers w
    where w.tenant_id in (tenant, '00000000-0000-0000-0000-000000000000') and w.until > mayfly_private.now()) then
    return;
  end if;
  update mayfly_private.job_workers w set until = '-infinity'
  where (w.tenant_id, w.id) in (
    select s.tenant_id, s.id from mayfly_private.job_workers s
    where s.tenant_id in (tenant, '00000000-0000-0000-0000-000000000000') and s.until > mayfly_private.now()
    for update skip locked);
  if not found then
    return;
  end if;
  -- For workers with a database connection of their own.
  perform mayfly_private.notify(format('tenant:%s:jobs', tenant), 'job_ready', '{}');
  if mayfly_private.may_tell(tenant, 1) > 0 then
    perform realtime.send('{}'::jsonb, 'job_ready', format('tenant:%s:jobs', tenant), true);
  end if;
end
$$;

comment on function mayfly_private.wake_workers is 'Wakes the workers of a tenant that sleep.';
