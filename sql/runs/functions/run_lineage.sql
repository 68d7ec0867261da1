-- Where a run's steps are stored. Its own steps, from `above` on, are in the run itself. Earlier steps are in the runs
-- from which it was forked. Each of these runs has the steps before `below`, and the nearest run comes first. Locks
-- nothing.

create function mayfly_private.run_lineage(tenant uuid, id uuid)
returns table (run_id uuid, nth integer, above integer, below integer)
language plpgsql stable security definer
set search_path = ''
as $$
begin
  return query
    with recursive line as (
      select r.id, 0 as n, coalesce(r.forked_at, 1) as begins, 2147483647 as ends, r.forked_from
      from mayfly.runs r where r.tenant_id = tenant and r.id = run_lineage.id
      union all
      select p.id, l.n + 1, coalesce(p.forked_at, 1), least(l.ends, l.begins), p.forked_from
      from line l join mayfly.runs p on p.tenant_id = tenant and p.id = l.forked_from
      where l.n < 100
    )
    select l.id, l.n, l.begins, l.ends from line l;
end
$$;

comment on function mayfly_private.run_lineage is 'Where the steps of a run are stored.';
