-- tenant:{t}:people is for people who watch the log. It has the nudges about events that are meant for one agent.
-- Anyone who may read the log can read it, except agents. Only the database sends there.

create function mayfly_private.may_use_people_topic(tenant uuid, part text, extension text, sending boolean)
returns boolean
language plpgsql stable security definer
set search_path = ''
as $$
begin
  return not sending and extension = 'broadcast' and (mayfly_private.caller()).kind is distinct from 'agent'
    and exists (select from mayfly_private.readable_kinds() k where k.tenant_id = tenant);
end
$$;

comment on function mayfly_private.may_use_people_topic is 'Whether the caller may use the topic "people" of a tenant.';
