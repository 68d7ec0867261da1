-- Running teams, by tenant: the living members, what each is doing, and what is open. For the SQL editor.

select
  t.name as tenant,
  m.name as team,
  l.name as lead,
  count(a.id) filter (where a.status = 'running' and a.expires_at > clock_timestamp()) || ' of ' || count(a.id) as living,
  string_agg(distinct a.activity, ', ') filter (where a.status = 'running' and a.expires_at > clock_timestamp()) as activities,
  (select count(*) from mayfly.polls p where p.tenant_id = m.tenant_id and p.team_id = m.id and p.status = 'open') as open_polls,
  (select count(*) from mayfly.tenders d where d.tenant_id = m.tenant_id and d.team_id = m.id and d.status = 'open') as open_tenders,
  date_trunc('second', m.deadline - clock_timestamp()) as ends_in,
  m.id
from mayfly.teams m
join mayfly.tenants t on t.id = m.tenant_id
left join mayfly.agents l on l.tenant_id = m.tenant_id and l.id = m.lead_id
left join mayfly.team_members o on o.tenant_id = m.tenant_id and o.team_id = m.id
left join mayfly.agents a on a.tenant_id = o.tenant_id and a.id = o.agent_id
where m.status = 'running'
group by t.name, m.tenant_id, m.id, l.name
order by t.name, m.created_at;
