/** The topics of a tenant's memories, for made-up topics and for the abstracts of Cranfield. */
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

const topics = {
  bread: [
    "knead the dough of bread",
    "bread dough rests overnight",
    "bake bread in the oven",
    "the oven is hot for bread",
  ],
  keys: [
    "rotate the signing keys",
    "signing keys expire",
    "revoke keys that sign tokens",
    "tokens need signing keys",
  ],
  trains: [
    "the train to Lisbon is late",
    "trains leave the station",
    "the station sells train tickets",
    "train tickets to Lisbon",
  ],
};

describe("mayfly.memory.clusters", () => {
  it("finds the topics, names each by its own words, and shows its average reward", async () => {
    const { tenant, mayfly } = await local.enter();
    const agent = await spawnIn(mayfly, { lifetime: 300 });
    for (const [topic, texts] of Object.entries(topics))
      for (const task of texts)
        dataOf(
          await agent.remember({ task, output: "Done.", ...(topic === "keys" && { reward: 0.5 }) }),
        );
    dataOf(await agent.remember({ task: "xylophone" }));
    // The names of clusters must not reveal words from another agent's private memories.
    dataOf(await agent.remember({ task: "zanzibar zanzibar", visibility: "agent" }));
    dataOf(await agent.remember({ task: "zanzibar again", visibility: "agent" }));
    dataOf(await agent.sync());
    const other = await spawnIn(mayfly, { lifetime: 300 });

    const found = dataOf(await other.memory.clusters({ count: 3 }));
    expect(found).toMatchObject({ memories: 13, sampled: 13, unclustered: 1 });
    expect(found.clusters.map(({ size }) => size)).toEqual([4, 4, 4]);
    const of = (word: string) => found.clusters.find(({ words }) => words.includes(word));
    expect(of("bread")?.name).toMatch(/bread/);
    expect(of("signing")?.name).toMatch(/keys|signing|tokens/);
    expect(of("train")?.words).toEqual(expect.arrayContaining(["tickets"]));
    expect(of("signing")?.averageReward).toBeCloseTo(0.5);
    expect(of("bread")?.averageReward).toBeNull();
    expect(topics.bread).toContain(of("bread")?.examples[0]?.task);
    expect(JSON.stringify(found)).not.toContain("zanzibar");

    const env = { MAYFLY_URL: local.apiUrl, MAYFLY_KEY: local.secretKey, MAYFLY_TENANT: tenant };
    const said = await runCli(["clusters", "--count", "3"], { env });
    expect(said.out).toMatch(/bread/);
    expect(said.out).toMatch(/Looked at 15 memories of 15/);
  });

  it("groups abstracts that answer the same question, with the same result at each call", async () => {
    const { mayfly } = await local.enter();
    const { documents, questions } = await readCranfield();
    const agent = await spawnIn(mayfly, { lifetime: 300 });
    const some = documents.slice(0, 240);
    const numbers = new Map<string, number>();
    for (const { n, title, text } of some) {
      const { id } = dataOf(await agent.remember({ task: title, output: text }));
      numbers.set(id, n);
    }
    dataOf(await agent.sync({ pull: false }));
    const found = dataOf(await mayfly.memory.clusters({ count: 12 }));
    expect(found.sampled).toBe(240);
    expect(found.clusters.length).toBeGreaterThan(6);
    expect(new Set(found.clusters.map(({ name }) => name)).size).toBe(found.clusters.length);
    const words = some.map(({ title, text }) => `${title} ${text}`.toLowerCase()).join(" ");
    for (const { words: telling } of found.clusters)
      expect(telling.filter((word) => !words.includes(word))).toEqual([]);
    expect(dataOf(await mayfly.memory.clusters({ count: 12 }))).toEqual(found);
    expect(liftOf(found.clusters, numbers, questions)).toBeGreaterThan(2);
  });

  it("is empty without memories, and names an invalid option", async () => {
    const { mayfly } = await local.enter();
    expect(dataOf(await mayfly.memory.clusters())).toEqual({
      memories: 0,
      sampled: 0,
      clusters: [],
      unclustered: 0,
    });
    expect((await mayfly.memory.clusters({ count: 1 })).error?.details).toEqual({ field: "count" });
    expect((await mayfly.memory.clusters({ sample: 5 })).error?.details).toEqual({
      field: "sample_size",
    });
  });
});

/**
 * How many times more often two abstracts that answer one question share a cluster than two random abstracts.
 */
function liftOf(
  clusters: { ids: string[] }[],
  numbers: Map<string, number>,
  questions: { relevant: Set<number> }[],
): number {
  const of = new Map(
    clusters.flatMap(({ ids }, cluster) =>
      ids.map((id) => [numbers.get(id) ?? 0, cluster] as const),
    ),
  );
  const share = (pairs: [number, number][]) =>
    pairs.filter(([a, b]) => of.get(a) === of.get(b)).length / pairs.length;
  const pairsOf = (all: number[]) =>
    all.flatMap((a, index) => all.slice(index + 1).map((b): [number, number] => [a, b]));
  const related = questions.flatMap(({ relevant }) =>
    pairsOf([...relevant].filter((n) => of.has(n))),
  );
  return share(related) / share(pairsOf([...of.keys()]));
}
