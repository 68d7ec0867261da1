-- An agent and its descendants, including ended ones. Functions that know who calls use it in place of own_agent_ids,
-- which would identify the caller again. Returns an empty array for a null agent. Locks nothing.

create function mayfly_private.agents_under(tenant uuid, agent uuid)
returns uuid[]
language plpgsql stable
set search_path = ''
as $$
begin
  return array(
    select a.id
    from mayfly.agents a
    where a.tenant_id = tenant and (a.id = agent or a.ancestors @> array[agent]));
end
$$;

comment on function mayfly_private.agents_under is 'An agent and its descendants.';

-- The agents whose private memories the caller may see: itself and its descendants, including ended ones. Policies call
-- it once per statement. Runs as the owner, because the policies of mayfly.agents also call it. In PL/pgSQL, its
-- statement is planned once per session. As an SQL function, it was planned at each call, which took 150 µs.

create function mayfly_private.own_agent_ids()
returns uuid[]
language plpgsql stable security definer
set search_path = ''
as $$
declare
  caller constant mayfly_private.caller := mayfly_private.caller();
begin
  if caller.kind is distinct from 'agent' then
    return '{}';
  end if;
  return mayfly_private.agents_under(caller.tenant_id, caller.id);
end
$$;

comment on function mayfly_private.own_agent_ids is 'The calling agent and its descendants.';
grant execute on function mayfly_private.own_agent_ids to authenticated;
