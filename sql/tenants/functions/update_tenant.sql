-- Changes a tenant. Locks the tenant's row.

create function mayfly_private.update_tenant(name text, language text, max_lifetime interval, token_lifetime interval, max_depth integer, retention jsonb)
returns mayfly.tenants
language plpgsql security definer
set search_path = ''
as $$
declare
  of_tenant constant uuid := mayfly_private.require_tenant('tenant:write');
  tenant mayfly.tenants;
begin
  if char_length(name) not between 1 and 200 then -- bounds: 200 tenant.name
    perform mayfly_private.fail(400, 'invalid_request', 'name must have 1 to 200 characters.', null, '{"field": "name"}'); -- bounds: 200 tenant.name
  elsif max_lifetime not between '5 seconds' and '30 days' then
    perform mayfly_private.fail(400, 'lifetime_out_of_range', 'max_lifetime must be 5 seconds to 30 days.', null, '{"field": "max_lifetime"}');
  elsif token_lifetime not between '10 seconds' and '1 hour' then
    perform mayfly_private.fail(400, 'lifetime_out_of_range', 'token_lifetime must be 10 seconds to 1 hour.', null, '{"field": "token_lifetime"}');
  elsif max_depth not between 0 and 20 then -- bounds: 20 tenant.depth
    perform mayfly_private.fail(400, 'invalid_request', 'max_depth must be 0 to 20.', null, '{"field": "max_depth"}'); -- bounds: 20 tenant.depth
  elsif not mayfly_private.is_retention(retention) then
    perform mayfly_private.fail(400, 'invalid_request',
      'retention must be at most 50 rules { older_than, kind?, below_reward? }, with older_than at least 60 seconds.', null, '{"field": "retention"}');
  end if;
  update mayfly.tenants t
  set name = coalesce(update_tenant.name, t.name), language = coalesce(update_tenant.language, t.language),
    max_lifetime = coalesce(update_tenant.max_lifetime, t.max_lifetime),
    token_lifetime = coalesce(update_tenant.token_lifetime, t.token_lifetime),
    max_depth = coalesce(update_tenant.max_depth, t.max_depth),
    retention = coalesce(update_tenant.retention, t.retention)
  where t.id = of_tenant
  returning * into tenant;
  return tenant;
exception when check_violation then
  perform mayfly_private.fail(400, 'invalid_request', 'language must be one that the database can search.', null, '{"field": "language"}');
  return null;
end
$$;

comment on function mayfly_private.update_tenant is 'Changes the name and the settings of the caller''s tenant.';
grant execute on function mayfly_private.update_tenant to authenticated, service_role;

-- Changes the tenant's name, the language of its future memories, the limits of its agents, and which memories are
-- forgotten by age. Scope tenant:write. Lifetimes are in seconds. Null leaves a value as it is. Quotas are set by the
-- project (mayfly.set_quotas).

create function mayfly.update_tenant(
  name text default null, language text default null, max_lifetime double precision default null,
  token_lifetime double precision default null, max_depth integer default null, retention jsonb default null
)
returns mayfly.tenants
language sql
set search_path = ''
return mayfly_private.update_tenant(
  name, language, make_interval(secs => max_lifetime), make_interval(secs => token_lifetime), max_depth, retention);

comment on function mayfly.update_tenant is 'Changes the name and the settings of the tenant. Returns it.';
grant execute on function mayfly.update_tenant to authenticated, service_role;
