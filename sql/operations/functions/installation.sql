-- What is installed in this database, and whether other tables are open to every signed-in caller, which includes
-- agents. It is for `mayfly doctor`, and only the secret key can call it.
--
--   { dimensions, release: { installed, serves }, postgres, at, extensions: {name: version}, migrations: [{ version, name, md5 }] | null,
--     jobs: [name] | null, unprotected: [table], policies: ["policy on schema.table"],
--     open_policies: [{ schema, table, policy, command }],
--     pre_request: { function, callable, next, database } | null, timeouts: {role: statement_timeout},
--     statistics: ["mayfly.table.column"],
--     maintenance: { oldest, failing: [{ tenant_id, failures, since, error }] },
--     broadcasts: { flushed, due, lost: { tenants, at } } }
--
-- `migrations` is null if no tool has recorded any, and `jobs` is null if there is no pg_cron. `maintenance.oldest` is
-- when the tenant that has waited longest was last maintained (or created). `maintenance.failing` has up to 20 tenants,
-- ordered by their first failure. `pre_request` is the function that the Data API calls before every request, as set
-- for the role authenticator. Its `callable` is the quoted name of this function, or null if the function does not
-- exist. `next` is the function that our wrapper calls after check_request. `database` is the database's name if the
-- setting is only for this database. `statistics` are columns that tenants write and that have planner statistics
-- although they should not. In `broadcasts`, `flushed` says whether something sends due broadcasts, and `due` how many
-- wait. `lost` has the number of tenants whose readers noticed losses in the last ten minutes, and when the last loss
-- was noticed. It is a definer, because the secret key cannot read the CLI's record and pg_cron's jobs. Locks nothing.

create function mayfly_private.installation()
returns jsonb
language plpgsql stable security definer
set search_path = ''
as $$
declare
  migrations jsonb;
  jobs jsonb;
  pre_request jsonb;
begin
  -- Both tables may be missing, because migrations may have been run by hand, and pg_cron is optional. Spaces are left
  -- out, because each tool splits a file into statements in its own way.
  if to_regclass('supabase_migrations.schema_migrations') is not null then
    execute $sql$
      select coalesce(jsonb_agg(jsonb_build_object('version', m.version, 'name', m.name,
        'md5', md5(translate(array_to_string(m.statements, ''), E' \t\r\n;', ''))) order by m.version), '[]')
      from supabase_migrations.schema_migrations m where m.name like 'mayfly%'
    $sql$ into migrations;
  end if;
  if to_regclass('cron.job') is not null then
    execute $sql$
      select coalesce(jsonb_agg(j.jobname order by j.jobname), '[]') from cron.job j where j.jobname like 'mayfly-%' and j.active
    $sql$ into jobs;
  end if;
  -- This is read as the Data API reads it: the setting for this database comes first, and the first dot ends the
  -- schema.
  select jsonb_build_object(
    'function', s.name,
    'database', case when d.setdatabase <> 0 then current_database() end,
    'callable', case when p.oid is not null then format('%I.%I', n.nspname, p.proname) end,
    'next', (
      select format('%s.%s', nn.nspname, np.proname)
      from pg_catalog.pg_depend dep
      join pg_catalog.pg_proc np on np.oid = dep.refobjid
      join pg_catalog.pg_namespace nn on nn.oid = np.pronamespace
      where n.nspname = 'mayfly_gate' and dep.classid = 'pg_catalog.pg_proc'::regclass and dep.objid = p.oid
        and dep.refclassid = 'pg_catalog.pg_proc'::regclass and nn.nspname <> 'mayfly_gate'
      limit 1))
  into pre_request
  from pg_catalog.pg_db_role_setting d
  cross join lateral unnest(d.setconfig) c (setting)
  cross join lateral (select substr(c.setting, length('pgrst.db_pre_request=') + 1) as name) s
  left join (pg_catalog.pg_proc p join pg_catalog.pg_namespace n on n.oid = p.pronamespace)
    on p.pronargs = p.pronargdefaults and p.proname = substr(s.name, strpos(s.name, '.') + 1)
    and n.nspname = coalesce(nullif(split_part(s.name, '.', 1), s.name), 'public')
  where d.setrole = to_regrole('authenticator') and c.setting like 'pgrst.db\_pre\_request=_%'
    and d.setdatabase in (0, (select oid from pg_catalog.pg_database where datname = current_database()))
  order by d.setdatabase desc limit 1;
  return jsonb_build_object(
    'dimensions', mayfly_private.embedding_dimensions(),
    'pre_request', pre_request,
    'statistics', (
      select coalesce(jsonb_agg(format('%s.%s.%s', st.schemaname, st.tablename, st.attname) order by 1), '[]')
      from pg_catalog.pg_stats st
      join pg_catalog.pg_namespace n on n.nspname = st.schemaname
      join pg_catalog.pg_class c on c.relnamespace = n.oid and c.relname = st.tablename
      join pg_catalog.pg_attribute a on a.attrelid = c.oid and a.attname = st.attname
      where n.nspname = 'mayfly' and a.attstattarget = 0),
    'timeouts', (
      select jsonb_object_agg(r.rolname, (
        select substr(c.setting, length('statement_timeout=') + 1)
        from pg_catalog.pg_db_role_setting d, unnest(d.setconfig) c (setting)
        where d.setrole = r.oid and d.setdatabase = 0 and c.setting like 'statement\_timeout=%'))
      from pg_catalog.pg_roles r where r.rolname in ('anon', 'authenticated', 'service_role', 'authenticator')),
    'release', mayfly_private.release(),
    'postgres', current_setting('server_version'),
    'at', clock_timestamp(),
    'migrations', migrations,
    'jobs', jobs,
    'extensions', (
      select coalesce(jsonb_object_agg(e.extname, e.extversion), '{}') from pg_catalog.pg_extension e
      where e.extname in ('vector', 'pg_trgm', 'pg_cron', 'pg_net')),
    'unprotected', (
      select coalesce(jsonb_agg(format('%s.%s', n.nspname, c.relname) order by 1), '[]')
      from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
      where n.nspname in ('mayfly', 'mayfly_private') and c.relkind in ('r', 'p') and not c.relrowsecurity),
    'policies', (
      select coalesce(jsonb_agg(format('%s on %s.%s', p.policyname, p.schemaname, p.tablename) order by 1), '[]')
      from pg_catalog.pg_policies p
      where p.schemaname in ('mayfly', 'mayfly_private')
        or (p.schemaname = 'realtime' and p.tablename = 'messages' and p.policyname like 'mayfly%')),
    'open_policies', (
      select coalesce(jsonb_agg(jsonb_build_object('schema', p.schemaname, 'table', p.tablename, 'policy', p.policyname,
        'command', lower(p.cmd)) order by p.schemaname, p.tablename, p.policyname), '[]')
      from pg_catalog.pg_policies p
      where p.schemaname not in ('mayfly', 'mayfly_private') and p.permissive = 'PERMISSIVE'
        and p.roles && array['public', 'authenticated']::name[]
        and 'true' in (p.qual, p.with_check)),
    'maintenance', jsonb_build_object(
      'oldest', (
        select min(greatest(m.at, t.created_at))
        from mayfly.tenants t left join mayfly_private.maintenance m on m.tenant_id = t.id),
      'failing', (
        select coalesce(jsonb_agg(jsonb_build_object('tenant_id', f.tenant_id, 'failures', f.failures, 'since', f.failed_since,
          'error', f.error) order by f.failed_since), '[]')
        from (
          select * from mayfly_private.maintenance m where m.failures > 0 order by m.failed_since limit 20) f)),
    'broadcasts', jsonb_build_object(
      'flushed', coalesce(mayfly_private.is_flushed(), false),
      'due', (select count(*) from (select from mayfly_private.nudges_due d limit 100000) d),
      'lost', (
        select jsonb_build_object('tenants', count(*), 'at', max(b.at))
        from mayfly_private.broadcast_losses b where b.at > (select mayfly_private.now()) - interval '10 minutes')));
end
$$;

comment on function mayfly_private.installation is 'What is installed in this database.';
grant execute on function mayfly_private.installation to service_role;

create function mayfly.installation()
returns jsonb
language sql stable
set search_path = ''
return mayfly_private.installation();

comment on function mayfly.installation is
  'What is installed in this database: { release, postgres, at, extensions, migrations, jobs, unprotected, policies, open_policies, maintenance, pre_request, timeouts, statistics, broadcasts }.';
grant execute on function mayfly.installation to service_role;
