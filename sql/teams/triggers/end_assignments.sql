-- A job that has ended no longer counts towards the load of its agent. If the job is redriven, it counts again. So
-- assign_job reads rows of one index, instead of looking up every open job. If another transaction holds a row, the row
-- is left to maintenance, so that the end of a job waits for nobody.

create function mayfly_private.end_assignments()
returns trigger
language plpgsql security definer
set search_path = ''
set enable_seqscan = off
as $$
declare
  given uuid[];
begin
  -- Most jobs are assigned to nobody, and cost only this check.
  select array_agg(n.id) into given from changed n where n.target ? 'agent';
  if given is null then
    return null;
  end if;
  update mayfly.assignments s set ended = tg_op = 'INSERT'
  from (
    select o.tenant_id, o.job_id
    from changed n
    join mayfly.assignments o on o.tenant_id = n.tenant_id and o.job_id = n.id
    where n.target ? 'agent' and not o.released and o.reward is null
      and (tg_op = 'INSERT' or exists (select from mayfly.jobs j where j.tenant_id = n.tenant_id and j.id = n.id))
    order by o.tenant_id, o.job_id
    for no key update of o skip locked) d
  where s.tenant_id = d.tenant_id and s.job_id = d.job_id;
  return null;
end
$$;

comment on function mayfly_private.end_assignments is 'Trigger: jobs that have ended no longer count as load of their agents.';

create trigger finished_jobs_end_assignments after insert on mayfly.finished_jobs
  referencing new table as changed
  for each statement execute function mayfly_private.end_assignments();

create trigger finished_jobs_begin_assignments after delete on mayfly.finished_jobs
  referencing old table as changed
  for each statement execute function mayfly_private.end_assignments();
