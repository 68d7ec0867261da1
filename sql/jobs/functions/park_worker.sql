-- Whether an open transaction is making jobs of a tenant ready. Called before a worker looks for jobs for the last time
-- and then sleeps. It tries to take the lock of wake_workers and releases it at once, so it never waits.

create function mayfly_private.adders_under_way(tenant uuid)
returns boolean
language plpgsql security definer
set search_path = ''
as $$
declare
  key constant bigint := hashtextextended('mayfly.ready ' || tenant, 0);
begin
  if tenant is null or not pg_try_advisory_lock(key) then
    return tenant is not null;
  end if;
  perform pg_advisory_unlock(key);
  return false;
end
$$;

comment on function mayfly_private.adders_under_way is 'Whether somebody is making jobs of a tenant ready.';

-- Whether a worker is registered as asleep, and remains so for long enough that it need not register again. Called
-- before the worker looks for jobs, because a job that becomes ready afterwards wakes it.

create function mayfly_private.is_parked(tenant uuid, worker uuid)
returns boolean
language plpgsql stable security definer
set search_path = ''
as $$
begin
  return exists (
    select from mayfly_private.job_workers w
    where w.tenant_id = coalesce(tenant, '00000000-0000-0000-0000-000000000000') and w.id = worker
      and w.until > mayfly_private.now() + interval '30 seconds');
end
$$;

comment on function mayfly_private.is_parked is 'Whether a worker sleeps.';

-- Records that a worker found nothing more and sleeps, so that a transaction that makes a job ready wakes it. The row
-- counts for at most a minute, and the worker looks again long before that minute is over. Each worker has one row. A
-- new row deletes some old rows of other workers. If the worker was asleep already, returns the seconds until the first
-- lease of the tenant ends, or null if nothing runs. At that time, the job of a dead worker can be taken. For this it
-- reads all running jobs, because there are few at a time. A worker that was awake looks once more before it sleeps.
--
-- The SDK's Postgres transport sets mayfly.notified. No caller of the Data API can set it. If its worker is an agent or
-- the secret key in one tenant and names its jobs, a new job can be sent to it (deliver_job).
--
-- With `wanted` 0, the worker will not look again, and its row is deleted.

create function mayfly_private.park_worker(
  worker mayfly_private.claiming_worker, park uuid, asleep boolean, wanted integer, queues text[], names text[], lease double precision
)
returns double precision
language plpgsql security definer
set search_path = ''
as $$
declare
  ts constant timestamptz := mayfly_private.now();
  of_tenant constant uuid := coalesce(worker.tenant_id, '00000000-0000-0000-0000-000000000000');
  by_notify constant boolean := coalesce(current_setting('mayfly.notified', true) = 'on', false);
  takes_jobs constant boolean := by_notify and worker.tenant_id is not null and worker.kind <> 'person' and names is not null;
begin
  if wanted = 0 then
    delete from mayfly_private.job_workers w where w.tenant_id = of_tenant and w.id = park;
    return null;
  end if;
  -- If the worker is already asleep, its row is not written again. Otherwise a transaction that makes a job ready would
  -- skip the locked row, and wake nobody for a job that this claim has not seen.
  if asleep then
    return extract(epoch from (
      select min(j.lease_end) from mayfly.jobs j where j.tenant_id = worker.tenant_id and j.status = 'running') - ts);
  end if;
  update mayfly_private.job_workers w set until = ts + interval '1 minute', notified = by_notify,
    holder = case when takes_jobs then worker.id end, names = park_worker.names, queues = park_worker.queues, lease = park_worker.lease
  where w.tenant_id = of_tenant and w.id = park;
  if not found then
    insert into mayfly_private.job_workers as w (tenant_id, id, until, notified, holder, names, queues, lease)
    values (of_tenant, park, ts + interval '1 minute', by_notify, case when takes_jobs then worker.id end, names, queues, lease)
    on conflict on constraint job_workers_pkey do update set until = excluded.until, notified = excluded.notified,
      holder = excluded.holder, names = excluded.names, queues = excluded.queues, lease = excluded.lease;
    delete from mayfly_private.job_workers w where (w.tenant_id, w.id) in (
      select o.tenant_id, o.id from mayfly_private.job_workers o
      where o.tenant_id = of_tenant and o.until < ts
      limit 20 for update skip locked);
  end if;
  return null;
end
$$;

comment on function mayfly_private.park_worker is 'Notes that a worker sleeps. Returns the seconds until the first lease ends, if it slept already.';
