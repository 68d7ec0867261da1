-- A batch of maintenance for up to 50 tenants that have not had one since `begun`, those that have waited
-- longest first; gives how many it came to, and 0 when none is left. It stops after 2 s, so that what it locks is
-- free soon. pg_cron calls it again and again, each time in a transaction of its own (operations/schedules.sql): for
-- 1,000 tenants that took 1.5 times as long as one transaction for all, and 2.9 times with a transaction for
-- each. Locks their rows of maintenance, skipping those that others hold.
--
-- What fails for one tenant ends nothing for the others. A chore that fails ends nothing for the tenant's other
-- chores either (maintain_tenant); what else fails is undone and noted here, and the tenant's turn moves on. `when others` does not catch a statement_timeout, so the work is bound by rows.

create function mayfly_private.maintain_some(begun timestamptz, max_rows integer default 1000)
returns integer
language plpgsql security definer
set search_path = ''
set lock_timeout = '2s'
as $$
declare
  started constant timestamptz := clock_timestamp();
  tenants uuid[];
  tenant uuid;
  reason text;
  state text;
  maintained integer := 0;
begin
  tenants := array(
    select m.tenant_id from mayfly_private.maintenance m
    where m.at < begun
    order by m.at
    limit 50
    for update skip locked);
  foreach tenant in array tenants loop
    begin
      perform mayfly_private.maintain_tenant(tenant, max_rows);
    exception when others then
      get stacked diagnostics reason = message_text, state = returned_sqlstate;
      update mayfly_private.maintenance m
      set at = clock_timestamp(), failures = m.failures + 1, failed_since = coalesce(m.failed_since, clock_timestamp()),
        error = left(state || ' ' || reason, 300)
      where m.tenant_id = tenant;
      raise warning 'mayfly: maintenance of the tenant % failed: % %', tenant, state, reason;
    end;
    maintained := maintained + 1;
    exit when clock_timestamp() > started + interval '2 seconds';
  end loop;
  return maintained;
end
$$;

comment on function mayfly_private.maintain_some is 'A batch of maintenance for up to 50 tenants.';
