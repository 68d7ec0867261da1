-- Deletes kinds of jobs that no worker has published for the time in the settings, and for at least 2 days, because a
-- running worker publishes again only every 12 hours. A chore, which maintain_tenant calls as owner. Locks the rows that
-- it deletes, and skips locked ones.

create function mayfly_private.maintain_job_kinds(tenant uuid, max_rows integer)
returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  gone integer;
  freed integer;
begin
  with deleted as (
    delete from mayfly.job_kinds k where (k.tenant_id, k.name) in (
      select o.tenant_id, o.name from mayfly.job_kinds o
      where o.tenant_id = tenant and o.published_at < mayfly_private.now() - greatest(mayfly_private.kept(), interval '2 days')
      limit max_rows for update skip locked)
    returning k.bytes)
  select count(*), sum(d.bytes) into gone, freed from deleted d;
  if gone > 0 then
    perform mayfly_private.count_usage(tenant, 0, -freed, 0);
  end if;
  return jsonb_build_object('more', gone = max_rows);
end
$$;

comment on function mayfly_private.maintain_job_kinds is 'One batch of maintenance of the kinds of jobs.';
