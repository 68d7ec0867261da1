-- Refuses all messages if one is invalid, before anything is sent. The error has the index and the field of the first
-- fault. Locks nothing.

create function mayfly_private.check_messages(messages jsonb)
returns void
language plpgsql
set search_path = ''
as $$
declare
  fault record;
  known constant text[] := '{id,to,type,payload,conversation_id,correlation_id,reply_to,priority,reply_required,deadline,attachments,trace}';
begin
  if jsonb_typeof(messages) is distinct from 'array' or jsonb_array_length(messages) not between 1 and 100 then
    perform mayfly_private.fail(400, 'invalid_request', 'messages must be an array of 1 to 100 messages.', null, '{"field": "messages"}');
  elsif pg_column_size(messages) > 4194304 then
    perform mayfly_private.fail(413, 'push_too_large', 'One call can send at most 4 MB.', 'Send fewer at once.', '{"field": "messages"}');
  end if;

  select o.n - 1 as index, c.field, c.rule into fault
  from jsonb_array_elements(messages) with ordinality as o (m, n),
    lateral (select case when jsonb_typeof(o.m -> 'to') = 'object' then o.m -> 'to' else '{}' end as target) as part,
    lateral (values
      ('id', jsonb_typeof(o.m) = 'object' and mayfly_private.to_uuid(o.m ->> 'id') is not null, 'must be a uuid'),
      ('to', (select count(*) = 1 from jsonb_object_keys(part.target)) and case
          when part.target ? 'agent' then jsonb_typeof(part.target -> 'agent') = 'string' and mayfly_private.to_uuid(part.target ->> 'agent') is not null
          when part.target ? 'all' then part.target -> 'all' = 'true'
          when part.target ? 'type' or part.target ? 'channel' then jsonb_typeof(coalesce(part.target -> 'type', part.target -> 'channel')) = 'string' and coalesce(part.target ->> 'type', part.target ->> 'channel') ~ '^[a-z0-9][a-z0-9_.-]{0,62}$'
          when part.target ? 'role' then jsonb_typeof(part.target -> 'role') = 'string' and char_length(part.target ->> 'role') between 1 and 200
          when part.target ? 'capability' then jsonb_typeof(part.target -> 'capability') = 'string' and char_length(part.target ->> 'capability') between 1 and 100
          else false end,
        'must be one of { agent: uuid }, { all: true }, { type }, { role }, { capability }, { channel }'),
      ('type', jsonb_typeof(o.m -> 'type') = 'string' and o.m ->> 'type' ~ '^[a-z][a-z0-9_]{0,62}$',
        'must have at most 63 lower case letters, digits and underscores, and begin with a letter'),
      ('payload', coalesce(jsonb_typeof(o.m -> 'payload'), 'object') = 'object' and coalesce(octet_length((o.m -> 'payload')::text), 0) <= 262144
          and not coalesce(jsonb_path_exists(o.m -> 'payload', '$.**{33 to last}'), false),
        'must be an object of at most 256 KB, with at most 32 levels'),
      ('payload', coalesce(mayfly_private.numbers_kept(o.m -> 'payload'), true),
        'must have no number that JavaScript cannot hold: none beyond 1.8e308, and no integer beyond 2^53'),
      ('conversation_id', mayfly_private.uuid_or_absent(o.m -> 'conversation_id'), 'must be a uuid'),
      ('correlation_id', mayfly_private.text_within(o.m -> 'correlation_id', 200) and o.m ->> 'correlation_id' is distinct from '',
        'must be a text of 1 to 200 characters'),
      ('reply_to', mayfly_private.uuid_or_absent(o.m -> 'reply_to'), 'must be the id of a message'),
      ('priority', coalesce(o.m ->> 'priority', 'normal') in ('low', 'normal', 'high', 'urgent'), 'must be low, normal, high or urgent'),
      ('reply_required', coalesce(jsonb_typeof(o.m -> 'reply_required'), 'null') in ('boolean', 'null'), 'must be true or false'),
      ('deadline', mayfly_private.instant_or_absent(o.m -> 'deadline'), 'must be an ISO 8601 instant'),
      ('attachments', case coalesce(jsonb_typeof(o.m -> 'attachments'), 'null')
          when 'null' then true
          when 'array' then jsonb_array_length(o.m -> 'attachments') <= 20 and not exists (
            select from jsonb_array_elements(o.m -> 'attachments') a
            where case when jsonb_typeof(a) <> 'object' then true else
              a - '{name,uri,mime_type,bytes,sha256}'::text[] <> '{}'
              or (jsonb_typeof(a -> 'name') = 'string' and char_length(a ->> 'name') between 1 and 500) is not true
              or (jsonb_typeof(a -> 'uri') = 'string' and char_length(a ->> 'uri') between 1 and 2000) is not true
              or not mayfly_private.text_within(a -> 'mime_type', 200)
              or not mayfly_private.number_within(a -> 'bytes', 0, 1e15, true)
              or not (coalesce(jsonb_typeof(a -> 'sha256'), 'null') = 'null' or (jsonb_typeof(a -> 'sha256') = 'string' and a ->> 'sha256' ~ '^[0-9a-f]{64}$')) end)
          else false end,
        'must be at most 20 of { name, uri, mime_type?, bytes?, sha256? }'),
      ('trace', mayfly_private.text_within(o.m -> 'trace', 500), 'must be a text of at most 500 characters'),
      (coalesce((select k from jsonb_object_keys(case when jsonb_typeof(o.m) = 'object' then o.m else '{}' end) k where k <> all (known) limit 1), 'id'),
        case when jsonb_typeof(o.m) = 'object' then o.m - known = '{}' else true end, 'is not a field of a message')
    ) as c (field, holds, rule)
  where c.holds is not true
  order by o.n
  limit 1;
  if found then
    perform mayfly_private.fail(400, 'invalid_request', format('messages[%s].%s %s.', fault.index, fault.field, fault.rule),
      'Nothing was sent. Correct it, or leave the message out.', jsonb_build_object('index', fault.index, 'field', fault.field));
  end if;

  select max(o.n) - 1 as index into fault
  from jsonb_array_elements(messages) with ordinality as o (m, n)
  group by (o.m ->> 'id')::uuid
  having count(*) > 1
  limit 1;
  if found then
    perform mayfly_private.fail(400, 'invalid_request', format('messages[%s].id appears twice in this call.', fault.index),
      'Nothing was sent. Give each message its own id (UUIDv7).', jsonb_build_object('index', fault.index, 'field', 'id'));
  end if;
end
$$;

comment on function mayfly_private.check_messages is 'Refuses invalid messages, with the index and the field.';
