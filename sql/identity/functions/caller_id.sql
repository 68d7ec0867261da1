-- The id of the calling agent or person. Null for the secret key.

create function mayfly_private.caller_id()
returns uuid
language plpgsql stable security definer
set search_path = ''
as $$
begin
  return (mayfly_private.caller()).id;
end
$$;

comment on function mayfly_private.caller_id is 'The id of the calling agent or person.';
grant execute on function mayfly_private.caller_id to authenticated;
