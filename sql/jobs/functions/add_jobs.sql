-- Adds all jobs or none. Without a lease, the tenant is the caller's (scope job:add). With a lease, which must be the
-- caller's, the new jobs are children of the leased job. Locks the keys of the jobs (sorted), what
-- mayfly_private.charge locks, and the parent job.

create function mayfly_private.add_jobs(jobs jsonb, lease text)
returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  who constant mayfly_private.caller := mayfly_private.caller();
  parent mayfly.jobs;
  tenant uuid;
  author constant uuid := who.id;
  fault integer;
  has_waited boolean := false;
begin
  if lease is null then
    tenant := mayfly_private.require_tenant_of(who, 'job:add');
  else
    parent := mayfly_private.fence_job(lease);
    tenant := parent.tenant_id;
  end if;
  perform mayfly_private.check_jobs(jobs);
  if jsonb_path_exists(jobs, '$[*].answers') then
    loop
      -- Only the recipient of a message may answer it.
      select o.n - 1 into fault from jsonb_array_elements(jobs) with ordinality as o (j, n)
      where o.j ->> 'answers' is not null and not exists (
        select from mayfly.deliveries d
        where d.tenant_id = tenant and d.message_id = (o.j ->> 'answers')::uuid and d.recipient_id = author)
      order by o.n limit 1;
      exit when fault is null or has_waited;
      perform mayfly_private.await_deliveries(tenant);
      has_waited := true;
    end loop;
    if fault is not null then
      perform mayfly_private.fail(404, 'message_unknown', format('jobs[%s].answers is not a message that the caller has received.', fault),
        'Nothing was added. Pass the id of a message in your inbox.', jsonb_build_object('index', fault, 'field', 'answers'));
    end if;
  end if;
  return mayfly_private.insert_jobs(tenant, jobs, author, parent.id, coalesce(parent.root_id, parent.id));
end
$$;

comment on function mayfly_private.add_jobs is 'Adds jobs, all or none.';
grant execute on function mayfly_private.add_jobs to authenticated, service_role;

-- Adds 1 to 1,000 jobs, all or none, and returns { id, existing } for each, in the same order. A job whose key already
-- belongs to a job is not added again, and its answer has the id of the existing job. If a lease is passed, the new
-- jobs are children of the leased job.

create function mayfly.add_jobs(jobs jsonb, lease text default null)
returns jsonb
language plpgsql
set search_path = ''
as $$
begin
  return mayfly_private.add_jobs(jobs, lease);
end
$$;

comment on function mayfly.add_jobs is
  'Adds 1 to 1000 jobs, all or none: [{ name, input?, queue?, group?, priority?, run_at? | delay?, key?, target?, max_attempts?, backoff?, timeout?, deadline? }]. Returns [{ id, existing }].';
grant execute on function mayfly.add_jobs to authenticated, service_role;
