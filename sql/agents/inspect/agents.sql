-- The living agents of every tenant as trees: who spawned whom, what each agent does, and how long it has left. For the
-- SQL editor. `status` is the current status: the descendants of a suspended agent are suspended too.

with recursive tree as (
  select a as agent, array[extract(epoch from a.spawned_at)::text || a.id] as path
  from mayfly.agents a
  where a.parent_id is null and mayfly_private.effective_status(a) in ('running', 'suspended')
  union all
  select a, t.path || (extract(epoch from a.spawned_at)::text || a.id)
  from tree t
  join mayfly.agents a on a.tenant_id = (t.agent).tenant_id and a.parent_id = (t.agent).id
  where mayfly_private.effective_status(a) in ('running', 'suspended')
)
select
  tenant.name as tenant,
  repeat('   ', (t.agent).depth) || case when (t.agent).depth > 0 then '└ ' else '' end || (t.agent).name as agent,
  (t.agent).type || coalesce(' v' || (t.agent).type_version, '') as type,
  mayfly_private.effective_status(t.agent) as status,
  (t.agent).activity,
  (t.agent).task,
  coalesce(
    'agent ' || parent.name,
    'person ' || person.email,
    'key ' || key.name,
    case when (t.agent).spawned_by is null then 'the secret key' else 'somebody who is gone' end) as spawned_by,
  (mayfly_private.seconds_left(t.agent) || ' seconds')::interval as time_left,
  date_trunc('second', now() - live.last_seen_at) as last_seen_ago,
  (t.agent).scopes,
  (t.agent).id
from tree t
join mayfly.tenants tenant on tenant.id = (t.agent).tenant_id
left join mayfly.agents parent on parent.tenant_id = (t.agent).tenant_id and parent.id = (t.agent).parent_id
left join auth.users person on person.id = (t.agent).spawned_by
left join mayfly.enrolment_keys key on key.tenant_id = (t.agent).tenant_id and key.id = (t.agent).spawned_by
left join mayfly.agent_liveness live on live.tenant_id = (t.agent).tenant_id and live.agent_id = (t.agent).id
order by tenant.name, tenant.id, t.path;
