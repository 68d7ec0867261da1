-- Erases the tenant with everything in it, for good: for its owners and the secret key, who confirm by
-- its name. At most max_rows rows a call, for the API's statement timeout (8 s): call it again until it
-- says erased. Agents stop with the first call.

create function mayfly.erase_tenant(name text, max_rows integer default 20000)
returns jsonb
language sql
set search_path = ''
return mayfly_private.erase_tenant(name, max_rows);

comment on function mayfly.erase_tenant(text, integer) is
  'Erases the tenant for good. Returns { erased }: while false, call it again.';
revoke execute on function mayfly.erase_tenant(text, integer) from public;
grant execute on function mayfly.erase_tenant(text, integer) to authenticated, service_role;
