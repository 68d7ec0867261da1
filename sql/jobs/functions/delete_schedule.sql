-- Deletes a schedule. Locks the schedule.

create function mayfly_private.delete_schedule(name text)
returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  tenant constant uuid := mayfly_private.require_tenant('job:admin');
  freed integer;
begin
  delete from mayfly.job_schedules s where s.tenant_id = tenant and s.name = delete_schedule.name returning s.bytes into freed;
  if freed is not null then
    perform mayfly_private.count_usage(tenant, 0, -freed, 0);
  end if;
  return jsonb_build_object('deleted', freed is not null);
end
$$;

comment on function mayfly_private.delete_schedule is 'Deletes a schedule.';
grant execute on function mayfly_private.delete_schedule to authenticated, service_role;

-- Deletes a schedule. Jobs that it has added stay. Scope job:admin.

create function mayfly.delete_schedule(name text)
returns jsonb
language plpgsql
set search_path = ''
as $$
begin
  return mayfly_private.delete_schedule(name);
end
$$;

comment on function mayfly.delete_schedule is 'Deletes a schedule: { deleted }. Jobs that it has added stay.';
grant execute on function mayfly.delete_schedule to authenticated, service_role;
