import { randomUUID } from "node:crypto";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { actAs, type Claims, inSeconds, makeAgent, rpc } from "#harness/callers";
import { openTestDatabase, type TestDatabase } from "#harness/database";
import { fillTenant, type Victim } from "#harness/sweep";
import { mutationOf } from "./claims.ts";

let db: TestDatabase;
let victim: Victim;
let own: Victim;
/** Living agents by id, with their tenant. All others are dead. */
let living: Map<string, string>;
let dead: Claims[];

beforeAll(async () => {
  db = await openTestDatabase();
  victim = await fillTenant(db.sql);
  own = await fillTenant(db.sql);
  const make = (lifetime = 600) => makeAgent(db.sql, own.tenant, { lifetime });
  const [stopped, suspended, expired] = [await make(), await make(), await make(5)];
  await rpc(db.sql, stopped.claims, "stop_agent");
  await rpc(db.sql, suspended.claims, "suspend_agent");
  await db.advance("5 seconds");
  // Its token has not expired, so only the end of the agent can refuse it.
  dead = [stopped.claims, suspended.claims, { ...expired.claims, exp: stopped.claims.exp }];
  const rows = await db.sql`
    select id, tenant_id from mayfly.agents
    where id <> all (${[stopped.id, suspended.id, expired.id]}) and status = 'running'`;
  living = new Map(rows.map((row) => [row.id as string, row.tenant_id as string]));
});
afterAll(() => db.close());

interface Seen {
  kind: string | null;
  id: string | null;
  tenants: string[];
  rows: number;
}

/** The caller that SQL sees in these claims, and what it can see. */
function seenBy(claims: Claims): Promise<Seen> {
  return actAs(db.sql, { role: "authenticated" }, async (session) => {
    await session`select set_config('request.jwt.claims', ${JSON.stringify(claims)}, true)`;
    const [row] = await session`select mayfly.tenant_ids() as tenants,
        (select count(*)::int from mayfly.memories) as rows,
        mayfly_private.caller_id() as id`;
    return row as unknown as Seen;
  });
}

/**
 * The id of the living agent as which the claims may act. It has to be in the tenant that they name. Undefined
 * if there is none.
 */
function mayBe(claims: Claims): string | undefined {
  const { iss, role, exp, nbf = 0, sub, mayfly } = claims;
  const { tenant } = Object(mayfly) as { tenant?: unknown };
  if (iss !== "mayfly" || role !== "authenticated") return undefined;
  if (typeof exp !== "number" || typeof nbf !== "number" || exp < inSeconds(-31)) return undefined;
  const id = String(sub).toLowerCase();
  const of = living.get(id);
  return of !== undefined && of === String(tenant).toLowerCase() ? id : undefined;
}

describe("altered claims", () => {
  const runs = { numRuns: Number(process.env.FUZZ_RUNS ?? 160) };

  it("never fail, and make their bearer at most a living agent of the tenant that they name", async () => {
    const others = [victim.agent.id, victim.tenant, String(victim.owner.sub), victim.viewer.sub];
    await fc.assert(
      fc.asyncProperty(
        mutationOf(own.agent.claims, [...others, own.tenant, ...living.keys()]),
        async (claims) => {
          const { id, tenants, rows } = await seenBy(claims);
          const agent = mayBe(claims);
          // Claims of another issuer may be those of a person. They then name that person and no agent.
          const person = String(claims.iss).includes("/auth/v1");
          if (person) return;
          expect(tenants.length, JSON.stringify(claims)).toBeLessThanOrEqual(agent ? 1 : 0);
          if (tenants[0]) {
            expect(id).toBe(agent);
            expect(tenants[0]).toBe(living.get(agent ?? ""));
          }
          if (!agent) expect([id, rows]).toEqual([null, 0]);
        },
      ),
      runs,
    );
  });

  it("never bring a dead agent to life", async () => {
    for (const claims of dead)
      await fc.assert(
        fc.asyncProperty(mutationOf(claims, [own.tenant, String(claims.sub)]), async (altered) => {
          if (String(altered.iss).includes("/auth/v1")) return;
          const { tenants, rows, id } = await seenBy(altered);
          expect([tenants, rows, id], JSON.stringify(altered)).toEqual([[], 0, null]);
        }),
        { numRuns: Math.ceil(runs.numRuns / 4) },
      );
  });

  it("never make an agent a person, or a person an agent", async () => {
    const asPerson = { ...own.agent.claims, iss: String(victim.owner.iss) };
    const withMayfly = { ...victim.owner, mayfly: own.agent.claims.mayfly };
    const asAgent = { ...victim.owner, iss: "mayfly", mayfly: { v: 1, tenant: victim.tenant } };
    for (const claims of [asPerson, withMayfly, asAgent])
      expect((await seenBy(claims)).tenants, JSON.stringify(claims)).toEqual([]);
  });

  it("never match a secret with another hash, a guess, or a wrong form", async () => {
    const shapes = fc.oneof(
      fc.jsonValue(),
      fc.string({ unit: "grapheme" }),
      fc.constantFrom("", "0", "zz", "\\x00", "ab".repeat(32), "ab".repeat(5_000)),
    );
    for (const claim of ["enrolment", "renewal"])
      await fc.assert(
        fc.asyncProperty(shapes, async (hash) => {
          fc.pre(!JSON.stringify(hash).includes("\\u0000"));
          const claims = {
            iss: "mayfly",
            role: "authenticated",
            exp: inSeconds(30),
            mayfly: { v: 1, [claim]: hash, tenant: victim.tenant },
          };
          expect((await seenBy(claims)).tenants).toEqual([]);
          const name = claim === "renewal" ? "renew_agent" : "spawn_agent";
          const refused = await rpc(db.sql, claims, name).catch((error: Error) => error);
          expect(refused).toMatchObject({ code: "PGRST" });
          expect(JSON.parse((refused as unknown as { detail: string }).detail).status).toBe(401);
        }),
        { numRuns: 100 },
      );
  });

  it("get the same answer for a dead, a foreign and an unknown agent", async () => {
    const refusal = (claims: Claims) =>
      rpc(db.sql, claims, "recall", { query: "x" }).then(
        () => "answered",
        (error: Error) => error.message,
      );
    const { claims } = own.agent;
    const answers = await Promise.all([
      refusal(dead[0] as Claims),
      refusal({ ...claims, sub: randomUUID() }),
      refusal({ ...claims, sub: victim.agent.id }),
      refusal({ ...claims, mayfly: { ...(claims.mayfly as object), tenant: victim.tenant } }),
    ]);
    expect(new Set(answers).size).toBe(1);
  });
});
