/** An agent ends when its lifetime is over, unless its lifetime was extended. */
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
/** Changes the agent's times as if it had been spawned `seconds` seconds earlier. */
const spanOf = async (id: string) => {
  const [row] = await db.sql`
    select extract(epoch from expires_at - spawned_at)::float as span from mayfly.agents
    where tenant_id = ${tenant} and id = ${id}`;
  return row?.span as number;
};

describe("a lifetime", () => {
  it("of 60 s is over after 60 s, however often the token is renewed", async () => {
    const { agent, renewal_secret } = await spawn({ lifetime: 60 });
    let secret = renewal_secret;
    for (const passed of ["30 s", "20 s"]) {
      await db.advance(passed);
      const issued = await renew(db.sql, secret);
      secret = issued.renewal_secret;
      expect(await spanOf(agent.id)).toBeCloseTo(60, 3);
      const { exp } = issued.claims as { exp: number };
      expect(exp * 1000).toBeLessThanOrEqual(Date.parse(issued.agent.expires_at as string));
    }
    await db.advance("60 s");
    expect(await refusalOf(renew(db.sql, secret))).toMatchObject({ code: "agent_not_alive" });
  });

  it("starts again with each token of an agent with renew, up to the tenant's maximum", async () => {
    const { agent, renewal_secret } = await spawn({ lifetime: 600, renew: true });
    await db.advance("100 s");
    const issued = await renew(db.sql, renewal_secret);
    expect(await spanOf(agent.id)).toBeGreaterThan(699);
    await db.advance("550 s");
    await renew(db.sql, issued.renewal_secret);
    expect(await spanOf(agent.id)).toBeCloseTo(900, 3);
  });

  it("starts again once if its process asks for it", async () => {
    const { agent, renewal_secret } = await spawn({ lifetime: 60 });
    await db.advance("30 s");
    const issued = await renew(db.sql, renewal_secret, true);
    const span = await spanOf(agent.id);
    expect(span).toBeGreaterThan(89);
    await db.advance("10 s");
    await renew(db.sql, issued.renewal_secret);
    expect(await spanOf(agent.id)).toBeCloseTo(span, 3);
  });

  it("never outlives the parent's", async () => {
    const parent = await spawn({ lifetime: 60, scopes: ["agent:spawn"] });
    const child = await spawn({ lifetime: 60, scopes: [], renew: true }, parent.claims);
    await db.advance("20 s");
    await renew(db.sql, child.renewal_secret, true);
    const [row] = await db.sql`
      select c.expires_at <= p.expires_at as within from mayfly.agents c, mayfly.agents p
      where c.id = ${child.agent.id} and p.id = ${parent.agent.id}`;
    expect(row?.within).toBe(true);
  });

  it("of a team's agents is renewed only in groups with renew: true", async () => {
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
