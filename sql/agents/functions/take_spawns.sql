-- Takes spawns from the tenant's token bucket, which holds at most spawns_per_minute tokens and refills evenly. Called
-- while the tenant's row is locked. If a spawn is refused, the tokens come back with the rollback of its transaction.

create function mayfly_private.take_spawns(tenant mayfly.tenants, wanted integer)
returns void
language plpgsql security definer
set search_path = ''
as $$
declare
  instant constant timestamptz := mayfly_private.now();
  available double precision;
begin
  select least(tenant.spawns_per_minute,
      b.tokens + extract(epoch from instant - b.filled_at) * tenant.spawns_per_minute / 60)
  into available
  from mayfly_private.spawn_buckets b where b.tenant_id = tenant.id;
  available := coalesce(available, tenant.spawns_per_minute);

  if wanted > available then
    perform mayfly_private.fail(429, 'rate_limited',
      format('The tenant may spawn %s agents a minute.', tenant.spawns_per_minute),
      'Spawn again after retry_after seconds, or have the tenant''s spawns_per_minute raised.',
      jsonb_build_object('quota', 'spawns_per_minute', 'limit', tenant.spawns_per_minute),
      greatest(1, ceil((wanted - available) * 60 / tenant.spawns_per_minute)::integer));
  end if;
  insert into mayfly_private.spawn_buckets as b (tenant_id, tokens, filled_at)
  values (tenant.id, available - wanted, instant)
  on conflict (tenant_id) do update set tokens = excluded.tokens, filled_at = excluded.filled_at;
end
$$;

comment on function mayfly_private.take_spawns is 'Takes spawns from a tenant''s token bucket.';
