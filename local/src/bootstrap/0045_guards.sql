-- As on hosted projects, only a superuser may change more than policies, triggers and privileges of
-- realtime.messages, storage.buckets and storage.objects.
create or replace function _realtime.guard_ddl() returns event_trigger
language plpgsql
set search_path = ''
as $$
declare
  forbidden text;
begin
  if current_setting('is_superuser') = 'on' then
    return;
  end if;
  select coalesce(substring(c.object_identity from '(messages|buckets|objects)$'), 'messages') into forbidden
  from pg_event_trigger_ddl_commands() c
  where (c.schema_name in ('realtime', 'storage') or c.object_identity ~ '(^| on )(realtime\.messages|storage\.(buckets|objects))')
    and c.command_tag not in ('CREATE POLICY', 'ALTER POLICY', 'CREATE TRIGGER', 'GRANT', 'REVOKE')
  limit 1;
  if found then
    raise insufficient_privilege using message = 'must be owner of table ' || forbidden;
  end if;
end
$$;

create or replace function _realtime.guard_drop() returns event_trigger
language plpgsql
set search_path = ''
as $$
declare
  forbidden text;
begin
  if current_setting('is_superuser') = 'on' then
    return;
  end if;
  select coalesce(substring(d.object_identity from '(messages|buckets|objects)$'), 'messages') into forbidden
  from pg_event_trigger_dropped_objects() d
  where (d.schema_name in ('realtime', 'storage') or d.object_identity ~ ' on (realtime\.messages|storage\.(buckets|objects))')
    and d.object_type <> 'policy'
  limit 1;
  if found then
    raise insufficient_privilege using message = 'must be owner of table ' || forbidden;
  end if;
end
$$;

do $$
begin
  if not exists (select from pg_event_trigger where evtname = 'realtime_guard_ddl') then
    create event trigger realtime_guard_ddl on ddl_command_end execute function _realtime.guard_ddl();
    create event trigger realtime_guard_drop on sql_drop execute function _realtime.guard_drop();
  end if;
end
$$;
