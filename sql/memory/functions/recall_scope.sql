-- How many memories a recall of the caller looks through, and how many of them have a vector of a model. In a tenant of
-- up to 2,000 memories, the numbers are exact. In a larger tenant, they are estimates from the tenant's sample and its
-- settled vectors, because counting would take longer than the recall. The query function calls it together with
-- mayfly.recall. Locks nothing.

create function mayfly_private.recall_scope(model text)
returns jsonb
language plpgsql stable security definer
set search_path = ''
set plan_cache_mode = force_generic_plan
set jit = off
as $$
#variable_conflict use_column
declare
  instant constant timestamptz := mayfly_private.now();
  who constant mayfly_private.caller := mayfly_private.caller();
  tenant constant uuid := mayfly_private.require_tenant_of(who, 'memory:read');
  self constant uuid := case when who.kind = 'agent' then who.id end;
  sees_all constant boolean := tenant = any (mayfly_private.tenant_ids_of(who, 'memory:admin'));
  stored constant bigint := (select coalesce(sum(u.memories), 0) from mayfly_private.tenant_usage u where u.tenant_id = tenant);
  memories bigint;
  vectors bigint;
begin
  if stored <= 2000 then
    select count(*), count(v.memory_id) into memories, vectors
    from mayfly.memories m
    left join mayfly.memory_vectors v on v.tenant_id = tenant and v.model = recall_scope.model and v.memory_id = m.id
    where m.tenant_id = tenant and m.deleted_at is null and (m.expires_at is null or m.expires_at > instant)
      and (m.visibility = 'tenant' or sees_all or m.agent_id = self
        or m.agent_id = any ((select mayfly_private.agents_under(tenant, self))::uuid[]));
  else
    memories := coalesce((select s.memories from mayfly_private.word_samples s where s.tenant_id = tenant), stored);
    select s.vectors + (
      select count(*) from mayfly.memory_vectors v
      where not v.settled and case when not v.settled then v.tenant_id end = tenant and v.model = recall_scope.model)
    into vectors
    from mayfly_private.settlements s
    where s.tenant_id = tenant and s.model = recall_scope.model;
    if vectors is null then
      vectors := (select count(*) from mayfly.memory_vectors v where v.tenant_id = tenant and v.model = recall_scope.model);
    end if;
    vectors := least(vectors, memories);
  end if;
  return jsonb_build_object('memories', memories, 'with_vector', vectors, 'exact', stored <= 2000);
end
$$;

comment on function mayfly_private.recall_scope is 'What a recall of the caller searches.';
grant execute on function mayfly_private.recall_scope to authenticated, service_role;

create function mayfly.recall_scope(model text default null)
returns jsonb
language sql stable
set search_path = ''
return mayfly_private.recall_scope(model);

comment on function mayfly.recall_scope is
  'What a recall searches: { memories, with_vector, exact }. Above 2,000 memories, both numbers are estimates and exact is false.';
grant execute on function mayfly.recall_scope to authenticated, service_role;
