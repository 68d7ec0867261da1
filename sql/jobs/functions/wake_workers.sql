-- Wakes the sleeping workers of a tenant, and those of the secret key, which work for all tenants: ends their sleep
-- and broadcasts once on the tenant's private topic. Without sleeping workers nothing is broadcast. Like every
-- broadcast it is a hint: a worker looks by itself at least every few seconds. Everything that makes a job ready
-- calls it. Waits for nobody.
--
-- A worker parks in one transaction and looks again in the next, which finds everything that committed before it
-- parked. The broadcast counts in the tenant's allowance (announce_rate); above it, the worker's own look finds the
-- job.

create function mayfly_private.wake_workers(tenant uuid)
returns void
language plpgsql security definer
set search_path = ''
as $$
begin
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
