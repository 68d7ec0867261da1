-- The transition table of an agent's status. `running` and `suspended` can change into each other, and each of them
-- into `stopped` or `expired`, which are final.

create function mayfly_private.check_transition()
returns trigger
language plpgsql security definer
set search_path = ''
as $$
begin
  if not (old.status in ('running', 'suspended') and new.status in ('running', 'suspended', 'stopped', 'expired')) then
    perform mayfly_private.refuse_transition(old.status, new.status);
  end if;
  return new;
end
$$;

comment on function mayfly_private.check_transition is 'Trigger: refuses an illegal change of an agent''s status.';

create trigger agents_check_transition before update of status on mayfly.agents
  for each row when (old.status is distinct from new.status)
  execute function mayfly_private.check_transition();
