-- Returns a random name of the pool that no living agent of the tenant has. If all names are taken, it appends a number
-- to a name. It tries the numbers 2 to 5 first, and then random numbers from a growing range, so that few tries are
-- enough. Called while the tenant's row is locked, so that no other spawn takes the name meanwhile.

create function mayfly_private.pick_name(tenant uuid, pool text[], taken text[])
returns text
language plpgsql stable
set search_path = ''
as $$
declare
  attempt integer := 1;
  number integer;
  candidates text[];
  picked text;
begin
  loop
    number := case when attempt <= 5 then attempt else 6 + floor(random() * 10 ^ (attempt - 5))::integer end;
    candidates := array(select case when number = 1 then p else left(p, 90) || '-' || number end from unnest(pool) p);
    -- The names are an array, because a join without statistics compared each name with every living agent.
    select c into picked
    from unnest(candidates) c
    where c <> all (taken)
      and c <> all (array(select a.name from mayfly.agents a
        where a.tenant_id = tenant and a.name = any (candidates) and a.status in ('running', 'suspended')))
    order by random()
    limit 1;
    if picked is not null then
      return picked;
    end if;
    attempt := attempt + 1;
  end loop;
end
$$;

comment on function mayfly_private.pick_name is 'A name that no living agent of the tenant has.';
