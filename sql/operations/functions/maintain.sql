-- Applies retention and cleans up, for projects without pg_cron, or if you do not want to wait for pg_cron. Runs one
-- batch for the caller's tenant (scope memory:write; the secret key names the tenant). If the tenant is large, also
-- runs one batch that moves its vectors into the HNSW index. Call it again while `more` is true.

create function mayfly_private.maintain(max_rows integer)
returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  tenant constant uuid := mayfly_private.require_tenant('memory:write');
  answer jsonb;
  settled integer;
  unsettled bigint;
begin
  if max_rows is null or max_rows not between 1 and 10000 then
    perform mayfly_private.fail(400, 'invalid_request', 'max_rows must be 1 to 10000.', null, '{"field": "max_rows"}');
  end if;
  -- Another call holds the lock, so there may be more.
  answer := '{"agents": 0, "forgotten": 0, "tombstones": 0, "events": 0, "ops": 0, "failed": [], "more": true}'::jsonb
    || coalesce(mayfly_private.maintain_tenant(tenant, max_rows), '{}');
  -- 200 vectors take 1 to 2 s. A hosted project cancels a call after 8 s.
  settled := mayfly_private.settle_vectors(least(max_rows, 200), only_tenant => tenant);
  select count(*) into unsettled
  from mayfly_private.settlements s
  join mayfly.memory_vectors v on not v.settled and case when not v.settled then v.tenant_id end = tenant and v.model = s.model
  where s.tenant_id = tenant;
  return answer || jsonb_build_object('settled', settled, 'unsettled', unsettled,
    'more', (answer ->> 'more')::boolean or unsettled > 0);
end
$$;

comment on function mayfly_private.maintain is 'One batch of maintenance for the caller''s tenant.';
grant execute on function mayfly_private.maintain to authenticated, service_role;

create function mayfly.maintain(max_rows integer default 1000)
returns jsonb
language sql
set search_path = ''
return mayfly_private.maintain(max_rows);

comment on function mayfly.maintain is
  'One batch of maintenance: { agents, forgotten, tombstones, events, ops, settled, unsettled, failed, more }. While more is true, call it again; failed names the chores that failed.';
grant execute on function mayfly.maintain to authenticated, service_role;
