-- Records whether a call of a model succeeded. An answer closes the breaker. Failures of the provider are counted.
-- After five failures in a row, the breaker opens, and the model is not called for 30 s. After each further failed
-- call, this time is twice as long as before, up to five minutes. If the provider said when to try again, the breaker
-- opens at the first failure, until that time, for at most an hour. Failures of calls that were under way when the
-- breaker opened are not counted. Locks the breaker.

create function mayfly_private.mark_breaker(tenant uuid, provider text, model text, failure text, retry_after double precision)
returns void
language plpgsql security definer
set search_path = ''
as $$
declare
  ts constant timestamptz := mayfly_private.now();
begin
  if failure is null then
    delete from mayfly_private.model_breakers b
    where b.tenant_id = tenant and b.provider = mark_breaker.provider and b.model = mark_breaker.model;
    return;
  end if;
  insert into mayfly_private.model_breakers as b (tenant_id, provider, model, failures, last_failure, at, open_until)
  values (tenant, mark_breaker.provider, mark_breaker.model, 1, left(failure, 100), ts, case when retry_after is not null then ts + make_interval(secs => least(retry_after, 3600)) end)
  on conflict on constraint model_breakers_pkey do update
  set failures = b.failures + case when b.open_until > ts then 0 else 1 end,
    last_failure = excluded.last_failure, at = ts, probing_until = null,
    open_until = greatest(b.open_until, excluded.open_until, case when b.failures >= 4 and (b.open_until > ts) is not true
      then ts + make_interval(secs => least(300, 30 * power(2, least(b.failures - 4, 10)))) end);
end
$$;

comment on function mayfly_private.mark_breaker is 'Records how a call of a model went.';
