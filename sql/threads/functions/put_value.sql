-- Stores the value of one channel of a thread, which the caller has locked. The channels of a thread are its named
-- values (docs/threads.md). Returns { at, bytes }: its place and its charge. A short text is stored in the checkpoint.
-- If `base` names an earlier version, the value is the text of that version, followed by `part` if there is one, and
-- shares the parts of that text. If another version has already continued these parts, the new version gets a copy of
-- them. Called by put_checkpoint, as owner.

create function mayfly_private.put_value(thread mayfly.threads, ns text, parent text, given jsonb, version jsonb)
returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  channel constant text := given ->> 'channel';
  part constant text := given ->> 'part';
  base jsonb;
  own_chain integer;
  length integer := 0;
  stored bigint := 0;
  earlier text;
begin
  if part is null and given ->> 'base' is null then
    perform mayfly_private.refuse_thread('channel_values', 'a list of { channel, version, part, base }, each with part or base');
  end if;
  if given ->> 'base' is not null then
    base := mayfly_private.channel_at(thread, ns, channel, given ->> 'base');
    if base -> 1 is null then
      perform mayfly_private.fail(404, 'version_unknown', 'The version that this value continues is not stored.',
        'Send the whole value.', jsonb_build_object('channel', channel));
    elsif part is null then
      return jsonb_build_object('at', jsonb_set(base, '{0}', version), 'bytes', 0);
    elsif jsonb_typeof(base -> 1) = 'number' then
      own_chain := base ->> 1;
      length := base ->> 2;
    else
      earlier := base ->> 1;
    end if;
  elsif char_length(part) <= 200 then
    return jsonb_build_object('at', jsonb_build_array(version, part), 'bytes', 0);
  end if;
  if own_chain is null or exists (
    select from mayfly.thread_parts p
    where p.tenant_id = thread.tenant_id and p.thread_id = thread.id and p.chain = own_chain and p.place = length + 1) then
    update mayfly.threads t set chains = t.chains + 1
    where t.tenant_id = thread.tenant_id and t.id = thread.id
    returning t.chains into strict own_chain;
  end if;
  if earlier is not null then
    length := 1;
    stored := mayfly_private.put_part(thread, ns, null, channel, own_chain, 1, earlier);
  elsif length > 0 and own_chain <> (base ->> 1)::integer then
    with made as (
      insert into mayfly.thread_parts (
        tenant_id, thread_id, chain, place, body, of_ns, of_checkpoint, of_task, of_idx, head, tail, bytes)
      select p.tenant_id, p.thread_id, own_chain, p.place, p.body, p.of_ns, p.of_checkpoint, p.of_task, p.of_idx, p.head, p.tail, p.bytes
      from mayfly.thread_parts p
      where p.tenant_id = thread.tenant_id and p.thread_id = thread.id and p.chain = (base ->> 1)::integer and p.place <= length
      returning thread_parts.bytes
    )
    select coalesce(sum(m.bytes), 0) into stored from made m;
  end if;
  length := length + 1;
  stored := stored + mayfly_private.put_part(thread, ns, parent, channel, own_chain, length, part);
  return jsonb_build_object('at', jsonb_build_array(version, own_chain, length), 'bytes', stored);
end
$$;

comment on function mayfly_private.put_value is 'Stores a value of a channel. Returns its place and its charge.';
