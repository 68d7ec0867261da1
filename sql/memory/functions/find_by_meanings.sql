-- Finds the memories nearest in meaning, best first. While a tenant is being embedded with a new model, it also asks
-- the previous model for memories without a vector of the new one. likeness = 0.99 * (similarity - unrelated) / (1 -
-- unrelated), where `unrelated` is the similarity that a model gives to two unrelated texts. Up to 0.01 is added, so
-- that similarities below `unrelated` are ranked too. Unlike similarities, likenesses of two models can be compared.
-- Called by mayfly_private.recall. Locks nothing.

create function mayfly_private.find_by_meanings(
  tenant uuid, model text, asked extensions.halfvec, unrelated real, older_model text, older_asked extensions.halfvec,
  reach integer, depth integer, wanted integer, kinds text[], having_tags text[], agent uuid, min_reward real, since timestamptz,
  until timestamptz, for_task text, session uuid, conversation uuid, without uuid,
  out ids uuid[], out similarities double precision[], out likenesses double precision[]
)
language plpgsql stable
set search_path = ''
as $$
#variable_conflict use_variable
declare
  older_unrelated double precision;
  found record;
begin
  if asked is null then
    return;
  end if;
  found := mayfly_private.find_by_meaning(tenant, model, asked, reach, depth, wanted,
    kinds, having_tags, agent, min_reward, since,
    until, for_task, session, conversation, without);
  ids := found.ids;
  similarities := found.similarities;
  likenesses := array(
    select 0.01 * least(1, s.it / unrelated) + 0.99 * greatest(0, s.it - unrelated) / (1 - unrelated)
    from unnest(similarities) with ordinality s (it, n) order by s.n);
  if older_asked is null then
    return;
  end if;

  older_unrelated := (mayfly_private.worth_of_model(tenant, older_model)).unrelated;
  found := mayfly_private.find_by_meaning(tenant, older_model, older_asked, reach, depth, wanted,
    kinds, having_tags, agent, min_reward, since,
    until, for_task, session, conversation, without);
  select array_agg(e.id order by e.likeness desc, e.id), array_agg(e.similarity order by e.likeness desc, e.id),
    array_agg(e.likeness order by e.likeness desc, e.id)
  into ids, similarities, likenesses
  from (
    select n.id, n.similarity, n.likeness from unnest(ids, similarities, likenesses) n (id, similarity, likeness)
    union all
    select o.id, o.similarity, 0.01 * least(1, o.similarity / older_unrelated) + 0.99 * greatest(0, o.similarity - older_unrelated) / (1 - older_unrelated)
    from unnest(found.ids, found.similarities) o (id, similarity)
    where not exists (
      select from mayfly.memory_vectors v
      where v.tenant_id = tenant and v.model = find_by_meanings.model and v.memory_id = o.id)
    order by 3 desc, 1
    limit depth) e;
end
$$;

comment on function mayfly_private.find_by_meanings is 'The memories that are nearest in meaning, by one or two models.';
