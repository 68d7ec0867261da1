-- The transition table of an agent's status: running <-> suspended -> stopped | expired.

create function mayfly_private.check_transition()
returns trigger
language plpgsql
set search_path = ''
as $$
begin
  if not (old.status in ('running', 'suspended') and new.status in ('running', 'suspended', 'stopped', 'expired')) then
    perform mayfly_private.fail(409, 'transition_not_allowed',
      format('An agent that is %s cannot become %s.', old.status, new.status),
      'An agent that has stopped or expired stays so: spawn another.',
      jsonb_build_object('from', old.status, 'to', new.status));
  end if;
  return new;
end
$$;

comment on function mayfly_private.check_transition() is 'Trigger: refuses an illegal change of an agent''s status.';
revoke execute on function mayfly_private.check_transition() from public;

create trigger agents_check_transition before update of status on mayfly.agents
  for each row when (old.status is distinct from new.status)
  execute function mayfly_private.check_transition();
