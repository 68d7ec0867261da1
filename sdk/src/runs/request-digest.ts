/** Computes the digest that identifies a request to a model. */

const left = new Set(["headers", "abortSignal", "includeRawChunks"]);

/**
 * SHA-256 of a call's options as JSON with sorted keys, without what differs between tries. Bytes are
 * encoded as base64, so that an image has the same digest as bytes and as base64.
 */
export async function digestOf(options: object): Promise<string> {
  const given = Object.fromEntries(Object.entries(options).filter(([key]) => !left.has(key)));
  const text = JSON.stringify(sorted(given));
  const node = nodeCrypto();
  if (node) return node.createHash("sha256").update(text).digest("hex");
  const hash = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
  return [...new Uint8Array(hash)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

interface Hash {
  update(text: string): { digest(form: "hex"): string };
}
/**
 * Node's hash, if it exists. It hashes synchronously, but WebCrypto would send each text to another thread
 * and back.
 */
const nodeCrypto = () =>
  (
    globalThis as {
      process?: { getBuiltinModule?(name: string): { createHash(of: string): Hash } | undefined };
    }
  ).process?.getBuiltinModule?.("node:crypto");

function sorted(value: unknown): unknown {
  if (value instanceof Uint8Array) return base64(value);
  if (value instanceof URL) return value.href;
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value).filter(([, one]) => one !== undefined);
  entries.sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(entries.map(([key, one]) => [key, sorted(one)]));
}

function base64(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) text += String.fromCharCode(byte);
  return btoa(text);
}
