-- Who in a team waits for whom now, as edges from one agent or job to the next. `by` says what is waited for:
--
--   request   an agent waits for the answer of another agent, or for the job that will answer (key `message:<id>`)
--   work      an agent that leaves a request unanswered has an assigned job that waits
--   child     a job waits only for its child
--   approval  a job waits only for an approval, and so for every agent without which it cannot be decided
--   held      a running job waits for the agent that holds it
--   due       a job that only one agent may take has been ready for too long
--
-- `work` and `due` count only after `patience`, because an agent that is not stuck answers or claims its job before
-- that. A job that waits for the first of several things is not an edge, because another of these things can wake it.
-- Locks nothing.

create function mayfly_private.find_team_waits(tenant uuid, team uuid, patience double precision)
returns table (waiter uuid, awaited uuid, by text)
language sql stable security definer
set search_path = ''
set enable_seqscan = off
as $$
  with recursive members as (
    select a.id from mayfly.team_members m
    join mayfly.agents a on a.tenant_id = m.tenant_id and a.id = m.agent_id
    where m.tenant_id = tenant and m.team_id = team and mayfly_private.effective_status(a) = 'running'
  ), recent as materialized (
    select m.id, m.sender_id, m.sent_at, m.target, m.reply_to, m.reply_required, m.deadline from mayfly.messages m
    where m.tenant_id = tenant and m.sent_at > mayfly_private.now() - interval '1 hour' and m.sender_id in (select i.id from members i)
    order by m.sent_at desc limit 20000
  ), asked as materialized (
    select r.sender_id, r.recipient, r.sent_at, k.job_id
    from (
      select m.id, m.sender_id, m.sent_at, mayfly_private.to_uuid(m.target ->> 'agent') as recipient
      from recent m
      where m.reply_required and coalesce(m.deadline > mayfly_private.now(), true)
        and not exists (select from recent a where a.reply_to = m.id)) r
    left join mayfly_private.job_keys k on k.tenant_id = tenant and k.key = 'message:' || r.id
    where r.recipient <> r.sender_id
  ), work as materialized (
    select distinct s.agent_id, s.job_id from mayfly.assignments s
    where s.tenant_id = tenant and not s.ended and s.agent_id in (
      select a.recipient from asked a
      where a.job_id is null and a.sent_at <= mayfly_private.now() - make_interval(secs => patience))
  ), chain as (
    select w.job_id as id, 1 as depth from work w
    union
    select a.job_id, 1 from asked a where a.job_id is not null
    union
    select mayfly_private.to_uuid(substr(j.wait_for[1], 5)), c.depth + 1
    from chain c
    join mayfly.jobs j on j.tenant_id = tenant and j.id = c.id
    where j.status = 'waiting' and cardinality(j.wait_for) = 1 and left(j.wait_for[1], 4) = 'job:' and c.depth < 20
  ), job as materialized (
    select j.* from (select distinct c.id from chain c) c
    join mayfly.jobs j on j.tenant_id = tenant and j.id = c.id
  )
  select a.sender_id, coalesce(a.job_id, a.recipient), 'request' from asked a
  where a.recipient in (select i.id from members i) or a.job_id is not null
  union
  select w.agent_id, w.job_id, 'work' from work w
  join job j on j.id = w.job_id and j.status = 'waiting'
  union
  select j.id, mayfly_private.to_uuid(substr(j.wait_for[1], 5)), 'child' from job j
  where j.status = 'waiting' and cardinality(j.wait_for) = 1 and left(j.wait_for[1], 4) = 'job:'
  union
  select j.id, d.id, 'approval'
  from job j
  join mayfly.approvals p on p.tenant_id = tenant and p.id = mayfly_private.to_uuid(substr(j.wait_for[1], 10)) and p.status = 'pending',
    lateral (select array(select distinct u from unnest(p.deciders || p.delegates) u) as ids) o,
    unnest(o.ids) d (id)
  where j.status = 'waiting' and cardinality(j.wait_for) = 1 and left(j.wait_for[1], 9) = 'approval:'
    and p.deciders is not null and p.escalates_at is null and cardinality(o.ids) <= p.quorum
  union
  select j.id, j.holder, 'held' from job j where j.status = 'running'
  union
  select j.id, mayfly_private.to_uuid(j.target ->> 'agent'), 'due' from job j
  where j.status = 'ready' and j.target ? 'agent'
    and greatest(j.run_at, j.created_at) <= mayfly_private.now() - make_interval(secs => patience)
$$;

comment on function mayfly_private.find_team_waits is 'Who in a team waits for whom, through requests, jobs and approvals.';
