-- Ends facts. Locks what hold_facts locks, and the facts.

create function mayfly_private.end_facts(ids uuid[], at timestamptz)
returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  tenant constant uuid := mayfly_private.require_tenant('fact:write');
  instant constant timestamptz := coalesce(at, mayfly_private.now());
  is_admin constant boolean := tenant = any (mayfly_private.tenant_ids('fact:admin'));
  seen constant uuid[] := mayfly_private.own_agent_ids();
  ended jsonb;
begin
  if coalesce(cardinality(ids), 0) not between 1 and 500 then
    perform mayfly_private.refuse_fact('ids', '1 to 500 ids of facts');
  elsif not isfinite(instant) then
    perform mayfly_private.refuse_fact('at', 'a finite instant');
  end if;
  perform mayfly_private.hold_facts(tenant);
  if exists (
    select from unnest(ids) i where not exists (
      select from mayfly.facts f where f.tenant_id = tenant and f.id = i and (f.private_to is null or is_admin or f.private_to = any (seen))))
  then
    perform mayfly_private.fail(404, 'fact_unknown', 'There is no such fact, or the caller may not see it.', 'Nothing was written.', '{"field": "ids"}');
  elsif exists (select from mayfly.facts f where f.tenant_id = tenant and f.id = any (ids) and f.valid_from > instant) then
    perform mayfly_private.refuse_fact('at', 'at or after the beginning of each of the facts');
  end if;
  perform mayfly_private.charge(tenant, 0, 0, cardinality(ids));
  with gone as (
    update mayfly.facts f set valid_to = instant
    where f.tenant_id = tenant and f.id = any (ids) and (f.valid_to is null or f.valid_to > instant)
    returning f.id
  )
  select coalesce(jsonb_agg(g.id order by g.id), '[]') into ended from gone g;
  return jsonb_build_object('ended', ended);
end
$$;

comment on function mayfly_private.end_facts is 'Ends facts.';
grant execute on function mayfly_private.end_facts to authenticated, service_role;

-- Ends facts without recording new ones: from an instant on, they are no longer true. The facts are kept. Facts that
-- ended earlier stay as they are. Scope fact:write.

create function mayfly.end_facts(ids uuid[], at timestamptz default null)
returns jsonb
language sql
set search_path = ''
return mayfly_private.end_facts(ids, at);

comment on function mayfly.end_facts is 'Ends facts: they are no longer true from an instant on. Returns { ended: [id] }.';
grant execute on function mayfly.end_facts to authenticated, service_role;
