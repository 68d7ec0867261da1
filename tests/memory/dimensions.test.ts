import { afterAll, beforeAll, expect, it } from "vitest";
import { actAs, inTenant, makeTenant, refusalOf, rpc, serviceRole } from "#harness/callers";
import { openTestDatabase, type TestDatabase } from "#harness/database";
import { putOf } from "#harness/operations";

let db: TestDatabase;
let tenant: string;
beforeAll(async () => {
  db = await openTestDatabase();
  tenant = await makeTenant(db.sql);
});
afterAll(() => db?.close());

const call = (name: string, values: Record<string, unknown> = {}) =>
  rpc<never>(db.sql, serviceRole, name, values, inTenant(tenant));
const vector = (length: number, at: number) =>
  Array.from({ length }, (_, place) => (place === at ? 1 : 0));
const put = (task: string, embedding: number[]) =>
  call("sync", { push: [{ ...putOf({ task }), embedding, model: "m" }], page_limit: 0 });
const recall = async (embedding: number[]) => {
  const rows = await actAs(
    db.sql,
    serviceRole,
    (session) =>
      session`select task, parts from mayfly.recall(embedding => ${embedding}::real[], model => 'm')`,
    inTenant(tenant),
  );
  return rows.map((row) => [row.task, Number((row.parts.similarity as number).toFixed(3))]);
};

it("vectors have 384 numbers until another number, from 256 to 2,000, is set", async () => {
  expect(await call("embedding_dimensions")).toBe(384);
  await put("first", vector(384, 3));
  await put("second", vector(384, 4));
  for (const wrong of [255, 2_001, null])
    await expect(db.sql`select mayfly_private.set_dimensions(${wrong}::integer)`).rejects.toThrow(
      "256 to 2000",
    );
});

it("more numbers pad existing vectors with zeros, which are found as before", async () => {
  const before = await recall([...vector(384, 3)]);
  await db.sql`select mayfly_private.set_dimensions(1536)`;
  expect(await call("embedding_dimensions")).toBe(1536);
  expect(await recall(vector(1536, 3))).toEqual(before);
  await put("third", vector(1536, 1000));
  expect((await recall(vector(1536, 1000)))[0]).toEqual(["third", 1]);
  expect(await refusalOf(put("short", vector(384, 3)))).toMatchObject({
    code: "invalid_operation",
    message: expect.stringContaining("must be 1536 numbers"),
  });
  expect(await refusalOf(recall(vector(384, 3)))).toMatchObject({
    code: "invalid_request",
    details: { field: "embedding" },
  });
});

it("the set number limits what a worker can complete, and decides what a vector is charged", async () => {
  await call("sync", { push: [putOf({ task: "waits" })], page_limit: 0 });
  const [claim] = (await call("claim_embeddings", { model: "m" })) as {
    memory: string;
    lease: string;
  }[];
  const complete = (length: number) =>
    call("complete_embeddings", {
      model: "m",
      results: [{ ...claim, embedding: vector(length, 7) }],
    });
  expect(await refusalOf(complete(384))).toMatchObject({ details: { field: "results" } });
  expect(await complete(1536)).toMatchObject({ stored: 1 });
  const bytes = async () => ((await call("usage")) as { bytes: number }).bytes;
  const charged = await bytes();
  await db.sql`select mayfly_private.recount_usage(${tenant})`;
  expect(await bytes()).toBe(charged);
});

it("fewer numbers queue every memory to be embedded again", async () => {
  await db.sql`select mayfly_private.set_dimensions(256)`;
  expect(await recall(vector(256, 3))).toEqual([]);
  const progress = await call("embedding_progress", { model: "m" });
  expect(progress).toMatchObject({ embedded: 0, waiting: 4, left: 4 });
  await put("again", vector(256, 9));
  expect((await recall(vector(256, 9)))[0]).toEqual(["again", 1]);
  // This index is used for large tenants.
  const [index] = await db.sql`
    select indexdef from pg_indexes where indexname = 'memory_vectors_settled_idx'`;
  expect(index?.indexdef).toContain("ef_construction='128'");
});

it("another number leaves the index and the statistics as the schema defines them", async () => {
  const [target] = await db.sql`
    select attstattarget from pg_attribute
    where attrelid = 'mayfly.memory_vectors'::regclass and attname = 'embedding'`;
  expect(target?.attstattarget).toBe(0);
});
