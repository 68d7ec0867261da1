-- Spending in the last 30 days, by tenant, agent and model. For the SQL editor.

select
  t.name as tenant,
  u.agent,
  u.provider || '/' || u.model as model,
  count(*) as calls,
  sum(u.input_tokens) as input_tokens,
  sum(u.cache_read_tokens) as of_them_cached,
  sum(u.output_tokens) as output_tokens,
  round(sum(u.usd), 6) as usd,
  count(*) filter (where u.usd is null) as without_price
from mayfly.model_usage u
join mayfly.tenants t on t.id = u.tenant_id
where u.at > clock_timestamp() - interval '30 days'
group by 1, 2, 3
order by usd desc nulls last;
