-- Finds near duplicates in a list of memories. Two memories are near duplicates if their texts are identical, or if the
-- texts begin or end alike and share nine tenths of their distinct words. For each memory, returns the place of the
-- first memory in the list that says the same, or its own place if there is none. mayfly_private.recall calls it, in the
-- order of the answer, for lists with two memories that begin or end alike. Locks nothing.
--
-- Only pairs with the same beginning or ending are compared, and only among the first 100 that are not identical.
-- Comparing all pairs of 30 memories would take 4 ms.

create function mayfly_private.duplicates_among(tenant uuid, memories uuid[])
returns integer[]
language plpgsql stable
set search_path = ''
as $$
declare
  -- For each memory, the place of the first memory that it is like.
  first integer[];
begin
  with looked_at as materialized (
    select o.n, m.id, m.kind, lower(left(t.text, 40)) as beginning, lower(right(t.text, 40)) as ending, octet_length(t.text) as bytes
    from unnest(memories) with ordinality as o (id, n)
    join mayfly.memories m on m.tenant_id = tenant and m.id = o.id
    cross join lateral (select m.task || m.input || m.output as text offset 0) t
  ), hashed as materialized (
    -- Only memories that are equal in all of these are hashed in full.
    select l.*, case when count(*) over (partition by l.kind, l.bytes, l.beginning, l.ending) > 1 then (
        select md5(m.kind || m.task || m.input || m.output) from mayfly.memories m where m.tenant_id = tenant and m.id = l.id)
      else l.n::text end as hash
    from looked_at l
  ), different as materialized (
    select d.*, row_number() over (order by d.n) as place
    from (select distinct on (h.hash) h.* from hashed h order by h.hash, h.n) d
  ), near as (
    select b.hash, min(a.n) as n
    from different b
    join different a on a.n < b.n and a.kind = b.kind and (a.beginning = b.beginning or a.ending = b.ending)
      and a.bytes between b.bytes * 0.8 and b.bytes * 1.25
    cross join lateral (
      select length(x.words) + length(y.words) as each, length(x.words || y.words) as either from mayfly.memories x, mayfly.memories y
      where x.tenant_id = tenant and x.id = a.id and y.tenant_id = tenant and y.id = b.id offset 0) w
    where b.place <= 100 and w.each - w.either >= 0.9 * w.either
    group by b.hash
  )
  select array_agg(coalesce(near.n, d.n)::integer order by l.n) into first
  from hashed l
  join different d on d.hash = l.hash
  left join near on near.hash = d.hash;
  -- A memory that is like a member of a group joins that group.
  for place in 1 .. coalesce(cardinality(first), 0) loop
    first[place] := first[first[place]];
  end loop;
  return first;
end
$$;

comment on function mayfly_private.duplicates_among is 'Which memories of a list say the same as an earlier one.';
