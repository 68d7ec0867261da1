import { defineAgent, runAgents, tool } from "@mayfly/sdk";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { dataOf } from "#harness/agents";
import {
  doors,
  enterAs,
  hear,
  local,
  mayfly,
  open,
  proxy,
  setUp,
  spawn,
  tenant,
  until,
  watched,
} from "#harness/live";
import { scriptedModel } from "../runs/running.ts";

const debugging = ["debug:write", "memory:read", "state:read", "state:write"];

setUp();

describe("debug streams", () => {
  it("are followed as agents come and go, and report their end", async () => {
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
    // A newcomer waits for its watchers. If the machine is too slow for that, missing records are counted.
    const missing = watch.items.reduce((sum, { dropped }) => sum + dropped, 0);
    expect(watch.items.length + missing).toBe(4);
    if (missing === 0)
      expect(watch.items[1]?.data).toMatchObject({ name: "Error", message: "no such file" });
    await until(() => watch.watch.agents === 0);
  });

  it("of a new agent are joined when it is spawned, without the log", async () => {
    const watch = await hear(watched, { level: 1 });
    await local.sql.begin(async (sql) => {
      await sql`alter table mayfly.agents disable trigger agents_log_insert`;
      await sql`
        insert into mayfly.agents (tenant_id, name, scopes, lifetime, expires_at)
        values (${tenant}, 'new', '{debug:write}', '5 minutes', now() + interval '5 minutes')`;
      await sql`alter table mayfly.agents enable trigger agents_log_insert`;
    });
    await until(() => watch.watch.agents === 1);
  });

  it("keep the newest records above the rate, and count dropped ones", async () => {
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

  it("continue after a lost connection, and say what is missing", async () => {
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

  it("reach nobody in another tenant and no viewer", async () => {
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

  it("are stored if the tenant says so, and can be read from a given time on and then live", async () => {
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

  it("that are stored are read page by page, each record once and in order", async () => {
    const agent = await spawn({ scopes: debugging });
    // 200 records have the same time, so that a page of 500 ends in the middle of them.
    await local.sql`
      insert into mayfly.debug_records (tenant_id, id, agent_id, level, category, name, bytes, at)
      select ${tenant}, lpad(n::text, 32, '0')::uuid, ${agent.id}, 1, 'task', n::text, 0,
        '2026-01-01T00:00:00.123456Z'::timestamptz + (n / 200) * interval '1 millisecond'
      from generate_series(1, 1100) n`;
    const watch = await hear(watched, { agent: agent.id, level: 1, since: new Date(0) });
    expect(watch.names()).toEqual(Array.from({ length: 1_100 }, (_, n) => String(n + 1)));
  });

  it("beyond the number that a connection can hold are left out, and a notice says so", async () => {
    await local.sql`
      insert into mayfly.agents (tenant_id, name, lifetime, expires_at)
      select ${tenant}, 'agent ' || n, '5 minutes', now() + interval '5 minutes' from generate_series(1, 93) n`;
    const watch = await hear(watched, { level: 1 });
    expect(watch.watch.agents).toBe(90);
    expect(watch.problems).toMatchObject([
      { code: "quota_exceeded", details: { quota: "debug_topics", limit: 90 } },
    ]);
  });

  it("record little before the server says that nobody watches", async () => {
    const agent = await spawn({ scopes: debugging });
    let asked = 0;
    for (let n = 0; n < 1_000; n++) agent.debug.thought("early", () => ++asked);
    // The buffer keeps 200 records, and one of them is from the SDK.
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

  it("never contain the secrets that the tools and models of a run get", async () => {
    const secret = `plain ${crypto.randomUUID()}`;
    const agent = await spawn({
      scopes: [...debugging, "job:work", "job:read", "run:read", "cost:write"],
    });
    const watch = await hear(watched, { agent: agent.id, level: 4 });
    agent.debug.task("begin");
    await watch.until(() => watch.names().includes("begin"));
    let used = 0;
    const pay = tool({
      input: z.object({}),
      run: async (_input, context) => {
        if ((await context.secret("bank")) === secret) used++;
        return "paid";
      },
    });
    const payer = defineAgent({
      name: "payer",
      model: async (context) => {
        if ((await context.secret("model")) === secret) used++;
        return scriptedModel((step) =>
          step === 1 ? { calls: [{ tool: "pay", input: {} }] } : "Paid.",
        );
      },
      tools: { pay },
    });
    const work = dataOf(await agent.work(runAgents(payer, { secrets: () => secret })));
    const run = dataOf(await mayfly.runs.start(payer, "Pay."));
    expect(dataOf(await run.result()).output).toBe("Paid.");
    await work.stop();
    await agent.stop("done");
    await watch.until(() => watch.names().includes("stopped"));
    expect(used).toBe(3);
    expect(watch.names()).toContain("job run:payer: ended");
    expect(JSON.stringify(watch.items)).not.toContain(secret);
  });
});
