import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { actAs, makeAgent, makeTenant, refusalOf, type SpawnedAgent } from "#harness/callers";
import { openTestDatabase, type TestDatabase } from "#harness/database";
import { propertyRuns } from "#harness/long";
import { putOf } from "#harness/operations";
import { mostly, operationsOn } from "#harness/requests";

const numRuns = propertyRuns(300);

let db: TestDatabase;
let tenant: string;
let agent: SpawnedAgent;
/** A memory that generated updates and deletes can affect. */
const known = putOf({ task: "known", tags: ["a"], metadata: { a: 1 } });
beforeAll(async () => {
  db = await openTestDatabase();
  // 10,000 runs take longer than the two minutes of a token.
  const hour = { max_lifetime: "1 hour", token_lifetime: "1 hour" };
  tenant = await makeTenant(db.sql, { writes_per_minute: 1_000_000, ...hour });
  agent = await makeAgent(db.sql, tenant, { lifetime: 3_600 });
  await call("sync", { push: [known], since: null, page_limit: 0 });
});
afterAll(() => db.close());

/**
 * Calls a function as the Data API does: the arguments are one JSON object, and each is cast to its
 * parameter's type.
 */
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

/** A refusal has one of our codes. Invalid JSON, or an invalid integer, has the code of Postgres. */
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

const requests = operationsOn(known.memory.id);
const request = fc.record({
  push: requests.push,
  since: requests.since,
  page_limit: mostly(fc.integer({ min: 0, max: 20 })),
});

describe("sync with any input", () => {
  it(
    "answers, or refuses with a code and applies nothing",
    async () => {
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
      // Some calls have succeeded and some were refused, and the agent is still alive.
      expect(outcomes.get("not_authorized")).toBeUndefined();
      expect(outcomes.get("answered")).toBeGreaterThan(numRuns / 10);
      expect(outcomes.get("invalid_operation")).toBeGreaterThan(numRuns / 10);

      // Every stored memory can be read. One memory on which a recall fails would affect everybody.
      const old = putOf({ task: "old", kind: "working", created_at: "0001-01-01T00:00:00Z" });
      const embedding = Array(384).fill(0.5);
      await call("sync", { push: [{ ...old, embedding, model: "m" }], since: null, page_limit: 0 });
      const [read] = await actAs(
        db.sql,
        agent.claims,
        (session) => session`
          select (select count(*)::int from mayfly.recall('old', ${embedding as never}::real[], 'm', result_limit => 100,
              half_lives => '{"episode": 0.001, "working": 0.001}')) as found,
            (mayfly.memory_statistics() ->> 'memories')::int as memories`,
      );
      expect(read?.found).toBeGreaterThan(0);
      expect(read?.memories).toBeGreaterThan(1);
    },
    Math.max(120_000, numRuns * 200),
  );
});

describe("a push", () => {
  const push = (operations: unknown) =>
    call("sync", { push: operations, since: null, page_limit: 0 });

  it("is refused if it has one id in two spellings", async () => {
    const put = putOf();
    const again = { ...putOf(), id: put.id.toUpperCase() };
    expect(await refusalOf(push([put, again]))).toMatchObject({
      code: "invalid_operation",
      details: { index: 1, field: "id" },
    });
  });

  it("is refused with too many operations, too many vectors, or anything but a list", async () => {
    const many = Array.from({ length: 1001 }, () => putOf());
    expect((await refusalOf(push(many))).code).toBe("push_too_large");
    const vectors = many.slice(0, 101).map((op) => ({ ...op, embedding: [], model: "m" }));
    expect((await refusalOf(push(vectors))).code).toBe("push_too_large");
    expect((await refusalOf(push({ not: "a list" }))).code).toBe("invalid_request");
  });
});
