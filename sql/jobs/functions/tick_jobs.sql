-- The timers of jobs. Every second, they fire schedules, take back expired leases, and fail jobs whose deadline has
-- passed. Every claim calls this function. The first claim after each second does the work, and the others skip it.
-- Reading the row takes 5 µs.

create function mayfly_private.tick_jobs()
returns void
language plpgsql security definer
set search_path = ''
as $$
declare
  ts constant timestamptz := mayfly_private.now();
  tick mayfly_private.job_ticks;
begin
  select * into tick from mayfly_private.job_ticks;
  -- A time in the future means that the clock has been set back since then.
  if tick.reaped_at not between ts - interval '1 second' and ts then
    update mayfly_private.job_ticks t set reaped_at = ts, fired_at = ts
    where t.ctid in (select w.ctid from mayfly_private.job_ticks w where w.reaped_at = tick.reaped_at for update skip locked);
    if found then
      perform mayfly_private.reap_jobs();
      perform mayfly_private.fire_schedules(100);
    end if;
  end if;
end
$$;

comment on function mayfly_private.tick_jobs is 'Runs the timers of jobs.';
