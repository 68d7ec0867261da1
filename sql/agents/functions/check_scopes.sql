-- Refuses scopes that do not exist, that no agent can have, or that the caller may not give to others. Called wherever
-- an agent, a type or an enrolment key gets scopes. Locks nothing.

create function mayfly_private.check_scopes(scopes text[], allowed text[])
returns void
language plpgsql stable
set search_path = ''
as $$
declare
  excess text[];
begin
  excess := (select array_agg(s order by s) from unnest(scopes) s
    where s is null or not exists (select from mayfly.scopes known where known.name = s));
  if excess is not null then
    perform mayfly_private.fail(400, 'scope_unknown', format('Unknown scopes: %s.', array_to_string(excess, ', ', 'null')),
      'The table mayfly.scopes lists them.', jsonb_build_object('field', 'scopes', 'scopes', excess));
  end if;
  excess := (select array_agg(s order by s) from unnest(scopes) s join mayfly.scopes known on known.name = s where not known.agents);
  if excess is not null then
    perform mayfly_private.fail(400, 'scope_not_for_agents', format('No agent can have these scopes: %s.', array_to_string(excess, ', ')),
      'Only people and the secret key can have them.', jsonb_build_object('field', 'scopes', 'scopes', excess));
  end if;
  excess := (select array_agg(s order by s) from unnest(scopes) s where not s = any (allowed));
  if excess is not null then
    perform mayfly_private.fail(403, 'scope_exceeds_parent',
      format('The caller cannot give scopes that it does not have: %s.', array_to_string(excess, ', ')),
      'Ask for a subset of the caller''s scopes.', jsonb_build_object('scopes', excess));
  end if;
end
$$;

comment on function mayfly_private.check_scopes is 'Refuses scopes that the caller may not give.';
