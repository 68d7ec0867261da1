-- Deletes expired threads of a tenant, at most max_rows. Returns { threads, more }. It is a chore, which
-- maintain_tenant calls as owner. Locks what it deletes, and skips threads that others have locked.

create function mayfly_private.maintain_threads(tenant uuid, max_rows integer)
returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  due uuid[];
begin
  select coalesce(array_agg(d.id), '{}') into due
  from (
    select t.id from mayfly.threads t
    where t.tenant_id = tenant and t.expires_at <= (select mayfly_private.now())
    order by t.expires_at limit max_rows
    for update skip locked
  ) d;
  return jsonb_build_object('threads', mayfly_private.drop_threads(tenant, due), 'more', cardinality(due) = max_rows);
end
$$;

comment on function mayfly_private.maintain_threads is 'Deletes one batch of expired threads.';
