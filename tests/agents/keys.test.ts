import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import {
  actAs,
  type Claims,
  codeOf,
  type Issued,
  inSeconds,
  inTenant,
  machineClaims,
  makePerson,
  makeTenant,
  refusalOf,
  rpc,
} from "#harness/callers";
import { openTestDatabase, type TestDatabase } from "#harness/database";

interface Created {
  key: string;
  enrolment_key: { id: string; scopes: string[]; expires_at: string };
}

let db: TestDatabase;
let tenant: string;
let admin: Claims;
beforeAll(async () => {
  db = await openTestDatabase();
});
afterAll(() => db.close());
beforeEach(async () => {
  tenant = await makeTenant(db.sql);
  admin = await makePerson(db.sql, { [tenant]: "admin" });
});

const create = (values: Record<string, unknown> = {}, as = admin) =>
  rpc<Created>(db.sql, as, "create_enrolment_key", { name: "a rack", ...values });
const spawn = (key: string, values: Record<string, unknown> = {}) =>
  rpc<Issued>(db.sql, machineClaims(key), "spawn_agent", values);

describe("an enrolment key", () => {
  it("is shown once, kept hashed, and lists its scopes, expiry and last use", async () => {
    const { key, enrolment_key } = await create({ scopes: ["memory:read"] });
    expect(key).toMatch(/^mfk_[0-9a-f]{64}$/);
    await spawn(key);
    const [row] = await actAs(
      db.sql,
      admin,
      (session) => session`select * from mayfly.enrolment_keys`,
    );
    expect(row).toMatchObject({ id: enrolment_key.id, scopes: ["memory:read"], revoked_at: null });
    expect(row?.last_used_at).toBeInstanceOf(Date);
    expect(JSON.stringify(row)).not.toContain(key.slice(4));
    const days = (Date.parse(enrolment_key.expires_at) - Date.now()) / 86_400_000;
    expect(Math.round(days)).toBe(90);
  });

  it("spawns agents of its tenant with at most its scopes", async () => {
    const { key, enrolment_key } = await create({ scopes: ["memory:read", "agent:spawn"] });
    const issued = await spawn(key);
    expect(issued.agent).toMatchObject({
      tenant_id: tenant,
      scopes: ["memory:read"],
      spawned_by: enrolment_key.id,
      parent_id: null,
    });
    expect(await refusalOf(spawn(key, { scopes: ["memory:write"] }))).toMatchObject({
      code: "scope_exceeds_parent",
      details: { scopes: ["memory:write"] },
    });
    const again = await spawn(key, { registration_key: "m", scopes: ["agent:spawn"] });
    expect((await spawn(key, { registration_key: "m" })).agent.id).toBe(again.agent.id);
    expect(
      await rpc(db.sql, machineClaims(key), "spawn_team", { team: [{ count: 2 }] }),
    ).toHaveLength(2);
  });

  it("can only spawn", async () => {
    const { key } = await create();
    const claims = machineClaims(key);
    expect(await rpc(db.sql, claims, "tenant_ids")).toEqual([]);
    for (const [name, values] of [
      ["sync", {}],
      ["usage", {}],
      ["find_agents", {}],
      ["stop_agent", { id: randomUUID() }],
      ["list_members", {}],
      ["create_enrolment_key", { name: "x" }],
    ] as const)
      expect(await codeOf(rpc(db.sql, claims, name, values)), name).toBe("scope_missing");
    expect(
      await actAs(db.sql, claims, (session) => session`select * from mayfly.tenants`),
    ).toHaveLength(0);
  });

  it("is refused as soon as it is revoked, and so are its agents if this was requested", async () => {
    const { key, enrolment_key } = await create();
    const { agent, claims } = await spawn(key);
    const revoke = (stop_agents: boolean) =>
      rpc(db.sql, admin, "revoke_enrolment_key", { id: enrolment_key.id, stop_agents });
    await revoke(false);
    expect(await codeOf(spawn(key))).toBe("not_authorized");
    expect(await rpc(db.sql, claims, "get_agent")).toMatchObject({
      id: agent.id,
      status: "running",
    });
    await revoke(true);
    expect(await codeOf(rpc(db.sql, claims, "get_agent"))).toBe("not_authorized");
  });

  it("is refused after it expired, in another tenant, and with an expired token", async () => {
    const { key } = await create();
    const claims = machineClaims(key);
    const tried = (as: Claims, headers = {}) => codeOf(rpc(db.sql, as, "spawn_agent", {}, headers));
    expect(await tried(claims, inTenant(await makeTenant(db.sql)))).toBe("not_authorized");
    expect(await tried({ ...claims, exp: inSeconds(-31) })).toBe("not_authorized");
    expect(await tried({ ...claims, iss: admin.iss })).toBe("not_authorized");
    expect(await tried(machineClaims("mfk_guess"))).toBe("not_authorized");
    await db.advance("91 days");
    expect(await tried(claims)).toBe("not_authorized");
  });

  it("writes its last use at most once a minute", async () => {
    const { key, enrolment_key } = await create();
    const lastUse = async () => {
      const [row] =
        await db.sql`select last_used_at::text as at from mayfly.enrolment_keys where id = ${enrolment_key.id}`;
      return row?.at as string;
    };
    await spawn(key);
    const first = await lastUse();
    await spawn(key);
    expect(await lastUse()).toBe(first);
    await db.advance("2 minutes");
    await spawn(key);
    expect(Date.parse(await lastUse())).toBeGreaterThan(Date.parse(first));
  });

  it("is created and seen only by admins, and has only scopes that agents can have", async () => {
    const member = await makePerson(db.sql, { [tenant]: "member" });
    await create();
    expect(await codeOf(create({}, member))).toBe("scope_missing");
    expect(
      await actAs(db.sql, member, (session) => session`select * from mayfly.enrolment_keys`),
    ).toHaveLength(0);
    expect(await codeOf(create({ scopes: ["key:write"] }))).toBe("scope_not_for_agents");
    expect(await codeOf(create({ scopes: ["everything"] }))).toBe("scope_unknown");
    expect(await codeOf(create({ expires_at: "2020-01-01T00:00:00Z" }))).toBe("invalid_request");
    const unknown = rpc(db.sql, admin, "revoke_enrolment_key", { id: randomUUID() });
    expect(await codeOf(unknown)).toBe("enrolment_key_unknown");
  });
});
