/** Verifies the tokens of callers. The platform does not: `verify_jwt` knows no signing keys. */
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
  const byKid = createLocalJWKSet({ keys });
  const secret = keys.find((key) => key.kty === "oct");
  const legacy = secret && (await importJWK(secret, "HS256"));
  // Tokens of the legacy secret have no kid.
  return (header, token) => {
    if (header.alg === "HS256" && header.kid === undefined && legacy) return legacy;
    return byKid(header, token);
  };
}
