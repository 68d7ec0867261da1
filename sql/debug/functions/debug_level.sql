-- What the calling agent has to record now. From this call on, the agent is told about changes on its inbox topic. For
-- agents with debug:write.

create function mayfly_private.debug_level()
returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  of_tenant constant uuid := mayfly_private.require_tenant('debug:write');
  caller constant mayfly_private.caller := mayfly_private.caller();
begin
  if caller.kind is distinct from 'agent' then
    perform mayfly_private.fail(403, 'not_authorized', 'Only an agent has a debug stream.', 'Call it with the token of an agent.');
  end if;
  insert into mayfly_private.debug_streams (tenant_id, agent_id) values (of_tenant, caller.id) on conflict do nothing;
  if found then
    perform mayfly_private.hold_debug(of_tenant, true);
  end if;
  return mayfly_private.debug_levels(of_tenant, caller.id, mayfly_private.debug_rate(of_tenant));
end
$$;

comment on function mayfly_private.debug_level is 'What the calling agent has to record.';
grant execute on function mayfly_private.debug_level to authenticated, service_role;

create function mayfly.debug_level()
returns jsonb
language sql
set search_path = ''
return mayfly_private.debug_level();

comment on function mayfly.debug_level is
  'What the calling agent has to record now: { levels: {category: level}, seconds, all, sends_per_second, persist, max_records_per_minute }.';
grant execute on function mayfly.debug_level to authenticated, service_role;
