import { randomBytes } from "node:crypto";
import { App } from "@supabase/lite";
import { PostgresConnection } from "@supabase/lite/postgres";
import { SignJWT } from "jose";
import { withSafeReserve } from "../db/safe-reserve.ts";
import type { ProjectKeys } from "../keys.ts";
import type { Logger } from "../log.ts";
import { type Claims, TokenError, type Tokens } from "../tokens.ts";
import { createAdminUsers } from "./admin-users.ts";
import { type AuthCall, absent } from "./auth-absent.ts";
import { AuthProblem, authError } from "./auth-answers.ts";
import { createMails } from "./auth-mails.ts";
import { readBody } from "./body.ts";
import { apiKeyOf, bearerOf } from "./caller.ts";
import { closingSeconds } from "./connection.ts";
import { quietly } from "./quiet.ts";
import { createSessions } from "./sessions.ts";

/** Auth, `/auth/v1`. */
export interface Auth {
  /** @throws Refusal */
  fetch(request: Request): Promise<Response>;
  close(): Promise<void>;
}

const prefix = "/auth/v1";
/** The default of a new project's `supabase/config.toml`. */
const siteUrl = "http://127.0.0.1:3000";
// These paths need no key, because not only clients use them, but also browsers that come from a
// mail or a provider, and programs that verify tokens.
const keyless = /^\/(verify|callback|authorize|\.well-known\/.*)$/;
const notOffered =
  /^\/(invite|admin\/(generate_link|audit|sso|oauth|custom-providers|users\/[^/]+\/.+)(\/.*)?)$/;

/**
 * Auth, which uses @supabase/lite with the user supabase_auth_admin. lite signs its sessions with a
 * secret that never leaves this process. Callers get tokens that the project has signed, and lite
 * gets the claims of tokens that we have verified.
 */
export function createAuth(options: {
  authUrl: string;
  publicUrl: () => string;
  keys: ProjectKeys;
  tokens: Tokens;
  log: Logger;
}): Auth {
  const { keys, tokens, publicUrl, log } = options;
  const secret = randomBytes(48).toString("base64url");
  const connection = new PostgresConnection({
    url: options.authUrl,
    postgresOptions: {
      max: 2,
      onnotice: () => undefined,
      types: { json: documents(114), jsonb: documents(3802) },
    },
  });
  const sql = withSafeReserve(connection.driver);
  const sessions = createSessions({ sql, tokens, publicUrl });
  const admin = createAdminUsers(sql);
  const mails = createMails({ sql, publicUrl, siteUrl, log });
  const app = new App({
    connection,
    auth: {
      enabled: true,
      jwt_secret: secret,
      jwt_expiry: 3600,
      enable_signup: true,
      site_url: siteUrl,
      email: { enable_signup: true, enable_confirmations: false, double_confirm_changes: false },
    },
    storage: { enabled: false },
    studio: { enabled: false },
    options: {
      server: { apiKeys: false, disableStudio: true, disableFallback: true },
      drivers: { email: { send: mails.send } },
    },
  });
  const secretBytes = new TextEncoder().encode(secret);

  /** The caller's token, signed as if lite had made it. */
  const translate = async (request: Request): Promise<string | undefined> => {
    const token = bearerOf(request);
    if (token === undefined) return undefined;
    const claims = await verified(token, tokens);
    const jwt = new SignJWT(claims).setProtectedHeader({ alg: "HS256", typ: "JWT" });
    return jwt.sign(secretBytes);
  };

  const serve = async (request: Request): Promise<Response> => {
    const url = new URL(request.url);
    const path = url.pathname.slice(prefix.length) || "/";
    const ours = wellKnown(path, tokens, publicUrl);
    if (ours) return ours;
    const key = keyless.test(path) ? undefined : await apiKeyOf(request, keys, tokens);
    if (notOffered.test(path))
      return authError(422, "not_implemented", `${path} is not offered by the embedded Auth.`);
    if (path.startsWith("/admin/")) {
      const token = bearerOf(request);
      const claims = token === undefined ? (key?.claims ?? {}) : await verified(token, tokens);
      if (claims.role !== "service_role") return authError(403, "not_admin", "User not allowed");
      return admin(request, path);
    }
    const { method } = request;
    const text = method === "GET" || method === "HEAD" ? null : await readBody(request);
    const asked: AuthCall = { method, path, query: url.searchParams, body: objectOf(text) };
    const missing = absent(asked);
    if (missing) throw missing;
    if (path === "/verify") {
      const { call, flow } = await mails.verifying(asked);
      const response = await ask(request, call, text === null ? null : JSON.stringify(call.body));
      return flow && method === "GET"
        ? mails.withCode(response, flow)
        : sessions.reissue(response, "otp");
    }
    const how =
      (await mails.methodOfCode(asked.body.auth_code)) ??
      (path === "/callback" ? "oauth" : "password");
    return mails.during(asked, async () => {
      const response = await sessions.reissue(await ask(request, asked, text), how);
      if (path === "/user" && method === "PUT" && asked.body.email && response.ok)
        await mails.tellPresentAddress(String((await response.clone().json()).id));
      return response;
    });
  };

  /** lite's answer. */
  const ask = async (request: Request, { method, path, query }: AuthCall, body: string | null) => {
    const headers = new Headers(request.headers);
    for (const name of ["authorization", "apikey", "content-length"]) headers.delete(name);
    const token = await translate(request);
    if (token) headers.set("authorization", `Bearer ${token}`);
    const url = new URL(`${prefix}${path}?${query}`, request.url);
    const inner = new Request(url, { method, headers, body });
    const response = await quietly(log, () => app.fetch(inner));
    // Replaces lite's answers to its own failures and to unknown paths, because GoTrue answers these
    // differently.
    if (response.status === 500) return authError(500, "unexpected_failure", "Unexpected failure");
    if (response.status === 404 && !response.headers.get("content-type")?.includes("json"))
      return authError(404, "not_found", "404 page not found");
    return response;
  };

  return {
    async fetch(request) {
      try {
        return await serve(request);
      } catch (error) {
        if (error instanceof AuthProblem) return error.response;
        throw error;
      }
    },
    close: () => sql.end({ timeout: closingSeconds }),
  };
}

/** lite passes JSON as text, which the driver's serializer would store as a JSON string. */
const documents = (oid: number) => ({
  to: oid,
  from: [oid],
  serialize: (value: unknown) => (typeof value === "string" ? value : JSON.stringify(value)),
  parse: (text: string): unknown => JSON.parse(text),
});

function wellKnown(path: string, tokens: Tokens, publicUrl: () => string): Response | undefined {
  const headers = { "cache-control": "public, max-age=600" };
  const issuer = `${publicUrl()}${prefix}`;
  if (path === "/.well-known/jwks.json") return Response.json(tokens.jwks, { headers });
  if (path === "/.well-known/openid-configuration")
    return Response.json(
      {
        issuer,
        authorization_endpoint: `${issuer}/oauth/authorize`,
        jwks_uri: `${issuer}/.well-known/jwks.json`,
        id_token_signing_alg_values_supported: ["ES256"],
        subject_types_supported: ["public"],
      },
      { headers },
    );
  if (path === "/health")
    return Response.json({
      version: "v2-lite",
      name: "GoTrue",
      description: "GoTrue is a user registration and authentication API",
    });
  return undefined;
}

/** Verifies a token. Like GoTrue, it allows no clock skew. @throws AuthProblem */
async function verified(token: string, tokens: Tokens): Promise<Claims> {
  try {
    return await tokens.verify(token);
  } catch (error) {
    if (!(error instanceof TokenError)) throw error;
    const reasons = {
      malformed: "token is malformed",
      signature: "token signature is invalid",
      expired: "token has invalid claims: token is expired",
      not_yet_valid: "token has invalid claims: token is not valid yet",
      claims: "token has invalid claims",
    };
    throw new AuthProblem(
      403,
      "bad_jwt",
      `invalid JWT: unable to parse or verify signature, ${reasons[error.problem]}`,
    );
  }
}

function objectOf(text: string | null): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text ?? "");
    return typeof value === "object" && value !== null ? { ...value } : {};
  } catch {
    return {};
  }
}
