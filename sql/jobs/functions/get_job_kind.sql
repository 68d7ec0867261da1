-- A kind of job with the JSON Schema of its input, or null if no worker has published this name. For callers with
-- job:read. Locks nothing.

create function mayfly.get_job_kind(name text)
returns json
language plpgsql stable
set search_path = ''
as $$
declare
  tenant constant uuid := mayfly_private.require_tenant('job:read');
begin
  return (
    select json_object_agg(s.key, s.value)
    from mayfly.job_kinds k
    cross join lateral (
      select e.key, e.value::json as value from jsonb_each(mayfly_private.show_job_kind(k)) e
      union all
      select 'input_schema', coalesce(k.input_schema, 'null')
    ) s
    where k.tenant_id = tenant and k.name = get_job_kind.name);
end
$$;

comment on function mayfly.get_job_kind is 'A kind of job with the JSON Schema of its input, or null.';
grant execute on function mayfly.get_job_kind to authenticated, service_role;
