-- A poll as others see it. While it is open, its ballots are hidden, and so is their number.

create function mayfly_private.show_poll(poll mayfly.polls)
returns jsonb
language sql stable security definer
set search_path = ''
return (
  select jsonb_build_object('id', poll.id, 'team', poll.team_id, 'question', poll.question, 'options', to_jsonb(poll.options), 'rule', poll.rule,
    'quorum', poll.quorum, 'voters', to_jsonb(poll.voters), 'deadline', poll.deadline, 'status', poll.status, 'outcome', poll.outcome,
    'created_by', poll.created_by, 'created_at', poll.created_at, 'closed_at', poll.closed_at,
    'ballots', case when poll.status = 'closed' then (
      select coalesce(jsonb_agg(jsonb_build_object('voter', b.voter_id, 'choice', b.choice, 'reason', b.reason, 'weight', b.weight, 'cast_at', b.cast_at)
        order by b.cast_at, b.voter_id), '[]')
      from mayfly.ballots b where b.tenant_id = poll.tenant_id and b.poll_id = poll.id) end)
);

comment on function mayfly_private.show_poll is 'A poll, with its ballots once it is closed.';
