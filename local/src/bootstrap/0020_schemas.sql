-- The schemas of a Supabase project, its preinstalled extensions and the privileges its API roles
-- have from the start. Run as supabase_admin. Running it again changes nothing.

alter schema public owner to postgres;
grant usage on schema public to postgres, anon, authenticated, service_role;

create schema if not exists extensions authorization supabase_admin;
grant usage on schema extensions to postgres, anon, authenticated, service_role;
grant create on schema extensions to postgres;

create extension if not exists "uuid-ossp" with schema extensions;
create extension if not exists pgcrypto with schema extensions;
-- On hosted projects, vector is not preinstalled, but postgres may install it without being a
-- superuser (supautils). There is no supautils here, so vector is preinstalled.
create extension if not exists vector with schema extensions;

alter default privileges for role postgres in schema public grant all on tables to anon, authenticated, service_role;
alter default privileges for role postgres in schema public grant all on functions to anon, authenticated, service_role;
alter default privileges for role postgres in schema public grant all on sequences to anon, authenticated, service_role;

-- Where the Supabase CLI keeps its record of applied migrations.
create schema if not exists supabase_migrations authorization postgres;
