import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { makeAgent, refusalOf } from "#harness/callers";
import { deleteOf, putOf, updateOf } from "#harness/operations";
import { openSyncing, type Syncing } from "#harness/syncing";

let db: Syncing["db"];
let tenant: Syncing["tenant"];
let sync: Syncing["sync"];
let remember: Syncing["remember"];
let update: Syncing["update"];
let read: Syncing["read"];
beforeAll(async () => {
  ({ db, tenant, sync, remember, update, read } = await openSyncing());
});
afterAll(() => db.close());

describe("an update", () => {
  it("changes what it sets, increases the version, and reports the result of each field", async () => {
    const id = await remember({ reward: 0.2, tags: ["a"] });
    const set = { reward: 0.9, critique: "better", tags: ["a"] };
    expect(await update(id, set)).toMatchObject({
      status: "applied",
      version: 2,
      fields: { reward: "applied", critique: "applied", tags: "unchanged" },
    });
    const row = await read(id);
    expect(row).toMatchObject({ reward: expect.closeTo(0.9), critique: "better", version: 2 });
    expect(row.updated_at > row.created_at).toBe(true);
  });

  it("arrives with the next pull, with the changed fields", async () => {
    const id = await remember({ reward: 0.2 });
    const { cursor } = await sync([], null);
    await update(id, { reward: 0.9, importance: 5 });
    await update(id, { reward: 0.9 });
    const { events, memories } = await sync([], cursor);
    expect(events).toMatchObject([{ type: "memory.updated", subject: id, fields: ["reward"] }]);
    expect(memories).toMatchObject([{ id, reward: 0.9 }]);
  });

  it("resets a field to its default with null", async () => {
    const id = await remember({ reward: 0.2, importance: 9, input: "x" });
    await update(id, { reward: null, importance: null, input: null });
    expect(await read(id)).toMatchObject({ reward: null, importance: 5, input: "" });
  });

  it("returns its first result when it is repeated, and changes nothing more", async () => {
    const id = await remember();
    const op = updateOf(id, { reward: 0.9 });
    const first = await sync([op]);
    await update(id, { reward: 0.1 });
    expect((await sync([op])).results).toEqual(first.results);
    expect((await read(id)).reward).toBeCloseTo(0.1);
  });

  it("of a memory that is forgotten, unknown or hidden returns gone, and the rest is applied", async () => {
    const forgotten = await remember();
    await sync([deleteOf(forgotten)]);
    const other = await makeAgent(db.sql, tenant);
    const secret = putOf({ visibility: "agent" });
    await sync([secret], null, other.claims);
    const good = await remember();
    const { results } = await sync([
      updateOf(forgotten, { reward: 1 }),
      updateOf(putOf().memory.id, { reward: 1 }),
      updateOf(secret.memory.id, { reward: 1 }),
      updateOf(good, { reward: 1 }),
    ]);
    expect(results.map((result) => result.status)).toEqual(["gone", "gone", "gone", "applied"]);
    expect((await read(forgotten)).reward).toBe(null);
    expect((await read(secret.memory.id)).reward).toBe(null);
  });

  it("drops the vector of replaced words, and takes the caller's own vector", async () => {
    const embedding = Array(384).fill(0.1);
    const put = { ...putOf(), embedding, model: "m" };
    await sync([put]);
    const vectors = async () =>
      (
        await db.sql`select count(*)::int from mayfly.memory_vectors where memory_id = ${put.memory.id}`
      )[0]?.count;
    await update(put.memory.id, { reward: 1 });
    expect(await vectors()).toBe(1);
    await update(put.memory.id, { task: "other" });
    expect(await vectors()).toBe(0);
    await sync([{ ...updateOf(put.memory.id, { task: "third" }), embedding, model: "m" }]);
    expect(await vectors()).toBe(1);
  });
});

describe("an update's bounds", () => {
  it.each([
    ["a reward over 1", { set: { reward: 2 } }, "memory.set.reward"],
    ["an invalid base", { set: { reward: 1 }, base: { reward: "x" } }, "memory.base.reward"],
    ["no field", { set: {} }, "memory.set"],
    ["a field that cannot be updated", { set: { agent_id: null } }, "memory.set"],
    ["a list as set", { set: [1] }, "memory.set"],
    ["no text left", { set: { task: "" } }, "memory.set"],
    ["an unknown strategy", { set: { reward: 1 }, resolve: "fight" }, "memory.resolve"],
    ["manual without a base", { set: { reward: 1 }, resolve: "manual" }, "memory.base"],
    ["an invalid clock", { set: { reward: 1 }, hlc: "soon" }, "memory.hlc"],
    ["invalid ids of conflicts", { set: {}, settles: ["x"] }, "memory.settles"],
    [
      "metadata that is too deep",
      { set: { metadata: JSON.parse(`${'{"a":'.repeat(40)}1${"}".repeat(40)}`) } },
      "memory.set.metadata",
    ],
  ])("refuse %s by index and field, and apply nothing", async (_what, change, field) => {
    const id = await remember();
    const good = putOf();
    const bad = { ...updateOf(id, {}), memory: { id, ...change } };
    expect(await refusalOf(sync([good, bad]))).toMatchObject({
      code: "invalid_operation",
      details: { index: 1, field },
    });
    expect(await read(good.memory.id)).toEqual({});
  });
});
