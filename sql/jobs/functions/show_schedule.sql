-- A schedule as its readers get it.

create function mayfly_private.show_schedule(schedule mayfly.job_schedules)
returns jsonb
language sql stable
set search_path = ''
return to_jsonb(schedule) - '{tenant_id,bytes}'::text[];

comment on function mayfly_private.show_schedule(mayfly.job_schedules) is 'A schedule as its readers get it.';
revoke execute on function mayfly_private.show_schedule(mayfly.job_schedules) from public;
grant execute on function mayfly_private.show_schedule(mayfly.job_schedules) to authenticated, service_role;
