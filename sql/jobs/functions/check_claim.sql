-- Refuses an invalid claim. Locks nothing. All names are joined and checked at once, because checking them in a query
-- took 20 µs a claim.

create function mayfly_private.check_claim(wanted integer, queues text[], names text[], lease double precision)
returns void
language plpgsql immutable
set search_path = ''
as $$
begin
  if wanted is null or wanted not between 0 and 1000 then
    perform mayfly_private.fail(400, 'invalid_request', 'wanted must be 0 to 1000.', null, '{"field": "wanted"}');
  elsif lease is null or lease not between 1 and 3600 then -- bounds: 3600 work.lease.most
    perform mayfly_private.fail(400, 'invalid_request', 'lease must be 1 to 3600 seconds.', null, '{"field": "lease"}'); -- bounds: 3600 work.lease.most
  -- Nulls and slashes would break the joined text: a null becomes a slash, and no name has a slash.
  elsif cardinality(queues) > 0 and not (cardinality(queues) <= 100 and strpos(array_to_string(queues, '', '/'), '/') = 0
    and array_to_string(queues, '/') ~ '^[A-Za-z0-9][A-Za-z0-9_.:-]{0,99}(/[A-Za-z0-9][A-Za-z0-9_.:-]{0,99})*$') then
    perform mayfly_private.fail(400, 'invalid_request', 'queues must be at most 100 names.', null, '{"field": "queues"}');
  elsif cardinality(names) > 0 and not (cardinality(names) <= 500 and strpos(array_to_string(names, '', '/'), '/') = 0
    and array_to_string(names, '/') ~ '^[A-Za-z0-9][A-Za-z0-9_.:-]{0,99}(/[A-Za-z0-9][A-Za-z0-9_.:-]{0,99})*$') then
    perform mayfly_private.fail(400, 'invalid_request', 'names must be at most 500 names of jobs.', null, '{"field": "names"}');
  end if;
end
$$;

comment on function mayfly_private.check_claim is 'Refuses an invalid claim.';
