-- Releases what agents leave behind, in the transaction that ends them. Their assigned jobs go to any agent with the
-- capabilities, and polls that waited for their ballots close if they wait for nothing else. Bids of dead agents cannot
-- win (award_tender checks).
--
-- It skips jobs and polls that somebody else has locked, so that endings never wait for each other. Maintenance, the
-- next ballot and every reader of the poll check again. The statement has locked the agents. The trigger locks the
-- jobs, then the polls.

create function mayfly_private.release_obligations()
returns trigger
language plpgsql security definer
set search_path = ''
as $$
declare
  ended record;
  held uuid[];
  poll mayfly.polls;
begin
  for ended in
    select n.tenant_id as tenant, array_agg(n.id order by n.id) as ids
    from new_rows n
    join old_rows o on o.tenant_id = n.tenant_id and o.id = n.id
    where n.status <> 'running' and o.status = 'running'
    group by n.tenant_id
    order by n.tenant_id
  loop
    perform mayfly_private.reassign_jobs(ended.tenant, 1000);
    continue when not exists (select from mayfly.polls p where p.tenant_id = ended.tenant and p.status = 'open');
    held := array(
      select j.id from mayfly.jobs j
      where j.tenant_id = ended.tenant and j.id in (select p.job_id from mayfly.polls p where p.tenant_id = ended.tenant and p.status = 'open')
      order by j.id for no key update skip locked);
    for poll in
      select p.* from mayfly.polls p
      where p.tenant_id = ended.tenant and p.status = 'open'
        and exists (select from mayfly.agents a where a.tenant_id = p.tenant_id and a.id = any (p.voters)
          and (a.id = any (ended.ids) or a.ancestors && ended.ids))
        and (p.job_id is null or p.job_id = any (held)
          or not exists (select from mayfly.jobs j where j.tenant_id = p.tenant_id and j.id = p.job_id))
      order by p.id for no key update skip locked
    loop
      perform mayfly_private.settle_poll(poll);
    end loop;
  end loop;
  return null;
end
$$;

comment on function mayfly_private.release_obligations is 'Trigger: releases what agents leave behind when they end.';

create trigger agents_release_obligations after update on mayfly.agents
  referencing old table as old_rows new table as new_rows
  for each statement execute function mayfly_private.release_obligations();
