-- How many of `wanted` jobs of a lane may begin now. This depends on whether the queue is paused, and on its limits:
-- how many jobs may run at once, how many of one group may run at once, and how many may begin in a second. This
-- function locks the queue's row until commit. If another claim holds the row, the queue is skipped. So no two claims
-- count the same free places, and no claim waits. Called by take_jobs.

create function mayfly_private.queue_room(tenant uuid, of_lane text, wanted integer)
returns integer
language plpgsql security definer
set search_path = ''
as $$
declare
  label constant text := split_part(case when left(of_lane, 1) = '!' then substr(of_lane, strpos(of_lane, '/') + 1) else of_lane end, '#', 1);
  of_queue constant text := split_part(label, '/', 1);
  queue mayfly.job_queues;
  available double precision;
begin
  select * into queue from mayfly.job_queues q where q.tenant_id = tenant and q.name = of_queue;
  if not found or (not queue.paused and coalesce(queue.max_running, queue.max_running_per_group) is null and queue.rate is null) then
    return wanted;
  elsif queue.paused then
    return 0;
  end if;
  select * into queue from mayfly.job_queues q where q.tenant_id = tenant and q.name = of_queue for no key update skip locked;
  if not found then
    return 0;
  end if;
  if queue.max_running is not null then
    wanted := least(wanted, queue.max_running - (
      select count(*) from mayfly.jobs j where j.tenant_id = tenant and j.status = 'running' and j.queue = of_queue)::integer);
  end if;
  if queue.max_running_per_group is not null and strpos(of_lane, '#') > 0 then
    wanted := least(wanted, queue.max_running_per_group - (
      select count(*) from mayfly.jobs j where j.tenant_id = tenant and j.status = 'running' and j.lane = of_lane)::integer);
  end if;
  if queue.rate is not null then
    available := least(greatest(queue.rate, 1), queue.tokens + greatest(0, extract(epoch from mayfly_private.now() - queue.filled_at)) * queue.rate);
    wanted := greatest(0, least(wanted, floor(available)::integer));
    -- The bucket pays for all of these jobs, even if fewer are found, because a rate is an upper bound.
    update mayfly.job_queues q set tokens = available - wanted, filled_at = mayfly_private.now()
    where q.tenant_id = tenant and q.name = of_queue;
  end if;
  return greatest(wanted, 0);
end
$$;

comment on function mayfly_private.queue_room is 'How many jobs of a lane may begin now.';
