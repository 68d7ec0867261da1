-- Returns the worker that claims (scope job:work). First it takes a shared lock on the tenant, the agent and every
-- ancestor, until commit. Only then does it check that they are alive. So a lease proves that its agent is alive: a
-- transaction that ends an agent waits for open claims and takes back their leases (end_leases). `expires_at` is the
-- earliest end of the agent and its ancestors, and no lease lasts longer. For a person and for the secret key,
-- `expires_at` is infinity. A secret key that names no tenant works for all tenants.

create type mayfly_private.claiming_worker as (
  kind text,
  tenant_id uuid,
  id uuid,
  expires_at timestamptz,
  type text,
  capabilities text[]
);

create function mayfly_private.claiming_worker(any_tenant boolean)
returns mayfly_private.claiming_worker
language plpgsql security definer
set search_path = ''
as $$
declare
  claims constant jsonb := nullif(current_setting('request.jwt.claims', true), '');
  headers constant jsonb := nullif(current_setting('request.headers', true), '');
  named constant uuid := case when claims ->> 'iss' = 'mayfly' then mayfly_private.to_uuid(claims -> 'mayfly' ->> 'tenant') end;
  me uuid;
  line uuid[];
  locked uuid;
  is_locked boolean;
  ts timestamptz;
  alive boolean;
  caller mayfly_private.caller;
  worker mayfly_private.claiming_worker;
begin
  if named is not null then
    me := mayfly_private.to_uuid(claims ->> 'sub');
    select a.ancestors || a.id into line from mayfly.agents a where a.tenant_id = named and a.id = me;
    if cardinality(line) > 1 then
      line := array(select i from unnest(line) i order by i);
    end if;
    foreach locked in array named || line loop
      -- The assignment does not run a query, as "perform" does.
      is_locked := pg_advisory_xact_lock_shared(hashtextextended('mayfly.jobs ' || locked, 0)) is not null;
    end loop;
    -- Checks in one query that the agent is alive and has the scope. caller() needs three queries for this. If the
    -- check fails, the code below finds the reason.
    if not any_tenant and claims ->> 'role' = 'authenticated' and not claims -> 'mayfly' ? 'enrolment' and not coalesce(headers ? 'x-mayfly-functions', false)
      and lower(coalesce(headers ->> 'x-mayfly-tenant', named::text)) = named::text and mayfly_private.is_timely(claims) then
      ts := mayfly_private.now();
      select 'agent', a.tenant_id, a.id, a.expires_at, a.type, a.capabilities into worker
      from mayfly.agents a
      where a.tenant_id = named and a.id = me and 'job:work' = any (a.scopes) and a.status = 'running' and a.expires_at > ts;
      alive := found;
      if alive and cardinality(line) > 1 then
        worker.expires_at := mayfly_private.line_end(named, line);
        alive := worker.expires_at is not null;
      end if;
      if alive then
        return worker;
      end if;
    end if;
  end if;
  caller := mayfly_private.caller();
  if caller.kind = 'agent' and not any_tenant and 'job:work' = any (caller.scopes) then
    select 'agent', a.tenant_id, a.id, (
        select min(line.expires_at) from unnest(a.ancestors || a.id) i
        cross join lateral (
          select l.expires_at from mayfly.agents l
          where l.tenant_id = a.tenant_id and l.id between i and i
          order by l.id limit 1) line),
      a.type, a.capabilities
    into worker
    from mayfly.agents a where a.tenant_id = caller.tenant_id and a.id = caller.id;
    return worker;
  elsif any_tenant then
    if caller.kind is distinct from 'secret' then
      perform mayfly_private.fail(403, 'not_authorized', 'Only the secret key can work for every tenant.',
        'Use claim_jobs to claim in your own tenant.');
    end if;
    return row('secret', null, '00000000-0000-0000-0000-000000000000', 'infinity', null, '{}')::mayfly_private.claiming_worker;
  end if;
  worker := row(caller.kind, mayfly_private.require_tenant('job:work'), coalesce(caller.id, '00000000-0000-0000-0000-000000000000'),
    'infinity', null, '{}')::mayfly_private.claiming_worker;
  return worker;
end
$$;

comment on function mayfly_private.claiming_worker is 'The worker that claims, locked so that it cannot end meanwhile.';
