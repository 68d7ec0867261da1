-- The memories that answer a question best, by words and by meaning, or those that are like one of them
-- (similar_to). Called by the query function as whoever calls it. Every row comes with its score taken
-- apart; mayfly_private.recall has the formula.
--
--   kinds, having_tags (all of them), agent, min_reward, since, until (excluded), for_task (the same
--   text), session and conversation narrow it.
--   weights     {"words": 1, "meaning": 1, "reward": 0.1, "importance": 0.1, "recency": 0.1}, each 0 to 1,
--               the last three at most 1 together
--   half_lives  days by kind, such as {"fact": 365}; mayfly_private.half_life has the defaults

create function mayfly.recall(
  query text default null,
  embedding real[] default null,
  model text default null,
  kinds text[] default null,
  having_tags text[] default null,
  agent uuid default null,
  min_reward real default null,
  since timestamptz default null,
  result_limit integer default 10,
  until timestamptz default null,
  for_task text default null,
  session uuid default null,
  conversation uuid default null,
  similar_to uuid default null,
  weights jsonb default null,
  half_lives jsonb default null
)
returns table (
  id uuid, agent_id uuid, agent_name text, agent_ended_at timestamptz, kind text, task text, input text, output text,
  critique text, reward real, importance smallint, tags text[], metadata jsonb, created_at timestamptz,
  score real, parts jsonb
)
language sql stable
set search_path = ''
begin atomic
  select * from mayfly_private.recall(query, embedding, model, kinds, having_tags, agent, min_reward, since, result_limit,
    until, for_task, session, conversation, similar_to, weights, half_lives);
end;

comment on function mayfly.recall(text, real[], text, text[], text[], uuid, real, timestamptz, integer, timestamptz, text, uuid, uuid, uuid, jsonb, jsonb) is
  'The best memories for a question, by words and, with an embedding, by meaning; or those that are like one of them.';
revoke execute on function mayfly.recall(text, real[], text, text[], text[], uuid, real, timestamptz, integer, timestamptz, text, uuid, uuid, uuid, jsonb, jsonb)
  from public;
grant execute on function mayfly.recall(text, real[], text, text[], text[], uuid, real, timestamptz, integer, timestamptz, text, uuid, uuid, uuid, jsonb, jsonb)
  to authenticated, service_role;
