-- Refuses a call of a function for facts. The error names the invalid field and, in a list of facts, the position of
-- the fact.

create function mayfly_private.refuse_fact(field text, rule text, place integer default null)
returns void
language plpgsql
set search_path = ''
as $$
begin
  perform mayfly_private.fail(400, 'invalid_request', format('%s must be %s.', field, rule), 'Nothing was written.',
    jsonb_strip_nulls(jsonb_build_object('field', field, 'index', place)));
end
$$;

comment on function mayfly_private.refuse_fact is 'Refuses a call, with the field that is wrong.';
grant execute on function mayfly_private.refuse_fact to authenticated, service_role;
