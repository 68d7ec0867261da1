-- Parses a lease token, which is `attempt.job.tenant`. Returns null if the token does not have this form. The token is
-- not a secret: the fence checks that the job is running this attempt, that the caller holds it, and that its lease has
-- not ended.

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
declare
  -- A regular expression over the whole token took three times as long.
  parts constant text[] := string_to_array(token, '.');
begin
  if cardinality(parts) = 3 and octet_length(token) between 75 and 83 and pg_input_is_valid(parts[1], 'integer')
    and pg_input_is_valid(parts[2], 'uuid') and pg_input_is_valid(parts[3], 'uuid')
    and (holder.tenant_id is null or holder.tenant_id = parts[3]::uuid) then
    return row(parts[3]::uuid, parts[2]::uuid, parts[1]::integer)::mayfly_private.lease;
  end if;
  return null;
end
$$;

comment on function mayfly_private.lease_of is 'The content of a lease token, for this holder.';
