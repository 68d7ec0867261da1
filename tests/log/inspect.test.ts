import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { makeAgent, rpc } from "#harness/callers";
import { openTestDatabase, type TestDatabase } from "#harness/database";
import { inspect as inspectAs } from "#harness/inspect";
import { deleteOf, putOf } from "#harness/operations";
import { fillTenant, type Victim } from "#harness/sweep";

let db: TestDatabase;
let mine: Victim;
beforeAll(async () => {
  db = await openTestDatabase();
  mine = await fillTenant(db.sql);
});
afterAll(() => db.close());

const inspect = (name: string) => inspectAs(db.sql, name);

describe("the query log.sql", () => {
  it("shows why waiting memories have no vector yet", async () => {
    const failing = (error: string | null) =>
      db.sql`update mayfly_private.embedding_queue set error = ${error} where tenant_id = ${mine.tenant}`;
    await failing("answered 401");
    const [row] = (await inspect("log")).filter((one) => one.id === mine.tenant);
    expect(row).toMatchObject({ waiting_for_a_vector: "1", last_failure: "answered 401" });
    await failing(null);
  });

  it("shows the size and age of each log, and what is waiting", async () => {
    const [row] = (await inspect("log")).filter((one) => one.id === mine.tenant);
    expect(row).toMatchObject({
      kinds: { "agent.spawned": 3, "memory.created": 2 },
      conflicts: "1",
      known_operations: "4",
      waiting_for_a_vector: "1",
      given_up: "0",
      last_failure: null,
    });
    expect(Number(row?.events)).toBeGreaterThan(3);
  });
});

describe("the query memories.sql", () => {
  it("shows what each agent of each generation learned", async () => {
    const forgotten = putOf({ reward: 0 });
    const child = await makeAgent(db.sql, mine.tenant, { as: mine.agent.claims });
    await rpc(db.sql, child.claims, "sync", {
      push: [putOf({ kind: "fact", reward: 0.5, visibility: "agent" }), forgotten] as never,
    });
    await rpc(db.sql, child.claims, "sync", { push: [deleteOf(forgotten.memory.id)] as never });
    const rows = (await inspect("memories")).filter((one) =>
      [mine.agent.id, child.id].includes(one.agent_id as string),
    );
    expect(rows).toMatchObject([
      { generation: 0, memories: "2", private: "0", with_vector: "1", kinds: "episode" },
      {
        generation: 1,
        memories: "1",
        forgotten: "1",
        private: "1",
        mean_reward: "0.50",
        kinds: "fact",
      },
    ]);
  });
});
