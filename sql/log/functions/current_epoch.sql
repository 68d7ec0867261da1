-- The epoch of the log. It increases when the database runs on another cluster or timeline than before. Called by
-- the log's triggers and by sync. Locks nothing once the epoch's row exists.
--
-- A file of the cluster says which cluster it is. The two functions that read and check it take 30 µs each. No session
-- outlives a change of cluster, so a session that writes reads the file once and keeps the result in a setting.

create function mayfly_private.current_epoch()
returns integer
language plpgsql security definer
set search_path = ''
as $$
declare
  found_epoch integer;
  cluster text := current_setting('mayfly.cluster', true);
begin
  if coalesce(cluster, '') = '' then
    select s.system_identifier || ' ' || c.timeline_id into cluster from pg_control_system() s, pg_control_checkpoint() c;
    perform set_config('mayfly.cluster', cluster, false);
  end if;

  select e.epoch into found_epoch from mayfly_private.epochs e
  where e.system_identifier = split_part(cluster, ' ', 1)::bigint and e.timeline = split_part(cluster, ' ', 2)::integer;
  if found then return found_epoch; end if;

  insert into mayfly_private.epochs (system_identifier, timeline)
  values (split_part(cluster, ' ', 1)::bigint, split_part(cluster, ' ', 2)::integer)
  on conflict do nothing;
  return (select e.epoch from mayfly_private.epochs e
    where e.system_identifier = split_part(cluster, ' ', 1)::bigint and e.timeline = split_part(cluster, ' ', 2)::integer);
end
$$;

comment on function mayfly_private.current_epoch is 'The number of the cluster and timeline that the database runs on.';
