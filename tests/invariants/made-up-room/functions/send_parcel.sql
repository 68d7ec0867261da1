-- Stores a parcel. It is a definer because it writes.

create function mayfly_private.send_parcel(label text, inside uuid)
returns uuid
language plpgsql security definer
set search_path = ''
as $$
declare
  tenant constant uuid := mayfly_private.require_tenant('parcel:send');
  sent uuid;
begin
  insert into mayfly.parcels (tenant_id, inside, sender_id, label) values (tenant, inside, mayfly_private.caller_id(), label)
  returning id into sent;
  insert into mayfly.stamps (tenant_id, parcel_id, n) values (tenant, sent, 2);
  perform mayfly_private.charge(tenant, 0, 42, 0);
  insert into mayfly_private.seals (tenant_id, parcel_id, secret) values (tenant, sent, 'the secret word');
  insert into mayfly.events (tenant_id, epoch, type, agent_id, subject)
  values (tenant, mayfly_private.current_epoch(), 'parcel.sent', mayfly_private.caller_id(), sent);
  perform mayfly_private.nudge(tenant, null);
  return sent;
end
$$;

grant execute on function mayfly_private.send_parcel to authenticated, service_role;

-- Sends a parcel (scope parcel:send). Returns its id.

create function mayfly.send_parcel(label text, inside uuid default null)
returns uuid
language sql
set search_path = ''
return mayfly_private.send_parcel(label, inside);

comment on function mayfly.send_parcel is 'Sends a parcel.';
grant execute on function mayfly.send_parcel to authenticated, service_role;
