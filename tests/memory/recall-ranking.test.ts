/** What comes first in a recall, how it explains itself, and what its order must not reveal. */
import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { actAs, type Claims, makeAgent, makeTenant, type SpawnedAgent } from "#harness/callers";
import { openTestDatabase, type TestDatabase } from "#harness/database";
import { putOf } from "#harness/operations";

let db: TestDatabase;
let tenant: string;
let agent: SpawnedAgent;
beforeAll(async () => {
  db = await openTestDatabase();
});
afterAll(() => db.close());

async function enter() {
  tenant = await makeTenant(db.sql);
  agent = await makeAgent(db.sql, tenant);
}
const push = (memories: Record<string, unknown>[], claims: Claims = agent.claims) => {
  const puts = memories.map((memory) => putOf({ task: "", ...memory }));
  return actAs(db.sql, claims, async (session) => {
    await session`select mayfly.sync(${session.json(puts as never)}, null, 0)`;
    return puts.map((put) => put.memory.id);
  });
};
interface Hit {
  id: string;
  task: string;
  output: string;
  score: number;
  parts: {
    fit: number;
    neighbours: number | null;
    asked?: { words: { word: string; rarity: number }[] };
  };
  duplicates: string[];
  surroundings: { place: number; output: string }[] | null;
}
async function recall(query: string, options: Record<string, unknown> = {}, claims = agent.claims) {
  const named = Object.keys(options).map((key, index) => `${key} => $${index + 2}`);
  return actAs(db.sql, claims, async (session) => [
    ...(await session.unsafe<Hit[]>(`select * from mayfly.recall(${["$1", ...named].join(", ")})`, [
      query,
      ...Object.values(options),
    ] as never[])),
  ]);
}
const outputs = (hits: Hit[]) => hits.map(({ output }) => output);

describe("the order of a recall", () => {
  it("ranks rare words before common ones, and a full text before a single word", async () => {
    await enter();
    await push([
      ...Array.from({ length: 20 }, (_, n) => ({ output: `The server logs line ${n} each hour` })),
      { output: "server" },
      { output: "The quorum of the server cluster is three; without it no leader is elected." },
    ]);
    const [best] = await recall("quorum of the server");
    expect(best?.output).toMatch(/^The quorum/);
    const [asked] = await recall("leader elected server", { result_limit: 1 });
    expect(asked?.output).toMatch(/^The quorum/);
  });

  it("scores an answer far above a memory that only shares a word", async () => {
    await enter();
    await push([
      {
        task: "Rotate the signing key",
        output: "Import it, wait for the caches, then rotate to it.",
      },
      { output: "The harvest of olives begins in late October on the northern slopes." },
    ]);
    const [answered] = await recall("how do we rotate the signing key?");
    const [unanswered] = await recall("which olives won the oil competition of Jaén last spring?");
    expect(answered?.score).toBeGreaterThan(0.6);
    expect(unanswered?.score).toBeLessThan(0.25);
  });

  it("explains how rare each word is, and which weights were used", async () => {
    await enter();
    await push([{ task: "Rotate the signing key" }, { task: "Rotate the tyres" }]);
    const [hit] = await recall("signing rotate", { explain: true });
    const rarity = Object.fromEntries(
      (hit?.parts.asked?.words ?? []).map(({ word, rarity }) => [word, rarity]),
    );
    expect(rarity.sign).toBeGreaterThan(rarity.rotat ?? 9);
    expect(hit?.parts).toMatchObject({ weights: { words: 1, meaning: 0, neighbours: 0.3 } });
    const [plain] = await recall("signing rotate");
    expect(plain?.parts).not.toHaveProperty("asked");
  });
});

describe("near duplicates", () => {
  it("are merged into one result with the ids of the others", async () => {
    await enter();
    const text =
      "The nightly backup of the customer database failed since the disk of the standby was full";
    const same = await push([
      ...Array.from({ length: 120 }, () => ({ output: text })),
      { output: `${text}.` },
    ]);
    await push([
      { output: "A backup is restored with pg_restore" },
      { output: "backup of photos" },
    ]);
    const hits = await recall("backup of the database");
    expect(outputs(hits)).toHaveLength(3);
    expect(hits[0]?.duplicates.length).toBeGreaterThan(0);
    expect(same).toEqual(expect.arrayContaining(hits[0]?.duplicates ?? []));
    expect(await recall("backup of the database", { grouped: false })).toHaveLength(10);
  });

  it("do not include short texts that differ in a word, or memories of another kind", async () => {
    await enter();
    await push([
      { output: "Deploy to staging failed: token expired" },
      { output: "Deploy to production failed: token expired" },
      { output: "Deploy to staging failed: token expired", kind: "fact" },
    ]);
    expect(await recall("deploy failed")).toHaveLength(3);
  });
});

describe("neighbours", () => {
  it("share part of their score within a conversation, and are returned on request", async () => {
    await enter();
    const conversation_id = randomUUID();
    const turn = (output: string, n: number, conversation: string | null = conversation_id) => ({
      output,
      kind: "conversation",
      created_at: new Date(Date.UTC(2026, 0, 1, 0, n)).toISOString(),
      ...(conversation && { conversation_id: conversation }),
    });
    await push([
      turn("Good morning everyone", 0),
      turn("Where did you go on holiday?", 1),
      turn("Lisbon, for ten days", 2),
      turn("Nice, was it warm", 3),
      turn("unrelated small talk", 4, null),
    ]);
    const hits = await recall("holiday");
    expect(outputs(hits)[0]).toBe("Where did you go on holiday?");
    expect(outputs(hits)).toContain("Lisbon, for ten days");
    expect(outputs(hits)).not.toContain("unrelated small talk");
    expect(hits[1]?.parts.neighbours).toBeGreaterThan(0);
    expect(await recall("holiday", { weights: { neighbours: 0 } })).toHaveLength(1);

    const [hit] = await recall("holiday", { surrounding: 2 });
    expect(hit?.surroundings?.map(({ place, output }) => [place, output])).toEqual([
      [-1, "Good morning everyone"],
      [1, "Lisbon, for ten days"],
      [2, "Nice, was it warm"],
    ]);
  });

  it("are only those that the caller may see", async () => {
    await enter();
    const other = await makeAgent(db.sql, tenant);
    const session_id = randomUUID();
    const at = (n: number) => new Date(Date.UTC(2026, 0, 1, 0, n)).toISOString();
    await push([
      { output: "the password hint", visibility: "agent", session_id, created_at: at(1) },
    ]);
    await push([{ output: "login page", session_id, created_at: at(0) }]);
    await push([{ output: "other page", session_id, created_at: at(2) }]);
    const hits = await recall("login", { surrounding: 2 }, other.claims);
    expect(outputs(hits)).toEqual(["login page", "other page"]);
    expect(hits[0]?.surroundings?.map(({ output }) => output)).toEqual(["other page"]);
  });
});

describe("the rarity of a word", () => {
  const partsOf = async (claims: Claims) =>
    (await recall("quorum leader", {}, claims)).map(({ output, parts }) => [
      output,
      parts.fit,
      parts,
    ]);

  it("reveals nothing about a sibling's private memories, or another tenant's", async () => {
    await enter();
    const other = await makeAgent(db.sql, tenant);
    await push([{ output: "the quorum is three" }, { output: "a leader is elected" }]);
    const before = await partsOf(other.claims);
    await push(Array.from({ length: 30 }, () => ({ output: "quorum", visibility: "agent" })));
    const stranger = await makeAgent(db.sql, await makeTenant(db.sql));
    await push(
      Array.from({ length: 30 }, () => ({ output: "leader" })),
      stranger.claims,
    );
    const strip = (found: unknown) => JSON.stringify(found).replace(/"recency":[\d.e-]+/g, "");
    expect(strip(await partsOf(other.claims))).toBe(strip(before));
  });

  it("is counted in the background in a large tenant, over memories that the whole tenant may read", async () => {
    await enter();
    await push(Array.from({ length: 200 }, (_, n) => ({ output: `common word ${n}` })));
    await push(Array.from({ length: 150 }, () => ({ output: "hidden", visibility: "agent" })));
    await db.sql`select mayfly_private.maintain_tenant(${tenant}, 1000)`;
    const words = await db.sql`
      select word, memories from mayfly_private.word_frequencies where tenant_id = ${tenant} and word in ('common', 'hidden')`;
    expect([...words]).toEqual([{ word: "common", memories: 200 }]);
    const [sample] = await db.sql`
      select memories::int, sampled, stored::int from mayfly_private.word_samples where tenant_id = ${tenant}`;
    expect(sample).toEqual({ memories: 200, sampled: 200, stored: 350 });
    const [hit] = await recall("common", { explain: true });
    expect(hit?.parts.asked).toMatchObject({ counted_in: 200, words: [{ word: "common" }] });
  });

  it("is judged without a sample if all of the tenant's many memories are private", async () => {
    await enter();
    await push(
      Array.from({ length: 300 }, (_, n) => ({
        output: `secret number ${n}`,
        visibility: "agent",
      })),
    );
    await db.sql`select mayfly_private.maintain_tenant(${tenant}, 1000)`;
    expect(outputs(await recall("secret unheard 17"))[0]).toBe("secret number 17");
    expect(await recall("unheard")).toEqual([]);
  });
});

describe("the words of a memory", () => {
  it("are found before and after maintenance silently updates them", async () => {
    await enter();
    const [id] = await push([{ output: "Le café de la gare, parseHttpHeader" }]);
    // The search words of the memory, as 0.1.0 stored them.
    await db.sql`
      update mayfly.memories set words = to_tsvector('english', output || ' parse Http Header'), words_version = 0 where id = ${id as string}`;
    const [before] =
      await db.sql`select version, updated_at from mayfly.memories where id = ${id as string}`;
    const events =
      await db.sql`select count(*)::int as n from mayfly.events where tenant_id = ${tenant}`;
    for (const question of ["café", "header"]) expect(await recall(question)).toHaveLength(1);
    await db.sql`select mayfly_private.maintain_tenant(${tenant}, 1000)`;
    for (const question of ["café", "cafe", "header"])
      expect(await recall(question)).toHaveLength(1);
    const [after] = await db.sql`
      select version, updated_at, words_version from mayfly.memories where id = ${id as string}`;
    expect(after).toEqual({ ...before, words_version: 2 });
    expect(
      await db.sql`select count(*)::int as n from mayfly.events where tenant_id = ${tenant}`,
    ).toEqual(events);
  });

  it("follow manual changes, and disappear when the memory is forgotten", async () => {
    await enter();
    await db.sql`insert into mayfly.memories (tenant_id, id, task) values (${tenant}, gen_random_uuid(), 'by hand')`;
    expect(await recall("hand")).toHaveLength(1);
    await db.sql`update mayfly.memories set task = 'by foot' where tenant_id = ${tenant}`;
    expect(await recall("hand")).toHaveLength(0);
    expect(await recall("foot")).toHaveLength(1);
  });

  it("are complete for the longest text, and cut if there are too many", async () => {
    await enter();
    const many = Array.from({ length: 100_000 }, (_, n) =>
      String.fromCodePoint(0x4e00 + ((n * 7_919) % 20_000)),
    ).join("");
    await push([{ input: many, output: many.split("").reverse().join("") }]);
    expect((await recall(many.slice(0, 8)))[0]?.parts.fit).toBeGreaterThan(0.3);
  });
});

describe("the report of what a recall searched", () => {
  it("counts the memories that the caller may see, and those with a vector of the model", async () => {
    await enter();
    const other = await makeAgent(db.sql, tenant);
    await push([{ output: "one" }, { output: "two" }, { output: "mine", visibility: "agent" }]);
    const put = { ...putOf({ task: "three" }), embedding: Array(384).fill(0.1), model: "m" };
    await actAs(
      db.sql,
      agent.claims,
      (session) => session`select mayfly.sync(${session.json([put] as never)}, null, 0)`,
    );
    const scope = (claims: Claims) =>
      actAs(db.sql, claims, async (session) => {
        const [row] = await session`select mayfly.recall_scope('m') as scope`;
        return row?.scope;
      });
    expect(await scope(agent.claims)).toEqual({ memories: 4, with_vector: 1, exact: true });
    expect(await scope(other.claims)).toEqual({ memories: 3, with_vector: 1, exact: true });
  });
});
