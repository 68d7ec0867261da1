-- Only policies, triggers and privileges of realtime.messages may be changed by who is not a
-- superuser, as on hosted projects.
create or replace function _realtime.guard_ddl() returns event_trigger
language plpgsql
set search_path = ''
as $$
begin
  if current_setting('is_superuser') = 'on' then
    return;
  end if;
  if exists (
    select from pg_event_trigger_ddl_commands() c
    where (c.schema_name = 'realtime' or c.object_identity ~ '(^| on )realtime\.messages')
      and c.command_tag not in ('CREATE POLICY', 'ALTER POLICY', 'CREATE TRIGGER', 'GRANT', 'REVOKE')
  ) then
    raise insufficient_privilege using message = 'must be owner of table messages';
  end if;
end
$$;

create or replace function _realtime.guard_drop() returns event_trigger
language plpgsql
set search_path = ''
as $$
begin
  if current_setting('is_superuser') = 'on' then
    return;
  end if;
  if exists (
    select from pg_event_trigger_dropped_objects() d
    where (d.schema_name = 'realtime' or d.object_identity ~ ' on realtime\.messages')
      and d.object_type <> 'policy'
  ) then
    raise insufficient_privilege using message = 'must be owner of table messages';
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
