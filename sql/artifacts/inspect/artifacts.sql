-- How many files each tenant has, how large they are, and how many removed files are still in Storage.

select t.name as tenant, count(distinct (a.team_id, a.name)) as names, count(*) as versions,
  pg_size_pretty(sum(a.size)) as size, count(*) filter (where a.status = 'writing') as writing,
  (select count(*) from mayfly_private.files_due d where starts_with(d.path, t.id || '/')) as files_due
from mayfly.artifacts a
join mayfly.tenants t on t.id = a.tenant_id
group by t.id, t.name
order by sum(a.size) desc;
