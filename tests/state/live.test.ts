import { isMayflyError, type StateChange, type Watch } from "@mayfly/sdk";
import { describe, expect, it } from "vitest";
import { dataOf } from "#harness/agents";
import { doors, listOf, local, mayfly, proxy, setUp, spawn, watched, watches } from "#harness/live";

setUp();

describe("states", () => {
  it("are set, read, changed, listed and deleted by the agent, and read by others", async () => {
    const agent = await spawn();
    const other = await spawn();
    expect(dataOf(await agent.state.get("plan"))).toBeNull();
    for (const value of [null, false, 0, "text", [1], { a: { b: null } }]) {
      expect(dataOf(await agent.state.set("any", value)).value).toEqual(value);
      expect(dataOf(await agent.state.get("any"))?.value).toEqual(value);
    }
    const set = dataOf(await agent.state.set("plan", { step: 1 }, { expectedVersion: 0 }));
    expect(set).toMatchObject({
      key: "plan",
      version: 1,
      agentId: agent.id,
      updatedBy: agent.id,
      expiresAt: null,
      updatedAt: expect.any(Date),
    });
    dataOf(await agent.state.patch("plan", { next: "read" }));
    expect(dataOf(await other.state.of(agent.id).get("plan"))?.value).toEqual({
      step: 1,
      next: "read",
    });
    expect((await other.state.of(agent.id).set("plan", 1)).error?.code).toBe("state_not_writable");
    expect(dataOf(await other.state.get("plan"))).toBeNull();
    dataOf(await other.state.shared.set("board", "ours"));
    expect(dataOf(await mayfly.state.get("board"))?.value).toBe("ours");
    expect(dataOf(await mayfly.state.of(agent.id).list()).map(({ key }) => key)).toEqual([
      "any",
      "plan",
    ]);
    expect(dataOf(await agent.state.delete("plan"))).toBe(true);
    expect(dataOf(await agent.state.delete("plan"))).toBe(false);
  });

  it("of all owners, including deleted ones, are listed by their last change", async () => {
    const agent = await spawn();
    const prefix = `recent_${agent.id}`;
    dataOf(await mayfly.state.set(`${prefix}/one`, 1));
    dataOf(await agent.state.set(`${prefix}/two`, 2));
    dataOf(await mayfly.state.set(`${prefix}/three`, 3));
    // An underscore in a prefix does not match any other letter.
    dataOf(await mayfly.state.set(prefix.replace("_", "-"), 0));
    dataOf(await mayfly.state.set(`${prefix}/one`, { now: true }));
    dataOf(await mayfly.state.delete(`${prefix}/three`));
    const all = dataOf(await agent.state.recent({ prefix }));
    expect(all.map(({ key, agentId, version }) => [key, agentId, version])).toEqual([
      [`${prefix}/three`, null, 2],
      [`${prefix}/one`, null, 2],
      [`${prefix}/two`, agent.id, 1],
    ]);
    expect(all.map(({ deletedAt }) => deletedAt !== null)).toEqual([true, false, false]);
    expect(JSON.stringify(all)).not.toContain("now");
    expect(dataOf(await agent.state.recent({ prefix, limit: 1 }))).toEqual(all.slice(0, 1));
    expect((await agent.state.recent({ limit: 0 })).error?.code).toBe("invalid_request");
  });

  it("are refused with the field if a value is not JSON, not a text or not a date", async () => {
    const agent = await spawn();
    const circle: Record<string, unknown> = {};
    circle.self = circle;
    const expiresAt = new Date("never");
    const { state } = agent;
    const unfit = await Promise.all([
      state.set("plan", undefined),
      state.set("plan", circle),
      state.set("plan", { n: 1n }),
      state.set("plan", "a\0"),
      state.set("plan", 1, { expiresAt }),
      state.patch("plan", circle),
      state.reconcile("plan", { strategy: "merge", ours: { value: circle } }),
    ]);
    expect(unfit.map(({ error }) => error?.code)).toEqual(Array(7).fill("invalid_request"));
    const fields = ["value", "value", "value", "value", "expiresAt", "patch", "ours.value"];
    expect(unfit.map(({ error }) => error?.details)).toEqual(fields.map((field) => ({ field })));
    expect((await state.set("a\0", 1)).error?.hint).toContain("Correct the value");
    expect(dataOf(await state.list())).toEqual([]);
  });

  it("report a conflict with the current version, and `update` tries again after a conflict", async () => {
    const agent = await spawn();
    const other = await spawn();
    dataOf(await agent.state.shared.set("n", 1));
    dataOf(await agent.state.shared.set("n", 2));
    const { error } = await other.state.shared.set("n", 9, { expectedVersion: 1 });
    expect(error).toMatchObject({
      code: "version_conflict",
      details: { expected: 1, version: 2 },
    });
    let calls = 0;
    const updated = await other.state.shared.update<number>("n", async (n = 0) => {
      // Somebody else writes in between, twice.
      if (calls++ < 2) dataOf(await agent.state.shared.set("n", n + 10));
      return n + 1;
    });
    expect(dataOf(updated)).toMatchObject({ value: 23, version: 5 });
    expect(calls).toBe(3);
    const lost = await other.state.shared.update<number>(
      "n",
      async (n = 0) => {
        dataOf(await agent.state.shared.set("n", n));
        return n;
      },
      { tries: 2 },
    );
    expect(lost.error?.code).toBe("version_conflict");
    expect(dataOf(await other.state.shared.update("none", () => undefined))).toBeNull();
    const counts = await Promise.all(
      [agent, other].flatMap((one) =>
        [1, 2, 3].map(() => one.state.shared.update<number>("count", (n = 0) => n + 1)),
      ),
    );
    expect(counts.map(({ error: problem }) => problem)).toEqual(Array(6).fill(null));
    expect(dataOf(await agent.state.shared.get("count"))?.value).toBe(6);
  });

  it("are counted and edited on the server, in one request each", async () => {
    const agent = await spawn({}, watched);
    const other = await spawn({}, watched);
    const { shared } = agent.state;
    const asked = proxy.requests.length;
    expect(dataOf(await shared.increment("visits"))).toBe(1);
    expect(dataOf(await other.state.shared.increment("visits", -3))).toBe(-2);
    expect(dataOf(await shared.increment("usage", 2.5, { path: "/by/a~1b" }))).toBe(2.5);
    const edited = await other.state.shared.edit<{ by: object; names: string[] }>("usage", [
      { op: "append", path: "/names", value: "ada" },
      { op: "add", path: "/names/0", value: "bob" },
      { op: "remove", path: "/by" },
    ]);
    expect(dataOf(edited)).toMatchObject({ version: 2, value: { names: ["bob", "ada"] } });
    expect(dataOf(await shared.edit("none", [{ op: "remove", path: "/x" }]))).toBeNull();
    const calls = proxy.requests.slice(asked).filter((path) => path.includes("/rpc/edit_state"));
    expect(calls).toHaveLength(5);
    const { error } = await shared.increment("usage", 1, { path: "/names" });
    expect(isMayflyError(error, "edit_does_not_fit") && error.details).toEqual({
      index: 0,
      field: "edits.path",
      version: 2,
    });
    expect((await shared.increment("visits", Number.NaN)).error?.code).toBe("invalid_request");
    expect((await shared.edit("usage", [])).error?.details).toEqual({ field: "edits" });
  });

  it("are updated with one request to read and one to write", async () => {
    const { state } = await spawn({}, watched);
    const asked = proxy.requests.length;
    dataOf(await state.update<number>("n", (n = 0) => n + 1));
    const calls = proxy.requests.slice(asked).filter((path) => path.includes("_state"));
    expect(calls.map((path) => path.split("/").at(-1))).toEqual(["get_state", "swap_state"]);
    expect((await state.update("n", () => Number.NaN)).error?.details).toEqual({ field: "value" });
  });

  it("have a history that is read, compared, rolled back and reconciled", async () => {
    const { state } = await spawn();
    dataOf(await state.set("doc", { title: "draft", steps: { one: "todo", two: "todo" } }));
    dataOf(await state.patch("doc", { title: "theirs", steps: { one: "done" } }));
    expect(dataOf(await state.history("doc"))).toMatchObject([
      { version: 2, action: "patch", at: expect.any(Date) },
      { version: 1, action: "set" },
    ]);
    expect(dataOf(await state.at("doc", 1))?.value).toMatchObject({ title: "draft" });
    expect(dataOf(await state.at("doc", 9))).toBeNull();
    expect(dataOf(await state.diff("doc", 1))).toEqual([
      { path: ["steps", "one"], from: "todo", to: "done" },
      { path: ["title"], from: "draft", to: "theirs" },
    ]);
    expect((await state.diff("doc", 1, 9)).error?.code).toBe("version_unknown");

    const mine = { title: "mine", steps: { one: "todo", two: "done" } };
    const ours = { value: mine };
    const manual = await state.reconcile("doc", { strategy: "manual", base: 1, ours });
    expect(dataOf(manual)).toMatchObject({
      outcome: "conflict",
      conflicts: [{ path: ["title"], base: "draft", theirs: "theirs", ours: "mine" }],
      state: { version: 2 },
    });
    const merged = await state.reconcile("doc", { strategy: "merge", base: 1, ours });
    expect(dataOf(merged)).toMatchObject({
      outcome: "merged",
      state: { version: 3, value: { title: "mine", steps: { one: "done", two: "done" } } },
    });
    const latest = await state.reconcile("doc", {
      strategy: "latest_wins",
      ours: { value: mine, at: new Date(0) },
    });
    expect(dataOf(latest)).toMatchObject({ outcome: "theirs", state: { version: 3 } });
    const two = await state.reconcile("doc", {
      strategy: "merge",
      base: 1,
      ours: { version: 2 },
      theirs: 1,
    });
    expect(dataOf(two)).toMatchObject({ state: { value: { title: "theirs" } } });
    expect(dataOf(await state.rollback("doc", 1)).value).toMatchObject({ title: "draft" });
    dataOf(await state.delete("doc"));
    expect(dataOf(await state.at("doc", 6))).toMatchObject({ action: "delete", value: undefined });
    expect(dataOf(await state.rollback("doc", 1)).version).toBe(7);
  });

  it("are watched, with each version once and in order, across lost connections and failing handlers", async () => {
    const agent = await spawn();
    const changes = listOf<StateChange>();
    let failures = 0;
    const watch: Watch = dataOf(
      await watched.state.of(agent.id).watch("plan/*", (change) => {
        if (change.value === undefined && failures++ < 1) throw new Error("once");
        changes.take(change);
      }),
    );
    watches.push(watch);
    dataOf(await agent.state.set("plan/a", { n: 1, m: 1 }));
    dataOf(await agent.state.set("other", 1));
    dataOf(await agent.state.shared.set("plan/a", "shared"));
    dataOf(await agent.state.patch("plan/a", { n: 2 }));
    await changes.until(() => changes.items.length === 2);
    proxy.closeSockets();
    dataOf(await agent.state.set("plan/b", 1));
    proxy.down();
    dataOf(await agent.state.patch("plan/a", { n: 3 }));
    dataOf(await agent.state.delete("plan/b"));
    proxy.up();
    await changes.until(() => changes.items.length === 5);
    expect(changes.items.map(({ key, version, value }) => [key, version, value])).toEqual([
      ["plan/a", 1, { n: 1, m: 1 }],
      ["plan/a", 2, { n: 2, m: 1 }],
      ["plan/b", 1, 1],
      ["plan/a", 3, { n: 3, m: 1 }],
      ["plan/b", 2, undefined],
    ]);
    expect(changes.items[1]).toMatchObject({ fields: ["n"], action: "patch", by: agent.id });
    expect(failures).toBe(2);
  });

  it("with since: null are delivered as they are now, and then with each change", async () => {
    const agent = await spawn();
    for (let n = 0; n < 3; n++) dataOf(await agent.state.shared.set(`k${n}`, n));
    dataOf(await agent.state.shared.set("k1", "newer"));
    const changes = listOf<StateChange>();
    watches.push(dataOf(await agent.state.shared.watch("*", changes.take, { since: null })));
    await changes.until(() => changes.items.length === 3);
    dataOf(await agent.state.shared.set("k0", "changed"));
    await changes.until(() => changes.items.length === 4);
    expect(changes.items.map(({ key, version }) => `${key} ${version}`)).toEqual([
      "k0 1",
      "k1 2",
      "k2 1",
      "k0 2",
    ]);
  });

  it("are visible only in their tenant", async () => {
    const agent = await spawn();
    dataOf(await agent.state.set("k", "the secret"));
    dataOf(await agent.state.shared.set("k", "the secret"));
    const { mayfly: theirs } = await local.enter();
    doors.push(theirs);
    const stranger = await spawn({}, theirs);
    for (const states of [
      stranger.state.of(agent.id),
      stranger.state.shared,
      theirs.state.of(agent.id),
    ]) {
      expect(dataOf(await states.get("k"))).toBeNull();
      expect(dataOf(await states.list())).toEqual([]);
      expect(dataOf(await states.history("k"))).toEqual([]);
    }
    expect((await stranger.state.of(agent.id).set("k", 1)).error?.code).toBe("agent_unknown");
    const rows = await stranger.client.from("states").select("*");
    expect(rows.data).toEqual([]);
  });
});
