-- The time by which Mayfly decides what has ended, expired or is due: the machine's. Called wherever
-- an age, a lease or a window is judged, so that a test can put another clock in its place
-- (tests/harness/clock.ts); only the owner can. Locks nothing.
-- One call costs 2 µs; in SQL, which an empty search_path keeps from being inlined, it cost a statement
-- 20. A query over rows takes it from a variable or asks `(select mayfly_private.now())`: once for the
-- whole statement, and an index can be used with it.
-- By the machine's clock remain: tokens, which others verify as well; hybrid clocks, which callers'
-- are compared with; how long work takes, and when maintenance was last there.

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
