-- The scopes that a person may grant to an OAuth client. Not those that administer a tenant, read secrets, make agents or
-- stop them, take work, or decide and vote, which people do in person.

create function mayfly_private.grantable_to_clients()
returns text[]
language sql stable
set search_path = ''
return (
  select array_agg(s.name order by s.name) from mayfly.scopes s
  where s.agents and s.name not like '%:admin'
    and s.name not in ('agent:spawn', 'agent:stop', 'approval:decide', 'job:work', 'secret:read', 'team:vote', 'type:write'));

comment on function mayfly_private.grantable_to_clients is 'The scopes that a person may grant to an OAuth client.';
