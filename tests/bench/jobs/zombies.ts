/** Whether each queue refuses a write by a worker whose lease has ended, while another worker has the job. */

import postgres from "postgres";
import { openBackend } from "#harness/backend";
import { makeAgent, makeTenant, refusalOf } from "#harness/callers";
import type { TestDatabase } from "#harness/database";
import { report } from "../lib/report.ts";
import { unlimited } from "../lib/target.ts";
import { graphileStatements } from "./graphile.ts";
import { emptyDatabase, load } from "./packages.ts";

export async function measureZombies(db: TestDatabase): Promise<void> {
  const tenant = await makeTenant(db.sql, unlimited);
  const { claims } = await makeAgent(db.sql, tenant, { lifetime: 3_600 });
  const zombie = await openBackend(db.url, claims);
  await zombie.query("select mayfly.add_jobs($1)", [[{ name: "t" }]]);
  const claim = "select mayfly.claim_jobs(1) as answer";
  const [first] = await zombie.query<{ answer: { jobs: { lease: string }[] } }>(claim);
  const lease = first?.answer.jobs[0]?.lease ?? "";
  await db.advance("31 seconds");
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

  // graphile-worker completes the jobs of a batch by their ids, and does not check which worker has them.
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
    name: "writes of a worker that lost its lease (ours: complete, heartbeat, step and child; theirs: complete)",
    on: "postgres",
    unit: "refused",
    ours: refused,
    against: "graphile-worker",
    baseline: left?.n ?? Number.NaN,
  });
  if (refused !== 4) process.exitCode = 1;
  await measureBoss();
  await zombie.close();
  await worker.backend.close();
  await theirs.drop();
}

interface Boss {
  start(): Promise<unknown>;
  stop(options: { graceful: boolean }): Promise<void>;
  createQueue(name: string): Promise<void>;
  send(name: string, data: object): Promise<unknown>;
  fetch(name: string): Promise<{ id: string }[]>;
  complete(name: string, id: string): Promise<unknown>;
}

/** pg-boss completes an active job by its id, and does not check which worker has it. */
async function measureBoss(): Promise<void> {
  const { PgBoss } = await load<{ PgBoss: new (options: object) => Boss }>("pg-boss");
  const database = await emptyDatabase("boss_zombie");
  const boss = new PgBoss({ connectionString: database.url, schedule: false, supervise: false });
  await boss.start();
  await boss.createQueue("t");
  await boss.send("t", {});
  const [zombies] = await boss.fetch("t");
  const sql = postgres(database.url, { max: 1 });
  // The maintenance of pg-boss does the same with a job whose time is over.
  await sql`update pgboss.job set state = 'retry', start_after = now() where state = 'active'`;
  const [others] = await boss.fetch("t");
  await boss.complete("t", zombies?.id ?? "");
  const [row] = await sql`select state from pgboss.job where id = ${others?.id ?? ""}`;
  report({
    bench: "jobs",
    name: "pg-boss: writes of a worker that lost its job to another",
    on: "postgres",
    unit: "of 1 refused",
    ours: Number(row?.state === "active"),
  });
  await sql.end();
  await boss.stop({ graceful: false });
  await database.drop();
}
