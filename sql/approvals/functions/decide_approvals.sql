-- Decides several approvals independently, so an error with one approval does not prevent decisions about the others.
-- Called by mayfly.decide_approvals. Locks what decide_approval locks, in the order of the ids.

create function mayfly.decide_approvals(decisions jsonb)
returns jsonb
language plpgsql
set search_path = ''
as $$
declare
  one record;
  answers jsonb := '[]';
  failure text;
begin
  perform mayfly_private.require_tenant('approval:decide');
  if jsonb_typeof(decisions) is distinct from 'array' or jsonb_array_length(decisions) not between 1 and 100 then
    perform mayfly_private.fail(400, 'invalid_request', 'decisions must be an array of 1 to 100 { id, verdict, digest, reason?, input? }.', null, '{"field": "decisions"}');
  end if;
  for one in
    select d.n - 1 as index, mayfly_private.to_uuid(d.d ->> 'id') as id, d.d from jsonb_array_elements(decisions) with ordinality as d (d, n)
    order by d.d ->> 'id', d.n
  loop
    begin
      answers := answers || jsonb_build_object('index', one.index, 'approval', mayfly_private.decide_approval(
        one.id, one.d ->> 'verdict', one.d ->> 'digest', one.d ->> 'reason', one.d -> 'input'));
    exception when sqlstate 'PGRST' then
      get stacked diagnostics failure = message_text;
      answers := answers || jsonb_build_object('index', one.index, 'error', failure::jsonb);
    end;
  end loop;
  return (select jsonb_agg(a - 'index' order by (a ->> 'index')::integer) from jsonb_array_elements(answers) a);
end
$$;

comment on function mayfly.decide_approvals is 'Decides up to 100 approvals independently. Returns { approval } or { error } for each, in order.';
grant execute on function mayfly.decide_approvals to authenticated, service_role;
