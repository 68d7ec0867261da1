-- Stores debug records of the calling agent, if its tenant keeps records. It stores only records up to the tenant's
-- level, and only a limited number a minute for each agent. A record that is already stored stays as it is, so that a
-- call whose answer was lost can be repeated. For agents with debug:write. Locks the agent's stream.

create function mayfly_private.append_debug(records jsonb, dropped integer)
returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  of_tenant constant uuid := mayfly_private.require_tenant('debug:write');
  caller constant mayfly_private.caller := mayfly_private.caller();
  this_minute constant timestamptz := date_trunc('minute', mayfly_private.now());
  levels jsonb;
  fault record;
  more integer;
  more_bytes bigint;
  used integer;
begin
  if caller.kind is distinct from 'agent' then
    perform mayfly_private.fail(403, 'not_authorized', 'Only an agent has a debug stream.', 'Call it with the token of an agent.');
  elsif jsonb_typeof(records) is distinct from 'array' or jsonb_array_length(records) > 100 or not mayfly_private.json_within(records, 262144, 34) then
    perform mayfly_private.fail(400, 'invalid_request', 'records must be a list of at most 100 records, with 256 KB together and 32 levels each.',
      null, '{"field": "records"}');
  elsif dropped is null or dropped < 0 then
    perform mayfly_private.fail(400, 'invalid_request', 'dropped must be at least 0.', null, '{"field": "dropped"}');
  end if;
  perform mayfly_private.check_numbers(records, 'records');
  select r.n - 1 as index, case
      when jsonb_typeof(r.record) <> 'object' then ''
      when (r.record - '{id,level,category,name,data,duration_ms,at}'::text[]) <> '{}' then ''
      when mayfly_private.to_uuid(r.record ->> 'id') is null then 'id'
      when not (r.record ? 'level' and mayfly_private.number_within(r.record -> 'level', 1, 4, true)) then 'level'
      when not coalesce(r.record ->> 'category' = any (mayfly_private.debug_categories()), false) then 'category'
      when not (mayfly_private.text_within(r.record -> 'name', 200) and coalesce(r.record ->> 'name', '') <> '') then 'name'
      when not mayfly_private.number_within(r.record -> 'duration_ms', 0, 1e9) then 'duration_ms'
      when r.record -> 'at' is null or not mayfly_private.instant_or_absent(r.record -> 'at') then 'at'
    end as field
  into fault
  from jsonb_array_elements(records) with ordinality as r (record, n)
  where jsonb_typeof(r.record) <> 'object' or (r.record - '{id,level,category,name,data,duration_ms,at}'::text[]) <> '{}'
    or mayfly_private.to_uuid(r.record ->> 'id') is null
    or not (r.record ? 'level' and mayfly_private.number_within(r.record -> 'level', 1, 4, true))
    or not coalesce(r.record ->> 'category' = any (mayfly_private.debug_categories()), false)
    or not (mayfly_private.text_within(r.record -> 'name', 200) and coalesce(r.record ->> 'name', '') <> '')
    or not mayfly_private.number_within(r.record -> 'duration_ms', 0, 1e9)
    or r.record -> 'at' is null or not mayfly_private.instant_or_absent(r.record -> 'at')
  order by r.n limit 1;
  if fault.index is not null then
    perform mayfly_private.fail(400, 'invalid_request',
      format('The record %s is not { id, level, category, name, data?, duration_ms?, at }%s.', fault.index,
        case when fault.field <> '' then format(': its %s is wrong', fault.field) else '' end),
      'Nothing was stored.', jsonb_build_object('index', fault.index, 'field', nullif(fault.field, '')));
  end if;

  insert into mayfly_private.debug_streams (tenant_id, agent_id) values (of_tenant, caller.id) on conflict do nothing;
  if found then
    perform mayfly_private.hold_debug(of_tenant, true);
  end if;
  levels := mayfly_private.debug_levels(of_tenant, caller.id, mayfly_private.debug_rate(of_tenant));
  select case when s.minute = this_minute then s.records else 0 end into strict used
  from mayfly_private.debug_streams s where s.tenant_id = of_tenant and s.agent_id = caller.id
  for update;

  with wanted as (
    select (r.record ->> 'id')::uuid as id, (r.record ->> 'level')::smallint as level, r.record ->> 'category' as category,
      r.record ->> 'name' as name, r.record -> 'data' as data, (r.record ->> 'duration_ms')::real as duration_ms,
      case when row_number() over (order by r.n) = 1 then append_debug.dropped else 0 end as dropped,
      256 + coalesce(octet_length((r.record -> 'data')::text), 0) as bytes, (r.record ->> 'at')::timestamptz as at
    from jsonb_array_elements(records) with ordinality as r (record, n)
    where (r.record ->> 'level')::integer <= (levels ->> 'persist')::integer
  ), stored as (
    insert into mayfly.debug_records (tenant_id, id, agent_id, level, category, name, data, duration_ms, dropped, bytes, at)
    select of_tenant, w.id, caller.id, w.level, w.category, w.name, w.data, w.duration_ms, w.dropped, w.bytes, w.at from wanted w
    on conflict (tenant_id, id) do nothing
    returning debug_records.bytes
  )
  select count(*), coalesce(sum(s.bytes), 0) into more, more_bytes from stored s;

  if used + more > (levels ->> 'max_records_per_minute')::integer then
    perform mayfly_private.fail(429, 'rate_limited',
      format('The tenant keeps at most %s debug records a minute for each agent.', levels ->> 'max_records_per_minute'),
      'Nothing was stored. Send fewer, or raise max_records_per_minute with set_debug.',
      jsonb_build_object('quota', 'max_records_per_minute', 'limit', (levels ->> 'max_records_per_minute')::integer),
      greatest(1, ceil(extract(epoch from this_minute + interval '1 minute' - mayfly_private.now()))::integer));
  end if;
  if more > 0 then
    update mayfly_private.debug_streams s set minute = this_minute, records = used + more
    where s.tenant_id = of_tenant and s.agent_id = caller.id;
    perform mayfly_private.charge(of_tenant, 0, more_bytes, more);
  end if;
  return levels || jsonb_build_object('stored', more);
end
$$;

comment on function mayfly_private.append_debug is 'Stores debug records of the calling agent.';
grant execute on function mayfly_private.append_debug to authenticated, service_role;

create function mayfly.append_debug(records jsonb, dropped integer default 0)
returns jsonb
language sql
set search_path = ''
return mayfly_private.append_debug(records, dropped);

comment on function mayfly.append_debug is
  'Stores debug records of the calling agent, if its tenant keeps any. Returns what debug_level returns, and `stored`, the number of stored records.';
grant execute on function mayfly.append_debug to authenticated, service_role;
