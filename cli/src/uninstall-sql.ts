/** The migration that removes Mayfly from a database. */
export const uninstallSql = `-- Removes Mayfly from this database. Written by mayfly uninstall.
--
-- It erases every tenant with its agents, memories, messages, jobs and runs. This cannot be undone.
-- Before you push it, remove mayfly from the exposed schemas of the Data API: otherwise every request of
-- the project fails until you do.

set local lock_timeout = '5s';

-- The Data API calls this function before every request, if it was switched on. A function from before
-- that ours calls in its place is yours to set again.
do $$
declare
  setting record;
begin
  for setting in
    select d.datname, split_part(c.value, '=', 2) as name
    from pg_catalog.pg_db_role_setting s
    left join pg_catalog.pg_database d on d.oid = s.setdatabase
    cross join unnest(s.setconfig) c (value)
    where s.setrole = to_regrole('authenticator') and c.value like 'pgrst.db\\_pre\\_request=mayfly\\_gate.%'
  loop
    if setting.name <> 'mayfly_gate.check_request' then
      raise exception 'The Data API calls % before every request, and this function calls one of your own.', setting.name
        using hint = 'Run the statement that npx mayfly doctor prints to undo it, then push again.';
    end if;
    execute 'alter role authenticator '
      || case when setting.datname is null then '' else format('in database %I ', setting.datname) end
      || 'reset pgrst.db_pre_request';
  end loop;
end
$$;

do $$
begin
  if to_regclass('cron.job') is not null then
    execute $cron$select cron.unschedule(jobname) from cron.job where jobname like 'mayfly-%'$cron$;
  end if;
end
$$;

drop policy if exists mayfly_receive on realtime.messages;
drop policy if exists mayfly_send on realtime.messages;
drop schema if exists mayfly cascade;
drop schema if exists mayfly_private cascade;
drop schema if exists mayfly_gate cascade;

notify pgrst, 'reload config';
notify pgrst, 'reload schema';
`;
