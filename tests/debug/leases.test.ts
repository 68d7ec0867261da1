import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import {
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
import { storedBy, withinAMinute } from "#harness/usage";

interface Levels {
  levels: Record<string, number>;
  seconds: number;
  persist: number;
  max_records_per_minute: number;
}

let db: TestDatabase;
let tenant: string;
let agent: SpawnedAgent;
let member: Claims;
beforeAll(async () => {
  db = await openTestDatabase();
});
afterAll(() => db.close());
beforeEach(enter);

async function enter(): Promise<void> {
  tenant = await makeTenant(db.sql, { max_lifetime: "1 day" });
  agent = await makeAgent(db.sql, tenant, { scopes: ["debug:write"], lifetime: 80_000 });
  member = await makePerson(db.sql, { [tenant]: "member" });
}

const lease = (values: Record<string, unknown>, as = member) =>
  rpc<{ lease: string; seconds: number; agents: number }>(db.sql, as, "lease_debug", values);
const levels = (as = agent.claims) => rpc<Levels>(db.sql, as, "debug_level");
const setDebug = (values: Record<string, unknown>) =>
  rpc(db.sql, serviceRole, "set_debug", values, inTenant(tenant));
const recordOf = (more: Record<string, unknown> = {}) => ({
  id: randomUUID(),
  level: 1,
  category: "task",
  name: "began",
  at: new Date().toISOString(),
  ...more,
});
const append = (records: unknown, dropped = 0, as = agent.claims) =>
  rpc<Levels & { stored: number }>(db.sql, as, "append_debug", {
    records: records as never,
    dropped,
  });
/** The broadcasts that the agent got on the topic of its inbox. */
const told = (id = agent.id) => db.sql`
  select payload - 'id' as payload from realtime.messages
  where topic = ${`tenant:${tenant}:agent:${id}`} and event = 'debug_level' order by inserted_at, id`;

describe("a lease of a debug stream", () => {
  it("gives the agent the highest level of each category that anyone has leased", async () => {
    expect(await levels()).toEqual({
      levels: {},
      seconds: 0,
      all: false,
      sends_per_second: 10,
      persist: 0,
      max_records_per_minute: 600,
    });
    await lease({ level: 2, for_agent: agent.id, categories: ["tool", "error"] });
    await lease({ level: 4, categories: ["tool"] });
    const now = await levels();
    expect(now.levels).toEqual({ tool: 4, error: 2 });
    expect(now.seconds).toBeGreaterThan(50);
    await lease({ level: 1 });
    const { levels: all } = await levels();
    expect(all).toMatchObject({ tool: 4, error: 2, lifecycle: 1, thought: 1 });
    expect(Object.keys(all)).toHaveLength(9);
  });

  it("notifies only agents that listen, as soon as it changes", async () => {
    const deaf = await makeAgent(db.sql, tenant, { scopes: ["debug:write"] });
    const other = await makeAgent(db.sql, tenant, { scopes: ["debug:write"] });
    expect((await lease({ level: 2 })).agents).toBe(0);
    await levels();
    await levels(other.claims);
    expect((await lease({ level: 3, for_agent: agent.id })).agents).toBe(1);
    expect((await told()).at(-1)?.payload).toMatchObject({ levels: { tool: 3 }, persist: 0 });
    expect((await lease({ level: 1 })).agents).toBe(2);
    await rpc(db.sql, serviceRole, "stop_agent", { id: other.id }, inTenant(tenant));
    expect((await lease({ level: 1 })).agents).toBe(1);
    expect((await told(deaf.id)).length).toBe(0);
  });

  it("shares the rate among the agents that are watched and their watchers", async () => {
    const rate = async () =>
      ((await levels()) as unknown as { sends_per_second: number }).sends_per_second;
    await lease({ level: 1, for_agent: agent.id });
    expect(await rate()).toBe(10);
    for (let n = 0; n < 4; n++) {
      const { claims } = await makeAgent(db.sql, tenant, { scopes: ["debug:write"] });
      await levels(claims);
    }
    await lease({ level: 1 });
    // Five agents share 50 messages a second, and each record counts for two watchers and the sender.
    expect(await rate()).toBe(3.33);
  });

  it("is renewed and changed by its id, and ends when it is released", async () => {
    await levels();
    const first = await lease({ level: 4, seconds: 5 });
    await lease({ level: 2, lease: first.lease, categories: ["error"] });
    const now = await levels();
    expect(now.levels).toEqual({ error: 2 });
    expect(now.seconds).toBeGreaterThan(50);
    const second = await lease({ level: 1, categories: ["task"] });
    expect(second.lease).not.toBe(first.lease);
    const release = (id: string, as = member) => rpc(db.sql, as, "release_debug", { lease: id });
    const another = await makePerson(db.sql, { [tenant]: "member" });
    expect(await release(first.lease, another)).toEqual({ released: false, agents: 0 });
    expect(await codeOf(lease({ level: 1, lease: first.lease }, another))).toBe("invalid_request");
    expect(await release(first.lease)).toEqual({ released: true, agents: 1 });
    expect((await told()).at(-1)?.payload).toMatchObject({ levels: { task: 1 } });
    expect(await release(first.lease)).toEqual({ released: false, agents: 0 });
  });

  it("ends without being released", async () => {
    await lease({ level: 4 });
    await db.advance("61 seconds");
    expect(await levels()).toMatchObject({ levels: {}, seconds: 0 });
    await lease({ level: 1, categories: ["task"] });
    const rows = await db.sql`select from mayfly_private.debug_leases where tenant_id = ${tenant}`;
    expect(rows.length).toBe(1);
  });

  it("is limited to 200 for a tenant", async () => {
    await db.sql`
      insert into mayfly_private.debug_leases (tenant_id, id, level, expires_at)
      select ${tenant}, gen_random_uuid(), 1, mayfly_private.now() + interval '1 minute' from generate_series(1, 199)`;
    const { lease: id } = await lease({ level: 1 });
    expect(await refusalOf(lease({ level: 1 }))).toMatchObject({
      code: "rate_limited",
      details: { limit: 200 },
    });
    await lease({ level: 2, lease: id });
  });

  it.each([
    [{ level: 0 }, "level"],
    [{ level: 5 }, "level"],
    [{ level: 1, seconds: 61 }, "seconds"],
    [{ level: 1, categories: ["gossip"] }, "categories"],
    [{ level: 1, categories: [] }, "categories"],
  ])("with %j is refused", async (values, field) => {
    expect(await refusalOf(lease(values))).toMatchObject({
      code: "invalid_request",
      details: { field },
    });
  });

  it("is refused to viewers, and for agents of other tenants", async () => {
    const viewer = await makePerson(db.sql, { [tenant]: "viewer" });
    expect(await codeOf(lease({ level: 1 }, viewer))).toBe("scope_missing");
    const stranger = await makePerson(db.sql, { [await makeTenant(db.sql)]: "owner" });
    await levels();
    const tell = (id: string) => refusalOf(lease({ level: 1, for_agent: id }, stranger));
    expect(await tell(agent.id)).toMatchObject({ code: "agent_unknown" });
    expect(await tell(agent.id)).toEqual(await tell(randomUUID()));
    expect((await lease({ level: 4 }, stranger)).agents).toBe(0);
    expect((await levels()).levels).toEqual({});
    expect((await told()).length).toBe(0);
  });
});

describe("debug records", () => {
  it("are stored only if a setting of the tenant says so, up to the level in that setting", async () => {
    expect(await append([recordOf()])).toMatchObject({ stored: 0, persist: 0 });
    await levels();
    expect(await setDebug({ persist: true, level: 2 })).toMatchObject({
      persist: true,
      level: 2,
      keep: 604_800,
    });
    expect((await told()).at(-1)?.payload).toMatchObject({ persist: 2 });
    const record = recordOf({ data: { file: "a" }, duration_ms: 12.5 });
    const batch = [record, recordOf({ level: 3 }), recordOf({ level: 2, category: "tool" })];
    expect(await append(batch, 7)).toMatchObject({ stored: 2, persist: 2 });
    expect((await append(batch, 7)).stored).toBe(0);
    const rows = await db.sql`
      select id, level, category, name, data, duration_ms, dropped, agent_id from mayfly.debug_records
      where tenant_id = ${tenant} order by level`;
    expect([...rows]).toMatchObject([
      { id: record.id, data: { file: "a" }, duration_ms: 12.5, dropped: 7, agent_id: agent.id },
      { level: 2, category: "tool", data: null, dropped: 0 },
    ]);
  });

  it("are refused over the budget of each agent, as a whole batch", async () => {
    await setDebug({ persist: true, max_records_per_minute: 3 });
    await db.freeze();
    await append([recordOf(), recordOf()]);
    expect(await refusalOf(append([recordOf(), recordOf()]))).toMatchObject({
      code: "rate_limited",
      details: { quota: "max_records_per_minute", limit: 3, retry_after: expect.any(Number) },
    });
    await append([recordOf()]);
    const other = await makeAgent(db.sql, tenant, { scopes: ["debug:write"] });
    await append([recordOf(), recordOf()], 0, other.claims);
    const [row] =
      await db.sql`select count(*)::int from mayfly.debug_records where tenant_id = ${tenant}`;
    expect(row?.count).toBe(5);
    await db.thaw();
  });

  it("are charged as writes and bytes", () =>
    withinAMinute(db, async () => {
      await enter();
      await setDebug({ persist: true });
      const { bytes } = await storedBy(db.sql, agent.claims);
      await append([recordOf(), recordOf()]);
      const usage = await rpc(db.sql, agent.claims, "usage");
      expect(usage).toMatchObject({ bytes: bytes + 2 * 256, writes_this_minute: 2 });
      await db.sql`select mayfly_private.recount_usage(${tenant})`;
      expect(await storedBy(db.sql, agent.claims)).toEqual({ memories: 0, bytes: bytes + 2 * 256 });
    }));

  it.each([
    [[recordOf({ level: 0 })], "level"],
    [[recordOf({ level: "1" })], "level"],
    [[recordOf(), recordOf({ category: "gossip" })], "category"],
    [[recordOf({ name: "" })], "name"],
    [[recordOf({ at: "now" })], "at"],
    [[recordOf({ id: "1" })], "id"],
    [[recordOf({ duration_ms: -1 })], "duration_ms"],
    [[recordOf({ agent_id: randomUUID() })], null],
    [["text"], null],
    ["text", "records"],
    [Array.from({ length: 101 }, () => recordOf()), "records"],
    [[recordOf({ data: "x".repeat(262_144) })], "records"],
  ])("are refused when they are invalid: %#", async (records, field) => {
    expect(await refusalOf(append(records))).toMatchObject({
      code: "invalid_request",
      details: { field },
    });
  });

  it("are written only by their own agent, and read with debug:read", async () => {
    await setDebug({ persist: true });
    const owner = await makePerson(db.sql, { [tenant]: "owner" });
    expect(await codeOf(append([recordOf()], 0, owner))).toBe("not_authorized");
    expect(await codeOf(levels(owner))).toBe("not_authorized");
    const bare = await makeAgent(db.sql, tenant, { scopes: [] });
    expect(await codeOf(append([recordOf()], 0, bare.claims))).toBe("scope_missing");
    expect(await codeOf(rpc(db.sql, member, "set_debug", { persist: false }))).toBe(
      "scope_missing",
    );
  });

  it("are deleted after the tenant's retention, and their charge is freed", async () => {
    await setDebug({ persist: true, keep: 3600 });
    const { bytes } = await storedBy(db.sql, agent.claims);
    const old = recordOf();
    await append([old]);
    await db.advance("2 hours");
    await append([recordOf({ name: "young" })]);
    await rpc(db.sql, serviceRole, "maintain", {}, inTenant(tenant));
    const rows = await db.sql`select name from mayfly.debug_records where tenant_id = ${tenant}`;
    expect([...rows]).toEqual([{ name: "young" }]);
    expect(await rpc(db.sql, agent.claims, "usage")).toMatchObject({ bytes: bytes + 256 });
  });

  it.each([[{ level: 0 }], [{ max_records_per_minute: 0 }], [{ keep: 1 }]])(
    "are not kept by the setting %j",
    async (setting) => {
      expect(await refusalOf(setDebug(setting))).toMatchObject({
        code: "invalid_request",
        details: { field: Object.keys(setting)[0] },
      });
    },
  );
});

describe("the query debug.sql", () => {
  it("shows stored records, newest first", async () => {
    await db.sql`update mayfly.tenants set name = 'watched' where id = ${tenant}`;
    await setDebug({ persist: true });
    await append([recordOf({ name: "a" })], 3);
    await append([recordOf({ name: "b", at: new Date(Date.now() + 1).toISOString() })]);
    const rows = (await inspect(db.sql, "debug")).filter((row) => row.tenant === "watched");
    expect(rows).toMatchObject([
      { name: "b", level: "basic", dropped_before: null },
      { name: "a", category: "task", dropped_before: 3, status: "running" },
    ]);
  });
});
