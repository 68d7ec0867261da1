-- How many jobs each worker holds, by tenant. For each worker, also shows how long ago its longest job began, when its
-- first lease ends unless the lease is extended, and how many of its leases have expired but were not taken back yet.
-- For the SQL editor.

select
  t.name as tenant,
  case when j.holder = '00000000-0000-0000-0000-000000000000' then 'the secret key'
    else coalesce('agent ' || a.name, 'person ' || u.email, 'somebody who is gone') end as holder,
  a.status as agent_status,
  count(*) as jobs,
  left(string_agg(distinct j.queue, ', '), 200) as queues,
  date_trunc('second', clock_timestamp() - min(j.started_at)) as longest,
  date_trunc('second', min(j.lease_end) - clock_timestamp()) as first_ends_in,
  count(*) filter (where j.lease_end < clock_timestamp()) as leases_over,
  count(*) filter (where j.cancelled) as told_to_end
from mayfly.jobs j
join mayfly.tenants t on t.id = j.tenant_id
left join mayfly.agents a on a.tenant_id = j.tenant_id and a.id = j.holder
left join auth.users u on u.id = j.holder
where j.status = 'running'
group by t.name, t.id, j.holder, a.name, a.status, u.email
order by min(j.lease_end);
