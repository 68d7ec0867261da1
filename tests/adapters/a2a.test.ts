/** `@mayfly/a2a` with the client of the protocol's own SDK. The model is a script and says so. */
import { type SendMessageRequest, TaskState } from "@a2a-js/sdk";
import type { Client } from "@a2a-js/sdk/client";
import { type A2AAgent, a2aHandler, signedIn } from "@mayfly/a2a";
import { defineAgent, type Mayfly, runAgents, tool, type Work } from "@mayfly/sdk";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { z } from "zod";
import { dataOf } from "#harness/agents";
import { startTestLocal, type TestLocal } from "#harness/local";
import { scriptedModel } from "../runs/running.ts";
import {
  answerIn,
  ask,
  begun,
  type Connection,
  connectTo,
  follow,
  get,
  question,
  refusal,
} from "./a2a-client.ts";

let local: TestLocal;
let mayfly: Mayfly;
let tenant: string;
let work: Work;
/** The agent's tool waits for this. */
let letGo: () => void;
let held: Promise<void>;

const analyst = defineAgent({
  name: "analyst",
  instructions: "secret instructions",
  model: scriptedModel((step) =>
    step === 1 ? { calls: [{ tool: "look", input: { order: 17 } }] } : "Order 17 was lost.",
  ),
  tools: {
    look: tool({
      input: z.object({ order: z.number() }),
      risk: "read",
      run: () => held.then(() => "lost"),
    }),
  },
});
const agents: A2AAgent[] = [
  {
    agent: analyst,
    description: "Says why an order failed.",
    skills: [{ id: "why", name: "Why", description: "Why an order failed.", tags: ["orders"] }],
  },
  { job: "double", description: "Doubles a number." },
];

beforeAll(async () => {
  local = await startTestLocal();
});
afterAll(() => local?.close());
beforeEach(async () => {
  ({ tenant, mayfly } = await local.enter());
  held = new Promise((resolve) => {
    letGo = resolve;
  });
  const handlers = {
    ...runAgents(analyst),
    double: (input: unknown) => ({ doubled: 2 * (input as { number: number }).number }),
  };
  work = dataOf(await mayfly.jobs.work(handlers, { pollMs: 200 }));
  return async () => {
    letGo();
    await work.stop({ timeoutMs: 500 });
    await mayfly.close();
  };
});

const connect = (options: Partial<Connection> = {}): Promise<Client> =>
  connectTo(local, agents, { agent: "analyst", of: tenant, role: "member", ...options });

describe("an agent card", () => {
  it("has the description that was written for it, and shows nothing of the agent's definition", async () => {
    const card = await (await connect()).getAgentCard();
    expect(card).toMatchObject({
      ...{ name: "analyst", description: "Says why an order failed." },
      supportedInterfaces: [
        { url: "https://a2a.example/agents/analyst", protocolVersion: "1.0" },
        { url: "https://a2a.example/agents/analyst", protocolVersion: "0.3" },
      ],
      capabilities: { streaming: true, pushNotifications: true },
      skills: [{ id: "why", tags: ["orders"] }],
    });
    expect(JSON.stringify(card)).not.toMatch(/secret|look/);
    const other = await (await connect({ agent: "double" })).getAgentCard();
    expect(other.skills).toMatchObject([{ id: "double", description: "Doubles a number." }]);
  });
});

describe("a task", () => {
  it("is a run that can be sent, waited for, read and listed", async () => {
    const client = await connect();
    letGo();
    const task = await client.sendMessage(ask(question, { contextId: "orders" }));
    if (!("history" in task)) throw new Error("It is a task.");
    expect(task).toMatchObject({
      contextId: "orders",
      status: { state: TaskState.TASK_STATE_COMPLETED },
      history: [{ parts: [{ content: { value: question.text } }] }],
    });
    expect(answerIn(task.artifacts)).toBe("Order 17 was lost.");
    const run = dataOf(await mayfly.runs.get(task.id));
    expect(run).toMatchObject({ agent: "analyst", input: question.text, status: "succeeded" });
    expect(await client.getTask({ ...get(task.id), historyLength: 0 })).toMatchObject({
      ...{ id: task.id, history: [] },
    });
    const listing = (contextId: string) =>
      client.listTasks({
        ...{ tenant: "", contextId, pageToken: "", statusTimestampAfter: undefined },
        status: TaskState.TASK_STATE_COMPLETED,
      });
    expect((await listing("orders")).tasks.map(({ id }) => id)).toEqual([task.id]);
    expect((await listing("others")).tasks).toEqual([]);
  });

  it("is a job with data as its input and answer, if the agent is declared as a job", async () => {
    const client = await connect({ agent: "double" });
    const task = await client.sendMessage(ask({ data: { number: 21 } }));
    if (!("history" in task)) throw new Error("It is a task.");
    expect(answerIn(task.artifacts)).toEqual({ doubled: 42 });
    // A task of another agent is not a task of this agent.
    const other = await connect();
    expect(await refusal(other.getTask(get(task.id)))).toMatchObject({ name: "TaskNotFoundError" });
  });

  it("starts only once if the same message is sent again", async () => {
    const client = await connect();
    const longest = { messageId: "m".repeat(80), contextId: "c".repeat(64) };
    const same = ask(question, longest, { returnImmediately: true });
    const [one, two] = [await client.sendMessage(same), await client.sendMessage(same)];
    expect(one).toMatchObject({ id: (two as { id: string }).id });
    expect(dataOf(await mayfly.runs.list())).toHaveLength(1);
  });

  it("streams its states and its answer", async () => {
    const client = await connect();
    const stream = client.sendMessageStream(ask(question));
    await begun(stream);
    letGo();
    const { states, answer } = await follow(stream);
    expect(answer).toBe("Order 17 was lost.");
    expect(states.at(-1)).toBe(TaskState.TASK_STATE_COMPLETED);
  });

  it("continues after the server and the worker died, and can be subscribed to again", async () => {
    const client = await connect();
    const stream = client.sendMessageStream(ask(question));
    const id = await begun(stream);
    await stream.return();
    await work.stop({ timeoutMs: 0 });
    const again = await connect();
    const second = again.resubscribeTask(get(id));
    expect(await begun(second)).toBe(id);
    letGo();
    work = dataOf(await mayfly.jobs.work(runAgents(analyst), { pollMs: 200 }));
    expect(await follow(second)).toMatchObject({ answer: "Order 17 was lost." });
    expect(await refusal(again.resubscribeTask(get(id)).next())).toMatchObject({
      name: "UnsupportedOperationError",
    });
  });

  it("can be cancelled once by its sender", async () => {
    const client = await connect();
    const sent = await client.sendMessage(ask(question, {}, { returnImmediately: true }));
    const { id } = sent as { id: string };
    const cancelled = await client.cancelTask({ ...get(id), metadata: undefined });
    expect(cancelled.id).toBe(id);
    letGo();
    const end = await mayfly.jobs.ended(id, { timeoutMs: 20_000 });
    expect(dataOf(end).status).toBe("cancelled");
    expect(await refusal(client.cancelTask({ ...get(id), metadata: undefined }))).toMatchObject({
      name: "TaskNotCancelableError",
    });
  });
});

describe("a request is refused", () => {
  it("for another tenant's task, as if there were no such task", async () => {
    const client = await connect();
    const sent = await client.sendMessage(ask(question, {}, { returnImmediately: true }));
    const { id } = sent as { id: string };
    const { tenant: elsewhere, mayfly: other } = await local.enter();
    await other.close();
    const stranger = await connect({ of: elsewhere, role: "owner" });
    const none = await refusal(stranger.getTask(get(crypto.randomUUID())));
    expect(none).toMatchObject({ name: "TaskNotFoundError" });
    expect(await refusal(stranger.getTask(get(id)))).toEqual(none);
    expect(await refusal(stranger.cancelTask({ ...get(id), metadata: undefined }))).toEqual(none);
    expect(await refusal(stranger.resubscribeTask(get(id)).next())).toEqual(none);
    expect(await refusal(stranger.getTask(get("no id")))).toEqual(none);
  });

  it("with the name of the field if its message is invalid", async () => {
    const client = await connect();
    const cases: [SendMessageRequest, string][] = [
      [ask(question, { messageId: "" }), "message.messageId"],
      [ask(question, { messageId: "a/b" }), "message.messageId"],
      [ask(question, { messageId: "m".repeat(81) }), "message.messageId"],
      [ask(question, { contextId: "a/b" }), "message.contextId"],
      [ask(question, { parts: [] }), "message.parts"],
      [ask({ url: "https://files.example/a" }), "message.parts[0]"],
      [ask({ text: "x".repeat(300_000) }), "message.parts"],
    ];
    for (const [request, field] of cases)
      expect(await refusal(client.sendMessage(request)), field).toMatchObject({ field });
  });

  it("if its caller lacks the scope or a token", async () => {
    const viewer = await connect({ role: "viewer" });
    expect(await refusal(viewer.sendMessage(ask(question)))).toMatchObject({
      code: "scope_missing",
    });
    const handle = a2aHandler({
      agents,
      caller: signedIn({ url: local.apiUrl, key: local.publishableKey }),
    });
    const address = "https://a2a.example/analyst";
    const nobody = await handle(new Request(address, { method: "POST", body: "{}" }));
    expect(nobody.status).toBe(401);
    const headers = { authorization: "Bearer nothing" };
    const forged = new Request(address, { method: "POST", body: "{}", headers });
    expect((await handle(forged)).status).toBe(401);
    expect((await handle(new Request("https://a2a.example/none"))).status).toBe(404);
  });
});
