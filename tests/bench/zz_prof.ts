import postgres from "postgres";
import { writeFileSync } from "node:fs";
import { bootstrap } from "../../local/src/bootstrap.ts";
import { applyMigrations } from "../../local/src/migrations.ts";
import { migrationsFolder } from "../harness/template.ts";
import { makeAgent, makeTenant } from "../harness/callers.ts";
const base = process.env.DATABASE_URL!;
const admin = postgres(base, { max: 1, onnotice: () => {} });
await admin.unsafe(`drop database if exists push_prof with (force)`);
await admin.unsafe(`create database push_prof`);
const url = new URL(base); url.pathname = "/push_prof";
await bootstrap(url.href, null);
await applyMigrations(url.href, migrationsFolder);
const sql = postgres(url.href, { max: 2, onnotice: () => {} });
const tenant = await makeTenant(sql, { writes_per_minute: 100_000_000, token_lifetime: "1 hour", max_lifetime: "1 hour" });
const agent = await makeAgent(sql, tenant, { lifetime: 3600 });
writeFileSync("/tmp/push/claims.json", JSON.stringify(agent.claims));
writeFileSync("/tmp/push/tenant", tenant);
await sql.unsafe(`
create schema if not exists prof;
create function prof.batch(n int, vec boolean) returns jsonb language sql volatile as $f$
 select jsonb_agg(o.x) from (select jsonb_build_object('id', gen_random_uuid(), 'type', 'memory.put', 'memory', jsonb_build_object('id', gen_random_uuid(),
  'task', 'Rotate key ' || i, 'input', t.text, 'output', t.text, 'kind','episode','reward',0.5,'importance',5,'tags', jsonb_build_array('security','tag'||i),'metadata', jsonb_build_object('n', i)))
  || case when vec then jsonb_build_object('model','m','embedding', (select jsonb_agg(g.x) from (select round(random()::numeric + i*0, 4) as x from generate_series(1,384)) g)) else '{}' end as x
 from generate_series(0,n-1) i, (select repeat('Rotate the signing key: import it, wait until every cache has it, then rotate to it. ', 5) as text) t) o $f$;
grant usage on schema prof to authenticated; grant execute on all functions in schema prof to authenticated;
create table prof.plain (like mayfly.memories including defaults including generated including indexes);
create table prof.plain_vectors (like mayfly.memory_vectors including defaults including indexes);
grant all on all tables in schema prof to authenticated;
`);
await sql.end(); await admin.end();
