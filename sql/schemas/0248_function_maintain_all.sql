-- A batch of maintenance for every tenant, the one that has waited longest first, until the time is
-- over (50 s: pg_cron calls it each minute, in a transaction). For pg_cron and the SQL editor.

create function mayfly_private.maintain_all(max_rows integer default 1000)
returns integer
language plpgsql security definer
set search_path = ''
as $$
declare
  tenant uuid;
  maintained integer := 0;
begin
  for tenant in
    select t.id from mayfly.tenants t left join mayfly_private.maintenance m on m.tenant_id = t.id
    order by m.at nulls first
  loop
    perform mayfly_private.maintain_tenant(tenant, max_rows);
    maintained := maintained + 1;
    exit when clock_timestamp() > now() + interval '50 seconds';
  end loop;
  return maintained;
end
$$;

comment on function mayfly_private.maintain_all(integer) is 'A batch of maintenance for every tenant.';
revoke execute on function mayfly_private.maintain_all(integer) from public;
