/**
 * The time from the death of a worker during a call of a model until another worker makes this call again,
 * compared with the time that a lease lasts.
 */
import { runAgents } from "@mayfly/sdk";
import type { TestDatabase } from "#harness/database";
import { directDoor, Worker } from "#harness/jobs-door";
import { quartiles } from "../lib/measure.ts";
import { report } from "../lib/report.ts";
import { rounds } from "../lib/target.ts";
import { agentOf, makeMeasured, modelUntil, startRun } from "./agents.ts";

const lease = 3;

export async function measureRecovery(db: TestDatabase): Promise<void> {
  const times: number[] = [];
  for (let round = 0; round < rounds(5, 3); round++) {
    const first = await makeMeasured(db.sql);
    const second = await directDoor(db.url, first.claims);
    const door = await directDoor(db.url, first.claims);
    let isDead = false;
    const dying: typeof door = {
      ...door,
      call: (name, values, form) =>
        isDead ? new Promise(() => {}) : door.call(name, values, form),
    };
    const began: (() => void)[] = [];
    const calledAgain = async (n: number) => {
      for (; began.length < n; ) await new Promise((resolve) => setTimeout(resolve, 5));
    };
    const model = modelUntil(3, (step) => {
      if (step < 2) return;
      began.push(() => {});
      return new Promise(() => {});
    });
    const handlers = runAgents(agentOf(model));
    const options = { drainOnTermination: false, lease };
    const one = Worker.start(dying, handlers, options);
    await startRun(db.sql, first.claims);
    await calledAgain(1);
    isDead = true;
    const at = performance.now();
    const other = Worker.start(second, handlers, options);
    await calledAgain(2);
    times.push((performance.now() - at) / 1_000);
    for (const { data } of [one, other]) void data?.stop({ timeoutMs: 1 });
    await second.close();
    await door.close();
  }
  report({
    bench: "runs",
    name: `from a kill to the same call by another worker, with a lease of ${lease} s (goal: ${lease + 1} s)`,
    on: "postgres",
    unit: "s",
    ours: quartiles(times).q3,
  });
}
