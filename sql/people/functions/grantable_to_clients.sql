-- The scopes that a person may grant to an OAuth client. The scopes to administer a tenant, to read secrets, to
-- spawn or stop agents or define their types, and to work on jobs are left out. So are the scopes to decide and to
-- vote, because people do this in person.

create function mayfly_private.grantable_to_clients()
returns text[]
language sql stable
set search_path = ''
return (
  select array_agg(s.name order by s.name) from mayfly.scopes s
  where s.agents and s.name not like '%:admin'
    and s.name not in ('agent:spawn', 'agent:stop', 'approval:decide', 'job:work', 'secret:read', 'team:vote', 'type:write'));

comment on function mayfly_private.grantable_to_clients is 'The scopes that a person may grant to an OAuth client.';
