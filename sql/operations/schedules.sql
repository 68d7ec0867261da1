-- What pg_cron does where it is there (Database -> Extensions): a minute's maintenance; its own history,
-- which nobody else deletes, after 7 days; moving the vectors of large tenants into the HNSW index. Maintenance
-- and moving take 50 s of each minute at most, each batch in a transaction of its own: a do block may commit, a
-- function may not, nor a procedure that is a definer or sets its search_path. Telling what is due each second: one
-- job that goes on for a little over a minute, since one each second would leave 86,400 rows a day in cron's
-- history; it begins anew as soon as it has ended. With pg_net, the embedding of what waits for it. Without it, call mayfly.maintain().
-- If pg_cron comes later, run this file again in the SQL editor: a job of the same name is replaced.

do $$
begin
  if exists (select from pg_extension where extname = 'pg_cron') then
    execute $cron$select cron.schedule('mayfly-maintain', '* * * * *', $job$
      do $maintain$
      declare
        begun constant timestamptz := clock_timestamp();
      begin
        while clock_timestamp() < begun + interval '50 seconds' and mayfly_private.maintain_some(begun) > 0 loop
          commit;
        end loop;
      end
      $maintain$
    $job$)$cron$;
    execute $cron$select cron.schedule('mayfly-flush', '* * * * *', $job$
      do $flush$
      declare
        until constant timestamptz := clock_timestamp() + interval '62 seconds';
      begin
        while clock_timestamp() < until loop
          perform mayfly_private.flush_nudges();
          commit;
          perform pg_sleep(1);
        end loop;
      end
      $flush$
    $job$)$cron$;
    execute $cron$select cron.schedule('mayfly-cron-history', '7 3 * * *',
      'delete from cron.job_run_details where end_time < now() - interval ''7 days''')$cron$;
    execute $cron$select cron.schedule('mayfly-settle', '* * * * *', $job$
      do $settle$
      declare
        until constant timestamptz := clock_timestamp() + interval '50 seconds';
      begin
        while clock_timestamp() < until and mayfly_private.settle_vectors() > 0 loop
          commit;
        end loop;
      end
      $settle$
    $job$)$cron$;
    if exists (select from pg_extension where extname = 'pg_net') then
      execute $cron$select cron.schedule('mayfly-embed', '* * * * *', 'select mayfly_private.request_drains()')$cron$;
    end if;
  end if;
end
$$;
