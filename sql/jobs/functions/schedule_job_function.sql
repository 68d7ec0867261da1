-- Schedules pg_cron to wake a function of serveJobs. Each time, pg_cron looks for work, and calls the function with
-- pg_net only if there is work and fewer than at_once calls are open. Call it in the SQL editor, as postgres. A second
-- call for the same function replaces the first:
--   select vault.create_secret('https://<ref>.supabase.co', 'mayfly_url');
--   select vault.create_secret('a long random text', 'mayfly_jobs_secret');  -- and the function's MAYFLY_JOBS_SECRET
--   select mayfly_private.schedule_job_function('my-jobs');
-- `every` has the form that pg_cron takes: '10 seconds' (1 to 59), or a cron line.

create function mayfly_private.schedule_job_function(function_name text, every text default '10 seconds', at_once integer default 1)
returns text
language plpgsql security definer
set search_path = ''
as $$
declare
  has_vault boolean := to_regclass('vault.decrypted_secrets') is not null;
  ready boolean := false;
begin
  if function_name is null or function_name !~ '^[A-Za-z0-9][A-Za-z0-9_-]{0,62}$' then
    raise exception 'function_name must be the name of an edge function.' using hint = 'Pass the name with which it is deployed, such as my-jobs.';
  elsif every is null or not (every ~ '^[1-5]?[0-9] seconds$' and every !~ '^0' or mayfly_private.is_cron(every) and left(every, 1) <> '@') then
    raise exception 'every must be "1 seconds" to "59 seconds", or a cron line.' using hint = 'Pass for example 10 seconds, or * * * * * for each minute.';
  elsif at_once is null or at_once not between 1 and 50 then
    raise exception 'at_once must be 1 to 50.';
  elsif not exists (select from pg_catalog.pg_extension e where e.extname = 'pg_cron') then
    raise exception 'pg_cron is not enabled.' using hint = 'Enable it under Integrations, or let a worker call the function: jobs.work(handlers, { wakes }).';
  elsif not exists (select from pg_catalog.pg_proc p join pg_catalog.pg_namespace n on n.oid = p.pronamespace
    where n.nspname = 'net' and p.proname = 'http_post') then
    raise exception 'pg_net is not enabled.' using hint = 'Enable it under Extensions, or let a worker call the function: jobs.work(handlers, { wakes }).';
  end if;
  if has_vault then
    execute $read$select exists (select from vault.decrypted_secrets where name = 'mayfly_url')
      and exists (select from vault.decrypted_secrets where name in ('mayfly_jobs_secret', 'mayfly_secret_key'))$read$ into ready;
  end if;
  if not ready then
    raise exception 'Vault has no mayfly_url, or neither mayfly_jobs_secret nor mayfly_secret_key.'
      using hint = 'select vault.create_secret(''https://<ref>.supabase.co'', ''mayfly_url''), and the secret that the function has as MAYFLY_JOBS_SECRET.';
  end if;
  insert into mayfly_private.job_functions as f (name, at_once) values (function_name, schedule_job_function.at_once)
  on conflict (name) do update set at_once = excluded.at_once;
  execute 'select cron.schedule($1, $2, $3)'
  using 'mayfly-jobs-' || function_name, every, format('select mayfly_private.request_jobs(%L)', function_name);
  return format('%s is called by pg_cron (%s) while there are jobs for it.', function_name, every);
end
$$;

comment on function mayfly_private.schedule_job_function is 'Schedules pg_cron to wake a function of serveJobs, by pg_net. For the SQL editor.';
