-- Stores a schedule. Locks the schedule.

create function mayfly_private.set_schedule(
  name text, cron text, job text, input jsonb, time_zone text, options jsonb, catch_up text, overlap text, paused boolean
)
returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  tenant constant uuid := mayfly_private.require_tenant('job:admin');
  extra text;
  fires_at timestamptz;
  size integer;
  before integer;
  schedule mayfly.job_schedules;
begin
  if name is null or char_length(name) not between 1 and 100 then
    perform mayfly_private.fail(400, 'invalid_request', 'name must have 1 to 100 characters.', null, '{"field": "name"}');
  elsif not coalesce(job ~ '^[A-Za-z0-9][A-Za-z0-9_.:-]{0,99}$', false) then
    perform mayfly_private.fail(400, 'invalid_request', 'job must be 1 to 100 letters, digits, dots, colons, dashes or underscores.', null, '{"field": "job"}');
  elsif time_zone is null or not exists (select from pg_catalog.pg_timezone_names z where z.name = set_schedule.time_zone) then
    perform mayfly_private.fail(400, 'invalid_request', 'time_zone must be the name of a time zone, such as Europe/Berlin.', null, '{"field": "time_zone"}');
  elsif cron is null or char_length(cron) > 200 or not mayfly_private.is_cron(cron) then
    perform mayfly_private.fail(400, 'invalid_request', 'cron must be five fields: minute, hour, day of month, month, day of week.',
      'For example 0 3 * * * is every day at three, and */15 9-17 * * mon-fri every quarter of an hour at work.', '{"field": "cron"}');
  elsif catch_up is null or catch_up not in ('one', 'all', 'none') then
    perform mayfly_private.fail(400, 'invalid_request', 'catch_up must be one, all or none.', null, '{"field": "catch_up"}');
  elsif overlap is null or overlap not in ('allow', 'skip') then
    perform mayfly_private.fail(400, 'invalid_request', 'overlap must be allow or skip.', null, '{"field": "overlap"}');
  elsif jsonb_typeof(options) is distinct from 'object' then
    perform mayfly_private.fail(400, 'invalid_request', 'options must be an object.', null, '{"field": "options"}');
  end if;
  extra := (select k from jsonb_object_keys(options) k where k not in ('queue', 'group', 'priority', 'max_attempts', 'backoff', 'timeout', 'target', 'trace', 'attributes') limit 1);
  if extra is not null then
    perform mayfly_private.fail(400, 'invalid_request', format('options.%s is not an option of a scheduled job.', extra), null,
      jsonb_build_object('field', 'options.' || extra));
  end if;
  perform mayfly_private.check_jobs(jsonb_build_array(options || jsonb_build_object('name', job, 'input', coalesce(input, '{}'))));
  fires_at := mayfly_private.next_cron(cron, time_zone, mayfly_private.now());
  if fires_at is null then
    perform mayfly_private.fail(400, 'invalid_request', 'cron describes a time that never comes.', 'Check the day of the month and the month.', '{"field": "cron"}');
  elsif (select count(*) from mayfly.job_schedules s where s.tenant_id = tenant and s.name <> set_schedule.name) >= 1000 then
    perform mayfly_private.fail(403, 'quota_exceeded', 'A tenant has at most 1000 schedules.', null, '{"quota": "schedules", "limit": 1000}');
  end if;

  size := 512 + octet_length(coalesce(input, '{}')::text) + octet_length(options::text);
  before := coalesce((select s.bytes from mayfly.job_schedules s where s.tenant_id = tenant and s.name = set_schedule.name for update), 0);
  perform mayfly_private.charge(tenant, 0, size - before, 1);
  insert into mayfly.job_schedules as s (tenant_id, name, cron, time_zone, job, input, options, catch_up, overlap, paused, next_at, created_by, bytes)
  values (tenant, set_schedule.name, trim(set_schedule.cron), set_schedule.time_zone, set_schedule.job, coalesce(set_schedule.input, '{}'),
    set_schedule.options, set_schedule.catch_up, set_schedule.overlap, coalesce(set_schedule.paused, false),
    case when coalesce(set_schedule.paused, false) then null else fires_at end, mayfly_private.caller_id(), size)
  on conflict on constraint job_schedules_pkey do update
  set cron = excluded.cron, time_zone = excluded.time_zone, job = excluded.job, input = excluded.input, options = excluded.options,
    catch_up = excluded.catch_up, overlap = excluded.overlap, paused = excluded.paused, next_at = excluded.next_at,
    error = null, updated_at = mayfly_private.now(), bytes = excluded.bytes
  returning * into schedule;
  return mayfly_private.show_schedule(schedule);
end
$$;

comment on function mayfly_private.set_schedule is 'Sets a schedule.';
grant execute on function mayfly_private.set_schedule to authenticated, service_role;

-- Sets a schedule, and replaces an earlier schedule of this name. From now on, the job is added at the times of the
-- cron line in the time zone. Scope job:admin.

create function mayfly.set_schedule(
  name text, cron text, job text, input jsonb default '{}', time_zone text default 'UTC', options jsonb default '{}',
  catch_up text default 'one', overlap text default 'skip', paused boolean default false
)
returns jsonb
language plpgsql
set search_path = ''
as $$
begin
  return mayfly_private.set_schedule(name, cron, job, input, time_zone, options, catch_up, overlap, paused);
end
$$;

comment on function mayfly.set_schedule is
  'Sets a schedule: the job is added at the times of the cron line in the time zone. Returns it with next_at.';
grant execute on function mayfly.set_schedule to authenticated, service_role;
