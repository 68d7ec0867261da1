-- The caller's role for managing the people of a tenant. For a person, it is the person's role in the tenant. It is
-- 'owner' for the secret key, and null for everyone else. Called by the functions for people. Locks nothing.

create function mayfly_private.acting_role(tenant uuid)
returns text
language sql stable security definer
set search_path = ''
return (
  select case c.kind
    when 'secret' then case when c.tenant_id = tenant then 'owner' end
    when 'person' then (select m.role from mayfly.members m where m.tenant_id = tenant and m.user_id = c.id)
  end
  from mayfly_private.caller() c
);

comment on function mayfly_private.acting_role is 'The caller''s role for managing the people of a tenant.';
