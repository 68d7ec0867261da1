/** A tenant with a person of each role. */
import { afterAll, beforeAll, beforeEach } from "vitest";
import { type Claims, inTenant, makePerson, makeTenant, rpc, serviceRole } from "#harness/callers";
import { openTestDatabase, type TestDatabase } from "#harness/database";

export interface Invited {
  token: string;
  invitation: { id: string; role: string };
}

export let db: TestDatabase;
export let tenant: string;
export let owner: Claims;
export let admin: Claims;
export let member: Claims;
export let viewer: Claims;
export let stranger: Claims;

export function setUp(): void {
  beforeAll(async () => {
    db = await openTestDatabase();
  });
  afterAll(() => db.close());
  beforeEach(async () => {
    tenant = await makeTenant(db.sql);
    owner = await makePerson(db.sql, { [tenant]: "owner" });
    admin = await makePerson(db.sql, { [tenant]: "admin" });
    member = await makePerson(db.sql, { [tenant]: "member" });
    viewer = await makePerson(db.sql, { [tenant]: "viewer" });
    stranger = await makePerson(db.sql, {});
  });
}

export const call = <T = Record<string, unknown>>(
  claims: Claims,
  name: string,
  values: Record<string, unknown> = {},
  headers: Record<string, string> = claims === serviceRole ? inTenant(tenant) : {},
) => rpc<T>(db.sql, claims, name, values, headers);
export const roleOf = async (claims: Claims) => {
  const [row] =
    await db.sql`select role from mayfly.members where tenant_id = ${tenant} and user_id = ${claims.sub as string}`;
  return row?.role as string | undefined;
};
export const allow = (who: string) =>
  db.sql`update mayfly_private.settings set tenants_created_by = ${who}`;
