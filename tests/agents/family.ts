import { afterAll, beforeAll } from "vitest";
import {
  type Claims,
  inTenant,
  makeAgent,
  makePerson,
  makeTenant,
  rpc,
  type SpawnedAgent,
  serviceRole,
} from "#harness/callers";
import { openTestDatabase, type TestDatabase } from "#harness/database";

export interface Card {
  id: string;
  name: string;
  status: string;
  children: number | Card[];
  seconds_left: number;
  [more: string]: unknown;
}

export let db: TestDatabase;
export let tenant: string;
export let parent: SpawnedAgent;
export let child: SpawnedAgent;
export let grandchild: SpawnedAgent;
export let other: SpawnedAgent;
export let member: Claims;

export function setUp(): void {
  beforeAll(async () => {
    db = await openTestDatabase();
  });
  afterAll(() => db.close());
}

/** A family of three, a bystander and a member. */
export async function makeFamily() {
  tenant = await makeTenant(db.sql);
  const scopes = ["agent:spawn", "memory:read"];
  parent = await makeAgent(db.sql, tenant, { scopes, type: "lead" });
  child = await makeAgent(db.sql, tenant, { as: parent.claims, scopes });
  grandchild = await makeAgent(db.sql, tenant, { as: child.claims, scopes: ["memory:read"] });
  other = await makeAgent(db.sql, tenant, { scopes: ["memory:read", "agent:read"] });
  member = await makePerson(db.sql, { [tenant]: "member" });
}
export const call = <T = Card>(
  claims: Claims,
  name: string,
  values: Record<string, unknown> = {},
) => rpc<T>(db.sql, claims, name, values, claims === serviceRole ? inTenant(tenant) : {});
export const alive = async (...agents: SpawnedAgent[]) => {
  const answers = [];
  for (const { claims } of agents)
    answers.push((await rpc<string[]>(db.sql, claims, "tenant_ids")).length === 1);
  return answers;
};
