-- Assigns a job. Locks the assignments of the tenant (advisory), so that concurrent callers see what the others have
-- assigned, and then what give_job locks.

create function mayfly_private.assign_job(job jsonb, capabilities text[], type text, team uuid, max_load integer)
returns jsonb
language plpgsql security definer
set search_path = ''
-- If a session made its plans while the tables were small, it would keep scanning the whole tables, which with 500 open
-- jobs takes 17 ms instead of 3. JIT compilation took 40 ms.
set enable_seqscan = off
set jit = off
as $$
declare
  who constant mayfly_private.caller := mayfly_private.caller();
  tenant constant uuid := mayfly_private.require_tenant_of(who, 'team:manage');
  busy uuid[];
  loads bigint[];
  changes bigint;
  best record;
  given uuid;
  known mayfly.assignments;
begin
  perform mayfly_private.check_jobs(jsonb_build_array(job));
  perform mayfly_private.require_tenant_of(who, 'job:add');
  if job ? 'target' or job ? 'answers' then
    perform mayfly_private.fail(400, 'invalid_request', 'job must have neither target nor answers.', 'assign_job decides who gets it.', '{"field": "job"}');
  elsif capabilities is not null and not mayfly_private.labels_within(capabilities, 20) then
    perform mayfly_private.fail(400, 'invalid_request', 'capabilities must be at most 20 texts of 1 to 100 characters.', null, '{"field": "capabilities"}');
  elsif max_load not between 0 and 100000 then
    perform mayfly_private.fail(400, 'invalid_request', 'max_load must be a whole number from 0 to 100000.', null, '{"field": "max_load"}');
  elsif team is not null then
    perform mayfly_private.open_team(tenant, team);
  end if;
  perform pg_advisory_xact_lock(hashtextextended('mayfly.assignments ' || tenant, 0));
  if job ->> 'key' is not null then
    select s.* into known from mayfly_private.job_keys k
    join mayfly.assignments s on s.tenant_id = k.tenant_id and s.job_id = k.job_id
    where k.tenant_id = tenant and k.key = job ->> 'key' and not s.released;
    if found then
      return jsonb_build_object('job', known.job_id, 'agent', known.agent_id, 'existing', true);
    end if;
  end if;

  -- The stored loads are read once. When a job ends, its assignment ends too (end_assignments).
  select array_agg(l.agent_id), array_agg(l.jobs), coalesce(sum(l.changes), 0) into busy, loads, changes
  from (
    select c.agent_id, sum(c.change) as jobs, count(*) as changes from mayfly_private.agent_loads c
    where c.tenant_id = tenant
    group by c.agent_id) l;
  if changes > 100 + 2 * cardinality(busy) then
    perform mayfly_private.fold_loads(tenant);
  end if;

  for best in
    select a.id, l.jobs as load, (coalesce(r.total, 0) + 1) / (coalesce(r.rated, 0) + 2) as record
    from mayfly.agents a
    left join unnest(busy, loads) k (agent_id, jobs) on k.agent_id = a.id
    cross join lateral (
      -- Adds the jobs that the agent claimed without an assignment.
      select coalesce(k.jobs, 0) + (
        select count(*) from mayfly.jobs j
        where j.tenant_id = tenant and j.holder = a.id and j.status = 'running'
          and not exists (select from mayfly.assignments s where s.tenant_id = tenant and s.job_id = j.id and not s.ended)
      ) as jobs) l
    left join mayfly.track_records r on r.tenant_id = tenant and r.agent_type = a.type and r.work = job ->> 'name'
    where a.tenant_id = tenant and a.status = 'running' and a.expires_at > mayfly_private.now()
      and 'job:work' = any (a.scopes)
      and a.capabilities @> coalesce(assign_job.capabilities, '{}')
      and (assign_job.type is null or a.type = assign_job.type)
      and (assign_job.team is null or exists (
        select from mayfly.team_members m where m.tenant_id = tenant and m.team_id = assign_job.team and m.agent_id = a.id))
      and (max_load is null or l.jobs <= max_load)
    order by 2, 3 desc, a.spawned_at, a.id
  loop
    given := mayfly_private.give_job(tenant, job, best.id, capabilities, who.id);
    if given is not null then
      return jsonb_build_object('job', given, 'agent', best.id, 'existing', false, 'load', best.load, 'record', best.record);
    end if;
  end loop;
  perform mayfly_private.fail(409, 'no_agent_available', 'No living agent can take this job now.',
    'Spawn one with these capabilities and the scope job:work, raise max_load, or add the job without an assignment.');
end
$$;

comment on function mayfly_private.assign_job is 'Gives a job to the best agent.';
grant execute on function mayfly_private.assign_job to authenticated, service_role;

-- Gives a job to the best living agent (scopes team:manage and job:add). The candidates are agents that may work on
-- jobs and have the capabilities. If a type or a team is given, they must also be of that type and in that team. The
-- candidate with the fewest open jobs gets the job. Among equals, the candidate whose type has the best record at this
-- kind of work gets it. The record is the mean rating with one success and one failure added, so a newcomer starts at a
-- half. Agents with more than max_load jobs are excluded, so 0 means only idle agents. If the agent ends, the job goes
-- to any agent with the capabilities.

create function mayfly.assign_job(job jsonb, capabilities text[] default null, type text default null, team uuid default null, max_load integer default null)
returns jsonb
language sql
set search_path = ''
return mayfly_private.assign_job(job, capabilities, type, team, max_load);

comment on function mayfly.assign_job is 'Gives a job to the best agent: { job, agent, existing, load, record }.';
grant execute on function mayfly.assign_job to authenticated, service_role;
