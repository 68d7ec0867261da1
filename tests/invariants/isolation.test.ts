import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  actAs,
  anon,
  codeOf,
  inTenant,
  makeAgent,
  makeTenant,
  rpc,
  serviceRole,
} from "#harness/callers";
import { openTestDatabase, type TestDatabase } from "#harness/database";
import {
  attempt,
  expectItselfForBare,
  expectNothingForStrangers,
  expectOwnScopeForEach,
  expectRoleForViewer,
  expectRowsOfVictim,
  type Isolation,
  insertionInto,
  openIsolation,
} from "#harness/isolation";
import { putOf } from "#harness/operations";

let db: TestDatabase;
let isolation: Isolation;
beforeAll(async () => {
  db = await openTestDatabase();
  isolation = await openIsolation(db.sql);
});
afterAll(() => db.close());

describe("isolation of tenants", () => {
  it("is tried on every table, each with a row of the victim", () => expectRowsOfVictim(isolation));

  it("shows strangers no row, and lets them change, delete or insert none", () =>
    expectNothingForStrangers(isolation));

  it("lets nobody change what all tenants share", async () => {
    const { victim, strangers, common } = isolation;
    const callers = {
      ...strangers,
      owner: { claims: victim.owner },
      agent: { claims: victim.agent.claims },
    };
    expect(common).toContain("scopes");
    for (const table of common) {
      const [column] = await db.sql`
        select attname as name from pg_attribute where attrelid = ${`mayfly.${table}`}::regclass and attnum = 1`;
      const name = column?.name as string;
      for (const [who, caller] of Object.entries(callers)) {
        for (const statement of [
          `update mayfly.${table} set ${name} = ${name}`,
          `delete from mayfly.${table}`,
          await insertionInto(isolation, table),
        ])
          expect(await attempt(isolation, caller, statement), `${who}: ${statement}`).toBe(
            "denied",
          );
      }
    }
  });

  it("shows a viewer what its role shows, and lets it write nothing", () =>
    expectRoleForViewer(isolation));

  it("shows an agent without scopes only itself and its tenant, and shows a machine nothing", () =>
    expectItselfForBare(isolation));

  it("hides each table from an agent that has every scope except the table's", () =>
    expectOwnScopeForEach(isolation));

  it("lets two tenants have memories of the same id", async () => {
    const agent = await makeAgent(db.sql, await makeTenant(db.sql));
    const push = [putOf({ id: isolation.victim.memory, task: "mine" })];
    await actAs(
      db.sql,
      agent.claims,
      (session) => session`select mayfly.sync(${session.json(push)})`,
    );
    const rows = await actAs(
      db.sql,
      agent.claims,
      (session) => session`select task from mayfly.memories`,
    );
    expect([...rows]).toEqual([{ task: "mine" }]);
  });

  it("lets an agent send the tenant that it belongs to, and no other", async () => {
    const { claims } = isolation.victim.agent;
    expect(await rpc(db.sql, claims, "tenant_ids", {}, inTenant(isolation.victim.tenant))).toEqual([
      isolation.victim.tenant,
    ]);
    expect(await rpc(db.sql, claims, "tenant_ids", {}, inTenant(randomUUID()))).toEqual([]);
    expect(await rpc(db.sql, serviceRole, "tenant_ids", {}, inTenant(randomUUID()))).toEqual([]);
    expect(await codeOf(rpc(db.sql, anon, "tenant_ids"))).toBe("42501");
  });
});
