import {
  createLocalJWKSet,
  decodeProtectedHeader,
  errors,
  importJWK,
  type JSONWebKeySet,
  type JWTPayload,
  jwtVerify,
  SignJWT,
} from "jose";
import type { ProjectKeys } from "./keys.ts";

/** The claims of a verified token, unchanged. */
export type Claims = JWTPayload & { role?: string };

export type TokenProblem = "malformed" | "signature" | "expired" | "not_yet_valid" | "claims";

/** Why a token was refused. */
export class TokenError extends Error {
  override readonly name = "TokenError";
  readonly problem: TokenProblem;
  /** Only for `expired`: the token's `exp`, in seconds since the epoch. */
  readonly expiredAt: number | undefined;
  /** The claims, if the token was refused for a claim although its signature was right. */
  readonly claims: Claims | undefined;

  constructor(problem: TokenProblem, message: string, claims?: Claims) {
    super(message);
    this.problem = problem;
    this.claims = claims;
    this.expiredAt = problem === "expired" ? claims?.exp : undefined;
  }
}

/** Verifies and signs the tokens of one project, for its Data API, functions and Realtime. */
export interface Tokens {
  /**
   * Returns the claims of a token that was signed with a signing key of the project (ES256, found by
   * `kid`), or with the project's HS256 secret. Checks `exp` and `nbf`, if present, with
   * `clockTolerance` seconds (0 by default).
   * @throws TokenError
   */
  verify(
    token: string,
    options?: { clockTolerance?: number; requireKid?: boolean },
  ): Promise<Claims>;
  /** Signs exactly these claims with the current signing key: ES256, with `kid` and `typ` in the header. */
  sign(claims: Claims): Promise<string>;
  /** Signs with the HS256 secret, which also signs the legacy keys of a project. */
  signLegacy(claims: Claims): Promise<string>;
  /** The public keys, as served at `/auth/v1/.well-known/jwks.json`. */
  readonly jwks: JSONWebKeySet;
}

/** The tokens of a project with these keys. */
export async function createTokens(keys: ProjectKeys): Promise<Tokens> {
  const [current] = keys.signingKeys;
  if (!current) throw new Error("A project needs a signing key.");
  const jwks: JSONWebKeySet = {
    keys: keys.signingKeys.map(({ d: _private, ...key }) => ({
      ...key,
      use: "sig",
      key_ops: ["verify"],
    })),
  };
  const publicKey = createLocalJWKSet(jwks);
  const privateKey = await importJWK(current, "ES256");
  const secret = new TextEncoder().encode(keys.jwtSecret);

  return {
    jwks,
    async verify(token, { clockTolerance = 0, requireKid = false } = {}) {
      const options = { clockTolerance, algorithms: ["ES256", "HS256"] };
      try {
        const { alg, kid } = decodeProtectedHeader(token);
        if (alg === "HS256") return (await jwtVerify(token, secret, options)).payload;
        if (alg !== "ES256") throw new TokenError("signature", "The token's alg is not accepted.");
        if (requireKid && !kid) throw new TokenError("signature", "The token's header has no kid.");
        return (await jwtVerify(token, publicKey, options)).payload;
      } catch (error) {
        throw refusal(error);
      }
    },
    sign: (claims) =>
      new SignJWT(claims)
        .setProtectedHeader({ alg: "ES256", kid: current.kid, typ: "JWT" })
        .sign(privateKey),
    signLegacy: (claims) =>
      new SignJWT(claims).setProtectedHeader({ alg: "HS256", typ: "JWT" }).sign(secret),
  };
}

function refusal(error: unknown): TokenError {
  if (error instanceof TokenError) return error;
  if (error instanceof errors.JWTExpired)
    return new TokenError("expired", "The token has expired.", error.payload);
  if (error instanceof errors.JWTClaimValidationFailed && error.claim === "nbf")
    return new TokenError("not_yet_valid", "The token is not valid yet.", error.payload);
  if (error instanceof errors.JWTClaimValidationFailed)
    return new TokenError("claims", `The token's ${error.claim} is not valid.`, error.payload);
  if (
    error instanceof errors.JWSSignatureVerificationFailed ||
    error instanceof errors.JWKSNoMatchingKey ||
    error instanceof errors.JWKSMultipleMatchingKeys ||
    error instanceof errors.JOSEAlgNotAllowed
  )
    return new TokenError("signature", "The token's signature does not match.");
  return new TokenError("malformed", "The token is not a valid JWT.");
}
