import { randomUUID } from "node:crypto";
import { describe, expect, it } from "vitest";
import {
  codeOf,
  inTenant,
  makeAgent,
  makePerson,
  makeTenant,
  refusalOf,
  rpc,
  serviceRole,
} from "#harness/callers";
import { messageTo } from "#harness/messages";
import { acknowledge, ada, bob, db, eventsOf, open, pull, send, setUp, tenant } from "./inboxes.ts";

setUp();

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

  it("can also acknowledge what the sender has handled: the call does both or nothing", async () => {
    await send(ada.claims, messageTo(bob.id), messageTo(bob.id));
    const session = await open(bob);
    const sendWith = (to: string, seqs: number[]) =>
      rpc<unknown>(db.sql, bob.claims, "send_messages", {
        messages: [messageTo(to)] as never,
        acknowledge: seqs,
      });
    expect(await codeOf(sendWith(randomUUID(), [1]))).toBe("recipient_unknown");
    expect((await pull(bob, session)).messages).toHaveLength(2);
    expect(await sendWith(ada.id, [1, 9])).toMatchObject({
      sent: [{ recipients: 1 }],
      acknowledged: 1,
      unseen: [9],
    });
    expect((await pull(bob, session)).messages.map(({ seq }) => seq)).toEqual([2]);
    expect(await sendWith(ada.id, [])).toMatchObject({ sent: [{ recipients: 1 }], unseen: [] });
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

  it("works from and to people, and from the secret key", async () => {
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

  it("sends nothing if one message of a call is invalid, and says which one it is", async () => {
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
    // The same id is free in another tenant, so a refusal reveals nothing about other tenants.
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

  it("needs the scope, and counts as writes of the tenant", async () => {
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

  it("appears in the log, only for the recipient if there is one", async () => {
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
