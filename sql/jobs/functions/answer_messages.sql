-- Answers the messages from which ended jobs were made. Sends a task_result to the sender, in the name of the agent
-- that did the job. If no agent did the job, the result is sent in the name of the agent that added the job. Answers
-- are sent in SQL, not by a worker, so that a job also answers if it ends without a worker (because it was cancelled or
-- has no attempts left). If an answer cannot be sent (the sender is dead, or the tenant is full), the job still ends,
-- with a warning.

create function mayfly_private.answer_messages(tenant uuid, ids uuid[])
returns void
language plpgsql security definer
set search_path = ''
as $$
declare
  answer record;
begin
  for answer in
    select f.id as job, f.status, f.result, f.error, m.id as message, m.sender_id as recipient, m.conversation_id, m.correlation_id,
      coalesce(nullif(f.holder, '00000000-0000-0000-0000-000000000000'), f.created_by) as sender
    from mayfly.finished_jobs f
    join mayfly.messages m on m.tenant_id = f.tenant_id and m.id = f.answers
    where f.tenant_id = tenant and f.id = any (ids) and m.sender_id is not null
    order by f.id
  loop
    begin
      perform mayfly_private.deliver_answer(tenant, answer.job, answer.sender, answer.recipient, answer.message,
        answer.conversation_id, answer.correlation_id,
        jsonb_strip_nulls(jsonb_build_object('job', answer.job, 'status', answer.status, 'error', answer.error))
          || jsonb_build_object('result', answer.result));
    exception when others then
      raise warning 'mayfly: the message % could not be answered: %', answer.message, sqlerrm;
    end;
  end loop;
end
$$;

comment on function mayfly_private.answer_messages is 'Answers the messages from which ended jobs were made.';
