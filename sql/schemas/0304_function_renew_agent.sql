-- Renews an agent: called by the spawn function with a token that names the hash of the renewal
-- secret. Returns what spawn_agent returns, or { refused } where the secret was used before.

create function mayfly.renew_agent()
returns jsonb
language sql
set search_path = ''
return mayfly_private.renew_agent();

comment on function mayfly.renew_agent() is 'Renews the agent whose renewal secret the token names.';
revoke execute on function mayfly.renew_agent() from public;
grant execute on function mayfly.renew_agent() to authenticated;
