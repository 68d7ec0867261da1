-- Everything that a tenant has, page by page, for JSON Lines: { lines: [{ table, row }], after, more }.
-- The tables come in this order, so that a row comes after the tables that it refers to, and each in the order
-- of its primary key: tenants, members, invitations, agent_types, enrolment_keys, agents (a
-- parent may come after its child), agent_liveness, memories,
-- memory_conflicts, memory_vectors, states, state_versions, debug_records, events. Left out is what is secret or only keeps the books: hashes,
-- usage, known operations. Scope tenant:write. Each page sees what has committed by then: what changes
-- meanwhile may come as it was or as it is. Locks nothing.

create function mayfly_private.export_tenant(after jsonb, page_limit integer)
returns jsonb
language plpgsql stable security definer
set search_path = ''
as $$
declare
  tenant constant uuid := mayfly_private.require_tenant('tenant:write');
  tables constant text[] := '{tenants,members,invitations,agent_types,enrolment_keys,agents,agent_liveness,memories,memory_conflicts,memory_vectors,states,state_versions,debug_records,events}';
  place integer := 1;
  last_key jsonb;
  keys record;
  page jsonb;
  lines jsonb := '[]';
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
      execute format(
        'select coalesce(jsonb_agg(jsonb_build_object(''row'', p.row, ''key'', p.key) order by p.n), ''[]'')
         from (
           select to_jsonb(t) %s as row, jsonb_build_array(%s) as key, row_number() over (order by %s) as n
           from mayfly.%I t
           where t.%I = $2 and ($1 is null or (%s) > (%s))
           order by %s limit $3) p',
        case when tables[place] = 'memories' then '- ''words''' else '' end, keys.columns, keys.columns, tables[place],
        case when tables[place] = 'tenants' then 'id' else 'tenant_id' end,
        keys.columns, keys.after_values, keys.columns)
      into page using last_key, tenant, page_limit - jsonb_array_length(lines);
    exception when data_exception then
      perform mayfly_private.fail(400, 'invalid_request', 'after is not what the last page gave.',
        'Pass it as it came, or null for the first page.', '{"field": "after"}');
    end;
    lines := lines || (
      select coalesce(jsonb_agg(jsonb_build_object('table', tables[place], 'row', l -> 'row') order by n), '[]')
      from jsonb_array_elements(page) with ordinality as p (l, n));
    if jsonb_array_length(lines) >= page_limit then
      return jsonb_build_object('lines', lines, 'more', true,
        'after', jsonb_build_object('table', tables[place], 'key', page -> -1 -> 'key'));
    end if;
    place := place + 1;
    last_key := null;
    exit when place > cardinality(tables);
  end loop;
  return jsonb_build_object('lines', lines, 'more', false, 'after', null);
end
$$;

comment on function mayfly_private.export_tenant(jsonb, integer) is 'A page of everything that the callers tenant has.';
revoke execute on function mayfly_private.export_tenant(jsonb, integer) from public;
grant execute on function mayfly_private.export_tenant(jsonb, integer) to authenticated, service_role;

create function mayfly.export_tenant(after jsonb default null, page_limit integer default 500)
returns jsonb
language sql stable
set search_path = ''
return mayfly_private.export_tenant(after, page_limit);

comment on function mayfly.export_tenant(jsonb, integer) is
  'A page of everything that the tenant has: { lines: [{ table, row }], after, more }. Pass after until more is false.';
revoke execute on function mayfly.export_tenant(jsonb, integer) from public;
grant execute on function mayfly.export_tenant(jsonb, integer) to authenticated, service_role;
