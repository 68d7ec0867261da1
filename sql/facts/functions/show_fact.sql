-- A fact in the form that callers get, with the names of its entities.

create function mayfly_private.show_fact(fact mayfly.facts)
returns jsonb
language sql stable
set search_path = ''
return jsonb_build_object(
  'id', fact.id,
  'subject', (select jsonb_build_object('id', e.id, 'type', e.type, 'name', e.name) from mayfly.entities e
    where e.tenant_id = fact.tenant_id and e.id = fact.subject_id),
  'predicate', fact.predicate,
  'object', (select jsonb_build_object('id', e.id, 'type', e.type, 'name', e.name) from mayfly.entities e
    where e.tenant_id = fact.tenant_id and e.id = fact.object_id),
  'value', fact.value, 'many', fact.slot <> '', 'confidence', fact.confidence, 'source', fact.source, 'memory_id', fact.memory_id,
  'agent_id', fact.agent_id, 'private_to', fact.private_to, 'valid_from', fact.valid_from, 'valid_to', fact.valid_to,
  'recorded_at', fact.recorded_at, 'confirmed_at', fact.confirmed_at, 'confirmations', fact.confirmations,
  'superseded_by', fact.superseded_by, 'expires_at', fact.expires_at);

comment on function mayfly_private.show_fact is 'A fact in the form that callers get.';
grant execute on function mayfly_private.show_fact to authenticated, service_role;
