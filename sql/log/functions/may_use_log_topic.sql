-- tenant:{t}:log, the nudges: read with memory:read, sent by the database alone.

create function mayfly_private.may_use_log_topic(tenant uuid, part text, extension text, sending boolean)
returns boolean
language plpgsql stable security definer
set search_path = ''
as $$
begin
  return not sending and extension = 'broadcast' and tenant = any (mayfly_private.tenant_ids('memory:read'));
end
$$;

comment on function mayfly_private.may_use_log_topic is 'Whether the caller may use the topic "log" of a tenant.';
