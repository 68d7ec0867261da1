-- A schedule in the form that readers get.

create function mayfly_private.show_schedule(schedule mayfly.job_schedules)
returns jsonb
language sql stable
set search_path = ''
return to_jsonb(schedule) - '{tenant_id,bytes}'::text[];

comment on function mayfly_private.show_schedule is 'A schedule in the form that readers get.';
grant execute on function mayfly_private.show_schedule to authenticated, service_role;
