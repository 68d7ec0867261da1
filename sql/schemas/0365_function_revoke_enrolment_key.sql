-- Revokes an enrolment key at once (scope key:write). The agents that it spawned live on, unless they
-- are to be stopped with it. Revoking it again changes nothing.

create function mayfly.revoke_enrolment_key(id uuid, stop_agents boolean default false)
returns jsonb
language sql
set search_path = ''
return mayfly_private.revoke_enrolment_key(id, coalesce(stop_agents, false));

comment on function mayfly.revoke_enrolment_key(uuid, boolean) is 'Revokes an enrolment key, if asked with the agents that it spawned. Returns it.';
revoke execute on function mayfly.revoke_enrolment_key(uuid, boolean) from public;
grant execute on function mayfly.revoke_enrolment_key(uuid, boolean) to authenticated, service_role;
