-- Answers a message with the outcome of a job. The sender is the agent that did the job. The message has the id of the
-- job, so it is sent only once. Locks the inbox.

create function mayfly_private.deliver_answer(
  tenant uuid, job uuid, sender uuid, recipient uuid, message uuid, conversation uuid, correlation text, content jsonb
)
returns void
language plpgsql security definer
set search_path = ''
as $$
begin
  perform mayfly_private.deliver_message(tenant, job, 'task_result', sender, recipient, message, conversation, correlation,
    case when octet_length(content::text) <= 262144 then content else content - 'result' end); -- bounds: 262144 job.resultBytes
end
$$;

comment on function mayfly_private.deliver_answer is 'Puts the answer of a job into an inbox.';
