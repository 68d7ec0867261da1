-- The epoch of the log: rises when the cluster is another one, or on another timeline, than before.
-- Called by the log's triggers and by sync. Locks nothing once the epoch's row is there.

create function mayfly_private.current_epoch()
returns integer
language plpgsql security definer
set search_path = ''
as $$
declare
  found_epoch integer;
  cluster record;
begin
  select s.system_identifier, c.timeline_id as timeline into cluster
  from pg_control_system() s, pg_control_checkpoint() c;

  select e.epoch into found_epoch from mayfly_private.epochs e
  where e.system_identifier = cluster.system_identifier and e.timeline = cluster.timeline;
  if found then return found_epoch; end if;

  insert into mayfly_private.epochs (system_identifier, timeline)
  values (cluster.system_identifier, cluster.timeline)
  on conflict do nothing;
  return (select e.epoch from mayfly_private.epochs e
    where e.system_identifier = cluster.system_identifier and e.timeline = cluster.timeline);
end
$$;

comment on function mayfly_private.current_epoch is 'The number of the cluster and timeline that the database runs on.';
