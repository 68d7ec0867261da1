-- The lane of a job is `queue/name`, or `queue/name#group` if it has a group. If it has a target, the target comes
-- first: `!a<agent>/…`, `!t<type>/…` or `!c<hash of the capabilities>/…`. Queues and names contain no /, # or ! and
-- begin with a letter or digit. So in the index, the lanes of one queue are next to each other, and so are those of one
-- target. A worker finds its lanes without reading any job of other lanes.

create function mayfly_private.lane_of(queue text, name text, of_group text, target jsonb)
returns text
language plpgsql immutable parallel safe
set search_path = ''
as $$
begin
  return case
      when target is null then ''
      when target ? 'agent' then '!a' || lower(target ->> 'agent') || '/'
      when target ? 'capabilities' then '!c' || md5((target -> 'capabilities')::text) || '/'
      when target ? 'type' then '!t' || (target ->> 'type') || '/'
      else ''
    end || queue || '/' || name || coalesce('#' || of_group, '');
end
$$;

comment on function mayfly_private.lane_of is 'The lane of a job.';
