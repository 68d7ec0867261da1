-- A schedule as its readers get it.

create function mayfly_private.show_schedule(schedule mayfly.job_schedules)
returns jsonb
language sql stable
set search_path = ''
return to_jsonb(schedule) - '{tenant_id,bytes}'::text[];

comment on function mayfly_private.show_schedule is 'A schedule as its readers get it.';
grant execute on function mayfly_private.show_schedule to authenticated, service_role;
