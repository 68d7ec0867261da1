import postgres from "/work/wt-recall/node_modules/postgres/src/index.js";
import { bootstrap } from "/work/wt-recall/local/src/bootstrap.ts";
import { applyMigrations } from "/work/wt-recall/local/src/migrations.ts";
import { migrationsFolder } from "/work/wt-recall/tests/harness/template.ts";
import { fillTenant, makePools, heldOut, makeQuestions } from "/work/wt-recall/tests/bench/vectors.ts";
const name = process.argv[2];
const base = "postgresql://postgres@127.0.0.1:54417/";
const admin = postgres(base + "postgres?sslmode=disable", { max: 1 });
await admin.unsafe(`create database ${name}`); await admin.end();
const url = base + name + "?sslmode=disable";
await bootstrap(url, null);
await applyMigrations(url, migrationsFolder);
const sql = postgres(url, { max: 4, onnotice: () => {} });
await makePools(sql, heldOut);
await sql`create table example (size int, tenant uuid)`;
for (const [size, n] of [[10,10],[100,10],[1000,70],[2100,9],[10000,1],[100000,1]])
  for (let i = 0; i < n; i++) await sql`insert into example values (${size}, ${await fillTenant(sql, size)})`;
console.log("filled", performance.now()/1000);
await sql.unsafe(`set maintenance_work_mem='1GB'; set max_parallel_maintenance_workers=2; drop index mayfly.memory_vectors_settled_idx;`);
await sql.unsafe(`create table questions as select n, q from unnest($1::text[]) with ordinality t(q,n)`, [await makeQuestions(sql, 60)]);
let s = 0;
for (let m = 1; m > 0 && s < 109800; s += m) { const [r] = await sql`select mayfly_private.settle(2000) as moved`; m = r.moved; }
console.log("settled", s, performance.now()/1000);
await sql.unsafe(`set maintenance_work_mem='1GB'; create index memory_vectors_settled_idx on mayfly.memory_vectors using hnsw (embedding extensions.halfvec_cosine_ops) with (ef_construction = 128) where settled`);
console.log("index", performance.now()/1000);
await sql`vacuum analyze`;
console.log("done", performance.now()/1000);
await sql.end();
