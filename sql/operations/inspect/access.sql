-- Permissions in every tenant: its people by role, its living agents by scope, the scopes that its enrolment keys may
-- give, and the OAuth clients of its people by scope. For the SQL editor. A tenant without an owner is listed too, and
-- the secret key can give it an owner (mayfly.add_member, mayfly.change_member_role).

with callers as (
  select m.tenant_id, 1 as place, 'person' as kind, coalesce(u.email, m.user_id::text) as who, m.role as as_what,
    array(select s.name from mayfly.scopes s where m.role = any (s.roles) order by s.name) as may,
    null::timestamptz as until
  from mayfly.members m left join auth.users u on u.id = m.user_id
  union all
  select a.tenant_id, 2, 'agent', a.name, a.type, a.scopes, a.expires_at
  from mayfly.agents a
  where a.status in ('running', 'suspended') and mayfly_private.effective_status(a) = 'running'
  union all
  select k.tenant_id, 3, 'enrolment key', k.name,
    case when k.last_used_at is null then 'never used' else 'last used ' || to_char(k.last_used_at, 'YYYY-MM-DD HH24:MI TZ') end,
    array['spawn agents with at most: ' || array_to_string(k.scopes, ', ')], k.expires_at
  from mayfly.enrolment_keys k
  where k.revoked_at is null and k.expires_at > now()
  union all
  select i.tenant_id, 4, 'invitation', coalesce(i.email, 'whoever has its token'), i.role,
    array['become ' || i.role], i.expires_at
  from mayfly.invitations i
  where i.accepted_at is null and i.revoked_at is null and i.expires_at > now()
  union all
  select g.tenant_id, 5, 'OAuth client', g.client_id, 'for ' || coalesce(u.email, g.user_id::text),
    array(select s.name from mayfly.scopes s where s.name = any (g.scopes) and m.role = any (s.roles) order by s.name), null
  from mayfly_private.client_grants g
  join mayfly.members m on m.tenant_id = g.tenant_id and m.user_id = g.user_id
  left join auth.users u on u.id = g.user_id
  union all
  select t.id, 0, 'warning', 'nobody owns this tenant', '', '{}', null
  from mayfly.tenants t
  where not exists (select from mayfly.members m where m.tenant_id = t.id and m.role = 'owner')
)
select t.name as tenant, c.kind, c.who, c.as_what, array_to_string(c.may, ', ') as may, c.until
from callers c
join mayfly.tenants t on t.id = c.tenant_id
order by t.name, t.id, c.place, array_position('{owner,admin,member,viewer}', c.as_what), c.who;
