-- Makes the due jobs of every tenant ready: scheduled jobs, retries, and waits whose time is over. Takes at most
-- max_rows, from `since` on, and returns how many it took. The function is in PL/pgSQL, because a definer function in
-- SQL is planned at each call, which took 0.28 ms instead of 0.012. Never waits.

create function mayfly_private.promote_jobs(since timestamptz, max_rows integer)
returns integer
language plpgsql security definer
set search_path = ''
set plan_cache_mode = force_generic_plan
set enable_seqscan = off
set enable_bitmapscan = off
set enable_sort = off
set jit = off
as $$
declare
  ts constant timestamptz := mayfly_private.now();
  promoted integer;
begin
  update mayfly.jobs j
  set status = 'ready', seq = nextval('mayfly.jobs_seq_seq'), wait_for = null
  where j.ctid = any (array(
    select d.ctid from mayfly.jobs d
    where d.status in ('scheduled', 'waiting') and d.run_at between since and ts
    order by d.run_at
    limit max_rows
    for update skip locked));
  get diagnostics promoted = row_count;
  return promoted;
end
$$;

comment on function mayfly_private.promote_jobs is 'Makes due jobs ready.';
