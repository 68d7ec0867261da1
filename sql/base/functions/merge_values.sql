-- A three-way merge. A value that only one side changed is taken from that side. If both sides changed a value, objects
-- are merged key by key, and otherwise the newer value wins. A SQL null stands for a missing key.

create function mayfly_private.merge_values(base jsonb, present jsonb, wanted jsonb, wanted_is_newer boolean)
returns jsonb
language plpgsql immutable parallel safe
set search_path = ''
as $$
begin
  if wanted is not distinct from present or wanted is not distinct from base then
    return present;
  elsif present is not distinct from base then
    return wanted;
  elsif jsonb_typeof(present) = 'object' and jsonb_typeof(wanted) = 'object' then
    return (
      select coalesce(jsonb_object_agg(merged.key, merged.value) filter (where merged.value is not null), '{}')
      from (
        select k.key, mayfly_private.merge_values(
          case when jsonb_typeof(base) = 'object' then base -> k.key end, present -> k.key, wanted -> k.key, wanted_is_newer) as value
        from (select jsonb_object_keys(present) as key union select jsonb_object_keys(wanted)) k
      ) merged);
  end if;
  return case when wanted_is_newer then wanted else present end;
end
$$;

comment on function mayfly_private.merge_values is 'A three-way merge of two JSON values.';
