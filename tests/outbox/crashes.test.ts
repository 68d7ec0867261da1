/**
 * In the middle of pushes, these tests kill the process of the functions, and the database. Other tests kill
 * the process of the SDK (tests/outbox/outbox.test.ts), the whole embedded Supabase
 * (tests/local/process.test.ts), and the session of a push on Postgres 17
 * (tests/memory/push-crashes.test.ts).
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Mayfly } from "@mayfly/sdk";
import { afterAll, beforeAll, expect, it } from "vitest";
import { dataOf, spawnIn } from "#harness/agents";
import { pushThroughCrashes } from "#harness/crashes";
import { startTestLocal, type TestLocal } from "#harness/local";
import { silent } from "#harness/log";
import { startProxy, type TestProxy } from "#harness/proxy";

let data: string;
let local: TestLocal;
let proxy: TestProxy;
/** The process of the functions, when it is ready. */
let functions = Promise.withResolvers<number>();
const log = {
  ...silent,
  debug: (_: string, fields?: Record<string, unknown>) => {
    if (typeof fields?.pid === "number") functions.resolve(fields.pid);
  },
};
beforeAll(async () => {
  data = await mkdtemp(join(tmpdir(), "mayfly-crashes-"));
  local = await startTestLocal({ data, log });
  proxy = await startProxy(local.apiUrl);
});
afterAll(async () => {
  await proxy?.close();
  await local?.close();
  await rm(data, { recursive: true, force: true, maxRetries: 5 });
});

it("an outbox loses and repeats nothing when the functions are killed in the middle of pushes", async () => {
  const { tenant } = await local.enter();
  const agent = await spawnIn(new Mayfly({ url: proxy.url, key: local.secretKey, tenant }));
  let kills = 0;
  const pushed = await pushThroughCrashes(agent, {
    rounds: 4,
    // Each kill comes a little later in the life of the request.
    crash: async (round) => {
      await proxy.requestOf("/sync");
      const pid = await functions.promise;
      functions = Promise.withResolvers();
      await new Promise((resolve) => setTimeout(resolve, round * 8));
      process.kill(pid, "SIGKILL");
      kills++;
    },
  });
  expect(kills).toBe(4);
  expect(pushed.lost).toBeGreaterThan(0);
  await expectExactly(tenant, pushed.tasks);
  expect(agent.outbox.refused).toEqual([]);
  await agent.stop();
});

// Two starts of a stack, which take 8 s on an idle machine.
const slow = { timeout: 120_000 };
it(
  "an outbox loses and repeats nothing when the database is restarted in the middle of pushes",
  slow,
  async () => {
    const { tenant } = await local.enter();
    const agent = await spawnIn(new Mayfly({ url: proxy.url, key: local.secretKey, tenant }));
    const pushed = await pushThroughCrashes(agent, {
      rounds: 2,
      crash: async () => {
        await proxy.requestOf("/sync");
        const port = Number(new URL(local.apiUrl).port);
        await local.close();
        // The database is in the folder `data`, so no template is needed.
        local = await startTestLocal({ data, log, port, template: undefined });
      },
    });
    await expectExactly(tenant, pushed.tasks);
    expect(dataOf(await agent.recall("memory 0")).mode).toBe("hybrid");
    await agent.stop();
  },
);

async function expectExactly(tenant: string, tasks: string[]) {
  const rows = await local.sql`
    select m.task, m.version, (select count(*)::int from mayfly.events e
      where e.tenant_id = m.tenant_id and e.subject = m.id and e.type = 'memory.created') as events
    from mayfly.memories m where m.tenant_id = ${tenant} order by m.id`;
  expect(rows.map(({ task }) => task)).toEqual(tasks);
  expect(rows.every(({ version, events }) => version === 1 && events === 1)).toBe(true);
}
