import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import {
  inTenant,
  makeAgent,
  makeTenant,
  rpc,
  type SpawnedAgent,
  serviceRole,
} from "#harness/callers";
import { openTestDatabase, type TestDatabase } from "#harness/database";
import { messageTo } from "#harness/messages";
import { putOf } from "#harness/operations";

let db: TestDatabase;
let tenant: string;
let agent: SpawnedAgent;
beforeAll(async () => {
  db = await openTestDatabase();
  // Stops the clock, so that on a slow machine no window of a second ends, and no flusher counts as gone after 5 s.
  await db.freeze();
});
afterAll(() => db.close());
beforeEach(async () => {
  tenant = await makeTenant(db.sql, { writes_per_minute: 100_000 });
  agent = await makeAgent(db.sql, tenant, { lifetime: 600 });
  await db.sql`delete from mayfly_private.nudges_due`;
  await db.sql`delete from realtime.messages`;
});

const flush = async () => {
  const [row] = await db.sql`select mayfly_private.flush_nudges() as told`;
  return row?.told as number;
};
const due = async () =>
  (await db.sql`select topic, event from mayfly_private.nudges_due where tenant_id = ${tenant}`)
    .length;
const put = (by = agent, fields = {}) =>
  rpc(db.sql, by.claims, "sync", { push: [putOf(fields)] as never, page_limit: 0 });
const listen = (by = agent, more: Record<string, unknown> = {}) =>
  rpc(db.sql, by.claims, "listen", { log: true, ...more });
/** The broadcasts, by the end of their topic, in order. */
const told = async (of = tenant) => {
  const rows = await db.sql`
    select topic, event, payload from realtime.messages where topic like ${`tenant:${of}:%`} order by inserted_at, id`;
  return rows.map((row) => ({
    topic: (row.topic as string).slice(`tenant:${of}:`.length),
    event: row.event as string,
    payload: row.payload as Record<string, unknown>,
  }));
};
const topics = async (of = tenant) => (await told(of)).map(({ topic }) => topic);
const open = (by = agent) => rpc(db.sql, by.claims, "open_inbox", { session: randomUUID() });
const send = (by: SpawnedAgent, ...messages: unknown[]) =>
  rpc(db.sql, by.claims, "send_messages", { messages: messages as never });

describe("nudges with a flusher", () => {
  beforeEach(flush);

  it("are sent twice for a hundred writes in a window: for the first one and for all others", async () => {
    await listen();
    for (let n = 0; n < 100; n++) await put();
    expect(await topics()).toEqual(["log"]);
    expect(await due()).toBe(99);
    expect(await flush()).toBe(1);
    expect(await due()).toBe(0);
    expect(await topics()).toEqual(["log", "log"]);
    // No nudge is sent twice. In the next window, the first nudge is again sent at once.
    expect(await flush()).toBe(0);
    await db.advance("2 seconds");
    await put();
    await put();
    expect(await topics()).toEqual(["log", "log", "log"]);
    expect(await due()).toBe(1);
  });

  it("about an event for one agent are sent to people who watch, and to no other agent", async () => {
    const other = await makeAgent(db.sql, tenant);
    await listen(other);
    await send(other, messageTo(agent.id));
    await flush();
    expect(await topics()).not.toContain("people");
    await db.sql`delete from realtime.messages`;
    await rpc(db.sql, serviceRole, "listen", { log: true }, inTenant(tenant));
    await send(other, messageTo(agent.id));
    expect(await topics()).toEqual(["people"]);
    // The other nudges of the window become due. A recipient whose inbox is open gets the message itself.
    await open();
    await send(other, messageTo(agent.id));
    await flush();
    expect((await topics()).filter((topic) => topic !== `agent:${agent.id}`)).toEqual([
      "people",
      "people",
    ]);
  });

  it("are due exactly when their data is committed", async () => {
    await listen();
    await put();
    const failed = db.sql.begin(async (session) => {
      await session`insert into mayfly.memories (tenant_id, id, task) values (${tenant}, ${randomUUID()}, 'aborted')`;
      throw new Error("aborted");
    });
    await expect(failed).rejects.toThrow("aborted");
    expect(await due()).toBe(0);
    await put();
    expect(await due()).toBe(1);
  });

  it("are not sent if nobody listens, or when the lease is over", async () => {
    await put();
    expect(await due()).toBe(1);
    expect(await flush()).toBe(0);
    expect(await due()).toBe(0);
    await listen();
    await db.advance("61 seconds");
    await flush();
    await put();
    expect(await due()).toBe(1);
    await flush();
    expect(await told()).toEqual([]);
  });

  it("reach a listener that joined while the transaction was open", async () => {
    await put();
    await listen();
    expect(await flush()).toBe(1);
    expect(await topics()).toEqual(["log"]);
  });

  it("for one agent go to its inbox topic, which its lease of the log covers", async () => {
    await listen();
    await put(agent, { visibility: "agent" });
    await flush();
    expect(await topics()).toEqual([`agent:${agent.id}`]);
  });

  it("of a quiet tenant go out in the first flush, although another tenant has thousands", async () => {
    const [row] = await db.sql`select announce_rate from mayfly_private.settings`;
    const rate = row?.announce_rate as number;
    const flooding = await makeTenant(db.sql);
    await db.sql`
      with flood as (select format('tenant:%s:channel:c%s', ${flooding}::text, n) as topic from generate_series(1, 500) n),
        heard as (
          insert into mayfly_private.listeners (tenant_id, topic, until)
          select ${flooding}, topic, mayfly_private.now() + interval '1 minute' from flood)
      insert into mayfly_private.nudges_due (tenant_id, topic, event, seq)
      select ${flooding}, topic, 'message', n from flood, generate_series(1, 10) n`;
    await put();
    await listen();
    expect(await flush()).toBe(rate + 1);
    expect(await topics()).toEqual(["log"]);
    const flood = await told(flooding);
    expect(flood).toHaveLength(rate);
    expect(new Set(flood.map(({ payload }) => payload.seq))).toEqual(new Set([10]));
  });

  it("are sent one by one again if nobody has flushed for 5 s", async () => {
    await listen();
    await db.advance("6 seconds");
    for (let n = 0; n < 3; n++) await put();
    expect(await topics()).toEqual(["log", "log", "log"]);
    expect(await due()).toBe(0);
  });

  it("that were left when the flusher stopped are sent by the next call of listen", async () => {
    await put();
    expect(await due()).toBe(1);
    await db.advance("6 seconds");
    await listen();
    expect(await topics()).toEqual(["log"]);
    expect(await due()).toBe(0);
  });
});

describe("the announcements for a tenant", () => {
  beforeEach(flush);

  it("are at most 50 broadcasts a second, and then one number for each inbox", async () => {
    await open();
    const flood = (n: number) =>
      send(agent, ...Array.from({ length: n }, () => messageTo(agent.id)));
    await flood(100);
    const first = await told();
    expect(first).toHaveLength(50);
    const numbers = first.map(({ payload }) => payload.seq as number);
    expect(numbers.toSorted((a, b) => a - b)).toEqual(first.map((_, n) => n + 1));
    expect(await flush()).toBe(1);
    expect((await told()).at(-1)).toMatchObject({
      topic: `agent:${agent.id}`,
      event: "message",
      payload: { seq: 100 },
    });
    // For any number of calls: 50 in each second.
    for (let n = 0; n < 20; n++) await flood(20);
    expect(await told()).toHaveLength(51);
    await db.advance("1 second");
    for (let n = 0; n < 5; n++) await flood(20);
    expect(await told()).toHaveLength(101);
  });

  it("are sent at once and in full below the rate", async () => {
    const other = await makeAgent(db.sql, tenant);
    await flush();
    await open();
    const message = messageTo(agent.id, { payload: { n: 1 } });
    await send(other, message);
    expect(await told()).toMatchObject([
      { topic: `agent:${agent.id}`, event: "message", payload: { seq: 1, id: message.id } },
    ]);
    expect(await flush()).toBe(0);
  });

  it("of ends and debug levels are limited too, and what is left is sent in its latest form", async () => {
    await db.sql`update mayfly_private.settings set announce_rate = 2`;
    try {
      const children: SpawnedAgent[] = [];
      const parent = await makeAgent(db.sql, tenant, { scopes: ["agent:spawn", "debug:write"] });
      for (let n = 0; n < 4; n++)
        children.push(
          await makeAgent(db.sql, tenant, { as: parent.claims, scopes: ["debug:write"] }),
        );
      for (const child of children) await rpc(db.sql, child.claims, "debug_level");
      const named = { "x-mayfly-tenant": tenant };
      await rpc(db.sql, serviceRole, "lease_debug", { level: 3 }, named);
      for (let n = 0; n < 3; n++) await flush();
      const levels = (await told()).filter(({ event }) => event === "debug_level");
      expect(new Set(levels.map(({ topic }) => topic))).toEqual(
        new Set(children.map(({ id }) => `agent:${id}`)),
      );
      for (const { payload } of levels) expect(payload.levels).toMatchObject({ task: 3 });

      await db.sql`delete from realtime.messages`;
      await rpc(db.sql, serviceRole, "stop_agent", { id: parent.id, reason: "enough" }, named);
      expect((await told()).length).toBeLessThanOrEqual(2);
      for (let n = 0; n < 4; n++) await flush();
      const ends = await told();
      expect(ends.map(({ topic }) => topic).sort()).toEqual(
        [parent, ...children].map(({ id }) => `agent:${id}`).sort(),
      );
      for (const { event, payload } of ends) {
        expect(event).toBe("control");
        expect(payload.status).toBe("stopped");
      }
      expect(ends.find(({ topic }) => topic.endsWith(parent.id))?.payload.reason).toBe("enough");
    } finally {
      await db.sql`update mayfly_private.settings set announce_rate = 50`;
    }
  });
});

describe("listen", () => {
  it("returns the newest numbers of what the caller may read, and leases nothing else", async () => {
    const owner = await makeAgent(db.sql, tenant, {
      scopes: ["channel:write", "message:send", "message:read", "memory:write", "memory:read"],
    });
    await rpc(db.sql, owner.claims, "create_channel", { name: "open", kind: "broadcast" });
    await rpc(db.sql, owner.claims, "create_channel", { name: "closed", kind: "two_way" });
    await send(owner, messageTo({ channel: "open" }), messageTo(agent.id), messageTo(agent.id));
    const channels = ["open", "closed", "unknown"];
    const before = await listen(agent, { channels });
    expect(before).toMatchObject({ seconds: 60, inbox: 2, channels: { open: 1 } });
    const leased =
      await db.sql`select topic from mayfly_private.listeners where tenant_id = ${tenant} order by 1`;
    expect(leased.map(({ topic }) => topic)).toEqual(
      [`agent:${agent.id}`, "channel:open", "log"].map((topic) => `tenant:${tenant}:${topic}`),
    );
    // Events for another audience do not change what this one gets.
    await put(owner, { visibility: "agent" });
    expect(await listen(agent, { channels })).toEqual(before);
    await put(owner);
    expect((await listen(agent)).log).toBeGreaterThan(before.log as number);

    const bare = await makeAgent(db.sql, tenant, { scopes: [] });
    expect(await listen(bare, { channels })).toEqual({
      seconds: 60,
      log: null,
      inbox: null,
      channels: {},
    });
  });

  it("records losses, which the installation reports", async () => {
    await listen(agent, { lost: 2 });
    const { broadcasts } = await rpc<{ broadcasts: Record<string, unknown> }>(
      db.sql,
      serviceRole,
      "installation",
    );
    expect(broadcasts.lost).toEqual({ tenants: 1, at: expect.any(String) });
  });
});
