-- Refuses a push with the index and the field of its first fault, before anything of it is applied.
-- One set-based pass. Called by mayfly_private.push as the caller. Locks nothing.

create function mayfly_private.check_push(push jsonb)
returns void
language plpgsql
set search_path = ''
as $$
declare
  fault record;
begin
  if jsonb_typeof(push) <> 'array' then
    perform mayfly_private.fail(400, 'invalid_request', 'push must be an array of operations.', null, '{"field": "push"}');
  elsif jsonb_array_length(push) > 1000 then
    perform mayfly_private.fail(413, 'push_too_large', 'A push has at most 1000 operations.', 'Split it.', '{"field": "push"}');
  elsif pg_column_size(push) > 4194304 then
    perform mayfly_private.fail(413, 'push_too_large', 'A push has at most 4 MB.', 'Split it.', '{"field": "push"}');
  elsif (select count(*) > 100 from jsonb_array_elements(push) op where op ? 'embedding') then
    perform mayfly_private.fail(413, 'push_too_large', 'A push has at most 100 operations with an embedding.', 'Split it.', '{"field": "push"}');
  end if;

  select o.n - 1 as index, c.field, c.rule into fault
  from jsonb_array_elements(push) with ordinality as o (op, n),
    lateral (select o.op -> 'memory' as memory, o.op ->> 'type' = 'memory.put' as put) as part,
    lateral (values
      ('id', jsonb_typeof(o.op) = 'object' and mayfly_private.to_uuid(o.op ->> 'id') is not null, 'must be a uuid'),
      ('type', o.op ->> 'type' in ('memory.put', 'memory.delete'), 'must be memory.put or memory.delete'),
      ('memory', jsonb_typeof(part.memory) = 'object', 'must be an object'),
      ('memory.id', mayfly_private.to_uuid(part.memory ->> 'id') is not null, 'must be a uuid'),
      ('memory.agent_id', mayfly_private.uuid_or_absent(part.memory -> 'agent_id'), 'must be a uuid'),
      ('memory.session_id', mayfly_private.uuid_or_absent(part.memory -> 'session_id'), 'must be a uuid'),
      ('memory.conversation_id', mayfly_private.uuid_or_absent(part.memory -> 'conversation_id'), 'must be a uuid'),
      ('memory.kind', coalesce(part.memory ->> 'kind', 'episode') in (
          'episode', 'task_result', 'conversation', 'learning', 'fact', 'working', 'general'),
        'must be episode, task_result, conversation, learning, fact, working or general'),
      ('memory.task', mayfly_private.text_within(part.memory -> 'task', 2000), 'must be a text of at most 2000 characters'),
      ('memory.input', mayfly_private.text_within(part.memory -> 'input', 100000), 'must be a text of at most 100000 characters'),
      ('memory.output', mayfly_private.text_within(part.memory -> 'output', 100000), 'must be a text of at most 100000 characters'),
      ('memory.critique', mayfly_private.text_within(part.memory -> 'critique', 20000), 'must be a text of at most 20000 characters'),
      ('memory', not part.put or coalesce(part.memory ->> 'task', '') || coalesce(part.memory ->> 'input', '')
          || coalesce(part.memory ->> 'output', '') <> '', 'must have a task, an input or an output'),
      ('memory.reward', mayfly_private.number_within(part.memory -> 'reward', 0, 1), 'must be a number from 0 to 1'),
      ('memory.success', coalesce(jsonb_typeof(part.memory -> 'success'), 'null') in ('boolean', 'null'), 'must be true or false'),
      ('memory.importance', mayfly_private.number_within(part.memory -> 'importance', 1, 10, whole => true), 'must be a whole number from 1 to 10'),
      ('memory.tokens', mayfly_private.number_within(part.memory -> 'tokens', 0, 2147483647, whole => true), 'must be a whole number of at least 0'),
      ('memory.latency_ms', mayfly_private.number_within(part.memory -> 'latency_ms', 0, 2147483647, whole => true), 'must be a whole number of at least 0'),
      ('memory.tags', case coalesce(jsonb_typeof(part.memory -> 'tags'), 'null')
          when 'null' then true
          when 'array' then jsonb_array_length(part.memory -> 'tags') <= 50
            and not exists (select from jsonb_array_elements(part.memory -> 'tags') tag
              where jsonb_typeof(tag) <> 'string' or char_length(tag #>> '{}') not between 1 and 100)
          else false end, 'must be at most 50 texts of 1 to 100 characters'),
      ('memory.metadata', coalesce(jsonb_typeof(part.memory -> 'metadata'), 'null') in ('object', 'null')
          and coalesce(pg_column_size(part.memory -> 'metadata'), 0) <= 65536, 'must be an object of at most 64 KB'),
      ('memory.visibility', coalesce(part.memory ->> 'visibility', 'tenant') in ('tenant', 'agent'), 'must be tenant or agent'),
      ('memory.created_at', mayfly_private.instant_or_absent(part.memory -> 'created_at'), 'must be an ISO 8601 instant'),
      ('memory.expires_at', mayfly_private.instant_or_absent(part.memory -> 'expires_at'), 'must be an ISO 8601 instant'),
      ('embedding', case coalesce(jsonb_typeof(o.op -> 'embedding'), 'null')
          when 'null' then true
          when 'array' then jsonb_array_length(o.op -> 'embedding') = 384
            and not jsonb_path_exists(o.op -> 'embedding', '$[*] ? (@.type() != "number" || @ > 1000 || @ < -1000)')
          else false end, 'must be 384 numbers from -1000 to 1000'),
      ('model', mayfly_private.text_within(o.op -> 'model', 100) and (not o.op ? 'embedding' or o.op ->> 'model' <> ''),
        'must be a text of 1 to 100 characters beside an embedding')
    ) as c (field, holds, rule)
  where c.holds is not true
  order by o.n
  limit 1;
  if found then
    perform mayfly_private.fail(400, 'invalid_operation', format('push[%s].%s %s.', fault.index, fault.field, fault.rule),
      'Nothing of this push was applied. Correct it, or leave the operation out.',
      jsonb_build_object('index', fault.index, 'field', fault.field));
  end if;

  select min(twice.n) as index, twice.field into fault
  from (
    select o.n - 1 as n, key.field, row_number() over (partition by key.field, key.value order by o.n) as nth
    from jsonb_array_elements(push) with ordinality as o (op, n),
      lateral (values ('id', o.op ->> 'id'), ('memory.id', o.op -> 'memory' ->> 'id')) as key (field, value)
  ) twice
  where twice.nth > 1
  group by twice.field
  limit 1;
  if found then
    perform mayfly_private.fail(400, 'invalid_operation', format('push[%s].%s stands in this push twice.', fault.index, fault.field),
      'Nothing of this push was applied. One push says one thing about one memory.',
      jsonb_build_object('index', fault.index, 'field', fault.field));
  end if;
end
$$;

comment on function mayfly_private.check_push(jsonb) is 'Refuses a push that has a fault, naming its index and field.';
revoke execute on function mayfly_private.check_push(jsonb) from public;
grant execute on function mayfly_private.check_push(jsonb) to authenticated, service_role;
