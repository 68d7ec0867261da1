-- A requested call, as reserve_costs reads it. `tenant` is null if the lease has ended.

create type mayfly_private.cost_ask as (
  n integer,
  id uuid,
  tenant uuid,
  job_id uuid,
  attempt integer,
  agent text,
  provider text,
  model text,
  input numeric,
  output numeric,
  output_least numeric,
  groups text[]
);

-- Reads and checks the requested calls of reserve_costs. With a lease, the run is always the job of the lease, so the
-- caller cannot name another run.

create function mayfly_private.cost_asks(asks jsonb, holder mayfly_private.job_holder)
returns mayfly_private.cost_ask[]
language plpgsql security definer
set search_path = ''
as $$
declare
  ts constant timestamptz := mayfly_private.now();
  fault record;
  own uuid;
begin
  if jsonb_typeof(asks) is distinct from 'array' or jsonb_array_length(asks) not between 1 and 500 then
    perform mayfly_private.fail(400, 'invalid_request', 'asks must be an array of 1 to 500 { id, lease?, agent, provider, model, input, output? }.', null, '{"field": "asks"}');
  end if;
  select o.n - 1 as index, case
      when not coalesce(pg_input_is_valid(o.a ->> 'id', 'uuid'), false) then 'id'
      when coalesce(char_length(o.a ->> 'agent') not between 1 and 100, true) then 'agent'
      when coalesce(char_length(o.a ->> 'provider') not between 1 and 100, true) then 'provider'
      when coalesce(char_length(o.a ->> 'model') not between 1 and 200, true) then 'model'
      when jsonb_typeof(o.a -> 'input') is distinct from 'number' or not mayfly_private.number_within(o.a -> 'input', 0, 1e9, true) then 'input'
      when not mayfly_private.number_within(o.a -> 'output', 1, 1e7, true) then 'output'
      when not mayfly_private.number_within(o.a -> 'output_least', 1, 1e7, true) then 'output_least' end as field
  into fault
  from jsonb_array_elements(asks) with ordinality as o (a, n)
  where not coalesce(pg_input_is_valid(o.a ->> 'id', 'uuid'), false)
    or coalesce(char_length(o.a ->> 'agent') not between 1 and 100, true)
    or coalesce(char_length(o.a ->> 'provider') not between 1 and 100, true)
    or coalesce(char_length(o.a ->> 'model') not between 1 and 200, true)
    or jsonb_typeof(o.a -> 'input') is distinct from 'number' or not mayfly_private.number_within(o.a -> 'input', 0, 1e9, true)
    or not mayfly_private.number_within(o.a -> 'output', 1, 1e7, true)
    or not mayfly_private.number_within(o.a -> 'output_least', 1, 1e7, true)
  order by o.n limit 1;
  if found then
    perform mayfly_private.fail(400, 'invalid_request', format('asks[%s].%s must be %s.', fault.index, fault.field, case fault.field
        when 'id' then 'a UUID for each call' when 'agent' then 'a text of 1 to 100 characters' when 'provider' then 'a text of 1 to 100 characters'
        when 'model' then 'a text of 1 to 200 characters' else 'a whole number of tokens' end),
      'Nothing was reserved.', jsonb_build_object('index', fault.index, 'field', fault.field));
  end if;
  if exists (select from jsonb_array_elements(asks) a where a ->> 'lease' is null) then
    own := mayfly_private.require_tenant('cost:write');
  end if;
  return array(
    select row(o.n - 1, (o.a ->> 'id')::uuid, case when o.a ->> 'lease' is null then own else j.tenant_id end, j.id, j.attempt,
      o.a ->> 'agent', o.a ->> 'provider', o.a ->> 'model', (o.a ->> 'input')::numeric,
      coalesce((o.a ->> 'output')::numeric, 8192),
      least(coalesce((o.a ->> 'output_least')::numeric, 256), coalesce((o.a ->> 'output')::numeric, 8192)),
      mayfly_private.cost_groups_of(coalesce(j.tenant_id, own), case when holder.kind = 'agent' then holder.id else j.created_by end)
        || case when j.parent_id is null then '{}' else mayfly_private.jobs_above(j) end)::mayfly_private.cost_ask
    from jsonb_array_elements(asks) with ordinality as o (a, n)
    left join lateral mayfly_private.lease_of(holder, o.a ->> 'lease') l on true
    -- The fence: see fence_job.
    left join mayfly.jobs j on j.tenant_id = l.tenant_id and j.id = l.job_id and j.status = 'running' and j.attempt = l.attempt
      and j.holder = holder.id and j.lease_end > ts
    order by o.n);
end
$$;

comment on function mayfly_private.cost_asks is 'Reads and checks the calls of reserve_costs.';

-- Whether these budgets have room for a call. Returns that the call is granted and how many output tokens it may have,
-- or why it is refused. Locks the breaker and the rate limits of the call. Rate limits are checked last, because a
-- check that succeeds takes a call from each of them.

create function mayfly_private.weigh_ask(ask mayfly_private.cost_ask, budgets mayfly.budgets[])
returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  price constant mayfly_private.known_price := mayfly_private.price_of(mayfly_private.provider_of(ask.provider, ask.model),
    mayfly_private.model_of(ask.provider, ask.model), mayfly_private.now());
  per_output constant numeric := coalesce(mayfly_private.unit_price(price.units, 'output', ask.input), 0);
  -- If writing the input to the provider's cache costs more, the estimate assumes that all of it is written there.
  per_call constant numeric := greatest(mayfly_private.cost_of(price.units, jsonb_build_object('input', ask.input)),
    mayfly_private.cost_of(price.units, jsonb_build_object('input', ask.input, 'cache_write', ask.input)));
  output numeric := ask.output;
  room numeric;
  b mayfly.budgets;
  wait double precision;
begin
  foreach b in array budgets loop
    continue when not mayfly_private.concerns(b, ask.tenant, ask.agent, ask.job_id, ask.groups);
    if b.hard_usd is not null and coalesce(not price.exact, true) then
      return jsonb_build_object('code', 'price_unknown', 'level', b.level);
    end if;
    room := least(
      case when b.hard_usd is null then output
        when b.hard_usd - b.spent_usd - b.held_usd < per_call then -1
        when per_output = 0 then output
        else trunc((b.hard_usd - b.spent_usd - b.held_usd - per_call) / per_output) end,
      case when b.hard_tokens is null then output else b.hard_tokens - b.spent_tokens - b.held_tokens - ask.input end);
    output := least(output, room);
    if output < ask.output_least then
      return jsonb_build_object('code', 'budget_exceeded', 'level', b.level, 'of', case when b.hard_tokens - b.spent_tokens - b.held_tokens - ask.input < ask.output_least then 'tokens' else 'usd' end, 'subject', b.subject, 'budget', b.id,
        'left_usd', greatest(0, b.hard_usd - b.spent_usd - b.held_usd), 'left_tokens', greatest(0, b.hard_tokens - b.spent_tokens - b.held_tokens));
    end if;
  end loop;
  wait := mayfly_private.pass_breaker(ask.tenant, ask.provider, ask.model);
  if wait is not null then
    return jsonb_build_object('code', 'model_unavailable', 'retry_after', ceil(wait));
  end if;
  wait := mayfly_private.take_rate(ask.tenant, '{tenant,agent,model}', array['', ask.agent, ask.provider || '/' || ask.model]);
  if wait is not null then
    return jsonb_build_object('code', 'rate_limited', 'retry_after', ceil(wait));
  end if;
  return jsonb_build_object('granted', true, 'output', output, 'usd', per_call + output * per_output,
    'priced', case when price.units is null then 'unknown' when price.exact then 'exact' else 'inexact' end);
end
$$;

comment on function mayfly_private.weigh_ask is 'Whether budgets have room for a call.';

-- Reserves costs. Locks the affected budgets in their order, then breakers and rate limits, then inserts the holds.
-- Before it refuses a call for lack of budget, it gives back the holds of dead workers.

create function mayfly_private.reserve_costs(asks jsonb)
returns jsonb
language plpgsql security definer
set search_path = ''
set plan_cache_mode = force_generic_plan
as $$
declare
  ts constant timestamptz := mayfly_private.now();
  holder constant mayfly_private.job_holder := mayfly_private.job_holder();
  given constant mayfly_private.cost_ask[] := mayfly_private.cost_asks(asks, holder);
  ask mayfly_private.cost_ask;
  known jsonb;
  rows mayfly.budgets[];
  verdict jsonb;
  answers jsonb := '[]';
  looked uuid[] := '{}';
  concerned text[];
  tenants uuid[];
  levels text[];
  subjects text[];
begin
  if holder.kind <> 'secret' then
    perform mayfly_private.require_tenant('cost:write');
  end if;
  select array_agg(k.tenant), array_agg(k.level), array_agg(k.subject) into tenants, levels, subjects
  from unnest(given) g, lateral (
    values (g.tenant, 'tenant', ''), (g.tenant, 'agent', g.agent), (g.tenant, 'run', g.job_id::text)
    union all
    select g.tenant, l, t from unnest(g.groups) t, unnest(array['team', 'run']) l) as k (tenant, level, subject)
  where g.tenant is not null and k.subject is not null;
  rows := mayfly_private.budgets_of(tenants, levels, subjects);
  foreach ask in array given loop
    if ask.tenant is null then
      answers := answers || jsonb_build_object('id', ask.id, 'code', 'lease_lost');
      continue;
    end if;
    -- If the first answer was lost and the request is repeated, the hold already exists.
    select jsonb_build_object('id', h.id, 'granted', true, 'output', h.tokens, 'usd', h.usd) into known
    from mayfly_private.cost_holds h where h.tenant_id = ask.tenant and h.id = ask.id and h.holder = holder.id and h.released_at is null;
    if found then
      answers := answers || (known || jsonb_build_object('output', (known ->> 'output')::numeric - ask.input));
      continue;
    end if;
    verdict := mayfly_private.weigh_ask(ask, rows);
    if verdict ->> 'code' = 'budget_exceeded' and ask.tenant <> all (looked) then
      looked := looked || ask.tenant;
      perform mayfly_private.write_budgets(rows);
      if mayfly_private.give_back_holds(ask.tenant) > 0 then
        rows := mayfly_private.budgets_of(tenants, levels, subjects);
        verdict := mayfly_private.weigh_ask(ask, rows);
      end if;
    end if;
    if verdict ? 'granted' then
      concerned := '{}';
      for i in 1..cardinality(rows) loop
        if mayfly_private.concerns(rows[i], ask.tenant, ask.agent, ask.job_id, ask.groups) then
          rows[i].held_usd := rows[i].held_usd + (verdict ->> 'usd')::numeric;
          rows[i].held_tokens := rows[i].held_tokens + (ask.input + (verdict ->> 'output')::numeric)::bigint;
          concerned := concerned || rows[i].level;
        end if;
      end loop;
      insert into mayfly_private.cost_holds (tenant_id, id, holder, job_id, attempt, until, agent, run_id, provider, model, levels, usd, tokens, created_at, groups)
      values (ask.tenant, ask.id, holder.id, ask.job_id, ask.attempt, case when ask.job_id is null then ts + interval '15 minutes' end,
        ask.agent, ask.job_id, ask.provider, ask.model, concerned, (verdict ->> 'usd')::numeric, (ask.input + (verdict ->> 'output')::numeric)::bigint, ts, ask.groups);
    elsif verdict ->> 'code' = 'budget_exceeded' then
      for i in 1..cardinality(rows) loop
        if rows[i].id = (verdict ->> 'budget')::uuid and rows[i].refused_at is null then
          rows[i].refused_at := ts;
          perform mayfly_private.append_events(ask.tenant, 'budget.refused', array[rows[i].id]);
        end if;
      end loop;
    end if;
    answers := answers || (verdict || jsonb_build_object('id', ask.id));
  end loop;
  perform mayfly_private.write_budgets(rows);
  return answers;
end
$$;

comment on function mayfly_private.reserve_costs is 'Reserves the possible cost of calls of models.';
grant execute on function mayfly_private.reserve_costs to authenticated, service_role;

-- Reserves the possible cost of 1 to 500 calls: [{ id, lease?, agent, provider, model, input, output?, output_least?
-- }]. `id` is a UUID for each call. `input` is the largest number of tokens that the prompt can have. `output` is the
-- largest number of tokens that the answer should be able to have (8192 by default). For each call, in order, returns {
-- id, granted, output, usd, priced } or { id, code }. The returned `output` is how many tokens the budgets allow, and
-- at least output_least (256 by default). `code` is budget_exceeded, price_unknown, lease_lost, or, with retry_after,
-- model_unavailable or rate_limited. Needs cost:write. With a lease, the hold ends with the lease and also counts
-- against the budget of the run. Without a lease, the hold ends after 15 minutes.

create function mayfly.reserve_costs(asks jsonb)
returns jsonb
language plpgsql
set search_path = ''
as $$
begin
  return mayfly_private.reserve_costs(asks);
end
$$;

comment on function mayfly.reserve_costs is 'Reserves the possible cost of calls of models, each independently: { id, granted, output, usd, priced } or { id, code }.';
grant execute on function mayfly.reserve_costs to authenticated, service_role;
