-- Locks up to `asked` ready jobs of a lane, by priority and age, and returns the positions of their rows. Skips jobs
-- that others have locked. If there are marks of this lane (from `first_mark` on), entries before a mark are not read.
-- If nothing is left after a mark, the mark moves up to `newest`. Called by take_jobs. No upper bound compares rows
-- (see find_lanes).

create type mayfly_private.locked_jobs as (
  places tid[],
  marks mayfly_private.job_marks
);

create function mayfly_private.lock_ready(tenant uuid, of_lane text, asked integer, marks mayfly_private.job_marks, first_mark integer, newest bigint)
returns mayfly_private.locked_jobs
language plpgsql security definer
set search_path = ''
as $$
declare
  next_mark integer := first_mark;
  at_mark integer;
  low integer := -32768;
  low_seq bigint := 0;
  high integer;
  places tid[] := '{}';
begin
  loop
    high := case when marks.tenants[next_mark] = tenant and marks.lanes[next_mark] = of_lane then marks.priorities[next_mark] end;
    places := places || array(
      select h.ctid from mayfly.jobs h
      where h.status = 'ready' and h.tenant_id = tenant and h.lane = of_lane
        and (h.priority, h.seq) > (low::smallint, low_seq)
        and h.priority < coalesce(high, 32768)
      order by h.lane, h.priority, h.seq limit asked - cardinality(places) for update skip locked);
    exit when cardinality(places) >= asked;
    -- Everything in the lane is taken or locked by others.
    if at_mark is not null then
      marks.seqs[at_mark] := greatest(marks.seqs[at_mark], newest);
    end if;
    exit when high is null;
    at_mark := next_mark;
    low := marks.priorities[at_mark];
    low_seq := marks.seqs[at_mark] - 1;
    next_mark := next_mark + 1;
  end loop;
  return row(places, marks)::mayfly_private.locked_jobs;
end
$$;

comment on function mayfly_private.lock_ready is 'Locks ready jobs of a lane.';
