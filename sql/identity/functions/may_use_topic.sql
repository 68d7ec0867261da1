-- Whether the caller may receive from a private Realtime topic or, if `sending`, send to it. Topics have the form
-- tenant:{t}:{name} or tenant:{t}:{name}:{part}. Each has its own rule (mayfly_private.topics). Nobody may use a topic
-- that is not registered there.
--
-- Each part must match exactly, and so must the number of parts. The policies of Realtime call this as the caller, at
-- each join and with each new token.

create function mayfly_private.may_use_topic(topic text, extension text, sending boolean)
returns boolean
language plpgsql stable security definer
set search_path = ''
as $$
declare
  part constant text[] := string_to_array(topic, ':');
  tenant constant uuid := mayfly_private.to_uuid(part[2]);
  rule regprocedure;
  allowed boolean;
begin
  if part[1] is distinct from 'tenant' or tenant is null or part[2] <> tenant::text then
    return false;
  end if;
  select to_regprocedure(t.rule) into rule from mayfly_private.topics t where t.name = part[3] and t.parts = cardinality(part);
  if rule is null then
    return false;
  end if;
  execute format('select %s($1, $2, $3, $4)', rule::regproc) into allowed using tenant, part[4], extension, sending;
  return coalesce(allowed, false);
end
$$;

comment on function mayfly_private.may_use_topic is 'Whether the caller may receive from, or send to, a Realtime topic.';
grant execute on function mayfly_private.may_use_topic to authenticated;
