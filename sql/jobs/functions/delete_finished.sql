-- Deletes ended jobs with their steps, attempts, signals, keys, attributes and large results, and gives back their
-- bytes. Called by retention and by discard_jobs, as owner. Locks what it deletes.

create function mayfly_private.delete_finished(tenant uuid, ids uuid[])
returns void
language plpgsql security definer
set search_path = ''
as $$
declare
  freed bigint := 0;
  more bigint;
  files uuid[];
begin
  if coalesce(cardinality(ids), 0) = 0 then
    return;
  end if;
  with gone as (delete from mayfly.job_steps s where s.tenant_id = tenant and s.job_id = any (ids) returning s.bytes)
  select coalesce(sum(g.bytes), 0) into more from gone g;
  freed := freed + more;
  with gone as (delete from mayfly.job_signals s where s.tenant_id = tenant and s.job_id = any (ids) returning s.bytes)
  select coalesce(sum(g.bytes), 0) into more from gone g;
  freed := freed + more;
  -- Results that were too large for a row are in artifacts, whose names contain the id of the job.
  with gone as (
    delete from mayfly.artifacts a
    where a.tenant_id = tenant and a.team_id is null
      and a.name = any (array(select format('jobs/%s/%s', i, k) from unnest(ids) i, unnest('{result,steps}'::text[]) k))
    returning a.id)
  select coalesce(array_agg(g.id order by g.id), '{}') into files from gone g;
  perform mayfly_private.append_events(tenant, 'artifact.removed', files);
  delete from mayfly.job_attempts a where a.tenant_id = tenant and a.job_id = any (ids);
  delete from mayfly_private.job_keys k where k.tenant_id = tenant and k.job_id = any (ids) and k.key in (
    select f.key from mayfly.finished_jobs f where f.tenant_id = tenant and f.id = any (ids));
  with gone as (delete from mayfly.finished_jobs f where f.tenant_id = tenant and f.id = any (ids) returning f.bytes)
  select coalesce(sum(g.bytes), 0) into more from gone g;
  freed := freed + more;
  -- The trigger keep_attributes has marked the attributes that runs keep, when the jobs were deleted above.
  with gone as (delete from mayfly.job_attributes a where a.tenant_id = tenant and a.job_id = any (ids) and not a.kept returning a.bytes)
  select coalesce(sum(g.bytes), 0) into more from gone g;
  perform mayfly_private.count_usage(tenant, 0, -(freed + more), 0);
end
$$;

comment on function mayfly_private.delete_finished is 'Deletes ended jobs and their rows.';
