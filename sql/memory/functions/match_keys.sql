-- Rewrites the puts of a push that have a key: if the tenant already has the key, the put becomes an update of that
-- memory. The update replaces text and tags as a whole, and other fields if the put has them. Called by apply_memories.
-- A key belongs to the tenant or, for a private memory, to its agent, so a put never reveals what a sibling stores
-- under the same key. Needs memory:read, because the result says what exists.
--
-- Locks the keys, in order, until the transaction ends. If two pushes use the same key, the second one sees the
-- memory of the first.

create function mayfly_private.match_keys(tenant uuid, push jsonb, claimed uuid[], by_agent uuid)
returns jsonb
language plpgsql
set search_path = ''
as $$
declare
  instant constant timestamptz := mayfly_private.now();
  own constant uuid[] := mayfly_private.own_agent_ids();
  sees_all constant boolean := tenant = any (mayfly_private.tenant_ids('memory:admin'));
  keyed jsonb;
  fault record;
begin
  perform mayfly_private.require_tenant('memory:read');
  keyed := (
    select jsonb_agg(to_jsonb(k)) from (
      select o.n, o.op -> 'body' ->> 'key' as key, (o.op ->> 'subject')::uuid as subject, a.agent,
        case when o.op -> 'body' ->> 'visibility' = 'agent' then coalesce(a.agent, '00000000-0000-0000-0000-000000000000') else tenant end as owner
      from jsonb_array_elements(push) with ordinality as o (op, n),
        lateral (select coalesce((o.op -> 'body' ->> 'agent_id')::uuid, by_agent) as agent) a
      where o.op ->> 'type' = 'memory.put' and o.op -> 'body' ->> 'key' is not null and (o.op ->> 'id')::uuid = any (claimed)) k);
  select k.n - 1 as index, mayfly_private.given_field(push -> (k.n - 1)::integer, 'body.key') as field into fault
  from jsonb_to_recordset(keyed) as k (n bigint, agent uuid, owner uuid)
  where k.owner <> tenant and not sees_all and k.agent = any (own) is not true
  order by k.n limit 1;
  if found then
    perform mayfly_private.fail(400, 'invalid_operation', format('push[%s].%s would be the key of a private memory that the caller cannot see.', fault.index, fault.field),
      'Nothing of this push was applied. Leave the key out, or name one of your agents.',
      jsonb_build_object('index', fault.index, 'field', fault.field));
  end if;
  perform pg_advisory_xact_lock(l.lock) from (
    select distinct hashtextextended('mayfly.memory_key ' || tenant || ' ' || k.owner || ' ' || k.key, 0) as lock
    from jsonb_to_recordset(keyed) as k (key text, owner uuid) order by 1) l;
  -- An expired memory no longer holds its key, even before maintenance deletes it.
  update mayfly.memories m set key = null
  from jsonb_to_recordset(keyed) as k (key text, owner uuid)
  where m.tenant_id = tenant and m.key = k.key and m.expires_at <= instant
    and case m.visibility when 'agent' then coalesce(m.agent_id, '00000000-0000-0000-0000-000000000000') else m.tenant_id end = k.owner;

  return (
    select jsonb_agg(case
        when t.kept is not null then (o.op - 'body') || jsonb_build_object('type', 'memory.update', 'subject', t.kept,
          'body', jsonb_strip_nulls(jsonb_build_object('hlc', o.op -> 'body' -> 'hlc', 'embedding', o.op -> 'body' -> 'embedding',
            'model', o.op -> 'body' -> 'model')) || jsonb_build_object('set',
              '{"task": null, "input": null, "output": null, "critique": null, "tags": null}'
              || (o.op -> 'body') - '{key,once,hlc,embedding,model,agent_id,created_at,visibility}'::text[]))
        -- The memory with this id has been forgotten meanwhile, so the put becomes a new memory with another id.
        when t.is_forgotten then o.op || jsonb_build_object('subject', gen_random_uuid())
        else o.op end order by o.n)
    from jsonb_array_elements(push) with ordinality as o (op, n)
    left join (
      select k.n, coalesce(m.id, case when k.nth > 1 then k.first end) as kept,
        exists (select from mayfly.memories f where f.tenant_id = tenant and f.id = k.subject and f.deleted_at is not null) as is_forgotten
      from (
        select k.*, row_number() over of_key as nth, first_value(k.subject) over of_key as first
        from jsonb_to_recordset(keyed) as k (n bigint, key text, subject uuid, owner uuid)
        window of_key as (partition by k.owner, k.key order by k.n)) k
      left join mayfly.memories m on m.tenant_id = tenant and m.key = k.key
        and case m.visibility when 'agent' then coalesce(m.agent_id, '00000000-0000-0000-0000-000000000000') else m.tenant_id end = k.owner
    ) t on t.n = o.n);
end
$$;

comment on function mayfly_private.match_keys is 'Turns puts with an existing key into updates.';
