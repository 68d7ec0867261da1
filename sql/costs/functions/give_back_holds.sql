-- Gives back dead holds of a tenant, at most max_rows. A hold with a job is dead if the job no longer runs the attempt
-- that made the hold. A hold without a job is dead if its time is over. Returns how many holds were given back. Waits
-- for no lock: skips holds that others have locked, and holds whose budgets others have locked. A caller that has
-- already read budgets of the tenant has to read them again afterwards.

create function mayfly_private.give_back_holds(tenant uuid, max_rows integer default 1000)
returns integer
language plpgsql security definer
set search_path = ''
as $$
declare
  ts constant timestamptz := mayfly_private.now();
  hold mayfly_private.cost_holds;
  locked integer;
  given integer := 0;
begin
  for hold in
    select h.* from mayfly_private.cost_holds h
    where h.tenant_id = tenant and h.released_at is null and case
      when h.job_id is null then h.until <= ts
      else not exists (
        select from mayfly.jobs j
        where j.tenant_id = tenant and j.id = h.job_id and j.status = 'running' and j.attempt = h.attempt and j.lease_end > ts) end
    limit max_rows
    for update of h skip locked
  loop
    select count(*) into locked from (
      select from mayfly.budgets b
      where b.tenant_id = tenant and b.level = any (hold.levels) and mayfly_private.concerns(b, tenant, hold.agent, hold.run_id, hold.groups)
      for no key update skip locked) l;
    continue when locked < (
      select count(*) from mayfly.budgets b
      where b.tenant_id = tenant and b.level = any (hold.levels) and mayfly_private.concerns(b, tenant, hold.agent, hold.run_id, hold.groups));
    perform mayfly_private.release_hold(hold);
    given := given + 1;
  end loop;
  return given;
end
$$;

comment on function mayfly_private.give_back_holds is 'Gives back dead holds of a tenant.';
