-- Finds agents. It is a definer, because `@>` is not leakproof: under row-level security, no index could be used for
-- it. Each call is planned for its arguments, so a search for living agents uses the index of living agents, however
-- many agents have ended. Locks nothing.

create function mayfly_private.find_agents(
  having_capabilities text[], of_type text, with_status text, of_parent uuid, after uuid, page_limit integer
)
returns jsonb
language plpgsql stable security definer
set search_path = ''
set plan_cache_mode = force_custom_plan
as $$
declare
  tenant constant uuid := mayfly_private.require_tenant(null);
  sees_all constant boolean := tenant = any (mayfly_private.tenant_ids('agent:read'));
  own constant uuid[] := case when not sees_all then mayfly_private.own_agent_ids() end;
  any_status constant boolean := with_status is null or with_status in ('stopped', 'expired');
  cards jsonb;
begin
  if with_status not in ('running', 'suspended', 'stopped', 'expired') then
    perform mayfly_private.fail(400, 'invalid_request', 'status must be running, suspended, stopped or expired.', null, '{"field": "status"}');
  elsif page_limit is null or page_limit not between 1 and 200 then
    perform mayfly_private.fail(400, 'invalid_request', 'limit must be 1 to 200.', null, '{"field": "limit"}');
  end if;

  select coalesce(jsonb_agg(mayfly_private.card(page.agent) order by page.id), '[]') into cards
  from (
    select a as agent, a.id
    from mayfly.agents a
    where a.tenant_id = tenant
      and (sees_all or a.id = any (own))
      and (any_status or a.status in ('running', 'suspended'))
      and (after is null or a.id > after)
      and (of_type is null or a.type = of_type)
      and (of_parent is null or a.parent_id = of_parent)
      and (having_capabilities is null or a.capabilities @> having_capabilities)
      and (with_status is null or mayfly_private.effective_status(a) = with_status)
    order by a.id
    limit page_limit
  ) page;
  return jsonb_build_object(
    'agents', cards,
    'after', case when jsonb_array_length(cards) = page_limit then cards -> -1 -> 'id' end);
end
$$;

comment on function mayfly_private.find_agents is 'Finds agents of the caller''s tenant.';
grant execute on function mayfly_private.find_agents to authenticated, service_role;

-- Finds agents by capabilities, type, current status or parent. Returns cards, ordered by id. For callers with
-- agent:read. An agent without this scope finds itself and its descendants.

create function mayfly.find_agents(
  capabilities text[] default null,
  type text default null,
  status text default null,
  parent uuid default null,
  after uuid default null,
  page_limit integer default 50
)
returns jsonb
language sql stable
set search_path = ''
return mayfly_private.find_agents(capabilities, type, status, parent, after, page_limit);

comment on function mayfly.find_agents is
  'Finds agents that have all the given capabilities. Returns { agents: cards, after }. Pass `after` to get the next page; it is null after the last one.';
grant execute on function mayfly.find_agents to authenticated, service_role;
