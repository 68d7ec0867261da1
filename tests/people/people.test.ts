import { randomUUID } from "node:crypto";
import { describe, expect, it } from "vitest";
import {
  actAs,
  type Claims,
  codeOf,
  inTenant,
  makeAgent,
  makePerson,
  makeTenant,
  serviceRole,
} from "#harness/callers";
import { putOf } from "#harness/operations";
import {
  admin,
  call,
  db,
  type Invited,
  member,
  owner,
  roleOf,
  setUp,
  stranger,
  tenant,
  viewer,
} from "#harness/people";

const invite = (claims: Claims, role: string, more: Record<string, unknown> = {}) =>
  call<Invited>(claims, "invite_member", { role, ...more });
const emailOf = (claims: Claims) => `${claims.sub}@example.com`;

setUp();

describe("an invitation", () => {
  it("makes the holder of its token a member, once", async () => {
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

  it("to an address can be accepted only by a person who confirmed the address, with or without the token", async () => {
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

  it("cannot be accepted by anybody else with only its id", async () => {
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

  it("can be made by admins, and for the role owner only by owners", async () => {
    expect(await codeOf(invite(member, "viewer"))).toBe("scope_missing");
    expect(await codeOf(invite(admin, "owner"))).toBe("role_missing");
    expect(await codeOf(invite(admin, "king"))).toBe("invalid_request");
    expect(await codeOf(invite(admin, "viewer", { email: "nobody" }))).toBe("invalid_request");
    expect(await codeOf(invite(admin, "viewer", { email: emailOf(member) }))).toBe(
      "already_member",
    );
    await invite(owner, "owner");
  });

  it("changes nothing for an existing member, and is not used up", async () => {
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
  it("get other roles from admins, and the role owner only from owners", async () => {
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

  it("are removed by admins, owners only by owners, and lose everything at once", async () => {
    const remove = (as: Claims, who: Claims) => call(as, "remove_member", { user_id: who.sub });
    expect(await codeOf(remove(member, viewer))).toBe("scope_missing");
    expect(await codeOf(remove(admin, owner))).toBe("role_missing");
    await remove(admin, member);
    expect(await call(member, "tenant_ids")).toEqual([]);
    expect(await codeOf(call(member, "usage"))).toBe("tenant_unknown");
  });

  it("can leave, except the last owner", async () => {
    await call(viewer, "leave_tenant");
    expect(await roleOf(viewer)).toBeUndefined();
    expect(await codeOf(call(owner, "leave_tenant"))).toBe("last_owner");
    const { claims } = await makeAgent(db.sql, tenant);
    expect(await codeOf(call(claims, "leave_tenant"))).toBe("not_authorized");
  });

  it("take a tenant over from its owner, who becomes an admin", async () => {
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

  it("appear in the log when they join, change and leave", async () => {
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

describe("deleting a person", () => {
  it("removes no memory and no agent, and keeps the tenant, even without an owner", async () => {
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
