-- Refuses a reason that is too long. Called by stop and suspend.

create function mayfly_private.check_reason(reason text)
returns void
language plpgsql immutable
set search_path = ''
as $$
begin
  if char_length(reason) > 500 then
    perform mayfly_private.fail(400, 'invalid_request', 'reason must have at most 500 characters.', null, '{"field": "reason"}');
  end if;
end
$$;

comment on function mayfly_private.check_reason is 'Refuses a reason that is too long.';
