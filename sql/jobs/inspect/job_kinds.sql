-- Kinds of jobs that workers have published, by tenant: who published each last and when, and whether forms can be made
-- from a schema. For the SQL editor.

select
  t.name as tenant,
  k.name,
  k.description,
  (select count(*)::integer from json_object_keys(case when json_typeof(k.input_schema -> 'properties') = 'object' then k.input_schema -> 'properties' end)) as fields,
  k.input_schema is not null as has_schema,
  coalesce(a.name, u.email, 'the secret key') as published_by,
  k.published_at,
  k.bytes
from mayfly.job_kinds k
join mayfly.tenants t on t.id = k.tenant_id
left join mayfly.agents a on a.tenant_id = k.tenant_id and a.id = k.published_by
left join auth.users u on u.id = k.published_by
order by t.name, t.id, k.name;
