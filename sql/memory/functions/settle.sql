-- Decides, field by field, what an update changes in a memory:
--
--   latest_wins  the newer hybrid logical timestamp wins. A field that was never updated counts as the oldest
--   merge        a three-way merge with `base`. If only one side changed a value, that change is kept. If both did,
--                the newer one wins. Metadata is merged key by key at every level, and tags by what was added and
--                removed. Without a base, tags and metadata only gain entries, and any other field follows
--                latest_wins
--   manual       applied if the field still has the value in `base`. Otherwise the memory stays as it is, and
--                the wanted value is kept as a conflict
--
-- Returns { set, hlc, fields: {field: applied | merged | kept | unchanged | conflict}, conflicts: [field] }. With
-- latest_wins, the final values do not depend on the order in which updates arrive. Locks nothing.

create function mayfly_private.settle(memory jsonb, change jsonb)
returns jsonb
language plpgsql
set search_path = ''
as $$
declare
  mode constant text := coalesce(change ->> 'resolve', 'latest_wins');
  wanted_fields constant jsonb := mayfly_private.plain_fields(change -> 'set');
  base_fields constant jsonb := mayfly_private.plain_fields(coalesce(change -> 'base', '{}'));
  clocks jsonb := memory -> 'hlc';
  changed jsonb := '{}';
  outcomes jsonb := '{}';
  conflicts jsonb := '[]';
  field text;
  wanted jsonb;
  present jsonb;
  base jsonb;
  clock text;
  stamp text;
  newer boolean;
  settled jsonb;
begin
  for field, wanted in select f.key, f.value from jsonb_each(wanted_fields) f loop
    present := memory -> field;
    base := base_fields -> field;
    clock := clocks ->> field;
    stamp := coalesce(change ->> 'hlc', mayfly_private.next_clock(clock));
    newer := clock is null or stamp collate "C" > clock;
    if wanted = present then
      settled := present;
    elsif mode = 'manual' and base is distinct from present then
      outcomes := outcomes || jsonb_build_object(field, 'conflict');
      conflicts := conflicts || jsonb_build_object('field', field, 'base', base, 'wanted', wanted, 'hlc', stamp);
      continue;
    elsif mode = 'manual' then
      settled := wanted;
    elsif mode = 'merge' and field = 'tags' then
      settled := (
        select coalesce(jsonb_agg(kept.tag order by kept.n), '[]')
        from (
          select tag, min(n) as n
          from (
            select t.tag, t.n from jsonb_array_elements(present) with ordinality as t (tag, n)
            where not (coalesce(base, '[]') @> jsonb_build_array(t.tag) and not wanted @> jsonb_build_array(t.tag))
            union all
            select t.tag, 100 + t.n from jsonb_array_elements(wanted) with ordinality as t (tag, n)
            where not coalesce(base, '[]') @> jsonb_build_array(t.tag)
          ) either
          group by tag
        ) kept);
    elsif mode = 'merge' and field = 'metadata' then
      settled := mayfly_private.merge_values(coalesce(base, '{}'), present, wanted, newer);
    elsif mode = 'merge' and base is not null then
      settled := mayfly_private.merge_values(base, present, wanted, newer);
    else
      settled := case when newer then wanted else present end;
    end if;

    outcomes := outcomes || jsonb_build_object(field, case
      when wanted = present then 'unchanged'
      when settled = wanted then 'applied'
      when settled = present then 'kept'
      else 'merged' end);
    if settled <> present then
      changed := changed || jsonb_build_object(field, settled);
    end if;
    if newer then
      clocks := clocks || jsonb_build_object(field, stamp);
    end if;
  end loop;
  return jsonb_build_object('set', changed, 'hlc', clocks, 'fields', outcomes, 'conflicts', conflicts);
end
$$;

comment on function mayfly_private.settle is 'Merges an update into a memory, field by field.';
