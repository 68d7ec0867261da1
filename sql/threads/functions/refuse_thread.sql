-- Refuses an invalid parameter of a function about threads.

create function mayfly_private.refuse_thread(field text, rule text)
returns void
language plpgsql
set search_path = ''
as $$
begin
  perform mayfly_private.fail(400, 'invalid_request', format('%s must be %s.', field, rule), 'Nothing was done.',
    jsonb_build_object('field', field));
end
$$;

comment on function mayfly_private.refuse_thread is 'Refuses a parameter of a function about threads.';
grant execute on function mayfly_private.refuse_thread to authenticated, service_role;
