/** `@mayfly/mcp` with the client of the protocol's own SDK: over HTTP with a token, and over stdio as the secret key. */

import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { mcpHandler } from "@mayfly/mcp";
import type { Mayfly } from "@mayfly/sdk";
import { Client, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";
import { StdioClientTransport } from "@modelcontextprotocol/client/stdio";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Claims, rpc } from "#harness/callers";
import { mayflyWith, personOf, startTestLocal, type TestLocal, tokenOf } from "#harness/local";

let local: TestLocal;
let mayfly: Mayfly;
let tenant: string;
let handle: (request: Request) => Promise<Response>;
beforeAll(async () => {
  local = await startTestLocal();
  ({ mayfly, tenant } = await local.enter());
  handle = mcpHandler({ url: local.apiUrl, key: local.publishableKey });
});
afterAll(async () => {
  await mayfly?.close();
  await local?.close();
});

const address = new URL("https://mcp.example/mcp");
async function connect(claims: Claims): Promise<Client> {
  const token = await tokenOf(local, claims);
  const client = new Client({ name: "test", version: "1" });
  const transport = new StreamableHTTPClientTransport(address, {
    requestInit: { headers: { authorization: `Bearer ${token}` } },
    fetch: (url, init) => handle(new Request(url, init)),
  });
  await client.connect(transport);
  return client;
}
async function use(client: Client, name: string, args: Record<string, unknown> = {}) {
  const answer = await client.callTool({ name, arguments: args });
  const [content] = answer.content as { text: string }[];
  return { isError: answer.isError === true, ...JSON.parse(`{"data":${content?.text}}`) };
}
const person = (role: string) => personOf(local, { [tenant]: role });

describe("the MCP server over HTTP", () => {
  it("tells a caller without a valid token where to sign in", async () => {
    const request = new Request(address, { method: "POST", body: "{}" });
    const refused = await handle(request);
    expect(refused.status).toBe(401);
    const where = /resource_metadata="([^"]+)"/.exec(refused.headers.get("www-authenticate") ?? "");
    const metadata = await handle(new Request(where?.[1] ?? ""));
    expect(await metadata.json()).toMatchObject({
      resource: address.href,
      authorization_servers: [`${local.apiUrl}/auth/v1`],
    });
    const forged = new Request(address, {
      method: "POST",
      headers: { authorization: "Bearer nothing" },
    });
    expect((await handle(forged)).status).toBe(401);
  });

  it("remembers, recalls, adds jobs and shows states for a member", async () => {
    const client = await connect(await person("member"));
    const { tools } = await client.listTools();
    expect(tools.map(({ name }) => name).sort()).toEqual([
      ...["add_job", "cancel_job", "decide_approval", "find_agents", "forget", "get_job"],
      ...["list_approvals", "list_jobs", "recall", "remember", "send_message"],
    ]);
    const { data: kept } = await use(client, "remember", {
      task: "Rotate the signing key",
      output: "Import the new key first.",
      tags: ["keys"],
    });
    const { data: found } = await use(client, "recall", { query: "rotate keys", tags: ["keys"] });
    expect(found).toMatchObject([{ id: kept.id, output: "Import the new key first." }]);

    const { data: job } = await use(client, "add_job", { name: "report", input: { day: 1 } });
    expect(await use(client, "get_job", { id: job.id })).toMatchObject({
      data: { name: "report", input: { day: 1 } },
    });
    expect((await use(client, "list_jobs", { name: "report" })).data).toHaveLength(1);
    expect(await use(client, "cancel_job", { id: job.id })).toMatchObject({ isError: false });

    await mayfly.state.set("plan/today", { step: 2 });
    const { resources } = await client.listResources();
    const uri = "mayfly://states/plan%2Ftoday";
    expect(resources).toMatchObject([{ uri, name: "plan/today" }]);
    const { contents } = await client.readResource({ uri });
    expect(JSON.parse((contents[0] as { text: string }).text)).toMatchObject({
      value: { step: 2 },
    });
    const memory = await client.readResource({ uri: `mayfly://memories/${kept.id}` });
    expect(memory.contents[0]).toMatchObject({ text: expect.stringContaining("new key") });
    await client.close();
  });

  it("sends messages to agents, and lets a person decide an approval", async () => {
    const client = await connect(await person("admin"));
    const { data: agent } = await mayfly.spawn({ name: "writer" });
    const received = new Promise((resolve) => agent?.on("note", ({ payload }) => resolve(payload)));
    const { data: agents } = await use(client, "find_agents");
    const to = { agent: agents.agents?.[0]?.id ?? agents[0]?.id };
    await use(client, "send_message", { to, type: "note", payload: { text: "Hello" } });
    expect(await received).toEqual({ text: "Hello" });

    const { data: asked } = (await agent?.approvals.request("Deploy?", { to: "live" })) ?? {};
    const { data: waiting } = await use(client, "list_approvals");
    expect(waiting).toMatchObject([{ id: asked?.id, title: "Deploy?" }]);
    const approval = { id: asked?.id, digest: waiting[0].digest };
    expect(await use(client, "decide_approval", { ...approval, verdict: "approve" })).toMatchObject(
      {
        data: { status: "approved" },
      },
    );
    await client.close();
  });

  it("lets an OAuth client do what the person granted, and never what only the person's role allows", async () => {
    const owner = await person("owner");
    const claims = { ...owner, client_id: "some-mcp-client" };
    const client = await connect(claims);
    const remember = { task: "Planted", output: "Planted" };
    expect(await use(client, "remember", remember)).toMatchObject({ isError: true });
    await rpc(local.sql, owner, "grant_client", {
      client_id: "some-mcp-client",
      scopes: ["memory:read"],
    });
    expect(await use(client, "recall", { query: "anything" })).toMatchObject({ isError: false });
    expect(await use(client, "remember", remember)).toMatchObject({
      isError: true,
      data: { code: "scope_missing" },
    });
    expect(await use(client, "list_jobs")).toMatchObject({ data: { code: "scope_missing" } });
    await rpc(local.sql, owner, "revoke_client", { client_id: "some-mcp-client" });
    expect(await use(client, "recall", { query: "anything" })).toMatchObject({ isError: true });
    await client.close();
  });
});

it("the SDK gives an OAuth client no role", async () => {
  const claims = { ...(await person("owner")), client_id: "some-mcp-client" };
  await rpc(local.sql, { ...claims, client_id: undefined }, "grant_client", {
    client_id: "some-mcp-client",
    scopes: ["member:read"],
  });
  const own = mayflyWith(local, await tokenOf(local, claims), { tenant });
  expect((await own.people.members.list()).error).toBeNull();
  expect((await own.people.me()).error).toMatchObject({ code: "not_authorized" });
  await own.close();
});

describe("the MCP server over stdio", () => {
  it("names the variables that are missing, and exits with 2", async () => {
    const missing = promisify(execFile)(process.execPath, ["adapters/mcp/src/stdio.ts"], {
      env: { ...process.env, MAYFLY_URL: local.apiUrl, MAYFLY_KEY: "", MAYFLY_TENANT: "" },
    });
    await expect(missing).rejects.toMatchObject({
      code: 2,
      stderr: expect.stringContaining("MAYFLY_KEY, MAYFLY_TENANT"),
    });
  });

  it("serves the tenant that the environment names", async () => {
    const client = new Client({ name: "test", version: "1" });
    const environment = {
      MAYFLY_URL: local.apiUrl,
      MAYFLY_KEY: local.secretKey,
      MAYFLY_TENANT: tenant,
    };
    const command = {
      command: process.execPath,
      args: ["adapters/mcp/src/stdio.ts"],
    };
    await client.connect(
      new StdioClientTransport({ ...command, env: { ...process.env, ...environment } as never }),
    );
    expect(await use(client, "remember", { task: "By stdio", output: "It works." })).toMatchObject({
      isError: false,
    });
    await client.close();
  });
});
