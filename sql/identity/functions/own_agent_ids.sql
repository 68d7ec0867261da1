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
  return (
    select coalesce(array_agg(a.id), '{}')
    from mayfly.agents a
    where a.tenant_id = caller.tenant_id and (a.id = caller.id or a.ancestors @> array[caller.id]));
end
$$;

comment on function mayfly_private.own_agent_ids is 'The calling agent and its descendants.';
grant execute on function mayfly_private.own_agent_ids to authenticated;
