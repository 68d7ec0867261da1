import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
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
import { openTestDatabase, type TestDatabase } from "#harness/database";
import { putOf } from "#harness/operations";

interface Invited {
  token: string;
  invitation: { id: string; role: string };
}

let db: TestDatabase;
let tenant: string;
let owner: Claims;
let admin: Claims;
let member: Claims;
let viewer: Claims;
let stranger: Claims;
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

const call = <T = Record<string, unknown>>(
  claims: Claims,
  name: string,
  values: Record<string, unknown> = {},
  headers: Record<string, string> = claims === serviceRole ? inTenant(tenant) : {},
) => rpc<T>(db.sql, claims, name, values, headers);
const invite = (claims: Claims, role: string, more: Record<string, unknown> = {}) =>
  call<Invited>(claims, "invite_member", { role, ...more });
const emailOf = (claims: Claims) => `${claims.sub}@example.com`;
const roleOf = async (claims: Claims) => {
  const [row] =
    await db.sql`select role from mayfly.members where tenant_id = ${tenant} and user_id = ${claims.sub as string}`;
  return row?.role as string | undefined;
};
const allow = (who: string) =>
  db.sql`update mayfly_private.settings set tenants_created_by = ${who}`;

describe("creating a tenant", () => {
  it("is for the secret key alone, unless the project says otherwise", async () => {
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

  it("gives a person no more tenants than the project allows, and no agent any", async () => {
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

  it("names its owner by the secret key", async () => {
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

describe("an invitation", () => {
  it("makes who has its token a member, once", async () => {
    const { token } = await invite(admin, "member");
    expect(token).toMatch(/^mfi_[0-9a-f]{64}$/);
    expect(await call(stranger, "accept_invitation", { token })).toMatchObject({
      tenant: { id: tenant },
      role: "member",
    });
    expect(await roleOf(stranger)).toBe("member");
    const second = await makePerson(db.sql, {});
    expect(await codeOf(call(second, "accept_invitation", { token }))).toBe("invitation_unknown");
  });

  it("to an address is for who has confirmed it, with the token or without", async () => {
    const { token } = await invite(owner, "admin", { email: emailOf(stranger).toUpperCase() });
    const second = await makePerson(db.sql, {});
    expect(await codeOf(call(second, "accept_invitation", { token }))).toBe("invitation_unknown");
    expect(await call(second, "my_invitations")).toEqual([]);
    const [mine] = await call<{ id: string; role: string }[]>(stranger, "my_invitations");
    expect(mine).toMatchObject({ role: "admin", tenant: { id: tenant } });
    await db.sql`update auth.users set email_confirmed_at = null where id = ${stranger.sub as string}`;
    expect(await codeOf(call(stranger, "accept_invitation", { id: mine?.id }))).toBe(
      "invitation_unknown",
    );
    await db.sql`update auth.users set email_confirmed_at = now() where id = ${stranger.sub as string}`;
    await call(stranger, "accept_invitation", { id: mine?.id });
    expect(await roleOf(stranger)).toBe("admin");
  });

  it("is accepted by the id alone by nobody else", async () => {
    const { invitation } = await invite(owner, "member");
    expect(await codeOf(call(stranger, "accept_invitation", { id: invitation.id }))).toBe(
      "invitation_unknown",
    );
    expect(await codeOf(call(stranger, "accept_invitation"))).toBe("invalid_request");
  });

  it("ends when it is revoked and when it expires", async () => {
    const revoked = await invite(admin, "viewer");
    await call(admin, "revoke_invitation", { id: revoked.invitation.id });
    expect(await codeOf(call(stranger, "accept_invitation", { token: revoked.token }))).toBe(
      "invitation_unknown",
    );
    const late = await invite(admin, "viewer");
    await db.advance("7 days");
    expect(await codeOf(call(stranger, "accept_invitation", { token: late.token }))).toBe(
      "invitation_expired",
    );
    expect(await codeOf(call(admin, "revoke_invitation", { id: randomUUID() }))).toBe(
      "invitation_unknown",
    );
  });

  it("is for admins to make, into owner for owners alone", async () => {
    expect(await codeOf(invite(member, "viewer"))).toBe("scope_missing");
    expect(await codeOf(invite(admin, "owner"))).toBe("role_missing");
    expect(await codeOf(invite(admin, "king"))).toBe("invalid_request");
    expect(await codeOf(invite(admin, "viewer", { email: "nobody" }))).toBe("invalid_request");
    expect(await codeOf(invite(admin, "viewer", { email: emailOf(member) }))).toBe(
      "already_member",
    );
    await invite(owner, "owner");
  });

  it("changes nothing for who is a member already, and is not spent", async () => {
    const { token } = await invite(owner, "admin");
    expect(await codeOf(call(viewer, "accept_invitation", { token }))).toBe("already_member");
    expect(await roleOf(viewer)).toBe("viewer");
    await call(stranger, "accept_invitation", { token });
  });

  it("keeps no token in the database", async () => {
    const { token } = await invite(owner, "member");
    const [row] = await db.sql`
      select count(*)::int as hits from mayfly.invitations i where to_jsonb(i)::text like ${`%${token.slice(4)}%`}`;
    expect(row?.hits).toBe(0);
  });
});

describe("the people of a tenant", () => {
  it("get other roles from admins, owners only from owners", async () => {
    const change = (as: Claims, of: Claims, role: string) =>
      call(as, "change_member_role", { user_id: of.sub, role });
    await change(admin, member, "viewer");
    expect(await roleOf(member)).toBe("viewer");
    expect(await codeOf(change(admin, member, "owner"))).toBe("role_missing");
    expect(await codeOf(change(admin, owner, "viewer"))).toBe("role_missing");
    expect(await codeOf(change(viewer, viewer, "admin"))).toBe("scope_missing");
    expect(await codeOf(change(admin, stranger, "viewer"))).toBe("member_unknown");
    expect(await codeOf(change(owner, owner, "admin"))).toBe("last_owner");
    await change(owner, admin, "owner");
    await change(admin, owner, "viewer");
  });

  it("are removed by admins, owners by owners, and lose everything at once", async () => {
    const remove = (as: Claims, who: Claims) => call(as, "remove_member", { user_id: who.sub });
    expect(await codeOf(remove(member, viewer))).toBe("scope_missing");
    expect(await codeOf(remove(admin, owner))).toBe("role_missing");
    await remove(admin, member);
    expect(await call(member, "tenant_ids")).toEqual([]);
    expect(await codeOf(call(member, "usage"))).toBe("tenant_unknown");
  });

  it("leave by themselves, but never the last owner", async () => {
    await call(viewer, "leave_tenant");
    expect(await roleOf(viewer)).toBeUndefined();
    expect(await codeOf(call(owner, "leave_tenant"))).toBe("last_owner");
    const { claims } = await makeAgent(db.sql, tenant);
    expect(await codeOf(call(claims, "leave_tenant"))).toBe("not_authorized");
  });

  it("take a tenant over from its owner, who becomes admin", async () => {
    expect(await codeOf(call(admin, "transfer_tenant", { user_id: member.sub }))).toBe(
      "role_missing",
    );
    expect(await codeOf(call(owner, "transfer_tenant", { user_id: stranger.sub }))).toBe(
      "member_unknown",
    );
    expect(await codeOf(call(owner, "transfer_tenant", { user_id: owner.sub }))).toBe(
      "invalid_request",
    );
    expect(await call(owner, "transfer_tenant", { user_id: member.sub })).toMatchObject({
      role: "owner",
    });
    expect([await roleOf(owner), await roleOf(member)]).toEqual(["admin", "owner"]);
  });

  it("are added without an invitation by the secret key", async () => {
    await call(serviceRole, "add_member", { user_id: stranger.sub, role: "viewer" });
    expect(await roleOf(stranger)).toBe("viewer");
    expect(
      await codeOf(call(serviceRole, "add_member", { user_id: stranger.sub, role: "owner" })),
    ).toBe("already_member");
    expect(
      await codeOf(call(serviceRole, "add_member", { user_id: randomUUID(), role: "owner" })),
    ).toBe("user_unknown");
    expect(await codeOf(call(owner, "add_member", { user_id: stranger.sub, role: "viewer" }))).toBe(
      "42501",
    );
  });

  it("are told to the log as they come, change and go", async () => {
    const { token } = await invite(owner, "viewer");
    await call(stranger, "accept_invitation", { token });
    await call(owner, "change_member_role", { user_id: stranger.sub, role: "member" });
    await call(owner, "remove_member", { user_id: stranger.sub });
    const rows = await db.sql`
      select type from mayfly.events where tenant_id = ${tenant} and subject = ${stranger.sub as string} order by xid, id`;
    expect(rows.map((row) => row.type)).toEqual(["member.joined", "member.updated", "member.left"]);
  });

  it("work in several tenants, and choose by the header", async () => {
    const second = await makeTenant(db.sql);
    await db.sql`insert into mayfly.members (tenant_id, user_id, role) values (${second}, ${member.sub as string}, 'viewer')`;
    expect(await codeOf(call(member, "usage"))).toBe("tenant_ambiguous");
    const spawning = call(member, "spawn_agent", {}, inTenant(second));
    expect(await codeOf(spawning)).toBe("scope_missing");
    await call(member, "spawn_agent", {}, inTenant(tenant));
    expect(await codeOf(call(member, "usage", {}, inTenant(await makeTenant(db.sql))))).toBe(
      "tenant_unknown",
    );
  });
});

describe("a tenant's settings", () => {
  it("are changed by admins; its quotas by the secret key alone", async () => {
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

  it("has its quotas set by the secret key alone, each within its bounds", async () => {
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

describe("deleting a person", () => {
  it("removes no memory and no agent, and leaves the tenant, be it without an owner", async () => {
    const push = [putOf({ task: "kept" })];
    await actAs(
      db.sql,
      owner,
      (session) => session`select mayfly.sync(${session.json(push)}, null, 0)`,
    );
    const agent = await makeAgent(db.sql, tenant, { as: owner });
    await db.sql`delete from auth.users where id = ${owner.sub as string}`;
    const [row] = await db.sql`
      select (select count(*)::int from mayfly.memories where tenant_id = ${tenant}) as memories,
        (select status from mayfly.agents where id = ${agent.id}) as agent,
        (select count(*)::int from mayfly.members where tenant_id = ${tenant} and role = 'owner') as owners,
        (select pushed_by from mayfly.memories where tenant_id = ${tenant}) as pushed_by`;
    expect(row).toEqual({ memories: 1, agent: "running", owners: 0, pushed_by: owner.sub });
    await call(serviceRole, "change_member_role", { user_id: admin.sub, role: "owner" });
  });
});
