-- Everything that a tenant has, page by page, for JSON Lines: { lines: [{ table, row }], after, more }.
-- The tables come in this order, so that a row comes after the tables that it refers to, and each in the order
-- of its primary key: tenants, members, invitations, agent_types, enrolment_keys, agents (a
-- parent may come after its child), agent_liveness, memories,
-- memory_conflicts, memory_vectors, states, state_versions, debug_records, channels, channel_subscriptions, messages, inboxes, deliveries, jobs, finished_jobs, job_steps, job_attempts, job_signals, job_queues, job_schedules, events. Left out is what is secret or only keeps the books: hashes,
-- usage, known operations. Scope tenant:write. Each page sees what has committed by then: what changes
-- meanwhile may come as it was or as it is. A page ends when it has 4 MB, whatever page_limit is. Locks nothing.

create function mayfly_private.export_tenant(after jsonb, page_limit integer)
returns jsonb
language plpgsql stable security definer
set search_path = ''
as $$
declare
  tenant constant uuid := mayfly_private.require_tenant('tenant:write');
  tables constant text[] := '{tenants,members,invitations,agent_types,enrolment_keys,agents,agent_liveness,memories,memory_conflicts,memory_vectors,states,state_versions,debug_records,channels,channel_subscriptions,messages,inboxes,deliveries,jobs,finished_jobs,job_steps,job_attempts,job_signals,job_queues,job_schedules,events}';
  place integer := 1;
  last_key jsonb;
  keys record;
  line record;
  lines jsonb[] := '{}';
  bytes bigint := 0;
  max_bytes constant integer := 4000000;
begin
  if page_limit is null or page_limit not between 1 and 1000 then
    perform mayfly_private.fail(400, 'invalid_request', 'page_limit must be 1 to 1000.', null, '{"field": "page_limit"}');
  end if;
  if after is not null then
    place := array_position(tables, after ->> 'table');
    last_key := after -> 'key';
    if place is null or jsonb_typeof(last_key) is distinct from 'array' then
      perform mayfly_private.fail(400, 'invalid_request', 'after is not what the last page gave.',
        'Pass it as it came, or null for the first page.', '{"field": "after"}');
    end if;
  end if;

  loop
    select string_agg(format('t.%I', a.attname), ', ' order by k.n) as columns,
      string_agg(format('($1 ->> %s)::%s', k.n - 1, format_type(a.atttypid, a.atttypmod)), ', ' order by k.n) as after_values
    into keys
    from pg_index i,
      unnest(i.indkey::smallint[]) with ordinality as k (attnum, n)
      join pg_attribute a on a.attrelid = format('mayfly.%I', tables[place])::regclass and a.attnum = k.attnum
    where i.indrelid = format('mayfly.%I', tables[place])::regclass and i.indisprimary;

    begin
      for line in execute format(
        'select to_jsonb(t) %s as row, jsonb_build_array(%s) as key
         from mayfly.%I t
         where t.%I = $2 and ($1 is null or (%s) > (%s))
         order by %s limit $3',
        case when tables[place] = 'memories' then '- ''words''' else '' end, keys.columns, tables[place],
        case when tables[place] = 'tenants' then 'id' else 'tenant_id' end,
        keys.columns, keys.after_values, keys.columns)
        using last_key, tenant, page_limit - cardinality(lines)
      loop
        lines := lines || jsonb_build_object('table', tables[place], 'row', line.row);
        bytes := bytes + octet_length(line.row::text);
        if cardinality(lines) >= page_limit or bytes >= max_bytes then
          return jsonb_build_object('lines', to_jsonb(lines), 'more', true,
            'after', jsonb_build_object('table', tables[place], 'key', line.key));
        end if;
      end loop;
    exception when data_exception then
      perform mayfly_private.fail(400, 'invalid_request', 'after is not what the last page gave.',
        'Pass it as it came, or null for the first page.', '{"field": "after"}');
    end;
    place := place + 1;
    last_key := null;
    exit when place > cardinality(tables);
  end loop;
  return jsonb_build_object('lines', to_jsonb(lines), 'more', false, 'after', null);
end
$$;

comment on function mayfly_private.export_tenant is 'A page of everything that the callers tenant has.';
grant execute on function mayfly_private.export_tenant to authenticated, service_role;

create function mayfly.export_tenant(after jsonb default null, page_limit integer default 500)
returns jsonb
language sql stable
set search_path = ''
return mayfly_private.export_tenant(after, page_limit);

comment on function mayfly.export_tenant is
  'A page of everything that the tenant has: { lines: [{ table, row }], after, more }. Pass after until more is false.';
grant execute on function mayfly.export_tenant to authenticated, service_role;
