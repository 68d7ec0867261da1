-- Leases a level of one agent's debug stream or, without for_agent, of every agent's stream, for up to 60 s. A call
-- with the id of an existing lease renews and changes that lease. For callers with debug:read. Returns how many agents
-- were told about the change. Locks the tenant's leases (see hold_debug).

create function mayfly_private.lease_debug(level integer, for_agent uuid, categories text[], seconds double precision, lease uuid)
returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  of_tenant constant uuid := mayfly_private.require_tenant('debug:read');
  watcher constant uuid := mayfly_private.caller_id();
  lease_id constant uuid := coalesce(lease, gen_random_uuid());
  until constant timestamptz := mayfly_private.now() + make_interval(secs => seconds);
begin
  if level is null or level not between 1 and 4 then
    perform mayfly_private.fail(400, 'invalid_request', 'level must be 1 (basic), 2 (detailed), 3 (verbose) or 4 (trace).',
      'To stop watching, release the lease.', '{"field": "level"}');
  elsif seconds is null or not seconds between 1 and 60 then
    perform mayfly_private.fail(400, 'invalid_request', 'seconds must be 1 to 60.', 'Renew the lease before it ends.', '{"field": "seconds"}');
  elsif cardinality(categories) = 0 or not categories <@ mayfly_private.debug_categories() then
    perform mayfly_private.fail(400, 'invalid_request',
      format('categories must be one or more of %s, or null for all.', array_to_string(mayfly_private.debug_categories(), ', ')),
      null, '{"field": "categories"}');
  elsif for_agent is not null and not exists (select from mayfly.agents a where a.tenant_id = of_tenant and a.id = for_agent) then
    perform mayfly_private.fail(404, 'agent_unknown', 'There is no such agent.', null, '{"field": "for_agent"}');
  end if;

  perform mayfly_private.hold_debug(of_tenant);
  delete from mayfly_private.debug_leases l where l.tenant_id = of_tenant and l.expires_at <= mayfly_private.now();
  insert into mayfly_private.debug_leases as l (tenant_id, id, watcher_id, agent_id, level, categories, expires_at)
  values (of_tenant, lease_id, watcher, for_agent, lease_debug.level, lease_debug.categories, until)
  on conflict (tenant_id, id) do update
  set agent_id = excluded.agent_id, level = excluded.level, categories = excluded.categories, expires_at = excluded.expires_at
  where l.watcher_id is not distinct from excluded.watcher_id;
  if not found then
    perform mayfly_private.fail(400, 'invalid_request', 'lease belongs to another watcher.', 'Use a new id.', '{"field": "lease"}');
  elsif (select count(*) from mayfly_private.debug_leases l where l.tenant_id = of_tenant) > 200 then
    perform mayfly_private.fail(429, 'rate_limited', 'The tenant may have at most 200 leases of debug streams.',
      'Release some, or wait until some end.', '{"quota": "debug_leases", "limit": 200}', 60);
  end if;
  return jsonb_build_object('lease', lease_id, 'seconds', seconds, 'agents', mayfly_private.tell_debug(of_tenant, for_agent));
end
$$;

comment on function mayfly_private.lease_debug is 'Leases a level of debug streams.';
grant execute on function mayfly_private.lease_debug to authenticated, service_role;

create function mayfly.lease_debug(
  level integer, for_agent uuid default null, categories text[] default null, seconds double precision default 60, lease uuid default null
)
returns jsonb
language sql
set search_path = ''
return mayfly_private.lease_debug(level, for_agent, categories, seconds, lease);

comment on function mayfly.lease_debug is
  'Leases a level of one agent''s debug stream, or of all, for up to 60 s: { lease, seconds, agents }. Passing the id of a lease again renews the lease.';
grant execute on function mayfly.lease_debug to authenticated, service_role;
