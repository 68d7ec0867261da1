/** Words of any script: the server finds them, and the local search ranks as it does. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { actAs, makeAgent, makeTenant, type SpawnedAgent } from "#harness/callers";
import { openTestDatabase, type TestDatabase } from "#harness/database";
import { putOf } from "#harness/operations";
import { MemoryCache } from "../../sdk/src/memory/cache.ts";
import { LocalSearch } from "../../sdk/src/memory/local-search.ts";
import { memoryFromBody } from "../../sdk/src/memory/memory.ts";
import { memories, questions } from "./scripts.ts";

describe("a question in any script", () => {
  let db: TestDatabase;
  let agent: SpawnedAgent;
  const cache = new MemoryCache();
  const local = new LocalSearch(cache);
  const keys = new Map<string, string>();
  beforeAll(async () => {
    db = await openTestDatabase();
    agent = await makeAgent(db.sql, await makeTenant(db.sql));
    const puts = Object.entries(memories).map(([key, memory]) => {
      const put = putOf({ task: "", ...memory });
      keys.set(put.memory.id, key);
      cache.put(memoryFromBody(put.memory as never, agent.id));
      return put;
    });
    await actAs(
      db.sql,
      agent.claims,
      (session) => session`select mayfly.sync(${session.json(puts as never)}, null, 0)`,
    );
  });
  afterAll(() => db?.close());

  const onServer = (question: string) =>
    actAs(db.sql, agent.claims, async (session) => [
      ...(await session<{ id: string; fit: number; words: number }[]>`
        select id, (parts ->> 'fit')::float8 as fit, (parts ->> 'words')::float8 as words
        from mayfly.recall(${question}, weights => '{"reward": 0, "importance": 0, "recency": 0}')`),
    ]);

  it.each(questions)("%s finds %s, on the server and here", async (question, first) => {
    const found = await onServer(question);
    expect(keys.get(found[0]?.id ?? "")).toBe(first);
    const { results } = await local.recall(
      question,
      { weights: { reward: 0, importance: 0, recency: 0 } },
      Date.now(),
    );
    expect(results.map(({ memory }) => keys.get(memory.id))).toEqual(
      found.map(({ id }) => keys.get(id)),
    );
    expect(results[0]?.parts.fit).toBeCloseTo(found[0]?.fit ?? 0, 4);
    expect(results[0]?.parts.words).toBeCloseTo(found[0]?.words ?? 0, 4);
  });

  it("is one of 60 and more, in 15 languages and more", () => {
    expect(questions.length).toBeGreaterThanOrEqual(60);
    const languages = Object.keys(memories).slice(2, 18);
    const asked = new Set(questions.map(([, key]) => key));
    expect(languages.filter((key) => !asked.has(key))).toEqual([]);
    expect(languages.length).toBeGreaterThanOrEqual(15);
  });
});
