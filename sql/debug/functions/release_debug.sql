-- Ends the caller's own lease at once, and tells the agents what they have to record from now on. For callers with
-- debug:read. Locks the tenant's leases (see hold_debug).

create function mayfly_private.release_debug(lease uuid)
returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  of_tenant constant uuid := mayfly_private.require_tenant('debug:read');
  watched uuid;
begin
  perform mayfly_private.hold_debug(of_tenant);
  delete from mayfly_private.debug_leases l
  where l.tenant_id = of_tenant and l.id = lease and l.watcher_id is not distinct from mayfly_private.caller_id()
  returning l.agent_id into watched;
  if not found then
    return '{"released": false, "agents": 0}';
  end if;
  return jsonb_build_object('released', true, 'agents', mayfly_private.tell_debug(of_tenant, watched));
end
$$;

comment on function mayfly_private.release_debug is 'Ends a lease of debug streams.';
grant execute on function mayfly_private.release_debug to authenticated, service_role;

create function mayfly.release_debug(lease uuid)
returns jsonb
language sql
set search_path = ''
return mayfly_private.release_debug(lease);

comment on function mayfly.release_debug is 'Ends a lease of debug streams: { released, agents }.';
grant execute on function mayfly.release_debug to authenticated, service_role;
