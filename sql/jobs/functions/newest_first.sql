-- Splits ids of jobs into lists of at most 1,000, the newest first, so that a list function stops as soon as its page is
-- full. With all of 100,000 ids in one condition, planning alone took 0.8 s. Null means any id, and gives one list, which is
-- null. Locks nothing.

create function mayfly_private.newest_first(ids uuid[])
returns setof uuid[]
language plpgsql immutable parallel safe
set search_path = ''
as $$
begin
  if ids is null then
    return next null;
  end if;
  return query
    select array_agg(n.id) from (
      select o.id, (row_number() over () - 1) / 1000 as nth from (select distinct i as id from unnest(ids) i order by 1 desc) o) n
    group by n.nth order by n.nth;
end
$$;

comment on function mayfly_private.newest_first is 'Splits ids into lists of at most 1000, the newest first.';
grant execute on function mayfly_private.newest_first to authenticated, service_role;
