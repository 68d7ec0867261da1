-- Applies one edit to a JSON value, at a path of keys and indexes: add, inc, append or remove (see mayfly.edit_state).
-- Returns { value }, or { fault } if the edit does not fit the existing value. Missing values are created: objects on
-- the path, and at its end 0 for inc or [] for append. Locks nothing.

create function mayfly_private.edit_value(target jsonb, path text[], op text, operand jsonb)
returns jsonb
language plpgsql immutable
set search_path = ''
as $$
declare
  key constant text := path[1];
  kind constant text := jsonb_typeof(target);
  at integer;
  inner_edit jsonb;
begin
  if cardinality(path) = 0 then
    return case op
      when 'add' then jsonb_build_object('value', operand)
      when 'inc' then case when coalesce(kind, 'number') = 'number'
        then jsonb_build_object('value', coalesce(target::numeric, 0) + operand::numeric)
        else jsonb_build_object('fault', format('needs a number, but finds %s', kind)) end
      when 'append' then case when coalesce(kind, 'array') = 'array'
        then jsonb_build_object('value', coalesce(target, '[]') || jsonb_build_array(operand))
        else jsonb_build_object('fault', format('needs a list, but finds %s', kind)) end
      else case
        when operand is null then jsonb_build_object('fault', 'needs a path, or a value to remove from a list')
        when kind is null then '{}'
        when kind = 'array' then jsonb_build_object('value', (
          select coalesce(jsonb_agg(e.item order by e.n), '[]') from jsonb_array_elements(target) with ordinality as e (item, n) where e.item <> operand))
        else jsonb_build_object('fault', format('needs a list, but finds %s', kind)) end
    end;
  end if;

  if kind = 'array' then
    at := case when key ~ '^(0|[1-9]\d{0,8})$' then key::integer when key = '-' then jsonb_array_length(target) end;
    if at is null then
      return jsonb_build_object('fault', format('goes through a list, where %s is no index', to_json(key)));
    elsif cardinality(path) = 1 and op = 'add' and at <= jsonb_array_length(target) then
      return jsonb_build_object('value', (
        select coalesce(jsonb_agg(e.item order by e.n), '[]') from (
          select i.n * 2 as n, i.item from jsonb_array_elements(target) with ordinality as i (item, n)
          union all select at * 2 + 1, operand) e));
    elsif at >= jsonb_array_length(target) then
      return jsonb_build_object('fault', format('goes through a list of %s, where there is no %s', jsonb_array_length(target), key));
    elsif cardinality(path) = 1 and op = 'remove' and operand is null then
      return jsonb_build_object('value', target - at);
    end if;
    inner_edit := mayfly_private.edit_value(target -> at, path[2:], op, operand);
    return case
      when inner_edit ? 'value' then jsonb_build_object('value', jsonb_set(target, array[key], inner_edit -> 'value'))
      when inner_edit ? 'fault' then inner_edit
      else jsonb_build_object('value', target)
    end;
  elsif coalesce(kind, 'object') <> 'object' then
    return jsonb_build_object('fault', format('goes through %s, where there are no keys', kind));
  elsif cardinality(path) = 1 and op = 'remove' and operand is null then
    return case when target ? key then jsonb_build_object('value', target - key) when kind is null then '{}' else jsonb_build_object('value', target) end;
  end if;
  inner_edit := mayfly_private.edit_value(target -> key, path[2:], op, operand);
  return case
    when inner_edit ? 'value' then jsonb_build_object('value', coalesce(target, '{}') || jsonb_build_object(key, inner_edit -> 'value'))
    when inner_edit ? 'fault' then inner_edit
    when kind is null then '{}'
    else jsonb_build_object('value', target)
  end;
end
$$;

comment on function mayfly_private.edit_value is 'Applies one edit to a JSON value.';
