-- An agent listens to its inbox topic as long as it lives, without a lease. Called by flush_nudges.

create function mayfly_private.hears_debug(tenant uuid, topic text)
returns boolean
language plpgsql stable security definer
set search_path = ''
as $$
begin
  return true;
end
$$;

comment on function mayfly_private.hears_debug is 'Whether an agent listens for what it has to record.';
