-- Lists members. It is a definer, because their e-mail addresses are in auth.users. Locks nothing.

create function mayfly_private.list_members()
returns jsonb
language plpgsql stable security definer
set search_path = ''
as $$
declare
  of_tenant constant uuid := mayfly_private.require_tenant('member:read');
begin
  return (
    select coalesce(jsonb_agg(jsonb_build_object(
      'user_id', m.user_id, 'email', u.email, 'role', m.role, 'created_at', m.created_at) order by m.created_at, m.user_id), '[]')
    from mayfly.members m join auth.users u on u.id = m.user_id
    where m.tenant_id = of_tenant);
end
$$;

comment on function mayfly_private.list_members is 'The people of the caller''s tenant.';
grant execute on function mayfly_private.list_members to authenticated, service_role;

-- The people of the tenant with their e-mail addresses (scope member:read).

create function mayfly.list_members()
returns jsonb
language sql stable
set search_path = ''
return mayfly_private.list_members();

comment on function mayfly.list_members is 'The people of the tenant: [{ user_id, email, role, created_at }].';
grant execute on function mayfly.list_members to authenticated, service_role;
