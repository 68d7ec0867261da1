-- Counts a tenant's usage anew from its tables, as the meters count it: for the SQL editor, after
-- retention or by a yearly doubt. Locks the tenant's shards.

create function mayfly_private.recount_usage(tenant uuid)
returns void
language plpgsql security definer
set search_path = ''
as $$
declare
  stored record;
begin
  perform mayfly_private.charge(tenant, 0, 0, 0);
  perform from mayfly_private.tenant_usage u where u.tenant_id = tenant order by u.shard for update;
  select count(*) as memories,
    coalesce(sum(512 + octet_length(m.task) + octet_length(m.input) + octet_length(m.output) + octet_length(m.critique)
      + pg_column_size(m.tags || '{}') + pg_column_size(m.metadata || '{}') + pg_column_size(m.hlc || '{}')), 0)
    + (select count(*) * 800 from mayfly.memory_vectors v where v.tenant_id = tenant)
    + (select coalesce(sum(mayfly_private.conflict_bytes(c.base, c.wanted)), 0)
      from mayfly.memory_conflicts c where c.tenant_id = tenant)
    + (select coalesce(sum(s.bytes), 0) from mayfly.state_versions s where s.tenant_id = tenant)
    + (select coalesce(sum(r.bytes), 0) from mayfly.debug_records r where r.tenant_id = tenant)
    + (select coalesce(sum(b.bytes), 0) from mayfly.messages b where b.tenant_id = tenant)
    + (select coalesce(sum(j.bytes), 0) from mayfly.jobs j where j.tenant_id = tenant)
    + (select coalesce(sum(f.bytes), 0) from mayfly.finished_jobs f where f.tenant_id = tenant)
    + (select coalesce(sum(s.bytes), 0) from mayfly.job_steps s where s.tenant_id = tenant)
    + (select coalesce(sum(s.bytes), 0) from mayfly.job_signals s where s.tenant_id = tenant)
    + (select coalesce(sum(s.bytes), 0) from mayfly.job_schedules s where s.tenant_id = tenant)
    + (select count(*) * 160 from mayfly.deliveries d where d.tenant_id = tenant)
    + (select coalesce(sum(mayfly_private.row_bytes(r.of_table, r.content)), 0) from (
      select 'agents' as of_table, to_jsonb(a) as content from mayfly.agents a where a.tenant_id = tenant
      union all select 'agent_types', to_jsonb(t) from mayfly.agent_types t where t.tenant_id = tenant
      union all select 'channels', to_jsonb(c) from mayfly.channels c where c.tenant_id = tenant
      union all select 'channel_subscriptions', to_jsonb(s) from mayfly.channel_subscriptions s where s.tenant_id = tenant
      union all select 'enrolment_keys', to_jsonb(k) from mayfly.enrolment_keys k where k.tenant_id = tenant
      union all select 'invitations', to_jsonb(i) from mayfly.invitations i where i.tenant_id = tenant
      union all select 'registrations', to_jsonb(g) from mayfly_private.registrations g where g.tenant_id = tenant) r) as bytes
  into strict stored
  from mayfly.memories m where m.tenant_id = tenant;
  update mayfly_private.tenant_usage u
  set memories = case when u.shard = 0 then stored.memories else 0 end,
    bytes = case when u.shard = 0 then stored.bytes else 0 end
  where u.tenant_id = tenant;
end
$$;

comment on function mayfly_private.recount_usage(uuid) is 'Counts what a tenant stores anew.';
revoke execute on function mayfly_private.recount_usage(uuid) from public;
