-- Fields of a memory in the form in which they are stored and compared: null becomes the field's default, and numbers
-- and instants are written as Postgres writes them. Called for fields that check_push has accepted.

create function mayfly_private.plain_fields(fields jsonb)
returns jsonb
language sql stable
set search_path = ''
return (
  select coalesce(jsonb_object_agg(f.key, f.value) filter (where fields ? f.key), '{}')
  from jsonb_to_record(fields) as r (
      session_id uuid, conversation_id uuid, kind text, task text, input text, output text, critique text, reward numeric,
      success boolean, importance numeric, tags text[], metadata jsonb, tokens numeric, latency_ms numeric,
      visibility text, expires_at timestamptz),
    jsonb_each(jsonb_build_object(
      'session_id', r.session_id, 'conversation_id', r.conversation_id, 'kind', coalesce(r.kind, 'episode'),
      'task', coalesce(r.task, ''), 'input', coalesce(r.input, ''), 'output', coalesce(r.output, ''),
      'critique', coalesce(r.critique, ''), 'reward', round(r.reward, 6)::real, 'success', r.success,
      'importance', coalesce(r.importance, 5)::smallint, 'tags', coalesce(r.tags, '{}'),
      'metadata', case when jsonb_typeof(r.metadata) = 'object' then r.metadata else '{}' end,
      'tokens', r.tokens::integer, 'latency_ms', r.latency_ms::integer,
      'visibility', coalesce(r.visibility, 'tenant'), 'expires_at', r.expires_at)) f
);

comment on function mayfly_private.plain_fields is 'Fields of a memory in the form in which they are stored.';
