-- Cancels jobs. A job that is not running ends at once. A running job is marked as cancelled, and its worker sees the
-- mark at its next write or heartbeat. All descendants are cancelled too. Locks the jobs by depth, the deepest first,
-- and then by id, because completing a child locks the child and then its parent.

create function mayfly_private.cancel_jobs(ids uuid[])
returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  tenant constant uuid := mayfly_private.require_tenant('job:add');
  caller constant mayfly_private.caller := mayfly_private.caller();
  admin constant boolean := tenant = any (mayfly_private.tenant_ids('job:admin'));
  foreign_job uuid;
  line uuid[];
  depths integer[];
  ended uuid[];
  marked uuid[];
begin
  if ids is null or cardinality(ids) not between 1 and 1000 then
    perform mayfly_private.fail(400, 'invalid_request', 'ids must be 1 to 1000 ids.', null, '{"field": "ids"}');
  end if;
  if not admin then
    select j.id into foreign_job from mayfly.jobs j
    where j.tenant_id = tenant and j.id = any (ids) and j.created_by is distinct from caller.id limit 1;
    if found then
      perform mayfly_private.fail(403, 'scope_missing', 'The caller does not have the scope job:admin.',
        'Without it, you can cancel only jobs that you added.', jsonb_build_object('scope', 'job:admin', 'id', foreign_job));
    end if;
  end if;
  -- Adding a child locks the parent. So once the first pass has locked the parents, no child can be added any more, and
  -- the second pass finds the children that were added before.
  for turn in 1..2 loop
    with recursive family as (
      select j.id, 0 as depth from mayfly.jobs j where j.tenant_id = tenant and j.id = any (ids)
      union
      select c.id, f.depth + 1 from family f
      join mayfly.jobs c on c.tenant_id = tenant and c.parent_id = f.id
      where f.depth < 100
    )
    select array_agg(f.id), array_agg(f.depth) into line, depths
    from (select f.id, max(f.depth) as depth from family f group by f.id) f;
    perform from mayfly.jobs j
    join unnest(line, depths) as l (id, depth) on l.id = j.id
    where j.tenant_id = tenant
    order by l.depth desc, j.id
    for update of j;
  end loop;
  update mayfly.jobs j set cancelled = true where j.tenant_id = tenant and j.id = any (line) and j.status = 'running' and not j.cancelled;
  marked := array(select j.id from mayfly.jobs j where j.tenant_id = tenant and j.id = any (line) and j.status = 'running');
  ended := array(select j.id from mayfly.jobs j where j.tenant_id = tenant and j.id = any (line) and j.status <> 'running' order by j.id);
  perform mayfly_private.end_jobs(tenant, ended, 'cancelled', null, null);
  return jsonb_build_object('cancelled', cardinality(ended), 'cancelling', cardinality(marked));
end
$$;

comment on function mayfly_private.cancel_jobs is 'Cancels jobs with their children.';
grant execute on function mayfly_private.cancel_jobs to authenticated, service_role;

-- Cancels jobs that the caller added (scope job:add) or any jobs (job:admin), with all their descendants: {
-- cancelled, cancelling }. Running jobs are marked and end as cancelled at the next write of their worker. Ended
-- jobs stay as they are.

create function mayfly.cancel_jobs(ids uuid[])
returns jsonb
language plpgsql
set search_path = ''
as $$
begin
  return mayfly_private.cancel_jobs(ids);
end
$$;

comment on function mayfly.cancel_jobs is 'Cancels jobs with their children: { cancelled, cancelling }. Those that are cancelling are still running.';
grant execute on function mayfly.cancel_jobs to authenticated, service_role;
