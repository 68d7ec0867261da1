/** The SDK's worker next to the database: it calls over its own connection, without the Data API. */

import { openBackend } from "#harness/backend";
import { makeAgent, makeTenant } from "#harness/callers";
import type { TestDatabase } from "#harness/database";
import { type DirectDoor, directDoor, type JobHandler, Worker } from "#harness/jobs-door";
import { unlimited } from "../lib/target.ts";
import type { Queue } from "./queue.ts";

export async function openOurs(
  db: TestDatabase,
): Promise<Queue & { tenant: string; addRaw(jobs: object[]): Promise<void> }> {
  const tenant = await makeTenant(db.sql, unlimited);
  const adder = await openBackend(
    db.url,
    (await makeAgent(db.sql, tenant, { lifetime: 3_600 })).claims,
  );
  return {
    name: "mayfly",
    tenant,
    ways: ["default"],
    async start(workers, concurrency, handle) {
      const doors: DirectDoor[] = [];
      const works: Worker[] = [];
      for (let n = 0; n < workers; n++) {
        const { claims } = await makeAgent(db.sql, tenant, { lifetime: 3_600 });
        const door = await directDoor(db.url, claims);
        doors.push(door);
        const doIt: JobHandler = (input, job) =>
          handle(input, { step: async (name) => void (await job.step(name, () => null)) });
        const work = Worker.start(
          door,
          { t: doIt, u: doIt },
          { concurrency, drainOnTermination: false, onError: console.error },
        );
        if (work.error) throw work.error;
        works.push(work.data);
      }
      return async () => {
        await Promise.all(works.map((work) => work.stop()));
        if (process.env.DEBUG) console.log(doors.map(({ calls }) => calls));
        for (const door of doors) await door.close();
      };
    },
    addMany: async (inputs) =>
      void (await adder.query("select mayfly.add_jobs($1)", [
        inputs.map((input) => ({ name: "t", input })),
      ])),
    addRaw: async (jobs) => void (await adder.query("select mayfly.add_jobs($1)", [jobs])),
    addOne: async (input) =>
      void (await adder.query("select mayfly.add_jobs($1)", [[{ name: "t", input }]])),
    close: () => adder.close(),
  };
}
