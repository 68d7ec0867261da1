-- Replaces holds with actual costs. Locks the budgets, then the holds.

create function mayfly_private.settle_costs(settlements jsonb)
returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  holder constant mayfly_private.job_holder := mayfly_private.job_holder();
  fault record;
  held record;
  rows mayfly.budgets[];
  one record;
  settled record;
  answers jsonb := '{}';
begin
  if holder.kind <> 'secret' then
    perform mayfly_private.require_tenant('cost:write');
  end if;
  if jsonb_typeof(settlements) is distinct from 'array' or jsonb_array_length(settlements) not between 1 and 500 then
    perform mayfly_private.fail(400, 'invalid_request', 'settlements must be an array of 1 to 500 { hold, usage }.', null, '{"field": "settlements"}');
  end if;
  select o.n - 1 as index, case when coalesce(pg_input_is_valid(o.s ->> 'hold', 'uuid'), false) then 'usage' else 'hold' end as field into fault
  from jsonb_array_elements(settlements) with ordinality as o (s, n)
  where not coalesce(pg_input_is_valid(o.s ->> 'hold', 'uuid'), false) or not mayfly_private.is_usage(o.s -> 'usage')
  order by o.n limit 1;
  if found then
    perform mayfly_private.fail(400, 'invalid_request', format('settlements[%s].%s must be %s.', fault.index, fault.field,
        case fault.field when 'hold' then 'the id of a hold' else 'whole numbers by units: input, output, cache_read, …' end),
      'Nothing was settled.', jsonb_build_object('index', fault.index, 'field', fault.field));
  end if;
  select * into held from mayfly_private.holds_of(holder, array(select (s ->> 'hold')::uuid from jsonb_array_elements(settlements) s));
  rows := held.budgets;
  for one in
    select distinct on (h.tenant_id, h.id) h as hold, s -> 'usage' as usage
    from jsonb_array_elements(settlements) s
    join unnest(held.holds) h on h.id = (s ->> 'hold')::uuid
    order by h.tenant_id, h.id
  loop
    select * into settled from mayfly_private.settle_cost(one.hold, one.usage, rows);
    rows := settled.budgets;
    answers := answers || jsonb_build_object(settled.cost ->> 'id', settled.cost);
  end loop;
  perform mayfly_private.write_budgets(rows);
  -- If the first answer was lost and the request is repeated, the hold is already settled, and its cost is in the
  -- ledger.
  return (
    select jsonb_agg(coalesce(answers -> (s ->> 'hold'), (
      select jsonb_build_object('id', u.id, 'usd', u.usd, 'priced', u.priced, 'known', true) from mayfly.model_usage u
      where u.id = (s ->> 'hold')::uuid and u.tenant_id = coalesce(holder.tenant_id, u.tenant_id)
        and (holder.kind <> 'agent' or u.agent_id = holder.id) limit 1),
      jsonb_build_object('id', s ->> 'hold', 'code', 'hold_unknown')) order by n)
    from jsonb_array_elements(settlements) with ordinality as o (s, n));
end
$$;

comment on function mayfly_private.settle_costs is 'Records what calls of models really cost.';
grant execute on function mayfly_private.settle_costs to authenticated, service_role;

-- Records what calls really cost, in place of what was reserved: [{ hold, usage: { input, cache_read?, cache_write?,
-- cache_write_1h?, output, reasoning?, input_audio?, output_audio?, requests?, web_searches? } }], where `input` and
-- `output` count all tokens. Each hold is settled once, by the caller that reserved it (cost:write), even if it was
-- given back or its lease has ended. For each hold, in order, returns { id, usd, priced }, where usd is null if the
-- price is unknown, or { id, code: hold_unknown }.

create function mayfly.settle_costs(settlements jsonb)
returns jsonb
language plpgsql
set search_path = ''
as $$
begin
  return mayfly_private.settle_costs(settlements);
end
$$;

comment on function mayfly.settle_costs is 'Records what calls of models really cost, replacing what was reserved: { id, usd, priced }.';
grant execute on function mayfly.settle_costs to authenticated, service_role;
