-- Frees jobs whose agent has ended. Any agent with the requested capabilities can then claim them, or any agent at all
-- if none were requested. The jobs keep their place in the queue. Called when agents end and by maintenance. Skips jobs
-- that somebody has locked. Locks the jobs, by id.

create function mayfly_private.reassign_jobs(tenant uuid, max_rows integer)
returns integer
language plpgsql security definer
set search_path = ''
as $$
declare
  orphans uuid[];
begin
  if not exists (select from mayfly.assignments s where s.tenant_id = tenant and not s.ended) then
    return 0;
  end if;
  orphans := array(
    select j.id from mayfly.jobs j
    where j.tenant_id = tenant and j.status <> 'running' and j.id in (
      select s.job_id from mayfly.assignments s
      join mayfly.agents a on a.tenant_id = s.tenant_id and a.id = s.agent_id
      where s.tenant_id = tenant and not s.ended and mayfly_private.effective_status(a) in ('stopped', 'expired')
      limit max_rows)
    order by j.id for no key update skip locked);
  if cardinality(orphans) > 0 then
    update mayfly.jobs j
    set target = t.target,
      lane = case when t.target is null then '' else '!c' || md5((t.target -> 'capabilities')::text) || '/' end
        || substr(j.lane, strpos(j.lane, '/') + 1)
    from mayfly.assignments s, lateral (
      select case when cardinality(s.capabilities) > 0 then jsonb_build_object('capabilities', (
        select jsonb_agg(distinct c order by c) from unnest(s.capabilities) c)) end as target) t
    where s.tenant_id = tenant and s.job_id = j.id and j.tenant_id = tenant and j.id = any (orphans) and j.lane like '!a%';
    update mayfly.assignments s set ended = true, released = true where s.tenant_id = tenant and s.job_id = any (orphans);
    perform mayfly_private.wake_workers(tenant);
  end if;
  return cardinality(orphans);
end
$$;

comment on function mayfly_private.reassign_jobs is 'Gives jobs whose agent has ended to others.';
