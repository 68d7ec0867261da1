-- Whether the inbox of a topic tenant:{t}:agent:{id} is open. An open inbox needs no lease. Called by flush_nudges.

create function mayfly_private.is_inbox_open(tenant uuid, topic text)
returns boolean
language plpgsql stable security definer
set search_path = ''
as $$
begin
  return exists (
    select from mayfly.inboxes b
    where b.tenant_id = tenant and b.session is not null and topic = format('tenant:%s:agent:%s', b.tenant_id, b.recipient_id)
      and b.recipient_id = mayfly_private.to_uuid(split_part(topic, ':', 4)));
end
$$;

comment on function mayfly_private.is_inbox_open is 'Whether the inbox of a topic is open.';
