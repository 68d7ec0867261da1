-- Records what was done about an alert. Locks the alert.

create function mayfly_private.handle_alert(id uuid, action text)
returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  tenant constant uuid := mayfly_private.require_tenant('team:manage');
  alert mayfly.team_alerts;
begin
  if not coalesce(char_length(action) between 1 and 200, false) then
    perform mayfly_private.fail(400, 'invalid_request', 'action must be a text of 1 to 200 characters.', null, '{"field": "action"}');
  end if;
  update mayfly.team_alerts a set handled_at = mayfly_private.now(), handled_with = action
  where a.tenant_id = tenant and a.id = handle_alert.id
  returning a.* into alert;
  if alert.id is null then
    perform mayfly_private.fail(404, 'alert_unknown', 'There is no such alert.', null, '{"field": "id"}');
  end if;
  perform mayfly_private.append_events(tenant, 'team.alert_handled', array[alert.id]);
  return mayfly_private.show_team_alert(alert);
end
$$;

comment on function mayfly_private.handle_alert is 'Records what was done about an alert.';
grant execute on function mayfly_private.handle_alert to authenticated, service_role;

-- Records what was done about an alert (scope team:manage). If the same cause is found again after the watcher's
-- `patience`, the alert is raised again, and `times` goes up by one.

create function mayfly.handle_alert(id uuid, action text)
returns jsonb
language sql
set search_path = ''
return mayfly_private.handle_alert(id, action);

comment on function mayfly.handle_alert is 'Records what was done about an alert. Returns it.';
grant execute on function mayfly.handle_alert to authenticated, service_role;
