-- Refuses jobs before any is added, if one of them has a fault. The error names the index and the field of the first
-- fault. Locks nothing.

create function mayfly_private.check_jobs(jobs jsonb)
returns void
language plpgsql
set search_path = ''
as $$
declare
  fault record;
  known constant text[] := '{name,queue,group,input,priority,run_at,delay,key,target,max_attempts,backoff,timeout,deadline,trace,answers,attributes}';
begin
  if jsonb_typeof(jobs) is distinct from 'array' or jsonb_array_length(jobs) not between 1 and 1000 then
    perform mayfly_private.fail(400, 'invalid_request', 'jobs must be an array of 1 to 1000 jobs.', null, '{"field": "jobs"}');
  elsif pg_column_size(jobs) > 8388608 then
    perform mayfly_private.fail(413, 'push_too_large', 'One call can add at most 8 MB of jobs.', 'Add fewer at once.', '{"field": "jobs"}');
  end if;
  -- A single job that has only a name and an input needs no query.
  if jsonb_array_length(jobs) = 1 and jsonb_typeof(jobs -> 0) = 'object' and jsonb_typeof(jobs -> 0 -> 'name') = 'string' then
    if jobs -> 0 ->> 'name' ~ '^[A-Za-z0-9][A-Za-z0-9_.:-]{0,99}$' and (jobs -> 0) - '{name,input}'::text[] = '{}'
      and coalesce(mayfly_private.json_within(jobs -> 0 -> 'input', 262144, 32) and mayfly_private.numbers_kept(jobs -> 0 -> 'input'), true) then
      return;
    end if;
  end if;

  select o.n - 1 as index, o.field into fault
  from (
    select e.n, case
      when jsonb_typeof(e.j) <> 'object' then 'name'
      when not coalesce(e.j ->> 'name' ~ '^[A-Za-z0-9][A-Za-z0-9_.:-]{0,99}$', false) or jsonb_typeof(e.j -> 'name') <> 'string' then 'name'
      when e.j - known <> '{}' then (select k from jsonb_object_keys(e.j) k where k <> all (known) order by k limit 1)
      -- Most jobs have only a name and an input, and are accepted here.
      when not coalesce(mayfly_private.json_within(e.j -> 'input', 262144, 32), true) or not coalesce(mayfly_private.numbers_kept(e.j -> 'input'), true) then 'input'
      when e.j - '{name,input}'::text[] = '{}' then null
      when coalesce(jsonb_typeof(e.j -> 'queue'), 'null') <> 'null'
        and (jsonb_typeof(e.j -> 'queue') <> 'string' or e.j ->> 'queue' !~ '^[A-Za-z0-9][A-Za-z0-9_.:-]{0,99}$') then 'queue'
      when not mayfly_private.text_within(e.j -> 'group', 200) or e.j ->> 'group' = '' then 'group'
      when not mayfly_private.number_within(e.j -> 'priority', -32000, 32000, true) then 'priority'
      when not mayfly_private.instant_or_absent(e.j -> 'run_at') then 'run_at'
      when not mayfly_private.number_within(e.j -> 'delay', 0, 315360000) or (e.j ->> 'delay' is not null and e.j ->> 'run_at' is not null) then 'delay'
      when not mayfly_private.text_within(e.j -> 'key', 500) or e.j ->> 'key' = '' then 'key'
      when not mayfly_private.number_within(e.j -> 'max_attempts', 1, 1000, true) then 'max_attempts'
      when not mayfly_private.number_within(e.j -> 'timeout', 1, 2592000) then 'timeout'
      when not mayfly_private.instant_or_absent(e.j -> 'deadline') then 'deadline'
      when not mayfly_private.text_within(e.j -> 'trace', 500) then 'trace'
      when not mayfly_private.uuid_or_absent(e.j -> 'answers') then 'answers'
      when mayfly_private.attributes_fault(e.j -> 'attributes') is not null then 'attributes'
      when coalesce(jsonb_typeof(e.j -> 'backoff'), 'null') <> 'null' and (jsonb_typeof(e.j -> 'backoff') <> 'object'
        or case when jsonb_typeof(e.j -> 'backoff') = 'object' then (e.j -> 'backoff') - '{base,factor,cap}'::text[] <> '{}' end
        or not mayfly_private.number_within(e.j -> 'backoff' -> 'base', 0, 86400)
        or not mayfly_private.number_within(e.j -> 'backoff' -> 'factor', 1, 10)
        or not mayfly_private.number_within(e.j -> 'backoff' -> 'cap', 0, 604800)) then 'backoff'
      when coalesce(jsonb_typeof(e.j -> 'target'), 'null') <> 'null' and not coalesce(case
        when jsonb_typeof(e.j -> 'target') <> 'object' or (select count(*) from jsonb_object_keys(
          case when jsonb_typeof(e.j -> 'target') = 'object' then e.j -> 'target' else '{}' end)) <> 1 then false
        when e.j -> 'target' ? 'agent' then jsonb_typeof(e.j -> 'target' -> 'agent') = 'string' and mayfly_private.to_uuid(e.j -> 'target' ->> 'agent') is not null
        when e.j -> 'target' ? 'type' then jsonb_typeof(e.j -> 'target' -> 'type') = 'string' and e.j -> 'target' ->> 'type' ~ '^[a-z0-9][a-z0-9_.-]{0,62}$'
        when e.j -> 'target' ? 'capabilities' then mayfly_private.texts_or_absent(e.j -> 'target' -> 'capabilities', 20)
          and jsonb_typeof(e.j -> 'target' -> 'capabilities') = 'array' and jsonb_array_length(e.j -> 'target' -> 'capabilities') > 0
        else false end, false) then 'target'
    end as field
    from jsonb_array_elements(jobs) with ordinality as e (j, n)
  ) o
  where o.field is not null
  order by o.n
  limit 1;
  if found then
    perform mayfly_private.fail(400, 'invalid_request', format('jobs[%s].%s %s.', fault.index, fault.field, case fault.field
        when 'name' then 'must be 1 to 100 letters, digits, dots, colons, dashes or underscores'
        when 'queue' then 'must be 1 to 100 letters, digits, dots, colons, dashes or underscores'
        when 'group' then 'must be a text of 1 to 200 characters'
        when 'input' then 'must be at most 256 KB of JSON with at most 32 levels and no number that JavaScript cannot hold'
        when 'priority' then 'must be a whole number from -32000 to 32000; the lowest is first'
        when 'run_at' then 'must be an ISO 8601 instant'
        when 'delay' then 'must be seconds from 0 to 315360000, and not beside run_at'
        when 'key' then 'must be a text of 1 to 500 characters'
        when 'max_attempts' then 'must be a whole number from 1 to 1000'
        when 'timeout' then 'must be seconds from 1 to 2592000'
        when 'deadline' then 'must be an ISO 8601 instant'
        when 'trace' then 'must be a text of at most 500 characters'
        when 'answers' then 'must be the id of a message'
        when 'attributes' then mayfly_private.attributes_fault(jobs -> fault.index::integer -> 'attributes') ->> 'rule'
        when 'backoff' then 'must be { base, factor, cap }: seconds up to a day, 1 to 10, seconds up to a week'
        when 'target' then 'must be one of { agent: uuid }, { type }, { capabilities: [text] }'
        else 'is not a field of a job' end),
      'Nothing was added. Correct it, or leave the job out.', jsonb_build_object('index', fault.index, 'field', concat_ws('.', fault.field,
        case fault.field when 'attributes' then mayfly_private.attributes_fault(jobs -> fault.index::integer -> 'attributes') ->> 'name' end)));
  end if;
end
$$;

comment on function mayfly_private.check_jobs is 'Refuses invalid jobs, with index and field.';
