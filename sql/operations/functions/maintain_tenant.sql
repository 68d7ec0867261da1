-- One batch of maintenance for a tenant: runs every chore that a room has registered (mayfly_private.chores), in the
-- order of their names, each on at most max_rows rows. Returns what the chores counted, `more`, which is true while a
-- chore may have left something to do, and `failed`, the names of the chores that failed. If a chore fails, its changes
-- are undone and the others still run. The tenant's maintenance row and the Postgres log record the chore with its
-- error. mayfly.maintain and pg_cron call it, as owner. Locks the tenant's maintenance, then what each chore locks. If
-- another call holds the maintenance, it returns and leaves the work to that call.
--
-- What the chores delete, and after how long, is in docs/operations.md.

create function mayfly_private.maintain_tenant(tenant uuid, max_rows integer)
returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  chore record;
  done jsonb;
  counted jsonb := '{}';
  more boolean := false;
  failed text[] := '{}';
  errors text[] := '{}';
  reason text;
  state text;
begin
  insert into mayfly_private.maintenance (tenant_id) values (tenant) on conflict do nothing;
  perform from mayfly_private.maintenance m where m.tenant_id = tenant for update skip locked;
  if not found then
    return null;
  end if;
  perform set_config('mayfly.maintaining', 'on', true);
  for chore in select c.name, to_regprocedure(c.work) as work from mayfly_private.chores c order by c.name loop
    begin
      if chore.work is null then
        raise undefined_function using message = 'it names a function that does not exist';
      end if;
      execute format('select %s($1, $2)', chore.work::regproc) into done using tenant, max_rows;
      counted := counted || (done - 'more');
      more := more or coalesce((done ->> 'more')::boolean, false);
    exception when others then
      get stacked diagnostics reason = message_text, state = returned_sqlstate;
      failed := failed || chore.name::text;
      errors := errors || format('%s: %s %s', chore.name, state, reason);
      raise warning 'mayfly: the chore % of the tenant % failed: % %', chore.name, tenant, state, reason;
    end;
  end loop;
  update mayfly_private.maintenance m
  set at = clock_timestamp(),
    failures = case when cardinality(failed) > 0 then m.failures + 1 else 0 end,
    failed_since = case when cardinality(failed) > 0 then coalesce(m.failed_since, clock_timestamp()) end,
    error = case when cardinality(failed) > 0 then left(array_to_string(errors, '; '), 300) end
  where m.tenant_id = tenant;
  perform set_config('mayfly.maintaining', 'off', true);
  return counted || jsonb_build_object('more', more, 'failed', failed);
end
$$;

comment on function mayfly_private.maintain_tenant is 'One batch of maintenance for a tenant.';
