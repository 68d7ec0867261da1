/** The packed `@mayfly/mcp` and `@mayfly/a2a` as Supabase functions: the files of docs/mcp.md and docs/a2a.md, in real Deno. */
import { appendFile, mkdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { TaskState } from "@a2a-js/sdk";
import {
  ClientFactory,
  DefaultAgentCardResolver,
  JsonRpcTransportFactory,
} from "@a2a-js/sdk/client";
import { defineAgent, type Mayfly, runAgents } from "@mayfly/sdk";
import { Client, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { dataOf } from "#harness/agents";
import { signIn, startTestLocal, type TestLocal } from "#harness/local";
import { answerIn, ask, follow, question } from "../adapters/a2a-client.ts";
import { scriptedModel } from "../runs/running.ts";
import { root } from "./packed.ts";
import { type Installed, installAll } from "./stranger.ts";

/** The file that a page of the documentation shows. */
async function documented(page: string, path: string): Promise<string> {
  const text = await readFile(join(root, "docs", page), "utf8");
  const [, code] = text.split(`// ${path}\n`);
  if (!code) throw new Error(`docs/${page} does not show ${path}.`);
  return code.slice(0, code.indexOf("\n```"));
}

/** A function starts runs and shows them. It never asks the model, which a worker has. */
const agentsFile = `
import { defineAgent } from "npm:@mayfly/sdk";
import { MockLanguageModelV4 } from "npm:ai/test";
export const agents = [
  { agent: defineAgent({ name: "analyst", model: new MockLanguageModelV4() }), description: "Says why an order failed." },
];`;

let all: Installed;
let local: TestLocal;
let mayfly: Mayfly;
let token: string;
beforeAll(async () => {
  all = await installAll();
  const folder = await all.folder("deployed");
  const init = await all.mayfly(folder, "init", "--yes");
  expect(init.code, init.err).toBe(0);
  const write = async (path: string, text: string) => {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFile(join(folder, path), text);
  };
  const functions = "supabase/functions";
  for (const name of ["mcp", "a2a"]) {
    const path = `${functions}/${name}/index.ts`;
    await write(path, await documented(`${name}.md`, path));
    // As deployed with --no-verify-jwt.
    const open = `\n[functions.${name}]\nverify_jwt = false\n`;
    await appendFile(join(folder, "supabase/config.toml"), open);
  }
  await write(`${functions}/a2a/agents.ts`, agentsFile);
  local = await startTestLocal({ root: folder });
  const entered = await local.enter();
  mayfly = entered.mayfly;
  token = await signIn(local, entered.tenant, "member");
}, 420_000);
afterAll(async () => {
  await mayfly?.close();
  await local?.close();
  await all?.remove();
});

describe("a deployed MCP server", () => {
  it("says where to sign in, at the address of the function", async () => {
    const own = `${local.apiUrl}/functions/v1/mcp`;
    const refused = await fetch(own, { method: "POST", body: "{}" });
    expect(refused.status).toBe(401);
    const [, where = ""] =
      /resource_metadata="([^"]+)"/.exec(refused.headers.get("www-authenticate") ?? "") ?? [];
    expect(await (await fetch(where)).json()).toMatchObject({
      resource: own,
      authorization_servers: [`${local.apiUrl}/auth/v1`],
    });
  });

  it("remembers and recalls for the person with the token", async () => {
    const client = new Client({ name: "test", version: "1" });
    await client.connect(
      new StreamableHTTPClientTransport(new URL(`${local.apiUrl}/functions/v1/mcp`), {
        requestInit: { headers: { authorization: `Bearer ${token}` } },
      }),
    );
    const use = async (name: string, args: Record<string, unknown>) => {
      const { content } = await client.callTool({ name, arguments: args });
      return JSON.parse((content as { text: string }[])[0]?.text ?? "null");
    };
    const kept = await use("remember", { task: "Rotate a key", output: "Import the new one." });
    expect(await use("recall", { query: "rotate a key" })).toMatchObject([{ id: kept.id }]);
    expect(dataOf(await mayfly.memory.get(kept.id))?.output).toBe("Import the new one.");
    await client.close();
  });
});

describe("a deployed A2A server", () => {
  it("shows its card, starts a run for a person, and streams the answer of a worker", async () => {
    const fetchImpl: typeof fetch = (input, init) => {
      const request = new Request(input, init);
      request.headers.set("authorization", `Bearer ${token}`);
      return fetch(request);
    };
    const factory = new ClientFactory({
      transports: [new JsonRpcTransportFactory({ fetchImpl })],
      cardResolver: new DefaultAgentCardResolver({ fetchImpl }),
    });
    const address = `${local.apiUrl}/functions/v1/a2a/analyst`;
    const client = await factory.createFromUrl(`${address}/.well-known/agent-card.json`, "");
    expect(await client.getAgentCard()).toMatchObject({
      name: "analyst",
      supportedInterfaces: ["1.0", "0.3"].map((protocolVersion) => ({
        ...{ url: address, protocolVersion },
      })),
    });

    const model = scriptedModel(() => "Order 17 was lost.");
    const work = dataOf(
      await mayfly.jobs.work(runAgents(defineAgent({ name: "analyst", model })), { pollMs: 200 }),
    );
    const { states, answer } = await follow(client.sendMessageStream(ask(question)));
    expect(answer).toBe("Order 17 was lost.");
    expect(states.at(-1)).toBe(TaskState.TASK_STATE_COMPLETED);
    const task = await client.sendMessage(ask(question));
    if (!("history" in task)) throw new Error("It is a task.");
    expect(answerIn(task.artifacts)).toBe("Order 17 was lost.");
    await work.stop();
  });

  it("refuses a caller without a token", async () => {
    const refused = await fetch(`${local.apiUrl}/functions/v1/a2a/analyst`, {
      method: "POST",
      body: "{}",
    });
    expect(refused.status).toBe(401);
  });
});
