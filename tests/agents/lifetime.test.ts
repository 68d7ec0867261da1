/** An agent ends with its lifetime; living longer is a choice. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  type Claims,
  type Issued,
  inTenant,
  makePerson,
  makeTenant,
  refusalOf,
  renew,
  rpc,
  serviceRole,
} from "#harness/callers";
import { openTestDatabase, type TestDatabase } from "#harness/database";

let db: TestDatabase;
let tenant: string;
beforeAll(async () => {
  db = await openTestDatabase();
  tenant = await makeTenant(db.sql, { max_lifetime: "15 minutes" });
});
afterAll(() => db.close());

const spawn = (values: Record<string, unknown>, as: Claims = serviceRole) =>
  rpc<Issued>(db.sql, as, "spawn_agent", values, as === serviceRole ? inTenant(tenant) : {});
/** As if it had been spawned so many seconds earlier. */
const age = (id: string, seconds: number) => db.sql`
  update mayfly.agents set spawned_at = spawned_at - make_interval(secs => ${seconds}),
    expires_at = expires_at - make_interval(secs => ${seconds})
  where tenant_id = ${tenant} and id = ${id}`;
/** From its spawn to its end, in seconds. */
const spanOf = async (id: string) => {
  const [row] = await db.sql`
    select extract(epoch from expires_at - spawned_at)::float as span from mayfly.agents
    where tenant_id = ${tenant} and id = ${id}`;
  return row?.span as number;
};

describe("a lifetime", () => {
  it("of 60 s is over after 60 s, however often the token is renewed, which never outlives it", async () => {
    const { agent, renewal_secret } = await spawn({ lifetime: 60 });
    let secret = renewal_secret;
    for (const aged of [30, 20]) {
      await age(agent.id, aged);
      const issued = await renew(db.sql, secret);
      secret = issued.renewal_secret;
      expect(await spanOf(agent.id)).toBeCloseTo(60, 3);
      const { exp } = issued.claims as { exp: number };
      expect(exp * 1000).toBeLessThanOrEqual(Date.parse(issued.agent.expires_at as string));
    }
    await age(agent.id, 60);
    expect(await refusalOf(renew(db.sql, secret))).toMatchObject({ code: "agent_not_alive" });
  });

  it("begins again with each token where the agent was spawned with renew, up to the tenant's maximum", async () => {
    const { agent, renewal_secret } = await spawn({ lifetime: 600, renew: true });
    await age(agent.id, 100);
    const issued = await renew(db.sql, renewal_secret);
    expect(await spanOf(agent.id)).toBeGreaterThan(699);
    await age(agent.id, 550);
    await renew(db.sql, issued.renewal_secret);
    expect(await spanOf(agent.id)).toBeCloseTo(900, 3);
  });

  it("begins again where its process asks for that, once", async () => {
    const { agent, renewal_secret } = await spawn({ lifetime: 60 });
    await age(agent.id, 30);
    const issued = await renew(db.sql, renewal_secret, true);
    const span = await spanOf(agent.id);
    expect(span).toBeGreaterThan(89);
    await age(agent.id, 10);
    await renew(db.sql, issued.renewal_secret);
    expect(await spanOf(agent.id)).toBeCloseTo(span, 3);
  });

  it("never outlives the parent's", async () => {
    const parent = await spawn({ lifetime: 60, scopes: ["agent:spawn"] });
    const child = await spawn({ lifetime: 60, scopes: [], renew: true }, parent.claims);
    await age(child.agent.id, 20);
    await renew(db.sql, child.renewal_secret, true);
    const [row] = await db.sql`
      select c.expires_at <= p.expires_at as within from mayfly.agents c, mayfly.agents p
      where c.id = ${child.agent.id} and p.id = ${parent.agent.id}`;
    expect(row?.within).toBe(true);
  });

  it("of a team's agents is renewed by group, and renew is true or false", async () => {
    const owner = await makePerson(db.sql, { [tenant]: "owner" });
    const team = (renews: unknown) =>
      rpc<Issued[]>(db.sql, owner, "spawn_team", {
        team: [{ renew: renews }, {}] as never,
      });
    const issued = await team(true);
    expect(issued.map(({ agent }) => agent.renews)).toEqual([true, false]);
    expect(await refusalOf(team("yes"))).toMatchObject({
      code: "invalid_request",
      details: { index: 0, field: "renew" },
    });
  });
});
