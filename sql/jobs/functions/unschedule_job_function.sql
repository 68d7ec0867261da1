-- Undoes schedule_job_function: pg_cron no longer calls the function. Call it in the SQL editor, as postgres.

create function mayfly_private.unschedule_job_function(function_name text)
returns boolean
language plpgsql security definer
set search_path = ''
as $$
begin
  delete from mayfly_private.job_calls c where c.function = function_name;
  delete from mayfly_private.job_functions f where f.name = function_name;
  if exists (select from pg_catalog.pg_extension e where e.extname = 'pg_cron') then
    execute 'select cron.unschedule(j.jobid) from cron.job j where j.jobname = $1' using 'mayfly-jobs-' || function_name;
  end if;
  return true;
end
$$;

comment on function mayfly_private.unschedule_job_function is 'Undoes schedule_job_function.';
