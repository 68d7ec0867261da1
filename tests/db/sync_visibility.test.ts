import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Claims, makeAgent, makePerson, makeTenant, refusalOf } from "../harness/callers.ts";
import { deleteOf, putOf, updateOf } from "../harness/operations.ts";
import { openSyncing, type Syncing } from "./syncing.ts";

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
