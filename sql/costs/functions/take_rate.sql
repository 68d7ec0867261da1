-- Takes one call from each of the given rate limits and returns null. If one of them has no room, takes nothing and
-- returns the seconds until there is room. Locks the limits in the order of their keys.

create function mayfly_private.take_rate(tenant uuid, levels text[], subjects text[])
returns double precision
language plpgsql security definer
set search_path = ''
as $$
declare
  ts constant timestamptz := mayfly_private.now();
  wait double precision;
begin
  if not exists (select from mayfly.rate_limits r where r.tenant_id = tenant) then
    return null;
  end if;
  with asked as (
    select distinct a.level, a.subject from unnest(levels, subjects) as a (level, subject)
  ), locked as (
    select r.* from mayfly.rate_limits r
    join asked a on a.level = r.level and a.subject = r.subject
    where r.tenant_id = tenant
    order by r.level, r.subject
    for no key update of r
  )
  select max((1 - mayfly_private.rate_room(l.tokens, l.filled_at, l.per_minute, l.burst, ts)) * 60 / l.per_minute) into wait from locked l;
  if wait is null then
    return null;
  elsif wait > 0 then
    return wait;
  end if;
  update mayfly.rate_limits r
  set tokens = mayfly_private.rate_room(r.tokens, r.filled_at, r.per_minute, r.burst, ts) - 1, filled_at = ts
  where r.tenant_id = tenant and exists (
    select from unnest(levels, subjects) as a (level, subject) where a.level = r.level and a.subject = r.subject);
  return null;
end
$$;

comment on function mayfly_private.take_rate is 'Takes one call from rate limits: the seconds until there is room, or null.';
