-- Whether a JSON value is a valid retention: at most 50 rules { older_than, kind?, below_reward? }. A memory is
-- forgotten if all parts of a rule match: it was made more than older_than seconds ago (at least 60), is of
-- this kind, and has a reward below below_reward.

create function mayfly_private.is_retention(rules jsonb)
returns boolean
language sql immutable parallel safe
set search_path = ''
return case when jsonb_typeof(rules) <> 'array' or jsonb_array_length(rules) > 50 then false
  else not exists (
    select from jsonb_array_elements(rules) rule
    where case when jsonb_typeof(rule) <> 'object' then true
      else (rule - '{older_than,kind,below_reward}'::text[]) <> '{}'
        or case when jsonb_typeof(rule -> 'older_than') = 'number' then (rule ->> 'older_than')::numeric not between 60 and 3e9 else true end
        or coalesce(rule ->> 'kind', 'episode') not in (
          'episode', 'task_result', 'conversation', 'learning', 'fact', 'working', 'general')
        or case coalesce(jsonb_typeof(rule -> 'below_reward'), 'null') when 'null' then false
          when 'number' then (rule ->> 'below_reward')::numeric not between 0 and 1 else true end
    end)
end;

comment on function mayfly_private.is_retention is 'Whether a JSON value is a tenant''s retention.';
