import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import {
  actAs,
  type Claims,
  codeOf,
  inTenant,
  makeAgent,
  makePerson,
  makeTenant,
  refusalOf,
  rpc,
  type SpawnedAgent,
  serviceRole,
} from "#harness/callers";
import { openTestDatabase, type TestDatabase } from "#harness/database";
import { inspect } from "#harness/inspect";
import { messageTo, type SentMessage } from "#harness/messages";

interface Pulled {
  messages: (SentMessage & { seq: number; attempt: number; sender_id: string })[];
  up_to: number;
  last_seq: number;
  more: boolean;
}

let db: TestDatabase;
let tenant: string;
let ada: SpawnedAgent;
let bob: SpawnedAgent;
beforeAll(async () => {
  db = await openTestDatabase();
});
afterAll(() => db.close());
beforeEach(async () => {
  tenant = await makeTenant(db.sql);
  ada = await makeAgent(db.sql, tenant, { lifetime: 600 });
  bob = await makeAgent(db.sql, tenant, { lifetime: 600 });
});

const send = (claims: Claims, ...messages: unknown[]) =>
  rpc<{ id: string; recipients?: number }[]>(db.sql, claims, "send_messages", {
    messages: messages as never,
  });
const open = async (who: { claims: Claims }) => {
  const session = randomUUID();
  await rpc(db.sql, who.claims, "open_inbox", { session });
  return session;
};
const pull = (who: { claims: Claims }, session: string, after = 0, page_limit = 100) =>
  rpc<Pulled>(db.sql, who.claims, "pull_inbox", { session, after, page_limit });
const acknowledge = (who: { claims: Claims }, seqs: number[]) =>
  rpc<{ acknowledged: number; unseen: number[] }>(db.sql, who.claims, "acknowledge_messages", {
    seqs,
  });
/** What was broadcast to a topic of the tenant. */
const broadcasts = async (topic: string, event = "message") => {
  const rows = await db.sql`select payload from realtime.messages
    where topic = ${`tenant:${tenant}:${topic}`} and event = ${event} order by inserted_at, id`;
  return rows.map((row) => row.payload as Record<string, unknown>);
};
const eventsOf = async (claims: Claims) => {
  const rows = await actAs(
    db.sql,
    claims,
    (session) =>
      session`select type, agent_id, subject, audience from mayfly.events where type like 'message.%' order by xid, id`,
  );
  return rows.map((row) => ({ ...row }));
};

describe("sending messages", () => {
  it("puts each into the inbox of its recipient, numbered, stamped with its sender", async () => {
    const sent = [
      messageTo(bob.id, { payload: { n: 1 }, priority: "high", correlation_id: "c" }),
      messageTo(bob.id, { payload: { n: 2 } }),
    ];
    expect(await send(ada.claims, ...sent)).toEqual([
      { id: sent[0]?.id, recipients: 1 },
      { id: sent[1]?.id, recipients: 1 },
    ]);
    const page = await pull(bob, await open(bob));
    expect(page).toMatchObject({ up_to: 2, last_seq: 2, more: false });
    expect(page.messages).toMatchObject([
      {
        seq: 1,
        attempt: 1,
        id: sent[0]?.id,
        sender_id: ada.id,
        sender_kind: "agent",
        to: { agent: bob.id },
        type: "info",
        payload: { n: 1 },
        priority: "high",
        correlation_id: "c",
        reply_to: null,
        reply_required: false,
        attachments: [],
      },
      { seq: 2, payload: { n: 2 }, priority: "normal" },
    ]);
  });

  it("reaches all, a type, a role, a capability: every living agent but the sender", async () => {
    const owner = await makePerson(db.sql, { [tenant]: "owner" });
    await rpc(db.sql, owner, "define_agent_type", {
      name: "critic",
      role: "Reviewer",
      capabilities: ["review"],
    });
    const critic = await makeAgent(db.sql, tenant, { type: "critic" });
    const rested = await makeAgent(db.sql, tenant, { type: "critic" });
    await rpc(db.sql, rested.claims, "suspend_agent");
    const dead = await makeAgent(db.sql, tenant, { type: "critic" });
    await rpc(db.sql, dead.claims, "stop_agent");
    const reached = async (to: Record<string, unknown>, by = ada.claims) => {
      const message = messageTo(to);
      const [result] = await send(by, message);
      const rows = await db.sql`
        select recipient_id from mayfly.deliveries where message_id = ${message.id}`;
      expect(rows.length).toBe(result?.recipients);
      return rows.map((row) => row.recipient_id as string).sort();
    };
    expect(await reached({ all: true })).toEqual([bob.id, critic.id, rested.id].sort());
    for (const to of [{ type: "critic" }, { role: "Reviewer" }, { capability: "review" }])
      expect(await reached(to)).toEqual([critic.id, rested.id].sort());
    expect(await reached({ type: "critic" }, critic.claims)).toEqual([rested.id]);
    for (const to of [{ type: "none" }, { role: "none" }, { capability: "none" }])
      expect(await codeOf(send(ada.claims, messageTo(to)))).toBe("no_recipient");
  });

  it("reaches people, and comes from them and from the secret key", async () => {
    const person = await makePerson(db.sql, { [tenant]: "member" });
    const id = String(person.sub);
    await send(ada.claims, messageTo(id, { payload: { to: "person" } }));
    await send(person, messageTo(ada.id));
    await rpc(
      db.sql,
      serviceRole,
      "send_messages",
      { messages: [messageTo(ada.id)] as never },
      inTenant(tenant),
    );
    const theirs = await pull({ claims: person }, await open({ claims: person }));
    expect(theirs.messages).toMatchObject([{ payload: { to: "person" } }]);
    expect((await pull(ada, await open(ada))).messages).toMatchObject([
      { sender_id: id, sender_kind: "person" },
      { sender_id: null, sender_kind: "service" },
    ]);
    expect(
      await codeOf(
        rpc(db.sql, serviceRole, "open_inbox", { session: randomUUID() }, inTenant(tenant)),
      ),
    ).toBe("no_inbox");
  });

  it("sends nothing of a call in which one is bad, and says which", async () => {
    const good = messageTo(bob.id);
    const other = await makeTenant(db.sql);
    const stranger = await makeAgent(db.sql, other);
    const dead = await makeAgent(db.sql, tenant);
    await rpc(db.sql, dead.claims, "stop_agent");
    const cases: [Record<string, unknown>, string, string][] = [
      [messageTo(stranger.id), "recipient_unknown", "to"],
      [messageTo(randomUUID()), "recipient_unknown", "to"],
      [messageTo(dead.id), "recipient_not_alive", "to"],
      [messageTo({ channel: "none" }), "channel_unknown", "to"],
      [messageTo({ nobody: true }), "invalid_request", "to"],
      [messageTo({ all: true, agent: bob.id }), "invalid_request", "to"],
      [messageTo({ type: 5 }), "invalid_request", "to"],
      [messageTo(bob.id, { id: "x" }), "invalid_request", "id"],
      [{ ...good, payload: {} }, "invalid_request", "id"],
      [messageTo(bob.id, { type: "Bad Type" }), "invalid_request", "type"],
      [messageTo(bob.id, { payload: [] }), "invalid_request", "payload"],
      [messageTo(bob.id, { payload: { x: "x".repeat(262_144) } }), "invalid_request", "payload"],
      [
        messageTo(bob.id, { payload: JSON.parse(`${'{"a":'.repeat(40)}1${"}".repeat(40)}`) }),
        "invalid_request",
        "payload",
      ],
      [messageTo(bob.id, { priority: "top" }), "invalid_request", "priority"],
      [messageTo(bob.id, { deadline: "soon" }), "invalid_request", "deadline"],
      [messageTo(bob.id, { reply_to: 1 }), "invalid_request", "reply_to"],
      [messageTo(bob.id, { correlation_id: "" }), "invalid_request", "correlation_id"],
      [messageTo(bob.id, { reply_required: "yes" }), "invalid_request", "reply_required"],
      [messageTo(bob.id, { attachments: [{ name: "x" }] }), "invalid_request", "attachments"],
      [messageTo(bob.id, { sender_id: bob.id }), "invalid_request", "sender_id"],
    ];
    for (const [bad, code, field] of cases)
      expect(
        await refusalOf(send(ada.claims, good, bad)),
        JSON.stringify(bad).slice(0, 200),
      ).toEqual(expect.objectContaining({ code, details: { index: 1, field } }));
    for (const whole of [[], {}, null, Array(101).fill(good), "x"])
      expect(
        await codeOf(rpc(db.sql, ada.claims, "send_messages", { messages: whole as never })),
      ).toBe("invalid_request");
    const [row] =
      await db.sql`select count(*)::int from mayfly.messages where tenant_id = ${tenant}`;
    expect(row?.count).toBe(0);
    const [box] =
      await db.sql`select count(*)::int from mayfly.inboxes where tenant_id = ${tenant}`;
    expect(box?.count).toBe(0);
  });

  it("sends a message of the same id once, and refuses it to another sender", async () => {
    const message = messageTo(bob.id);
    const first = await send(ada.claims, message);
    const next = messageTo(bob.id);
    expect(await send(ada.claims, next, message)).toEqual([
      { id: next.id, recipients: 1 },
      ...first,
    ]);
    expect((await pull(bob, await open(bob))).messages.map(({ id }) => id)).toEqual([
      message.id,
      next.id,
    ]);
    expect(await codeOf(send(bob.claims, { ...message, to: { agent: ada.id } }))).toBe(
      "message_id_taken",
    );
    // Of another tenant it says nothing.
    const other = await makeTenant(db.sql);
    const [a, b] = [await makeAgent(db.sql, other), await makeAgent(db.sql, other)];
    expect(await send(a.claims, { ...message, to: { agent: b.id } })).toEqual([
      { id: message.id, recipients: 1 },
    ]);
    const old = `${(Date.now() - 8 * 86_400_000)
      .toString(16)
      .padStart(12, "0")
      .replace(/^(.{8})/, "$1-")}-7000-8000-000000000001`;
    expect(await codeOf(send(ada.claims, messageTo(bob.id, { id: old })))).toBe("op_expired");
  });

  it("is for those who have the scope, and within the tenant's writes", async () => {
    const viewer = await makePerson(db.sql, { [tenant]: "viewer" });
    expect(await codeOf(send(viewer, messageTo(bob.id)))).toBe("scope_missing");
    const mute = await makeAgent(db.sql, tenant, { scopes: ["message:read"] });
    expect(await codeOf(send(mute.claims, messageTo(bob.id)))).toBe("scope_missing");
    await db.sql`update mayfly.tenants set writes_per_minute = 1000 where id = ${tenant}`;
    await db.sql`update mayfly_private.tenant_usage set writes = 999, minute = date_trunc('minute', clock_timestamp())
      where tenant_id = ${tenant} and shard = 0`;
    expect(await codeOf(send(ada.claims, messageTo(bob.id), messageTo(bob.id)))).toBe(
      "rate_limited",
    );
  });

  it("tells the log, the recipient alone when it is one", async () => {
    const admin = await makePerson(db.sql, { [tenant]: "admin" });
    const eve = await makeAgent(db.sql, tenant);
    const [one, all] = [messageTo(bob.id), messageTo({ all: true })];
    await send(ada.claims, one, all);
    await acknowledge(bob, [1]);
    const toOne = { type: "message.sent", agent_id: ada.id, subject: one.id, audience: bob.id };
    const toAll = { type: "message.sent", agent_id: ada.id, subject: all.id, audience: null };
    const handled = {
      type: "message.acknowledged",
      agent_id: bob.id,
      subject: one.id,
      audience: ada.id,
    };
    expect(await eventsOf(bob.claims)).toEqual(expect.arrayContaining([toOne, toAll]));
    expect(await eventsOf(ada.claims)).toEqual([toAll, handled]);
    expect(await eventsOf(eve.claims)).toEqual([toAll]);
    expect((await eventsOf(admin)).length).toBe(3);
  });
});

describe("an inbox", () => {
  it("gives what waits in order, page by page, until it is acknowledged", async () => {
    const sent = Array.from({ length: 7 }, (_, n) => messageTo(bob.id, { payload: { n } }));
    await send(ada.claims, ...sent);
    const session = await open(bob);
    const first = await pull(bob, session, 0, 3);
    expect(first.messages.map(({ seq }) => seq)).toEqual([1, 2, 3]);
    expect(first).toMatchObject({ up_to: 3, last_seq: 7, more: true });
    const rest = await pull(bob, session, first.up_to);
    expect(rest.messages.map(({ seq }) => seq)).toEqual([4, 5, 6, 7]);
    expect(await acknowledge(bob, [1, 2, 5])).toEqual({ acknowledged: 3, unseen: [] });
    expect(await acknowledge(bob, [1, 99, 2, 5, 98, 99])).toEqual({
      acknowledged: 0,
      unseen: [98, 99],
    });
    expect((await pull(bob, session)).messages.map(({ seq }) => seq)).toEqual([3, 4, 6, 7]);
    const again = randomUUID();
    expect(await rpc(db.sql, bob.claims, "open_inbox", { session: again })).toEqual({
      topic: `tenant:${tenant}:agent:${bob.id}`,
      last_seq: 7,
      acknowledged: 2,
    });
    // Another reader got them before: they may have been handled.
    expect((await pull(bob, again)).messages.map(({ attempt }) => attempt)).toEqual([2, 2, 2, 2]);
    expect((await pull(bob, again)).messages.map(({ attempt }) => attempt)).toEqual([2, 2, 2, 2]);
    // Nobody else acknowledges for it.
    expect((await acknowledge(ada, [3])).acknowledged).toBe(0);
  });

  it("is read by one session at a time", async () => {
    const first = await open(bob);
    const second = await open(bob);
    expect(await codeOf(pull(bob, first))).toBe("inbox_taken");
    expect((await pull(bob, second)).messages).toEqual([]);
    expect(await codeOf(pull(ada, second))).toBe("inbox_taken");
  });

  it("gives nothing past its deadline", async () => {
    await send(
      ada.claims,
      messageTo(bob.id, { deadline: new Date(Date.now() - 1000).toISOString() }),
      messageTo(bob.id, { deadline: new Date(Date.now() + 60_000).toISOString() }),
    );
    const page = await pull(bob, await open(bob));
    expect(page.messages.map(({ seq }) => seq)).toEqual([2]);
    expect(page).toMatchObject({ up_to: 2, more: false });
  });

  it("holds pages to about 1 MB", async () => {
    const text = "x".repeat(200_000);
    for (let n = 0; n < 4; n++)
      await send(
        ada.claims,
        ...Array.from({ length: 3 }, () => messageTo(bob.id, { payload: { text } })),
      );
    const session = await open(bob);
    const sizes: number[] = [];
    for (let page = await pull(bob, session); ; page = await pull(bob, session, page.up_to)) {
      sizes.push(page.messages.length);
      if (!page.more) break;
    }
    expect(Math.max(...sizes)).toBeLessThanOrEqual(6);
    expect(sizes.reduce((sum, size) => sum + size)).toBe(12);
  });

  it("hears a message whole while a session listens, and nothing otherwise", async () => {
    const topic = `agent:${bob.id}`;
    await send(ada.claims, messageTo(bob.id));
    expect(await broadcasts(topic)).toEqual([]);
    expect(await broadcasts(topic, "log_appended")).toEqual([]);
    await rpc(db.sql, bob.claims, "listen", { log: true });
    await send(bob.claims, messageTo(bob.id));
    expect((await broadcasts(topic, "log_appended")).length).toBe(1);
    await acknowledge(bob, [1, 2]);
    const session = await open(bob);
    const message = messageTo(bob.id, { payload: { n: 1 } });
    await send(ada.claims, message);
    await send(ada.claims, messageTo(bob.id, { payload: { text: "x".repeat(70_000) } }));
    const heard = await broadcasts(topic);
    expect(heard[0]).toMatchObject({
      seq: 3,
      attempt: 1,
      session,
      id: message.id,
      type: "info",
      sender_id: ada.id,
      payload: { n: 1 },
    });
    expect(heard[1]).toEqual({ seq: 4, attempt: 1, session, id: expect.any(String) });
    expect((await pull(bob, session)).messages.map(({ attempt }) => attempt)).toEqual([1, 1]);
  });

  it("shows a message to its sender, its recipients and admins, and to nobody else", async () => {
    const message = messageTo(bob.id);
    await send(ada.claims, message);
    const eve = await makeAgent(db.sql, tenant);
    const [admin, member] = [
      await makePerson(db.sql, { [tenant]: "admin" }),
      await makePerson(db.sql, { [tenant]: "member" }),
    ];
    const sees = async (claims: Claims) => {
      const rows = await actAs(db.sql, claims, async (session) => [
        (await session`select from mayfly.messages where id = ${message.id}`).length,
        (await session`select from mayfly.deliveries where message_id = ${message.id}`).length,
        (await session`select from mayfly.inboxes where recipient_id = ${bob.id}`).length,
      ]);
      return rows.join();
    };
    expect(await sees(ada.claims)).toBe("1,1,0");
    expect(await sees(bob.claims)).toBe("1,1,1");
    expect(await sees(admin)).toBe("1,1,1");
    for (const claims of [eve.claims, member]) expect(await sees(claims)).toBe("0,0,0");
  });
});

describe("old messages", () => {
  it("go after 7 days when all have acknowledged them, else with the log", async () => {
    const [handled, half, late, young] = [
      messageTo(bob.id),
      messageTo({ all: true }),
      messageTo(bob.id, { deadline: new Date().toISOString() }),
      messageTo(bob.id),
    ];
    await makeAgent(db.sql, tenant);
    await send(ada.claims, handled, half, late, young);
    await acknowledge(bob, [1, 2, 4]);
    const age = (days: number) =>
      db.sql`update mayfly.messages set sent_at = now() - make_interval(days => ${days})
        where tenant_id = ${tenant} and id <> ${young.id}`;
    const maintain = async () => {
      for (;;) {
        const { more } = await rpc<{ more: boolean }>(db.sql, ada.claims, "maintain", {
          max_rows: 2,
        });
        if (!more) break;
      }
      const rows = await db.sql`select id from mayfly.messages where tenant_id = ${tenant}`;
      return rows.map((row) => row.id).sort();
    };
    await age(8);
    expect(await maintain()).toEqual([half.id, young.id].sort());
    await age(31);
    expect(await maintain()).toEqual([young.id]);
    const [row] =
      await db.sql`select count(*)::int from mayfly.deliveries where tenant_id = ${tenant}`;
    expect(row?.count).toBe(1);
  });
});

describe("the query messages.sql", () => {
  it("shows what waits in each inbox and channel, and how often it was handed out", async () => {
    const maker = await makeAgent(db.sql, tenant, {
      name: "maker",
      scopes: ["channel:write", "message:send", "message:read"],
    });
    await rpc(db.sql, maker.claims, "create_channel", { name: "talk" });
    await rpc(db.sql, maker.claims, "subscribe_channel", { name: "talk" });
    await send(ada.claims, messageTo(maker.id), messageTo(maker.id, { type: "tick" }));
    await send(maker.claims, messageTo({ channel: "talk" }));
    for (const _ of [1, 2]) await pull(maker, await open(maker));
    await acknowledge(maker, [1]);
    const rows = await inspect(db.sql, "messages");
    const [row] = await db.sql`select name from mayfly.tenants where id = ${tenant}`;
    expect(rows.filter((one) => one.tenant === row?.name)).toMatchObject([
      { kind: "agent", name: "maker", status: "running", messages: "2", waiting: "1", again: "1" },
      { kind: "two_way channel", name: "talk", messages: "1", waiting: "1" },
    ]);
  });
});
