-- Lets one transaction at a time write a tenant's facts, so that a name never becomes two entities, a slot has only one
-- open fact, and writers do not wait for each other's rows. Called by each function that writes facts, before it reads
-- any. The lock ends with the transaction.

create function mayfly_private.hold_facts(tenant uuid)
returns void
language plpgsql
set search_path = ''
as $$
begin
  perform pg_advisory_xact_lock(hashtextextended('mayfly.facts ' || tenant, 0));
end
$$;

comment on function mayfly_private.hold_facts is 'Lets one transaction at a time write a tenant''s facts.';
