import { createTokens, generateKeys, type Tokens } from "@mayfly/local/internal";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Claims, makeAgent, rpc } from "#harness/callers";
import { startTestLocal, type TestLocal } from "#harness/local";
import { putOf } from "#harness/operations";
import { mutationOf } from "./claims.ts";

let local: TestLocal;
let tokens: Tokens;
let foreign: Tokens;
let own: string;
let victim: string;
let agent: Claims;
let dead: Claims;

const task = "the secret plan";
beforeAll(async () => {
  local = await startTestLocal({
    limits: { joinErrorBackoffMs: 5, connectErrorBackoffMs: 5, joinsPerSecond: 100_000 },
  });
  tokens = await createTokens(local.keys);
  foreign = await createTokens(await generateKeys());
  own = (await local.enter({ writes_per_minute: 1_000_000 })).tenant;
  victim = (await local.enter()).tenant;
  for (const tenant of [own, victim]) {
    const { claims } = await makeAgent(local.sql, tenant, { lifetime: 600 });
    await rpc(local.sql, claims, "sync", {
      push: [putOf({ task: `${task} of ${tenant}` })],
    });
  }
  agent = (await makeAgent(local.sql, own, { lifetime: 600 })).claims;
  dead = (await makeAgent(local.sql, own)).claims;
  await rpc(local.sql, dead, "stop_agent");
});
afterAll(() => local.close());

const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString("base64url");

interface Outcome {
  /** The statuses of the Data API and of a function, and whether Realtime let the token join. */
  rest: number;
  functions: number;
  joined: boolean;
  /** The texts of all answers. */
  said: string;
}

/** What a token gets from the Data API, a function and Realtime. */
async function show(token: string, topic = `tenant:${victim}:log`): Promise<Outcome> {
  const headers = { apikey: local.publishableKey, authorization: `Bearer ${token}` };
  const rest = await fetch(`${local.apiUrl}/rest/v1/memories?select=task,tenant_id`, {
    headers: { ...headers, "accept-profile": "mayfly" },
  });
  const functions = await fetch(`${local.apiUrl}/functions/v1/query`, {
    method: "POST",
    headers,
    body: JSON.stringify({ query: task }),
  });
  const said = (await rest.text()) + (await functions.text());
  return {
    rest: rest.status,
    functions: functions.status,
    joined: await joins(token, topic),
    said,
  };
}

async function joins(token: string, topic: string): Promise<boolean> {
  const response = await fetch(
    `${local.apiUrl}/realtime/v1/api/broadcast/${encodeURIComponent(topic)}/events/e?private=true`,
    {
      method: "POST",
      headers: {
        apikey: local.publishableKey,
        authorization: `Bearer ${token}`,
        "content-type": "application/json",
      },
      body: "{}",
    },
  );
  if (response.status >= 500) throw new Error(`Realtime answered ${response.status}`);
  return response.status === 202;
}

/** Whether an HTTP header can contain the token. */
const sendable = (token: string) => /^[\x20-\x7e]*$/.test(token) && token === token.trim();

describe("a token that was tampered with", () => {
  it("is refused by the Data API, the functions and Realtime, whatever was changed", async () => {
    const good = await tokens.sign(agent);
    const [header = "", body = "", signature = ""] = good.split(".");
    const kid = (JSON.parse(Buffer.from(header, "base64url").toString()) as { kid: string }).kid;
    const headers = fc.constantFrom<unknown>(
      { alg: "none", typ: "JWT" },
      { alg: "None", kid },
      { alg: "HS256", kid, typ: "JWT" },
      { alg: "RS256", kid },
      { alg: "ES384", kid },
      { alg: "ES256" },
      { alg: "ES256", kid: "other" },
      { alg: "ES256", kid: ["a"] },
      { alg: "ES256", kid, crit: ["b64"], b64: false },
      { alg: "ES256", kid, jwk: local.keys.signingKeys[0] },
      { alg: "ES256", kid, jku: "http://127.0.0.1:1/jwks" },
      { alg: "ES256", kid: "../../keys.json" },
      { alg: { toString: "ES256" }, kid },
      [],
      null,
    );
    const forged = fc.record({ header: headers, claims: mutationOf(agent, [victim, own]) });
    const tampered = fc.oneof(
      forged.map((made) => `${encode(made.header)}.${encode(made.claims)}.${signature}`),
      forged.map((made) => `${encode(made.header)}.${encode(made.claims)}.`),
      mutationOf(agent, [victim]).map((claims) => `${header}.${encode(claims)}.${signature}`),
      fc
        .integer({ min: 0, max: signature.length - 2 })
        .map(
          (at) =>
            `${header}.${body}.${signature.slice(0, at)}${signature[at] === "A" ? "B" : "A"}${signature.slice(at + 1)}`,
        ),
      fc.constantFrom(
        `${good}.${body}`,
        `${good}.`,
        `.${good}`,
        `${header}.${body}`,
        `${header}..${signature}`,
        "..",
        "...",
        ".",
        "a.b.c",
        `${header}.${body}.${"A".repeat(86)}`,
        `${header}.${body}.${"A".repeat(5_000)}`,
        `${header}.${"A".repeat(6_000)}.${signature}`,
        good.replace(".", " "),
        "null",
        "undefined",
        "[object Object]",
        local.publishableKey.replace("sb_", "xx_"),
      ),
      fc.string({ maxLength: 200 }).filter(sendable),
    );
    await fc.assert(
      fc.asyncProperty(tampered, async (token) => {
        fc.pre(token !== good && token !== "");
        const outcome = await show(token);
        // Node's own answer to headers of more than 16 KB.
        const refused = token.length > 10_000 ? [401, 431] : [401];
        expect(refused, token.slice(0, 1_000)).toContain(outcome.rest);
        expect(refused, token.slice(0, 1_000)).toContain(outcome.functions);
        expect(outcome.joined, token.slice(0, 1_000)).toBe(false);
        expect(outcome.said).not.toContain(task);
      }),
      { numRuns: Number(process.env.FUZZ_RUNS ?? 50) },
    );
  });

  it("is refused when another project signed it, with any kid", async () => {
    for (const token of [await foreign.sign(agent), await foreign.signLegacy(agent)])
      expect(await show(token)).toMatchObject({ rest: 401, functions: 401, joined: false });
  });
});

describe("claims that the project itself signed", () => {
  it("never reach another tenant, never fail, never revive the dead", async () => {
    const living = (claims: Claims) =>
      fc.tuple(
        fc.constant(claims),
        mutationOf(claims, [victim, own]).filter(
          (made) =>
            // The claims of a person have to name the person, and none of these claims do.
            made.sub === claims.sub || made.sub !== agent.sub,
        ),
      );
    await fc.assert(
      fc.asyncProperty(fc.oneof(living(agent), living(dead)), async ([from, claims]) => {
        const outcome = await show(await tokens.sign(claims as never).catch(() => "unsignable"));
        const where = JSON.stringify(claims);
        expect(outcome.rest, where).toBeLessThan(500);
        expect(outcome.functions, where).toBeLessThan(500);
        // Realtime uses the role in a signed token, here as on a hosted project. Anyone with the signing key can do
        // everything (SECURITY.md).
        if (claims.role !== "postgres") expect(outcome.joined, where).toBe(false);
        expect(outcome.said, where).not.toContain(victim);
        if (from === dead) expect(outcome.said, where).not.toContain(task);
      }),
      { numRuns: Number(process.env.FUZZ_RUNS ?? 50) },
    );
  });

  it("of an unchanged token see the tenant of its agent, and no other tenant", async () => {
    const { rest, functions, said } = await show(await tokens.sign(agent));
    expect([rest, functions]).toEqual([200, 200]);
    expect(said).toContain(`${task} of ${own}`);
    expect(said).not.toContain(victim);
  });
});
