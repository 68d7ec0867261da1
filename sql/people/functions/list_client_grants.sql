-- Lists grants. It is a definer, because they are in a private table. Locks nothing.

create function mayfly_private.list_client_grants()
returns jsonb
language plpgsql stable security definer
set search_path = ''
as $$
declare
  person constant uuid := mayfly_private.granting_person();
  tenant constant uuid := mayfly_private.require_tenant(null);
begin
  return (
    select coalesce(jsonb_agg(jsonb_build_object('tenant_id', g.tenant_id, 'client_id', g.client_id, 'scopes', g.scopes,
      'created_at', g.created_at, 'updated_at', g.updated_at) order by g.client_id), '[]')
    from mayfly_private.client_grants g where g.tenant_id = tenant and g.user_id = person);
end
$$;

comment on function mayfly_private.list_client_grants is 'The caller''s grants to OAuth clients.';
grant execute on function mayfly_private.list_client_grants to authenticated, service_role;

-- The scopes that the calling person has granted to OAuth clients in the tenant.

create function mayfly.list_client_grants()
returns jsonb
language sql
set search_path = ''
return mayfly_private.list_client_grants();

comment on function mayfly.list_client_grants is 'The scopes that the calling person has granted to OAuth clients in the tenant.';
grant execute on function mayfly.list_client_grants to authenticated, service_role;
