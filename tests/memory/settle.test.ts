import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { actAs, type Claims, makeAgent, refusalOf } from "#harness/callers";
import { deleteOf, putOf, updateOf } from "#harness/operations";
import { clock, openSyncing, type Syncing } from "#harness/syncing";

let db: Syncing["db"];
let tenant: Syncing["tenant"];
let agent: Syncing["agent"];
let sync: Syncing["sync"];
let remember: Syncing["remember"];
let update: Syncing["update"];
let read: Syncing["read"];
beforeAll(async () => {
  ({ db, tenant, agent, sync, remember, update, read } = await openSyncing());
});
afterAll(() => db.close());

describe("latest_wins", () => {
  it("ends with the same values in any order of updates, field by field", async () => {
    const ops = [
      [{ reward: 0.1, critique: "one" }, clock(-30)],
      [{ reward: 0.2 }, clock(-20)],
      [{ critique: "three" }, clock(-25)],
      [{ reward: 0.4, task: "four" }, clock(-40)],
    ] as const;
    for (const order of [
      [0, 1, 2, 3],
      [3, 2, 1, 0],
      [1, 3, 0, 2],
    ]) {
      const id = await remember();
      for (const n of order) {
        const [set, hlc] = ops[n] as (typeof ops)[number];
        await update(id, set, { hlc });
      }
      const row = await read(id);
      expect(row).toMatchObject({ critique: "three", task: "four" });
      expect(row.reward).toBeCloseTo(0.2);
    }
  });

  it("says that a newer value was kept", async () => {
    const id = await remember();
    await update(id, { reward: 0.9 }, { hlc: clock(0) });
    expect(await update(id, { reward: 0.1 }, { hlc: clock(-10) })).toMatchObject({
      version: 2,
      fields: { reward: "kept" },
    });
  });

  it("treats an update without a clock as newer than all updates before it, even those with a clock ahead", async () => {
    const id = await remember();
    await update(id, { reward: 0.9 }, { hlc: clock(50) });
    expect(await update(id, { reward: 0.1 })).toMatchObject({ fields: { reward: "applied" } });
    expect(await update(id, { reward: 0.5 }, { hlc: clock(10) })).toMatchObject({
      fields: { reward: "kept" },
    });
  });

  it("refuses a clock more than 60 s ahead", async () => {
    const id = await remember();
    const refusal = await refusalOf(
      sync([putOf(), updateOf(id, { reward: 1 }, { hlc: clock(70) })]),
    );
    expect(refusal).toMatchObject({ code: "clock_ahead", details: { index: 1 } });
  });
});

describe("merge", () => {
  it("joins the changes of both sides: tags, nested metadata, and texts that one side changed", async () => {
    const metadata = { a: 1, deep: { x: 1, y: 1, gone: true } };
    const id = await remember({ tags: ["a", "b"], metadata, critique: "old", reward: 0.5 });
    const base = { tags: ["a", "b"], metadata, critique: "old", reward: 0.5 };
    await update(
      id,
      { tags: ["b", "c"], metadata: { a: 1, deep: { x: 2, y: 1, gone: true } }, reward: 0.7 },
      { base, resolve: "merge", hlc: clock(-10) },
    );
    const result = await update(
      id,
      {
        tags: ["a", "b", "d"],
        metadata: { a: 3, deep: { x: 1, y: 5 } },
        critique: "new",
        reward: 0.5,
      },
      { base, resolve: "merge", hlc: clock(-20) },
    );
    expect(result.fields).toEqual({
      tags: "merged",
      metadata: "merged",
      critique: "applied",
      reward: "kept",
    });
    const row = await read(id);
    expect([...row.tags].sort()).toEqual(["b", "c", "d"]);
    expect(row.metadata).toEqual({ a: 3, deep: { x: 2, y: 5 } });
    expect(row.reward).toBeCloseTo(0.7);
  });

  it("is refused if it would make too many tags", async () => {
    const many = (prefix: string) => Array.from({ length: 40 }, (_, n) => `${prefix}${n}`);
    const id = await remember({ tags: many("a") });
    const refusal = await refusalOf(
      sync([updateOf(id, { tags: many("b") }, { base: { tags: [] }, resolve: "merge" })]),
    );
    expect(refusal).toMatchObject({
      code: "invalid_operation",
      details: { index: 0, field: "memory.set.tags" },
    });
  });
});

describe("manual", () => {
  it("keeps the wanted value as a conflict until an update resolves it", async () => {
    const id = await remember({ critique: "old", reward: 0.5 });
    await update(id, { critique: "mine" });
    const result = await update(
      id,
      { critique: "theirs", reward: 0.6 },
      { base: { critique: "old", reward: 0.5 }, resolve: "manual" },
    );
    expect(result).toMatchObject({
      status: "conflict",
      fields: { critique: "conflict", reward: "applied" },
    });
    expect(await read(id)).toMatchObject({ critique: "mine", reward: expect.closeTo(0.6) });
    const readConflicts = () =>
      actAs(
        db.sql,
        agent.claims,
        (session) =>
          session`select id, field, base, wanted from mayfly.memory_conflicts where memory_id = ${id}`,
      );
    const [conflict] = await readConflicts();
    expect(conflict).toEqual({
      id: result.conflicts?.critique,
      field: "critique",
      base: "old",
      wanted: "theirs",
    });
    await update(id, { critique: "both" }, { settles: [conflict?.id] });
    expect((await read(id)).critique).toBe("both");
    expect([...(await readConflicts())]).toEqual([]);
  });

  it("shows conflicts of a private memory to callers that see the memory, and forgets both together", async () => {
    const id = await remember({ visibility: "agent", reward: 0.1 });
    await update(id, { reward: 0.5 }, { base: { reward: 0.2 }, resolve: "manual" });
    const seenBy = (claims: Claims) =>
      actAs(db.sql, claims, async (session) => {
        const rows = await session`select id from mayfly.memory_conflicts where memory_id = ${id}`;
        return rows.length;
      });
    const other = await makeAgent(db.sql, tenant);
    expect([await seenBy(agent.claims), await seenBy(other.claims)]).toEqual([1, 0]);
    await sync([deleteOf(id)]);
    expect(await seenBy(agent.claims)).toBe(0);
  });
});
