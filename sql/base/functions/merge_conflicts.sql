-- Where two changes of the same base contradict each other: [{ path, base, theirs, ours }]. A value that does not
-- exist is left out. Objects are compared key by key, as in merge_values.

create function mayfly_private.merge_conflicts(base jsonb, theirs jsonb, ours jsonb, path text[] default '{}')
returns jsonb
language plpgsql immutable parallel safe
set search_path = ''
as $$
begin
  if ours is not distinct from theirs or ours is not distinct from base or theirs is not distinct from base then
    return '[]';
  elsif jsonb_typeof(theirs) = 'object' and jsonb_typeof(ours) = 'object' then
    return (
      select coalesce(jsonb_agg(c.conflict order by k.key), '[]')
      from (select jsonb_object_keys(theirs) as key union select jsonb_object_keys(ours)) k,
        jsonb_array_elements(mayfly_private.merge_conflicts(
          case when jsonb_typeof(base) = 'object' then base -> k.key end, theirs -> k.key, ours -> k.key, path || k.key)) as c (conflict));
  end if;
  return jsonb_build_array(jsonb_build_object('path', path)
    || case when base is null then '{}' else jsonb_build_object('base', base) end
    || case when theirs is null then '{}' else jsonb_build_object('theirs', theirs) end
    || case when ours is null then '{}' else jsonb_build_object('ours', ours) end);
end
$$;

comment on function mayfly_private.merge_conflicts is 'Where two changes of the same value contradict each other.';
