-- Stores a rate limit. Locks the limit.

create function mayfly_private.set_rate_limit(level text, subject text, per_minute integer, burst integer)
returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  tenant constant uuid := mayfly_private.require_tenant('cost:admin');
  of_subject constant text := coalesce(set_rate_limit.subject, '');
  at_once constant integer := coalesce(burst, per_minute);
  fault record;
begin
  select q.field, q.rule into fault
  from (values
    ('level', level is null or level not in ('tenant', 'agent', 'model', 'tool'), 'tenant, agent, model or tool'),
    ('subject', case when level = 'tenant' then of_subject <> '' else char_length(of_subject) not between 1 and 310 end,
      'the name of the agents, of the model (provider/model) or of the tool, or empty for the tenant'),
    ('per_minute', per_minute not between 1 and 1000000, 'a whole number from 1 to 1000000, or null for no limit'),
    ('burst', burst not between 1 and 1000000, 'a whole number from 1 to 1000000')
  ) as q (field, refused, rule)
  where q.refused limit 1;
  if found then
    perform mayfly_private.fail(400, 'invalid_request', format('%s must be %s.', fault.field, fault.rule), null, jsonb_build_object('field', fault.field));
  end if;
  perform mayfly_private.charge(tenant, 0, 0, 1);
  if per_minute is null then
    delete from mayfly.rate_limits r where r.tenant_id = tenant and r.level = set_rate_limit.level and r.subject = of_subject;
    return jsonb_build_object('level', level, 'subject', of_subject, 'per_minute', null, 'burst', null);
  end if;
  if (select count(*) from mayfly.rate_limits r where r.tenant_id = tenant) >= 1000 and not exists (
    select from mayfly.rate_limits r where r.tenant_id = tenant and r.level = set_rate_limit.level and r.subject = of_subject) then
    perform mayfly_private.fail(403, 'quota_exceeded', 'A tenant has at most 1000 rate limits.', null, '{"quota": "rate_limits", "limit": 1000}');
  end if;
  insert into mayfly.rate_limits as r (tenant_id, level, subject, per_minute, burst, tokens, filled_at)
  values (tenant, level, of_subject, per_minute, at_once, at_once, mayfly_private.now())
  on conflict on constraint rate_limits_pkey do update
  set per_minute = excluded.per_minute, burst = excluded.burst, tokens = least(r.tokens, excluded.burst);
  return jsonb_build_object('level', level, 'subject', of_subject, 'per_minute', per_minute, 'burst', at_once);
end
$$;

comment on function mayfly_private.set_rate_limit is 'Sets a rate limit.';
grant execute on function mayfly_private.set_rate_limit to authenticated, service_role;

-- Sets how many calls a minute are allowed (scope cost:admin). A limit is for the tenant's calls of models, for those
-- of all agents with the same name, for the calls of one model, or for the calls of a tool. `burst` is how many calls
-- may come at once (per_minute by default). If per_minute is null, the limit is removed.

create function mayfly.set_rate_limit(level text, subject text default '', per_minute integer default null, burst integer default null)
returns jsonb
language sql
set search_path = ''
return mayfly_private.set_rate_limit(level, subject, per_minute, burst);

comment on function mayfly.set_rate_limit is 'Sets how many calls of models or of a tool are allowed in a minute. Returns the limit.';
grant execute on function mayfly.set_rate_limit to authenticated, service_role;
