-- Spending between two instants, grouped by any of tenant, agent, model, provider, day and run. For each group, returns
-- the calls, the tokens, the US dollars, and how many calls have no price. For callers with cost:read. If the report is
-- grouped by tenant and the caller names no tenant, it has all tenants whose costs the caller may read. The secret key
-- may read those of all tenants of the project. Locks nothing.

create function mayfly.cost_report(by text[] default '{model}', since timestamptz default null, until timestamptz default null, page_limit integer default 1000)
returns jsonb
language plpgsql stable
set search_path = ''
as $$
declare
  -- If no tenant is named, the policy of the ledger decides which tenants the caller may read.
  is_of_all constant boolean := coalesce('tenant' = any (by), false)
    and nullif(current_setting('request.headers', true), '')::jsonb ->> 'x-mayfly-tenant' is null;
  of_tenant constant uuid := case when not is_of_all then mayfly_private.require_tenant('cost:read') end;
begin
  if by is null or not by <@ '{tenant,agent,model,provider,day,run}' then
    perform mayfly_private.fail(400, 'invalid_request', 'by must be one or more of tenant, agent, model, provider, day and run.', null, '{"field": "by"}');
  elsif page_limit is null or page_limit not between 1 and 10000 then
    perform mayfly_private.fail(400, 'invalid_request', 'page_limit must be 1 to 10000.', null, '{"field": "page_limit"}');
  end if;
  return (
    select coalesce(jsonb_agg(jsonb_strip_nulls(jsonb_build_object('tenant', r.tenant, 'agent', r.agent, 'provider', r.provider, 'model', r.model, 'day', r.day, 'run', r.run))
      || jsonb_build_object('calls', r.calls, 'input_tokens', r.input, 'cache_read_tokens', r.cached, 'output_tokens', r.output, 'reasoning_tokens', r.reasoning,
        'usd', r.usd, 'unpriced', r.unpriced)), '[]')
    from (
      select case when 'tenant' = any (by) then u.tenant_id end as tenant, case when 'agent' = any (by) then u.agent end as agent, case when by && '{provider,model}' then u.provider end as provider,
        case when 'model' = any (by) then u.model end as model, case when 'day' = any (by) then (u.at at time zone 'UTC')::date end as day,
        case when 'run' = any (by) then u.run_id end as run,
        count(*) as calls, sum(u.input_tokens) as input, sum(u.cache_read_tokens) as cached, sum(u.output_tokens) as output,
        sum(u.reasoning_tokens) as reasoning, coalesce(sum(u.usd), 0) as usd, count(*) filter (where u.usd is null) as unpriced
      from mayfly.model_usage u
      where (is_of_all or u.tenant_id = of_tenant) and (since is null or u.at >= since) and (until is null or u.at < until)
      group by 1, 2, 3, 4, 5, 6
      order by 5 desc nulls last, coalesce(sum(u.usd), 0) desc, 1, 2, 3, 4, 6
      limit page_limit) r);
end
$$;

comment on function mayfly.cost_report is 'Spending, by any of tenant, agent, model, provider, day and run.';
grant execute on function mayfly.cost_report to authenticated, service_role;
