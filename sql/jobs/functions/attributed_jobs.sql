-- The JSON path that finds these attributes of a tenant in job_attributes_search_idx. `wanted` is { name: value }. A
-- list of values finds any of them. Refuses an invalid filter. Locks nothing.

create function mayfly_private.attributes_path(tenant uuid, wanted jsonb)
returns jsonpath
language plpgsql stable
set search_path = ''
as $$
begin
  if jsonb_typeof(wanted) <> 'object' or (select count(*) from jsonb_object_keys(wanted)) not between 1 and 16 -- bounds: 16 attribute.names
    or exists (
      select from jsonb_each(wanted) e
      where case when jsonb_typeof(e.value) = 'array' then jsonb_array_length(e.value) not between 1 and 16 end -- bounds: 16 attribute.names
        or exists (
          select from jsonb_array_elements(case jsonb_typeof(e.value) when 'array' then e.value else jsonb_build_array(e.value) end) v
          where jsonb_typeof(v) = 'null' or mayfly_private.attributes_fault(jsonb_build_object(e.key, v)) is not null)) then
    perform mayfly_private.fail(400, 'invalid_request',
      'of_attributes must be 1 to 16 names of attributes, each with a text, a number, true or false, or with a list of up to 16 of these.', -- bounds: 16 attribute.names
      'For example {"customer": "acme", "plan": ["team", "enterprise"]}.', '{"field": "of_attributes"}');
  end if;
  -- A JSON text is also a text of a JSON path, with the same quotes and escapes.
  return format('$.%s ? (%s)', to_json(tenant::text), (
    select string_agg(format('(%s)', (
        select string_agg(format('@.%s == %s', to_json(e.key), v), ' || ')
        from jsonb_array_elements(case jsonb_typeof(e.value) when 'array' then e.value else jsonb_build_array(e.value) end) v)), ' && ')
    from jsonb_each(wanted) e))::jsonpath;
end
$$;

comment on function mayfly_private.attributes_path is 'The JSON path that finds attributes of a tenant.';

-- The ids of a tenant's jobs with these attributes, from `oldest` on, and before `past` and `before`, each of which may be
-- null. Only the index can find them, because it is the only one whose expression is in the condition: it reads what
-- matches, and nothing of other tenants. Called by functions that have checked that the caller may read the tenant's
-- jobs or runs. Locks nothing.

create function mayfly_private.jobs_with(tenant uuid, wanted jsonb, oldest uuid, past uuid, before uuid)
returns uuid[]
language plpgsql stable security definer
set search_path = ''
set enable_seqscan = off
set enable_indexscan = off
as $$
declare
  path constant jsonpath := mayfly_private.attributes_path(tenant, wanted);
begin
  return array(
    select a.job_id from mayfly.job_attributes a
    where jsonb_set('{}', array[a.tenant_id::text], a.attributes) @? path
      and (oldest is null or a.job_id >= oldest) and (past is null or a.job_id < past) and (before is null or a.job_id < before));
end
$$;

comment on function mayfly_private.jobs_with is 'The jobs of a tenant with these attributes.';

-- The same for the caller's tenant. It runs as owner, because an index cannot be used for `@?` under row-level security:
-- the operator is not leakproof.

create function mayfly_private.attributed_jobs(wanted jsonb, oldest uuid, past uuid, before uuid)
returns uuid[]
language plpgsql stable security definer
set search_path = ''
as $$
begin
  return mayfly_private.jobs_with(mayfly_private.require_tenant('job:read'), wanted, oldest, past, before);
end
$$;

comment on function mayfly_private.attributed_jobs is 'The jobs of the caller''s tenant with these attributes.';
grant execute on function mayfly_private.attributed_jobs to authenticated, service_role;
