-- Facts that the caller may see, newest first, one page at a time. They can be filtered by subject, object, predicate
-- and memory. Returns the facts as they were at an instant or, with history, all of them. Scope fact:read. Runs as the
-- caller. Locks nothing.

create function mayfly.list_facts(
  subject jsonb default null, predicate text default null, object jsonb default null, memory uuid default null,
  as_of timestamptz default null, history boolean default false, before uuid default null, page_limit integer default 100
)
returns jsonb
language plpgsql stable
set search_path = ''
as $$
declare
  tenant constant uuid := mayfly_private.require_tenant('fact:read');
  instant constant timestamptz := mayfly_private.now();
  at constant timestamptz := coalesce(as_of, instant);
  subjects constant uuid[] := case when subject is not null then mayfly_private.entities_named(tenant, subject, 'subject') end;
  objects constant uuid[] := case when object is not null then mayfly_private.entities_named(tenant, object, 'object') end;
  last mayfly.facts;
begin
  if page_limit is null or page_limit not between 1 and 1000 then
    perform mayfly_private.refuse_fact('page_limit', '1 to 1000');
  end if;
  if before is not null then
    select * into last from mayfly.facts f where f.tenant_id = tenant and f.id = before;
    if not found then
      perform mayfly_private.fail(404, 'fact_unknown', 'There is no such fact.', null, '{"field": "before"}');
    end if;
  end if;
  return (
    select coalesce(jsonb_agg(mayfly_private.show_fact(r) order by r.recorded_at desc, r.id desc), '[]')
    from (
      select f.* from mayfly.facts f
      where f.tenant_id = tenant
        and (subjects is null or f.subject_id = any (subjects))
        and (list_facts.predicate is null or f.predicate = (select mayfly_private.fact_word(list_facts.predicate)))
        and (objects is null or f.object_id = any (objects))
        and (memory is null or f.memory_id = memory)
        and (f.expires_at is null or f.expires_at > instant)
        and (history or (f.valid_from <= at and (f.valid_to is null or f.valid_to > at)))
        and (before is null or (f.recorded_at, f.id) < (last.recorded_at, last.id))
      order by f.recorded_at desc, f.id desc
      limit page_limit) r);
end
$$;

comment on function mayfly.list_facts is
  'Lists facts, newest first, by subject, predicate, object or memory. Returns the facts as they are now or were at as_of. With history, includes facts that have ended.';
grant execute on function mayfly.list_facts to authenticated, service_role;
