import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { actAs, makeAgent, makeTenant, type SpawnedAgent } from "../harness/callers.ts";
import { openTestDatabase, type TestDatabase } from "../harness/database.ts";
import { putOf } from "../harness/operations.ts";

const numRuns = Number(process.env.MAYFLY_PROPERTY_RUNS ?? 300);

let db: TestDatabase;
let tenant: string;
let agent: SpawnedAgent;
/** A memory that generated updates and deletes can meet. */
const known = putOf({ task: "known", tags: ["a"], metadata: { a: 1 } });
beforeAll(async () => {
  db = await openTestDatabase();
  tenant = await makeTenant(db.sql, { writes_per_minute: 1_000_000 });
  agent = await makeAgent(db.sql, tenant, { lifetime: 800 });
  await call("sync", { push: [known], since: null, page_limit: 0 });
});
afterAll(() => db.close());

/** As the Data API calls it: one JSON object of arguments, each cast to its parameter's type. */
const call = (name: string, values: Record<string, unknown>) =>
  actAs(db.sql, agent.claims, async (session) => {
    const casts: Record<string, string> = { push: "jsonb", since: "text", page_limit: "integer" };
    const args = Object.keys(values).map(
      (key) =>
        `${key} => (case when a -> '${key}' <> 'null' then a ${casts[key] === "jsonb" ? "->" : "->>"} '${key}' end)::${casts[key]}`,
    );
    const [row] = await session.unsafe(
      `select mayfly.${name}(${args.join(", ")}) as answer from (select $1::jsonb as a) given`,
      [values as never],
    );
    return row?.answer as { results: { status: string }[] };
  });

/** What is refused has one of our codes; what is no JSON for Postgres at all, or no integer, its own. */
async function answerOrCode(values: Record<string, unknown>) {
  try {
    return { answer: await call("sync", values) };
  } catch (thrown) {
    const error = thrown as { code?: string; message: string };
    if (error.code === "PGRST") return { code: JSON.parse(error.message).code as string };
    const notOfItsType = ["22P02", "22003"].includes(error.code ?? "");
    if (error.code === "22P05" || (notOfItsType && /integer|json/.test(error.message)))
      return { code: error.code };
    throw new Error(`No code of ours: ${error.code} ${error.message}`);
  }
}
const count = async () => {
  const [row] = await db.sql`
    select (select count(*)::int from mayfly.memories where tenant_id = ${tenant}) as memories,
      (select count(*)::int from mayfly_private.ops where tenant_id = ${tenant}) as ops,
      (select count(*)::int from mayfly.events where tenant_id = ${tenant}) as events`;
  return row as { memories: number; ops: number; events: number };
};

const odd = fc.oneof(
  fc.jsonValue({ maxDepth: 3 }),
  fc.constantFrom(null, "", "\u0000", "\ud800", -0, 1e308, 5e-324, 1e-40, 5.0, 2 ** 53, [], {}, [
    [],
  ]),
  fc.string({ unit: "binary", maxLength: 20 }),
  fc.constant("x".repeat(2001)),
);
/** Mostly right, sometimes anything. */
const mostly = <T>(right: fc.Arbitrary<T>) =>
  fc.oneof(
    { weight: 12, arbitrary: right as fc.Arbitrary<unknown> },
    { weight: 1, arbitrary: odd },
  );
const instant = fc
  .date({ min: new Date(0), max: new Date("9999-01-01"), noInvalidDate: true })
  .map((date) => date.toISOString());
const fields = {
  task: mostly(fc.string({ minLength: 1, maxLength: 30 })),
  input: mostly(fc.string()),
  output: mostly(fc.string()),
  critique: mostly(fc.string()),
  kind: mostly(fc.constantFrom("episode", "fact", "working")),
  reward: mostly(fc.double({ min: 0, max: 1, noNaN: true })),
  success: mostly(fc.boolean()),
  importance: mostly(fc.integer({ min: 1, max: 10 })),
  tags: mostly(fc.array(fc.string({ minLength: 1, maxLength: 10 }), { maxLength: 5 })),
  metadata: mostly(fc.dictionary(fc.string(), fc.jsonValue({ maxDepth: 4 }))),
  tokens: mostly(fc.nat()),
  latency_ms: mostly(fc.nat()),
  visibility: mostly(fc.constantFrom("tenant", "agent")),
  session_id: mostly(fc.uuid()),
  conversation_id: mostly(fc.uuid()),
  expires_at: mostly(instant),
};
const some = fc.record(fields, { requiredKeys: [] });
const put = fc.record(
  {
    id: mostly(fc.uuid()),
    type: mostly(fc.constant("memory.put")),
    memory: mostly(
      fc
        .tuple(
          fc.record({ ...fields, created_at: mostly(instant) }, { requiredKeys: ["task"] }),
          fc.uuid(),
        )
        .map(([memory, id]) => ({ ...memory, id })),
    ),
    embedding: mostly(fc.constant(Array(384).fill(0.5))),
    model: mostly(fc.constant("m")),
  },
  { requiredKeys: ["id", "type", "memory"] },
);
const target = fc.oneof(fc.uuid(), fc.constant(known.memory.id));
const update = fc.record({
  id: mostly(fc.uuid()),
  type: fc.constant("memory.update"),
  memory: fc.record(
    {
      id: mostly(target),
      set: mostly(some),
      base: mostly(some),
      hlc: mostly(fc.constantFrom("1700000000000-0000-a", "9999999999999-0000-a")),
      resolve: mostly(fc.constantFrom("latest_wins", "merge", "manual")),
      settles: mostly(fc.array(fc.uuid(), { minLength: 1, maxLength: 3 })),
    },
    { requiredKeys: ["id", "set"] },
  ),
});
const remove = fc.record({
  id: fc.uuid(),
  type: fc.constant("memory.delete"),
  memory: fc.record({ id: mostly(fc.uuid()) }),
});
const request = fc.record({
  push: mostly(fc.array(mostly(fc.oneof(put, update, remove)), { maxLength: 4 })),
  since: fc.oneof(
    { weight: 5, arbitrary: fc.constant(null) as fc.Arbitrary<unknown> },
    { weight: 1, arbitrary: fc.string() },
    {
      weight: 1,
      arbitrary: fc
        .record(
          {
            e: mostly(fc.constant(1)),
            s: mostly(fc.constant("1:1:")),
            t: odd,
            x: odd,
            i: odd,
            b: odd,
          },
          { requiredKeys: ["e", "s"] },
        )
        .map((state) => Buffer.from(JSON.stringify(state)).toString("base64")),
    },
  ),
  page_limit: mostly(fc.integer({ min: 0, max: 20 })),
});

describe("sync, whatever it is sent", () => {
  it("answers, or refuses by a code and applies nothing", async () => {
    const outcomes = new Map<string, number>();
    await fc.assert(
      fc.asyncProperty(request, async (values) => {
        const before = await count();
        const { answer, code } = await answerOrCode(values);
        const outcome = code ?? "answered";
        outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
        const after = await count();
        if (!answer) expect(after).toEqual(before);
        else expect(after.ops - before.ops).toBe(answer.results.length);
      }),
      { numRuns },
    );
    // Both ways are taken.
    expect(outcomes.get("answered")).toBeGreaterThan(numRuns / 10);
    expect(outcomes.get("invalid_operation")).toBeGreaterThan(numRuns / 10);
  }, 120_000);
});
