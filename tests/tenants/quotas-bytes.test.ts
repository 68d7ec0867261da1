import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  type Claims,
  codeOf,
  inTenant,
  makeAgent,
  makePerson,
  makeTenant,
  refusalOf,
  rpc,
  serviceRole,
} from "#harness/callers";
import { openTestDatabase, type TestDatabase } from "#harness/database";
import { messageTo } from "#harness/messages";
import { deleteOf, putOf, updateOf } from "#harness/operations";
import { fillTenant } from "#harness/sweep";
import { withinAMinute } from "#harness/usage";

const scopes = [
  "memory:read",
  "memory:write",
  "message:read",
  "message:send",
  "channel:write",
  "debug:write",
  "state:write",
];
const full = { code: "quota_exceeded", details: { quota: "bytes" } };

let db: TestDatabase;
beforeAll(async () => {
  db = await openTestDatabase();
});
afterAll(() => db.close());

const makeWriter = async (limits: Record<string, unknown> = {}) => {
  const tenant = await makeTenant(db.sql, limits);
  const admin = await makePerson(db.sql, { [tenant]: "admin" });
  return { tenant, admin, ...(await makeAgent(db.sql, tenant, { scopes, lifetime: 600 })) };
};
const call = <T = Record<string, unknown>>(
  claims: Claims,
  name: string,
  values: Record<string, unknown> = {},
) => rpc<T>(db.sql, claims, name, values);
const usageOf = (claims: Claims) =>
  call<{ bytes: number; writes_this_minute: number }>(claims, "usage");
const bytesOf = async (claims: Claims) => (await usageOf(claims)).bytes;
const writesOf = async (claims: Claims) => (await usageOf(claims)).writes_this_minute;
const send = (claims: Claims, ...messages: unknown[]) =>
  call(claims, "send_messages", { messages: messages as never });
const payload = { text: "x".repeat(100_000) };
/** Expects the counters to match the rows. */
const expectCounted = async (tenant: string, claims: Claims) => {
  const counted = await bytesOf(claims);
  await db.sql`select mayfly_private.recount_usage(${tenant})`;
  expect(await bytesOf(claims)).toBe(counted);
};

describe("the quota of bytes for everything except memories", () => {
  it("counts messages and their deliveries, refuses what exceeds it, and frees what is deleted", async () => {
    const { tenant, id, claims, admin } = await makeWriter({ max_bytes: 1_000_000 });
    const before = await bytesOf(claims);
    await send(claims, messageTo(id, { payload }));
    const one = (await bytesOf(claims)) - before;
    expect(one).toBeGreaterThan(100_000 + 512 + 160);
    expect(one).toBeLessThan(101_500);
    for (let n = 0; n < 8; n++) await send(claims, messageTo(id, { payload }));
    expect(await refusalOf(send(claims, messageTo(id, { payload })))).toMatchObject(full);
    await expectCounted(tenant, claims);

    const again = messageTo(id, { payload: {} });
    await send(claims, again);
    const stored = await bytesOf(claims);
    await send(claims, again);
    expect(await bytesOf(claims)).toBe(stored);

    await db.advance("40 days");
    await call(admin, "maintain");
    expect(await bytesOf(admin)).toBe(before + "lifetime ended".length);
    const next = await makeAgent(db.sql, tenant);
    await send(next.claims, messageTo(next.id, { payload }));
  });

  it("counts a message to many recipients once, and each of its deliveries", async () => {
    const { tenant, claims } = await makeWriter();
    for (let n = 0; n < 3; n++) await makeAgent(db.sql, tenant, { type: "scout" });
    const before = await bytesOf(claims);
    await send(claims, messageTo({ type: "scout" }, { payload }));
    const more = (await bytesOf(claims)) - before;
    expect(more).toBeGreaterThan(100_000 + 512 + 3 * 160);
    expect(more).toBeLessThan(102_000);
    await expectCounted(tenant, claims);
  });

  it("counts the messages of channels, and frees them with the channel", async () => {
    const { tenant, claims } = await makeWriter({ max_bytes: 1_000_000 });
    const before = await bytesOf(claims);
    await call(claims, "create_channel", { name: "news" });
    await call(claims, "subscribe_channel", { name: "news" });
    for (let n = 0; n < 9; n++) await send(claims, messageTo({ channel: "news" }, { payload }));
    expect(
      await refusalOf(send(claims, messageTo({ channel: "news" }, { payload }))),
    ).toMatchObject(full);
    await expectCounted(tenant, claims);
    await call(claims, "delete_channel", { name: "news" });
    expect(await bytesOf(claims)).toBe(before);
    await expectCounted(tenant, claims);
  });

  it("counts every version of a type of agents", async () => {
    const { tenant, admin } = await makeWriter({ max_bytes: 1_000_000 });
    const define = (letter: string) =>
      call(admin, "define_agent_type", { name: "scout", prompt: letter.repeat(90_000) });
    for (const letter of "abcdefghijk") await define(letter);
    await define("k");
    await expectCounted(tenant, admin);
    expect(await refusalOf(define("z"))).toMatchObject(full);
  });

  it("counts what agents write about themselves, and lets a full tenant spawn, stop and forget", async () => {
    const { tenant, admin, claims } = await makeWriter();
    const before = await bytesOf(admin);
    const metadata = { text: "x".repeat(16_000) };
    const spawn = (more: Record<string, unknown> = {}) =>
      call<{ agent: { id: string }; claims: Claims }>(admin, "spawn_agent", more);
    const large = await spawn({ metadata, registration_key: "k".repeat(200) });
    expect((await bytesOf(admin)) - before).toBeGreaterThan(16_200);
    const task = "é".repeat(2000);
    await call(large.claims, "heartbeat", { task });
    expect((await bytesOf(admin)) - before).toBeGreaterThan(20_200);
    await expectCounted(tenant, admin);

    const put = putOf();
    const push = (operation: unknown) =>
      call(claims, "sync", { push: [operation] as never, page_limit: 0 });
    await push(put);
    await db.sql`update mayfly.tenants set max_bytes = 0 where id = ${tenant}`;
    expect(await refusalOf(spawn({ metadata }))).toMatchObject(full);
    const small = await spawn();
    expect(await codeOf(call(small.claims, "heartbeat", { task }))).toBe("quota_exceeded");
    await call(small.claims, "heartbeat", { activity: "thinking" });
    await call(large.claims, "heartbeat", { task: "" });
    await call(admin, "stop_agent", { id: large.agent.id, reason: "r".repeat(500) });
    await db.advance("1 hour");
    await call(admin, "maintain");
    const [row] = await db.sql`
      select status from mayfly.agents where tenant_id = ${tenant} and id = ${small.agent.id}`;
    expect(row?.status).toBe("expired");
    await call(admin, "sync", { push: [deleteOf(put.memory.id)] as never, page_limit: 0 });
    await expectCounted(tenant, admin);
  });

  it("counts the clocks of a memory's fields", async () => {
    const { tenant, claims } = await makeWriter();
    const put = putOf();
    const push = (...operations: unknown[]) =>
      call(claims, "sync", { push: operations as never, page_limit: 0 });
    await push(put);
    const before = await bytesOf(claims);
    await push(updateOf(put.memory.id, { reward: 1, success: true, tokens: 5 }));
    expect((await bytesOf(claims)) - before).toBeGreaterThan(3 * 25);
    await expectCounted(tenant, claims);
    await push(deleteOf(put.memory.id));
    expect(await bytesOf(claims)).toBeLessThan(before);
  });

  it("is the sum of all tables for a tenant with a row in each", async () => {
    const { tenant, owner } = await fillTenant(db.sql);
    await expectCounted(tenant, owner);
  });

  it("includes every table: each says what its rows are charged, or what else limits them", async () => {
    const left = await db.sql`
      select c.oid::regclass::text as name from pg_class c
      join pg_attribute a on a.attrelid = c.oid and a.attname = 'tenant_id'
      where c.relnamespace in ('mayfly'::regnamespace, 'mayfly_private'::regnamespace) and c.relkind = 'r'
        and not exists (select from mayfly_private.charges r where r.relation = c.oid::regclass::text) order by 1`;
    expect(
      left.map((row) => row.name),
      "register it in the charges.sql of its room",
    ).toEqual([]);
    const metered = await db.sql`
      select distinct t.tgrelid::regclass::text as name from pg_trigger t
      where t.tgfoid = 'mayfly_private.meter_rows'::regproc order by 1`;
    const charged =
      await db.sql`select relation from mayfly_private.charges where flat is not null order by 1`;
    expect(metered.map((row) => row.name)).toEqual(charged.map((row) => row.relation));
  });
});

describe("the rate of writes for rows that are inserted and deleted again", () => {
  const loops: Record<string, (who: { claims: Claims; admin: Claims }) => Promise<number>> = {
    "a channel": async ({ claims }) => {
      await call(claims, "create_channel", { name: "loop" });
      await call(claims, "delete_channel", { name: "loop" });
      return 1;
    },
    "a subscription": async ({ claims }) => {
      await call(claims, "subscribe_channel", { name: "kept" });
      await call(claims, "unsubscribe_channel", { name: "kept" });
      return 1;
    },
    "a memory": async ({ claims }) => {
      const put = putOf();
      for (const operation of [put, deleteOf(put.memory.id)])
        await call(claims, "sync", { push: [operation] as never, page_limit: 0 });
      return 2;
    },
    "a type": async ({ admin }) => {
      await call(admin, "define_agent_type", { name: "scout", prompt: randomUUID() });
      return 1;
    },
    "an invitation": async ({ admin }) => {
      await call(admin, "invite_member", { role: "viewer" });
      return 1;
    },
    "an enrolment key": async ({ admin }) => {
      await call(admin, "create_enrolment_key", { name: "loop" });
      return 1;
    },
    "a channel's description": async ({ claims }) => {
      await call(claims, "update_channel", { name: "kept", description: "x" });
      return 1;
    },
  };

  it.each(Object.entries(loops))("counts %s", async (_what, turn) => {
    const writer = await makeWriter();
    await call(writer.claims, "create_channel", { name: "kept" });
    await withinAMinute(db, async () => {
      const before = await writesOf(writer.claims);
      const each = await turn(writer);
      await turn(writer);
      expect((await writesOf(writer.claims)) - before).toBe(2 * each);
    });
    await db.sql`
      update mayfly_private.tenant_usage set minute = date_trunc('minute', mayfly_private.now()), writes = 100000
      where tenant_id = ${writer.tenant} and shard = 0`;
    expect(await codeOf(turn(writer))).toBe("rate_limited");
    await rpc(db.sql, serviceRole, "maintain", {}, inTenant(writer.tenant));
  });
});
