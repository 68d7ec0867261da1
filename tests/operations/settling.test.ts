/** Vectors of a large tenant move into the index during maintenance. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { makeAgent, makeTenant, rpc, type SpawnedAgent } from "#harness/callers";
import { openTestDatabase, type TestDatabase } from "#harness/database";
import { putOf } from "#harness/operations";

interface Batch {
  forgotten: number;
  more: boolean;
}

let db: TestDatabase;
let tenant: string;
let agent: SpawnedAgent;
beforeAll(async () => {
  db = await openTestDatabase();
});
afterAll(() => db.close());

async function enter() {
  tenant = await makeTenant(db.sql);
  agent = await makeAgent(db.sql, tenant, { lifetime: 600 });
}
const sync = (push: unknown[]) =>
  rpc(db.sql, agent.claims, "sync", { push: push as never, page_limit: 0 });
const maintain = (max_rows = 1000) => rpc<Batch>(db.sql, agent.claims, "maintain", { max_rows });
/** Agents end in between, so another one continues. */
async function pass(interval: string) {
  await db.advance(interval);
  agent = await makeAgent(db.sql, tenant, { lifetime: 600 });
}
const settled = { settled: 0, unsettled: 0, more: false };

describe("settling", () => {
  const put = (fields = {}) => ({ ...putOf(fields), embedding: Array(384).fill(0.1), model: "m" });
  const declareLarge = () =>
    db.sql`insert into mayfly_private.settlements (tenant_id, model, vectors) values (${tenant}, 'm', 1)`;
  const unsettled = async () => {
    const [row] = await db.sql`
      select count(*)::int as n from mayfly.memory_vectors where tenant_id = ${tenant} and not settled`;
    return row?.n;
  };

  it("moves the vectors of a large tenant into the index, in batches that say what is left", async () => {
    await enter();
    await sync([put(), put(), put()]);
    await declareLarge();
    expect(await maintain(2)).toMatchObject({ settled: 2, unsettled: 1, more: true });
    let batch = await maintain(2);
    expect(batch).toMatchObject({ settled: 1, unsettled: 0 });
    while (batch.more) batch = await maintain(2);
    expect(await maintain()).toMatchObject(settled);
  });

  it("counts the vectors again an hour after retention has erased some", async () => {
    await enter();
    await sync([put({ expires_at: new Date(Date.now() + 60_000).toISOString() }), put(), put()]);
    await declareLarge();
    while ((await maintain()).more);
    await pass("5 minutes");
    expect((await maintain()).forgotten).toBe(1);
    const settlement = async () => {
      const [row] = await db.sql`
        select vectors::int from mayfly_private.settlements where tenant_id = ${tenant}`;
      return row?.vectors;
    };
    const counted = await settlement();
    await pass("61 minutes");
    while ((await maintain()).more);
    expect([counted, await settlement()]).toEqual([4, 2]);
  });

  it("does not move the vectors of small or other tenants", async () => {
    await enter();
    await sync([put()]);
    await declareLarge();
    const first = tenant;
    await enter();
    await sync([put()]);
    expect(await maintain()).toMatchObject(settled);
    expect(await unsettled()).toBe(1);
    tenant = first;
    expect(await unsettled()).toBe(1);
  });
});
