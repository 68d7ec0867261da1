import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import {
  codeOf,
  inTenant,
  makeAgent,
  makeTenant,
  rpc,
  type SpawnedAgent,
  serviceRole,
} from "../harness/callers.ts";
import { openTestDatabase, type TestDatabase } from "../harness/database.ts";
import { deleteOf, putOf, updateOf } from "../harness/operations.ts";

interface Claim {
  memory: string;
  lease: string;
  text: string;
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
const claim = (max_rows = 20) =>
  asProject<Claim[]>("claim_embeddings", { model: "m", max_rows, lease_seconds: 60 });
const complete = (results: unknown[]) =>
  asProject("complete_embeddings", { model: "m", results: results as never });
const done = ({ memory, lease }: Claim) => ({ memory, lease, embedding });
/** As if the leases and pauses were over. */
const passTime = () =>
  db.sql`update mayfly_private.embedding_queue set due_at = now() where tenant_id = ${tenant}`;
const vectorsOf = async () => {
  const rows =
    await db.sql`select memory_id from mayfly.memory_vectors where tenant_id = ${tenant}`;
  return rows.map((row) => row.memory_id as string);
};

describe("the embedding queue", () => {
  it("gives what was put without a vector, once, and stores what comes back", async () => {
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

  it("gives what a worker left behind to another, whose answer alone counts", async () => {
    await push(putOf());
    const [first] = await claim();
    await passTime();
    const [second] = await claim();
    expect(await complete([done(first as Claim)])).toMatchObject({ stored: 0 });
    expect(await complete([done(second as Claim)])).toMatchObject({ stored: 1 });
  });

  it("tries again after a pause that grows, and lets what failed 5 times rest", async () => {
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

  it("lets what no worker ever completed rest, too", async () => {
    await push(putOf());
    for (let attempt = 1; attempt <= 6; attempt++) {
      await passTime();
      await claim();
    }
    const [row] = await db.sql`
      select error, dead_at is not null as dead from mayfly_private.embedding_queue where tenant_id = ${tenant}`;
    expect(row).toEqual({ error: "no worker completed it", dead: true });
  });

  it("takes up a memory again whose words have changed, and drops one that is forgotten", async () => {
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

  it("takes up every memory without a vector of another model", async () => {
    await push(...Array.from({ length: 3 }, () => ({ ...putOf(), embedding, model: "m" })));
    const queue = (model: string) => asProject("queue_embeddings", { model, max_rows: 2 });
    expect(await queue("m")).toEqual({ queued: 0, more: false });
    expect(await queue("next")).toEqual({ queued: 2, more: true });
    expect(await queue("next")).toEqual({ queued: 1, more: false });
    const claims = await asProject<Claim[]>("claim_embeddings", { model: "next" });
    expect(claims.length).toBe(3);
  });

  it.each([
    ["no list", {}],
    ["a lease that is no id", [{ memory: crypto.randomUUID(), lease: "x", embedding }]],
    [
      "a vector of the wrong length",
      [{ memory: crypto.randomUUID(), lease: crypto.randomUUID(), embedding: [1] }],
    ],
    ["neither vector nor error", [{ memory: crypto.randomUUID(), lease: crypto.randomUUID() }]],
  ])("refuses results that are %s", async (_what, results) => {
    expect(await codeOf(complete(results as unknown[]))).toBe("invalid_request");
  });

  it("is for the secret key alone", async () => {
    for (const name of ["claim_embeddings", "complete_embeddings", "queue_embeddings"])
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
