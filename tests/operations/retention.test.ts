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

/** A UUIDv7 of an instant. */
function idOf(instant: number, n = 0) {
  const hex = instant.toString(16).padStart(12, "0");
  return `${hex.slice(0, 8)}-${hex.slice(8)}-7000-8000-${String(n).padStart(12, "0")}`;
}

describe("retention", () => {
  it("forgets by age, kind and reward what any rule matches, and tells the caches", async () => {
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

  it("counts nobody's writes", async () => {
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
    // None when a minute has just begun.
    expect([0, 450]).toContain(row?.writes);
    await db.sql`update mayfly.memories set deleted_at = ${daysAgo(31)} where tenant_id = ${tenant}`;
    expect(await maintain()).toMatchObject({ tombstones: 450 });
    expect(await storedBy(db.sql, agent.claims)).toEqual(before);
  });

  it("deletes tombstones, events and operations after 30 days, and nothing younger", async () => {
    await enter();
    const put = putOf();
    await sync([put, putOf({ task: "kept" })]);
    await sync([deleteOf(put.memory.id)]);
    expect(await maintain()).toEqual(nothing);
    await db.sql`update mayfly_private.ops set at = ${daysAgo(31)} where tenant_id = ${tenant}`;
    await db.sql`update mayfly.events set at = ${daysAgo(31)} where tenant_id = ${tenant}`;
    await db.sql`update mayfly.memories set deleted_at = ${daysAgo(31)} where id = ${put.memory.id}`;
    expect(await maintain()).toEqual({ ...nothing, tombstones: 1, events: 4, ops: 3 });
    expect(await living()).toEqual(["kept"]);
  });

  it("refuses only cursors that it has passed", async () => {
    await enter();
    const { cursor: behind } = await sync([]);
    await sync([putOf()], null, 0);
    const { cursor: beyond } = await sync([]);
    await db.sql`update mayfly.events set at = ${daysAgo(31)} where tenant_id = ${tenant}`;
    await sync([putOf({ task: "after" })], null, 0);
    await maintain();
    expect(await refusalOf(sync([], behind))).toMatchObject({ code: "cursor_expired" });
    expect((await sync([], beyond)).events).toMatchObject([{ type: "memory.created" }]);
    const { cursor, memories } = await sync([]);
    expect(memories.length).toBe(2);
    expect((await sync([], cursor)).events).toEqual([]);
  });

  it("refuses an operation older than operations are kept, unless it is still known", async () => {
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

  it("keeps an operation whose id says it is of the future", async () => {
    await enter();
    const ahead = { ...putOf(), id: idOf(Date.now() + 86_400_000) };
    await sync([ahead]);
    await db.sql`update mayfly_private.ops set at = ${daysAgo(31)} where tenant_id = ${tenant}`;
    expect(await maintain()).toMatchObject({ ops: 0 });
  });

  it.each([
    ["no list", {}],
    ["a rule without an age", [{ kind: "episode" }]],
    ["an age too short", [{ older_than: 1 }]],
    ["an unknown kind", [{ older_than: 100, kind: "dream" }]],
    ["a reward out of range", [{ older_than: 100, below_reward: 2 }]],
    ["what it does not know", [{ older_than: 100, tags: ["a"] }]],
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

  it("runs for every tenant by pg_cron's call", async () => {
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

describe("settling", () => {
  const put = () => ({ ...putOf(), embedding: Array(384).fill(0.1), model: "m" });
  const declareLarge = () =>
    db.sql`insert into mayfly_private.settlements (tenant_id, model, vectors) values (${tenant}, 'm', 1)`;
  const unsettled = async () => {
    const [row] = await db.sql`
      select count(*)::int as n from mayfly.memory_vectors where tenant_id = ${tenant} and not settled`;
    return row?.n;
  };

  it("moves the vectors of a large tenant into the index, in batches that say what is left", async () => {
    await enter();
    await sync([put(), put(), put()], null, 0);
    await declareLarge();
    expect(await maintain(2)).toMatchObject({ settled: 2, unsettled: 1, more: true });
    let batch = await maintain(2);
    expect(batch).toMatchObject({ settled: 1, unsettled: 0 });
    while (batch.more) batch = await maintain(2);
    expect(await maintain()).toEqual(nothing);
  });

  it("counts what retention erased again, after an hour", async () => {
    await enter();
    await sync([put(), put(), put()], null, 0);
    await declareLarge();
    while ((await maintain()).more);
    await db.sql`
      update mayfly.memories set expires_at = now() where tenant_id = ${tenant}
        and id = (select id from mayfly.memories where tenant_id = ${tenant} limit 1)`;
    expect((await maintain()).forgotten).toBe(1);
    const settlement = async () => {
      const [row] = await db.sql`
        select vectors::int from mayfly_private.settlements where tenant_id = ${tenant}`;
      return row?.vectors;
    };
    const counted = await settlement();
    await db.sql`
      update mayfly_private.settlements set counted_at = now() - interval '61 minutes' where tenant_id = ${tenant}`;
    while ((await maintain()).more);
    expect([counted, await settlement()]).toEqual([4, 2]);
  });

  it("leaves those of a small tenant, and of others", async () => {
    await enter();
    await sync([put()], null, 0);
    await declareLarge();
    const first = tenant;
    await enter();
    await sync([put()], null, 0);
    expect(await maintain()).toEqual(nothing);
    expect(await unsettled()).toBe(1);
    tenant = first;
    expect(await unsettled()).toBe(1);
  });
});
