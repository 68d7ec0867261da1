-- The fields of a memory that can be updated. A put with a key has a clock for each of them. Locks nothing.

create function mayfly_private.memory_fields()
returns text[]
language sql immutable parallel safe
set search_path = ''
return '{session_id,conversation_id,kind,task,input,output,critique,reward,success,importance,tags,metadata,tokens,latency_ms,visibility,expires_at}'::text[];

comment on function mayfly_private.memory_fields is 'The fields of a memory that can be updated.';
