-- How long events, applied operations and tombstones are kept. Runs as the owner, because nobody else may read
-- the settings.

create function mayfly_private.kept()
returns interval
language sql stable security definer
set search_path = ''
return (select s.kept from mayfly_private.settings s);

comment on function mayfly_private.kept is 'How long events, operations and tombstones are kept.';
