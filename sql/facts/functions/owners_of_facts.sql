-- Checks facts, and decides who owns each: an agent, or the tenant (null). Facts from a private memory stay
-- private unless the caller says otherwise. Called by mayfly_private.record_facts. Locks nothing.

create function mayfly_private.owners_of_facts(tenant uuid, caller_id uuid, facts jsonb)
returns uuid[]
language plpgsql stable
set search_path = ''
as $$
declare
  owners uuid[];
  fault record;
begin
  perform mayfly_private.check_facts(facts);
  select g.n - 1 as place, g.f ? 'memory_id' and m.id is null and g.f ->> 'memory_id' is not null as is_unknown, g.f ->> 'visibility' as visibility into fault
  from jsonb_array_elements(facts) with ordinality as g (f, n)
  left join mayfly.memories m on m.tenant_id = tenant and m.id = (g.f ->> 'memory_id')::uuid and m.deleted_at is null
    and (m.visibility = 'tenant' or m.agent_id = any ((select mayfly_private.own_agent_ids())::uuid[])
      or (select tenant = any (mayfly_private.tenant_ids('memory:admin'))))
  where (g.f ->> 'memory_id' is not null and m.id is null)
    or (caller_id is null and coalesce(g.f ->> 'visibility', m.visibility) = 'agent')
  order by g.n limit 1;
  if found and fault.is_unknown then
    perform mayfly_private.fail(404, 'memory_unknown', 'There is no memory with this id, or the caller may not see it.',
      'Nothing was written. Sync the memory first.', jsonb_build_object('field', 'memory_id', 'index', fault.place));
  elsif found then
    perform mayfly_private.refuse_fact('visibility', case when fault.visibility is null then 'given for a fact from a private memory'
      else 'tenant, because only an agent can have private facts' end, fault.place::integer);
  end if;
  select array_agg(case when coalesce(g.f ->> 'visibility', m.visibility) = 'agent' then caller_id end order by g.n) into owners
  from jsonb_array_elements(facts) with ordinality as g (f, n)
  left join mayfly.memories m on m.tenant_id = tenant and m.id = (g.f ->> 'memory_id')::uuid;
  return owners;
end
$$;

comment on function mayfly_private.owners_of_facts is 'Checks facts, and decides who owns each.';
