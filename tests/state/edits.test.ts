/**
 * `mayfly.edit_state` and `mayfly.swap_state`: counters and lists that many callers change, and what `update`
 * needs.
 */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { actAs, type Claims, makeAgent, makeTenant, refusalOf } from "#harness/callers";
import { openTestDatabase, type TestDatabase } from "#harness/database";

interface State {
  version: number;
  value: unknown;
  expires_at: string | null;
}
type Edit = { op: string; path?: unknown; value?: unknown };

let db: TestDatabase;
let tenant: string;
let claims: Claims;
beforeAll(async () => {
  db = await openTestDatabase();
  tenant = await makeTenant(db.sql);
  ({ claims } = await makeAgent(db.sql, tenant, { lifetime: 600 }));
});
afterAll(() => db.close());

const edit = (key: string, edits: unknown, expected: number | null = null, as = claims) =>
  actAs(db.sql, as, async (session) => {
    const [row] = await session`
      select mayfly.edit_state(${key}, ${session.json(edits as never)}, null, ${expected}) as state`;
    return row?.state as State | null;
  });
const set = (key: string, value: unknown, expires: string | null = null) =>
  actAs(db.sql, claims, async (session) => {
    const [row] = await session`
      select mayfly.set_state(${key}, ${session.json(value as never)}, null, null, ${expires}) as state`;
    return row?.state as State;
  });
const swap = (key: string, expected: number | null, value: unknown, as = claims) =>
  actAs(db.sql, as, async (session) => {
    const [row] = await session`
      select mayfly.swap_state(${key}, ${expected}, ${session.json(value as never)}) as answer`;
    return row?.answer as { written: boolean; state: State | null };
  });
let made = 0;
const fresh = () => `state ${made++}`;
const edited = async (value: unknown, ...edits: Edit[]) => {
  const key = fresh();
  if (value !== undefined) await set(key, value);
  return (await edit(key, edits))?.value;
};

describe("an edit", () => {
  it("increments by its value, by default 1, and counts a missing number as 0", async () => {
    expect(await edited(undefined, { op: "inc", path: "" })).toBe(1);
    expect(await edited(41, { op: "inc", path: "" })).toBe(42);
    expect(await edited({ n: 1.5 }, { op: "inc", path: "/n", value: -0.5 })).toEqual({ n: 1 });
    expect(await edited({}, { op: "inc", path: "/by/ada", value: 2 })).toEqual({ by: { ada: 2 } });
    expect(await edited({ l: [1, 2] }, { op: "inc", path: "/l/1" })).toEqual({ l: [1, 3] });
  });

  it("appends to a list, which it creates if needed", async () => {
    expect(await edited(undefined, { op: "append", path: "", value: "a" })).toEqual(["a"]);
    expect(await edited({ l: [1] }, { op: "append", path: "/l", value: [2] })).toEqual({
      l: [1, [2]],
    });
    expect(await edited({}, { op: "append", path: "/a/b", value: null })).toEqual({
      a: { b: [null] },
    });
  });

  it("adds a key, or an item at an index or at the end of a list, like a JSON patch", async () => {
    expect(await edited({ a: 1 }, { op: "add", path: "/b", value: null })).toEqual({
      a: 1,
      b: null,
    });
    expect(await edited({ l: [1, 3] }, { op: "add", path: "/l/1", value: 2 })).toEqual({
      l: [1, 2, 3],
    });
    expect(await edited({ l: [1] }, { op: "add", path: "/l/-", value: 2 })).toEqual({ l: [1, 2] });
    expect(await edited({ l: [] }, { op: "add", path: "/l/0", value: 2 })).toEqual({ l: [2] });
    expect(await edited({ a: 1 }, { op: "add", path: "", value: 5 })).toBe(5);
    expect(await edited({}, { op: "add", path: "/a~1b/c~0d", value: 1 })).toEqual({
      "a/b": { "c~d": 1 },
    });
  });

  it("removes a key, an index, or equal values from a list, and does nothing if there is none", async () => {
    expect(await edited({ a: 1, b: 2 }, { op: "remove", path: "/a" })).toEqual({ b: 2 });
    expect(await edited({ l: [1, 2, 3] }, { op: "remove", path: "/l/1" })).toEqual({ l: [1, 3] });
    expect(await edited({ l: [1, 2, 1] }, { op: "remove", path: "/l", value: 1 })).toEqual({
      l: [2],
    });
    expect(await edited({ a: 1 }, { op: "remove", path: "/x/y" })).toEqual({ a: 1 });
    expect(await edited({ a: 1 }, { op: "remove", path: "/x", value: 1 })).toEqual({ a: 1 });
    expect(await edited(undefined, { op: "remove", path: "/x" })).toBeUndefined();
    const [row] = await db.sql`
      select count(*)::int as left_over from mayfly.states where tenant_id = ${tenant} and version = 0`;
    expect(row?.left_over).toBe(0);
  });

  it("applies to the result of the edit before it, and all edits of a call make one version, or none if nothing changes", async () => {
    const key = fresh();
    const expires = "2030-01-01T00:00:00+00:00";
    await set(key, { done: 1 }, expires);
    const edits = [
      { op: "inc", path: "/done", value: 2 },
      { op: "append", path: "/names", value: "ada" },
      { op: "remove", path: "/done" },
      { op: "inc", path: "/done" },
    ];
    expect(await edit(key, edits)).toMatchObject({
      version: 2,
      value: { done: 1, names: ["ada"] },
      expires_at: expires,
    });
    expect(await edit(key, [{ op: "inc", path: "/done", value: 0 }])).toMatchObject({ version: 2 });
    expect(await refusalOf(edit(key, [{ op: "inc", path: "/done" }], 1))).toMatchObject({
      code: "version_conflict",
    });
  });

  const unfit: [unknown, Edit, RegExp][] = [
    [{ a: "x" }, { op: "inc", path: "/a" }, /needs a number, but finds string/],
    [{ a: 1 }, { op: "append", path: "/a", value: 1 }, /needs a list, but finds number/],
    [{ a: 1 }, { op: "remove", path: "/a", value: 1 }, /needs a list, but finds number/],
    [{ a: 1 }, { op: "add", path: "/a/b", value: 1 }, /goes through number/],
    [{ l: [1] }, { op: "add", path: "/l/2", value: 1 }, /goes through a list of 1/],
    [{ l: [1] }, { op: "inc", path: "/l/x" }, /is no index/],
    [{ l: [1] }, { op: "remove", path: "/l/1" }, /goes through a list of 1/],
    [{ l: [1] }, { op: "remove", path: "" }, /needs a path/],
  ];
  it("that cannot be applied is refused with its index, and nothing of the call is written", async () => {
    for (const [value, faulty, message] of unfit) {
      const key = fresh();
      await set(key, value);
      const refusal = await refusalOf(edit(key, [{ op: "add", path: "/z", value: 1 }, faulty]));
      expect(refusal).toMatchObject({
        code: "edit_does_not_fit",
        details: { index: 1, field: "edits.path", version: 1 },
      });
      expect(refusal.message).toMatch(message);
      expect((await edit(key, [{ op: "inc", path: "/counted" }]).catch(() => null))?.version).toBe(
        2,
      );
    }
  });

  it("that is not valid is refused with its index and field", async () => {
    const key = fresh();
    const ok = { op: "inc", path: "" };
    const faulty: [unknown, string][] = [
      ["x", "edits.op"],
      [{ ...ok, op: "move" }, "edits.op"],
      [{ op: "inc" }, "edits.path"],
      [{ op: "inc", path: "done" }, "edits.path"],
      [{ op: "inc", path: "/~2" }, "edits.path"],
      [{ op: "inc", path: "/a".repeat(33) }, "edits.path"],
      [{ op: "inc", path: "", value: "1" }, "edits.value"],
      [{ op: "append", path: "" }, "edits.value"],
      [{ op: "add", path: "/a" }, "edits.value"],
    ];
    for (const [one, field] of faulty)
      expect(await refusalOf(edit(key, [ok, one])), JSON.stringify(one)).toMatchObject({
        code: "invalid_request",
        details: { index: 1, field },
      });
    for (const edits of [[], {}, "x", Array(101).fill(ok)])
      expect(await refusalOf(edit(key, edits))).toMatchObject({ details: { field: "edits" } });
    expect(await refusalOf(edit("", [ok]))).toMatchObject({ details: { field: "key" } });
    const reader = await makeAgent(db.sql, tenant, { scopes: ["state:read"] });
    expect(await refusalOf(edit(key, [ok], null, reader.claims))).toMatchObject({
      code: "scope_missing",
    });
  });

  it("stays within the bounds of a state", async () => {
    const key = fresh();
    await set(key, ["x".repeat(200_000)]);
    expect(
      await refusalOf(edit(key, [{ op: "append", path: "", value: "y".repeat(100_000) }])),
    ).toMatchObject({ code: "invalid_request", details: { field: "value" } });
    await set(key, Number.MAX_SAFE_INTEGER);
    expect(await refusalOf(edit(key, [{ op: "inc", path: "", value: 2 }]))).toMatchObject({
      code: "invalid_request",
    });
  });
});

describe("a swap", () => {
  it("writes at the version that it expects, and otherwise returns the current state", async () => {
    const key = fresh();
    expect(await swap(key, 1, "x")).toEqual({ written: false, state: null });
    expect(await swap(key, 0, "a")).toMatchObject({
      written: true,
      state: { version: 1, value: "a" },
    });
    expect(await swap(key, 0, "b")).toMatchObject({
      written: false,
      state: { version: 1, value: "a" },
    });
    expect(await swap(key, 1, null)).toMatchObject({
      written: true,
      state: { version: 2, value: null },
    });
    const [row] = await db.sql`
      select count(*)::int as left_over from mayfly.states where tenant_id = ${tenant} and version = 0`;
    expect(row?.left_over).toBe(0);
  });

  it("keeps the expiry of the state, and is refused without a version or a scope", async () => {
    const key = fresh();
    const expires = "2030-01-01T00:00:00+00:00";
    await set(key, 1, expires);
    expect(await swap(key, 1, 2)).toMatchObject({ state: { expires_at: expires } });
    for (const expected of [null, -1])
      expect(await refusalOf(swap(key, expected, 1))).toMatchObject({
        code: "invalid_request",
        details: { field: "expected_version" },
      });
    for (const scopes of [["state:read"], ["state:write"]]) {
      const { claims: half } = await makeAgent(db.sql, tenant, { scopes });
      expect(await refusalOf(swap(key, 2, 1, half))).toMatchObject({ code: "scope_missing" });
    }
  });
});
