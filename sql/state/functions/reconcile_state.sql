-- Merges two changes of the same base into a new version. `ours` is a value that the caller made from
-- base_version, or the stored version ours_version. `theirs` is theirs_version, or the current value.
--
--   latest_wins  the later of the two wins as a whole. The time of ours is ours_at, by default now
--   merge        a three-way merge at every level. If both changed a value, the later one wins
--   manual       like merge if they do not conflict. Otherwise nothing is written, and `conflicts`
--                says where: [{ path, base?, theirs?, ours? }]
--
-- Without base_version there is no common base, and objects are combined key by key. Nothing is written if the result
-- equals the current value. For callers with state:write (see lock_state). Locks the state until commit.

create function mayfly_private.reconcile_state(
  key text, strategy text, base_version integer, ours jsonb, ours_version integer, theirs_version integer,
  of_agent uuid, expected_version integer, ours_at timestamptz
)
returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  state mayfly.states := mayfly_private.lock_state(key, of_agent, expected_version);
  base jsonb;
  mine jsonb := ours;
  their jsonb := case when mayfly_private.is_live(state) then state.value end;
  mine_at timestamptz := coalesce(ours_at, mayfly_private.now());
  their_at timestamptz := state.updated_at;
  kept mayfly.state_versions;
  mine_is_later boolean;
  conflicts jsonb := '[]';
  settled jsonb;
begin
  if strategy is null or strategy not in ('latest_wins', 'merge', 'manual') then
    perform mayfly_private.fail(400, 'invalid_request', 'strategy must be latest_wins, merge or manual.', null, '{"field": "strategy"}');
  elsif (ours is null) = (ours_version is null) then
    perform mayfly_private.fail(400, 'invalid_request', 'Pass either ours (a value) or ours_version (a version).', null, '{"field": "ours"}');
  elsif not mayfly_private.is_state_value(ours) then
    perform mayfly_private.fail(400, 'invalid_request', 'ours must be at most 256 KB of JSON with at most 32 levels.', null, '{"field": "ours"}');
  end if;
  perform mayfly_private.check_numbers(ours, 'ours');
  if base_version is not null then
    base := (mayfly_private.version_of(state, base_version, 'base_version')).value;
  end if;
  if ours_version is not null then
    kept := mayfly_private.version_of(state, ours_version, 'ours_version');
    mine := kept.value;
    mine_at := kept.at;
  end if;
  if theirs_version is not null then
    kept := mayfly_private.version_of(state, theirs_version, 'theirs_version');
    their := kept.value;
    their_at := kept.at;
  end if;

  -- A state that does not exist cannot conflict.
  mine_is_later := their is null or mine_at >= their_at;
  if strategy = 'latest_wins' then
    settled := case when mine_is_later then mine else their end;
  else
    if strategy = 'manual' and their is not null then
      conflicts := mayfly_private.merge_conflicts(base, their, mine);
    end if;
    settled := case when their is null then mine else mayfly_private.merge_values(base, their, mine, mine_is_later) end;
  end if;
  if conflicts <> '[]' then
    return jsonb_build_object('outcome', 'conflict', 'conflicts', conflicts, 'state', mayfly_private.show_state(state));
  end if;
  if not mayfly_private.is_live(state) or settled <> state.value then
    state := mayfly_private.write_state(
      state, settled, 'reconcile', case when mayfly_private.is_live(state) then state.expires_at end);
  end if;
  return jsonb_build_object('conflicts', conflicts, 'state', mayfly_private.show_state(state), 'outcome', case
    when settled = mine then 'ours'
    when settled = their then 'theirs'
    else 'merged' end);
end
$$;

comment on function mayfly_private.reconcile_state is 'Merges two changes of the same version.';
grant execute on function mayfly_private.reconcile_state to authenticated, service_role;

create function mayfly.reconcile_state(
  key text, strategy text, base_version integer default null, ours jsonb default null, ours_version integer default null,
  theirs_version integer default null, of_agent uuid default null, expected_version integer default null, ours_at timestamptz default null
)
returns jsonb
language sql
set search_path = ''
return mayfly_private.reconcile_state(
  key, strategy, base_version, ours, ours_version, theirs_version, of_agent, expected_version, ours_at);

comment on function mayfly.reconcile_state is
  'Merges two changes of the same version by latest_wins, merge or manual: { outcome: ours | theirs | merged | conflict, conflicts, state }.';
grant execute on function mayfly.reconcile_state to authenticated, service_role;
