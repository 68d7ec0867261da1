-- Applies the memory operations of a push: the one door to memories, their vectors and conflicts. Called by
-- mayfly_private.push, which has claimed the ids, as owner: each statement names the tenant of the caller, and what it
-- changes are memories that the caller sees (mayfly_private.lock_memories). An update among 100,000 memories took
-- 71 ms as the caller, under the policies, and 4.4 ms so. Gives how many memories it wrote, which the meters charge.
--
--   memory.put     subject: the id of the memory; body: its fields, and embedding and model
--   memory.update  body: { set, base, resolve, hlc, settles, embedding, model }
--   memory.delete  no body

create function mayfly_private.apply_memories(tenant uuid, push jsonb, claimed uuid[])
returns integer
language plpgsql
set search_path = ''
as $$
declare
  instant constant timestamptz := mayfly_private.now();
  caller_id constant uuid := mayfly_private.caller_id();
  by_agent constant boolean := nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'iss' = 'mayfly';
  language constant text := mayfly_private.hold_tenant(tenant);
  embeddings constant extensions.halfvec[] := mayfly_private.check_push(push);
  given record;
  unknown uuid[];
  written integer;
  changed integer := 0;
  targets uuid[];
  fresh record;
begin
  select count(*) filter (where o.op ->> 'type' = 'memory.update') as updates, count(*) filter (where o.op ->> 'type' = 'memory.delete') as deletes,
    array_agg(distinct (o.op #>> '{body,agent_id}')::uuid) filter (where o.op #>> '{body,agent_id}' is not null) as agents
  into given
  from jsonb_array_elements(push) o (op)
  where o.op ->> 'type' like 'memory.%';

  if given.agents is not null then
    unknown := mayfly_private.unknown_agents(tenant, given.agents);
    if unknown is not null then
      perform mayfly_private.fail(400, 'agent_unknown', format('There is no agent %s.', unknown[1]),
        'Nothing of this push was applied. Leave agent_id out, or name an agent of the tenant.', jsonb_build_object('field', mayfly_private.given_field(push -> 0, 'body.agent_id')));
    end if;
  end if;

  select count(*) as puts, array_agg((op ->> 'subject')::uuid) filter (where jsonb_typeof(op #> '{body,embedding}') is distinct from 'array') as bare
  into fresh
  from jsonb_array_elements(push) op
  where op ->> 'type' = 'memory.put' and (op ->> 'id')::uuid = any (claimed);

  with puts as (
    select (op ->> 'subject')::uuid as id, memory.*
    from jsonb_array_elements(push) op,
      jsonb_to_record(op -> 'body') as memory (
        agent_id uuid, session_id uuid, conversation_id uuid, kind text, task text, input text,
        output text, critique text, reward numeric, success boolean, importance numeric, tags text[],
        metadata jsonb, tokens numeric, latency_ms numeric, visibility text, created_at timestamptz, expires_at timestamptz)
    where op ->> 'type' = 'memory.put' and (op ->> 'id')::uuid = any (claimed)
  )
  insert into mayfly.memories (
    tenant_id, id, agent_id, pushed_by, session_id, conversation_id, kind, task, input, output, critique,
    reward, success, importance, tags, metadata, tokens, latency_ms, visibility, language, created_at, updated_at, expires_at,
    words, words_version)
  select tenant, p.id, coalesce(p.agent_id, case when by_agent then caller_id end), caller_id,
    p.session_id, p.conversation_id, coalesce(p.kind, 'episode'), coalesce(p.task, ''), coalesce(p.input, ''),
    coalesce(p.output, ''), coalesce(p.critique, ''), round(p.reward, 6)::real, p.success, coalesce(p.importance, 5),
    coalesce(p.tags, '{}'), case when jsonb_typeof(p.metadata) = 'object' then p.metadata else '{}' end, p.tokens, p.latency_ms, coalesce(p.visibility, 'tenant'),
    language, least(coalesce(p.created_at, instant), instant), instant, p.expires_at,
    mayfly_private.words(language, coalesce(p.task, ''), coalesce(p.tags, '{}'), coalesce(p.input, ''), coalesce(p.output, ''),
      coalesce(p.critique, '')), mayfly_private.words_version()
  from puts p
  order by p.id
  on conflict do nothing;
  get diagnostics written = row_count;

  if written < fresh.puts then
    perform mayfly_private.fail(409, 'memory_exists', 'Another operation has put a memory of one of these ids before.',
      'Nothing of this push was applied. Give each memory an id of its own (UUIDv7).', jsonb_build_object('field', mayfly_private.given_field(push -> 0, 'subject')));
  end if;

  if embeddings is not null then
    insert into mayfly.memory_vectors (tenant_id, model, memory_id, embedding)
    select tenant, o.op #>> '{body,model}', (o.op ->> 'subject')::uuid, o.embedding
    from rows from (jsonb_array_elements(push), unnest(embeddings)) as o (op, embedding)
    where o.op ->> 'type' = 'memory.put' and o.embedding is not null and (o.op ->> 'id')::uuid = any (claimed);
  end if;

  if fresh.bare is not null then
    perform mayfly_private.enqueue_embeddings(tenant, fresh.bare);
  end if;

  if given.updates > 0 or given.deletes > 0 then
    targets := mayfly_private.lock_memories(tenant, array(
      select (op ->> 'subject')::uuid from jsonb_array_elements(push) op
      where op ->> 'type' in ('memory.update', 'memory.delete') and (op ->> 'id')::uuid = any (claimed)));
  end if;
  if given.updates > 0 then
    changed := changed + mayfly_private.apply_updates(tenant, push, claimed, targets, caller_id);
  end if;
  if given.deletes > 0 then
    changed := changed + mayfly_private.apply_deletes(tenant, push, claimed, targets);
  end if;
  return fresh.puts + changed;
end
$$;

comment on function mayfly_private.apply_memories is 'Applies the memory operations of a push.';
