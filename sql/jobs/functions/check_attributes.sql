-- Refuses invalid attributes of a job. `field` is the name of the caller's parameter. Called by functions that take the
-- attributes of one job. Locks nothing.

create function mayfly_private.check_attributes(attributes jsonb, field text)
returns void
language plpgsql
set search_path = ''
as $$
declare
  fault constant jsonb := mayfly_private.attributes_fault(attributes);
begin
  if fault is not null then
    perform mayfly_private.fail(400, 'invalid_request', format('%s %s.', field, fault ->> 'rule'), 'Nothing was done. Correct it, or leave it out.',
      jsonb_build_object('field', concat_ws('.', field, fault ->> 'name')));
  end if;
end
$$;

comment on function mayfly_private.check_attributes is 'Refuses invalid attributes, with the field.';
