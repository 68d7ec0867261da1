-- The log of every tenant: its size, its growth, its age, and what is waiting. For the SQL editor. `open_for` is the
-- age of the oldest open transaction that has written. Readers do not wait for it, but they get its events only after
-- it commits. Cursors that have not seen the transaction `behind_xid` are refused, and their readers have to start
-- again.

with open_writes as (
  select max(clock_timestamp() - a.xact_start) as open_for
  from pg_stat_activity a
  where a.datname = current_database() and a.backend_xid is not null and a.pid <> pg_backend_pid()
), queue as (
  select q.tenant_id, count(*) filter (where q.dead_at is null) as waiting, count(*) filter (where q.dead_at is not null) as dead,
    max(q.error) as last_failure
  from mayfly_private.embedding_queue q group by 1
)
select
  t.name as tenant,
  e.events,
  e.last_hour,
  date_trunc('second', now() - e.oldest) as oldest_ago,
  date_trunc('second', now() - e.newest) as newest_ago,
  e.of_one as for_one_reader,
  e.kinds,
  (select count(*) from mayfly_private.ops o where o.tenant_id = t.id) as known_operations,
  (select count(*) from mayfly.memory_conflicts c where c.tenant_id = t.id) as conflicts,
  coalesce(q.waiting, 0) as waiting_for_a_vector,
  coalesce(q.dead, 0) as given_up,
  q.last_failure,
  m.deleted_to as behind_xid,
  date_trunc('second', now() - m.at) as maintained_ago,
  date_trunc('millisecond', o.open_for) as open_for,
  pg_size_pretty(pg_total_relation_size('mayfly.events')) as log_of_all_tenants,
  t.id
from mayfly.tenants t
cross join open_writes o
left join queue q on q.tenant_id = t.id
left join mayfly_private.maintenance m on m.tenant_id = t.id
left join lateral (
  select count(*) as events, count(*) filter (where l.at > now() - interval '1 hour') as last_hour, min(l.at) as oldest,
    max(l.at) as newest, count(*) filter (where l.audience is not null) as of_one,
    (select jsonb_object_agg(k.type, k.n) from (
      select x.type, count(*) as n from mayfly.events x where x.tenant_id = t.id group by 1) k) as kinds
  from mayfly.events l where l.tenant_id = t.id
) e on true
order by e.events desc, t.name, t.id;
