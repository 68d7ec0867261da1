-- Raises an error that the Data API answers with this HTTP status and these fields, as they are.
-- Called by every function that refuses something. Locks nothing.
-- https://docs.postgrest.org/en/v13/references/errors.html#raise-errors-with-http-status-codes

create function mayfly_private.fail(
  status integer, code text, message text, hint text default null, details jsonb default null
)
returns void
language plpgsql
set search_path = ''
as $$
begin
  raise sqlstate 'PGRST' using
    message = jsonb_build_object('code', code, 'message', message, 'hint', hint, 'details', details::text)::text,
    detail = jsonb_build_object('status', status, 'headers', '{}'::jsonb)::text;
end
$$;

comment on function mayfly_private.fail(integer, text, text, text, jsonb) is 'Raises an error with a stable code, for the Data API.';
revoke execute on function mayfly_private.fail(integer, text, text, text, jsonb) from public;
grant execute on function mayfly_private.fail(integer, text, text, text, jsonb) to authenticated, service_role;
