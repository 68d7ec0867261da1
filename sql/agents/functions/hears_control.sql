-- Always true, because an agent listens to its inbox topic without a lease, for as long as it lives. Called by
-- flush_nudges.

create function mayfly_private.hears_control(tenant uuid, topic text)
returns boolean
language plpgsql stable security definer
set search_path = ''
as $$
begin
  return true;
end
$$;

comment on function mayfly_private.hears_control is 'Whether an agent listens for its end.';
