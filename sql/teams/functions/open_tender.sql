-- Creates a tender. Locks what charge locks.

create function mayfly_private.open_tender(
  job jsonb, capabilities text[], rule text, max_price numeric, team uuid, seconds double precision
)
returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  ts constant timestamptz := mayfly_private.now();
  tenant constant uuid := mayfly_private.require_tenant('team:manage');
  tender mayfly.tenders;
begin
  perform mayfly_private.require_tenant('job:add');
  perform mayfly_private.check_jobs(jsonb_build_array(job));
  if job ?| '{target,answers,key}' then
    perform mayfly_private.fail(400, 'invalid_request', 'job must not have target, answers or key.', 'The bids decide who gets it.', '{"field": "job"}');
  elsif not coalesce(mayfly_private.labels_within(capabilities, 20), true) then
    perform mayfly_private.fail(400, 'invalid_request', 'capabilities must be at most 20 texts of 1 to 100 characters.', null, '{"field": "capabilities"}');
  elsif rule is null or rule not in ('lowest_price', 'highest_score') then
    perform mayfly_private.fail(400, 'invalid_request', 'rule must be lowest_price or highest_score.', null, '{"field": "rule"}');
  elsif max_price not between 0 and 1000000000000 then
    perform mayfly_private.fail(400, 'invalid_request', 'max_price must be a number from 0 to 1000000000000.', null, '{"field": "max_price"}');
  elsif seconds is null or seconds not between 1 and 2592000 then
    perform mayfly_private.fail(400, 'invalid_request', 'seconds must be a number from 1 to 2592000.', null, '{"field": "seconds"}');
  elsif team is not null then
    perform mayfly_private.open_team(tenant, team);
  end if;
  insert into mayfly.tenders as d (tenant_id, team_id, job, capabilities, rule, max_price, deadline, created_by, created_at)
  values (tenant, team, open_tender.job, coalesce(open_tender.capabilities, '{}'), open_tender.rule, open_tender.max_price,
    ts + make_interval(secs => seconds), mayfly_private.caller_id(), ts)
  returning d.* into tender;
  perform mayfly_private.append_events(tenant, 'tender.opened', array[tender.id]);
  return mayfly_private.show_tender(tender);
end
$$;

comment on function mayfly_private.open_tender is 'Offers a job for bids.';
grant execute on function mayfly_private.open_tender to authenticated, service_role;

-- Offers a job for bids (scopes team:manage and job:add) to the living members of `team`, or to every agent with these
-- capabilities. The tender is awarded once: when all members of the team have bid, at its deadline, or by close_tender.

create function mayfly.open_tender(
  job jsonb, capabilities text[] default null, rule text default 'lowest_price', max_price numeric default null, team uuid default null,
  seconds double precision default 60
)
returns jsonb
language sql
set search_path = ''
return mayfly_private.open_tender(job, capabilities, rule, max_price, team, seconds);

comment on function mayfly.open_tender is 'Offers a job for bids: lowest_price or highest_score. Returns the tender.';
grant execute on function mayfly.open_tender to authenticated, service_role;
