/** The time from the claim of a run to its first new call of a model, by the number of recorded steps. */
import { runAgents } from "@mayfly/sdk";
import type { TestDatabase } from "#harness/database";
import { directDoor, startJob } from "#harness/jobs-door";
import { claim, endLeases } from "../../jobs/working.ts";
import { quartiles } from "../lib/measure.ts";
import { report } from "../lib/report.ts";
import { rounds } from "../lib/target.ts";
import { agentOf, makeMeasured, modelUntil, startRun } from "./agents.ts";

/** In seconds. The worker's agent lives for an hour, and the clock moves past a lease after each attempt. */
const lease = 60;

export async function measureResume(db: TestDatabase): Promise<void> {
  for (const recorded of [10, 100, 500]) {
    const { claims } = await makeMeasured(db.sql);
    const door = await directDoor(db.url, claims);
    let arrived: () => void = () => {};
    const model = modelUntil(recorded + 2, (step) => {
      if (step <= recorded) return;
      arrived();
      // The call never ends, as if the worker had died.
      return new Promise(() => {});
    });
    const handlers = runAgents(agentOf(model, recorded + 10));
    const { id } = await startRun(db.sql, claims, recorded + 10);
    await db.sql`update mayfly.jobs set max_attempts = 1000 where id = ${id}`;
    const attempt = async () => {
      const { jobs } = await claim(db.sql, claims, 1, {
        names: ["run:measured"] as never,
        lease,
      });
      const there = new Promise<void>((resolve) => {
        arrived = resolve;
      });
      const began = performance.now();
      if (jobs[0]) startJob(door, jobs[0] as never, handlers, undefined, () => {});
      await there;
      const ms = performance.now() - began;
      await endLeases(db, lease);
      return ms;
    };
    await attempt();
    await attempt();
    const times: number[] = [];
    for (let round = 0; round < rounds(12, 6); round++) times.push(await attempt());
    report({
      bench: "runs",
      name: `from a claim to the first new call of a model at step ${recorded}${recorded === 500 ? " (goal: 50 ms)" : ""}`,
      on: "postgres",
      unit: "ms",
      ours: quartiles(times).median,
    });
    await door.close();
  }
}
