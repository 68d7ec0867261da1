/** `Mayfly.forRequest`: your own server acts as the caller of each request. */
import { Mayfly } from "@mayfly/sdk";
import { afterAll, beforeAll, expect, it, onTestFinished } from "vitest";
import { dataOf } from "#harness/agents";
import { inSeconds } from "#harness/callers";
import { personOf, signIn, startTestLocal, type TestLocal, tokenOf } from "#harness/local";
import { startProxy } from "#harness/proxy";

let local: TestLocal;
let tenant: string;
let mayfly: Mayfly;
beforeAll(async () => {
  local = await startTestLocal();
  ({ tenant, mayfly } = await local.enter());
  dataOf(await mayfly.memory.remember({ task: "Rotate the key", output: "Import it first." }));
});
afterAll(async () => {
  await mayfly?.close();
  await local?.close();
});

const enter = (
  token: string | undefined,
  headers: Record<string, string> = {},
  url = local.apiUrl,
) =>
  Mayfly.forRequest(
    new Request("https://own.example", {
      headers: { ...(token && { authorization: `Bearer ${token}` }), ...headers },
    }),
    { url, key: local.publishableKey },
  );
const tasksOf = async (caller: Mayfly) =>
  dataOf(await caller.memory.list()).memories.map(({ task }) => task);

it("forRequest acts as a person in the only tenant of the person, with the person's role", async () => {
  const viewer = dataOf(await enter(await signIn(local, tenant, "viewer")));
  expect(await tasksOf(viewer)).toEqual(["Rotate the key"]);
  const refused = await viewer.memory.remember({ task: "Mine" });
  expect(refused.error).toMatchObject({ code: "scope_missing" });
});

it("forRequest acts as an agent in the agent's tenant", async () => {
  const agent = dataOf(await mayfly.spawn({ scopes: ["memory:read"] }));
  const token = await tokenOf(local, {
    ...{ iss: "mayfly", sub: agent.id, role: "authenticated", aud: "authenticated" },
    ...{ exp: inSeconds(60), mayfly: { v: 1, tenant, scopes: agent.scopes, parent: null } },
  });
  expect(await tasksOf(dataOf(await enter(token)))).toEqual(["Rotate the key"]);
  await agent.stop();
});

it("forRequest uses the tenant of the header for a person in several tenants, and never another tenant", async () => {
  const { tenant: second, mayfly: there } = await local.enter();
  const { tenant: foreign, mayfly: elsewhere } = await local.enter();
  const person = await personOf(local, { [tenant]: "member", [second]: "member" });
  const token = await tokenOf(local, person);
  const chosen = dataOf(await enter(token, { "x-mayfly-tenant": second }));
  expect(await tasksOf(chosen)).toEqual([]);
  const open = dataOf(await enter(token));
  expect((await open.memory.recall("keys")).error).toMatchObject({ code: "tenant_ambiguous" });
  const stranger = dataOf(await enter(token, { "x-mayfly-tenant": foreign }));
  expect((await stranger.memory.recall("keys")).error).toMatchObject({ code: "tenant_unknown" });
  await Promise.all([there.close(), elsewhere.close()]);
});

it("forRequest refuses a request without a token, and one with a token of another project", async () => {
  expect((await enter(undefined)).error).toMatchObject({
    code: "not_authorized",
    hint: expect.stringContaining("Authorization: Bearer"),
  });
  expect((await enter("no.jwt.atall")).error).toMatchObject({ code: "not_authorized" });
});

it("forRequest says that the project does not answer, instead of refusing the caller", async () => {
  const proxy = await startProxy(local.apiUrl);
  onTestFinished(() => proxy.close());
  const token = await signIn(local, tenant, "viewer");
  proxy.lie({ type: "text/html", body: "<h1>Sign in to the network</h1>" });
  expect((await enter(token, {}, proxy.url)).error).toMatchObject({ code: "unavailable" });
});
