/** Measures on a tenant's own memories how useful an embedding model is. */
import { createHash } from "node:crypto";
import { developmentEmbedder, type Embedder, type Mayfly } from "@mayfly/sdk";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { dataOf, spawnIn } from "#harness/agents";
import { startTestLocal, type TestLocal } from "#harness/local";
import { readCranfield } from "../bench/lib/cranfield.ts";
import { runCli } from "../cli/run.ts";

let local: TestLocal;
beforeAll(async () => {
  local = await startTestLocal();
});
afterAll(() => local?.close());

/** Thirty facts, each written in two ways without a common word. */
const topics = Array.from({ length: 30 }, (_, n) => {
  const words = (way: string) => Array.from({ length: 6 }, (_, k) => `${way}${n}x${k}`);
  return [words("alpha"), words("beta")] as const;
});
const topicOf = new Map(topics.flatMap((ways, n) => ways.flat().map((word) => [word, n] as const)));
/** A stand-in for a good model, which knows the topic of each made-up word. */
const scripted: Embedder = {
  model: "scripted: it knows the topics of this test",
  embed: async (texts) =>
    texts.map((text) => {
      const vector = new Array<number>(384).fill(0.02);
      for (const word of text.toLowerCase().match(/[a-z0-9]+/g) ?? []) {
        const topic = topicOf.get(word);
        // A word without a topic gets a small random direction.
        const place = topic ?? (createHash("md5").update(word).digest()[0] ?? 0) + 100;
        vector[place] = (vector[place] ?? 0) + (topic === undefined ? 0.2 : 1);
      }
      return vector;
    }),
};

async function rememberTopics(mayfly: Mayfly, embedder: Embedder): Promise<void> {
  const agent = await spawnIn(mayfly, { lifetime: 300 });
  for (const [n, ways] of topics.entries()) {
    const conversationId = crypto.randomUUID();
    for (const way of ways) {
      // These words are in all memories, and mislead a search by words.
      const output = `the report of team ${n % 3} on ${way.join(" ")}`;
      const [embedding] = await embedder.embed([output]);
      const { model } = embedder;
      dataOf(await agent.remember({ conversationId, output, embedding: embedding ?? [], model }));
    }
  }
  dataOf(await agent.sync({ pull: false }));
}

describe("mayfly.memory.tune", () => {
  it("gives a good model a high weight, for every recall of this tenant only", async () => {
    const { mayfly } = await local.enter();
    const { mayfly: other } = await local.enter();
    await rememberTopics(mayfly, scripted);
    const tuned = dataOf(await mayfly.memory.tune({ embedder: scripted }));
    expect(tuned).toMatchObject({ mode: "groups", questions: 30, before: 1, applied: true });
    const of = (weight: number) => tuned.table.find(({ meaning }) => meaning === weight);
    const [words, chosen] = [of(0), of(tuned.meaning)];
    for (const half of [0, 1] as const)
      expect(chosen?.halves[half]).toBeGreaterThan((words?.halves[half] ?? 1) + 0.3);
    expect(tuned.unrelated).toBeGreaterThan(0.01);

    const weightIn = async (where: Mayfly) => {
      const [embedding] = await scripted.embed(["alpha1x1"]);
      const agent = await spawnIn(where, { lifetime: 60 });
      dataOf(
        await agent.remember({
          output: "report",
          embedding: embedding ?? [],
          model: scripted.model,
        }),
      );
      dataOf(await agent.sync());
      const asked = { embedding: embedding ?? [], model: scripted.model, explain: true };
      const answer = dataOf(await where.memory.recall("report", asked));
      return answer.results[0]?.parts.weights?.meaning;
    };
    expect(await weightIn(mayfly)).toBeCloseTo(tuned.meaning);
    expect(await weightIn(other)).toBe(1);
    expect(dataOf(await mayfly.memory.untune(scripted.model))).toMatchObject({ meaning: 1 });
    expect(await weightIn(mayfly)).toBe(1);
  });

  it("gives the development embedder a low weight, measured with passages of real abstracts", async () => {
    const { tenant, mayfly } = await local.enter();
    const { documents } = await readCranfield();
    const agent = await spawnIn(mayfly, { lifetime: 300 });
    const some = documents.slice(0, 120);
    const embeddings = await developmentEmbedder.embed(some.map(({ text }) => text));
    for (const [n, { title, text }] of some.entries())
      dataOf(
        await agent.remember({
          task: title,
          output: text,
          embedding: embeddings[n] ?? [],
          model: developmentEmbedder.model,
        }),
      );
    dataOf(await agent.sync({ pull: false }));
    const env = { MAYFLY_URL: local.apiUrl, MAYFLY_KEY: local.secretKey, MAYFLY_TENANT: tenant };
    const { out } = await runCli(["tune", "--questions", "30", "--json"], { env });
    const tuned = JSON.parse(out) as {
      mode: string;
      meaning: number;
      table: { all: number; meaning: number }[];
    };
    expect(tuned.mode).toBe("passages");
    expect(tuned.meaning).toBeLessThanOrEqual(0.5);
    const at = (weight: number) => tuned.table.find(({ meaning }) => meaning === weight)?.all ?? 0;
    expect(at(tuned.meaning)).toBeGreaterThanOrEqual(
      Math.max(...tuned.table.map(({ all }) => all)) - 0.05,
    );
    const said = await runCli(["tune", "--reset", developmentEmbedder.model], { env });
    expect(said.out).toContain("weight of meaning is 0.1 again");
  });

  it("refuses to measure with too few memories, and is only for admins", async () => {
    const { mayfly } = await local.enter();
    expect((await mayfly.memory.tune()).error).toMatchObject({
      code: "invalid_request",
      message: expect.stringContaining("too little to measure"),
    });
    expect((await mayfly.memory.tune({ questions: 5 })).error?.details).toEqual({
      field: "questions",
    });
    const agent = await spawnIn(mayfly, { lifetime: 60 });
    const { error } = await agent.client.rpc("set_model_worth", { model: "m", meaning: 2 });
    expect(error?.code).toBe("scope_missing");
  });
});
