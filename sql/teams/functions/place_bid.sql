-- Stores a bid. The bidder is read from the verified token. Locks the tender, so bids are placed one after the other
-- and the tender is awarded once.

create function mayfly_private.place_bid(tender_id uuid, price numeric, score double precision, note text)
returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  tenant constant uuid := mayfly_private.require_tenant('team:vote');
  caller constant mayfly_private.caller := mayfly_private.caller();
  tender mayfly.tenders;
  bidder mayfly.agents;
begin
  if caller.kind <> 'agent' then
    perform mayfly_private.fail(403, 'not_authorized', 'Only agents can bid for work.', 'Spawn one.');
  elsif price is null or price not between 0 and 1000000000000 then
    perform mayfly_private.fail(400, 'invalid_request', 'price must be a number from 0 to 1000000000000.', null, '{"field": "price"}');
  elsif score is null or not score between 0 and 1 then
    perform mayfly_private.fail(400, 'invalid_request', 'score must be a number from 0 to 1.', null, '{"field": "score"}');
  elsif char_length(note) > 2000 then
    perform mayfly_private.fail(400, 'invalid_request', 'note must have at most 2000 characters.', null, '{"field": "note"}');
  end if;
  tender := mayfly_private.lock_tender(tenant, place_bid.tender_id);
  select * into bidder from mayfly.agents a where a.tenant_id = tenant and a.id = caller.id;
  if tender.status <> 'open' then
    perform mayfly_private.fail(409, 'tender_closed', 'The tender is over.', 'Read the tender to see who got the work.', '{"field": "id"}');
  elsif not 'job:work' = any (bidder.scopes) or not bidder.capabilities @> tender.capabilities
    or (tender.team_id is not null and not exists (
      select from mayfly.team_members m where m.tenant_id = tenant and m.team_id = tender.team_id and m.agent_id = caller.id)) then
    perform mayfly_private.fail(403, 'not_a_bidder', 'This agent cannot bid for this work.',
      'A bidder must be in the tender''s team, and have its capabilities and the scope job:work.', '{"field": "id"}');
  end if;
  insert into mayfly_private.sealed_bids (tenant_id, tender_id, agent_id, price, score, note, made_at)
  values (tenant, tender.id, caller.id, place_bid.price, place_bid.score, place_bid.note, mayfly_private.now())
  on conflict on constraint sealed_bids_pkey do nothing;
  if not found and not exists (
    select from mayfly_private.sealed_bids b
    where b.tenant_id = tenant and b.tender_id = tender.id and b.agent_id = caller.id
      and b.price = round(place_bid.price, 6) and b.score = place_bid.score) then
    perform mayfly_private.fail(409, 'already_bid', 'You have already bid.', 'A bid cannot be changed.', '{"field": "id"}');
  end if;
  return mayfly_private.show_tender(mayfly_private.award_tender(tender, false));
end
$$;

comment on function mayfly_private.place_bid is 'Places the caller''s bid.';
grant execute on function mayfly_private.place_bid to authenticated, service_role;

-- Bids for the work of a tender (scope team:vote), once. A bid is a price, and how well the bidder expects to do the
-- work, from 0 to 1. Repeating the same bid changes nothing. Nobody sees a bid before the tender is over.

create function mayfly.place_bid(tender_id uuid, price numeric, score double precision default 1, note text default null)
returns jsonb
language sql
set search_path = ''
return mayfly_private.place_bid(tender_id, price, score, note);

comment on function mayfly.place_bid is 'Bids for the work of a tender, once. Returns the tender, with its winner if this bid closed it.';
grant execute on function mayfly.place_bid to authenticated, service_role;
