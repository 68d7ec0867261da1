import { randomUUID } from "node:crypto";
import { Mayfly, type MayflyOptions, type Result } from "@mayfly/sdk";
import { createClient } from "@supabase/supabase-js";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startTestLocal, type TestLocal } from "#harness/local";

let local: TestLocal;
let secret: Mayfly;
let tenant: string;
beforeAll(async () => {
  local = await startTestLocal();
  ({ mayfly: secret, tenant } = await local.enter());
});
afterAll(() => local.close());

function dataOf<T>(result: Result<T>): T {
  if (result.error) throw result.error;
  return result.data;
}
const codeOf = async (result: Promise<Result<unknown>>) => (await result).error?.code;

/** Someone who has signed up and in with Supabase Auth, in their own Mayfly. */
async function signUp(options: Partial<MayflyOptions> = {}) {
  const email = `${randomUUID()}@example.com`;
  const client = createClient(local.apiUrl, local.publishableKey, {
    auth: { persistSession: false, autoRefreshToken: false },
  });
  const { data, error } = await client.auth.signUp({ email, password: "correct horse battery" });
  if (error || !data.user) throw error ?? new Error("no user");
  const mayfly = (more: Partial<MayflyOptions> = {}) =>
    new Mayfly({ url: local.apiUrl, key: local.publishableKey, client, ...options, ...more });
  return { id: data.user.id, email, client, mayfly };
}

describe("people", () => {
  it("create tenants if the project allows it, and own them", async () => {
    const person = await signUp();
    expect(await codeOf(person.mayfly().tenants.create({ name: "not yet" }))).toBe(
      "tenant_creation_not_allowed",
    );
    await local.sql`update mayfly_private.settings set tenants_created_by = 'signed_in'`;
    try {
      const made = dataOf(await person.mayfly().tenants.create({ name: "mine" }));
      const members = dataOf(await person.mayfly().people.members.list());
      expect(members).toMatchObject([{ userId: person.id, email: person.email, role: "owner" }]);
      expect(dataOf(await person.mayfly().tenants.list())).toMatchObject([{ id: made.id }]);
    } finally {
      await local.sql`update mayfly_private.settings set tenants_created_by = 'secret_key'`;
    }
  });

  it("are invited by token or address, get the role, and leave", async () => {
    const owner = await signUp();
    const { id } = dataOf(await secret.tenants.create({ name: "team", owner: owner.id }));
    const guest = await signUp();
    const { token } = dataOf(await owner.mayfly().people.members.invite({ role: "viewer" }));
    expect(dataOf(await guest.mayfly().people.invitations.accept({ token }))).toEqual({
      tenant: { id, name: "team" },
      role: "viewer",
    });
    expect(await codeOf((await signUp()).mayfly().people.invitations.accept({ token }))).toBe(
      "invitation_unknown",
    );

    const addressed = await signUp();
    await owner.mayfly().people.members.invite({ role: "member", email: addressed.email });
    const [invitation] = dataOf(await addressed.mayfly().people.invitations.mine());
    expect(invitation).toMatchObject({ tenant: { id, name: "team" }, role: "member" });
    dataOf(await addressed.mayfly().people.invitations.accept({ id: invitation?.id ?? "" }));

    expect(await codeOf(guest.mayfly().spawn({ name: "no" }))).toBe("scope_missing");
    expect(await codeOf(guest.mayfly().people.members.changeRole(guest.id, "owner"))).toBe(
      "scope_missing",
    );
    dataOf(await owner.mayfly().people.members.changeRole(guest.id, "member"));
    const agent = dataOf(await guest.mayfly().spawn());
    expect(dataOf(await owner.mayfly().agents.get(agent.id)).status).toBe("running");
    await agent.stop();

    dataOf(await guest.mayfly().tenants.leave());
    expect(dataOf(await guest.mayfly().tenants.list())).toEqual([]);
    expect(await codeOf(owner.mayfly().tenants.leave())).toBe("last_owner");
    dataOf(await owner.mayfly().tenants.transfer(addressed.id));
    dataOf(await owner.mayfly().tenants.leave());
  });

  it("work in several tenants by choosing one, and never in a foreign one", async () => {
    const person = await signUp();
    const one = dataOf(await secret.tenants.create({ name: "one", owner: person.id }));
    const two = dataOf(await secret.tenants.create({ name: "two", owner: person.id }));
    expect(await codeOf(person.mayfly().spawn())).toBe("tenant_ambiguous");
    for (const { id } of [one, two]) {
      const agent = dataOf(await person.mayfly({ tenant: id }).spawn());
      expect(agent.tenantId).toBe(id);
      await agent.stop();
    }
    expect(await codeOf(person.mayfly({ tenant }).spawn())).toBe("tenant_unknown");
  });

  it("leave their memories when their account is deleted", async () => {
    const person = await signUp();
    const { id } = dataOf(await secret.tenants.create({ name: "stays", owner: person.id }));
    const agent = dataOf(await person.mayfly().spawn());
    await agent.remember({ task: "outlives its person" });
    dataOf(await agent.sync());
    await agent.stop();
    const admin = createClient(local.apiUrl, local.secretKey, { auth: { persistSession: false } });
    expect((await admin.auth.admin.deleteUser(person.id)).error).toBeNull();
    const rows = await local.sql`select task from mayfly.memories where tenant_id = ${id}`;
    expect(rows.map((row) => row.task)).toEqual(["outlives its person"]);
  });
});

describe("machines", () => {
  it("spawn with an enrolment key, within its scopes, and do nothing else", async () => {
    const { key, enrolmentKey } = dataOf(
      await secret.keys.create({ name: "ci", scopes: ["memory:read"] }),
    );
    const machine = new Mayfly({ url: local.apiUrl, key: local.publishableKey, enrolmentKey: key });
    const agent = dataOf(await machine.spawn({ name: "by machine" }));
    expect(agent.scopes).toEqual(["memory:read"]);
    expect(agent.tenantId).toBe(tenant);
    expect((await agent.recall("anything")).error).toBeNull();
    expect(await codeOf(machine.spawn({ scopes: ["memory:write"] }))).toBe("scope_exceeds_parent");
    expect(await codeOf(machine.agents.find())).not.toBeUndefined();

    const [listed] = dataOf(await secret.keys.list());
    expect(listed).toMatchObject({ id: enrolmentKey.id, name: "ci", lastUsedAt: expect.any(Date) });
    expect(JSON.stringify(listed)).not.toContain(key);
    dataOf(await secret.keys.revoke(enrolmentKey.id));
    expect(await codeOf(machine.spawn())).toBe("not_authorized");
    await agent.stop();
  });

  it("are refused with an unknown key", async () => {
    const machine = new Mayfly({
      url: local.apiUrl,
      key: local.publishableKey,
      enrolmentKey: "mfk_guess",
    });
    expect(await codeOf(machine.spawn())).toBe("not_authorized");
  });
});

describe("agents", () => {
  it("are spawned as a team with their own names, and found by capability", async () => {
    const { mayfly } = await local.enter();
    dataOf(
      await mayfly.agents.types.define({
        name: "reviewer",
        role: "Reviews changes",
        prompt: "You review.",
        capabilities: ["review"],
        lifetime: 120,
      }),
    );
    const team = dataOf(
      await mayfly.spawnTeam([
        { type: "reviewer", count: 3 },
        { type: "editor", names: ["Ed"] },
      ]),
    );
    expect(new Set(team.map((agent) => agent.name)).size).toBe(4);
    expect(team[0]?.definition).toMatchObject({ prompt: "You review.", version: 1 });
    expect(team[0]?.secondsLeft).toBeGreaterThan(110);
    expect(team[3]).toMatchObject({ name: "Ed", definition: null });

    const first = dataOf(await mayfly.agents.find({ capabilities: ["review"], limit: 2 }));
    const second = dataOf(
      await mayfly.agents.find({ capabilities: ["review"], limit: 2, after: first.after ?? "" }),
    );
    expect([...first.agents, ...second.agents]).toHaveLength(3);
    expect(second.after).toBeNull();
    await Promise.all(team.map((agent) => agent.stop()));
    expect(dataOf(await mayfly.agents.find({ status: "running" })).agents).toEqual([]);
  });

  it("keep the version of their type that they were spawned with", async () => {
    const { mayfly } = await local.enter();
    await mayfly.agents.types.define({ name: "writer", prompt: "one" });
    const early = dataOf(await mayfly.spawn({ type: "writer" }));
    await mayfly.agents.types.define({ name: "writer", prompt: "two" });
    await mayfly.agents.types.define({ name: "writer", prompt: "two" });
    const late = dataOf(await mayfly.spawn({ type: "writer" }));
    expect([early.definition?.prompt, late.definition?.prompt]).toEqual(["one", "two"]);
    const versions = dataOf(await mayfly.agents.types.list({ name: "writer" }));
    expect(versions.map(({ version }) => version)).toEqual([2, 1]);
    await Promise.all([early.stop(), late.stop()]);
  });

  it("are the same agent for the same registration key, as long as this agent is alive", async () => {
    const one = dataOf(await secret.spawn({ registrationKey: "worker-7" }));
    const same = dataOf(await secret.spawn({ registrationKey: "worker-7" }));
    expect(same.id).toBe(one.id);
    await one.stop();
    const next = dataOf(await secret.spawn({ registrationKey: "worker-7" }));
    expect(next.id).not.toBe(one.id);
    await Promise.all([same.close(), next.stop()]);
  });

  it("spawn children, appear with them as a tree, and end with them", async () => {
    const parent = dataOf(
      await secret.spawn({ name: "parent", scopes: ["agent:spawn", "agent:read", "memory:read"] }),
    );
    const child = dataOf(await parent.spawn({ name: "child", scopes: ["memory:read"] }));
    expect(child.parentId).toBe(parent.id);
    const [tree] = dataOf(await secret.agents.tree({ root: parent.id }));
    expect(tree).toMatchObject({ name: "parent", children: [{ name: "child", children: [] }] });
    expect(dataOf(await parent.card())).toMatchObject({ children: 1, status: "running" });
    await parent.stop();
    expect((await child.recall("anything")).error?.code).toBe("not_authorized");
    await child.close();
  });

  it("say what they do and when they were last seen", async () => {
    const agent = dataOf(await secret.spawn());
    dataOf(await agent.heartbeat({ activity: "thinking", task: "Count the stars" }));
    expect(dataOf(await secret.agents.get(agent.id))).toMatchObject({
      activity: "thinking",
      task: "Count the stars",
      lastSeenAt: expect.any(Date),
    });
    await agent.stop();
  });

  it("do nothing while suspended, and continue with their descendants when resumed", async () => {
    const parent = dataOf(await secret.spawn({ scopes: ["agent:spawn", "memory:read"] }));
    const child = dataOf(await parent.spawn({ scopes: ["memory:read"] }));
    dataOf(await secret.agents.suspend(parent.id, "look into it"));
    expect((await parent.recall("anything")).error?.code).toBe("not_authorized");
    expect((await child.recall("anything")).error?.code).toBe("not_authorized");
    const resumed = dataOf(await secret.agents.resume(parent.id));
    expect(resumed.id).toBe(parent.id);
    expect((await resumed.recall("anything")).error).toBeNull();
    expect((await child.recall("anything")).error).toBeNull();
    expect(await codeOf(parent.renew())).toMatch(/renewal_(refused|reused)/);
    await secret.agents.stop(parent.id, "done");
    expect(await codeOf(secret.agents.resume(parent.id))).toBe("transition_not_allowed");
    await Promise.all([parent.close(), child.close(), resumed.close()]);
  });

  it("are refused with 429 and Retry-After when a tenant spawns too fast", async () => {
    const { mayfly, tenant: fast } = await local.enter({ spawns_per_minute: 2 });
    dataOf(await mayfly.spawnTeam([{ count: 2 }]));
    const { error } = await mayfly.spawn();
    expect(error).toMatchObject({
      code: "rate_limited",
      details: { retry_after: expect.any(Number) },
    });
    const response = await fetch(`${local.apiUrl}/functions/v1/spawn`, {
      method: "POST",
      headers: { apikey: local.secretKey, "x-mayfly-tenant": fast },
      body: "{}",
    });
    expect(response.status).toBe(429);
    expect(Number(response.headers.get("retry-after"))).toBeGreaterThan(0);
  });
});

describe("a tenant", () => {
  it("reports its usage, and is erased by its owner with everything in it", async () => {
    const owner = await signUp();
    const { id } = dataOf(await secret.tenants.create({ name: "short-lived", owner: owner.id }));
    const agent = dataOf(await owner.mayfly().spawn());
    await agent.remember({ task: "gone soon" });
    dataOf(await agent.sync());
    expect(dataOf(await owner.mayfly().tenants.usage())).toMatchObject({
      memories: 1,
      living_agents: 1,
    });
    expect(await codeOf(owner.mayfly().tenants.erase({ name: "another" }))).toBe("invalid_request");
    dataOf(await owner.mayfly().tenants.erase({ name: "short-lived" }));
    const [row] =
      await local.sql`select count(*)::int as rows from mayfly.memories where tenant_id = ${id}`;
    expect(row?.rows).toBe(0);
    expect(dataOf(await owner.mayfly().tenants.list())).toEqual([]);
    await agent.close();
  });
});
