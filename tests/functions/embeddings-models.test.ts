/** Two models at the same time, while memories are embedded again. The endpoint stands in for both. */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { dataOf, spawnIn } from "#harness/agents";
import { startTestLocal, type TestLocal } from "#harness/local";

/** A vector that points to the topic of its text, in a different direction for each model. */
const topics: Record<string, string> = { whale: "sea", ship: "sea", goat: "hill", sheep: "hill" };
const pointing = (model: string, length: number) => (text: string) => {
  const topic = topics[Object.keys(topics).find((word) => text.includes(word)) ?? ""] ?? "none";
  const at = ["sea", "hill", "none"].indexOf(topic) + (model === "new" ? 100 : 0);
  return Array.from({ length }, (_, place) => (place === at ? 1 : 0.001));
};
const endpoint = createServer(async (request, response) => {
  let body = "";
  for await (const chunk of request) body += chunk;
  const { model, input } = JSON.parse(body) as { model: string; input: string[] };
  const make = pointing(model, model === "new" ? 768 : 384);
  response.setHeader("content-type", "application/json");
  response.end(
    JSON.stringify({ data: input.map((text, index) => ({ index, embedding: make(text) })) }),
  );
});
let url: string;
beforeAll(async () => {
  await new Promise<void>((resolve) => endpoint.listen(0, "127.0.0.1", resolve));
  url = `http://127.0.0.1:${(endpoint.address() as AddressInfo).port}/v1/embeddings`;
});
afterAll(() => {
  endpoint.closeAllConnections();
  endpoint.close();
});

describe("a project that changes its model", () => {
  const names = ["URL", "MODEL", "PREVIOUS_MODEL"].map((name) => `MAYFLY_EMBEDDINGS_${name}`);
  let local: TestLocal;
  beforeAll(async () => {
    const values = [url, "new", "old"];
    names.forEach((name, at) => {
      process.env[name] = values[at];
    });
    local = await startTestLocal();
    for (const name of names) delete process.env[name];
  });
  afterAll(() => local?.close());

  it("uses the old model for memories without a new vector, even with another length", async () => {
    const { tenant, mayfly } = await local.enter();
    const agent = await spawnIn(mayfly);
    for (const [task, model] of [
      ["the whale", "old"],
      ["the goat", "old"],
    ] as const) {
      await agent.remember({ task, embedding: pointing(model, 384)(task), model });
    }
    dataOf(await agent.sync());
    // The database has the migration of `mayfly init --dimensions`. The functions do not know the new length
    // yet.
    await local.sql`select mayfly_private.set_dimensions(768)`;
    const weights = { words: 0, reward: 0, importance: 0, recency: 0 };
    const ask = async (question: string) =>
      dataOf(await agent.recall(question, { weights })).results.map(({ task }) => task);
    expect(await ask("a ship")).toEqual(["the whale", "the goat"]);
    await agent.remember({ task: "a goat of the hills" });
    dataOf(await agent.sync());
    expect((await ask("some sheep")).slice(0, 2).sort()).toEqual([
      "a goat of the hills",
      "the goat",
    ]);

    expect(dataOf(await mayfly.memory.reembed())).toMatchObject({
      model: "new",
      left: 0,
      others: 2,
    });
    expect((await ask("a ship"))[0]).toBe("the whale");
    const models = await local.sql`
      select model, count(*)::int as n from mayfly.memory_vectors where tenant_id = ${tenant} group by 1 order by 1`;
    expect(models).toMatchObject([
      { model: "new", n: 3 },
      { model: "old", n: 2 },
    ]);
    const [usage] =
      await local.sql`select sum(bytes)::int as bytes from mayfly_private.tenant_usage where tenant_id = ${tenant}`;
    await local.sql`select mayfly_private.recount_usage(${tenant})`;
    expect(
      await local.sql`select sum(bytes)::int as bytes from mayfly_private.tenant_usage where tenant_id = ${tenant}`,
    ).toMatchObject([usage]);
    await agent.stop();
  });
});
