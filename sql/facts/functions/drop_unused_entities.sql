-- Deletes those of the given entities that no fact mentions any more and that nobody has set with set_entity. Called by
-- functions that delete facts, as owner, after hold_facts.

create function mayfly_private.drop_unused_entities(tenant uuid, ids uuid[])
returns integer
language plpgsql
set search_path = ''
as $$
declare
  dropped integer;
begin
  delete from mayfly.entities e
  where e.tenant_id = tenant and e.id = any (ids) and not e.is_set
    and not exists (select from mayfly.facts f where f.tenant_id = tenant and f.subject_id = e.id)
    and not exists (select from mayfly.facts f where f.tenant_id = tenant and f.object_id = e.id);
  get diagnostics dropped = row_count;
  return dropped;
end
$$;

comment on function mayfly_private.drop_unused_entities is 'Deletes entities that no fact mentions any more.';
