import {
  type Agent,
  type DebugRecord,
  type DebugWatch,
  Mayfly,
  type MayflyOptions,
  type SpawnOptions,
  type StateChange,
  type Watch,
} from "@mayfly/sdk";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { dataOf } from "#harness/agents";
import { type Claims, inSeconds, makePerson } from "#harness/callers";
import { startTestLocal, type TestLocal } from "#harness/local";
import { startProxy, type TestProxy } from "#harness/proxy";
import { createTokens } from "../../local/src/tokens.ts";

let local: TestLocal;
let proxy: TestProxy;
let tenant: string;
let mayfly: Mayfly;
/** Watches through the proxy. */
let watched: Mayfly;
const agents: Agent[] = [];
const doors: Mayfly[] = [];
const watches: { stop(): Promise<void> }[] = [];
beforeAll(async () => {
  local = await startTestLocal({ limits: { joinErrorBackoffMs: 50 } });
  proxy = await startProxy(local.apiUrl);
});
afterAll(async () => {
  await proxy?.close();
  await local?.close();
});
beforeEach(async () => {
  ({ tenant, mayfly } = await local.enter());
  watched = open({ url: proxy.url });
});
afterEach(async () => {
  proxy.up();
  await Promise.all(watches.splice(0).map((watch) => watch.stop()));
  await Promise.all(agents.splice(0).map((agent) => agent.close()));
  await Promise.all([mayfly, ...doors.splice(0)].map((door) => door.close()));
});

function open(options: Partial<MayflyOptions> = {}): Mayfly {
  const door = new Mayfly({ url: local.apiUrl, key: local.secretKey, tenant, ...options });
  doors.push(door);
  return door;
}

async function spawn(options: SpawnOptions = {}, by: Mayfly | Agent = mayfly): Promise<Agent> {
  const agent = dataOf(await by.spawn(options));
  agents.push(agent);
  return agent;
}

/** A member of the tenant with this role, signed in. */
async function enterAs(role: string): Promise<Mayfly> {
  const claims: Claims = await makePerson(local.sql, { [tenant]: role });
  const token = await (await createTokens(local.keys)).sign({
    ...claims,
    iss: `${local.apiUrl}/auth/v1`,
    exp: inSeconds(600),
  });
  const session = { access_token: token };
  const auth = { getSession: async () => ({ data: { session } }) };
  return open({ key: local.publishableKey, client: { auth } as never });
}

/** What was handed over, and a promise for when that is enough. */
function listOf<T>() {
  const items: T[] = [];
  let changed = () => {};
  return {
    items,
    take: (item: T) => {
      items.push(item);
      changed();
    },
    until: (holds: () => boolean) =>
      new Promise<void>((resolve) => {
        changed = () => holds() && resolve();
        changed();
      }),
  };
}

async function hear(by: Mayfly, options: Parameters<Mayfly["debug"]["watch"]>[0] = {}) {
  const heard = listOf<DebugRecord>();
  const problems: unknown[] = [];
  const watch = dataOf(
    await by.debug.watch({ onError: (error) => problems.push(error), ...options }, heard.take),
  );
  watches.push(watch);
  const names = () => heard.items.map(({ name }) => name);
  return { ...heard, problems, watch: watch as DebugWatch, names };
}

const debugging = ["debug:write", "memory:read", "state:read", "state:write"];

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

  it("are refused with their field when they are no JSON, no text or no date", async () => {
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

  it("tell a conflict with the version that there is, and update around it", async () => {
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
      // Somebody comes between, twice.
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

  it("are watched: each version once and in order, across lost connections and a handler that fails", async () => {
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

  it("are handed over as they are, then as they change, with since: null", async () => {
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

  it("are of their tenant alone", async () => {
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

describe("debug streams", () => {
  it("are silent until somebody watches, and then tell up to the level that is asked for", async () => {
    const agent = await spawn({ name: "teller", scopes: debugging });
    const watch = await hear(watched, { agent: agent.id, level: 2 });
    agent.debug.task("first", { password: "hunter2", file: "a.ts" });
    await watch.until(() => watch.names().includes("first"));
    expect(watch.items.find(({ name }) => name === "spawned")).toMatchObject({
      category: "lifecycle",
      data: { name: "teller" },
    });
    expect(watch.items.find(({ name }) => name === "first")).toMatchObject({
      agentId: agent.id,
      level: 1,
      category: "task",
      data: { password: "[masked]", file: "a.ts" },
      durationMs: null,
      dropped: 0,
    });
    let asked = 0;
    agent.debug.thought("too fine", () => asked++);
    agent.debug.tool("search", () => ({ query: "x" }), { durationMs: 41 });
    agent.debug.thought("said to be basic", () => ({ asked: ++asked }), { level: "basic" });
    await watch.until(() => watch.names().includes("said to be basic"));
    expect(asked).toBe(1);
    expect(watch.items.find(({ name }) => name === "search")).toMatchObject({
      durationMs: 41,
      data: { query: "x" },
    });
    expect(watch.names()).not.toContain("too fine");
    expect(watch.problems).toEqual([]);
  });

  it("change their level and categories on the running agent, and fall silent with the last watcher", async () => {
    const agent = await spawn({ scopes: debugging });
    const watch = await hear(watched, { level: 1 });
    agent.debug.task("one");
    await watch.until(() => watch.names().includes("one"));
    expect(agent.debug.level("thought")).toBe(1);
    const other = await hear(mayfly, { agent: agent.id, level: "trace", categories: ["thought"] });
    await until(() => agent.debug.level("thought") === 4);
    expect(agent.debug.level("tool")).toBe(1);
    agent.debug.thought("two");
    agent.debug.task("three");
    await other.until(() => other.names().includes("two"));
    await watch.until(() => watch.names().includes("three"));
    expect(other.names()).toEqual(["two"]);
    expect(watch.names()).not.toContain("two");
    dataOf(await watch.watch.change({ level: "detailed", categories: ["tool"] }));
    await until(() => agent.debug.level("tool") === 2);
    expect(agent.debug.level("task")).toBe(0);
    const never = await mayfly.debug.watch({ since: new Date("never") }, () => {});
    expect(never.error?.details).toEqual({ field: "since" });
    // What is refused leaves the watch as it was.
    for (const level of ["loud" as never, "silent" as const])
      expect((await watch.watch.change({ level })).error?.code).toBe("invalid_request");
    agent.debug.tool("four");
    await watch.until(() => watch.names().includes("four"));
    await Promise.all([watch.watch.stop(), other.watch.stop()]);
    await until(() => agent.debug.level("thought") === 0);
    expect((await watch.watch.change({ level: "trace" })).error?.code).toBe("unavailable");
    expect(
      await local.sql`select from mayfly_private.debug_leases where tenant_id = ${tenant}`,
    ).toEqual([]);
    let asked = 0;
    agent.debug.thought("nobody", () => asked++);
    expect(asked).toBe(0);
  });

  it("tell of messages, memories and states by themselves, each as much as its level wants", async () => {
    const scopes = [...debugging, "memory:write", "message:send", "message:read"];
    const early = await spawn({ scopes });
    const seen = await hear(watched, { level: "basic" });
    const verbose = await hear(mayfly, { level: "verbose", categories: ["message", "step"] });
    // Who was there before the watcher, and has no connection, hears of it with its next heartbeat.
    expect(early.client.getChannels()).toHaveLength(0);
    dataOf(await early.heartbeat());
    await until(() => early.debug.level("message") === 3);
    const late = await spawn({ scopes });
    await until(() => late.debug.level("message") === 3);
    // On a busy machine a newcomer's first records may be told before it is heard.
    const calling = setInterval(() => late.debug.step("here", null, { level: "basic" }), 100);
    for (const watch of [seen, verbose])
      await watch.until(() =>
        watch.items.some(({ agentId, name }) => agentId === late.id && name === "here"),
      );
    clearInterval(calling);
    late.on("tick", async ({ payload }) => {
      if (payload.fail) throw new Error("no such tick");
    });
    const sent = dataOf(await early.send(late.id, "tick", { password: "hunter2", n: 1 }));
    dataOf(await early.send(late.id, "tick", { fail: true }));
    dataOf(await early.state.set("plan", { step: 1 }));
    expect((await early.state.set("plan", 2, { expectedVersion: 9 })).error?.code).toBe(
      "version_conflict",
    );
    dataOf(await early.remember({ task: "look", output: "seen" }));
    expect((await early.sync()).error).toBeNull();
    await seen.until(() => seen.names().includes("handler"));
    await verbose.until(() =>
      ["handled", "set state: value"].every((name) => verbose.names().includes(name)),
    );
    const of = (heard: typeof seen, name: string) => heard.items.find((one) => one.name === name);
    expect(of(seen, "sent")).toMatchObject({
      agentId: early.id,
      category: "message",
      level: 1,
      data: { id: sent.id, to: { agent: late.id }, type: "tick" },
      durationMs: expect.any(Number),
    });
    expect(of(seen, "handled")).toMatchObject({
      agentId: late.id,
      data: { id: sent.id, from: early.id, type: "tick", seq: 1, attempt: 1 },
    });
    expect(of(seen, "handler")).toMatchObject({
      category: "error",
      data: { seq: 2, error: { message: "no such tick" } },
    });
    for (const name of ["received", "remember", "set state", "sent: payload"])
      expect(seen.names(), name).not.toContain(name);
    expect(of(verbose, "sent: payload")?.data).toEqual({
      id: sent.id,
      payload: { password: "[masked]", n: 1 },
    });
    expect(of(verbose, "set state")).toMatchObject({
      category: "step",
      level: 2,
      data: { key: "plan", version: 1 },
    });
    expect(verbose.items.filter(({ name }) => name === "set state")[1]?.data).toMatchObject({
      code: "version_conflict",
    });
    expect(JSON.stringify([...seen.items, ...verbose.items])).not.toContain("hunter2");
  });

  it("are watched by an agent that may, and by none that may not", async () => {
    const agent = await spawn({ scopes: debugging });
    const watcher = await spawn({ scopes: ["debug:read", "agent:read", "memory:read"] });
    const blind = await spawn({ scopes: debugging });
    expect((await blind.debug.watch({ agent: agent.id }, () => {})).error?.code).toBe(
      "scope_missing",
    );
    const one = listOf<DebugRecord>();
    const all = listOf<DebugRecord>();
    const watch = dataOf(await watcher.debug.watch({ agent: agent.id, level: 1 }, one.take));
    dataOf(await watcher.debug.watch({ level: "trace", categories: ["thought"] }, all.take));
    agent.debug.task("one");
    agent.debug.thought("two");
    await one.until(() => one.items.some(({ name }) => name === "one"));
    await all.until(() => all.items.some(({ name }) => name === "two"));
    dataOf(await watch.change({ level: "detailed" }));
    await until(() => agent.debug.level("tool") === 2);
    await watcher.stop();
    await until(() => agent.debug.level("thought") === 0);
  });

  it("fall silent by themselves when a lease is not renewed", async () => {
    const agent = await spawn({ scopes: debugging });
    dataOf(
      await watched.client
        .rpc("lease_debug", { level: 4, seconds: 1 })
        .then(({ data, error }) => ({ data, error: error as never })),
    );
    agent.debug.task("opens");
    await until(() => agent.debug.level("tool") === 4);
    await until(() => agent.debug.level("tool") === 0);
  });

  it("are followed as agents come and go, and tell of their end", async () => {
    const watch = await hear(watched, { level: 1 });
    const agent = await spawn({ scopes: debugging });
    agent.debug.error("broken", new Error("no such file"));
    await until(() => watch.watch.agents === 1);
    await until(() => agent.debug.level("task") === 1);
    agent.debug.task("more");
    await watch.until(() => watch.names().includes("more"));
    await agent.stop("done");
    await watch.until(() => watch.names().includes("stopped"));
    expect(watch.items.every(({ agentId }) => agentId === agent.id)).toBe(true);
    // A newcomer waits for its watchers; on a machine that is too slow for that, what is missing is counted.
    const missing = watch.items.reduce((sum, { dropped }) => sum + dropped, 0);
    expect(watch.items.length + missing).toBe(4);
    if (missing === 0)
      expect(watch.items[1]?.data).toMatchObject({ name: "Error", message: "no such file" });
    await until(() => watch.watch.agents === 0);
  });

  it("keep the newest of what comes too fast, and count what they dropped", async () => {
    const door = open({ debug: { bufferRecords: 50 } });
    const agent = await spawn({ scopes: debugging }, door);
    const watch = await hear(watched, { agent: agent.id, level: 1 });
    agent.debug.task("begin");
    await watch.until(() => watch.names().includes("begin"));
    for (let n = 0; n < 1_000; n++) agent.debug.task(`n${n}`);
    await watch.until(() => watch.names().includes("n999"));
    const burst = watch.items.filter(({ name }) => name.startsWith("n"));
    expect(burst).toHaveLength(50);
    expect(burst[0]).toMatchObject({ name: "n950", dropped: 950 });
    expect(agent.debug.dropped).toBe(950);
    expect(burst.slice(1).every(({ dropped }) => dropped === 0)).toBe(true);
  });

  it("go on after a lost connection, and say what is missing", async () => {
    const through = open({ url: proxy.url });
    const agent = await spawn({ scopes: debugging }, through);
    const watch = await hear(mayfly, { agent: agent.id, level: 1 });
    agent.debug.task("before");
    await watch.until(() => watch.names().includes("before"));
    proxy.closeSockets();
    for (let n = 0; n < 20; n++) agent.debug.task(`away ${n}`);
    await watch.until(() => watch.names().includes("away 19"));
    const away = watch.items.filter(({ name }) => name.startsWith("away"));
    const missing = away.reduce((sum, { dropped }) => sum + dropped, 0);
    expect(away.length + missing).toBe(20);
    expect(new Set(away.map(({ id }) => id)).size).toBe(away.length);
  });

  it("are heard by nobody of another tenant and by no viewer", async () => {
    const agent = await spawn({ scopes: debugging });
    const watch = await hear(watched, { agent: agent.id, level: 4 });
    const { tenant: other, mayfly: theirs } = await local.enter();
    doors.push(theirs);
    const stranger = await spawn({ scopes: ["debug:read", "debug:write", "memory:read"] }, theirs);
    const viewer = await enterAs("viewer");
    expect((await theirs.debug.watch({ agent: agent.id }, () => {})).error?.code).toBe(
      "agent_unknown",
    );
    expect((await viewer.debug.watch({}, () => {})).error?.code).toBe("scope_missing");
    const heard: unknown[] = [];
    const refusals: string[] = [];
    for (const client of [stranger.client, viewer.client]) {
      const channel = client.channel(`tenant:${tenant}:debug:${agent.id}`, {
        config: { private: true },
      });
      await client.realtime.setAuth();
      channel.on("broadcast", { event: "*" }, (message) => heard.push(message));
      await new Promise<void>((resolve) =>
        channel.subscribe((status, error) => {
          refusals.push(`${status} ${error?.message ?? ""}`);
          resolve();
        }),
      );
    }
    agent.debug.task("the secret");
    await watch.until(() => watch.names().includes("the secret"));
    expect(heard).toEqual([]);
    expect(refusals.filter((status) => status.startsWith("SUBSCRIBED"))).toEqual([]);
    expect(other).not.toBe(tenant);
  });

  it("are kept in SQL where the tenant says so, read back by since, then live", async () => {
    const agent = await spawn({ scopes: debugging });
    const member = await enterAs("member");
    expect((await member.debug.persist({ persist: true })).error?.code).toBe("scope_missing");
    agent.debug.task("opens");
    expect(dataOf(await mayfly.debug.persist({ persist: true, level: "detailed" }))).toEqual({
      persist: true,
      level: 2,
      maxRecordsPerMinute: 600,
      keepSeconds: 604_800,
    });
    await until(() => agent.debug.level("tool") === 2);
    const since = new Date(Date.now() - 60_000);
    agent.debug.tool("kept", { token: "abcdef" });
    agent.debug.thought("too fine");
    const kept = () => local.sql`
      select name, data, agent_id from mayfly.debug_records where tenant_id = ${tenant} and category = 'tool'`;
    let rows = await kept();
    while (rows.length === 0) rows = await kept();
    expect([...rows]).toEqual([{ name: "kept", data: { token: "[masked]" }, agent_id: agent.id }]);
    const watch = await hear(member, { agent: agent.id, level: 2, since });
    agent.debug.tool("live");
    await watch.until(() => watch.names().includes("live"));
    expect(watch.names().filter((name) => ["kept", "live"].includes(name))).toEqual([
      "kept",
      "live",
    ]);
    expect(watch.names()).not.toContain("too fine");
    dataOf(await mayfly.debug.persist({ persist: false }));
    await watch.watch.stop();
    await until(() => agent.debug.level("tool") === 0);
  });

  it("that are kept are read page by page, each record once and in order", async () => {
    const agent = await spawn({ scopes: debugging });
    // 200 of one instant: pages of 500 end among them.
    await local.sql`
      insert into mayfly.debug_records (tenant_id, id, agent_id, level, category, name, bytes, at)
      select ${tenant}, lpad(n::text, 32, '0')::uuid, ${agent.id}, 1, 'task', n::text, 0,
        '2026-01-01T00:00:00.123456Z'::timestamptz + (n / 200) * interval '1 millisecond'
      from generate_series(1, 1100) n`;
    const watch = await hear(watched, { agent: agent.id, level: 1, since: new Date(0) });
    expect(watch.names()).toEqual(Array.from({ length: 1_100 }, (_, n) => String(n + 1)));
  });

  it("of more agents than a connection can hear are left out, and it is said", async () => {
    await local.sql`
      insert into mayfly.agents (tenant_id, name, lifetime, expires_at)
      select ${tenant}, 'agent ' || n, '5 minutes', now() + interval '5 minutes' from generate_series(1, 93) n`;
    const watch = await hear(watched, { level: 1 });
    expect(watch.watch.agents).toBe(90);
    expect(watch.problems).toMatchObject([
      { code: "quota_exceeded", details: { quota: "debug_topics", limit: 90 } },
    ]);
  });

  it("are asked for few records before the server has said that nobody wants them", async () => {
    const agent = await spawn({ scopes: debugging });
    let asked = 0;
    for (let n = 0; n < 1_000; n++) agent.debug.thought("early", () => ++asked);
    // The SDK has one of its own among them.
    expect(asked).toBe(199);
    await until(() => agent.debug.level("thought") === 0);
    agent.debug.thought("late", () => ++asked);
    expect(asked).toBe(199);
  });

  it("cost an agent without debug:write nothing, not even a connection", async () => {
    const agent = await spawn({ scopes: ["memory:read"] });
    let asked = 0;
    agent.debug.task("unheard", () => asked++);
    expect(asked).toBe(0);
    expect(agent.client.getChannels()).toEqual([]);
  });

  it("never fail or stop the agent's work, whatever they are given", async () => {
    const agent = await spawn({ scopes: debugging });
    const watch = await hear(watched, { agent: agent.id, level: 4 });
    const hostile = () => {
      throw new Error("no");
    };
    agent.debug.task("hostile", hostile);
    agent.debug.task(undefined as never, Symbol("x"), { level: 99 as never });
    agent.debug.task({ toString: hostile } as never);
    agent.debug.task("x".repeat(10_000), "y".repeat(1_000_000));
    agent.debug.task("last");
    await watch.until(() => watch.names().includes("last"));
    expect(watch.items.find(({ name }) => name === "hostile")?.data).toMatchObject({
      could_not_be_read: { message: "no" },
    });
  });
});

/** Agents learn of it by a broadcast, which nobody tells the test. */
async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setTimeout(resolve, 10));
}
