-- Ends runs whose jobs have ended without end_run, because they were cancelled, had no attempts left, or failed in
-- their worker.

create function mayfly_private.end_runs()
returns trigger
language plpgsql security definer
set search_path = ''
as $$
declare
  run mayfly.runs;
  job mayfly.finished_jobs;
begin
  for job in select n.* from new_rows n where left(n.name, 4) = 'run:' order by n.tenant_id, n.id loop
    select * into run from mayfly.runs r where r.tenant_id = job.tenant_id and r.id = job.id and r.ended_at is null for no key update;
    continue when not found;
    perform mayfly_private.move_run(run, case job.status when 'cancelled' then 'cancelled' else 'failed' end, null,
      case when job.status <> 'cancelled' then coalesce(job.error, '{"code": "failed", "message": "Its job was cancelled or failed."}') end);
    select * into run from mayfly.runs r where r.tenant_id = job.tenant_id and r.id = job.id;
    perform mayfly_private.tell_run(run, true);
  end loop;
  return null;
end
$$;

comment on function mayfly_private.end_runs is 'Trigger: ends runs whose jobs have ended.';

create trigger finished_jobs_end_runs after insert on mayfly.finished_jobs
  referencing new table as new_rows
  for each statement execute function mayfly_private.end_runs();
