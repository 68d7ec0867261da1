import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Mayfly } from "@mayfly/sdk";
import { describe, expect, it } from "vitest";
import { dataOf, spawnIn } from "#harness/agents";
import {
  eventsOf,
  folder,
  killAt,
  leaveBehind,
  local,
  mayflyOf,
  proxy,
  rowsOf,
  setUp,
  tasksOf,
  tenant,
} from "./left-behind.ts";

setUp();

describe("the outbox", () => {
  it("of a killed process is drained by the next agent, and each memory has its author and its sender", async () => {
    const [first] = await killAt(
      "remembered",
      `await agent.remember({ task: "one" });
       await agent.remember({ task: "two" });
       console.log("remembered");`,
    );
    const dead = first?.replace("agent ", "");
    expect(await tasksOf()).toEqual([]);

    const mayfly = mayflyOf({ storage: folder });
    const next = await spawnIn(mayfly);
    await next.remember({ task: "own" });
    expect(dataOf(await next.sync())).toMatchObject({ pushed: 3, rejected: 0 });
    expect(await rowsOf()).toEqual([
      { task: "one", agent_id: dead, pushed_by: next.id },
      { task: "two", agent_id: dead, pushed_by: next.id },
      { task: "own", agent_id: next.id, pushed_by: next.id },
    ]);
    await next.stop();
    await mayfly.close();
  });

  it("is drained by a member of the tenant too", async () => {
    await killAt(
      "remembered",
      `await agent.remember({ task: "left" }); console.log("remembered");`,
    );
    const mayfly = mayflyOf({ storage: folder });
    expect(dataOf(await mayfly.outbox.drain())).toEqual({ pushed: 1, rejected: 0 });
    expect(await tasksOf()).toEqual(["left"]);
    expect(dataOf(await mayfly.outbox.drain())).toEqual({ pushed: 0, rejected: 0 });
  });

  it("loses and repeats nothing when the process is killed in the middle of pushes", async () => {
    const lines = await killAt(
      "remembered 12",
      `for (let n = 0; n < 1000; n++) {
         const { data } = await agent.remember({ task: "memory " + n });
         const syncing = agent.sync();
         console.log("remembered " + n);
         if (n % 3 === 0) await syncing;
       }`,
    );
    const remembered = lines.filter((line) => line.startsWith("remembered")).length;
    const mayfly = mayflyOf({ storage: folder });
    dataOf(await mayfly.outbox.drain());
    const tasks = await tasksOf();
    expect(tasks.slice(0, remembered)).toEqual(
      Array.from({ length: remembered }, (_, n) => `memory ${n}`),
    );
    expect(new Set(tasks).size).toBe(tasks.length);
    expect(await eventsOf("memory.created")).toBe(tasks.length);
  });

  it("repeats nothing when the answer to a push is lost, in this process or the next", async () => {
    const storage = join(folder, "lost");
    const mayfly = mayflyOf({ url: proxy.url, storage });
    const agent = await spawnIn(mayfly);
    await agent.remember({ task: "a" });
    await agent.remember({ task: "b" });
    proxy.loseAnswers("/sync", 2);
    expect((await agent.sync()).error?.code).toBe("unavailable");
    expect(await tasksOf()).toEqual(["a", "b"]);
    expect(agent.outbox.waiting).toBe(2);
    expect((await agent.sync()).error?.code).toBe("unavailable");
    proxy.down();
    const { error } = await agent.close();
    proxy.up();
    expect(error).toMatchObject({ code: "not_pushed", details: { unsynced: 2, refused: 0 } });

    const again = mayflyOf({ storage });
    const next = await spawnIn(again);
    await next.remember({ task: "c" });
    expect(dataOf(await next.sync()).pushed).toBe(3);
    expect(await tasksOf()).toEqual(["a", "b", "c"]);
    expect(await eventsOf("memory.created")).toBe(3);
    await next.stop();
  });

  it("pushes what was queued while the server was away, even a memory and its deletion", async () => {
    const mayfly = mayflyOf({ url: proxy.url });
    const agent = await spawnIn(mayfly);
    proxy.down();
    const { id } = dataOf(await agent.remember({ task: "short" }));
    await agent.memory.forget(id);
    await agent.remember({ task: "long" });
    expect((await agent.sync()).error?.code).toBe("unavailable");
    expect((await agent.memory.get(id)).error).toMatchObject({
      code: "unavailable",
      message: expect.stringMatching(/^The Data API could not be reached/),
      hint: expect.any(String),
    });
    proxy.up();
    expect(dataOf(await agent.sync())).toMatchObject({ pushed: 3, rejected: 0 });
    expect(await tasksOf()).toEqual(["long"]);
    await agent.stop();
  });

  it.each([
    [404, '{"code":"NOT_FOUND","message":"Requested function was not found"}'],
    [429, '{"message":"Too many requests"}'],
    [402, "<html>The project is over its quota.</html>"],
  ])("does not treat a %i of the platform as a refusal of its operations", async (status, body) => {
    const agent = await spawnIn(mayflyOf({ url: proxy.url }));
    await agent.remember({ task: "one" });
    await agent.remember({ task: "sunset" });
    proxy.answer("/sync", status, body);
    const { error } = await agent.sync();
    proxy.answer("/query", status, body);
    const recalled = dataOf(await agent.recall("sunset"));
    proxy.up();
    expect(error).toMatchObject({ code: "unavailable", details: { status } });
    expect(agent.outbox.refused).toEqual([]);
    expect(recalled).toMatchObject({ mode: "local", results: [{ task: "sunset" }] });
    expect(dataOf(await agent.sync())).toMatchObject({ pushed: 2, rejected: 0 });
    await agent.stop();
  });

  it("leaves operations of living agents alone, and pushes those of a stopped one", async () => {
    const mayfly = mayflyOf();
    const [one, other] = [await spawnIn(mayfly), await spawnIn(mayfly, { name: "other" })];
    await one.remember({ task: "of one" });
    await other.remember({ task: "of the other" });
    expect(dataOf(await other.sync()).pushed).toBe(1);
    expect([one.outbox.waiting, other.outbox.waiting]).toEqual([1, 0]);
    await leaveBehind(mayfly, one);
    expect(dataOf(await other.sync()).pushed).toBe(1);
    expect(await tasksOf()).toEqual(["of one", "of the other"]);
    await other.stop();
  });

  it("makes a dead letter of an operation that the server refuses without naming it, and pushes the rest", async () => {
    const mayfly = mayflyOf();
    const agent = await spawnIn(mayfly);
    const { id } = dataOf(await agent.remember({ task: "sunrise" }));
    dataOf(await agent.sync());
    for (let n = 0; n < 10; n++) await agent.remember({ task: `good ${n}` });
    await agent.remember({ id, task: "taken" });
    for (let n = 10; n < 20; n++) await agent.remember({ task: `good ${n}` });
    expect(dataOf(await agent.sync())).toMatchObject({ pushed: 20, rejected: 1 });
    expect(agent.outbox.refused).toMatchObject([
      { agentId: agent.id, error: { code: "memory_exists" }, operation: { subject: id } },
    ]);
    expect(await tasksOf()).toHaveLength(21);
    // It is not in the cache either, which has the server's version again.
    expect(agent.memory.cached).toBe(21);
    const { results } = dataOf(await agent.memory.recallLocal("sunrise taken"));
    expect(results.map(({ task }) => task)).toEqual(["sunrise"]);
    await agent.stop();
  });

  it("forgets memories first when the tenant's quota is full, and then continues", async () => {
    const agent = await spawnIn(mayflyOf());
    const big = "x".repeat(50_000);
    const { id } = dataOf(await agent.remember({ task: "old", output: big }));
    dataOf(await agent.sync());
    await local.sql`update mayfly.tenants set max_bytes = 70000 where id = ${tenant}`;
    await agent.remember({ task: "new", output: big });
    expect((await agent.sync()).error?.code).toBe("quota_exceeded");
    await agent.memory.forget(id);
    expect(dataOf(await agent.sync())).toMatchObject({ pushed: 2, rejected: 0 });
    expect(await tasksOf()).toEqual(["new"]);
    expect((await agent.memory.list()).data?.memories).toHaveLength(1);
    await agent.stop();
  });

  it("keeps dead letters across a restart, to be inspected, retried or discarded", async () => {
    const storage = join(folder, "dead");
    const first = await spawnIn(mayflyOf({ storage }));
    await first.remember({ task: "too much", metadata: { text: "x".repeat(70_000) } });
    await first.remember({ task: "good" });
    expect(first.memory.cached).toBe(2);
    expect(dataOf(await first.sync({ pull: false }))).toMatchObject({ pushed: 1, rejected: 1 });
    expect(first.memory.cached).toBe(1);
    await first.stop();

    const next = await spawnIn(mayflyOf({ storage }));
    expect(dataOf(await next.sync())).toMatchObject({ pushed: 0, rejected: 0 });
    const [letter] = next.outbox.refused;
    expect(letter).toMatchObject({
      agentId: first.id,
      error: { code: "invalid_operation", details: { field: "body.metadata" } },
    });
    expect(dataOf(await next.outbox.retry())).toBe(1);
    expect(next.outbox.refused).toEqual([]);
    expect(dataOf(await next.sync())).toMatchObject({ pushed: 0, rejected: 1 });
    expect(dataOf(await next.outbox.discard([letter?.operation.id ?? ""]))).toBe(1);
    expect(next.outbox.refused).toEqual([]);
    await next.stop();
  });

  it("reports, also in sync, that another process has taken it over and pushes its operations", async () => {
    const storage = join(folder, "taken");
    const suspended = await spawnIn(mayflyOf({ storage }));
    dataOf(await suspended.remember({ task: "the other's to push" }));
    const lock = join(storage, `${tenant}.jsonl.lock`);
    await writeFile(lock, JSON.stringify({ pid: 1, token: "another" }));
    expect((await suspended.sync()).error).toMatchObject({
      code: "storage_failed",
      message: expect.stringContaining("was taken over by another process"),
      hint: expect.stringContaining("Restart this process"),
    });
    expect(await tasksOf()).toEqual([]);
    await suspended.close();
  });

  it("reports that another process holds it, and then remembers nothing", async () => {
    const storage = join(folder, "held");
    const holder = await spawnIn(mayflyOf({ storage }));
    await holder.remember({ task: "held" });
    const other = await spawnIn(mayflyOf({ storage }));
    const { error } = await other.remember({ task: "not kept" });
    expect(error).toMatchObject({ code: "storage_failed", hint: expect.any(String) });
    expect((await other.memory.recallLocal("kept")).data?.results).toEqual([]);
    await holder.stop();
    expect((await other.remember({ task: "kept" })).error).toBeNull();
    expect(dataOf(await other.sync()).pushed).toBe(1);
    // An agent that has ended does not open the outbox again, whatever it is asked to do.
    await other.stop();
    const next = await spawnIn(mayflyOf({ storage }));
    dataOf(await next.remember({ task: "the next one's" }));
    const tried = await Promise.all([
      holder.remember({ task: "too late" }),
      holder.memory.update(holder.id, { set: { task: "too late" } }),
      holder.memory.forget(holder.id),
      holder.sync(),
      holder.outbox.retry(),
      holder.outbox.discard(),
    ]);
    expect(new Set(tried.map(({ error }) => error?.code))).toEqual(new Set(["agent_not_alive"]));
    await holder.stop();
    expect(dataOf(await next.sync()).pushed).toBe(1);
    await next.stop();
  });

  it("keeps what was remembered, even if the object changes later", async () => {
    const agent = await spawnIn(mayflyOf());
    const metadata = { step: 1 };
    await agent.remember({ task: "t", metadata });
    metadata.step = 2;
    dataOf(await agent.sync());
    expect(dataOf(await agent.memory.list()).memories[0]?.metadata).toEqual({ step: 1 });
    await agent.stop();
  });

  it("refuses more than it may hold, says so, and loses nothing", async () => {
    const storage = join(folder, "full");
    const options = { url: local.apiUrl, key: local.secretKey, tenant, storage };
    const mayfly = new Mayfly({ ...options, outbox: { maxOperations: 5 } });
    const agent = await spawnIn(mayfly);
    const answers = await Promise.all(
      Array.from({ length: 8 }, (_, n) => agent.remember({ task: `memory ${n}` })),
    );
    const refused = answers.flatMap(({ error }) => error ?? []);
    expect(refused).toHaveLength(3);
    expect(refused[0]).toMatchObject({
      code: "outbox_full",
      hint: expect.stringContaining("sync"),
    });
    expect([agent.outbox.waiting, agent.memory.cached]).toEqual([5, 5]);
    expect(dataOf(await agent.sync())).toMatchObject({ pushed: 5 });
    expect((await agent.remember({ task: "room again" })).error).toBeNull();
    await leaveBehind(mayfly, agent);

    // Operations of a process with another limit are kept.
    const small = await spawnIn(new Mayfly({ ...options, outbox: { maxBytes: 2_000 } }));
    dataOf(await small.remember({ task: "x" }));
    const large = await small.remember({ task: "x", output: "x".repeat(2_000) });
    expect(large.error?.code).toBe("outbox_full");
    expect(dataOf(await small.sync()).pushed).toBe(2);
    expect(await tasksOf()).toHaveLength(7);
    await small.stop();
  });
});
