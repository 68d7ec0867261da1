import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  actAs,
  type Claims,
  codeOf,
  inTenant,
  makeAgent,
  makePerson,
  makeTenant,
  refusalOf,
  rpc,
  serviceRole,
} from "#harness/callers";
import { openPostgresDatabase, type TestDatabase } from "#harness/database";
import { databaseUrl } from "#harness/needs";
import { admin, allow, call, db, member, owner, setUp, stranger, tenant } from "#harness/people";

const emailOf = (claims: Claims) => `${claims.sub}@example.com`;

interface Ensured {
  id: string;
  name: string;
  created: boolean;
}

const ensure = (db: TestDatabase, claims: Claims, values: Record<string, unknown>) =>
  rpc<Ensured>(db.sql, claims, "ensure_tenant", values);

setUp();

describe("creating a tenant", () => {
  it("is only for the secret key, unless the project says otherwise", async () => {
    expect(await codeOf(call(stranger, "create_tenant", { name: "mine" }))).toBe(
      "tenant_creation_not_allowed",
    );
    await allow("signed_in");
    const created = await call<{ id: string }>(stranger, "create_tenant", { name: "mine" });
    expect(await call(stranger, "list_members")).toMatchObject([
      { user_id: stranger.sub, email: emailOf(stranger), role: "owner" },
    ]);
    expect(created.id).toMatch(/^[0-9a-f-]{36}$/);
    const anonymous = { ...stranger, is_anonymous: true };
    expect(await codeOf(call(anonymous, "create_tenant", { name: "x" }))).toBe(
      "tenant_creation_not_allowed",
    );
    await allow("secret_key");
  });

  it("gives a person no more tenants than the project allows, and agents none", async () => {
    await allow("signed_in");
    await db.sql`update mayfly_private.settings set max_tenants_per_person = 1`;
    await call(stranger, "create_tenant", { name: "one" });
    expect(await refusalOf(call(stranger, "create_tenant", { name: "two" }))).toMatchObject({
      code: "tenant_quota_exceeded",
      details: { limit: 1 },
    });
    const { claims } = await makeAgent(db.sql, tenant);
    expect(await codeOf(call(claims, "create_tenant", { name: "x" }))).toBe("not_authorized");
    await db.sql`update mayfly_private.settings set tenants_created_by = default, max_tenants_per_person = default`;
  });

  it("lets the secret key name the owner", async () => {
    const { id } = await call<{ id: string }>(serviceRole, "create_tenant", {
      name: "theirs",
      owner: stranger.sub,
    });
    const rows = await db.sql`select user_id, role from mayfly.members where tenant_id = ${id}`;
    expect([...rows]).toEqual([{ user_id: stranger.sub, role: "owner" }]);
    expect(
      await codeOf(call(serviceRole, "create_tenant", { name: "x", owner: randomUUID() })),
    ).toBe("user_unknown");
  });
});

describe("a tenant's settings", () => {
  it("are changed by admins, except quotas", async () => {
    const changed = await call(admin, "update_tenant", {
      name: "new",
      max_lifetime: 60,
      language: "german",
    });
    expect(changed).toMatchObject({ name: "new", max_lifetime: "00:01:00", language: "german" });
    expect(await codeOf(call(member, "update_tenant", { name: "x" }))).toBe("scope_missing");
    expect(await codeOf(call(admin, "update_tenant", { language: "klingon" }))).toBe(
      "invalid_request",
    );
    expect(await codeOf(call(admin, "update_tenant", { max_lifetime: 1 }))).toBe(
      "lifetime_out_of_range",
    );
  });

  it("include quotas, which only the secret key can set, within bounds", async () => {
    const quotas = {
      max_living_agents: 7,
      spawns_per_minute: 70,
      max_memories: 700,
      max_bytes: 7000,
      writes_per_minute: 7000,
      messages_kept: 7200,
    };
    expect(await call(serviceRole, "set_quotas", quotas)).toMatchObject({
      ...quotas,
      id: tenant,
      messages_kept: "02:00:00",
    });
    expect(await call(serviceRole, "set_quotas", { max_bytes: 70_000 })).toMatchObject({
      ...quotas,
      max_bytes: 70_000,
      messages_kept: "02:00:00",
    });
    for (const [field, value] of Object.entries({
      max_living_agents: -1,
      spawns_per_minute: 0,
      max_memories: -1,
      max_bytes: -1,
      writes_per_minute: 999,
      messages_kept: 60,
    }))
      expect(await refusalOf(call(serviceRole, "set_quotas", { [field]: value }))).toMatchObject({
        code: "invalid_request",
        details: { field },
      });
    for (const claims of [owner, admin])
      expect(await codeOf(call(claims, "set_quotas", quotas))).toBe("42501");
    for (const claims of [owner, serviceRole]) {
      const direct = actAs(
        db.sql,
        claims,
        (session) => session`update mayfly.tenants set max_bytes = 1 where id = ${tenant}`,
      );
      expect(await codeOf(direct)).toBe("42501");
    }
  });
});

describe("ensuring a tenant", () => {
  it("creates the tenant once, and returns it again, even after it was renamed", async () => {
    const name = randomUUID();
    const first = await ensure(db, serviceRole, { name });
    expect(first).toMatchObject({ name, created: true });
    expect(await ensure(db, serviceRole, { name })).toEqual({ ...first, created: false });
    await rpc(db.sql, serviceRole, "update_tenant", { name: "renamed" }, inTenant(first.id));
    expect(await ensure(db, serviceRole, { name })).toMatchObject({ id: first.id, created: false });
  });

  it("returns a tenant from create_tenant, and never a stranger's tenant with the same name", async () => {
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
    // The secret key gets the same tenant on behalf of that person.
    const owned = await ensure(db, serviceRole, { name, owner: friend.sub });
    expect(owned.id).toBe(friends.id);
    await db.sql`update mayfly_private.settings set tenants_created_by = 'secret_key'`;
  });

  it("does not return a tenant that the person has left", async () => {
    const name = randomUUID();
    const person = await makePerson(db.sql, {});
    const first = await ensure(db, serviceRole, { name, owner: person.sub });
    await db.sql`alter table mayfly.members disable trigger user`;
    await db.sql`delete from mayfly.members where tenant_id = ${first.id}`;
    await db.sql`alter table mayfly.members enable trigger user`;
    const again = await ensure(db, serviceRole, { name, owner: person.sub });
    expect(again.id).not.toBe(first.id);
  });

  it("needs the right to create tenants, and a name", async () => {
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
describe.skipIf(!databaseUrl)("ensuring a tenant, on Postgres 17,", () => {
  let real: TestDatabase;
  beforeAll(async () => {
    real = await openPostgresDatabase();
  });
  afterAll(() => real?.close());

  it("gives 20 processes that start at the same time one tenant", async () => {
    const name = randomUUID();
    const all = await Promise.all(
      Array.from({ length: 20 }, () => ensure(real, serviceRole, { name })),
    );
    expect(new Set(all.map(({ id }) => id)).size).toBe(1);
    expect(all.filter(({ created }) => created).length).toBe(1);
  });
});
