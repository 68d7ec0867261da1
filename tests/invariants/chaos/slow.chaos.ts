import { Mayfly } from "@mayfly/sdk";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { dataOf, spawnIn } from "#harness/agents";
import { makeTenant } from "#harness/callers";
import { openPostgresDatabase, type TestDatabase } from "#harness/database";
import { databaseUrl } from "#harness/needs";
import { type SlowWay, startSlowWay } from "./delay.ts";
import { type Stack, startStack } from "./stack.ts";

describe.skipIf(!databaseUrl)("a database that takes 200 ms more for each statement", () => {
  let db: TestDatabase;
  let way: SlowWay;
  let stack: Stack;
  let mayfly: Mayfly;
  let tenant: string;
  beforeAll(async () => {
    db = await openPostgresDatabase({ durable: true });
    way = await startSlowWay(db.url, 0);
    stack = await startStack({ dbUrl: way.url });
    tenant = await makeTenant(db.sql, { max_living_agents: 1_000, spawns_per_minute: 10_000 });
    const { apiUrl: url, secretKey: key } = stack.serving;
    mayfly = new Mayfly({ url, key, tenant });
    way.delayMs = 200;
  });
  afterAll(async () => {
    if (way) way.delayMs = 0;
    await mayfly?.close();
    await stack?.close();
    await way?.close();
    await db?.close();
  });

  it("is used by a bounded number of connections, with nothing lost or repeated", async () => {
    const agents = await Promise.all(
      Array.from({ length: 8 }, () => spawnIn(mayfly, { lifetime: 600 })),
    );
    const startedAt = performance.now();
    const most: number[] = [];
    for (let round = 0; round < 3; round++) {
      await Promise.all(
        agents.map(async (agent) => {
          dataOf(await agent.remember({ task: `round ${round} of ${agent.id}` }));
          dataOf(await agent.sync({ pull: false }));
          dataOf(await agent.recall("round", { limit: 1 }));
        }),
      );
      most.push(way.open());
    }
    const seconds = (performance.now() - startedAt) / 1_000;
    const [row] = await db.sql`
      select count(*)::int as memories, count(distinct id)::int as ids from mayfly.memories
      where tenant_id = ${tenant}`;
    expect(row).toEqual({ memories: 24, ids: 24 });
    // Connections do not pile up: the server's pools have a fixed size, however many callers wait.
    expect(way.most()).toBeLessThanOrEqual(20);
    console.log(JSON.stringify({ seconds, connections: most, most: way.most() }));
    for (const agent of agents) await agent.close();
  });

  it("causes a clear error if it stops answering, and what waits in outboxes is pushed later", async () => {
    const agent = await spawnIn(mayfly, { lifetime: 600 });
    way.delayMs = 100_000;
    dataOf(await agent.remember({ task: "kept meanwhile" }));
    const startedAt = performance.now();
    const { error } = await agent.sync({ pull: false });
    expect(error?.code).toBe("unavailable");
    expect(performance.now() - startedAt).toBeLessThan(100_000);
    expect(way.most()).toBeLessThanOrEqual(25);
    way.delayMs = 0;
    // Open connections end, as they do when a network is back.
    way.cut();
    await expect
      .poll(async () => (await agent.sync({ pull: false })).error?.code ?? "synced", {
        timeout: 150_000,
        interval: 500,
      })
      .toBe("synced");
    const rows = await db.sql`select task from mayfly.memories where task = 'kept meanwhile'`;
    expect(rows.length).toBe(1);
    await agent.close();
  });
});
