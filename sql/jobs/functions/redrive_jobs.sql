-- Makes failed jobs ready. The attempt number continues, so that no old lease is valid again, and the job gets as many
-- attempts again as it had at first. The steps of the job are kept, so the job continues after its last recorded step.
-- A job whose error is final ({ final: true }) would only end in the same way: it is refused if it is named, and left
-- out otherwise. Locks the jobs, then what the triggers of other rooms lock.

create function mayfly_private.redrive_jobs(ids uuid[], of_queue text, max_rows integer)
returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  tenant constant uuid := mayfly_private.require_tenant('job:admin');
  again uuid[];
  final record;
begin
  if max_rows is null or max_rows not between 1 and 10000 then
    perform mayfly_private.fail(400, 'invalid_request', 'max_rows must be 1 to 10000.', null, '{"field": "max_rows"}');
  elsif cardinality(ids) > 1000 then
    perform mayfly_private.fail(400, 'invalid_request', 'ids must be at most 1000 ids.', null, '{"field": "ids"}');
  end if;
  select array_agg(f.id order by f.id) as ids, min(f.error ->> 'message') as reason into final
  from mayfly.finished_jobs f
  where f.tenant_id = tenant and f.status = 'failed' and f.id = any (redrive_jobs.ids) and (of_queue is null or f.queue = of_queue)
    and f.error -> 'final' = 'true';
  if final.ids is not null then
    perform mayfly_private.fail(409, 'job_final', format('Redriving %s would end in the same way: %s',
        case cardinality(final.ids) when 1 then 'this job' else format('%s of these jobs', cardinality(final.ids)) end, final.reason),
      'Nothing was redriven. Leave out the jobs in details.ids, and start new ones with higher limits.',
      jsonb_build_object('field', 'ids', 'ids', final.ids));
  end if;
  with dead as (
    select f.id from mayfly.finished_jobs f
    where f.tenant_id = tenant and f.status = 'failed'
      and (redrive_jobs.ids is null or f.id = any (redrive_jobs.ids)) and (of_queue is null or f.queue = of_queue)
      and f.error -> 'final' is distinct from 'true'
    order by f.id
    limit max_rows
    for update skip locked
  ), gone as (
    delete from mayfly.finished_jobs f using dead d where f.tenant_id = tenant and f.id = d.id
    returning f.*
  ), back as (
    insert into mayfly.jobs (tenant_id, id, queue, name, lane, status, priority, run_at, attempt, max_attempts, timeout, backoff, target,
      parent_id, root_id, key, answers, trace, error, created_by, created_at, bytes, input)
    select g.tenant_id, g.id, g.queue, g.name, g.lane, 'ready', g.priority, mayfly_private.now(), g.attempt,
      g.attempt + greatest(1, g.max_attempts - coalesce((
        select min(a.attempt) - 1 from mayfly.job_attempts a where a.tenant_id = g.tenant_id and a.job_id = g.id), 0)),
      g.timeout, g.backoff, g.target, g.parent_id, g.root_id, g.key, g.answers, g.trace, g.error, g.created_by, g.created_at, g.bytes, g.input
    from gone g
    returning id
  )
  select array_agg(b.id order by b.id) into again from back b;
  if again is not null then
    perform mayfly_private.charge(tenant, 0, 0, cardinality(again));
    perform mayfly_private.append_events(tenant, 'job.redriven', again);
    perform mayfly_private.wake_workers(tenant);
  end if;
  return jsonb_build_object('redriven', coalesce(cardinality(again), 0));
end
$$;

comment on function mayfly_private.redrive_jobs is 'Makes failed jobs ready again.';
grant execute on function mayfly_private.redrive_jobs to authenticated, service_role;

-- Makes dead letters ready again: those with these ids, those of one queue, or all. Takes at most max_rows at once.
-- Scope job:admin.

create function mayfly.redrive_jobs(ids uuid[] default null, of_queue text default null, max_rows integer default 1000)
returns jsonb
language plpgsql
set search_path = ''
as $$
begin
  return mayfly_private.redrive_jobs(ids, of_queue, max_rows);
end
$$;

comment on function mayfly.redrive_jobs is 'Makes failed jobs ready again, with their steps: { redriven }.';
grant execute on function mayfly.redrive_jobs to authenticated, service_role;
