-- Budgets: what was spent, what is reserved and by whom, and what is left. For the SQL editor.

select
  t.name as tenant,
  b.level,
  b.subject,
  b.period,
  round(b.spent_usd, 6) as spent_usd,
  round(b.held_usd, 6) as held_usd,
  b.hard_usd,
  round(greatest(0, b.hard_usd - b.spent_usd - b.held_usd), 6) as left_usd,
  b.spent_tokens,
  b.hard_tokens,
  b.unpriced as calls_without_price,
  (select count(*) from mayfly_private.cost_holds h
    where h.tenant_id = b.tenant_id and h.released_at is null and b.level = any (h.levels)
      and b.subject = case b.level when 'tenant' then '' when 'agent' then h.agent else h.run_id::text end) as calls_under_way
from mayfly.budgets b
join mayfly.tenants t on t.id = b.tenant_id
order by t.name, b.level = 'run', b.level = 'agent', b.subject;
