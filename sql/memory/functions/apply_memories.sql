-- Applies the memory operations of a push. This is the only way to write memories, their vectors and conflicts.
-- mayfly_private.push claims the ids and then calls this function. It runs as owner, because an update among 100,000
-- memories takes 4.4 ms as owner, and took 71 ms as the caller, under the policies. So each statement names the tenant
-- of the caller, and changes only memories that the caller sees (mayfly_private.lock_memories). Returns how many
-- memories it wrote. The meters charge them.
--
--   memory.put     subject: the id of the memory. body: its fields, and embedding and model. With a key, it changes
--                  the memory that has this key. With "once", it is not stored if the tenant already has its
--                  content. In both cases, the result names the memory that is `kept`, and the subject becomes an
--                  alias of that memory (mayfly.memory_aliases)
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
  written uuid[];
  changed integer := 0;
  targets uuid[];
  fresh record;
  sees_copies boolean := false;
  work jsonb := push;
  rounds integer;
  part jsonb;
begin
  select count(*) filter (where o.op ->> 'type' in ('memory.update', 'memory.delete')) as changes,
    bool_or(o.op -> 'body' ->> 'key' is not null and (o.op ->> 'id')::uuid = any (claimed)) as keyed,
    bool_or(o.op -> 'body' ->> 'once' = 'true') as once,
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
  if given.keyed then
    work := mayfly_private.match_keys(tenant, work, claimed, case when by_agent then caller_id end);
  end if;
  if given.changes > 0 then
    work := mayfly_private.follow_aliases(tenant, work);
  end if;
  if given.once then
    -- A caller that may not read memories must not learn which exist.
    sees_copies := tenant = any (mayfly_private.tenant_ids('memory:read'));
  end if;

  select count(*) as puts, array_agg((op ->> 'subject')::uuid) filter (where coalesce(op #> '{body,embedding}', 'null') = 'null') as bare
  into fresh
  from jsonb_array_elements(work) op
  where op ->> 'type' = 'memory.put' and (op ->> 'id')::uuid = any (claimed);

  with puts as (
    select (op ->> 'subject')::uuid as id, memory.*, case when sees_copies and memory.once and memory.key is null
        and (memory.visibility is distinct from 'agent' or coalesce(memory.agent_id, caller_id) = caller_id and by_agent)
      then mayfly_private.content_hash(op -> 'body', case memory.visibility when 'agent' then caller_id end) end as content_hash
    from jsonb_array_elements(work) op,
      jsonb_to_record(op -> 'body') as memory (
        agent_id uuid, session_id uuid, conversation_id uuid, kind text, task text, input text,
        output text, critique text, reward numeric, success boolean, importance numeric, tags text[],
        metadata jsonb, tokens numeric, latency_ms numeric, visibility text, created_at timestamptz, expires_at timestamptz,
        key text, once boolean, hlc text)
    where op ->> 'type' = 'memory.put' and (op ->> 'id')::uuid = any (claimed)
  ), inserted as (
    insert into mayfly.memories (
      tenant_id, id, agent_id, pushed_by, session_id, conversation_id, kind, task, input, output, critique,
      reward, success, importance, tags, metadata, tokens, latency_ms, visibility, language, created_at, updated_at, expires_at,
      words, words_version, key, content_hash, hlc)
    select tenant, p.id, coalesce(p.agent_id, case when by_agent then caller_id end), caller_id,
      p.session_id, p.conversation_id, coalesce(p.kind, 'episode'), coalesce(p.task, ''), coalesce(p.input, ''),
      coalesce(p.output, ''), coalesce(p.critique, ''), round(p.reward, 6)::real, p.success, coalesce(p.importance, 5),
      coalesce(p.tags, '{}'), case when jsonb_typeof(p.metadata) = 'object' then p.metadata else '{}' end, p.tokens, p.latency_ms, coalesce(p.visibility, 'tenant'),
      language, least(coalesce(p.created_at, instant), instant), instant, p.expires_at,
      mayfly_private.words(language, coalesce(p.task, ''), coalesce(p.tags, '{}'), coalesce(p.input, ''), coalesce(p.output, ''),
        coalesce(p.critique, '')), mayfly_private.words_version(), p.key, p.content_hash,
      -- If two callers use the same key, the later write wins, whichever arrives first.
      case when p.key is null then '{}' else mayfly_private.put_clocks(p.hlc) end
    from puts p
    -- Sorted by content, so that two pushes with the same contents cannot deadlock.
    order by p.content_hash, p.id
    on conflict do nothing
    returning id
  )
  select coalesce(array_agg(i.id), '{}') into written from inserted i;

  if cardinality(written) < fresh.puts then
    work := mayfly_private.find_copies(tenant, work, claimed, written, case when by_agent then caller_id end);
    fresh.bare := array(select unnest(fresh.bare) intersect select unnest(written));
  end if;

  if embeddings is not null then
    insert into mayfly.memory_vectors (tenant_id, model, memory_id, embedding)
    select tenant, o.op #>> '{body,model}', (o.op ->> 'subject')::uuid, o.embedding
    from rows from (jsonb_array_elements(work), unnest(embeddings)) as o (op, embedding)
    where o.op ->> 'type' = 'memory.put' and o.embedding is not null and (o.op ->> 'id')::uuid = any (claimed);
  end if;

  if cardinality(fresh.bare) > 0 then
    perform mayfly_private.enqueue_embeddings(tenant, fresh.bare);
  end if;

  if given.changes > 0 or given.keyed then
    targets := mayfly_private.lock_memories(tenant, array(
      select (op ->> 'subject')::uuid from jsonb_array_elements(work) op
      where op ->> 'type' in ('memory.update', 'memory.delete') and (op ->> 'id')::uuid = any (claimed)));
    -- If several operations name the same memory, by different ids or by its key, they run one after the other.
    rounds := (select max(c.count) from (
      select count(*) from jsonb_array_elements(work) op where op ->> 'type' in ('memory.update', 'memory.delete') group by op ->> 'subject') c);
    for turn in 1 .. coalesce(rounds, 0) loop
      part := case when rounds = 1 then work else (
        select jsonb_agg(case when o.nth = turn and o.is_change then o.op else '{}' end order by o.n)
        from (
          select e.op, e.n, e.is_change, row_number() over (partition by e.is_change, e.op ->> 'subject' order by e.n) as nth
          from (
            select w.op, w.n, coalesce(w.op ->> 'type' in ('memory.update', 'memory.delete'), false) as is_change
            from jsonb_array_elements(work) with ordinality as w (op, n)) e) o) end;
      if part @? '$[*] ? (@.type == "memory.update")' then
        changed := changed + mayfly_private.apply_updates(tenant, part, claimed, targets, caller_id);
      end if;
      if part @? '$[*] ? (@.type == "memory.delete")' then
        changed := changed + mayfly_private.apply_deletes(tenant, part, claimed, targets);
      end if;
    end loop;
  end if;
  -- The cheap conditions come first, because comparing two pushes with 100 vectors takes 4 ms.
  if (given.keyed or given.changes > 0 or cardinality(written) < fresh.puts) and work <> push then
    perform mayfly_private.keep_names(tenant, push, work, claimed);
  end if;
  return cardinality(written) + changed;
end
$$;

comment on function mayfly_private.apply_memories is 'Applies the memory operations of a push.';
