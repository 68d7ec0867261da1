-- The newest runs: their agent, their status, and what they used. For the SQL editor.

select
  t.name as tenant,
  r.agent,
  case when r.paused and r.ended_at is null then 'paused' else coalesce(case when r.ended_at is null then j.status end, r.status) end as status,
  r.steps,
  (select count(*) from mayfly.run_tool_calls c where c.tenant_id = r.tenant_id and c.run_id = r.id) as tools,
  (select count(*) from mayfly.run_model_calls c where c.tenant_id = r.tenant_id and c.run_id = r.id and c.error is not null) as failed_calls,
  r.input_tokens,
  r.output_tokens,
  round(r.usd, 6) as usd,
  r.unpriced as without_price,
  r.active_ms,
  r.error ->> 'code' as error,
  date_trunc('second', r.created_at) as created_at,
  r.id
from mayfly.runs r
join mayfly.tenants t on t.id = r.tenant_id
left join mayfly.jobs j on j.tenant_id = r.tenant_id and j.id = r.id
order by r.created_at desc
limit 50;
