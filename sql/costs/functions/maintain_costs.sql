-- Maintains the costs of a tenant. Gives back dead holds (holds whose call nobody will settle any more). Deletes holds
-- that were given back more than a day ago, breakers whose last failure is more than a day ago, and budgets of runs
-- whose jobs are gone. Takes at most max_rows of each, and returns { more }. Does not touch the ledger
-- (mayfly.model_usage). It is a chore, which maintain_tenant calls as owner. Does not wait for locks.

create function mayfly_private.maintain_costs(tenant uuid, max_rows integer)
returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  given constant integer := mayfly_private.give_back_holds(tenant, max_rows);
  deleted integer;
begin
  delete from mayfly_private.cost_holds h where (h.tenant_id, h.id) in (
    select o.tenant_id, o.id from mayfly_private.cost_holds o
    where o.tenant_id = tenant and o.released_at < mayfly_private.now() - interval '1 day' limit max_rows for update skip locked);
  delete from mayfly_private.model_breakers b
  where b.tenant_id = tenant and b.at < mayfly_private.now() - interval '1 day' and coalesce(b.open_until < mayfly_private.now(), true);
  delete from mayfly.budgets b where (b.tenant_id, b.level, b.subject) in (
    select r.tenant_id, r.level, r.subject from mayfly.budgets r
    where r.tenant_id = tenant and r.level = 'run' and r.period_start < mayfly_private.now() - interval '1 hour'
      and not exists (select from mayfly.jobs j where j.tenant_id = tenant and j.id = mayfly_private.to_uuid(r.subject))
      and not exists (select from mayfly.finished_jobs f where f.tenant_id = tenant and f.id = mayfly_private.to_uuid(r.subject))
    limit max_rows for update skip locked);
  get diagnostics deleted = row_count;
  return jsonb_build_object('holds', given, 'more', given = max_rows or deleted = max_rows);
end
$$;

comment on function mayfly_private.maintain_costs is 'One batch of maintenance of costs.';
