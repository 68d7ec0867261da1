-- Resumes a suspended agent, and with it, at once, its descendants that are not suspended themselves:
-- called by the spawn function as whoever calls it. For its ancestors and callers with agent:stop.
-- The secrets before are void: the new one goes to who resumes it, with the claims to sign.

create function mayfly.resume_agent(id uuid)
returns jsonb
language sql
set search_path = ''
return mayfly_private.resume_agent(id);

comment on function mayfly.resume_agent(uuid) is
  'Resumes a suspended agent with its descendants. Returns { agent, type, claims, renewal_secret }.';
revoke execute on function mayfly.resume_agent(uuid) from public;
grant execute on function mayfly.resume_agent(uuid) to authenticated, service_role;
