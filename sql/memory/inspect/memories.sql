-- What agents have learned, by tenant, generation (how many ancestors an agent has) and agent. Dead agents are
-- included, because memories outlive them. For the SQL editor.

select
  t.name as tenant,
  a.depth as generation,
  coalesce(a.name, 'no agent') as agent,
  a.type,
  mayfly_private.effective_status(a) as status,
  count(*) filter (where m.deleted_at is null) as memories,
  count(*) filter (where m.deleted_at is not null) as forgotten,
  count(*) filter (where m.visibility = 'agent' and m.deleted_at is null) as private,
  round((avg(m.reward) filter (where m.deleted_at is null))::numeric, 2) as mean_reward,
  count(v.memory_id) as with_vector,
  string_agg(distinct m.kind, ', ') filter (where m.deleted_at is null) as kinds,
  pg_size_pretty(sum(octet_length(m.task) + octet_length(m.input) + octet_length(m.output) + octet_length(m.critique))) as text,
  date_trunc('second', now() - max(m.created_at)) as last_ago,
  m.agent_id
from mayfly.memories m
join mayfly.tenants t on t.id = m.tenant_id
left join mayfly.agents a on a.tenant_id = m.tenant_id and a.id = m.agent_id
left join lateral (
  select w.memory_id from mayfly.memory_vectors w where w.tenant_id = m.tenant_id and w.memory_id = m.id limit 1
) v on true
group by t.name, t.id, m.agent_id, a.*, a.depth, a.name, a.type
order by t.name, t.id, a.depth nulls last, memories desc, agent;
