-- For puts of a push that were not stored, returns why: { id, kept } if the tenant already has the content. It
-- refuses a put whose id the tenant already has. Called by apply_memories. Locks nothing.

create function mayfly_private.find_copies(tenant uuid, push jsonb, claimed uuid[], written uuid[], by_agent uuid)
returns jsonb
language plpgsql stable
set search_path = ''
as $$
declare
  copies jsonb;
begin
  copies := (
    select jsonb_object_agg(o.op ->> 'id', (
      select m.id from mayfly.memories m
      where m.tenant_id = tenant and o.op -> 'body' ->> 'once' = 'true'
        and not exists (select from mayfly.memories same where same.tenant_id = tenant and same.id = (o.op ->> 'subject')::uuid)
        and m.content_hash = mayfly_private.content_hash(p.kind, p.task, p.input, p.output, p.critique, p.reward, p.success, p.importance,
          p.tags, p.metadata, p.tokens, p.latency_ms, p.expires_at, p.conversation_id, case p.visibility when 'agent' then by_agent end)))
    from jsonb_array_elements(push) o (op),
      jsonb_to_record(o.op -> 'body') as p (
        conversation_id uuid, kind text, task text, input text, output text, critique text, reward numeric, success boolean,
        importance numeric, tags text[], metadata jsonb, tokens numeric, latency_ms numeric, visibility text, expires_at timestamptz)
    where o.op ->> 'type' = 'memory.put' and (o.op ->> 'id')::uuid = any (claimed) and (o.op ->> 'subject')::uuid <> all (written));
  if copies is null or copies @? '$.* ? (@ == null)' then
    perform mayfly_private.fail(409, 'memory_exists', 'A memory with one of these ids exists already.',
      'Nothing of this push was applied. Give each memory its own id (UUIDv7).',
      jsonb_build_object('field', mayfly_private.given_field(push -> 0, 'subject')));
  end if;
  return (
    select jsonb_agg(case when copies ? (o.op ->> 'id')
      then jsonb_build_object('id', o.op -> 'id', 'kept', copies -> (o.op ->> 'id')) else o.op end order by o.n)
    from jsonb_array_elements(push) with ordinality as o (op, n));
end
$$;

comment on function mayfly_private.find_copies is 'Finds existing memories with the content of puts that were not stored.';
