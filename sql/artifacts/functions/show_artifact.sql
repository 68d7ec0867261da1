-- An artifact in the form that callers get. Locks nothing.

create function mayfly_private.show_artifact(a mayfly.artifacts)
returns jsonb
language sql immutable
set search_path = ''
return jsonb_build_object('id', a.id, 'team', a.team_id, 'name', a.name, 'version', a.version, 'media_type', a.media_type, 'size', a.size,
  'sha256', a.sha256, 'metadata', a.metadata, 'status', a.status, 'path', a.tenant_id || '/' || a.id, 'created_by', a.created_by,
  'created_at', a.created_at);

comment on function mayfly_private.show_artifact is 'An artifact in the form that callers get.';
grant execute on function mayfly_private.show_artifact to authenticated, service_role;
