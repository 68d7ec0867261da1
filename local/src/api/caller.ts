import type { ProjectKeys } from "../keys.ts";
import { type Claims, TokenError, type Tokens } from "../tokens.ts";
import { apiError } from "./errors.ts";

/** A refusal of a request before it reached any service. The answer says why. */
export class Refusal extends Error {
  override readonly name = "Refusal";
  readonly response: Response;

  constructor(response: Response) {
    super("The request was refused.");
    this.response = response;
  }
}

/** The verified API key of a request. */
export interface ApiKey {
  kind: "publishable" | "secret";
  /** The claims of the request if it has no token of its own. */
  claims: Claims;
}

const refuse = (body: Record<string, string>, code: string) =>
  new Refusal(Response.json(body, { status: 401, headers: { "sb-error-code": code } }));

/**
 * The API key in the header or parameter `apikey`: publishable, secret, or a legacy one, which is a
 * JWT of the role anon or service_role.
 * @throws Refusal
 */
export async function apiKeyOf(
  request: Request,
  keys: ProjectKeys,
  tokens: Tokens,
): Promise<ApiKey> {
  const key = request.headers.get("apikey") ?? new URL(request.url).searchParams.get("apikey");
  if (!key)
    throw refuse(
      {
        message: "No API key found in request",
        hint: "No `apikey` request header or url param was found.",
      },
      "UNAUTHORIZED_MISSING_API_KEY",
    );
  if (key === keys.publishableKey) return { kind: "publishable", claims: { role: "anon" } };
  if (key === keys.secretKey) {
    if (/^\s*mozilla\/5\.0/i.test(request.headers.get("user-agent") ?? ""))
      throw refuse(
        {
          message: "Forbidden use of secret API key in browser",
          hint: "Secret API keys can only be used in a protected environment and should never be used in a browser. Delete this secret API key immediately.",
        },
        "UNAUTHORIZED_INVALID_API_KEY_TYPE",
      );
    return { kind: "secret", claims: { role: "service_role" } };
  }
  const claims = await tokens.verify(key).catch(() => undefined);
  if (claims?.role === "anon") return { kind: "publishable", claims };
  if (claims?.role === "service_role") return { kind: "secret", claims };
  throw refuse(
    { message: "Invalid API key", hint: "Double check your Supabase `apikey`." },
    "UNAUTHORIZED_INVALID_API_KEY",
  );
}

/** The token in `Authorization`, if it is not the API key itself. */
export function bearerOf(request: Request): string | undefined {
  const match = /^bearer\s+(.*)$/i.exec(request.headers.get("authorization") ?? "");
  const token = match?.[1]?.trim();
  if (token === undefined) return undefined;
  const key = request.headers.get("apikey") ?? new URL(request.url).searchParams.get("apikey");
  // supabase-js sends its key as Bearer, too.
  return token === key || token.startsWith("sb_") ? undefined : token;
}

const skewSeconds = 30;

/**
 * The claims with which a Data API request runs: those of its verified token, or if it has no token,
 * those of its key.
 * @throws Refusal in PostgREST's envelope
 */
export async function dataClaims(request: Request, key: ApiKey, tokens: Tokens): Promise<Claims> {
  const token = bearerOf(request);
  if (token === undefined) return key.claims;
  if (token === "") throw jwtRefusal("PGRST301", "Empty JWT is sent in Authorization header");
  const parts = token.split(".").length;
  if (parts !== 3) throw jwtRefusal("PGRST301", `Expected 3 parts in JWT; got ${parts}`);
  let claims: Claims;
  try {
    claims = await tokens.verify(token, { clockTolerance: skewSeconds });
  } catch (error) {
    if (!(error instanceof TokenError)) throw error;
    if (error.problem === "expired") throw jwtRefusal("PGRST303", "JWT expired");
    if (error.problem === "claims") throw jwtRefusal("PGRST303", "JWT claims are not valid");
    if (error.problem === "not_yet_valid") throw jwtRefusal("PGRST303", "JWT not yet valid");
    throw jwtRefusal(
      "PGRST301",
      "No suitable key was found to decode the JWT",
      "None of the keys was able to decode the JWT",
    );
  }
  if (typeof claims.iat === "number" && claims.iat > Date.now() / 1000 + skewSeconds)
    throw jwtRefusal("PGRST303", "JWT issued at future");
  return claims;
}

function jwtRefusal(code: string, message: string, details: string | null = null): Refusal {
  const challenge = `Bearer error="invalid_token", error_description="${message}"`;
  return new Refusal(apiError(401, { code, message, details }, { "www-authenticate": challenge }));
}
