-- The time with which Mayfly decides what has ended, expired or is due, which is the machine's time. Called
-- wherever an age, a lease or a window is judged, so that a test can replace the clock
-- (tests/harness/clock.ts). Only the owner can do that. Locks nothing. One call costs 2 µs. An empty
-- search_path prevents inlining of SQL functions, so in SQL it cost 20 µs a statement. A query over rows takes
-- it from a variable or uses `(select mayfly_private.now())`, which runs once for the whole statement and works
-- with an index. These keep the machine's clock: tokens, because others verify them too; hybrid clocks, which
-- are compared with those of callers; durations of work; and the time of the last maintenance.

create function mayfly_private.now()
returns timestamptz
language plpgsql volatile parallel safe
set search_path = ''
as $$
begin
  return clock_timestamp();
end
$$;

comment on function mayfly_private.now is 'The time that decides what has ended, expired or is due.';
grant execute on function mayfly_private.now to authenticated, service_role;
