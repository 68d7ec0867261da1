-- Settles one hold: adds the call to the ledger, once, and its cost to the budgets. The caller has locked the hold and
-- the budgets. The caller passes the budgets, gets them back changed, and has to write them. A hold that was given back
-- is settled too, because the money has been spent.

create function mayfly_private.settle_cost(hold mayfly_private.cost_holds, usage jsonb, inout budgets mayfly.budgets[], out cost jsonb)
language plpgsql security definer
set search_path = ''
set plan_cache_mode = force_generic_plan
as $$
declare
  ts constant timestamptz := mayfly_private.now();
  price constant mayfly_private.known_price := mayfly_private.price_of(mayfly_private.provider_of(hold.provider, hold.model),
    mayfly_private.model_of(hold.provider, hold.model), hold.created_at);
  usd constant numeric := case when price.units is not null then mayfly_private.cost_of(price.units, usage) end;
  told constant text := case when price.units is null then 'unknown' when price.exact then 'exact' else 'inexact' end;
  used constant bigint := coalesce((usage ->> 'input')::numeric, 0) + coalesce((usage ->> 'output')::numeric, 0);
  size constant integer := 512 + octet_length(usage::text);
begin
  insert into mayfly.model_usage (tenant_id, id, at, agent, agent_id, run_id, provider, model, input_tokens, cache_read_tokens,
    cache_write_tokens, output_tokens, reasoning_tokens, usage, usd, priced, bytes)
  values (hold.tenant_id, hold.id, hold.created_at, hold.agent,
    (select a.id from mayfly.agents a where a.tenant_id = hold.tenant_id and a.id = hold.holder), hold.run_id, hold.provider, hold.model,
    coalesce((usage ->> 'input')::numeric, 0), coalesce((usage ->> 'cache_read')::numeric, 0), coalesce((usage ->> 'cache_write')::numeric, 0),
    coalesce((usage ->> 'output')::numeric, 0), coalesce((usage ->> 'reasoning')::numeric, 0), usage, usd, told, size);
  delete from mayfly_private.cost_holds h where h.tenant_id = hold.tenant_id and h.id = hold.id;
  for i in 1..coalesce(cardinality(budgets), 0) loop
    continue when not mayfly_private.concerns(budgets[i], hold.tenant_id, hold.agent, hold.run_id, hold.groups);
    if budgets[i].level = any (hold.levels) and hold.released_at is null then
      budgets[i].held_usd := greatest(0, budgets[i].held_usd - hold.usd);
      budgets[i].held_tokens := greatest(0, budgets[i].held_tokens - hold.tokens);
    end if;
    -- A call counts in the period in which it is settled.
    budgets[i].spent_usd := budgets[i].spent_usd + coalesce(usd, 0);
    budgets[i].spent_tokens := budgets[i].spent_tokens + used;
    budgets[i].unpriced := budgets[i].unpriced + (usd is null)::integer;
  end loop;
  -- The money has been spent, so the ledger's row is counted against the tenant's quotas but never refused.
  perform mayfly_private.count_usage(hold.tenant_id, 0, size, 1);
  perform mayfly_private.mark_breaker(hold.tenant_id, hold.provider, hold.model, null, null);
  cost := jsonb_build_object('id', hold.id, 'usd', usd, 'priced', told);
end
$$;

comment on function mayfly_private.settle_cost is 'Settles one hold.';
