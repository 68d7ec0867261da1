/** What each does with the write of a worker whose lease has ended, while another has the job. */

import { openBackend } from "#harness/backend";
import { makeAgent, makeTenant, refusalOf } from "#harness/callers";
import type { TestDatabase } from "#harness/database";
import { report } from "../lib/report.ts";
import { unlimited } from "../lib/target.ts";
import { graphileStatements } from "./graphile.ts";
import { emptyDatabase } from "./packages.ts";

export async function measureZombies(db: TestDatabase): Promise<void> {
  const tenant = await makeTenant(db.sql, unlimited);
  const { claims } = await makeAgent(db.sql, tenant, { lifetime: 3_600 });
  const zombie = await openBackend(db.url, claims);
  await zombie.query("select mayfly.add_jobs($1)", [[{ name: "t" }]]);
  const claim = "select mayfly.claim_jobs(1) as answer";
  const [first] = await zombie.query<{ answer: { jobs: { lease: string }[] } }>(claim);
  const lease = first?.answer.jobs[0]?.lease ?? "";
  await db.sql`update mayfly.jobs set lease_end = now() - interval '1 second' where tenant_id = ${tenant}`;
  await db.sql`select mayfly_private.reap_jobs()`;
  await zombie.query(claim);
  const [completed] = await zombie.query<{ answer: { lost: number[] } }>(
    "select mayfly.complete_jobs($1) as answer",
    [[{ lease }]],
  );
  const [beat] = await zombie.query<{ answer: { lost: number[] } }>(
    "select mayfly.heartbeat_jobs($1) as answer",
    [[lease]],
  );
  const step = await refusalOf(
    zombie.query("select mayfly.record_steps($1, $2)", [lease, [{ name: "s" }]]),
  );
  const child = await refusalOf(
    zombie.query("select mayfly.add_jobs($1, $2)", [[{ name: "t" }], lease]),
  );
  const refused =
    Number(completed?.answer.lost.length === 1) +
    Number(beat?.answer.lost.length === 1) +
    Number(step.code === "lease_lost") +
    Number(child.code === "lease_lost");

  // graphile-worker: a batch is completed by its ids alone.
  const theirs = await emptyDatabase("zombie");
  const worker = await graphileStatements(theirs.url);
  const lock = "update graphile_worker._private_jobs set locked_by = 'another', locked_at = now()";
  await worker.backend.query(lock);
  const ids = await worker.backend.query<{ id: string }>(
    "select id from graphile_worker._private_jobs",
  );
  await worker.complete(ids);
  const [left] = await worker.backend.query<{ n: number }>(
    "select count(*)::integer as n from graphile_worker._private_jobs",
  );
  report({
    bench: "jobs",
    name: "writes of a zombie that were refused: complete, heartbeat, step and child; complete",
    on: "postgres",
    unit: "refused",
    ours: refused,
    against: "graphile-worker",
    baseline: left?.n ?? Number.NaN,
  });
  if (refused !== 4) process.exitCode = 1;
  await zombie.close();
  await worker.backend.close();
  await theirs.drop();
}
