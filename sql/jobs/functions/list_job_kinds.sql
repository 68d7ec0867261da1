-- The kinds of jobs that workers have published, by name, without their schemas. For callers with job:read. Locks
-- nothing.

create function mayfly.list_job_kinds()
returns jsonb
language plpgsql stable
set search_path = ''
as $$
declare
  tenant constant uuid := mayfly_private.require_tenant('job:read');
begin
  return (
    select coalesce(jsonb_agg(mayfly_private.show_job_kind(k) order by k.name), '[]')
    from mayfly.job_kinds k where k.tenant_id = tenant);
end
$$;

comment on function mayfly.list_job_kinds is
  'The kinds of jobs that workers have published: [{ name, type, title, version, description, has_schema, published_at, published_by }].';
grant execute on function mayfly.list_job_kinds to authenticated, service_role;
