import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  actAs,
  type Claims,
  makeAgent,
  makePerson,
  makeTenant,
  refusalOf,
  type SpawnedAgent,
} from "../harness/callers.ts";
import { openTestDatabase, type TestDatabase } from "../harness/database.ts";
import { deleteOf, putOf, updateOf } from "../harness/operations.ts";

interface Result {
  id: string;
  status: string;
  version?: number;
  fields?: Record<string, string>;
  conflicts?: Record<string, string>;
}
interface Answer {
  results: Result[];
  events: { type: string; subject: string; fields: string[] | null }[];
  memories: { id: string; task: string; reward: number }[];
  cursor: string;
}

let db: TestDatabase;
let tenant: string;
let agent: SpawnedAgent;
beforeAll(async () => {
  db = await openTestDatabase();
  tenant = await makeTenant(db.sql);
  agent = await makeAgent(db.sql, tenant);
});
afterAll(() => db.close());

const sync = (
  push: unknown[],
  since: string | null = null,
  claims: Claims = agent.claims,
  limit = since === null && push.length > 0 ? 0 : 1000,
) =>
  actAs(db.sql, claims, async (session) => {
    const [row] =
      await session`select mayfly.sync(${session.json(push as never)}, ${since}, ${limit}) as answer`;
    return row?.answer as Answer;
  });
const remember = async (fields: Record<string, unknown> = {}) => {
  const put = putOf(fields);
  await sync([put]);
  return put.memory.id;
};
const update = async (...input: Parameters<typeof updateOf>) => {
  const { results } = await sync([updateOf(...input)]);
  return results[0] as Result;
};
const read = async (id: string) => {
  const [row] =
    await db.sql`select * from mayfly.memories where tenant_id = ${tenant} and id = ${id}`;
  return row ?? {};
};
/** A clock so many seconds from now. */
const clock = (seconds: number, node = "test") =>
  `${String(Date.now() + seconds * 1000).padStart(13, "0")}-0000-${node}`;

describe("an update", () => {
  it("changes what it sets, raises the version, and says what it did with each field", async () => {
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

  it("comes with the next pull, with the fields that changed", async () => {
    const id = await remember({ reward: 0.2 });
    const { cursor } = await sync([], null);
    await update(id, { reward: 0.9, importance: 5 });
    await update(id, { reward: 0.9 });
    const { events, memories } = await sync([], cursor);
    expect(events).toMatchObject([{ type: "memory.updated", subject: id, fields: ["reward"] }]);
    expect(memories).toMatchObject([{ id, reward: 0.9 }]);
  });

  it("sets a field back to its default by null", async () => {
    const id = await remember({ reward: 0.2, importance: 9, input: "x" });
    await update(id, { reward: null, importance: null, input: null });
    expect(await read(id)).toMatchObject({ reward: null, importance: 5, input: "" });
  });

  it("gives its first result again, and changes nothing more", async () => {
    const id = await remember();
    const op = updateOf(id, { reward: 0.9 });
    const first = await sync([op]);
    await update(id, { reward: 0.1 });
    expect((await sync([op])).results).toEqual(first.results);
    expect((await read(id)).reward).toBeCloseTo(0.1);
  });

  it("of a memory that is forgotten, unknown or another's secret says gone, and blocks nothing", async () => {
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

  it("drops the vector of words that are gone, and takes the caller's own", async () => {
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

describe("latest_wins", () => {
  it("ends in the same values in whatever order updates arrive, field by field", async () => {
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

  it("counts an update without a clock as new as its arrival, also after clocks ahead", async () => {
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
  it("joins what both sides changed: tags, metadata deep, and texts that one side changed", async () => {
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

  it("is refused where it would make too many tags", async () => {
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
  it("keeps what was wanted as a conflict until an update settles it", async () => {
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

  it("shows the conflicts of a private memory to those who see it, and forgets them with it", async () => {
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

describe("an update's bounds", () => {
  it.each([
    ["a reward over 1", { set: { reward: 2 } }, "memory.set.reward"],
    ["a base out of bounds", { set: { reward: 1 }, base: { reward: "x" } }, "memory.base.reward"],
    ["nothing to set", { set: {} }, "memory.set"],
    ["a field that cannot be updated", { set: { agent_id: null } }, "memory.set"],
    ["a set that is no object", { set: [1] }, "memory.set"],
    ["no text left", { set: { task: "" } }, "memory.set"],
    ["an unknown way to resolve", { set: { reward: 1 }, resolve: "fight" }, "memory.resolve"],
    ["manual without a base", { set: { reward: 1 }, resolve: "manual" }, "memory.base"],
    ["a broken clock", { set: { reward: 1 }, hlc: "soon" }, "memory.hlc"],
    ["conflicts that are no ids", { set: {}, settles: ["x"] }, "memory.settles"],
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

describe("visibility", () => {
  const cursorOf = async (claims: Claims) => {
    const { cursor } = await sync([], null, claims);
    return cursor;
  };
  const news = async (cursor: string, claims: Claims) => {
    const { events, memories } = await sync([], cursor, claims);
    return [events.map((event) => event.type), memories.map((memory) => memory.task)];
  };

  it("that widens reaches the tenant; that narrows leaves the caches of those who may not see", async () => {
    const own = await makeTenant(db.sql);
    const parent = await makeAgent(db.sql, own, {
      scopes: ["agent:spawn", "memory:read", "memory:write"],
    });
    const keeper = await makeAgent(db.sql, own, { as: parent.claims });
    const other = await makeAgent(db.sql, own);
    const admin = await makePerson(db.sql, { [own]: "admin" });
    const viewer = await makePerson(db.sql, { [own]: "viewer" });
    const everyone = {
      parent: parent.claims,
      keeper: keeper.claims,
      other: other.claims,
      admin,
      viewer,
    };
    const cursors: Record<string, string> = {};
    const mark = async () => {
      for (const [who, claims] of Object.entries(everyone)) cursors[who] = await cursorOf(claims);
    };
    const tell = async () => {
      const told: Record<string, unknown> = {};
      for (const [who, claims] of Object.entries(everyone))
        told[who] = await news(cursors[who] as string, claims);
      return told;
    };

    await mark();
    const put = putOf({ task: "secret", visibility: "agent" });
    await sync([put], null, keeper.claims);
    const created = [["memory.created"], ["secret"]];
    const nothing = [[], []];
    expect(await tell()).toEqual({
      parent: created,
      keeper: created,
      admin: created,
      other: nothing,
      viewer: nothing,
    });

    await mark();
    await sync([updateOf(put.memory.id, { visibility: "tenant" })], null, keeper.claims);
    const shown = [["memory.updated"], ["secret"]];
    expect(await tell()).toEqual({
      parent: shown,
      keeper: shown,
      admin: shown,
      other: shown,
      viewer: shown,
    });

    await mark();
    await sync([updateOf(put.memory.id, { visibility: "agent" })], null, keeper.claims);
    const kept = [["memory.hidden", "memory.updated"], ["secret"]];
    const hidden = [["memory.hidden"], []];
    expect(await tell()).toEqual({
      parent: kept,
      keeper: kept,
      admin: kept,
      other: hidden,
      viewer: hidden,
    });

    await mark();
    await sync([deleteOf(put.memory.id)], null, keeper.claims);
    const deleted = [["memory.deleted"], []];
    expect(await tell()).toEqual({
      parent: deleted,
      keeper: deleted,
      admin: deleted,
      other: nothing,
      viewer: nothing,
    });
  });

  it("cannot be narrowed by who would not see it then", async () => {
    const other = await makeAgent(db.sql, tenant);
    const id = await remember();
    const narrow = updateOf(id, { visibility: "agent" });
    expect(await refusalOf(sync([narrow], null, other.claims))).toMatchObject({
      code: "invalid_operation",
      details: { index: 0, field: "memory.set.visibility" },
    });
    const admin = await makePerson(db.sql, { [tenant]: "admin" });
    expect((await sync([narrow], null, admin)).results[0]?.status).toBe("applied");
  });

  it("of a memory without an agent tells admins alone", async () => {
    const own = await makeTenant(db.sql);
    const admin = await makePerson(db.sql, { [own]: "admin" });
    const member = await makePerson(db.sql, { [own]: "member" });
    const [admins, members] = [await cursorOf(admin), await cursorOf(member)];
    await sync([putOf({ task: "of nobody", visibility: "agent" })], null, admin);
    expect(await news(admins, admin)).toEqual([["memory.created"], ["of nobody"]]);
    expect(await news(members, member)).toEqual([[], []]);
  });
});
