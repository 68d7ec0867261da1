/**
 * Verifies the tokens of callers. The platform does not do this, because `verify_jwt` does not know signing
 * keys.
 */
import { createLocalJWKSet, importJWK, type JWTVerifyGetKey, jwtVerify } from "jose";
import { getVerificationKeys } from "./environment.ts";

let verificationKey: JWTVerifyGetKey | undefined;

/** Whether a token is signed with a key of the project (ES256 or HS256) and has not expired. */
export async function verifyToken(token: string): Promise<boolean> {
  verificationKey ??= await readVerificationKey();
  return jwtVerify(token, verificationKey, {
    algorithms: ["ES256", "HS256"],
    requiredClaims: ["exp"],
  }).then(
    () => true,
    () => false,
  );
}

async function readVerificationKey(): Promise<JWTVerifyGetKey> {
  const keys = await getVerificationKeys();
  const publicKeys = createLocalJWKSet({ keys: keys.filter((key) => key.kty !== "oct") });
  const secrets = keys.filter((key) => key.kty === "oct");
  return async (header, token) => {
    if (header.alg !== "HS256") return publicKeys(header, token);
    // Tokens with a project's legacy secret have no kid.
    const { kid } = header;
    const secret = secrets.find((key) => kid === undefined || key.kid === kid);
    if (!secret) throw new Error("No secret of this kid.");
    return importJWK(secret, "HS256");
  };
}
