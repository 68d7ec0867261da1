-- The scopes that most agents need, which are those that mayfly.scopes marks as default. Scopes that the spawner may
-- not give are left out.

create function mayfly_private.common_scopes(allowed text[])
returns text[]
language sql stable
set search_path = ''
return (
  select coalesce(array_agg(s.name order by s.name), '{}') from mayfly.scopes s where s.by_default and s.name = any (allowed)
);

comment on function mayfly_private.common_scopes is 'Which of the given scopes most agents need.';
