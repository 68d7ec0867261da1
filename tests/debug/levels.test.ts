import type { DebugRecord } from "@mayfly/sdk";
import { describe, expect, it } from "vitest";
import { dataOf } from "#harness/agents";
import { hear, listOf, local, mayfly, setUp, spawn, tenant, until, watched } from "#harness/live";

const debugging = ["debug:write", "memory:read", "state:read", "state:write"];

setUp();

describe("debug streams", () => {
  it("are silent until somebody watches, and then report up to the requested level", async () => {
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
    // A refused change leaves the watch unchanged.
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

  it("report messages, memories and states automatically, up to the requested level", async () => {
    const scopes = [...debugging, "memory:write", "message:send", "message:read"];
    const early = await spawn({ scopes });
    const seen = await hear(watched, { level: "basic" });
    const verbose = await hear(mayfly, { level: "verbose", categories: ["message", "step"] });
    // An agent without a connection learns of a new watcher with its next heartbeat.
    expect(early.client.getChannels()).toHaveLength(0);
    dataOf(await early.heartbeat());
    await until(() => early.debug.level("message") === 3);
    const late = await spawn({ scopes });
    await until(() => late.debug.level("message") === 3);
    // On a busy machine, a newcomer's first records may be sent before somebody listens.
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

  it("can be watched only by agents with the scope", async () => {
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

  it("fall silent when a lease is not renewed", async () => {
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
});
