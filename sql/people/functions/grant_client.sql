-- Stores a grant. Locks the membership until commit, so that two grants cannot exceed the limit together, and no grant
-- outlives a membership that is ending.

create function mayfly_private.grant_client(client_id text, scopes text[])
returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  person constant uuid := mayfly_private.granting_person();
  tenant constant uuid := mayfly_private.require_tenant(null);
  wrong text[];
  granted mayfly_private.client_grants;
begin
  if coalesce(char_length(client_id), 0) not between 1 and 200 then
    perform mayfly_private.fail(400, 'invalid_request', 'client_id must have 1 to 200 characters.', 'Nothing was granted.', '{"field": "client_id"}');
  elsif coalesce(cardinality(scopes), 0) not between 1 and 50 then
    perform mayfly_private.fail(400, 'invalid_request', 'scopes must be 1 to 50 scopes.', 'Nothing was granted. revoke_client takes all back.', '{"field": "scopes"}');
  end if;
  perform from mayfly.members m where m.tenant_id = tenant and m.user_id = person for no key update;
  if not found then
    perform mayfly_private.require_tenant(null);
  end if;
  wrong := array(select s from unnest(scopes) s where not exists (select from mayfly.scopes known where known.name = s));
  if cardinality(wrong) > 0 then
    perform mayfly_private.fail(400, 'scope_unknown', format('Unknown scopes: %s.', array_to_string(wrong, ', ', 'null')),
      'Nothing was granted. mayfly.scopes has all of them.', '{"field": "scopes"}');
  end if;
  wrong := array(
    select s from unnest(scopes) s
    where not s = any (mayfly_private.grantable_to_clients()) or not tenant = any (mayfly_private.tenant_ids(s)));
  if cardinality(wrong) > 0 then
    perform mayfly_private.fail(403, 'scope_missing', format('%s cannot be granted: the person does not have it, or no client may.', wrong[1]),
      'Nothing was granted. Leave it out.', jsonb_build_object('scope', wrong[1]));
  elsif (select count(*) from mayfly_private.client_grants g
      where g.tenant_id = tenant and g.user_id = person and g.client_id <> grant_client.client_id) >= 50 then
    perform mayfly_private.fail(403, 'quota_exceeded', 'A person may grant scopes to 50 clients.', 'Revoke one.',
      '{"quota": "client_grants", "limit": 50}');
  end if;
  insert into mayfly_private.client_grants as g (tenant_id, user_id, client_id, scopes)
  select tenant, person, grant_client.client_id, array(select distinct s from unnest(grant_client.scopes) s order by s)
  on conflict on constraint client_grants_pkey do update set scopes = excluded.scopes, updated_at = mayfly_private.now()
  returning * into strict granted;
  return jsonb_build_object('tenant_id', tenant, 'client_id', granted.client_id, 'scopes', granted.scopes,
    'created_at', granted.created_at, 'updated_at', granted.updated_at);
end
$$;

comment on function mayfly_private.grant_client is 'Stores a grant to an OAuth client.';
grant execute on function mayfly_private.grant_client to authenticated, service_role;

-- Grants scopes to an OAuth client of Supabase Auth. They replace the scopes that the client had. A token with this
-- client_id then has these scopes in the tenant. Only people can call it, and they can grant only scopes that they
-- have.

create function mayfly.grant_client(client_id text, scopes text[])
returns jsonb
language sql
set search_path = ''
return mayfly_private.grant_client(client_id, scopes);

comment on function mayfly.grant_client is 'Grants scopes to an OAuth client, replacing those that it had.';
grant execute on function mayfly.grant_client to authenticated, service_role;
