-- Everything that a tenant has, page by page, for JSON Lines: { lines: [{ table, row }], after, more }. The tenant
-- comes first. Then comes every table of the schema mayfly that belongs to a tenant (mayfly_private.tenant_tables),
-- each in the order of its primary key. A table comes after those that it refers to. Within one table, a row may come
-- before its parent. The export leaves out the schema mayfly_private, which is secret or only for bookkeeping, and
-- columns that are generated from other columns. Rows are json, because jsonb refuses what a recorded answer of a model
-- may contain, such as \u0000. Scope tenant:write. Each page sees everything that was committed before it, so a row
-- that changes during the export may be in its old or its new form. A page ends at 4 MB, whatever page_limit is. Locks
-- nothing.

create function mayfly_private.export_tenant(after jsonb, page_limit integer)
returns json
language plpgsql stable security definer
set search_path = ''
as $$
declare
  tenant constant uuid := mayfly_private.require_tenant('tenant:write');
  last_table constant text := after ->> 'table';
  last_key jsonb := after -> 'key';
  reached boolean := after is null;
  exported record;
  line record;
  lines json[] := '{}';
  bytes bigint := 0;
  max_bytes constant integer := 4000000;
begin
  if page_limit is null or page_limit not between 1 and 1000 then
    perform mayfly_private.fail(400, 'invalid_request', 'page_limit must be 1 to 1000.', null, '{"field": "page_limit"}');
  end if;

  for exported in
    select e.name, e.relation, e.owner,
      (select string_agg(format('t.%I', a.attname), ', ' order by a.attnum) from pg_attribute a
        where a.attrelid = e.relation and a.attnum > 0 and not a.attisdropped and a.attname <> all (e.generated)) as shown,
      (select string_agg(format('t.%I', k), ', ' order by n) from unnest(e.key) with ordinality as u (k, n)) as columns,
      (select string_agg(format('($1 ->> %s)::%s', n - 1, k), ', ' order by n) from unnest(e.key_types) with ordinality as u (k, n)) as values
    from (
      select 0 as place, 'tenants' as name, 'mayfly.tenants'::regclass as relation, 'id' as owner, array['id'] as key,
        array['uuid'] as key_types, array[]::text[] as generated
      union all
      select t.place, c.relname, t.relation, 'tenant_id', t.key, t.key_types, t.generated
      from mayfly_private.tenant_tables() t
      join pg_class c on c.oid = t.relation
      where c.relnamespace = 'mayfly'::regnamespace
    ) e
    order by e.place
  loop
    if not reached then
      continue when exported.name is distinct from last_table;
      exit when jsonb_typeof(last_key) is distinct from 'array';
      reached := true;
    end if;
    begin
      for line in execute format(
        'select (select row_to_json(r) from (select %5$s) r) as row, jsonb_build_array(%1$s) as key
         from %2$s t
         where t.%3$I = $2 and ($1 is null or (%1$s) > (%4$s))
         order by %1$s limit $3',
        exported.columns, exported.relation, exported.owner, exported.values, exported.shown)
        using last_key, tenant, page_limit - cardinality(lines)
      loop
        lines := lines || json_build_object('table', exported.name, 'row', line.row);
        bytes := bytes + octet_length(line.row::text);
        if cardinality(lines) >= page_limit or bytes >= max_bytes then
          return json_build_object('lines', to_json(lines), 'more', true,
            'after', json_build_object('table', exported.name, 'key', line.key));
        end if;
      end loop;
    exception when data_exception then
      reached := false;
      exit;
    end;
    last_key := null;
  end loop;
  if not reached then
    perform mayfly_private.fail(400, 'invalid_request', 'after is not a value that the last page returned.',
      'Pass it unchanged, or null for the first page.', '{"field": "after"}');
  end if;
  return json_build_object('lines', to_json(lines), 'more', false, 'after', null);
end
$$;

comment on function mayfly_private.export_tenant is 'A page of everything that belongs to the caller''s tenant.';
grant execute on function mayfly_private.export_tenant to authenticated, service_role;

create function mayfly.export_tenant(after jsonb default null, page_limit integer default 500)
returns json
language sql stable
set search_path = ''
return mayfly_private.export_tenant(after, page_limit);

comment on function mayfly.export_tenant is
  'A page of everything that belongs to the tenant: { lines: [{ table, row }], after, more }. While more is true, call it again with the returned after.';
grant execute on function mayfly.export_tenant to authenticated, service_role;
