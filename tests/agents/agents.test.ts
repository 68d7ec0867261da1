import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  actAs,
  type Claims,
  makeAgent,
  makePerson,
  makeTenant,
  refusalOf,
  renew as renewIn,
  rpc,
  type Session,
} from "#harness/callers";
import { openTestDatabase, type TestDatabase } from "#harness/database";

let db: TestDatabase;
beforeAll(async () => {
  db = await openTestDatabase();
});
afterAll(() => db.close());

const as = <T>(claims: Claims, work: (session: Session) => Promise<T>) =>
  actAs(db.sql, claims, work);
const stop = (claims: Claims, id?: string) =>
  as(claims, (session) =>
    id ? session`select mayfly.stop_agent(${id})` : session`select mayfly.stop_agent()`,
  );
const isAlive = async (claims: Claims) => {
  const [row] = await as(
    claims,
    (session) => session`select cardinality(mayfly.tenant_ids()) as tenants`,
  );
  return row?.tenants === 1;
};
const renew = (secret: string) => renewIn(db.sql, secret);

describe("spawning", () => {
  it("creates an agent in the caller's tenant, with a token that ends before the agent", async () => {
    const tenant = await makeTenant(db.sql);
    const { claims } = await makeAgent(db.sql, tenant, { lifetime: 600 });
    const [agent] = await as(
      claims,
      (session) => session`select tenant_id, expires_at from mayfly.agents`,
    );
    expect(agent?.tenant_id).toBe(tenant);
    const expiresAt = (agent?.expires_at as Date).getTime() / 1000;
    expect(claims.exp as number).toBeLessThan(expiresAt);
    expect((claims.exp as number) - (claims.iat as number)).toBe(120);
  });

  it("never gives a token that outlives the agent", async () => {
    const { claims } = await makeAgent(db.sql, await makeTenant(db.sql), { lifetime: 5 });
    expect((claims.exp as number) - (claims.iat as number)).toBeLessThanOrEqual(5);
  });

  it("gives a child no scope and no lifetime beyond its parent's", async () => {
    const tenant = await makeTenant(db.sql);
    const parent = await makeAgent(db.sql, tenant, {
      lifetime: 30,
      scopes: ["agent:spawn", "memory:read"],
    });
    const refusal = await refusalOf(
      makeAgent(db.sql, tenant, { as: parent.claims, scopes: ["memory:read", "memory:write"] }),
    );
    expect(refusal).toMatchObject({
      code: "scope_exceeds_parent",
      details: { scopes: ["memory:write"] },
    });

    const child = await makeAgent(db.sql, tenant, { as: parent.claims, lifetime: 600 });
    const [row] = await db.sql`
      select c.expires_at <= p.expires_at as within, c.scopes, c.depth, c.ancestors = array[p.id] as line
      from mayfly.agents c join mayfly.agents p on p.id = c.parent_id where c.id = ${child.id}`;
    expect(row).toEqual({ within: true, scopes: ["memory:read"], depth: 1, line: true });
  });

  it("refuses values outside the tenant's limits, each with its code", async () => {
    const tenant = await makeTenant(db.sql, { max_depth: 1, max_living_agents: 2 });
    const parent = await makeAgent(db.sql, tenant, { scopes: ["agent:spawn"] });
    const child = await makeAgent(db.sql, tenant, { as: parent.claims, scopes: ["agent:spawn"] });
    const codeOf = async (work: Promise<unknown>) => (await refusalOf(work)).code;
    expect(await codeOf(makeAgent(db.sql, tenant, { as: child.claims }))).toBe("depth_exceeded");
    expect(await codeOf(makeAgent(db.sql, tenant))).toBe("agent_quota_exceeded");
    expect(await codeOf(makeAgent(db.sql, tenant, { lifetime: 4 }))).toBe("lifetime_out_of_range");
    expect(await codeOf(makeAgent(db.sql, tenant, { lifetime: 901 }))).toBe(
      "lifetime_out_of_range",
    );
    expect(await codeOf(makeAgent(db.sql, tenant, { scopes: ["memory:everything"] }))).toBe(
      "scope_unknown",
    );
  });

  it("is refused to a viewer, and to an agent without agent:spawn", async () => {
    const tenant = await makeTenant(db.sql);
    const viewer = await makePerson(db.sql, { [tenant]: "viewer" });
    const agent = await makeAgent(db.sql, tenant);
    for (const claims of [viewer, agent.claims])
      expect(await refusalOf(makeAgent(db.sql, tenant, { as: claims }))).toMatchObject({
        code: "scope_missing",
        details: { scope: "agent:spawn" },
      });
  });

  it("is allowed to a member, but not with scopes that only admins have", async () => {
    const tenant = await makeTenant(db.sql);
    const member = await makePerson(db.sql, { [tenant]: "member" });
    const agent = await makeAgent(db.sql, tenant, { as: member });
    expect(await isAlive(agent.claims)).toBe(true);
    const refusal = await refusalOf(
      makeAgent(db.sql, tenant, { as: member, scopes: ["memory:admin"] }),
    );
    expect(refusal.code).toBe("scope_exceeds_parent");
  });
});

describe("the end of an agent", () => {
  it("takes all rights from the agent and its descendants at once", async () => {
    const tenant = await makeTenant(db.sql);
    const parent = await makeAgent(db.sql, tenant, { scopes: ["agent:spawn", "memory:read"] });
    const child = await makeAgent(db.sql, tenant, { as: parent.claims, scopes: ["agent:spawn"] });
    const grandchild = await makeAgent(db.sql, tenant, { as: child.claims });
    const bystander = await makeAgent(db.sql, tenant);
    await stop(parent.claims);
    expect(
      await Promise.all(
        [parent, child, grandchild, bystander].map((agent) => isAlive(agent.claims)),
      ),
    ).toEqual([false, false, false, true]);
    expect((await refusalOf(stop(parent.claims))).code).toBe("not_authorized");
  });

  it("comes when its lifetime is over, whatever its token says", async () => {
    const agent = await makeAgent(db.sql, await makeTenant(db.sql), { lifetime: 30 });
    await db.advance("30 seconds");
    expect(await isAlive(agent.claims)).toBe(false);
    expect((await refusalOf(renew(agent.renewalSecret))).code).toBe("agent_not_alive");
  });

  it("is recorded with its reason by later calls", async () => {
    const tenant = await makeTenant(db.sql);
    const parent = await makeAgent(db.sql, tenant, { lifetime: 600, scopes: ["agent:spawn"] });
    const child = await makeAgent(db.sql, tenant, { lifetime: 600, as: parent.claims });
    const late = await makeAgent(db.sql, tenant, { lifetime: 30 });
    await db.advance("30 seconds");
    await stop(parent.claims);
    await makeAgent(db.sql, tenant);
    const rows = await db.sql`
      select id, status, stop_reason from mayfly.agents where id in (${child.id}, ${late.id}) order by status`;
    expect([...rows]).toEqual([
      { id: late.id, status: "expired", stop_reason: "lifetime ended" },
      { id: child.id, status: "stopped", stop_reason: "ancestor ended" },
    ]);
  });

  it("also hides its descendants from presence, and no agent has more time left than its parent", async () => {
    const tenant = await makeTenant(db.sql);
    const parent = await makeAgent(db.sql, tenant, {
      scopes: ["agent:spawn", "presence:read"],
      lifetime: 60,
    });
    const child = await makeAgent(db.sql, tenant, { as: parent.claims, lifetime: 60, scopes: [] });
    const other = await makeAgent(db.sql, tenant, { lifetime: 600, scopes: ["presence:read"] });
    const ids = [parent.id, child.id, other.id, randomUUID()];
    const living = async () => {
      const [row] = await as(
        other.claims,
        (session) => session`select mayfly.living_agents(${ids}::uuid[]) as living`,
      );
      return row?.living as { id: string; seconds_left: number }[];
    };
    const everyone = () => rpc<{ id: string }[]>(db.sql, other.claims, "living_agents");
    expect((await everyone()).map(({ id }) => id).sort()).toEqual(ids.slice(0, 3).sort());
    // No call makes a child outlive its parent.
    await db.sql`update mayfly.agents set expires_at = expires_at + interval '1 hour' where id = ${child.id}`;
    const all = await living();
    expect(all.map(({ id }) => id).sort()).toEqual(ids.slice(0, 3).sort());
    expect(all.find(({ id }) => id === child.id)?.seconds_left).toBeLessThanOrEqual(60);
    await db.sql`update mayfly.agents set status = 'suspended' where id = ${parent.id}`;
    expect((await living()).map(({ id }) => id)).toEqual([other.id]);
    expect((await everyone()).map(({ id }) => id)).toEqual([other.id]);
    await db.sql`update mayfly.agents set status = 'running' where id = ${parent.id}`;
    await db.advance("61 seconds");
    expect((await living()).map(({ id }) => id)).toEqual([other.id]);
  });

  it("is final, and an attempt to revive the agent is refused with both states", async () => {
    const agent = await makeAgent(db.sql, await makeTenant(db.sql));
    await stop(agent.claims);
    const refusal = await refusalOf(
      (async () => db.sql`update mayfly.agents set status = 'running' where id = ${agent.id}`)(),
    );
    expect(refusal).toMatchObject({
      code: "transition_not_allowed",
      details: { from: "stopped", to: "running" },
    });
  });

  it("can be caused by its ancestors, and by other agents only with agent:stop", async () => {
    const tenant = await makeTenant(db.sql);
    const parent = await makeAgent(db.sql, tenant, { scopes: ["agent:spawn"] });
    const child = await makeAgent(db.sql, tenant, { as: parent.claims });
    const other = await makeAgent(db.sql, tenant);
    await stop(parent.claims, child.id);
    expect(await isAlive(child.claims)).toBe(false);
    expect((await refusalOf(stop(parent.claims, other.id))).code).toBe("scope_missing");
    expect((await refusalOf(stop(parent.claims, randomUUID()))).code).toBe("agent_unknown");
  });
});

describe("renewal", () => {
  it("gives a new token and a new secret, and extends the life within the tenant's maximum", async () => {
    const tenant = await makeTenant(db.sql, { max_lifetime: "60 seconds" });
    const agent = await makeAgent(db.sql, tenant, { lifetime: 60 });
    const issued = await renew(agent.renewalSecret);
    expect(issued.renewal_secret).not.toBe(agent.renewalSecret);
    expect(await isAlive(issued.claims)).toBe(true);
    const [row] = await db.sql`
      select expires_at <= spawned_at + interval '60 seconds' as within from mayfly.agents where id = ${agent.id}`;
    expect(row?.within).toBe(true);
  });

  it("works again within 30 s with the same secret if the answer was lost", async () => {
    const agent = await makeAgent(db.sql, await makeTenant(db.sql));
    for (let lost = 0; lost < 3; lost++) await renew(agent.renewalSecret);
    const issued = await renew(agent.renewalSecret);
    expect(await isAlive(issued.claims)).toBe(true);
    expect(await isAlive((await renew(issued.renewal_secret)).claims)).toBe(true);
  });

  it("suspends the agent when both secrets from a repeated renewal are used", async () => {
    const agent = await makeAgent(db.sql, await makeTenant(db.sql));
    const one = await renew(agent.renewalSecret);
    const two = await renew(agent.renewalSecret);
    const { claims } = await renew(two.renewal_secret);
    expect(await renew(one.renewal_secret)).toEqual({ refused: "renewal_reused" });
    expect(await isAlive(claims)).toBe(false);
  });

  it("refuses a secret from two renewals ago, and leaves the agent alone", async () => {
    const agent = await makeAgent(db.sql, await makeTenant(db.sql));
    const secrets = [agent.renewalSecret];
    for (let n = 0; n < 4; n++)
      secrets.push((await renew(secrets.at(-1) as string)).renewal_secret);
    for (const spent of secrets.slice(0, 3))
      expect((await refusalOf(renew(spent))).code).toBe("renewal_refused");
    const { claims } = await renew(secrets[4] as string);
    expect(await isAlive(claims)).toBe(true);
    const rows = await db.sql`
      select count(*)::int as kept from mayfly_private.renewal_secrets where agent_id = ${agent.id}`;
    expect(rows).toMatchObject([{ kept: 2 }]);
  });

  it("suspends the agent when a used secret is used again after 30 s", async () => {
    const agent = await makeAgent(db.sql, await makeTenant(db.sql), { lifetime: 600 });
    const { claims } = await renew(agent.renewalSecret);
    await db.advance("31 seconds");
    expect(await renew(agent.renewalSecret)).toEqual({ refused: "renewal_reused" });
    expect(await isAlive(claims)).toBe(false);
  });

  it("is refused without the secret, whatever the token", async () => {
    const agent = await makeAgent(db.sql, await makeTenant(db.sql));
    const refusal = await refusalOf(
      as(agent.claims, (session) => session`select mayfly.renew_agent()`),
    );
    expect(refusal.code).toBe("renewal_refused");
    expect((await refusalOf(renew("mfr_guess"))).code).toBe("renewal_refused");
  });
});
