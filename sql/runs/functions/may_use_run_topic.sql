-- tenant:{t}:run:{id} is the stream of a run. Callers with run:read can read it. Only the database sends there.

create function mayfly_private.may_use_run_topic(tenant uuid, part text, extension text, sending boolean)
returns boolean
language plpgsql stable security definer
set search_path = ''
as $$
begin
  return not sending and extension = 'broadcast' and may_use_run_topic.tenant = any (mayfly_private.tenant_ids('run:read'))
    and exists (select from mayfly.runs r where r.tenant_id = may_use_run_topic.tenant and r.id = mayfly_private.to_uuid(part) and r.id::text = part);
end
$$;

comment on function mayfly_private.may_use_run_topic is 'Whether the caller may use the topic "run" of a tenant.';
