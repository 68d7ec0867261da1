import { randomUUID } from "node:crypto";
import type { Logger } from "@mayfly/local";
import { createClient } from "@supabase/supabase-js";
import postgres from "postgres";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { machineClaims, makePerson, rpc } from "#harness/callers";
import { startTestLocal, type TestLocal } from "#harness/local";

let local: TestLocal;
/** Everything that any part logged or printed. */
const lines: string[] = [];
/** Every error answer. */
const errors: string[] = [];
/** The secrets that must be neither in an output nor in an error answer. */
const secrets = new Map<string, string>();

const note = (level: string) => (message: string, fields?: Record<string, unknown>) => {
  lines.push(`${level} ${message} ${JSON.stringify(fields ?? {})}`);
};
const log: Logger = {
  debug: note("debug"),
  info: note("info"),
  warn: note("warn"),
  error: note("error"),
};

beforeAll(async () => {
  for (const name of ["log", "info", "warn", "error", "debug"] as const)
    vi.spyOn(console, name).mockImplementation((...said) => void lines.push(said.join(" ")));
  local = await startTestLocal({
    log,
    limits: { joinErrorBackoffMs: 5, connectErrorBackoffMs: 5 },
  });
  const { keys } = local;
  secrets.set("the secret key", keys.secretKey);
  secrets.set("the HS256 secret", keys.jwtSecret);
  secrets.set("the password of the database", keys.databasePassword);
  for (const { d } of keys.signingKeys) secrets.set("the signing key", String(d));
});
afterAll(async () => {
  vi.restoreAllMocks();
  await local?.close();
});

async function send(path: string, body: unknown, headers: Record<string, string>, method = "POST") {
  const response = await fetch(`${local.apiUrl}${path}`, {
    method,
    headers: { "content-type": "application/json", "content-profile": "mayfly", ...headers },
    body: typeof body === "string" ? body : JSON.stringify(body),
  });
  const text = await response.text();
  if (!response.ok) errors.push(text);
  return { status: response.status, text };
}

interface Spawned {
  data: { agent: { id: string }; token: string; renewal_secret: string };
}

describe("a secret", () => {
  it("appears in no log and no error, whatever succeeds or fails", async () => {
    const { tenant } = await local.enter();
    const secretKey = { apikey: local.secretKey, "x-mayfly-tenant": tenant };
    const keep = (what: string, text: string) => {
      const { token, renewal_secret } = (JSON.parse(text) as Spawned).data;
      secrets.set(`${what}'s token`, token);
      secrets.set(`${what}'s renewal secret`, renewal_secret);
      return { token, renewal_secret };
    };
    const first = keep("an agent", (await send("/functions/v1/spawn", {}, secretKey)).text);
    const publishable = { apikey: local.publishableKey };
    const asAgent = { ...publishable, authorization: `Bearer ${first.token}` };

    // Renewed, then renewed with a used secret, and with an unknown one.
    const renew = (renewal_secret: unknown) =>
      send("/functions/v1/spawn/renew", { renewal_secret }, publishable);
    keep("a renewed agent", (await renew(first.renewal_secret)).text);
    await local.advance("31 seconds");
    expect((await renew(first.renewal_secret)).status).toBe(401);
    await renew(`${first.renewal_secret}x`);
    await renew([first.renewal_secret]);

    const second = keep("another agent", (await send("/functions/v1/spawn", {}, secretKey)).text);
    const asSecond = { ...publishable, authorization: `Bearer ${second.token}` };

    // As a machine: a valid key, a key that is cut off, and a key in the wrong place.
    const owner = await makePerson(local.sql, { [tenant]: "owner" });
    const made = await rpc<{ key: string }>(local.sql, owner, "create_enrolment_key", {
      name: "k",
    });
    secrets.set("the enrolment key", made.key);
    const invited = await rpc<{ token: string }>(local.sql, owner, "invite_member", {
      role: "viewer",
    });
    secrets.set("the invitation", invited.token);
    const machine = { ...publishable, "x-mayfly-enrolment": made.key };
    keep("a machine's agent", (await send("/functions/v1/spawn", {}, machine)).text);
    await send(
      "/functions/v1/spawn",
      {},
      { ...machine, "x-mayfly-enrolment": made.key.slice(0, -1) },
    );
    await send("/functions/v1/sync", {}, machine);
    await send("/functions/v1/spawn", { name: 1 }, machine);
    await send(`/functions/v1/spawn/${made.key}`, {}, machine);

    // Tokens that are changed, in the wrong place, or in the address.
    for (const [path, body] of [
      ["/functions/v1/sync", {}],
      ["/functions/v1/query", { query: "x" }],
      ["/rest/v1/rpc/recall", { query: "x" }],
      ["/rest/v1/agents", {}],
      ["/auth/v1/user", {}],
      ["/realtime/v1/api/broadcast", { messages: [] }],
    ] as const) {
      await send(path, body, {
        ...asSecond,
        authorization: `Bearer ${second.token.slice(0, -3)}abc`,
      });
      await send(path, body, { apikey: second.token });
      await send(path, body, { ...asSecond, authorization: second.token });
      await send(path, "{not json", asSecond);
      await send(path, body, { ...publishable, authorization: `Basic ${local.secretKey}` });
    }
    await send("/rest/v1/rpc/nothing", { token: second.token }, asSecond);
    await send("/functions/v1/sync", { push: [{ id: second.renewal_secret }] }, asSecond);
    await send("/functions/v1/spawn", { [second.renewal_secret.slice(0, 5)]: 1 }, asAgent);

    // A valid push, an invalid one, and one that fails in the database.
    const memory = { id: randomUUID(), task: "t", input: "i" };
    await send(
      "/functions/v1/sync",
      { push: [{ id: randomUUID(), type: "memory.put", memory }] },
      asSecond,
    );
    await send("/functions/v1/sync", { push: [{ id: "x", type: "memory.put", memory }] }, asSecond);
    await send("/rest/v1/memories", { id: "x" }, asSecond);

    // Realtime: a join with a valid token, then with an invalid one.
    for (const token of [second.token, `${second.token}x`]) {
      const client = createClient(local.apiUrl, local.publishableKey, {
        accessToken: async () => token,
      });
      await client.realtime.setAuth();
      const channel = client.channel(`tenant:${tenant}:log`, { config: { private: true } });
      await new Promise((resolve) => channel.subscribe(resolve));
      await client.removeAllChannels();
      await client.realtime.disconnect();
    }
    await fetch(`${local.apiUrl}/realtime/v1/websocket?apikey=${second.token}x&vsn=2.0.0`);

    // The wire port: a wrong password, and SQL that fails with claims set.
    const wrong = postgres(local.dbUrl.replace(local.keys.databasePassword, "wrong"), {
      max: 1,
      onnotice: () => {},
    });
    await wrong`select 1`.catch((error: Error) => errors.push(error.message));
    await wrong.end({ timeout: 1 });
    await rpc(local.sql, machineClaims(made.key), "sync").catch((error: Error) =>
      errors.push(error.message),
    );

    const health = await (await fetch(`${local.apiUrl}/health`)).text();
    const said = {
      "the logs": lines.join("\n"),
      "the errors": errors.join("\n"),
      "/health": health,
    };
    expect(lines.length).toBeGreaterThan(20);
    expect(errors.length).toBeGreaterThan(20);
    for (const [what, secret] of secrets) {
      // A part of a secret is bad enough, such as the signature of a token.
      const telling = secret.split(".").at(-1)?.slice(0, 40) ?? secret;
      for (const [where, text] of Object.entries(said))
        expect(text.includes(telling), `${what} in ${where}`).toBe(false);
    }
  });

  it("is in no error of functions that are not configured", async () => {
    const bare = await startTestLocal({
      log,
      secrets: { MAYFLY_SIGNING_KEY: '{"kty":"oct","k":"c2VjcmV0LWtleQ"}' },
    });
    try {
      const { mayfly } = await bare.enter();
      const { error } = await mayfly.spawn();
      expect(error?.code).toBe("not_configured");
      expect(JSON.stringify(error) + lines.join("\n")).not.toContain("c2VjcmV0LWtleQ");
    } finally {
      await bare.close();
    }
  });
});
