-- The threads of each tenant: their size, number of steps, last write and expiry. For the SQL editor.

select
  t.name as tenant,
  h.name as thread,
  (select count(*) from mayfly.checkpoints c where c.tenant_id = h.tenant_id and c.thread_id = h.id) as checkpoints,
  (select count(*) from mayfly.thread_parts p where p.tenant_id = h.tenant_id and p.thread_id = h.id) as parts,
  (select count(*) from mayfly.thread_writes w where w.tenant_id = h.tenant_id and w.thread_id = h.id) as writes,
  pg_size_pretty(h.bytes) as charged,
  date_trunc('second', mayfly_private.now() - h.updated_at) as last_ago,
  date_trunc('second', h.expires_at - mayfly_private.now()) as time_left
from mayfly.threads h
join mayfly.tenants t on t.id = h.tenant_id
order by h.updated_at desc
limit 200;
