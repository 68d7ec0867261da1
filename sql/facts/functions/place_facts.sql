-- Puts facts into their slots. No two of the given facts have the same slot. If the slot already has a fact that says
-- the same and is valid when the given fact begins, the existing fact is confirmed. Otherwise the given fact is
-- inserted. The fact that was valid when the given fact begins then ends there. The given fact ends when the next fact
-- in the slot begins. Returns { id, status, superseded, subject, object, valid_from, valid_to } for each fact, in
-- order. Called by mayfly_private.record_facts, as owner, after hold_facts. Locks what it changes.

create function mayfly_private.place_facts(given mayfly.facts[])
returns jsonb[]
language plpgsql
set search_path = ''
as $$
declare
  instant constant timestamptz := mayfly_private.now();
  befores uuid[];
  same boolean[];
  nexts timestamptz[];
  answers jsonb[];
begin
  select array_agg(b.id order by g.ordinality),
    array_agg(b.id is not null and b.object_id is not distinct from g.object_id and b.value is not distinct from g.value order by g.ordinality),
    array_agg(n.valid_from order by g.ordinality)
  into befores, same, nexts
  from unnest(given) with ordinality g
  left join lateral (
    select f.id, f.object_id, f.value from mayfly.facts f
    where f.tenant_id = g.tenant_id and f.subject_id = g.subject_id and f.predicate = g.predicate and f.slot = g.slot
      and f.private_to is not distinct from g.private_to
      and f.valid_from <= g.valid_from and (f.valid_to is null or f.valid_to > g.valid_from)
      and (f.expires_at is null or f.expires_at > instant)
    order by f.valid_from desc, f.recorded_at desc limit 1) b on true
  left join lateral (
    select min(f.valid_from) as valid_from from mayfly.facts f
    where f.tenant_id = g.tenant_id and f.subject_id = g.subject_id and f.predicate = g.predicate and f.slot = g.slot
      and f.private_to is not distinct from g.private_to and f.valid_from > g.valid_from
      -- A fact that was never valid does not limit other facts.
      and f.valid_to is distinct from f.valid_from and (f.expires_at is null or f.expires_at > instant)) n on true;

  update mayfly.facts f
  set confirmations = f.confirmations + 1, confirmed_at = instant, confidence = coalesce(g.confidence, f.confidence),
    source = coalesce(nullif(g.source, ''), f.source), memory_id = coalesce(g.memory_id, f.memory_id),
    valid_to = least(f.valid_to, g.valid_to),
    -- If one of the two facts has no expiry, the confirmed fact has none either.
    expires_at = case when f.expires_at is not null and g.expires_at is not null then greatest(f.expires_at, g.expires_at) end
  from unnest(given) with ordinality g
  where same[g.ordinality] and f.tenant_id = g.tenant_id and f.id = befores[g.ordinality];

  update mayfly.facts f set valid_to = g.valid_from, superseded_by = g.id
  from unnest(given) with ordinality g
  where not same[g.ordinality] and f.tenant_id = g.tenant_id and f.id = befores[g.ordinality];

  -- An expired fact that maintenance has not deleted yet no longer holds its slot.
  delete from mayfly.facts f
  using unnest(given) g
  where f.tenant_id = g.tenant_id and f.subject_id = g.subject_id and f.predicate = g.predicate and f.slot = g.slot
    and f.private_to is not distinct from g.private_to and f.expires_at <= instant;

  insert into mayfly.facts (tenant_id, id, private_to, subject_id, predicate, object_id, value, slot, confidence, source, memory_id,
    agent_id, valid_from, valid_to, recorded_at, confirmed_at, expires_at)
  select g.tenant_id, g.id, g.private_to, g.subject_id, g.predicate, g.object_id, g.value, g.slot, g.confidence, g.source, g.memory_id,
    g.agent_id, g.valid_from, least(g.valid_to, nexts[g.ordinality]), instant, instant, g.expires_at
  from unnest(given) with ordinality g
  where not same[g.ordinality]
  order by g.ordinality;

  select array_agg(jsonb_build_object('id', f.id,
      'status', case when same[g.ordinality] then 'confirmed' when befores[g.ordinality] is null then 'recorded' else 'superseded' end,
      'superseded', case when same[g.ordinality] or befores[g.ordinality] is null then '[]' else jsonb_build_array(befores[g.ordinality]) end,
      'subject', f.subject_id, 'object', f.object_id, 'valid_from', f.valid_from, 'valid_to', f.valid_to) order by g.ordinality)
  into answers
  from unnest(given) with ordinality g
  join mayfly.facts f on f.tenant_id = g.tenant_id and f.id = case when same[g.ordinality] then befores[g.ordinality] else g.id end;
  return answers;
end
$$;

comment on function mayfly_private.place_facts is 'Puts facts into their slots.';
