import { createTokens } from "@mayfly/local/internal";
import postgres from "postgres";
import { afterAll, beforeAll, expect, it } from "vitest";
import { type Claims, makeAgent } from "#harness/callers";
import { startTestLocal, type TestLocal } from "#harness/local";
import { putOf } from "#harness/operations";

interface Caller {
  tenant: string;
  token: string;
  claims: Claims;
}

const tenants = 10;
const requests = 200;

let local: TestLocal;
let callers: Caller[];
beforeAll(async () => {
  local = await startTestLocal();
  const tokens = await createTokens(local.keys);
  callers = [];
  for (let n = 0; n < tenants; n++) {
    const { tenant } = await local.enter();
    const { claims } = await makeAgent(local.sql, tenant, { lifetime: 900 });
    callers.push({ tenant, claims, token: await tokens.sign(claims) });
    await local.sql.begin(async (session) => {
      await session`select set_config('request.jwt.claims', ${JSON.stringify(claims)}, true)`;
      await session`set local role authenticated`;
      await session`select mayfly.sync(${session.json([putOf({ task: `note of ${tenant}` })])}, null, 0)`;
    });
  }
});
afterAll(() => local.close());

/**
 * Sends `requests` requests at once, for one tenant after another. Collects answers with rows of another
 * tenant.
 */
async function strayAnswers(ask: (caller: Caller) => Promise<string[]>): Promise<string[]> {
  const answers = await Promise.all(
    Array.from({ length: requests }, async (_, n) => {
      const caller = callers[n % tenants] as Caller;
      const tasks = await ask(caller);
      return tasks.length === 1 && tasks[0] === `note of ${caller.tenant}`
        ? []
        : [`${caller.tenant}: ${JSON.stringify(tasks)}`];
    }),
  );
  return answers.flat();
}

it("each of 200 parallel requests of 10 tenants sees its own rows, in the Data API", async () => {
  const stray = await strayAnswers(async ({ token }) => {
    const response = await fetch(`${local.apiUrl}/rest/v1/memories?select=task`, {
      headers: {
        apikey: local.publishableKey,
        authorization: `Bearer ${token}`,
        "accept-profile": "mayfly",
      },
    });
    return ((await response.json()) as { task: string }[]).map((row) => row.task);
  });
  expect(stray).toEqual([]);
});

it("each of 200 parallel requests of 10 tenants sees its own rows, through the functions", async () => {
  const stray = await strayAnswers(async ({ token }) => {
    const response = await fetch(`${local.apiUrl}/functions/v1/query`, {
      method: "POST",
      headers: { apikey: local.publishableKey, authorization: `Bearer ${token}` },
      body: JSON.stringify({ query: "note" }),
    });
    const text = await response.text();
    const { data } = JSON.parse(text) as { data: { results: { task: string }[] } | null };
    return data?.results.map((row) => row.task) ?? [text];
  });
  expect(stray).toEqual([]);
});

it("each of 200 parallel transactions of 10 tenants sees its own rows, on the wire port, beside the Data API", async () => {
  const pools = callers.map(() => postgres(local.dbUrl, { max: 2, onnotice: () => {} }));
  try {
    const [wire, rest] = await Promise.all([
      strayAnswers(async (caller) => {
        const sql = pools[callers.indexOf(caller)] as postgres.Sql;
        const rows = await sql.begin(async (session) => {
          await session`set local role authenticated`;
          await session`select set_config('request.jwt.claims', ${JSON.stringify(caller.claims)}, true)`;
          return session`select task from mayfly.memories`;
        });
        return rows.map((row) => row.task as string);
      }),
      strayAnswers(async ({ token }) => {
        const response = await fetch(`${local.apiUrl}/rest/v1/memories?select=task`, {
          headers: {
            apikey: local.publishableKey,
            authorization: `Bearer ${token}`,
            "accept-profile": "mayfly",
          },
        });
        return ((await response.json()) as { task: string }[]).map((row) => row.task);
      }),
    ]);
    expect([...wire, ...rest]).toEqual([]);
  } finally {
    await Promise.all(pools.map((sql) => sql.end()));
  }
});
