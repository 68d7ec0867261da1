-- Refuses a change of an agent's status that the transition table does not allow, and names both statuses. Called by
-- the trigger of mayfly.agents, and by functions that find that an agent has ended before its row says so.

create function mayfly_private.refuse_transition(from_status text, to_status text)
returns void
language plpgsql
set search_path = ''
as $$
begin
  perform mayfly_private.fail(409, 'transition_not_allowed',
    format('An agent that is %s cannot become %s.', from_status, to_status),
    'Spawn another agent, because a stopped or expired agent cannot come back.',
    jsonb_build_object('from', from_status, 'to', to_status));
end
$$;

comment on function mayfly_private.refuse_transition is 'Refuses a change of status, and names both.';
