-- Deletes up to max_rows facts of a tenant that have expired or that ended too long ago (fact_settings.ended_kept),
-- and entities that no fact mentions any more. Returns { facts, more }. It is a chore, which maintain_tenant calls as
-- owner. Locks what hold_facts locks, and the rows that it deletes.

create function mayfly_private.maintain_facts(tenant uuid, max_rows integer)
returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  instant constant timestamptz := mayfly_private.now();
  ended_kept constant interval := (select s.ended_kept from mayfly.fact_settings s where s.tenant_id = tenant);
  due uuid[];
  entities uuid[];
  deleted integer;
begin
  due := array(
    select o.id from (
      (select f.id from mayfly.facts f where f.tenant_id = tenant and f.expires_at <= instant limit max_rows)
      union
      (select f.id from mayfly.facts f where f.tenant_id = tenant and f.valid_to < instant - ended_kept limit max_rows)) o
    limit max_rows);
  if due = '{}' then
    return '{"facts": 0, "more": false}';
  end if;
  perform mayfly_private.hold_facts(tenant);
  with gone as (
    delete from mayfly.facts f
    where f.tenant_id = tenant and f.id = any (due) and (f.expires_at <= instant or f.valid_to < instant - ended_kept)
    returning f.subject_id, f.object_id
  )
  select count(*), array_agg(g.subject_id) || array_agg(g.object_id) into deleted, entities from gone g;
  perform mayfly_private.drop_unused_entities(tenant, entities);
  return jsonb_build_object('facts', deleted, 'more', cardinality(due) = max_rows);
end
$$;

comment on function mayfly_private.maintain_facts is 'One batch of deleting facts that have expired.';
