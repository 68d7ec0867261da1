-- Adds the jobs of due schedules of every tenant, at most max_rows, and sets the next time of each. Claims and
-- maintenance call it. It skips a schedule that another transaction holds. If a schedule fails (for example because its
-- tenant is full), the error is stored in its row, and the schedule is tried again at its next time. The job of each
-- firing has a key, so no firing adds a second job.

create function mayfly_private.fire_schedules(max_rows integer)
returns integer
language plpgsql security definer
set search_path = ''
as $$
declare
  ts constant timestamptz := mayfly_private.now();
  schedule mayfly.job_schedules;
  due timestamptz;
  dues timestamptz[];
  answer jsonb;
  missed integer;
  why text;
  fired integer := 0;
begin
  for schedule in
    select * from mayfly.job_schedules s where s.next_at <= ts order by s.next_at limit max_rows for update skip locked
  loop
    dues := '{}';
    missed := 0;
    due := schedule.next_at;
    while due <= ts loop
      dues := dues || due;
      due := mayfly_private.next_cron(schedule.cron, schedule.time_zone, due);
      -- After a long pause, more than 100 missed times count as 100.
      if cardinality(dues) >= 100 then
        due := mayfly_private.next_cron(schedule.cron, schedule.time_zone, ts);
        exit;
      end if;
    end loop;
    if schedule.catch_up = 'none' then
      missed := cardinality(dues);
      dues := array(select d from unnest(dues) d where d > ts - interval '1 minute' order by d desc limit 1);
      missed := missed - cardinality(dues);
    elsif schedule.catch_up = 'one' then
      missed := cardinality(dues) - 1;
      dues := dues[cardinality(dues):];
    end if;
    if schedule.overlap = 'skip' and exists (
      select from mayfly.jobs j where j.tenant_id = schedule.tenant_id and j.id = schedule.last_job) then
      missed := missed + cardinality(dues);
      dues := '{}';
    elsif schedule.overlap = 'skip' and cardinality(dues) > 1 then
      missed := missed + cardinality(dues) - 1;
      dues := dues[1:1];
    end if;

    why := null;
    answer := null;
    begin
      if cardinality(dues) > 0 then
        answer := mayfly_private.insert_jobs(schedule.tenant_id, (
          select jsonb_agg(schedule.options || jsonb_build_object('name', schedule.job, 'input', schedule.input,
            'key', format('schedule:%s:%s', schedule.name, to_char(d at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'))) order by d)
          from unnest(dues) d), schedule.created_by, null, null);
        fired := fired + cardinality(dues);
      end if;
    exception when others then
      why := left(case when sqlstate = 'PGRST' and pg_input_is_valid(sqlerrm, 'jsonb') then sqlerrm::jsonb ->> 'message' else sqlerrm end, 300);
    end;
    update mayfly.job_schedules s
    set next_at = due, last_at = case when answer is not null then ts else s.last_at end,
      last_job = coalesce((answer -> -1 ->> 'id')::uuid, s.last_job), skipped = s.skipped + missed, error = why
    where s.tenant_id = schedule.tenant_id and s.name = schedule.name;
  end loop;
  return fired;
end
$$;

comment on function mayfly_private.fire_schedules is 'Adds the jobs of schedules that are due.';
