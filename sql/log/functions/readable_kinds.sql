-- The kinds of events that the caller may see, in each of its tenants, and whether it also sees events for others. One
-- query covers all kinds, because calling tenant_ids for the scope of each kind took five times as long. Called by the
-- policy of mayfly.events, once per statement, and by functions that read the log, as owner. Locks nothing.

create function mayfly_private.readable_kinds()
returns table (tenant_id uuid, kind text, sees_all boolean)
language plpgsql stable security definer rows 20
set search_path = ''
as $$
declare
  caller constant mayfly_private.caller := mayfly_private.caller();
begin
  if caller.kind = 'person' then
    return query
      select m.tenant_id, k.kind,
        coalesce(m.role = any ((select a.roles from mayfly.scopes a where a.name = k.admin_scope)::text[]), false)
      from mayfly.members m
      join mayfly.scopes s on m.role = any (s.roles)
      join mayfly.event_kinds k on k.scope = s.name
      where m.user_id = caller.id and m.tenant_id::text = coalesce(caller.chosen, m.tenant_id::text);
  elsif caller.kind = 'client' then
    return query
      select m.tenant_id, k.kind, false
      from mayfly.members m
      join mayfly.scopes s on m.role = any (s.roles) and s.name = any (caller.scopes)
      join mayfly.event_kinds k on k.scope = s.name
      where m.tenant_id = caller.tenant_id and m.user_id = caller.id;
  elsif caller.kind in ('agent', 'secret') and caller.tenant_id is not null then
    return query
      select caller.tenant_id, k.kind, coalesce(k.admin_scope = any (caller.scopes), false)
      from mayfly.event_kinds k where k.scope = any (caller.scopes);
  end if;
end
$$;

comment on function mayfly_private.readable_kinds is 'The kinds of events that the caller may see.';
grant execute on function mayfly_private.readable_kinds to authenticated;
