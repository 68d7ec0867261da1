-- Removes the planner's statistics about columns that tenants write. A database has some only if an owner raised `set
-- statistics` of such a column and analysed the table. Set the column to 0 again first. (Neither this nor ANALYZE
-- removes existing statistics.) Needs a superuser (self-hosted: supabase_admin), and locks nothing. `mayfly doctor`
-- says when it is needed.
--
-- Without a superuser, start with an empty schema: docs/upgrading.md. `alter column … type` to the same type
-- removes statistics, too, but Postgres refuses it for columns that policies, generated columns or functions
-- use.

delete from pg_catalog.pg_statistic s
using pg_catalog.pg_attribute a, pg_catalog.pg_class c, pg_catalog.pg_namespace n
where a.attrelid = s.starelid and a.attnum = s.staattnum and a.attstattarget = 0
  and c.oid = a.attrelid and n.oid = c.relnamespace and n.nspname = 'mayfly';
