-- The memories that answer a question best, by words and by meaning. Called by the query function as
-- whoever calls it. Every row comes with its score taken apart; mayfly_private.recall has the formula.

create function mayfly.recall(
  query text default null,
  embedding real[] default null,
  model text default null,
  kinds text[] default null,
  having_tags text[] default null,
  agent uuid default null,
  min_reward real default null,
  since timestamptz default null,
  result_limit integer default 10
)
returns table (
  id uuid, agent_id uuid, agent_name text, agent_ended_at timestamptz, kind text, task text, input text, output text,
  critique text, reward real, importance smallint, tags text[], metadata jsonb, created_at timestamptz,
  score real, parts jsonb
)
language sql stable
set search_path = ''
begin atomic
  select * from mayfly_private.recall(query, embedding, model, kinds, having_tags, agent, min_reward, since, result_limit);
end;

comment on function mayfly.recall(text, real[], text, text[], text[], uuid, real, timestamptz, integer) is
  'The best memories for a question, by words and, with an embedding, by meaning.';
revoke execute on function mayfly.recall(text, real[], text, text[], text[], uuid, real, timestamptz, integer) from public;
grant execute on function mayfly.recall(text, real[], text, text[], text[], uuid, real, timestamptz, integer) to authenticated, service_role;
