/**
 * Jobs a second on one connection to Postgres: claimed and completed in turns in SQL, by batches of 1, 10 and 100.
 *
 *   DATABASE_URL=postgresql://… node tests/bench/jobs.ts [--quick]
 */
import { makeAgent, makeTenant, rpc } from "#harness/callers";
import { openPostgresDatabase } from "#harness/database";
import { report } from "./lib/report.ts";
import { rounds, unlimited } from "./lib/target.ts";

const db = await openPostgresDatabase();
const tenant = await makeTenant(db.sql, unlimited);
const { claims } = await makeAgent(db.sql, tenant, { lifetime: 3_600 });
const jobs = Array.from({ length: 500 }, () => ({ name: "t" })) as never;

for (const size of [1, 10, 100]) {
  const wanted = rounds(400, 50) * size;
  for (let added = 0; added < wanted; added += 500) await rpc(db.sql, claims, "add_jobs", { jobs });
  let done: { lease: string }[] = [];
  const began = performance.now();
  for (let ended = 0; ended < wanted; ended += done.length) {
    const values = { done: done as never, wanted: size };
    const taken = await rpc<{ jobs: { lease: string }[] }>(db.sql, claims, "turn_jobs", values);
    done = taken.jobs.map(({ lease }) => ({ lease }));
  }
  const ours = wanted / ((performance.now() - began) / 1_000);
  report({ bench: "jobs", name: "a turn in SQL", size, on: "postgres", unit: "jobs/s", ours });
  await rpc(db.sql, claims, "complete_jobs", { done: done as never });
  await db.sql`delete from mayfly.jobs where tenant_id = ${tenant}`;
}
await db.close();
