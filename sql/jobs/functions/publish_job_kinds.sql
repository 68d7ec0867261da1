-- Refuses kinds of jobs before any is stored, if one of them has a fault. The error names the index and the field of
-- the first fault. Locks nothing. Schemas are json and not jsonb, which would change the order of their properties: it is
-- the order of the fields of a form.

create function mayfly_private.check_job_kinds(kinds json)
returns void
language plpgsql immutable
set search_path = ''
as $$
declare
  fault record;
begin
  if json_typeof(kinds) is distinct from 'array' or json_array_length(kinds) not between 1 and 500 or not pg_input_is_valid(kinds::text, 'jsonb') then -- bounds: 500 kind.perCall
    perform mayfly_private.fail(400, 'invalid_request', 'kinds must be an array of 1 to 500 kinds of jobs, without U+0000.', null, '{"field": "kinds"}'); -- bounds: 500 kind.perCall
  end if;
  select o.n - 1 as index, o.field into fault
  from (
    select e.n, case
      when jsonb_typeof(e.k) <> 'object' then 'name'
      when jsonb_typeof(e.k -> 'name') is distinct from 'string' or e.k ->> 'name' !~ '^[A-Za-z0-9][A-Za-z0-9_.:-]{0,99}$'
        or count(*) over (partition by e.k ->> 'name') > 1 then 'name'
      when e.k - '{name,description,input_schema}'::text[] <> '{}' then
        (select f from jsonb_object_keys(e.k - '{name,description,input_schema}'::text[]) f order by f limit 1)
      when not mayfly_private.text_within(e.k -> 'description', 500) then 'description' -- bounds: 500 kind.description
      when coalesce(jsonb_typeof(e.k -> 'input_schema'), 'null') not in ('object', 'null') then 'input_schema'
      when octet_length((e.raw -> 'input_schema')::text) > 16384 then 'input_schema' -- bounds: 16384 kind.schemaBytes
      when not mayfly_private.json_within(e.k -> 'input_schema', 1048576, 32) or not mayfly_private.numbers_kept(e.k -> 'input_schema') then 'input_schema' -- bounds: 32 kind.schemaLevels
    end as field
    from (select raw, raw::jsonb as k, n from json_array_elements(kinds) with ordinality as r (raw, n)) e
  ) o
  where o.field is not null
  order by o.n
  limit 1;
  if found then
    perform mayfly_private.fail(400, 'invalid_request', format('kinds[%s].%s %s.', fault.index, fault.field, case fault.field
        when 'name' then 'must be 1 to 100 letters, digits, dots, colons, dashes or underscores, and occur once'
        when 'description' then 'must be a text of at most 500 characters' -- bounds: 500 kind.description
        when 'input_schema' then 'must be a JSON Schema: an object of at most 16384 bytes with at most 32 levels' -- bounds: 16384 kind.schemaBytes; 32 kind.schemaLevels
        else 'is not a field of a kind' end),
      'Nothing was published. Correct it, or leave the kind out.', jsonb_build_object('index', fault.index, 'field', fault.field));
  end if;
end
$$;

comment on function mayfly_private.check_job_kinds is 'Refuses invalid kinds of jobs, with index and field.';

-- Stores kinds of jobs, as a definer because it writes. In most calls, everything is already stored: then it reads the
-- digests and writes nothing. Otherwise it takes an advisory lock on the tenant's kinds, so that the count of names and
-- of bytes is right, and then locks the rows that it replaces.

create function mayfly_private.publish_job_kinds(kinds json)
returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  tenant constant uuid := mayfly_private.require_tenant('job:work');
  ts constant timestamptz := mayfly_private.now();
  changed json[];
  size integer;
  before integer;
  fresh integer;
begin
  perform mayfly_private.check_job_kinds(kinds);
  changed := array(
    select k from json_array_elements(kinds) k
    left join mayfly.job_kinds o on o.tenant_id = tenant and o.name = k ->> 'name' and o.digest = md5(k::text)::uuid
      and o.published_at > ts - interval '6 hours'
    where o.name is null);
  if cardinality(changed) = 0 then
    return '{"published": 0}';
  end if;

  perform pg_advisory_xact_lock(hashtextextended('mayfly.job_kinds ' || tenant, 0));
  select coalesce(sum(o.bytes), 0), cardinality(changed) - count(*) into before, fresh
  from (
    select o.bytes from mayfly.job_kinds o
    where o.tenant_id = tenant and o.name in (select k ->> 'name' from unnest(changed) k)
    order by o.name for update
  ) o;
  if fresh > 0 and fresh + (select count(*) from mayfly.job_kinds o where o.tenant_id = tenant) > 1000 then -- bounds: 1000 kind.perTenant
    perform mayfly_private.fail(403, 'quota_exceeded', 'A tenant has at most 1000 kinds of jobs.', -- bounds: 1000 kind.perTenant
      'Nothing was published. Kinds that no worker publishes any more are deleted by maintenance.', '{"quota": "job_kinds", "limit": 1000}'); -- bounds: 1000 kind.perTenant
  end if;
  size := (select sum(512 + octet_length(k::text)) from unnest(changed) k);
  perform mayfly_private.charge(tenant, 0, size - before, cardinality(changed));
  insert into mayfly.job_kinds (tenant_id, name, description, input_schema, digest, published_by, published_at, bytes)
  select tenant, k ->> 'name', k ->> 'description', case when json_typeof(k -> 'input_schema') = 'object' then k -> 'input_schema' end,
    md5(k::text)::uuid, mayfly_private.caller_id(), ts, 512 + octet_length(k::text)
  from unnest(changed) k
  on conflict on constraint job_kinds_pkey do update
  set description = excluded.description, input_schema = excluded.input_schema, digest = excluded.digest,
    published_by = excluded.published_by, published_at = excluded.published_at, bytes = excluded.bytes;
  return jsonb_build_object('published', cardinality(changed));
end
$$;

comment on function mayfly_private.publish_job_kinds is 'Stores kinds of jobs.';
grant execute on function mayfly_private.publish_job_kinds to authenticated, service_role;

-- Publishes the kinds of jobs that a worker has handlers for, so that forms can be made from their schemas (scope
-- job:work): [{ name, description?, input_schema? }], at most 500. What is already stored is not written again. A kind
-- that nobody has published for the time `kept` is deleted.

create function mayfly.publish_job_kinds(kinds json)
returns jsonb
language sql
set search_path = ''
return mayfly_private.publish_job_kinds(kinds);

comment on function mayfly.publish_job_kinds is
  'Publishes kinds of jobs, each with the JSON Schema of its input: { published }, how many differed from what was stored.';
grant execute on function mayfly.publish_job_kinds to authenticated, service_role;
