-- A lease token is `attempt.job.tenant`. It is no secret: what fences is that the job is running, at this attempt,
-- held by the caller, and that its lease has not ended. One that has not this form is no lease: null.

create type mayfly_private.lease as (
  tenant_id uuid,
  job_id uuid,
  attempt integer
);

create function mayfly_private.lease_of(holder mayfly_private.job_holder, token text)
returns mayfly_private.lease
language plpgsql immutable
set search_path = ''
as $$
begin
  if token ~ '^[0-9]{1,9}\.[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\.[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$'
    and split_part(token, '.', 3)::uuid = coalesce(holder.tenant_id, split_part(token, '.', 3)::uuid) then
    return row(split_part(token, '.', 3)::uuid, split_part(token, '.', 2)::uuid, split_part(token, '.', 1)::integer)::mayfly_private.lease;
  end if;
  return null;
end
$$;

comment on function mayfly_private.lease_of is 'What a lease token says, for this holder.';
