-- Removes the planner's statistics of what tenants write, where a database has any: because an owner raised
-- `set statistics` of such a column and analysed. Set it to 0 first: neither that nor ANALYZE removes them.
-- Needs a superuser (self-hosted: supabase_admin), and locks nothing. `mayfly doctor` says when it is needed.
--
-- Without a superuser, begin anew: docs/upgrading.md. `alter column … type` to the same type removes
-- statistics, too, but Postgres refuses it for what policies, generated columns or functions use.

delete from pg_catalog.pg_statistic s
using pg_catalog.pg_attribute a, pg_catalog.pg_class c, pg_catalog.pg_namespace n
where a.attrelid = s.starelid and a.attnum = s.staattnum and a.attstattarget = 0
  and c.oid = a.attrelid and n.oid = c.relnamespace and n.nspname = 'mayfly';
