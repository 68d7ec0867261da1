-- Sends a message to those who may decide an approval. When an approval is requested, they are the people and agents
-- that it names, and the people with the roles that it names. When it is escalated, they are the people with the roles
-- for escalations. When it is delegated, only the recipient gets the message. Sends to at most a hundred of them, and
-- never to the requester. Locks the inboxes of these recipients, in the order of their ids.

create function mayfly_private.tell_deciders(approval mayfly.approvals, happened text)
returns void
language plpgsql security definer
set search_path = ''
as $$
declare
  roles constant text[] := case happened when 'escalated' then coalesce(approval.escalation_roles, '{admin,owner}') else approval.roles end;
  recipient uuid;
begin
  for recipient in
    select r.id
    from (
      select unnest(case happened when 'requested' then approval.deciders when 'delegated' then approval.delegates[cardinality(approval.delegates):] end) as id
      union
      select m.user_id from mayfly.members m
      where m.tenant_id = approval.tenant_id and m.role = any (roles) and happened <> 'delegated') r
    where r.id is distinct from approval.requested_by
      and (exists (select from mayfly.members m where m.tenant_id = approval.tenant_id and m.user_id = r.id)
        or exists (select from mayfly.agents a where a.tenant_id = approval.tenant_id and a.id = r.id and mayfly_private.effective_status(a) = 'running'))
    order by r.id
    limit 100
  loop
    perform mayfly_private.deliver_message(approval.tenant_id, mayfly_private.new_job_id(mayfly_private.now()), 'review_request', approval.requested_by,
      recipient, null, null, approval.id::text, jsonb_build_object('subject', approval.title, 'approval', approval.id, 'event', happened,
        'category', approval.category, 'digest', encode(approval.digest, 'hex'), 'expires_at', approval.expires_at));
  end loop;
end
$$;

comment on function mayfly_private.tell_deciders is 'Sends a message to the deciders of an approval.';

-- Tells deciders about an approval in their inboxes. If the approval's policy names a job, also adds this job, so that
-- a worker of the project can send mail or call a webhook. The job is retried until this succeeds. Its key makes sure
-- that there is only one job for each notification.

create function mayfly_private.notify_approvers(approval mayfly.approvals, happened text)
returns void
language plpgsql security definer
set search_path = ''
as $$
begin
  if approval.notify is not null then
    perform mayfly_private.insert_jobs(approval.tenant_id, jsonb_build_array(jsonb_build_object(
      'name', approval.notify, 'key', format('approval/%s/%s', approval.id, happened),
      'input', jsonb_build_object('event', happened, 'approval', mayfly_private.show_approval(approval) - '{input,input_schema}'::text[]))),
      null, null, null);
  end if;
  perform mayfly_private.tell_deciders(approval, happened);
end
$$;

comment on function mayfly_private.notify_approvers is 'Adds the job that notifies people of an approval.';
