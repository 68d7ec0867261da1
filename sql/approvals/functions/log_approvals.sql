-- Appends what happened to approvals of one tenant to the log, ids alone, and tells its readers.

create function mayfly_private.log_approvals(tenant uuid, happened text, ids uuid[])
returns void
language plpgsql security definer
set search_path = ''
as $$
declare
  of_epoch constant integer := mayfly_private.current_epoch();
  caller constant mayfly_private.caller := mayfly_private.caller();
begin
  insert into mayfly.events (tenant_id, epoch, type, agent_id, subject)
  select tenant, of_epoch, happened, case when caller.kind = 'agent' and caller.tenant_id = tenant then caller.id end, i.id
  from unnest(ids) with ordinality as i (id, n)
  order by i.n;
  perform mayfly_private.nudge(tenant, null);
end
$$;

comment on function mayfly_private.log_approvals is 'Appends what happened to approvals to the log.';
