-- Maintains the teams of a tenant, at most max_rows of each kind. It ends teams whose deadline has passed or whose
-- members are all dead, closes polls and awards tenders that are due, and gives jobs of dead agents to others. It
-- deletes what ended longer ago than the time for which ended jobs are kept. It is a chore, which maintain_tenant
-- calls as owner. Locks the teams and their agents, the jobs of polls and then the polls, and the tenders.

create function mayfly_private.maintain_teams(tenant uuid, max_rows integer)
returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  ts constant timestamptz := mayfly_private.now();
  due uuid[];
  found_more boolean := false;
  poll mayfly.polls;
  tender mayfly.tenders;
  deleted integer;
begin
  due := array(
    select t.id from mayfly.teams t
    where t.tenant_id = tenant and t.status = 'running' and (t.deadline <= ts or not exists (
      select from mayfly.team_members m
      join mayfly.agents a on a.tenant_id = m.tenant_id and a.id = m.agent_id
      where m.tenant_id = t.tenant_id and m.team_id = t.id and mayfly_private.effective_status(a) in ('running', 'suspended')))
    order by t.id limit max_rows for no key update skip locked);
  found_more := cardinality(due) = max_rows;
  if cardinality(due) > 0 then
    perform mayfly_private.end_teams(tenant, due, 'its time is over, or all its members are dead');
  end if;

  due := array(
    select p.id from mayfly.polls p
    where p.tenant_id = tenant and p.status = 'open' order by p.deadline limit max_rows);
  perform from mayfly.jobs j
  where j.tenant_id = tenant and j.id in (select p.job_id from mayfly.polls p where p.tenant_id = tenant and p.id = any (due))
  order by j.id for no key update;
  for poll in select * from mayfly.polls p where p.tenant_id = tenant and p.id = any (due) and p.status = 'open' order by p.id for no key update loop
    perform mayfly_private.settle_poll(poll);
  end loop;
  for tender in
    select * from mayfly.tenders d where d.tenant_id = tenant and d.status = 'open' order by d.deadline limit max_rows for no key update skip locked
  loop
    perform mayfly_private.award_tender(tender, false);
  end loop;
  found_more := mayfly_private.reassign_jobs(tenant, max_rows) = max_rows or found_more;

  update mayfly.assignments s set ended = true
  where s.tenant_id = tenant and s.job_id in (
    select o.job_id from mayfly.assignments o
    where o.tenant_id = tenant and not o.ended and not exists (select from mayfly.jobs j where j.tenant_id = tenant and j.id = o.job_id)
    limit max_rows);
  get diagnostics deleted = row_count;
  found_more := found_more or deleted = max_rows;
  perform mayfly_private.fold_loads(tenant);
  delete from mayfly.assignments s
  where s.tenant_id = tenant and s.job_id in (
    select o.job_id from mayfly.assignments o
    where o.tenant_id = tenant and o.ended and o.assigned_at < ts - mayfly_private.kept() limit max_rows);
  get diagnostics deleted = row_count;
  found_more := found_more or deleted = max_rows;
  delete from mayfly.team_alerts a
  where a.tenant_id = tenant and a.id in (
    select o.id from mayfly.team_alerts o
    where o.tenant_id = tenant and o.status = 'over' and o.seen_at < ts - mayfly_private.kept() limit max_rows);
  get diagnostics deleted = row_count;
  found_more := found_more or deleted = max_rows;
  delete from mayfly.polls p
  where p.tenant_id = tenant and p.id in (
    select o.id from mayfly.polls o
    where o.tenant_id = tenant and o.status <> 'open' and o.closed_at < ts - mayfly_private.kept() limit greatest(1, max_rows / 10));
  get diagnostics deleted = row_count;
  found_more := found_more or deleted = greatest(1, max_rows / 10);
  delete from mayfly.tenders d
  where d.tenant_id = tenant and d.id in (
    select o.id from mayfly.tenders o
    where o.tenant_id = tenant and o.status <> 'open' and o.closed_at < ts - mayfly_private.kept() limit greatest(1, max_rows / 10));
  get diagnostics deleted = row_count;
  found_more := found_more or deleted = greatest(1, max_rows / 10);
  due := array(
    select t.id from mayfly.teams t
    where t.tenant_id = tenant and t.status = 'ended' and t.ended_at < ts - mayfly_private.kept()
    limit greatest(1, max_rows / 100) for update skip locked);
  delete from mayfly.channels c
  where c.tenant_id = tenant and c.id in (select t.channel_id from mayfly.teams t where t.tenant_id = tenant and t.id = any (due));
  delete from mayfly.budgets b where b.tenant_id = tenant and b.level = 'team' and b.subject = any (due::text[]);
  delete from mayfly_private.cost_groups g
  where g.tenant_id = tenant and g.subject = any (due::text[]) and g.agent_id in (
    select m.agent_id from mayfly.team_members m where m.tenant_id = tenant and m.team_id = any (due));
  delete from mayfly.teams t where t.tenant_id = tenant and t.id = any (due);
  found_more := found_more or cardinality(due) = greatest(1, max_rows / 100);
  return jsonb_build_object('more', found_more);
end
$$;

comment on function mayfly_private.maintain_teams is 'Maintains one batch of teams.';
