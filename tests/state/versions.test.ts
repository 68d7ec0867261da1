import { beforeEach, describe, expect, it } from "vitest";
import {
  type Claims,
  codeOf,
  makeAgent,
  makePerson,
  makeTenant,
  refusalOf,
  rpc,
} from "#harness/callers";
import { storedBy } from "#harness/usage";
import { agent, call, db, events, get, type State, scopes, set, setUp, tenant } from "./calls.ts";

setUp();

describe("the versions of a state", () => {
  it("are kept, each with its author and its operation, and can be read one by one", async () => {
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

  it("of all states can be read as they were at the time of a checkpoint", async () => {
    /** When the newest version was written. */
    const newest = async () => {
      const [row] = await db.sql`select max(at)::text as at from mayfly.state_versions
        where tenant_id = ${tenant}`;
      return String(row?.at);
    };
    const at = (instant: string, more: Record<string, unknown> = {}) =>
      call<{ states: { key: string; value: unknown }[]; unkept: string[]; more: boolean }>(
        "states_at",
        { instant, ...more },
      );
    const shown = async (instant: string, more: Record<string, unknown> = {}) =>
      (await at(instant, more)).states.map(({ key, value }) => [key, value]);
    await set("a", null);
    await set("b/1", { step: 1 });
    const first = await newest();
    await set("b/1", { step: 2 });
    await call("delete_state", { key: "a" });
    for (let n = 1; n <= 101; n++) await set("many", n);
    const last = await newest();
    await set("b/1", { step: 3 });
    expect(await shown("2026-01-01T00:00:00Z")).toEqual([]);
    expect(await shown(first)).toEqual([
      ["a", null],
      ["b/1", { step: 1 }],
    ]);
    expect(await shown(last)).toEqual([
      ["b/1", { step: 2 }],
      ["many", 101],
    ]);
    expect(await shown(last, { prefix: "b/" })).toEqual([["b/1", { step: 2 }]]);
    expect((await at(first)).unkept).toEqual(["many"]);
    expect(await at(last, { page_limit: 1 })).toMatchObject({ states: [], last: "a", more: true });
    expect(await shown(last, { after: "b/1" })).toEqual([["many", 101]]);
    expect(await codeOf(at(last, { page_limit: 0 }))).toBe("invalid_request");
    // The answer has no state of another owner.
    expect((await at(last, { of_agent: agent.id })).states).toEqual([]);
  });

  it("are kept up to 100 for each state", async () => {
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

  it("come back with a rollback as a new version, even of a deleted state", async () => {
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

describe("two changes of the same base", () => {
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

  it("with latest_wins become the later one as a whole", async () => {
    const before = new Date(Date.now() - 60_000).toISOString();
    expect(await reconcile({ strategy: "latest_wins", ours, ours_at: before })).toMatchObject({
      outcome: "theirs",
      state: { version: 2, value: theirs },
    });
    const { outcome, state } = await reconcile({ strategy: "latest_wins", ours });
    expect([outcome, state.version, state.value]).toEqual(["ours", 3, ours]);
  });

  it("with merge are combined at every level, and the later one wins where they contradict each other", async () => {
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

  it("with manual are merged if they do not contradict each other, otherwise nothing is written", async () => {
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

  it("can come from two kept versions", async () => {
    await set("k", ours);
    const values = { ours_version: 3, theirs_version: 2, expected_version: 3 };
    expect((await reconcile({ strategy: "merge", ...values })).state.value).toEqual({
      title: "theirs",
      steps: { one: "done", two: "done" },
    });
    expect(await codeOf(reconcile({ strategy: "merge", ...values }))).toBe("version_conflict");
  });

  it("without a base are combined, and `ours` becomes the state if there is none yet", async () => {
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
  ])("are refused for an invalid request: %j", async (wrong, field) => {
    const values: Record<string, unknown> = { ours, ...wrong };
    const { ours: given, ...rest } = values;
    const refusal = await refusalOf(reconcile(given === undefined ? rest : values));
    expect(refusal).toMatchObject({ details: { field } });
  });
});

describe("the log of states", () => {
  it("has each change, with the keys of an object that changed", async () => {
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

  it("returns the versions that it names", async () => {
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

  it("has nothing about refused changes", async () => {
    await codeOf(set("k", 1, { expected_version: 3 }));
    await codeOf(set("k", "x".repeat(300_000)));
    expect((await events()).length).toBe(0);
    expect((await db.sql`select from mayfly.states where tenant_id = ${tenant}`).length).toBe(0);
  });
});
