-- Awards an open tender that the caller has locked, if it is due. The job goes to the best bid of a living agent. A
-- tender is due at its deadline, when all living members of its team have bid, or when the caller asks for the award.
-- The bids then become visible.

create function mayfly_private.award_tender(tender mayfly.tenders, now_please boolean)
returns mayfly.tenders
language plpgsql security definer
set search_path = ''
as $$
declare
  ts constant timestamptz := mayfly_private.now();
  bid record;
  given uuid;
  winner uuid;
begin
  if not (now_please or tender.deadline <= ts or (tender.team_id is not null and not exists (
    select from mayfly.team_members m
    join mayfly.agents a on a.tenant_id = m.tenant_id and a.id = m.agent_id
    where m.tenant_id = tender.tenant_id and m.team_id = tender.team_id and mayfly_private.effective_status(a) = 'running'
      and 'job:work' = any (a.scopes) and a.capabilities @> tender.capabilities
      and not exists (
        select from mayfly_private.sealed_bids b where b.tenant_id = tender.tenant_id and b.tender_id = tender.id and b.agent_id = m.agent_id)))) then
    return tender;
  end if;
  for bid in
    select b.agent_id from mayfly_private.sealed_bids b
    where b.tenant_id = tender.tenant_id and b.tender_id = tender.id and (tender.max_price is null or b.price <= tender.max_price)
    order by case tender.rule when 'lowest_price' then b.price end, case tender.rule when 'highest_score' then -b.score end,
      case tender.rule when 'highest_score' then b.price end, -b.score, b.made_at, b.agent_id
  loop
    given := mayfly_private.give_job(tender.tenant_id, tender.job, bid.agent_id, tender.capabilities, tender.created_by);
    if given is not null then
      winner := bid.agent_id;
      exit;
    end if;
  end loop;
  update mayfly.tenders d
  set status = case when given is null then 'failed' else 'awarded' end, job_id = given, winner_id = winner, closed_at = ts
  where d.tenant_id = tender.tenant_id and d.id = tender.id
  returning d.* into tender;
  with gone as (
    delete from mayfly_private.sealed_bids b where b.tenant_id = tender.tenant_id and b.tender_id = tender.id returning b.*)
  insert into mayfly.bids (tenant_id, tender_id, agent_id, price, score, note, made_at)
  select g.tenant_id, g.tender_id, g.agent_id, g.price, g.score, g.note, g.made_at from gone g;
  perform mayfly_private.append_events(tender.tenant_id, 'tender.' || tender.status, array[tender.id]);
  return tender;
end
$$;

comment on function mayfly_private.award_tender is 'Awards a locked tender if it is due.';
