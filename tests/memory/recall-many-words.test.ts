/**
 * find_by_words has statements for questions of up to three words, and find_by_many_words repeats them for longer ones,
 * because the short ones are much faster. Whatever a condition says in one of them, it must say in the other.
 */
import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { actAs, type Claims, makeAgent, makeTenant } from "#harness/callers";
import { openTestDatabase, type TestDatabase } from "#harness/database";
import { putOf } from "#harness/operations";

let db: TestDatabase;
beforeAll(async () => {
  db = await openTestDatabase();
});
afterAll(() => db.close());

const session = randomUUID();
const conversation = randomUUID();
/** Three words in several combinations. Each filter below lets some of these memories pass, and others not. */
const memories: Record<string, unknown>[] = [
  { task: "Rotate the signing key", reward: 0.9, created_at: "2026-01-01T00:00:00Z" },
  { task: "Rotate the tyres", tags: ["garage"], created_at: "2026-02-01T00:00:00Z" },
  { output: "The key hangs at the door", kind: "fact", created_at: "2026-03-01T00:00:00Z" },
  { output: "Signing needs a key, and a second key", session_id: session, reward: 0.1 },
  { output: "We rotate the key each month", conversation_id: conversation, tags: ["garage"] },
  { output: "Signing, then rotate", visibility: "agent" },
  { critique: "The key was wrong", task: "Sign in", expires_at: "2026-01-02T00:00:00Z" },
  { output: "Nothing of this" },
];
const filters: Record<string, unknown>[] = [
  {},
  { kinds: ["fact"] },
  { having_tags: ["garage"] },
  { min_reward: 0.5 },
  { since: "2026-02-01T00:00:00Z" },
  { until: "2026-02-02T00:00:00Z" },
  { for_task: "Rotate the tyres" },
  { session },
  { conversation },
  { result_limit: 2 },
];

/** A tenant with these memories, its author, a sibling, and one who may see everything. */
async function enter(others: number) {
  const tenant = await makeTenant(db.sql, { writes_per_minute: 100_000 });
  const author = await makeAgent(db.sql, tenant);
  const sibling = await makeAgent(db.sql, tenant);
  const fillers = Array.from({ length: others }, (_, n) => ({ output: `Other words, page ${n}` }));
  const put = (given: Record<string, unknown>[], claims: Claims) => {
    const puts = given.map((memory) => putOf({ task: "", ...memory }));
    return actAs(
      db.sql,
      claims,
      (as) => as`select mayfly.sync(${as.json(puts as never)}, null, 0)`,
    );
  };
  await put([...memories, ...fillers], author.claims);
  await put([{ output: "My own signing key to rotate", visibility: "agent" }], sibling.claims);
  // Counts the words, and deletes the memory that has expired.
  if (others > 0) await db.sql`select mayfly_private.maintain_tenant(${tenant}, 1000)`;
  return [author.claims, sibling.claims, { role: "service_role", tenant }] as const;
}

async function recall(claims: Claims, query: string, options: Record<string, unknown>) {
  const { tenant, ...as } = claims;
  const named = Object.keys(options).map((key, index) => `${key} => $${index + 2}`);
  return actAs(
    db.sql,
    as,
    async (caller) =>
      (
        await caller.unsafe<{ id: string; sum: number }[]>(
          `select id, (parts ->> 'words')::float8 as sum from mayfly.recall(${["$1", ...named].join(", ")})`,
          [query, ...Object.values(options)] as never[],
        )
      ).map(({ id, sum }) => [id, sum]),
    tenant ? { "x-mayfly-tenant": String(tenant) } : {},
  );
}

describe.each([
  ["a small tenant", 0],
  ["a tenant whose words are counted in the background", 340],
])("in %s,", (_, others) => {
  it("a question finds the same with a fourth word that no memory has", async () => {
    let found = 0;
    for (const claims of await enter(others))
      for (const filter of filters) {
        const three = await recall(claims, "rotate signing key", filter);
        const four = await recall(claims, "rotate signing key 7431", filter);
        expect(four, JSON.stringify(filter)).toEqual(three);
        found += three.length;
      }
    expect(found).toBeGreaterThan(50);
  });
});
