-- Facts by tenant and entity, newest first: what is valid now, what has replaced what, and who recorded it. For
-- the SQL editor.

select
  t.name as tenant,
  s.name as subject,
  s.type,
  f.predicate,
  coalesce(o.name, f.value #>> '{}') as object,
  case when f.valid_to is null then 'valid' when f.superseded_by is not null then 'replaced' else 'ended' end as state,
  date_trunc('second', f.valid_from) as valid_from,
  date_trunc('second', f.valid_to) as valid_to,
  f.confidence,
  f.confirmations,
  g.name as said_by,
  case when f.private_to is null then 'the whole tenant' else 'its agent, the ancestors of it, and admins' end as seen_by,
  f.id
from mayfly.facts f
join mayfly.tenants t on t.id = f.tenant_id
join mayfly.entities s on s.tenant_id = f.tenant_id and s.id = f.subject_id
left join mayfly.entities o on o.tenant_id = f.tenant_id and o.id = f.object_id
left join mayfly.agents g on g.tenant_id = f.tenant_id and g.id = f.agent_id
order by t.name, f.recorded_at desc
limit 200;
