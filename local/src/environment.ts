import type { ProjectKeys } from "./keys.ts";
import type { Tokens } from "./tokens.ts";

/** Variables that functions also get from the environment of the embedded Supabase. */
const passedOn = [
  ...["URL", "MODEL", "KEY", "MATRYOSHKA"],
  ...["PREVIOUS_MODEL", "PREVIOUS_URL", "PREVIOUS_KEY"],
].map((name) => `MAYFLY_EMBEDDINGS_${name}`);

/**
 * The project's legacy API keys, as used before 2025: tokens with a role, valid for ten years from
 * 2025.
 */
export async function legacyKeys(tokens: Tokens): Promise<Record<string, string>> {
  const key = (role: string) =>
    tokens.signLegacy({ iss: "supabase", ref: "local", role, iat: 1735689600, exp: 2051222400 });
  return {
    SUPABASE_ANON_KEY: await key("anon"),
    SUPABASE_SERVICE_ROLE_KEY: await key("service_role"),
  };
}

/** The environment of the edge functions: the variables that hosted Supabase sets, and Mayfly's secret. */
export async function functionsEnvironment(
  url: string,
  databaseUrl: string,
  keys: ProjectKeys,
  tokens: Tokens,
): Promise<Record<string, string>> {
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
    ...(await legacyKeys(tokens)),
    SUPABASE_JWKS: JSON.stringify({ keys: [...tokens.jwks.keys, legacy] }),
    MAYFLY_SIGNING_KEY: JSON.stringify(keys.signingKeys[0]),
    ...Object.fromEntries(
      passedOn.flatMap((name) => (process.env[name] ? [[name, process.env[name]]] : [])),
    ),
  };
}
