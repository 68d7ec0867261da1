import type { LogEvent } from "@mayfly/sdk";
import postgres from "postgres";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { dataOf } from "#harness/agents";
import { inTenant, makeAgent, rpc, serviceRole } from "#harness/callers";
import { listOf } from "#harness/live";

type TopicListener = Parameters<Ways["transport"]["join"]>[2];

import { databases, type Ways } from "#harness/transports";

describe.each(databases)("without Realtime, on $name,", ({ open, name }) => {
  let ways: Ways;
  let at: Awaited<ReturnType<Ways["enter"]>>;
  beforeAll(async () => {
    ways = await open();
  });
  afterAll(() => ways?.close());
  beforeEach(async () => {
    at = await ways.enter();
  });
  afterEach(async () => {
    expect(
      [at.direct, ...agents.splice(0)].filter(({ client }) => client.realtime.isConnected()),
    ).toEqual([]);
  });
  const agents: { client: typeof at.direct.client }[] = [];
  const join = (token: string, topic: string, listener: TopicListener) =>
    ways.transport.join(
      { key: ways.local.publishableKey, token: async () => token },
      topic,
      listener,
    );
  const spawn = async () => {
    const agent = dataOf(await at.direct.spawn({ lifetime: 300 }));
    agents.push(agent);
    return agent;
  };

  it("a watch gets what is written, with one pull for a nudge", async () => {
    const { http, direct } = at;
    const heard = listOf<LogEvent>();
    dataOf(
      await direct.log.watch({ types: ["state.changed"], pollMs: 600_000 }, ({ events }) => {
        for (const event of events) heard.take(event);
      }),
    );
    for (let n = 1; n <= 3; n++) {
      dataOf(await http.state.set("count", n));
      await heard.until(() => heard.items.length >= n);
    }
    expect(heard.items.map(({ type }) => type)).toEqual(Array(3).fill("state.changed"));
  });

  it("messages arrive, even one that is too large for NOTIFY", async () => {
    const [reader, writer] = [await spawn(), await spawn()];
    const heard = listOf<number>();
    reader.on("text", ({ payload }) => heard.take((payload as { text: string }).text.length));
    for (const length of [10, 30_000, 20])
      dataOf(await writer.send({ agent: reader.id }, "text", { text: "x".repeat(length) }));
    await heard.until(() => heard.items.length === 3);
    expect(heard.items).toEqual([10, 30_000, 20]);
  });

  it("a worker that sleeps is woken, and Realtime broadcasts nothing for it", async () => {
    const worker = await spawn();
    const ran = listOf<number>();
    const work = dataOf(
      await worker.work(
        { count: ({ n }: { n: number }) => void ran.take(n) },
        { pollMs: 600_000, drainOnTermination: false },
      ),
    );
    const sleeping = () => ways.sql`
      select from mayfly_private.job_workers where tenant_id = ${at.tenant} and until > now()`;
    for (const n of [1, 2]) {
      await expect.poll(async () => (await sleeping()).length, { timeout: 20_000 }).toBe(1);
      dataOf(await at.http.jobs.add("count", { n }));
      await ran.until(() => ran.items.length === n);
    }
    const topic = `tenant:${at.tenant}:jobs`;
    expect(await ways.sql`select from realtime.messages where topic = ${topic}`).toHaveLength(0);
    await expect.poll(async () => (await sleeping()).length, { timeout: 20_000 }).toBe(1);
    await work.stop();
    expect(await sleeping()).toHaveLength(0);
    // Each job was sent to the worker when it was added, so no claim started it.
    expect(
      await ways.sql`
      select from mayfly.finished_jobs where tenant_id = ${at.tenant} and started_at = created_at`,
    ).toHaveLength(2);
  });

  it("an agent learns at once that it was stopped", async () => {
    const { id, claims } = await makeAgent(ways.sql, at.tenant);
    const heard = listOf<unknown>();
    const topic = join(await ways.sign(claims), `tenant:${at.tenant}:agent:${id}`, {
      onMessage: (event, payload) => heard.take({ event, payload }),
    });
    dataOf((await topic?.ready) ?? { data: null, error: null });
    dataOf(await at.http.agents.stop(id, "enough"));
    await heard.until(() => heard.items.length > 0);
    expect(heard.items[0]).toEqual({
      event: "control",
      payload: { status: "stopped", reason: "enough" },
    });
    await topic?.leave();
  });

  it("a worker is woken for a job", async () => {
    const agent = await spawn();
    const done = listOf<unknown>();
    dataOf(await agent.work({ add: async ({ input }) => done.take(input) }));
    dataOf(await at.http.jobs.add("add", { n: 1 }));
    await done.until(() => done.items.length === 1);
  });

  it("a caller without the scope is told so, and gets nothing that it may not read", async () => {
    const { claims } = await makeAgent(ways.sql, at.tenant, { scopes: ["message:send"] });
    const refused = listOf<string>();
    const topic = join(await ways.sign(claims), `tenant:${at.tenant}:log`, {
      onError: ({ code }) => refused.take(code),
    });
    await refused.until(() => refused.items.length > 0);
    expect(refused.items[0]).toBe("not_authorized");
    expect(topic?.joined).toBe(false);
    await topic?.leave();
  });

  it("a listener gets no notification without a lease", async () => {
    const raw = postgres(ways.local.dbUrl, { max: 1, onnotice: () => {} });
    const heard = listOf<string>();
    await raw.listen(`mayfly:${at.tenant}`, heard.take);
    const write = (n: number) =>
      rpc(ways.sql, serviceRole, "set_state", { key: "n", value: n }, inTenant(at.tenant));
    const lease = () => rpc(ways.sql, serviceRole, "listen", { log: true }, inTenant(at.tenant));
    await lease();
    await write(1);
    await raw`select mayfly_private.listen_by_postgres(array[${at.tenant}]::uuid[])`;
    // A write within a second after the last nudge would send nothing and only store a due nudge, so the
    // clock moves on.
    await ways.advance("2 seconds");
    await write(2);
    await heard.until(() => heard.items.length > 0);
    expect(heard.items.map((text) => JSON.parse(text))).toEqual([
      { topic: `tenant:${at.tenant}:log`, event: "log_appended", payload: {} },
    ]);
    await raw.end();
  });

  it.skipIf(name === "PGlite")("a lost connection is renewed, and nothing is missed", async () => {
    const { http, direct } = at;
    const heard = listOf<LogEvent>();
    dataOf(
      await direct.log.watch({ types: ["state.changed"], pollMs: 600_000 }, ({ events }) => {
        for (const event of events) heard.take(event);
      }),
    );
    dataOf(await http.state.set("count", 1));
    await heard.until(() => heard.items.length === 1);
    await ways.sql`select pg_terminate_backend(pid) from pg_stat_activity
      where application_name = 'mayfly' and query ilike 'listen%' and datname = current_database()`;
    dataOf(await http.state.set("count", 2));
    await heard.until(() => heard.items.length === 2);
  });
});
