-- Makes jobs ready. The caller has locked them. The jobs go to the end of their lanes, without a holder, and their
-- run_at becomes now. Sleeping workers are woken. Called wherever a lease or a wait ends.

create function mayfly_private.ready_jobs(tenant uuid, ids uuid[], more_attempts integer default 0)
returns void
language plpgsql security definer
set search_path = ''
as $$
begin
  if coalesce(cardinality(ids), 0) = 0 then
    return;
  end if;
  update mayfly.jobs j
  set status = 'ready', seq = nextval('mayfly.jobs_seq_seq'), run_at = mayfly_private.now(), holder = null, lease_end = null,
    wait_for = null, max_attempts = j.max_attempts + more_attempts
  where j.tenant_id = tenant and j.id = any (ids);
  perform mayfly_private.wake_workers(tenant);
end
$$;

comment on function mayfly_private.ready_jobs is 'Makes locked jobs ready.';
