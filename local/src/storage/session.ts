import { createHmac } from "node:crypto";
import { jwtVerify, SignJWT } from "jose";
import postgres, { type Sql } from "postgres";
import { apiKeyOf, bearerOf } from "../api/caller.ts";
import { closingSeconds } from "../api/connection.ts";
import { withSafeReserve } from "../db/safe-reserve.ts";
import type { ProjectKeys } from "../keys.ts";
import { type Claims, TokenError, type Tokens } from "../tokens.ts";
import { problemOf, problems } from "./answers.ts";

/**
 * The caller and the operation of a request. Both are settings in the transactions of the request.
 */
export interface Asked {
  readonly claims: Claims;
  /** Whether the request has a valid key or token. */
  readonly authenticated: boolean;
  /** Read by policies with `storage.operation()`. */
  readonly operation: string;
  readonly method: string;
  readonly path: string;
  readonly headers: Record<string, string>;
}

export const service: Claims = { role: "service_role" };

/**
 * The claims with which a request to Storage runs: those of its token, or without a token, those of its
 * key. Requests to public and signed URLs have no token and no key.
 * @throws Refusal, StorageProblem
 */
export async function claimsOf(
  request: Request,
  keys: ProjectKeys,
  tokens: Tokens,
): Promise<Claims | undefined> {
  const named = request.headers.get("apikey") ?? new URL(request.url).searchParams.get("apikey");
  const key = named ? await apiKeyOf(request, keys, tokens) : undefined;
  const token = bearerOf(request);
  if (!token) return key?.claims;
  try {
    return await tokens.verify(token);
  } catch (error) {
    if (!(error instanceof TokenError)) throw error;
    if (error.problem === "expired") throw problems.denied('"exp" claim timestamp check failed');
    if (error.problem === "malformed") throw problems.denied("Invalid Compact JWS");
    throw problems.denied("signature verification failed");
  }
}

const literal = (text: string) => `'${text.replaceAll("'", "''")}'`;

/** Runs transactions as the caller or as the server, in the database whose policies decide. */
export class Sessions {
  readonly #sql: Sql;

  constructor(url: string) {
    const options = { max: 4, onnotice: () => {}, prepare: false, fetch_types: false };
    this.#sql = withSafeReserve(postgres(url, options));
  }

  /** @throws StorageProblem */
  async run<T>(asked: Asked, claims: Claims, work: (sql: Sql) => Promise<T>): Promise<T> {
    const settings = {
      role: String(claims.role ?? "anon"),
      "request.jwt.claims": JSON.stringify(claims),
      "request.jwt.claim.sub": claims.sub ?? "",
      "request.jwt.claim.role": String(claims.role ?? "anon"),
      "request.method": asked.method,
      "request.path": asked.path,
      "request.headers": JSON.stringify(asked.headers),
      "storage.operation": asked.operation,
      "storage.allow_delete_query": "true",
      search_path: "storage, public, extensions",
    };
    const calls = Object.entries(settings).map(
      ([name, value]) => `set_config(${literal(name)}, ${literal(value)}, true)`,
    );
    const done = this.#sql.begin(async (sql) => {
      await sql.unsafe(`select ${calls.join(", ")}`);
      return { result: await work(sql as unknown as Sql) };
    });
    return (
      await done.catch((error: unknown) => {
        throw problemOf(error);
      })
    ).result;
  }

  /** Does the work to test whether the caller may do it, and undoes it. @throws StorageProblem if not. */
  async tryOut(asked: Asked, work: (sql: Sql) => Promise<unknown>): Promise<void> {
    const undo = new Error("undone");
    await this.run(asked, asked.claims, async (sql) => {
      await work(sql);
      throw undo;
    }).catch((error: unknown) => {
      if (error !== undo) throw error;
    });
  }

  close(): Promise<void> {
    return this.#sql.end({ timeout: closingSeconds });
  }
}

/** What a signed URL lets its holder do with one object. */
export interface Signed {
  url: string;
  scope: "download" | "upload";
  owner?: string | undefined;
  upsert?: boolean;
}

/** Tokens of signed URLs. They have a separate key, so they are not valid for the API. */
export function createSigner(keys: ProjectKeys) {
  const secret = createHmac("sha256", keys.jwtSecret).update("storage.signed-urls").digest();
  return {
    sign: (signed: Signed, seconds: number): Promise<string> =>
      new SignJWT({ ...signed })
        .setProtectedHeader({ alg: "HS256", typ: "JWT" })
        .setIssuedAt()
        .setExpirationTime(`${seconds}s`)
        .sign(secret),
    /** @throws StorageProblem unless the token is for this object and this use, and is still valid. */
    async verify(
      token: string,
      url: string,
      scope: Signed["scope"],
    ): Promise<Signed & { exp: number }> {
      const verified = await jwtVerify<Signed & { exp: number }>(token, secret, {
        algorithms: ["HS256"],
      }).catch((error: Error) => {
        throw problems.jwt(error.message);
      });
      const signed = verified.payload;
      if (signed.scope !== scope) throw problems.signature(`Token is not scoped for ${scope}`);
      if (signed.url !== url) throw problems.signature();
      return signed;
    },
  };
}
