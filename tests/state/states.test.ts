import { randomUUID } from "node:crypto";
import { describe, expect, it } from "vitest";
import {
  codeOf,
  inTenant,
  makeAgent,
  makePerson,
  makeTenant,
  refusalOf,
  rpc,
  serviceRole,
} from "#harness/callers";
import { inspect } from "#harness/inspect";
import { storedBy, withinAMinute } from "#harness/usage";
import {
  agent,
  call,
  db,
  events,
  get,
  inAnHour,
  type State,
  scopes,
  set,
  setUp,
  tenant,
} from "./calls.ts";

setUp();

describe("a state", () => {
  it("is set and read by key, with shared states apart from those of agents", async () => {
    expect(await get("plan")).toBeNull();
    const shared = await set("plan", { step: 1 });
    expect(shared).toMatchObject({
      key: "plan",
      version: 1,
      value: { step: 1 },
      agent_id: null,
      updated_by: agent.id,
      expires_at: null,
    });
    await set("plan", ["own"], { of_agent: agent.id });
    expect((await get("plan"))?.value).toEqual({ step: 1 });
    expect((await get("plan", { of_agent: agent.id }))?.value).toEqual(["own"]);
  });

  it.each([[null], [false], [0], [""], [[]], [{}], ["text"], [{ a: [{ b: null }] }]])(
    "can be any JSON: %j",
    async (value) => {
      expect((await set("any", value)).value).toEqual(value);
      expect((await get("any"))?.value).toEqual(value);
    },
  );

  it("is changed only from the version that was read", async () => {
    await set("n", 1, { expected_version: 0 });
    await set("n", 2, { expected_version: 1 });
    for (const expected of [0, 1, 3])
      expect(await refusalOf(set("n", 9, { expected_version: expected }))).toMatchObject({
        code: "version_conflict",
        details: { expected, version: 2 },
      });
    expect((await get("n"))?.value).toBe(2);
    expect(await refusalOf(set("none", 1, { expected_version: 1 }))).toMatchObject({
      code: "version_conflict",
      details: { expected: 1, version: 0 },
    });
    expect(await get("none")).toBeNull();
  });

  it("is patched as RFC 7396 says", async () => {
    const value = { a: "b", c: { d: "e", f: "g" }, list: [1, 2] };
    await set("doc", value);
    const patch = { a: "z", c: { f: null }, list: [3], new: { x: { y: null, z: 1 } } };
    expect((await call("patch_state", { key: "doc", patch })).value).toEqual({
      a: "z",
      c: { d: "e" },
      list: [3],
      new: { x: { z: 1 } },
    });
    await set("doc", ["no object"]);
    expect((await call("patch_state", { key: "doc", patch: { a: null, b: 1 } })).value).toEqual({
      b: 1,
    });
    expect((await call("patch_state", { key: "fresh", patch: { a: 1 } })).version).toBe(1);
    expect(await refusalOf(call("patch_state", { key: "doc", patch: [1] }))).toMatchObject({
      code: "invalid_request",
      details: { field: "patch" },
    });
  });

  it("can be deleted and created again with the next version, also with expected_version 0", async () => {
    await set("k", 1);
    expect(await call("delete_state", { key: "k" })).toEqual({ deleted: true, version: 2 });
    expect(await call("delete_state", { key: "k" })).toEqual({ deleted: false, version: 2 });
    expect(await call("delete_state", { key: "never" })).toEqual({ deleted: false, version: 0 });
    expect(await get("k")).toBeNull();
    expect(await call("list_states", {})).toEqual([]);
    expect((await set("k", 2, { expected_version: 0 })).version).toBe(3);
    expect(await codeOf(call("delete_state", { key: "k", expected_version: 1 }))).toBe(
      "version_conflict",
    );
  });

  it("disappears when it expires", async () => {
    await set("k", 1, { expires_at: await inAnHour() });
    expect((await call("patch_state", { key: "k", patch: { a: 1 } })).expires_at).not.toBeNull();
    await db.advance("1 hour");
    expect(await get("k")).toBeNull();
    expect(await call("list_states", {})).toEqual([]);
    expect((await set("k", 2, { expected_version: 0 })).version).toBe(3);
    expect((await get("k"))?.expires_at).toBeNull();
    expect(await refusalOf(set("k", 1, { expires_at: "2020-01-01T00:00:00Z" }))).toMatchObject({
      code: "invalid_request",
      details: { field: "expires_at" },
    });
  });

  it("is refused if it is too large, too deep or has no key", async () => {
    const deep = (levels: number) => JSON.parse("[".repeat(levels) + "]".repeat(levels)) as unknown;
    await set("deep", deep(33));
    await set("large", "x".repeat(262_142));
    for (const [key, value, field] of [
      ["deep", deep(34), "value"],
      ["large", "x".repeat(262_143), "value"],
      ["", 1, "key"],
      ["k".repeat(201), 1, "key"],
    ])
      expect(await refusalOf(set(key as string, value))).toMatchObject({
        code: "invalid_request",
        details: { field },
      });
    expect(await codeOf(set("k", 1, { expected_version: -1 }))).toBe("invalid_request");
  });

  it("is listed by key and prefix, a page at a time, without values", async () => {
    for (const key of ["b/1", "a", "b/2", "c"]) await set(key, "the value");
    const list = async (values: Record<string, unknown>) =>
      (await call<State[]>("list_states", values)).map(({ key }) => key);
    expect(await list({})).toEqual(["a", "b/1", "b/2", "c"]);
    expect(await list({ prefix: "b/" })).toEqual(["b/1", "b/2"]);
    expect(await list({ page_limit: 2, after: "a" })).toEqual(["b/1", "b/2"]);
    expect(JSON.stringify(await call("list_states", {}))).not.toContain("the value");
    expect(await codeOf(call("list_states", { page_limit: 0 }))).toBe("invalid_request");
  });
});

describe("the right to write a state", () => {
  it("belongs to the agent itself, its ancestors, admins and the secret key", async () => {
    const child = await makeAgent(db.sql, tenant, { as: agent.claims, scopes });
    const grandchild = await makeAgent(db.sql, tenant, {
      as: child.claims,
      scopes: ["state:read"],
    });
    const other = await makeAgent(db.sql, tenant, { scopes });
    const admin = await makePerson(db.sql, { [tenant]: "admin" });
    const member = await makePerson(db.sql, { [tenant]: "member" });
    const viewer = await makePerson(db.sql, { [tenant]: "viewer" });
    const of = { of_agent: grandchild.id };
    for (const claims of [agent.claims, child.claims, admin, serviceRole])
      await set("k", "x", of, claims);
    for (const claims of [other.claims, member])
      expect(await refusalOf(set("k", "x", of, claims))).toMatchObject({
        code: "state_not_writable",
        details: { field: "of_agent" },
      });
    expect(await codeOf(set("k", "x", { of_agent: agent.id }, child.claims))).toBe(
      "state_not_writable",
    );
    for (const claims of [grandchild.claims, viewer]) {
      expect(await codeOf(set("k", "x", of, claims))).toBe("scope_missing");
      expect((await get("k", of, claims))?.value).toBe("x");
    }
    await set("shared", 1, {}, member);
    expect(await codeOf(set("k", 1, { of_agent: randomUUID() }))).toBe("agent_unknown");
  });

  it("belongs to nobody in another tenant, and a refusal does not reveal that the state exists", async () => {
    await set("k", "the secret", { of_agent: agent.id });
    await set("k", "the secret");
    const stranger = await makeAgent(db.sql, await makeTenant(db.sql), { scopes });
    for (const of of [{ of_agent: agent.id }, {}]) {
      expect(await get("k", of, stranger.claims)).toBeNull();
      expect(await get("k", { ...of, version: 1 }, stranger.claims)).toBeNull();
      expect(await call("list_states", of, stranger.claims)).toEqual([]);
      expect(await call("state_history", { key: "k", ...of }, stranger.claims)).toEqual([]);
    }
    const tell = (id: string) => refusalOf(set("k", 1, { of_agent: id }, stranger.claims));
    expect(await tell(agent.id)).toEqual(await tell(randomUUID()));
    await set("k", "theirs", {}, stranger.claims);
    expect((await get("k"))?.value).toBe("the secret");
  });
});

describe("states count", () => {
  it("against the tenant's bytes and writes", () =>
    withinAMinute(db, async () => {
      const small = await makeTenant(db.sql, { max_bytes: 10_000 });
      const { claims } = await makeAgent(db.sql, small, { scopes });
      const { bytes } = await storedBy(db.sql, claims);
      await set("k", "x".repeat(6_000), {}, claims);
      expect(await refusalOf(set("k", "y".repeat(6_000), {}, claims))).toMatchObject({
        code: "quota_exceeded",
        details: { quota: "bytes" },
      });
      expect(await rpc(db.sql, claims, "usage")).toMatchObject({
        bytes: bytes + 6_258,
        writes_this_minute: 1,
      });
    }));

  it("nothing when maintenance has removed them, including expired ones", async () => {
    const maintain = () =>
      rpc<{ more: boolean }>(db.sql, serviceRole, "maintain", {}, inTenant(tenant));
    const later = await inAnHour();
    const { bytes } = await storedBy(db.sql, agent.claims);
    await set("spent", 1, { expires_at: later });
    await set("kept", 1);
    await db.advance("1 hour");
    expect(await maintain()).toMatchObject({ more: false });
    expect(await call("state_history", { key: "spent" })).toMatchObject([
      { version: 2, action: "expire", by: null },
      { version: 1 },
    ]);
    expect((await events()).map((row) => row.version)).toEqual([1, 1, 2]);
    await db.advance("31 days");
    await maintain();
    const rows = await db.sql`select key from mayfly.states where tenant_id = ${tenant}`;
    expect([...rows]).toEqual([{ key: "kept" }]);
    // The agent has ended meanwhile, and its row says why.
    const usage = await rpc(db.sql, serviceRole, "usage", {}, inTenant(tenant));
    expect(usage).toMatchObject({ bytes: bytes + 257 + "lifetime ended".length });
  });
});

describe("the query state.sql", () => {
  it("shows each state, its owner and who changed it last", async () => {
    await db.sql`update mayfly.tenants set name = 'kept apart' where id = ${tenant}`;
    await set("plan", { step: 1 }, { of_agent: agent.id });
    await set("done", true);
    await call("delete_state", { key: "done" }, serviceRole);
    const rows = (await inspect(db.sql, "state")).filter((row) => row.tenant === "kept apart");
    expect(rows).toMatchObject([
      { owner: "shared", key: "done", is: "gone", last_action: "delete", versions_kept: "2" },
      { key: "plan", is: "there", value: '{"step": 1}', last_action: "set", version: 1 },
    ]);
  });
});
