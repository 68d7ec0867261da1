-- Appends changes of states to the log, once per statement. Runs as owner, because clients have no INSERT on the log.
-- If the old and the new value are objects, `fields` lists the top-level keys that changed: at most 100, of at most 200
-- characters each. Null means that anything may have changed.

create function mayfly_private.log_states()
returns trigger
language plpgsql security definer
set search_path = ''
as $$
declare
  of_epoch constant integer := mayfly_private.current_epoch();
begin
  insert into mayfly.events (tenant_id, epoch, type, agent_id, subject, version, fields)
  select n.tenant_id, of_epoch, 'state.changed', n.agent_id, n.id, n.version, (
    select case when count(*) <= 100 and max(char_length(k.key)) <= 200 then array_agg(k.key order by k.key) end
    from (
      select coalesce(was.key, now.key) as key
      from jsonb_each(case jsonb_typeof(o.value) when 'object' then o.value end) was
      full join jsonb_each(case jsonb_typeof(n.value) when 'object' then n.value end) now on now.key = was.key
      where jsonb_typeof(o.value) = 'object' and jsonb_typeof(n.value) = 'object' and now.value is distinct from was.value
    ) k)
  from new_rows n
  join old_rows o on o.tenant_id = n.tenant_id and o.id = n.id
  where n.version <> o.version
  order by n.id;
  if found then
    perform mayfly_private.nudge(t.tenant_id, null) from (select distinct n.tenant_id from new_rows n) t;
  end if;
  return null;
end
$$;

comment on function mayfly_private.log_states is 'Trigger: appends the changes of states to the log.';

-- A state is inserted without a version. An update in the same transaction gives it its first version.
create trigger states_log_update after update on mayfly.states
  referencing old table as old_rows new table as new_rows
  for each statement execute function mayfly_private.log_states();
