-- Stores a ballot. The voter is read from the verified token. Locks the poll's job, then the poll, so ballots are cast
-- one after the other and the poll closes once.

create function mayfly_private.cast_ballot(poll_id uuid, choice text, reason text)
returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  tenant constant uuid := mayfly_private.require_tenant('team:vote');
  voter constant uuid := mayfly_private.caller_id();
  poll mayfly.polls;
  earlier mayfly_private.cast_ballots;
begin
  if voter is null then
    perform mayfly_private.fail(403, 'not_authorized', 'The secret key cannot vote.', 'Vote as an agent, or as a person.');
  elsif char_length(reason) > 2000 then
    perform mayfly_private.fail(400, 'invalid_request', 'reason must have at most 2000 characters.', null, '{"field": "reason"}');
  end if;
  poll := mayfly_private.lock_poll(tenant, cast_ballot.poll_id, false);
  select * into earlier from mayfly_private.cast_ballots b where b.tenant_id = tenant and b.poll_id = poll.id and b.voter_id = voter;
  if not found then
    select * into earlier from mayfly.ballots b where b.tenant_id = tenant and b.poll_id = poll.id and b.voter_id = voter;
  end if;
  if earlier.choice is distinct from choice and earlier.choice is not null then
    perform mayfly_private.fail(409, 'already_voted', 'You have already voted.', 'A ballot cannot be changed.', '{"field": "id"}');
  elsif earlier.choice is null and poll.status <> 'open' then
    perform mayfly_private.fail(409, 'poll_closed', 'The poll is closed.', 'Read its outcome.', '{"field": "id"}');
  elsif not coalesce(choice = any (poll.options), false) then
    perform mayfly_private.fail(400, 'invalid_request', 'choice must be one of the options of the poll.', 'Your ballot was not counted.', '{"field": "choice"}');
  elsif poll.voters is not null and not voter = any (poll.voters) then
    perform mayfly_private.fail(403, 'not_a_voter', 'You are not a voter of this poll.', 'Its voters were fixed when it was opened.', '{"field": "id"}');
  elsif earlier.choice is null then
    insert into mayfly_private.cast_ballots (tenant_id, poll_id, voter_id, choice, reason, weight, cast_at)
    values (tenant, poll.id, voter, cast_ballot.choice, cast_ballot.reason,
      coalesce(poll.weights[array_position(poll.voters, voter)], 1), mayfly_private.now());
    poll := mayfly_private.settle_poll(poll);
  end if;
  return mayfly_private.show_poll(poll);
end
$$;

comment on function mayfly_private.cast_ballot is 'Casts the caller''s ballot.';
grant execute on function mayfly_private.cast_ballot to authenticated, service_role;

-- Votes in a poll (scope team:vote), once. Repeating the same ballot changes nothing. Nobody sees a ballot before the
-- poll closes.

create function mayfly.cast_ballot(poll_id uuid, choice text, reason text default null)
returns jsonb
language sql
set search_path = ''
return mayfly_private.cast_ballot(poll_id, choice, reason);

comment on function mayfly.cast_ballot is 'Votes in a poll, once. Returns the poll, with its outcome if this ballot closed it.';
grant execute on function mayfly.cast_ballot to authenticated, service_role;
