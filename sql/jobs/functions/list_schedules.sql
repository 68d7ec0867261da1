-- The schedules of the tenant, by name. For callers with job:read. Locks nothing.

create function mayfly.list_schedules()
returns jsonb
language plpgsql stable
set search_path = ''
as $$
declare
  tenant constant uuid := mayfly_private.require_tenant('job:read');
begin
  return (
    select coalesce(jsonb_agg(mayfly_private.show_schedule(s) order by s.name), '[]')
    from mayfly.job_schedules s where s.tenant_id = tenant);
end
$$;

comment on function mayfly.list_schedules is 'The schedules of the tenant, by name.';
grant execute on function mayfly.list_schedules to authenticated, service_role;
