-- A team as others see it, with the current status of its members. The functions that call this have checked that the
-- team may be seen.

create function mayfly_private.show_team(team mayfly.teams)
returns jsonb
language sql stable security definer
set search_path = ''
return (
  select jsonb_build_object('id', team.id, 'name', team.name, 'task', team.task, 'status', team.status, 'lead', team.lead_id,
    'channel', (select c.name from mayfly.channels c where c.tenant_id = team.tenant_id and c.id = team.channel_id),
    'budget', (select mayfly_private.show_budget(b) from mayfly.budgets b where b.tenant_id = team.tenant_id and b.level = 'team' and b.subject = team.id::text),
    'alerts', (select count(*) from mayfly.team_alerts a where a.tenant_id = team.tenant_id and a.team_id = team.id and a.status = 'open'),
    'deadline', team.deadline, 'metadata', team.metadata, 'created_by', team.created_by, 'created_at', team.created_at,
    'ended_at', team.ended_at, 'end_reason', team.end_reason,
    'living', count(*) filter (where m.status in ('running', 'suspended')),
    'members', coalesce(jsonb_agg(jsonb_build_object('id', m.id, 'name', m.name, 'type', m.type, 'role', m.role, 'status', m.status,
      'activity', m.activity, 'joined_at', m.joined_at) order by m.joined_at, m.role <> 'lead', m.role, m.name) filter (where m.id is not null), '[]'))
  from (
    select a.id, a.name, a.type, t.role, mayfly_private.effective_status(a) as status, a.activity, t.joined_at
    from mayfly.team_members t
    join mayfly.agents a on a.tenant_id = t.tenant_id and a.id = t.agent_id
    where t.tenant_id = team.tenant_id and t.team_id = team.id) m
);

comment on function mayfly_private.show_team is 'A team with its members.';
