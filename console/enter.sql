-- Makes the developer of an embedded Supabase, $1, an owner of every tenant. The embedded Supabase
-- runs this at each sign-in with a one-time link, and when the console asks for new tenants.
insert into mayfly.members (tenant_id, user_id, role)
select t.id, u.id, 'owner'
from mayfly.tenants t
join auth.users u on u.id = $1::uuid
where not exists (
  select from mayfly.members m where m.tenant_id = t.id and m.user_id = u.id
)
