-- Stores a signal. Locks the job, and then what mayfly_private.charge locks. The lock of the job makes this call wait
-- for a worker that is putting the job to sleep.

create function mayfly_private.signal_job(id uuid, name text, payload jsonb)
returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  tenant constant uuid := mayfly_private.require_tenant('job:add');
  job mayfly.jobs;
  bytes constant integer := 200 + coalesce(octet_length(payload::text), 0);
begin
  if name is null or char_length(name) not between 1 and 100 then
    perform mayfly_private.fail(400, 'invalid_request', 'name must have 1 to 100 characters.', null, '{"field": "name"}');
  elsif not mayfly_private.json_within(payload, 262144, 32) then
    perform mayfly_private.fail(400, 'invalid_request', 'payload must be at most 256 KB of JSON with at most 32 levels.', null, '{"field": "payload"}');
  end if;
  perform mayfly_private.check_numbers(payload, 'payload');
  select * into job from mayfly.jobs j where j.tenant_id = tenant and j.id = signal_job.id for no key update;
  if job.id is null then
    if exists (select from mayfly.finished_jobs f where f.tenant_id = tenant and f.id = signal_job.id) then
      perform mayfly_private.fail(409, 'job_finished', 'The job has ended.', 'Nothing waits for this signal any more.', '{"field": "id"}');
    end if;
    perform mayfly_private.fail(404, 'job_unknown', 'There is no such job.', null, '{"field": "id"}');
  end if;
  perform mayfly_private.charge(tenant, 0, bytes, 1);
  return jsonb_build_object('woken', mayfly_private.put_signal(job, signal_job.name, signal_job.payload, bytes));
end
$$;

comment on function mayfly_private.signal_job is 'Signals a job.';
grant execute on function mayfly_private.signal_job to authenticated, service_role;

-- Signals a job that has not ended (scope job:add). A signal that comes before the job waits for it is kept.

create function mayfly.signal_job(id uuid, name text, payload jsonb default null)
returns jsonb
language plpgsql
set search_path = ''
as $$
begin
  return mayfly_private.signal_job(id, name, payload);
end
$$;

comment on function mayfly.signal_job is 'Signals a job that has not ended: { woken }. A signal that comes early is kept.';
grant execute on function mayfly.signal_job to authenticated, service_role;
