-- Reads a cursor of the log, as jsonb. Refuses an invalid cursor, and one that is older than the log. Called by
-- read_log and pull. Locks nothing.
--
-- A cursor is { e, s, t, x, i, b }. `e` is the epoch. `s` is the snapshot up to which the reader has seen everything.
-- `t` is the snapshot at which this round of pages ends, and `x` and `i` are the last xid and id that were read in this
-- round. While a first sync pages through the memories, `b` is the last id returned.

create function mayfly_private.open_cursor(tenant uuid, since text)
returns jsonb
language plpgsql
set search_path = ''
as $$
declare
  of_epoch constant integer := mayfly_private.current_epoch();
  cursor_state jsonb;
  seen pg_snapshot;
begin
  begin
    cursor_state := convert_from(decode(since, 'base64'), 'UTF8')::jsonb;
    seen := (cursor_state ->> 's')::pg_snapshot;
    perform (cursor_state ->> 't')::pg_snapshot, (cursor_state ->> 'x')::xid8, (cursor_state ->> 'i')::bigint,
      (cursor_state ->> 'b')::uuid;
  exception when others then
    cursor_state := null;
  end;
  if cursor_state is null or seen is null or jsonb_typeof(cursor_state -> 'e') <> 'number' then
    perform mayfly_private.fail(400, 'cursor_invalid', 'since is not a cursor that sync or read_log returned.',
      'Pass the cursor of the last answer unchanged, or null the first time.', '{"field": "since"}');
  elsif (cursor_state ->> 'e')::numeric <> of_epoch then
    perform mayfly_private.fail(410, 'cursor_expired', 'The cursor was issued before the database was restored.',
      'Sync again with since: null.', '{"field": "since"}');
  elsif mayfly_private.is_behind_log(tenant, seen) then
    perform mayfly_private.fail(410, 'cursor_expired', 'The cursor is older than the log.',
      'Sync again with since: null.', '{"field": "since"}');
  end if;
  return cursor_state;
end
$$;

comment on function mayfly_private.open_cursor is 'Reads a cursor of the log.';
