-- Tool calls of the last day, by tool: how many, how they ended, and how long they took. For the SQL editor.

select
  t.name as tenant,
  c.tool,
  c.risk,
  count(*) as calls,
  count(*) filter (where c.status = 'succeeded') as succeeded,
  count(*) filter (where c.status = 'failed') as failed,
  count(*) filter (where c.status = 'denied') as denied,
  count(*) filter (where c.attempts > 1) as begun_again,
  percentile_cont(0.5) within group (order by extract(epoch from c.ended_at - c.started_at)) as median_seconds
from mayfly.run_tool_calls c
join mayfly.tenants t on t.id = c.tenant_id
where c.started_at > clock_timestamp() - interval '1 day'
group by 1, 2, 3
order by calls desc;
