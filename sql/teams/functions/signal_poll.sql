-- Signals the job of a poll that is over, with its outcome. The caller has locked the job, then the poll.

create function mayfly_private.signal_poll(poll mayfly.polls)
returns void
language plpgsql security definer
set search_path = ''
as $$
declare
  bytes constant integer := 300 + octet_length(poll.outcome::text);
  job mayfly.jobs;
begin
  select * into job from mayfly.jobs j where j.tenant_id = poll.tenant_id and j.id = poll.job_id;
  if found then
    perform mayfly_private.put_signal(job, 'poll:' || poll.id, poll.outcome, bytes);
    perform mayfly_private.count_usage(poll.tenant_id, 0, bytes, 0);
  end if;
end
$$;

comment on function mayfly_private.signal_poll is 'Signals the job of a poll that is over.';
