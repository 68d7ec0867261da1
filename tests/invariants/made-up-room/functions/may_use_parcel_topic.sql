-- tenant:{t}:parcel:{p}, where a parcel is on its way: read with parcel:read. Only the database sends to it.

create function mayfly_private.may_use_parcel_topic(tenant uuid, part text, extension text, sending boolean)
returns boolean
language sql stable security definer
set search_path = ''
return not sending and extension = 'broadcast' and tenant = any (mayfly_private.tenant_ids('parcel:read'))
  and exists (select from mayfly.parcels p where p.tenant_id = tenant and p.id::text = part);
