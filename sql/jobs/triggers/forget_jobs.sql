-- Deletes the jobs of deleted tenants. It takes the place of foreign keys, which would look up the tenant for each row
-- that is written.

create function mayfly_private.forget_jobs()
returns trigger
language plpgsql security definer
set search_path = ''
as $$
begin
  delete from mayfly.jobs j using old_rows o where j.tenant_id = o.id;
  delete from mayfly.finished_jobs f using old_rows o where f.tenant_id = o.id;
  delete from mayfly.job_attributes a using old_rows o where a.tenant_id = o.id;
  delete from mayfly.job_steps s using old_rows o where s.tenant_id = o.id;
  delete from mayfly.job_attempts a using old_rows o where a.tenant_id = o.id;
  delete from mayfly.job_signals s using old_rows o where s.tenant_id = o.id;
  delete from mayfly_private.job_keys k using old_rows o where k.tenant_id = o.id;
  delete from mayfly_private.job_workers w using old_rows o where w.tenant_id = o.id;
  return null;
end
$$;

comment on function mayfly_private.forget_jobs is 'Trigger: deletes the jobs of deleted tenants.';

create trigger tenants_forget_jobs after delete on mayfly.tenants
  referencing old table as old_rows
  for each statement execute function mayfly_private.forget_jobs();
