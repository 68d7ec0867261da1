-- When a cron line of five fields fires next after an instant, in a time zone. Null if the line is invalid, or does not
-- fire in the next 9 years (such as on the 30th of February). This is computed in the database, so that schedules need
-- no worker. Tests compare the results with those of a library. As in cron, if a line gives both a day of the month and
-- a day of the week, it is enough that one of the two matches.
--
-- If the change to summer time skips a local time, the line fires an hour later, once. If the change back repeats a
-- local time, the line fires only the first time, except that a line whose hour is `*` fires both times.

create function mayfly_private.next_cron(line text, zone text, after timestamptz)
returns timestamptz
language plpgsql stable
set search_path = ''
as $$
declare
  fields constant text[] := regexp_split_to_array(trim(case lower(trim(line))
    when '@hourly' then '0 * * * *' when '@daily' then '0 0 * * *' when '@midnight' then '0 0 * * *' when '@weekly' then '0 0 * * 0'
    when '@monthly' then '0 0 1 * *' when '@yearly' then '0 0 1 1 *' when '@annually' then '0 0 1 1 *' else line end), '\s+');
  minutes integer[];
  hours integer[];
  days integer[];
  months integer[];
  weekdays integer[];
  any_hour boolean;
  today date;
  day date;
  fires timestamptz;
begin
  if cardinality(fields) <> 5 then
    return null;
  end if;
  minutes := mayfly_private.cron_field(fields[1], 0, 59, '{}');
  hours := mayfly_private.cron_field(fields[2], 0, 23, '{}');
  days := mayfly_private.cron_field(fields[3], 1, 31, '{}');
  months := mayfly_private.cron_field(fields[4], 1, 12, '{jan,feb,mar,apr,may,jun,jul,aug,sep,oct,nov,dec}');
  weekdays := mayfly_private.cron_field(fields[5], 0, 7, '{sun,mon,tue,wed,thu,fri,sat}');
  if minutes is null or hours is null or days is null or months is null or weekdays is null then
    return null;
  end if;
  any_hour := cardinality(hours) = 24;
  today := (after at time zone zone)::date;
  for day in
    select d.day from (
      select today + n as day, extract(month from today + n)::integer as month, extract(day from today + n)::integer as in_month,
        extract(dow from today + n)::integer as in_week
      from generate_series(0, 3300) n) d
    where d.month = any (months) and case
      when left(fields[3], 1) in ('*', '?') or left(fields[5], 1) in ('*', '?')
        then d.in_month = any (days) and (d.in_week = any (weekdays) or (d.in_week = 0 and 7 = any (weekdays)))
      else d.in_month = any (days) or d.in_week = any (weekdays) or (d.in_week = 0 and 7 = any (weekdays)) end
    order by d.day
  loop
    select min(i.at) into fires
    from unnest(hours) h, unnest(minutes) m,
      lateral (select day + make_time(h, m, 0) as wall) w,
      lateral (select w.wall at time zone zone as second, (w.wall at time zone zone) - interval '1 hour' as first) t,
      lateral (
        -- For a local time that occurs twice, Postgres takes the second instant.
        select case when t.first at time zone zone = w.wall then t.first else t.second end as at
        union all
        select t.second where any_hour) i
    where i.at > after;
    exit when fires is not null;
  end loop;
  return fires;
end
$$;

comment on function mayfly_private.next_cron is 'When a cron line fires next.';
