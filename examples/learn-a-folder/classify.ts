import { basename, extname } from "node:path";

/** Why a file is not read. */
export type SkipReason =
  | "binary"
  | "ignored"
  | "huge"
  | "hidden"
  | "secret"
  | "generated"
  | "link"
  | "special"
  | "unreadable";

const generatedNames = new Set([
  "package-lock.json",
  "npm-shrinkwrap.json",
  "yarn.lock",
  "pnpm-lock.yaml",
  "bun.lock",
  "deno.lock",
  "cargo.lock",
  "poetry.lock",
  "uv.lock",
  "gemfile.lock",
  "composer.lock",
  "go.sum",
]);
const generatedEndings = /\.(?:min\.(?:js|css)|map|tsbuildinfo|snap|svg|jsonl|ndjson|csv|tsv|log)$/;
const secretNames = /^(?:id_(?:rsa|dsa|ecdsa|ed25519)|.*\.(?:pem|key|p12|pfx|jks|keystore|kdbx))$/;

/** What the name of a file alone says against reading it: nothing worth knowing, or not ours to tell. */
export function skipByName(path: string): SkipReason | null {
  const name = basename(path).toLowerCase();
  if (name.startsWith(".")) return "hidden";
  if (secretNames.test(name)) return "secret";
  if (generatedNames.has(name) || generatedEndings.test(name)) return "generated";
  return null;
}

/** Why a folder is never entered, whatever the ignore files say. */
export function skipFolder(name: string): SkipReason | null {
  if (name === "node_modules") return "ignored";
  return name.startsWith(".") && name !== ".github" ? "hidden" : null;
}

/** Whether the beginning of a file is UTF-8 text. */
export function isText(head: Uint8Array, whole: boolean): boolean {
  if (head.includes(0)) return false;
  try {
    new TextDecoder("utf-8", { fatal: true }).decode(head, { stream: !whole });
    return true;
  } catch {
    return false;
  }
}

/** The language or format of a file, as a tag. */
export function formatOf(path: string): string {
  return extname(path).slice(1, 30).toLowerCase() || "text";
}
