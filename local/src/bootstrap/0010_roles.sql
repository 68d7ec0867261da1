-- The roles of a Supabase project. Run as supabase_admin, the bootstrap superuser. Running it again
-- changes nothing. As on hosted projects, `postgres` is not a superuser, but it bypasses row-level
-- security and may create roles and schemas.

do $$
declare
  wanted record;
begin
  for wanted in
    select * from (values
      ('anon', 'nologin'),
      ('authenticated', 'nologin'),
      ('service_role', 'nologin bypassrls'),
      ('authenticator', 'login noinherit'),
      ('supabase_auth_admin', 'login noinherit createrole'),
      ('supabase_realtime_admin', 'login noinherit'),
      ('supabase_storage_admin', 'login noinherit createrole'),
      ('supabase_replication_admin', 'login replication'),
      ('supabase_read_only_user', 'login bypassrls'),
      ('dashboard_user', 'nologin createrole createdb replication')
    ) as roles (name, attributes)
  loop
    if not exists (select from pg_roles where rolname = wanted.name) then
      execute format('create role %I %s', wanted.name, wanted.attributes);
    end if;
  end loop;
end
$$;

grant anon, authenticated, service_role to authenticator;
-- With admin option, as on hosted projects, so that postgres may grant them to its own roles.
grant anon, authenticated, service_role, authenticator to postgres with admin option;
-- As on hosted projects (supabase/postgres, 20240606060239_grant_predefined_roles_to_postgres.sql).
-- With this role, postgres can read every table, even pg_authid.
grant pg_read_all_data to postgres, supabase_read_only_user;
grant pg_monitor, pg_signal_backend to postgres;

-- As on hosted projects, postgres may set what PostgREST reads from the role authenticator.
do $$
declare
  name text;
begin
  foreach name in array array['pgrst.db_pre_request', 'pgrst.db_tx_end'] loop
    if not has_parameter_privilege('postgres', name, 'set') then
      execute format('grant set on parameter %I to postgres', name);
    end if;
  end loop;
end
$$;

do $$
begin
  execute format('grant create, connect, temporary on database %I to postgres with grant option', current_database());
end
$$;

alter role anon set statement_timeout = '3s';
alter role authenticated set statement_timeout = '8s';
alter role authenticator set statement_timeout = '8s';
alter role postgres set search_path = "$user", public, extensions;
alter role supabase_auth_admin set search_path = auth;
