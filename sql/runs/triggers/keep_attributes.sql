-- A run may outlive its job, if the job is discarded or a fork reads the run. It then keeps its attributes:
-- delete_finished leaves what is marked here, and maintain_runs deletes it with the run. A job that is redriven is not
-- gone, because it is in jobs again.

create function mayfly_private.keep_attributes()
returns trigger
language plpgsql security definer
set search_path = ''
set enable_seqscan = off
as $$
begin
  update mayfly.job_attributes a set kept = true
  from old_rows o
  where left(o.name, 4) = 'run:' and a.tenant_id = o.tenant_id and a.job_id = o.id
    and exists (select from mayfly.runs r where r.tenant_id = o.tenant_id and r.id = o.id)
    and not exists (select from mayfly.jobs j where j.tenant_id = o.tenant_id and j.id = o.id);
  return null;
end
$$;

comment on function mayfly_private.keep_attributes is 'Trigger: runs whose jobs are deleted keep their attributes.';

create trigger finished_jobs_keep_attributes after delete on mayfly.finished_jobs
  referencing old table as old_rows
  for each statement execute function mayfly_private.keep_attributes();
