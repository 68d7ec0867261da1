-- The scopes that most agents need, as far as their spawner may give them: those that mayfly.scopes gives by
-- default.

create function mayfly_private.common_scopes(allowed text[])
returns text[]
language sql stable
set search_path = ''
return (
  select coalesce(array_agg(s.name order by s.name), '{}') from mayfly.scopes s where s.by_default and s.name = any (allowed)
);

comment on function mayfly_private.common_scopes is 'Those of these scopes that most agents need.';
