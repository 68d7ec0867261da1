-- Applies the updates of a push: decides what each one changes (settle), stores the conflicts that must be resolved by
-- hand, and completes the results of the operations. Called by mayfly_private.push, which has locked the targets.
-- Returns how many memories it wrote.
--
-- A memory that does not exist, or that the caller may not change, is not a target. Its update gets the result `gone`.
-- A delete wins over an update, so a late update never blocks an outbox.

create function mayfly_private.apply_updates(tenant uuid, push jsonb, claimed uuid[], targets uuid[], pusher uuid)
returns integer
language plpgsql
set search_path = ''
as $$
declare
  instant constant timestamptz := mayfly_private.now();
  outcomes jsonb;
  fault record;
  bare uuid[];
  written integer;
begin
  select coalesce(jsonb_agg(to_jsonb(s) || mayfly_private.settle(to_jsonb(m) - '{words,words_version,key,content_hash}'::text[], s.change)), '[]') into outcomes
  from (
    select o.n - 1 as index, (o.op ->> 'id')::uuid as op, (o.op ->> 'subject')::uuid as id, o.op -> 'body' as change
    from jsonb_array_elements(push) with ordinality as o (op, n)
    where o.op ->> 'type' = 'memory.update' and (o.op ->> 'id')::uuid = any (claimed)
  ) s
  join mayfly.memories m on m.tenant_id = tenant and m.id = s.id
  where m.id = any (targets);

  select s.index, mayfly_private.given_field(push -> s.index, c.field) as field, c.rule into fault
  from jsonb_to_recordset(outcomes) as s (index integer, id uuid, set jsonb)
  join mayfly.memories m on m.tenant_id = tenant and m.id = s.id,
    lateral (values
      ('subject', m.version < 2000000000, 'names a memory that has changed 2000000000 times, so put another one'),
      ('body.set', coalesce(s.set ->> 'task', m.task) || coalesce(s.set ->> 'input', m.input)
          || coalesce(s.set ->> 'output', m.output) <> '', 'must leave a task, an input or an output'),
      ('body.set.tags', jsonb_array_length(coalesce(s.set -> 'tags', '[]')) <= 50, 'would make more than 50 tags'),
      ('body.set.metadata', pg_column_size(coalesce(s.set -> 'metadata', '{}')) <= 65536, 'would make metadata of more than 64 KB'),
      ('body.set.visibility', s.set ->> 'visibility' is distinct from 'agent'
          or m.agent_id = any ((select mayfly_private.own_agent_ids())::uuid[])
          or tenant = any ((select mayfly_private.tenant_ids('memory:admin'))::uuid[]),
        'may be narrowed only by its agent, the agent''s ancestors and admins'),
      ('body.set.visibility', m.key is null or s.set ->> 'visibility' is null or not exists (
          select from mayfly.memories k
          where k.tenant_id = tenant and k.key = m.key and k.id <> m.id
            and case k.visibility when 'agent' then coalesce(k.agent_id, '00000000-0000-0000-0000-000000000000') else k.tenant_id end
              = case s.set ->> 'visibility' when 'agent' then coalesce(m.agent_id, '00000000-0000-0000-0000-000000000000') else tenant end),
        'would make two memories with the same key')
    ) as c (field, holds, rule)
  where c.holds is not true
  order by s.index
  limit 1;
  if found then
    perform mayfly_private.fail(400, 'invalid_operation', format('push[%s].%s %s.', fault.index, fault.field, fault.rule),
      'Nothing of this push was applied. Correct it, or leave the operation out.',
      jsonb_build_object('index', fault.index, 'field', fault.field));
  end if;

  update mayfly.memories m
  set version = m.version + (s.set <> '{}')::integer, updated_at = case when s.set <> '{}' then instant else m.updated_at end, hlc = s.hlc,
    session_id = n.session_id, conversation_id = n.conversation_id, kind = n.kind, task = n.task, input = n.input,
    output = n.output, critique = n.critique, reward = n.reward, success = n.success, importance = n.importance,
    tags = n.tags, metadata = n.metadata, tokens = n.tokens, latency_ms = n.latency_ms, visibility = n.visibility,
    expires_at = n.expires_at, content_hash = case when s.set = '{}' then m.content_hash end
  from jsonb_to_recordset(outcomes) as s (id uuid, set jsonb, hlc jsonb)
  join mayfly.memories o on o.tenant_id = tenant and o.id = s.id,
    lateral jsonb_populate_record(o, s.set) n
  where m.tenant_id = tenant and m.id = s.id and (s.set <> '{}' or s.hlc <> m.hlc);
  get diagnostics written = row_count;

  -- If the old vector stayed, a search would find the memory by words that it no longer contains.
  delete from mayfly.memory_vectors v
  where v.tenant_id = tenant and v.memory_id in (
    select s.id from jsonb_to_recordset(outcomes) as s (id uuid, set jsonb) where s.set ?| '{task,tags,input,output}');
  insert into mayfly.memory_vectors (tenant_id, model, memory_id, embedding)
  select tenant, o.op #>> '{body,model}', s.id, (o.op #>> '{body,embedding}')::extensions.halfvec
  from jsonb_array_elements(push) as o (op)
  join jsonb_to_recordset(outcomes) as s (op uuid, id uuid, set jsonb) on s.op = (o.op ->> 'id')::uuid
  where jsonb_typeof(o.op #> '{body,embedding}') in ('array', 'string') and s.set ?| '{task,tags,input,output}';

  bare := (select array_agg(s.id) from jsonb_to_recordset(outcomes) as s (id uuid, op uuid, set jsonb)
    where s.set ?| '{task,tags,input,output}' and not exists (
      select from jsonb_array_elements(push) o (op)
      where (o.op ->> 'id')::uuid = s.op and jsonb_typeof(o.op #> '{body,embedding}') in ('array', 'string')));
  if bare is not null then
    perform mayfly_private.enqueue_embeddings(tenant, bare);
  end if;

  delete from mayfly.memory_conflicts c
  using jsonb_to_recordset(outcomes) as s (id uuid, change jsonb)
  where c.tenant_id = tenant and c.memory_id = s.id and s.change -> 'settles' @> to_jsonb(c.id);
  with kept as (
    insert into mayfly.memory_conflicts (tenant_id, memory_id, field, base, wanted, hlc, op_id, pushed_by)
    select tenant, s.id, c.field, c.base, c.wanted, c.hlc, s.op, pusher
    from jsonb_to_recordset(outcomes) as s (id uuid, op uuid, conflicts jsonb),
      jsonb_to_recordset(s.conflicts) as c (field text, base jsonb, wanted jsonb, hlc text)
    returning op_id, field, id
  )
  update mayfly_private.ops o
  set result = o.result || coalesce((
    select jsonb_build_object('version', m.version, 'fields', s.fields,
        'status', case when s.conflicts = '[]' then 'applied' else 'conflict' end)
      || case when s.conflicts = '[]' then '{}' else jsonb_build_object('conflicts', (
        select jsonb_object_agg(k.field, k.id) from kept k where k.op_id = o.id)) end
    from jsonb_to_recordset(outcomes) as s (op uuid, id uuid, fields jsonb, conflicts jsonb)
    join mayfly.memories m on m.tenant_id = tenant and m.id = s.id
    where s.op = o.id), '{"status": "gone"}')
  where o.tenant_id = tenant and o.id in (
    select (op ->> 'id')::uuid from jsonb_array_elements(push) op
    where op ->> 'type' = 'memory.update' and (op ->> 'id')::uuid = any (claimed));
  return written;
end
$$;

comment on function mayfly_private.apply_updates is 'Applies the updates of a push.';
