/**
 * The three functions over HTTP with any input. Each request gets an answer, or is refused with a code. None
 * is applied in part.
 */
import { randomUUID } from "node:crypto";
import { errorCodes, type Mayfly } from "@mayfly/sdk";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { dataOf, spawnIn } from "#harness/agents";
import { startTestLocal, type TestLocal } from "#harness/local";
import { propertyRuns } from "#harness/long";
import { mostly, odd, operationsOn } from "#harness/requests";

const numRuns = propertyRuns(120);
const timeout = Math.max(60_000, numRuns * 300);
/** A request that takes longer than this counts as hanging. */
const hangsMs = 20_000;

let local: TestLocal;
let tenant: string;
let mayfly: Mayfly;
const known = { memory: randomUUID(), agent: "" };
beforeAll(async () => {
  local = await startTestLocal();
  ({ tenant, mayfly } = await local.enter({ writes_per_minute: 1_000_000 }));
  const agent = await spawnIn(mayfly);
  known.agent = agent.id;
  dataOf(await agent.remember({ id: known.memory, task: "known", tags: ["a"] }));
  dataOf(await agent.sync());
  await agent.close();
});
afterAll(() => local.close());

interface Envelope {
  data: unknown;
  error: { code: string; message: string; request_id: string } | null;
}

async function send(method: string, path: string, body: string | undefined) {
  const response = await fetch(`${local.apiUrl}/functions/v1/${path}`, {
    method,
    headers: { apikey: local.secretKey, "x-mayfly-tenant": tenant },
    ...(body !== undefined && { body }),
    signal: AbortSignal.timeout(hangsMs),
  });
  const text = await response.text();
  expect(response.status, text).toBeLessThan(500);
  const answer = JSON.parse(text) as Envelope;
  expect(response.ok).toBe(answer.error === null);
  if (answer.error) {
    expect(errorCodes).toContain(answer.error.code);
    expect(answer.error.message).not.toBe("");
    expect(answer.error.request_id).toBe(response.headers.get("x-request-id"));
  }
  return answer;
}

const count = async () => {
  const [row] = await local.sql`
    select (select count(*)::int from mayfly.memories where tenant_id = ${tenant}) as memories,
      (select count(*)::int from mayfly_private.ops where tenant_id = ${tenant}) as ops,
      (select count(*)::int from mayfly.agents where tenant_id = ${tenant}) as agents,
      (select count(*)::int from mayfly.events where tenant_id = ${tenant}) as events`;
  return row as { memories: number; ops: number; agents: number; events: number };
};

/** Sends generated input. A refused request has changed nothing. */
async function check(
  requests: fc.Arbitrary<{ method: string; path: string; body: unknown }>,
  accepted: (
    sent: { method: string; path: string },
    data: unknown,
    more: { ops: number; agents: number },
  ) => void,
) {
  const outcomes = new Map<string, number>();
  await fc.assert(
    fc.asyncProperty(requests, async ({ method, path, body }) => {
      const before = await count();
      const { data, error } = await send(
        method,
        path,
        body === undefined || typeof body === "string" ? (body as string) : JSON.stringify(body),
      );
      const outcome = error?.code ?? "answered";
      outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
      const after = await count();
      if (error) expect(after).toEqual(before);
      else
        accepted({ method, path }, data, {
          ops: after.ops - before.ops,
          agents: after.agents - before.agents,
        });
    }),
    { numRuns },
  );
  return outcomes;
}

/** A body that is usually valid. Sometimes it is not an object, or not even JSON. */
const bodyOf = (body: fc.Arbitrary<unknown>) =>
  fc.oneof(
    { weight: 12, arbitrary: body },
    { weight: 1, arbitrary: odd },
    { weight: 1, arbitrary: fc.constantFrom("{", "[]", "null", '"\\ud800"', "\u0000", "1e999") },
  );

const short = fc.string({ minLength: 1, maxLength: 20 });
const blueprint = {
  type: mostly(fc.constantFrom("agent", "reader", "x.y-z")),
  lifetime: mostly(fc.integer({ min: 5, max: 900 })),
  capabilities: mostly(fc.array(short, { maxLength: 3 })),
  scopes: mostly(fc.subarray(["memory:read", "memory:write", "agent:read"])),
  task: mostly(fc.string({ maxLength: 50 })),
  metadata: mostly(fc.dictionary(fc.string(), fc.jsonValue({ maxDepth: 3 }))),
};

describe("with any input,", () => {
  it(
    "sync returns a result for each operation, or refuses all",
    async () => {
      const { push, since } = operationsOn(known.memory);
      const limit = mostly(fc.integer({ min: 0, max: 20 }));
      const body = fc.record({ push, since, limit }, { requiredKeys: ["push"] });
      const outcomes = await check(
        bodyOf(body).map((sent) => ({ method: "POST", path: "sync", body: sent })),
        (_, data, more) => expect(more.ops).toBe((data as { results: unknown[] }).results.length),
      );
      expect(outcomes.get("answered")).toBeGreaterThan(numRuns / 20);
      expect(outcomes.get("invalid_operation")).toBeGreaterThan(numRuns / 20);
    },
    timeout,
  );

  it(
    "query answers, and writes nothing",
    async () => {
      const body = fc.record(
        {
          query: mostly(fc.string({ minLength: 1, maxLength: 40 })),
          embedding: mostly(fc.constant(Array(384).fill(0.5))),
          model: mostly(fc.constant("m")),
          kinds: mostly(fc.subarray(["episode", "fact"])),
          tags: mostly(fc.array(short, { maxLength: 3 })),
          agent: mostly(fc.uuid()),
          min_reward: mostly(fc.double({ min: 0, max: 1, noNaN: true })),
          since: mostly(fc.constant("2026-01-01T00:00:00Z")),
          until: mostly(fc.constant("9999-01-01T00:00:00+02:00")),
          task: mostly(short),
          similar_to: mostly(fc.constant(known.memory)),
          weights: mostly(fc.dictionary(fc.constantFrom("words", "meaning"), fc.constant(0.5))),
          half_lives: mostly(fc.dictionary(fc.constantFrom("fact", "episode"), fc.constant(3))),
          limit: mostly(fc.integer({ min: 1, max: 100 })),
        },
        { requiredKeys: ["query"] },
      );
      const outcomes = await check(
        bodyOf(body).map((sent) => ({ method: "POST", path: "query", body: sent })),
        (_, data, more) => {
          expect((data as { results: unknown[] }).results).toBeInstanceOf(Array);
          expect(more).toEqual({ ops: 0, agents: 0 });
        },
      );
      expect(outcomes.get("answered")).toBeGreaterThan(numRuns / 20);
    },
    timeout,
  );

  it(
    "spawn creates exactly the agents that it returns, or none",
    async () => {
      const agent = fc.record(
        { name: mostly(short), ...blueprint, registration_key: mostly(short) },
        { requiredKeys: [] },
      );
      const group = fc.record(
        {
          count: mostly(fc.integer({ min: 1, max: 3 })),
          names: mostly(fc.array(short)),
          ...blueprint,
        },
        { requiredKeys: [] },
      );
      const id = mostly(fc.oneof(fc.uuid(), fc.constant(known.agent)));
      const at = (method: string, path: string, body: fc.Arbitrary<unknown>) =>
        bodyOf(body).map((sent) => ({ method, path, body: sent }));
      const outcomes = await check(
        fc.oneof(
          { weight: 3, arbitrary: at("POST", "spawn", agent) },
          {
            weight: 3,
            arbitrary: at(
              "POST",
              "spawn/team",
              fc.record({ team: mostly(fc.array(group, { maxLength: 3 })) }),
            ),
          },
          at("POST", "spawn/renew", fc.record({ renewal_secret: mostly(short) })),
          at("POST", "spawn/resume", fc.record({ id })),
          at("DELETE", "spawn", fc.record({ id, reason: mostly(short) })),
          at("PUT", "spawn", agent),
          at("POST", "spawn/nonsense", agent),
        ),
        ({ method, path }, data, more) => {
          const made = path === "spawn/team" ? (data as unknown[]).length : 1;
          if (method === "DELETE" || path === "spawn/resume") expect(more.agents).toBe(0);
          // A key of a living agent returns that agent again.
          else expect([made, 0]).toContain(more.agents);
        },
      );
      expect(outcomes.get("answered")).toBeGreaterThan(0);
      expect(outcomes.get("invalid_request")).toBeGreaterThan(numRuns / 20);
    },
    timeout,
  );
});
