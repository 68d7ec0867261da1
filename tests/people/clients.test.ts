/** A token of Supabase Auth with a `client_id` belongs to a program, which may do what the person has granted to it. */
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
} from "#harness/callers";
import { openTestDatabase, type TestDatabase } from "#harness/database";

let db: TestDatabase;
let tenant: string;
let owner: Claims;
let client: Claims;
beforeAll(async () => {
  db = await openTestDatabase();
});
afterAll(() => db?.close());
beforeEach(async () => {
  tenant = await makeTenant(db.sql);
  owner = await makePerson(db.sql, { [tenant]: "owner" });
  client = { ...owner, client_id: "the-client" };
});

const call = (name: string, values: Record<string, unknown> = {}, claims = client) =>
  rpc(db.sql, claims, name, values);
const grant = (...scopes: string[]) =>
  call("grant_client", { client_id: "the-client", scopes }, owner);
const mayDo = (scope: string, claims = client) =>
  actAs(db.sql, claims, async (sql) => {
    const [row] = await sql`select mayfly.tenant_ids(${scope}) as ids`;
    return (row?.ids as string[]).includes(tenant);
  });

describe("a client of a person", () => {
  it("may do nothing before the person grants it something, whatever the person's role", async () => {
    expect(await mayDo("memory:read")).toBe(false);
    for (const name of ["list_states", "list_members", "list_client_grants", "usage"])
      expect(await codeOf(call(name)), name).toMatch(/^(tenant_unknown|not_authorized)$/);
    expect(
      await codeOf(call("grant_client", { client_id: "the-client", scopes: ["state:read"] })),
    ).toBe("not_authorized");
    for (const claim of [null, "", "unknown"])
      expect(await codeOf(call("list_states", {}, { ...owner, client_id: claim }))).toBe(
        "tenant_unknown",
      );
  });

  it("may do what was granted and nothing else", async () => {
    expect(await grant("state:read", "state:write")).toMatchObject({
      client_id: "the-client",
      scopes: ["state:read", "state:write"],
    });
    await call("set_state", { key: "plan", value: { step: 1 } });
    expect(await call("get_state", { key: "plan" })).toMatchObject({ value: { step: 1 } });
    const { scopes } = (await db.sql`select array_agg(name) as scopes from mayfly.scopes`)[0] as {
      scopes: string[];
    };
    const held = [];
    for (const scope of scopes) if (await mayDo(scope)) held.push(scope);
    expect(held.sort()).toEqual(["state:read", "state:write"]);
    // Another client of the same person has no rights.
    expect(await mayDo("state:read", { ...owner, client_id: "another" })).toBe(false);
    // The rights of the person are unchanged.
    expect(await mayDo("member:write", owner)).toBe(true);
  });

  it("cannot manage people, create tenants, or write the states of agents", async () => {
    await grant("state:read", "state:write", "member:read", "agent:read");
    const other = await makePerson(db.sql, { [tenant]: "member" });
    const agent = await makeAgent(db.sql, tenant);
    const refused = {
      invite_member: { role: "owner" },
      change_member_role: { user_id: other.sub, role: "owner" },
      remove_member: { user_id: other.sub },
      leave_tenant: {},
      transfer_tenant: { user_id: other.sub },
      erase_tenant: { name: "mine" },
      create_tenant: { name: "mine" },
      ensure_tenant: { name: "mine" },
      spawn_agent: {},
      set_state: { key: "plan", value: 1, of_agent: agent.id },
    };
    for (const [name, values] of Object.entries(refused))
      expect((await refusalOf(call(name, values))).code, name).toMatch(
        /^(not_authorized|scope_missing|role_missing|tenant_unknown|state_not_writable)$/,
      );
    const [members] =
      await db.sql`select count(*)::int from mayfly.members where tenant_id = ${tenant}`;
    expect(members?.count).toBe(2);
  });

  it("can get only scopes that the person has, except scopes that no client may have", async () => {
    const viewer = await makePerson(db.sql, { [tenant]: "viewer" });
    const asked = (scopes: unknown[], claims: Claims) =>
      refusalOf(call("grant_client", { client_id: "x", scopes }, claims));
    expect(await asked(["memory:write"], viewer)).toMatchObject({
      code: "scope_missing",
      details: { scope: "memory:write" },
    });
    for (const scope of [
      ...["agent:spawn", "job:work", "approval:decide", "memory:admin", "member:write"],
      ...["tenant:write", "secret:read", "team:vote"],
    ])
      expect(await asked([scope], owner), scope).toMatchObject({ code: "scope_missing" });
    expect((await asked([], owner)).code).toBe("invalid_request");
    for (const scope of ["made:up", null])
      expect(await asked(["state:read", scope], owner)).toMatchObject({
        code: "scope_unknown",
        details: { field: "scopes" },
      });
    const agent = await makeAgent(db.sql, tenant);
    expect((await asked(["state:read"], agent.claims)).code).toBe("not_authorized");
  });

  it("loses its scopes at once when the person revokes them, loses the role, or leaves", async () => {
    await grant("state:read", "state:write");
    await db.sql`update mayfly.members set role = 'viewer' where tenant_id = ${tenant} and user_id = ${owner.sub as string}`;
    expect([await mayDo("state:read"), await mayDo("state:write")]).toEqual([true, false]);
    expect(await call("revoke_client", { client_id: "the-client" }, owner)).toEqual({
      deleted: true,
    });
    expect(await mayDo("state:read")).toBe(false);
    await grant("state:read");
    await db.sql`delete from mayfly.members where tenant_id = ${tenant} and user_id = ${owner.sub as string}`;
    await db.sql`insert into mayfly.members (tenant_id, user_id, role) values (${tenant}, ${owner.sub as string}, 'owner')`;
    // A grant does not come back with the next membership.
    expect(await mayDo("state:read")).toBe(false);
    expect(await call("list_client_grants", {}, owner)).toEqual([]);
  });

  it("loses its scopes when the account is deleted", async () => {
    await grant("state:read");
    await db.sql`delete from auth.users where id = ${owner.sub as string}`;
    expect(await mayDo("state:read")).toBe(false);
    const left = await db.sql`select from mayfly_private.client_grants where tenant_id = ${tenant}`;
    expect(left).toHaveLength(0);
  });

  it("cannot decide approvals, not even those that an agent requested", async () => {
    await grant("approval:read", "approval:request");
    const agent = await makeAgent(db.sql, tenant, { scopes: ["approval:request"] });
    const asked = await call(
      "request_approval",
      { title: "Deploy?", required: true },
      agent.claims,
    );
    const { id, digest } = asked as { id: string; digest: string };
    expect(await codeOf(call("decide_approval", { id, digest, verdict: "approve" }))).toBe(
      "scope_missing",
    );
    // A client does not get a scope that no client may have, even if a grant has it.
    await db.sql`update mayfly_private.client_grants set scopes = scopes || '{approval:decide}' where tenant_id = ${tenant}`;
    expect(await codeOf(call("decide_approval", { id, digest, verdict: "approve" }))).toBe(
      "approval_not_yours",
    );
  });

  it("can remove files by name, but not all at once", async () => {
    await grant("artifact:write");
    const all = call("remove_artifacts", { everything: true });
    expect(await refusalOf(all)).toMatchObject({ code: "scope_missing" });
    expect(await call("remove_artifacts", { name: "report" })).toMatchObject({ removed: 0 });
  });

  it("works in the tenant that it chooses if there are several", async () => {
    const second = await makeTenant(db.sql);
    await db.sql`insert into mayfly.members (tenant_id, user_id, role) values (${second}, ${owner.sub as string}, 'owner')`;
    for (const id of [tenant, second])
      await rpc(
        db.sql,
        owner,
        "grant_client",
        { client_id: "the-client", scopes: ["state:read"] },
        inTenant(id),
      );
    expect(await codeOf(call("list_states"))).toBe("tenant_unknown");
    const chosen = (id: string) => rpc(db.sql, client, "list_states", {}, inTenant(id));
    expect(await chosen(second)).toEqual([]);
    const third = await makeTenant(db.sql);
    expect(await codeOf(chosen(third))).toBe("tenant_unknown");
  });

  it("sees in the log what it may read, and nothing else", async () => {
    await grant("state:read");
    await call("set_state", { key: "plan", value: 1 }, owner);
    const kinds = await actAs(
      db.sql,
      client,
      (sql) => sql`select distinct kind from mayfly.event_kinds k
      where exists (select from mayfly.events e where e.type = k.kind)`,
    );
    expect(kinds.map(({ kind }) => kind)).toEqual(["state.changed"]);
  });
});
