-- Gives back holds. Locks the budgets, then the holds, then the breakers.

create function mayfly_private.release_costs(releases jsonb)
returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  holder constant mayfly_private.job_holder := mayfly_private.job_holder();
  fault record;
  held record;
  one record;
  released integer := 0;
begin
  if holder.kind <> 'secret' then
    perform mayfly_private.require_tenant('cost:write');
  end if;
  if jsonb_typeof(releases) is distinct from 'array' or jsonb_array_length(releases) not between 1 and 500 then
    perform mayfly_private.fail(400, 'invalid_request', 'releases must be an array of 1 to 500 { hold, failure?, retry_after? }.', null, '{"field": "releases"}');
  end if;
  select o.n - 1 as index, case
      when not coalesce(pg_input_is_valid(o.r ->> 'hold', 'uuid'), false) then 'hold'
      when not mayfly_private.number_within(o.r -> 'retry_after', 0, 86400) then 'retry_after' else 'failure' end as field into fault
  from jsonb_array_elements(releases) with ordinality as o (r, n)
  where not coalesce(pg_input_is_valid(o.r ->> 'hold', 'uuid'), false) or not mayfly_private.number_within(o.r -> 'retry_after', 0, 86400)
    or coalesce(jsonb_typeof(o.r -> 'failure'), 'null') not in ('null', 'string')
  order by o.n limit 1;
  if found then
    perform mayfly_private.fail(400, 'invalid_request', format('releases[%s].%s must be %s.', fault.index, fault.field, case fault.field
        when 'hold' then 'the id of a hold' when 'retry_after' then 'seconds from 0 to 86400' else 'a text' end),
      'Nothing was released.', jsonb_build_object('index', fault.index, 'field', fault.field));
  end if;
  select * into held from mayfly_private.holds_of(holder, array(select (r ->> 'hold')::uuid from jsonb_array_elements(releases) r));
  for one in
    select distinct on (h.provider, h.model, h.tenant_id, h.id) h as hold, r ->> 'failure' as failure, (r ->> 'retry_after')::double precision as retry_after
    from jsonb_array_elements(releases) r
    join unnest(held.holds) h on h.id = (r ->> 'hold')::uuid
    order by h.provider, h.model, h.tenant_id, h.id
  loop
    if (one.hold).released_at is null then
      perform mayfly_private.release_hold(one.hold);
      released := released + 1;
    end if;
    if one.failure is not null then
      perform mayfly_private.mark_breaker((one.hold).tenant_id, (one.hold).provider, (one.hold).model, one.failure, one.retry_after);
    end if;
  end loop;
  return jsonb_build_object('released', released);
end
$$;

comment on function mayfly_private.release_costs is 'Gives back holds.';
grant execute on function mayfly_private.release_costs to authenticated, service_role;

-- Gives back holds of calls that cost nothing: [{ hold, failure?, retry_after? }]. `failure` says how the provider
-- failed, for example that it is overloaded. The failure counts against the model. After five failures in a row, the
-- model is not called for a while. If the provider gave `retry_after`, the model is not called for this number of
-- seconds, even after one failure. Returns { released }.

create function mayfly.release_costs(releases jsonb)
returns jsonb
language plpgsql
set search_path = ''
as $$
begin
  return mayfly_private.release_costs(releases);
end
$$;

comment on function mayfly.release_costs is 'Gives back holds of calls that cost nothing: { released }. A failure counts against the model.';
grant execute on function mayfly.release_costs to authenticated, service_role;
