-- Stores a rating. The agent that did the job and its relatives cannot rate it, because a record is what others say
-- about an agent. Locks the assignment, then the record.

create function mayfly_private.rate_job(job_id uuid, reward double precision)
returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  tenant constant uuid := mayfly_private.require_tenant('team:manage');
  caller constant mayfly_private.caller := mayfly_private.caller();
  done mayfly.assignments;
begin
  if reward is null or not reward between 0 and 1 then
    perform mayfly_private.fail(400, 'invalid_request', 'reward must be a number from 0 to 1.', null, '{"field": "reward"}');
  end if;
  select * into done from mayfly.assignments s where s.tenant_id = tenant and s.job_id = rate_job.job_id and not s.released for no key update;
  if done.job_id is null then
    perform mayfly_private.fail(404, 'job_unknown', 'There is no such assigned job.', null, '{"field": "id"}');
  elsif exists (
    select from mayfly.agents a
    where a.tenant_id = tenant and caller.kind = 'agent'
      and ((a.id = caller.id and done.agent_id = any (a.ancestors || a.id)) or (a.id = done.agent_id and caller.id = any (a.ancestors)
        and done.assigned_by is distinct from caller.id))) then
    perform mayfly_private.fail(403, 'rating_own', 'The agent that did the work cannot rate it.', 'Let another agent or a person rate it.', '{"field": "id"}');
  elsif exists (select from mayfly.jobs j where j.tenant_id = tenant and j.id = done.job_id) then
    perform mayfly_private.fail(409, 'job_not_ended', 'The job has not ended.', 'Rate it after it has ended.', '{"field": "id"}');
  elsif done.reward is not null and done.reward <> rate_job.reward then
    perform mayfly_private.fail(409, 'already_rated', 'The job already has a rating.', null, '{"field": "id"}');
  elsif done.reward is null then
    update mayfly.assignments s set ended = true, reward = rate_job.reward, rated_by = caller.id, rated_at = mayfly_private.now()
    where s.tenant_id = tenant and s.job_id = done.job_id;
    if (select count(*) < 10000 from mayfly.track_records r where r.tenant_id = tenant)
      or exists (select from mayfly.track_records r where r.tenant_id = tenant and r.agent_type = done.agent_type and r.work = done.work) then
      insert into mayfly.track_records as r (tenant_id, agent_type, work, rated, total)
      values (tenant, done.agent_type, done.work, 1, rate_job.reward)
      on conflict on constraint track_records_pkey do update set rated = r.rated + 1, total = r.total + excluded.total;
    end if;
    perform mayfly_private.append_events(tenant, 'job.rated', array[done.job_id]);
  end if;
  return (
    select jsonb_build_object('job', done.job_id, 'agent', done.agent_id, 'type', done.agent_type, 'work', done.work, 'reward', rate_job.reward,
      'rated', r.rated, 'record', (r.total + 1) / (r.rated + 2))
    from (values (1)) one
    left join mayfly.track_records r on r.tenant_id = tenant and r.agent_type = done.agent_type and r.work = done.work);
end
$$;

comment on function mayfly_private.rate_job is 'Rates the result of an assigned job.';
grant execute on function mayfly_private.rate_job to authenticated, service_role;

-- Rates the result of an assigned job that has ended, once, from 0 to 1 (scope team:manage). Ratings make up
-- the record of the agent's type at this kind of work, which assign_job uses. The agent that did the job, its
-- descendants, and ancestors that did not assign it cannot rate it.

create function mayfly.rate_job(job_id uuid, reward double precision)
returns jsonb
language sql
set search_path = ''
return mayfly_private.rate_job(job_id, reward);

comment on function mayfly.rate_job is 'Rates the result of an assigned job, 0 to 1: { job, agent, type, work, reward, rated, record }.';
grant execute on function mayfly.rate_job to authenticated, service_role;
