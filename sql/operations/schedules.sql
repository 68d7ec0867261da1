-- The jobs of pg_cron, if it is enabled (Database -> Extensions). They run maintenance every minute, move the vectors
-- of large tenants into the HNSW index, and send due broadcasts every second. With pg_net, they also embed waiting
-- memories. One job deletes pg_cron's own history after 7 days, because nothing else does. Maintenance and moving
-- vectors take at most 50 s of each minute, with each batch in its own transaction. Each of these two jobs is a DO
-- block, because it commits after every batch. A function cannot commit. A procedure cannot commit either if it is a
-- definer or sets its search_path. Due broadcasts are sent by one job that runs for a little over a minute and starts
-- again when it ends, because a new job each second would leave 86,400 rows a day in cron's history. Without pg_cron,
-- call mayfly.maintain(). If you enable pg_cron later, run this file again in the SQL editor. It replaces jobs of the
-- same names.

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
