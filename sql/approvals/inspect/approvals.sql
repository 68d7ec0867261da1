-- Pending approvals by tenant: what was asked, by whom, since when, and how many have approved. For the SQL editor.

select
  t.name as tenant,
  a.title,
  a.category,
  coalesce(g.name, u.email, 'the secret key') as asked_by,
  j.name as job,
  a.step,
  date_trunc('second', clock_timestamp() - a.created_at) as waits,
  date_trunc('second', a.expires_at - clock_timestamp()) as expires_in,
  a.escalated_at is not null as escalated,
  (select count(*) from mayfly.approval_decisions d
    where d.tenant_id = a.tenant_id and d.approval_id = a.id and d.verdict = 'approve' and d.digest = a.digest) || ' of ' || a.quorum as approved,
  coalesce(array_to_string(a.roles, ', '), 'everybody who may decide') as roles,
  a.id
from mayfly.approvals a
join mayfly.tenants t on t.id = a.tenant_id
left join mayfly.jobs j on j.tenant_id = a.tenant_id and j.id = a.job_id
left join mayfly.agents g on g.tenant_id = a.tenant_id and g.id = a.requested_by
left join auth.users u on u.id = a.requested_by
where a.status = 'pending'
order by t.name, a.created_at;
