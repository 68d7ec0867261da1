-- A conflict is charged 256 bytes, plus the size of the wanted value and of its base. Each of the two can be as long as
-- a memory.

create function mayfly_private.conflict_bytes(base jsonb, wanted jsonb)
returns integer
language plpgsql immutable parallel safe
set search_path = ''
as $$
begin
  return 256 + coalesce(octet_length(base::text), 0) + coalesce(octet_length(wanted::text), 0);
end
$$;

comment on function mayfly_private.conflict_bytes is 'How many bytes a conflict is charged.';
