/**
 * Steps of one job: the time from one step to the next, what the tenth and the 5,000th step cost, and how
 * long it takes to read all steps again.
 */

import { openBackend } from "#harness/backend";
import { makeAgent, makeTenant } from "#harness/callers";
import type { TestDatabase } from "#harness/database";
import { quartiles } from "../lib/measure.ts";
import { report } from "../lib/report.ts";
import { unlimited } from "../lib/target.ts";

export async function measureSteps(db: TestDatabase): Promise<void> {
  const tenant = await makeTenant(db.sql, unlimited);
  const { claims } = await makeAgent(db.sql, tenant, { lifetime: 3_600 });
  const backend = await openBackend(db.url, claims);
  await backend.query("select mayfly.add_jobs($1)", [[{ name: "t" }]]);
  const [row] = await backend.query<{ answer: { jobs: { lease: string }[] } }>(
    "select mayfly.claim_jobs(1, lease => 3600) as answer",
  );
  const lease = row?.answer.jobs[0]?.lease;
  const ms: number[] = [];
  const cpu: number[] = [];
  for (let n = 0; n < 5_000; n++) {
    const [began, before] = [performance.now(), backend.cpu()];
    await backend.query("select mayfly.record_steps($1, $2)", [
      lease,
      [{ name: `s${n}`, result: n }],
    ]);
    ms.push(performance.now() - began);
    cpu.push(backend.cpu() - before);
  }
  const third = (values: number[]) => quartiles(values).q3;
  const late = quartiles(cpu.slice(-200)).median;
  // The first steps are left out, because they include the planning of statements.
  const early = quartiles(cpu.slice(10, 210)).median;
  const row_ = { bench: "jobs", on: "postgres" };
  report({
    ...row_,
    name: "from step to step, third quartile of 5,000",
    unit: "ms",
    ours: third(ms),
  });
  report({
    ...row_,
    name: "server time of a step around the 5,000th",
    unit: "µs",
    ours: late,
    against: "a step from the 10th to the 210th",
    baseline: early,
    ratio: late / early,
  });
  const reads: number[] = [];
  for (let n = 0; n < 9; n++) {
    const began = performance.now();
    await backend.query("select mayfly.read_steps($1, null, 5000)", [lease]);
    reads.push(performance.now() - began);
  }
  report({ ...row_, name: "5,000 steps read at once", unit: "ms", ours: quartiles(reads).median });
  await backend.close();
}
