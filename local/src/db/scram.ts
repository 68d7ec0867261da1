import { createHash, createHmac, pbkdf2Sync, randomBytes, timingSafeEqual } from "node:crypto";

/**
 * The server's side of SCRAM-SHA-256 (RFC 5802, RFC 7677) without channel binding, which needs TLS.
 * Only the verifier is kept, never the password.
 */
const ITERATIONS = 4096;

export interface Verifier {
  salt: Buffer;
  storedKey: Buffer;
  serverKey: Buffer;
}

const hmac = (key: Buffer, text: string): Buffer => createHmac("sha256", key).update(text).digest();
const sha256 = (bytes: Buffer): Buffer => createHash("sha256").update(bytes).digest();

export function makeVerifier(password: string): Verifier {
  const salt = randomBytes(16);
  const salted = pbkdf2Sync(password.normalize("NFKC"), salt, ITERATIONS, 32, "sha256");
  return {
    salt,
    storedKey: sha256(hmac(salted, "Client Key")),
    serverKey: hmac(salted, "Server Key"),
  };
}

/** One exchange. Each step returns what to send, or undefined if the client is refused. */
export class ScramServer {
  readonly #verifier: Verifier;
  readonly #known: boolean;
  #clientFirstBare = "";
  #gs2 = "";
  #serverFirst = "";
  #nonce = "";

  /** An unknown user gets the same exchange, with a verifier that no password matches. */
  constructor(verifier: Verifier | undefined) {
    this.#known = verifier !== undefined;
    this.#verifier = verifier ?? makeVerifier(randomBytes(16).toString("hex"));
  }

  first(clientFirst: string): string | undefined {
    const parts = /^([ny],[^,]*,)((?:m=[^,]*,)?n=[^,]*,r=([^,]+).*)$/.exec(clientFirst);
    if (!parts?.[1] || !parts[2] || !parts[3]) return undefined;
    this.#gs2 = parts[1];
    this.#clientFirstBare = parts[2];
    this.#nonce = parts[3] + randomBytes(18).toString("base64");
    const salt = this.#verifier.salt.toString("base64");
    this.#serverFirst = `r=${this.#nonce},s=${salt},i=${ITERATIONS}`;
    return this.#serverFirst;
  }

  final(clientFinal: string): string | undefined {
    const parts = /^(c=([^,]+),r=([^,]+)),p=([^,]+)$/.exec(clientFinal);
    if (!parts?.[1] || !parts[2] || !parts[3] || !parts[4]) return undefined;
    const binding = Buffer.from(parts[2], "base64").toString();
    const proof = Buffer.from(parts[4], "base64");
    if (binding !== this.#gs2 || parts[3] !== this.#nonce || proof.length !== 32) return undefined;
    const auth = `${this.#clientFirstBare},${this.#serverFirst},${parts[1]}`;
    const signature = hmac(this.#verifier.storedKey, auth);
    const clientKey = Buffer.from(proof.map((byte, i) => byte ^ (signature[i] as number)));
    if (!timingSafeEqual(sha256(clientKey), this.#verifier.storedKey) || !this.#known) {
      return undefined;
    }
    return `v=${hmac(this.#verifier.serverKey, auth).toString("base64")}`;
  }
}
