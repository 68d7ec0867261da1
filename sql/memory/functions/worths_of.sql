-- What recall reads of memories before it ranks them, in their order: the conversation or else the session, the time,
-- and what reward, importance and freshness make of relevance (see mayfly_private.recall, where also the weights are
-- explained). Called by mayfly_private.recall, for the memories that it found and for those to which they lend.
-- Locks nothing.

create function mayfly_private.worths_of(
  tenant uuid, memories uuid[], half_lives double precision[], of_reward double precision, of_importance double precision,
  of_recency double precision,
  out threads uuid[], out times timestamptz[], out worths double precision[], out recencies double precision[]
)
language plpgsql stable
set search_path = ''
as $$
#variable_conflict use_variable
declare
  instant constant timestamptz := mayfly_private.now();
begin
  select array_agg(r.thread order by c.n), array_agg(r.created_at order by c.n), array_agg(r.worth order by c.n),
    array_agg(r.recency order by c.n)
  into threads, times, worths, recencies
  from unnest(memories) with ordinality c (id, n)
  cross join lateral (
    select coalesce(m.conversation_id, m.session_id) as thread, m.created_at, h.recency,
      1 - of_reward - of_importance - of_recency
        + of_reward * coalesce(m.reward, 0.5) + of_importance * m.importance / 10 + of_recency * h.recency as worth
    from mayfly.memories m
    -- After a hundred half-lives, freshness is practically zero. After a thousand, the number would underflow,
    -- which is an error.
    cross join lateral (select 0.5 ^ least(100, greatest(date_part('epoch', instant - m.created_at), 0)
      / 86400 / half_lives[array_position('{episode,task_result,conversation,learning,fact,working,general}', m.kind)]) as recency) h
    where m.tenant_id = tenant and m.id = c.id
    offset 0) r;
end
$$;

comment on function mayfly_private.worths_of is 'What recall reads of memories before it ranks them.';
