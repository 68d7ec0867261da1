-- Finds the memories whose vectors are nearest to a vector, with a similarity above 0 and at most 1. If too few of
-- the nearest pass the filters, it compares all memories that pass, one by one. So a filter never hides a match.
-- Called by mayfly_private.recall. Locks nothing.

create function mayfly_private.find_by_meaning(
  tenant uuid, self uuid, sees_all boolean, model text, asked extensions.halfvec, reach integer, depth integer, wanted integer, kinds text[], having_tags text[], agent uuid, min_reward real, since timestamptz,
  until timestamptz, for_task text, session uuid, conversation uuid, without uuid
)
returns mayfly_private.matches
language plpgsql stable
set search_path = ''
set plan_cache_mode = force_generic_plan
set enable_seqscan = off
set jit = off
as $$
#variable_conflict use_variable
declare
  instant constant timestamptz := mayfly_private.now();
  hits mayfly_private.matches;
  near uuid[];
  alike double precision[];
begin
  select array_agg(n.memory_id), array_agg(n.similarity) into near, alike
  from mayfly_private.nearest(tenant, model, asked, reach) n;

  select array_agg(f.id order by f.similarity desc, f.id), array_agg(f.similarity order by f.similarity desc, f.id), bool_or(f.in_thread)
  into hits.ids, hits.similarities, hits.in_threads
  from (
    select m.id, n.similarity, coalesce(m.conversation_id, m.session_id) is not null as in_thread
    from unnest(near, alike) n (id, similarity)
    join mayfly.memories m on m.id = n.id
    where m.tenant_id = tenant and m.deleted_at is null
      and (m.visibility = 'tenant' or sees_all or m.agent_id = self
        or m.agent_id = any ((select mayfly_private.agents_under(tenant, self))::uuid[]))
      and (m.expires_at is null or m.expires_at > instant)
      and (without is null or m.id <> without)
      and (kinds is null or m.kind = any (kinds)) and (having_tags is null or m.tags @> having_tags)
      and (agent is null or m.agent_id = agent) and (min_reward is null or m.reward >= min_reward)
      and (since is null or m.created_at >= since) and (until is null or m.created_at < until)
      and (for_task is null or m.task = for_task) and (session is null or m.session_id = session)
      and (conversation is null or m.conversation_id = conversation)
    order by n.similarity desc, m.id
    limit depth) f
  -- A vector with a negative cosine is not a match, even if there are few other matches.
  where f.similarity > 0;

  if coalesce(cardinality(hits.ids), 0) < wanted and cardinality(near) = reach then
    select array_agg(f.id order by f.similarity desc, f.id), array_agg(f.similarity order by f.similarity desc, f.id), bool_or(f.in_thread)
    into hits.ids, hits.similarities, hits.in_threads
    from (
      select m.id, 1 - (v.embedding operator(extensions.<=>) asked) as similarity, coalesce(m.conversation_id, m.session_id) is not null as in_thread
      from mayfly.memories m
      join mayfly.memory_vectors v on v.tenant_id = tenant and v.model = find_by_meaning.model and v.memory_id = m.id
      where m.tenant_id = tenant and m.deleted_at is null
        and (m.visibility = 'tenant' or sees_all or m.agent_id = self
          or m.agent_id = any ((select mayfly_private.agents_under(tenant, self))::uuid[]))
        and (m.expires_at is null or m.expires_at > instant)
        and (without is null or m.id <> without)
        and (kinds is null or m.kind = any (kinds)) and (having_tags is null or m.tags @> having_tags)
        and (agent is null or m.agent_id = agent) and (min_reward is null or m.reward >= min_reward)
        and (since is null or m.created_at >= since) and (until is null or m.created_at < until)
        and (for_task is null or m.task = for_task) and (session is null or m.session_id = session)
        and (conversation is null or m.conversation_id = conversation)
      order by v.embedding operator(extensions.<=>) asked, m.id
      limit depth) f
    where f.similarity > 0;
  end if;
  return hits;
end
$$;

comment on function mayfly_private.find_by_meaning is
  'The memories whose vectors are nearest to a vector.';
