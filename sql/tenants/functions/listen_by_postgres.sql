-- Leases the notifications of tenants for 90 s, and returns which of these tenants exist. The Postgres transport of the
-- SDK calls it with its own database role. No role of the Data API can call it. Locks the leases in the order of the
-- tenants.

create function mayfly_private.listen_by_postgres(tenants uuid[])
returns uuid[]
language sql security definer
set search_path = ''
as $$
  with gone as (
    delete from mayfly_private.postgres_listeners g where g.tenant_id in (
      select o.tenant_id from mayfly_private.postgres_listeners o
      where o.until < mayfly_private.now() - interval '1 hour' and not o.tenant_id = any (tenants)
      limit 100 for update skip locked)
  ), leased as (
    insert into mayfly_private.postgres_listeners as l (tenant_id, until)
    select t.id, mayfly_private.now() + interval '90 seconds' from mayfly.tenants t where t.id = any (tenants) order by t.id
    on conflict (tenant_id) do update set until = excluded.until
    returning l.tenant_id
  )
  select coalesce(array_agg(tenant_id), '{}') from leased
$$;

comment on function mayfly_private.listen_by_postgres is 'Leases the NOTIFY broadcasts of tenants.';
