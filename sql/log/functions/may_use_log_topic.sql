-- tenant:{t}:log, the nudges. Callers with memory:read can read it, and only the database sends.

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
