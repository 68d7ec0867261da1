insert into mayfly_private.usage_counts (name, work) values ('parcels', 'mayfly_private.parcel_usage(uuid)')
on conflict (name) do update set work = excluded.work;
