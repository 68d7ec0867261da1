import { randomUUID } from "node:crypto";
import { describe, expect, it } from "vitest";
import { actAs, type Claims, codeOf, makeAgent, makePerson, rpc } from "#harness/callers";
import { inspect } from "#harness/inspect";
import { messageTo } from "#harness/messages";
import {
  acknowledge,
  ada,
  bob,
  broadcasts,
  db,
  open,
  pull,
  send,
  setUp,
  tenant,
} from "./inboxes.ts";

setUp();

describe("an inbox", () => {
  it("returns waiting messages in order, page by page, until they are acknowledged", async () => {
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
    // Another reader got them before, so they may have been handled.
    expect((await pull(bob, again)).messages.map(({ attempt }) => attempt)).toEqual([2, 2, 2, 2]);
    expect((await pull(bob, again)).messages.map(({ attempt }) => attempt)).toEqual([2, 2, 2, 2]);
    // Another agent cannot acknowledge these messages.
    expect((await acknowledge(ada, [3])).acknowledged).toBe(0);
  });

  it("is read by one session at a time", async () => {
    const first = await open(bob);
    const second = await open(bob);
    expect(await codeOf(pull(bob, first))).toBe("inbox_taken");
    expect((await pull(bob, second)).messages).toEqual([]);
    expect(await codeOf(pull(ada, second))).toBe("inbox_taken");
  });

  it("returns no message after its deadline", async () => {
    await send(
      ada.claims,
      messageTo(bob.id, { deadline: new Date(Date.now() - 1000).toISOString() }),
      messageTo(bob.id, { deadline: new Date(Date.now() + 60_000).toISOString() }),
    );
    const page = await pull(bob, await open(bob));
    expect(page.messages.map(({ seq }) => seq)).toEqual([2]);
    expect(page).toMatchObject({ up_to: 2, more: false });
  });

  it("returns pages of about 1 MB", async () => {
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

  it("broadcasts messages in full to a session that listens, and broadcasts nothing otherwise", async () => {
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

  it("of a stopped agent gets none of the broadcasts that were due", async () => {
    for (const who of [ada, bob]) {
      await open(who);
      await rpc(db.sql, who.claims, "listen", { log: true });
      await db.sql`insert into mayfly_private.nudges_due (tenant_id, topic, event, seq)
        select ${tenant}, ${`tenant:${tenant}:agent:${who.id}`}, e, 1 from unnest(array['message', 'log_appended']) e`;
    }
    await rpc(db.sql, bob.claims, "stop_agent");
    await db.sql`select mayfly_private.flush_nudges()`;
    const heard = (id: string) =>
      Promise.all(["message", "log_appended"].map((event) => broadcasts(`agent:${id}`, event)));
    expect(await heard(ada.id)).toMatchObject([[{ seq: 1 }], [{}]]);
    expect(await heard(bob.id)).toEqual([[], []]);
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
  it("are deleted after 7 days if everyone acknowledged them, otherwise with the log", async () => {
    const [handled, half, late] = [
      messageTo(bob.id),
      messageTo({ all: true }),
      messageTo(bob.id, { deadline: new Date().toISOString() }),
    ] as const;
    await makeAgent(db.sql, tenant);
    const owner = await makePerson(db.sql, { [tenant]: "owner" });
    await send(ada.claims, handled, half, late);
    await acknowledge(bob, [1, 2]);
    const maintain = async () => {
      for (;;) {
        const { more } = await rpc<{ more: boolean }>(db.sql, owner, "maintain", { max_rows: 2 });
        if (!more) break;
      }
      const rows = await db.sql`select id from mayfly.messages where tenant_id = ${tenant}`;
      return rows.map((row) => row.id).sort();
    };
    await db.advance("8 days");
    const carl = await makeAgent(db.sql, tenant);
    const young = messageTo(carl.id);
    await send(carl.claims, young);
    expect(await maintain()).toEqual([half.id, young.id].sort());
    await db.advance("23 days");
    expect(await maintain()).toEqual([young.id]);
    const [row] =
      await db.sql`select count(*)::int from mayfly.deliveries where tenant_id = ${tenant}`;
    expect(row?.count).toBe(1);
  });
});

describe("the query messages.sql", () => {
  it("shows what waits in each inbox and channel, and how often it was delivered", async () => {
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
