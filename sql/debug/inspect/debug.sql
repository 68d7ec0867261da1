-- The newest stored debug records, by tenant and agent, and how many were dropped before each. For the SQL
-- editor. mayfly.tenants.debug says which tenants keep records.

select
  t.name as tenant,
  a.name as agent,
  r.at,
  (array['basic', 'detailed', 'verbose', 'trace'])[r.level] as level,
  r.category,
  r.name,
  r.duration_ms,
  r.data,
  nullif(r.dropped, 0) as dropped_before,
  mayfly_private.effective_status(a) as status,
  r.agent_id
from mayfly.debug_records r
join mayfly.tenants t on t.id = r.tenant_id
join mayfly.agents a on a.tenant_id = r.tenant_id and a.id = r.agent_id
order by r.at desc, r.id desc
limit 500;
