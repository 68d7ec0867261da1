-- tenant:{t}:jobs is the topic that wakes sleeping workers. Callers with job:work can read it. Only the database sends
-- there.

create function mayfly_private.may_use_jobs_topic(tenant uuid, part text, extension text, sending boolean)
returns boolean
language plpgsql stable security definer
set search_path = ''
as $$
begin
  return not sending and extension = 'broadcast' and tenant = any (mayfly_private.tenant_ids('job:work'));
end
$$;

comment on function mayfly_private.may_use_jobs_topic is 'Whether the caller may use the topic "jobs" of a tenant.';
