-- What most agents need, of what their spawner may give: the scopes that are given by default (mayfly.scopes).

create function mayfly_private.common_scopes(allowed text[])
returns text[]
language sql stable
set search_path = ''
return (
  select coalesce(array_agg(s.name order by s.name), '{}') from mayfly.scopes s where s.by_default and s.name = any (allowed)
);

comment on function mayfly_private.common_scopes is 'What most agents need of these scopes.';
