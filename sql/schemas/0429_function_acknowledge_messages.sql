-- Says of up to 10,000 messages of the caller's own inbox that they are handled: they are handed to no
-- session again. Again changes nothing. Scope message:read. Locks the deliveries, by number.

create function mayfly_private.acknowledge_messages(seqs bigint[])
returns integer
language plpgsql security definer
set search_path = ''
as $$
declare
  tenant constant uuid := mayfly_private.own_inbox();
  acknowledged integer;
begin
  if seqs is null or cardinality(seqs) > 10000 then
    perform mayfly_private.fail(400, 'invalid_request', 'seqs must be at most 10000 numbers.', null, '{"field": "seqs"}');
  end if;
  with waiting as (
    select d.recipient_id, d.seq from mayfly.deliveries d
    where d.tenant_id = tenant and d.recipient_id = mayfly_private.caller_id() and d.seq = any (seqs) and d.acknowledged_at is null
    order by d.seq
    for no key update
  )
  update mayfly.deliveries d
  set acknowledged_at = clock_timestamp()
  from waiting w
  where d.tenant_id = tenant and d.recipient_id = w.recipient_id and d.seq = w.seq;
  get diagnostics acknowledged = row_count;
  return acknowledged;
end
$$;

comment on function mayfly_private.acknowledge_messages(bigint[]) is 'Says that messages of the callers inbox are handled.';
revoke execute on function mayfly_private.acknowledge_messages(bigint[]) from public;
grant execute on function mayfly_private.acknowledge_messages(bigint[]) to authenticated, service_role;

create function mayfly.acknowledge_messages(seqs bigint[])
returns integer
language sql
set search_path = ''
return mayfly_private.acknowledge_messages(seqs);

comment on function mayfly.acknowledge_messages(bigint[]) is 'Says that messages of the caller''s inbox are handled; how many of them were not yet.';
revoke execute on function mayfly.acknowledge_messages(bigint[]) from public;
grant execute on function mayfly.acknowledge_messages(bigint[]) to authenticated, service_role;
