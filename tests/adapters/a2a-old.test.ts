/**
 * `@mayfly/a2a` with a client that speaks only A2A 0.3. The client is the one of the protocol's own SDK.
 */
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { text as bodyOf } from "node:stream/consumers";
import { TaskState } from "@a2a-js/sdk";
import { type Client, ClientFactory, JsonRpcTransportFactory } from "@a2a-js/sdk/client";
import { isLegacyAgentCard, parseLegacyAgentCard } from "@a2a-js/sdk/compat/v0_3/client";
import { type A2AAgent, pushNotifications } from "@mayfly/a2a";
import type { Mayfly, Work } from "@mayfly/sdk";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { dataOf } from "#harness/agents";
import { startTestLocal, type TestLocal } from "#harness/local";
import { answerIn, ask, cardUrl, fetchOf, follow, get, refusal } from "./a2a-client.ts";

let local: TestLocal;
let mayfly: Mayfly;
let client: Client;
let fetchImpl: typeof fetch;
let work: Work;

const agents: A2AAgent[] = [{ job: "double", description: "Doubles a number." }];
const number = { data: { number: 21 } };

beforeAll(async () => {
  local = await startTestLocal();
});
afterAll(() => local?.close());
beforeEach(async () => {
  const entered = await local.enter();
  ({ mayfly } = entered);
  const handlers = {
    ...pushNotifications(mayfly, agents, { allow: () => true }),
    double: (input: unknown) => ({ doubled: 2 * (input as { number: number }).number }),
  };
  work = dataOf(await mayfly.jobs.work(handlers, { pollMs: 200 }));
  fetchImpl = await fetchOf(local, agents, { of: entered.tenant, role: "member" });
  // This client does not know the fields of 1.0, so it cannot ask for them.
  const { supportedInterfaces, ...card } = await (await fetchImpl(cardUrl("double"))).json();
  expect(supportedInterfaces).toHaveLength(2);
  expect(isLegacyAgentCard(card)).toBe(true);
  const legacyCompat = { enabled: true };
  client = await new ClientFactory({
    transports: [new JsonRpcTransportFactory({ fetchImpl, legacyCompat })],
  }).createFromAgentCard(parseLegacyAgentCard(card));
  return async () => {
    await work.stop({ timeoutMs: 500 });
    await mayfly.close();
  };
});

describe("a client of A2A 0.3", () => {
  it("reads the card in the form of 0.3, which a client of 1.0 does not get", async () => {
    const old = await (await fetchImpl(cardUrl("double"))).json();
    expect(old).toMatchObject({
      ...{ name: "double", url: "https://a2a.example/agents/double", protocolVersion: "0.3.0" },
      ...{ preferredTransport: "JSONRPC", security: [{ bearer: [] }] },
      securitySchemes: { bearer: { type: "http", scheme: "bearer" } },
      skills: [{ id: "double", description: "Doubles a number." }],
    });
    const headers = { "A2A-Version": "1.0" };
    const answer = await fetchImpl(cardUrl("double"), { headers });
    expect(answer.headers.get("vary")).toBe("A2A-Version");
    expect(Object.keys(await answer.json())).not.toContain("protocolVersion");
  });

  it("sends a task, waits for it, reads it and gets its answer as a stream", async () => {
    const task = await client.sendMessage(ask(number));
    if (!("history" in task)) throw new Error("It is a task.");
    expect(task.status?.state).toBe(TaskState.TASK_STATE_COMPLETED);
    expect(answerIn(task.artifacts)).toEqual({ doubled: 42 });
    expect(await client.getTask(get(task.id))).toMatchObject({ id: task.id, history: [{}] });
    const { states } = await follow(client.sendMessageStream(ask(number)));
    expect(states.at(-1)).toBe(TaskState.TASK_STATE_COMPLETED);
  });

  it("gets refusals with the codes of 0.3", async () => {
    const none = await refusal(client.getTask(get(crypto.randomUUID())));
    expect(none).toMatchObject({ name: "TaskNotFoundError" });
    const broken = await fetchImpl("https://a2a.example/agents/double", {
      method: "POST",
      body: "{",
    });
    expect(await broken.json()).toMatchObject({ id: null, error: { code: -32700 } });
    const unknown = { jsonrpc: "2.0", id: 1, method: "SendMessage", params: {} };
    const address = "https://a2a.example/agents/double";
    const sent = await fetchImpl(address, { method: "POST", body: JSON.stringify(unknown) });
    expect(await sent.json()).toMatchObject({ id: 1, error: { code: -32601 } });
  });

  describe("a push notification", () => {
    let hook: Server;
    const told: { type: unknown; body: { kind?: string; status?: { state: string } } }[] = [];
    beforeAll(async () => {
      hook = createServer(async (request, response) => {
        const body = JSON.parse(await bodyOf(request));
        told.push({ type: request.headers["content-type"], body });
        response.end();
      });
      await new Promise<void>((resolve) => hook.listen(0, "127.0.0.1", resolve));
    });
    afterAll(() => hook?.close());

    it("has the form of 0.3", async () => {
      const { port } = hook.address() as AddressInfo;
      const taskPushNotificationConfig = { id: "p", url: `http://127.0.0.1:${port}/` };
      const task = await client.sendMessage(ask(number, {}, { taskPushNotificationConfig }));
      const [push] = dataOf(await mayfly.jobs.list({ name: "a2a-push" }));
      dataOf(await mayfly.jobs.ended(push?.id ?? "", { timeoutMs: 30_000 }));
      expect(told.at(-1)).toMatchObject({
        type: "application/json",
        body: { kind: "task", id: (task as { id: string }).id, status: { state: "completed" } },
      });
    });
  });
});
