-- Asks the sync function to embed the waiting memories of each tenant. If a request is lost, the next one comes a
-- minute later. The project's URL and secret key come from Vault, under these names:
--   select vault.create_secret('https://<ref>.supabase.co', 'mayfly_url');
--   select vault.create_secret('sb_secret_…', 'mayfly_secret_key');
--   select vault.create_secret('mayfly-', 'mayfly_functions_prefix'); -- only after mayfly init --prefix mayfly-
-- It uses dynamic SQL, because pg_net and Vault may be missing.

create function mayfly_private.request_drains()
returns integer
language plpgsql security definer
set search_path = ''
as $$
declare
  url text;
  secret text;
  prefix text;
  tenant uuid;
  requested integer := 0;
begin
  execute $read$select (select decrypted_secret from vault.decrypted_secrets where name = 'mayfly_url'),
    (select decrypted_secret from vault.decrypted_secrets where name = 'mayfly_secret_key'),
    (select decrypted_secret from vault.decrypted_secrets where name = 'mayfly_functions_prefix')$read$ into url, secret, prefix;
  if url is null or secret is null then
    return 0;
  end if;
  for tenant in
    select distinct q.tenant_id from mayfly_private.embedding_queue q
    where q.dead_at is null and q.due_at <= (select mayfly_private.now()) limit 50
  loop
    execute 'select net.http_post(url => $1, headers => $2, body => $3, timeout_milliseconds => 20000)'
    using url || '/functions/v1/' || coalesce(prefix, '') || 'sync/drain',
      jsonb_build_object('content-type', 'application/json', 'apikey', secret, 'x-mayfly-tenant', tenant), '{}'::jsonb;
    requested := requested + 1;
  end loop;
  return requested;
end
$$;

comment on function mayfly_private.request_drains is 'Asks the sync function to embed waiting memories. For pg_cron with pg_net.';
