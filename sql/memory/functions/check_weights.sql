-- Refuses weights and half-lives that are invalid for mayfly.recall. Locks nothing.

create function mayfly_private.check_weights(weights jsonb, half_lives jsonb)
returns void
language plpgsql immutable
set search_path = ''
as $$
declare
  known constant text[] := '{words,meaning,neighbours,reward,importance,recency}';
  kinds constant text[] := '{episode,task_result,conversation,learning,fact,working,general}';
  wrong text;
begin
  if coalesce(jsonb_typeof(weights), 'object') <> 'object' then
    perform mayfly_private.fail(400, 'invalid_request', 'weights must be an object.', null, '{"field": "weights"}');
  elsif coalesce(jsonb_typeof(half_lives), 'object') <> 'object' then
    perform mayfly_private.fail(400, 'invalid_request', 'half_lives must be an object.', null, '{"field": "half_lives"}');
  end if;

  select w.key into wrong from jsonb_each(weights) w
  where w.key <> all (known)
    or not mayfly_private.number_within(w.value, 0, case when w.key in ('words', 'meaning') then 100 else 1 end) limit 1;
  if found then
    perform mayfly_private.fail(400, 'invalid_request',
      format('weights.%s must be a number from 0 to %s.', wrong, case when wrong in ('words', 'meaning') then 100 else 1 end),
      'The weights are words, meaning, neighbours, reward, importance and recency.', jsonb_build_object('field', 'weights.' || wrong));
  end if;
  if coalesce((weights ->> 'words')::numeric, 1) + coalesce((weights ->> 'meaning')::numeric, 1) = 0 then
    perform mayfly_private.fail(400, 'invalid_request', 'One of the weights words and meaning must be above 0.', null,
      '{"field": "weights"}');
  elsif coalesce((weights ->> 'reward')::numeric, 0.1) + coalesce((weights ->> 'importance')::numeric, 0.1)
      + coalesce((weights ->> 'recency')::numeric, 0.1) > 1 then
    perform mayfly_private.fail(400, 'invalid_request', 'The weights reward, importance and recency must be at most 1 in total.',
      'Each is 0.1 unless you set it.', '{"field": "weights"}');
  end if;

  select h.key into wrong from jsonb_each(half_lives) h
  where h.key <> all (kinds) or not mayfly_private.number_within(h.value, 0.001, 36500) limit 1;
  if found then
    perform mayfly_private.fail(400, 'invalid_request', format('half_lives.%s must be a number of days from 0.001 to 36500.', wrong),
      'Its keys must be kinds of memories.', jsonb_build_object('field', 'half_lives.' || wrong));
  end if;
end
$$;

comment on function mayfly_private.check_weights is 'Refuses invalid weights and half-lives.';
