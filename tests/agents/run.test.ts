import { type Agent, Mayfly, MayflyError } from "@mayfly/sdk";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { dataOf, spawnIn } from "#harness/agents";
import { startTestLocal, type TestLocal } from "#harness/local";
import { startProxy, type TestProxy } from "#harness/proxy";

let local: TestLocal;
let proxy: TestProxy;
let tenant: string;
let mayfly: Mayfly;
beforeAll(async () => {
  local = await startTestLocal();
  proxy = await startProxy(local.apiUrl);
});
afterAll(async () => {
  await proxy?.close();
  await local?.close();
});
beforeEach(async () => {
  ({ tenant } = await local.enter());
  mayfly = new Mayfly({ url: proxy.url, key: local.secretKey, tenant });
});

const agentOf = async (name: string) =>
  (
    await local.sql`select status, stop_reason from mayfly.agents
      where tenant_id = ${tenant} and name = ${name}`
  )[0];
const tasksOf = async () =>
  (await local.sql`select task from mayfly.memories where tenant_id = ${tenant} order by id`).map(
    ({ task }) => task,
  );

describe("run", () => {
  it("pulls, works, pushes and stops, and returns the result of the work", async () => {
    const before = await spawnIn(mayfly);
    await before.remember({ task: "known before" });
    dataOf(await before.sync());
    const answer = await mayfly.run({ name: "worker" }, async (agent) => {
      const known = dataOf(await agent.memory.recallLocal("known"));
      await agent.remember({ task: "learned" });
      return { found: known.results.map(({ task }) => task) };
    });
    expect(answer).toEqual({ data: { found: ["known before"] }, error: null });
    expect(answer.data?.found.length).toBe(1);
    expect(await tasksOf()).toEqual(["known before", "learned"]);
    expect(await agentOf("worker")).toEqual({ status: "stopped", stop_reason: "done" });
    await before.stop();
  });

  it("also pushes and stops when the work throws, and says why", async () => {
    const cause = new TypeError("no such file");
    const { data, error } = await mayfly.run({ name: "unlucky" }, async (agent) => {
      await agent.remember({ task: "learned before it failed" });
      throw cause;
    });
    expect(data).toBeNull();
    expect(error).toMatchObject({ code: "work_failed", message: "no such file", cause });
    expect(await tasksOf()).toEqual(["learned before it failed"]);
    expect(await agentOf("unlucky")).toEqual({
      status: "stopped",
      stop_reason: "The work failed: no such file",
    });
  });

  it("returns a MayflyError from the work unchanged", async () => {
    const thrown = new MayflyError({
      code: "not_authorized",
      message: "m",
      hint: null,
      details: 1,
    });
    const { error } = await mayfly.run({ name: "thrower" }, () => {
      throw thrown;
    });
    expect(error).toBe(thrown);
  });

  it("begins no work when it cannot spawn or pull", async () => {
    let worked = false;
    const work = () => {
      worked = true;
    };
    const { error } = await mayfly.run({ name: "x", lifetime: 1_000_000 }, work);
    expect(error?.code).toBe("lifetime_out_of_range");
    proxy.loseAnswers("/sync", 1);
    expect((await mayfly.run({ name: "cut" }, work)).error?.code).toBe("unavailable");
    expect(await agentOf("cut")).toMatchObject({ status: "stopped" });
    expect(worked).toBe(false);
  });

  it("pushes again when an answer is lost, and nothing is pushed twice", async () => {
    const { data, error } = await mayfly.run({ name: "cut" }, async (agent) => {
      await agent.remember({ task: "once" });
      proxy.loseAnswers("/sync", 2);
      return 7;
    });
    expect({ data, error }).toEqual({ data: 7, error: null });
    expect(await tasksOf()).toEqual(["once"]);
  });

  it("keeps the result and the outbox if nothing can be pushed", async () => {
    let agent: Agent | undefined;
    const { error } = await mayfly.run({ name: "cut off" }, async (own) => {
      agent = own;
      await own.remember({ task: "later" });
      proxy.down();
      return 7;
    });
    expect(error).toMatchObject({ code: "unavailable", details: { result: 7, unsynced: 1 } });
    proxy.up();
    expect(dataOf(await mayfly.outbox.drain())).toEqual({ pushed: 1, rejected: 0 });
    expect(await tasksOf()).toEqual(["later"]);
    expect(agent?.outbox.waiting).toBe(0);
  });

  it("says which operations the server refused, and keeps the result", async () => {
    const { error } = await mayfly.run({}, async (agent) => {
      await agent.remember({ task: "too much", metadata: { text: "x".repeat(70_000) } });
      await agent.remember({ task: "enough" });
      return 7;
    });
    expect(error).toMatchObject({
      code: "invalid_operation",
      message: expect.stringContaining("body.metadata"),
      details: { result: 7, refused: [{ body: { task: "too much" } }] },
    });
    expect(await tasksOf()).toEqual(["enough"]);
  });

  it("pushes what a stopped agent learned before its end, in the name of the caller", async () => {
    const { data, error } = await mayfly.run({ name: "stopped" }, async (agent) => {
      await agent.remember({ task: "last words" });
      await agent.stop("by somebody");
      return "done";
    });
    expect({ data, error }).toEqual({ data: "done", error: null });
    expect(await tasksOf()).toEqual(["last words"]);
    expect(await agentOf("stopped")).toMatchObject({ stop_reason: "by somebody" });
  });

  it("waits for at most maxWait before it spawns, if the tenant's rate limit is reached", async () => {
    await local.sql`update mayfly.tenants set spawns_per_minute = 60 where id = ${tenant}`;
    await (await spawnIn(mayfly)).stop();
    const empty = () =>
      local.sql`update mayfly_private.spawn_buckets set tokens = 0, filled_at = clock_timestamp()
        where tenant_id = ${tenant}`;
    await empty();
    const refused = await mayfly.run({ maxWait: 0 }, () => 7);
    expect(refused.error).toMatchObject({ code: "rate_limited", details: { retry_after: 1 } });
    await empty();
    expect(await mayfly.run({}, () => 7)).toEqual({ data: 7, error: null });
  });

  it("keeps rate-limited operations in the outbox if it may not wait", async () => {
    await local.sql`update mayfly.tenants set writes_per_minute = 1000 where id = ${tenant}`;
    // Sets the writes of this minute and the next one, because the test may start at the end of a minute.
    const limit = (writes: number) =>
      local.sql`update mayfly_private.tenant_usage set writes = ${writes},
        minute = date_trunc('minute', clock_timestamp()) + shard % 2 * interval '1 minute'
        where tenant_id = ${tenant}`;
    await limit(1000);
    const { error } = await mayfly.run({ maxWait: 0 }, async (agent) => {
      await agent.remember({ task: "for later" });
    });
    expect(error).toMatchObject({ code: "rate_limited", details: { unsynced: 1 } });
    await limit(0);
    expect(dataOf(await mayfly.outbox.drain())).toEqual({ pushed: 1, rejected: 0 });
    expect(await tasksOf()).toEqual(["for later"]);
  });
});

describe("runTeam", () => {
  const statusesOf = async () =>
    (
      await local.sql`select status, stop_reason from mayfly.agents
        where tenant_id = ${tenant} order by name`
    ).map(({ status, stop_reason }) => `${status}: ${stop_reason}`);
  // Explicit names, because names from a pool are random.
  const two = [{ names: ["ada"] }, { names: ["bob"] }];

  it("spawns, pulls, works, pushes what each agent remembered, and stops them all", async () => {
    const before = await spawnIn(mayfly);
    await before.remember({ task: "known before" });
    dataOf(await before.stop("before"));
    const answer = await mayfly.runTeam(two, async (agents) => {
      const known = await Promise.all(agents.map((agent) => agent.memory.recallLocal("known")));
      await Promise.all(
        agents.map((agent) => agent.remember({ task: `learned by ${agent.name}` })),
      );
      return known.map((recall) => dataOf(recall).results.length);
    });
    expect(answer).toEqual({ data: [1, 1], error: null });
    expect((await tasksOf()).sort()).toEqual(["known before", "learned by ada", "learned by bob"]);
    expect((await statusesOf()).sort()).toEqual([
      "stopped: before",
      "stopped: done",
      "stopped: done",
    ]);
  });

  it("ends all agents even if the work throws or one of them is gone", async () => {
    const { error } = await mayfly.runTeam(two, async ([ada, bob]) => {
      await ada?.remember({ task: "ada's" });
      await bob?.remember({ task: "bob's" });
      await ada?.stop("by somebody");
      throw new TypeError("no such file");
    });
    expect(error).toMatchObject({ code: "work_failed", message: "no such file" });
    expect((await tasksOf()).sort()).toEqual(["ada's", "bob's"]);
    expect(await statusesOf()).toEqual([
      "stopped: by somebody",
      "stopped: The work failed: no such file",
    ]);
  });

  it("begins no work if one agent cannot pull, and leaves none alive", async () => {
    let worked = false;
    proxy.loseAnswers("/sync", 1);
    const { error } = await mayfly.runTeam(two, () => {
      worked = true;
    });
    expect(error?.code).toBe("unavailable");
    expect(worked).toBe(false);
    expect(new Set((await statusesOf()).map((status) => status.split(":")[0]))).toEqual(
      new Set(["stopped"]),
    );
    const none = await mayfly.runTeam([{ lifetime: 1_000_000 }], () => {});
    expect(none.error?.code).toBe("lifetime_out_of_range");
  });

  it("keeps what its agents learned if nothing can be pushed, and says how much", async () => {
    const { error } = await mayfly.runTeam(two, async (agents) => {
      for (const agent of agents) await agent.remember({ task: `${agent.name} learned` });
      proxy.down();
      return 7;
    });
    expect(error).toMatchObject({ code: "unavailable", details: { result: 7, unsynced: 2 } });
    proxy.up();
    expect(dataOf(await mayfly.outbox.drain()).pushed).toBe(2);
  });
});
