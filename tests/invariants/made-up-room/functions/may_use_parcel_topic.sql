-- tenant:{t}:parcel:{p}, the way of a parcel: read with parcel:read, sent by the database alone.

create function mayfly_private.may_use_parcel_topic(tenant uuid, part text, extension text, sending boolean)
returns boolean
language sql stable security definer
set search_path = ''
return not sending and extension = 'broadcast' and tenant = any (mayfly_private.tenant_ids('parcel:read'))
  and exists (select from mayfly.parcels p where p.tenant_id = tenant and p.id::text = part);
