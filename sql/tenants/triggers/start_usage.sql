-- Gives a new tenant its row for maintenance and its shards of usage, so that no push has to create shards
-- while others wait.

create function mayfly_private.start_usage()
returns trigger
language plpgsql security definer
set search_path = ''
as $$
begin
  insert into mayfly_private.tenant_usage (tenant_id, shard)
  select new.id, s from generate_series(0, 15) s;
  insert into mayfly_private.maintenance (tenant_id) values (new.id);
  return null;
end
$$;

comment on function mayfly_private.start_usage is 'Trigger: gives a new tenant its shards of usage and its row for maintenance.';

create trigger tenants_start_usage after insert on mayfly.tenants
  for each row execute function mayfly_private.start_usage();
