import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import {
  type Claims,
  codeOf,
  type Issued,
  inTenant,
  makeAgent,
  makePerson,
  makeTenant,
  refusalOf,
  renew,
  rpc,
  serviceRole,
} from "#harness/callers";
import { openTestDatabase, type TestDatabase } from "#harness/database";

let db: TestDatabase;
beforeAll(async () => {
  db = await openTestDatabase();
});
afterAll(() => db.close());

const spawn = (tenant: string, values: Record<string, unknown> = {}, as: Claims = serviceRole) =>
  rpc<Issued>(db.sql, as, "spawn_agent", values, as === serviceRole ? inTenant(tenant) : {});
const spawnTeam = (tenant: string, team: unknown) =>
  rpc<Issued[]>(db.sql, serviceRole, "spawn_team", { team }, inTenant(tenant));
const define = (tenant: string, values: Record<string, unknown>) =>
  rpc<{ version: number }>(db.sql, serviceRole, "define_agent_type", values, inTenant(tenant));

describe("names", () => {
  it("come from a pool, and are unique among living agents of a tenant", async () => {
    const tenant = await makeTenant(db.sql);
    const names = new Set<string>();
    for (let n = 0; n < 20; n++) names.add((await spawn(tenant)).agent.name);
    expect(names.size).toBe(20);
    for (const name of names) expect(name).toMatch(/^[a-z]+$/);
  });

  it("are refused while a living agent of the tenant has them, and free after it ends", async () => {
    const tenant = await makeTenant(db.sql);
    await spawn(tenant, { name: "scout" });
    expect(await refusalOf(spawn(tenant, { name: "scout" }))).toMatchObject({
      code: "name_taken",
      details: { field: "name" },
    });
    await spawn(await makeTenant(db.sql), { name: "scout" });
    await db.advance("1 hour");
    expect((await spawn(tenant, { name: "scout" })).agent.name).toBe("scout");
  });

  it("are free again when an ancestor of their agent has stopped", async () => {
    const tenant = await makeTenant(db.sql);
    const parent = await makeAgent(db.sql, tenant, { scopes: ["agent:spawn"] });
    await spawn(tenant, { name: "child" }, parent.claims);
    await rpc(db.sql, parent.claims, "stop_agent");
    expect((await spawn(tenant, { name: "child" })).agent.name).toBe("child");
  });
});

describe("a team", () => {
  it("is spawned in one call, in the requested order, with names from its pools", async () => {
    const tenant = await makeTenant(db.sql);
    const team = await spawnTeam(tenant, [
      { type: "reader", count: 3, names: ["r"], capabilities: ["read"] },
      { type: "writer", scopes: ["memory:write"], lifetime: 30, task: "write it up" },
    ]);
    expect(team.map(({ agent }) => [agent.type, agent.name])).toEqual([
      ["reader", "r"],
      ["reader", "r-2"],
      ["reader", "r-3"],
      ["writer", expect.stringMatching(/^[a-z]+$/)],
    ]);
    expect(team[0]?.agent.capabilities).toEqual(["read"]);
    expect(team[3]?.agent).toMatchObject({ scopes: ["memory:write"], task: "write it up" });
    expect(new Set(team.map((issued) => issued.renewal_secret)).size).toBe(4);
    const [row] = await db.sql`
      select count(*)::int as events, count(distinct xid)::int as statements
      from mayfly.events where tenant_id = ${tenant} and type = 'agent.spawned'`;
    expect(row).toEqual({ events: 4, statements: 1 });
  });

  it("is spawned whole or not at all", async () => {
    const tenant = await makeTenant(db.sql, { max_living_agents: 3 });
    expect(await codeOf(spawnTeam(tenant, [{ count: 4 }]))).toBe("agent_quota_exceeded");
    expect(await codeOf(spawnTeam(tenant, [{ count: 2 }, { scopes: ["memory:everything"] }]))).toBe(
      "scope_unknown",
    );
    const [row] =
      await db.sql`select count(*)::int as agents from mayfly.agents where tenant_id = ${tenant}`;
    expect(row?.agents).toBe(0);
    expect(await spawnTeam(tenant, [{ count: 3 }])).toHaveLength(3);
  });

  it.each([
    ["no group", [], {}],
    ["an object, not a list", { type: "x" }, { field: "team" }],
    ["a text as a group", ["reader"], { index: 0, field: "type" }],
    ["a count of 0", [{}, { count: 0 }], { index: 1, field: "count" }],
    ["a number as a name", [{ names: [7] }], { index: 0, field: "names" }],
    ["an invalid lifetime", [{ lifetime: "long" }], { index: 0, field: "lifetime" }],
  ])("is refused with index and field: %s", async (_what, team, details) => {
    const tenant = await makeTenant(db.sql);
    expect(await refusalOf(spawnTeam(tenant, team))).toMatchObject({
      code: "invalid_request",
      details,
    });
  });

  it("has at most 100 agents", async () => {
    const tenant = await makeTenant(db.sql);
    expect(await codeOf(spawnTeam(tenant, [{ count: 60 }, { count: 41 }]))).toBe("team_too_large");
  });
});

describe("registration", () => {
  it("returns the same living agent for the same key, and voids earlier secrets", async () => {
    const tenant = await makeTenant(db.sql);
    const first = await spawn(tenant, { registration_key: "worker-1", lifetime: 60 });
    const second = await spawn(tenant, { registration_key: "worker-1", name: "ignored" });
    expect([first.existing, second.existing]).toEqual([false, true]);
    expect(second.agent.id).toBe(first.agent.id);
    expect(second.claims.jti).not.toBe(first.claims.jti);
    expect(await codeOf(renew(db.sql, first.renewal_secret))).toBe("renewal_refused");
    expect((await renew(db.sql, second.renewal_secret)).agent.id).toBe(first.agent.id);
  });

  it("replaces a dead agent, and keeps spawners, keys and tenants apart", async () => {
    const tenant = await makeTenant(db.sql);
    const member = await makePerson(db.sql, { [tenant]: "member" });
    const first = await spawn(tenant, { registration_key: "w" });
    const ids = [
      first.agent.id,
      (await spawn(tenant, { registration_key: "w" }, member)).agent.id,
      (await spawn(tenant, { registration_key: "v" })).agent.id,
      (await spawn(await makeTenant(db.sql), { registration_key: "w" })).agent.id,
    ];
    await rpc(db.sql, first.claims, "stop_agent");
    const replaced = await spawn(tenant, { registration_key: "w" });
    expect(replaced.existing).toBe(false);
    expect(new Set([...ids, replaced.agent.id]).size).toBe(5);
  });

  it("does not revive a suspended agent, or give scopes that its spawner has lost", async () => {
    const tenant = await makeTenant(db.sql);
    const admin = await makePerson(db.sql, { [tenant]: "admin" });
    const { claims } = await spawn(
      tenant,
      { registration_key: "w", scopes: ["memory:admin"] },
      admin,
    );
    await db.sql`update mayfly.members set role = 'member' where user_id = ${admin.sub as string}`;
    expect(await codeOf(spawn(tenant, { registration_key: "w" }, admin))).toBe(
      "scope_exceeds_parent",
    );
    await db.sql`update mayfly.members set role = 'admin' where user_id = ${admin.sub as string}`;
    await rpc(db.sql, claims, "suspend_agent");
    expect(await codeOf(spawn(tenant, { registration_key: "w" }, admin))).toBe("agent_suspended");
  });
});

describe("the rate of spawns", () => {
  afterEach(() => db.thaw());

  it("is a token bucket that refills, and says when to try again", async () => {
    const tenant = await makeTenant(db.sql, { spawns_per_minute: 6 });
    await db.freeze();
    await spawnTeam(tenant, [{ count: 6 }]);
    expect(await refusalOf(spawn(tenant))).toMatchObject({
      code: "rate_limited",
      details: { quota: "spawns_per_minute", limit: 6, retry_after: 10 },
    });
    await db.advance("10 seconds");
    await spawn(tenant);
    expect(await codeOf(spawn(tenant))).toBe("rate_limited");
  });

  it("is refused with the header Retry-After when it is exceeded", async () => {
    const tenant = await makeTenant(db.sql, { spawns_per_minute: 1 });
    await db.freeze();
    await spawn(tenant);
    const error = await spawn(tenant).catch((reason: { detail: string }) => reason);
    expect(JSON.parse((error as { detail: string }).detail)).toEqual({
      status: 429,
      headers: { "Retry-After": "60" },
    });
  });

  it("is not spent by a spawn that was refused", async () => {
    const tenant = await makeTenant(db.sql, { spawns_per_minute: 1 });
    expect(await codeOf(spawn(tenant, { lifetime: 1 }))).toBe("lifetime_out_of_range");
    await spawn(tenant);
  });
});

describe("a type of agents", () => {
  const scout = {
    name: "scout",
    role: "Scout",
    prompt: "Look around.",
    capabilities: ["search"],
    scopes: ["memory:read"],
    lifetime: 20,
    max_lifetime: 40,
    max_living: 2,
  };

  it("supplies what the spawner leaves out, and is shown to the agent", async () => {
    const tenant = await makeTenant(db.sql);
    await define(tenant, scout);
    const issued = await spawn(tenant, { type: "scout" });
    expect(issued.agent).toMatchObject({
      type_version: 1,
      capabilities: ["search"],
      scopes: ["memory:read"],
      lifetime: "00:00:20",
    });
    expect(issued.type).toMatchObject({ version: 1, role: "Scout", prompt: "Look around." });
    const asked = await spawn(tenant, {
      type: "scout",
      capabilities: [],
      scopes: ["memory:write"],
    });
    expect(asked.agent).toMatchObject({ capabilities: [], scopes: ["memory:write"] });
  });

  it("gets a new version only with a change", async () => {
    const tenant = await makeTenant(db.sql);
    const versions = [];
    for (const change of [{}, {}, { prompt: "Look again." }, { prompt: "Look again." }])
      versions.push((await define(tenant, { ...scout, ...change })).version);
    expect(versions).toEqual([1, 1, 2, 2]);
    expect((await spawn(tenant, { type: "scout" })).type).toMatchObject({
      version: 2,
      prompt: "Look again.",
    });
  });

  it("limits the number and the lifetime of its agents, including renewals", async () => {
    const tenant = await makeTenant(db.sql);
    await define(tenant, scout);
    expect(await codeOf(spawn(tenant, { type: "scout", lifetime: 41 }))).toBe(
      "lifetime_out_of_range",
    );
    const { agent, renewal_secret } = await spawn(tenant, { type: "scout", lifetime: 40 });
    await spawn(tenant, { type: "scout" });
    expect(await refusalOf(spawn(tenant, { type: "scout" }))).toMatchObject({
      code: "type_quota_exceeded",
      details: { type: "scout", limit: 2 },
    });
    expect(await codeOf(spawnTeam(tenant, [{ type: "scout" }]))).toBe("type_quota_exceeded");
    await spawn(tenant, { type: "other" });
    await renew(db.sql, renewal_secret, true);
    const [row] = await db.sql`
      select expires_at <= spawned_at + interval '40 seconds' as within from mayfly.agents where id = ${agent.id}`;
    expect(row?.within).toBe(true);
  });

  it("can also be a name that nobody defined", async () => {
    const issued = await spawn(await makeTenant(db.sql), { type: "whatever" });
    expect(issued).toMatchObject({ agent: { type: "whatever", type_version: null }, type: null });
  });

  it("gives no scope that its spawner does not have", async () => {
    const tenant = await makeTenant(db.sql);
    await define(tenant, { name: "keeper", scopes: ["memory:admin"] });
    const member = await makePerson(db.sql, { [tenant]: "member" });
    expect(await codeOf(spawn(tenant, { type: "keeper" }, member))).toBe("scope_exceeds_parent");
  });

  it("is defined by admins, with scopes that agents can have", async () => {
    const tenant = await makeTenant(db.sql);
    const member = await makePerson(db.sql, { [tenant]: "member" });
    const defining = rpc(db.sql, member, "define_agent_type", { name: "x" });
    expect(await codeOf(defining)).toBe("scope_missing");
    expect(await codeOf(define(tenant, { name: "x", scopes: ["member:write"] }))).toBe(
      "scope_not_for_agents",
    );
    expect(await codeOf(define(tenant, { name: "X" }))).toBe("invalid_request");
    expect(await codeOf(define(tenant, { name: "x", lifetime: 50, max_lifetime: 40 }))).toBe(
      "lifetime_out_of_range",
    );
  });
});

describe("scopes for people", () => {
  it("cannot be given to an agent, not even by an owner", async () => {
    const tenant = await makeTenant(db.sql);
    const owner = await makePerson(db.sql, { [tenant]: "owner" });
    for (const scope of ["member:write", "key:write", "tenant:write"])
      expect(await codeOf(spawn(tenant, { scopes: [scope] }, owner))).toBe("scope_not_for_agents");
  });
});
