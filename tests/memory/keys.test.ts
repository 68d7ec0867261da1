import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  actAs,
  type Claims,
  makeAgent,
  makePerson,
  makeTenant,
  refusalOf,
  rpc,
} from "#harness/callers";
import { openTestDatabase, type TestDatabase } from "#harness/database";
import { deleteOf, putOf, updateOf } from "#harness/operations";

interface Result {
  status: string;
  kept?: string;
  version?: number;
}
let db: TestDatabase;
let tenant: string;
let alice: { id: string; claims: Claims };
let bob: { id: string; claims: Claims };
beforeAll(async () => {
  db = await openTestDatabase();
  tenant = await makeTenant(db.sql);
  alice = await makeAgent(db.sql, tenant);
  bob = await makeAgent(db.sql, tenant);
});
afterAll(() => db?.close());

const push = async (claims: Claims, ...operations: unknown[]): Promise<Result[]> => {
  const answer = await actAs(
    db.sql,
    claims,
    (session) =>
      session`select mayfly.sync(${session.json(operations as never)}, null, 0) -> 'results' as results`,
  );
  return answer[0]?.results;
};
const rows = (key: string) =>
  db.sql`select id, task, output, reward, tags, version, visibility, agent_id from mayfly.memories
    where tenant_id = ${tenant} and key = ${key} order by created_at`;
const withTask = (task: string) =>
  db.sql`select id from mayfly.memories where tenant_id = ${tenant} and task = ${task}`;
const keyed = (key: string, memory: Record<string, unknown>) => putOf({ key, ...memory });
const once = (memory: Record<string, unknown>) => putOf({ once: true, ...memory });

describe("a put with a key", () => {
  it("is stored, and the next put with the same key changes it, from any sender", async () => {
    const first = keyed("port", { task: "port", output: "5432", tags: ["a"], reward: 0.5 });
    expect(await push(alice.claims, first)).toMatchObject([{ status: "applied" }]);
    const second = keyed("port", { task: "port", output: "5433" });
    expect(await push(bob.claims, second)).toMatchObject([
      { status: "applied", kept: first.memory.id, version: 2 },
    ]);
    expect(await rows("port")).toMatchObject([
      { id: first.memory.id, output: "5433", tags: [], reward: 0.5, agent_id: alice.id },
    ]);
  });

  it("gives the memory another id, by which it can be read, updated and forgotten", async () => {
    const [first, second] = [keyed("name", { task: "one" }), keyed("name", { task: "two" })];
    await push(alice.claims, first);
    await push(alice.claims, second);
    const read = await actAs(
      db.sql,
      bob.claims,
      (session) =>
        session`select memory_id from mayfly.memory_aliases where id = ${second.memory.id}`,
    );
    expect(read).toMatchObject([{ memory_id: first.memory.id }]);
    await push(bob.claims, updateOf(second.memory.id, { reward: 1 }));
    expect(await rows("name")).toMatchObject([{ task: "two", reward: 1, version: 3 }]);
    await push(bob.claims, deleteOf(second.memory.id));
    expect(await rows("name")).toEqual([]);
  });

  it("is stored once even if a push has two with the same key, and the last put counts", async () => {
    const [first, second] = [keyed("twice", { task: "one" }), keyed("twice", { task: "two" })];
    const results = await push(alice.claims, first, second);
    expect(results[1]).toMatchObject({ kept: first.memory.id });
    expect(await rows("twice")).toMatchObject([{ task: "two" }]);
  });

  it("is ordered by the time at which it was remembered, not pushed", async () => {
    const hlc = (ago: number) => `${Date.now() - ago}-0000-node`;
    await push(alice.claims, keyed("late", { task: "newer", hlc: hlc(1_000) }));
    await push(bob.claims, keyed("late", { task: "older", hlc: hlc(2_000) }));
    expect(await rows("late")).toMatchObject([{ task: "newer" }]);
  });

  it("creates a new memory after the old one was forgotten or has expired", async () => {
    const put = keyed("again", { task: "one" });
    await push(alice.claims, put);
    await push(alice.claims, deleteOf(put.memory.id));
    // The put has the old id, as from a caller that does not know that the memory was forgotten.
    const [result] = await push(alice.claims, keyed("again", { id: put.memory.id, task: "two" }));
    expect(result?.kept).not.toBe(put.memory.id);
    expect(await rows("again")).toMatchObject([{ id: result?.kept, task: "two" }]);
    const expires_at = new Date(Date.now() + 5_000).toISOString();
    await push(alice.claims, keyed("brief", { task: "one", critique: "x", expires_at }));
    await db.advance("10 seconds");
    await push(alice.claims, keyed("brief", { task: "two" }));
    expect(await rows("brief")).toMatchObject([{ task: "two", version: 1 }]);
  });

  it("of a private memory belongs to its agent, and reveals nothing to others", async () => {
    const [mine, theirs] = [
      keyed("own", { task: "mine", visibility: "agent" }),
      keyed("own", { task: "theirs", visibility: "agent" }),
    ];
    for (const [who, put] of [
      [alice, mine],
      [bob, theirs],
      [bob, keyed("own", { task: "everybody's" })],
    ] as const)
      expect(await push(who.claims, put)).toEqual([
        expect.not.objectContaining({ kept: expect.anything() }),
      ]);
    expect(await rows("own")).toHaveLength(3);
    const planted = keyed("own", { task: "x", visibility: "agent", agent_id: bob.id });
    expect(await refusalOf(push(alice.claims, planted))).toMatchObject({
      code: "invalid_operation",
      details: { index: 0, field: "memory.key" },
    });
    const [, names] = [
      null,
      await actAs(db.sql, alice.claims, (session) => session`select * from mayfly.memory_aliases`),
    ];
    expect(names.map((row) => row.memory_id)).not.toContain(theirs.memory.id);
  });

  it("is refused if an update would duplicate a key, or if its caller may not read", async () => {
    const [open, hidden] = [
      keyed("two", { task: "open" }),
      keyed("two", { task: "hidden", visibility: "agent" }),
    ];
    await push(alice.claims, open, hidden);
    expect(
      await refusalOf(push(alice.claims, updateOf(hidden.memory.id, { visibility: "tenant" }))),
    ).toMatchObject({
      code: "invalid_operation",
      details: { field: expect.stringContaining("set.visibility") },
    });
    const writer = await makeAgent(db.sql, tenant, { scopes: ["memory:write"] });
    expect(await refusalOf(push(writer.claims, keyed("two", { task: "x" })))).toMatchObject({
      code: "scope_missing",
    });
    for (const key of ["", "x".repeat(201), 5])
      expect(await refusalOf(push(alice.claims, putOf({ key })))).toMatchObject({
        details: { field: "memory.key" },
      });
  });

  it("is stored once, however many send it at the same time", async () => {
    await Promise.all(
      Array.from({ length: 8 }, (_, n) =>
        push(
          n % 2 ? alice.claims : bob.claims,
          keyed("race", { task: `race ${n}` }),
          keyed("race 2", { task: `race ${n}` }),
        ),
      ),
    );
    expect(await rows("race")).toMatchObject([{ version: 8 }]);
    expect(await rows("race 2")).toHaveLength(1);
  });
});

describe("a put with once", () => {
  it("is stored once per tenant, and says which memory is kept", async () => {
    const [first, second] = [
      once({ task: "same", tags: ["a"] }),
      once({ task: "same", tags: ["a"], session_id: randomUUID() }),
    ];
    await push(alice.claims, first);
    expect(await push(bob.claims, second, once({ task: "other" }))).toMatchObject([
      { status: "duplicate", kept: first.memory.id },
      { status: "applied" },
    ]);
    expect(await withTask("same")).toHaveLength(1);
    // A repeated operation returns its first result.
    expect(await push(bob.claims, second)).toMatchObject([
      { status: "duplicate", kept: first.memory.id },
    ]);
    const strange = await makeTenant(db.sql);
    const stranger = await makeAgent(db.sql, strange);
    expect(await push(stranger.claims, once({ task: "same", tags: ["a"] }))).toMatchObject([
      { status: "applied" },
    ]);
  });

  it("is stored if the existing memory differs, was changed, is part of a conversation, or was put without once", async () => {
    const conversation_id = randomUUID();
    const [first] = [once({ task: "alike" })];
    await push(alice.claims, first);
    await push(
      alice.claims,
      once({ task: "alike", reward: 0.1 }),
      once({ task: "alike", metadata: { a: 1 } }),
    );
    await push(
      alice.claims,
      once({ task: "alike", conversation_id }),
      once({ task: "alike", conversation_id }),
    );
    await push(alice.claims, putOf({ task: "alike" }));
    await push(alice.claims, updateOf(first.memory.id, { output: "changed" }));
    await push(alice.claims, once({ task: "alike" }));
    expect(await withTask("alike")).toHaveLength(7);
  });

  it("reveals nothing that the caller may not read", async () => {
    await push(bob.claims, once({ task: "bob's", visibility: "agent" }), once({ task: "all's" }));
    const writer = await makeAgent(db.sql, tenant, { scopes: ["memory:write"] });
    for (const [claims, task] of [
      [alice.claims, "bob's"],
      [writer.claims, "all's"],
    ] as const)
      expect(await push(claims, once({ task }))).toMatchObject([{ status: "applied" }]);
    expect(
      await push(alice.claims, once({ task: "bob's", visibility: "agent", agent_id: bob.id })),
    ).toMatchObject([{ status: "applied" }]);
  });

  it("refuses a taken id, like every put", async () => {
    const put = once({ task: "taken" });
    await push(alice.claims, put);
    expect(
      await refusalOf(push(alice.claims, once({ id: put.memory.id, task: "taken" }))),
    ).toMatchObject({ code: "memory_exists" });
  });

  it("is stored once, however many send it at the same time", async () => {
    const results = await Promise.all(
      Array.from({ length: 8 }, () =>
        push(alice.claims, ...["a", "b", "c"].map((task) => once({ task: `storm ${task}` }))),
      ),
    );
    expect(results.flat().filter(({ status }) => status === "applied")).toHaveLength(3);
    expect(await withTask("storm a")).toHaveLength(1);
  });

  it("is charged for its aliases just as a recount counts them", async () => {
    const own = await makeTenant(db.sql);
    const admin = await makePerson(db.sql, { [own]: "owner" });
    const puts = [
      once({ task: "named" }),
      once({ task: "named" }),
      keyed("charged", { task: "x" }),
    ];
    for (const put of puts) await push(admin, put);
    await push(admin, deleteOf(puts[1]?.memory.id as string));
    const bytes = async () => (await rpc<{ bytes: number }>(db.sql, admin, "usage")).bytes;
    const charged = await bytes();
    await db.sql`select mayfly_private.recount_usage(${own})`;
    expect(await bytes()).toBe(charged);
  });
});
