-- Charges operations of a push that wrote no memory, as writes: one for a memory that is gone, or one that
-- changes nothing, is kept by its id all the same. Called by mayfly_private.push as the caller, whose own
-- tenant it charges; what wrote a memory, its meter has charged. As owner: the counters are nobody's to write.

create function mayfly_private.charge_idle(tenant uuid, operations integer)
returns void
language plpgsql security definer
set search_path = ''
as $$
begin
  if operations > 0 and tenant = any (mayfly_private.tenant_ids('memory:write')) then
    perform mayfly_private.charge(tenant, 0, 0, operations);
  end if;
end
$$;

comment on function mayfly_private.charge_idle(uuid, integer) is 'Charges operations that wrote no memory.';
revoke execute on function mayfly_private.charge_idle(uuid, integer) from public;
grant execute on function mayfly_private.charge_idle(uuid, integer) to authenticated, service_role;
