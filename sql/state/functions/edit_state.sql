-- Changes a state by edits, in one call: for counters and lists that several agents change at once without reading them
-- first. Each edit applies to the result of the edits before it. Either all edits are applied, as one version, or none.
-- A missing state starts without a value. Nothing is written if the value does not change. For callers with state:write
-- (see lock_state). Locks the state until commit, so concurrent edits follow one another and none is lost.

create function mayfly_private.edit_state(key text, edits jsonb, of_agent uuid, expected_version integer)
returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  state mayfly.states;
  value jsonb;
  fault record;
  edit record;
  done jsonb;
begin
  if jsonb_typeof(edits) is distinct from 'array' or jsonb_array_length(edits) not between 1 and 100 then
    perform mayfly_private.fail(400, 'invalid_request', 'edits must be a list of 1 to 100 edits.', 'For example [{"op": "inc", "path": "/done", "value": 1}].', '{"field": "edits"}');
  end if;
  select e.n - 1 as index, c.field, c.rule into fault
  from jsonb_array_elements(edits) with ordinality as e (edit, n),
    lateral (values
      ('op', jsonb_typeof(e.edit) = 'object' and e.edit ->> 'op' in ('add', 'inc', 'append', 'remove'), 'must be add, inc, append or remove'),
      ('path', case jsonb_typeof(e.edit -> 'path') when 'string' then e.edit ->> 'path' ~ '^(/([^~/]|~[01])*)*$' and char_length(e.edit ->> 'path') <= 1000
          and cardinality(string_to_array(e.edit ->> 'path', '/')) <= 33 else false end,
        'must be a JSON pointer such as /done or /names/0, with at most 32 levels (an empty text means the whole value)'),
      ('value', case e.edit ->> 'op'
          when 'inc' then coalesce(jsonb_typeof(e.edit -> 'value'), 'number') = 'number'
          when 'remove' then true
          else e.edit ? 'value' end, case when e.edit ->> 'op' = 'inc' then 'must be a number' else 'is missing' end),
      ('value', coalesce(mayfly_private.is_state_value(e.edit -> 'value'), true), 'must be at most 256 KB of JSON with at most 32 levels')
    ) as c (field, holds, rule)
  where c.holds is not true
  order by e.n
  limit 1;
  if found then
    perform mayfly_private.fail(400, 'invalid_request', format('edits[%s].%s %s.', fault.index, fault.field, fault.rule), null,
      jsonb_build_object('index', fault.index, 'field', format('edits.%s', fault.field)));
  end if;
  perform mayfly_private.check_numbers(edits, 'edits');

  state := mayfly_private.lock_state(key, of_agent, expected_version);
  value := case when mayfly_private.is_live(state) then state.value end;
  for edit in
    select e.n - 1 as index, e.edit ->> 'op' as op, e.edit ->> 'path' as path, case e.edit ->> 'op' when 'inc' then coalesce(e.edit -> 'value', '1') else e.edit -> 'value' end as operand,
      array(select replace(replace(p.part, '~1', '/'), '~0', '~') from unnest((string_to_array(e.edit ->> 'path', '/'))[2:]) with ordinality as p (part, n) order by p.n) as parts
    from jsonb_array_elements(edits) with ordinality as e (edit, n) order by e.n
  loop
    done := mayfly_private.edit_value(value, edit.parts, edit.op, edit.operand);
    if done ? 'fault' then
      perform mayfly_private.fail(409, 'edit_does_not_fit', format('edits[%s] %s, at %s.', edit.index, done ->> 'fault', to_json(edit.path)),
        'Nothing was written. Read the state, then send edits that fit it.',
        jsonb_build_object('index', edit.index, 'field', 'edits.path', 'version', case when mayfly_private.is_live(state) then state.version else 0 end));
    end if;
    value := done -> 'value';
  end loop;
  -- Removing from a missing state leaves it missing, although lock_state has made a row for it.
  if value is null then
    if state.version = 0 then
      delete from mayfly.states s where s.tenant_id = state.tenant_id and s.id = state.id;
    end if;
    return null;
  elsif not mayfly_private.is_live(state) or value <> state.value then
    state := mayfly_private.write_state(state, value, 'patch', case when mayfly_private.is_live(state) then state.expires_at end);
  end if;
  return mayfly_private.show_state(state);
end
$$;

comment on function mayfly_private.edit_state is 'Changes a state with edits.';
grant execute on function mayfly_private.edit_state to authenticated, service_role;

-- Edits are { op, path, value }. Paths are JSON pointers (RFC 6901):
--
--   add     sets a key, or inserts into a list at an index (- for its end), as in RFC 6902
--   inc     adds value (by default 1) to a number. If nothing is there, the number starts at 0
--   append  puts value at the end of a list. If nothing is there, the list starts as []
--   remove removes the key or the index at path. If value is given, removes every element of the list at path that
--   equals it

create function mayfly.edit_state(key text, edits jsonb, of_agent uuid default null, expected_version integer default null)
returns jsonb
language sql
set search_path = ''
return mayfly_private.edit_state(key, edits, of_agent, expected_version);

comment on function mayfly.edit_state is
  'Changes a state with edits { op: add | inc | append | remove, path, value }, as one version. Returns the new state.';
grant execute on function mayfly.edit_state to authenticated, service_role;
