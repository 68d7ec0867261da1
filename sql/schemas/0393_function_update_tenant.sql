-- Changes the name of the tenant, the language of its memories to come, what its agents may and
-- which memories are forgotten by age (scope
-- tenant:write); lifetimes in seconds, null leaves as it is. Its quotas are the project's to give:
-- mayfly.set_quotas.

create function mayfly.update_tenant(
  name text default null, language text default null, max_lifetime double precision default null,
  token_lifetime double precision default null, max_depth integer default null, retention jsonb default null
)
returns mayfly.tenants
language sql
set search_path = ''
return mayfly_private.update_tenant(
  name, language, make_interval(secs => max_lifetime), make_interval(secs => token_lifetime), max_depth, retention);

comment on function mayfly.update_tenant(text, text, double precision, double precision, integer, jsonb) is
  'Changes the name and the settings of the tenant. Returns it.';
revoke execute on function mayfly.update_tenant(text, text, double precision, double precision, integer, jsonb) from public;
grant execute on function mayfly.update_tenant(text, text, double precision, double precision, integer, jsonb) to authenticated, service_role;
