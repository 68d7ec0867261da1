import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import {
  actAs,
  type Claims,
  codeOf,
  inTenant,
  makeAgent,
  makePerson,
  makeTenant,
  refusalOf,
  rpc,
  type SpawnedAgent,
  serviceRole,
} from "#harness/callers";
import { openTestDatabase, type TestDatabase } from "#harness/database";
import { inspect } from "#harness/inspect";
import { storedBy, withinAMinute } from "#harness/usage";

interface State {
  id: string;
  agent_id: string | null;
  key: string;
  version: number;
  value: unknown;
  updated_by: string | null;
  expires_at: string | null;
}

const scopes = ["memory:read", "state:read", "state:write", "agent:spawn"];

let db: TestDatabase;
let tenant: string;
let agent: SpawnedAgent;
beforeAll(async () => {
  db = await openTestDatabase();
});
afterAll(() => db.close());
beforeEach(async () => {
  tenant = await makeTenant(db.sql, { max_lifetime: "1 day" });
  agent = await makeAgent(db.sql, tenant, { scopes, lifetime: 80_000 });
});

/** By the clock that tests move. */
const inAnHour = async () => {
  const [row] = await db.sql`select mayfly_private.now() + interval '1 hour' as at`;
  return (row?.at as Date).toISOString();
};

/** JSON values as the Data API passes them. */
const call = <T = State>(
  name: string,
  values: Record<string, unknown>,
  as: Claims = agent.claims,
) =>
  actAs(
    db.sql,
    as,
    async (session) => {
      const named = Object.entries(values);
      const [row] = await session.unsafe(
        `select to_jsonb(mayfly.${name}(${named.map(([key], index) => `${key} => $${index + 1}`).join(", ")})) as answer`,
        named.map(([key, value]) =>
          ["value", "patch", "ours"].includes(key) ? session.json(value as never) : value,
        ) as never[],
      );
      return row?.answer as T;
    },
    as === serviceRole ? inTenant(tenant) : {},
  );
const set = (key: string, value: unknown, more: Record<string, unknown> = {}, as?: Claims) =>
  call("set_state", { key, value, ...more }, as);
const get = (key: string, more: Record<string, unknown> = {}, as?: Claims) =>
  call<State | null>("get_state", { key, ...more }, as);
const events = () => db.sql`
  select type, subject, agent_id, version, fields, audience from mayfly.events
  where tenant_id = ${tenant} and type = 'state.changed' order by id`;

describe("a state", () => {
  it("is set and got by key, shared or an agent's, each apart", async () => {
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

  it("is deleted, is made again behind its last version, and is gone for who expects none", async () => {
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

  it("is gone when its time is over", async () => {
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

  it("is refused what is too large, too deep or has no key", async () => {
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

describe("the versions of a state", () => {
  it("are kept, with who made them and how, and are read one by one", async () => {
    const owner = await makePerson(db.sql, { [tenant]: "owner" });
    await set("k", { a: 1 });
    await call("patch_state", { key: "k", patch: { b: 2 } }, owner);
    await call("delete_state", { key: "k" });
    expect(await call("state_history", { key: "k" })).toMatchObject([
      { version: 3, action: "delete", by: agent.id },
      { version: 2, action: "patch", by: owner.sub },
      { version: 1, action: "set", by: agent.id },
    ]);
    expect(await get("k", { version: 2 })).toMatchObject({
      key: "k",
      version: 2,
      value: { a: 1, b: 2 },
      action: "patch",
    });
    expect((await get("k", { version: 3 }))?.value).toBeNull();
    expect(await get("k", { version: 4 })).toBeNull();
    expect(await call("state_history", { key: "k", before: 3, page_limit: 1 })).toMatchObject([
      { version: 2 },
    ]);
  });

  it("are a hundred of each", async () => {
    for (let n = 1; n <= 103; n++) await set("k", n);
    const history = await call<{ version: number }[]>("state_history", { key: "k" });
    expect(history.map(({ version }) => version)).toEqual(
      Array.from({ length: 100 }, (_, n) => 103 - n),
    );
    expect(await refusalOf(call("rollback_state", { key: "k", version: 3 }))).toMatchObject({
      code: "version_unknown",
      details: { field: "version" },
    });
    const counted = await storedBy(db.sql, agent.claims);
    await db.sql`select mayfly_private.recount_usage(${tenant})`;
    expect(await storedBy(db.sql, agent.claims)).toEqual(counted);
  });

  it("come back by a rollback, as a new version, also of what was deleted", async () => {
    await set("k", "one");
    await set("k", "two");
    expect(
      await call("rollback_state", { key: "k", version: 1, expected_version: 2 }),
    ).toMatchObject({ version: 3, value: "one" });
    await call("delete_state", { key: "k" });
    expect(await codeOf(call("rollback_state", { key: "k", version: 4 }))).toBe("version_unknown");
    expect(await call("rollback_state", { key: "k", version: 2 })).toMatchObject({
      version: 5,
      value: "two",
    });
    expect(await codeOf(call("rollback_state", { key: "never", version: 1 }))).toBe(
      "version_unknown",
    );
    expect(await get("never")).toBeNull();
  });
});

describe("two changes of one base", () => {
  interface Reconciled {
    outcome: string;
    conflicts: unknown[];
    state: State;
  }
  const base = { title: "draft", steps: { one: "todo", two: "todo" }, drop: 1 };
  const theirs = { title: "theirs", steps: { one: "done", two: "todo" }, drop: 1 };
  const ours = { title: "draft", steps: { one: "todo", two: "done" } };
  const reconcile = (values: Record<string, unknown>) =>
    call<Reconciled>("reconcile_state", { key: "k", base_version: 1, ...values });
  beforeEach(async () => {
    await set("k", base);
    await set("k", theirs);
  });

  it("by latest_wins are the later one, whole", async () => {
    const before = new Date(Date.now() - 60_000).toISOString();
    expect(await reconcile({ strategy: "latest_wins", ours, ours_at: before })).toMatchObject({
      outcome: "theirs",
      state: { version: 2, value: theirs },
    });
    const { outcome, state } = await reconcile({ strategy: "latest_wins", ours });
    expect([outcome, state.version, state.value]).toEqual(["ours", 3, ours]);
  });

  it("by merge are both, deep, and the later where they contradict each other", async () => {
    const { outcome, state } = await reconcile({ strategy: "merge", ours });
    expect([outcome, state.value]).toEqual([
      "merged",
      { title: "theirs", steps: { one: "done", two: "done" } },
    ]);
    const contradiction = { ...ours, title: "ours" };
    const second = await reconcile({ strategy: "merge", ours: contradiction });
    expect(second.state.value).toMatchObject({ title: "ours" });
    const history = await call("state_history", { key: "k" });
    expect(history).toMatchObject([{ action: "reconcile" }, { action: "reconcile" }, {}, {}]);
  });

  it("by manual are both where they do not contradict each other, else nothing is written", async () => {
    const conflicting = { ...ours, title: "ours" };
    expect(await reconcile({ strategy: "manual", ours: conflicting })).toEqual({
      outcome: "conflict",
      conflicts: [{ path: ["title"], base: "draft", theirs: "theirs", ours: "ours" }],
      state: expect.objectContaining({ version: 2, value: theirs }),
    });
    expect(await reconcile({ strategy: "manual", ours })).toMatchObject({
      outcome: "merged",
      conflicts: [],
      state: { version: 3, value: { title: "theirs", steps: { one: "done", two: "done" } } },
    });
  });

  it("can be two versions that are kept", async () => {
    await set("k", ours);
    const values = { ours_version: 3, theirs_version: 2, expected_version: 3 };
    expect((await reconcile({ strategy: "merge", ...values })).state.value).toEqual({
      title: "theirs",
      steps: { one: "done", two: "done" },
    });
    expect(await codeOf(reconcile({ strategy: "merge", ...values }))).toBe("version_conflict");
  });

  it("without a base are united, and are ours where there is nothing", async () => {
    const united = await call<Reconciled>("reconcile_state", {
      key: "k",
      strategy: "merge",
      ours: { mine: 1 },
    });
    expect(united.state.value).toEqual({ ...theirs, mine: 1 });
    await call("delete_state", { key: "k" });
    expect(await reconcile({ strategy: "manual", ours })).toMatchObject({
      outcome: "ours",
      state: { value: ours },
    });
  });

  it.each([
    [{ strategy: "newest" }, "strategy"],
    [{ strategy: "merge", ours: undefined }, "ours"],
    [{ strategy: "merge", ours_version: 1 }, "ours"],
    [{ strategy: "merge", base_version: 9 }, "base_version"],
    [{ strategy: "merge", theirs_version: 9 }, "theirs_version"],
  ])("are refused when asked for wrongly: %j", async (wrong, field) => {
    const values: Record<string, unknown> = { ours, ...wrong };
    const { ours: given, ...rest } = values;
    const refusal = await refusalOf(reconcile(given === undefined ? rest : values));
    expect(refusal).toMatchObject({ details: { field } });
  });
});

describe("who writes a state", () => {
  it("is the agent itself, its ancestors, admins and the secret key", async () => {
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

  it("is nobody of another tenant, who does not even learn that it is there", async () => {
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

describe("the log of states", () => {
  it("says each change, with the keys of an object that changed", async () => {
    const { id } = await set("k", { a: 1, b: { c: 1 } }, { of_agent: agent.id });
    await call("patch_state", { key: "k", patch: { b: { c: 2 }, d: 1 }, of_agent: agent.id });
    await set("k", "text", { of_agent: agent.id });
    await call("delete_state", { key: "k", of_agent: agent.id });
    const common = { subject: id, agent_id: agent.id, audience: null };
    expect([...(await events())]).toMatchObject([
      { ...common, version: 1, fields: null },
      { ...common, version: 2, fields: ["b", "d"] },
      { ...common, version: 3, fields: null },
      { ...common, version: 4, fields: null },
    ]);
  });

  it("gives the versions that it names", async () => {
    const { id } = await set("k", { a: 1 });
    await call("delete_state", { key: "k" });
    const changes = [2, 1, 7].map((version) => ({ id, version }));
    const ask = (list: unknown, as?: Claims) =>
      rpc(db.sql, as ?? agent.claims, "state_changes", { changes: list as never });
    expect(await ask(changes)).toMatchObject([
      { id, key: "k", version: 2, value: null, action: "delete" },
      { id, key: "k", version: 1, value: { a: 1 }, action: "set", by: agent.id },
    ]);
    const stranger = await makeAgent(db.sql, await makeTenant(db.sql), { scopes });
    expect(await ask(changes, stranger.claims)).toEqual([]);
    for (const wrong of [
      {},
      [{ id: "x", version: 1 }],
      [{ id }],
      Array(101).fill({ id, version: 1 }),
    ])
      expect(await codeOf(ask(wrong))).toBe("invalid_request");
  });

  it("says nothing of what was refused", async () => {
    await codeOf(set("k", 1, { expected_version: 3 }));
    await codeOf(set("k", "x".repeat(300_000)));
    expect((await events()).length).toBe(0);
    expect((await db.sql`select from mayfly.states where tenant_id = ${tenant}`).length).toBe(0);
  });
});

describe("states count", () => {
  it("against the tenant's bytes and writes", () =>
    withinAMinute(db, async () => {
      tenant = await makeTenant(db.sql, { max_bytes: 10_000 });
      agent = await makeAgent(db.sql, tenant, { scopes });
      const { bytes } = await storedBy(db.sql, agent.claims);
      await set("k", "x".repeat(6_000));
      expect(await refusalOf(set("k", "y".repeat(6_000)))).toMatchObject({
        code: "quota_exceeded",
        details: { quota: "bytes" },
      });
      expect(await rpc(db.sql, agent.claims, "usage")).toMatchObject({
        bytes: bytes + 6_258,
        writes_this_minute: 1,
      });
    }));

  it("nothing any more when maintenance has removed them, expired ones first deleted", async () => {
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
  it("shows what there is, whose it is and who changed it last", async () => {
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
