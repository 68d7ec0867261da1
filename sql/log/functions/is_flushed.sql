-- Whether something sends due broadcasts: a job of pg_cron, or the embedded Supabase. If nothing does, as in a project
-- without pg_cron, each transaction sends its own broadcasts. A time in the future does not count, because it means
-- that the clock has been set back since then.

create function mayfly_private.is_flushed()
returns boolean
language plpgsql stable security definer
set search_path = ''
as $$
declare
  instant constant timestamptz := mayfly_private.now();
begin
  return (
    select f.at between instant - interval '5 seconds' and instant + interval '5 seconds' from mayfly_private.flusher f);
end
$$;

comment on function mayfly_private.is_flushed is 'Whether something sends due broadcasts.';
