-- Creates a key and stores its hash. The key itself is returned once and never stored.

create function mayfly_private.create_enrolment_key(name text, scopes text[], expires_at timestamptz)
returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  of_tenant constant uuid := mayfly_private.require_tenant('key:write');
  allowed constant text[] := array(
    select s.name from mayfly.scopes s where of_tenant = any (mayfly_private.tenant_ids(s.name)));
  secret constant text := mayfly_private.new_secret('mfk_');
  key mayfly.enrolment_keys;
begin
  if name is null or char_length(name) not between 1 and 100 then
    perform mayfly_private.fail(400, 'invalid_request', 'name must have 1 to 100 characters.', null, '{"field": "name"}');
  elsif expires_at <= mayfly_private.now() then
    perform mayfly_private.fail(400, 'invalid_request', 'expires_at must be in the future.', null, '{"field": "expires_at"}');
  end if;
  perform mayfly_private.check_scopes(scopes, allowed);

  insert into mayfly.enrolment_keys (tenant_id, name, scopes, created_by, expires_at)
  values (of_tenant, name,
    case when scopes is null then mayfly_private.common_scopes(allowed)
      else array(select distinct s from unnest(scopes) s order by s) end,
    mayfly_private.caller_id(), coalesce(expires_at, mayfly_private.now() + interval '90 days'))
  returning * into key;
  insert into mayfly_private.enrolment_secrets (hash, tenant_id, key_id)
  values (mayfly_private.hash_secret(secret), of_tenant, key.id);
  return jsonb_build_object('key', secret, 'enrolment_key', to_jsonb(key));
end
$$;

comment on function mayfly_private.create_enrolment_key is 'Creates an enrolment key.';
grant execute on function mayfly_private.create_enrolment_key to authenticated, service_role;

-- Creates a key with which machines can spawn agents, and do nothing else (scope key:write). The agents get at most
-- `scopes`, which by default are those that most agents need. Without expires_at, the key is valid for 90 days. The
-- table mayfly.enrolment_keys lists the keys.

create function mayfly.create_enrolment_key(name text, scopes text[] default null, expires_at timestamptz default null)
returns jsonb
language sql
set search_path = ''
return mayfly_private.create_enrolment_key(name, scopes, expires_at);

comment on function mayfly.create_enrolment_key is
  'Creates an enrolment key. Returns { key, enrolment_key }. The key mfk_… is shown only this once.';
grant execute on function mayfly.create_enrolment_key to authenticated, service_role;
