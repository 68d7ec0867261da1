import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import {
  codeOf,
  inTenant,
  makeAgent,
  makeTenant,
  refusalOf,
  rpc,
  type SpawnedAgent,
  serviceRole,
} from "#harness/callers";
import { openTestDatabase, type TestDatabase } from "#harness/database";
import { deleteOf, putOf, updateOf } from "#harness/operations";

interface Claim {
  memory: string;
  lease: string;
  text: string;
}
interface Queued {
  queued: number;
  after: string | null;
}

let db: TestDatabase;
let tenant: string;
let agent: SpawnedAgent;
beforeAll(async () => {
  db = await openTestDatabase();
});
beforeEach(async () => {
  tenant = await makeTenant(db.sql);
  agent = await makeAgent(db.sql, tenant);
});
afterAll(() => db.close());

const embedding = Array(384).fill(0.1);
const push = (...ops: unknown[]) =>
  rpc(db.sql, agent.claims, "sync", { push: ops as never, page_limit: 0 });
const asProject = <T>(name: string, values: Record<string, unknown>) =>
  rpc<T>(db.sql, serviceRole, name, values, inTenant(tenant));
const claim = (max_rows = 20, model = "m") =>
  asProject<Claim[]>("claim_embeddings", { model, max_rows, lease_seconds: 60 });
const complete = (results: unknown[], model = "m") =>
  asProject("complete_embeddings", { model, results: results as never });
const done = ({ memory, lease }: Claim) => ({ memory, lease, embedding });
/** Moves the clock until all leases and pauses have ended. */
const passTime = () => db.advance("1 day");
const vectorsOf = async () => {
  const rows =
    await db.sql`select memory_id from mayfly.memory_vectors where tenant_id = ${tenant}`;
  return rows.map((row) => row.memory_id as string);
};

describe("the embedding queue", () => {
  it("leases each memory without a vector once, and stores the result", async () => {
    const bare = putOf({ task: "bare", tags: ["a", "b"], input: "in", output: "out" });
    await push(bare, { ...putOf(), embedding, model: "m" });
    const claims = await claim();
    expect(claims).toMatchObject([{ memory: bare.memory.id, text: "bare\na b\nin\nout" }]);
    expect(await claim()).toEqual([]);
    expect(await complete(claims.map(done))).toEqual({ stored: 1, failed: 0, waiting: 0 });
    expect(await vectorsOf()).toContain(bare.memory.id);
    await passTime();
    expect(await claim()).toEqual([]);
  });

  it("gives each memory to one of many workers", async () => {
    await push(...Array.from({ length: 12 }, () => putOf()));
    const claims = (await Promise.all([claim(5), claim(5), claim(5)])).flat();
    expect(claims.length).toBe(12);
    expect(new Set(claims.map((one) => one.memory)).size).toBe(12);
  });

  it("gives a dead worker's memories to a second worker, and only the answer of the second counts", async () => {
    await push(putOf());
    const [first] = await claim();
    await passTime();
    const [second] = await claim();
    expect(await complete([done(first as Claim)])).toMatchObject({ stored: 0 });
    expect(await complete([done(second as Claim)])).toMatchObject({ stored: 1 });
  });

  it("tries again after growing pauses, and gives up after 5 failures", async () => {
    await push(putOf());
    for (let attempt = 1; attempt <= 5; attempt++) {
      await passTime();
      const [one] = await claim();
      expect(await complete([{ ...one, text: undefined, error: "no" }])).toMatchObject({
        failed: 1,
      });
    }
    await passTime();
    expect(await claim()).toEqual([]);
    const [row] = await db.sql`
      select attempts, error, dead_at is not null as dead from mayfly_private.embedding_queue where tenant_id = ${tenant}`;
    expect(row).toEqual({ attempts: 5, error: "no", dead: true });
  });

  it("also stops trying memories that no worker ever completed", async () => {
    await push(putOf());
    for (let attempt = 1; attempt <= 6; attempt++) {
      await passTime();
      await claim();
    }
    const [row] = await db.sql`
      select error, dead_at is not null as dead from mayfly_private.embedding_queue where tenant_id = ${tenant}`;
    expect(row).toEqual({ error: "no worker completed it", dead: true });
  });

  it("queues a memory again if its words changed, and drops a forgotten one", async () => {
    const put = putOf();
    const gone = putOf();
    await push(put, gone);
    const stale = await claim();
    await push(updateOf(put.memory.id, { task: "other words" }), deleteOf(gone.memory.id));
    expect(await complete(stale.map(done))).toMatchObject({ stored: 0 });
    expect(await claim()).toMatchObject([{ memory: put.memory.id, text: "other words" }]);
    await passTime();
    expect((await claim()).length).toBe(1);
    const rows =
      await db.sql`select memory_id from mayfly_private.embedding_queue where tenant_id = ${tenant}`;
    expect(rows.map((row) => row.memory_id)).toEqual([put.memory.id]);
  });

  it("embeds a tenant again with another model, in batches, and reports the progress", async () => {
    const puts = Array.from({ length: 3 }, () => ({ ...putOf(), embedding, model: "m" }));
    const gone = { ...putOf(), embedding, model: "m" };
    await push(...puts, gone);
    await push(deleteOf(gone.memory.id));
    const progress = (model = "next") => asProject("embedding_progress", { model });
    const start = { memories: 3, embedded: 0, left: 3, waiting: 0, dead: 0, others: 3 };
    expect(await progress()).toEqual(start);
    expect(await progress("m")).toEqual({ ...start, embedded: 3, left: 0, others: 0 });

    const queue = (model: string, after: string | null = null) =>
      asProject<Queued>("queue_embeddings", { model, max_rows: 2, after });
    const queueAll = async (model: string) => {
      const batches: Queued[] = [];
      do batches.push(await queue(model, batches.at(-1)?.after ?? null));
      while (batches.at(-1)?.after);
      return batches.reduce((sum, batch) => sum + batch.queued, 0);
    };
    expect(await queueAll("m")).toBe(0);
    expect(await queueAll("next")).toBe(3);
    expect(await queueAll("next")).toBe(0);
    expect(await progress()).toEqual({ ...start, waiting: 3 });

    const claims = await claim(20, "next");
    expect(claims.map((one) => one.memory).sort()).toEqual(puts.map((put) => put.memory.id).sort());
    await complete(claims.slice(0, 2).map(done), "next");
    expect(await progress()).toEqual({ ...start, embedded: 2, left: 1, waiting: 1 });
    // No worker completes it, five times.
    for (let attempt = 2; attempt <= 6; attempt++) {
      await passTime();
      await claim(20, "next");
    }
    expect(await progress()).toEqual({ ...start, embedded: 2, left: 1, dead: 1 });
    expect(await queueAll("next")).toBe(1);
    const [last] = await claim(20, "next");

    const forget = (max_rows: number) => asProject("forget_vectors", { model: "next", max_rows });
    await db.sql`insert into mayfly_private.settlements (tenant_id, model, vectors) values (${tenant}, 'm', 3)`;
    await db.sql`update mayfly.memory_vectors set settled = true where tenant_id = ${tenant} and model = 'm'`;
    expect(await forget(1)).toEqual({ deleted: 1, more: true });
    expect(await forget(10)).toEqual({ deleted: 1, more: false });
    const settlements = () =>
      db.sql`select vectors::int from mayfly_private.settlements where tenant_id = ${tenant}`;
    expect([...(await settlements())]).toEqual([{ vectors: 1 }]);
    await complete([done(last as Claim)], "next");
    expect(await progress()).toEqual({ ...start, embedded: 3, left: 0, others: 1 });
    expect(await forget(10)).toEqual({ deleted: 1, more: false });
    expect(await progress()).toEqual({ ...start, embedded: 3, left: 0, others: 0 });
    expect([...(await settlements())]).toEqual([]);
  });

  it("embeds one tenant again without touching another", async () => {
    await push({ ...putOf(), embedding, model: "m" });
    const first = tenant;
    tenant = await makeTenant(db.sql);
    agent = await makeAgent(db.sql, tenant);
    await push({ ...putOf(), embedding, model: "m" });
    await asProject("queue_embeddings", { model: "next" });
    await complete((await claim(20, "next")).map(done), "next");
    expect(await asProject("forget_vectors", { model: "next" })).toMatchObject({ deleted: 1 });
    tenant = first;
    expect(await asProject("embedding_progress", { model: "next" })).toEqual({
      memories: 1,
      embedded: 0,
      left: 1,
      waiting: 0,
      dead: 0,
      others: 1,
    });
  });

  it.each([
    ["queue_embeddings", { model: "" }, "model"],
    ["queue_embeddings", { model: "m", max_rows: 0 }, "max_rows"],
    ["embedding_progress", { model: "m".repeat(101) }, "model"],
    ["forget_vectors", { model: "" }, "model"],
    ["forget_vectors", { model: "m", max_rows: 10_001 }, "max_rows"],
  ])("refuses %s of %j", async (name, values, field) => {
    expect(await refusalOf(asProject(name, values))).toMatchObject({
      code: "invalid_request",
      details: { field },
    });
  });

  it.each([
    ["not a list", {}],
    ["without a valid lease", [{ memory: crypto.randomUUID(), lease: "x", embedding }]],
    [
      "vectors of the wrong length",
      [{ memory: crypto.randomUUID(), lease: crypto.randomUUID(), embedding: [1] }],
    ],
    ["without vector and error", [{ memory: crypto.randomUUID(), lease: crypto.randomUUID() }]],
  ])("refuses results that are %s", async (_what, results) => {
    expect(await codeOf(complete(results as unknown[]))).toBe("invalid_request");
  });

  it("can be used only with the secret key", async () => {
    for (const name of [
      "claim_embeddings",
      "complete_embeddings",
      "queue_embeddings",
      "embedding_progress",
      "forget_vectors",
    ])
      expect(
        await codeOf(
          rpc(db.sql, agent.claims, name, {
            model: "m",
            ...(name === "complete_embeddings" && { results: [] as never }),
          }),
        ),
      ).toBe("42501");
  });
});
