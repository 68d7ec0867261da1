-- Finds the memories nearest in meaning, best first. While a tenant is being embedded with a new model, it also asks
-- the previous model for memories without a vector of the new one. likeness = 0.99 * (similarity - unrelated) / (1 -
-- unrelated), where `unrelated` is the similarity that a model gives to two unrelated texts. Up to 0.01 is added, so
-- that similarities below `unrelated` are ranked too. Unlike similarities, likenesses of two models can be compared.
-- Called by mayfly_private.recall. Locks nothing.

create function mayfly_private.find_by_meanings(
  tenant uuid, self uuid, sees_all boolean, model text, asked extensions.halfvec, unrelated real, older_model text, older_asked extensions.halfvec,
  reach integer, depth integer, wanted integer, kinds text[], having_tags text[], agent uuid, min_reward real, since timestamptz,
  until timestamptz, for_task text, session uuid, conversation uuid, without uuid
)
returns mayfly_private.matches
language plpgsql stable
set search_path = ''
as $$
#variable_conflict use_variable
declare
  older_unrelated double precision;
  hits mayfly_private.matches;
  older mayfly_private.matches;
begin
  hits := mayfly_private.find_by_meaning(tenant, self, sees_all, model, asked, reach, depth, wanted,
    kinds, having_tags, agent, min_reward, since, until, for_task, session, conversation, without);
  hits.shares := array(
    select 0.01 * least(1, s.it / unrelated) + 0.99 * greatest(0, s.it - unrelated) / (1 - unrelated)
    from unnest(hits.similarities) with ordinality s (it, n) order by s.n);
  if older_asked is null then
    return hits;
  end if;

  older_unrelated := (mayfly_private.worth_of_model(tenant, older_model)).unrelated;
  older := mayfly_private.find_by_meaning(tenant, self, sees_all, older_model, older_asked, reach, depth, wanted,
    kinds, having_tags, agent, min_reward, since, until, for_task, session, conversation, without);
  select array_agg(e.id order by e.share desc, e.id), array_agg(e.similarity order by e.share desc, e.id),
    array_agg(e.share order by e.share desc, e.id)
  into hits.ids, hits.similarities, hits.shares
  from (
    select n.id, n.similarity, n.share from unnest(hits.ids, hits.similarities, hits.shares) n (id, similarity, share)
    union all
    select o.id, o.similarity, 0.01 * least(1, o.similarity / older_unrelated) + 0.99 * greatest(0, o.similarity - older_unrelated) / (1 - older_unrelated)
    from unnest(older.ids, older.similarities) o (id, similarity)
    where not exists (
      select from mayfly.memory_vectors v
      where v.tenant_id = tenant and v.model = find_by_meanings.model and v.memory_id = o.id)
    order by 3 desc, 1
    limit depth) e;
  hits.in_threads := hits.in_threads is true or older.in_threads is true;
  return hits;
end
$$;

comment on function mayfly_private.find_by_meanings is 'The memories that are nearest in meaning, by one or two models.';
