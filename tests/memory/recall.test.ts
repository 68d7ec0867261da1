import { embedForDevelopment } from "@mayfly/sdk/contract/development-embedder";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  actAs,
  type Claims,
  makeAgent,
  makePerson,
  makeTenant,
  refusalOf,
  type SpawnedAgent,
} from "#harness/callers";
import { openTestDatabase, type TestDatabase } from "#harness/database";
import { deleteOf, putOf } from "#harness/operations";

let db: TestDatabase;
let tenant: string;
let agent: SpawnedAgent;
beforeAll(async () => {
  db = await openTestDatabase();
  tenant = await makeTenant(db.sql);
  agent = await makeAgent(db.sql, tenant);
});
afterAll(() => db.close());

const push = (operations: unknown[], claims: Claims = agent.claims) =>
  actAs(
    db.sql,
    claims,
    (session) => session`select mayfly.sync(${session.json(operations as never)}, null, 0)`,
  );
const withVector = (memory: Record<string, unknown>) => ({
  ...putOf(memory),
  embedding: embedForDevelopment(`${memory.task}`),
  model: "dev",
});
async function recall(
  query: string,
  options: Record<string, unknown> = {},
  claims: Claims = agent.claims,
) {
  const {
    embedding = null,
    model = null,
    kinds = null,
    tags = null,
    min_reward = null,
    limit = 10,
  } = options;
  return actAs(db.sql, claims, async (session) => [
    ...(await session`select task, score, parts, agent_name from mayfly.recall(${query}, ${embedding as never}::real[],
      ${model as never}, ${kinds as never}, ${tags as never}, null, ${min_reward as never}, null, ${limit as number})`),
  ]);
}
const tasks = (rows: Record<string, unknown>[]) => rows.map((row) => row.task);

describe("recall", () => {
  it("finds by any word of the question, by stems, prefixes and the parts of identifiers", async () => {
    await push([
      putOf({ task: "Rotate the signing key" }),
      putOf({ task: "rotateSigningKey in lib/key_store.ts" }),
      putOf({ task: "Bake bread" }),
      // The words are in the output, where the search for similar spellings does not help.
      putOf({ task: "Later", output: "HTTPServer calls parseXMLDocument for all URLs" }),
    ]);
    for (const part of ["http", "server", "xml", "document", "urls", "parseXMLDocument"])
      expect(tasks(await recall(part)), part).toEqual(["Later"]);
    expect(tasks(await recall("how are keys rotated?"))).toEqual(
      expect.arrayContaining(["Rotate the signing key", "rotateSigningKey in lib/key_store.ts"]),
    );
    expect(tasks(await recall("how are keys rotated?"))).not.toContain("Bake bread");
    expect(tasks(await recall("store"))).toEqual(["rotateSigningKey in lib/key_store.ts"]);
    expect(tasks(await recall("bak"))).toEqual([]);
    expect(tasks(await recall("brea"))).toEqual(["Bake bread"]);
  });

  it("finds nothing, and does not fail, for a question with only stop words or signs", async () => {
    for (const query of ["the of and", "?!", "' or 1=1 --", "\\", "':*", "(a | b) & !"])
      expect(Array.isArray(await recall(query)), query).toBe(true);
  });

  it("combines words and meaning, and breaks down every score", async () => {
    const own = await makeTenant(db.sql);
    const { claims } = await makeAgent(db.sql, own);
    await push(
      [withVector({ task: "Deploy the functions" }), withVector({ task: "Water the plants" })],
      claims,
    );
    const embedding = embedForDevelopment("deploying functions");
    const [best] = await recall("deploying functions", { embedding, model: "dev" }, claims);
    expect(best).toMatchObject({
      task: "Deploy the functions",
      parts: { words_rank: 1, vector_rank: 1 },
    });
    const parts = best?.parts as {
      recency: number;
      relevance: number;
      fit: number;
      similarity: number;
    };
    // For an unknown model, unrelated texts are assumed to have a similarity of 0.3.
    const likeness = 0.01 + (0.99 * (parts.similarity - 0.3)) / 0.7;
    expect(parts.relevance).toBeCloseTo((parts.fit + likeness) / 2, 5);
    const rest = 0.7 + 0.1 * 0.5 + 0.01 * 5 + 0.1 * parts.recency;
    expect(best?.score).toBeCloseTo(parts.relevance * rest, 5);
  });

  it("never compares vectors of different models", async () => {
    const embedding = embedForDevelopment("Deploy");
    await push([withVector({ task: "Deploy" })]);
    expect(await recall("zzz", { embedding, model: "another" })).toEqual([]);
    expect(tasks(await recall("zzz", { embedding, model: "dev" }))).toContain("Deploy");
  });

  it("keeps to its filters and its limit", async () => {
    await push([
      putOf({ task: "filtered one", kind: "fact", tags: ["x", "y"], reward: 0.9 }),
      putOf({ task: "filtered two", kind: "episode", tags: ["x"], reward: 0.1 }),
    ]);
    expect(tasks(await recall("filtered", { kinds: ["fact"] }))).toEqual(["filtered one"]);
    expect(tasks(await recall("filtered", { tags: ["x", "y"] }))).toEqual(["filtered one"]);
    expect(tasks(await recall("filtered", { min_reward: 0.5 }))).toEqual(["filtered one"]);
    expect(await recall("filtered", { limit: 1 })).toHaveLength(1);
  });

  it("prefers memories that went well, are important or fresh, if the rest is equal", async () => {
    await push([
      putOf({ task: "paint the fence", reward: 0.1 }),
      putOf({ task: "paint the fence", reward: 0.9, importance: 9 }),
    ]);
    const [best] = await recall("paint the fence");
    expect(best?.parts).toMatchObject({ importance: 9 });
  });

  it("does not find what was forgotten or has expired", async () => {
    const gone = putOf({ task: "ephemeral matter" });
    await push([gone, putOf({ task: "ephemeral thing", expires_at: "2020-01-01T00:00:00Z" })]);
    await push([deleteOf(gone.memory.id)]);
    expect(await recall("ephemeral")).toEqual([]);
  });

  it("shows exactly the memories that the policies show", async () => {
    const own = await makeTenant(db.sql);
    const parent = await makeAgent(db.sql, own, {
      scopes: ["agent:spawn", "memory:read", "memory:write"],
    });
    const child = await makeAgent(db.sql, own, {
      as: parent.claims,
      scopes: ["memory:read", "memory:write"],
    });
    const other = await makeAgent(db.sql, own);
    const callers: Claims[] = [parent.claims, child.claims, other.claims];
    for (const [n, claims] of callers.entries())
      await push(
        [
          putOf({ task: `shared ${n}` }),
          putOf({ task: `shared secret ${n}`, visibility: "agent" }),
        ],
        claims,
      );
    callers.push(
      await makePerson(db.sql, { [own]: "viewer" }),
      await makePerson(db.sql, { [own]: "admin" }),
    );

    const seen: number[] = [];
    for (const claims of callers) {
      const shown = await actAs(
        db.sql,
        claims,
        (session) => session`select task from mayfly.memories`,
      );
      const recalled = await recall("shared", { limit: 100 }, claims);
      expect(tasks(recalled).sort()).toEqual(shown.map((row) => row.task as string).sort());
      seen.push(recalled.length);
    }
    expect(seen).toEqual([5, 4, 4, 3, 6]);
  });

  it("refuses an empty question, and values out of range", async () => {
    const codeOf = async (work: Promise<unknown>) => await refusalOf(work);
    expect(await codeOf(recall(""))).toMatchObject({
      code: "invalid_request",
      details: { field: "query" },
    });
    expect(await codeOf(recall("x", { limit: 101 }))).toMatchObject({
      details: { field: "limit" },
    });
    expect(await codeOf(recall("x", { embedding: [1, 2], model: "m" }))).toMatchObject({
      details: { field: "embedding" },
    });
    expect(await codeOf(recall("x", { embedding: Array(384).fill(0) }))).toMatchObject({
      details: { field: "model" },
    });
    // If every score were NaN, it would find everything.
    expect(await codeOf(recall("x", { embedding: Array(384).fill(0), model: "m" }))).toMatchObject({
      code: "invalid_request",
      details: { field: "embedding" },
    });
    const writer = await makeAgent(db.sql, tenant, { scopes: ["memory:write"] });
    expect((await refusalOf(recall("x", {}, writer.claims))).code).toBe("scope_missing");
  });
});
