import { decodeProtectedHeader } from "jose";
import type { ProjectKeys } from "../keys.ts";
import { type Claims, TokenError, type Tokens } from "../tokens.ts";

/** The claims of a channel. */
export interface Credential {
  claims: Claims;
  role: string;
  /** Seconds since the epoch. */
  expiresAt: number;
}

/** Why a token was refused. The words depend on where it was used: to connect or to join. */
export class CredentialError extends Error {
  override readonly name = "CredentialError";
  /** The words for a refused connection. */
  readonly onConnect: string;
  /** The words for a refused join. */
  readonly onJoin: string;

  constructor(message: string, onJoin: string, onConnect = message) {
    super(message);
    this.onJoin = onJoin;
    this.onConnect = onConnect;
  }
}

/** Verifies a token or an API key of the project. */
export type Authenticate = (token: string) => Promise<Credential>;

const keyLifetimeSeconds = 3_600;

/** Accepts this project's keys and tokens, like its gateway and its Realtime together. */
export function createAuthenticate(tokens: Tokens, keys: ProjectKeys): Authenticate {
  // On a hosted project, the gateway exchanges an opaque key for a short-lived token of the key's
  // role. Before the token of an open channel expires, the channel gets a new one. So a channel that
  // was joined with a key never expires.
  const keyRoles = new Map([
    [keys.publishableKey, "anon"],
    [keys.secretKey, "service_role"],
  ]);
  return async (token) => {
    const role = keyRoles.get(token);
    if (role !== undefined) {
      const iat = Math.floor(Date.now() / 1000);
      const exp = iat + keyLifetimeSeconds;
      return { claims: { iss: "supabase", role, iat, exp }, role, expiresAt: exp };
    }
    return credential(await verified(token, tokens));
  };
}

async function verified(token: string, tokens: Tokens): Promise<Claims> {
  try {
    return await tokens.verify(token, { requireKid: true });
  } catch (error) {
    if (!(error instanceof TokenError)) throw error;
    // The server ignores `nbf`.
    if (error.problem === "not_yet_valid" && error.claims) return error.claims;
    throw refusal(error, token, tokens);
  }
}

function credential(claims: Claims): Credential {
  const { role, exp } = claims;
  if (typeof role !== "string" || exp === undefined) {
    const message = "Fields `role` and `exp` are required in JWT";
    throw new CredentialError(message, `InvalidJWTToken: ${message}`);
  }
  if (typeof exp !== "number") throw unknown();
  if (exp <= Date.now() / 1000) throw expired(exp);
  return { claims, role, expiresAt: exp };
}

function refusal(error: TokenError, token: string, tokens: Tokens): CredentialError {
  if (error.problem === "expired") return expired(error.expiredAt ?? 0);
  if (error.problem === "claims" || error.problem === "not_yet_valid") return unknown();
  if (error.problem === "malformed") {
    const message = "The token provided is not a valid JWT";
    return new CredentialError(message, `MalformedJWT: ${message}`);
  }
  const { alg, kid } = decodeProtectedHeader(token);
  if (
    alg !== "HS256" &&
    !tokens.jwks.keys.some((key) => key.kid !== undefined && key.kid === kid)
  ) {
    const message = "Failed to generate JWT signer, check your JWT secret or JWKS configuration";
    return new CredentialError(message, `JwtSignerError: ${message}`);
  }
  const message = "Failed to validate JWT signature";
  return new CredentialError(":signature_error", `JwtSignatureError: ${message}`, message);
}

function expired(at: number): CredentialError {
  const message = `Token has expired ${Math.floor(Date.now() / 1000) - at} seconds ago`;
  return new CredentialError(message, `InvalidJWTToken: ${message}`, "Token has expired");
}

function unknown(): CredentialError {
  return new CredentialError("Unknown Error on Channel", "Unknown Error on Channel");
}
