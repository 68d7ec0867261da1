/** Values that could easily change on their way through the SDK and the functions to the database, and back. */
import { randomUUID } from "node:crypto";
import type { Agent, Mayfly } from "@mayfly/sdk";
import { Mayfly as Client } from "@mayfly/sdk";
import { afterAll, beforeAll, beforeEach, expect, it } from "vitest";
import { dataOf, spawnIn } from "#harness/agents";
import { startTestLocal, type TestLocal } from "#harness/local";

let local: TestLocal;
let tenant: string;
let mayfly: Mayfly;
let agent: Agent;
beforeAll(async () => {
  local = await startTestLocal();
});
afterAll(() => local.close());
beforeEach(async () => {
  ({ tenant, mayfly } = await local.enter());
  agent = await spawnIn(mayfly);
});

const capitals = (id: string) => id.toUpperCase();
const post = async (path: string, body: string) => {
  const headers = { apikey: local.secretKey, "x-mayfly-tenant": tenant };
  const response = await fetch(`${local.apiUrl}/functions/v1/${path}`, {
    method: "POST",
    headers,
    body,
  });
  return { status: response.status, text: await response.text() };
};
const putOf = (metadata: string, id: string = randomUUID()) =>
  `{"limit": 0, "push": [{"id": "${randomUUID()}", "type": "memory.put", "memory": {"id": "${id}", "task": "t", "metadata": ${metadata}}}]}`;

it("an id in capitals is the same id, wherever it is given", async () => {
  const [id, sessionId, conversationId] = [randomUUID(), randomUUID(), randomUUID()];
  const given = { sessionId: capitals(sessionId), conversationId: capitals(conversationId) };
  const made = await agent.remember({ id: capitals(id), task: "Rotate the key", ...given });
  expect(dataOf(made)).toEqual({ id });
  expect(dataOf(await agent.memory.recallLocal("key", given)).results).toMatchObject([{ id }]);
  expect(dataOf(await agent.memory.update(capitals(id), { set: { reward: 1, ...given } }))).toEqual(
    {
      id,
    },
  );
  expect(
    dataOf(await agent.memory.recallLocal("key", { agentId: capitals(agent.id) })).results,
  ).toMatchObject([{ id, reward: 1 }]);
  dataOf(await agent.sync());
  expect(agent.memory.cached).toBe(1);
  expect(dataOf(await agent.memory.recallLocal("key")).results).toMatchObject([{ id, reward: 1 }]);
  expect(dataOf(await agent.memory.get(capitals(id)))).toMatchObject({
    id,
    sessionId,
    conversationId,
  });
  expect(dataOf(await agent.memory.list(given)).memories).toMatchObject([{ id }]);
  expect(dataOf(await agent.memory.forget(capitals(id)))).toEqual({ id });
  expect(agent.memory.cached).toBe(0);
});

it("a tenant in capitals is the same tenant: its topics, its outbox, its states", async () => {
  const same = new Client({ url: local.apiUrl, key: local.secretKey, tenant: capitals(tenant) });
  const other = await spawnIn(same);
  const answered = new Promise<unknown>((resolve) => {
    agent.on("info", ({ payload }) => resolve(payload));
  });
  dataOf(await other.send(capitals(agent.id), "info", { text: "hello" }));
  expect(await answered).toEqual({ text: "hello" });
  const heard = new Promise<unknown>((resolve) => {
    void same.state
      .of(capitals(agent.id))
      .watch("plan", ({ value }) => resolve(value))
      .then(() => agent.state.set("plan", 2));
  });
  expect(await heard).toBe(2);
  await other.stop();
  await same.close();
});

it("a request with an id in capitals gets its reply", async () => {
  const other = await spawnIn(mayfly);
  other.on("query", async (message) => {
    await message.reply({ answer: 42 });
  });
  const id = capitals(randomUUID());
  const reply = await agent.request(other.id, "query", { question: "?" }, { id, timeoutMs: 8_000 });
  expect(dataOf(reply).payload).toEqual({ answer: 42 });
});

it("tags with any content are found", async () => {
  const tags = [
    "a,b",
    'say "so"',
    "{braces}",
    "back\\slash",
    "NULL",
    "null",
    " ",
    "a)b(",
    "é%&+#",
    "'",
  ];
  for (const tag of tags) dataOf(await agent.remember({ task: tag, tags: [tag, "common"] }));
  dataOf(await agent.sync());
  for (const tag of tags) {
    const { memories } = dataOf(await agent.memory.list({ tags: ["common", tag] }));
    expect(memories, tag).toMatchObject([{ tags: [tag, "common"] }]);
  }
  expect(dataOf(await agent.memory.list({ tags, kinds: ["episode"] })).memories).toEqual([]);
});

it("metadata keys with special names in JavaScript are kept at any level", async () => {
  const json =
    '{"__proto__": {"a": 1}, "constructor": {"prototype": {"__proto__": 2}}, "toString": 3}';
  const metadata = JSON.parse(json) as Record<string, unknown>;
  const entriesOf = (value: unknown) => Object.entries(value as object).sort();
  const { id } = dataOf(await agent.remember({ task: "t", metadata }));
  dataOf(await agent.sync());
  expect(entriesOf(dataOf(await agent.memory.get(id))?.metadata)).toEqual(entriesOf(metadata));
  const raw = randomUUID();
  expect((await post("sync", putOf(json, raw))).status).toBe(200);
  expect(entriesOf(dataOf(await agent.memory.get(raw))?.metadata)).toEqual(entriesOf(metadata));
  const [recalled] = dataOf(await agent.recall("t", { limit: 1 })).results;
  expect(entriesOf(recalled?.metadata)).toEqual(entriesOf(metadata));
  dataOf(await agent.state.set("s", metadata));
  expect(entriesOf(dataOf(await agent.state.get("s"))?.value)).toEqual(entriesOf(metadata));
  const spawned = dataOf(await mayfly.spawn({ metadata }));
  const card = dataOf(await mayfly.agents.get(spawned.id));
  expect(entriesOf(card.metadata)).toEqual(entriesOf(metadata));
});

it.each(["1e400", "9007199254740993", "-123456789012345678901", "1e-400"])(
  "the number %s is refused by a function, and the error names the field",
  async (number) => {
    const pushed = await post("sync", putOf(`{"a": [{"n": ${number}}]}`));
    expect(pushed.status).toBe(400);
    expect(JSON.parse(pushed.text).error).toMatchObject({
      code: "invalid_operation",
      details: { index: 0, field: "memory.metadata" },
    });
    const spawned = await post("spawn", `{"metadata": {"n": ${number}}}`);
    expect(JSON.parse(spawned.text).error).toMatchObject({
      code: "invalid_request",
      details: { field: "metadata" },
    });
  },
);

it("the SDK refuses numbers that JSON does not have or that were already rounded, and names the field", async () => {
  for (const number of [Number.POSITIVE_INFINITY, Number.NaN, 2 ** 53, -(2 ** 60)]) {
    const metadata = { a: [{ n: number }] };
    expect((await agent.remember({ task: "t", metadata })).error).toMatchObject({
      code: "invalid_request",
      details: { field: "metadata" },
    });
    const update = await agent.memory.update(randomUUID(), { set: { metadata } });
    expect(update.error?.details).toMatchObject({ field: "set.metadata" });
    expect((await agent.state.set("n", number)).error?.details).toEqual({ field: "value" });
    expect((await agent.send(agent.id, "info", { text: "t", number })).error?.code).toBe(
      "invalid_request",
    );
    expect((await mayfly.spawn({ metadata })).error).toMatchObject({
      code: "invalid_request",
      details: { field: "metadata" },
    });
  }
  for (const number of [2 ** 53 - 1, 1e300, 0.1, 5e-324, 1.7976931348623157e308]) {
    dataOf(await agent.state.set("n", number));
    expect(dataOf(await agent.state.get("n"))?.value).toBe(number);
  }
});
