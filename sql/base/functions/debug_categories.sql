-- What a debug record can be about.

create function mayfly_private.debug_categories()
returns text[]
language sql immutable parallel safe
set search_path = ''
return '{lifecycle,task,step,decision,thought,memory,message,tool,error}'::text[];

comment on function mayfly_private.debug_categories is 'What a debug record can be about.';
