-- Null if a model may be called now, or else the number of seconds to wait. When the time of an open breaker is over,
-- one call may try the model. Other calls wait for the outcome of this call, for at most a minute. Locks the breaker if
-- there is one.

create function mayfly_private.pass_breaker(tenant uuid, provider text, model text)
returns double precision
language plpgsql security definer
set search_path = ''
as $$
declare
  ts constant timestamptz := mayfly_private.now();
  breaker mayfly_private.model_breakers;
begin
  select * into breaker from mayfly_private.model_breakers b
  where b.tenant_id = tenant and b.provider = pass_breaker.provider and b.model = pass_breaker.model;
  if breaker.open_until is null then
    return null;
  elsif breaker.open_until > ts then
    return extract(epoch from breaker.open_until - ts);
  end if;
  update mayfly_private.model_breakers b set probing_until = ts + interval '60 seconds'
  where b.tenant_id = tenant and b.provider = pass_breaker.provider and b.model = pass_breaker.model
    and coalesce(b.probing_until <= ts, true);
  return case when found then null else 1 end;
end
$$;

comment on function mayfly_private.pass_breaker is 'The seconds until a model may be called; null if it may be called now.';
