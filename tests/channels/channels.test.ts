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
import { messageTo } from "#harness/messages";

interface Page {
  messages: { seq: number; id: string; payload: Record<string, unknown> }[];
  last_seq: number;
  acknowledged: number | null;
  more: boolean;
}

let db: TestDatabase;
let tenant: string;
let creator: SpawnedAgent;
let other: SpawnedAgent;
const scopes = ["message:read", "message:send", "memory:read"];
beforeAll(async () => {
  db = await openTestDatabase();
});
afterAll(() => db.close());
beforeEach(async () => {
  tenant = await makeTenant(db.sql);
  creator = await makeAgent(db.sql, tenant, { scopes: [...scopes, "channel:write"] });
  other = await makeAgent(db.sql, tenant, { scopes });
});

const call = <T>(who: { claims: Claims }, name: string, values: Record<string, unknown>) =>
  rpc<T>(db.sql, who.claims, name, values);
const create = (name: string, kind: string, publishers: string[] = []) =>
  call<{ id: string }>(creator, "create_channel", { name, kind, publishers });
const publish = (
  who: { claims: Claims },
  channel: string,
  ...payloads: Record<string, unknown>[]
) =>
  call<{ id: string; seq: number }[]>(who, "send_messages", {
    messages: payloads.map((payload) => messageTo({ channel }, { payload })) as never,
  });
const read = (who: { claims: Claims }, name: string, after = 0, page_limit = 100) =>
  call<Page>(who, "read_channel", { name, after, page_limit });

describe("a channel", () => {
  it("that is one_way lets its creator and publishers publish, and its subscribers read", async () => {
    const publisher = await makeAgent(db.sql, tenant, { scopes });
    await create("news", "one_way", [publisher.id]);
    expect(await publish(creator, "news", { n: 1 })).toMatchObject([{ seq: 1 }]);
    expect(await publish(publisher, "news", { n: 2 }, { n: 3 })).toMatchObject([
      { seq: 2 },
      { seq: 3 },
    ]);
    expect(await codeOf(read(other, "news"))).toBe("not_subscribed");
    await call(other, "subscribe_channel", { name: "news" });
    expect((await read(other, "news")).messages.map(({ payload }) => payload.n)).toEqual([1, 2, 3]);
    expect(await codeOf(publish(other, "news", {}))).toBe("not_publisher");
    await call(creator, "update_channel", { name: "news", publishers: [] });
    expect(await codeOf(publish(publisher, "news", {}))).toBe("not_publisher");
  });

  it("that is two_way lets its subscribers do both", async () => {
    await create("talk", "two_way");
    expect(await codeOf(publish(other, "talk", {}))).toBe("not_publisher");
    await call(other, "subscribe_channel", { name: "talk" });
    await publish(other, "talk", { n: 1 });
    await publish(creator, "talk", { n: 2 });
    expect((await read(creator, "talk")).last_seq).toBe(2);
    expect(await call(other, "unsubscribe_channel", { name: "talk" })).toBe(true);
    expect(await call(other, "unsubscribe_channel", { name: "talk" })).toBe(false);
    expect(await codeOf(publish(other, "talk", {}))).toBe("not_publisher");
    expect(await codeOf(read(other, "talk"))).toBe("not_subscribed");
  });

  it("of kind broadcast lets the whole tenant read, and only its creator and publishers publish", async () => {
    await create("all", "broadcast");
    await publish(creator, "all", { n: 1 });
    const viewer = { claims: await makePerson(db.sql, { [tenant]: "viewer" }) };
    for (const who of [other, viewer]) {
      expect(await read(who, "all")).toMatchObject({ last_seq: 1, acknowledged: null });
      expect(await codeOf(publish(who, "all", {}))).not.toBe("23505");
    }
    expect(await codeOf(publish(other, "all", {}))).toBe("not_publisher");
    expect(await codeOf(publish(viewer, "all", {}))).toBe("scope_missing");
    const stranger = await makeAgent(db.sql, await makeTenant(db.sql), { scopes });
    expect(await codeOf(read(stranger, "all"))).toBe("channel_unknown");
    expect(await codeOf(publish(stranger, "all", {}))).toBe("channel_unknown");
    const mute = await makeAgent(db.sql, tenant, { scopes: ["message:send"] });
    expect(await codeOf(read(mute, "all"))).toBe("scope_missing");
  });

  it("can be read again from any number, page by page, and reports the reader's position", async () => {
    await create("log", "two_way");
    await publish(creator, "log", { n: 1 }, { n: 2 });
    await call(other, "subscribe_channel", { name: "log" });
    await publish(creator, "log", { n: 3 }, { n: 4 });
    const first = await read(other, "log", 1, 2);
    expect(first.messages.map(({ seq }) => seq)).toEqual([2, 3]);
    expect(first).toMatchObject({ last_seq: 4, acknowledged: 2, more: true });
    expect((await read(other, "log", 3)).messages.map(({ seq }) => seq)).toEqual([4]);
    expect(await call(other, "acknowledge_channel", { name: "log", seq: 3 })).toBe(3);
    expect(await call(other, "acknowledge_channel", { name: "log", seq: 1 })).toBe(3);
    expect(await call(other, "acknowledge_channel", { name: "log", seq: 99 })).toBe(4);
    expect(await codeOf(call(creator, "acknowledge_channel", { name: "log", seq: 1 }))).toBe(
      "not_subscribed",
    );
    const late = await makeAgent(db.sql, tenant, { scopes });
    await call(late, "subscribe_channel", { name: "log", acknowledged: 0 });
    expect(await call(creator, "channel_statistics", { name: "log" })).toMatchObject({
      name: "log",
      kind: "two_way",
      last_seq: 4,
      messages: 4,
      bytes: 4 * '{"n": 1}'.length,
      last_minute: 4,
      senders: 1,
      subscribers: [
        { id: late.id, acknowledged: 0, lag: 4 },
        { id: other.id, acknowledged: 4, lag: 0 },
      ],
    });
  });

  it("is broadcast in full to its topic while somebody listens", async () => {
    await create("live", "broadcast");
    const topic = `tenant:${tenant}:channel:live`;
    await publish(creator, "live", { n: 0 });
    expect(await db.sql`select from realtime.messages where topic = ${topic}`).toHaveLength(0);
    expect(await call(other, "listen", { channels: ["live", "none"] })).toMatchObject({
      channels: { live: 1 },
    });
    const [sent] = await publish(creator, "live", { n: 1 });
    const rows = await db.sql`select payload from realtime.messages
      where topic = ${topic} and event = 'message'`;
    expect(rows.map((row) => row.payload)).toMatchObject([
      { seq: 2, id: sent?.id, sender_id: creator.id, payload: { n: 1 } },
    ]);
  });

  it("is changed and deleted only by its creator and by admins, with an event in the log", async () => {
    const { id } = await create("mine", "two_way");
    const meddler = await makeAgent(db.sql, tenant, { scopes: [...scopes, "channel:write"] });
    const admin = { claims: await makePerson(db.sql, { [tenant]: "admin" }) };
    for (const name of ["update_channel", "delete_channel"]) {
      const refusal = await refusalOf(call(meddler, name, { name: "mine" }));
      expect(refusal).toMatchObject({ code: "scope_missing", details: { scope: "message:admin" } });
    }
    await call(admin, "update_channel", { name: "mine", description: "ours" });
    await call(other, "subscribe_channel", { name: "mine" });
    await call(other, "unsubscribe_channel", { name: "mine" });
    await publish(creator, "mine", { n: 1 });
    expect(await call(creator, "delete_channel", { name: "mine" })).toEqual({ deleted: id });
    expect(await codeOf(read(creator, "mine"))).toBe("channel_unknown");
    const rows = await actAs(
      db.sql,
      creator.claims,
      (session) =>
        session`select type, agent_id, fields from mayfly.events where subject = ${id} order by xid, id`,
    );
    expect(rows.map((row) => [row.type, row.agent_id, row.fields])).toEqual([
      ["channel.created", creator.id, null],
      ["channel.updated", null, ["description"]],
      ["channel.subscribed", other.id, null],
      ["channel.unsubscribed", other.id, null],
      ["channel.deleted", null, null],
    ]);
    const [left] =
      await db.sql`select count(*)::int from mayfly.messages where tenant_id = ${tenant}`;
    expect(left?.count).toBe(0);
  });

  it("needs a valid name, kind and publishers, and a unique name", async () => {
    await create("taken", "two_way");
    const stranger = await makeAgent(db.sql, await makeTenant(db.sql));
    const cases: [Record<string, unknown>, string][] = [
      [{ name: "taken" }, "channel_exists"],
      [{ name: "Not Good" }, "invalid_request"],
      [{ name: "a", kind: "three_way" }, "invalid_request"],
      [{ name: "a", description: "x".repeat(2001) }, "invalid_request"],
      [{ name: "a", publishers: [stranger.id] }, "recipient_unknown"],
      [{ name: "a", publishers: [randomUUID()] }, "recipient_unknown"],
    ];
    for (const [values, code] of cases)
      expect(await codeOf(call(creator, "create_channel", values)), JSON.stringify(values)).toBe(
        code,
      );
    expect(await codeOf(call(other, "create_channel", { name: "a" }))).toBe("scope_missing");
    expect(
      await codeOf(
        rpc(db.sql, serviceRole, "subscribe_channel", { name: "taken" }, inTenant(tenant)),
      ),
    ).toBe("no_inbox");
    const [row] = await db.sql`
      select count(*)::int from mayfly.channels where tenant_id = ${tenant} and name = 'a'`;
    expect(row?.count).toBe(0);
  });
});
