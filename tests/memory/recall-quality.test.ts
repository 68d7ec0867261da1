/** The minimum quality of recall, compared with BM25 in the same run, on Cranfield (npm run bench -- quality). */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openTestDatabase, type TestDatabase } from "#harness/database";
import { measureQuality, type Ranked } from "../bench/lib/quality.ts";

describe("recall on the Cranfield collection", () => {
  let db: TestDatabase;
  let ranked: Ranked[];
  beforeAll(async () => {
    db = await openTestDatabase();
    ranked = await measureQuality(db.sql, [
      "BM25",
      "recall, words alone",
      "recall, with the development embedder",
    ]);
  }, 600_000);
  afterAll(() => db?.close());
  const of = (name: string) => {
    const found = ranked.find((one) => one.name === name);
    if (!found) throw new Error(`${name} was not measured.`);
    return found;
  };

  it("finds at least as much as BM25 with words only, in both halves of the questions", () => {
    const [bm25, words] = [of("BM25"), of("recall, words alone")];
    expect(words.all.ndcg / bm25.all.ndcg).toBeGreaterThanOrEqual(1);
    expect(words.all.recall / bm25.all.recall).toBeGreaterThanOrEqual(1);
    expect(words.all.mrr / bm25.all.mrr).toBeGreaterThanOrEqual(0.98);
    for (const half of [0, 1] as const)
      expect(words.halves[half].ndcg / bm25.halves[half].ndcg).toBeGreaterThanOrEqual(0.98);
  });

  it("loses at most 1 % with the development embedder, compared with words only", () => {
    const [words, both] = [of("recall, words alone"), of("recall, with the development embedder")];
    expect(both.all.ndcg / words.all.ndcg).toBeGreaterThanOrEqual(0.99);
  });
});
