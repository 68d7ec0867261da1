-- The jobs above a job: its parent, the parent's parent and so on, as texts. A run counts in the budgets of the runs
-- that asked for it. The root is included even if there are more levels than this reads. Locks nothing. It is PL/pgSQL
-- for the same reason as cost_groups_of.

create function mayfly_private.jobs_above(job mayfly.jobs)
returns text[]
language plpgsql stable security definer
set search_path = ''
as $$
declare
  above uuid := job.parent_id;
  ids text[] := array[job.root_id::text];
begin
  for level in 1..100 loop
    exit when above is null;
    ids := ids || above::text;
    -- A parent may have ended before its children.
    select p.parent_id into above
    from (
      select j.parent_id from mayfly.jobs j where j.tenant_id = job.tenant_id and j.id = above
      union all
      select f.parent_id from mayfly.finished_jobs f where f.tenant_id = job.tenant_id and f.id = above) p;
  end loop;
  return array(select distinct i from unnest(ids) i where i is not null);
end
$$;

comment on function mayfly_private.jobs_above is 'The jobs above a job.';
