import { randomUUID } from "node:crypto";
import { type Local, startLocal } from "@mayfly/local";
import { type Agent, Mayfly, type MessageContent } from "@mayfly/sdk";
import type postgres from "postgres";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { dataOf, spawnIn } from "#harness/agents";
import { actAs, makeTenant, serviceRole } from "#harness/callers";
import { openPostgresDatabase, type TestDatabase } from "#harness/database";
import { silent } from "#harness/log";
import { messageTo } from "#harness/messages";
import { databaseUrl } from "#harness/needs";

/**
 * The hosted Realtime reads the write-ahead log, which can have a commit that a new transaction does not
 * see yet. So a broadcast can arrive before its row can be read.
 */
describe.skipIf(!databaseUrl)("a broadcast that arrives before its row is visible", () => {
  let db: TestDatabase;
  let local: Local;
  let tenant: string;
  let mayfly: Mayfly;
  beforeAll(async () => {
    db = await openPostgresDatabase();
    local = await startLocal({ dbUrl: db.url, port: 0, log: silent });
  });
  afterAll(async () => {
    await local?.close();
    await db?.close();
  });
  beforeEach(async () => {
    tenant = await makeTenant(db.sql);
    mayfly = new Mayfly({ url: local.apiUrl, key: local.secretKey, tenant });
  });
  afterEach(() => mayfly.close());

  const headers = () => ({ "x-mayfly-tenant": tenant });

  /** Does the work as the secret key, broadcasts it, runs `meanwhile`, and only then commits. */
  const early = (
    work: (session: postgres.TransactionSql) => Promise<unknown>,
    meanwhile: () => Promise<unknown>,
  ) =>
    actAs(
      db.sql,
      serviceRole,
      async (session) => {
        // A write within a second after the last nudge sends nothing and only stores a due nudge. The spawn
        // has just sent one, so the due nudges are deleted, and the clock moves on.
        await db.sql`delete from mayfly_private.nudges_due where tenant_id = ${tenant}`;
        await db.advance("2 seconds");
        await work(session);
        await session`reset role`;
        const committed = await db.sql`select id from realtime.messages`;
        const told = await session`
          select payload - 'id' as payload, event, topic, private, extension from realtime.messages
          where topic like ${`tenant:${tenant}:%`}
            and id <> all (${committed.map(({ id }) => id as string)}::uuid[])`;
        await db.sql`insert into realtime.messages ${db.sql(told as never)}`;
        // The real server broadcasts once.
        await session`delete from realtime.messages where id <> all (${committed.map(({ id }) => id as string)}::uuid[])`;
        await meanwhile();
      },
      headers(),
    );

  const send =
    (...messages: unknown[]) =>
    (session: postgres.TransactionSql) =>
      session`select mayfly.send_messages(${session.json(messages as never)})`;

  /** Resolves when the agent's next call of the database function `name` has been answered. */
  function answered(agent: Agent, name: string): Promise<unknown> {
    return new Promise((resolve) => {
      const { client } = agent;
      const rpc = client.rpc.bind(client) as (...args: unknown[]) => PromiseLike<unknown>;
      const watched = (...args: unknown[]) => {
        const call = rpc(...args);
        if (args[0] === name) void call.then(resolve);
        return call;
      };
      Object.assign(client, { rpc: watched });
    });
  }

  const listening = (agent: Agent) =>
    vi.waitFor(async () => {
      const rows = await db.sql`
        select from mayfly.inboxes where recipient_id = ${agent.id} and session is not null`;
      expect(rows).toHaveLength(1);
      const topics = agent.client.realtime.getChannels();
      expect(
        topics.some(({ state, topic }) => state === "joined" && topic.includes(agent.id)),
      ).toBe(true);
    }, 30_000);

  it("is acknowledged when the row is there, so the next process does not get the message again", async () => {
    const worker = { registrationKey: "worker", lifetime: 300 };
    const first = await spawnIn(mayfly, worker);
    const handled = vi.fn();
    first.on("info", ({ attempt }) => handled(attempt));
    await listening(first);
    const acknowledgement = answered(first, "acknowledge_messages");
    await early(send(messageTo(first.id)), () => acknowledgement);
    expect(handled.mock.calls).toEqual([[1]]);
    await vi.waitFor(async () => {
      const rows =
        await db.sql`select acknowledged_at from mayfly.deliveries where recipient_id = ${first.id}`;
      expect(rows).toMatchObject([{ acknowledged_at: expect.any(Date) }]);
    }, 30_000);
    await first.close();
    const second = await spawnIn(mayfly, worker);
    second.on("info", ({ attempt }) => handled(attempt));
    // Until the second process listens, the server counts messages as sent to the first one. The second one
    // would then get the message with attempt 2.
    await listening(second);
    dataOf(await second.send(second.id, "info", { text: "the last" }));
    await vi.waitFor(() => expect(handled).toHaveBeenCalledTimes(2), 30_000);
    expect(handled.mock.calls).toEqual([[1], [1]]);
    await second.stop();
  });

  it("is acknowledged even if the process ends before the row is there", async () => {
    const agent = await spawnIn(mayfly, { lifetime: 300 });
    agent.on("info", () => {});
    await listening(agent);
    const acknowledgement = answered(agent, "acknowledge_messages");
    let closing: Promise<unknown> | undefined;
    await early(send(messageTo(agent.id)), async () => {
      await acknowledgement;
      closing = agent.close();
    });
    await closing;
    const rows =
      await db.sql`select acknowledged_at from mayfly.deliveries where recipient_id = ${agent.id}`;
    expect(rows).toMatchObject([{ acknowledged_at: expect.any(Date) }]);
  });

  it("is acknowledged in a channel, even if it is the last of a burst", async () => {
    const agent = await spawnIn(mayfly, { lifetime: 300 });
    dataOf(await mayfly.channels.create({ name: "findings", kind: "two_way" }));
    dataOf(await agent.channels.subscribe("findings"));
    const got: MessageContent[] = [];
    const stop = agent.channels.open("findings").on((message) => void got.push(message));
    await vi.waitFor(() => {
      const topics = agent.client.realtime.getChannels();
      expect(
        topics.some(({ state, topic }) => state === "joined" && topic.endsWith("findings")),
      ).toBe(true);
    }, 30_000);
    const acknowledgement = answered(agent, "acknowledge_channel");
    const burst = [1, 2, 3].map(() => messageTo({ channel: "findings" }));
    await early(send(...burst), () => acknowledgement);
    expect(got.map(({ seq }) => seq)).toEqual([1, 2, 3]);
    await vi.waitFor(async () => {
      const rows =
        await db.sql`select acknowledged from mayfly.channel_subscriptions where tenant_id = ${tenant} and subscriber_id = ${agent.id}`;
      expect(rows).toEqual([{ acknowledged: "3" }]);
    }, 30_000);
    await stop();
    await agent.stop();
  });

  it("makes its reader pull again soon if it has only the number of a message", async () => {
    const agent = await spawnIn(mayfly, { lifetime: 300 });
    const got: MessageContent[] = [];
    agent.on("info", (message) => void got.push(message));
    await listening(agent);
    const text = "x".repeat(70_000);
    await early(send(messageTo(agent.id, { payload: { text } })), () =>
      answered(agent, "pull_inbox"),
    );
    // Without another pull soon, the message would arrive only with the pull that comes every 30 s.
    await vi.waitFor(() => expect(got).toHaveLength(1), 10_000);
    await agent.stop();
  });

  it("reaches a handler that was registered before the row is visible", async () => {
    const agent = await spawnIn(mayfly, { lifetime: 300 });
    const { promise: heard, resolve } = Promise.withResolvers<void>();
    agent.on("mark", () => resolve());
    await listening(agent);
    const got: MessageContent[] = [];
    const id = randomUUID();
    // A marker follows the message. When the marker arrives, the message has been received, and kept
    // because it has no handler.
    await early(
      send(messageTo(agent.id, { id }), messageTo(agent.id, { type: "mark" })),
      async () => {
        await heard;
        const pulled = answered(agent, "pull_inbox");
        agent.on("info", (message) => void got.push(message));
        await pulled;
      },
    );
    await vi.waitFor(() => expect(got.map((message) => message.id)).toEqual([id]), 10_000);
    await agent.stop();
  });

  it("is found by a watch that was nudged", async () => {
    const subjects: (string | null)[] = [];
    const agent = await spawnIn(mayfly, { lifetime: 300 });
    const watch = dataOf(
      await agent.log.watch({ types: ["state.*"] }, ({ events }) => {
        subjects.push(...events.map(({ subject }) => subject));
      }),
    );
    await vi.waitFor(() => {
      const topics = agent.client.realtime.getChannels();
      expect(topics.filter(({ state }) => state === "joined")).toHaveLength(2);
    }, 30_000);
    // Nothing is broadcast until a listener is registered.
    await vi.waitFor(async () => {
      const rows = await db.sql`
        select from mayfly_private.listeners where topic = ${`tenant:${tenant}:log`}`;
      expect(rows).toHaveLength(1);
    }, 10_000);
    await early(
      (session) => session`select mayfly.set_state('plan', '{"step": 1}')`,
      () => new Promise((resolve) => setTimeout(resolve, 70)),
    );
    await vi.waitFor(() => expect(subjects).toHaveLength(1), 10_000);
    await watch.stop();
    await agent.stop();
  });

  it("takes effect at once if it sets debug levels, and later records are kept", async () => {
    const agent = await spawnIn(mayfly, { lifetime: 300 });
    const asked = answered(agent, "debug_level");
    agent.debug.task("nobody keeps it");
    await asked;
    await early(
      (session) => session`select mayfly.set_debug(persist => true, level => 4)`,
      async () => {
        await vi.waitFor(() => expect(agent.debug.level("task")).toBe(4), 30_000);
        const appended = answered(agent, "append_debug");
        agent.debug.task("keep it");
        await appended;
      },
    );
    await vi.waitFor(async () => {
      const rows = await db.sql`select name from mayfly.debug_records where agent_id = ${agent.id}`;
      expect(rows.map(({ name }) => name)).toContain("keep it");
    }, 30_000);
    await agent.stop();
  });
});
