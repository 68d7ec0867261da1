/** What the SDK lists about people: open invitations, and what each role allows. */
import { randomUUID } from "node:crypto";
import { Mayfly } from "@mayfly/sdk";
import { createClient } from "@supabase/supabase-js";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { dataOf } from "#harness/agents";
import { startTestLocal, type TestLocal } from "#harness/local";

let local: TestLocal;
let tenant: string;
let secret: Mayfly;
beforeAll(async () => {
  local = await startTestLocal();
  ({ tenant, mayfly: secret } = await local.enter());
});
afterAll(async () => {
  await secret?.close();
  await local?.close();
});

/** A person of the tenant, with their own Mayfly. */
async function personAs(role: "viewer" | "owner"): Promise<Mayfly> {
  const { apiUrl: url, publishableKey: key } = local;
  const options = { auth: { persistSession: false, autoRefreshToken: false } };
  const client = createClient(url, key, options);
  const email = `${randomUUID()}@example.com`;
  const { error } = await client.auth.signUp({ email, password: "correct horse battery" });
  if (error) throw error;
  const person = new Mayfly({ url, key, client, tenant });
  const { token } = dataOf(await secret.people.members.invite({ role }));
  dataOf(await person.people.invitations.accept({ token }));
  return person;
}

describe("the people of a tenant", () => {
  it("see open invitations of their tenant if they may invite", async () => {
    const [owner, viewer] = await Promise.all([personAs("owner"), personAs("viewer")]);
    const { members, invitations } = owner.people;
    const open = dataOf(await members.invite({ role: "viewer", email: "v@example.com" }));
    const revoked = dataOf(await members.invite({ role: "member" }));
    dataOf(await invitations.revoke(revoked.invitation.id));
    const other = await local.enter();
    dataOf(await other.mayfly.people.members.invite({ role: "owner" }));
    expect(dataOf(await invitations.list())).toEqual([open.invitation]);
    expect(dataOf(await secret.people.invitations.list())).toEqual([open.invitation]);
    expect(dataOf(await viewer.people.invitations.list())).toEqual([]);
    await Promise.all([owner, viewer, other.mayfly].map((one) => one.close()));
  });

  it("see what each role allows, and which scopes agents can have", async () => {
    const viewer = await personAs("viewer");
    const scopes = dataOf(await viewer.people.scopes());
    const scope = (name: string) => scopes.find((one) => one.name === name);
    expect(scope("agent:stop")).toMatchObject({ agents: true, byDefault: false });
    expect(scope("agent:stop")?.roles).toEqual(["member", "admin", "owner"]);
    expect(scope("memory:read")).toMatchObject({ agents: true, byDefault: true });
    const { scopes: own } = dataOf(await viewer.people.me());
    const held = scopes.filter(({ roles }) => roles.includes("viewer"));
    expect(own).toEqual(held.map(({ name }) => name));
    await viewer.close();
  });
});
