/** Push notifications of `@mayfly/a2a`: the jobs that send them, and the addresses that they call. */
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { text as bodyOf } from "node:stream/consumers";
import type { Client } from "@a2a-js/sdk/client";
import { type A2AAgent, pushNotifications } from "@mayfly/a2a";
import type { Mayfly, Work } from "@mayfly/sdk";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { dataOf } from "#harness/agents";
import { startTestLocal, type TestLocal } from "#harness/local";
import { ask, connectTo, question, refusal } from "./a2a-client.ts";

let local: TestLocal;
let mayfly: Mayfly;
let tenant: string;
let work: Work;
/** Lets the waiting job continue. */
let letGo: () => void;
let held: Promise<void>;

const agents: A2AAgent[] = [{ job: "analyst", description: "Says why an order failed." }];

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
    ...pushNotifications(mayfly, agents, { allow: () => true }),
    analyst: () => held.then(() => "Order 17 was lost."),
  };
  work = dataOf(await mayfly.jobs.work(handlers, { pollMs: 200 }));
  return async () => {
    letGo();
    await work.stop({ timeoutMs: 500 });
    await mayfly.close();
  };
});

const connect = (): Promise<Client> =>
  connectTo(local, agents, { agent: "analyst", of: tenant, role: "member" });

describe("a push notification", () => {
  let hook: Server;
  const told: { token: unknown; body: string }[] = [];
  beforeAll(async () => {
    let calls = 0;
    hook = createServer(async (request, response) => {
      const body = await bodyOf(request);
      // The very first call fails.
      if (calls++ > 0) told.push({ token: request.headers["x-a2a-notification-token"], body });
      response.writeHead(calls === 1 ? 503 : 200).end();
    });
    await new Promise<void>((resolve) => hook.listen(0, "127.0.0.1", resolve));
  });
  afterAll(() => hook?.close());

  it("has the final state and the answer of the task, and is retried by a job", async () => {
    const client = await connect();
    const { port } = hook.address() as AddressInfo;
    const taskPushNotificationConfig = { id: "p", url: `http://127.0.0.1:${port}/`, token: "mine" };
    const configuration = { returnImmediately: true, taskPushNotificationConfig };
    const { id } = (await client.sendMessage(ask(question, {}, configuration))) as { id: string };
    const { configs } = await client.listTaskPushNotificationConfig({
      ...{ tenant: "", taskId: id, pageSize: 0, pageToken: "" },
    });
    expect(configs).toMatchObject([{ id: "p", taskId: id, url: taskPushNotificationConfig.url }]);
    letGo();
    const [push] = dataOf(await mayfly.jobs.list({ name: "a2a-push" }));
    const end = dataOf(await mayfly.jobs.ended(push?.id ?? "", { timeoutMs: 30_000 }));
    expect(end).toMatchObject({ status: "succeeded", attempts: [{ attempt: 1 }] });
    expect(told.at(-1)?.token).toBe("mine");
    expect(JSON.parse(told.at(-1)?.body ?? "")).toMatchObject({
      task: {
        id,
        status: { state: "TASK_STATE_COMPLETED" },
        artifacts: [{ artifactId: "answer" }],
      },
    });
  });

  it("goes to the newest address that was set for its id", async () => {
    const client = await connect();
    const sent = await client.sendMessage(ask(question, {}, { returnImmediately: true }));
    const { id: taskId } = sent as { id: string };
    const config = { tenant: "", id: "r", taskId, token: "", authentication: undefined };
    const set = (path: string) =>
      client.createTaskPushNotificationConfig({ ...config, url: `https://hooks.example/${path}` });
    const urls = async () => {
      const of = { tenant: "", taskId, pageSize: 0, pageToken: "" };
      return (await client.listTaskPushNotificationConfig(of)).configs.map(({ url }) => url);
    };
    await set("one");
    await set("one");
    expect(await urls()).toEqual(["https://hooks.example/one"]);
    await set("two");
    expect(await urls()).toEqual(["https://hooks.example/two"]);
    await set("one");
    expect(await urls()).toEqual(["https://hooks.example/one"]);
  });

  it("can be deleted, and calls no address of a private network", async () => {
    const client = await connect();
    const sent = await client.sendMessage(ask(question, {}, { returnImmediately: true }));
    const { id: taskId } = sent as { id: string };
    const config = { tenant: "", id: "q", taskId, token: "", authentication: undefined };
    const wrong = client.createTaskPushNotificationConfig({ ...config, url: "ftp://here" });
    expect(await refusal(wrong)).toMatchObject({ name: "RequestMalformedError" });
    await client.createTaskPushNotificationConfig({ ...config, url: "https://hooks.example/" });
    await client.deleteTaskPushNotificationConfig({ tenant: "", taskId, id: "q" });
    const left = await client.listTaskPushNotificationConfig({
      ...{ tenant: "", taskId, pageSize: 0, pageToken: "" },
    });
    expect(left.configs).toEqual([]);
    const send = pushNotifications(mayfly, agents)["a2a-push"];
    for (const url of [
      "http://hooks.example/",
      "https://127.0.0.1/",
      "https://[::1]/",
      "https://a.internal/",
    ]) {
      const input = { agent: "analyst", task: taskId, config: { ...config, url } };
      const called = Promise.resolve().then(() => send?.(input as never, {} as never));
      await expect(called, url).rejects.toThrow("may not be called");
    }
  });
});
