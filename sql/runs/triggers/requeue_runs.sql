-- A run whose job is redriven is queued again at once. A redriven job is deleted from finished_jobs and is in jobs again.

create function mayfly_private.requeue_runs()
returns trigger
language plpgsql security definer
set search_path = ''
set enable_seqscan = off
as $$
declare
  job mayfly.finished_jobs;
  run mayfly.runs;
begin
  for job in
    select o.* from old_rows o
    where left(o.name, 4) = 'run:' and o.status = 'failed'
      and exists (select from mayfly.jobs j where j.tenant_id = o.tenant_id and j.id = o.id)
    order by o.tenant_id, o.id
  loop
    select * into run from mayfly.runs r where r.tenant_id = job.tenant_id and r.id = job.id for no key update;
    continue when not found;
    perform mayfly_private.move_run(run, 'queued', null, null);
  end loop;
  return null;
end
$$;

comment on function mayfly_private.requeue_runs is 'Trigger: runs whose jobs are redriven are queued again.';

create trigger finished_jobs_requeue_runs after delete on mayfly.finished_jobs
  referencing old table as old_rows
  for each statement execute function mayfly_private.requeue_runs();
