-- Creates a poll. With a lease, the poll belongs to the lease's job, and the lease must be the caller's. Locks the job
-- and what charge locks.

create function mayfly_private.open_poll(
  question text, options text[], rule text, voters jsonb, team uuid, quorum integer, seconds double precision, poll_key text, lease text
)
returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  ts constant timestamptz := mayfly_private.now();
  job mayfly.jobs;
  tenant uuid;
  author uuid;
  whose uuid[];
  weighs double precision[];
  poll mayfly.polls;
begin
  if lease is null then
    tenant := mayfly_private.require_tenant('team:manage');
  else
    job := mayfly_private.fence_job(lease);
    tenant := job.tenant_id;
  end if;
  author := mayfly_private.caller_id();
  perform mayfly_private.check_poll(question, options, rule, voters, team, quorum, seconds, poll_key);
  if voters is not null then
    select array_agg(v.id order by v.n), array_agg(v.weight order by v.n) filter (where rule = 'weighted') into whose, weighs
    from (
      select e.n, case jsonb_typeof(e.v) when 'string' then e.v #>> '{}' else e.v ->> 'id' end::uuid as id,
        coalesce((case jsonb_typeof(e.v) when 'object' then e.v ->> 'weight' end)::double precision, 1) as weight
      from jsonb_array_elements(voters) with ordinality as e (v, n)) v;
    if (select count(distinct w) < cardinality(whose) from unnest(whose) w) then
      perform mayfly_private.fail(400, 'invalid_request', 'voters must name each voter once.', null, '{"field": "voters"}');
    end if;
  elsif team is not null then
    perform mayfly_private.open_team(tenant, team);
    whose := array(
      select a.id from mayfly.team_members m
      join mayfly.agents a on a.tenant_id = m.tenant_id and a.id = m.agent_id
      where m.tenant_id = tenant and m.team_id = team and mayfly_private.effective_status(a) in ('running', 'suspended')
      order by m.joined_at, a.id);
    if cardinality(whose) = 0 then
      perform mayfly_private.fail(409, 'team_ended', 'No member of the team is alive.', 'Spawn another team, or name the voters.', '{"field": "team"}');
    end if;
  end if;
  if quorum > cardinality(whose) then
    perform mayfly_private.fail(400, 'invalid_request', format('quorum must be at most %s, the number of voters.', cardinality(whose)), null, '{"field": "quorum"}');
  end if;

  insert into mayfly.polls as p (tenant_id, team_id, question, options, rule, quorum, voters, weights, deadline, job_id, key, created_by, created_at)
  values (tenant, team, question, options, open_poll.rule, open_poll.quorum, whose, weighs, ts + make_interval(secs => seconds), job.id,
    coalesce(author::text, '') || ' ' || poll_key, author, ts)
  on conflict (tenant_id, key) where p.key is not null do nothing
  returning p.* into poll;
  if poll.id is null then
    select * into strict poll from mayfly.polls p where p.tenant_id = tenant and p.key = coalesce(author::text, '') || ' ' || poll_key;
    return mayfly_private.show_poll(poll);
  end if;
  perform mayfly_private.append_events(tenant, 'poll.opened', array[poll.id]);
  return mayfly_private.show_poll(poll);
end
$$;

comment on function mayfly_private.open_poll is 'Opens a poll.';
grant execute on function mayfly_private.open_poll to authenticated, service_role;

-- Opens a poll with 2 to 50 options (scope team:manage). The voters are those in `voters` (ids, or { id, weight } if
-- the rule is `weighted`), or the living members of `team`, or else everybody with the scope team:vote. The poll closes
-- once: when all living voters have voted, when nothing can change the outcome any more, at the quorum, or at its
-- deadline. With `lease`, the job of the lease then gets the signal `poll:<id>`. With `key`, the same caller gets the
-- same poll again.

create function mayfly.open_poll(
  question text, options text[], rule text default 'majority', voters jsonb default null, team uuid default null, quorum integer default null,
  seconds double precision default 300, key text default null, lease text default null
)
returns jsonb
language sql
set search_path = ''
return mayfly_private.open_poll(question, options, rule, voters, team, quorum, seconds, key, lease);

comment on function mayfly.open_poll is 'Opens a poll: majority, unanimous, weighted or first_valid. Returns the poll.';
grant execute on function mayfly.open_poll to authenticated, service_role;
