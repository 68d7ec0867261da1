import {
  createTokens,
  generateKeys,
  generateSigningKey,
  type SigningKey,
  type Tokens,
} from "@mayfly/local/internal";
import { createClient } from "@supabase/supabase-js";
import { decodeProtectedHeader, SignJWT } from "jose";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Claims, makeAgent } from "#harness/callers";
import { startTestLocal, type TestLocal } from "#harness/local";
import { readKeys } from "#harness/template";

let local: TestLocal;
let tokens: Tokens;
let foreign: Tokens;
let tenant: string;
const limits = { joinErrorBackoffMs: 50, connectErrorBackoffMs: 50 };
beforeAll(async () => {
  local = await startTestLocal({ limits });
  tokens = await createTokens(local.keys);
  foreign = await createTokens(await generateKeys());
  ({ tenant } = await local.enter());
});
afterAll(() => local.close());

/** How the three services treat a token: visible rows, the functions' status, the result of a join. */
async function tryToken(token: string, project = { local, tenant }) {
  const { local, tenant } = project;
  const headers = { apikey: local.publishableKey, authorization: `Bearer ${token}` };
  const rest = await fetch(`${local.apiUrl}/rest/v1/tenants?select=id`, {
    headers: { ...headers, "accept-profile": "mayfly" },
  });
  const functions = await fetch(`${local.apiUrl}/functions/v1/query`, {
    method: "POST",
    headers,
    body: JSON.stringify({ query: "x" }),
  });
  const client = createClient(local.apiUrl, local.publishableKey, {
    accessToken: async () => token,
  });
  await client.realtime.setAuth();
  const channel = client.channel(`tenant:${tenant}:log`, { config: { private: true } });
  const join = await new Promise<string>((resolve) => channel.subscribe((state) => resolve(state)));
  await client.removeAllChannels();
  await client.realtime.disconnect();
  const rows = rest.status === 200 ? ((await rest.json()) as unknown[]).length : undefined;
  return { rest: rest.status, rows, functions: functions.status, join };
}

const accepted = { rest: 200, rows: 1, functions: 200, join: "SUBSCRIBED" };
const refused = { rest: 401, rows: undefined, functions: 401, join: "CHANNEL_ERROR" };
const agentClaims = async (): Promise<Claims> => (await makeAgent(local.sql, tenant)).claims;

describe("a token", () => {
  it("signed with the project's ES256 key is accepted by Data API, functions and Realtime", async () => {
    expect(await tryToken(await tokens.sign(await agentClaims()))).toEqual(accepted);
  });

  it("signed with the project's HS256 secret is accepted too, with and without a kid", async () => {
    expect(await tryToken(await tokens.signLegacy(await agentClaims()))).toEqual(accepted);
  });

  it("signed with another project's key, or another secret, is refused everywhere", async () => {
    expect(await tryToken(await foreign.sign(await agentClaims()))).toEqual(refused);
    expect(await tryToken(await foreign.signLegacy(await agentClaims()))).toEqual(refused);
  });

  it("that is altered, unsigned, expired or garbage is refused everywhere", async () => {
    const claims = await agentClaims();
    const good = await tokens.sign(claims);
    const [header, , signature] = good.split(".");
    const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString("base64url");
    const other = (await local.enter()).tenant;
    const altered = { ...claims, mayfly: { ...(claims.mayfly as object), tenant: other } };
    const hour = 3600;
    const now = Math.floor(Date.now() / 1000);
    for (const [what, token] of Object.entries({
      altered: `${header}.${encode(altered)}.${signature}`,
      unsigned: `${encode({ alg: "none", typ: "JWT" })}.${encode(claims)}.`,
      expired: await tokens.sign({ ...claims, iat: now - 2 * hour, exp: now - hour }),
      garbage: "not.a.token",
    }))
      expect(await tryToken(token), what).toEqual(refused);
  });

  it("made with HS256 and the public key as secret is refused everywhere", async () => {
    const publicKey = JSON.stringify(tokens.jwks.keys[0]);
    const token = await new SignJWT(await agentClaims())
      .setProtectedHeader({ alg: "HS256", kid: tokens.jwks.keys[0]?.kid ?? "" })
      .sign(new TextEncoder().encode(publicKey));
    expect(await tryToken(token)).toEqual(refused);
  });

  it("with a wrong issuer, or from the future, is accepted nowhere", async () => {
    const claims = await agentClaims();
    const wrong = await tryToken(await tokens.sign({ ...claims, iss: "somebody" }));
    expect(wrong).toEqual({ rest: 200, rows: 0, functions: 401, join: "CHANNEL_ERROR" });
    const early = await tryToken(
      await tokens.sign({ ...claims, nbf: Math.floor(Date.now() / 1000) + 60 }),
    );
    expect([early.rows ?? 0, early.functions, early.join]).toEqual([0, 401, "CHANNEL_ERROR"]);
  });

  it("without an expiry is refused by the functions", async () => {
    const { exp: _exp, ...claims } = await agentClaims();
    expect((await tryToken(await tokens.sign(claims))).functions).toBe(401);
  });

  it("of a stopped agent shows nothing, although its signature is valid", async () => {
    const agent = await makeAgent(local.sql, tenant);
    const token = await tokens.sign(agent.claims);
    await local.sql`update mayfly.agents set status = 'stopped' where id = ${agent.id}`;
    expect(await tryToken(token)).toEqual({
      rest: 200,
      rows: 0,
      functions: 401,
      join: "CHANNEL_ERROR",
    });
  });
});

describe("a rotation of signing keys", () => {
  it("accepts tokens of both keys, and signs with the new one", async () => {
    const keys = await readKeys();
    const [oldKey] = keys.signingKeys;
    const newKey = await generateSigningKey();
    const rotating = await startTestLocal({
      limits,
      keys: { ...keys, signingKeys: [newKey, ...keys.signingKeys] },
    });
    try {
      const { tenant: own, mayfly } = await rotating.enter();
      const project = { local: rotating, tenant: own };
      for (const signingKeys of [[oldKey], [newKey]] as SigningKey[][]) {
        const { claims } = await makeAgent(rotating.sql, own);
        const signer = await createTokens({ ...keys, signingKeys });
        expect(await tryToken(await signer.sign(claims), project)).toEqual(accepted);
      }
      const answer = await fetch(`${rotating.apiUrl}/functions/v1/spawn`, {
        method: "POST",
        headers: { apikey: rotating.secretKey, "x-mayfly-tenant": own },
        body: "{}",
      });
      const { data } = (await answer.json()) as { data: { token: string } };
      expect(decodeProtectedHeader(data.token)).toMatchObject({ alg: "ES256", kid: newKey.kid });
      await mayfly.close();
    } finally {
      await rotating.close();
    }
  });
});

describe("agents' tokens signed with the legacy secret", () => {
  it("work everywhere: HS256 with a kid", async () => {
    const keys = await readKeys();
    const key = {
      kty: "oct",
      k: Buffer.from(keys.jwtSecret).toString("base64url"),
      alg: "HS256",
      kid: "legacy",
    };
    const legacy = await startTestLocal({
      limits,
      secrets: { MAYFLY_SIGNING_KEY: JSON.stringify(key) },
    });
    try {
      const { tenant: own } = await legacy.enter();
      const answer = await fetch(`${legacy.apiUrl}/functions/v1/spawn`, {
        method: "POST",
        headers: { apikey: legacy.secretKey, "x-mayfly-tenant": own },
        body: "{}",
      });
      const { data } = (await answer.json()) as { data: { token: string } };
      expect(decodeProtectedHeader(data.token)).toMatchObject({ alg: "HS256", kid: "legacy" });
      expect(await tryToken(data.token, { local: legacy, tenant: own })).toEqual(accepted);
    } finally {
      await legacy.close();
    }
  });

  it("cannot be made without the secret, and the function says what is missing", async () => {
    const bare = await startTestLocal({ secrets: { MAYFLY_SIGNING_KEY: "nonsense" } });
    try {
      const { mayfly } = await bare.enter();
      const { error } = await mayfly.spawn();
      expect(error).toMatchObject({ code: "not_configured" });
      expect(`${error?.message}${error?.hint}`).toContain("MAYFLY_SIGNING_KEY");
      expect(JSON.stringify(error)).not.toContain("nonsense");
    } finally {
      await bare.close();
    }
  });
});

describe("no token", () => {
  it("is refused by the functions with the publishable key, and without a key", async () => {
    for (const headers of [
      { apikey: local.publishableKey },
      { apikey: "sb_secret_guess" },
      {},
    ] as Record<string, string>[]) {
      const response = await fetch(`${local.apiUrl}/functions/v1/sync`, {
        method: "POST",
        headers,
        body: "{}",
      });
      expect([
        response.status,
        ((await response.json()) as { error: { code: string } }).error.code,
      ]).toEqual([401, "not_authorized"]);
    }
  });
});
