-- Stores exported rows. mayfly_private.imports says which rows and values do not come back. Stored rows are charged,
-- either by the triggers of their table or here.

create function mayfly_private.import_tenant(lines json)
returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  of_tenant constant uuid := mayfly_private.require_tenant('tenant:write');
  advice constant text := 'Import into the same or a newer release of Mayfly, with vectors of the same length.';
  batch record;
  done record;
  settings mayfly.tenants;
  violated text;
  stored bigint := 0;
  known bigint := 0;
  left_out jsonb := '{}';
  waiting bigint[] := '{}';
begin
  if json_typeof(lines) is distinct from 'array' or json_array_length(lines) > 1000 then
    perform mayfly_private.fail(400, 'invalid_request', 'lines must be at most 1000 lines of an export.', null, '{"field": "lines"}');
  end if;

  for batch in
    select g.name, array_agg(g.n) as places, t.relation, i.left_out,
      mayfly_private.import_statement(t.relation, g.columns, t.generated) as statement,
      exists (select from pg_trigger m join pg_proc f on f.oid = m.tgfoid
        where m.tgrelid = t.relation and m.tgtype & 4 > 0 and f.proname like 'meter\_%') as charges_itself
    from (
      select n, coalesce(l.line ->> 'table', '') as name,
        array(select c from json_object_keys(case json_typeof(l.line -> 'row') when 'object' then l.line -> 'row' else '{}' end) c
          order by c) as columns
      from json_array_elements(lines) with ordinality as l (line, n)
    ) g
    left join mayfly_private.tenant_tables() t on t.relation::text = 'mayfly.' || g.name
    left join mayfly_private.imports i on i.relation = t.relation::text
    group by g.name, g.columns, t.place, t.relation, t.generated, i.left_out
    order by g.name <> 'tenants', t.place
  loop
    if batch.left_out is not null then
      left_out := left_out || jsonb_build_object(batch.name, coalesce((left_out ->> batch.name)::bigint, 0) + cardinality(batch.places));
      continue;
    end if;
    begin
      if batch.name = 'tenants' then
        settings := json_populate_record(null::mayfly.tenants, lines -> (batch.places[1] - 1)::integer -> 'row');
        update mayfly.tenants t
        set language = coalesce(settings.language, t.language), retention = coalesce(settings.retention, t.retention),
          max_lifetime = coalesce(settings.max_lifetime, t.max_lifetime), max_depth = coalesce(settings.max_depth, t.max_depth),
          token_lifetime = coalesce(settings.token_lifetime, t.token_lifetime), debug = coalesce(settings.debug, t.debug)
        where t.id = of_tenant;
      elsif batch.statement is null then
        perform mayfly_private.fail(400, 'invalid_request', format('The table %s, or one of its columns, is not known here.', left(batch.name, 63)),
          advice, jsonb_build_object('field', 'lines', 'table', left(batch.name, 63)));
      else
        execute batch.statement into done using of_tenant, lines, batch.places;
        stored := stored + done.stored;
        known := known + cardinality(batch.places) - cardinality(done.left_out) - cardinality(done.waiting) - done.stored;
        waiting := waiting || done.waiting;
        if cardinality(done.left_out) > 0 then
          left_out := left_out || jsonb_build_object(batch.name, coalesce((left_out ->> batch.name)::bigint, 0) + cardinality(done.left_out));
        end if;
        if not batch.charges_itself then
          perform mayfly_private.charge(of_tenant, 0, done.bytes, done.stored::integer);
        end if;
      end if;
    exception when data_exception or integrity_constraint_violation then
      get stacked diagnostics violated = constraint_name;
      perform mayfly_private.fail(400, 'invalid_request', format('A row of the table %s does not fit: %s.', batch.name,
        coalesce(nullif(violated, ''), 'a value has another form')), advice,
        jsonb_build_object('field', 'lines', 'table', batch.name));
    end;
  end loop;
  return jsonb_build_object('stored', stored, 'known', known, 'left_out', left_out, 'waiting', to_jsonb(waiting));
end
$$;

comment on function mayfly_private.import_tenant is 'Stores lines of an export in a tenant.';
grant execute on function mayfly_private.import_tenant to service_role;

-- Stores lines of an export (mayfly.export_tenant) in a tenant, at most 1,000 a call. Returns { stored, known,
-- left_out, waiting }. Only the secret key can call it, because rows come back with their authors and times. The call
-- names the tenant. If the key of a row is known, the row stays as it is, so an import can be repeated. `waiting` has
-- the numbers of lines, counted from 1, that refer to a row that is not there yet. Send these lines again after the
-- others. `left_out` counts, by table, rows that never come back: people, keys, files, the log, and jobs that had not
-- finished. Agents come back as stopped, and everything that was under way comes back as ended. The line of the tenant
-- sets its language, retention, debug settings, lifetimes and depth, but not its name and quotas. The quotas of the
-- tenant apply. Locks what it writes.

create function mayfly.import_tenant(lines json)
returns jsonb
language sql
set search_path = ''
return mayfly_private.import_tenant(lines);

comment on function mayfly.import_tenant is
  'Stores lines of an export in a tenant: { stored, known, left_out, waiting }. Waiting lines are sent again later. For the secret key.';
grant execute on function mayfly.import_tenant to service_role;
