-- Finds agents by what they can, their type, their status by now, their parent: cards, ordered by id.
-- For callers with agent:read; an agent without it finds itself and its descendants.

create function mayfly.find_agents(
  capabilities text[] default null,
  type text default null,
  status text default null,
  parent uuid default null,
  after uuid default null,
  page_limit integer default 50
)
returns jsonb
language sql stable
set search_path = ''
return mayfly_private.find_agents(capabilities, type, status, parent, after, page_limit);

comment on function mayfly.find_agents(text[], text, text, uuid, uuid, integer) is
  'Finds agents that have all these capabilities. Returns { agents: cards, after }: pass `after` for the next page, null after the last.';
revoke execute on function mayfly.find_agents(text[], text, text, uuid, uuid, integer) from public;
grant execute on function mayfly.find_agents(text[], text, text, uuid, uuid, integer) to authenticated, service_role;
