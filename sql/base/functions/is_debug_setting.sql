-- Whether a JSON value is a tenant's setting for debug records: { persist, level 1–4, max_records_per_minute
-- 1–100000 (for each agent), keep (seconds, at least 60) }.

create function mayfly_private.is_debug_setting(setting jsonb)
returns boolean
language sql immutable parallel safe
set search_path = ''
return case when jsonb_typeof(setting) <> 'object' or (setting - '{persist,level,max_records_per_minute,keep}'::text[]) <> '{}' then false
  else jsonb_typeof(setting -> 'persist') is not distinct from 'boolean'
    and case when jsonb_typeof(setting -> 'level') = 'number' then (setting ->> 'level')::numeric in (1, 2, 3, 4) else false end
    and case when jsonb_typeof(setting -> 'max_records_per_minute') = 'number'
      then (setting ->> 'max_records_per_minute')::numeric between 1 and 100000
        and (setting ->> 'max_records_per_minute')::numeric % 1 = 0 else false end
    and case when jsonb_typeof(setting -> 'keep') = 'number' then (setting ->> 'keep')::numeric between 60 and 3e9 else false end
end;

comment on function mayfly_private.is_debug_setting is 'Whether a JSON value is a tenant''s setting for debug records.';
