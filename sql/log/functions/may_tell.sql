-- How many of `wanted` broadcasts a tenant may send now, within the project's announce_rate per second. The other
-- broadcasts become due. Without this limit, a tenant that sends messages to itself could use up the Realtime rate of
-- the whole project. Called by functions that broadcast.
--
-- Broadcasts are counted in the tenant's shards of usage. Like charge, this function locks a free shard until commit
-- and waits for none. It does not see what other open transactions have counted. So each further shard allows only half
-- as many broadcasts as the one before, and all shards together allow at most twice the rate.

create function mayfly_private.may_tell(tenant uuid, wanted integer)
returns integer
language plpgsql security definer
set search_path = ''
as $$
declare
  this_second constant timestamptz := date_trunc('second', mayfly_private.now());
  rate constant integer := (select s.announce_rate from mayfly_private.settings s);
  free_shard smallint;
  used record;
  granted integer;
begin
  if coalesce(wanted, 0) <= 0 then
    return 0;
  end if;
  select u.shard into free_shard
  from mayfly_private.tenant_usage u
  where u.tenant_id = tenant
  order by u.shard
  limit 1
  for update skip locked;
  if not found then
    return 0;
  end if;
  select coalesce(sum(u.told), 0) as by_all, coalesce(sum(u.told) filter (where u.shard = free_shard), 0) as here into strict used
  from mayfly_private.tenant_usage u where u.tenant_id = tenant and u.told_at = this_second;
  granted := greatest(0, least(wanted, rate - used.by_all, (rate >> free_shard) - used.here));
  if granted > 0 then
    update mayfly_private.tenant_usage u set told = used.here + granted, told_at = this_second
    where u.tenant_id = tenant and u.shard = free_shard;
  end if;
  return granted;
end
$$;

comment on function mayfly_private.may_tell is 'How many broadcasts a tenant may send now.';
