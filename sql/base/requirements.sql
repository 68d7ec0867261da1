-- Checks what everything else relies on. If something is missing, the migration stops with an error that says what is
-- missing.

create extension if not exists vector with schema extensions;
create extension if not exists pg_trgm with schema extensions;
create extension if not exists btree_gin with schema extensions;
create extension if not exists unaccent with schema extensions;

do $$
declare
  vector record;
  elsewhere text;
begin
  select e.extversion, n.nspname into vector
  from pg_extension e join pg_namespace n on n.oid = e.extnamespace
  where e.extname = 'vector';

  if vector.nspname <> 'extensions' then
    raise exception 'Mayfly needs pgvector in the schema extensions, but it is in %.', vector.nspname
      using hint = 'Run: alter extension vector set schema extensions';
  end if;
  if string_to_array(vector.extversion, '.')::int[] < array[0, 8] then
    raise exception 'Mayfly needs pgvector 0.8 or later, but this is %.', vector.extversion
      using hint = 'Run: alter extension vector update';
  end if;
  select e.extname into elsewhere
  from pg_extension e join pg_namespace n on n.oid = e.extnamespace
  where e.extname in ('pg_trgm', 'btree_gin', 'unaccent') and n.nspname <> 'extensions' order by 1 limit 1;
  if elsewhere is not null then
    raise exception 'Mayfly needs % in the schema extensions, but it is in another schema.', elsewhere
      using hint = format('Run: alter extension %s set schema extensions', elsewhere);
  end if;
  -- Realtime's own migrations create these functions and tables, and may run after ours.
  if to_regprocedure('realtime.send(jsonb,text,text,boolean)') is null
    or to_regprocedure('realtime.topic()') is null or to_regclass('realtime.messages') is null then
    raise exception 'Mayfly needs Supabase Realtime''s realtime.send, realtime.topic and realtime.messages, which this database does not have.'
      using hint = 'Wait until the project''s Realtime has started once, which creates them, and run the migrations again.';
  end if;
  -- The definer functions read tables whose policies call them, so their owner must bypass the policies.
  if not exists (select from pg_roles where rolname = current_user and (rolbypassrls or rolsuper)) then
    raise exception 'Mayfly''s migrations must run as a role that bypasses row-level security, but % does not.', current_user
      using hint = 'Run them as postgres, as `supabase db push` does.';
  end if;
end
$$;
