-- Inboxes and channels of every tenant: what was sent, what waits in them and since when, and how often messages were
-- delivered. For the SQL editor. `again` counts messages that were delivered to more than one reader and so may have
-- been handled twice. `overdue` counts messages past their deadline, which nobody gets any more. In a channel,
-- `waiting` is how far behind the slowest subscriber is.

select
  t.name as tenant,
  case when p.id is not null then 'person' when a.id is not null then 'agent' else 'gone' end as kind,
  coalesce(a.name, p.email, b.recipient_id::text) as name,
  case when a.id is not null then mayfly_private.effective_status(a) end as status,
  b.last_seq as messages,
  d.waiting,
  d.overdue,
  d.again,
  date_trunc('second', now() - d.oldest) as oldest_waiting,
  d.types as waiting_types,
  b.session is not null as opened,
  date_trunc('second', now() - b.opened_at) as opened_ago,
  b.recipient_id as id
from mayfly.inboxes b
join mayfly.tenants t on t.id = b.tenant_id
left join mayfly.agents a on a.tenant_id = b.tenant_id and a.id = b.recipient_id
left join auth.users p on p.id = b.recipient_id
left join lateral (
  select count(*) as waiting, count(*) filter (where m.deadline <= now()) as overdue,
    count(*) filter (where w.attempts > 1) as again, min(m.sent_at) as oldest,
    string_agg(distinct m.type, ', ') as types
  from mayfly.deliveries w
  join mayfly.messages m on m.tenant_id = w.tenant_id and m.id = w.message_id
  where w.tenant_id = b.tenant_id and w.recipient_id = b.recipient_id and w.acknowledged_at is null
) d on true
union all
select
  t.name, c.kind || ' channel', c.name, null, c.last_seq, c.last_seq - s.slowest, null, null,
  date_trunc('second', now() - m.oldest), m.types, s.subscribers > 0, null, c.id
from mayfly.channels c
join mayfly.tenants t on t.id = c.tenant_id
left join lateral (
  select count(*) as subscribers, min(x.acknowledged) as slowest
  from mayfly.channel_subscriptions x where x.tenant_id = c.tenant_id and x.channel_id = c.id
) s on true
left join lateral (
  select min(x.sent_at) as oldest, string_agg(distinct x.type, ', ') as types
  from mayfly.messages x where x.tenant_id = c.tenant_id and x.channel_id = c.id and x.channel_seq > s.slowest
) m on true
order by tenant, waiting desc nulls last, kind, name;
