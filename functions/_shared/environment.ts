/** Reads the environment variables of a function, once. */
import { importJWK, type JWK } from "jose";
import { z } from "zod";
import { Refusal } from "./answer.ts";

const signingJwk = z.looseObject({
  kty: z.string(),
  kid: z.string().min(1),
  alg: z.string().optional(),
});

/** The key that signs agents' tokens: ES256, or HS256 with the project's legacy secret. */
export interface SigningKey {
  key: CryptoKey | Uint8Array;
  alg: string;
  kid: string;
  /** The key that verifies these tokens: the public part of an ES256 key, or the legacy secret itself. */
  verification: JWK;
}

let signingKey: Promise<SigningKey> | undefined;

/** `MAYFLY_SIGNING_KEY`, a private JWK with `kid`. */
export function getSigningKey(): Promise<SigningKey> {
  signingKey ??= readSigningKey(Deno.env.get("MAYFLY_SIGNING_KEY"));
  return signingKey;
}

async function readSigningKey(text: string | undefined): Promise<SigningKey> {
  try {
    const jwk = signingJwk.parse(JSON.parse(text ?? ""));
    const alg = jwk.alg ?? (jwk.kty === "oct" ? "HS256" : "ES256");
    if (alg !== "ES256" && alg !== "HS256") throw new Error("alg");
    const { d: _private, key_ops: _operations, ...rest } = jwk as JWK;
    return {
      key: await importJWK(jwk as JWK, alg),
      alg,
      kid: jwk.kid,
      verification: { ...rest, alg },
    };
  } catch {
    // Never include the cause, because it would contain the key.
    throw new Refusal(
      503,
      "not_configured",
      "The function secret MAYFLY_SIGNING_KEY must be a private JWK with a kid (ES256, or oct for HS256).",
      "Make one with `supabase gen signing-key --algorithm ES256` and set it with `supabase secrets set`: see docs/getting-started.md.",
    );
  }
}

/** The keys that may have signed a caller's token: the project's, and the signing key of agents. */
export async function getVerificationKeys(): Promise<JWK[]> {
  const project = z
    .object({ keys: z.array(z.looseObject({ kid: z.string().optional() })) })
    .safeParse(JSON.parse(Deno.env.get("SUPABASE_JWKS") || '{"keys":[]}'));
  const keys = (project.data?.keys ?? []) as JWK[];
  const own = (await getSigningKey()).verification;
  return keys.some((key) => key.kid === own.kid) ? keys : [...keys, own];
}
