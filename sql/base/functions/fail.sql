-- Raises an error that the Data API returns with this HTTP status and these fields. Every function that refuses
-- something calls it. Locks nothing. With retry_after, in seconds, the answer has the header Retry-After and
-- details.retry_after. https://docs.postgrest.org/en/v13/references/errors.html#raise-errors-with-http-status-codes

create function mayfly_private.fail(
  status integer, code text, message text, hint text default null, details jsonb default null, retry_after integer default null
)
returns void
language plpgsql
set search_path = ''
as $$
declare
  all_details constant jsonb := case
    when retry_after is null then details
    else coalesce(details, '{}') || jsonb_build_object('retry_after', retry_after)
  end;
begin
  raise sqlstate 'PGRST' using
    message = jsonb_build_object('code', code, 'message', message, 'hint', hint, 'details', all_details::text)::text,
    detail = jsonb_build_object('status', status, 'headers', case
      when retry_after is null then '{}'::jsonb
      else jsonb_build_object('Retry-After', retry_after::text)
    end)::text;
end
$$;

comment on function mayfly_private.fail is 'Raises an error with a stable code, for the Data API.';
grant execute on function mayfly_private.fail to authenticated, service_role;
