-- Reads a secret. It is a definer, because callers may not read Vault. Locks the job and the run. It uses dynamic SQL,
-- because Vault may be missing.

create function mayfly_private.read_secret(lease text, name text)
returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  run mayfly.runs;
  secret text;
begin
  if not coalesce(name ~ '^[A-Za-z0-9_.-]{1,100}$', false) then
    perform mayfly_private.fail(400, 'invalid_request', 'name must be 1 to 100 letters, digits, dots, dashes or underscores.', null, '{"field": "name"}');
  end if;
  run := mayfly_private.held_run(lease);
  -- A worker with the secret key has every scope. Such a worker need not name a tenant, because its lease does.
  if (mayfly_private.job_holder()).kind <> 'secret' then
    perform mayfly_private.require_tenant('secret:read');
  end if;
  if to_regclass('vault.decrypted_secrets') is not null then
    execute 'select s.decrypted_secret from vault.decrypted_secrets s where s.name = $1' into secret
      using format('mayfly/%s/%s', run.tenant_id, read_secret.name);
  end if;
  return jsonb_build_object('secret', secret);
end
$$;

comment on function mayfly_private.read_secret is 'A secret of the tenant from Vault, for a held run.';
grant execute on function mayfly_private.read_secret to authenticated, service_role;

-- A secret of the tenant, for the tools and models of a run under its lease (scope secret:read). The secret is stored
-- as `mayfly/<tenant>/<name>` in Supabase Vault. Returns null if there is no such secret, or no Vault.
--   select vault.create_secret('sk-…', 'mayfly/<id of the tenant>/openai');

create function mayfly.read_secret(lease text, name text)
returns jsonb
language plpgsql
set search_path = ''
as $$
begin
  return mayfly_private.read_secret(lease, name);
end
$$;

comment on function mayfly.read_secret is 'A secret of the tenant from Supabase Vault, for the run of a lease: { secret }.';
grant execute on function mayfly.read_secret to authenticated, service_role;
