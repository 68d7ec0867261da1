import { randomBytes } from "node:crypto";
import { App, type EmailMessage } from "@supabase/lite";
import { PostgresConnection } from "@supabase/lite/postgres";
import { SignJWT } from "jose";
import type { ProjectKeys } from "../keys.ts";
import type { Logger } from "../log.ts";
import { type Claims, TokenError, type Tokens } from "../tokens.ts";
import { createAdminUsers } from "./admin-users.ts";
import { AuthProblem, authError } from "./auth-answers.ts";
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
/** As in a new project's `supabase/config.toml`. */
const siteUrl = "http://127.0.0.1:3000";
// Opened by browsers from a mail or a provider, or by whoever verifies tokens: without a key.
const keyless = /^\/(verify|callback|authorize|\.well-known\/.*)$/;
const notOffered =
  /^\/(admin\/generate_link|invite|admin\/.*factors.*|admin\/sso.*|admin\/oauth.*)$/;

/**
 * Auth over @supabase/lite, as supabase_auth_admin. lite signs its sessions with a secret that
 * never leaves this process; callers see the project's own signature, and lite sees the claims of
 * tokens that we verified.
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
  const sql = connection.driver;
  const sessions = createSessions({ sql, tokens, publicUrl });
  const admin = createAdminUsers(sql);
  const app = new App({
    connection,
    auth: {
      enabled: true,
      jwt_secret: secret,
      jwt_expiry: 3600,
      enable_signup: true,
      site_url: siteUrl,
      email: { enable_signup: true, enable_confirmations: false, double_confirm_changes: true },
    },
    storage: { enabled: false },
    studio: { enabled: false },
    options: {
      server: { apiKeys: false, disableStudio: true, disableFallback: true },
      drivers: { email: { send: async (mail) => writeMail(mail, publicUrl(), log) } },
    },
  });
  const secretBytes = new TextEncoder().encode(secret);

  /** The caller's token as lite would have made it. */
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
    const headers = new Headers(request.headers);
    headers.delete("authorization");
    headers.delete("apikey");
    const token = await translate(request);
    if (token) headers.set("authorization", `Bearer ${token}`);
    const { method } = request;
    const body = method === "GET" || method === "HEAD" ? null : await readBody(request);
    const inner = new Request(request.url, { method, headers, body });
    const response = await quietly(log, () => app.fetch(inner));
    // lite's words for a failure of its own are not GoTrue's.
    if (response.status === 500) return authError(500, "unexpected_failure", "Unexpected failure");
    return sessions.reissue(response, methodOf(path));
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

/** No mail is sent: the developer reads it in the log. lite links to the site, not to Auth. */
function writeMail(mail: EmailMessage, publicUrl: string, log: Logger): void {
  const text = (mail.text ?? "").replaceAll(`${siteUrl}${prefix}/`, `${publicUrl}${prefix}/`);
  log.info(`A mail to ${mail.to}: ${mail.subject}`, { text });
}

/** lite gives JSON as text, which its own serializer would store as a JSON string. */
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

/** @throws AuthProblem as GoTrue: it allows no skew. */
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

/** For the claim `amr` of a session that this request begins. */
function methodOf(path: string): string {
  if (path === "/verify") return "otp";
  if (path === "/callback") return "oauth";
  return "password";
}
