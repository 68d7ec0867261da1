-- tenant:{t}:log is the topic of the nudges. Anyone who may read some kind of event can read it. Only the database
-- sends there. A nudge has no content.

create function mayfly_private.may_use_log_topic(tenant uuid, part text, extension text, sending boolean)
returns boolean
language plpgsql stable security definer
set search_path = ''
as $$
begin
  return not sending and extension = 'broadcast' and exists (
    select from mayfly_private.readable_kinds() k where k.tenant_id = tenant);
end
$$;

comment on function mayfly_private.may_use_log_topic is 'Whether the caller may use the topic "log" of a tenant.';
