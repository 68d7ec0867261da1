-- Takes back expired leases of a tenant, for projects in which nobody claims, and deletes ended jobs after the time in
-- the settings. Deletes at most max_rows, and returns { more }. It is a chore, which maintain_tenant calls as owner.

create function mayfly_private.maintain_jobs(tenant uuid, max_rows integer)
returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  old uuid[];
begin
  perform mayfly_private.tick_jobs();
  old := array(
    select f.id from mayfly.finished_jobs f
    where f.tenant_id = tenant and f.finished_at < mayfly_private.now() - mayfly_private.kept()
    order by f.finished_at
    limit max_rows
    for update skip locked);
  perform mayfly_private.delete_finished(tenant, old);
  delete from mayfly_private.job_workers w where w.tenant_id = tenant and w.until < mayfly_private.now();
  return jsonb_build_object('more', cardinality(old) = max_rows);
end
$$;

comment on function mayfly_private.maintain_jobs is 'One batch of maintenance of jobs.';
