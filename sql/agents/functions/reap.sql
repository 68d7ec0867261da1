-- Marks agents of a tenant that are dead but not marked yet, because they expired or an ancestor ended. It marks at
-- most 50 at a time and skips locked rows, so that other functions can call it in passing, as every spawn does. With a
-- name, it marks only the dead agent that still has this name.

create function mayfly_private.reap(tenant uuid, only_name text default null)
returns integer
language plpgsql security definer
set search_path = ''
as $$
declare
  marked integer;
begin
  with dead as (
    select a.id, a.expires_at <= (select mayfly_private.now()) as expired
    from mayfly.agents a
    where a.tenant_id = tenant and a.status in ('running', 'suspended')
      and (only_name is null or a.name = only_name)
      and (a.expires_at <= (select mayfly_private.now()) or exists (
        select from mayfly.agents line
        where line.tenant_id = a.tenant_id and line.id = any (a.ancestors)
          and (line.status in ('stopped', 'expired') or line.expires_at <= (select mayfly_private.now()))))
    order by a.expires_at
    limit 50
    for no key update of a skip locked
  )
  update mayfly.agents a
  set status = case when dead.expired then 'expired' else 'stopped' end,
    stopped_at = (select mayfly_private.now()),
    stop_reason = case when dead.expired then 'lifetime ended' else 'ancestor ended' end
  from dead
  where a.tenant_id = tenant and a.id = dead.id;
  get diagnostics marked = row_count;
  return marked;
end
$$;

comment on function mayfly_private.reap is 'Marks up to 50 dead agents of a tenant as dead.';
