-- A name of a pool, at random, that no living agent of the tenant has; where all are taken, one with
-- the smallest free number behind it. Called under the lock on the tenant's row, so that no other
-- spawn takes it meanwhile.

create function mayfly_private.pick_name(tenant uuid, pool text[], taken text[])
returns text
language plpgsql stable
set search_path = ''
as $$
declare
  number integer := 1;
  picked text;
begin
  loop
    select candidate into picked
    from (select case when number = 1 then p else left(p, 90) || '-' || number end as candidate from unnest(pool) p) candidates
    where not candidate = any (taken)
      and not exists (select from mayfly.agents a
        where a.tenant_id = tenant and a.name = candidate and a.status in ('running', 'suspended'))
    order by random()
    limit 1;
    if picked is not null then
      return picked;
    end if;
    number := number + 1;
  end loop;
end
$$;

comment on function mayfly_private.pick_name(uuid, text[], text[]) is 'A name that no living agent of the tenant has.';
revoke execute on function mayfly_private.pick_name(uuid, text[], text[]) from public;
