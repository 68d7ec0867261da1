-- Whether next_cron understands a text as a cron line. A line that never fires is valid too.

create function mayfly_private.is_cron(line text)
returns boolean
language plpgsql immutable
set search_path = ''
as $$
declare
  fields constant text[] := regexp_split_to_array(trim(line), '\s+');
begin
  return lower(trim(line)) in ('@hourly', '@daily', '@midnight', '@weekly', '@monthly', '@yearly', '@annually')
    or coalesce(cardinality(fields) = 5
      and mayfly_private.cron_field(fields[1], 0, 59, '{}') is not null
      and mayfly_private.cron_field(fields[2], 0, 23, '{}') is not null
      and mayfly_private.cron_field(fields[3], 1, 31, '{}') is not null
      and mayfly_private.cron_field(fields[4], 1, 12, '{jan,feb,mar,apr,may,jun,jul,aug,sep,oct,nov,dec}') is not null
      and mayfly_private.cron_field(fields[5], 0, 7, '{sun,mon,tue,wed,thu,fri,sat}') is not null, false);
end
$$;

comment on function mayfly_private.is_cron is 'Whether a text is a cron line.';
