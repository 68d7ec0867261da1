-- Calls a function of serveJobs with pg_net, if there is work for it and it has fewer open calls than at_once. pg_cron
-- calls it (schedule_job_function), and so does a call that ends (mark_job_call). If a request is lost, no job is
-- lost, because jobs are rows. The next request then comes 15 s later. Locks the function's row, so if this runs twice
-- at once, only one run sends requests.
--
-- The project's URL and the function's secret come from Vault: mayfly_url, and mayfly_jobs_secret or else
-- mayfly_secret_key. It uses dynamic SQL, because pg_net and Vault may be missing.

create function mayfly_private.request_jobs(function_name text)
returns integer
language plpgsql security definer
set search_path = ''
as $$
declare
  ts constant timestamptz := mayfly_private.now();
  called mayfly_private.job_functions;
  call uuid;
  url text;
  secret text;
  key text;
begin
  select * into called from mayfly_private.job_functions f where f.name = function_name for update skip locked;
  if not found then
    return 0;
  end if;
  delete from mayfly_private.job_calls c where c.function = called.name and c.until <= ts;
  if (select count(*) from mayfly_private.job_calls c where c.function = called.name) >= called.at_once
    or not (
      exists (select from mayfly.jobs j where j.status = 'ready' and (called.names is null or j.name = any (called.names)))
      or exists (select from mayfly.jobs j where j.status in ('scheduled', 'waiting') and j.run_at <= ts
        and (called.names is null or j.name = any (called.names)))
      or exists (select from mayfly.jobs j where j.status = 'running' and j.lease_end <= ts)
      or exists (select from mayfly.job_schedules s where s.next_at <= ts)) then
    return 0;
  end if;
  execute $read$select (select decrypted_secret from vault.decrypted_secrets where name = 'mayfly_url'),
    (select decrypted_secret from vault.decrypted_secrets where name = 'mayfly_jobs_secret'),
    (select decrypted_secret from vault.decrypted_secrets where name = 'mayfly_secret_key')$read$ into url, secret, key;
  if url is null or (secret is null and key is null) then
    raise warning 'mayfly: % is not called: Vault has no mayfly_url, or neither mayfly_jobs_secret nor mayfly_secret_key.', called.name;
    return 0;
  end if;
  insert into mayfly_private.job_calls (function, until) values (called.name, ts + interval '15 seconds') returning id into call;
  update mayfly_private.job_functions f set called_at = ts where f.name = called.name;
  execute 'select net.http_post(url => $1, body => $2, headers => $3, timeout_milliseconds => 5000)'
  using url || '/functions/v1/' || called.name, jsonb_build_object('call', call),
    jsonb_build_object('content-type', 'application/json')
      || case when secret is null then jsonb_build_object('apikey', key) else jsonb_build_object('x-mayfly-jobs-secret', secret) end;
  return 1;
end
$$;

comment on function mayfly_private.request_jobs is 'Calls a function of serveJobs by pg_net if it has work.';
