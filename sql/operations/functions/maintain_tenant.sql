-- One batch of what time does to a tenant: every chore that a room has registered (mayfly_private.chores), in the order
-- of their names, each on at most max_rows rows. Gives what they counted, and `more`: true while one of them may have
-- left something. Called by mayfly.maintain and pg_cron, as owner. Locks the tenant's maintenance, and whoever finds
-- that locked leaves it to the one that holds it; then what each chore locks.

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
begin
  insert into mayfly_private.maintenance (tenant_id) values (tenant) on conflict do nothing;
  perform from mayfly_private.maintenance m where m.tenant_id = tenant for update skip locked;
  if not found then
    return null;
  end if;
  perform set_config('mayfly.maintaining', 'on', true);
  for chore in select c.name, to_regprocedure(c.work) as work from mayfly_private.chores c order by c.name loop
    if chore.work is null then
      raise warning 'mayfly: the chore % names a function that does not exist.', chore.name;
      continue;
    end if;
    execute format('select %s($1, $2)', chore.work::regproc) into done using tenant, max_rows;
    counted := counted || (done - 'more');
    more := more or coalesce((done ->> 'more')::boolean, false);
  end loop;
  update mayfly_private.maintenance m set at = clock_timestamp() where m.tenant_id = tenant;
  perform set_config('mayfly.maintaining', 'off', true);
  return counted || jsonb_build_object('more', more);
end
$$;

comment on function mayfly_private.maintain_tenant is 'One batch of retention and cleaning for a tenant.';
