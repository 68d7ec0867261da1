/** Broadcasts are only hints: every one is lost here, and still every job is done. */
import type { Agent, Mayfly } from "@mayfly/sdk";
import { afterAll, beforeAll, expect, it } from "vitest";
import { dataOf, spawnIn } from "#harness/agents";
import { startTestLocal, type TestLocal } from "#harness/local";

let local: TestLocal;
let mayfly: Mayfly;
let agent: Agent;
beforeAll(async () => {
  local = await startTestLocal({ faults: { seed: 1, drop: 1 } });
  ({ mayfly } = await local.enter());
  agent = await spawnIn(mayfly, { lifetime: 300 });
});
afterAll(async () => {
  await mayfly?.close({ stopAgents: true });
  await local?.close();
});

it("a lost nudge about a job, a signal or a child's end costs one polling interval", async () => {
  const work = dataOf(
    await agent.work(
      {
        plain: () => "done",
        waits: async (_: unknown, job) => (await job.waitFor("go")).payload,
        parent: async (_: unknown, job) => (await job.child("plain")).data,
      },
      { pollMs: 150, drainOnTermination: false },
    ),
  );
  // The worker sleeps now, as its row says, so adding a job causes a broadcast.
  await expect
    .poll(async () => {
      const [row] = await local.sql`
        select count(*)::int as n from mayfly_private.job_workers where tenant_id = ${agent.tenantId} and until > now()`;
      return row?.n;
    })
    .toBe(1);
  const result = async (id: string) =>
    dataOf(await mayfly.jobs.ended(id, { timeoutMs: 60_000, pollMs: 100 })).result;
  expect(await result(dataOf(await mayfly.jobs.add("plain")).id)).toBe("done");
  const waits = dataOf(await mayfly.jobs.add("waits"));
  await expect.poll(async () => dataOf(await mayfly.jobs.get(waits.id)).status).toBe("waiting");
  dataOf(await mayfly.jobs.signal(waits.id, "go", 7));
  expect(await result(waits.id)).toBe(7);
  expect(await result(dataOf(await mayfly.jobs.add("parent")).id)).toBe("done");
  const [told] =
    await local.sql`select count(*)::int as n from realtime.messages where event = 'job_ready'`;
  expect(told?.n).toBeGreaterThan(0);
  await work.stop();
});
