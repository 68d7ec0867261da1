-- Records what a call of a function reports. Locks the call and its function.

create function mayfly_private.mark_job_call(call uuid, seconds double precision, names text[])
returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  ts constant timestamptz := mayfly_private.now();
  marked mayfly_private.job_calls;
begin
  if seconds is null or seconds not between 0 and 3600 then
    perform mayfly_private.fail(400, 'invalid_request', 'seconds must be 0 to 3600.', null, '{"field": "seconds"}');
  end if;
  if seconds = 0 then
    delete from mayfly_private.job_calls c where c.id = call returning * into marked;
    if found then
      perform mayfly_private.request_jobs(marked.function);
    end if;
  else
    update mayfly_private.job_calls c set until = ts + make_interval(secs => seconds) where c.id = call and c.until > ts
    returning * into marked;
    update mayfly_private.job_functions f set names = coalesce(mark_job_call.names, f.names), arrived_at = ts where f.name = marked.function;
  end if;
  return jsonb_build_object('known', marked.id is not null);
end
$$;

comment on function mayfly_private.mark_job_call is 'Records the report of a call of a function.';
grant execute on function mayfly_private.mark_job_call to service_role;

-- Reports that a call by pg_cron has arrived, how long it may run, and which jobs it has handlers for. With 0 seconds
-- it reports that the call has ended, and the next call is made at once if there is more work. Returns { known }, which
-- is false if the call arrived too late and may have been replaced. For the secret key only.

create function mayfly.mark_job_call(call uuid, seconds double precision, names text[] default null)
returns jsonb
language sql
set search_path = ''
return mayfly_private.mark_job_call(call, seconds, names);

comment on function mayfly.mark_job_call is
  'Reports how long a call that pg_cron made may run, or with 0 that it has ended: { known }. For the secret key.';
grant execute on function mayfly.mark_job_call to service_role;
