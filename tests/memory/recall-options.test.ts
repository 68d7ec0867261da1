import { randomUUID } from "node:crypto";
import { embedForDevelopment } from "@mayfly/sdk/contract/development-embedder";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  actAs,
  type Claims,
  makeAgent,
  makeTenant,
  refusalOf,
  type SpawnedAgent,
} from "#harness/callers";
import { openTestDatabase, type TestDatabase } from "#harness/database";
import { putOf } from "#harness/operations";

let db: TestDatabase;
let agent: SpawnedAgent;
beforeAll(async () => {
  db = await openTestDatabase();
});
afterAll(() => db.close());

/** The tasks of a new tenant, each with a vector. */
async function remember(...memories: Record<string, unknown>[]) {
  agent = await makeAgent(db.sql, await makeTenant(db.sql));
  const operations = memories.map((memory) => ({
    ...putOf(memory),
    embedding: embedForDevelopment(`${memory.task}`),
    model: "dev",
  }));
  await actAs(
    db.sql,
    agent.claims,
    (session) => session`select mayfly.sync(${session.json(operations as never)}, null, 0)`,
  );
  return operations.map((operation) => operation.memory.id);
}

interface Hit {
  id: string;
  task: string;
  score: number;
  parts: Record<string, number | null>;
}
async function recall(options: Record<string, unknown>, claims: Claims = agent.claims) {
  const named = Object.keys(options).map((key, index) => `${key} => $${index + 1}`);
  return actAs(db.sql, claims, async (session) => [
    ...(await session.unsafe<Hit[]>(
      `select id, task, score, parts from mayfly.recall(${named.join(", ")})`,
      Object.values(options) as never[],
    )),
  ]);
}
const tasks = (hits: Hit[]) => hits.map((hit) => hit.task);

describe("recall, with typos,", () => {
  it("finds task and tags with nearly correct words", async () => {
    await remember(
      { task: "Rotate the signing key" },
      { task: "Paint the key rack" },
      { task: "Bake bread", tags: ["sourdough"] },
    );
    const [best] = await recall({ query: "rotat the sining key" });
    expect(best?.task).toBe("Rotate the signing key");
    expect(best?.parts.typos).toBeGreaterThanOrEqual(0.5);
    expect(tasks(await recall({ query: "recipe for sourdogh" }))).toEqual(["Bake bread"]);
    expect(tasks(await recall({ query: "paitn" }))).toEqual(["Paint the key rack"]);
  });

  it("does not treat an existing word as a typo", async () => {
    await remember({ task: "Rotate the signing key" }, { task: "Singing lessons" });
    const hits = await recall({ query: "signing" });
    expect(tasks(hits)).toEqual(["Rotate the signing key"]);
    expect(hits[0]?.parts.typos).toBeNull();
  });

  it("leaves the caller's threshold as it was", async () => {
    await remember({ task: "Rotate the signing key" });
    const threshold = await actAs(db.sql, agent.claims, async (session) => {
      await session`select set_config('pg_trgm.word_similarity_threshold', '0.9', true)`;
      await session`select * from mayfly.recall('sining')`;
      const [row] =
        await session`select current_setting('pg_trgm.word_similarity_threshold') as value`;
      return row?.value;
    });
    expect(threshold).toBe("0.9");
  });
});

describe("recall, with weights,", () => {
  it("weighs reward, importance and freshness as the caller asks", async () => {
    await remember(
      { task: "mend the net", reward: 1, importance: 1, created_at: "2020-01-01T00:00:00Z" },
      { task: "mend the net!", reward: 0, importance: 10, created_at: "2020-01-01T00:00:00Z" },
      { task: "mend the net?", reward: 0, importance: 1 },
    );
    const none = { reward: 0, importance: 0, recency: 0 };
    const best = async (weights: Record<string, number>) =>
      (await recall({ query: "mend the net", weights: { ...none, ...weights } }))[0]?.task;
    expect(await best({ reward: 0.9 })).toBe("mend the net");
    expect(await best({ importance: 0.9 })).toBe("mend the net!");
    expect(await best({ recency: 0.9 })).toBe("mend the net?");
    const [hit] = await recall({ query: "mend the net", weights: none });
    expect(hit?.score).toBeCloseTo(Number(hit?.parts.relevance), 6);
  });

  it("uses only words or only meaning if the other has no weight", async () => {
    await remember({ task: "Water the plants" }, { task: "Deploy the functions" });
    const asked = {
      query: "deploy",
      embedding: embedForDevelopment("Water the plants"),
      model: "dev",
    };
    const byWords = await recall({ ...asked, weights: { meaning: 0 } });
    expect(tasks(byWords)).toEqual(["Deploy the functions"]);
    expect(byWords[0]?.parts).toMatchObject({ words_rank: 1, vector_rank: null });
    expect(byWords[0]?.parts.relevance).toBeCloseTo(byWords[0]?.parts.fit ?? 0, 6);
    const [byMeaning] = await recall({ ...asked, weights: { words: 0 } });
    expect(byMeaning).toMatchObject({
      task: "Water the plants",
      parts: { words_rank: null, vector_rank: 1 },
    });
  });

  it("ages each kind by its own half-life, or the caller's", async () => {
    const created_at = new Date(Date.now() - 30 * 86_400_000).toISOString();
    const kinds = ["working", "conversation", "episode", "learning", "fact"];
    await remember(...kinds.map((kind) => ({ task: `aged ${kind}`, kind, created_at })));
    const recency = async (options: Record<string, unknown> = {}) =>
      Object.fromEntries(
        (await recall({ query: "aged", ...options })).map((hit) => [
          hit.task.slice(5),
          hit.parts.recency,
        ]),
      );
    const fresh = await recency();
    for (const [kind, days] of Object.entries({ conversation: 7, episode: 30, fact: 365 }))
      expect(fresh[kind], kind).toBeCloseTo(0.5 ** (30 / days), 3);
    expect(fresh.working).toBeLessThan(1e-6);
    expect((await recency({ half_lives: { working: 30 } })).working).toBeCloseTo(0.5, 3);
  });

  it("finds the oldest possible memory, however short the half-life", async () => {
    await remember({
      task: "Old as the hills",
      kind: "working",
      created_at: "0001-01-01T00:00:00Z",
    });
    const [hit] = await recall({ query: "hills", half_lives: { working: 0.001 } });
    expect(hit?.task).toBe("Old as the hills");
    expect(hit?.parts.recency).toBeCloseTo(0);
  });

  it("refuses invalid weights and half-lives by name", async () => {
    const field = async (options: Record<string, unknown>) =>
      (await refusalOf(recall({ query: "x", ...options }))).details;
    expect(await field({ weights: { meaning: 101 } })).toEqual({ field: "weights.meaning" });
    expect(await field({ weights: { neighbours: 2 } })).toEqual({ field: "weights.neighbours" });
    expect(await field({ surrounding: 6 })).toEqual({ field: "surrounding" });
    expect(await field({ weights: { reward: 2 } })).toEqual({ field: "weights.reward" });
    expect(await field({ weights: { luck: 0.5 } })).toEqual({ field: "weights.luck" });
    expect(await field({ weights: { words: "1" } })).toEqual({ field: "weights.words" });
    expect(await field({ weights: { words: 0, meaning: 0 } })).toEqual({ field: "weights" });
    expect(await field({ weights: { reward: 0.9, recency: 0.2 } })).toEqual({ field: "weights" });
    expect(await field({ weights: [1] })).toEqual({ field: "weights" });
    expect(await field({ half_lives: { fact: 0 } })).toEqual({ field: "half_lives.fact" });
    expect(await field({ half_lives: { luck: 1 } })).toEqual({ field: "half_lives.luck" });
  });
});

describe("recall, narrowed,", () => {
  it("keeps to a task, a session, a conversation and a time", async () => {
    const [session_id, conversation_id] = [randomUUID(), randomUUID()];
    await remember(
      { task: "sort mail", session_id, created_at: "2024-01-01T00:00:00Z" },
      { task: "sort mail again", conversation_id, created_at: "2025-01-01T00:00:00Z" },
    );
    const found = async (options: Record<string, unknown>) =>
      tasks(await recall({ query: "sort mail", ...options }));
    expect(await found({ for_task: "sort mail" })).toEqual(["sort mail"]);
    expect(await found({ session: session_id })).toEqual(["sort mail"]);
    expect(await found({ conversation: conversation_id })).toEqual(["sort mail again"]);
    expect(await found({ until: "2025-01-01T00:00:00Z" })).toEqual(["sort mail"]);
    expect(await found({ since: "2025-01-01T00:00:00Z" })).toEqual(["sort mail again"]);
    expect(await found({ session: randomUUID() })).toEqual([]);
  });
});

describe("recall of what is similar to a memory", () => {
  it("uses the memory's vector and labels, and leaves the memory itself out", async () => {
    const [asked] = await remember(
      { task: "Deploy the functions" },
      { task: "Deploying a function" },
      { task: "Bake bread" },
    );
    const hits = await recall({ similar_to: asked });
    expect(hits[0]).toMatchObject({
      task: "Deploying a function",
      parts: { words_rank: 1, vector_rank: 1 },
    });
    expect(hits.map((hit) => hit.id)).not.toContain(asked);
  });

  it("reveals no memory that the caller may not see", async () => {
    const [asked] = await remember({ task: "A private matter", visibility: "agent" });
    const stranger = await makeAgent(db.sql, await makeTenant(db.sql));
    const code = async (options: Record<string, unknown>, claims: Claims) =>
      (await refusalOf(recall(options, claims))).code;
    expect(await code({ similar_to: asked }, stranger.claims)).toBe("memory_unknown");
    expect(await code({ similar_to: randomUUID() }, agent.claims)).toBe("memory_unknown");
    expect(await recall({ similar_to: asked })).toEqual([]);
  });
});

describe("recall among private memories", () => {
  it("asks only once who is calling, and finds those of the caller and its children", async () => {
    const tenant = await makeTenant(db.sql);
    const parent = await makeAgent(db.sql, tenant, {
      scopes: ["agent:spawn", "memory:read", "memory:write"],
    });
    const child = await makeAgent(db.sql, tenant, { as: parent.claims });
    const sibling = await makeAgent(db.sql, tenant);
    const session_id = randomUUID();
    for (const [task, { claims }] of Object.entries({ mine: parent, child, sibling })) {
      const put = putOf({ task: `A comet, ${task}`, visibility: "agent", session_id });
      await actAs(
        db.sql,
        claims,
        (session) => session`select mayfly.sync(${session.json([put] as never)}, null, 0)`,
      );
    }
    const [found, calls] = await db.sql.begin(async (session) => {
      await session`set local track_functions = 'all'`;
      await session`select set_config('request.jwt.claims', ${JSON.stringify(parent.claims)}, true),
        set_config('request.headers', '{}', true), set_config('role', 'authenticated', true)`;
      const rows = await session`select task from mayfly.recall('comet meteor', surrounding => 1)`;
      const [row] = await session`
        select calls::integer from pg_stat_xact_user_functions
        where schemaname = 'mayfly_private' and funcname = 'caller'`;
      return [rows.map((row) => row.task as string), row?.calls];
    });
    expect(found.toSorted()).toEqual(["A comet, child", "A comet, mine"]);
    expect(calls).toBe(1);
  });
});
