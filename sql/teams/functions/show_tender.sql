-- A tender as others see it. While it is open, its bids are hidden.

create function mayfly_private.show_tender(tender mayfly.tenders)
returns jsonb
language sql stable security definer
set search_path = ''
return (
  select jsonb_build_object('id', tender.id, 'team', tender.team_id, 'job', tender.job, 'capabilities', to_jsonb(tender.capabilities),
    'rule', tender.rule, 'max_price', tender.max_price, 'deadline', tender.deadline, 'status', tender.status, 'job_id', tender.job_id,
    'winner', tender.winner_id, 'created_by', tender.created_by, 'created_at', tender.created_at, 'closed_at', tender.closed_at,
    'bids', case when tender.status in ('awarded', 'failed') then (
      select coalesce(jsonb_agg(jsonb_build_object('agent', b.agent_id, 'price', b.price, 'score', b.score, 'note', b.note, 'made_at', b.made_at)
        order by b.made_at, b.agent_id), '[]')
      from mayfly.bids b where b.tenant_id = tender.tenant_id and b.tender_id = tender.id) end)
);

comment on function mayfly_private.show_tender is 'A tender, with its bids once it is over.';
