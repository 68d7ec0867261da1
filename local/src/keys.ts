import { randomBytes, randomUUID } from "node:crypto";
import { link, mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { exportJWK, generateKeyPair } from "jose";
import { z } from "zod";

/** A private ES256 key as a JWK, with the `kid` that token headers name. */
const signingKey = z.looseObject({
  kty: z.literal("EC"),
  crv: z.literal("P-256"),
  alg: z.literal("ES256"),
  kid: z.string(),
  x: z.string(),
  y: z.string(),
  d: z.string(),
});
export type SigningKey = z.infer<typeof signingKey>;

const projectKeys = z.object({
  publishableKey: z.string().startsWith("sb_publishable_"),
  secretKey: z.string().startsWith("sb_secret_"),
  /** The project's legacy HS256 secret. */
  jwtSecret: z.string().min(32),
  /**
   * The first key signs. All keys verify, so that tokens signed with the old key stay valid during a
   * rotation.
   */
  signingKeys: z.array(signingKey).min(1),
  /** The password of every login role on the wire port. */
  databasePassword: z.string().min(16),
});
export type ProjectKeys = z.infer<typeof projectKeys>;

const secret = (bytes: number) => randomBytes(bytes).toString("base64url");

/** A new ES256 signing key. */
export async function generateSigningKey(): Promise<SigningKey> {
  const { privateKey } = await generateKeyPair("ES256", { extractable: true });
  const jwk = await exportJWK(privateKey);
  return signingKey.parse({ ...jwk, alg: "ES256", kid: randomUUID(), use: "sig" });
}

/** Creates all secrets of an embedded project. */
export async function generateKeys(): Promise<ProjectKeys> {
  return {
    publishableKey: `sb_publishable_${secret(24)}`,
    secretKey: `sb_secret_${secret(24)}`,
    jwtSecret: secret(48),
    signingKeys: [await generateSigningKey()],
    databasePassword: secret(24),
  };
}

/** The keys kept in `folder/keys.json` (mode 0600), made at the first start. */
export async function loadOrCreateKeys(folder: string): Promise<ProjectKeys> {
  const path = join(folder, "keys.json");
  const text = await readFile(path, "utf8").catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return undefined;
    throw error;
  });
  if (text === undefined) {
    await mkdir(folder, { recursive: true });
    // The keys are written to another file, which is then linked to this name. So a crash leaves no
    // half-written file, and if two processes start at once, both use the keys of one of them.
    const draft = `${path}.${process.pid}`;
    await writeFile(draft, JSON.stringify(await generateKeys(), null, 2), { mode: 0o600 });
    await link(draft, path).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== "EEXIST") throw error;
    });
    await rm(draft);
    return loadOrCreateKeys(folder);
  }
  try {
    return projectKeys.parse(JSON.parse(text));
  } catch {
    throw new Error(`${path} is not a key file of Mayfly. Delete it to create new keys.`);
  }
}
