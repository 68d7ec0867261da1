import { embedForDevelopment } from "@mayfly/sdk/contract/development-embedder";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { actAs, makeAgent, makeTenant } from "#harness/callers";
import { openTestDatabase, type TestDatabase } from "#harness/database";
import { readInspect } from "#harness/inspect";
import { putOf } from "#harness/operations";

let db: TestDatabase;
beforeAll(async () => {
  db = await openTestDatabase();
});
afterAll(() => db.close());

/** Runs the query as in the SQL editor, with values that a person enters. */
async function inspect(values: Record<string, string>) {
  let query = await readInspect("recall");
  for (const [placeholder, value] of Object.entries(values)) {
    expect(query).toContain(placeholder);
    query = query.replace(placeholder, value);
  }
  return db.sql.begin(async (session) => {
    await session`set local role postgres`;
    return [...(await session.unsafe(query))];
  });
}

describe("the query recall.sql", () => {
  it("shows what would be found, why, and who may see it", async () => {
    const tenant = await makeTenant(db.sql, { name: "the inspected" });
    const agent = await makeAgent(db.sql, tenant, { name: "learner" });
    const withVector = (memory: Record<string, unknown>) => ({
      ...putOf(memory),
      embedding: embedForDevelopment(`${memory.task}`),
      model: "dev",
    });
    const push = [
      withVector({ task: "Rotate the signing key" }),
      withVector({ task: "Rotating signing keys", visibility: "agent" }),
      putOf({ task: "Rotate tyres" }),
    ];
    await actAs(
      db.sql,
      agent.claims,
      (session) => session`select mayfly.sync(${session.json(push as never)}, null, 0)`,
    );

    const rows = await inspect({
      "'the tenant'": "'the inspected'",
      "'the question'": "'rotate sining'",
    });
    expect(rows).toHaveLength(3);
    const of = (task: string) => rows.find((row) => row.task === task);
    expect(rows.map((row) => row.place)).toEqual(["1", "2", "3"]);
    expect(of("Rotate the signing key")).toMatchObject({
      learned_by: "learner",
      found_by: expect.stringMatching(
        /^words: \d\. \(fits [01]\.\d+\), 0\.\d+ similar to a word of its task or tags$/,
      ),
      by_word: expect.stringMatching(/^(sine|rotat) \(rarity \d\.\d+, rank \d\.\d+\), /),
      more_that_say_the_same: 0,
      vectors: "dev (fresh)",
      seen_by: "the whole tenant",
    });
    expect(of("Rotate tyres")?.vectors).toMatch(/^none yet/);

    const alike = await inspect({
      "'the tenant'": "'the inspected'",
      "'the question'::text": "null::text",
      "null::uuid": `'${push[0]?.memory.id}'::uuid`,
    });
    expect(alike[0]).toMatchObject({
      task: "Rotating signing keys",
      seen_by: "its agent, the ancestors of it, and admins",
      found_by: expect.stringMatching(/meaning: 1\. \([01]\.\d+\)$/),
    });
    expect(await inspect({ "'the tenant'": "'no such tenant'" })).toEqual([]);
  });
});
