-- Chooses a sleeping worker to which a new job can be sent with the NOTIFY that wakes it, and ends its sleep. The job
-- then starts without a claim: one call and one commit less between adding a job and starting it. Returns null if the
-- worker has to claim the job as usual. Called by insert_jobs for plain jobs, as the last thing that may lock, after
-- the tenant's usage. Never waits: it skips rows of workers that others have locked, and only tries the locks with
-- which claiming_worker makes sure that an agent cannot end meanwhile.
--
-- A NOTIFY can be lost, and the worker can be dead. So this lease lasts for at most 5 seconds, and the worker extends it
-- as soon as it has the job. Otherwise the job is ready again after its lease, like any job whose worker has died.
-- 7,000 bytes leave room in a NOTIFY for the rest of the job.

create type mayfly_private.delivery as (
  worker uuid,
  holder uuid,
  lease_end timestamptz
);

create function mayfly_private.deliver_job(tenant uuid, label text, content jsonb)
returns mayfly_private.delivery
language plpgsql security definer
set search_path = ''
as $$
declare
  ts constant timestamptz := mayfly_private.now();
  asleep mayfly_private.job_workers;
  ends timestamptz := 'infinity';
  line uuid[];
  one uuid;
begin
  select w.* into asleep from mayfly_private.job_workers w
  where w.tenant_id = tenant and w.until > ts and w.holder is not null
    and label = any (w.names) and (w.queues is null or label = any (w.queues))
  order by w.until desc
  limit 1
  for update skip locked;
  if asleep.id is null or octet_length(content::text) > 7000
    or exists (select from mayfly.job_queues q where q.tenant_id = tenant)
    or not exists (select from mayfly_private.postgres_listeners l where l.tenant_id = tenant and l.until > ts) then
    return null;
  end if;
  if asleep.holder <> '00000000-0000-0000-0000-000000000000' then
    select array(select i from unnest(a.ancestors || a.id) i order by i) into line
    from mayfly.agents a
    where a.tenant_id = tenant and a.id between asleep.holder and asleep.holder and 'job:work' = any (a.scopes)
    order by a.id limit 1;
    if line is null then
      return null;
    end if;
    foreach one in array tenant || line loop
      if not pg_try_advisory_xact_lock_shared(hashtextextended('mayfly.jobs ' || one, 0)) then
        return null;
      end if;
    end loop;
    ends := mayfly_private.line_end(tenant, line);
    if ends is null then
      return null;
    end if;
  end if;
  update mayfly_private.job_workers w set until = '-infinity' where w.tenant_id = tenant and w.id = asleep.id;
  return row(asleep.id, asleep.holder, least(ts + make_interval(secs => least(asleep.lease, 5)), ends))::mayfly_private.delivery;
end
$$;

comment on function mayfly_private.deliver_job is 'Chooses a sleeping worker to which a new job is sent.';
