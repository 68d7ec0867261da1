-- The states that agents keep, by tenant and owner: their size, how often they changed, and who changed them
-- last and how. For the SQL editor. A deleted state is listed as `gone` until its event has left the log.

select
  t.name as tenant,
  coalesce(a.name, 'shared') as owner,
  s.key,
  s.version,
  case when s.deleted_at is not null then 'gone' when s.expires_at <= clock_timestamp() then 'expired' else 'there' end as is,
  left(s.value::text, 100) as value,
  pg_size_pretty(octet_length(s.value::text)::bigint) as size,
  v.action as last_action,
  coalesce(by_agent.name, u.email, case when s.updated_by is null then 'the secret key, or time' else s.updated_by::text end) as last_by,
  date_trunc('second', clock_timestamp() - s.updated_at) as last_ago,
  date_trunc('second', s.expires_at - clock_timestamp()) as time_left,
  (select count(*) from mayfly.state_versions k where k.tenant_id = s.tenant_id and k.state_id = s.id) as versions_kept
from mayfly.states s
join mayfly.tenants t on t.id = s.tenant_id
left join mayfly.agents a on a.tenant_id = s.tenant_id and a.id = s.agent_id
left join mayfly.state_versions v on v.tenant_id = s.tenant_id and v.state_id = s.id and v.version = s.version
left join mayfly.agents by_agent on by_agent.tenant_id = s.tenant_id and by_agent.id = s.updated_by
left join auth.users u on u.id = s.updated_by
order by t.name, t.id, a.name nulls first, s.key;
