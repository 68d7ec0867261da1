create function mayfly_private.parcel_usage(tenant uuid)
returns jsonb
language sql stable security definer
set search_path = ''
return jsonb_build_object(
  'parcels', (select count(*) from mayfly.parcels p where p.tenant_id = tenant),
  'limits', jsonb_build_object('max_parcels', 1000));
