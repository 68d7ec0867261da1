-- One batch of maintenance for up to 50 tenants that have not been maintained since `begun`. Those that have waited
-- longest come first. Returns how many tenants it reached, which is 0 if none is left. It stops after 2 s, so that it
-- does not hold its locks for long. pg_cron calls it repeatedly, each time in its own transaction
-- (operations/schedules.sql). For 1,000 tenants, this took 1.5 times as long as one transaction for all tenants. A
-- transaction for each tenant took 2.9 times as long. Locks the tenants' rows of maintenance, skipping those that other
-- transactions hold.
--
-- An error in one tenant does not stop the others. A chore that fails does not stop the tenant's other chores either
-- (maintain_tenant). If there is any other error, the tenant's changes are undone, the error is recorded here, and the
-- next tenant follows. `when others` does not catch a statement_timeout, so the number of rows limits the work.

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
