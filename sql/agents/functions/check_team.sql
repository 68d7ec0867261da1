-- Refuses an invalid team. The error names the index and the field of the first fault. Called by spawn_team before it
-- locks anything. Each agent's values are checked when it is drafted.

create function mayfly_private.check_team(team jsonb)
returns void
language plpgsql stable
set search_path = ''
as $$
declare
  fault record;
begin
  if jsonb_typeof(team) is distinct from 'array' or jsonb_array_length(team) not between 1 and 100 then -- bounds: 100 agent.team
    perform mayfly_private.fail(400, 'invalid_request', 'team must be an array of 1 to 100 groups.', null, '{"field": "team"}'); -- bounds: 100 agent.team
  end if;
  select g.n - 1 as index, c.field, c.rule into fault
  from jsonb_array_elements(team) with ordinality as g (item, n),
    lateral (values
      ('type', jsonb_typeof(g.item) = 'object' and mayfly_private.text_within(g.item -> 'type', 63), 'must be a text'),
      ('count', mayfly_private.number_within(g.item -> 'count', 1, 100, whole => true), 'must be a whole number from 1 to 100'), -- bounds: 100 agent.team
      ('names', mayfly_private.texts_or_absent(g.item -> 'names', 100), 'must be 1 to 100 texts of 1 to 100 characters'),
      ('lifetime', mayfly_private.number_within(g.item -> 'lifetime', 5, 2592000), 'must be a number of seconds, at least 5'),
      ('renew', coalesce(jsonb_typeof(g.item -> 'renew'), 'null') in ('boolean', 'null'), 'must be true or false'),
      ('capabilities', mayfly_private.texts_or_absent(g.item -> 'capabilities', 50), 'must be at most 50 texts of 1 to 100 characters'), -- bounds: 50 agent.capabilities; 100 agent.capability
      ('scopes', mayfly_private.texts_or_absent(g.item -> 'scopes', 50), 'must be a list of scopes'), -- bounds: 50 agent.scopes
      ('task', mayfly_private.text_within(g.item -> 'task', 2000), 'must be a text of at most 2000 characters'), -- bounds: 2000 agent.task
      ('metadata', coalesce(jsonb_typeof(g.item -> 'metadata'), 'null') in ('object', 'null'), 'must be an object'),
      ('metadata', coalesce(mayfly_private.numbers_kept(g.item -> 'metadata'), true),
        'must have no number that JavaScript cannot hold: none beyond 1.8e308, and no integer beyond 2^53')
    ) as c (field, holds, rule)
  where c.holds is not true
  order by g.n
  limit 1;
  if found then
    perform mayfly_private.fail(400, 'invalid_request', format('team[%s].%s %s.', fault.index, fault.field, fault.rule), null,
      jsonb_build_object('index', fault.index, 'field', fault.field));
  end if;
  if (select sum(coalesce((item ->> 'count')::integer, 1)) > 100 from jsonb_array_elements(team) item) then -- bounds: 100 agent.team
    perform mayfly_private.fail(413, 'team_too_large', 'A team has at most 100 agents.', 'Spawn it in several calls.', '{"field": "team"}'); -- bounds: 100 agent.team
  end if;
end
$$;

comment on function mayfly_private.check_team is 'Refuses an invalid team, with the index and the field.';
