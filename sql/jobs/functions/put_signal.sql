-- Adds a signal to a job that the caller has locked. If the job waits for the signal, wakes the job and returns true.
-- Otherwise the signal is kept until the job waits for it. The caller has already charged or counted the signal's
-- bytes.

create function mayfly_private.put_signal(job mayfly.jobs, name text, payload jsonb, bytes integer)
returns boolean
language plpgsql security definer
set search_path = ''
as $$
begin
  insert into mayfly.job_signals (tenant_id, job_id, name, payload, bytes)
  values (job.tenant_id, job.id, put_signal.name, coalesce(put_signal.payload, 'null'), put_signal.bytes);
  if job.status = 'waiting' and put_signal.name = any (job.wait_for) then
    perform mayfly_private.ready_jobs(job.tenant_id, array[job.id]);
    return true;
  end if;
  return false;
end
$$;

comment on function mayfly_private.put_signal is 'Adds a signal to a locked job, and wakes it.';
