import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  type Claims,
  codeOf,
  inTenant,
  makeAgent,
  makePerson,
  makeTenant,
  refusalOf,
  rpc,
  type SpawnedAgent,
  serviceRole,
} from "#harness/callers";
import { openTestDatabase, type TestDatabase } from "#harness/database";
import { untilPassed } from "#harness/horizon";
import { deleteOf, putOf } from "#harness/operations";
import { storedBy } from "#harness/usage";

interface Batch {
  agents: number;
  forgotten: number;
  tombstones: number;
  events: number;
  ops: number;
  settled: number;
  unsettled: number;
  more: boolean;
}
interface Answer {
  events: { type: string; subject: string }[];
  memories: { id: string }[];
  cursor: string;
}

let db: TestDatabase;
let tenant: string;
let agent: SpawnedAgent;
beforeAll(async () => {
  db = await openTestDatabase();
});
afterAll(() => db.close());

async function enter(settings: Record<string, unknown> = {}) {
  tenant = await makeTenant(db.sql, settings);
  agent = await makeAgent(db.sql, tenant, { lifetime: 600 });
}
const sync = (push: unknown[], since: string | null = null, limit = 1000) =>
  rpc<Answer>(db.sql, agent.claims, "sync", { push: push as never, since, page_limit: limit });
const maintain = (max_rows = 1000, claims: Claims = agent.claims) =>
  rpc<Batch>(db.sql, claims, "maintain", { max_rows });
const living = async () => {
  const rows = await db.sql`
    select task from mayfly.memories where tenant_id = ${tenant} and deleted_at is null order by task`;
  return rows.map((row) => row.task as string);
};
/** Works at a later time, as another agent, because the first one has ended. Then the clock goes back. */
async function later(interval: string, work: () => Promise<unknown>) {
  await db.advance(interval);
  agent = await makeAgent(db.sql, tenant, { lifetime: 600 });
  try {
    await work();
  } finally {
    await db.advance(`-${interval}`);
  }
}
const daysAgo = (days: number) => new Date(Date.now() - days * 86_400_000).toISOString();
const nothing = {
  agents: 0,
  facts: 0,
  failed: [],
  holds: 0,
  forgotten: 0,
  tombstones: 0,
  events: 0,
  ops: 0,
  settled: 0,
  unsettled: 0,
  uploads: 0,
  more: false,
  threads: 0,
};

/** A UUIDv7 for an instant. */
function idOf(instant: number, n = 0) {
  const hex = instant.toString(16).padStart(12, "0");
  return `${hex.slice(0, 8)}-${hex.slice(8)}-7000-8000-${String(n).padStart(12, "0")}`;
}

describe("retention", () => {
  it("forgets memories that match any rule by age, kind and reward, and updates the caches", async () => {
    await enter();
    const admin = await makePerson(db.sql, { [tenant]: "admin" });
    await rpc(db.sql, admin, "update_tenant", {
      retention: [
        { older_than: 86_400, kind: "episode", below_reward: 0.5 },
        { older_than: 100 * 86_400 },
      ] as never,
    });
    const { cursor } = await sync([]);
    const bad = putOf({ task: "old and bad", created_at: daysAgo(2), reward: 0.1 });
    const ancient = putOf({ task: "ancient", created_at: daysAgo(101), kind: "fact", reward: 1 });
    await sync([
      bad,
      ancient,
      putOf({ task: "new and bad", reward: 0.1 }),
      putOf({ task: "old and good", created_at: daysAgo(2), reward: 0.9 }),
      putOf({ task: "old and a fact", created_at: daysAgo(2), reward: 0.1, kind: "fact" }),
      putOf({ task: "old without reward", created_at: daysAgo(2) }),
    ]);
    expect(await maintain()).toEqual({ ...nothing, forgotten: 2 });
    expect(await living()).toEqual([
      "new and bad",
      "old and a fact",
      "old and good",
      "old without reward",
    ]);
    const { events } = await sync([], cursor);
    const deleted = events.filter((event) => event.type === "memory.deleted");
    expect(deleted.map((event) => event.subject).sort()).toEqual(
      [bad.memory.id, ancient.memory.id].sort(),
    );
    expect(await maintain()).toEqual(nothing);
  });

  it("forgets what has expired, with its vectors", async () => {
    await enter();
    const put = putOf({ kind: "working", expires_at: daysAgo(0) });
    const later = putOf({ task: "later", kind: "working", expires_at: daysAgo(-1) });
    await sync([{ ...put, embedding: Array(384).fill(0.1), model: "m" }, later]);
    expect(await maintain()).toMatchObject({ forgotten: 1 });
    expect(await living()).toEqual(["later"]);
    const rows = await db.sql`select from mayfly.memory_vectors where memory_id = ${put.memory.id}`;
    expect(rows.length).toBe(0);
  });

  it("works in batches, and continues where it stopped", async () => {
    await enter();
    await sync(Array.from({ length: 25 }, () => putOf({ expires_at: daysAgo(0) })));
    const batches: Batch[] = [];
    do batches.push(await maintain(10));
    while (batches.at(-1)?.more);
    expect(batches.map((batch) => batch.forgotten)).toEqual([10, 10, 5]);
  });

  it("is not counted as writes", async () => {
    await enter({ writes_per_minute: 1000 });
    const before = await storedBy(db.sql, agent.claims);
    await sync(
      Array.from({ length: 450 }, () => putOf({ expires_at: daysAgo(0) })),
      null,
      0,
    );
    expect(await maintain()).toMatchObject({ forgotten: 450 });
    const [row] = await db.sql`
      select sum(bytes)::int as bytes, sum(writes)::int as writes from mayfly_private.tenant_usage where tenant_id = ${tenant}`;
    // No writes are left if a new minute has just started.
    expect([0, 450]).toContain(row?.writes);
    const owner = await makePerson(db.sql, { [tenant]: "owner" });
    await later("31 days", async () => {
      expect(await maintain()).toMatchObject({ tombstones: 450 });
      const { memories, bytes } = await storedBy(db.sql, owner);
      expect(memories).toBe(before.memories);
      // Nothing of the 450 memories is left, only the end of one agent and the start of another.
      expect(bytes - before.bytes).toBeLessThan(100);
    });
  });

  it("deletes tombstones, events and operations after 30 days, and nothing younger", async () => {
    await enter();
    const put = putOf();
    await sync([put, putOf({ task: "kept" })]);
    await sync([deleteOf(put.memory.id)]);
    expect(await maintain()).toEqual(nothing);
    const kept = { tombstones: 0, events: 0, ops: 0 };
    await later("29 days", async () => expect(await maintain()).toMatchObject(kept));
    const past = { tombstones: 1, events: 4, ops: 3 };
    await later("31 days", async () => expect(await maintain()).toMatchObject(past));
    expect(await living()).toEqual(["kept"]);
  });

  it("refuses a cursor only after it has deleted events that come after the cursor", async () => {
    await enter();
    const { cursor: behind } = await sync([]);
    await sync([putOf()], null, 0);
    await untilPassed(db.sql, tenant);
    const { cursor: beyond } = await sync([]);
    await later("31 days", async () => {
      await sync([putOf({ task: "after" })], null, 0);
      await maintain();
      expect(await refusalOf(sync([], behind))).toMatchObject({ code: "cursor_expired" });
      const { events } = await sync([], beyond);
      expect(events.map(({ type }) => type)).toEqual(
        expect.arrayContaining(["agent.spawned", "memory.created"]),
      );
      const { cursor, memories } = await sync([]);
      expect([memories.length, (await sync([], cursor)).events]).toEqual([2, []]);
    });
  });

  it("refuses an operation that is older than the kept records, unless its own record still exists", async () => {
    await enter();
    const old = { ...putOf(), id: idOf(Date.now() - 31 * 86_400_000) };
    expect(await refusalOf(sync([putOf(), old]))).toMatchObject({
      code: "op_expired",
      details: { index: 1, field: "id" },
    });
    const known = { ...putOf(), id: idOf(Date.now() - 29 * 86_400_000) };
    await sync([known]);
    await db.sql`update mayfly_private.settings set kept = '10 days'`;
    try {
      await sync([known]);
      expect(await living()).toEqual(["a task"]);
    } finally {
      await db.sql`update mayfly_private.settings set kept = '30 days'`;
    }
  });

  it("keeps an operation with an id from the future", async () => {
    await enter();
    const ahead = { ...putOf(), id: idOf(Date.now() + 2 * 86_400_000) };
    await sync([ahead]);
    await later("31 days", async () => expect(await maintain()).toMatchObject({ ops: 0 }));
  });

  it.each([
    ["not a list", {}],
    ["without an age", [{ kind: "episode" }]],
    ["too short", [{ older_than: 1 }]],
    ["for an unknown kind", [{ older_than: 100, kind: "dream" }]],
    ["for a reward above 1", [{ older_than: 100, below_reward: 2 }]],
    ["made with an unknown field", [{ older_than: 100, tags: ["a"] }]],
  ])("refuses rules that are %s", async (_what, retention) => {
    await enter();
    const admin = await makePerson(db.sql, { [tenant]: "admin" });
    const work = rpc(db.sql, admin, "update_tenant", { retention: retention as never });
    expect(await refusalOf(work)).toMatchObject({
      code: "invalid_request",
      details: { field: "retention" },
    });
  });

  it("can be run by callers who may write, in batches of 1 to 10000 rows", async () => {
    await enter();
    const viewer = await makePerson(db.sql, { [tenant]: "viewer" });
    expect(await codeOf(maintain(10, viewer))).toBe("scope_missing");
    expect(await codeOf(maintain(0))).toBe("invalid_request");
    const answer = await rpc(db.sql, serviceRole, "maintain", {}, inTenant(tenant));
    expect(answer).toEqual(nothing);
  });

  it("runs for every tenant when pg_cron calls it", async () => {
    await enter();
    await sync([putOf({ expires_at: daysAgo(0) })]);
    const first = tenant;
    await enter();
    await sync([putOf({ expires_at: daysAgo(0) })]);
    await db.sql`select mayfly_private.maintain_all()`;
    expect(await living()).toEqual([]);
    tenant = first;
    expect(await living()).toEqual([]);
  });
});
