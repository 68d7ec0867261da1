-- Refuses a JSON value with a number that JavaScript would change. The error names the field. Called by functions that
-- accept JSON from callers. Functions that name the field themselves call numbers_kept instead. Locks nothing.

create function mayfly_private.check_numbers(value jsonb, field text)
returns void
language plpgsql stable
set search_path = ''
as $$
begin
  if not mayfly_private.numbers_kept(value) then
    perform mayfly_private.fail(400, 'invalid_request',
      format('%s must have no number that JavaScript cannot hold: none beyond 1.8e308, and no integer beyond 2^53.', field),
      'Send such numbers as strings.', jsonb_build_object('field', field));
  end if;
end
$$;

comment on function mayfly_private.check_numbers is 'Refuses a JSON value with a number that JavaScript would change.';
