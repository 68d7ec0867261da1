import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  actAs,
  type Claims,
  codeOf,
  type Issued,
  inTenant,
  makeAgent,
  makePerson,
  makeTenant,
  renew,
  rpc,
  serviceRole,
} from "#harness/callers";
import { openPostgresDatabase, type TestDatabase } from "#harness/database";
import { databaseUrl } from "#harness/needs";
import { putOf } from "#harness/operations";

let db: TestDatabase;
const spawn = (tenant: string, values: Record<string, unknown> = {}, as: Claims = serviceRole) =>
  rpc<Issued>(db.sql, as, "spawn_agent", values, as === serviceRole ? inTenant(tenant) : {});
/** Counts the answers of simultaneous calls, by code. */
async function tally(calls: Promise<unknown>[]) {
  const counts: Record<string, number> = {};
  const codes = calls.map((call) =>
    call.then(
      () => "ok",
      () => codeOf(call),
    ),
  );
  for (const code of await Promise.all(codes)) counts[code] = (counts[code] ?? 0) + 1;
  return counts;
}
const many = <T>(count: number, make: (n: number) => Promise<T>) =>
  Array.from({ length: count }, (_, n) => make(n));

// These tests need a Postgres with many sessions, because one session cannot race with itself.
describe.skipIf(!databaseUrl)("concurrent calls", () => {
  beforeAll(async () => {
    db = await openPostgresDatabase();
  });
  afterAll(() => db?.close());

  it("spawn exactly 10 of 50 agents if the quota is 10 living agents", async () => {
    const tenant = await makeTenant(db.sql, { max_living_agents: 10 });
    expect(await tally(many(50, () => spawn(tenant)))).toEqual({
      ok: 10,
      agent_quota_exceeded: 40,
    });
    const [row] = await db.sql`
      select count(*)::int as agents, count(distinct name)::int as names from mayfly.agents where tenant_id = ${tenant}`;
    expect(row).toEqual({ agents: 10, names: 10 });
  });

  it("spawn exactly 10 of 50 agents if the rate is 10 a minute", async () => {
    const tenant = await makeTenant(db.sql, { spawns_per_minute: 10 });
    const counts = await tally(many(50, () => spawn(tenant)));
    // The bucket gets one more spawn every 6 s, in case the test takes that long.
    expect(counts.ok).toBeLessThanOrEqual(11);
    expect(counts.ok).toBeGreaterThanOrEqual(10);
    expect((counts.ok ?? 0) + (counts.rate_limited ?? 0)).toBe(50);
  });

  it("spawn one agent for 20 calls with the same name, and one for 20 with the same registration key", async () => {
    const tenant = await makeTenant(db.sql);
    expect(await tally(many(20, () => spawn(tenant, { name: "scout" })))).toEqual({
      ok: 1,
      name_taken: 19,
    });
    const registered = await Promise.all(many(20, () => spawn(tenant, { registration_key: "k" })));
    expect(new Set(registered.map((issued) => issued.agent.id)).size).toBe(1);
    expect(registered.filter((issued) => !issued.existing)).toHaveLength(1);
  });

  it("never give the same name to two agents of teams", async () => {
    const tenant = await makeTenant(db.sql);
    const team = [{ count: 8, names: ["a", "b", "c"] }];
    await Promise.all(
      many(6, () => rpc(db.sql, serviceRole, "spawn_team", { team }, inTenant(tenant))),
    );
    const [row] = await db.sql`
      select count(*)::int as agents, count(distinct name)::int as names from mayfly.agents where tenant_id = ${tenant}`;
    expect(row).toEqual({ agents: 48, names: 48 });
  });

  it("spawn a child that is dead from the start if an ancestor is stopped at the same time", async () => {
    const tenant = await makeTenant(db.sql);
    const scopes = ["agent:spawn", "memory:read"];
    const ancestor = await makeAgent(db.sql, tenant, { scopes });
    const parent = await makeAgent(db.sql, tenant, { as: ancestor.claims, scopes });
    let child: Issued | undefined;
    // The spawn has started and found its ancestors alive when the ancestor stops.
    await actAs(db.sql, parent.claims, async (session) => {
      const [row] = await session`select mayfly.spawn_agent() as issued`;
      child = row?.issued as Issued;
      await rpc(db.sql, ancestor.claims, "stop_agent");
    });
    expect(await rpc(db.sql, child?.claims as Claims, "tenant_ids")).toEqual([]);
    const member = await makePerson(db.sql, { [tenant]: "member" });
    expect(await rpc(db.sql, member, "get_agent", { id: child?.agent.id })).toMatchObject({
      status: "stopped",
      seconds_left: 0,
    });
    // The same must hold if the stop has started first.
    const second = await makeAgent(db.sql, tenant, { scopes });
    let late: Issued | undefined;
    await actAs(db.sql, second.claims, async (session) => {
      await session`select mayfly.stop_agent()`;
      late = await spawn(tenant, {}, second.claims);
    });
    expect(await rpc(db.sql, late?.claims as Claims, "tenant_ids")).toEqual([]);
  });

  it("never deadlock when they spawn and stop in one family, and leave nobody alive below a dead agent", async () => {
    const tenant = await makeTenant(db.sql, { spawns_per_minute: 1000 });
    const root = await makeAgent(db.sql, tenant, { scopes: ["agent:spawn", "memory:read"] });
    const counts = await tally([
      ...many(30, () => spawn(tenant, {}, root.claims)),
      rpc(db.sql, root.claims, "stop_agent"),
      ...many(30, () => spawn(tenant, {}, root.claims)),
    ]);
    expect(Object.keys(counts).sort()).toEqual(expect.arrayContaining(["ok"]));
    expect(Object.keys(counts).filter((code) => !["ok", "not_authorized"].includes(code))).toEqual(
      [],
    );
    const [row] = await db.sql`
      select count(*) filter (where mayfly_private.effective_status(a) in ('running', 'suspended'))::int as living
      from mayfly.agents a where tenant_id = ${tenant}`;
    expect(row?.living).toBe(0);
  });

  it("let only one of the last two owners leave", async () => {
    for (let round = 0; round < 5; round++) {
      const tenant = await makeTenant(db.sql);
      const owners = [
        await makePerson(db.sql, { [tenant]: "owner" }),
        await makePerson(db.sql, { [tenant]: "owner" }),
      ];
      const counts = await tally(owners.map((owner) => rpc(db.sql, owner, "leave_tenant")));
      expect(counts).toEqual({ ok: 1, last_owner: 1 });
    }
  });

  it("accept an invitation once", async () => {
    const tenant = await makeTenant(db.sql);
    const owner = await makePerson(db.sql, { [tenant]: "owner" });
    const { token } = await rpc<{ token: string }>(db.sql, owner, "invite_member", {
      role: "viewer",
    });
    const people = await Promise.all(many(8, () => makePerson(db.sql, {})));
    const counts = await tally(
      people.map((person) => rpc(db.sql, person, "accept_invitation", { token })),
    );
    expect(counts).toEqual({ ok: 1, invitation_unknown: 7 });
  });

  it("suspend an agent when six callers have used one renewal secret and all of them renew again", async () => {
    const agent = await makeAgent(db.sql, await makeTenant(db.sql));
    const answers = await Promise.all(many(6, () => renew(db.sql, agent.renewalSecret)));
    const again = await Promise.all(
      answers.map(({ renewal_secret }) => renew(db.sql, renewal_secret)),
    );
    // The first call is not refused. All others are refused, and the agent is suspended.
    expect(again.filter(({ refused }) => refused === undefined)).toHaveLength(1);
    expect(await rpc(db.sql, agent.claims, "tenant_ids")).toEqual([]);
  });

  it("push in one tenant without waiting for each other's commit, and each is counted", async () => {
    const tenant = await makeTenant(db.sql);
    const writers = await Promise.all(many(6, () => makeAgent(db.sql, tenant)));
    const push = () => Array.from({ length: 5 }, () => putOf());
    let inside = 0;
    let all: (value?: unknown) => void = () => {};
    const everyone = new Promise((resolve) => {
      all = resolve;
    });
    // Each writer keeps its transaction open until all have pushed. If they shared one counter, they would
    // wait forever.
    await Promise.all(
      writers.map(({ claims }) =>
        actAs(db.sql, claims, async (session) => {
          await session`select mayfly.sync(${session.json(push())}, null, 0)`;
          inside++;
          if (inside === writers.length) all();
          await everyone;
        }),
      ),
    );
    const [first] = writers;
    expect(await rpc(db.sql, first?.claims as Claims, "usage")).toMatchObject({
      memories: 30,
      writes_this_minute: expect.any(Number),
    });
  });
});
