import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { Mayfly, MayflyError } from "@mayfly/sdk";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { dataOf, spawnIn } from "#harness/agents";
import { startTestLocal, type TestLocal } from "#harness/local";
import { startProxy, type TestProxy } from "#harness/proxy";

let local: TestLocal;
let proxy: TestProxy;
let folder: string;
let tenant: string;
let mayfly: Mayfly;
beforeAll(async () => {
  local = await startTestLocal();
  proxy = await startProxy(local.apiUrl);
  folder = await mkdtemp(join(tmpdir(), "mayfly-close-"));
});
afterAll(async () => {
  await proxy?.close();
  await local?.close();
  await rm(folder, { recursive: true, force: true });
});
beforeEach(async () => {
  ({ tenant } = await local.enter());
  mayfly = new Mayfly({ url: proxy.url, key: local.secretKey, tenant });
});

/** The scopes for everything that agents do in these tests. */
const scopes = [
  ...["memory:read", "memory:write", "message:read", "message:send"],
  ...["agent:read", "agent:spawn", "presence:write"],
];

const tasksOf = async () =>
  (await local.sql`select task from mayfly.memories where tenant_id = ${tenant} order by task`).map(
    ({ task }) => task,
  );
const statusesOf = async () =>
  (
    await local.sql`select status from mayfly.agents where tenant_id = ${tenant} order by depth`
  ).map(({ status }) => status);

describe("an agent that stops", () => {
  it("first pushes what it remembered, and then remembers nothing more", async () => {
    const agent = await spawnIn(mayfly);
    dataOf(await agent.remember({ task: "learned" }));
    const stopping = agent.stop();
    expect((await agent.remember({ task: "too late" })).error?.code).toBe("agent_not_alive");
    expect(dataOf(await stopping).agent.status).toBe("stopped");
    expect(await tasksOf()).toEqual(["learned"]);
    expect(agent.outbox.waiting).toBe(0);
  });

  it("waits for a running push, and pushes nothing twice", async () => {
    const agent = await spawnIn(mayfly);
    for (let n = 0; n < 250; n++) await agent.remember({ task: `memory ${n}` });
    const arrived = proxy.requestOf("/sync");
    const syncing = agent.sync({ pull: false });
    await arrived;
    dataOf(await agent.stop());
    await syncing;
    expect(await tasksOf()).toHaveLength(250);
  });

  it("says how many operations could not be pushed, and how long they are kept", async () => {
    const agent = await spawnIn(mayfly);
    await agent.remember({ task: "one" });
    await agent.remember({ task: "two" });
    proxy.answer("/sync", 503, "{}");
    const { error } = await agent.stop();
    proxy.up();
    expect(error).toMatchObject({
      code: "not_pushed",
      message: expect.stringMatching(/^The agent has stopped, but 2 of its operations/),
      hint: expect.stringContaining("mayfly.outbox.drain()"),
      details: { unsynced: 2, refused: 0, result: { agent: { status: "stopped" } } },
      cause: { code: "unavailable" },
    });
    expect(dataOf(await mayfly.outbox.drain())).toEqual({ pushed: 2, rejected: 0 });
    expect(await tasksOf()).toEqual(["one", "two"]);
  });

  it("says which operations of its last push the server refused", async () => {
    const agent = await spawnIn(mayfly);
    await agent.remember({ task: "too much", metadata: { text: "x".repeat(70_000) } });
    await agent.remember({ task: "enough" });
    const { error } = await agent.stop();
    expect(error).toMatchObject({ code: "not_pushed", details: { unsynced: 0, refused: 1 } });
    expect(await tasksOf()).toEqual(["enough"]);
  });

  it("gives the same answer when it is stopped again, and ends once", async () => {
    const agent = await spawnIn(mayfly);
    await agent.remember({ task: "learned" });
    const [one, other] = await Promise.all([agent.stop("first"), agent.stop("second")]);
    expect(dataOf(other)).toEqual(dataOf(one));
    proxy.down();
    expect(dataOf(await agent.stop("third"))).toEqual(dataOf(one));
    dataOf(await agent.close());
    proxy.up();
    expect(dataOf(one).agent).toMatchObject({ status: "stopped", stop_reason: "first" });
    expect(await tasksOf()).toEqual(["learned"]);
  });

  it("can be stopped again if the server could not be reached", async () => {
    const agent = await spawnIn(mayfly);
    proxy.down();
    expect((await agent.stop()).error?.code).toBe("unavailable");
    proxy.up();
    expect(dataOf(await agent.stop()).agent.status).toBe("stopped");
  });

  it("waits only a limited time for a silent server", async () => {
    const agent = await spawnIn(mayfly);
    await agent.remember({ task: "later" });
    proxy.swallow("/sync");
    const { error } = await agent.stop();
    proxy.up();
    expect(error?.details).toMatchObject({ unsynced: 1 });
    expect(dataOf(await mayfly.outbox.drain()).pushed).toBe(1);
  });

  it("has its memories pushed before it is suspended, and when its connection is closed", async () => {
    const [one, other] = [await spawnIn(mayfly), await spawnIn(mayfly)];
    await one.remember({ task: "before the suspension" });
    expect(dataOf(await one.suspend()).status).toBe("suspended");
    await other.remember({ task: "before the close" });
    dataOf(await other.close());
    expect(await tasksOf()).toEqual(["before the close", "before the suspension"]);
    expect((await other.remember({ task: "after" })).error?.code).toBe("agent_not_alive");
  });
});

describe("a Mayfly that closes", () => {
  it("pushes what its agents and their children remembered, and leaves them alive", async () => {
    const parent = await spawnIn(mayfly, { scopes });
    const child = dataOf(await parent.spawn());
    await parent.remember({ task: "the parent's" });
    await child.remember({ task: "the child's" });
    dataOf(await mayfly.close());
    expect(await tasksOf()).toEqual(["the child's", "the parent's"]);
    expect(await statusesOf()).toEqual(["running", "running"]);
  });

  it("can stop them, children first", async () => {
    const parent = await spawnIn(mayfly, { scopes });
    const child = dataOf(await parent.spawn());
    await child.remember({ task: "the child's" });
    dataOf(await mayfly.close({ stopAgents: true }));
    expect(await tasksOf()).toEqual(["the child's"]);
    expect(await statusesOf()).toEqual(["stopped", "stopped"]);
  });

  it("pushes in its own name what a dead agent could not push", async () => {
    const agent = await spawnIn(mayfly);
    await agent.remember({ task: "last words" });
    dataOf(await mayfly.agents.stop(agent.id));
    dataOf(await mayfly.close());
    expect(await tasksOf()).toEqual(["last words"]);
  });

  it("says how many operations are left", async () => {
    for (let n = 0; n < 2; n++) await (await spawnIn(mayfly)).remember({ task: `memory ${n}` });
    proxy.down();
    const { error } = await mayfly.close({ stopAgents: true });
    proxy.up();
    expect(error).toMatchObject({ code: "not_pushed", details: { unsynced: 2, refused: 0 } });
    expect(dataOf(await mayfly.outbox.drain()).pushed).toBe(2);
  });

  it("is closed at the end of a block, like an agent, and throws if something was not pushed", async () => {
    {
      await using block = new Mayfly({ url: proxy.url, key: local.secretKey, tenant });
      await using agent = await spawnIn(block);
      await agent.remember({ task: "in a block" });
      await spawnIn(block);
    }
    expect(await tasksOf()).toEqual(["in a block"]);
    expect(await statusesOf()).toEqual(["stopped", "stopped"]);
    const cut = async () => {
      await using agent = await spawnIn(mayfly);
      await agent.remember({ task: "cut off" });
      proxy.down();
    };
    const error = await cut().catch((thrown: unknown) => thrown);
    proxy.up();
    expect(error).toBeInstanceOf(MayflyError);
    expect(error).toMatchObject({ details: { unsynced: 1 } });
    expect(dataOf(await mayfly.outbox.drain()).pushed).toBe(1);
  });
});

describe("a process", () => {
  /** Runs a program to its end. `during` gets each line that it prints. @returns everything that it printed. */
  async function run(script: string, during: (line: string, go: () => void) => void = () => {}) {
    const sdk = new URL("../../sdk/src/index.ts", import.meta.url).href;
    const options = { url: proxy.url, key: local.secretKey, tenant, storage: folder };
    const child = spawn(
      process.execPath,
      [
        "--input-type=module",
        "--eval",
        `const { Mayfly } = await import(${JSON.stringify(sdk)});
         const mayfly = new Mayfly(${JSON.stringify(options)});
         ${script}`,
      ],
      { stdio: ["pipe", "pipe", "inherit"] },
    );
    const ended = once(child, "exit");
    const lines: string[] = [];
    for await (const line of createInterface({ input: child.stdout })) {
      lines.push(line);
      during(line, () => child.stdin.write("go\n"));
    }
    expect(await ended).toEqual([0, null]);
    return lines;
  }
  /** Makes agents that have started everything that could keep a process alive. */
  const living = `
    const { data: agent, error } = await mayfly.spawn({ scopes: ${JSON.stringify(scopes)} });
    if (error) throw error;
    const { data: child } = await agent.spawn();
    agent.on("*", () => {});
    await agent.presence.track({});
    await child.log.watch({ types: ["*"] }, () => {});
    await mayfly.agents.watch(() => {});
    await agent.remember({ task: "the agent's" });
    await child.remember({ task: "the child's" });`;

  it("ends after close, even if its agents are alive", async () => {
    const lines = await run(`${living}
      console.log(JSON.stringify(await mayfly.close()));`);
    expect(lines).toEqual(['{"data":null,"error":null}']);
    expect(await tasksOf()).toEqual(["the agent's", "the child's"]);
    expect(await statusesOf()).toEqual(["running", "running"]);
  });

  it("ends after a block with await using, with its agents stopped", async () => {
    await run(`{
      await using block = mayfly;
      ${living}
    }`);
    expect(await tasksOf()).toEqual(["the agent's", "the child's"]);
    expect(await statusesOf()).toEqual(["stopped", "stopped"]);
  });

  it("ends even if nothing answers, and the next process pushes what it left", async () => {
    const lines = await run(
      `const { data: agent, error } = await mayfly.spawn();
      if (error) throw error;
      agent.on("*", () => {});
      await agent.presence.track({});
      await agent.remember({ task: "left" });
      console.log("ready");
      await new Promise((resolve) => process.stdin.once("data", resolve));
      process.stdin.destroy();
      const { error: left } = await mayfly.close({ stopAgents: true });
      console.log(left.code, left.details.unsynced);`,
      (line, go) => {
        if (line !== "ready") return;
        proxy.silence();
        go();
      },
    );
    proxy.up();
    expect(lines).toEqual(["ready", "not_pushed 1"]);
    const next = new Mayfly({ url: proxy.url, key: local.secretKey, tenant, storage: folder });
    expect(dataOf(await next.outbox.drain())).toEqual({ pushed: 1, rejected: 0 });
    expect(await tasksOf()).toEqual(["left"]);
  });
});
