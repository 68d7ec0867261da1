import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Claims, makeAgent, makePerson, makeTenant, refusalOf } from "#harness/callers";
import { deleteOf, putOf, updateOf } from "#harness/operations";
import { openSyncing, type Syncing } from "#harness/syncing";

let db: Syncing["db"];
let tenant: Syncing["tenant"];
let sync: Syncing["sync"];
let remember: Syncing["remember"];
beforeAll(async () => {
  ({ db, tenant, sync, remember } = await openSyncing());
});
afterAll(() => db.close());

describe("visibility", () => {
  const cursorOf = async (claims: Claims) => {
    const { cursor } = await sync([], null, claims);
    return cursor;
  };
  const news = async (cursor: string, claims: Claims) => {
    const { events, memories } = await sync([], cursor, claims);
    return [events.map((event) => event.type), memories.map((memory) => memory.task)];
  };

  it("brings a memory to the tenant when it widens, and removes it from the caches of others when it narrows", async () => {
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

  it("cannot be narrowed by a caller that could then no longer see the memory", async () => {
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

  it("of a private memory without an agent is for admins only", async () => {
    const own = await makeTenant(db.sql);
    const admin = await makePerson(db.sql, { [own]: "admin" });
    const member = await makePerson(db.sql, { [own]: "member" });
    const [admins, members] = [await cursorOf(admin), await cursorOf(member)];
    await sync([putOf({ task: "of nobody", visibility: "agent" })], null, admin);
    expect(await news(admins, admin)).toEqual([["memory.created"], ["of nobody"]]);
    expect(await news(members, member)).toEqual([[], []]);
  });
});

describe("a memory that the caller may not change", () => {
  /** Each in its own push, because a push may have only one operation for each memory. */
  const statusesOf = async (claims: Claims, ...operations: unknown[]) => {
    const statuses: (string | undefined)[] = [];
    for (const operation of operations)
      statuses.push((await sync([operation], null, claims)).results[0]?.status);
    return statuses;
  };

  it("counts as gone for a sibling of its agent that updates or forgets it", async () => {
    const own = await makeTenant(db.sql);
    const keeper = await makeAgent(db.sql, own);
    const sibling = await makeAgent(db.sql, own);
    const member = await makePerson(db.sql, { [own]: "member" });
    const put = putOf({ task: "secret", visibility: "agent" });
    await sync([put], null, keeper.claims);
    for (const claims of [sibling.claims, member])
      expect(
        await statusesOf(
          claims,
          updateOf(put.memory.id, { task: "mine now" }),
          deleteOf(put.memory.id),
        ),
      ).toEqual(["gone", "gone"]);
    const [row] =
      await db.sql`select task, version, deleted_at from mayfly.memories where tenant_id = ${own} and id = ${put.memory.id}`;
    expect(row).toEqual({ task: "secret", version: 1, deleted_at: null });
    const admin = await makePerson(db.sql, { [own]: "admin" });
    expect(await statusesOf(admin, updateOf(put.memory.id, { task: "seen" }))).toEqual(["applied"]);
    expect(await statusesOf(keeper.claims, deleteOf(put.memory.id))).toEqual(["applied"]);
  });

  it("counts as gone for an agent that may write but not read", async () => {
    const own = await makeTenant(db.sql);
    const reader = await makeAgent(db.sql, own);
    const writer = await makeAgent(db.sql, own, { scopes: ["memory:write"] });
    const shared = putOf({ task: "shared" });
    const written = putOf({ task: "written blind" });
    await sync([shared], null, reader.claims);
    await sync([written], null, writer.claims);
    for (const { memory } of [shared, written]) {
      expect(await statusesOf(writer.claims, updateOf(memory.id, { task: "changed" }))).toEqual([
        "gone",
      ]);
      expect(await statusesOf(writer.claims, deleteOf(memory.id))).toEqual(["gone"]);
    }
    const rows = await db.sql`
      select task, version, deleted_at from mayfly.memories where tenant_id = ${own} order by task`;
    expect([...rows]).toEqual([
      { task: "shared", version: 1, deleted_at: null },
      { task: "written blind", version: 1, deleted_at: null },
    ]);
    expect(await refusalOf(sync([], null, writer.claims))).toMatchObject({
      code: "scope_missing",
      details: { scope: "memory:read" },
    });
  });

  it("is never in another tenant, whatever the push says", async () => {
    const [own, foreign] = [await makeTenant(db.sql), await makeTenant(db.sql)];
    const victim = await makeAgent(db.sql, foreign);
    const put = putOf({ task: "foreign" });
    await sync([put], null, victim.claims);
    const agent = await makeAgent(db.sql, own);
    const named = { ...updateOf(put.memory.id, { task: "taken" }), tenant_id: foreign };
    expect(await statusesOf(agent.claims, named, deleteOf(put.memory.id))).toEqual([
      "gone",
      "gone",
    ]);
    const [row] = await db.sql`
      select task, version from mayfly.memories where tenant_id = ${foreign} and id = ${put.memory.id}`;
    expect(row).toEqual({ task: "foreign", version: 1 });
  });
});
