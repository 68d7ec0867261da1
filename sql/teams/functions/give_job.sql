-- Adds a job for one agent, and returns the id of the job, or null if the agent is dead. Like a claim, it takes shared
-- locks on the agent and its ancestors until commit. So whoever ends the agent waits, and then finds the assignment.
-- check_jobs has already accepted the job.

create function mayfly_private.give_job(tenant uuid, job jsonb, agent_id uuid, capabilities text[], author uuid)
returns uuid
language plpgsql security definer
set search_path = ''
as $$
declare
  agent mayfly.agents;
  added jsonb;
  given uuid;
begin
  perform pg_advisory_xact_lock_shared(hashtextextended('mayfly.jobs ' || l.id, 0))
  from (
    select tenant as id, 0 as nth
    union all
    select unnest(a.ancestors || a.id), 1 from mayfly.agents a where a.tenant_id = tenant and a.id = give_job.agent_id
    order by nth, id) l;
  select * into agent from mayfly.agents a where a.tenant_id = tenant and a.id = give_job.agent_id;
  if agent.id is null or mayfly_private.effective_status(agent) <> 'running' then
    return null;
  end if;
  added := mayfly_private.insert_jobs(tenant, jsonb_build_array(job || jsonb_build_object('target', jsonb_build_object('agent', agent.id))),
    author, null, null) -> 0;
  given := (added ->> 'id')::uuid;
  if not (added ->> 'existing')::boolean then
    insert into mayfly.assignments (tenant_id, job_id, agent_id, agent_type, work, capabilities, assigned_by, assigned_at)
    values (tenant, given, agent.id, agent.type, job ->> 'name', coalesce(give_job.capabilities, '{}'), author, mayfly_private.now());
    perform mayfly_private.append_events(tenant, 'job.assigned', array[given]);
  end if;
  return given;
end
$$;

comment on function mayfly_private.give_job is 'Adds a job for one agent, if the agent lives.';
