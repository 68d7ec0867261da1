-- Closes an open poll if it is due. The caller has locked the poll and its job. A poll is due
-- - at its deadline, and at its quorum,
-- - if its voters are known, when each voter has voted or is dead, or when missing votes cannot change the outcome,
-- - with the rule first_valid, at the first ballot, and with unanimous, at the first ballot that differs.
-- In the same transaction, ballots become visible, an event is logged, and the waiting job is signalled.

create function mayfly_private.settle_poll(poll mayfly.polls)
returns mayfly.polls
language plpgsql security definer
set search_path = ''
as $$
declare
  ts constant timestamptz := mayfly_private.now();
  cast_count integer;
  cast_weight double precision;
  counts jsonb;
  leader record;
  second_weight double precision;
  missing integer;
  missing_weight double precision := 0;
  result text;
begin
  select count(*), coalesce(sum(b.weight), 0) into cast_count, cast_weight
  from mayfly_private.cast_ballots b where b.tenant_id = poll.tenant_id and b.poll_id = poll.id;
  if poll.voters is not null then
    -- A poll waits for every person among its voters, but not for agents that are not running or whose time is over.
    select count(*), coalesce(sum(v.weight), 0) into missing, missing_weight
    from unnest(poll.voters, coalesce(poll.weights, array_fill(1::double precision, array[cardinality(poll.voters)]))) as v (id, weight)
    left join mayfly.agents a on a.tenant_id = poll.tenant_id and a.id = v.id
    where not exists (
        select from mayfly_private.cast_ballots b where b.tenant_id = poll.tenant_id and b.poll_id = poll.id and b.voter_id = v.id)
      and (a.id is null or mayfly_private.effective_status(a) = 'running')
      and (a.id is not null or exists (select from mayfly.members m where m.tenant_id = poll.tenant_id and m.user_id = v.id));
  end if;
  select jsonb_object_agg(o.option, jsonb_build_object('ballots', coalesce(c.ballots, 0), 'weight', coalesce(c.weight, 0))) into counts
  from unnest(poll.options) as o (option)
  left join (
    select b.choice, count(*) as ballots, sum(b.weight) as weight
    from mayfly_private.cast_ballots b where b.tenant_id = poll.tenant_id and b.poll_id = poll.id
    group by b.choice) c on c.choice = o.option;
  select e.key as option, (e.value ->> 'weight')::double precision as weight, (e.value ->> 'ballots')::integer as ballots into leader
  from jsonb_each(counts) e order by 2 desc, array_position(poll.options, e.key) limit 1;
  second_weight := coalesce((
    select max((e.value ->> 'weight')::double precision) from jsonb_each(counts) e where e.key <> leader.option), 0);

  if (poll.deadline <= ts
    or missing = 0
    or cast_count >= poll.quorum
    or (poll.rule = 'first_valid' and cast_count > 0)
    or (poll.rule = 'unanimous' and leader.ballots < cast_count)
    or (poll.quorum is null and cast_count > 0 and case poll.rule
      when 'majority' then missing_weight < 2 * leader.weight - cast_weight and missing is not null
      when 'weighted' then missing_weight < leader.weight - second_weight and missing is not null
      else false end)) is not true then
    return poll;
  end if;

  result := case
    when cast_count = 0 then 'no_ballots'
    when cast_count < poll.quorum then 'no_quorum'
    when poll.rule = 'first_valid' then 'decided'
    when poll.rule = 'unanimous' then case when leader.ballots = cast_count then 'decided' else 'not_unanimous' end
    when poll.rule = 'majority' then case when 2 * leader.weight > cast_weight then 'decided' else 'no_majority' end
    when leader.weight > second_weight then 'decided'
    else 'tie' end;
  update mayfly.polls p
  set status = 'closed', closed_at = ts, outcome = jsonb_build_object('result', result,
    'winner', case when result = 'decided' then leader.option end, 'ballots', cast_count, 'counts', counts)
  where p.tenant_id = poll.tenant_id and p.id = poll.id
  returning p.* into poll;
  with gone as (
    delete from mayfly_private.cast_ballots b where b.tenant_id = poll.tenant_id and b.poll_id = poll.id returning b.*)
  insert into mayfly.ballots (tenant_id, poll_id, voter_id, choice, reason, weight, cast_at)
  select g.tenant_id, g.poll_id, g.voter_id, g.choice, g.reason, g.weight, g.cast_at from gone g;
  perform mayfly_private.append_events(poll.tenant_id, 'poll.closed', array[poll.id]);
  perform mayfly_private.signal_poll(poll);
  return poll;
end
$$;

comment on function mayfly_private.settle_poll is 'Closes a locked poll if it is due.';
