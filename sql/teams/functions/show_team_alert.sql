-- An alert as readers see it.

create function mayfly_private.show_team_alert(alert mayfly.team_alerts)
returns jsonb
language sql immutable
set search_path = ''
return jsonb_build_object('id', alert.id, 'team', alert.team_id, 'kind', alert.kind, 'agents', to_jsonb(alert.agents), 'detail', alert.detail,
  'status', alert.status, 'times', alert.times, 'found_at', alert.found_at, 'handled_at', alert.handled_at, 'handled_with', alert.handled_with);

comment on function mayfly_private.show_team_alert is 'An alert as readers see it.';
grant execute on function mayfly_private.show_team_alert to authenticated, service_role;
