-- Sets whether the tenant keeps debug records, up to which level, how many of them a minute for each agent, and how
-- many seconds it keeps them. Null leaves a value as it is. Tells the agents that listen about the change. Scope
-- tenant:write. Locks the tenant's leases (see hold_debug), then its row.

create function mayfly_private.set_debug(persist boolean, level integer, max_records_per_minute integer, keep double precision)
returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  of_tenant constant uuid := mayfly_private.require_tenant('tenant:write');
  setting jsonb;
begin
  if level not between 1 and 4 then
    perform mayfly_private.fail(400, 'invalid_request', 'level must be 1 (basic), 2 (detailed), 3 (verbose) or 4 (trace).', null, '{"field": "level"}');
  elsif max_records_per_minute not between 1 and 100000 then
    perform mayfly_private.fail(400, 'invalid_request', 'max_records_per_minute must be 1 to 100000.', null, '{"field": "max_records_per_minute"}');
  elsif not keep between 60 and 3e9 then
    perform mayfly_private.fail(400, 'invalid_request', 'keep must be at least 60 seconds.', null, '{"field": "keep"}');
  end if;
  perform mayfly_private.hold_debug(of_tenant);
  update mayfly.tenants t
  set debug = t.debug || jsonb_strip_nulls(jsonb_build_object(
    'persist', set_debug.persist, 'level', set_debug.level, 'max_records_per_minute', set_debug.max_records_per_minute, 'keep', set_debug.keep))
  where t.id = of_tenant
  returning t.debug into strict setting;
  perform mayfly_private.tell_debug(of_tenant, null);
  return setting;
end
$$;

comment on function mayfly_private.set_debug is 'Sets which debug records the tenant keeps.';
grant execute on function mayfly_private.set_debug to authenticated, service_role;

create function mayfly.set_debug(
  persist boolean default null, level integer default null, max_records_per_minute integer default null, keep double precision default null
)
returns jsonb
language sql
set search_path = ''
return mayfly_private.set_debug(persist, level, max_records_per_minute, keep);

comment on function mayfly.set_debug is
  'Sets which debug records the tenant keeps, and for how many seconds. Returns { persist, level, max_records_per_minute, keep }.';
grant execute on function mayfly.set_debug to authenticated, service_role;
