-- Deletes a grant. Locks the grant until commit.

create function mayfly_private.revoke_client(client_id text)
returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  person constant uuid := mayfly_private.granting_person();
  tenant constant uuid := mayfly_private.require_tenant(null);
begin
  delete from mayfly_private.client_grants g
  where g.tenant_id = tenant and g.user_id = person and g.client_id = revoke_client.client_id;
  return jsonb_build_object('deleted', found);
end
$$;

comment on function mayfly_private.revoke_client is 'Deletes a grant to an OAuth client.';
grant execute on function mayfly_private.revoke_client to authenticated, service_role;

-- Takes back what the person has granted to an OAuth client in the tenant. From then on, the client's tokens can do
-- nothing there. Returns { deleted }.

create function mayfly.revoke_client(client_id text)
returns jsonb
language sql
set search_path = ''
return mayfly_private.revoke_client(client_id);

comment on function mayfly.revoke_client is 'Takes back what the person has granted to an OAuth client: { deleted }.';
grant execute on function mayfly.revoke_client to authenticated, service_role;
