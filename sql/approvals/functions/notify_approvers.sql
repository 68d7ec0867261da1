-- Adds the job that notifies people of an approval, if the policy names one. A worker of the project does it and
-- retries until the mail or the webhook has succeeded. The key makes it one job for each notification.

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
end
$$;

comment on function mayfly_private.notify_approvers is 'Adds the job that notifies people of an approval.';
