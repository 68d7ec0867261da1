import type { ProjectKeys } from "./keys.ts";
import type { Tokens } from "./tokens.ts";

/** What functions may also be given by whoever starts the embedded Supabase. */
const passedOn = ["MAYFLY_EMBEDDINGS_URL", "MAYFLY_EMBEDDINGS_MODEL", "MAYFLY_EMBEDDINGS_KEY"];

/** The environment of the edge functions: what hosted Supabase gives, and Mayfly's secret. */
export function functionsEnvironment(
  url: string,
  databaseUrl: string,
  keys: ProjectKeys,
  tokens: Tokens,
): Record<string, string> {
  const legacy = {
    kty: "oct",
    k: Buffer.from(keys.jwtSecret).toString("base64url"),
    alg: "HS256",
    kid: "legacy",
  };
  return {
    SUPABASE_URL: url,
    SUPABASE_DB_URL: databaseUrl,
    SUPABASE_PUBLISHABLE_KEYS: JSON.stringify({ default: keys.publishableKey }),
    SUPABASE_SECRET_KEYS: JSON.stringify({ default: keys.secretKey }),
    SUPABASE_JWKS: JSON.stringify({ keys: [...tokens.jwks.keys, legacy] }),
    MAYFLY_SIGNING_KEY: JSON.stringify(keys.signingKeys[0]),
    ...Object.fromEntries(
      passedOn.flatMap((name) => (process.env[name] ? [[name, process.env[name]]] : [])),
    ),
  };
}
