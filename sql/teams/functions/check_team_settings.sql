-- Refuses invalid settings of a team, and names the first invalid field. Locks nothing.

create function mayfly_private.check_team_settings(settings jsonb)
returns void
language plpgsql stable
set search_path = ''
as $$
declare
  fault record;
begin
  if jsonb_typeof(settings) is distinct from 'object' then
    perform mayfly_private.fail(400, 'invalid_request', 'settings must be an object.', null, '{"field": "settings"}');
  end if;
  select c.field, c.rule into fault
  from (values
    ('name', jsonb_typeof(settings -> 'name') = 'string' and char_length(settings ->> 'name') between 1 and 100, 'must be a text of 1 to 100 characters'),
    ('task', mayfly_private.text_within(settings -> 'task', 2000), 'must be a text of at most 2000 characters'),
    ('deadline', mayfly_private.number_within(settings -> 'deadline', 5, 2592000), 'must be seconds from 5 to 2592000'),
    ('budget', coalesce(jsonb_typeof(settings -> 'budget'), 'null') in ('object', 'null')
      and (coalesce(jsonb_typeof(settings -> 'budget'), 'null') = 'null'
        or (settings -> 'budget' ?| '{hard_usd,soft_usd,hard_tokens}'
          and mayfly_private.number_within(settings -> 'budget' -> 'hard_usd', 0, 1e9)
          and mayfly_private.number_within(settings -> 'budget' -> 'soft_usd', 0, 1e9)
          and mayfly_private.number_within(settings -> 'budget' -> 'hard_tokens', 0, 1e12, true))), 'must be { hard_usd, soft_usd, hard_tokens } with at least one of them'),
    ('channel', coalesce(jsonb_typeof(settings -> 'channel'), 'null') in ('boolean', 'null'), 'must be true or false'),
    ('metadata', coalesce(jsonb_typeof(settings -> 'metadata'), 'null') in ('object', 'null')
      and coalesce(mayfly_private.json_within(settings -> 'metadata', 16384, 32), true), 'must be an object of at most 16 KB with at most 32 levels'),
    ('metadata', coalesce(mayfly_private.numbers_kept(settings -> 'metadata'), true),
      'must have only numbers that JavaScript can hold: up to 1.8e308, integers up to 2^53')
  ) as c (field, holds, rule)
  where c.holds is not true
  limit 1;
  if found then
    perform mayfly_private.fail(400, 'invalid_request', format('%s %s.', fault.field, fault.rule), null, jsonb_build_object('field', fault.field));
  end if;
end
$$;

comment on function mayfly_private.check_team_settings is 'Refuses invalid settings of a team.';
