/** `mayfly.ensure_tenant`: the same name gives the same tenant, to whoever asked for it. */
import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  type Claims,
  inTenant,
  makeAgent,
  makePerson,
  makeTenant,
  refusalOf,
  rpc,
  serviceRole,
} from "#harness/callers";
import { openPostgresDatabase, openTestDatabase, type TestDatabase } from "#harness/database";
import { databaseUrl } from "#harness/needs";

interface Ensured {
  id: string;
  name: string;
  created: boolean;
}

const ensure = (db: TestDatabase, claims: Claims, values: Record<string, unknown>) =>
  rpc<Ensured>(db.sql, claims, "ensure_tenant", values);

describe("ensuring a tenant", () => {
  let db: TestDatabase;
  beforeAll(async () => {
    db = await openTestDatabase();
  });
  afterAll(() => db.close());

  it("makes it once, and gives it again, also after it was renamed", async () => {
    const name = randomUUID();
    const first = await ensure(db, serviceRole, { name });
    expect(first).toMatchObject({ name, created: true });
    expect(await ensure(db, serviceRole, { name })).toEqual({ ...first, created: false });
    await rpc(db.sql, serviceRole, "update_tenant", { name: "renamed" }, inTenant(first.id));
    expect(await ensure(db, serviceRole, { name })).toMatchObject({ id: first.id, created: false });
  });

  it("takes one that create_tenant made, and never one of a stranger that has the same name", async () => {
    const name = randomUUID();
    await db.sql`update mayfly_private.settings set tenants_created_by = 'signed_in'`;
    const [stranger, friend] = [await makePerson(db.sql, {}), await makePerson(db.sql, {})];
    const theirs = await ensure(db, stranger, { name });
    const made = await rpc<{ id: string }>(db.sql, serviceRole, "create_tenant", { name });
    expect(await ensure(db, serviceRole, { name })).toMatchObject({ id: made.id, created: false });
    const friends = await ensure(db, friend, { name });
    expect(friends.created).toBe(true);
    expect(new Set([theirs.id, made.id, friends.id]).size).toBe(3);
    expect((await ensure(db, stranger, { name })).id).toBe(theirs.id);
    // The secret key, for that person.
    const owned = await ensure(db, serviceRole, { name, owner: friend.sub });
    expect(owned.id).toBe(friends.id);
    await db.sql`update mayfly_private.settings set tenants_created_by = 'secret_key'`;
  });

  it("gives a person no tenant that it has left", async () => {
    const name = randomUUID();
    const person = await makePerson(db.sql, {});
    const first = await ensure(db, serviceRole, { name, owner: person.sub });
    await db.sql`alter table mayfly.members disable trigger user`;
    await db.sql`delete from mayfly.members where tenant_id = ${first.id}`;
    await db.sql`alter table mayfly.members enable trigger user`;
    const again = await ensure(db, serviceRole, { name, owner: person.sub });
    expect(again.id).not.toBe(first.id);
  });

  it("needs the right to create one, and a name", async () => {
    const person = await makePerson(db.sql, {});
    const agent = await makeAgent(db.sql, await makeTenant(db.sql));
    expect(await refusalOf(ensure(db, person, { name: randomUUID() }))).toMatchObject({
      code: "tenant_creation_not_allowed",
    });
    expect(await refusalOf(ensure(db, agent.claims, { name: "x" }))).toMatchObject({
      code: "not_authorized",
    });
    for (const name of ["", "x".repeat(201)])
      expect(await refusalOf(ensure(db, serviceRole, { name }))).toMatchObject({
        code: "invalid_request",
        details: { field: "name" },
      });
    expect(
      await refusalOf(ensure(db, serviceRole, { name: "x", owner: randomUUID() })),
    ).toMatchObject({ code: "user_unknown" });
  });
});

// One session cannot race with itself.
describe.skipIf(!databaseUrl)("ensuring a tenant, on Postgres 17", () => {
  let db: TestDatabase;
  beforeAll(async () => {
    db = await openPostgresDatabase();
  });
  afterAll(() => db?.close());

  it("20 processes that begin at once get one tenant", async () => {
    const name = randomUUID();
    const all = await Promise.all(
      Array.from({ length: 20 }, () => ensure(db, serviceRole, { name })),
    );
    expect(new Set(all.map(({ id }) => id)).size).toBe(1);
    expect(all.filter(({ created }) => created).length).toBe(1);
  });
});
