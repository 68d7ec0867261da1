-- Stores the attributes of new jobs, and returns how many bytes they take. `ids` are the ids of `jobs`, in the same
-- order. Jobs with a place in `known` were not added, and keep what they have. Called by insert_jobs, which charges the
-- bytes. Locks nothing.

create function mayfly_private.insert_attributes(tenant uuid, jobs jsonb, ids uuid[], known integer[])
returns bigint
language plpgsql security definer
set search_path = ''
as $$
declare
  bytes bigint;
begin
  with written as (
    insert into mayfly.job_attributes (tenant_id, job_id, attributes, bytes)
    select tenant, ids[e.n], a.attributes, 128 + octet_length(a.attributes::text)
    from jsonb_array_elements(jobs) with ordinality as e (j, n)
    cross join lateral jsonb_strip_nulls(e.j -> 'attributes') as a (attributes)
    where e.n <> all (known) and jsonb_typeof(a.attributes) = 'object' and a.attributes <> '{}'
    returning mayfly.job_attributes.bytes
  )
  select coalesce(sum(w.bytes), 0) into bytes from written w;
  return bytes;
end
$$;

comment on function mayfly_private.insert_attributes is 'Stores the attributes of new jobs, and returns their bytes.';
